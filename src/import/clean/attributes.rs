//! What a description says in words: steering, borders, rows of seats, trunk.
//!
//! A new word is a line in one of the functions below; typos within one letter are understood by themselves where the text is
//! a description, because there hardly any other words occur.

mod steering;

use super::cell::Cell;
use crate::domain::vehicle::{Attributes, Borders, SeatRows, Steering, Trunk};
use lekalo_vehicles::words::Word;
use steering::Side;

/// What was found so far in a row's cells.
#[derive(Debug, Default)]
pub struct AttributeWords {
    left: bool,
    right: bool,
    with: bool,
    without: bool,
    medium: bool,
    high: bool,
    seat_rows: Option<SeatRows>,
    /// Rows of seats, as the number of seats says.
    seats: Option<SeatRows>,
    has_both_seats: bool,
    trunk: Option<Trunk>,
    /// The row speaks of something that is no floor mat.
    pub other_product: bool,
}

impl AttributeWords {
    /// What they come to.
    pub fn attributes(&self) -> Attributes {
        let Self { seat_rows, seats, trunk, .. } = *self;
        Attributes { steering: self.steering(), borders: self.borders(), seat_rows: seat_rows.or(seats), trunk }
    }

    fn steering(&self) -> Option<Steering> {
        match (self.left, self.right) {
            (true, true) => Some(Steering::Both),
            (true, false) => Some(Steering::Left),
            (false, true) => Some(Steering::Right),
            (false, false) => None,
        }
    }

    /// Whether the row says both with and without borders.
    pub fn borders_conflict(&self) -> bool {
        self.without && (self.with || self.medium || self.high)
    }

    fn borders(&self) -> Option<Borders> {
        match self {
            _ if self.borders_conflict() => None,
            Self { without: true, .. } => Some(Borders::Without),
            Self { medium: true, high: false, .. } => Some(Borders::Medium),
            Self { high: true, medium: false, .. } => Some(Borders::High),
            Self { with: true, .. } => Some(Borders::With),
            _ => None,
        }
    }

    /// Reads a cell's words and takes what it understood. `typos` is for descriptions; a model's name must not be read as a typo.
    pub fn read(&mut self, cell: &mut Cell, typos: bool) {
        for place in 0..cell.words.len() {
            let Some(key) = cell.key(place).map(str::to_owned) else {
                continue;
            };
            self.other_product |= ["накидк", "чехол", "чехл"].iter().any(|stem| key.starts_with(stem));
            let is = |forms: &[&str]| matches_form(&key, forms, typos);
            let before = place.checked_sub(1);
            if let Some((side, span)) = steering::side(cell, place, typos) {
                self.set_side(side);
                cell.take(span);
            } else if is(&["руль", "руля", "рулем", "рули"]) {
                if let Some(both) = before.filter(|place| matches!(cell.key(*place), Some("оба" | "обе"))) {
                    (self.left, self.right) = (true, true);
                    cell.take(both..place);
                }
                cell.take(place..place + 1);
            } else if let Some(start) = self.read_borders(cell, place, &key, typos) {
                cell.take(start..place + 1 + self.read_height(cell, place + 1));
            } else if is_trunk(&key, typos) {
                let is_before = |key: &str| is_without(key) || is_with(key) || key == "в";
                let prefix = before.filter(|place| cell.key(*place).is_some_and(is_before));
                let without = prefix.is_some_and(|place| cell.key(place).is_some_and(is_without));
                self.trunk = Some(if without { Trunk::No } else { Trunk::Yes });
                cell.take(prefix.unwrap_or(place)..place + 1);
            } else {
                self.read_seats(cell, place, &key, typos);
            }
        }
    }

    /// Reads the cell of a column that is about steering alone.
    pub fn read_steering_column(&mut self, cell: &mut Cell) {
        for place in 0..cell.words.len() {
            if let Some(side) = cell.key(place).and_then(steering::side_alone) {
                self.set_side(side);
                cell.take(place..place + 1);
            }
        }
        self.read(cell, false);
    }

    /// Reads the cell of a column that counts seats, or rows of them.
    pub fn read_seat_column(&mut self, cell: &mut Cell, are_rows: bool) {
        let free = cell.free_words();
        if let [only] = free.as_slice()
            && let Some(count) = only.number()
        {
            let found = match count {
                2 if are_rows => Some(SeatRows::Two),
                3 if are_rows => Some(SeatRows::Three),
                4 | 5 if !are_rows => Some(SeatRows::Two),
                6..=9 if !are_rows => Some(SeatRows::Three),
                _ => None,
            };
            if found.is_some() {
                self.seats = found;
                cell.take_free(&(0..1));
            }
        }
        self.read(cell, false);
    }

