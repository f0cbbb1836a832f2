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

/// Whether this may be a number in some country: signs that people write numbers with, enough digits, and, where it
/// begins with the country's code, a number of that country.
pub fn is_plausible(typed: &str) -> bool {
    cleaned(typed).is_some_and(|number| !number.starts_with('+') || international(&number).is_some())
}

/// The number in E.164 (`+996555123456`), from E.164 or as people of `home` write it (`0555 123 456`). None if no
/// subscriber can have it.
pub fn e164(typed: &str, home: Option<Region>) -> Option<String> {
    let number = cleaned(typed)?;
    valid(&number, home).or_else(|| international(&number))
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

/// The digits, with the `+` before them, of what is typed or pasted: without what stands before it (`тел.`, `WhatsApp:`,
/// `wa.me/`) and a name in brackets behind it. None if it has other signs than numbers are written with, or too few or
/// too many digits.
fn cleaned(typed: &str) -> Option<String> {
    let seen: String =
        typed.chars().filter(|ch| ch.general_category() != GeneralCategory::Format).map(narrow).collect();
    let begin = seen.find(|ch: char| ch == '+' || ch.is_ascii_digit())?;
    let number = without_name(seen.get(begin..)?.trim_end());
    let is_sign = |ch: char| {
        ch.is_whitespace() || "−().,;/_".contains(ch) || ch.general_category() == GeneralCategory::DashPunctuation
    };
    let number: String = number.chars().filter(|ch| !is_sign(*ch)).collect();
    let digits = number.strip_prefix('+').unwrap_or(&number);
    ((5..=15).contains(&digits.len()) && digits.chars().all(|ch| ch.is_ascii_digit())).then_some(number)
}

/// Whose number it is may stand behind it, in brackets.
fn without_name(number: &str) -> &str {
    let name = number.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    name.filter(|(_, name)| !name.chars().any(char::is_numeric)).map_or(number, |(number, _)| number)
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
        assert_eq!(e164("0555 123 456 (Айгуль)", Some(Region::KG)).as_deref(), Some("+996555123456"));
        for typed in ["0555 123 456 (доб. 2)", "0555 123 456 Айгуль", "0555 (Айгуль) 123 456"] {
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
