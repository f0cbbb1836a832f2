//! Looking one key up in every way at once, for texts that say less than a price list's cell: all readings count, not only the
//! first that fits, so that a name which fits several cars is seen to.

use super::badges;
use super::guess::{self, Typed};
use super::index::{Index, MakeId, ModelId};
use super::matches::{How, Scope};
use super::normalize::{self, Reading};

impl Index {
    /// Every model that a key names in any reading, each with the surest way. [`How::Bare`] names need their make beside them.
    pub(super) fn models_in_any_reading(&self, key: &str, may_be_badge: bool) -> Vec<(ModelId, How)> {
        let mut found = Vec::new();
        for (reading, kind) in normalize::readings(key) {
            let how = How::from_reading(kind);
            let named = self.names.models.get(&reading).into_iter().flatten();
            for (model, listed) in named {
                // Two Cyrillic words that are one in Latin letters only sound alike: "форька" is no "форца".
                let are_both_read = kind == Reading::Transliteration && *listed == How::Transliteration;
                found.push((*model, if are_both_read { How::Sound } else { how.max(*listed) }));
            }
            if may_be_badge && reading.is_ascii() && normalize::digits(&reading).len() >= 2 {
                for badge in &self.names.badges {
                    if badges::fits(&reading, &badge.pattern) {
                        found.push((badge.model, how.max(How::Badge)));
                    }
                }
            }
        }
        surest(found)
    }

    /// The models that a key spells out, in its own letters.
    pub(super) fn models_spelled(&self, key: &str) -> Vec<(ModelId, How)> {
        let named = self.names.models.get(key).into_iter().flatten();
        named.filter(|(_, how)| *how <= How::Transliteration).copied().collect()
    }

    /// The makes that a key names for certain.
    pub(super) fn makes_in_any_reading(&self, key: &str) -> Vec<(MakeId, How)> {
        let mut found = Vec::new();
        for (reading, kind) in normalize::readings(key) {
            // Two letters in the other alphabet are a chance: "до" is no DO.
            if kind != Reading::Plain && reading.chars().count() < 3 {
                continue;
            }
            let named = self.names.makes.get(&reading).into_iter().flatten();
            for (make, listed) in named {
                found.push((*make, How::from_reading(kind).max(*listed)));
            }
        }
        surest(found)
    }

    /// Makes that a key may be a misspelling of.
    pub(super) fn makes_like(&self, key: &str) -> Vec<(MakeId, How)> {
        let typed = Typed::new(key);
        let names = &self.names.make_spellings;
        guess::closest(names.like(&typed, guess::make_allowance(key), 5, &names.all_places()))
    }

    /// The one make whose name begins with a key of some length: "фольцв", "мицуб".
    pub(super) fn make_beginning(&self, key: &str) -> Option<MakeId> {
        if key.chars().count() < 4 || !key.chars().all(char::is_alphabetic) {
            return None;
        }
        let names = &self.names.make_spellings;
        let spellings = names.at(names.all_places()).iter();
        let begins = |text: &str| text.starts_with(key);
        let mut makes = spellings.filter(|it| it.forms().any(|form| begins(form.text()))).map(|it| it.id);
        let first = makes.next()?;
        makes.all(|make| make == first).then_some(first)
    }

    /// The models with a generation of this code, in any reading: "w212", "рф3".
    pub(super) fn models_with_any_code(&self, key: &str) -> Vec<(ModelId, How)> {
        let mut found = Vec::new();
        for (reading, kind) in normalize::readings(key) {
            let coded = self.names.codes.get(&reading).into_iter().flatten();
            for model in coded {
                found.push((*model, How::from_reading(kind).max(How::Code)));
            }
        }
        surest(found)
    }

    /// Every model that a key may be a misspelling of, and how many letters are other than in the nearest of its spellings.
    /// Without a make only letters count, not the sound alone: otherwise half of all words are near to some car.
    pub(super) fn models_like_typed(&self, key: &str, scope: Scope) -> Vec<(ModelId, How, usize)> {
        let letters = key.chars().filter(|ch| ch.is_alphabetic()).count();
        let (allowance, sounding) = match (scope, letters) {
            (Scope::All, 0..=4) | (Scope::Make(_), 0..=3) => return Vec::new(),
            (Scope::All, 5..=8) => (1, 2),
            (Scope::All, _) => (2, 3),
            (Scope::Make(_), 4..=5) => (1, 9),
            (Scope::Make(_), _) => (2, 9),
        };
        let typed = Typed::new(key);
        let mut found: Vec<(ModelId, How, usize)> = Vec::new();
        let names = &self.names.model_spellings;
        for (name, distance) in names.near(&typed, allowance, &names.places(&scope.models())) {
            let same_sound = name.sound == typed.spelling.sound && distance <= sounding;
            // Few get the first letter of a name wrong, and short words are near to too many names.
            let begins_otherwise = scope == Scope::All && letters <= 6 && !name.begins_like(&typed.spelling);
            let how = match u8::try_from(distance) {
                _ if same_sound => How::Sound,
                Ok(wrong) if distance <= allowance && !begins_otherwise => How::Typo(wrong),
                _ => continue,
            };
            found.push((name.id, how, distance));
        }
        found.sort_unstable();
        found.dedup_by_key(|(model, ..)| *model);
        if found.is_empty() && scope != Scope::All {
            let sounding = self.like(key, scope, if letters < 5 { 0 } else { allowance }, 3).into_iter();
            let by_sound = surest(sounding.map(|(name, how)| (name.id, how)).collect());
            found.extend(by_sound.into_iter().map(|(model, how)| (model, how, allowance + 1)));
        }
        found
    }
}

/// Each once, in its surest way.
fn surest<Id: Ord + Copy>(mut found: Vec<(Id, How)>) -> Vec<(Id, How)> {
    found.sort_unstable();
    found.dedup_by_key(|(id, _)| *id);
    found
}
