//! Cleaning through the public API: a labelled price list if one is at hand, and properties that hold for any input.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;

use lekalo::domain::import::{CleanRow, Confidence, IssueCode};
use lekalo::domain::tenant::Language;
use lekalo::domain::vehicle::{Attributes, BodyType, Borders, SeatRows, Steering, Trunk, Years};
use lekalo::import::clean::{clean, issues};
use lekalo::import::clean_csv::{read_clean, write_clean};
use lekalo_documents::step_file::{escape, unescape};
use lekalo_documents::table::{Table, TableRow};
use lekalo_documents::{read_raw, write_raw};
use lekalo_vehicles::Index;
use proptest::prelude::*;

use crate::support::shared_data;

const HEADER: [&str; 5] = ["ID", "Марка", "Модель", "Год", "Описание"];

fn table(rows: Vec<Vec<String>>) -> Table {
    let rows = rows.into_iter().zip(1..).map(|(cells, row_number)| TableRow { page_number: 1, row_number, cells });
    Table { header: HEADER.map(str::to_owned).to_vec(), rows: rows.collect(), ..Table::default() }
}

#[test]
fn labelled_rows_are_understood() {
    let Some(file) = shared_data("vehicles-gold-odd-pages.csv") else { return };
    let labels: Vec<HashMap<String, String>> =
        csv::Reader::from_path(file).unwrap().deserialize().map(Result::unwrap).collect();
    let columns = ["id", "brand_raw", "model_raw", "year_raw", "description_raw"];
    let rows = labels.iter().map(|label| columns.map(|column| label[column].clone()).to_vec()).collect();
    let cleaned = clean(&table(rows), Index::shipped()).unwrap();
    let is = |label: &HashMap<String, String>, column: &str, value: &str| {
        let other = format!("alt_{column}=");
        label[column] == value
            || label["notes"].split(';').any(|note| note.trim().strip_prefix(other.as_str()) == Some(value))
    };
    let is_right = |(label, row): &(&HashMap<String, String>, &CleanRow)| {
        is(label, "make", &row.brand) && is(label, "model", &row.model)
    };
    let scored: Vec<_> = labels.iter().zip(&cleaned).filter(|(label, _)| label["confidence"] != "low").collect();
    let right = scored.iter().filter(|pair| is_right(pair)).count();
    let wrong = labels.iter().zip(&cleaned).filter(|(_, row)| row.is_accepted()).filter(|pair| !is_right(pair)).count();
    assert!(scored.len() >= 386, "only {} labelled rows", scored.len());
    assert!(scored.len() - right <= 3, "only {right} of {} rows have brand and model right", scored.len());
    assert_eq!(wrong, 0, "so many rows would be imported as another car");
}

#[test]
fn a_stranger_list_is_cleaned_by_the_shipped_reference() {
    let rows = [
        ["1", "Тойота", "Марк X", "2006г", "с бортами правый руль"],
        ["2", "-", "Кобальт", "2020", "без бортов"],
        ["ID", "Марка", "Модель", "Год", "Описание"],
        ["3", "Honda", "-", "1007", "два ряда"],
        ["4", "Мерседес", "S 211", "-", "универсал"],
        ["5", "-", "-", "-", "-"],
    ];
    let cleaned = clean(&table(rows.map(|row| row.map(str::to_owned).to_vec()).to_vec()), Index::shipped()).unwrap();
    let names: Vec<(&str, &str)> = cleaned.iter().map(|row| (row.brand.as_str(), row.model.as_str())).collect();
    let expected = [
        ("Toyota", "Mark X"),
        ("Chevrolet", "Cobalt"),
        ("", ""),
        ("Honda", ""),
        ("Mercedes-Benz", "E-Class"),
        ("", ""),
    ];
    assert_eq!(names, expected);
    let accepted: Vec<bool> = cleaned.iter().map(CleanRow::is_accepted).collect();
    assert_eq!(accepted, [true, true, false, false, true, false]);
    assert!(cleaned[2].is_header);
    let codes: Vec<IssueCode> = cleaned[3].issues.iter().map(|issue| issue.code).collect();
    assert_eq!(codes, [IssueCode::YearInvalid, IssueCode::ModelMissing]);
    assert_eq!(cleaned[4].generation, "S211");
}

