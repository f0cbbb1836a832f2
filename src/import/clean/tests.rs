//! Whole rows, with invented cars.

mod attributes;
mod columns;
mod words;
mod years;

use super::*;
use crate::domain::import::{Confidence, IssueCode};
use crate::domain::vehicle::Years;
use crate::domain::vehicle::{BodyType, Borders, SeatRows, Steering};
use lekalo_vehicles::Reference;

const CARS: &str = r#"
    [[brands]]
    name = "Zorva"
    ru = "Зорва"
    aliases = ["зорфа"]
    models = [
      { name = "Melinda", ru = "Мелинда", generations = [{ code = "RF3", number = 1, also = ["30"] }, { code = "RG1", also = ["40", "45"] }] },
      { name = "Melinda Grand", ru = "Мелинда Гранд" },
      { name = "Sheba", ru = "Шеба", ambiguous = ["шоха"], generations = [{ number = 1, from = 1990, to = 1999 }] },
      { name = "Shogun", ru = "Шогун", ambiguous = ["шоха"], generations = [{ number = 1, from = 2005, to = 2012 }] },
    ]
    [[brands]]
    name = "Kranz"
    ru = "Кранц"
    models = [
      { name = "K-Class", ru = "К-класс", badges = ["K ###"], generations = [{ code = "W412" }, { code = "X164", from = 2006 }] },
      { name = "KLS-Class", badges = ["KLS ###"], generations = [{ code = "W219" }] },
      { name = "Bertolino", ru = "Бертолино" },
    ]
"#;

