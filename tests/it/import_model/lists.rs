//! Price lists for the model: cars that differ in one thing each, and rows that nobody understands, or not yet.

use std::sync::LazyLock;

use lekalo::domain::import::{CleanRow, Confidence, Issue, IssueCode, MAX_GENERATION, MAX_NOTES};
use lekalo::domain::vehicle::{Attributes, BodyType, Borders, SeatRows, Steering, Trunk, Years};
use lekalo::import::clean::clean;
use lekalo::import::rows::header_row;
use lekalo_documents::table::{HeaderRow, Table, TableRow};
use lekalo_vehicles::Index;

/// A model's name that means nothing until it is taught: as Camry.
pub const TAUGHT: &str = "Хуичи";
/// Says no model; what cannot be a name is looked for among all of them, which takes long.
const NEVER: &str = "";
const HEADER: [&str; 5] = ["ID", "Марка", "Модель", "Год", "Описание"];
/// Year and description of rows with [`TAUGHT`].
pub const LATE: [(&str, &str); 4] = [("", ""), ("2018", ""), ("2018", "правый руль"), ("", "с бортами")];

/// A row of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// One of [`cars`].
    Car(usize),
    /// One of [`LATE`].
    Late(usize),
    /// No car.
    Never,
    /// A car that the reference does not have.
    Stranger,
    /// Says more than a pattern can hold, in its notes or in its generation.
    TooLong(bool),
}

/// Cars that differ in one thing each, so that whoever overlooks a thing takes two of them for one.
pub fn cars() -> &'static [CleanRow] {
    static CARS: LazyLock<Vec<CleanRow>> = LazyLock::new(|| {
        let camry = || CleanRow {
            brand: "Toyota".into(),
            model: "Camry".into(),
            confidence: Confidence::High,
            ..CleanRow::default()
        };
        let years = |from, to| CleanRow { years: Years { from, to }, ..camry() };
        let mut cars: Vec<CleanRow> = LATE.into_iter().map(|(year, text)| understood("Камри", year, text)).collect();
        cars.extend([
            CleanRow { model: "Corolla".into(), ..camry() },
            // One name, three brands.
            CleanRow { model: "Century".into(), ..camry() },
            CleanRow { brand: "Buick".into(), model: "Century".into(), ..camry() },
            CleanRow { brand: "Tianma".into(), model: "Century".into(), ..camry() },
            years(Some(2019), None),
            years(None, Some(2019)),
            years(Some(2019), Some(2021)),
            years(Some(2020), Some(2021)),
            CleanRow { generation: "70".into(), ..camry() },
            CleanRow { generation: "80".into(), ..camry() },
            CleanRow { generation: "Ж".repeat(MAX_GENERATION / 2), ..camry() },
            CleanRow { notes: "Ж".repeat(MAX_NOTES / 2), ..camry() },
            CleanRow { notes: "4WD".into(), ..camry() },
            CleanRow { notes: "4wd".into(), ..camry() },
        ]);
        cars.extend([BodyType::Sedan, BodyType::Wagon].map(|body| CleanRow { body_type: Some(body), ..camry() }));
        let cut = |attributes| CleanRow { attributes, ..camry() };
        let none = Attributes::default();
        cars.extend(Steering::ALL.iter().map(|steering| cut(Attributes { steering: Some(*steering), ..none })));
        // The first of them is among the late ones.
        cars.extend(Borders::ALL[1..].iter().map(|borders| cut(Attributes { borders: Some(*borders), ..none })));
        cars.extend(SeatRows::ALL.iter().map(|seat_rows| cut(Attributes { seat_rows: Some(*seat_rows), ..none })));
        cars.extend(Trunk::ALL.iter().map(|trunk| cut(Attributes { trunk: Some(*trunk), ..none })));
        cars
    });
    &CARS
}

/// What the shipped index makes of a Toyota.
fn understood(model: &str, year: &str, text: &str) -> CleanRow {
    let row =
        TableRow {
            page_number: 1, row_number: 1, cells: ["", "Тойота", model, year, text].map(Into::into).into()
        };
    let row = again(vec![row], Index::shipped()).remove(0);
    assert!(row.is_accepted(), "{row:?}");
    CleanRow { cells: Vec::new(), issues: Vec::new(), ..row }
}

/// What this index makes of rows.
pub fn again(rows: Vec<TableRow>, index: &Index) -> Vec<CleanRow> {
    clean(&Table { header: HEADER.map(Into::into).into(), rows, ..Table::default() }, index).unwrap()
}

/// A list of two pages, each with its header.
pub fn rows(cars: Vec<CleanRow>) -> Vec<CleanRow> {
    let (half, mut all) = (cars.len().div_ceil(2), Vec::new());
    for (place, mut car) in cars.into_iter().enumerate() {
        let page_number = if place < half { 1 } else { 2 };
        if place == 0 || place == half {
            all.push(header_row(HeaderRow { page_number, cells: HEADER.map(Into::into).into() }));
        }
        car.page_number = page_number;
        car.row_number = (if place < half { place } else { place - half }) as i32 + 1;
        car.source_id = format!("n{place}");
        if car.cells.is_empty() {
            car.cells = ["", &car.brand, &car.model, "", &car.notes].map(Into::into).into();
        }
        car.cells[0].clone_from(&car.source_id);
        all.push(car);
    }
    all
}

impl Line {
    /// The row as cleaning would have it.
    pub fn row(self) -> CleanRow {
        let nobody = |model: &str, year: &str, text: &str| CleanRow {
            cells: ["", "Тойота", model, year, text].map(Into::into).into(),
            brand: "Toyota".into(),
            confidence: Confidence::Low,
            issues: vec![
                Issue {
                    code: IssueCode::ModelUnknown,
                    field: "model",
                    message: format!("нет модели «{model}»"),
                    suggestion: "Camry".into(),
                },
                Issue {
                    code: IssueCode::YearInvalid,
                    field: "year",
                    message: "а год неясен".into(),
                    suggestion: String::new(),
                },
            ],
            ..CleanRow::default()
        };
        match self {
            Self::Car(car) => cars()[car].clone(),
            Self::Late(late) => nobody(TAUGHT, LATE[late].0, LATE[late].1),
            Self::Never => nobody(NEVER, "", ""),
            // Even taught it would not be accepted: its cells say nothing.
            Self::Stranger => {
                CleanRow { confidence: Confidence::Medium, model: "Ывапр".into(), ..nobody(NEVER, "", "") }
            }
            Self::TooLong(notes) => CleanRow {
                confidence: Confidence::High,
                model: "Camry".into(),
                notes: "ж".repeat(if notes { MAX_NOTES / 2 + 1 } else { 0 }),
                generation: "ж".repeat(if notes { 0 } else { MAX_GENERATION / 2 + 1 }),
                ..nobody(NEVER, "", "")
            },
        }
    }
}
