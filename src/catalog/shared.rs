//! What all catalogs share: categories, options, bodies, brands, models and shared texts, prepared to be looked up.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use lekalo_vehicles::Reference;
use unicode_normalization::UnicodeNormalization as _;

use crate::domain::catalog::{BodyRow, BrandRow, CategoryRow, ModelRow, Names, OptionRow, SharedRows, TextRow};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::pattern::{Generation, Known};
use crate::domain::tenant::Language;
use crate::domain::vehicle::Years;

/// What all catalogs share, at one version.
#[derive(Debug)]
pub struct Shared {
    pub version: i64,
    pub categories: HashMap<i64, CategoryRow>,
    /// By code and by alias, the code of one before the alias of another.
    category_ids: HashMap<String, i64>,
    options: HashMap<i64, Vec<OptionRow>>,
    pub bodies: Vec<BodyRow>,
    pub brands: Vec<Brand>,
    brand_places: HashMap<String, usize>,
    pub models: Vec<Model>,
    model_places: HashMap<i64, usize>,
    pub texts: Vec<TextRow>,
    pub texts_version: String,
}

#[derive(Debug)]
pub struct Brand {
    pub row: BrandRow,
    pub called: Called,
    /// Other ways to write it, as prefixes are compared.
    aliases: Vec<String>,
    models: HashMap<String, usize>,
}

/// What a brand or a model is called, with how that is compared.
#[derive(Debug)]
pub struct Called {
    names: Names,
    own: Arc<str>,
    folded_names: Names,
    folded_own: Arc<str>,
}

/// A name to show, as it is compared, and its language.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub name: &'a Arc<str>,
    pub folded: &'a str,
    pub language: Language,
}

#[derive(Debug)]
pub struct Model {
    pub row: ModelRow,
    pub called: Called,
    /// Its brand's place.
    pub brand: usize,
    reference: OnceLock<ModelReference>,
}

/// What the shipped reference knows of a model.
#[derive(Debug)]
struct ModelReference {
    model: Option<&'static lekalo_vehicles::Model>,
    generations: Vec<Generation>,
}

impl Shared {
    pub fn new(version: i64, rows: SharedRows) -> Self {
        let SharedRows { categories, options, bodies, brands, models, texts, texts_version } = rows;
        let aliases = categories.iter().flat_map(|row| row.aliases.iter().map(|alias| (alias.clone(), row.id)));
        let mut category_ids: HashMap<String, i64> = aliases.collect();
        category_ids.extend(categories.iter().map(|row| (row.code.clone(), row.id)));

        let mut by_category: HashMap<i64, Vec<OptionRow>> = HashMap::new();
        for option in options {
            by_category.entry(option.category_id).or_default().push(option);
        }
        let mut brands: Vec<Brand> = brands.into_iter().map(Brand::new).collect();
        let places: HashMap<i64, usize> =
            brands.iter().enumerate().map(|(place, brand)| (brand.row.id, place)).collect();
        // Each model has a brand that there is.
        let with_brand = |row: ModelRow| {
            let (brand, called) = (*places.get(&row.brand_id)?, Called::new(&row.names, &row.name));
            Some(Model { row, called, brand, reference: OnceLock::new() })
        };
        let models: Vec<Model> = models.into_iter().filter_map(with_brand).collect();
        for (place, model) in models.iter().enumerate() {
            if let Some(brand) = brands.get_mut(model.brand) {
                brand.models.insert(model.row.slug.clone(), place);
            }
        }
        Self {
            version,
            category_ids,
            categories: categories.into_iter().map(|row| (row.id, row)).collect(),
            options: by_category,
            bodies,
            brand_places: brands.iter().enumerate().map(|(place, brand)| (brand.row.slug.clone(), place)).collect(),
            brands,
            model_places: models.iter().enumerate().map(|(place, model)| (model.row.id, place)).collect(),
            models,
            texts,
            texts_version,
        }
    }

    /// The category of that code or alias.
    pub fn find_category(&self, name: &str) -> Result<&CategoryRow> {
        let found = self.category_ids.get(name).and_then(|id| self.categories.get(id));
        found.ok_or_else(|| Error::not_found(Kind::Category, name))
    }

