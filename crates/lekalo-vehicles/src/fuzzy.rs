//! Guessing which name a misspelled one is: by sound, by look-alike letters, by how many letters are wrong.

use std::ops::{Range, RangeInclusive};

use super::deletion_index::DeletionIndex;
use super::matches::{MatchKind, Scope};
use super::normalize;
use super::transliteration;

/// One spelling, ready for comparing with misspelled text.
#[derive(Debug, Clone)]
pub(crate) struct Spelling<Id> {
    pub id: Id,
    pub key: Form,
    /// In Latin letters, if it is Cyrillic.
    pub latin: Option<Form>,
    pub phonetic_key: String,
    pub skeleton: String,
    pub digits: String,
    /// Which letters the sound has, a bit each: names that share too few are no typos of each other.
    pub letters: u64,
    /// Letters of the sound.
    pub length: usize,
}

impl<Id> Spelling<Id> {
    pub(crate) fn new(id: Id, key: &str) -> Self {
        let phonetic_key = normalize::phonetic_key(key);
        let letters = normalize::letter_bits(&phonetic_key);
        Self {
            id,
            letters,
            latin: (!key.is_ascii()).then(|| Form::new(transliteration::latin(key))),
            key: Form::new(key.to_owned()),
            length: phonetic_key.chars().count(),
            skeleton: normalize::skeleton(key),
            digits: normalize::digits(key),
            phonetic_key,
        }
    }
}

impl<Id> Spelling<Id> {
    /// Whether it has the same first letter as another name, in any alphabet.
    pub(crate) fn begins_like<Other>(&self, other: &Spelling<Other>) -> bool {
        let first = |form: &Form| form.text.chars().next();
        self.forms().any(|form| other.forms().any(|other| first(form) == first(other)))
    }

    /// As written, and in Latin letters.
    pub(crate) fn forms(&self) -> impl Iterator<Item = &Form> + Clone {
        std::iter::once(&self.key).chain(&self.latin)
    }
}

/// Letters to be compared one by one.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    text: String,
    letters: u64,
    length: usize,
}

impl Form {
    fn new(text: String) -> Self {
        Self { letters: normalize::letter_bits(&text), length: text.chars().count(), text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How many letters are wrong, missing, too many or swapped, if at most `most`.
    fn distance(&self, other: &Self, most: usize) -> Option<usize> {
        let may_be = self.length.abs_diff(other.length) <= most
            && (self.letters ^ other.letters).count_ones() as usize <= 2 * most;
        let distance = may_be.then(|| strsim::damerau_levenshtein(&self.text, &other.text));
        distance.filter(|distance| *distance <= most)
    }
}

/// How many letters of a brand's name may be wrong.
pub(crate) fn brand_allowance(key: &str) -> usize {
    match key.chars().filter(|ch| ch.is_alphabetic()).count() {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    }
}

/// How many letters of a model's name may be wrong: none in short names, fewer where all brands are searched.
pub(crate) fn allowance(key: &str, scope: Scope) -> usize {
    let letters = key.chars().filter(|ch| ch.is_alphabetic()).count();
    match (scope, letters) {
        (_, 0..=4) | (Scope::All, 5..=7) => 0,
        (Scope::All, 8..) | (Scope::Brand(_), 5..=7) => 1,
        (Scope::Brand(_), 8..) => 2,
    }
}

/// Spellings that misspelled text is compared with, filed so that few have to be.
#[derive(Debug)]
pub(crate) struct Spellings<Id> {
    /// In the order of their ids.
    all: Vec<Spelling<Id>>,
    by_sound: DeletionIndex,
    by_letters: DeletionIndex,
    /// All places in the order of their spellings' sounds, and shapes: those that begin alike are neighbours.
    sounds: Vec<u32>,
    shapes: Vec<u32>,
}

impl<Id> Default for Spellings<Id> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            by_sound: DeletionIndex::default(),
            by_letters: DeletionIndex::default(),
            sounds: Vec::new(),
            shapes: Vec::new(),
        }
    }
}

impl<Id: Copy + Ord> Spellings<Id> {
    /// Adds a spelling; [`Self::finish`] makes it findable.
    pub(crate) fn add(&mut self, id: Id, key: &str) {
        self.all.push(Spelling::new(id, key));
    }

    /// Files all spellings.
    pub(crate) fn finish(&mut self) {
        self.all.sort_by_key(|it| it.id);
        self.by_letters = DeletionIndex::new(
            self.all.iter().zip(0..).flat_map(|(it, place)| it.forms().map(move |form| (form.text.as_str(), place))),
        );
        self.by_sound =
            DeletionIndex::new(self.all.iter().zip(0..).map(|(it, place)| (it.phonetic_key.as_str(), place)));
        self.sounds = self.sorted(|it| &it.phonetic_key);
        self.shapes = self.sorted(|it| &it.skeleton);
    }

    /// Where the spellings of these ids are.
    pub(crate) fn places(&self, ids: &RangeInclusive<Id>) -> Range<u32> {
        let from = self.all.partition_point(|it| it.id < *ids.start());
        let to = self.all.partition_point(|it| it.id <= *ids.end());
        // Every place is a u32.
        from as u32..to as u32
    }

    /// Where all spellings are.
    pub(crate) fn all_places(&self) -> Range<u32> {
        0..self.all.len() as u32
    }

    pub(crate) fn at(&self, places: Range<u32>) -> &[Spelling<Id>] {
        self.all.get(places.start as usize..places.end as usize).unwrap_or_default()
    }

    /// The spellings whose sound begins with a stem.
    pub(crate) fn beginning(&self, stem: &str) -> impl Iterator<Item = &Spelling<Id>> {
        let found = self.from(&self.sounds, stem, |it| &it.phonetic_key).map(|(_, name)| name);
        found.take_while(move |it| it.phonetic_key.starts_with(stem))
    }

