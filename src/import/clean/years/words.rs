//! The words around years, in Russian, Kyrgyz, Kazakh and English. They are keys: ғ, қ, і, ү and their like are the Russian
//! letters that look like them.

/// Before the first year that counts.
pub(super) const SINCE: &[&str] = &["с", "c", "со", "от", "после", "начиная", "from", "since", "after"];
/// Before the last one.
pub(super) const UNTIL: &[&str] = &["до", "по", "until", "till", "to", "before"];
/// The same two, after it: "2014-жылдан баштап", "2016 жылга чейин".
pub(super) const SINCE_AFTER: &[&str] = &["баштап", "бастап"];
pub(super) const UNTIL_AFTER: &[&str] = &["чейин", "дейин"];
/// Words that only say that a number is a year.
pub(super) const UNITS: &[&str] = &[
    "г",
    "гг",
    "год",
    "года",
    "годы",
    "году",
    "годов",
    "гв",
    "вып",
    "выпуска",
    "year",
    "years",
    "yr",
    "my",
    "ж",
    "жж",
    "жыл",
    "жылы",
    "жылдар",
    "жылдан",
    "жылга",
    "жылдын",
];
/// Words that say that a car is still made, or that later ones count too.
pub(super) const ONWARDS: &[&str] = &[
    "н",
    "нв",
    "наст",
    "настоящее",
    "настоящего",
    "время",
    "времени",
    "врем",
    "вр",
    "сейчас",
    "сегодня",
    "сегодняшний",
    "сей",
    "now",
    "present",
    "current",
    "today",
    "новее",
    "новые",
    "выше",
    "позже",
    "позднее",
    "далее",
    "дальше",
    "плюс",
    "plus",
    "newer",
    "later",
    "up",
    "onwards",
    "onward",
    "азыркыга",
    "азыр",
    "азыркы",
    "бугунку",
    "казирги",
    "бугинги",
    "жогору",
    "жогары",
    "кийинки",
    "кейинги",
    "жаны",
];
/// Words between a year and one of those.
pub(super) const JOINING: &[&str] = &[
    "и",
    "по",
    "до",
    "в",
    "день",
    "and",
    "to",
    "till",
    "until",
    "the",
    "жана",
    "жане",
    "кунго",
    "кунге",
    "уакытка",
    "убакытка",
    "чейин",
    "дейин",
];
/// Words that say that earlier ones count too. ("старше" is said of both.)
pub(super) const EARLIER: &[&str] = &["ранее", "раньше", "older", "earlier"];
pub(super) const EITHER_WAY: &[&str] = &["старше"];
pub(super) const MONTHS: &[&str] = &[
    "янв", "фев", "мар", "апр", "май", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек", "jan", "feb", "mar",
    "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
