//! The index over a [`Reference`]: every spelling under every key it may be looked up by.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::badges::Badge;
use super::fuzzy::Spellings;
use super::matches::MatchKind;
use super::nicknames::KNOWN;
use super::normalize;
use super::reference::{Brand, Model, Reference};
use super::transliteration;
use crate::vehicle::slug;

static SHIPPED: LazyLock<Index> = LazyLock::new(|| Index::new(Reference::shipped().clone()));

/// Words that belong to a model's name but are often left out: "Model 3" → "3", "5 Series" → "5".
pub(super) const FILLERS: &[&str] =
    &["model", "series", "class", "klass", "klasse", "серия", "класс", "клас", "модель"];

/// A brand's place in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrandId(pub(super) usize);

/// A model's place in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId {
    /// The brand it is a model of.
    pub brand: BrandId,
    pub(super) model: usize,
}

/// Looks names up in a reference. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Index {
    reference: Arc<Reference>,
    pub(super) names: Arc<Names>,
}

/// Spellings by key.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub brands: HashMap<String, Vec<(BrandId, MatchKind)>>,
    pub brand_spellings: Spellings<BrandId>,
    /// Spellings of brands in every alphabet, sorted.
    pub brand_forms: Vec<(String, BrandId)>,
    pub models: HashMap<String, Vec<(ModelId, MatchKind)>>,
    pub model_spellings: Spellings<ModelId>,
    pub badges: Vec<Badge>,
    /// Generation codes and short forms.
    pub codes: HashMap<String, Vec<ModelId>>,
    /// Spellings of well-known models, sorted: what nicknames are made from.
    pub familiar: Vec<(String, ModelId)>,
}

impl Index {
    /// Indexes a reference.
    pub fn new(reference: Reference) -> Self {
        let mut names = Names::default();
        for (place, brand) in reference.brands.iter().enumerate() {
            names.add_brand(BrandId(place), brand);
        }
        names.finish();
        Self { reference: Arc::new(reference), names: Arc::new(names) }
    }

    /// The index of the reference the program ships.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// What it was made from.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The brand an id stands for; ids are made by this index alone, so it exists.
    pub fn brand(&self, id: BrandId) -> &Brand {
        &self.reference.brands[id.0]
    }

    /// The model an id stands for; ids are made by this index alone, so it exists.
    pub fn model(&self, id: ModelId) -> &Model {
        &self.brand(id.brand).models[id.model]
    }

    /// The brand of a slug.
    pub(crate) fn find_brand_slug(&self, brand: &str) -> Option<BrandId> {
        self.reference.brands.iter().position(|it| slug(&it.name) == brand).map(BrandId)
    }

    /// Whether two brands sell some of the same cars: either lists the other.
    pub fn are_sisters(&self, one: BrandId, other: BrandId) -> bool {
        let lists = |one: BrandId, other: BrandId| self.brand(one).sisters.contains(&self.brand(other).name);
        lists(one, other) || lists(other, one)
    }

    /// Brand and model in words: "Toyota Camry".
    pub fn full_name(&self, id: ModelId) -> String {
        format!("{} {}", self.brand(id.brand).name, self.model(id).name)
    }
}

impl Names {
    fn add_brand(&mut self, id: BrandId, brand: &Brand) {
        for spelling in brand.spellings() {
            self.add_brand_spelling(id, spelling);
        }
        for (place, model) in brand.models.iter().enumerate() {
            self.add_model(ModelId { brand: id, model: place }, model);
        }
    }

    fn add_brand_spelling(&mut self, id: BrandId, spelling: &str) {
        let key = normalize::key(spelling);
        add(&mut self.brands, &key, id);
        self.brand_spellings.add(id, &key);
    }

    fn add_model(&mut self, id: ModelId, model: &Model) {
        for spelling in model.spellings() {
            self.add_model_spelling(id, spelling);
            if model.popularity() >= KNOWN {
                self.familiar.push((normalize::key(spelling), id));
            }
        }
        for badge in &model.badges {
            let pattern: String =
                badge.to_lowercase().chars().filter(|ch| ch.is_alphanumeric() || *ch == '#').collect();
            self.badges.push(Badge { model: id, pattern });
        }
        for generation in &model.generations {
            for code in generation.code.iter().chain(&generation.also) {
                let models = self.codes.entry(normalize::key(code)).or_default();
                if !models.contains(&id) {
                    models.push(id);
                }
            }
        }
    }

    fn add_model_spelling(&mut self, id: ModelId, spelling: &str) {
        let key = normalize::key(spelling);
        if key.is_empty() {
            return;
        }
        add(&mut self.models, &key, id);
        self.model_spellings.add(id, &key);
        if let Some(bare) = without_filler(spelling) {
            insert(&mut self.models, bare, id, MatchKind::Bare);
        }
    }

    /// Once all spellings are in.
    fn finish(&mut self) {
        self.brand_spellings.finish();
        let brands = self.brand_spellings.at(self.brand_spellings.all_places());
        let forms = brands.iter().flat_map(|it| it.forms().map(|form| (form.text().to_owned(), it.id)));
        self.brand_forms = forms.collect();
        self.brand_forms.sort();
        self.model_spellings.finish();
        self.familiar.sort();
    }
}

/// Adds a spelling under its key and, if it is Cyrillic, under what it is in Latin letters.
fn add<Id: Copy + PartialEq>(map: &mut HashMap<String, Vec<(Id, MatchKind)>>, key: &str, id: Id) {
    insert(map, key.to_owned(), id, MatchKind::Spelled);
    // Letters called by their names before a number only sound like a Latin name: "эс 90" is not for certain ES90.
    let letters = key.chars().filter(|ch| ch.is_alphabetic()).count();
    let is_code = letters <= 3 && letters < key.chars().count();
    let how = if is_code { MatchKind::Sound } else { MatchKind::Transliteration };
    for reading in transliteration::romanised(key).into_iter().filter(|reading| reading.len() > 2) {
        insert(map, reading, id, how);
    }
}

fn insert<Id: Copy + PartialEq>(map: &mut HashMap<String, Vec<(Id, MatchKind)>>, key: String, id: Id, how: MatchKind) {
    // Most keys name one car.
    let entries = map.entry(key).or_insert_with(|| Vec::with_capacity(1));
    match entries.iter_mut().find(|(known, _)| *known == id) {
        Some((_, known)) => *known = (*known).min(how),
        None => entries.push((id, how)),
    }
}

/// The name without "Model", "Series", "Class", if anything remains.
fn without_filler(spelling: &str) -> Option<String> {
    let words = super::words::words(spelling);
    let rest: String =
        words.iter().filter(|word| !FILLERS.contains(&word.key.as_str())).map(|word| word.key.as_str()).collect();
    (!rest.is_empty() && words.iter().any(|word| FILLERS.contains(&word.key.as_str()))).then_some(rest)
}