/// Text as it occurs in price lists, and text that should not.
fn cell() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "Камри",
        "50-55",
        "левый руль",
        "без бортов",
        "W212",
        "-",
        "2012-16",
        "CX-5",
        "3 ряда",
        "кузов",
        "поколение",
        "до",
        "+",
        "Range",
        "РХ 300",
        "полный",
        "багаж",
        "Тойота",
        "до 2006г",
        "E60-65",
        "#ERROR!",
        "/",
        "й",
        "с",
    ]);
    prop_oneof![
        prop::collection::vec(words, 0..6).prop_map(|words| words.join(" ")),
        "[а-яёА-Яa-zA-Z0-9 ./()+-]{0,24}",
        any::<String>(),
    ]
}

fn clean_row() -> impl Strategy<Value = CleanRow> {
    let place = (1..100_i32, 1..100_i32, any::<bool>());
    let years = (prop::option::of(1950..1990_i16), prop::option::of(1990..2035_i16));
    let words = (
        prop::option::of(prop::sample::select(BodyType::ALL)),
        prop::option::of(prop::sample::select(Steering::ALL)),
        prop::option::of(prop::sample::select(Borders::ALL)),
        prop::option::of(prop::sample::select(SeatRows::ALL)),
        prop::option::of(prop::sample::select(Trunk::ALL)),
        prop::sample::select(Confidence::ALL),
    );
    let issue = (prop::sample::select(IssueCode::ALL), "[а-я «»]{1,20}", "[A-Za-z ]{0,12}")
        .prop_map(|(code, message, suggestion)| issues::issue(code, &format!("м{message}"), &suggestion));
    let texts = (cell(), cell(), cell(), cell(), cell(), prop::collection::vec(cell(), 5));
    (place, years, words, prop::collection::vec(issue, 0..4), texts).prop_map(
        |(place, years, words, mut issues, texts)| {
            let is_header = place.2;
            issues.retain(|issue| issue.code != IssueCode::HeaderRow);
            if is_header {
                issues.push(issues::header_row());
            }
            CleanRow {
                page_number: place.0,
                row_number: place.1,
                is_header,
                years: Years { from: years.0, to: years.1 },
                body_type: words.0,
                attributes: Attributes { steering: words.1, borders: words.2, seat_rows: words.3, trunk: words.4 },
                confidence: words.5,
                issues,
                // The values that a person may edit are read without the spaces around them.
                source_id: texts.0.trim().to_owned(),
                brand: texts.1.trim().to_owned(),
                model: texts.2.trim().to_owned(),
                generation: texts.3.trim().to_owned(),
                notes: texts.4.trim().to_owned(),
                cells: texts.5,
            }
        },
    )
}

/// What is in doubt is never sure, what is not is never rejected, and every issue is about its field.
fn confidence_keeps_its_word(row: &CleanRow) -> Result<(), TestCaseError> {
    use IssueCode as Code;
    let says = |codes: &[IssueCode]| row.issues.iter().any(|issue| codes.contains(&issue.code));
    let unknown = [Code::MakeMissing, Code::MakeUnknown, Code::ModelMissing, Code::ModelUnknown, Code::ModelAmbiguous];
    let is_none = row.is_header || says(&[Code::EmptyRow]);
    let expected = match () {
        () if is_none || says(&unknown) => vec![Confidence::Low],
        () if says(&[Code::MakeCorrected, Code::ModelGuessed]) => vec![Confidence::Medium],
        // A brand that was read through a typo is no issue, but in doubt.
        () => vec![Confidence::Medium, Confidence::High],
    };
    prop_assert!(expected.contains(&row.confidence), "{:?}", row);
    prop_assert_eq!(row.is_accepted(), !says(&unknown) && !is_none && !row.is_too_long(), "{:?}", row);
    prop_assert_eq!(says(&[Code::ValueInvalid]), row.is_too_long());
    prop_assert_eq!(row.is_header, says(&[Code::HeaderRow]));
    prop_assert!(!says(&[Code::BordersConflict]) || row.attributes.borders.is_none());
    prop_assert!(row.years.from.zip(row.years.to).is_none_or(|(from, to)| from <= to));
    let years = [row.years.from, row.years.to].into_iter().flatten();
    prop_assert!(years.into_iter().all(|year| (1950..=2035).contains(&year)));
    for issue in &row.issues {
        prop_assert_eq!(issue.field, issues::field(issue.code));
        prop_assert!(!issue.message.is_empty());
    }
    Ok(())
}

