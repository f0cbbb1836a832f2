//! Cleaning: the rows of a document as they are → what each says about a car, and what is wrong with it.
//!
//! Nothing is thrown away and nothing is guessed silently: every row of the table yields exactly one [`CleanRow`]; what no
//! field holds stays in its notes, and every correction is an issue. A row's cells are read in this order, each step taking
//! the words it understood:
//!
//! 1. `attributes`: steering, borders, rows of seats, trunk; `availability`; `years`; `generation` where "кузов" or "поколение"
//!    says so;
//! 2. `identity`: brand and model;
//! 3. body, generation codes, misplaced years; the rest is notes.
//!
//! What a table's columns are is told by `columns`, from their names and from what stands in the first rows. What rows say for
//! those below them (a heading, a brand given once) is put beside each of them by `headings`, in their order; all else about a row
//! is its own, and rows are understood in any order.

mod attributes;
mod availability;
mod body;
mod brand_cell;
mod cache;
mod cell;
mod columns;
mod disambiguate;
mod generation;
mod headings;
mod identity;
pub mod issues;
mod row;
mod version;
mod years;

use std::sync::Arc;

pub use cache::Cache;
use cache::Lookup;
pub use columns::{CleanError, Columns, SAMPLE};
pub use headings::{Headings, PlacedRow};

use crate::domain::import::CleanRow;
use lekalo_documents::table::{Column, Table, TableRow};
use lekalo_vehicles::Index;

/// Understands a table's rows; one clean row per table row, in the same order.
///
/// # Errors
/// As [`Cleaner::new`].
pub fn clean(table: &Table, index: &Index) -> Result<Vec<CleanRow>, CleanError> {
    let cleaner = Cleaner::new(&table.header, &table.rows, index)?;
    let mut headings = Headings::new(&table.headers);
    Ok(table.rows.iter().map(|row| cleaner.row(cleaner.place(row.clone(), &mut headings))).collect())
}

/// Understands the rows of one table.
pub struct Cleaner<'i> {
    columns: Arc<Columns>,
    index: Lookup<'i>,
}

impl<'i> Cleaner<'i> {
    /// One for a table with these columns, of which the first rows are known.
    ///
    /// # Errors
    /// When nothing says where the cars are.
    pub fn new(header: &[String], rows: &[TableRow], index: &'i Index) -> Result<Self, CleanError> {
        let index = Lookup::new(index, Cache::default());
        let columns = Columns::find(header, rows.get(..SAMPLE).unwrap_or(rows), &index)?;
        Ok(Self { columns: Arc::new(columns), index })
    }

    /// One that remembers what another one of the same table and index was asked.
    pub fn resume(columns: Arc<Columns>, index: &'i Index, cache: Cache) -> Self {
        Self { columns, index: Lookup::new(index, cache) }
    }

    /// What it remembers by now.
    pub fn into_cache(self) -> Cache {
        self.index.into_cache()
    }

    /// What its columns are.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Puts a row into its place below the rows before it.
    pub fn place(&self, row: TableRow, headings: &mut Headings) -> PlacedRow {
        headings.place(row, &self.columns, &self.index)
    }

    /// Passes over a row that is none of the table's, which may be a heading all the same.
    pub fn pass(&self, cells: &[String], headings: &mut Headings) {
        headings.pass(cells, &self.columns, &self.index);
    }

    /// What a row says.
    pub fn row(&self, placed: PlacedRow) -> CleanRow {
        let TableRow { page_number, row_number, ref cells } = placed.row;
        let source_id = self.columns.id.and_then(|at| cells.get(at)).map_or("", |cell| cell.trim()).to_owned();
        let mut clean = CleanRow { page_number, row_number, source_id, ..CleanRow::default() };
        let texts = row::Texts::of(&placed, &self.columns);
        if Column::is_header(cells.iter().map(String::as_str)) {
            clean.is_header = true;
            clean.issues.push(issues::header_row());
        } else if let Some(brand) = &placed.heads {
            clean.is_header = true;
            clean.issues.push(issues::heading_row(brand));
        } else if texts.is_blank() {
            clean.issues.push(issues::empty_row());
        } else {
            row::understand(&mut clean, &self.index, &self.columns, &texts);
        }
        clean.cells = placed.row.cells;
        clean
    }
}

#[cfg(test)]
mod tests;
