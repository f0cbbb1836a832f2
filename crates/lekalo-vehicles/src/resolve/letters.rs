//! Latin letters called by their names: "эл эс 460" is "LS 460", "кью 7" is "Q7".

use std::ops::Range;

use super::super::index::Index;
use super::super::words::{Joint, Word};
use super::text::is_in_name;

/// The names that are no other word, and their letters.
const NAMES: &[(&str, &str)] = &[
    ("эй", "a"),
    ("би", "b"),
    ("си", "c"),
    ("ди", "d"),
    ("эф", "f"),
    ("джи", "g"),
    ("эйч", "h"),
    ("аш", "h"),
    ("ай", "i"),
    ("джей", "j"),
    ("кей", "k"),
    ("эл", "l"),
    ("эль", "l"),
    ("эм", "m"),
    ("эн", "n"),
    ("пи", "p"),
    ("кью", "q"),
    ("ку", "q"),
    ("ар", "r"),
    ("эр", "r"),
    ("эс", "s"),
    ("ти", "t"),
    ("ви", "v"),
    ("икс", "x"),
    ("зет", "z"),
];

/// Writes letters that are called by name as letters, each run as one word, unless a car is listed under the names themselves. One
/// letter alone must have a number after it.
pub(super) fn read(index: &Index, words: &mut Vec<Word>, places: &mut Vec<Range<usize>>) {
    let named = |word: &Word| NAMES.iter().find(|(name, _)| *name == word.key).map(|(_, letter)| *letter);
    // "ц икс 5": one letter is said, the other called by its name.
    let letter = |word: &Word| named(word).or_else(|| (word.key == "ц").then_some("c"));
    let mut place = 0;
    while place < words.len() {
        let letters: String = words.iter().skip(place).map_while(letter).collect();
        let (count, end) = (letters.len(), place + letters.len());
        if !words.iter().skip(place).take(count).any(|word| named(word).is_some()) {
            place += 1;
            continue;
        }
        let is_before_number = words.get(end).is_some_and(|next| next.number().is_some());
        // Listed by itself it is a name, but what stands before a number is a code all the same: "эл эс 460".
        let least = if is_before_number { count + 1 } else { count };
        if count > 0 && is_in_name(index, words, &(place..end), least) {
            place = end;
            continue;
        }
        if count >= 2 || (count == 1 && is_before_number) {
            let last = places.get(end - 1).map(|last| last.end);
            words.drain(place + 1..end);
            places.drain(place + 1..end);
            if let (Some(word), Some(span), Some(last)) = (words.get_mut(place), places.get_mut(place), last) {
                word.key = letters;
                word.joint = Joint::Loose;
                span.end = last;
            }
        }
        place += 1;
    }
}
