//! Which car a customer means: "камри 70", "rfvhb", "спринтерге полик канча турат", "срв 3".
//!
//! Pure, over an [`Index`]. A text goes this way:
//!
//! 1. `text` cuts it into words (`glued`: two names in one), leaves out cars that are not meant (`asides`), reads numbers and letters said
//!    in words (`numerals`, `letters`) and tells what names no car ([`stop_words`]) from what may be a name;
//! 2. `candidates` finds the brands and models that runs of words may name, in any alphabet and layout, with endings, with typos;
//! 3. `numbers` reads what is left for each model: generation and year;
//! 4. `ranking` weighs what speaks for and against each; a name that is an everyday word as well (a homograph) must be spoken
//!    of as a car;
//! 5. `decision` says whether the best is meant, several may be, or none.
//!
//! Other texts to be understood are mostly new lines in `data/vehicles.toml` (spellings) and [`stop_words`] (words that name no car).

mod asides;
mod candidates;
mod decision;
mod glued;
mod guesses;
mod hits;
mod letters;
mod mentions;
mod numbers;
mod numerals;
mod ranking;
mod reason;
mod stop_words;
mod text;

use super::Language;
use super::index::{BrandId, Index, ModelId};
use super::words::words;
use decision::Interpretation;
pub use stop_words::{ShopWords, is_everyday};
pub(crate) use stop_words::{is_unit, is_year_unit};
use text::Text;

/// How many candidates come back where the query does not say.
pub const DEFAULT_CANDIDATES: usize = 5;

/// What a customer typed, and what is known besides.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<'a> {
    pub text: &'a str,
    /// The brand, as a slug or as anybody spells it: only its models come back.
    pub brand: Option<&'a str>,
    /// What the shop calls its goods: words of its own that name no car.
    pub shop_words: Option<&'a ShopWords>,
    /// The year; one in the text goes first.
    pub year: Option<i16>,
    /// How many candidates to return at most; 0 is [`DEFAULT_CANDIDATES`].
    pub max_candidates: usize,
    /// The language of the reasons.
    pub language: Language,
}

/// What to do with the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// One candidate, right at least 99 times in 100.
    Accept,
    /// A person must choose.
    Choose,
    /// No car the reference knows.
    None,
}

/// A car that a text may mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub brand: BrandId,
    /// None where only the brand is clear.
    pub model: Option<ModelId>,
    /// As the text says it, in Latin letters ("70", "W212"); where only a year does, the generation's own code; else empty.
    pub generation: String,
    pub year: Option<i16>,
    /// The chance that this is what is meant, 0 to 1.
    pub score: f32,
    /// The words taken for the car, as typed.
    pub matched: String,
    /// Why, in the query's language.
    pub reason: String,
    /// The text says it as clearly as the first candidate: only how well known the cars are puts that one first.
    pub is_equal: bool,
}

/// What a text means.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    pub decision: Decision,
    /// Likeliest first; exactly one with [`Decision::Accept`], none with [`Decision::None`].
    pub candidates: Vec<Candidate>,
}

impl Resolution {
    /// Of the candidates that the text says equally clearly, those that a shop has something for are likelier meant: they get the
    /// better scores among them. Keeps at most `most`; 0 is [`DEFAULT_CANDIDATES`].
    pub fn prefer(&mut self, has_something: impl Fn(&Candidate) -> bool, most: usize) {
        let equals = self.candidates.iter().take_while(|candidate| candidate.is_equal).count();
        if let Some(equals) = self.candidates.get_mut(..equals) {
            let scores: Vec<f32> = equals.iter().map(|candidate| candidate.score).collect();
            equals.sort_by_key(|candidate| !has_something(candidate));
            equals.iter_mut().zip(scores).for_each(|(candidate, score)| candidate.score = score);
        }
        self.candidates.truncate(if most == 0 { DEFAULT_CANDIDATES } else { most });
    }
}

/// Understands what customers type.
#[derive(Debug, Clone, Copy)]
pub struct Resolver<'a> {
    index: &'a Index,
}

impl<'a> Resolver<'a> {
    pub const fn new(index: &'a Index) -> Self {
        Self { index }
    }

    /// Says which car a text means. Never fails: what is no car is [`Decision::None`].
    pub fn resolve(&self, query: &Query) -> Resolution {
        let nothing = Resolution { decision: Decision::None, candidates: Vec::new() };
        let brand = match query.brand.map(str::trim).filter(|brand| !brand.is_empty()) {
            None => None,
            Some(brand) => match self.find_brand(brand) {
                None => return nothing,
                known => known,
            },
        };
        let mut interpretation = self.read(query.text, query, brand, false);
        // Signs that are letters in the other layout may have cut a word in two: "ce,fhe" is "субару".
        if !(interpretation.is_accepted && interpretation.is_as_typed)
            && has_signs(query.text)
            && let Some(swapped) = text::other_layout(query.text)
        {
            let other = self.read(&swapped, query, brand, true);
            if other.strength() > interpretation.strength() {
                interpretation = other;
            }
        }
        interpretation.resolution(if query.max_candidates == 0 { DEFAULT_CANDIDATES } else { query.max_candidates })
    }

    fn read(&self, text: &str, query: &Query, brand: Option<BrandId>, is_swapped: bool) -> Interpretation {
        let read = Text::new(self.index, text, query.shop_words);
        let found = candidates::find(self.index, &read, brand);
        decision::decide(self.index, &read, found, query, is_swapped)
    }

    fn find_brand(&self, brand: &str) -> Option<BrandId> {
        self.index.find_brand_slug(brand).or_else(|| {
            let words = words(brand);
            let best = self.index.find_brands(words.get(..5).unwrap_or(&words)).into_iter().next()?;
            Some(best.brand)
        })
    }
}

/// Whether a text has a word of Latin letters and signs that are letters in the other layout.
fn has_signs(text: &str) -> bool {
    let has_latin = |token: &str| token.contains(|ch: char| ch.is_ascii_alphabetic());
    let is_mixed = |token: &str| token.contains(|ch| matches!(ch, 'А'..='я'));
    text.split_whitespace()
        .any(|token| has_latin(token) && !is_mixed(token) && token.contains(|ch| "[];',.`{}:\"<>~".contains(ch)))
}

#[cfg(test)]
mod tests;
