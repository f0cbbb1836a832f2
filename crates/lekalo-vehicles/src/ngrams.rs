//! Runs of words that may be a name.

use std::ops::Range;

use super::index::ModelId;
use super::matches::{MatchKind, ModelMatch};
use super::words::{Joint, Word, join};

/// No name is longer than so many words or letters.
const MAX_WORDS: usize = 5;
pub(crate) const MAX_LETTERS: usize = 40;

/// A run of words that may be a name.
pub(crate) struct Ngram {
    pub span: Range<usize>,
    pub key: String,
    pub letters: f32,
}

impl Ngram {
    pub(crate) fn matched(&self, model: ModelId, how: MatchKind) -> ModelMatch {
        ModelMatch { model, how, span: self.span.clone(), weight: self.letters - how.penalty() }
    }
}

/// Every run of words that may be a name: it begins and ends where a word does. Words in another order count too
/// ("Verso Corolla").
pub(crate) fn ngrams(words: &[Word]) -> Vec<Ngram> {
    let is_edge = |place: usize| words.get(place).is_none_or(|word| word.joint == Joint::Loose);
    let mut ngrams = Vec::new();
    for start in (0..words.len()).filter(|start| is_edge(*start)) {
        for end in (start + 1..=words.len().min(start + MAX_WORDS)).filter(|end| is_edge(*end)) {
            let Some(part) = words.get(start..end) else {
                continue;
            };
            let key = join(part);
            let letters = key.chars().count();
            if letters > MAX_LETTERS {
                break;
            }
            if part.len() == 2
                && let [first, second] = part
                && [first, second].iter().all(|word| word.is_letters() && word.key.chars().count() >= 3)
            {
                let turned = format!("{}{}", second.key, first.key);
                ngrams.push(Ngram { span: start..end, key: turned, letters: letters as f32 - 0.5 });
            }
            ngrams.push(Ngram { span: start..end, key, letters: letters as f32 });
        }
    }
    ngrams
}
