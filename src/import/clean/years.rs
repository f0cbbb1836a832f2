//! Model years as people write them, in Russian, Kyrgyz, Kazakh and English: "2012", "92-95", "2012-16", "до 2006г", "с 2018",
//! "2018-н.в.", "10/2011 - 05/2014", "2014-жылдан баштап". The table of tests below is the grammar.
//!
//! Months and days are read and dropped. An open range stays open. Two ranges are two cars, of which none is chosen.

mod words;

use std::ops::Range;

use super::cell::Cell;
use crate::domain::vehicle::Years;
use words::{EARLIER, EITHER_WAY, JOINING, MONTHS, ONWARDS, SINCE, SINCE_AFTER, UNITS, UNTIL, UNTIL_AFTER};

/// What a year cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YearCell {
    /// Nothing.
    Blank,
    Years(Years),
    /// Several ranges, of which none is meant more than another ("1990-2001, 2023-2025"), or no telling which side of a year.
    Several,
    /// A number that is no year (1007).
    Invalid,
    /// Something else than a year: another column's text.
    Other,
}

const DASHES: [char; 3] = ['-', '–', '—'];

/// Reads the year column's cell and takes what it understood.
pub fn read_cell(cell: &mut Cell) -> YearCell {
    let free = cell.free();
    if free.is_empty() {
        return YearCell::Blank;
    }
    match read_all(cell, true) {
        Found::Years(years) => return YearCell::Years(years),
        Found::Several => {
            // The issue quotes it: no note.
            cell.take(0..cell.words.len());
            return YearCell::Several;
        }
        Found::Nothing => {}
    }
    let is_number =
        |place: &usize| cell.words.get(*place).is_some_and(|word| word.key.chars().all(|ch| ch.is_ascii_digit()));
    if free.iter().all(|place| is_number(place) || is_any(cell, *place, UNITS)) {
        cell.take(0..cell.words.len());
        return YearCell::Invalid;
    }
    YearCell::Other
}

/// What a cell says of years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Years(Years),
    /// As [`YearCell::Several`]; nothing is taken.
    Several,
}

/// Finds years among a cell's free words and takes them. `short` also lets two digits alone be a year ("98"), as the year column
/// may write it.
pub fn read_all(cell: &mut Cell, short: bool) -> Found {
    let Some((years, span)) = next_phrase(cell, 0, short) else { return Found::Nothing };
    let is_range = |years: Years| years.from.is_some() && years.from != years.to;
    let next = next_phrase(cell, span.end, false);
    let is_second_range = |(next, _): (Years, _)| is_range(years) || (years.from.is_some() && is_range(next));
    let either_way = span.end + usize::from(is_any(cell, span.end, &["и"]));
    if next.is_some_and(is_second_range) || is_any(cell, either_way, EITHER_WAY) {
        return Found::Several;
    }
    cell.take(span);
    Found::Years(years)
}

/// Whether a cell says only that it goes on: "н.в.", "по наст. время".
pub fn is_onwards(cell: &Cell) -> bool {
    let free = cell.free();
    let is_part = |place: &usize| is_any(cell, *place, ONWARDS) || is_any(cell, *place, JOINING);
    free.iter().all(is_part) && free.iter().any(|place| is_any(cell, *place, ONWARDS))
}

/// Takes the first years that are a range, which no model is called; a year alone may be a name (Peugeot 2008).
pub fn read_range(cell: &mut Cell) -> Option<Years> {
    let (years, span) = (0..cell.words.len()).find_map(|place| {
        phrase(cell, place, false).filter(|(years, _)| years.from.zip(years.to).is_some_and(|(from, to)| from < to))
    })?;
    if next_phrase(cell, span.end, false).is_some() {
        return None;
    }
    cell.take(span);
    Some(years)
}

fn next_phrase(cell: &Cell, from: usize, short: bool) -> Option<(Years, Range<usize>)> {
    (from..cell.words.len()).find_map(|place| phrase(cell, place, short))
}

/// Which side of a year counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Only,
    Since,
    Until,
}

