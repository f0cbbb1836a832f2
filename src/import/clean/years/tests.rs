//! The grammar of years, as a table.

use super::*;

/// The grammar: what is written, from and to.
const WRITTEN: &[(&str, Option<i16>, Option<i16>)] = &[
    ("2012", Some(2012), Some(2012)),
    ("2000г", Some(2000), Some(2000)),
    ("1998 г.", Some(1998), Some(1998)),
    ("2014г.в.", Some(2014), Some(2014)),
    ("2014 года выпуска", Some(2014), Some(2014)),
    ("2014-ж.", Some(2014), Some(2014)),
    ("98", Some(1998), Some(1998)),
    ("-2020", Some(2020), Some(2020)),
    // From one year to another.
    ("2003-2007", Some(2003), Some(2007)),
    ("2003 – 2007 гг", Some(2003), Some(2007)),
    ("2011—2014", Some(2011), Some(2014)),
    ("2017/2019", Some(2017), Some(2019)),
    ("2014->2018", Some(2014), Some(2018)),
    ("92-95", Some(1992), Some(1995)),
    ("96-2001", Some(1996), Some(2001)),
    ("98-03", Some(1998), Some(2003)),
    ("2012-16", Some(2012), Some(2016)),
    ("с 2012 по 2016", Some(2012), Some(2016)),
    ("с 2012 г. по 2016 г.", Some(2012), Some(2016)),
    ("2014-2018 г.в.", Some(2014), Some(2018)),
    ("2014 to 2018", Some(2014), Some(2018)),
    ("from 2014 until 2018", Some(2014), Some(2018)),
    ("2014-жылдан 2018-жылга чейин", Some(2014), Some(2018)),
    ("2014 жылдан 2018 жылға дейін", Some(2014), Some(2018)),
    // Each year by itself.
    ("2014,2015,2016", Some(2014), Some(2016)),
    ("2014, 2015 и 2016", Some(2014), Some(2016)),
    ("2014/2015/2016", Some(2014), Some(2016)),
    ("2012-2014, 2015", Some(2012), Some(2015)),
    // Months and days are dropped.
    ("08.2011-2014", Some(2011), Some(2014)),
    ("10/2011 - 05/2014", Some(2011), Some(2014)),
    ("2014/05–2018/11", Some(2014), Some(2018)),
    ("2014.05-2018.11", Some(2014), Some(2018)),
    ("05.2014 - н.в.", Some(2014), None),
    ("2014/05 -", Some(2014), None),
    ("2014/05", Some(2014), Some(2014)),
    ("март 2014 - дек. 2018", Some(2014), Some(2018)),
    ("Jan 2014 – present", Some(2014), None),
    ("01/01/2018", Some(2018), Some(2018)),
    ("01.06.2018", Some(2018), Some(2018)),
    ("2018-01-01", Some(2018), Some(2018)),
    ("2018-01-01 00:00:00", Some(2018), Some(2018)),
    ("01.03.2014-31.12.2018", Some(2014), Some(2018)),
    // From a year on.
    ("с 2018", Some(2018), None),
    ("от 2018 года", Some(2018), None),
    ("начиная с 2018", Some(2018), None),
    ("после 2014", Some(2014), None),
    ("не ранее 2014", Some(2014), None),
    ("2018-н.в.", Some(2018), None),
    ("2014 - н.в", Some(2014), None),
    ("2018 - наст. время", Some(2018), None),
    ("2014-настоящее время", Some(2014), None),
    ("2013 - по наст. время", Some(2013), None),
    ("с 2014 по настоящее время", Some(2014), None),
    ("2014-по н.в.", Some(2014), None),
    ("с 2014 по сей день", Some(2014), None),
    ("2014 - сегодня", Some(2014), None),
    ("2014 по сегодняшний день", Some(2014), None),
    ("2014+", Some(2014), None),
    ("2014 +", Some(2014), None),
    ("14+", Some(2014), None),
    ("2014-", Some(2014), None),
    ("2014 -", Some(2014), None),
    ("2014 –", Some(2014), None),
    ("2014-...", Some(2014), None),
    ("2014 - ...", Some(2014), None),
    ("(2014 - …)", Some(2014), None),
    ("2014...", Some(2014), None),
    ("2014 ->", Some(2014), None),
    ("2014->", Some(2014), None),
    ("2014г. -", Some(2014), None),
    ("2014 и новее", Some(2014), None),
    ("с 2014 и новее", Some(2014), None),
    ("2014 года и выше", Some(2014), None),
    ("2014-present", Some(2014), None),
    ("2014 and newer", Some(2014), None),
    ("2014 & up", Some(2014), None),
    ("2014 onwards", Some(2014), None),
    ("since 2014", Some(2014), None),
    ("2014-жылдан баштап", Some(2014), None),
    ("2014 жылдан бастап", Some(2014), None),
    ("2014-азыркыга чейин", Some(2014), None),
    ("2014 - бүгүнкү күнгө чейин", Some(2014), None),
    ("2014 - қазіргі уақытқа дейін", Some(2014), None),
    // Up to a year.
    ("до 2006г", None, Some(2006)),
    ("по 2016", None, Some(2016)),
    ("-> 2016", None, Some(2016)),
    ("не позднее 2016", None, Some(2016)),
    ("2016 и ранее", None, Some(2016)),
    ("2016 and older", None, Some(2016)),
    ("until 2016", None, Some(2016)),
    ("up to 2016", None, Some(2016)),
    ("2016-жылга чейин", None, Some(2016)),
    ("2016 жылға дейін", None, Some(2016)),
];

