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
use lekalo_documents::extract;
use lekalo_documents::table::{Table, TableRow};
use lekalo_vehicles::Index;

use super::Half;
use super::labels::{self, Line, get, is_same_name, percent};

const FIELDS: [&str; 10] =
    ["make", "model", "make+model", "years", "generation", "steering", "borders", "seat_rows", "trunk", "body_type"];

/// What is counted for some of the rows.
#[derive(Default)]
struct Count {
    right: HashMap<&'static str, usize>,
    scored: usize,
    accepted: usize,
    wrong: usize,
}

/// Cleans the rows, of the document if there is one, else as the labels have them, and prints how many are right, and the misses
/// of the halves to be shown.
pub fn report(labels: &str, document: Option<&str>, shown: &[Half]) -> Result<(), Box<dyn Error>> {
    let labels = labels::read(labels)?;
    let mut table = table(&labels);
    if let Some(document) = document {
        table = read(document, &table)?;
    }
    let started = Instant::now();
    let rows = clean(&table, Index::shipped())?;
    println!("{} rows cleaned in {:.0?}", rows.len(), started.elapsed());

    let mut counts: [Count; 3] = Default::default();
    for (place, (label, row)) in labels.iter().zip(&rows).enumerate() {
        let half = Half::of(place);
        let misses: Vec<&'static str> = FIELDS.into_iter().filter(|field| !is_right(field, label, row)).collect();
        let is_scored = get(label, "confidence") != "low";
        let is_wrong = row.is_accepted() && misses.contains(&"make+model");
        let [all, even, odd] = &mut counts;
        for count in [all, if half == Half::Even { even } else { odd }] {
            count.add(row, &misses, is_scored, is_wrong);
        }
        if shown.contains(&half) && (is_wrong || (is_scored && !misses.is_empty())) {
            println!("{}{}", if is_wrong { "WRONG IMPORT " } else { "miss " }, describe(label, row, &misses));
        }
    }
    println!("\n{:>11}{:>14}{:>14}{:>14}", "", "all", Half::Even.name(), Half::Odd.name());
    let line = |name: &str, cell: &dyn Fn(&Count) -> String| {
        println!("{name:>11}{}", counts.iter().map(|count| format!("{:>14}", cell(count))).collect::<String>());
    };
    line("scored", &|count| count.scored.to_string());
    for field in FIELDS {
        line(field, &|count| percent(count.right.get(field).copied().unwrap_or_default(), count.scored));
    }
    line("accepted", &|count| count.accepted.to_string());
    line("wrong", &|count| count.wrong.to_string());
    Ok(())
}

impl Count {
    fn add(&mut self, row: &CleanRow, misses: &[&'static str], is_scored: bool, is_wrong: bool) {
        self.accepted += usize::from(row.is_accepted());
        self.wrong += usize::from(is_wrong);
        if is_scored {
            self.scored += 1;
            for field in FIELDS.into_iter().filter(|field| !misses.contains(field)) {
                *self.right.entry(field).or_default() += 1;
            }
        }
    }
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
        headers: Vec::new(),
    }
}

fn is_right(field: &str, label: &Line, row: &CleanRow) -> bool {
    let is = |column: &str, value: &str| {
        let other = format!("alt_{column}=");
        let others = get(label, "notes").split(';').filter_map(|note| note.trim().strip_prefix(other.as_str()));
        let same =
            |label: &str| if matches!(column, "make" | "model") { is_same_name(label, value) } else { label == value };
        same(get(label, column)) || others.into_iter().any(same)
    };
    match field {
        "make+model" => is_right("make", label, row) && is_right("model", label, row),
        "make" => is("make", &row.brand),
        "model" => is("model", &row.model),
        "generation" => is("generation", &row.generation),
        "years" => is("year_from", &word(row.years.from)) && is("year_to", &word(row.years.to)),
        "steering" => is("steering", &word(row.attributes.steering)),
        "borders" => is("borders", &word(row.attributes.borders)),
        "seat_rows" => is("seat_rows", &word(row.attributes.seat_rows)),
        "trunk" => is("trunk", &word(row.attributes.trunk)),
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
        row.brand,
        row.model,
        row.generation,
        (row.years.from, row.years.to),
        row.confidence,
        row.notes,
        issues.join(" "),
    )
}
