//! Telephone numbers: what people type, as E.164.

pub use rlibphonenumber::Region;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Time zones of the countries that shops sell in, for currencies that are no country's (EUR) or not the shop's own.
const ZONES: &[(&str, Region)] = &[
    ("Asia/Bishkek", Region::KG),
    ("Asia/Almaty", Region::KZ),
    ("Asia/Dushanbe", Region::TJ),
    ("Asia/Samarkand", Region::UZ),
    ("Asia/Tashkent", Region::UZ),
    ("Europe/Moscow", Region::RU),
];

/// Without its `+` a shorter number may be one without its country's code.
const SHORTEST_WITH_CODE: usize = 11;

/// The country whose people leave its code out: the time zone's, else the currency's, whose code begins with its
/// country's (KGS: KG). None where neither says.
pub fn home(time_zone: &str, currency: &str) -> Option<Region> {
    let zone = ZONES.iter().find(|(name, _)| *name == time_zone).map(|(_, region)| *region);
    zone.or_else(|| {
        let region = Region::try_from(currency.get(..2)?).ok()?;
        PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region)
    })
}

/// Whether this may be a number in some country: enough digits in the signs that people write numbers with, and, where
/// they begin with the country's code, a number of that country.
pub fn is_plausible(typed: &str) -> bool {
    let text = plain(typed);
    runs(&text).iter().any(|run| pieces(run.text).any(is_plausible_alone) || is_plausible_alone(run.text))
}

fn is_plausible_alone(written: &str) -> bool {
    compact(written).is_some_and(|number| !number.starts_with('+') || international(&number).is_some())
}

/// The number in E.164 (`+996555123456`), from E.164 or as people of `home` write it (`0555 123 456`), whatever words,
/// links and emoji stand around it. None if no subscriber can have it, or if it cannot be told which is meant: two
/// numbers, or an extension that E.164 has no place for.
pub fn e164(typed: &str, home: Option<Region>) -> Option<String> {
    let text = plain(typed);
    let runs = runs(&text);
    let mut found: Option<(String, usize)> = None;
    for run in &runs {
        for number in numbers(run, home) {
            match &found {
                Some((other, _)) if *other != number => return None,
                _ => found = Some((number, run.end)),
            }
        }
    }
    let (number, end) = found?;
    let loses = loses_digits(text.get(end..)?);
    (!loses).then_some(number)
}

/// Whether it is a number in E.164 exactly as written.
pub fn is_e164(number: &str) -> bool {
    valid(number, None).is_some_and(|same| same == number)
}

/// A number that has its country's code, with the `+` or without, or the 8 that Russians and Kazakhs write for theirs,
/// abroad too.
fn international(number: &str) -> Option<String> {
    let digits = number.strip_prefix('+').unwrap_or(number);
    let has_code = number.starts_with('+') || digits.len() >= SHORTEST_WITH_CODE;
    valid(&format!("+{digits}"), None).filter(|_| has_code).or_else(|| {
        let own = digits.strip_prefix('8').filter(|own| own.len() == 10)?;
        valid(&format!("+7{own}"), None)
    })
}

fn valid(number: &str, home: Option<Region>) -> Option<String> {
    let number = PHONE_NUMBER_UTIL.parse(number, home).ok()?;
    number.is_valid().then(|| number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// Digits and the signs between them, without a break.
struct Run<'a> {
    text: &'a str,
    /// What stands right before it and right behind, none at the ends.
    before: Option<char>,
    behind: &'a str,
    /// Where it ends in the whole text.
    end: usize,
}

/// What is typed or pasted, without what cannot be seen.
fn plain(typed: &str) -> String {
    use GeneralCategory::{EnclosingMark, Format, NonspacingMark};
    let is_seen = |ch: &char| !matches!(ch.general_category(), Format | NonspacingMark | EnclosingMark);
    typed.chars().filter(is_seen).map(narrow).collect()
}

/// Where digits are. Words part them, and each `+` begins anew.
fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find(|ch: char| ch == '+' || ch.is_ascii_digit())) {
        let begin = at + found;
        let rest = text.get(begin..).unwrap_or_default();
        let goes_on = |(place, ch): (usize, char)| place == 0 || ch.is_ascii_digit() || is_sign(ch);
        let length = rest.char_indices().find(|place| !goes_on(*place)).map_or(rest.len(), |(place, _)| place);
        let written = rest.get(..length).unwrap_or_default();
        let written = written.trim_end_matches(|ch: char| !ch.is_ascii_digit());
        let end = begin + written.len();
        runs.push(Run {
            text: written,
            before: text.get(..begin).and_then(|before| before.chars().next_back()),
            behind: text.get(end..).unwrap_or_default(),
            end,
        });
        at = begin + length;
    }
    runs
}

/// The signs that people write between the digits of a number.
fn is_sign(ch: char) -> bool {
    ch.is_whitespace() || "−().,;/_".contains(ch) || ch.general_category() == GeneralCategory::DashPunctuation
}

