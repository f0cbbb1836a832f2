//! Guessing which name a misspelled one is: by sound, by look-alike letters, by how many letters are wrong.

use super::matches::{How, Scope};
use super::normalize;

/// One spelling, ready for comparing with misspelled text.
#[derive(Debug, Clone)]
pub struct Spelling<Id> {
    pub id: Id,
    pub sound: String,
    pub shape: String,
    pub digits: String,
    /// Which letters the sound has, a bit each: names that share too few are no typos of each other.
    pub letters: u64,
    /// Letters of the sound.
    pub length: usize,
}

impl<Id> Spelling<Id> {
    pub fn new(id: Id, key: &str) -> Self {
        let sound = normalize::sound(key);
        let letters = sound.chars().fold(0, |bits, ch| bits | 1 << (u32::from(ch) % 64));
        Self {
            id,
            letters,
            length: sound.chars().count(),
            shape: normalize::shape(key),
            digits: normalize::digits(key),
            sound,
        }
    }
}

/// How many letters of a make's name may be wrong.
pub fn make_allowance(key: &str) -> usize {
    match key.chars().filter(|ch| ch.is_alphabetic()).count() {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    }
}

/// How many letters of a model's name may be wrong: none in short names, fewer where all makes are searched.
pub fn allowance(key: &str, scope: Scope) -> usize {
    let letters = key.chars().filter(|ch| ch.is_alphabetic()).count();
    match (scope, letters) {
        (_, 0..=4) | (Scope::All, 5..=7) => 0,
        (Scope::All, 8..) | (Scope::Make(_), 5..=7) => 1,
        (Scope::Make(_), 8..) => 2,
    }
}

/// The names nearest to a misspelled key, at most `allowance` letters away; digits must agree. Several names equally near all come
/// back. Letters that look alike are believed in keys of at least `shape_letters` letters.
pub fn guess<'a, Id: Copy + PartialEq + 'a>(
    key: &str,
    spellings: impl Iterator<Item = &'a Spelling<Id>>,
    allowance: usize,
    shape_letters: usize,
) -> Vec<(Id, How)> {
    let typed = Spelling::new((), key);
    let letters = key.chars().filter(|ch| ch.is_alphabetic()).count();
    let has_shape = letters >= shape_letters && key.len() >= 2 && key.is_ascii();
    let mut best: Vec<(Id, How)> = Vec::new();
    let mut best_how = How::Typo(u8::MAX);
    for spelling in spellings {
        let Some(how) = likeness(&typed, spelling, letters, has_shape, allowance) else {
            continue;
        };
        if how < best_how {
            best.clear();
            best_how = how;
        }
        if how == best_how && !best.iter().any(|(id, _)| *id == spelling.id) {
            best.push((spelling.id, how));
        }
    }
    best
}

/// How a typed key may be a misspelling of a name, if it may.
fn likeness<Id>(
    typed: &Spelling<()>,
    name: &Spelling<Id>,
    letters: usize,
    has_shape: bool,
    allowance: usize,
) -> Option<How> {
    if has_shape && typed.shape == name.shape {
        return Some(if typed.sound == name.sound { How::Sound } else { How::Shape });
    }
    if letters < 4 || typed.digits != name.digits || typed.length.abs_diff(name.length) > allowance {
        return None;
    }
    if typed.sound == name.sound {
        return Some(How::Sound);
    }
    // A wrong letter changes at most two bits, so this spares nearly all of the comparing.
    if allowance == 0 || differing(typed, name) > 2 * allowance {
        return None;
    }
    let distance = strsim::damerau_levenshtein(&typed.sound, &name.sound);
    u8::try_from(distance).ok().filter(|_| distance <= allowance).map(How::Typo)
}

/// How many letters stand in one of two names only.
pub fn differing<Id>(typed: &Spelling<()>, name: &Spelling<Id>) -> usize {
    (typed.letters ^ name.letters).count_ones() as usize
}
