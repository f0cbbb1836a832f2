//! Telephone numbers: however one is written, it is the same number.

use lekalo::domain::phone::{Region, e164, is_e164, is_plausible};

use super::random::Random;
use crate::support::shared_data;

/// Numbers of people in the countries that shops sell in: code, number, and what people write before it at home.
const PEOPLE: &[(Region, &str, &str, &str)] = &[
    (Region::KG, "996", "555123456", "0"),
    (Region::KG, "996", "700123456", "0"),
    (Region::KG, "996", "312612345", "0"),
    (Region::KZ, "7", "7011234567", "8"),
    (Region::RU, "7", "9161234567", "8"),
    (Region::UZ, "998", "901234567", ""),
    (Region::TJ, "992", "927771234", ""),
];

/// What stands before a number and says nothing of it.
const AROUND: &[&str] = &[
    "",
    "тел. ",
    "Тел.: ",
    "tel:",
    "WhatsApp: ",
    "номер ",
    "\u{202a}",
    "'",
    "📞 ",
    "Camry XV70, ",
    "https://wa.me/",
    "https://t.me/",
    "wa.me/",
];
/// And behind.
const BEHIND: &[&str] = &[
    "",
    " ",
    "\u{202c}",
    ".",
    " (Айгуль)",
    ";",
    " Айгуль",
    " звоните после 6",
    " с 9:00 до 18:00",
    " 📞 WhatsApp",
    ", кв. 12",
    "?text=hi",
    "?text=%D0%97%205",
    "\nАйгуль, дом 5",
];
/// And what cannot be told from it, or would be lost.
const BEHIND_REFUSED: &[&str] =
    &[" доб. 12", ", доб 2", " ext 7", " x12", " #2", " №2", " или +79161234568", "\n+996700123457"];

/// Puts signs between some of the digits.
fn decorated(digits: &str, random: &mut Random) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && random.below(3) == 0 {
            text += random.of(&[" ", "-", " - ", ".", "\u{a0}", "\u{2011}", "\u{200e}", "/", ")", " ("]);
        }
        text.push(digit);
    }
    text
}

#[test]
fn a_number_is_the_same_however_it_is_written() {
    let mut random = Random::new();
    for (home, code, number, trunk) in PEOPLE {
        let expected = format!("+{code}{number}");
        assert!(is_e164(&expected), "{expected}");
        for _ in 0..40 {
            let written = match random.below(5) {
                0 => number.to_string(),
                1 => format!("{trunk}{number}"),
                2 => format!("{code}{number}"),
                3 => format!("+{code}{number}"),
                _ => format!("{code}{number}"),
            };
            let plus = if written.starts_with('+') { "+" } else { "" };
            let around = random.of(AROUND);
            let behind = random.of(BEHIND);
            let alone = format!("{plus}{}", decorated(written.trim_start_matches('+'), &mut random));
            let typed = format!("{around}{alone}{behind}");
            assert_eq!(e164(&typed, Some(*home)).as_deref(), Some(expected.as_str()), "{typed:?} in {home:?}");
            assert!(is_plausible(&typed), "{typed:?}");
            let two = format!("{around}{alone}{}", random.of(BEHIND_REFUSED));
            assert_eq!(e164(&two, Some(*home)), None, "{two:?}");
            // With its code a number is the same anywhere.
            if written.len() > number.len() + 1 && written.contains(code) && !written.starts_with(trunk) {
                for abroad in [None, Some(Region::KG), Some(Region::UZ)] {
                    assert_eq!(e164(&typed, abroad).as_deref(), Some(expected.as_str()), "{typed:?} in {abroad:?}");
                }
            }
            // A digit less or more is nobody's.
            assert_eq!(
                e164(&typed.replacen('1', "", 1), Some(*home)).filter(|other| *other == expected),
                None,
                "{typed:?}"
            );
        }
        for wrong in [&expected[..expected.len() - 2], &format!("{expected}11")] {
            assert!(!is_e164(wrong) && e164(wrong, Some(*home)).is_none(), "{wrong}");
        }
    }
}

#[test]
fn the_numbers_that_people_typed_are_understood() {
    let Some(file) = shared_data("phones-dev.tsv") else { return };
    let file = std::fs::read_to_string(file).unwrap();
    let lines: Vec<(&str, &str)> = file.lines().skip(1).filter_map(|line| line.split_once('\t')).collect();
    assert!(lines.len() >= 15, "{}", lines.len());
    for (typed, expected) in lines {
        let expected = Some(expected).filter(|expected| *expected != "REFUSE");
        assert_eq!(e164(typed, Some(Region::KG)).as_deref(), expected, "{typed}");
        assert!(expected.is_none() || is_plausible(typed), "{typed}");
    }
}