/// The numbers in a run: it is one as a whole, or made of several, or has a year before it or an hour or a house behind.
fn numbers(run: &Run<'_>, home: Option<Region>) -> Vec<String> {
    let read = |written: &str| {
        let number = compact(written)?;
        valid(&number, home).or_else(|| international(&number))
    };
    // An address of mail is none.
    if run.behind.starts_with('@') {
        return Vec::new();
    }
    if let Some(number) = read(run.text) {
        return vec![number];
    }
    let several: Option<Vec<String>> = pieces(run.text).map(read).collect();
    if let Some(several) = several {
        return several;
    }
    without_year(run).or_else(|| without_house(run)).and_then(read).into_iter().collect()
}

/// Parts of a run that may be numbers of their own.
fn pieces(written: &str) -> impl Iterator<Item = &str> {
    written.split([',', ';', '/', '\n']).filter(|piece| piece.chars().any(|ch| ch.is_ascii_digit()))
}

/// What is behind a car's year (`Camry 2018 0555 123 456`) or the digits at the end of its name (`XV70 0555 123 456`).
fn without_year<'a>(run: &Run<'a>) -> Option<&'a str> {
    let (first, rest) = run.text.split_once(char::is_whitespace)?;
    let digits = first.trim_end_matches([',', '.', ';']);
    let is_year = digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"));
    let ends_a_word = run.before.is_some_and(char::is_alphabetic) && digits.len() <= 3;
    (is_year || ends_a_word).then_some(rest)
}

/// What is before a short number that a word says more of (`0555123456, 12 мкр`). Spaces alone part them only where there
/// are none within the number: else it may be one with a digit too many.
fn without_house<'a>(run: &Run<'a>) -> Option<&'a str> {
    let (head, last) = run.text.rsplit_once(|ch: char| ch.is_whitespace() || ch == ',' || ch == ';')?;
    let is_parted = head.trim_end().ends_with([',', ';']) || !head.trim_end().contains(char::is_whitespace);
    let has_word = run.behind.trim_start_matches([' ', '-', '.']).starts_with(char::is_alphabetic);
    (last.len() <= 3 && last.chars().all(|ch| ch.is_ascii_digit()) && is_parted && has_word).then_some(head)
}

/// Whether digits behind a number may be a part of it: an extension (`доб. 2`), or nobody says what they are (`№2`).
fn loses_digits(behind: &str) -> bool {
    let Some(digit) = behind.find(|ch: char| ch.is_ascii_digit()) else { return false };
    let is_unsaid = !behind.get(..digit).unwrap_or_default().chars().any(char::is_alphabetic);
    let lower = behind.to_lowercase();
    let mut words = lower.split(|ch: char| !ch.is_alphabetic());
    is_unsaid || words.any(is_extension)
}

fn is_extension(word: &str) -> bool {
    matches!(word, "доб" | "вн" | "внутр" | "ext" | "x" | "х")
        || ["добав", "внутренн", "extension"].iter().any(|begin| word.starts_with(begin))
}

/// The digits, with the `+` before them. None if they are too few or too many.
fn compact(written: &str) -> Option<String> {
    let number: String = written.chars().filter(|ch| !is_sign(*ch)).collect();
    let digits = number.strip_prefix('+').unwrap_or(&number);
    ((5..=15).contains(&digits.len()) && digits.chars().all(|ch| ch.is_ascii_digit())).then_some(number)
}

