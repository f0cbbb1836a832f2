//! Suggesting which model an unknown name was meant to be, for a person to confirm: never acted on by itself.

use std::ops::Range;

use super::deletion_index::MAX_DISTANCE;
use super::edit_cost;
use super::fuzzy::{Spelling, Typed};
use super::generation::tells_version;
use super::index::{Index, ModelId};
use super::matches::Scope;
use super::ngrams::{MAX_LETTERS, Ngram, ngrams};
use super::normalize;
use super::transliteration;
use super::words::{Word, join};
use crate::vehicle::Years;

/// No more are told.
const MOST: usize = 3;
/// A letter nobody explains, a model not made in the row's years, the best known model: each weighs so much in steps.
const UNEXPLAINED: f32 = 0.35;
const OTHER_YEARS: f32 = 0.6;
const OTHER_NUMBER: f32 = 1.5;
const FAME: f32 = 0.4;
/// Farther ones are not worth telling.
const FAR: f32 = 3.0;
/// A letter left out before a number that stands alone: "6" for "SM6".
const CODE_LETTER: f32 = 0.5;
/// What is left out at a name's end: "экспор" for "эксплорер".
const CUT_OFF: f32 = 0.25;
/// What is left out after a code: "X7" for "X7 Plus".
const VERSION: f32 = 0.1;
/// Reading a name in the other alphabet.
const READ: f32 = 0.1;
/// Farther ones are told but not put down.
const LIKELY: f32 = 2.0;
/// So much nearer than the next, a suggestion is clearly the best.
const CLEAR: f32 = 0.15;

/// A model that words may have been meant to name.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    pub model: ModelId,
    /// Which of the given words.
    pub span: Range<usize>,
    /// How implausible it is, in wrong letters; less is better.
    pub cost: f32,
}

impl Index {
    /// Models that the words may have been meant to name, the most plausible first: by what is wrong in the name, by the years, by
    /// how well known the model is.
    pub fn suggest(&self, words: &[Word], scope: Scope, years: Years) -> Vec<Suggestion> {
        let all: usize = words.iter().map(|word| word.key.chars().count()).sum();
        let all_digits = normalize::digits(&join(words));
        let mut found: Vec<Suggestion> = Vec::new();
        for ngram in ngrams(words).into_iter().filter(|ngram| may_be_meant(words, ngram)) {
            let unexplained = all.saturating_sub(ngram.key.chars().count()) as f32 * UNEXPLAINED;
            for (model, cost) in self.plausible(&ngram, scope) {
                let fits =
                    [years.from, years.to].into_iter().flatten().all(|year| self.model(model).years().contains(year));
                // Another number than the one written is another car: "Tiggo 6" is hardly a Tiggo 7.
                let digits = normalize::digits(&self.model(model).name);
                let is_other = !digits.is_empty() && !all_digits.is_empty() && !all_digits.contains(&digits);
                let against = if fits { 0.0 } else { OTHER_YEARS } + if is_other { OTHER_NUMBER } else { 0.0 };
                let cost = cost + unexplained + against - FAME * self.model(model).popularity();
                found.push(Suggestion { model, span: ngram.span.clone(), cost });
            }
        }
        found.retain(|it| it.cost < FAR);
        found.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.model.cmp(&b.model)));
        let mut best: Vec<Suggestion> = Vec::new();
        for suggestion in found {
            if best.len() < MOST && !best.iter().any(|known| known.model == suggestion.model) {
                best.push(suggestion);
            }
        }
        best
    }

    /// Models with a spelling that a ngram may have been written for, and what that costs.
    fn plausible(&self, ngram: &Ngram, scope: Scope) -> Vec<(ModelId, f32)> {
        let most = allowance(&ngram.key, scope);
        if most == 0.0 {
            return Vec::new();
        }
        let typed = forms(&ngram.key);
        let digits = normalize::digits(&ngram.key);
        let mut found = Vec::new();
        for spelling in self.near_spellings(&ngram.key, scope).into_iter().filter(|it| it.digits.len() >= digits.len())
        {
            for name in spelling.forms().map(|form| Form::new(form.text(), 0.0)) {
                found.extend(typed.iter().filter_map(|typed| Some((spelling.id, typed.written_for(&name, most)?))));
            }
        }
        for badge in self.badges().filter(|badge| scope == Scope::Brand(badge.model.brand)) {
            let letters = badge.pattern.trim_end_matches('#');
            if digits.len() >= 2 && badge.pattern.len() - letters.len() == digits.len() {
                let name = Form::new(&format!("{letters}{digits}"), 0.0);
                found.extend(typed.iter().filter_map(|typed| Some((badge.model, typed.written_for(&name, most)?))));
            }
        }
        found
    }

    /// The spellings worth comparing: a brand's, all of them; among all brands those at most two letters away.
    fn near_spellings(&self, key: &str, scope: Scope) -> Vec<&Spelling<ModelId>> {
        if scope != Scope::All {
            return self.spellings(scope).collect();
        }
        let typed = Typed::new(key);
        let names = &self.names.model_spellings;
        let near = names.near(&typed, MAX_DISTANCE, &names.all_places());
        near.into_iter().map(|(name, _)| name).collect()
    }
}

