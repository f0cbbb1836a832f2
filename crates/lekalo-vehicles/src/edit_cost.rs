//! How plausible it is that one name was written for another: an edit distance whose steps cost what they are likely to be.
//!
//! A letter read from handwriting or in the other alphabet (Г for Р, N for H), one of the same sound, a neighbouring key, a doubled
//! or dropped letter are cheap; another digit is another car.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a step costs where nothing speaks for it.
const STEP: f32 = 1.0;
const SWAPPED: f32 = 0.6;
const DROPPED: f32 = 0.8;
const DROPPED_VOWEL: f32 = 0.6;
const DOUBLED: f32 = 0.2;
const LOOKS_ALIKE: f32 = 0.4;
const SOUNDS_ALIKE: f32 = 0.5;
const SAME_VOWEL: f32 = 0.3;
const NEIGHBOUR: f32 = 0.7;
/// Few get the first letter wrong.
const FIRST: f32 = 0.2;
/// More than any name is worth.
const ANOTHER_NUMBER: f32 = 10.0;

/// Letters that are mistaken for each other on paper, print or across alphabets.
const LOOKS: &[&str] = &[
    "0oо", "1liіт7", "5s", "8bв", "6bб", "3zзэ", "2z", "гр", "гт", "hnн", "mn", "mwn", "wvu", "vuy", "ую", "cgs", "ce",
    "сео", "fe", "fep", "ef", "ин", "ниh", "ип", "нп", "hk", "кн", "кrh", "kr", "xk", "хкж", "шщм", "цшщ", "лпд", "qg",
    "gq", "oq", "dо", "od", "аd", "оа", "бв", "вb", "рp", "пр", "pr", "rп", "уy", "чy", "ij", "il", "rt", "тг", "мт",
    "тш", "жх", "ыь", "аое",
];
/// Consonants of nearly one sound.
const SOUNDS: &[&str] = &[
    "bp", "бп", "dt", "дт", "gk", "гк", "kqc", "vfw", "вф", "zs", "зс", "sc", "жш", "шщч", "сц", "тц", "jy", "jg",
    "жд", "гх", "hг", "xs", "kх", "хк", "mn", "мн", "lr", "лр",
];
/// Vowels that fall together where they are not stressed.
const VOWELS: &[&str] = &["aoаояё", "eiyеиэыйё", "uoуюо", "aeаэея"];
const ALL_VOWELS: &str = "aeiouyаеиоуыэюяёйьъ";

const KEYBOARDS: [[&str; 3]; 2] =
    [["qwertyuiop", "asdfghjkl", "zxcvbnm"], ["йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"]];

