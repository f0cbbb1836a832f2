//! What a description says beside the car: complete tables of the words, in any order and among others, and nothing lost.

use proptest::prelude::*;

use super::one;
use crate::domain::import::{CleanRow, Confidence, IssueCode};
use crate::domain::vehicle::{Attributes, BodyType, Borders, SeatRows, Steering, Trunk, Years};
use crate::import::clean::attributes::AttributeWords;
use crate::import::clean::body::body;
use crate::import::clean::cell::Cell;

/// What a text says of one thing, and the words left.
fn read(text: &str, typos: bool) -> (AttributeWords, Vec<String>) {
    let (mut attributes, mut cell) = (AttributeWords::default(), Cell::new(text));
    attributes.read(&mut cell, typos);
    (attributes, cell.leftovers())
}

const LEFT: &[&str] = &[
    "левый",
    "левая",
    "левое",
    "левым",
    "лев",
    "леворульный",
    "леворукий",
    "lhd",
    "ЛЕВЫЙ РУЛЬ",
    "левый руль",
    "руль левый",
    "лев. руль",
    "с левым рулем",
];
const RIGHT: &[&str] = &[
    "правый",
    "правая",
    "правое",
    "правым",
    "прав",
    "праворульный",
    "праворукий",
    "rhd",
    "RHD",
    "правый руль",
    "руль правый",
    "прав руль",
];
const BOTH: &[&str] =
    &["оба руля", "обе руля", "левый и правый руль", "левый/правый", "правый, левый", "левый + правый руль", "RHD LHD"];
const WITH: &[&str] = &[
    "с бортами",
    "борт",
    "борта",
    "борты",
    "бортом",
    "со бортами",
    "c бортами",
    "сбортами",
    "сбортом",
    "с ботами",
    "с бортоми",
    "с бортам",
];
const WITHOUT: &[&str] = &[
    "без бортов",
    "без борта",
    "без борт",
    "безбортов",
    "безборта",
    "бещ бортов",
    "бес бортов",
    "бз бортов",
    "без боров",
];
const MEDIUM: &[&str] = &[
    "средний борт",
    "средние борта",
    "со средним бортом",
    "со средними бортами",
    "средн борт",
    "сред борт",
    "ср борт",
    "борт средний",
    "с бортами ср",
];
const HIGH: &[&str] = &[
    "высокий борт",
    "высокие борта",
    "с высоким бортом",
    "с высокими бортами",
    "высок борт",
    "выс борт",
    "борт высокий",
    "с бортами выс",
    "с бортами высокие",
];
const TWO: &[&str] = &[
    "два ряда",
    "2 ряда",
    "2х рядный",
    "2-х рядный",
    "двух рядный",
    "двухрядный",
    "2рядный",
    "2 ряд",
    "с двумя рядами",
];
const THREE: &[&str] =
    &["три ряда", "3 ряда", "3-х рядный", "трехрядный", "3х рядный", "3 места ряда", "с тремя рядами"];
const FULL: &[&str] = &[
    "полный",
    "полная",
    "полное",
    "полн",
    "полностью",
    "полный салон",
    "полный комплект",
    "полный компл",
    "полный комлект",
    "(полный компонент)",
    "весь салон",
    "целый салон",
    "вся салон",
    "полный салон комплект",
];
const FRONT: &[&str] = &[
    "только перед",
    "только передок",
    "перед",
    "передок",
    "спереди",
    "передние",
    "только передний ряд",
    "передний ряд",
    "передняя",
];
const TRUNK: &[&str] =
    &["багаж", "багажник", "с багажником", "с багажом", "багажника", "со багажом", "багажный", "багажниик"];
const NO_TRUNK: &[&str] = &["без багажника", "без багажа", "без багаж", "бес багажа"];

#[test]
fn every_word_for_the_steering_is_understood() {
    for (texts, expected) in [(LEFT, Steering::Left), (RIGHT, Steering::Right), (BOTH, Steering::Both)] {
        for text in texts {
            let (found, rest) = read(text, true);
            assert_eq!((found.attributes().steering, rest.as_slice()), (Some(expected), [].as_slice()), "{text}");
        }
    }
    for text in ["рулевая", "рулетка", "леваневский", "карман справа", "лев50"]
    {
        assert_eq!(read(text, false).0.attributes().steering, (text == "лев50").then_some(Steering::Left), "{text}");
    }
}

