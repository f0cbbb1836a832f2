//! A category's available patterns, compact, and those of them that are for a car.
//!
//! A shop with a million of them has 16 bytes for each: patterns for the same car stand together, as do those of a model, and
//! whether they fit is asked of the car they are for.

use std::collections::HashMap;
use std::mem::size_of;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::shared::Shared;
use super::{Catalog, Category};
use crate::domain::catalog::{PatternRow, PatternRows, Variant};
use crate::domain::pattern::{self, Cut, MadeFor, Nearness, Pattern, Verdict, Wanted};
use crate::domain::vehicle::{Attributes, Steering, Years};

/// A category's available patterns, by model.
#[derive(Debug, Default)]
pub struct Stock {
    made_for: Vec<Arc<MadeFor>>,
    notes: Vec<Arc<str>>,
    entries: Vec<Entry>,
    cuts: Vec<CutEntries>,
    models: Vec<StockedModel>,
}

/// One pattern.
#[derive(Debug)]
struct Entry {
    id: i64,
    notes: u32,
    attributes: Attributes,
}

/// Patterns for the same car, oldest first.
#[derive(Debug)]
struct CutEntries {
    made_for: u32,
    steering: Option<Steering>,
    entries: Range<u32>,
}

/// A model's patterns.
#[derive(Debug, Clone)]
struct StockedModel {
    id: i64,
    cuts: Range<u32>,
    entries: Range<u32>,
    years: Years,
}

/// How many patterns there are of a model, and for which years.
#[derive(Debug, Clone)]
pub struct ModelPatterns {
    /// The model's place among all models.
    pub place: u32,
    /// From the first to the last; an end that some pattern leaves open is open.
    pub years: Years,
    pub count: u32,
}

/// What patterns are for, shared by all who have one for it: most shops have patterns for the same cars.
#[derive(Debug, Default)]
pub struct Variants(Mutex<HashMap<i64, Weak<MadeFor>>>);

impl Variants {
    fn get(&self, id: i64, variant: Option<&Variant>) -> Arc<MadeFor> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&id).and_then(Weak::upgrade) {
            return known;
        }
        // What nobody has any more goes when there is no room for more.
        if known.len() == known.capacity() {
            known.retain(|_, made_for| made_for.strong_count() > 0);
        }
        let Variant { generation, years, body_type } = variant.cloned().unwrap_or_default();
        let made_for = Arc::new(MadeFor::new(generation, years, body_type));
        known.insert(id, Arc::downgrade(&made_for));
        made_for
    }
}

/// The answer for a car.
pub struct Found<'a> {
    pub verdict: Verdict,
    /// The nearest first, as many as were asked for.
    pub patterns: Vec<Chosen<'a>>,
    /// How many there are in all.
    pub total: usize,
}

/// A pattern and how near it is to what is wanted.
pub struct Chosen<'a> {
    pub nearness: Nearness,
    made_for: &'a MadeFor,
    entry: &'a Entry,
    notes: &'a str,
}

impl Stock {
    /// Of rows as they are read: sorted by model, then by car.
    pub fn new(rows: PatternRows, known: &Variants) -> Self {
        let mut stock = Self { entries: Vec::with_capacity(rows.patterns.len()), ..Self::default() };
        let (mut variants, mut notes) = (HashMap::new(), HashMap::new());
        for PatternRow { id, model_id, variant_id, attributes, notes: said } in rows.patterns {
            let made_for = *variants.entry(variant_id).or_insert_with(|| {
                stock.made_for.push(known.get(variant_id, rows.variants.get(&variant_id)));
                stock.made_for.len() as u32 - 1
            });
            let notes = *notes.entry(said).or_insert_with_key(|said| {
                stock.notes.push(said.clone());
                stock.notes.len() as u32 - 1
            });
            stock.push(model_id, made_for, Entry { id, notes, attributes });
        }
        stock.made_for.shrink_to_fit();
        stock.notes.shrink_to_fit();
        stock.cuts.shrink_to_fit();
        stock.models.shrink_to_fit();
        stock
    }

    fn push(&mut self, model_id: i64, made_for: u32, entry: Entry) {
        let (place, steering) = (self.entries.len() as u32, entry.attributes.steering);
        self.entries.push(entry);
        let years = self.made_for.get(made_for as usize).map(|made_for| made_for.years).unwrap_or_default();
        let is_another = self.models.last().is_none_or(|model| model.id != model_id);
        if is_another {
            let cuts = self.cuts.len() as u32..self.cuts.len() as u32;
            self.models.push(StockedModel { id: model_id, cuts, entries: place..place, years });
        }
        let same = |cut: &&mut CutEntries| !is_another && (cut.made_for, cut.steering) == (made_for, steering);
        match self.cuts.last_mut().filter(same) {
            Some(cut) => cut.entries.end = place + 1,
            None => self.cuts.push(CutEntries { made_for, steering, entries: place..place + 1 }),
        }
        if let Some(model) = self.models.last_mut() {
            model.cuts.end = self.cuts.len() as u32;
            model.entries.end = place + 1;
            model.years = if is_another { span(years) } else { wider(model.years, span(years)) };
        }
    }

