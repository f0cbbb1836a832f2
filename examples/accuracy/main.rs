//! How well cars are understood, measured on labels: `cargo run --release --example accuracy [-- --write] [--misses even|odd|all]
//! [--lists FOLDER]`.
//!
//! `queries` measures the resolver, `rows` cleaning, `lists` other shops' price lists; at the end stands how far scores are to be
//! believed. The labelled lists are other people's texts and no part of the project: they lie in a folder beside it, and one that is
//! not there is skipped and named. `--write` puts all that is printed into `docs/accuracy.md`, and the calibration into
//! `docs/accuracy.svg`. `--misses` prints every miss in full before; even and odd lines are counted apart, so that one half may be tuned
//! on, its misses alone being shown, and the other be believed.

mod calibration;
mod counts;
mod labels;
mod lists;
mod names;
mod page;
mod plot;
mod queries;
mod rows;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use calibration::Calibration;
use page::Page;

use lekalo_vehicles::Index;

/// Where the lists lie if nothing else is said.
const LISTS: &str = "../shared/data";
/// Texts by the name of their file, and what they are.
const TEXTS: [(&str, &str); 2] = [
    ("queries-typed-dev.tsv", "texts that people really typed"),
    ("queries-dev.csv", "texts written to try every way of typing"),
];
const PRICE_LIST: (&str, &str) = ("vehicles-gold-odd-pages.csv", "price-list-odd-pages.pdf");
const OTHER_LISTS: &str = "other-lists";

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
    let options = Options::parse(std::env::args().skip(1))?;
    let started = Instant::now();
    Index::shipped();
    println!("index built in {:.0?}", started.elapsed());
    let mut page = Page::default();
    let (mut calibration, mut own) = (Calibration::default(), Calibration::default());
    page.part("Texts of customers");
    for (name, what) in TEXTS {
        if let Some(path) = page.find(&options.lists, name) {
            let (count, table) = queries::report(&path, &options.misses, &mut calibration)?;
            page.table(&format!("{count} {what}"), &table);
        }
    }
    let (count, table) = names::report(!options.misses.is_empty(), &mut own);
    page.table(&format!("{count} texts made of the reference's known cars and of everyday words"), &table);
    page.part("Price lists");
    let (labels, document) = PRICE_LIST;
    if let (Some(labels), Some(document)) = (page.find(&options.lists, labels), page.find(&options.lists, document)) {
        let (count, table) = rows::report(&labels, &document, &options.misses)?;
        page.table(&format!("{count} rows of a shop's list of patterns, a PDF"), &table);
    }
    if let Some(folder) = page.find(&options.lists, OTHER_LISTS) {
        page.table("Lists of other shops, as published", &lists::report(&folder, !options.misses.is_empty())?);
    }
    page.part("Calibration");
    page.table("How often the first candidate was right, by its score: texts of customers", &calibration.table());
    page.table(
        "How often the first candidate was right, by its score: texts made of the reference's cars",
        &own.table(),
    );
    print!("{}", page.text());
    if options.is_write {
        page.write(Path::new("docs/accuracy.md"))?;
        std::fs::write(
            "docs/accuracy.svg",
            plot::svg(&[("texts of customers", &calibration), ("texts made of the reference's cars", &own)]),
        )?;
        println!("\nwritten: docs/accuracy.md, docs/accuracy.svg");
    }
    Ok(())
}

/// What was asked for.
struct Options {
    lists: PathBuf,
    /// The halves whose misses are to be shown.
    misses: Vec<Half>,
    is_write: bool,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { lists: PathBuf::from(LISTS), misses: Vec::new(), is_write: false };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--write" => options.is_write = true,
                "--lists" => options.lists = args.next().ok_or("--lists takes a folder")?.into(),
                "--misses" => {
                    options.misses = match args.next().as_deref() {
                        Some("even") => vec![Half::Even],
                        Some("odd") => vec![Half::Odd],
                        Some("all") => Half::ALL.to_vec(),
                        _ => return Err("--misses takes even, odd or all".into()),
                    }
                }
                other => return Err(format!("{other}: only --write, --lists FOLDER and --misses are known").into()),
            }
        }
        Ok(options)
    }
}
