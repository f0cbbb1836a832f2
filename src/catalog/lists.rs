//! Brands and models that a category has patterns for, in every order that pages ask for.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::OnceLock;

use super::patterns::ModelPatterns;
use super::shared::{Shared, Shown, fold};
use super::{Catalog, Category, Named};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::tenant::{Brand, Language, Model};
use crate::domain::vehicle::Years;

/// How a list of brands or models is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By the name shown.
    #[default]
    Name,
    /// Most patterns first, then by name.
    Popularity,
}

/// One category's brands, with their models.
#[derive(Debug, Default)]
pub struct Assortment {
    /// By their place among all brands.
    brands: Vec<BrandModels>,
    sorted: Sorted,
}

/// A brand that there are patterns for.
#[derive(Debug)]
struct BrandModels {
    /// Its place among all brands.
    brand: u32,
    patterns: u32,
    models: Vec<ModelPatterns>,
    sorted: Sorted,
}

/// Items in each order and language, by their places, sorted when first asked for.
#[derive(Debug, Default)]
struct Sorted([[OnceLock<Box<[u32]>>; 2]; Language::ALL.len()]);

/// What an item of a list is sorted by, and shown as.
#[derive(Debug, Clone, Copy)]
struct Item<'a> {
    shown: Shown<'a>,
    slug: &'a str,
    patterns: i64,
}

impl Item<'_> {
    fn key(&self, order: Order) -> (i64, &str, &str) {
        (if order == Order::Popularity { -self.patterns } else { 0 }, self.shown.folded, self.slug)
    }
}

impl Sorted {
    fn get<'a>(&self, asked: Language, order: Order, count: usize, item: impl Fn(u32) -> Option<Item<'a>>) -> &[u32] {
        let of_language = self.0.get(asked as usize).unwrap_or(&self.0[0]);
        let by = &of_language[usize::from(order == Order::Popularity)];
        by.get_or_init(|| {
            let mut items: Vec<(u32, Item<'a>)> =
                (0..count as u32).filter_map(|place| Some((place, item(place)?))).collect();
            items.sort_by(|(_, a), (_, b)| a.key(order).cmp(&b.key(order)));
            items.into_iter().map(|(place, _)| place).collect()
        })
    }
}

impl Assortment {
    /// Of the models that there are patterns for.
    pub fn new(mut models: Vec<ModelPatterns>, shared: &Shared) -> Self {
        let brand_of = |model: &ModelPatterns| shared.models.get(model.place as usize).map(|of| of.brand as u32);
        models.sort_by_key(brand_of);
        let of_one_brand = |models: &[ModelPatterns]| {
            Some(BrandModels {
                brand: brand_of(models.first()?)?,
                patterns: models.iter().map(|model| model.count).sum(),
                models: models.to_vec(),
                sorted: Sorted::default(),
            })
        };
        let brands = models.chunk_by(|a, b| brand_of(a) == brand_of(b)).filter_map(of_one_brand);
        Self { brands: brands.collect(), sorted: Sorted::default() }
    }

    /// Of every model that there is, those without patterns too.
    fn whole(&self, shared: &Shared) -> Self {
        let mut known: HashMap<u32, ModelPatterns> =
            self.brands.iter().flat_map(|of| &of.models).map(|model| (model.place, model.clone())).collect();
        let all = (0..shared.models.len() as u32)
            .map(|place| known.remove(&place).unwrap_or(ModelPatterns { place, years: Years::default(), count: 0 }));
        Self::new(all.collect(), shared)
    }

    /// How many patterns there are of a brand, by its place.
    pub fn count_of_brand(&self, brand: usize) -> i64 {
        self.of_brand(brand).map_or(0, |of| of.patterns.into())
    }

    fn of_brand(&self, brand: usize) -> Option<&BrandModels> {
        let place = self.brands.binary_search_by_key(&brand, |of| of.brand as usize).ok()?;
        self.brands.get(place)
    }

    /// The bytes it takes, about, once every list was asked for in two languages.
    pub fn weight(&self) -> usize {
        let listed = 4 * size_of::<u32>();
        let models: usize = self.brands.iter().map(|of| of.models.len()).sum();
        self.brands.len() * (size_of::<BrandModels>() + listed) + models * (size_of::<ModelPatterns>() + listed)
    }
}

