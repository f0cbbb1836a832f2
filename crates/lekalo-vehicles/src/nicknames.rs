//! Nicknames that people make up as they talk: the beginning of a name and an ending ("логаныч", "форюха", "ласик").
//!
//! Those in common use are aliases in the reference; this is for the others.

use super::index::{Index, ModelId};
use super::matches::Scope;

/// From this popularity on a model is known well enough to have nicknames, and a short name is believed by itself.
pub(crate) const KNOWN: f32 = 0.25;
/// From this popularity on so few letters as three stand for a model.
const VERY_WELL_KNOWN: f32 = 0.5;
/// So many models may share a nickname.
const MOST: usize = 5;

/// What nicknames end in.
const ENDINGS: &[&str] = &[
    "овник",
    "евник",
    "ярик",
    "арик",
    "юшка",
    "ушка",
    "юшник",
    "ушник",
    "ишка",
    "ашка",
    "яшка",
    "очка",
    "ечка",
    "еныш",
    "ачок",
    "юха",
    "уха",
    "уля",
    "юля",
    "уня",
    "юня",
    "яра",
    "ара",
    "еха",
    "оша",
    "яша",
    "уся",
    "юся",
    "ига",
    "ыга",
    "чик",
    "ыч",
    "ич",
    "ик",
    "юк",
    "як",
    "иха",
    "юшу",
    "юху",
    "уху",
    "ешка",
    "юша",
    "уша",
    "аша",
    "овка",
    "евка",
    "унька",
    "юнька",
];

/// Endings that nouns of all kinds have: a nickname only where the brand is known, or a number stands beside it and four letters at
/// least before them ("Манас 40" is an address).
const COMMON_ENDINGS: &[&str] = &["ан", "ян", "ос", "ас", "ец", "ень", "ок", "ек", "ник", "онка", "енка"];

impl Index {
    /// The models that a nickname may stand for, likeliest first: those whose whole name it begins with, then the best known. Three
    /// letters say enough where the brand is known or `has_number`, of a very well known model, or if nothing else begins so.
    pub(super) fn nicknamed(&self, key: &str, scope: Scope, has_number: bool) -> Vec<ModelId> {
        let is_clear = has_number || scope != Scope::All;
        let mut found: Vec<(bool, f32, ModelId)> = Vec::new();
        let common: &[&str] = if is_clear { COMMON_ENDINGS } else { &[] };
        for stem in ENDINGS.iter().chain(common).filter_map(|ending| key.strip_suffix(ending)) {
            let letters = stem.chars().count();
            let beginning = self.familiar_beginning(stem);
            let first = beginning.first().map(|(_, model)| *model);
            let is_only = beginning.iter().all(|(_, model)| Some(*model) == first);
            let least = if letters > 3 || is_clear || is_only { KNOWN } else { VERY_WELL_KNOWN };
            let shortest = if scope == Scope::All && COMMON_ENDINGS.iter().any(|it| key.ends_with(it)) { 4 } else { 3 };
            for (spelling, model) in beginning.iter().filter(|_| letters >= shortest) {
                let popularity = self.model(*model).popularity();
                if scope.has(*model) && popularity >= least {
                    found.push((spelling == stem, popularity, *model));
                }
            }
        }
        found.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
        let mut models: Vec<ModelId> = Vec::new();
        for (.., model) in found {
            if models.len() < MOST && !models.contains(&model) {
                models.push(model);
            }
        }
        models
    }

    fn familiar_beginning(&self, stem: &str) -> &[(String, ModelId)] {
        let from = self.names.familiar.partition_point(|(spelling, _)| spelling.as_str() < stem);
        let rest = self.names.familiar.get(from..).unwrap_or_default();
        rest.get(..rest.partition_point(|(spelling, _)| spelling.starts_with(stem))).unwrap_or_default()
    }
}