#[test]
fn every_word_for_the_borders_is_understood() {
    for (texts, expected) in
        [(WITH, Borders::With), (WITHOUT, Borders::Without), (MEDIUM, Borders::Medium), (HIGH, Borders::High)]
    {
        for text in texts {
            let (found, rest) = read(text, true);
            assert_eq!((found.attributes().borders, rest.as_slice()), (Some(expected), [].as_slice()), "{text}");
            assert!(!found.borders_conflict(), "{text}");
        }
    }
    // With and without at once is nothing, and told; two heights are only "with".
    for text in ["с бортами без бортов", "без бортов высокий борт", "средний борт, без бортов"]
    {
        let (found, rest) = read(text, true);
        assert_eq!((found.attributes().borders, found.borders_conflict()), (None, true), "{text}");
        assert!(rest.is_empty(), "{text}: {rest:?}");
    }
    assert_eq!(read("средний борт высокий борт", true).0.attributes().borders, None);
    for text in ["низкий борт", "низкие борта", "бортовой компьютер без", "боковины", "с баком", "без бака"]
    {
        let (found, rest) = read(text, true);
        let expected = text.starts_with("бортовой").then_some(Borders::With);
        assert_eq!(found.attributes().borders, expected, "{text}");
        assert!(expected.is_some() || !rest.is_empty(), "{text}");
    }
    // In a model's cell no word is taken for a misspelled one.
    assert_eq!(read("с ботами", false).0.attributes().borders, None);
    assert_eq!(read("с бортами", false).0.attributes().borders, Some(Borders::With));
}

#[test]
fn every_word_for_rows_of_seats_and_the_trunk_is_understood() {
    let seats = [(TWO, SeatRows::Two), (THREE, SeatRows::Three), (FULL, SeatRows::Full), (FRONT, SeatRows::FrontOnly)];
    for (texts, expected) in seats {
        for text in texts {
            let (found, rest) = read(text, true);
            assert_eq!((found.attributes().seat_rows, found.attributes().trunk), (Some(expected), None), "{text}");
            let left = if *text == "3 места ряда" { rest.len() <= 1 } else { rest.is_empty() };
            assert!(left, "{text}: {rest:?}");
        }
    }
    for (texts, expected) in [(TRUNK, Trunk::Yes), (NO_TRUNK, Trunk::No)] {
        for text in texts {
            let (found, rest) = read(text, true);
            assert_eq!((found.attributes().trunk, found.attributes().seat_rows), (Some(expected), None), "{text}");
            assert!(rest.is_empty(), "{text}: {rest:?}");
        }
    }
    for (text, rest) in [
        ("полный привод", "полный привод"),
        ("передний привод", "передний привод"),
        ("перед и зад", "перед и зад"),
        ("спереди, сзади", "спереди сзади"),
        ("4 ряда", "4 ряда"),
        ("ряд", "ряд"),
    ] {
        let (found, left) = read(text, true);
        assert_eq!(
            (found.attributes().seat_rows, found.attributes().trunk, left),
            (None, None, vec![rest.to_owned()]),
            "{text}"
        );
    }
    assert_eq!(read("полный багаж", true).0.attributes().trunk, Some(Trunk::Yes));
    // "перед" alone is half of "перед левый" where a name may stand.
    assert_eq!(read("перед", false).0.attributes().seat_rows, None);
    assert_eq!(read("только перед", false).0.attributes().seat_rows, Some(SeatRows::FrontOnly));
}

const BODIES: [(BodyType, &[&str]); 11] = [
    (BodyType::Sedan, &["седан", "седанн", "sedan"]),
    (BodyType::Hatchback, &["хетчбек", "хэтчбек", "хетчбэк", "хэтчбэк", "хечбек", "хетч", "хэтч", "hatchback"]),
    (BodyType::Liftback, &["лифтбек", "лифтбэк", "liftback"]),
    (BodyType::Wagon, &["универсал", "универсалка", "унверсал", "wagon"]),
    (BodyType::Coupe, &["купе", "купэ", "coupe"]),
    (BodyType::Convertible, &["кабриолет", "кабрио", "cabrio", "cabriolet", "convertible"]),
    (BodyType::Suv, &["кроссовер", "внедорожник", "suv"]),
    (BodyType::Pickup, &["пикап", "pickup"]),
    (BodyType::Van, &["фургон", "микроавтобус"]),
    (BodyType::Minivan, &["минивен", "минивэн", "миниван", "minivan"]),
    (BodyType::Truck, &["грузовик", "грузовой"]),
];

#[test]
fn every_word_for_a_body_is_understood() {
    for (expected, words) in BODIES {
        for word in words {
            assert_eq!(body(word), Some(expected), "{word}");
            let row = one(["Зорва", "Мелинда", "", &format!("гибрид {word} серый")]);
            assert_eq!((row.body_type, row.notes.as_str()), (Some(expected), "гибрид; серый"), "{word}");
        }
    }
    for word in ["салон", "куп", "седло", "сед", "вагон", "хет", ""] {
        assert_eq!(body(word), None, "{word}");
    }
    // The first of two counts, and the other is not lost.
    let row = one(["Зорва", "Мелинда", "", "купе или седан"]);
    assert_eq!((row.body_type, row.notes.as_str()), (Some(BodyType::Coupe), "или седан"));
}

#[test]
fn another_product_is_told() {
    for word in ["накидка", "накидки", "чехол", "чехлы", "чехла", "накидками"] {
        let row = one(["Зорва", "Мелинда", "", word]);
        let codes: Vec<IssueCode> = row.issues.iter().map(|issue| issue.code).collect();
        assert_eq!((codes, row.notes.as_str()), (vec![IssueCode::OtherProduct], word));
    }
    assert!(one(["Зорва", "Мелинда", "", "начехло"]).issues.is_empty());
}

