//! The generation a row gives: "30 кузов", "5 поколение", "первый кузов", "W212", "РФ3", "50-55".

use std::ops::Range;

use super::cache::Lookup;
use super::cell::Cell;
use lekalo_vehicles::generation::{
    chassis, code_of, ends_in_count, is_counted, is_generation_word, is_number, ordinal, roman,
};
use lekalo_vehicles::normalize;
use lekalo_vehicles::transliteration::latin_code;
use lekalo_vehicles::words::{Joint, Word, join};
use lekalo_vehicles::{BrandId, Generation, Model, ModelId};

/// What stands beside "кузов" or "поколение".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A number, maybe two: "30", "50-55".
    Number(String),
    /// A code, in Latin letters; its words are left in the cell, for they may be all that names the model.
    Code(String),
}

/// Finds "N кузов", "N поколение", "кузов N" in a cell and takes it.
pub fn explicit(cell: &mut Cell) -> Option<Hint> {
    let places = 0..cell.words.len();
    let (place, hint, span) = places.clone().find_map(|place| {
        if !is_generation_word(cell.key(place)?) {
            return None;
        }
        let (hint, span) = beside(cell, place)?;
        Some((place, hint, span))
    })?;
    cell.take(place..place + 1);
    if let Hint::Number(_) = hint {
        cell.take(span);
    }
    Some(hint)
}

/// The number or code that ends before the word at `place`, or begins after it.
fn beside(cell: &Cell, place: usize) -> Option<(Hint, Range<usize>)> {
    // "30-й кузов", "в 5-ом поколении": the ending is a word of its own.
    let is_ending = |before: usize| cell.key(before).is_some_and(|key| ENDINGS.contains(&key));
    let last = place.checked_sub(1).map(|before| if is_ending(before) { before.saturating_sub(1) } else { before });
    let before = last.and_then(|last| number_ending(cell, last).or_else(|| code_ending(cell, last)));
    let before = before.map(|(hint, span)| (hint, span.start..place));
    let after = || number_ending(cell, place + 1).filter(|(_, span)| span.start == place + 1);
    before.or_else(|| code_beginning(cell, place + 1)).or_else(after)
}

/// "кузов 8V", "КУЗОВ EC7": a code that begins at a place.
fn code_beginning(cell: &Cell, place: usize) -> Option<(Hint, Range<usize>)> {
    let (first, second) = (cell.key(place)?, cell.key(place + 1)?);
    let is_fixed = cell.words.get(place + 1)?.joint == Joint::Fixed;
    let are_letters = |key: &str| key.chars().all(char::is_alphabetic) && key.chars().count() <= 3;
    let may_be = |key: &str| is_number(key) && key.len() <= 3;
    let is_code = (may_be(first) && are_letters(second)) || (are_letters(first) && may_be(second));
    let is_code = is_fixed && is_code && !is_counted(&cell.words, place);
    is_code.then(|| (Hint::Code(latin_code(&format!("{first}{second}"))), place..place + 2))
}

/// Endings of ordinals, where they are cut off the number.
const ENDINGS: &[&str] = &["й", "ый", "ой", "е", "ое", "м", "ом", "го", "ья"];

fn number_ending(cell: &Cell, place: usize) -> Option<(Hint, Range<usize>)> {
    let key = cell.key(place)?;
    if let Some(number) = ordinal(key) {
        return Some((Hint::Number(number.to_string()), place..place + 1));
    }
    let word = cell.words.get(place)?;
    if word.joint == Joint::Fixed || !is_number(key) || key.len() > 3 {
        return None;
    }
    let first = place.checked_sub(1).filter(|first| {
        matches!(word.gap.as_str(), "-" | "/")
            && cell.key(*first).is_some_and(|key| is_number(key) && (2..=3).contains(&key.len()))
    });
    match first.and_then(|first| Some((first, cell.key(first)?))) {
        Some((start, from)) => Some((Hint::Number(format!("{from}-{key}")), start..place + 1)),
        None => Some((Hint::Number(key.to_owned()), place..place + 1)),
    }
}

fn code_ending(cell: &Cell, place: usize) -> Option<(Hint, Range<usize>)> {
    let start = place.checked_sub(1)?;
    let (letters, number) = (cell.key(start)?, cell.key(place)?);
    let fixed = cell.words.get(place)?.joint == Joint::Fixed;
    let is_code =
        fixed && letters.chars().all(char::is_alphabetic) && letters.chars().count() <= 3 && is_number(number);
    is_code.then(|| (Hint::Code(latin_code(&format!("{letters}{number}"))), start..place + 1))
}

