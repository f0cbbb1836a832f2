//! Price lists: a file → its rows → clean rows → the database.
//!
//! 1. [`lekalo_documents`] reads the table as it is. For files of strangers [`sandbox`] does that in a process of its own, under
//!    limits, which follow what [`memory`] the container has left.
//! 2. [`clean`] understands what each row says about a car.
//! 3. [`run`] takes the import to its end and has [`crate::db`] merge the rows; [`apply`] carries out previews, takes in
//!    rows that are understood by now, and reverts; [`sweeper`] ends what was left behind.
//!
//! Between the steps people may look: [`lekalo_documents::step_file`] says what `raw.csv` and `clean.csv` are.

pub mod apply;
pub mod clean;
pub mod clean_csv;
pub mod memory;
mod metrics;
pub mod rows;
pub mod run;
pub mod sandbox;
mod slots;
pub mod sweeper;
pub mod upload;

use lekalo_documents::ExtractError;

use crate::domain::import::Failure;

impl From<ExtractError> for Failure {
    fn from(error: ExtractError) -> Self {
        Self { code: error.code, message: error.message, hint: error.hint }
    }
}
