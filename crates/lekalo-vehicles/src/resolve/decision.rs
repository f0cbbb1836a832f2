//! Deciding what a text means, when the models it may mean are ranked: one, several to choose from, or none.
//!
//! Rules of acceptance, each a source of wrong answers when broken: nothing in the text is left unexplained; the name is no other
//! car's; what was guessed is long enough and near to no other name; year and generation do not contradict.

use super::candidates::Found;
use super::hits::is_everyday;
use super::mentions::Mention;
use super::numbers;
use super::ranking::{Ranked, ranked};
use super::reason::{self, Grounds};
use super::text::{Kind, Text};
use super::{Candidate, Decision, Query, Resolution};
use crate::index::{BrandId, FILLERS, Index};
use crate::matches::MatchKind;
use crate::nicknames::KNOWN;

/// Hits so much lighter than the best (in letters) are no rivals to it.
const RIVAL: f32 = 1.2;
/// A car of the same name is no rival if it is known so much less.
const NAMESAKE: f32 = 0.25;
/// Cars far behind the best are not worth asking about.
const WORTH_ASKING: f32 = 4.0;

/// A text understood.
#[derive(Debug, Default)]
pub(super) struct Interpretation {
    pub is_accepted: bool,
    /// The best was not read through the other keyboard layout.
    pub is_as_typed: bool,
    candidates: Vec<Candidate>,
    strength: f32,
}

impl Interpretation {
    /// How much of the text it explains; to compare readings of one text.
    pub(super) fn strength(&self) -> f32 {
        self.strength
    }

    pub(super) fn resolution(mut self, most: usize) -> Resolution {
        let decision = match (self.is_accepted, self.candidates.is_empty()) {
            (_, true) => Decision::None,
            (true, _) => Decision::Accept,
            (false, _) => Decision::Choose,
        };
        self.candidates.truncate(if decision == Decision::Accept { 1 } else { most });
        Resolution { decision, candidates: self.candidates }
    }
}

/// Ranks what was found and decides.
pub(super) fn decide(index: &Index, text: &Text, found: Found, query: &Query, is_swapped: bool) -> Interpretation {
    if text.is_no_car {
        return Interpretation::default();
    }
    let ranked = ranked(index, text, &found, query.year);
    let Some(best) = ranked.first() else {
        return brand_only(index, text, &found, query);
    };
    let is_accepted = is_sure(text, &found, &ranked);
    let strength = best.rank + if is_accepted { 3.0 } else { 0.0 };
    let worst = best.rank - WORTH_ASKING;
    let shares: Vec<f32> = ranked.iter().map(|it| ((it.rank - best.rank) * 1.5).exp()).collect();
    let whole: f32 = shares.iter().sum();
    let candidates = ranked.iter().zip(&shares).filter(|(it, _)| it.rank >= worst).map(|(it, share)| {
        let score = if is_accepted { it.quality().max(0.97) } else { it.quality().min(0.95) * share / whole };
        let candidate = candidate(index, text, &found, it, score, query, is_swapped);
        Candidate { is_equal: it.is_equal(best), ..candidate }
    });
    Interpretation {
        is_accepted,
        is_as_typed: best.hit.how != MatchKind::Layout,
        candidates: candidates.collect(),
        strength,
    }
}

fn is_sure(text: &Text, found: &Found, ranked: &[Ranked]) -> bool {
    let Some((best, others)) = ranked.split_first() else { return false };
    let says_unknown = !best.numbers.generation.is_empty() && !best.numbers.is_known;
    if best.unknown > 0 || best.is_other_brand || best.fits_year == Some(false) || says_unknown {
        return false;
    }
    let brands = found.mentions.iter().filter(|mention| mention.brand != best.hit.model.brand).count();
    let letters = best.letters(text);
    let words = text.words.get(best.hit.span.clone()).unwrap_or_default();
    let named = words.iter().filter(|word| word.is_letters()).map(|word| word.key.chars().count()).sum::<usize>();
    let starts_with_letters = words.first().is_some_and(|word| word.is_letters());
    // Somebody who asks the shop's questions, or gives a year, means a car.
    let has_company = best.is_brand_named || !best.numbers.used.is_empty() || text.kinds.contains(&Kind::Talk);
    let is_sure_name = match best.hit.how {
        MatchKind::Layout => named >= 5 || (named >= 3 && has_company),
        _ if best.is_brand_named && best.hit.is_certain() => true,
        MatchKind::Spelled => letters >= 5 || (letters >= 3 && (has_company || best.popularity >= KNOWN)),
        MatchKind::LookAlike | MatchKind::Transliteration => {
            letters >= 5 || (letters >= 3 && has_company && best.popularity >= KNOWN)
        }
        MatchKind::Badge => starts_with_letters,
        MatchKind::Code => letters >= 4,
        MatchKind::Bare => false,
        MatchKind::Sound => letters >= 5 && has_company,
        // A wrong digit or short word is another car: "Galaxy A7" is no L7.
        MatchKind::Typo(1) => words.len() == 1 && named >= 7 && has_company,
        MatchKind::Shape | MatchKind::Prefix | MatchKind::Typo(_) => false,
    };
    let is_sure_name = is_sure_name && (has_company || best.hit.ended.is_none()) && best.is_named_as_car(text);
    let is_rival = |other: &Ranked| {
        let overlaps = other.hit.span.start < best.hit.span.end && best.hit.span.start < other.hit.span.end;
        let as_good = other.hit.weight >= best.hit.weight - RIVAL || (overlaps && other.rank >= best.rank - RIVAL);
        // A generation or year that only one of them has tells them apart.
        let is_told_apart = !best.numbers.used.is_empty()
            && best.numbers.is_known
            && !other.numbers.is_listed
            && best.numbers.generation.len() >= 2;
        as_good && !is_told_apart && !is_outdone(best, other)
    };
    brands == 0 && is_sure_name && !others.iter().any(is_rival)
}

