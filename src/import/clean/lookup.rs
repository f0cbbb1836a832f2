//! The index with a memory: a price list names the same makes and models over and over.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;

use lekalo_vehicles::words::{Joint, Word};
use lekalo_vehicles::{Index, MakeId, MakeMatch, ModelMatch, Scope};

/// How many answers of a kind are remembered; when there are more, it begins anew.
const MOST: usize = 32_768;
/// Longer names are no names, and are not remembered. In bytes.
const LONGEST: usize = 64;

/// An [`Index`] that remembers what it was asked.
pub struct Lookup<'i> {
    index: &'i Index,
    memory: Memory,
}

/// What was asked so far, and the answers.
#[derive(Default)]
pub struct Memory {
    makes: Answers<(), Vec<MakeMatch>>,
    mentioned: Answers<(), Vec<MakeMatch>>,
    models: Answers<Scope, Vec<ModelMatch>>,
    codes: Answers<MakeId, Vec<ModelMatch>>,
}

impl<'i> Lookup<'i> {
    /// One with what was asked of the same index before.
    pub fn new(index: &'i Index, memory: Memory) -> Self {
        Self { index, memory }
    }

    /// What it remembers by now.
    pub fn into_memory(self) -> Memory {
        self.memory
    }

    /// [`Index::find_makes`].
    pub fn find_makes(&self, words: &[Word]) -> Vec<MakeMatch> {
        self.memory.makes.recall((), words, || self.index.find_makes(words))
    }

    /// [`Index::mentioned_makes`].
    pub fn mentioned_makes(&self, words: &[Word]) -> Vec<MakeMatch> {
        self.memory.mentioned.recall((), words, || self.index.mentioned_makes(words))
    }

    /// [`Index::find_models`].
    pub fn find_models(&self, words: &[Word], scope: Scope) -> Vec<ModelMatch> {
        self.memory.models.recall(scope, words, || self.index.find_models(words, scope))
    }

    /// [`Index::find_codes`].
    pub fn find_codes(&self, words: &[Word], make: MakeId) -> Vec<ModelMatch> {
        self.memory.codes.recall(make, words, || self.index.find_codes(words, make))
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
