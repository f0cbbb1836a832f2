//! Words that name no car, or seldom do: the lists of `data/words/`, one word or beginning of a word a line.
//!
//! A word that customers use and that is taken for a car belongs there: its beginning into `stop_stems.txt`, or the whole of it
//! into `stop_words.txt` if other words begin the same way.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::normalize;
use crate::transliteration;
use crate::words::words;

const STOP_WORDS: &str = include_str!("../../../../data/words/stop_words.txt");
const STOP_STEMS: &str = include_str!("../../../../data/words/stop_stems.txt");
const HOMOGRAPHS: &str = include_str!("../../../../data/words/homographs.txt");
pub(super) const EVERYDAY: &str = include_str!("../../../../data/words/everyday_words.txt");
const SHOP_STEMS: &str = include_str!("../../../../data/words/shop_stems.txt");
const WISH_STEMS: &str = include_str!("../../../../data/words/wish_stems.txt");
const NOT_CARS: &str = include_str!("../../../../data/words/not_cars.txt");
const UNITS: &str = include_str!("../../../../data/words/units.txt");
const YEAR_UNITS: &str = include_str!("../../../../data/words/year_units.txt");

/// Parts of words that count what a car has: "восьмиместная", "пятидверный".
const MIDDLES: &[&str] = &["местн", "дверн", "рядн", "литров", "цилиндр"];

/// Letters that may follow a beginning.
const LONGEST_ENDING: usize = 6;
/// A shop's words have so many letters, and what their cases have in common so many; a case adds so many at most.
const SHORTEST_SHOP_WORD: usize = 2;
const SHORTEST_SHOP_STEM: usize = 4;
const LONGEST_CASE: usize = 3;
/// Letters that a word has at least whose Latin letters are understood.
const LATIN_LETTERS: usize = 4;

/// A list's lines without its comments.
fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn keys(list: &'static str) -> Vec<String> {
    lines(list).map(normalize::key).collect()
}

/// Keys, and what the longer ones are in Latin letters.
fn romanised(keys: Vec<String>) -> Vec<String> {
    let latin = keys.iter().flat_map(|key| transliteration::romanised(key)).filter(|key| key.len() >= LATIN_LETTERS);
    latin.chain(keys.iter().cloned()).collect()
}

/// What the lists are looked up by.
struct Lists {
    stop_words: HashSet<String>,
    stop_stems: Vec<String>,
    homographs: HashSet<String>,
    everyday: HashSet<&'static str>,
    shop_stems: Vec<String>,
    wish_stems: Vec<String>,
    not_cars: Vec<&'static str>,
    units: HashSet<&'static str>,
    year_units: HashSet<&'static str>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| Lists {
    stop_words: romanised(keys(STOP_WORDS)).into_iter().collect(),
    stop_stems: romanised(keys(STOP_STEMS)),
    homographs: keys(HOMOGRAPHS).into_iter().collect(),
    everyday: lines(EVERYDAY).collect(),
    shop_stems: keys(SHOP_STEMS),
    wish_stems: keys(WISH_STEMS),
    not_cars: lines(NOT_CARS).collect(),
    units: lines(UNITS).collect(),
    year_units: lines(YEAR_UNITS).collect(),
});

/// The words of a shop's catalogue: its categories, options and their values, in every language it speaks. In its customers' texts
/// they are talk, whatever else they may look like.
#[derive(Debug, Clone, Default)]
pub struct ShopWords {
    words: HashSet<String>,
    stems: Vec<String>,
}

impl ShopWords {
    /// Of the names that a shop gives what it sells.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let words: Vec<String> = names
            .into_iter()
            .flat_map(words)
            .filter(|word| word.is_letters() && word.key.chars().count() >= SHORTEST_SHOP_WORD)
            .map(|word| word.key)
            .collect();
        let words: HashSet<String> = romanised(words).into_iter().collect();
        let mut stems: Vec<String> = words.iter().filter_map(|word| stem(word)).map(str::to_owned).collect();
        stems.sort();
        stems.dedup();
        Self { words, stems }
    }

    /// Whether a key is one of the words, in any case.
    pub(super) fn has(&self, key: &str) -> bool {
        let is_case = |stem: &String| {
            key.strip_prefix(stem.as_str()).is_some_and(|ending| ending.chars().count() <= LONGEST_CASE)
        };
        self.words.contains(key) || self.stems.iter().any(is_case)
    }
}

