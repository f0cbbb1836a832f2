//! Looking runs of words up: certain ways first, guesses only where those find less, and nothing rather than a wild guess.

use std::ops::Range;

use super::badges::{self, Badge};
use super::fuzzy::{self, Spelling, Typed};
use super::generation::{ends_in_count, tells_version};
use super::index::{BrandId, FILLERS, Index, ModelId};
use super::matches::{BrandMatch, MatchKind, ModelMatch, Scope};
use super::ngrams::{Ngram, ngrams};
use super::normalize;
use super::reference::Model;
use super::transliteration;
use super::words::{Joint, Word, join};

impl Index {
    /// The brands that some of the words name, best first: the one that explains most letters, and the surest.
    pub fn find_brands(&self, words: &[Word]) -> Vec<BrandMatch> {
        self.brands(words, |key| self.brands_named(key))
    }

    /// Like [`Self::find_brands`], but without guessing.
    pub fn mentioned_brands(&self, words: &[Word]) -> Vec<BrandMatch> {
        self.brands(words, |key| self.brands_spelled(key))
    }

    fn brands(&self, words: &[Word], named: impl Fn(&str) -> Vec<(BrandId, MatchKind)>) -> Vec<BrandMatch> {
        let mut found: Vec<BrandMatch> = Vec::new();
        for ngram in ngrams(words) {
            let hits = named(&ngram.key).into_iter();
            found.extend(hits.map(|(brand, how)| BrandMatch {
                brand,
                how,
                span: ngram.span.clone(),
                weight: ngram.letters - how.penalty(),
            }));
        }
        found.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.brand.cmp(&b.brand)));
        found
    }

    /// The models that some of the words name, best first, each once. Guesses are made only for runs of words that no
    /// certain match explains as well.
    pub fn find_models(&self, words: &[Word], scope: Scope) -> Vec<ModelMatch> {
        let ngrams = ngrams(words);
        let mut found: Vec<ModelMatch> = Vec::new();
        for ngram in &ngrams {
            let mut hits = self.models_named(&ngram.key, scope);
            // What is left of a name without "Class" or "Series" stands first: "S-klasse V" is no V-Class.
            hits.retain(|(_, how)| *how != MatchKind::Bare || ngram.span.start == 0);
            found.extend(hits.into_iter().map(|(model, how)| ngram.matched(model, how)));
        }
        // "GLC-класс" is no GLK, though the whole of it reads like one.
        let spelled: Vec<(ModelId, Range<usize>)> = found
            .iter()
            .filter(|hit| hit.how <= MatchKind::LookAlike)
            .map(|hit| (hit.model, hit.span.clone()))
            .collect();
        found.retain(|hit| {
            hit.how <= MatchKind::LookAlike
                || !spelled.iter().any(|(model, span)| *model != hit.model && is_but_fillers(words, span, &hit.span))
        });
        let certain = found.iter().map(|hit| hit.weight).fold(0.0, f32::max);
        let named: Vec<Range<usize>> = found.iter().map(|hit| hit.span.clone()).collect();
        let is_name = |ngram: &&Ngram| {
            let run = words.get(ngram.span.clone()).unwrap_or_default();
            !tells_version(run)
                && !run.iter().all(|word| FILLERS.contains(&word.key.as_str()))
                // A brand's name in full is no misspelled model's.
                && self.brands_listed(&ngram.key).is_empty()
                && !self.ends_in_code(run)
                && !named.iter().any(|span| is_but_fillers(words, span, &ngram.span))
        };
        for ngram in ngrams.iter().filter(|ngram| ngram.letters > certain).filter(is_name) {
            let mut hits = self.models_like(&ngram.key, scope);
            hits.retain(|(model, _)| {
                words.get(ngram.span.clone()).is_some_and(|run| self.keeps_short_words(run, *model))
            });
            found.extend(hits.into_iter().map(|(model, how)| ngram.matched(model, how)));
        }
        best_of_each(found)
    }

    /// Whether words end in a generation's code after a name: "Carina (T190)" is no misspelled "Carina 190".
    fn ends_in_code(&self, words: &[Word]) -> bool {
        let is_code = |pair: &[Word]| {
            matches!(pair, [letters, number] if letters.joint == Joint::Loose && number.joint == Joint::Fixed)
                && self.names.codes.contains_key(&transliteration::latin_code(&join(pair)).to_lowercase())
        };
        // What stands in brackets is no part of a name.
        let in_brackets = words.iter().skip(1).any(|word| word.gap.contains('('));
        in_brackets || (words.len() > 2 && words.windows(2).skip(1).any(is_code))
    }

    /// Whether one or two letters that stand first and apart are a model's too: "F-Series" is no E-Series, however near they are.
    pub(super) fn keeps_short_words(&self, words: &[Word], model: ModelId) -> bool {
        let [typed, next, ..] = words else { return true };
        if !next.is_letters() {
            return true;
        }
        let name = super::words::words(&self.model(model).name);
        let [own, ..] = name.as_slice() else { return true };
        let is_short = |word: &Word| word.key.chars().count() <= 2 && word.is_letters();
        !is_short(typed)
            || !is_short(own)
            || transliteration::readings(&typed.key).iter().any(|(reading, _)| *reading == own.key)
    }

    /// The models of a brand that have a generation of this code, if the words are such a code ("W212", "Б6").
    pub fn find_codes(&self, words: &[Word], brand: BrandId) -> Vec<ModelMatch> {
        let mut found = Vec::new();
        let is_code = |ngram: &Ngram| is_code(&ngram.key) && !ends_in_count(words, &ngram.span);
        for ngram in ngrams(words).into_iter().filter(is_code) {
            for (key, reading) in transliteration::readings(&ngram.key) {
                let models = self.models_with_code(&key, brand);
                let weight = ngram.letters - MatchKind::from_reading(reading).penalty() - 0.05;
                found
                    .extend(models.iter().map(|model| ModelMatch { weight, ..ngram.matched(*model, MatchKind::Code) }));
                if !models.is_empty() {
                    break;
                }
            }
            if found.is_empty() {
                found.extend(
                    self.code_with_another_letter(&ngram.key, brand)
                        .into_iter()
                        .map(|model| ngram.matched(model, MatchKind::Code)),
                );
            }
        }
        best_of_each(found)
    }

    /// Models whose chassis number has another letter than the one people put before every number of the brand: W230 is an R230.
    fn code_with_another_letter(&self, key: &str, brand: BrandId) -> Vec<ModelId> {
        let is_number = |key: &str| key.len() == 3 && key.chars().all(|ch| ch.is_ascii_digit());
        let Some(number) =
            transliteration::latin_code(key).get(1..).map(str::to_owned).filter(|number| is_number(number))
        else {
            return Vec::new();
        };
        let fits = |code: &str| code.get(1..) == Some(&number) && code.starts_with(|ch: char| ch.is_ascii_alphabetic());
        // Where engines stand in the models' names, people put one letter before every chassis number.
        let codes = |model: &Model| !model.badges.is_empty() && model.codes().any(|code| fits(&normalize::key(code)));
        self.models_of(brand).filter(|model| codes(self.model(*model))).collect()
    }

    /// Models of the brand that have a generation of this code or short form, by its key.
    fn models_with_code(&self, key: &str, brand: BrandId) -> Vec<ModelId> {
        let models = self.names.codes.get(key).into_iter().flatten();
        models.filter(|model| model.brand == brand).copied().collect()
    }

    /// The models of a brand that have a generation of this number alone: "210", and "34" where engines stand in the models' names.
    /// Other short numbers are too common to say.
    pub fn models_with_number(&self, key: &str, brand: BrandId) -> Vec<ModelId> {
        if !key.chars().all(|ch| ch.is_ascii_digit()) {
            return Vec::new();
        }
        match key.len() {
            3 => self.models_with_code(key, brand),
            2 => {
                let has_chassis = |model: &Model| super::generation::chassis(key, model).is_some();
                self.models_of(brand).filter(|model| has_chassis(self.model(*model))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a model of the brand has a name at most one letter away, however short it is.
    pub fn is_nearly_named(&self, words: &[Word], brand: BrandId) -> bool {
        !self.like(&join(words), Scope::Brand(brand), 1, 2).is_empty()
    }

    fn brands_spelled(&self, key: &str) -> Vec<(BrandId, MatchKind)> {
        read(key, |reading| self.names.brands.get(reading).into_iter().flatten().copied().collect())
    }

    fn brands_named(&self, key: &str) -> Vec<(BrandId, MatchKind)> {
        let exact = self.brands_spelled(key);
        if exact.is_empty() { self.brands_like(key) } else { exact }
    }

    fn models_named(&self, key: &str, scope: Scope) -> Vec<(ModelId, MatchKind)> {
        let within = |model: &ModelId| scope.has(*model);
        read(key, |reading| {
            let named = self.names.models.get(reading).into_iter().flatten();
            let mut hits: Vec<(ModelId, MatchKind)> = named.copied().collect();
            // "3" alone names a Tesla only where the brand is known.
            hits.retain(|(model, how)| within(model) && (*how != MatchKind::Bare || scope != Scope::All));
            if !hits.iter().any(|(_, how)| how.is_certain()) && reading.contains(|ch: char| ch.is_ascii_digit()) {
                let badges =
                    self.badges().filter(|badge| within(&badge.model) && badges::fits(reading, &badge.pattern));
                hits.extend(badges.map(|badge| (badge.model, MatchKind::Badge)));
            }
            if let (true, Scope::Brand(brand)) = (hits.is_empty(), scope) {
                hits = self.models_with_engine(reading, brand);
            }
            hits
        })
    }

    /// A model's letters followed by an engine's three digits, where the reference lists no badges: "RX400t".
    pub(super) fn models_with_engine(&self, key: &str, brand: BrandId) -> Vec<(ModelId, MatchKind)> {
        let letters = key.trim_end_matches(|ch: char| ch.is_ascii_alphabetic());
        let letters = letters.trim_end_matches(|ch: char| ch.is_ascii_digit());
        let engine = key.len() - letters.len();
        if letters.is_empty() || letters.len() > 3 || !(3..=5).contains(&engine) || normalize::digits(key).len() != 3 {
            return Vec::new();
        }
        let named = self.names.models.get(letters).into_iter().flatten();
        let models = named.map(|(model, _)| *model).filter(|model| model.brand == brand);
        models.filter(|model| self.model(*model).badges.is_empty()).map(|model| (model, MatchKind::Badge)).collect()
    }

    fn models_like(&self, key: &str, scope: Scope) -> Vec<(ModelId, MatchKind)> {
        let shape_letters = if scope == Scope::All { 5 } else { 1 };
        let mut hits = fuzzy::closest(self.like(key, scope, fuzzy::allowance(key, scope), shape_letters));
        if scope != Scope::All && hits.is_empty() {
            let shape = normalize::skeleton(key);
            let badges = self.badges().filter(|badge| scope == Scope::Brand(badge.model.brand));
            hits.extend(
                badges
                    .filter(|badge| badges::looks_like(key, &shape, &badge.pattern))
                    .map(|badge| (badge.model, MatchKind::Shape)),
            );
        }
        if scope != Scope::All && hits.is_empty() {
            hits = self.beginning_with(key, scope);
        }
        hits
    }

    /// The one family of models whose names begin with the key: "степ" → Stepwgn, "tig7" → Tiggo 7.
    pub(super) fn beginning_with(&self, key: &str, scope: Scope) -> Vec<(ModelId, MatchKind)> {
        let digits = normalize::digits(key);
        let stem = normalize::phonetic_key(key.trim_end_matches(|ch: char| ch.is_ascii_digit()));
        let long_enough = if digits.is_empty() { 5 } else { 3 };
        if stem.chars().count() < long_enough || !key.ends_with(digits.as_str()) {
            return Vec::new();
        }
        let names = self.names.model_spellings.beginning(&stem);
        let mut models: Vec<ModelId> =
            names.filter(|it| scope.has(it.id) && it.digits == digits).map(|it| it.id).collect();
        models.sort();
        models.dedup();
        let shortest = models.iter().copied().min_by_key(|model| self.model(*model).name.chars().count());
        match shortest {
            Some(model) if models.iter().all(|other| self.is_family(model, *other)) => {
                vec![(model, MatchKind::Prefix)]
            }
            _ => Vec::new(),
        }
    }

    /// Whether `other` is `model` or a model named after it: Corolla, Corolla Verso.
    pub fn is_family(&self, model: ModelId, other: ModelId) -> bool {
        model == other
            || (model.brand == other.brand
                && normalize::key(&self.model(other).name).starts_with(&normalize::key(&self.model(model).name)))
    }

    /// Models within the scope that the key may be a misspelling of, at most `allowance` letters away.
    pub(super) fn like(
        &self,
        key: &str,
        scope: Scope,
        allowance: usize,
        shape_letters: usize,
    ) -> Vec<(&Spelling<ModelId>, MatchKind)> {
        let typed = Typed::new(key);
        let names = &self.names.model_spellings;
        names.like(&typed, allowance, shape_letters, &names.places(&scope.models()))
    }

    pub(super) fn spellings(&self, scope: Scope) -> impl Iterator<Item = &Spelling<ModelId>> {
        let names = &self.names.model_spellings;
        names.at(names.places(&scope.models())).iter()
    }

    pub(super) fn badges(&self) -> impl Iterator<Item = &Badge> {
        self.names.badges.iter()
    }

    pub(super) fn models_of(&self, brand: BrandId) -> impl Iterator<Item = ModelId> {
        (0..self.brand(brand).models.len()).map(move |model| ModelId { brand, model })
    }
}

/// The hits of the first reading of a key that has any, each with the less sure of how it was read and how it is listed.
fn read<Id: Copy>(key: &str, look_up: impl Fn(&str) -> Vec<(Id, MatchKind)>) -> Vec<(Id, MatchKind)> {
    for (reading, kind) in transliteration::readings(key) {
        let hits = look_up(&reading);
        if !hits.is_empty() {
            return hits.into_iter().map(|(id, how)| (id, how.max(MatchKind::from_reading(kind)))).collect();
        }
    }
    Vec::new()
}

/// Whether a run of words is a name and words that names are often without: "GLC-класс".
fn is_but_fillers(words: &[Word], name: &Range<usize>, run: &Range<usize>) -> bool {
    let is_filler = |place: usize| words.get(place).is_some_and(|word| FILLERS.contains(&word.key.as_str()));
    name != run
        && run.start <= name.start
        && name.end <= run.end
        && run.clone().all(|place| name.contains(&place) || is_filler(place))
}

/// Letters and digits both: a code, not a word and not a number.
fn is_code(key: &str) -> bool {
    key.chars().any(char::is_alphabetic) && key.chars().any(|ch| ch.is_ascii_digit())
}

/// Sorted best first, each model with its best match only; a model named for certain is not also guessed.
fn best_of_each(mut found: Vec<ModelMatch>) -> Vec<ModelMatch> {
    let certain: Vec<ModelId> = found.iter().filter(|hit| hit.how.is_certain()).map(|hit| hit.model).collect();
    found.retain(|hit| hit.how.is_certain() || !certain.contains(&hit.model));
    // Of two names the first counts: "6 III Рестайлинг 2" is a 6.
    let place = |hit: &ModelMatch| hit.span.start;
    found.sort_by(|a, b| {
        b.weight.total_cmp(&a.weight).then(a.how.cmp(&b.how)).then(place(a).cmp(&place(b))).then(a.model.cmp(&b.model))
    });
    let mut best: Vec<ModelMatch> = Vec::new();
    for hit in found {
        if !best.iter().any(|known| known.model == hit.model) {
            best.push(hit);
        }
    }
    best
}

#[cfg(test)]
mod tests;
