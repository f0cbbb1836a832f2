//! Cleaning, measured on a labelled price list.
//!
//! The labels are a CSV with the raw columns `brand_raw, model_raw, year_raw, description_raw` and what each row truly is. Rows
//! labelled with low confidence are not scored. `alt_make=`, `alt_model=` and `alt_generation=` in the labels' notes count too.
//! A wrong import is a row that would be loaded as another car than it is.

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use lekalo::domain::import::CleanRow;
use lekalo::import::clean::clean;
use lekalo::import::extract::extract;
use lekalo::import::table::{Table, TableRow};
use lekalo::vehicles::Index;

use super::{Line, get, percent};

const FIELDS: [&str; 10] =
    ["make", "model", "make+model", "years", "generation", "steering", "borders", "seat_rows", "trunk", "body_type"];

/// Cleans the rows, of the document if there is one, else as the labels have them, and prints how many are right.
pub fn report(labels: &str, document: Option<&str>) -> Result<(), Box<dyn Error>> {
    let labels: Vec<Line> = csv::Reader::from_path(labels)?.deserialize().collect::<Result<_, _>>()?;
    let mut table = table(&labels);
    if let Some(document) = document {
        table = read(document, &table)?;
    }
    let started = Instant::now();
    let rows = clean(&table, Index::shipped())?;
    println!("{} rows cleaned in {:.0?}", rows.len(), started.elapsed());

    let mut right: HashMap<&str, usize> = HashMap::new();
    let (mut scored, mut accepted, mut wrong) = (0, 0, 0);
    for (label, row) in labels.iter().zip(&rows) {
        let misses: Vec<&str> = FIELDS.into_iter().filter(|field| !is_right(field, label, row)).collect();
        let is_wrong = row.is_accepted() && misses.contains(&"make+model");
        accepted += usize::from(row.is_accepted());
        wrong += usize::from(is_wrong);
        let is_scored = get(label, "confidence") != "low";
        if is_scored {
            scored += 1;
            for field in FIELDS.into_iter().filter(|field| !misses.contains(field)) {
                *right.entry(field).or_default() += 1;
            }
        }
        if is_wrong || (is_scored && !misses.is_empty()) {
            println!("{}{}", if is_wrong { "WRONG IMPORT " } else { "miss " }, describe(label, row, &misses));
        }
    }
    println!("\n{scored} rows scored");
    for field in FIELDS {
        let right = right.get(field).copied().unwrap_or_default();
        println!("{field:>11} {right:>5}  {}", percent(right, scored));
    }
    println!("accepted {accepted}, wrong imports {wrong} ({})", percent(wrong, accepted));
    Ok(())
}

/// The document's own rows; the labels are of the same rows in the same order.
fn read(path: &str, labelled: &Table) -> Result<Table, Box<dyn Error>> {
    let table = extract(&std::fs::read(path)?)?;
    if table.rows.len() != labelled.rows.len() {
        return Err(format!("{path} has {} rows, the labels {}", table.rows.len(), labelled.rows.len()).into());
    }
    let same = table.rows.iter().zip(&labelled.rows).filter(|(row, label)| row.cells == label.cells).count();
    println!("{path}: {same} of {} rows read as labelled", table.rows.len());
    Ok(table)
}

fn table(labels: &[Line]) -> Table {
    let rows = labels.iter().zip(1..).map(|(label, row_number)| TableRow {
        page_number: get(label, "page").parse().unwrap_or(1),
        row_number,
        cells: ["id", "brand_raw", "model_raw", "year_raw", "description_raw"]
            .map(|column| get(label, column).to_owned())
            .to_vec(),
    });
    Table {
        header: ["ID", "Марка", "Модель", "Год", "Описание"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        header_pages: Vec::new(),
    }
}

fn is_right(field: &str, label: &Line, row: &CleanRow) -> bool {
    let is = |column: &str, value: &str| {
        let other = format!("alt_{column}=");
        let others = get(label, "notes").split(';').filter_map(|note| note.trim().strip_prefix(other.as_str()));
        get(label, column) == value || others.into_iter().any(|other| other == value)
    };
    match field {
        "make" => is("make", &row.make),
        "model" => is("model", &row.model),
        "make+model" => is("make", &row.make) && is("model", &row.model),
        "generation" => is("generation", &row.generation),
        "years" => is("year_from", &word(row.years.from)) && is("year_to", &word(row.years.to)),
        "steering" => is("steering", &word(row.steering)),
        "borders" => is("borders", &word(row.borders)),
        "seat_rows" => is("seat_rows", &word(row.seat_rows)),
        "trunk" => is("trunk", &word(row.trunk)),
        _ => is("body_type", &word(row.body_type)),
    }
}

fn word(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn describe(label: &Line, row: &CleanRow, misses: &[&str]) -> String {
    let raw = ["page", "row_in_page", "brand_raw", "model_raw", "year_raw", "description_raw"]
        .map(|column| get(label, column));
    let issues: Vec<String> = row.issues.iter().map(|issue| format!("{}({})", issue.code, issue.suggestion)).collect();
    format!(
        "{}\n    {}\n    label: {} {} gen={} {}-{} [{}; {}]\n    clean: {} {} gen={} {:?} {} notes={:?} {}",
        misses.join(", "),
        raw.join(" | "),
        get(label, "make"),
        get(label, "model"),
        get(label, "generation"),
        get(label, "year_from"),
        get(label, "year_to"),
        get(label, "confidence"),
        get(label, "notes"),
        row.make,
        row.model,
        row.generation,
        (row.years.from, row.years.to),
        row.confidence,
        row.notes,
        issues.join(" "),
    )
}
