//! The index with a cache: a price list names the same brands and models over and over.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;

use lekalo_vehicles::words::{Joint, Word};
use lekalo_vehicles::{BrandId, BrandMatch, Index, ModelMatch, Scope};

/// How many answers of a kind are remembered; when there are more, it begins anew.
const MOST: usize = 32_768;
/// Longer names are no names, and are not remembered. In bytes.
const LONGEST: usize = 64;

/// An [`Index`] that remembers what it was asked.
pub struct Lookup<'i> {
    index: &'i Index,
    cache: Cache,
}

/// What was asked so far, and the answers.
#[derive(Default)]
pub struct Cache {
    brands: Answers<(), Vec<BrandMatch>>,
    mentioned: Answers<(), Vec<BrandMatch>>,
    models: Answers<Scope, Vec<ModelMatch>>,
    codes: Answers<BrandId, Vec<ModelMatch>>,
}

impl<'i> Lookup<'i> {
    /// One with what was asked of the same index before.
    pub fn new(index: &'i Index, cache: Cache) -> Self {
        Self { index, cache }
    }

    /// What it remembers by now.
    pub fn into_cache(self) -> Cache {
        self.cache
    }

    /// [`Index::find_brands`].
    pub fn find_brands(&self, words: &[Word]) -> Vec<BrandMatch> {
        self.cache.brands.recall((), words, || self.index.find_brands(words))
    }

    /// [`Index::mentioned_brands`].
    pub fn mentioned_brands(&self, words: &[Word]) -> Vec<BrandMatch> {
        self.cache.mentioned.recall((), words, || self.index.mentioned_brands(words))
    }

    /// [`Index::find_models`].
    pub fn find_models(&self, words: &[Word], scope: Scope) -> Vec<ModelMatch> {
        self.cache.models.recall(scope, words, || self.index.find_models(words, scope))
    }

    /// [`Index::find_codes`].
    pub fn find_codes(&self, words: &[Word], brand: BrandId) -> Vec<ModelMatch> {
        self.cache.codes.recall(brand, words, || self.index.find_codes(words, brand))
    }
}

impl Deref for Lookup<'_> {
    type Target = Index;

    fn deref(&self) -> &Index {
        self.index
    }
}

/// Answers by scope and by the words as far as they matter: their keys, and how they hang together.
struct Answers<S, A>(RefCell<HashMap<(S, String), A>>);

impl<S, A> Default for Answers<S, A> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<S: Eq + std::hash::Hash, A: Clone> Answers<S, A> {
    fn recall(&self, scope: S, words: &[Word], find: impl FnOnce() -> A) -> A {
        let mut asked = String::with_capacity(LONGEST);
        for word in words {
            asked.push(if word.joint == Joint::Fixed { '-' } else { ' ' });
            asked.push_str(&word.key);
            if asked.len() > LONGEST {
                return find();
            }
        }
        let asked = (scope, asked);
        if let Some(answer) = self.0.borrow().get(&asked) {
            return answer.clone();
        }
        let answer = find();
        let mut answers = self.0.borrow_mut();
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(asked, answer.clone());
        answer
    }
}
