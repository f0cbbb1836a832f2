//! Model years as people write them: "2012", "2000г", "92-95", "2012-16", "до 2006г", "с 2018", "2018-н.в.".

use std::ops::Range;

use super::cell::Cell;
use crate::domain::vehicle::Years;

/// What a year cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YearCell {
    /// Nothing.
    Blank,
    Years(Years),
    /// A number that is no year (1007).
    Invalid,
    /// Something else than a year: another column's text.
    Other,
}

/// Reads the year column's cell and takes what it understood.
pub fn read_cell(cell: &mut Cell) -> YearCell {
    let free = cell.free();
    if free.is_empty() {
        return YearCell::Blank;
    }
    if let Some(years) = read_within(cell, true) {
        // Two ranges are two cars: neither alone is what the row says.
        let is_range = |years: Years| years.from.is_some() && years.to.is_some() && years.from != years.to;
        let second = (0..cell.words.len()).find_map(|place| phrase(cell, place, false));
        if is_range(years) && second.is_some_and(|(second, _)| is_range(second)) {
            cell.take(0..cell.words.len());
            return YearCell::Invalid;
        }
        return YearCell::Years(years);
    }
    let is_number =
        |place: &usize| cell.words.get(*place).is_some_and(|word| word.key.chars().all(|ch| ch.is_ascii_digit()));
    if free.iter().all(|place| is_number(place) || cell.key(*place).is_some_and(is_unit)) {
        // The issue quotes it: no note.
        cell.take(0..cell.words.len());
        return YearCell::Invalid;
    }
    YearCell::Other
}

/// Finds years among a cell's free words and takes them. `short` also lets two digits alone be a year ("98"), as the year
/// column may write it.
pub fn read_within(cell: &mut Cell, short: bool) -> Option<Years> {
    let (years, mut span) = (0..cell.words.len()).find_map(|place| phrase(cell, place, short))?;
    while cell.key(span.end).is_some_and(is_unit) {
        span.end += 1;
    }
    cell.take(span);
    Some(years)
}

/// Years that begin at a place, and the words they are made of.
fn phrase(cell: &Cell, place: usize, short: bool) -> Option<(Years, Range<usize>)> {
    let word = cell.key(place)?;
    let until = matches!(word, "до" | "по");
    let since = matches!(word, "с" | "c" | "от" | "после" | "со");
    let (is_until, until) = (until, until || cell.gap(place).contains("->") || cell.gap(place).contains('→'));
    let first = if is_until || since { place + 1 } else { place };
    let first = after_month(cell, first);
    let (from, is_short) = year(cell, first)?;
    let mut end = first + 1;
    let has_unit = cell.key(end).is_some_and(is_unit);
    while cell.key(end).is_some_and(is_unit) {
        end += 1;
    }
    let gap = |place: usize| cell.gap(place);
    let joined =
        gap(end).contains(['-', '–', '—', '/', ',', '…', '.', '>', '→']) || matches!(cell.key(end), Some("до" | "по"));
    let second = after_month(cell, if matches!(cell.key(end), Some("до" | "по")) { end + 1 } else { end });
    let second = (joined && !until).then(|| year(cell, second).map(|(to, short)| (to, short, second + 1))).flatten();
    if let Some((to, to_is_short, after)) = second
        && (!is_short || to_is_short || short)
    {
        if is_short && !short && !has_unit {
            return None;
        }
        let (to, after) = last_of_list(cell, to, after);
        return Some((Years { from: Some(from.min(to)), to: Some(from.max(to)) }, place..after));
    }
    if is_short && !(short || has_unit) {
        return None;
    }
    // "2014 по н.в.", "2014 и новее", "2014+".
    let skip = (end..cell.words.len()).take_while(|place| cell.key(*place).is_some_and(|key| TILL_NOW.contains(&key)));
    let skip = skip.count();
    let is_till_now =
        (end..end + skip).any(|place| cell.key(place).is_some_and(|key| !matches!(key, "и" | "по" | "в" | "до")));
    if !until && is_till_now {
        return Some((Years { from: Some(from), to: None }, place..end + skip));
    }
    if !until && is_open(gap(end)) {
        return Some((Years { from: Some(from), to: None }, place..end));
    }
    let years = match (until, since) {
        (true, _) => Years { from: None, to: Some(from) },
        (_, true) => Years { from: Some(from), to: None },
        _ => Years::single(from),
    };
    Some((years, place..end))
}

/// What says that a car is still made, or that later ones count too.
const TILL_NOW: &[&str] = &[
    "н",
    "в",
    "нв",
    "наст",
    "настоящее",
    "время",
    "врем",
    "вр",
    "сейчас",
    "now",
    "present",
    "и",
    "по",
    "до",
    "новее",
    "выше",
    "позже",
    "позднее",
    "далее",
    "старше",
    "plus",
];

