//! Ranking what a text may mean, and deciding.
//!
//! Rules of acceptance, each a source of wrong answers when broken: nothing in the text is left unexplained; the name is no other
//! car's; what was guessed is long enough and near to no other name; year and generation do not contradict.

use super::candidates::{Found, Hit};
use super::numbers::{self, Numbers};
use super::reason::{self, Grounds};
use super::stop_words;
use super::text::{Kind, Text, without_ending};
use super::{Candidate, Decision, Query, Resolution};
use crate::index::{BrandId, Index};
use crate::matches::MatchKind;
use crate::nicknames::KNOWN;

/// Hits so much lighter than the best (in letters) are no rivals to it.
const RIVAL: f32 = 1.2;
/// Below this popularity a name that is a word besides is taken for the word.
const LITTLE_KNOWN: f32 = 0.15;
/// One word that nobody knows speaks against a car by so many letters at most.
const LONGEST_UNKNOWN: usize = 7;
/// Cars far behind the best are not worth asking about.
const WORTH_ASKING: f32 = 4.0;

/// A text understood.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub is_accepted: bool,
    /// The best was not read through the other keyboard layout.
    pub is_as_typed: bool,
    candidates: Vec<Candidate>,
    strength: f32,
}

impl Verdict {
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

/// A hit with all that speaks for and against it.
struct Ranked {
    hit: Hit,
    numbers: Numbers,
    is_brand_named: bool,
    is_other_brand: bool,
    fits_year: Option<bool>,
    /// Letters of words that do not speak of this car.
    unknown: usize,
    /// Those of them that speak of no other car either.
    strange: usize,
    popularity: f32,
    rank: f32,
}

/// Ranks what was found and decides.
pub(super) fn judge(index: &Index, text: &Text, found: Found, query: &Query, is_swapped: bool) -> Verdict {
    if text.is_no_car {
        return Verdict::default();
    }
    let mut ranked: Vec<Ranked> = found
        .hits
        .iter()
        .map(|hit| rank(index, text, &found, hit, query.year))
        .filter(|it| it.is_plausible(text) && (it.is_spoken_of(text) || !it.needs_context(text)))
        .collect();
    ranked.sort_by(|a, b| b.rank.total_cmp(&a.rank).then(a.hit.model.cmp(&b.hit.model)));
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
    Verdict { is_accepted, is_as_typed: best.hit.how != MatchKind::Layout, candidates: candidates.collect(), strength }
}

fn rank(index: &Index, text: &Text, found: &Found, hit: &Hit, known_year: Option<i16>) -> Ranked {
    let model = index.model(hit.model);
    let mut numbers = numbers::read(model, text, hit);
    numbers.year = numbers.year.or(known_year);
    let made = model.years();
    let fits_year = numbers.year.filter(|_| made.from.is_some()).map(|year| made.contains(year));
    let is_brand_named = found.has_brand(hit.model.brand);
    let is_other_brand = found.is_brand_known() && !is_brand_named;
    // "ранкс тойота королла": the name of the whole family beside its member.
    let family: Vec<&Hit> = found.hits.iter().filter(|it| is_family_beside(index, it, hit)).collect();
    let is_explained = |place: usize| {
        hit.span.contains(&place)
            || family.iter().any(|it| it.span.contains(&place))
            || numbers.used.contains(&place)
            || found.mentions.iter().any(|mention| mention.brand == hit.model.brand && mention.span.contains(&place))
    };
    let letters = |place: usize| text.words.get(place).map_or(0, |word| word.key.chars().count());
    // One letter at the end is the rest of a name rather than talk: "тигуан х". A number may be anything.
    let is_rest = |place: usize| place == hit.span.end && place + 1 == text.words.len() && letters(place) == 1;
    let weight = |place: usize| match text.kind(place) {
        Some(Kind::Name) => letters(place).min(LONGEST_UNKNOWN),
        Some(Kind::Number) => 1,
        Some(Kind::Talk) => usize::from(is_rest(place)),
        None => 0,
    };
    let unexplained = || (0..text.words.len()).filter(|place| !is_explained(*place));
    let unknown = unexplained().map(weight).sum();
    let is_other_car = |place: &usize| {
        let others = found.hits.iter().filter(|it| it.is_certain() && it.how != MatchKind::Code && it.ended.is_none());
        others.into_iter().any(|it| it.span.contains(place) && it.weight >= 4.0)
    };
    let strange = unexplained().filter(|place| !is_other_car(place)).map(weight).sum();
    let generation = match (numbers.generation.is_empty(), numbers.is_known) {
        // A code that names the model does not also speak for it.
        (_, true) if hit.how == MatchKind::Code => 0.0,
        (true, _) => 0.0,
        (false, true) => 0.5 + 0.1 * numbers.generation.len().min(4) as f32,
        (false, false) => -0.2,
    };
    let year = match fits_year {
        Some(true) => 0.4,
        Some(false) => -0.8,
        None => 0.0,
    };
    let brand = if is_other_brand { -3.0 } else { 0.0 };
    // The brand's own words are explained by the brand, whether an alias of the model has them or not.
    let own = found.mentions.iter().filter(|it| {
        it.brand == hit.model.brand
            && hit.span.start <= it.span.start
            && it.span.end <= hit.span.end
            && it.span != hit.span
    });
    let repeated: usize = own
        .flat_map(|it| text.words.get(it.span.clone()).unwrap_or_default())
        .map(|word| word.key.chars().count())
        .sum();
    let family: f32 = family.first().map_or(0.0, |it| it.weight);
    let hit = Hit { weight: hit.weight + family - repeated as f32, ..hit.clone() };
    let popularity = model.popularity();
    let rank = hit.weight + way(&hit) + generation + year + brand + popularity;
    Ranked { popularity, hit, numbers, is_brand_named, is_other_brand, fits_year, unknown, strange, rank }
}

/// Whether a hit names the family that another one's model belongs to, by other words.
fn is_family_beside(index: &Index, family: &Hit, member: &Hit) -> bool {
    let is_apart = family.span.end <= member.span.start || member.span.end <= family.span.start;
    let are_names = member.how != MatchKind::Code && family.how != MatchKind::Code;
    is_apart
        && are_names
        && family.model != member.model
        && family.is_certain()
        && index.is_family(family.model, member.model)
}

/// What the way of matching adds to or takes from the rank: a name as listed outdoes what the same letters may be besides.
fn way(hit: &Hit) -> f32 {
    match hit.how {
        MatchKind::Spelled => 0.8,
        MatchKind::LookAlike | MatchKind::Transliteration => 0.4,
        MatchKind::Badge => 0.4,
        MatchKind::Layout => -0.4,
        _ => 0.0,
    }
}

impl Ranked {
    fn letters(&self, text: &Text) -> usize {
        text.words.get(self.hit.span.clone()).unwrap_or_default().iter().map(|word| word.key.chars().count()).sum()
    }