/// Years that begin at a place, and the words they are made of.
fn phrase(cell: &Cell, place: usize, short: bool) -> Option<(Years, Range<usize>)> {
    let (side, start) = side_before(cell, place);
    let first = point(cell, start)?;
    let (unit_side, mut end) = after_point(cell, first.end);
    let has_unit = end > first.end;
    let allowed = |has_unit: bool| !first.is_short || short || has_unit;
    let side = if side == Side::Only { unit_side } else { side };
    if side != Side::Until
        && let Some(second) = second_point(cell, end, unit_side)
        && (!first.is_short || second.is_short || short)
    {
        let (last, after) = last_of_list(cell, second.year, second.end);
        let (_, after_unit) = after_point(cell, after);
        return allowed(has_unit || after_unit > after).then(|| {
            let (from, to) = (first.year.min(last), first.year.max(last));
            (Years { from: Some(from), to: Some(to) }, place..after_unit)
        });
    }
    if !allowed(has_unit) {
        return None;
    }
    let side = match side {
        Side::Only => match side_after(cell, end) {
            Some((side, after)) => {
                end = after;
                side
            }
            None if is_open(cell, end) => Side::Since,
            None => Side::Only,
        },
        // "с 2014 и новее" says it twice.
        Side::Since => {
            end = side_after(cell, end).filter(|(side, _)| *side == Side::Since).map_or(end, |(_, after)| after);
            side
        }
        Side::Until => side,
    };
    let years = match side {
        Side::Only => Years::single(first.year),
        Side::Since => Years { from: Some(first.year), to: None },
        Side::Until => Years { from: None, to: Some(first.year) },
    };
    Some((years, place..end))
}

/// What stands before a year, and where the year then is: "с", "до", "не ранее", "up to", "->".
fn side_before(cell: &Cell, place: usize) -> (Side, usize) {
    let next = place + 1;
    if is_any(cell, place, &["не"]) {
        return match () {
            () if is_any(cell, next, &["позднее", "позже", "новее"]) => (Side::Until, place + 2),
            () if is_any(cell, next, &["ранее", "раньше", "старше"]) => (Side::Since, place + 2),
            () => (Side::Only, place),
        };
    }
    match () {
        () if is_any(cell, place, &["начиная", "up"]) && is_any(cell, next, SINCE) => (Side::Since, place + 2),
        () if is_any(cell, place, &["up"]) && is_any(cell, next, UNTIL) => (Side::Until, place + 2),
        () if is_any(cell, place, SINCE) => (Side::Since, next),
        () if is_any(cell, place, UNTIL) || is_any(cell, place, EARLIER) => (Side::Until, next),
        () if cell.gap(place).contains("->") || cell.gap(place).contains('→') => (Side::Until, place),
        () => (Side::Only, place),
    }
}

/// The words after a year that say that it is one, and which side of it counts by them.
fn after_point(cell: &Cell, place: usize) -> (Side, usize) {
    let (mut side, mut end) = (Side::Only, place);
    loop {
        match () {
            () if is_any(cell, end, &["жылдан"]) || is_any(cell, end, SINCE_AFTER) => side = Side::Since,
            () if end > place && is_any(cell, end, UNTIL_AFTER) => side = Side::Until,
            () if is_any(cell, end, UNITS) => {}
            () => return (side, end),
        }
        end += 1;
    }
}

/// The year that ends a range: "-2016", "по 2016", "2018-жылга чейин".
fn second_point(cell: &Cell, place: usize, side: Side) -> Option<Point> {
    let is_word = is_any(cell, place, UNTIL);
    let signs = ['/', ',', '…', '.', '>', '→'];
    let is_joined =
        is_word || side == Side::Since || cell.gap(place).contains(DASHES) || cell.gap(place).contains(signs);
    if is_joined { point(cell, if is_word { place + 1 } else { place }) } else { None }
}

/// What follows a year and opens it: "и новее", "по н.в.", "+", "и ранее"; and where that ends.
fn side_after(cell: &Cell, place: usize) -> Option<(Side, usize)> {
    let is_part = |place: &usize| is_any(cell, *place, ONWARDS) || is_any(cell, *place, JOINING);
    let end = place + (place..cell.words.len()).take_while(is_part).count();
    if (place..end).any(|place| is_any(cell, place, ONWARDS)) {
        return Some((Side::Since, end));
    }
    is_any(cell, end, EARLIER).then_some((Side::Until, end + 1))
}

