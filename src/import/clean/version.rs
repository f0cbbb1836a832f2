//! The words of a name that tell a model's versions apart: engine badges, and what an alias says beside the model.

use super::cache::Lookup;
use std::ops::Range;

use lekalo_vehicles::words::{Joint, Word};
use lekalo_vehicles::{MatchKind, ModelId, ModelMatch, Scope};
use lekalo_vehicles::{normalize, transliteration};

/// Without what an alias says beside the model: of "Веста СВ" and "Портер 2" the first word names the model, the other is its
/// version or generation and must not be lost.
pub fn shortest_name(index: &Lookup, words: &[Word], hit: &ModelMatch) -> ModelMatch {
    if is_badge(index, hit, words.get(hit.span.clone()).unwrap_or_default()) {
        return hit.clone();
    }
    let model = index.model(hit.model);
    let names = [normalize::key(&model.name), normalize::key(&model.ru)];
    let is_own = |word: &Word| {
        transliteration::readings(&word.key).iter().any(|(key, _)| names.iter().any(|name| name.contains(key.as_str())))
    };
    let is_whole = |end: usize| words.get(end).is_none_or(|word| word.joint == Joint::Loose);
    (hit.span.start + 1..hit.span.end)
        .filter(|end| hit.how.is_certain() && is_whole(*end))
        .filter(|end| !words.get(*end..hit.span.end).unwrap_or_default().iter().any(is_own))
        .find_map(|end| {
            let run = words.get(hit.span.start..end)?;
            let same =
                |short: &ModelMatch| short.model == hit.model && short.how.is_certain() && short.span == (0..run.len());
            let short = index.find_models(run, Scope::Brand(hit.model.brand)).into_iter().find(same)?;
            Some(ModelMatch { span: hit.span.start..end, ..short })
        })
        .unwrap_or_else(|| hit.clone())
}

/// "RX330-400" names two engines.
pub fn with_second_engine(words: &[Word], hit: &ModelMatch) -> Range<usize> {
    let is_second =
        words.get(hit.span.end).is_some_and(|word| word.gap == "-" && word.key.len() == 3 && word.number().is_some());
    if hit.how == MatchKind::Badge && is_second { hit.span.start..hit.span.end + 1 } else { hit.span.clone() }
}

/// Whether a model was named by an engine: its name has no such number.
pub fn is_badge(index: &Lookup, hit: &ModelMatch, written: &[Word]) -> bool {
    let model = index.model(hit.model);
    let is_engine = |word: &Word| word.key.len() >= 2 && word.number().is_some() && !model.name.contains(&word.key);
    hit.how == MatchKind::Badge
        || (hit.how != MatchKind::Code && !model.badges.is_empty() && written.iter().any(is_engine))
}

/// A badge the way it is written on the car: "GX 470", "RX 330-400".
pub fn badge(index: &Lookup, model: ModelId, words: &[Word]) -> String {
    let digits = words.iter().find(|word| word.number().is_some()).map_or(0, |word| word.key.len());
    let pattern = index.model(model).badges.iter().find(|badge| badge.matches('#').count() == digits);
    // The badge's own letters, however they were typed: "РХ 300" is an RX 300.
    let letters = pattern.map(|pattern| pattern.trim_end_matches('#').trim());
    let first_number = words.iter().position(|word| word.number().is_some()).unwrap_or_default();
    let mut badge = letters.unwrap_or_default().to_owned();
    for word in words.get(if letters.is_some() { first_number } else { 0 }..).unwrap_or_default() {
        if word.gap == "-" && word.number().is_some() && badge.ends_with(|ch: char| ch.is_ascii_digit()) {
            badge.push('-');
        } else if word.number().is_some() && !badge.is_empty() {
            badge.push(' ');
        }
        badge.push_str(&lekalo_vehicles::transliteration::latin_code(&word.key));
    }
    badge
}
