//! How well cars are understood, measured on labels:
//! `cargo run --release --example accuracy -- LABELS.csv [DOCUMENT.pdf] [QUERIES.csv]`.
//!
//! `rows` measures cleaning, `queries` the resolver; each prints every miss in full, then its table.

mod queries;
mod rows;

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use lekalo::vehicles::Index;

/// A line of a CSV, by column.
type Line = HashMap<String, String>;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let (documents, tables): (Vec<&String>, Vec<&String>) = paths.iter().partition(|path| !path.ends_with(".csv"));
    let [labels, queries @ ..] = tables.as_slice() else {
        return Err("usage: accuracy LABELS.csv [DOCUMENT.pdf] [QUERIES.csv]".into());
    };
    let started = Instant::now();
    Index::shipped();
    println!("index built in {:.0?}", started.elapsed());
    rows::report(labels, documents.first().map(|path| path.as_str()))?;
    for queries in queries {
        println!();
        queries::report(queries)?;
    }
    Ok(())
}

fn get<'a>(line: &'a Line, column: &str) -> &'a str {
    line.get(column).map_or("", String::as_str)
}

fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / f64::max(1.0, whole as f64))
}
