//! Looking one key up in every way at once, for texts that say less than a price list's cell: all readings count, not only the
//! first that fits, so that a name which fits several cars is seen to.

use super::badges;
use super::fuzzy::{self, Typed};
use super::index::{BrandId, Index, ModelId};
use super::matches::{MatchKind, Scope};
use super::normalize;
use super::transliteration::{self, Transliteration};

impl Index {
    /// Every model that a key names in any reading, each with the surest way. [`MatchKind::Bare`] names need their brand beside them.
    pub(super) fn models_in_any_reading(&self, key: &str, may_be_badge: bool) -> Vec<(ModelId, MatchKind)> {
        let mut found = Vec::new();
        for (reading, kind) in transliteration::readings(key) {
            let how = MatchKind::from_reading(kind);
            let named = self.names.models.get(&reading).into_iter().flatten();
            for (model, listed) in named {
                // Two Cyrillic words that are one in Latin letters only sound alike: "форька" is no "форца".
                let are_both_read = kind == Transliteration::Phonetic && *listed == MatchKind::Transliteration;
                found.push((*model, if are_both_read { MatchKind::Sound } else { how.max(*listed) }));
            }
            if may_be_badge && reading.is_ascii() && normalize::digits(&reading).len() >= 2 {
                for badge in self.badges() {
                    if badges::fits(&reading, &badge.pattern) {
                        found.push((badge.model, how.max(MatchKind::Badge)));
                    }
                }
            }
        }
        surest(found)
    }

    /// The models that a key spells out, in its own letters.
    pub(super) fn models_spelled(&self, key: &str) -> Vec<(ModelId, MatchKind)> {
        let named = self.names.models.get(key).into_iter().flatten();
        named.filter(|(_, how)| *how <= MatchKind::Transliteration).copied().collect()
    }

    /// The brands that are listed under a key, as spelled or in Latin letters.
    pub(super) fn brands_listed(&self, key: &str) -> Vec<BrandId> {
        self.names.brands.get(key).into_iter().flatten().map(|(brand, _)| *brand).collect()
    }

    /// The brands that a key names for certain.
    pub(super) fn brands_in_any_reading(&self, key: &str) -> Vec<(BrandId, MatchKind)> {
        let mut found = Vec::new();
        for (reading, kind) in transliteration::readings(key) {
            // Two letters in the other alphabet are a chance: "до" is no DO.
            if kind != Transliteration::Plain && reading.chars().count() < 3 {
                continue;
            }
            let named = self.names.brands.get(&reading).into_iter().flatten();
            for (brand, listed) in named {
                found.push((*brand, MatchKind::from_reading(kind).max(*listed)));
            }
        }
        surest(found)
    }

    /// Brands that a key may be a misspelling of.
    pub(super) fn brands_like(&self, key: &str) -> Vec<(BrandId, MatchKind)> {
        let typed = Typed::new(key);
        let names = &self.names.brand_spellings;
        fuzzy::closest(names.like(&typed, fuzzy::brand_allowance(key), 5, &names.all_places()))
    }

    /// The one brand whose name begins with a key of some length: "фольцв", "мицуб".
    pub(super) fn brand_beginning(&self, key: &str) -> Option<BrandId> {
        if key.chars().count() < 4 || !key.chars().all(char::is_alphabetic) {
            return None;
        }
        let forms = &self.names.brand_forms;
        let from = forms.partition_point(|(form, _)| form.as_str() < key);
        let rest = forms.get(from..).unwrap_or_default().iter();
        let mut brands = rest.take_while(|(form, _)| form.starts_with(key)).map(|(_, brand)| *brand);
        let first = brands.next()?;
        brands.all(|brand| brand == first).then_some(first)
    }

    /// The models with a generation of this code, in any reading: "w212", "рф3".
    pub(super) fn models_with_any_code(&self, key: &str) -> Vec<(ModelId, MatchKind)> {
        let mut found = Vec::new();
        for (reading, kind) in transliteration::readings(key) {
            let coded = self.names.codes.get(&reading).into_iter().flatten();
            for model in coded {
                found.push((*model, MatchKind::from_reading(kind).max(MatchKind::Code)));
            }
        }
        surest(found)
    }

    /// Every model that a key may be a misspelling of, and how many letters are other than in the nearest of its spellings.
    /// Without a brand only letters count, not the sound alone: otherwise half of all words are near to some car.
    pub(super) fn models_like_typed(&self, key: &str, scope: Scope) -> Vec<(ModelId, MatchKind, usize)> {
        let letters = key.chars().filter(|ch| ch.is_alphabetic()).count();
        let (allowance, sounding) = match (scope, letters) {
            (Scope::All, 0..=4) | (Scope::Brand(_), 0..=3) => return Vec::new(),
            (Scope::All, 5..=8) => (1, 2),
            (Scope::All, _) => (2, 3),
            (Scope::Brand(_), 4..=5) => (1, 9),
            (Scope::Brand(_), _) => (2, 9),
        };
        let typed = Typed::new(key);
        let mut found: Vec<(ModelId, MatchKind, usize)> = Vec::new();
        let names = &self.names.model_spellings;
        for (name, distance) in names.near(&typed, allowance, &names.places(&scope.models())) {
            let same_sound = name.phonetic_key == typed.spelling.phonetic_key && distance <= sounding;
            // Few get the first letter of a name wrong, and short words are near to too many names.
            let begins_otherwise = scope == Scope::All && letters <= 6 && !name.begins_like(&typed.spelling);
            let how = match u8::try_from(distance) {
                _ if same_sound => MatchKind::Sound,
                Ok(wrong) if distance <= allowance && !begins_otherwise => MatchKind::Typo(wrong),
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
fn surest<Id: Ord + Copy>(mut found: Vec<(Id, MatchKind)>) -> Vec<(Id, MatchKind)> {
    found.sort_unstable();
    found.dedup_by_key(|(id, _)| *id);
    found
}