fn table(rows: &[[&str; 4]]) -> Table {
    let rows = rows.iter().zip(1..).map(|(cells, row_number)| TableRow {
        page_number: 2,
        row_number,
        cells: cells.map(str::to_owned).to_vec(),
    });
    Table {
        header: ["Марка", "Модель", "Год", "Описание"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        ..Table::default()
    }
}

fn one(cells: [&str; 4]) -> CleanRow {
    let index = Index::new(Reference::parse(CARS).unwrap());
    clean(&table(&[cells]), &index).unwrap().remove(0)
}

fn codes(row: &CleanRow) -> Vec<IssueCode> {
    row.issues.iter().map(|issue| issue.code).collect()
}

#[test]
fn a_plain_row() {
    let row = one(["Зорва", "Мелинда 40-45", "2012-16", "левый руль с бортами три ряда + багаж купе ГИБРИД"]);
    assert_eq!((row.brand.as_str(), row.model.as_str(), row.generation.as_str()), ("Zorva", "Melinda", "40-45"));
    assert_eq!(row.years, Years { from: Some(2012), to: Some(2016) });
    assert_eq!((row.attributes.steering, row.attributes.borders), (Some(Steering::Left), Some(Borders::With)));
    assert_eq!((row.attributes.seat_rows, row.body_type), (Some(SeatRows::Three), Some(BodyType::Coupe)));
    assert_eq!((row.notes.as_str(), row.confidence), ("гибрид", Confidence::High));
    assert!(row.issues.is_empty() && row.is_accepted());
}

#[test]
fn generations_however_written() {
    for (brand, model, description, name, generation) in [
        ("Зорва", "Мелинда - 2 - поколение", "", "Melinda", "2"),
        ("Зорва", "Мелинда", "первый кузов", "Melinda", "1"),
        ("Зорва", "Мелинда РФ3", "", "Melinda", "RF3"),
        ("Зорва", "рф3", "", "Melinda", "RF3"),
        ("Зорва", "Мелинда 3", "", "Melinda", "3"),
        ("Kranz", "К350", "164 кузов", "K-Class", "X164"),
        ("Kranz", "К 412", "", "K-Class", "W412"),
        ("Kranz", "W219 KLS 500", "", "KLS-Class", "W219"),
        ("Kranz", "К класс W410", "", "K-Class", "W410"),
    ] {
        let row = one([brand, model, "-", description]);
        assert_eq!((row.model.as_str(), row.generation.as_str()), (name, generation), "{model}, {description}");
    }
}

#[test]
fn an_engine_is_a_version_and_no_generation() {
    let row = one(["Kranz", "к 350-400", "-", "другой кузов"]);
    assert_eq!(
        (row.model.as_str(), row.generation.as_str(), row.notes.as_str()),
        ("K-Class", "", "K 350-400; другой кузов")
    );
}

#[test]
fn the_model_decides_a_missing_or_wrong_brand() {
    for cells in [
        ["-", "Бертолино", "-", "-"],
        ["Разное", "БЕРТОЛИНО", "-", "-"],
        ["Бертолино", "-2020", "без бортов левый руль", ""],
        ["Бертолино", "1", "-", "-"],
    ] {
        let row = one(cells);
        assert_eq!((row.brand.as_str(), row.model.as_str()), ("Kranz", "Bertolino"), "{cells:?}");
        assert!(codes(&row).contains(&IssueCode::MakeCorrected) && row.confidence == Confidence::Medium, "{cells:?}");
    }
}

/// A brand that is named and known keeps its word: another brand's model beside it is a model that the reference lacks.
#[test]
fn a_stated_brand_is_not_overruled() {
    let row = one(["Зорва", "Бертолино", "-", "-"]);
    assert_eq!((row.brand.as_str(), row.model.as_str(), row.confidence), ("Zorva", "", Confidence::Low));
    assert_eq!(codes(&row), [IssueCode::ModelUnknown]);
    let row = one(["Зорва", "Kranz Бертолино", "-", "-"]);
    assert_eq!((row.brand.as_str(), row.model.as_str()), ("Kranz", "Bertolino"), "the cell names its own brand");
}

#[test]
fn shifted_columns_are_read_and_told() {
    let row = one(["Бертолино", "-2020", "без бортов левый руль", ""]);
    assert_eq!(row.years, Years::single(2020));
    assert_eq!((row.attributes.steering, row.attributes.borders), (Some(Steering::Left), Some(Borders::Without)));
    assert!(codes(&row).contains(&IssueCode::ColumnsShifted));
    assert_eq!(one(["Зорва", "Мелинда 2009", "", ""]).years, Years::single(2009));
}

#[test]
fn typos_are_read_but_never_wildly() {
    let row = one(["Зорфа", "Зорва мелнида", "", ""]);
    assert_eq!((row.model.as_str(), row.confidence), ("Melinda", Confidence::Medium));
    assert_eq!(codes(&row), [IssueCode::ModelGuessed]);
    assert_eq!(one(["Зорва", "Мелида Гранд", "", ""]).model, "Melinda Grand");
    let row = one(["Зорва", "Абвгд", "", ""]);
    assert_eq!((row.brand.as_str(), row.model.as_str(), row.notes.as_str()), ("Zorva", "", "абвгд"));
    assert_eq!((codes(&row), row.confidence), (vec![IssueCode::ModelUnknown], Confidence::Low));
}

#[test]
fn what_was_likely_meant_is_put_down_for_a_person_to_confirm() {
    for (cells, model, generation, notes) in [
        (["Зорва", "Мелиса", "", ""], "Melinda", "", ""),
        (["Зорва", "Мегида 30 кузов", "", "дизель"], "Melinda", "30", "дизель"),
        (["Кранц", "Х 350", "", ""], "K-Class", "", ""),
    ] {
        let row = one(cells);
        assert_eq!(
            (row.model.as_str(), row.generation.as_str(), row.notes.as_str()),
            (model, generation, notes),
            "{cells:?}"
        );
        assert_eq!((codes(&row), row.confidence), (vec![IssueCode::ModelUnknown], Confidence::Low), "{cells:?}");
        assert!(
            row.issues[0].suggestion.starts_with(&format!("{} {model}", row.brand)) && !row.is_accepted(),
            "{cells:?}"
        );
    }
}

#[test]
fn two_models_of_one_spelling_are_told_apart_by_years_or_not_at_all() {
    assert_eq!(one(["Зорва", "шоха", "1995", ""]).model, "Sheba");
    assert_eq!(one(["Зорва", "шоха", "2008", ""]).model, "Shogun");
    let row = one(["Зорва", "шоха", "", ""]);
    assert_eq!((row.model.as_str(), codes(&row)), ("", vec![IssueCode::ModelAmbiguous]));
    assert_eq!(row.issues[0].suggestion, "Zorva Sheba, Zorva Shogun");
}

#[test]
fn what_cannot_be_understood_is_said() {
    for (cells, expected) in [
        (["Зорва", "-", "2010", ""], IssueCode::ModelMissing),
        (["Фьюти", "Абв", "2010", ""], IssueCode::MakeUnknown),
        (["-", "Абв", "2010", ""], IssueCode::MakeMissing),
        (["-", "", "—", ""], IssueCode::EmptyRow),
        (["Зорва", "Мелинда", "1007", ""], IssueCode::YearInvalid),
        (["Зорва", "Мелинда", "", "#ERROR!"], IssueCode::CellError),
        (["Зорва", "Мелинда", "", "без бортов с бортами"], IssueCode::BordersConflict),
        (["Зорва", "Мелинда", "", "накидка 5д"], IssueCode::OtherProduct),
    ] {
        let row = one(cells);
        assert_eq!(codes(&row), [expected], "{cells:?}");
        assert_eq!(row.is_accepted(), cells[1] == "Мелинда", "{cells:?}");
    }
}

#[test]
fn columns_are_found_in_any_order_and_headers_are_no_cars() {
    let index = Index::new(Reference::parse(CARS).unwrap());
    let cells = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    let row = |of: [&str; 3]| TableRow { page_number: 1, row_number: 1, cells: cells(of) };
    let rows = vec![row(["2010", "Мелинда", "Зорва"]), row(["Год", "МОДЕЛЬ", "Марка"])];
    let table = Table {
        header: cells(["Год выпуска", "Модель", "марка авто"]), rows, ..Table::default()
    };
    let cleaned = clean(&table, &index).unwrap();
    assert_eq!((cleaned[0].model.as_str(), cleaned[0].years), ("Melinda", Years::single(2010)));
    assert!(cleaned[1].is_header && !cleaned[1].is_accepted());

    let error = clean(&Table { header: cells(["Период", "Сумма", "Размер"]), ..table }, &index).unwrap_err();
    let told = "no column can be told to hold the cars; the header reads: «Период», «Сумма», «Размер»";
    assert_eq!(error.to_string(), told);
    assert!(error.hint().contains("--columns \"Период=make+model\""), "{}", error.hint());
}
