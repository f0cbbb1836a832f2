//! Years, in every form at once: what a person reads in them, told by a model of its own.

use crate::domain::vehicle::Years;
use crate::import::clean::cell::Cell;
use crate::import::clean::years::{Found, YearCell, read_all, read_cell};

/// What a year's cell says, and the words that nobody understood.
fn year_cell(text: &str) -> (YearCell, Vec<String>) {
    let mut cell = Cell::new(text);
    (read_cell(&mut cell), cell.leftovers())
}

/// What is read elsewhere, and the words left.
fn elsewhere(text: &str) -> (Option<Years>, Vec<String>) {
    let mut cell = Cell::new(text);
    let found = match read_all(&mut cell, false) {
        Found::Years(years) => Some(years),
        Found::Nothing | Found::Several => None,
    };
    (found, cell.leftovers())
}

fn years(from: impl Into<Option<i16>>, to: impl Into<Option<i16>>) -> Years {
    Years { from: from.into(), to: to.into() }
}

/// The year that digits are, by themselves.
fn meant(digits: &str) -> Option<i16> {
    let number: i16 = digits.parse().ok()?;
    match digits.len() {
        2 if (80..=99).contains(&number) => Some(1900 + number),
        2 if (0..=35).contains(&number) => Some(2000 + number),
        4 if (1950..=2035).contains(&number) => Some(number),
        _ => None,
    }
}

#[test]
fn every_number_is_a_year_or_none() {
    let two = (0..100).map(|number| format!("{number:02}"));
    let four = (1800..2200).map(|number| number.to_string());
    let others = ["0", "5", "007", "212", "350", "20122", "0000", "9999", "12345678"].map(str::to_owned);
    let mut count = 0;
    for digits in two.chain(four).chain(others) {
        let expected = meant(&digits).map_or(YearCell::Invalid, |year| YearCell::Years(Years::single(year)));
        for text in [digits.clone(), format!("{digits}г"), format!(" {digits} год ")] {
            assert_eq!(year_cell(&text), (expected, Vec::new()), "{text:?}");
        }
        // In another column only the whole year is one, unless it is said to be.
        let whole = meant(&digits).filter(|_| digits.len() == 4).map(Years::single);
        assert_eq!(elsewhere(&digits).0, whole, "{digits}");
        assert_eq!(elsewhere(&format!("{digits} г.")).0, meant(&digits).map(Years::single), "{digits} г.");
        count += 1;
    }
    assert_eq!(count, 509);
}

const UNITS: [&str; 10] = ["", "г", " г.", " гг", " гг.", " год", " года", " годы", " году", " гв"];
const DASHES: [&str; 12] = ["-", " - ", "–", " – ", "—", " — ", "/", " / ", ",", ", ", "…", "..."];

#[test]
fn a_range_is_read_however_it_is_written() {
    let mut count = 0;
    for (from, to) in
        [("2012", "2016"), ("2012", "16"), ("98", "2003"), ("98", "03"), ("1998", "05"), ("31", "35"), ("95", "95")]
    {
        let (first, last) = (meant(from).unwrap(), meant(to).unwrap());
        for unit in UNITS {
            for between in DASHES.into_iter().chain([" по ", " до ", "г - ", " г. - ", " г. по ", " года до ", "-до "])
            {
                for prefix in ["", "с ", "c ", "со ", "от ", "после "] {
                    let text = format!("{prefix}{from}{between}{to}{unit}");
                    assert_eq!(year_cell(&text), (YearCell::Years(years(first, last)), Vec::new()), "{text:?}");
                    count += 1;
                }
            }
        }
    }
    assert!(count > 7000, "{count}");
    // Written the other way round, it is the same range.
    for text in ["2016-2012", "16-12", "2016 – 2012 гг", "16/2012"] {
        assert_eq!(year_cell(text).0, YearCell::Years(years(2012, 2016)), "{text:?}");
    }
    // Two years without anything between them are no range: the first counts, and the other is not lost.
    assert_eq!(year_cell("2012 2016"), (YearCell::Years(Years::single(2012)), vec!["2016".to_owned()]));
    assert_eq!(year_cell("2012 (2016)"), (YearCell::Years(Years::single(2012)), vec!["2016".to_owned()]));
}