    fn sorted(&self, by: fn(&Spelling<Id>) -> &str) -> Vec<u32> {
        let mut names: Vec<(&str, u32)> = self.all.iter().map(by).zip(0..).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, place)| place).collect()
    }

    /// The spellings in their order from a text on, with their places.
    fn from(
        &self,
        order: &[u32],
        text: &str,
        by: fn(&Spelling<Id>) -> &str,
    ) -> impl Iterator<Item = (u32, &Spelling<Id>)> {
        let first = order.partition_point(|place| self.all.get(*place as usize).is_some_and(|it| by(it) < text));
        let rest = order.get(first..).unwrap_or_default().iter();
        rest.filter_map(|place| Some((*place, self.all.get(*place as usize)?)))
    }

    /// The spellings, at the places wanted, that the typed one may be a misspelling of, and how; at most `allowance` letters
    /// away, digits agreeing. Letters that look alike are believed in keys of at least `shape_letters` letters.
    pub(crate) fn like(
        &self,
        typed: &Typed,
        allowance: usize,
        shape_letters: usize,
        wanted: &Range<u32>,
    ) -> Vec<(&Spelling<Id>, MatchKind)> {
        let has_shape = typed.may_have_shape && typed.letters >= shape_letters;
        let mut places = if typed.letters < 4 {
            Vec::new()
        } else {
            self.by_sound.candidates(&typed.spelling.phonetic_key, allowance, wanted)
        };
        if has_shape {
            let shape = &typed.spelling.skeleton;
            let alike = self.from(&self.shapes, shape, |it| &it.skeleton).take_while(|(_, it)| it.skeleton == *shape);
            places.extend(alike.map(|(place, _)| place).filter(|place| wanted.contains(place)));
        }
        let names = places.into_iter().filter_map(|place| self.all.get(place as usize));
        names.filter_map(|name| Some((name, likeness(typed, name, has_shape, allowance)?))).collect()
    }

    /// The spellings, at the places wanted, with at most `allowance` letters other than the typed one, and how many; digits agreeing.
    /// Those that sound the same are among them, however far.
    pub(crate) fn near(&self, typed: &Typed, allowance: usize, wanted: &Range<u32>) -> Vec<(&Spelling<Id>, usize)> {
        let typed = &typed.spelling;
        let mut places: Vec<u32> =
            typed.forms().flat_map(|form| self.by_letters.candidates(&form.text, allowance, wanted)).collect();
        places.extend(self.by_sound.candidates(&typed.phonetic_key, 0, wanted));
        places.sort_unstable();
        places.dedup();
        let distance = |name: &Spelling<Id>| {
            let most = if name.phonetic_key == typed.phonetic_key { usize::MAX / 4 } else { allowance };
            let pairs = typed.forms().flat_map(|form| name.forms().map(move |other| (form, other)));
            pairs.filter_map(|(form, other)| form.distance(other, most)).min()
        };
        let names = places.into_iter().filter_map(|place| self.all.get(place as usize));
        let same_digits = names.filter(|name| name.digits == typed.digits);
        same_digits.filter_map(|name| Some((name, distance(name)?))).collect()
    }
}

/// A typed key, ready for comparing.
pub(crate) struct Typed {
    pub spelling: Spelling<()>,
    letters: usize,
    may_have_shape: bool,
}

impl Typed {
    pub(crate) fn new(key: &str) -> Self {
        Self {
            spelling: Spelling::new((), key),
            letters: key.chars().filter(|ch| ch.is_alphabetic()).count(),
            may_have_shape: key.len() >= 2 && key.is_ascii(),
        }
    }
}

/// Of all likenesses the closest: several names equally near all stay.
pub(crate) fn closest<'a, Id: Copy + PartialEq + 'a>(
    found: impl IntoIterator<Item = (&'a Spelling<Id>, MatchKind)>,
) -> Vec<(Id, MatchKind)> {
    let mut best: Vec<(Id, MatchKind)> = Vec::new();
    for (Spelling { id, .. }, how) in found {
        if best.first().is_some_and(|(_, known)| how < *known) {
            best.clear();
        }
        if best.first().is_none_or(|(_, known)| how == *known) && !best.iter().any(|(known, _)| known == id) {
            best.push((*id, how));
        }
    }
    best
}

/// How a typed key may be a misspelling of a name, if it may.
fn likeness<Id>(typed: &Typed, name: &Spelling<Id>, has_shape: bool, allowance: usize) -> Option<MatchKind> {
    let Typed { spelling: typed, letters, .. } = typed;
    if has_shape && typed.skeleton == name.skeleton {
        return Some(if typed.phonetic_key == name.phonetic_key { MatchKind::Sound } else { MatchKind::Shape });
    }
    if *letters < 4 || typed.digits != name.digits || typed.length.abs_diff(name.length) > allowance {
        return None;
    }
    if typed.phonetic_key == name.phonetic_key {
        return Some(MatchKind::Sound);
    }
    // A wrong letter changes at most two bits, so this spares nearly all of the comparing.
    if allowance == 0 || differing(typed, name) > 2 * allowance {
        return None;
    }
    let distance = strsim::damerau_levenshtein(&typed.phonetic_key, &name.phonetic_key);
    u8::try_from(distance).ok().filter(|_| distance <= allowance).map(MatchKind::Typo)
}

/// How many letters stand in one of two names only.
pub(crate) fn differing<Id>(typed: &Spelling<()>, name: &Spelling<Id>) -> usize {
    (typed.letters ^ name.letters).count_ones() as usize
}
