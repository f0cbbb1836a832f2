//! On which side the wheel is: "руль справа", "пр.руль", "п/р", "RHD".

use std::ops::Range;

use super::matches_form;
use crate::import::clean::cell::Cell;

/// The side of the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
    Both,
}

/// Words that say it by themselves.
const LEFT: &[&str] = &[
    "левый",
    "левая",
    "левое",
    "левым",
    "лев",
    "леворульный",
    "леворульная",
    "леворукий",
    "левосторонний",
    "леворуль",
    "lhd",
];
const RIGHT: &[&str] = &[
    "правый",
    "правая",
    "правое",
    "правым",
    "прав",
    "праворульный",
    "праворульная",
    "праворукий",
    "правосторонний",
    "праворуль",
    "rhd",
];
/// Words that say it beside the wheel ("пр.руль", "оң руль"), or where they are all that is said.
const LEFT_BESIDE: &[&str] = &["слева", "лв", "л", "сол", "left", "лево"];
const RIGHT_BESIDE: &[&str] = &["справа", "пр", "п", "он", "right", "право"];

/// The side that the words at a place say, and those words.
pub fn side(cell: &Cell, place: usize, typos: bool) -> Option<(Side, Range<usize>)> {
    let key = cell.key(place)?;
    let one = place..place + 1;
    let by_itself = match () {
        () if matches_form(key, LEFT, typos) => Some(Side::Left),
        () if matches_form(key, RIGHT, typos) => Some(Side::Right),
        () => None,
    };
    if let Some(side) = by_itself {
        return Some((side, one));
    }
    let beside = match () {
        () if LEFT_BESIDE.contains(&key) => Some(Side::Left),
        () if RIGHT_BESIDE.contains(&key) => Some(Side::Right),
        () => None,
    };
    // "п/р", "л.р."
    if let Some(side) = beside.filter(|_| matches!(key, "п" | "л"))
        && cell.key(place + 1) == Some("р")
        && matches!(cell.gap(place + 1), "/" | ".")
        && is_said_alone(cell, place..place + 2)
    {
        return Some((side, place..place + 2));
    }
    if let Some(side) = beside {
        if is_hand(cell, place + 1) {
            let end = (place + 1..cell.words.len()).take_while(|place| is_hand(cell, *place)).count();
            return Some((side, place..place + 1 + end));
        }
        let is_full = matches!(key, "слева" | "справа");
        let is_beside = is_wheel(cell, place + 1)
            || place.checked_sub(1).is_some_and(|before| is_wheel(cell, before))
            || (is_full && is_other_side(cell, place));
        let is_short = matches!(key, "пр") && is_capital(cell, place);
        return (is_beside || ((is_full || is_short) && is_said_alone(cell, one.clone()))).then_some((side, one));
    }
    let side = match key {
        "лр" => Side::Left,
        _ => return None,
    };
    (is_capital(cell, place) && is_said_alone(cell, one.clone())).then_some((side, one))
}

/// What a word says in a column that is about nothing else.
pub fn side_alone(key: &str) -> Option<Side> {
    match key {
        _ if LEFT.contains(&key) || LEFT_BESIDE.contains(&key) => Some(Side::Left),
        _ if RIGHT.contains(&key) || RIGHT_BESIDE.contains(&key) => Some(Side::Right),
        "l" | "лр" => Some(Side::Left),
        "r" => Some(Side::Right),
        "оба" | "обе" | "любой" | "both" => Some(Side::Both),
        _ => None,
    }
}

/// The wheel's word, whether it was taken or not.
fn is_wheel(cell: &Cell, place: usize) -> bool {
    cell.words
        .get(place)
        .is_some_and(|word| matches!(word.key.as_str(), "руль" | "руля" | "рулем" | "рул" | "steering"))
}

fn is_hand(cell: &Cell, place: usize) -> bool {
    cell.key(place).is_some_and(|key| matches!(key, "hand" | "drive" | "wheel"))
}

/// "справа и слева", after the wheel.
fn is_other_side(cell: &Cell, place: usize) -> bool {
    let is_side = |at: usize| cell.words.get(at).is_some_and(|word| matches!(word.key.as_str(), "слева" | "справа"));
    let before = place.checked_sub(1).filter(|at| cell.key(*at) == Some("и")).and_then(|at| at.checked_sub(1));
    before.is_some_and(|at| is_side(at) && at.checked_sub(1).is_some_and(|wheel| is_wheel(cell, wheel)))
}

fn is_capital(cell: &Cell, place: usize) -> bool {
    cell.words.get(place).is_some_and(|word| word.text.chars().all(char::is_uppercase))
}

/// Whether words are all that a cell says, or all between two signs that part what it says.
fn is_said_alone(cell: &Cell, span: Range<usize>) -> bool {
    let parts = |gap: &str| gap.contains([',', ';', '(', ')', '+', '|']);
    let begins = span.start == 0 || parts(cell.gap(span.start));
    let ends = span.end >= cell.words.len() || parts(cell.gap(span.end));
    begins && ends
}