/// What it costs to write `typed` for `name`, if at most `most`. Both are keys.
pub(crate) fn cost(typed: &[char], name: &[char], most: f32) -> Option<f32> {
    if typed.len().abs_diff(name.len()) as f32 * DOUBLED > most {
        return None;
    }
    // Optimal string alignment, line by line: the two lines before suffice.
    let at = |line: &[f32], place: usize| line.get(place).copied().unwrap_or(f32::INFINITY);
    let mut before: Vec<f32> = Vec::new();
    let mut above = vec![0.0];
    above.extend((0..name.len()).scan(0.0, |sum, place| {
        *sum += missing(name, place);
        Some(*sum)
    }));
    for (row, ch) in typed.iter().enumerate() {
        let mut line = Vec::with_capacity(name.len() + 1);
        line.push(at(&above, 0) + missing(typed, row));
        for (column, other) in name.iter().enumerate() {
            let first = if row == 0 && column == 0 { FIRST } else { 0.0 };
            let step = if ch == other { 0.0 } else { substitution(*ch, *other) + first };
            let swapped =
                if is_swapped(typed, name, row, column) { at(&before, column - 1) + SWAPPED } else { f32::INFINITY };
            let least = (at(&above, column) + step)
                .min(at(&above, column + 1) + missing(typed, row))
                .min(at(&line, column) + missing(name, column))
                .min(swapped);
            line.push(least);
        }
        if line.iter().all(|cost| *cost > most) {
            return None;
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().filter(|cost| *cost <= most)
}

/// Whether two letters that end here stand in the other order.
fn is_swapped(typed: &[char], name: &[char], row: usize, column: usize) -> bool {
    let (Some(row_before), Some(column_before)) = (row.checked_sub(1), column.checked_sub(1)) else { return false };
    let is_letter = |ch: &&char| !ch.is_ascii_digit();
    let typed = (typed.get(row_before).filter(is_letter), typed.get(row).filter(is_letter));
    let name = (name.get(column).filter(is_letter), name.get(column_before).filter(is_letter));
    typed == name && typed.0.is_some() && typed.1.is_some() && typed.0 != typed.1
}

/// What it costs that a letter stands in one name only.
fn missing(name: &[char], place: usize) -> f32 {
    let Some(ch) = name.get(place) else { return STEP };
    let is_double = place.checked_sub(1).is_some_and(|before| name.get(before) == Some(ch));
    match ch {
        _ if ch.is_ascii_digit() => ANOTHER_NUMBER,
        _ if is_double || matches!(ch, 'ь' | 'ъ') => DOUBLED,
        _ if ALL_VOWELS.contains(*ch) => DROPPED_VOWEL,
        _ if place == 0 => DROPPED + FIRST,
        _ => DROPPED,
    }
}

/// What writing one letter for another costs, where it is less than a step.
static LIKELY: LazyLock<HashMap<(char, char), f32>> = LazyLock::new(|| {
    let groups = [(LOOKS, LOOKS_ALIKE), (SOUNDS, SOUNDS_ALIKE), (VOWELS, SAME_VOWEL)];
    let mut likely = HashMap::new();
    let mut add = |one: char, other: char, cost: f32| {
        let known = likely.entry((one, other)).or_insert(cost);
        *known = known.min(cost);
    };
    for (groups, cost) in groups {
        for group in groups {
            group.chars().for_each(|one| group.chars().for_each(|other| add(one, other, cost)));
        }
    }
    for keys in KEYBOARDS.iter().map(|rows| rows.concat()) {
        for one in keys.chars() {
            keys.chars().filter(|other| are_neighbours(one, *other)).for_each(|other| add(one, other, NEIGHBOUR));
        }
    }
    likely
});

fn substitution(one: char, other: char) -> f32 {
    let has_digit = one.is_ascii_digit() || other.is_ascii_digit();
    let otherwise = if has_digit { ANOTHER_NUMBER } else { STEP };
    LIKELY
        .get(&(one, other))
        .copied()
        .filter(|_| !(one.is_ascii_digit() && other.is_ascii_digit()))
        .unwrap_or(otherwise)
}

/// Whether two keys lie side by side.
fn are_neighbours(one: char, other: char) -> bool {
    let place = |rows: &[&str; 3], ch: char| {
        rows.iter().zip(0_i32..).find_map(|(row, number)| {
            let column = row.chars().position(|known| known == ch)?;
            Some((number, i32::try_from(column).ok()?))
        })
    };
    KEYBOARDS.iter().any(|rows| match (place(rows, one), place(rows, other)) {
        (Some((row, column)), Some((other_row, other_column))) => {
            (row - other_row).abs() <= 1 && (column - other_column).abs() <= 1
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(typed: &str, name: &str) -> f32 {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        cost(&chars(typed), &chars(name), 100.0).unwrap()
    }

    #[test]
    fn likely_slips_cost_less() {
        assert_eq!(of("зорва", "зорва"), 0.0);
        for (likely, unlikely, name) in [
            ("зогва", "зокса", "зорва"),
            ("gz35", "kz35", "cz35"),
            ("зорва", "золва", "зорва"),
            ("зоррва", "зорква", "зорва"),
            ("зарва", "зкрва", "зорва"),
            ("зрова", "звора", "зорва"),
            ("зрва", "зова", "зорва"),
            ("зопва", "зошва", "зорва"),
        ] {
            assert!(
                of(likely, name) < of(unlikely, name),
                "{likely} {unlikely}: {} {}",
                of(likely, name),
                of(unlikely, name)
            );
        }
    }

    #[test]
    fn another_digit_is_another_car() {
        assert!(of("cz35", "cz55") >= ANOTHER_NUMBER);
        assert!(of("z5", "z55") >= ANOTHER_NUMBER);
        assert!(of("zо5", "z05") < 1.0, "a letter for a digit it looks like");
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(cost(&chars("мелинда"), &chars("шеба"), 2.0), None);
        assert_eq!(cost(&[], &[], 1.0), Some(0.0));
    }
}
