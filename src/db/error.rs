//! PostgreSQL's failures in the product's words. SQLSTATE decides, never message text, and no driver text goes on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::SqlState;

use super::advice::chain;
use crate::domain::Error;

/// How often the log says that connecting fails, and that the database cannot work.
const REFUSED_EVERY: Duration = Duration::from_secs(5);
const UNABLE_EVERY: Duration = Duration::from_secs(60);

/// A failure that is ours. Neither its text nor its Debug output repeats a value: PostgreSQL's details have whole rows.
#[derive(thiserror::Error)]
#[error("{}", chain(.0))]
pub struct Fault(pub(super) tokio_postgres::Error);

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({self})")
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(state) = error.code() else {
            // No SQLSTATE: the connection broke or a value did not convert.
            return if error.is_closed() || has_io_cause(&error) {
                unavailable()
            } else {
                Self::internal(Fault(error))
            };
        };
        match state.code() {
            "57014" => Self::DeadlineExceeded,
            // Rolled back because of others: conflicts and deadlocks, and a snapshot that became too old. An overlap (23P01)
            // can only come from a write beside ours, and so can what refers to a row that is gone (23503): our own are looked
            // for beforehand.
            "40000" | "40001" | "40P01" | "23P01" | "23503" | "72000" => Self::Aborted {
                reason: "CONCURRENT_CHANGE",
                message: "somebody else changed the same data at the same time; nothing was changed, retry".into(),
                metadata: vec![],
            },
            "55P03" => blocked(),
            "53300" => busy(),
            // The server stops, starts or drops the connection (08, 57), or ends a session that was idle or open for too
            // long (25P03, 25P04); what became of a commit may be unknown (40003).
            code if matches!(code.get(..2), Some("08" | "57")) || matches!(code, "25P03" | "25P04" | "40003") => {
                unavailable()
            }
            // It is there but cannot work: no disk, no memory (53), failing input and output (58), it takes no writes, as a
            // standby does before it is promoted (25006), or somebody took a table (42P01, 3F000) or a right away, which health
            // says too. A retry is right, and somebody has to look at it.
            code if code.starts_with("53")
                || matches!(code, "58000" | "58030" | "25006" | "42P01" | "3F000")
                || is_missing_right(&error) =>
            {
                if is_time(code, UNABLE_EVERY) {
                    tracing::error!(code, cause = %chain(&error), "the database cannot work");
                }
                unavailable_for(Some(Fault(error)))
            }
            _ => Self::internal(Fault(error)),
        }
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => busy(),
            // Connecting, or checking a connection, took too long.
            PoolError::Timeout(_) => unavailable(),
            PoolError::Backend(error) => match Self::from(error) {
                // Refused before any query: whatever the reason, the database is out of reach.
                Self::Internal(cause) => {
                    if is_time("", REFUSED_EVERY) {
                        tracing::error!(cause = %chain(&*cause), "cannot connect to the database");
                    }
                    unavailable()
                }
                other => other,
            },
            PoolError::Closed => unavailable(),
            other => Self::internal(other),
        }
    }
}

pub(super) fn has_io_cause(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

/// Whether a connection that could not be had may be to be had a moment later: there is no room, or nothing listens yet.
pub(super) fn is_retryable(error: &PoolError) -> bool {
    let PoolError::Backend(error) = error else { return false };
    match error.code() {
        Some(state) => matches!(state.code(), "53300" | "57P03"),
        None => error.is_closed() || has_io_cause(error),
    }
}

/// Whether a right on one of the tables is missing. Row-level security refuses with the same code, and that would be a mistake of
/// ours; which part of the server refused is no text that depends on its language.
fn is_missing_right(error: &tokio_postgres::Error) -> bool {
    let refused = error.as_db_error().filter(|db| *db.code() == SqlState::INSUFFICIENT_PRIVILEGE);
    refused.is_some_and(|db| db.routine() == Some("aclcheck_error"))
}

/// Whether the log may say again what it said last a while ago: a line now and then, however many calls meet it.
fn is_time(what: &str, interval: Duration) -> bool {
    static LAST: Mutex<BTreeMap<String, Instant>> = Mutex::new(BTreeMap::new());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let is_time = last.get(what).is_none_or(|last| last.elapsed() >= interval);
    if is_time {
        last.insert(what.to_owned(), Instant::now());
    }
    is_time
}

/// The database is out of reach.
pub fn unavailable() -> Error {
    unavailable_for(None)
}

fn unavailable_for(cause: Option<Fault>) -> Error {
    Error::Unavailable {
        reason: "DATABASE_UNAVAILABLE",
        message: "the database is out of reach; retry shortly".into(),
        retry_after: Duration::from_secs(2),
        source: cause.map(|fault| fault.into()),
    }
}

pub(super) fn busy() -> Error {
    Error::ResourceExhausted {
        reason: "OVERLOADED",
        message: "all database connections are busy; retry shortly".into(),
        retry_after: Duration::from_secs(1),
    }
}

pub(super) fn blocked() -> Error {
    Error::ResourceExhausted {
        reason: "OVERLOADED",
        message: "somebody else has locked what this call needs; nothing was changed, retry shortly".into(),
        retry_after: Duration::from_secs(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_gives_no_connection_says_whether_it_is_busy_or_the_database_is_away() {
        let reason = |error: PoolError| match Error::from(error) {
            Error::ResourceExhausted { reason, retry_after, .. } => ("exhausted", reason, retry_after.as_secs()),
            Error::Unavailable { reason, retry_after, .. } => ("unavailable", reason, retry_after.as_secs()),
            other => panic!("{other:?}"),
        };
        let away = ("unavailable", "DATABASE_UNAVAILABLE", 2);
        assert_eq!(reason(PoolError::Timeout(TimeoutType::Wait)), ("exhausted", "OVERLOADED", 1));
        assert_eq!(reason(PoolError::Timeout(TimeoutType::Create)), away);
        assert_eq!(reason(PoolError::Timeout(TimeoutType::Recycle)), away);
        assert_eq!(reason(PoolError::Closed), away);
        assert!(matches!(Error::from(PoolError::NoRuntimeSpecified), Error::Internal(_)));
    }
}
