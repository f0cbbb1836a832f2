//! Dates as workbooks keep them, and what was meant by them.

use calamine::ExcelDateTime;

use super::cells::Cell;

/// Dates before this year are numbers whose cells have the format of dates: `2018` shows as 1905-07-10.
const FIRST_YEAR: u16 = 1930;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Date {
    pub(super) year: u16,
    month: u8,
    day: u8,
    /// Since the day that the workbook counts from.
    days: f64,
}

impl Date {
    pub(super) fn of(date: ExcelDateTime) -> Self {
        let (year, month, day, ..) = date.to_ymd_hms_milli();
        Self { year, month, day, days: date.as_f64() }
    }

    /// A day that is written as year-month-day; a time may follow.
    pub(super) fn from_iso(text: &str, is_1904: bool) -> Option<Self> {
        let mut parts = text.get(..10)?.split('-');
        let (year, month, day) =
            (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let is_day =
            (1..=12).contains(&month) && (1..=31).contains(&day) && text.get(10..11).is_none_or(|sign| sign == "T");
        let first = if is_1904 { days(1904, 1, 1) } else { days(1899, 12, 30) };
        is_day.then(|| Self { year, month, day, days: f64::from(days(year, month, day) - first) })
    }

    /// The number that was typed, if nobody can mean the day.
    pub(super) fn number_meant(self) -> Option<u32> {
        let is_number = self.year < FIRST_YEAR && self.days >= 1.0 && self.days.fract() == 0.0;
        is_number.then_some(self.days as u32)
    }
}

impl From<Date> for Cell {
    fn from(date: Date) -> Self {
        let Date { year, month, day, .. } = date;
        Self { text: format!("{year:04}-{month:02}-{day:02}"), date: Some(date) }
    }
}

/// Days since some day in the past, by the Gregorian calendar.
fn days(year: u16, month: u8, day: u8) -> i32 {
    // A year begins with March here, so that the day of a leap year is its last.
    let (year, month) =
        if month > 2 { (i32::from(year), i32::from(month)) } else { (i32::from(year) - 1, i32::from(month) + 12) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + i32::from(day)
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn a_day_is_the_same_however_it_is_kept() {
        for (serial, is_1904, iso) in [
            (43_101.0, false, "2018-01-01"),
            (43_252.0 - 1462.0, true, "2018-06-01T00:00:00"),
            (2018.0, false, "1905-07-10"),
            (2018.0, true, "1909-07-11"),
            (45_351.0, false, "2024-02-29"),
        ] {
            let kept = Date::of(ExcelDateTime::new(serial, ExcelDateTimeType::DateTime, is_1904));
            assert_eq!(Date::from_iso(iso, is_1904), Some(kept), "{iso}");
            assert_eq!(kept.number_meant(), (serial == 2018.0).then_some(2018));
        }
        for text in ["2018", "2018-13-01", "PT5H00M", "2018-01-01x"] {
            assert_eq!(Date::from_iso(text, false), None, "{text}");
        }
    }
}
