//! A table whose rows are made as they are asked for.

use crate::ExtractError;
use crate::table::{HeaderRow, Table, TableRow};

/// A [`Table`] of which no more is in memory than its reader needs.
pub struct Rows {
    pub header: Vec<String>,
    pub headers: Vec<HeaderRow>,
    /// How many rows come.
    pub count: usize,
    pub rows: Box<dyn Iterator<Item = Result<TableRow, ExtractError>>>,
}

impl Rows {
    /// All of it at once.
    ///
    /// # Errors
    /// That of a row.
    pub fn table(self) -> Result<Table, ExtractError> {
        let Self { header, headers, rows, .. } = self;
        Ok(Table { header, rows: rows.collect::<Result<_, _>>()?, headers })
    }
}

impl From<Table> for Rows {
    fn from(Table { header, rows, headers }: Table) -> Self {
        Self { header, headers, count: rows.len(), rows: Box::new(rows.into_iter().map(Ok)) }
    }
}
