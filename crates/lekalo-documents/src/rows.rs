//! A table whose rows are made as they are asked for.

use crate::ExtractError;
use crate::notice::Notice;
use crate::table::{HeaderRow, Table, TableRow};

/// A [`Table`] of which no more is in memory than its reader needs.
pub struct Rows {
    pub header: Vec<String>,
    pub headers: Vec<HeaderRow>,
    pub notices: Vec<Notice>,
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
        let Self { header, headers, notices, rows, .. } = self;
        Ok(Table { header, rows: rows.collect::<Result<_, _>>()?, headers, notices })
    }
}

impl From<Table> for Rows {
    fn from(Table { header, rows, headers, notices }: Table) -> Self {
        Self { header, headers, notices, count: rows.len(), rows: Box::new(rows.into_iter().map(Ok)) }
    }
}
