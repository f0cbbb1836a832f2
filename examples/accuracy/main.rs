//! How well cars are understood, measured on labels:
//! `cargo run --release --example accuracy -- LABELS.csv [DOCUMENT.pdf] [QUERIES.csv] [TYPED.tsv] [LISTS/] [--misses even|odd|none]`.
//!
//! `rows` measures cleaning, `queries` the resolver, `lists` a folder of other shops' price lists; each prints every miss in full,
//! then its table; at the end stands how far scores are to be believed. `rows` and `queries` also count the even and the odd lines
//! of the file apart, so that one half may be tuned on, its misses alone being shown, and the other be believed.

mod calibration;
mod labels;
mod lists;
mod queries;
mod rows;

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use calibration::Calibration;

use lekalo_vehicles::Index;

/// Lines of a file, by whether their number (the header is line 1) is even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Even,
    Odd,
}

impl Half {
    const ALL: [Self; 2] = [Self::Even, Self::Odd];

    /// The half that a line after the header belongs to, counted from 0.
    fn of(place: usize) -> Self {
        if place.is_multiple_of(2) { Self::Even } else { Self::Odd }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Even => "even lines",
            Self::Odd => "odd lines",
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    let shown = shown(&mut paths)?;
    let (folders, files): (Vec<&String>, Vec<&String>) = paths.iter().partition(|path| Path::new(path).is_dir());
    let is_table = |path: &&String| path.ends_with(".csv") || path.ends_with(".tsv");
    let (tables, documents): (Vec<&String>, Vec<&String>) = files.into_iter().partition(is_table);
    let [labels, queries @ ..] = tables.as_slice() else {
        return Err("usage: accuracy LABELS.csv [DOCUMENT.pdf] [QUERIES.csv] [TYPED.tsv] [LISTS/]".into());
    };
    let started = Instant::now();
    Index::shipped();
    println!("index built in {:.0?}", started.elapsed());
    rows::report(labels, documents.first().map(|path| path.as_str()), &shown)?;
    let mut calibration = Calibration::default();
    for queries in queries {
        println!();
        queries::report(queries, &shown, &mut calibration)?;
    }
    for folder in folders {
        println!();
        lists::report(folder, !shown.is_empty())?;
    }
    println!("\n{}", calibration.table());
    Ok(())
}

/// The halves whose misses are to be shown; takes the option out of the arguments.
fn shown(args: &mut Vec<String>) -> Result<Vec<Half>, Box<dyn Error>> {
    let Some(place) = args.iter().position(|arg| arg == "--misses") else { return Ok(Half::ALL.to_vec()) };
    match args.drain(place..args.len().min(place + 2)).nth(1).as_deref() {
        Some("even") => Ok(vec![Half::Even]),
        Some("odd") => Ok(vec![Half::Odd]),
        Some("none") => Ok(Vec::new()),
        _ => Err("--misses takes even, odd or none".into()),
    }
}
