//! A cell while it is being read: its words, and which of them have been understood. What is left over becomes notes.

use std::ops::Range;

use lekalo_vehicles::words::{Joint, Word, comparisons, words};

/// The words of a cell; reading takes them one by one.
#[derive(Debug, Default)]
pub struct Cell {
    pub words: Vec<Word>,
    taken: Vec<bool>,
    /// Words that only compare: they name no car, and are notes.
    aside: Vec<String>,
    /// What stands after the last word.
    tail: String,
}

impl Cell {
    pub fn new(text: &str) -> Self {
        let words = words(text);
        let tail =
            words.last().map_or(text, |last| text.rsplit_once(&last.text).map_or("", |(_, tail)| tail)).to_owned();
        let (spans, taken) = (comparisons(&words), vec![false; words.len()]);
        let mut cell = Self { words, taken, aside: Vec::new(), tail };
        cell.set_aside(&spans);
        cell
    }

    /// Takes words that name no car of this row; they are notes.
    pub fn set_aside(&mut self, spans: &[Range<usize>]) {
        for span in spans {
            if span.clone().all(|place| self.is_free(place)) {
                self.aside.extend(self.words.get(span.clone()).map(quote));
                self.take(span.clone());
            }
        }
    }

    /// What stands between the word at a place and the one before it, or after the last.
    pub fn gap(&self, place: usize) -> &str {
        if place == self.words.len() { &self.tail } else { self.words.get(place).map_or("", |word| word.gap.as_str()) }
    }

    /// This cell's words, then the other's that are still free.
    pub fn followed_by(mut self, other: &Self) -> Self {
        let mut is_first = true;
        self.tail.clone_from(&other.tail);
        self.aside.extend(other.aside.iter().cloned());
        for place in other.free() {
            if let Some(word) = other.words.get(place) {
                // Words of two cells never hang together.
                let (joint, gap) =
                    if is_first { (Joint::Loose, " ".to_owned()) } else { (word.joint, word.gap.clone()) };
                is_first = false;
                self.words.push(Word { joint, gap, ..word.clone() });
                self.taken.push(false);
            }
        }
        self
    }

    /// Places of the words not yet understood.
    pub fn free(&self) -> Vec<usize> {
        (0..self.words.len()).filter(|place| self.is_free(*place)).collect()
    }

    /// The words not yet understood.
    pub fn free_words(&self) -> Vec<Word> {
        self.free().into_iter().filter_map(|place| self.words.get(place).cloned()).collect()
    }

    pub fn is_free(&self, place: usize) -> bool {
        self.taken.get(place) == Some(&false)
    }

    /// The key of the word at a place, if there is one and it is free.
    pub fn key(&self, place: usize) -> Option<&str> {
        if self.is_free(place) { self.words.get(place).map(|word| word.key.as_str()) } else { None }
    }

    /// Marks the words at these places as understood.
    pub fn take(&mut self, places: Range<usize>) {
        for place in places {
            if let Some(taken) = self.taken.get_mut(place) {
                *taken = true;
            }
        }
    }

    /// Marks a span of [`Self::free_words`] as understood.
    pub fn take_free(&mut self, span: &Range<usize>) {
        let free = self.free();
        for place in free.get(span.clone()).unwrap_or_default() {
            self.take(*place..*place + 1);
        }
    }

    /// Runs of words that nobody understood, as written.
    pub fn leftovers(&self) -> Vec<String> {
        let mut runs: Vec<String> = Vec::new();
        let mut open = false;
        for (place, word) in self.words.iter().enumerate() {
            if !self.is_free(place) {
                open = false;
                continue;
            }
            let text = note(word);
            match runs.last_mut().filter(|_| open) {
                Some(run) => {
                    if word.joint == Joint::Fixed || matches!(word.gap.as_str(), "" | "-" | "/" | ".") {
                        run.push_str(&word.gap);
                    } else {
                        run.push(' ');
                    }
                    run.push_str(&text);
                }
                None => runs.push(text),
            }
            open = true;
        }
        runs.extend(self.aside.iter().cloned());
        runs.retain(|run| !matches!(run.as_str(), "с" | "c" | "и" | "на" | "в"));
        runs
    }
}

/// Words as they stand in the cell.
fn quote(words: &[Word]) -> String {
    let mut text = String::new();
    for (place, word) in words.iter().enumerate() {
        if place > 0 {
            text.push_str(if word.joint == Joint::Fixed || word.gap == "-" { &word.gap } else { " " });
        }
        text.push_str(&note(word));
    }
    text
}

/// Letter case tells no two patterns apart: Latin is upper case, Cyrillic lower.
fn note(word: &Word) -> String {
    if word.text.is_ascii() { word.text.to_uppercase() } else { word.text.to_lowercase() }
}
