//! Backups of a migrated database as one file: every row as of one moment, and the version of the schema they are of.
//!
//! A dump holds rows and no SQL: the migrations make the schema, at the dump's version, on whatever server and for whatever
//! owner it is restored. So neither `pg_dump` nor a server of the same version is needed. Row-level security binds the owner
//! as well; a dump as the owner therefore goes through the parts of the rows one by one ([`crate::Parts`]), and
//! refuses where a policy is not as it should be: what cannot be whole is not written.
//!
//! - `archive.rs` is the file: a zip with one `tables/NAME.copy` (COPY's text format) for each table and `manifest.json`.
//! - `tables.rs` knows what is in a database and how a role sees it.
//! - `dump.rs` and `restore.rs` go there and back.

mod archive;
mod dump;
mod restore;
mod tables;

use std::io;
use std::path::{Path, PathBuf};

use crate::MigrateError;
use crate::tls::{self, Tls};
use tokio_postgres::{Client, Config};

pub use archive::{Archive, Manifest, Migration, SavedSequence, SavedTable};
pub use dump::dump;
pub use restore::{Restored, restore};

/// Why there is no dump, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something is not as it must be; what to do about it.
    #[error("{problem}")]
    Refused { problem: String, remedy: String },
    /// The file is not what was written.
    #[error("{} is not a whole dump: {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error("the rows of {table} could not be {doing}")]
    Table { doing: &'static str, table: String, source: tokio_postgres::Error },
    #[error("cannot connect to the database")]
    Connect(#[source] tokio_postgres::Error),
    #[error("the database did not answer")]
    Database(#[from] tokio_postgres::Error),
}

fn refused(problem: impl Into<String>, remedy: impl Into<String>) -> BackupError {
    BackupError::Refused { problem: problem.into(), remedy: remedy.into() }
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    move |source| BackupError::Io { doing, path: path.to_owned(), source }
}

/// How far it has come: so many rows of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// A session for work that takes as long as it takes; it does not outlive the program by more than a second.
async fn connect(config: &Config, tls: &Tls, name: &str) -> Result<Client, BackupError> {
    let mut config = config.clone();
    config.application_name(name);
    let connector = tls::connector(tls, &mut config).map_err(MigrateError::Tls)?;
    let (client, _) = crate::connect::connect(&config, &connector).await.map_err(BackupError::Connect)?;
    // Also where a catalog is asked about a table that somebody is changing.
    client.batch_execute("SET lock_timeout = '30s'").await?;
    // Not every system can watch for that.
    let _ = client.batch_execute("SET client_connection_check_interval = '1s'").await;
    Ok(client)
}

/// What the transactions of both ways begin with. Values are written in a way that every setting reads alike.
const SETTINGS: &str = "
    SET LOCAL search_path = public;
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL lock_timeout = '30s';
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'iso_8601';
    SET LOCAL timezone = 'UTC';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 3";
