//! Words that speak of another car than the one that is meant.

use std::ops::Range;

use crate::generation::is_number;
use crate::index::Index;
use crate::words::{Word, comparisons, join};

/// A car that is not meant is called by so many words at most.
const NEGATED: usize = 4;

/// Takes out what a car is compared with, and cars that are not meant.
pub(super) fn drop(index: &Index, words: &mut Vec<Word>, places: &mut Vec<Range<usize>>) {
    take_out(&comparisons(words), words, places);
    take_out(&index.negations(words), words, places);
}

fn take_out(spans: &[Range<usize>], words: &mut Vec<Word>, places: &mut Vec<Range<usize>>) {
    for span in spans.iter().rev() {
        words.drain(span.clone());
        places.drain(span.clone());
    }
}

impl Index {
    /// Cars that are named to say that they are not meant: "королла, не филдер", "камри не 70, а 50".
    pub fn negations(&self, words: &[Word]) -> Vec<Range<usize>> {
        let models = |run: &[Word]| self.models_spelled(&join(run));
        let brands = |run: &[Word]| self.brands_listed(&join(run));
        let are_both = |(brand, model): (&[Word], &[Word])| {
            let brands = brands(brand);
            models(model).iter().any(|(model, _)| brands.contains(&model.brand))
        };
        let is_name = |run: &[Word]| {
            !models(run).is_empty()
                || !brands(run).is_empty()
                || (1..run.len()).filter_map(|place| run.split_at_checked(place)).any(are_both)
        };
        let is_short_number =
            |word: Option<&Word>| word.is_some_and(|word| is_number(&word.key) && word.key.len() <= 3);
        let end = |place: usize| {
            let most = words.len().min(place + 1 + NEGATED);
            let named = (place + 2..=most).rev().find(|end| words.get(place + 1..*end).is_some_and(is_name));
            let end = named.unwrap_or(place + 1);
            let end = if is_short_number(words.get(end)) { end + 1 } else { end };
            (end > place + 1).then_some(end)
        };
        let places = (0..words.len()).filter(|place| words.get(*place).is_some_and(|word| word.key == "не"));
        places.filter_map(|place| Some(place..end(place)?)).collect()
    }
}