/// Finds the generations of the model among a cell's free words, by the codes the reference knows, and takes them: one, or two
/// that are written together ("50-55", "(F20, F21)").
pub fn known(cell: &mut Cell, index: &Lookup, model: ModelId) -> Option<String> {
    let model = index.model(model);
    let words = cell.free_words();
    let (generation, mut span) = next_known(model, &words, 0)?;
    if let Some(second) = to_second(&words, span.end, &generation) {
        cell.take_free(&(span.start..span.end + 1));
        return Some(format!("{generation}-{second}"));
    }
    let mut codes = vec![generation];
    // What is written together names one pattern: other codes of the same generation say nothing more.
    while let Some((code, next)) = next_known(model, &words, span.end)
        && next.start == span.end
        && words.get(next.start).is_some_and(|word| matches!(word.gap.trim(), "," | "/" | "-" | "+" | ", "))
    {
        if !codes.iter().any(|known| is_same(model, known, &code)) {
            codes.push(code);
        }
        span.end = next.end;
    }
    cell.take_free(&span);
    Some(codes.join("-"))
}

/// The generation that a column of its own gives: a code that the reference knows, a number however written, else a short code
/// as it stands. Takes it.
pub fn of_column(cell: &mut Cell, index: &Lookup, model: ModelId) -> Option<String> {
    let hint = explicit(cell).map(|hint| resolve(&hint, index.model(model)));
    if let Some(code) = known(cell, index, model) {
        return Some(code);
    }
    if let Some(given) = hint.or_else(|| numeral(cell)) {
        return Some(given);
    }
    let words = cell.free_words();
    let is_one = words.iter().skip(1).all(|word| word.joint == Joint::Fixed);
    let text: String = words.iter().map(|word| word.key.as_str()).collect();
    let is_code = text.chars().count() <= 6 && text.contains(|ch: char| ch.is_ascii_digit());
    if words.is_empty() || !is_one || !is_code {
        return None;
    }
    cell.take_free(&(0..words.len()));
    let number = ordinal(&text).map(|number| number.to_string());
    Some(number.unwrap_or_else(|| latin_code(&text)))
}

/// The first code that the reference knows among the words from a place on.
fn next_known(model: &Model, words: &[Word], from: usize) -> Option<(String, Range<usize>)> {
    (from..words.len())
        .flat_map(|start| (start + 1..=words.len().min(start + 3)).rev().map(move |end| start..end))
        .filter(|span| is_whole(words, span) && !ends_in_count(words, span))
        .find_map(|span| Some((code_of(model, words.get(span.clone())?)?, span)))
}

/// Whether two names are of one generation.
pub fn is_same(model: &Model, one: &str, other: &str) -> bool {
    let has = |generation: &Generation, name: &str| generation.names().any(|known| known.eq_ignore_ascii_case(name));
    let parts = |name: &str| name.split('-').map(str::to_owned).collect::<Vec<_>>();
    let are_same =
        |one: &str, other: &str| one == other || model.generations.iter().any(|it| has(it, one) && has(it, other));
    parts(one).iter().any(|one| parts(other).iter().any(|other| are_same(one, other)))
}

/// The generation that a name or two ("E160-E170") are of, if the reference knows it.
pub fn find<'m>(model: &'m Model, name: &str) -> Option<&'m Generation> {
    let is = |known: &Generation| {
        let mut names = known.names();
        names.any(|known| {
            known.eq_ignore_ascii_case(name) || name.split('-').any(|part| known.eq_ignore_ascii_case(part))
        })
    };
    model.generations.iter().find(|known| is(known))
}

/// A Roman numeral in capitals beside a model's name: "Focus II", "SRX ll". Takes it.
pub fn numeral(cell: &mut Cell) -> Option<String> {
    let words = cell.free_words();
    let is_loose = |place: usize| words.get(place).is_none_or(|word| word.joint == Joint::Loose);
    let is_capital = |word: &Word| word.text.chars().all(|ch| ch.is_uppercase() || ch == 'l');
    let (place, number) = words.iter().enumerate().find_map(|(place, word)| {
        let number = roman(&word.key).filter(|_| is_loose(place) && is_loose(place + 1) && is_capital(word))?;
        Some((place, number))
    })?;
    cell.take_free(&(place..place + 1));
    Some(number.to_string())
}