impl Catalog {
    /// Brands with an available pattern in the category, or `all`, of which a name or alias begins with `prefix`.
    pub fn list_brands(
        &self,
        category: &Category<'_>,
        all: bool,
        asked: Language,
        prefix: &str,
        order: Order,
        page: &PageRequest,
    ) -> Page<Named<Brand>> {
        let Some(stocked) = self.assortment(category) else { return nothing(page) };
        let whole = all.then(|| stocked.whole(&self.shared));
        let assortment = whole.as_ref().unwrap_or(stocked);
        let languages = self.languages(asked);
        let at = |place: u32| {
            let of = assortment.brands.get(place as usize)?;
            Some((of, self.shared.brands.get(of.brand as usize)?))
        };
        let item = |place: u32| {
            let (of, brand) = at(place)?;
            let patterns = of.patterns.into();
            Some(Item { shown: brand.called.shown(&languages), slug: &brand.row.slug, patterns })
        };
        let row = |place: u32, shown: Shown<'_>| {
            let (of, brand) = at(place)?;
            Some(Brand {
                slug: brand.row.slug.clone(),
                name: brand.row.name.clone(),
                display_name: shown.name.to_string(),
                model_count: of.models.len() as i64,
            })
        };
        let sorted = assortment.sorted.get(asked, order, assortment.brands.len(), item);
        if prefix.is_empty() {
            return page_of(sorted, order, page, item, row);
        }
        let prefix = fold(prefix);
        let begins = |place: &u32| at(*place).is_some_and(|(_, brand)| brand.begins_with(&prefix));
        let found: Vec<u32> = sorted.iter().copied().filter(begins).collect();
        page_of(&found, order, page, item, row)
    }

    /// The brand's models with an available pattern in the category, or `all`; the brand by its place.
    pub fn list_models(
        &self,
        category: &Category<'_>,
        all: bool,
        brand: usize,
        asked: Language,
        order: Order,
        page: &PageRequest,
    ) -> Page<Named<Model>> {
        let Some(stocked) = self.assortment(category) else { return nothing(page) };
        let whole = all.then(|| stocked.whole(&self.shared));
        let of = whole.as_ref().unwrap_or(stocked).of_brand(brand);
        let (Some(of), Some(brand)) = (of, self.shared.brands.get(brand)) else { return nothing(page) };
        let languages = self.languages(asked);
        let at = |place: u32| {
            let of = of.models.get(place as usize)?;
            Some((of, self.shared.models.get(of.place as usize)?))
        };
        let item = |place: u32| {
            let (of, model) = at(place)?;
            Some(Item { shown: model.called.shown(&languages), slug: &model.row.slug, patterns: of.count.into() })
        };
        let row = |place: u32, shown: Shown<'_>| {
            let (of, model) = at(place)?;
            Some(Model {
                brand: brand.row.slug.clone(),
                slug: model.row.slug.clone(),
                name: model.row.name.clone(),
                display_name: shown.name.to_string(),
                pattern_count: of.count.into(),
                year_from: of.years.from,
                year_to: of.years.to,
            })
        };
        let sorted = of.sorted.get(asked, order, of.models.len(), item);
        page_of(sorted, order, page, item, row)
    }

    /// A brand and a model of it, without what there is for them.
    ///
    /// # Errors
    /// `NotFound` where the reference has no such brand, or no such model of it.
    pub fn name_model(&self, brand: &str, model: &str, asked: Language) -> Result<(Named<Brand>, Named<Model>)> {
        let place = self.find_model(brand, model)?;
        let model = self.shared.models.get(place).ok_or_else(|| Error::not_found(Kind::Model, model))?;
        let brand = self.shared.brands.get(model.brand).ok_or_else(|| Error::not_found(Kind::Brand, brand))?;
        let languages = self.languages(asked);
        let (of_brand, of_model) = (brand.called.shown(&languages), model.called.shown(&languages));
        let named_brand = Brand {
            slug: brand.row.slug.clone(),
            name: brand.row.name.clone(),
            display_name: of_brand.name.to_string(),
            model_count: 0,
        };
        let named_model = Model {
            brand: brand.row.slug.clone(),
            slug: model.row.slug.clone(),
            name: model.row.name.clone(),
            display_name: of_model.name.to_string(),
            pattern_count: 0,
            year_from: None,
            year_to: None,
        };
        Ok(((named_brand, of_brand.language), (named_model, of_model.language)))
    }

    /// The place of the brand of that slug.
    ///
    /// # Errors
    /// `NotFound` where the reference has none.
    pub fn find_brand(&self, slug: &str) -> Result<usize> {
        self.shared.find_brand(slug)
    }

    /// The place of the model of these slugs.
    ///
    /// # Errors
    /// `NotFound` where the reference has no such brand, or no such model of it.
    pub fn find_model(&self, brand: &str, model: &str) -> Result<usize> {
        self.shared.find_model(brand, model)
    }
}

/// One page of what is sorted already, by places.
fn page_of<'a, T>(
    sorted: &[u32],
    order: Order,
    page: &PageRequest,
    item: impl Fn(u32) -> Option<Item<'a>>,
    row: impl Fn(u32, Shown<'a>) -> Option<T>,
) -> Page<Named<T>> {
    let begin = page.after.as_ref().map_or(0, |SortKey { number, text, id }| {
        let after = (*number, text.as_str(), id.as_str());
        sorted.partition_point(|place| item(*place).is_some_and(|item| item.key(order) <= after))
    });
    let rest = sorted.iter().skip(begin).skip(usize::try_from(page.skip).unwrap_or(usize::MAX));
    let rest = rest.take(usize::try_from(page.limit()).unwrap_or(0));
    let items = rest.filter_map(|place| Some((*place, item(*place)?))).collect();
    let Page { items, next, total, .. } = page.page_of_small(items, sorted.len() as i64, |(_, item)| {
        let (number, text, id) = item.key(order);
        SortKey { number, text: text.to_owned(), id: id.to_owned() }
    });
    let rows = items.into_iter().filter_map(|(place, item)| Some((row(place, item.shown)?, item.shown.language)));
    Page { items: rows.collect(), next, total, key: None }
}

fn nothing<T>(page: &PageRequest) -> Page<T> {
    page.page(Vec::new(), 0, |_| SortKey::default())
}
