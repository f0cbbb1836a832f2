//! How many applications there were on which day.

use std::time::Duration;

use super::{Kind, Status};
use crate::domain::error::Violation;

/// The most days that are counted at once, and how many of them unless it is said.
const MAX_DAYS: i64 = 92;
const USUAL_DAYS: i64 = 30;
/// The days that there may be.
const FIRST_DAY: &str = "2000-01-01";
const LAST_DAY: &str = "2100-12-31";

/// From a day to another, both counted, as `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days {
    pub first: String,
    pub last: String,
}

impl Days {
    /// Of two days as they were given in these fields; none: neither is.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(fields: [&str; 2], first: &str, last: &str) -> Result<Option<Self>, Vec<Violation>> {
        let [first_field, last_field] = fields;
        let given = [(first_field, first.trim()), (last_field, last.trim())];
        if given.iter().all(|(_, day)| day.is_empty()) {
            return Ok(None);
        }
        let mut violations = Vec::new();
        let [first_number, last_number] = given.map(|(field, day)| {
            let number = number(day);
            if day.is_empty() {
                violations.push(Violation::new(field, "FIELD_REQUIRED", "must be given with the other day"));
            } else if number.is_none() {
                let problem = "must be a day from 2000 to 2100, written as 2026-12-01";
                violations.push(Violation::new(field, "FIELD_INVALID", problem));
            }
            number
        });
        if let (Some(first), Some(last)) = (first_number, last_number)
            && !(0..MAX_DAYS).contains(&(last - first))
        {
            let problem = format!("must not be before {first_field}; at most {MAX_DAYS} days are counted at once");
            violations.push(Violation::new(last_field, "FIELD_OUT_OF_RANGE", problem));
        }
        let [(_, first), (_, last)] = given;
        if violations.is_empty() {
            Ok(Some(Self { first: first.to_owned(), last: last.to_owned() }))
        } else {
            Err(violations)
        }
    }

    /// As [`Days::read`]; one day without the other is the first or the last of so many as are usual.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read_or_usual(fields: [&str; 2], first: &str, last: &str) -> Result<Option<Self>, Vec<Violation>> {
        match (first.trim(), last.trim()) {
            (first, "") if !first.is_empty() => Self::read(fields, first, &later(first, USUAL_DAYS - 1)),
            ("", last) if !last.is_empty() => Self::read(fields, &later(last, 1 - USUAL_DAYS), last),
            (first, last) => Self::read(fields, first, last),
        }
    }
}

/// So many days after a day, or before it, of those that are counted; of what is no day, any.
fn later(day: &str, days: i64) -> String {
    let midnight = humantime::parse_rfc3339(&format!("{day}T00:00:00Z")).ok();
    let seconds = Duration::from_secs(days.unsigned_abs() * 24 * 60 * 60);
    let moved = midnight.and_then(|it| if days < 0 { it.checked_sub(seconds) } else { it.checked_add(seconds) });
    let moved = moved.map(|moved| humantime::format_rfc3339(moved).to_string()).unwrap_or_default();
    moved.get(..day.len()).unwrap_or_default().clamp(FIRST_DAY, LAST_DAY).to_owned()
}

/// How many days before a day there were since the year 0; none if there is no such day.
fn number(day: &str) -> Option<i64> {
    let mut parts = day.split('-');
    let mut part = |digits: usize| {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        part.parse::<i64>().ok()
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() || !(2000..=2100).contains(&year) {
        return None;
    }
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let months = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month).ok()?.checked_sub(1)?;
    let length = *months.get(before)?;
    let leap_days = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let in_year = months.iter().take(before).sum::<i64>() + day;
    (1..=length).contains(&day).then_some(year * 365 + leap_days + in_year)
}

/// Applications of a day that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    pub day: String,
    pub status: Status,
    /// The code; empty without one.
    pub category: String,
    pub channel: String,
    pub kind: Kind,
    pub count: i64,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    pub days: Days,
    pub counts: Vec<Count>,
}

