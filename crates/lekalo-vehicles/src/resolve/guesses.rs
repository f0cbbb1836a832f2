//! What words that name nothing for certain may have been meant to name: typos, codes read the wrong way, nicknames.

use super::hits::{Hit, hit, is_everyday, may_be_misspelled};
use super::text::{Kind, Text};
use crate::index::{BrandId, Index};
use crate::matches::{MatchKind, Scope};
use crate::ngrams::Ngram;

/// Each further car that a nickname may stand for weighs so much less.
const NEXT: f32 = 0.4;

/// Misspelled names, the nearer the heavier.
pub(super) fn guesses(index: &Index, text: &Text, ngram: &Ngram, scope: Scope) -> Vec<Hit> {
    let guessed = index.models_like_typed(&ngram.key, scope).into_iter();
    guessed
        .filter(|(model, ..)| {
            text.words.get(ngram.span.clone()).is_some_and(|run| index.keeps_short_words(run, *model))
        })
        .map(|(model, how, distance)| {
            let guessed = hit(ngram, model, how);
            Hit { weight: guessed.weight - 0.2 * distance as f32, ..guessed }
        })
        .collect()
}

/// Codes in Latin letters whose Cyrillic ones only look Latin: "rh 330" for "РХ 330", which is an RX.
pub(super) fn with_other_letters<'a>(
    index: &Index,
    ngrams: impl Iterator<Item = &'a Ngram>,
    brand: BrandId,
) -> Vec<Hit> {
    let mut hits = Vec::new();
    for ngram in ngrams.filter(|ngram| ngram.key.is_ascii() && ngram.key.contains('h') && ngram.letters <= 6.0) {
        let named = index.models_in_any_reading(&ngram.key.replace("kh", "x").replace('h', "x"), true).into_iter();
        let named = named.filter(|(model, how)| model.brand == brand && how.is_certain());
        hits.extend(named.map(|(model, _)| hit(ngram, model, MatchKind::Sound)));
    }
    hits
}

/// Adds what single words, not yet named for certain, may be nicknames of.
pub(super) fn add_nicknames<'a>(
    index: &Index,
    text: &Text,
    hits: &mut Vec<Hit>,
    ngrams: impl Iterator<Item = &'a Ngram>,
    scope: Scope,
) {
    let has_number = text.kinds.contains(&Kind::Number);
    for ngram in ngrams.filter(|ngram| ngram.span.len() == 1 && ngram.letters >= 4.0 && may_be_misspelled(text, ngram))
    {
        if hits.iter().any(|hit| hit.is_certain() && hit.ended.is_none() && hit.span.contains(&ngram.span.start)) {
            continue;
        }
        if scope == Scope::All && is_everyday(text, &ngram.span) {
            continue;
        }
        // The best known is meant likeliest.
        for (model, place) in index.nicknamed(&ngram.key, scope, has_number).into_iter().zip(0_u8..) {
            let named = hit(ngram, model, MatchKind::Prefix);
            // A code beside it is read as its generation then: "форюха сг5".
            let code = hits.iter().position(|hit| hit.model == model && hit.span.start != ngram.span.start);
            let beside = code.map_or(0.0, |place| hits.swap_remove(place).weight);
            hits.push(Hit { weight: named.weight + beside - NEXT * f32::from(place), ..named });
        }
    }
}