/// Whether the best is so clearly what the words say that another reading of them is no question: the other's name is part of
/// the longer one ("Carina E" is no Carina), or the same name of a car that hardly anybody drives.
fn is_outdone(best: &Ranked, other: &Ranked) -> bool {
    let (whole, part) = (&best.hit.span, &other.hit.span);
    let is_longer =
        best.hit.how.is_certain() && part.len() < whole.len() && whole.start <= part.start && part.end <= whole.end;
    let is_namesake = whole == part && best.hit.model.brand != other.hit.model.brand && best.hit.how <= other.hit.how;
    is_longer || (is_namesake && best.popularity >= KNOWN && other.popularity <= NAMESAKE * best.popularity)
}

fn candidate(
    index: &Index,
    text: &Text,
    found: &Found,
    it: &Ranked,
    score: f32,
    query: &Query,
    is_swapped: bool,
) -> Candidate {
    let model = index.model(it.hit.model);
    let mention =
        found.mentions.iter().find(|mention| mention.brand == it.hit.model.brand).map(|mention| &mention.span);
    let from = mention.map_or(it.hit.span.start, |span| span.start.min(it.hit.span.start));
    let to = mention.map_or(it.hit.span.end, |span| span.end.max(it.hit.span.end));
    let matched = text.quote(query.text, &(from..to));
    let grounds = Grounds {
        hit: &it.hit,
        numbers: &it.numbers,
        is_brand_named: it.is_brand_named,
        is_other_brand: it.is_other_brand,
        is_swapped,
        has_unknown: it.unknown > 0,
        fits_year: it.fits_year,
    };
    let generation = match (it.numbers.generation.is_empty(), it.numbers.year) {
        (true, Some(year)) => numbers::generation_of_year(model, year),
        _ => it.numbers.generation.clone(),
    };
    Candidate {
        brand: it.hit.model.brand,
        model: Some(it.hit.model),
        generation,
        year: it.numbers.year,
        score,
        reason: reason::reason(index, &matched, &grounds, query.language),
        matched,
        is_equal: true,
    }
}

/// The brands that are named, where no model is. Words beside them may be a model that the reference lacks: that is said, and no
/// other brand's car is offered.
fn brand_only(index: &Index, text: &Text, found: &Found, query: &Query) -> Interpretation {
    let is_mentioned = |place: usize| found.mentions.iter().any(|mention| mention.span.contains(&place));
    let unknown: Vec<&str> = (0..text.words.len())
        .filter(|place| text.kind(*place) == Some(Kind::Name) && !is_mentioned(*place))
        .filter_map(|place| text.words.get(place))
        .filter(|word| !FILLERS.contains(&word.key.as_str()))
        .map(|word| word.text.as_str())
        .collect();
    let mut brands: Vec<BrandId> = Vec::new();
    // A word of everyday is a brand's name where nothing strange is said besides, and none that only reads like it: "дочь" is no Dodge.
    let is_brand = |mention: &&Mention| {
        let is_named = unknown.is_empty() && mention.how == MatchKind::Spelled && !mention.is_ended;
        mention.how.is_certain() && (is_named || !is_everyday(text, &mention.span))
    };
    let named = found.mentions.iter().filter(is_brand).chain(&found.misspelled);
    for mention in named.clone() {
        if !brands.contains(&mention.brand) {
            brands.push(mention.brand);
        }
    }
    let count = brands.len() as f32;
    let candidates = brands.iter().map(|brand| {
        let span = named.clone().find(|mention| mention.brand == *brand).map_or(0..0, |mention| mention.span.clone());
        Candidate {
            brand: *brand,
            model: None,
            generation: String::new(),
            year: query.year,
            score: 0.5 / count,
            matched: text.quote(query.text, &span),
            reason: reason::brand_only(&index.brand(*brand).name, &unknown.join(" "), query.language),
            is_equal: true,
        }
    });
    Interpretation {
        is_as_typed: true,
        is_accepted: false,
        strength: if count > 0.0 { 1.0 } else { 0.0 },
        candidates: candidates.collect(),
    }
}