#[derive(Debug, Clone, Default, PartialEq)]
struct RowAttributes {
    attributes: Attributes,
    body: Option<BodyType>,
    years: Years,
}

fn row_attributes(row: &CleanRow) -> RowAttributes {
    RowAttributes { attributes: row.attributes, body: row.body_type, years: row.years }
}

/// One of a thing's words and what it says, or nothing about it.
fn phrase<T: Copy + std::fmt::Debug + 'static>(
    words: Vec<(&'static [&'static str], T)>,
) -> impl Strategy<Value = Option<(String, T)>> {
    let word = |(texts, value): (&'static [&'static str], T)| {
        prop::sample::select(texts.to_vec()).prop_map(move |text| Some((text.to_owned(), value)))
    };
    prop::sample::select(words).prop_flat_map(move |words| prop_oneof![3 => word(words), 1 => Just(None)])
}

const PLAIN: [&str; 8] = ["гибрид", "дизель", "серый", "подогрев", "WD-40", "рестайлинг", "люк", "турбо"];
const YEARS: &[(&str, Option<i16>, Option<i16>)] = &[
    ("2012", Some(2012), Some(2012)),
    ("2012-16", Some(2012), Some(2016)),
    ("2016–2012 гг", Some(2012), Some(2016)),
    ("с 2018", Some(2018), None),
    ("до 2006г", None, Some(2006)),
    ("по 2012 год", None, Some(2012)),
    ("98 г.", Some(1998), Some(1998)),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is said, and in whatever order: each is understood, and every other word is a note.
    #[test]
    fn what_is_said_is_understood_in_any_order_and_the_rest_is_notes(
        steering in phrase(vec![(LEFT, Steering::Left), (RIGHT, Steering::Right), (BOTH, Steering::Both)]),
        borders in phrase(vec![(WITH, Borders::With), (WITHOUT, Borders::Without), (MEDIUM, Borders::Medium), (HIGH, Borders::High)]),
        seats in phrase(vec![(TWO, SeatRows::Two), (FULL, SeatRows::Full), (&FRONT[..2], SeatRows::FrontOnly)]),
        trunk in phrase(vec![(TRUNK, Trunk::Yes), (NO_TRUNK, Trunk::No)]),
        body in phrase(BODIES.iter().map(|(body, words)| (*words, *body)).collect()),
        years in prop::option::of(prop::sample::select(YEARS)),
        plain in prop::collection::vec(prop::sample::select(PLAIN.to_vec()), 0..4),
        order in any::<u64>(),
        in_own_cell in any::<bool>(),
    ) {
        let mut expected = RowAttributes::default();
        let mut parts: Vec<String> = Vec::new();
        let mut put = |text: String| parts.push(text);
        if let Some((text, value)) = steering { expected.attributes.steering = Some(value); put(text); }
        if let Some((text, value)) = borders { expected.attributes.borders = Some(value); put(text); }
        if let Some((text, value)) = seats { expected.attributes.seat_rows = Some(value); put(text); }
        if let Some((text, value)) = trunk { expected.attributes.trunk = Some(value); put(text); }
        if let Some((text, value)) = body { expected.body = Some(value); put(text); }
        let mut cell = "";
        let mut is_shifted = false;
        if let Some((text, from, to)) = years {
            expected.years = Years { from, to };
            if in_own_cell { cell = text; } else { is_shifted = true; put(text.to_owned()); }
        }
        plain.iter().for_each(|word| put((*word).to_owned()));
        // Any of their orders, and a word of no meaning between every two.
        let mut state = order | 1;
        for place in (1..parts.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            parts.swap(place, (state >> 33) as usize % (place + 1));
        }
        let text = parts.join(", икс, ");
        let row = one(["Зорва", "Мелинда", cell, &text]);
        prop_assert_eq!(row_attributes(&row), expected, "{}", &text);
        prop_assert_eq!((row.brand.as_str(), row.model.as_str(), row.confidence), ("Zorva", "Melinda", Confidence::High));
        let codes: Vec<IssueCode> = row.issues.iter().map(|issue| issue.code).collect();
        prop_assert_eq!(codes, if is_shifted { vec![IssueCode::ColumnsShifted] } else { Vec::new() }, "{}", &text);
        // What is left are the plain words, as often and in the order as they were written, and those between.
        let wanted: Vec<String> = text
            .split(", ")
            .filter(|part| *part == "икс" || PLAIN.contains(part))
            .map(|part| if part.is_ascii() { part.to_owned() } else { part.to_lowercase() })
            .collect();
        // (A "с" before what is understood says nothing by itself.)
        let words = row.notes.split([';', ' ']).filter(|word| !matches!(*word, "" | "с" | "со" | "c"));
        let words: Vec<&str> = words.collect();
        prop_assert_eq!(words, wanted, "{}", &text);
    }
}
