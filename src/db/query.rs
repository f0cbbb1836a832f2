//! A statement with its parameters, and what to expect of its rows.

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::domain::error::{Error, Result};

/// A statement and its bound parameters. Types are spelled out, so it goes to the server in one message, without a
/// prepared statement's extra round trip, and through any pooler.
pub struct Query<'a> {
    pub(super) sql: &'static str,
    pub(super) params: Vec<(&'a (dyn ToSql + Sync), Type)>,
}

impl<'a> Query<'a> {
    /// `sql` begins with `-- name`.
    pub fn new(sql: &'static str) -> Self {
        Self { sql, params: Vec::new() }
    }

    /// Binds the next parameter.
    pub fn bind(mut self, value: &'a (dyn ToSql + Sync), sql_type: Type) -> Self {
        self.params.push((value, sql_type));
        self
    }

    /// The name from the comment on the first line.
    pub(super) fn name(&self) -> &'static str {
        name(self.sql)
    }
}

/// A column's text for words to be looked for in: all white space between its words is one blank.
macro_rules! words_of {
    ($column:literal) => {
        concat!("regexp_replace(", $column, r", '[\s\u00a0]+', ' ', 'g')")
    };
}
pub(super) use words_of;

/// The name from the comment on a statement's first line.
pub(super) fn name(sql: &'static str) -> &'static str {
    let first = sql.trim_start().lines().next().unwrap_or_default();
    first.trim_start_matches("--").trim()
}

/// The only row of a query that always has one.
pub fn one(rows: Vec<Row>) -> Result<Row> {
    match <[Row; 1]>::try_from(rows) {
        Ok([row]) => Ok(row),
        Err(rows) => Err(Error::internal(format!("expected one row, got {}", rows.len()))),
    }
}

/// The row of a query by a unique key.
pub fn at_most_one(mut rows: Vec<Row>) -> Result<Option<Row>> {
    if rows.len() > 1 {
        return Err(Error::internal(format!("expected at most one row, got {}", rows.len())));
    }
    Ok(rows.pop())
}

/// Reads a column that holds one of a fixed vocabulary's words.
pub fn word<T: std::str::FromStr<Err = crate::domain::vehicle::UnknownWord>>(row: &Row, column: &str) -> Result<T> {
    row.try_get::<_, &str>(column)?.parse().map_err(Error::internal)
}

/// Like [`word`], for a column that may be null.
pub fn optional_word<T>(row: &Row, column: &str) -> Result<Option<T>>
where
    T: std::str::FromStr<Err = crate::domain::vehicle::UnknownWord>,
{
    row.try_get::<_, Option<&str>>(column)?.map(|word| word.parse().map_err(Error::internal)).transpose()
}
