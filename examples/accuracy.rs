//! How well cleaning understands a labelled price list: `cargo run --release --example accuracy -- LABELS.csv`.
//!
//! The labels are a CSV with the raw columns `brand_raw, model_raw, year_raw, description_raw` and what each row truly is. Rows
//! labelled with low confidence are not scored. `alt_make=`, `alt_model=` and `alt_generation=` in the labels' notes count too.
//! A wrong import is a row that would be loaded as another car than it is.

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use lekalo::domain::import::CleanRow;
use lekalo::import::clean::clean;
use lekalo::import::table::{Table, TableRow};
use lekalo::vehicles::Index;

type Label = HashMap<String, String>;

const FIELDS: [&str; 10] =
    ["make", "model", "make+model", "years", "generation", "steering", "borders", "seat_rows", "trunk", "body_type"];

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: accuracy LABELS.csv")?;
    let labels: Vec<Label> = csv::Reader::from_path(path)?.deserialize().collect::<Result<_, _>>()?;
    let started = Instant::now();
    let index = Index::shipped();
    let indexed = started.elapsed();
    let rows = clean(&table(&labels), index)?;
    println!("{} rows; index {indexed:.0?}, cleaning {:.0?}", rows.len(), started.elapsed() - indexed);

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
        println!("{field:>11} {right:>5}  {:.1} %", 100.0 * right as f64 / f64::max(1.0, scored as f64));
    }
    println!(
        "accepted {accepted}, wrong imports {wrong} ({:.1} %)",
        100.0 * f64::from(wrong as u32) / f64::max(1.0, accepted as f64)
    );
    Ok(())
}

fn table(labels: &[Label]) -> Table {
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

fn get<'a>(label: &'a Label, column: &str) -> &'a str {
    label.get(column).map_or("", String::as_str)
}

fn is_right(field: &str, label: &Label, row: &CleanRow) -> bool {
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

fn describe(label: &Label, row: &CleanRow, misses: &[&str]) -> String {
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
