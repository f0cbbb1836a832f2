//! A brand and its model typed as one word: "тойотакамри", "бмвх5".

use std::ops::{Range, RangeInclusive};

use super::text::without_ending;
use crate::index::Index;
use crate::matches::MatchKind;
use crate::normalize;
use crate::words::{Joint, Word, join};

/// A word that a brand and its model, or the beginning of it, are glued into has so many letters, a brand and a whole model in it at
/// least so many; so many words may go on with the model.
const GLUED: RangeInclusive<usize> = 4..=24;
const SHORTEST_GLUED: usize = 3;
const GOES_ON: usize = 2;

/// Cuts a brand and its model apart that were typed as one word: "тойотакамри", "ToyotaCamry".
pub(super) fn split(index: &Index, words: &mut Vec<Word>, places: &mut Vec<Range<usize>>) {
    let mut place = 0;
    while place < words.len() {
        if let (Some(word), Some(span)) = (words.get(place), places.get(place))
            && let Some(length) = words.get(place..).and_then(|words| glued_brand(index, words))
        {
            let part =
                |text: String| Word { key: normalize::key(&text), text, joint: Joint::Loose, gap: String::new() };
            let middle = span.start + length;
            let (brand, model) =
                (part(word.text.chars().take(length).collect()), part(word.text.chars().skip(length).collect()));
            let brand = Word { joint: word.joint, gap: word.gap.clone(), ..brand };
            let ends = [span.start..middle, middle..span.end];
            words.splice(place..=place, [brand, model]);
            places.splice(place..=place, ends);
            place += 1;
        }
        place += 1;
    }
}

/// How many letters of the first word are a brand that its model follows, where the word as a whole is no name. The model may go on in
/// the next words: "бмвх5", "маздасх-9".
fn glued_brand(index: &Index, words: &[Word]) -> Option<usize> {
    let (word, next) = words.split_first()?;
    let letters: Vec<char> = word.text.chars().collect();
    let may_be = word.is_letters() && GLUED.contains(&letters.len());
    if !may_be || !index.models_spelled(&word.key).is_empty() || !index.brands_in_any_reading(&word.key).is_empty() {
        return None;
    }
    (SHORTEST_GLUED..letters.len()).rev().find(|length| {
        let (brand, model) = letters.split_at(*length);
        let brands = index.brands_listed(&normalize::key(&String::from_iter(brand)));
        if brands.is_empty() {
            return false;
        }
        let begun = normalize::key(&String::from_iter(model));
        let is_whole = model.len() >= SHORTEST_GLUED;
        let is_model = |key: &String| {
            let named = index.models_in_any_reading(key, false);
            named.iter().any(|(model, how)| *how <= MatchKind::Transliteration && brands.contains(&model.brand))
        };
        let goes_on = |count: usize| next.get(..count).map(|next| format!("{begun}{}", join(next)));
        (is_whole && (is_model(&begun) || without_ending(&begun, SHORTEST_GLUED).iter().any(is_model)))
            || (1..=GOES_ON).filter_map(goes_on).any(|key| is_model(&key))
    })
}
