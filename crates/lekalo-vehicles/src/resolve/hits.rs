//! A model that some words may name, and which words may be taken for one.

use std::ops::Range;

use super::stop_words;
use super::text::{Kind, Text};
use crate::generation::tells_version;
use crate::index::{FILLERS, ModelId};
use crate::matches::MatchKind;
use crate::ngrams::Ngram;
use crate::words::join;

/// In a text of more words only what stands alone, or near its brand, is guessed at: so the work stays bounded.
pub(super) const LONG_TEXT: usize = 12;
/// Runs of more words are not guessed at.
const MOST_GUESSED: usize = 3;
/// A model stands so many words away from its brand at most, where the brand is misspelled.
const NEAR: usize = 2;

/// A model that some words may name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit {
    pub model: ModelId,
    pub how: MatchKind,
    pub span: Range<usize>,
    /// An ending was taken off the last word, and the name has so many letters.
    pub ended: Option<usize>,
    /// Letters explained, less what the way of matching costs.
    pub weight: f32,
    /// Other words that name the same model ("одиссей абсолют").
    pub beside: Vec<Range<usize>>,
}

impl Hit {
    /// Whether the text says exactly this name.
    pub(super) fn is_certain(&self) -> bool {
        self.how.is_certain() || self.how == MatchKind::Layout
    }
}

pub(super) fn hit(ngram: &Ngram, model: ModelId, how: MatchKind) -> Hit {
    let matched = ngram.matched(model, how);
    Hit { model, how, span: matched.span, ended: None, weight: matched.weight, beside: Vec::new() }
}

/// Words that may be guessed at, in their order: none of them talk, not all numbers, none that says which version of a car it is,
/// and more than what names are often without ("класс").
pub(super) fn may_be_misspelled(text: &Text, ngram: &Ngram) -> bool {
    let words = text.words.get(ngram.span.clone()).unwrap_or_default();
    let kinds = || ngram.span.clone().map(|place| text.kind(place));
    ngram.span.len() <= if text.words.len() > LONG_TEXT { 1 } else { MOST_GUESSED }
        && ngram.key == join(words)
        && !tells_version(words)
        && !words.iter().all(|word| FILLERS.contains(&word.key.as_str()))
        && kinds().all(|kind| kind != Some(Kind::Talk))
        && kinds().any(|kind| kind == Some(Kind::Name))
}

/// Whether nobody misspells a car like this: everyday words, spelled right.
pub(super) fn is_everyday(text: &Text, span: &Range<usize>) -> bool {
    let words = text.words.get(span.clone()).unwrap_or_default();
    let mut names = words.iter().filter(|word| word.is_letters()).peekable();
    names.peek().is_some() && names.all(|word| stop_words::is_everyday(&word.key))
}

pub(super) fn is_inside(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    inner != outer && outer.start <= inner.start && inner.end <= outer.end
}

/// Whether two runs of words stand side by side, or nearly.
pub(super) fn is_near(one: &Range<usize>, other: &Range<usize>) -> bool {
    (one.end..=one.end + NEAR).contains(&other.start) || (other.end..=other.end + NEAR).contains(&one.start)
}