/// Whether what stands after a year leaves the end open: "2014 - ...", "2014 ->", "2014-" before nothing more.
fn is_open(gap: &str) -> bool {
    let gap = gap.trim();
    let gap = if gap.starts_with("..") { gap } else { gap.trim_start_matches(['.', ' ']) };
    let sign = gap.trim_start_matches(['-', '–', '—', ' ']);
    let has_dash = sign.len() < gap.len();
    gap.contains('>')
        || gap.contains('→')
        || sign.starts_with("..")
        || sign.starts_with('…')
        || (has_dash && (sign.is_empty() || sign.starts_with(')')))
}

/// The place of the year that a month stands before: "08.2011", "10/2011".
fn after_month(cell: &Cell, place: usize) -> usize {
    let is_month = cell
        .key(place)
        .is_some_and(|key| key.len() <= 2 && key.parse().is_ok_and(|month: u8| (1..=12).contains(&month)));
    let is_year = matches!(year(cell, place + 1), Some((_, false)));
    if is_month && is_year && matches!(cell.gap(place + 1), "." | "/") { place + 1 } else { place }
}

/// Years that are listed one by one: "2014,2015,2016".
fn last_of_list(cell: &Cell, mut last: i16, mut end: usize) -> (i16, usize) {
    while let Some((next, false)) = year(cell, end)
        && next == last + 1
        && cell.gap(end).contains(',')
    {
        last = next;
        end += 1;
    }
    (last, end)
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

fn is_unit(key: &str) -> bool {
    matches!(key, "г" | "гг" | "год" | "года" | "годы" | "году" | "гв" | "год выпуска" | "выпуска")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn years(text: &str) -> YearCell {
        read_cell(&mut Cell::new(text))
    }

    fn range(from: Option<i16>, to: Option<i16>) -> YearCell {
        YearCell::Years(Years { from, to })
    }

    #[test]
    fn every_form_of_years() {
        for (text, from, to) in [
            ("2012", Some(2012), Some(2012)),
            ("2000г", Some(2000), Some(2000)),
            ("1998 г.", Some(1998), Some(1998)),
            ("98", Some(1998), Some(1998)),
            ("2003-2007", Some(2003), Some(2007)),
            ("2003 – 2007 гг", Some(2003), Some(2007)),
            ("2017/2019", Some(2017), Some(2019)),
            ("92-95", Some(1992), Some(1995)),
            ("96-2001", Some(1996), Some(2001)),
            ("98-03", Some(1998), Some(2003)),
            ("2012-16", Some(2012), Some(2016)),
            ("с 2012 по 2016", Some(2012), Some(2016)),
            ("до 2006г", None, Some(2006)),
            ("с 2018", Some(2018), None),
            ("от 2018 года", Some(2018), None),
            ("2018-н.в.", Some(2018), None),
            ("2018 - наст. время", Some(2018), None),
            ("-2020", Some(2020), Some(2020)),
            ("2014+", Some(2014), None),
            ("2014-", Some(2014), None),
            ("2014 -", Some(2014), None),
            ("2014 - ...", Some(2014), None),
            ("(2014 - …)", Some(2014), None),
            ("2014 ->", Some(2014), None),
            ("2014->2018", Some(2014), Some(2018)),
            ("-> 2016", None, Some(2016)),
            ("2014-по н.в.", Some(2014), None),
            ("2014-present", Some(2014), None),
            ("2014 и новее", Some(2014), None),
            ("2014г. -", Some(2014), None),
            ("2014,2015,2016", Some(2014), Some(2016)),
            ("08.2011-2014", Some(2011), Some(2014)),
            ("10/2011 - 05/2014", Some(2011), Some(2014)),
        ] {
            assert_eq!(years(text), range(from, to), "{text}");
        }
    }

    #[test]
    fn what_is_no_year_is_not_made_one() {
        assert_eq!(years("-"), YearCell::Blank);
        assert_eq!(years("1007"), YearCell::Invalid);
        assert_eq!(years("-212"), YearCell::Invalid);
        assert_eq!(years("55"), YearCell::Invalid);
        assert_eq!(years("99999999999999"), YearCell::Invalid);
        assert_eq!(years("левый руль"), YearCell::Other);
        assert_eq!(years("1990-2001, 2023-2025"), YearCell::Invalid, "two ranges");
    }

    #[test]
    fn elsewhere_two_digits_alone_are_no_year() {
        assert_eq!(read_within(&mut Cell::new("30"), false), None);
        assert_eq!(read_within(&mut Cell::new("20-25"), false), None);
        assert_eq!(read_within(&mut Cell::new("97 г"), false), Some(Years::single(1997)));
        assert_eq!(read_within(&mut Cell::new("кузов 2008 черный"), false), Some(Years::single(2008)));
    }
}
