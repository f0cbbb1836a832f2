//! Patterns, from their rows.

use tokio_postgres::Row;

use super::query::optional_word;
use crate::domain::error::{Error, Result};
use crate::domain::pattern::Pattern;
use crate::domain::vehicle::{Attributes, Years};

/// A pattern from its row and its car's.
pub(super) fn pattern(row: &Row) -> Result<Pattern> {
    Ok(Pattern {
        id: row.try_get("id")?,
        brand: row.try_get("brand")?,
        model: row.try_get("model")?,
        generation: row.try_get::<_, Option<String>>("generation")?.unwrap_or_default(),
        years: Years { from: row.try_get("year_from")?, to: row.try_get("year_to")? },
        body_type: optional_word(row, "body_type")?,
        attributes: attributes(row)?,
        available: row.try_get("available")?,
        notes: row.try_get("notes")?,
    })
}

/// A pattern's attributes from the columns that are named as they are.
pub(super) fn attributes(row: &Row) -> Result<Attributes> {
    let mut attributes = Attributes::default();
    for field in Attributes::FIELDS {
        if let Some(word) = row.try_get(field.name)? {
            (field.set)(&mut attributes, word).map_err(Error::internal)?;
        }
    }
    Ok(attributes)
}