/// The brand as it is given, the model, and what is said besides.
fn one(brand: &str, model: &str, description: &str) -> CleanRow {
    let cells = ["1", brand, model, "", description].map(str::to_owned).to_vec();
    clean(&table(vec![cells]), Index::shipped()).unwrap().remove(0)
}

fn codes(row: &CleanRow) -> Vec<IssueCode> {
    row.issues.iter().map(|issue| issue.code).collect()
}

/// How many seats a car has is never its generation, however it is said and whichever model has one of that number.
#[test]
fn seats_are_no_generation() {
    let phrases = [
        "{} мест",
        "({} мест)",
        "{}-местный",
        "{} местн",
        "{}-ми местный",
        "5/{} мест",
        "5 и {} мест",
        "5 или {} мест",
        "{} сидений",
        "{} seats",
        "{} seater",
    ];
    for (brand, model) in [
        ("Toyota", "Fortuner"),
        ("Toyota", "Highlander"),
        ("Toyota", "Camry"),
        ("Nissan", "X-Trail"),
        ("Kia", "Sorento"),
        ("Kia", "Rio"),
        ("Volkswagen", "Golf"),
        ("Mitsubishi", "Outlander"),
        ("Honda", "Odyssey"),
        ("Hyundai", "Santa Fe"),
    ] {
        for phrase in phrases {
            for seats in ["2", "4", "5", "6", "7", "8"] {
                let said = phrase.replace("{}", seats);
                for row in [one(brand, &format!("{model} {said}"), ""), one(brand, model, &said)] {
                    let what = (row.brand.as_str(), row.model.as_str(), row.generation.as_str());
                    assert_eq!(what, (brand, model, ""), "{model} | {said}");
                }
            }
        }
    }
}

/// A car that a cell compares with or says not to be changes nothing but the notes.
#[test]
fn another_car_that_is_not_meant_is_a_note() {
    for (brand, model) in [("Toyota", "Corolla"), ("Ford", "Focus"), ("Kia", "Rio")] {
        for other in ["Филдер", "Camry", "Деу Джентра", "Ланос"] {
            for aside in
                [format!("не {other}"), format!("(не {other})"), format!("(аналог {other})"), format!("(= {other})")]
            {
                let row = one(brand, &format!("{model} {aside}"), "");
                assert_eq!(
                    (row.brand.as_str(), row.model.as_str(), row.confidence),
                    (brand, model, Confidence::High),
                    "{aside}"
                );
                assert!(row.notes.to_lowercase().contains(&other.to_lowercase()), "{aside}: {}", row.notes);
            }
        }
    }
}

/// Another car than the one that stands there is worse than none.
#[test]
fn what_no_brand_has_is_rejected() {
    for (brand, model) in [
        ("Fiat", "Strada"),
        ("Toyota", "T100"),
        ("Ford", "F-550"),
        ("Мерседес", "класс"),
        ("Мерседес", "с класс"),
        ("Ой", "Ай"),
        ("-", "мерседес класс"),
        ("Mini", "Roadster"),
    ] {
        let row = one(brand, model, "");
        assert!(!row.is_accepted(), "{brand} | {model}: {} {}", row.brand, row.model);
    }
    for (brand, model, name, generation) in [
        ("ГАЗ", "14 Чайка", "GAZ 14 Chaika", ""),
        ("Hyundai", "Tucson III", "Hyundai Tucson", "3"),
        ("Kia", "Ceed III", "Kia Ceed", "3"),
        ("Mazda", "Mazda 6 III (GJ) Рестайлинг 2", "Mazda 6", "GJ"),
        ("Mercedes-Benz", "S-klasse V (W221)", "Mercedes-Benz S-Class", "W221"),
        ("Mercedes", "Mercedes E (W214) 2024-н.в.", "Mercedes-Benz E-Class", "W214"),
        ("Toyota", "Carina (T190)", "Toyota Carina", "T190"),
        ("Genesis", "Genesis G80", "Genesis G80", ""),
        ("Тойота", "двухсотка", "Toyota Land Cruiser", "J200"),
        ("Toyota", "lc150", "Toyota Land Cruiser Prado", "150"),
        ("Тойота", "қамри 70", "Toyota Camry", "70"),
        ("Toyota", "ｃａｍｒｙ ７０", "Toyota Camry", "70"),
    ] {
        let row = one(brand, model, "");
        let car = format!("{} {}", row.brand, row.model);
        assert_eq!(
            (car.as_str(), row.generation.as_str(), row.is_accepted()),
            (name, generation, true),
            "{brand} | {model}"
        );
    }
}

