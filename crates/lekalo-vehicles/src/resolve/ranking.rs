//! Ranking the models a text may mean: all that speaks for and against each.

use std::ops::Range;

use super::candidates::Found;
use super::hits::{Hit, is_everyday};
use super::numbers::{self, Numbers};
use super::stop_words;
use super::text::{Kind, Text, without_ending};
use crate::index::Index;
use crate::matches::MatchKind;
use crate::nicknames::KNOWN;
use crate::words::join;

/// Below this popularity a name that is a word besides is taken for the word.
const LITTLE_KNOWN: f32 = 0.15;
/// What being a well-known car adds to the rank at most, in letters.
const FAME: f32 = 1.0;
/// What an everyday word loses that is only like a name.
const EVERYDAY: f32 = -2.5;
/// One word that nobody knows speaks against a car by so many letters at most.
const LONGEST_UNKNOWN: usize = 7;

/// A hit with all that speaks for and against it.
pub(super) struct Ranked {
    pub hit: Hit,
    pub numbers: Numbers,
    pub is_brand_named: bool,
    pub is_other_brand: bool,
    pub fits_year: Option<bool>,
    /// Letters of words that do not speak of this car.
    pub unknown: usize,
    /// Those of them that speak of no other car either.
    strange: usize,
    pub popularity: f32,
    pub rank: f32,
}

/// The best first, without those that the text does not speak of.
pub(super) fn ranked(index: &Index, text: &Text, found: &Found, known_year: Option<i16>) -> Vec<Ranked> {
    let mut ranked: Vec<Ranked> = found
        .hits
        .iter()
        .map(|hit| rank(index, text, found, hit, known_year))
        .filter(|it| it.is_plausible(text) && (it.is_spoken_of(text) || !it.needs_context(text)))
        .collect();
    ranked.sort_by(|a, b| b.rank.total_cmp(&a.rank).then(a.hit.model.cmp(&b.hit.model)));
    ranked
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
            || hit.beside.iter().any(|span| span.contains(&place))
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
        // Another model's code that is only like this one's says less.
        (false, true) if !numbers.is_listed => 0.2,
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
    // What several models of a brand are called alike says nothing of how well known they are: the order of the reference does.
    let is_shared = text.words.get(hit.span.clone()).is_some_and(|words| model.is_ambiguous(&join(words)));
    let popularity = if is_shared { model.popularity().min(KNOWN) } else { model.popularity() };
    // An everyday word in some case of it is a car's name only where nothing else is.
    let is_case = !(hit.how == MatchKind::Spelled && hit.ended.is_none()) && is_everyday(text, &hit.span);
    let word = if is_case { EVERYDAY } else { 0.0 };
    let rank = hit.weight + way(&hit) + generation + year + brand + word + FAME * popularity;
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
        // What is typed looks like the name, letter by letter; in other letters it may be several names ("к5": K5, Q5, C5).
        MatchKind::LookAlike => 0.7,
        MatchKind::Transliteration | MatchKind::Badge => 0.4,
        MatchKind::Layout => -0.4,
        _ => 0.0,
    }
}

impl Ranked {
    pub(super) fn letters(&self, text: &Text) -> usize {
        text.words.get(self.hit.span.clone()).unwrap_or_default().iter().map(|word| word.key.chars().count()).sum()
    }

    /// Whether it is a car at all that the text is about: the name must outweigh what nobody understands.
    fn is_plausible(&self, text: &Text) -> bool {
        let letters = self.letters(text);
        let support = letters + if self.numbers.is_known || self.numbers.year.is_some() { 2 } else { 0 };
        // Whoever says a well-known name in full means the car, however much is said besides.
        if self.is_brand_named || self.is_famous_name(text) {
            return true;
        }
        if self.hit.is_certain() { self.strange <= support } else { 2 * self.strange <= letters }
    }

    /// Whether the words are a well-known model's name in full, and no word of everyday besides.
    fn is_famous_name(&self, text: &Text) -> bool {
        let before = self.hit.span.start.checked_sub(1).and_then(|place| text.words.get(place));
        let is_for = before.is_some_and(|word| matches!(word.key.as_str(), "на" | "для"));
        matches!(self.hit.how, MatchKind::Spelled | MatchKind::LookAlike | MatchKind::Transliteration)
            && self.popularity >= KNOWN
            && (self.letters(text) >= 4 || (is_for && self.is_spelled()))
            && (!is_everyday(text, &self.hit.span) || (is_for && self.is_spelled() && !self.needs_context(text)))
    }

    /// Whether the text has the name as listed, in no other case or letters.
    fn is_spelled(&self) -> bool {
        self.hit.how == MatchKind::Spelled && self.hit.ended.is_none()
    }

    /// Whether the name alone says too little: an everyday word, or a misspelled one.
    fn needs_context(&self, text: &Text) -> bool {
        self.is_ordinary(text) || matches!(self.hit.how, MatchKind::Sound | MatchKind::Typo(_) | MatchKind::Prefix)
    }

