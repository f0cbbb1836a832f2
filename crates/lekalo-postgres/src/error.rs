//! What can go wrong with the embedded server, said so that it can be mended.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use crate::locate::LocateError;

/// Why there is no embedded server. Every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No usable PostgreSQL on this machine, or none that can read the data directory.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The user has no home directory to keep data in.
    #[error("this user has no home directory: say where the data goes with --data-dir")]
    NoHome,
    /// The data directory's path is not UTF-8.
    #[error("the data directory's path is not UTF-8: {}", path.display())]
    NotUtf8 {
        /// The data directory.
        path: PathBuf,
    },
    /// The data directory holds somebody else's files.
    #[error("{} has files in it that are not Lekalo's: choose an empty or a new folder", path.display())]
    NotOurs {
        /// The data directory.
        path: PathBuf,
    },
    /// As root: there is no account to run PostgreSQL as.
    #[error(
        "PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody` to run it as: \
         add one (`useradd --system postgres`), or run Lekalo as an ordinary user"
    )]
    NoAccount,
    /// As root: the cluster belongs to root, as whom PostgreSQL refuses to run.
    #[error("{path} belongs to root, and PostgreSQL refuses to run as root: `chown -R postgres: {path}`", path = path.display())]
    OwnedByRoot {
        /// The cluster's folder.
        path: PathBuf,
    },
    /// As root: the account that PostgreSQL runs as cannot get to a folder.
    #[error(
        "PostgreSQL refuses to run as root, so it runs as `{account}`, and {ancestor} (mode {mode:04o}) lets no `{account}` through \
         to {path}: choose another place (--data-dir, LEKALO_PG_BIN), `chmod o+x {ancestor}`, or run Lekalo as an ordinary user",
        ancestor = ancestor.display(), path = path.display()
    )]
    Unsearchable {
        /// The folder that is closed.
        ancestor: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Where the way was to lead.
        path: PathBuf,
        /// The account's name.
        account: String,
    },
    /// A file operation failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was done: a verb.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("`initdb` (PostgreSQL {version}) failed:\n{output}")]
    Initdb {
        /// Its version.
        version: String,
        /// What it printed.
        output: String,
    },
    /// `postgres` ended instead of serving.
    #[error("PostgreSQL ended while starting ({status}); the last lines of {}:\n{log}", log_path.display())]
    Exited {
        /// How it ended.
        status: ExitStatus,
        /// The log.
        log_path: PathBuf,
        /// The log's last lines.
        log: String,
    },
    /// `postgres` ended while it served, which nobody here has told it to.
    #[error("the private PostgreSQL has ended by itself{}; the last lines of {}:\n{log}", how(*status), log_path.display())]
    Ended {
        /// How, where that is known.
        status: Option<ExitStatus>,
        /// The log.
        log_path: PathBuf,
        /// The log's last lines.
        log: String,
    },
    /// The server, ours or the one to attach to, did not answer in time.
    #[error("PostgreSQL in {} did not answer within {} s; the last lines of its log:\n{log}", path.display(), waited.as_secs())]
    Silent {
        /// The data directory.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
        /// The log's last lines.
        log: String,
    },
    /// The server runs, but the database could not be looked for or made.
    #[error("cannot make sure that the database `{database}` exists: {source}")]
    Database {
        /// The database.
        database: String,
        /// The reason.
        source: tokio_postgres::Error,
    },
    /// There is nothing to upgrade.
    #[error("there is no cluster in {}", path.display())]
    NoCluster {
        /// The data directory.
        path: PathBuf,
    },
    /// There is no newer PostgreSQL to upgrade to.
    #[error(
        "{} was made by PostgreSQL {major}, and there is no newer one on this machine: install one, get one with `lekalo db \
         fetch`, or set LEKALO_PG_BIN to its folder",
        path.display()
    )]
    NothingNewer {
        /// The data directory.
        path: PathBuf,
        /// The version that made it.
        major: u32,
    },
    /// What an earlier upgrade kept is in the way.
    #[error("{path} is there from an earlier upgrade: move it away, or remove it if it is not needed", path = path.display())]
    UpgradedBefore {
        /// The old cluster.
        path: PathBuf,
    },
    /// Another process has the server that is to be upgraded.
    #[error("another process serves {}: stop it first", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// An upgrade carries one database over.
    #[error(
        "{} has databases that are not Lekalo's, which an upgrade would not carry over: move {} elsewhere and drop them first",
        path.display(), others.join(", ")
    )]
    OtherDatabases {
        /// The data directory.
        path: PathBuf,
        /// Their names.
        others: Vec<String>,
    },
    /// The server ended neither when asked nor when told to.
    #[error("PostgreSQL in {} does not stop", path.display())]
    NotStopped {
        /// The data directory.
        path: PathBuf,
    },
}

/// How a process ended, in brackets.
fn how(status: Option<ExitStatus>) -> String {
    status.map(|status| format!(" ({status})")).unwrap_or_default()
}

/// Says what was done to which file when it failed.
pub(crate) trait IoContext<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, EmbeddedError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, EmbeddedError> {
        self.map_err(|source| EmbeddedError::Io { doing, path: path.to_owned(), source })
    }
}