    /// The place of the brand of that slug.
    pub fn find_brand(&self, slug: &str) -> Result<usize> {
        self.brand_places.get(slug).copied().ok_or_else(|| Error::not_found(Kind::Brand, slug))
    }

    /// The place of the model of these slugs.
    pub fn find_model(&self, brand: &str, model: &str) -> Result<usize> {
        let brand = self.brands.get(self.find_brand(brand)?);
        let place = brand.and_then(|brand| brand.models.get(model)).copied();
        place.ok_or_else(|| Error::not_found(Kind::Model, model))
    }

    /// The place of a model by its id.
    pub fn place_of_model(&self, id: i64) -> Option<usize> {
        self.model_places.get(&id).copied()
    }

    /// A category's options.
    pub fn options_of(&self, category_id: i64) -> &[OptionRow] {
        self.options.get(&category_id).map_or(&[], Vec::as_slice)
    }
}

impl Brand {
    fn new(row: BrandRow) -> Self {
        let aliases = row.aliases.iter().map(|alias| fold(alias)).collect();
        Self { called: Called::new(&row.names, &row.name), row, aliases, models: HashMap::new() }
    }

    /// Whether a name or an alias of it begins so, as [`fold`] writes it.
    pub fn begins_with(&self, prefix: &str) -> bool {
        let Called { folded_names, folded_own, .. } = &self.called;
        folded_names.all().any(|name| name.starts_with(prefix))
            || folded_own.starts_with(prefix)
            || self.aliases.iter().any(|alias| alias.starts_with(prefix))
    }
}

impl Called {
    fn new(names: &Names, own: &str) -> Self {
        let mut folded_names = Names::default();
        for language in Language::ALL {
            if let Some(name) = names.get(*language) {
                folded_names.set(*language, fold(name));
            }
        }
        Self { names: names.clone(), own: own.into(), folded_names, folded_own: fold(own).into() }
    }

    /// In the first language that it has a name in; English is what it calls itself. With none of them it is that, in the
    /// language that was asked for.
    pub fn shown(&self, languages: &[Language]) -> Shown<'_> {
        let own = |language| Shown { name: &self.own, folded: &self.folded_own, language };
        let in_language = |language: &Language| match (self.names.get(*language), self.folded_names.get(*language)) {
            (Some(name), Some(folded)) => Some(Shown { name, folded, language: *language }),
            _ => (*language == Language::En).then(|| own(*language)),
        };
        let asked = || own(languages.first().copied().unwrap_or_default());
        languages.iter().find_map(in_language).unwrap_or_else(asked)
    }
}

impl Model {
    /// Does something with what the reference knows of it.
    pub fn known<T>(&self, shared: &Shared, with: impl FnOnce(&Known<'_>) -> T) -> T {
        let reference = self.reference.get_or_init(|| {
            let brand = shared.brands.get(self.brand).map(|brand| brand.row.slug.as_str());
            let model = Reference::shipped().find_model(brand.unwrap_or_default(), &self.row.slug);
            ModelReference { model, generations: model.map(generations).unwrap_or_default() }
        });
        let model = reference.model;
        let bodies = |generation: &str| model.map(|model| model.bodies(generation, None)).unwrap_or_default();
        with(&Known { bodies: &bodies, generations: &reference.generations })
    }
}

fn generations(model: &lekalo_vehicles::Model) -> Vec<Generation> {
    let generation = |generation: &lekalo_vehicles::Generation| Generation {
        names: generation.names().map(|name| name.to_uppercase()).collect(),
        years: Years { from: generation.from, to: generation.to },
    };
    model.generations.iter().map(generation).collect()
}

/// As names are compared: ё is е, and neither case nor how a letter is put together matters.
pub fn fold(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase().replace('ё', "е")
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn a_name_is_the_same_however_its_letters_are_put_together() {
        for (one, other) in [("Ё", "е\u{308}"), ("Йети", "и\u{306}ети"), ("ＢＭＷ", "bmw"), ("Škoda", "s\u{30c}koda")]
        {
            assert_eq!(fold(one), fold(other));
        }
    }
}