    /// Whether the name is an everyday word as well.
    fn is_ordinary(&self, text: &Text) -> bool {
        let words = text.words.get(self.hit.span.clone()).unwrap_or_default();
        let name = words.first().filter(|_| words.len() == 1).map(|word| word.key.as_str());
        let is_case = |name: &str| {
            self.hit.ended.is_some() && without_ending(name, 3).iter().any(|stem| stop_words::is_homograph(stem))
        };
        // A word of everyday that is a little known car's name as well, or only reads like a name, is the word.
        let is_word = |name: &str| stop_words::is_everyday(name) && (!self.is_spelled() || self.popularity < KNOWN);
        name.is_some_and(|name| stop_words::is_homograph(name) || is_case(name) || is_word(name))
    }

    /// Whether the text speaks of a car: it names the brand, a generation or a year, or what the shop sews, or says nothing else.
    fn is_spoken_of(&self, text: &Text) -> bool {
        let is_said = self.is_said(text);
        // What is no name as it stands has a number beside it as any word of everyday may: "в полях 5".
        let has_number = if is_said { text.kinds.contains(&Kind::Number) } else { self.has_clear_number(text) };
        if self.is_brand_named || self.is_named_twice(text) || has_number {
            return true;
        }
        if is_said && (self.numbers.is_known || self.numbers.year.is_some()) {
            return true;
        }
        if text.is_of_shop {
            return true;
        }
        let before = self.hit.span.start.checked_sub(1).and_then(|place| text.words.get(place));
        let is_for = before.is_some_and(|word| matches!(word.key.as_str(), "на" | "для" | "for" | "na"));
        let others = (0..text.words.len()).filter(|place| !self.hit.span.contains(place));
        let others: Vec<&str> =
            others.filter_map(|place| text.words.get(place)).map(|word| word.key.as_str()).collect();
        let is_wish = others.iter().all(|word| stop_words::is_wish(word));
        // Words that are the names of little known cars are said as words, and so are cases of other words.
        is_said
            && self.strange == 0
            && self.popularity >= LITTLE_KNOWN
            && ((is_wish && others.len() <= 3) || (is_for && others.len() <= 3))
    }

    /// Whether somebody who says so much means a car for certain, though the name is a word besides.
    pub(super) fn is_named_as_car(&self, text: &Text) -> bool {
        let is_numbered = match (self.is_said(text), self.is_ordinary(text)) {
            (false, _) => false,
            (true, true) => self.has_clear_number(text),
            (true, false) => !self.numbers.used.is_empty(),
        };
        !self.needs_context(text) || self.is_brand_named || self.is_named_twice(text) || is_numbered || text.is_of_shop
    }

    /// Whether the words are the name as listed, or no words of everyday.
    fn is_said(&self, text: &Text) -> bool {
        self.is_spelled() || !is_everyday(text, &self.hit.span)
    }

    /// Whether nothing is said besides the car, but that it is wished for.
    fn is_wish(&self, text: &Text) -> bool {
        let is_said = |place: usize| self.hit.span.contains(&place) || self.numbers.used.contains(&place);
        let mut others = text.words.iter().enumerate().filter(|(place, _)| !is_said(*place));
        others.all(|(_, word)| stop_words::is_wish(&word.key))
    }

    /// Whether other words name the model too.
    fn is_named_twice(&self, text: &Text) -> bool {
        let words = |span: &Range<usize>| text.words.get(span.clone()).map(join);
        self.hit.beside.iter().any(|beside| words(beside) != words(&self.hit.span))
    }

    /// Whether a number is said that hardly anything but a car has: a year in full, or a known generation; of one digit
    /// only where nothing else is said: "фокус 2", but not "ул. Мира 5".
    fn has_clear_number(&self, text: &Text) -> bool {
        let is_full = |place: &usize| text.words.get(*place).is_some_and(|word| word.key.len() == 4);
        let is_year = self.numbers.year.is_some() && self.numbers.used.iter().any(is_full);
        let is_all = || self.popularity >= KNOWN && self.is_spelled() && self.is_wish(text);
        let is_long = self.numbers.generation.len() >= 2;
        is_year || (self.numbers.is_known && !self.numbers.used.is_empty() && (is_long || is_all()))
    }

    /// Whether the text says it as clearly as another: by the same words, in as sure a way.
    pub(super) fn is_equal(&self, other: &Self) -> bool {
        let says =
            |it: &Self| (it.hit.span.clone(), it.hit.is_certain(), it.is_other_brand, it.numbers.is_known, it.unknown);
        says(self) == says(other) && (self.hit.is_certain() || self.hit.how == other.hit.how)
    }

    /// How sure the way of matching is by itself.
    pub(super) fn quality(&self) -> f32 {
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
