//! Telephone numbers: what people type, as E.164.

pub use rlibphonenumber::Region;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

/// Time zones of the countries that shops sell in, for currencies that are no country's (EUR) or not the shop's own.
const ZONES: &[(&str, Region)] = &[
    ("Asia/Bishkek", Region::KG),
    ("Asia/Almaty", Region::KZ),
    ("Asia/Dushanbe", Region::TJ),
    ("Asia/Samarkand", Region::UZ),
    ("Asia/Tashkent", Region::UZ),
    ("Europe/Moscow", Region::RU),
];

/// The country whose people leave its code out: the time zone's, else the currency's, whose code begins with its
/// country's (KGS: KG). None where neither says.
pub fn home(time_zone: &str, currency: &str) -> Option<Region> {
    let zone = ZONES.iter().find(|(name, _)| *name == time_zone).map(|(_, region)| *region);
    zone.or_else(|| {
        let region = Region::try_from(currency.get(..2)?).ok()?;
        PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| region)
    })
}

/// Whether this may be a number in some country: signs that people write numbers with, and enough digits.
pub fn is_plausible(typed: &str) -> bool {
    let digits = typed.chars().filter(char::is_ascii_digit).count();
    (5..=15).contains(&digits) && typed.chars().all(|ch| ch.is_ascii_digit() || " +-–().\u{a0}".contains(ch))
}

/// The number in E.164 (`+996555123456`), from E.164 or as people of `home` write it (`0555 123 456`). None if no
/// subscriber can have it.
pub fn e164(typed: &str, home: Option<Region>) -> Option<String> {
    if !is_plausible(typed) {
        return None;
    }
    let number = PHONE_NUMBER_UTIL.parse(typed, home).ok()?;
    number.is_valid().then(|| number.format_as(PhoneNumberFormat::E164).into_owned())
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
    fn what_nobody_can_be_called_by_is_refused() {
        for typed in
            ["", "12345", "0555 123 45", "0555 123 4567", "+996000000000", "+999555123456", "0555 CALL ME", "+"]
        {
            assert_eq!(e164(typed, Some(Region::KG)), None, "{typed}");
        }
        assert_eq!(e164("0555 123 456", None), None, "without a country");
    }
}
