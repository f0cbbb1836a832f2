//! The index over a [`Reference`]: every spelling under every key it may be looked up by.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::badges::Badge;
use super::guess::Spelling;
use super::matches::How;
use super::normalize;
use super::reference::{Make, Model, Reference};

static SHIPPED: LazyLock<Index> = LazyLock::new(|| Index::new(Reference::shipped().clone()));

/// Words that belong to a model's name but are often left out: "Model 3" → "3", "5 Series" → "5".
const FILLERS: &[&str] = &["model", "series", "class", "серия", "класс", "модель"];

/// A make's place in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MakeId(pub(super) usize);

/// A model's place in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId {
    /// The make it is a model of.
    pub make: MakeId,
    pub(super) model: usize,
}

/// Looks names up in a reference.
#[derive(Debug)]
pub struct Index {
    reference: Reference,
    pub(super) makes: HashMap<String, Vec<(MakeId, How)>>,
    pub(super) make_spellings: Vec<Spelling<MakeId>>,
    pub(super) models: HashMap<String, Vec<(ModelId, How)>>,
    /// By make, in the reference's order.
    pub(super) model_spellings: Vec<Vec<Spelling<ModelId>>>,
    pub(super) badges: Vec<Badge>,
    /// Generation codes and short forms of a make.
    pub(super) codes: HashMap<(MakeId, String), Vec<ModelId>>,
}

impl Index {
    /// Indexes a reference.
    pub fn new(reference: Reference) -> Self {
        let mut index = Self {
            makes: HashMap::new(),
            make_spellings: Vec::new(),
            models: HashMap::new(),
            model_spellings: Vec::new(),
            badges: Vec::new(),
            codes: HashMap::new(),
            reference: Reference::default(),
        };
        for (place, make) in reference.makes.iter().enumerate() {
            index.add_make(MakeId(place), make);
        }
        index.reference = reference;
        index
    }

    /// The index of the reference the program ships.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// What it was made from.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The make an id stands for; ids are made by this index alone, so it exists.
    pub fn make(&self, id: MakeId) -> &Make {
        &self.reference.makes[id.0]
    }

    /// The model an id stands for; ids are made by this index alone, so it exists.
    pub fn model(&self, id: ModelId) -> &Model {
        &self.make(id.make).models[id.model]
    }

    /// Make and model in words: "Toyota Camry".
    pub fn full_name(&self, id: ModelId) -> String {
        format!("{} {}", self.make(id.make).name, self.model(id).name)
    }

    fn add_make(&mut self, id: MakeId, make: &Make) {
        for spelling in make.spellings() {
            let key = normalize::key(spelling);
            add(&mut self.makes, &key, id);
            self.make_spellings.push(Spelling::new(id, &key));
        }
        let mut spellings = Vec::new();
        for (place, model) in make.models.iter().enumerate() {
            let model_id = ModelId { make: id, model: place };
            self.add_model(model_id, model, &mut spellings);
        }
        self.model_spellings.push(spellings);
    }

    fn add_model(&mut self, id: ModelId, model: &Model, spellings: &mut Vec<Spelling<ModelId>>) {
        for spelling in model.spellings() {
            let key = normalize::key(spelling);
            add(&mut self.models, &key, id);
            spellings.push(Spelling::new(id, &key));
            if let Some(bare) = without_filler(spelling) {
                insert(&mut self.models, bare, id, How::Bare);
            }
        }
        for badge in &model.badges {
            let pattern: String =
                badge.to_lowercase().chars().filter(|ch| ch.is_alphanumeric() || *ch == '#').collect();
            self.badges.push(Badge { model: id, pattern });
        }
        for generation in &model.generations {
            for code in generation.code.iter().chain(&generation.also) {
                let models = self.codes.entry((id.make, normalize::key(code))).or_default();
                if !models.contains(&id) {
                    models.push(id);
                }
            }
        }
    }
}

/// Adds a spelling under its key and, if it is Cyrillic, under what it is in Latin letters.
fn add<Id: Copy + PartialEq>(map: &mut HashMap<String, Vec<(Id, How)>>, key: &str, id: Id) {
    insert(map, key.to_owned(), id, How::Spelled);
    for reading in normalize::romanised(key).into_iter().filter(|reading| reading.len() > 2) {
        insert(map, reading, id, How::Transliteration);
    }
}

fn insert<Id: Copy + PartialEq>(map: &mut HashMap<String, Vec<(Id, How)>>, key: String, id: Id, how: How) {
    let entries = map.entry(key).or_default();
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