    fn set_side(&mut self, side: Side) {
        self.left |= side != Side::Right;
        self.right |= side != Side::Left;
    }

    /// Where the phrase about borders that ends here begins, if there is one.
    fn read_borders(&mut self, cell: &Cell, place: usize, key: &str, typos: bool) -> Option<usize> {
        let word = |place: Option<usize>| place.and_then(|place| cell.key(place)).unwrap_or_default();
        let before = place.checked_sub(1);
        let preposition = is_with(word(before)) || is_without(word(before));
        let (key, glued) = match (key.strip_prefix("без"), key.strip_prefix('с')) {
            (Some(rest), _) if rest.starts_with("борт") => (rest, Some(false)),
            (_, Some(rest)) if rest.starts_with("борт") => (rest, Some(true)),
            _ => (key, None),
        };
        let misspelled = typos
            && preposition
            && matches_form(key, &["борт", "борта", "бортом", "бортами", "бортов", "бортам"], true);
        // A typo of a short form must keep its beginning: "без бора" may be, "с баком" is not.
        if !(key.starts_with("борт") || (misspelled && key.starts_with("бо"))) {
            return None;
        }
        if let Some(with) = glued {
            *(if with { &mut self.with } else { &mut self.without }) = true;
            return Some(place);
        }
        let is_medium = matches_form(word(before), MEDIUM, typos);
        let is_high = matches_form(word(before), HIGH, typos);
        if word(before).starts_with("низк") {
            return None;
        }
        let start = if is_medium || is_high || preposition { place.saturating_sub(1) } else { place };
        match () {
            () if is_medium => self.medium = true,
            () if is_high => self.high = true,
            () if is_without(word(before)) => self.without = true,
            () => self.with = true,
        }
        let leading = start.checked_sub(1).filter(|place| (is_medium || is_high) && is_with(word(Some(*place))));
        Some(leading.unwrap_or(start))
    }

    /// How high the borders just read are, if that stands after them ("с бортами высокий"); how many words say so.
    fn read_height(&mut self, cell: &Cell, place: usize) -> usize {
        let key = |place: usize| cell.key(place).unwrap_or_default();
        // "высокий борт" speaks of the next ones.
        if key(place + 1).starts_with("борт") {
            return 0;
        }
        let (is_medium, is_high) = (MEDIUM.contains(&key(place)), HIGH.contains(&key(place)));
        self.medium |= is_medium;
        self.high |= is_high;
        usize::from(is_medium || is_high)
    }

    fn read_seats(&mut self, cell: &mut Cell, place: usize, key: &str, typos: bool) {
        let next = |cell: &Cell, offset: usize| cell.key(place + offset).unwrap_or_default().to_owned();
        if is_seat(key) {
            self.read_seat_count(cell, place);
        } else if key.starts_with("ряд") {
            let before =
                (place.saturating_sub(2)..place).rev().find_map(|place| Some((place, rows(cell.key(place)?)?)));
            if let Some((start, rows)) = before {
                self.seat_rows = Some(rows);
                cell.take(start..place + 1);
            }
        } else if let Some(stem) = key.find("рядн") {
            if let Some(rows) = key.get(..stem).and_then(rows) {
                self.seat_rows = Some(rows);
                cell.take(place..place + 1);
            }
        } else if matches_form(key, &["полный", "полная", "полное", "полн", "полностью"], typos)
        {
            let mut end = place + 1;
            if is_trunk(&next(cell, 1), typos) {
                cell.take(place..end);
            } else if !next(cell, 1).starts_with("привод") {
                while cell.key(end).is_some_and(is_whole) {
                    end += 1;
                }
                self.seat_rows = Some(SeatRows::Full);
                cell.take(place..end);
            }
        } else if matches!(key, "весь" | "вся" | "целый") && is_whole(&next(cell, 1)) {
            self.seat_rows = Some(SeatRows::Full);
            cell.take(place..place + 2);
        } else if matches!(key, "перед" | "передок" | "спереди" | "передние" | "передний" | "передняя")
            && !next(cell, 1).starts_with("привод")
        {
            let rear = (0..cell.words.len())
                .any(|place| cell.key(place).is_some_and(|key| key.starts_with("зад") || key == "сзади"));
            let only =
                place.checked_sub(1).filter(|place| cell.key(*place).is_some_and(|key| key.starts_with("тольк")));
            if only.is_some() || (!rear && typos) {
                self.seat_rows = Some(SeatRows::FrontOnly);
                let end = if next(cell, 1).starts_with("ряд") { place + 2 } else { place + 1 };
                cell.take(only.unwrap_or(place)..end);
            }
        }
    }