impl Stats {
    /// All of them together.
    pub fn total(&self) -> i64 {
        self.counts.iter().map(|count| count.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 2] = ["first_day", "last_day"];

    #[test]
    fn one_day_alone_is_the_first_or_the_last_of_thirty() {
        let read = |first, last| {
            let days = Days::read_or_usual(["--from", "--to"], first, last);
            days.map(|days| days.map(|days| (days.first, days.last))).map_err(|violations| {
                violations.into_iter().map(|it| format!("{}: {}", it.field, it.description)).collect::<Vec<_>>()
            })
        };
        let days = |first: &str, last: &str| Ok(Some((first.to_owned(), last.to_owned())));
        assert_eq!(read("", ""), Ok(None));
        assert_eq!(read("2024-02-01", ""), days("2024-02-01", "2024-03-01"));
        assert_eq!(read("", " 2024-03-01 "), days("2024-02-01", "2024-03-01"));
        assert_eq!(read("2024-03-01", "2024-03-02"), days("2024-03-01", "2024-03-02"));
        assert_eq!(read("2100-12-31", ""), days("2100-12-31", "2100-12-31"));
        assert_eq!(read("", "2000-01-01"), days("2000-01-01", "2000-01-01"));
        for (first, last, field) in [("1.2.2024", "", "--from"), ("", "2024-02-30", "--to"), ("", "я", "--to")] {
            let told = format!("{field}: must be a day from 2000 to 2100, written as 2026-12-01");
            assert_eq!(read(first, last), Err(vec![told]), "{first:?} {last:?}");
        }
        let backwards = "--to: must not be before --from; at most 92 days are counted at once";
        assert_eq!(read("2024-03-02", "2024-03-01"), Err(vec![backwards.to_owned()]));
    }

    #[test]
    fn days_follow_each_other() {
        for (day, next) in [
            ("2000-02-28", "2000-02-29"),
            ("2023-02-28", "2023-03-01"),
            ("2024-02-29", "2024-03-01"),
            ("2026-12-31", "2027-01-01"),
            ("2099-12-31", "2100-01-01"),
        ] {
            assert_eq!(number(next).unwrap() - number(day).unwrap(), 1, "{day}");
        }
        assert_eq!(number("2100-01-01").unwrap() - number("2000-01-01").unwrap(), 36_525);
        for none in ["2023-02-29", "2100-02-29", "2026-00-10", "2026-13-01", "2026-1-01", "2026-01-32", "2026-01-00"] {
            assert_eq!(number(none), None, "{none}");
        }
        for none in ["", "1999-12-31", "2101-01-01", "2026-01-01-01", "2026/01/01", "+026-01-01", "2026-01-0\0"] {
            assert_eq!(number(none), None, "{none}");
        }
    }

    #[test]
    fn at_most_so_many_days_in_their_order() {
        let reasons = |first, last| {
            let violations = Days::read(FIELDS, first, last).err().unwrap_or_default();
            violations.into_iter().map(|violation| (violation.field, violation.reason)).collect::<Vec<_>>()
        };
        assert_eq!(Days::read(FIELDS, "", " "), Ok(None));
        assert_eq!(reasons("2026-10-01", "2026-12-31"), []);
        assert_eq!(reasons("2026-12-01", "2026-12-01"), []);
        for (first, last) in [("2026-10-01", "2027-01-01"), ("2026-12-02", "2026-12-01")] {
            assert_eq!(reasons(first, last), [("last_day".into(), "FIELD_OUT_OF_RANGE")]);
        }
        assert_eq!(reasons("2026-12-01", ""), [("last_day".into(), "FIELD_REQUIRED")]);
        assert_eq!(reasons("1.12.2026", "2026-12-01"), [("first_day".into(), "FIELD_INVALID")]);
    }
}