    /// Whether it is a car at all that the text is about: the name must outweigh what nobody understands.
    fn is_plausible(&self, text: &Text) -> bool {
        let letters = self.letters(text);
        let support = letters + if self.numbers.is_known || self.numbers.year.is_some() { 2 } else { 0 };
        if self.is_brand_named {
            return self.strange <= 4 * support;
        }
        if self.hit.is_certain() { self.strange <= support } else { 2 * self.strange <= letters }
    }

    /// Whether the name alone says too little: an everyday word, or a misspelled one.
    fn needs_context(&self, text: &Text) -> bool {
        let words = text.words.get(self.hit.span.clone()).unwrap_or_default();
        let name = words.first().filter(|_| words.len() == 1).map(|word| word.key.as_str());
        let is_case = |name: &str| {
            self.hit.ended.is_some() && without_ending(name, 3).iter().any(|stem| stop_words::is_homograph(stem))
        };
        let is_ordinary = |name: &str| stop_words::is_homograph(name) || is_case(name);
        name.is_some_and(is_ordinary)
            || matches!(self.hit.how, MatchKind::Sound | MatchKind::Typo(_) | MatchKind::Prefix)
    }

    /// Whether the text speaks of a car: it names the brand, a generation or a year, or what the shop sews, or says nothing else.
    fn is_spoken_of(&self, text: &Text) -> bool {
        let has_number = text.kinds.contains(&Kind::Number);
        if self.is_brand_named || has_number || self.numbers.is_known || self.numbers.year.is_some() {
            return true;
        }
        if text.words.iter().any(|word| stop_words::is_shop(&word.key)) {
            return true;
        }
        let before = self.hit.span.start.checked_sub(1).and_then(|place| text.words.get(place));
        let is_for = before.is_some_and(|word| matches!(word.key.as_str(), "на" | "для" | "for" | "na"));
        let others = (0..text.words.len()).filter(|place| !self.hit.span.contains(place));
        let others: Vec<&str> =
            others.filter_map(|place| text.words.get(place)).map(|word| word.key.as_str()).collect();
        let is_wish = others.iter().all(|word| stop_words::is_wish(word));
        // Words that are the names of little known cars are said as words.
        self.strange == 0
            && self.popularity >= LITTLE_KNOWN
            && ((is_wish && others.len() <= 3) || (is_for && others.len() <= 3))
    }

