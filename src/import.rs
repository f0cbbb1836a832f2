//! Price lists: a file → its rows → clean rows → the database.
//!
//! 1. [`extract`] tells the format and reads the table as it is: [`pdf`], [`sheet`] (XLSX, XLS, ODS) or [`delimited`]
//!    (CSV, TSV). For files of strangers [`child`] does that in a process of its own, under limits.
//! 2. [`clean`] understands what each row says about a car.
//! 3. [`run`] takes the import to its end and has [`crate::db`] merge the rows; [`apply`] carries out previews, takes in
//!    rows that are understood by now, and reverts.
//!
//! Between the steps people may look: [`files`] writes and reads `raw.csv` and `clean.csv`.
//!
//! # The next file format
//! A reader is a function from bytes to a [`table::Table`]; name it in [`extract::Format`], tell it by its content
//! there, and keep its error messages as plain as those of its neighbours.

pub mod apply;
pub mod child;
pub mod clean;
pub mod delimited;
pub mod extract;
pub mod files;
mod grid;
pub mod pdf;
pub mod rows;
pub mod run;
pub mod sheet;
pub mod table;
pub mod upload;
