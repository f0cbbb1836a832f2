//! Ids that are numbers, as they are given: there is one way to write each.

use super::error::{Error, Kind, Result};

/// The number, if it is written as we write it: neither `+401` nor `0401`.
pub fn read_number(id: &str) -> Option<i64> {
    id.parse::<i64>().ok().filter(|number| number.to_string() == id)
}

/// The number of something of this kind.
///
/// # Errors
/// `NotFound` for what is no id of ours.
pub fn numeric(kind: Kind, id: &str) -> Result<i64> {
    read_number(id).ok_or_else(|| Error::not_found(kind, id))
}