/// Whether a run of words may be a name that somebody misspelled.
fn may_be_meant(words: &[Word], ngram: &Ngram) -> bool {
    (1..=MAX_LETTERS).contains(&ngram.key.chars().count()) && !words.get(ngram.span.clone()).is_some_and(tells_version)
}

/// Whether the first is so much more plausible than the next that it may be put down for a person to confirm.
pub fn is_clear(suggestions: &[Suggestion]) -> bool {
    match suggestions {
        [] => false,
        [best] => best.cost <= LIKELY,
        [best, next, ..] => best.cost <= LIKELY && next.cost - best.cost >= CLEAR,
    }
}

/// How much may be wrong: less in short names and where all brands are searched; in codes of letters and digits, one letter.
fn allowance(key: &str, scope: Scope) -> f32 {
    let letters = key.chars().filter(|ch| ch.is_alphabetic()).count() as f32;
    let has_digits = key.chars().any(|ch| ch.is_ascii_digit());
    match scope {
        Scope::Brand(_) if letters == 0.0 => 3.0 * CODE_LETTER,
        Scope::Brand(_) if has_digits => 1.2_f32.max(0.4 * letters),
        Scope::Brand(_) => (0.45 * letters).min(3.0),
        Scope::All if letters < 5.0 => 0.0,
        Scope::All => (0.25 * letters).min(2.0),
    }
}

/// A key in some alphabet's letters, and what reading it so costs.
struct Form {
    letters: Vec<char>,
    is_latin: bool,
    extra: f32,
}

impl Form {
    fn new(text: &str, extra: f32) -> Self {
        Self { letters: text.chars().collect(), is_latin: text.is_ascii(), extra }
    }

    /// What it costs to write this for a name, or for its beginning.
    fn written_for(&self, name: &Self, most: f32) -> Option<f32> {
        // Names in different alphabets have no letter in common.
        if self.is_latin != name.is_latin {
            return None;
        }
        let (typed, name) = (&self.letters, &name.letters);
        if typed.iter().all(char::is_ascii_digit) {
            let letters = name.len().saturating_sub(typed.len());
            return (letters <= 3 && name.ends_with(typed)).then_some(CODE_LETTER * letters as f32);
        }
        // "X7" is the whole of "X7 Plus" but for a word.
        if let Some(rest) = name.strip_prefix(typed.as_slice())
            && typed.len() >= 2
            && typed.last().is_some_and(char::is_ascii_digit)
            && rest.iter().all(|ch| ch.is_alphabetic())
        {
            return Some(0.2 + VERSION * rest.len() as f32 + self.extra);
        }
        let whole = edit_cost::cost(typed, name, most);
        let rest = name.len().saturating_sub(typed.len());
        let has_digits = typed.iter().chain(name).any(char::is_ascii_digit);
        if typed.len() < 4 || rest == 0 || (has_digits && rest > 4) {
            return whole.map(|cost| cost + self.extra);
        }
        // A typed letter may be missing too, so that beginnings one letter longer count as well.
        let begins = [typed.len(), typed.len() + 1].into_iter().filter_map(|length| {
            let (beginning, rest) = name.split_at_checked(length)?;
            let rest = rest.iter().filter(|ch| !ch.is_ascii_digit()).count() as f32;
            Some(edit_cost::cost(typed, beginning, most)? + CUT_OFF * rest.max(1.0) + 0.2)
        });
        let least = begins.chain(whole).filter(|cost| *cost <= most).min_by(f32::total_cmp)?;
        Some(least + self.extra)
    }
}

/// A key in the letters it may have been meant in.
fn forms(key: &str) -> Vec<Form> {
    let mut forms = vec![Form::new(key, 0.0)];
    if !key.is_ascii() {
        forms.extend(transliteration::look_alikes(key).map(|text| Form::new(&text, READ)));
        forms.push(Form::new(&transliteration::latin(key), READ));
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::super::index::BrandId;
    use super::*;

    #[test]
    fn only_a_likely_car_that_is_much_nearer_than_the_next_is_put_down() {
        let clear = |costs: &[f32]| {
            let suggestion = |(model, cost): (usize, &f32)| Suggestion {
                model: ModelId { brand: BrandId(0), model },
                span: 0..1,
                cost: *cost,
            };
            is_clear(&costs.iter().enumerate().map(suggestion).collect::<Vec<_>>())
        };
        assert!(clear(&[2.0]) && clear(&[1.0, 1.2]) && clear(&[-0.5, 0.0, 0.0]));
        assert!(!clear(&[]) && !clear(&[2.1]) && !clear(&[1.0, 1.1]) && !clear(&[2.1, 9.0]));
    }
}
