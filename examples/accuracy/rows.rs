//! Cleaning, measured on a labelled price list.
//!
//! The labels are a CSV with the raw columns `brand_raw, model_raw, year_raw, description_raw` and what each row truly is. Rows
//! labelled with low confidence, which no person can read for certain, are a class of their own, and their fields are not scored.
//! `alt_make=`, `alt_model=` and `alt_generation=` in the labels' notes count too. A row is accepted if it would be loaded, asked about
//! if it is refused with what it may mean. A row without a model names no car.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use lekalo::domain::import::{CleanRow, Confidence};
use lekalo::import::clean::clean;
use lekalo_documents::extract;
use lekalo_documents::table::{Table, TableRow};
use lekalo_vehicles::Index;
use lekalo_vehicles::resolve::Decision;

use super::Half;
use super::counts::{self, Outcome, share, table};
use super::labels::{self, Line, get, is_same_name};

const FIELDS: [&str; 10] =
    ["make", "model", "make+model", "years", "generation", "steering", "borders", "seat_rows", "trunk", "body_type"];

/// The labels' own confidence, and what it says.
const CLASSES: [(&str, &str); 3] =
    [("high", "plain"), ("medium", "to be puzzled out"), ("low", "nobody can read for certain")];

/// What is counted of the fields of some of the rows.
#[derive(Default)]
struct Fields {
    right: HashMap<&'static str, usize>,
    scored: usize,
}

/// Cleans the document's rows, prints the misses of the halves to be shown, and tells how many rows there are and how they went.
pub fn report(labels: &Path, document: &Path, shown: &[Half]) -> Result<(usize, String), Box<dyn Error>> {
    let labels = labels::read(labels)?;
    let (document, as_labelled) = read(document, &labelled(&labels))?;
    let started = Instant::now();
    let rows = clean(&document, Index::shipped())?;
    let time = started.elapsed();

    let mut classes: [counts::Count; CLASSES.len() + 1] = Default::default();
    let mut fields: [Fields; 3] = Default::default();
    let mut believed: [(usize, usize); Confidence::ALL.len()] = Default::default();
    for (place, (label, row)) in labels.iter().zip(&rows).enumerate() {
        let half = Half::of(place);
        let misses: Vec<&'static str> = FIELDS.into_iter().filter(|field| !is_right(field, label, row)).collect();
        let is_scored = get(label, "confidence") != "low";
        let outcome = judge(label, row, !misses.contains(&"make+model"));
        for (count, class) in classes.iter_mut().zip(CLASSES.iter().map(|(class, _)| *class).chain(["all"])) {
            if class == "all" || class == get(label, "confidence") {
                count.add(&outcome);
            }
        }
        for ((count, right), _) in believed.iter_mut().zip(Confidence::ALL).filter(|it| *it.1 == row.confidence) {
            *count += 1;
            *right += usize::from(!row.model.is_empty() && !misses.contains(&"make+model"));
        }
        let [all, even, odd] = &mut fields;
        for count in [all, if half == Half::Even { even } else { odd }].into_iter().filter(|_| is_scored) {
            count.scored += 1;
            for field in FIELDS.into_iter().filter(|field| !misses.contains(field)) {
                *count.right.entry(field).or_default() += 1;
            }
        }
        if shown.contains(&half) && (outcome.is_wrongly_accepted() || (is_scored && !misses.is_empty())) {
            let kind = if outcome.is_wrongly_accepted() { "WRONG ACCEPT " } else { "miss " };
            println!("{kind}{}", describe(label, row, &misses));
        }
    }
    let mut text =
        format!("{as_labelled} of {} rows are read as they stand on the page; cleaned in {time:.0?}\n", rows.len());
    let header: Vec<&str> = std::iter::once("rows").chain(counts::Count::HEADER).collect();
    let names = CLASSES.iter().map(|(_, name)| *name).chain(["~ all"]);
    let lines: Vec<Vec<String>> =
        names.zip(&classes).map(|(name, count)| [vec![name.to_owned()], count.cells().to_vec()].concat()).collect();
    text += &format!("\n{}", table(&header, &lines));
    let lines: Vec<Vec<String>> = FIELDS
        .into_iter()
        .map(|field| {
            let right = |count: &Fields| count.right.get(field).copied().unwrap_or_default();
            let cells = fields.iter().map(|count| share(right(count), count.scored));
            std::iter::once(field.to_owned()).chain(cells).collect()
        })
        .collect();
    let scored = fields.iter().map(|count| count.scored.to_string());
    let lines = [vec![std::iter::once("rows".to_owned()).chain(scored).collect()], lines].concat();
    text += &format!("\n{}", table(&["right", "all", Half::Even.name(), Half::Odd.name()], &lines));
    let lines: Vec<Vec<String>> = Confidence::ALL
        .iter()
        .zip(believed)
        .map(|(confidence, (count, right))| vec![confidence.to_string(), count.to_string(), share(right, count)])
        .collect();
    text += &format!("\n{}", table(&["confidence", "rows", "right"], &lines));
    Ok((rows.len(), text))
}

fn judge(label: &Line, row: &CleanRow, is_right: bool) -> Outcome {
    let is_car = !get(label, "model").is_empty();
    Outcome {
        is_car,
        place: (is_car && is_right).then_some(0),
        decision: match row.is_accepted() {
            true => Decision::Accept,
            false if is_car && !row.model.is_empty() => Decision::Choose,
            false => Decision::None,
        },
    }
}

/// The document's own rows, and how many are as labelled; the labels are of the same rows in the same order.
fn read(path: &Path, labelled: &Table) -> Result<(Table, usize), Box<dyn Error>> {
    let table = extract(&std::fs::read(path)?)?;
    if table.rows.len() != labelled.rows.len() {
        let counts = (table.rows.len(), labelled.rows.len());
        return Err(format!("{} has {} rows, the labels {}", path.display(), counts.0, counts.1).into());
    }
    let same = table.rows.iter().zip(&labelled.rows).filter(|(row, label)| row.cells == label.cells).count();
    Ok((table, same))
}

fn labelled(labels: &[Line]) -> Table {
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
        ..Table::default()
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
