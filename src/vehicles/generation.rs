//! Generations by the ways people name them: "W212", "70", "5 поколение", "лупатый".

use super::normalize;
use super::reference::Model;
use super::words::{Word, join};

/// The chassis code a number stands for, where engines stand in the model's name (Mercedes-Benz): "164" is the X164.
pub fn chassis(number: &str, model: &Model) -> Option<String> {
    if model.badges.is_empty() || number.len() < 2 || !is_number(number) {
        return None;
    }
    let code = model.codes().find(|code| code.len() == number.len() + 1 && code.ends_with(number));
    code.map(|code| code.to_uppercase())
}

/// The model's generation code that the words are, as written but in Latin letters. Letters alone count only in capitals and
/// numbers only where they stand for a generation: both are common otherwise.
pub fn code_of(model: &Model, words: &[Word]) -> Option<String> {
    let key = join(words);
    if words.iter().any(|word| word.key.contains('.')) {
        return None;
    }
    if is_number(&key) {
        let is_short_form =
            model.badges.is_empty() && words.len() == 1 && model.codes().any(|code| normalize::key(code) == key);
        return is_short_form.then_some(key);
    }
    if key.chars().all(char::is_alphabetic)
        && (key.chars().count() > 3 || words.iter().any(|word| word.text.chars().any(char::is_lowercase)))
    {
        return None;
    }
    normalize::readings(&key)
        .into_iter()
        .find(|(reading, _)| {
            model.codes().any(|code| normalize::key(code) == *reading || is_sibling(&normalize::key(code), reading))
        })
        .map(|(reading, _)| reading.replace("plus", "+").to_uppercase())
}

/// "W190" beside W168: the make's own way of numbering, even where the number is wrong or unknown.
fn is_sibling(known: &str, code: &str) -> bool {
    let letters = |code: &str| code.trim_end_matches(|ch: char| ch.is_ascii_digit()).to_owned();
    known.is_ascii()
        && known.len() == 4
        && code.len() == 4
        && letters(known).len() == 1
        && letters(known) == letters(code)
}

/// The generation that an alias of a model stands for: a nickname ("лупатый") or a number in it ("тлк 300").
pub fn in_name(model: &Model, words: &[Word]) -> Option<String> {
    let (name, whole) = (normalize::key(&model.name), join(words));
    let label =
        model.generations.iter().find(|it| name != whole && it.also.iter().any(|code| normalize::key(code) == whole));
    let number = words.last().filter(|word| words.len() > 1 && is_number(&word.key) && !name.contains(&word.key));
    label.map(|generation| generation.label()).or_else(|| code_of(model, std::slice::from_ref(number?)))
}

/// Whether a key is digits alone.
pub fn is_number(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|ch| ch.is_ascii_digit())
}

/// Whether a word says that a generation stands beside it.
pub fn is_generation_word(key: &str) -> bool {
    key.starts_with("кузов") || key.starts_with("покол") || matches!(key, "куз" | "пок" | "gen" | "generation" | "body")
}

/// Ordinals up to ten, and Roman numerals.
pub fn ordinal(key: &str) -> Option<u8> {
    const STEMS: &[(&str, u8)] = &[
        ("перв", 1),
        ("втор", 2),
        ("трет", 3),
        ("четв", 4),
        ("пят", 5),
        ("шест", 6),
        ("седьм", 7),
        ("восьм", 8),
        ("девят", 9),
        ("десят", 10),
    ];
    const ROMAN: &[&str] = &["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"];
    let roman = || ROMAN.iter().zip(1..).find(|(roman, _)| **roman == key).map(|(_, number)| number);
    STEMS.iter().find(|(stem, _)| key.starts_with(stem)).map(|(_, number)| *number).or_else(roman)
}