#[test]
fn every_form_of_years() {
    for (text, from, to) in WRITTEN {
        let mut cell = Cell::new(text);
        assert_eq!(read_cell(&mut cell), YearCell::Years(Years { from: *from, to: *to }), "{text}");
        assert!(cell.leftovers().is_empty(), "{text}: {:?}", cell.leftovers());
    }
}

/// Beside a name the same is read, but for two digits alone.
#[test]
fn every_form_of_years_beside_a_name() {
    let is_full = |text: &str| text.contains("20") || text.contains("19");
    for (text, from, to) in WRITTEN.iter().filter(|(text, ..)| is_full(text) && !text.starts_with(['-', '9', 'н'])) {
        let mut cell = Cell::new(&format!("Зорва ({text})"));
        assert_eq!(read_all(&mut cell, false), Found::Years(Years { from: *from, to: *to }), "{text}");
        assert_eq!(cell.leftovers(), ["зорва"], "{text}");
    }
}

#[test]
fn what_is_no_year_is_not_made_one() {
    for (text, expected) in [
        ("-", YearCell::Blank),
        ("1007", YearCell::Invalid),
        ("-212", YearCell::Invalid),
        ("55", YearCell::Invalid),
        ("99999999999999", YearCell::Invalid),
        ("левый руль", YearCell::Other),
        ("1990-2001, 2023-2025", YearCell::Several),
        ("1990-2001; 2023+", YearCell::Several),
        ("2010, 2014-2018", YearCell::Several),
        ("2014 и старше", YearCell::Several),
    ] {
        assert_eq!(read_cell(&mut Cell::new(text)), expected, "{text}");
    }
}

#[test]
fn elsewhere_two_digits_alone_are_no_year() {
    for (text, expected) in [
        ("30", Found::Nothing),
        ("20-25", Found::Nothing),
        ("97 г", Found::Years(Years::single(1997))),
        ("97-99 г", Found::Years(Years { from: Some(1997), to: Some(1999) })),
        ("кузов 2008 черный", Found::Years(Years::single(2008))),
        ("2014 - левый руль", Found::Years(Years::single(2014))),
    ] {
        assert_eq!(read_all(&mut Cell::new(text), false), expected, "{text}");
    }
}