/// A code in brackets that the reference does not have: "(Y250)".
pub fn in_brackets(cell: &mut Cell) -> Option<String> {
    let words = cell.free_words();
    let span = (0..words.len()).map(|start| start..start + 2).find(|span| {
        let [letters, number] = words.get(span.clone()).unwrap_or_default() else { return false };
        let ends = words.get(span.end).is_none_or(|next| next.joint == Joint::Loose && next.gap.contains([')', ',']));
        letters.gap.contains('(')
            && number.joint == Joint::Fixed
            && letters.is_letters()
            && letters.key.chars().count() <= 3
            && is_number(&number.key)
            && ends
    })?;
    let code = latin_code(&join(words.get(span.clone())?));
    cell.take_free(&span);
    Some(code)
}

/// What a hint means for a model. Where engines stand in the name (Mercedes-Benz), "164 кузов" is the chassis X164.
pub fn resolve(hint: &Hint, model: &Model) -> String {
    let (Hint::Number(text) | Hint::Code(text)) = hint;
    chassis(text, model).unwrap_or_else(|| text.clone())
}

/// A code that other models of the brand have ("M5 E39"), where the model's own generations are not listed.
pub fn of_brand(cell: &mut Cell, index: &Lookup, brand: BrandId) -> Option<String> {
    let words = cell.free_words();
    let found = index.find_codes(&words, brand).into_iter().next()?;
    let code = latin_code(&join(words.get(found.span.clone())?));
    cell.take_free(&found.span);
    Some(code)
}

/// "Е60-65" and "50-55" name two generations: the second's code, with the first's letters.
fn to_second(words: &[Word], place: usize, first: &str) -> Option<String> {
    let word = words.get(place)?;
    let digits = normalize::digits(first);
    let is_second = word.gap == "-" && is_number(&word.key) && word.key.len() == digits.len() && digits.len() >= 2;
    is_second.then(|| format!("{}{}", first.strip_suffix(digits.as_str()).unwrap_or_default(), word.key))
}

/// A number right beside the model's name: "Матиз 3", "Камри 50-55", with three digits only the end of a known code. An engine's
/// badge is none.
pub fn bare_number(cell: &mut Cell, index: &Lookup, model: ModelId) -> Option<String> {
    if !index.model(model).badges.is_empty() {
        return None;
    }
    let words = cell.free_words();
    let (place, word) = words.iter().enumerate().find(|(place, word)| {
        let alone = words.get(place + 1).is_none_or(|next| next.joint == Joint::Loose) && word.joint == Joint::Loose;
        let alone = alone && !is_counted(&words, *place);
        let is_known = || index.model(model).codes().any(|code| normalize::key(code).ends_with(&word.key));
        alone && is_number(&word.key) && word.key != "0" && (word.key.len() <= 2 || (word.key.len() == 3 && is_known()))
    })?;
    let number = word.key.clone();
    let second = to_second(&words, place + 1, &number);
    cell.take_free(&(place..place + if second.is_some() { 2 } else { 1 }));
    Some(second.map_or_else(|| number.clone(), |second| format!("{number}-{second}")))
}

fn is_whole(words: &[Word], span: &Range<usize>) -> bool {
    let is_edge = |place: usize| words.get(place).is_none_or(|word| word.joint == Joint::Loose);
    is_edge(span.start) && is_edge(span.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(text: &str) -> Option<Hint> {
        explicit(&mut Cell::new(text))
    }

    #[test]
    fn numbers_and_codes_beside_the_word() {
        for (text, expected) in [
            ("Зорва 30 кузов", "30"),
            ("Зорва - 4 - поколение", "4"),
            ("Зорва 1-поколение", "1"),
            ("30-й кузов", "30"),
            ("первый кузов только перед", "1"),
            ("пятое поколение", "5"),
            ("III поколение", "3"),
            ("40-45 кузов", "40-45"),
            ("кузов 120", "120"),
        ] {
            assert_eq!(hint(text), Some(Hint::Number(expected.to_owned())), "{text}");
        }
        assert_eq!(hint("С4 кузов"), Some(Hint::Code("C4".to_owned())));
        assert_eq!(hint("другой кузов"), None);
        assert_eq!(hint("2018 кузов"), None);
    }
}