    /// "7 мест", "5/7 мест", "5 и 7 мест", "5 мест и 7 мест": more than five seats are three rows. Cars of either kind have either.
    fn read_seat_count(&mut self, cell: &mut Cell, place: usize) {
        let count = |place: usize| cell.words.get(place).filter(|_| cell.is_free(place)).and_then(Word::number);
        // "7-и местный": the ending is a word of its own.
        let is_ending = |place: usize| cell.key(place).is_some_and(|key| matches!(key, "и" | "ти" | "ми" | "х"));
        let Some(last) = place.checked_sub(1).map(|last| if is_ending(last) { last.saturating_sub(1) } else { last })
        else {
            return;
        };
        let is_of_rows = cell.key(place + 1).is_some_and(|key| key.starts_with("ряд"));
        let Some(seats) = count(last).filter(|seats| (4..=9).contains(seats) && !is_of_rows) else { return };
        let joined = cell.words.get(last).is_some_and(|word| matches!(word.gap.trim(), "/" | "-" | "+" | ","));
        let is_and = |place: usize| cell.key(place).is_some_and(|key| matches!(key, "и" | "или"));
        let before = last.checked_sub(1);
        let before = if before.is_some_and(is_and) { last.checked_sub(2) } else { before.filter(|_| joined) };
        let other = before.filter(|other| count(*other).is_some_and(|seats| (4..=9).contains(&seats)));
        let rows = if seats > 5 { SeatRows::Three } else { SeatRows::Two };
        let first = other.unwrap_or(last);
        if other.is_some() || self.seats.is_some_and(|known| known != rows) {
            // Said of both kinds: a note.
            self.seats = None;
            self.has_both_seats = true;
            return;
        }
        if !self.has_both_seats {
            self.seats = Some(rows);
            cell.take(first..place + 1);
        }
    }
}

/// How high borders are, in every form.
const MEDIUM: &[&str] = &["средний", "средние", "средним", "средними", "средн", "сред", "ср"];
const HIGH: &[&str] = &["высокий", "высокие", "высоким", "высокими", "высок", "выс"];

fn rows(key: &str) -> Option<SeatRows> {
    match key {
        "2" | "2х" | "два" | "две" | "двух" | "двумя" => Some(SeatRows::Two),
        "3" | "3х" | "три" | "трех" | "тремя" => Some(SeatRows::Three),
        _ => None,
    }
}

fn is_seat(key: &str) -> bool {
    ["местн", "сидени", "сидяч", "seat"].iter().any(|stem| key.starts_with(stem))
        || matches!(key, "мест" | "места" | "место")
}

fn is_whole(key: &str) -> bool {
    ["салон", "компл", "компон", "комлект"].iter().any(|stem| key.starts_with(stem))
}

fn is_trunk(key: &str, typos: bool) -> bool {
    key.starts_with("багаж") || matches_form(key, &["багаж", "багажник", "багажником", "багажника"], typos)
}

fn is_with(key: &str) -> bool {
    matches!(key, "с" | "c" | "со")
}

/// "без" or what a slip of the finger makes of it.
fn is_without(key: &str) -> bool {
    key.starts_with('б') && (2..=4).contains(&key.chars().count()) && strsim::damerau_levenshtein(key, "без") <= 1
}

/// Whether a word is one of the forms, or with `typos` within one letter of one that has five or more.
pub fn matches_form(key: &str, forms: &[&str], typos: bool) -> bool {
    forms.contains(&key) || (typos && key.chars().count() >= 5 && forms.iter().any(|form| is_slip(key, form)))
}

/// Whether two words of five letters or more are within one letter. One letter apart, they begin or end alike: asked first,
/// because it is hundreds of times faster to tell.
fn is_slip(key: &str, form: &str) -> bool {
    let ends = |word: &str| (word.chars().next(), word.chars().next_back());
    let ((first, last), (form_first, form_last)) = (ends(key), ends(form));
    (first == form_first || last == form_last)
        && key.len().abs_diff(form.len()) <= 2
        && form.chars().count() >= 5
        && strsim::damerau_levenshtein(key, form) <= 1
}

#[cfg(test)]
mod tests;