/// Whether the signs after a year leave the end open: "2014 - ...", "2014 ->", "2014-" or "2014 +" before nothing more.
fn is_open(cell: &Cell, place: usize) -> bool {
    let gap = cell.gap(place).trim();
    let gap = if gap.starts_with("..") { gap } else { gap.trim_start_matches(['.', ' ']) };
    let rest = gap.trim_start_matches(DASHES).trim_start();
    let ends = |rest: &str| rest.starts_with(')') || (rest.is_empty() && place == cell.words.len());
    gap.contains('>')
        || gap.contains('→')
        || rest.starts_with("..")
        || rest.starts_with('…')
        || (rest.len() < gap.len() && ends(rest))
        || gap.strip_prefix('+').is_some_and(ends)
}

/// A year, with what stands beside it of a date.
#[derive(Debug, Clone, Copy)]
struct Point {
    year: i16,
    /// Written with two digits.
    is_short: bool,
    /// The place after it.
    end: usize,
}

/// The year at a place; the day and month before or after it are passed over: "08.2011", "10/2011", "2014/05", "2018-01-01 00:00",
/// "март 2014".
fn point(cell: &Cell, place: usize) -> Option<Point> {
    let is_full = |place: usize| matches!(year(cell, place), Some((_, false)));
    let is_date_sign = |place: usize| matches!(cell.gap(place), "." | "/" | "-");
    let same_sign = |one: usize, other: usize| is_date_sign(one) && cell.gap(one) == cell.gap(other);
    let at = match () {
        () if is_day(cell, place)
            && is_day(cell, place + 1)
            && same_sign(place + 1, place + 2)
            && is_full(place + 2) =>
        {
            place + 2
        }
        () if is_month(cell, place) && matches!(cell.gap(place + 1), "." | "/") && is_full(place + 1) => place + 1,
        () if is_month_name(cell, place) && is_full(place + 1) => place + 1,
        () => place,
    };
    let (year, is_short) = year(cell, at)?;
    let next = at + 1;
    let mut end = next;
    if !is_short && is_month(cell, next) && is_date_sign(next) {
        let month = cell.key(next).and_then(|key| key.parse::<i16>().ok()).unwrap_or_default();
        if is_day(cell, next + 1) && same_sign(next, next + 1) {
            end = after_time(cell, next + 2);
        } else if cell.gap(next) != "-"
            && (2000 + month < year || (cell.gap(next + 1).contains(DASHES) && is_full(next + 1)))
        {
            end = next + 1;
        }
    }
    Some(Point { year, is_short, end })
}

/// After "00:00:00".
fn after_time(cell: &Cell, place: usize) -> usize {
    if cell.gap(place + 1) != ":" {
        return place;
    }
    place + 2 + (place + 2..cell.words.len()).take_while(|place| cell.gap(*place) == ":").count()
}

fn is_month(cell: &Cell, place: usize) -> bool {
    is_two_digits(cell, place, 12)
}

fn is_day(cell: &Cell, place: usize) -> bool {
    is_two_digits(cell, place, 31)
}

fn is_two_digits(cell: &Cell, place: usize, most: u8) -> bool {
    cell.key(place)
        .is_some_and(|key| key.len() <= 2 && key.parse().is_ok_and(|number: u8| (1..=most).contains(&number)))
}

fn is_month_name(cell: &Cell, place: usize) -> bool {
    let is_one = |key: &str| key.chars().count() <= 9 && MONTHS.iter().any(|month| key.starts_with(month));
    cell.key(place).is_some_and(is_one)
}

/// Years that are listed one by one: "2014,2015,2016".
fn last_of_list(cell: &Cell, mut last: i16, mut end: usize) -> (i16, usize) {
    loop {
        let at = end + usize::from(is_any(cell, end, &["и", "and", "жана", "жане"]));
        let is_listed = at > end || cell.gap(at).contains([',', ';', '/']);
        match year(cell, at) {
            Some((next, false)) if is_listed && next == last + 1 => (last, end) = (next, at + 1),
            _ => return (last, end),
        }
    }
}

/// The year a word is, and whether it is written with two digits.
fn year(cell: &Cell, place: usize) -> Option<(i16, bool)> {
    let key = cell.key(place)?;
    let number: i16 = key.parse().ok()?;
    match key.len() {
        4 => Years::PLAUSIBLE.contains(&number).then_some((number, false)),
        2 if number >= 80 => Some((1900 + number, true)),
        2 if number <= 35 => Some((2000 + number, true)),
        _ => None,
    }
}

fn is_any(cell: &Cell, place: usize, words: &[&str]) -> bool {
    cell.key(place).is_some_and(|key| words.contains(&key))
}

#[cfg(test)]
mod tests;
