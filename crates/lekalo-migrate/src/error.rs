//! Why the schema is not where it should be.

use tokio_postgres::error::SqlState;

use crate::apply::ApplyError;

/// What went wrong with a migration.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("cannot connect to the database to migrate it")]
    Connect(#[source] tokio_postgres::Error),
    #[error(
        "the database's server accepts the connection but does not answer within {} s",
        crate::session::CONNECT.as_secs()
    )]
    Silent,
    #[error("cannot set up TLS")]
    Tls(#[source] anyhow::Error),
    #[error("migration failed: {}", crate::failure::chain(.0))]
    Run(#[source] Box<refinery::Error>),
    #[error("{0} has no way back in this program")]
    NoDownMigration(String),
    #[error("{file} is not fit to run: {error}")]
    Unfit { file: String, error: String },
    #[error("the database was migrated with another content of {}: edited after it was applied", .0.join(", "))]
    Edited(Vec<String>),
    #[error("{} was never applied, but later ones were", .0.join(", "))]
    Skipped(Vec<String>),
    #[error(
        "migrations cannot go through a pooler in transaction mode: the lock that lets one program migrate at a time \
         would be handed on with the connection"
    )]
    Pooler,
    #[error("{0}")]
    Target(String),
    #[error("the history of migrations is not to be had: {}", crate::failure::chain(.source))]
    HistoryTable { source: ApplyError },
    #[error(
        "no second connection was to be had within {} s: a pooler that hands out whole sessions has too few of them",
        crate::session::SECOND_CONNECTION.as_secs()
    )]
    PoolerFull,
    #[error("the way back from {file} failed: {}", crate::failure::chain(.source))]
    Down { file: String, source: ApplyError },
    #[error("the database did not answer")]
    Database(#[from] tokio_postgres::Error),
}

impl MigrateError {
    /// Whether the SQL of one migration failed, and not for want of a connection, a privilege or a database that takes writes.
    pub fn is_of_a_script(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = match self {
            Self::Run(_) | Self::Down { .. } => Some(self),
            _ => None,
        };
        while let Some(error) = cause {
            if let Some(postgres) = error.downcast_ref::<tokio_postgres::Error>() {
                let elsewhere = [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::READ_ONLY_SQL_TRANSACTION];
                return postgres.code().is_some_and(|code| !elsewhere.contains(code));
            }
            cause = error.source();
        }
        false
    }

    /// Whether somebody held a lock for longer than a migration waits.
    pub fn is_blocked(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        std::iter::from_fn(|| {
            let current = cause?;
            cause = current.source();
            Some(current)
        })
        .any(|cause| matches!(cause.downcast_ref(), Some(ApplyError::Blocked { .. })))
    }
}