    /// What there is of each model.
    pub fn models(&self, shared: &Shared) -> Vec<ModelPatterns> {
        let model = |model: &StockedModel| {
            let count = model.entries.end - model.entries.start;
            Some(ModelPatterns { place: shared.place_of_model(model.id)? as u32, years: shown(model.years), count })
        };
        self.models.iter().filter_map(model).collect()
    }

    fn of_model(&self, id: i64) -> Option<&StockedModel> {
        let place = self.models.binary_search_by_key(&id, |model| model.id).ok()?;
        self.models.get(place)
    }

    /// How many patterns there are of a model, by its id.
    pub fn count_of_model(&self, id: i64) -> i64 {
        self.of_model(id).map_or(0, |model| (model.entries.end - model.entries.start).into())
    }

    /// The bytes it takes, about.
    pub fn weight(&self) -> usize {
        let notes: usize = self.notes.iter().map(|notes| notes.len() + NOTES).sum();
        self.entries.len() * size_of::<Entry>()
            + self.cuts.len() * size_of::<CutEntries>()
            + self.models.len() * size_of::<StockedModel>()
            + self.made_for.len() * size_of::<Arc<MadeFor>>()
            + notes
    }
}

/// What an allocated text takes beside itself, with the pointer to it.
const NOTES: usize = 48;

/// The years of one pattern as they widen a model's: what begins nowhere begins where it ends; what has no year at all widens
/// nothing, and what ends nowhere leaves the end open.
fn span(years: Years) -> Years {
    let open = years.from.is_some() && years.to.is_none();
    Years { from: years.from.or(years.to), to: if open { Some(OPEN) } else { years.to } }
}

/// No year of ours: an end that is open.
const OPEN: i16 = i16::MAX;

fn wider(a: Years, b: Years) -> Years {
    let least = a.from.into_iter().chain(b.from).min();
    Years { from: least, to: a.to.into_iter().chain(b.to).max() }
}

fn shown(years: Years) -> Years {
    Years { from: years.from, to: years.to.filter(|year| *year != OPEN) }
}

impl Catalog {
    /// The patterns of a category's model, by its place, that cover the wanted car, or all of them: at most so many.
    pub fn find_patterns<'a>(
        &'a self,
        category: &Category<'_>,
        model: usize,
        wanted: &Wanted,
        most: usize,
    ) -> Found<'a> {
        let nothing = Found { verdict: Verdict::NotFound, patterns: Vec::new(), total: 0 };
        let (Some(stock), Some(model)) = (self.stock(category), self.shared.models.get(model)) else { return nothing };
        let Some(stocked) = stock.of_model(model.row.id) else { return nothing };
        let cut = |cut: &'a CutEntries| {
            let made_for = stock.made_for.get(cut.made_for as usize)?;
            Some((Cut { made_for, steering: cut.steering }, cut))
        };
        let cuts = stocked.cuts.start as usize..stocked.cuts.end as usize;
        let cuts = stock.cuts.get(cuts).unwrap_or_default().iter().filter_map(cut);
        let (verdict, chosen) = model.known(&self.shared, |known| pattern::choose(wanted, known, cuts));
        let total = chosen.iter().map(|(.., cut)| cut.entries.len()).sum();

        // Among cuts that are as near the oldest patterns come first, whichever cut they are of.
        let mut patterns = Vec::with_capacity(most.min(total));
        for as_near in chosen.chunk_by(|(a, ..), (b, ..)| a == b) {
            let begin = patterns.len();
            for (nearness, Cut { made_for, .. }, cut) in as_near {
                let entries = cut.entries.start as usize..cut.entries.end as usize;
                let entries = stock.entries.get(entries).unwrap_or_default().iter().take(most - begin);
                patterns.extend(entries.map(|entry| Chosen {
                    nearness: *nearness,
                    made_for,
                    entry,
                    notes: stock.notes.get(entry.notes as usize).map_or("", |notes| notes),
                }));
            }
            patterns[begin..].sort_by_key(|chosen| chosen.entry.id);
            patterns.truncate(most);
            if patterns.len() == most {
                break;
            }
        }
        Found { verdict, patterns, total }
    }

    /// How many available patterns there are of a car, by slugs, of all the brand's models where the model is empty; in one
    /// category or in all of them.
    pub fn count_patterns(&self, category: Option<&Category<'_>>, brand: &str, model: &str) -> i64 {
        let of = |category: &Category<'_>| -> Option<i64> {
            if model.is_empty() {
                return Some(self.assortment(category)?.count_of_brand(self.shared.find_brand(brand).ok()?));
            }
            let model = self.shared.models.get(self.shared.find_model(brand, model).ok()?)?;
            Some(self.stock(category)?.count_of_model(model.row.id))
        };
        match category {
            Some(category) => of(category).unwrap_or_default(),
            None => self.categories().filter_map(|category| of(&category)).sum(),
        }
    }
}

impl Chosen<'_> {
    /// The pattern whole; `brand` and `model` are its car's slugs.
    pub fn pattern(&self, brand: &str, model: &str) -> Pattern {
        Pattern {
            id: self.entry.id,
            brand: brand.to_owned(),
            model: model.to_owned(),
            generation: self.made_for.generation.to_string(),
            years: self.made_for.years,
            body_type: self.made_for.body_type,
            attributes: self.entry.attributes,
            available: true,
            notes: self.notes.to_owned(),
        }
    }
}
