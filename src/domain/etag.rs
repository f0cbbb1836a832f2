//! Etags: what a client last read is named by its revision.

use super::error::{Error, Result};

/// Refuses a write on a resource that changed since the client read it, or is not there any more; an empty etag is no
/// condition.
pub fn check_etag(etag: &str, revision: impl Into<Option<i64>>) -> Result<()> {
    if etag.is_empty() || revision.into().is_some_and(|revision| etag == revision.to_string()) {
        return Ok(());
    }
    Err(Error::Aborted {
        reason: "ETAG_MISMATCH",
        message: "it has changed since it was read; read it again, then decide again".into(),
        metadata: vec![],
    })
}
