//! PostgreSQL's failures in the product's words. SQLSTATE decides, never message text, and no driver text goes on.

use std::fmt;
use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::SqlState;

use super::failure::chain;
use crate::domain::Error;

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
        match *state {
            SqlState::QUERY_CANCELED => Self::DeadlineExceeded,
            // An overlap can only come from a write beside ours: our own are looked for beforehand.
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED | SqlState::EXCLUSION_VIOLATION => {
                Self::Aborted {
                    reason: "CONCURRENT_CHANGE",
                    message: "somebody else changed the same data at the same time; nothing was changed, retry".into(),
                }
            }
            SqlState::LOCK_NOT_AVAILABLE => blocked(),
            SqlState::TOO_MANY_CONNECTIONS => busy(),
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => unavailable(),
            _ if state.code().starts_with("08") => unavailable(),
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
                    tracing::error!(cause = %chain(&*cause), "cannot connect to the database");
                    unavailable()
                }
                other => other,
            },
            PoolError::Closed => unavailable(),
            other => Self::internal(other),
        }
    }
}

fn has_io_cause(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

/// The database is out of reach.
pub fn unavailable() -> Error {
    Error::Unavailable {
        reason: "DATABASE_UNAVAILABLE",
        message: "the database is out of reach; retry shortly".into(),
        retry_after: Duration::from_secs(2),
    }
}

pub(super) fn busy() -> Error {
    Error::ResourceExhausted {
        reason: "OVERLOADED",
        message: "all database connections are busy; retry shortly".into(),
        retry_after: Duration::from_secs(1),
    }
}

fn blocked() -> Error {
    Error::ResourceExhausted {
        reason: "OVERLOADED",
        message: "others hold what this write needs; nothing was changed, retry shortly".into(),
        retry_after: Duration::from_secs(1),
    }
}