/// What the cases of a word have in common, if enough is left of it.
fn stem(word: &str) -> Option<&str> {
    let stem = word.trim_end_matches(['а', 'я', 'о', 'е', 'и', 'ы', 'у', 'ю', 'ь', 'й']);
    (stem.chars().count() >= SHORTEST_SHOP_STEM).then_some(stem)
}

/// How a word is a stop word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopWord {
    /// As listed.
    Word,
    /// By its beginning: a car's name may begin so too.
    Stem,
}

/// Whether a word, by its key, is a stop word, also if typed with the other keyboard layout or in Latin letters.
pub(super) fn stop_word(key: &str) -> Option<StopWord> {
    let of = |key: &str| {
        if LISTS.stop_words.contains(key) {
            return Some(StopWord::Word);
        }
        let begins = || LISTS.stop_stems.iter().any(|stem| begins_with(key, stem));
        let has_middle = || MIDDLES.iter().any(|middle| key.contains(middle));
        (begins() || has_middle()).then_some(StopWord::Stem)
    };
    let is_long = key.chars().count() >= LATIN_LETTERS;
    of(key).or_else(|| transliteration::other_layout(key).filter(|_| is_long).and_then(|key| of(&key)))
}

fn begins_with(key: &str, stem: &str) -> bool {
    key.strip_prefix(stem).is_some_and(|ending| ending.chars().count() <= LONGEST_ENDING)
}

/// Whether a key is an everyday word, though a car is called so.
pub(super) fn is_homograph(key: &str) -> bool {
    LISTS.homographs.contains(key)
}

/// Whether a key is a word that people say all the time: spelled right, it is no misspelled name.
pub fn is_everyday(key: &str) -> bool {
    LISTS.everyday.contains(key) || is_homograph(key)
}

/// Whether a word says that the text is about something for a car.
pub(super) fn is_shop(key: &str) -> bool {
    let is_whole_word = |stem: &str| stem.chars().count() <= 3;
    LISTS.shop_stems.iter().any(|stem| if is_whole_word(stem) { key == stem } else { begins_with(key, stem) })
}

/// Whether a word greets, or asks for something.
pub(super) fn is_wish(key: &str) -> bool {
    LISTS.wish_stems.iter().any(|stem| key.starts_with(stem.as_str()))
}

/// Whether a word says that the text is about no car.
pub(super) fn is_no_car(key: &str) -> bool {
    LISTS.not_cars.iter().any(|stem| key.starts_with(stem))
}

/// Whether a word says what the number before it is.
pub(crate) fn is_unit(key: &str) -> bool {
    LISTS.units.contains(key) || MIDDLES.iter().any(|middle| key.starts_with(middle)) || is_year_unit(key)
}

/// Whether a word says that the number before it is a year.
pub(crate) fn is_year_unit(key: &str) -> bool {
    LISTS.year_units.contains(key)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Each list is sorted, and no word of it stands twice.
    #[test]
    fn lists_are_sorted_and_have_a_word_once() {
        let lists = [STOP_WORDS, STOP_STEMS, HOMOGRAPHS, EVERYDAY, SHOP_STEMS, WISH_STEMS, NOT_CARS, UNITS, YEAR_UNITS]
            .map(|list| {
                let lines: Vec<&str> = lines(list).collect();
                assert!(lines.len() > 10);
                lines
            });
        for list in lists {
            for pair in list.windows(2) {
                assert!(pair[0] < pair[1], "`{}` stands before `{}`", pair[0], pair[1]);
            }
            let mut seen = HashMap::new();
            for line in list {
                let twin = seen.insert(normalize::key(line), line);
                assert_eq!(twin, None, "`{line}` is listed already");
            }
        }
    }

    /// What a stem covers need not be listed, and a word is either no car's name or one that is a word besides.
    #[test]
    fn no_word_is_covered_by_a_stem_or_stands_in_two_lists() {
        let (words, stems, homographs) = (keys(STOP_WORDS), keys(STOP_STEMS), keys(HOMOGRAPHS));
        let mut wrong = Vec::new();
        for word in words.iter().chain(&stems) {
            let covering = stems.iter().find(|stem| *stem != word && begins_with(word, stem));
            wrong.extend(covering.map(|stem| format!("`{word}` is covered by the stem `{stem}`")));
        }
        let both = homographs.iter().filter(|word| words.contains(word));
        wrong.extend(both.map(|word| format!("`{word}` is a stop word and a homograph")));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