#[test]
fn what_is_doubtful_is_not_decided() {
    // A short name of another brand that is near to one of the stated brand's does not overrule it.
    let row = one("Тойота", "Веста", "");
    assert_eq!(
        (row.brand.as_str(), row.model.as_str(), codes(&row)),
        ("Toyota", "Vista", vec![IssueCode::ModelGuessed])
    );
    // In a model's cell a misspelled word is no description.
    let row = one("Тойота", "Камри ливый", "");
    assert_eq!((row.model.as_str(), row.attributes.steering, row.notes.as_str()), ("Camry", None, "ливый"));
    assert_eq!(one("Тойота", "Камри", "ливый").attributes.steering, Some(Steering::Left));
    // A generation said twice is said once, and nothing is none.
    let row = one("Тойота", "Камри 50", "50 кузов");
    assert_eq!((row.generation.as_str(), row.notes.as_str()), ("50", ""));
    let row = one("Тойота", "Камри 0", "");
    assert_eq!((row.generation.as_str(), row.notes.as_str()), ("", "0"));
    // What no pattern can hold is told, and not taken.
    let row = one("Тойота", "Камри", &"слово ".repeat(3000));
    assert_eq!((codes(&row), row.is_accepted()), (vec![IssueCode::ValueInvalid], false));
}

/// What was asked before changes no answer: rows cleaned together, in any order, are what each is by itself.
#[test]
fn a_row_means_the_same_among_others() {
    let parts =
        ["Камри", "CX-5", "CX 5", "W212", "W 212", "Х5", "Х-5", "к 350-400", "Мелинда", "с 4", "С4", "ID.4", "С-HR"];
    let brands = ["Тойота", "Мазда", "Мерседес", "бмв", "-", "Камри"];
    let rows = brands.iter().flat_map(|brand| parts.iter().map(move |part| ["1", brand, part, "2012", "левый"]));
    let rows: Vec<Vec<String>> = rows.map(|row| row.map(str::to_owned).to_vec()).collect();
    let alone: Vec<CleanRow> = rows
        .iter()
        .map(|row| clean(&table(vec![row.clone()]), Index::shipped()).unwrap().remove(0))
        .map(|row| CleanRow { row_number: 0, ..row })
        .collect();
    for turn in [0, 7, 31] {
        let mut turned = rows.clone();
        turned.rotate_left(turn);
        let mut together = clean(&table(turned), Index::shipped()).unwrap();
        together.rotate_right(turn);
        let together: Vec<CleanRow> = together.into_iter().map(|row| CleanRow { row_number: 0, ..row }).collect();
        assert_eq!(together, alone);
    }
    assert!(alone.iter().filter(|row| row.is_accepted()).count() > 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn cleaning_never_panics_and_loses_no_row(rows in prop::collection::vec(prop::collection::vec(cell(), 0..7), 0..8)) {
        let table = table(rows);
        let cleaned = clean(&table, Index::shipped()).unwrap();
        prop_assert_eq!(cleaned.len(), table.rows.len());
        for (row, source) in cleaned.iter().zip(&table.rows) {
            prop_assert_eq!((row.page_number, row.row_number), (source.page_number, source.row_number));
            prop_assert_eq!(&row.cells, &source.cells);
            prop_assert!(row.is_header || !row.model.is_empty() || !row.issues.is_empty());
            prop_assert!(row.model.is_empty() || !row.brand.is_empty());
            confidence_keeps_its_word(row)?;
        }
    }

    #[test]
    fn escaping_is_undone(cell in any::<String>()) {
        let escaped = escape(&cell);
        prop_assert_eq!(unescape(&escaped), cell);
    }

    #[test]
    fn raw_csv_comes_back(cells in prop::collection::vec(prop::collection::vec(cell(), 5), 0..6)) {
        let table = table(cells);
        let mut file = Vec::new();
        write_raw(&table, &mut file).unwrap();
        prop_assert_eq!(read_raw(file.as_slice()).unwrap(), table);
    }

    #[test]
    fn clean_csv_comes_back(
        rows in prop::collection::vec(clean_row(), 0..5),
        language in prop::sample::select(Language::ALL),
    ) {
        let mut file = Vec::new();
        write_clean(&rows, &HEADER.map(str::to_owned), language, &mut file).unwrap();
        prop_assert_eq!(read_clean(file.as_slice()).unwrap(), rows);
    }
}