/// Digits and the plus of East Asian keyboards are as wide as their letters.
fn narrow(ch: char) -> char {
    match ch {
        '\u{ff10}'..='\u{ff19}' | '\u{ff0b}' => char::from_u32(u32::from(ch) - 0xfee0).unwrap_or(ch),
        _ => ch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_country_is_the_time_zones_or_the_currencys() {
        assert_eq!(home("Asia/Bishkek", "KGS"), Some(Region::KG));
        assert_eq!(home("Asia/Bishkek", "USD"), Some(Region::KG));
        assert_eq!(home("Asia/Aqtobe", "KZT"), Some(Region::KZ));
        assert_eq!(home("Europe/Berlin", "EUR"), None);
        assert_eq!(home("", "Ж"), None);
    }

    #[test]
    fn numbers_are_understood_however_people_write_them() {
        for typed in [
            "+996555123456",
            "0555 123 456",
            "0555123456",
            "555 12-34-56",
            "996555123456",
            "+996 (555) 12-34-56",
            "00996555123456",
            "+996 0555 123456",
        ] {
            assert_eq!(e164(typed, Some(Region::KG)).as_deref(), Some("+996555123456"), "{typed}");
        }
        assert_eq!(e164("8 (701) 123-45-67", Some(Region::KZ)).as_deref(), Some("+77011234567"));
        assert_eq!(e164("+7 912 345-67-89", Some(Region::KG)).as_deref(), Some("+79123456789"));
        assert_eq!(e164("+996700123456", None).as_deref(), Some("+996700123456"));
    }

    #[test]
    fn what_comes_along_when_a_number_is_pasted_is_dropped() {
        for typed in [
            "\u{202a}+996 555 123 456\u{202c}",
            "\u{200e}0555123456\u{200f}",
            "\u{feff}+996\u{00ad}555\u{2060}123456",
            "+996\u{a0}555\u{202f}123\u{2009}456",
            "0555‑12‑34‑56",
            "0555–12—34−56",
            "0555/12-34-56",
            "0555_123_456",
            "0555,123,456;",
            "tel:+996555123456",
            "TEL: 0555 123 456",
            "тел. 0555 123 456",
            "Тел.: +996 (555) 12.34.56",
            "тел 0555123456",
        ] {
            assert_eq!(e164(typed, Some(Region::KG)).as_deref(), Some("+996555123456"), "{typed:?}");
            assert!(is_plausible(typed), "{typed:?}");
        }
    }

    #[test]
    fn russians_and_kazakhs_write_8_for_their_code_abroad_too() {
        for home in [Some(Region::KG), Some(Region::UZ), Some(Region::TJ), Some(Region::RU), Some(Region::KZ), None] {
            assert_eq!(e164("8 912 345 67 89", home).as_deref(), Some("+79123456789"), "{home:?}");
            assert_eq!(e164("8(701)123-45-67", home).as_deref(), Some("+77011234567"), "{home:?}");
        }
        assert_eq!(e164("+8 912 345 67 89", None).as_deref(), Some("+79123456789"), "no country has the code 8");
        for typed in ["8 012 345 67 89", "8 912 345 67 8", "8 912 345 67 890", "9 912 345 67 89", "+9 912 345 67 89"] {
            assert_eq!(e164(typed, Some(Region::KG)), None, "{typed}");
        }
    }

    #[test]
    fn what_nobody_can_be_called_by_is_refused() {
        for typed in [
            "",
            "12345",
            "0555 123 45",
            "0555 123 4567",
            "+996000000000",
            "+999555123456",
            "0555 CALL ME",
            "+",
            "tel:",
            "0555 123 456, 0700 123 456",
            "0555+123456",
            "0555 123 456 №2",
        ] {
            assert_eq!(e164(typed, Some(Region::KG)), None, "{typed}");
        }
        assert_eq!(e164("0555 123 456", None), None, "without a country");
    }

    #[test]
    fn what_stands_around_a_number_is_dropped() {
        for typed in [
            "WhatsApp: +996 555 123 456",
            "wa.me/996555123456",
            "'0555123456",
            "📞 0555 123 456",
            "０５５５１２３４５６",
        ] {
            assert_eq!(e164(typed, Some(Region::KG)).as_deref(), Some("+996555123456"), "{typed}");
        }
        for typed in [
            "0555 123 456 (Айгуль)",
            "0555 123 456 Айгуль",
            "Айгуль 0555-123-456, звоните после 18:00",
            "0555123456 звоните после 6",
            "0555 123 456 кв. 12",
            "0555 123 456, 12 мкр, дом 5",
            "0555123456 12 мкр",
            "https://wa.me/996555123456?text=hi%205D",
            "https://api.whatsapp.com/send?phone=%2B996555123456&text&app_absent=0",
            "https://t.me/+996555123456",
            "+996 555 123 456 📞 WhatsApp",
            "☎️ 0️⃣5️⃣5️⃣5️⃣123456",
            "Camry 2018 0555 123 456",
            "XV70 0555 123 456",
            "720055, Бишкек, 0555 123 456",
            "0555 123 456 / +996 555 123 456",
            "0555 123 456, 0555 123 456",
            "тел.1: 0555 123 456",
        ] {
            assert_eq!(e164(typed, Some(Region::KG)).as_deref(), Some("+996555123456"), "{typed}");
            assert!(is_plausible(typed), "{typed}");
        }
    }

    #[test]
    fn what_may_be_lost_or_mistaken_is_refused() {
        for typed in [
            "0555 123 456 (доб. 2)",
            "0555 123 456 доб 12",
            "0555 123 456, добавочный номер 12",
            "+996 312 612 345 ext. 12",
            "+996312612345;ext=12",
            "0312612345x12",
            "0555 123 456 №2",
            "0555 123 456 #2",
            "0555 123 456, 12",
            "0555 12 34 56 7 Айгуль",
            "0555 123 456 или 0700 123 456",
            "0555 123 456 +996 700 123 456",
            "0555 (Айгуль) 123 456",
            "0555123456@mail.ru",
            "t.me",
            "https://t.me/aibek",
            "завтра в 18:00, кв. 12",
        ] {
            assert_eq!(e164(typed, Some(Region::KG)), None, "{typed}");
        }
    }

    #[test]
    fn a_code_needs_no_plus() {
        for (typed, number) in [("79161234567", "+79161234567"), ("998901234567", "+998901234567")] {
            assert_eq!(e164(typed, Some(Region::KG)).as_deref(), Some(number));
            assert_eq!(e164(typed, None).as_deref(), Some(number));
        }
        assert_eq!(e164("7001234567", Some(Region::KG)), None, "a digit too many, or too few");
    }

    #[test]
    fn e164_is_one_way_to_write_a_number() {
        assert!(is_e164("+996555123456"));
        for other in ["996555123456", "+996 555 123456", "+999555123456", "+", ""] {
            assert!(!is_e164(other), "{other}");
        }
    }
}
