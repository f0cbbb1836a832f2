//! The resolver measured, by itself and beside PostgreSQL's trigrams.
//!
//! - `cargo run --release --example resolver` says what the shipped index costs to build and to keep, and how long texts of
//!   every kind take on one core; `-- --models 100000` says the same of a reference that invented models make up to so many.
//! - `cargo run --release --example resolver -- QUERIES.csv` asks labelled queries (the columns `query, make, model`; both
//!   empty: no car) of the resolver and of `pg_trgm` over the same spellings, in a PostgreSQL that it starts for that.
//!
//! A text's time is the shortest of [`ROUNDS`]: what it costs, not what else the machine does.

mod grown;
#[path = "../accuracy/labels.rs"]
mod labels;
mod side_by_side;
mod size;
mod trigrams;

use std::error::Error;

use lekalo_vehicles::{Index, Reference};

/// How often each text is asked.
const ROUNDS: usize = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => size::report(Reference::shipped().clone()),
        ["--models", models] => size::report(grown::grow(Reference::shipped().clone(), models.parse()?)),
        [queries] if !queries.starts_with('-') => {
            side_by_side::report(Index::shipped(), &labels::read(std::path::Path::new(queries))?).await?;
        }
        _ => return Err("usage: resolver [QUERIES.csv | --models NUMBER]".into()),
    }
    Ok(())
}
