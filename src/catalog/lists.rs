//! Brands and models that a category has patterns for, in every order that pages ask for.

use std::sync::{Arc, OnceLock};

use super::patterns::ModelPatterns;
use super::shared::{Shared, fold};
use super::{Catalog, Category, Named};
use crate::domain::error::Result;
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::tenant::{Brand, Language, Model};

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
    brands: Vec<BrandModels>,
    sorted: Sorted,
}

/// A brand that there are patterns for.
#[derive(Debug)]
struct BrandModels {
    /// Its place among all brands.
    brand: usize,
    patterns: i64,
    models: Vec<ModelPatterns>,
    sorted: Sorted,
}

/// Items in each order and language, sorted when first asked for.
#[derive(Debug, Default)]
struct Sorted([[OnceLock<Vec<Listed>>; 2]; Language::ALL.len()]);

/// An item of a sorted list.
#[derive(Debug)]
struct Listed {
    key: SortKey,
    shown: Arc<str>,
    language: Language,
    /// Its place in the list that was sorted.
    place: usize,
}

impl Sorted {
    fn get(&self, asked: Language, order: Order, sort: impl FnOnce() -> Vec<Listed>) -> &[Listed] {
        let of_language = self.0.get(asked as usize).unwrap_or(&self.0[0]);
        let by = &of_language[usize::from(order == Order::Popularity)];
        by.get_or_init(|| {
            let mut items = sort();
            items.sort_by(|a, b| a.key.cmp(&b.key));
            items
        })
    }
}

impl Listed {
    fn new((shown, language): (Arc<str>, Language), slug: &str, patterns: i64, order: Order, place: usize) -> Self {
        let number = if order == Order::Popularity { -patterns } else { 0 };
        Self { key: SortKey { number, text: fold(&shown), id: slug.to_owned() }, shown, language, place }
    }
}

impl Assortment {
    /// Of the models that there are patterns for.
    pub fn new(models: &[ModelPatterns], shared: &Shared) -> Self {
        let mut models: Vec<ModelPatterns> = models.to_vec();
        models.sort_by_key(|model| shared.models.get(model.place).map(|of| of.brand));
        let mut brands: Vec<BrandModels> = Vec::new();
        for model in models {
            let Some(brand) = shared.models.get(model.place).map(|of| of.brand) else { continue };
            if brands.last().is_none_or(|last| last.brand != brand) {
                brands.push(BrandModels { brand, patterns: 0, models: Vec::new(), sorted: Sorted::default() });
            }
            if let Some(last) = brands.last_mut() {
                last.patterns += model.count();
                last.models.push(model);
            }
        }
        Self { brands, sorted: Sorted::default() }
    }

    /// How many patterns there are of a brand, by its place.
    pub fn count_of_brand(&self, brand: usize) -> i64 {
        self.of_brand(brand).map_or(0, |of| of.patterns)
    }

    fn of_brand(&self, brand: usize) -> Option<&BrandModels> {
        let place = self.brands.binary_search_by_key(&brand, |of| of.brand).ok()?;
        self.brands.get(place)
    }
}

impl Catalog {
    /// Brands with an available pattern in the category, of which a name or alias begins with `prefix`.
    pub fn list_brands(
        &self,
        category: &Category<'_>,
        asked: Language,
        prefix: &str,
        order: Order,
        page: &PageRequest,
    ) -> Page<Named<Brand>> {
        let Some(assortment) = self.assortment(category) else {
            return page.page(Vec::new(), 0, |_| SortKey::default());
        };
        let languages = self.languages(asked);
        let listed = |(place, of): (usize, &BrandModels)| {
            let brand = self.shared.brands.get(of.brand)?;
            Some(Listed::new(brand.shown(&languages), &brand.row.slug, of.patterns, order, place))
        };
        let sort = || assortment.brands.iter().enumerate().filter_map(listed).collect();
        let sorted = assortment.sorted.get(asked, order, sort);
        let item = |listed: &Listed| {
            let of = assortment.brands.get(listed.place)?;
            let brand = self.shared.brands.get(of.brand)?;
            Some(Brand {
                slug: brand.row.slug.clone(),
                name: brand.row.name.clone(),
                display_name: listed.shown.to_string(),
                model_count: of.models.len() as i64,
            })
        };
        if prefix.is_empty() {
            return page_of(sorted, page, item);
        }
        let prefix = fold(prefix);
        let begins = |listed: &&Listed| {
            let brand = assortment.brands.get(listed.place).and_then(|of| self.shared.brands.get(of.brand));
            brand.is_some_and(|brand| brand.begins_with(&prefix))
        };
        let found: Vec<&Listed> = sorted.iter().filter(begins).collect();
        page_of(&found, page, |listed| item(listed))
    }

    /// The brand's models with an available pattern in the category; the brand by its place.
    pub fn list_models(
        &self,
        category: &Category<'_>,
        brand: usize,
        asked: Language,
        order: Order,
        page: &PageRequest,
    ) -> Page<Named<Model>> {
        let of = self.assortment(category).and_then(|assortment| assortment.of_brand(brand));
        let (Some(of), Some(brand)) = (of, self.shared.brands.get(brand)) else {
            return page.page(Vec::new(), 0, |_| SortKey::default());
        };
        let languages = self.languages(asked);
        let listed = |(place, of): (usize, &ModelPatterns)| {
            let model = self.shared.models.get(of.place)?;
            Some(Listed::new(model.shown(&languages), &model.row.slug, of.count(), order, place))
        };
        let sort = || of.models.iter().enumerate().filter_map(listed).collect();
        page_of(of.sorted.get(asked, order, sort), page, |listed| {
            let of = of.models.get(listed.place)?;
            let model = self.shared.models.get(of.place)?;
            Some(Model {
                brand: brand.row.slug.clone(),
                slug: model.row.slug.clone(),
                name: model.row.name.clone(),
                display_name: listed.shown.to_string(),
                pattern_count: of.count(),
                year_from: of.years.from,
                year_to: of.years.to,
            })
        })
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

/// One page of what is sorted already.
fn page_of<L, T>(sorted: &[L], page: &PageRequest, item: impl Fn(&Listed) -> Option<T>) -> Page<Named<T>>
where
    L: std::borrow::Borrow<Listed>,
{
    let begin = page.after.as_ref().map_or(0, |after| sorted.partition_point(|listed| listed.borrow().key <= *after));
    let rest = sorted.iter().skip(begin).skip(usize::try_from(page.skip).unwrap_or(usize::MAX));
    let rows: Vec<&Listed> = rest.take(usize::try_from(page.limit()).unwrap_or(0)).map(L::borrow).collect();
    let Page { items, next, total } = page.page(rows, sorted.len() as i64, |listed| listed.key.clone());
    let items = items.into_iter().filter_map(|listed| Some((item(listed)?, listed.language))).collect();
    Page { items, next, total }
}