#[test]
fn an_open_end_is_read_however_it_is_written() {
    for (year, digits) in [("2012", 2012), ("12", 2012), ("98", 1998), ("1950", 1950), ("2035", 2035)] {
        for unit in UNITS {
            for since in ["с", "С", "c", "от", "после", "со"] {
                let text = format!("{since} {year}{unit}");
                assert_eq!(year_cell(&text), (YearCell::Years(years(digits, None)), Vec::new()), "{text:?}");
            }
            for until in ["до", "ДО", "по", "По"] {
                let text = format!("{until} {year}{unit}");
                assert_eq!(year_cell(&text), (YearCell::Years(years(None, digits)), Vec::new()), "{text:?}");
            }
            for now in ["н.в.", "нв", "н.в", "наст. время", "наст.вр.", "настоящее время", "сейчас", "now"]
            {
                let text = format!("{year}{unit} - {now}");
                assert_eq!(year_cell(&text), (YearCell::Years(years(digits, None)), Vec::new()), "{text:?}");
            }
        }
    }
    // Until a range is until its first year; the rest is not lost.
    for (text, rest) in [("до 2010-2012", "2012"), ("по 2010/12", "12"), ("до 2010 по 2012", "по 2012")] {
        assert_eq!(year_cell(text), (YearCell::Years(years(None, 2010)), vec![rest.to_owned()]), "{text:?}");
    }
}

#[test]
fn what_is_not_a_year_in_its_own_cell_is_told_from_another_columns_text() {
    for text in ["", " ", "-", "—", "...", "(?)"] {
        assert_eq!(year_cell(text), (YearCell::Blank, Vec::new()), "{text:?}");
    }
    // The issue quotes a wrong number: it is no note besides.
    for text in ["1007", "-212", "55", "1949", "2036", "36-79", "1007 г", "3 года", "212/350"] {
        assert_eq!(year_cell(text), (YearCell::Invalid, Vec::new()), "{text:?}");
    }
    for (text, rest) in [
        ("левый руль", "левый руль"),
        ("W212", "W212"),
        ("с бортами 1007", "бортами 1007"),
        ("до", "до"),
        ("года н.в.", "года н.в"),
    ] {
        let (found, left) = year_cell(text);
        assert_eq!(found, YearCell::Other, "{text:?}");
        assert!(left.join(" ").contains(rest), "{text:?}: {left:?}");
    }
}

#[test]
fn years_elsewhere_are_taken_and_nothing_else_is() {
    for (text, expected, rest) in [
        ("кузов 2008 черный", Some(Years::single(2008)), vec!["кузов", "черный"]),
        ("серый 2012-16 г левый", Some(years(2012, 2016)), vec!["серый", "левый"]),
        ("серый с 2012 по 2016 год", Some(years(2012, 2016)), vec!["серый"]),
        ("до 2006г купе", Some(years(None, 2006)), vec!["купе"]),
        ("после 2006 купе", Some(years(2006, None)), vec!["купе"]),
        ("98 г. и 99 г.", Some(Years::single(1998)), vec!["и 99 г"]),
        // Two digits are a body, a size, a price: a year only with its word.
        ("31-35", None, vec!["31-35"]),
        ("20-25", None, vec!["20-25"]),
        ("до 30", None, vec!["до 30"]),
        ("с 15", None, vec!["с 15"]),
        ("40 кузов", None, vec!["40 кузов"]),
        ("12-н.в.", None, vec!["12-н.в"]),
        ("1949", None, vec!["1949"]),
        ("2036", None, vec!["2036"]),
    ] {
        let rest: Vec<String> = rest.into_iter().map(str::to_owned).collect();
        assert_eq!(elsewhere(text), (expected, rest), "{text:?}");
    }
}