    /// Whether somebody who says so much means a car for certain, though the name is a word besides.
    fn is_named_as_car(&self, text: &Text) -> bool {
        !self.needs_context(text)
            || self.is_brand_named
            || !self.numbers.used.is_empty()
            || text.words.iter().any(|word| stop_words::is_shop(&word.key))
    }

    /// Whether the text says it as clearly as another: by the same words, in as sure a way.
    fn is_equal(&self, other: &Self) -> bool {
        let says =
            |it: &Self| (it.hit.span.clone(), it.hit.is_certain(), it.is_other_brand, it.numbers.is_known, it.unknown);
        says(self) == says(other) && (self.hit.is_certain() || self.hit.how == other.hit.how)
    }

    /// How sure the way of matching is by itself.
    fn quality(&self) -> f32 {
        let how: f32 = match self.hit.how {
            MatchKind::Spelled => 0.995,
            MatchKind::LookAlike
            | MatchKind::Badge
            | MatchKind::Transliteration
            | MatchKind::Bare
            | MatchKind::Code => 0.99,
            MatchKind::Layout => 0.98,
            MatchKind::Sound => 0.93,
            MatchKind::Shape => 0.85,
            MatchKind::Typo(1) => 0.85,
            MatchKind::Prefix => 0.7,
            MatchKind::Typo(_) => 0.6,
        };
        how - if self.hit.ended.is_some() { 0.01 } else { 0.0 } - if self.unknown > 0 { 0.15 } else { 0.0 }
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
            && !other.numbers.is_known
            && best.numbers.generation.len() >= 2;
        as_good && !is_told_apart
    };
    brands == 0 && is_sure_name && !others.iter().any(is_rival)
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
        reason: reason::reason(index, &matched, &grounds),
        matched,
        is_equal: true,
    }
}

/// The brands that are named, where no model is; nothing if the words beside them should be one.
fn brand_only(index: &Index, text: &Text, found: &Found, query: &Query) -> Verdict {
    let is_mentioned = |place: usize| found.mentions.iter().any(|mention| mention.span.contains(&place));
    let is_understood = (0..text.words.len()).all(|place| text.kind(place) != Some(Kind::Name) || is_mentioned(place));
    if !is_understood {
        return Verdict::default();
    }
    let mut brands: Vec<BrandId> = Vec::new();
    for mention in found.mentions.iter().filter(|mention| mention.how.is_certain()) {
        if !brands.contains(&mention.brand) {
            brands.push(mention.brand);
        }
    }
    let count = brands.len() as f32;
    let candidates = brands.iter().map(|brand| {
        let span =
            found.mentions.iter().find(|mention| mention.brand == *brand).map_or(0..0, |mention| mention.span.clone());
        Candidate {
            brand: *brand,
            model: None,
            generation: String::new(),
            year: query.year,
            score: 0.5 / count,
            matched: text.quote(query.text, &span),
            reason: reason::brand_only(&index.brand(*brand).name),
            is_equal: true,
        }
    });
    Verdict {
        is_as_typed: true,
        is_accepted: false,
        strength: if count > 0.0 { 1.0 } else { 0.0 },
        candidates: candidates.collect(),
    }
}
