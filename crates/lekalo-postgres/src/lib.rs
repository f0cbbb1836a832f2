//! A PostgreSQL of our own: made with `initdb`, run as a child process, reached over a private unix socket.
//!
//! [`EmbeddedServer::start`] serves a data directory. The first process to come owns the server; later ones attach to it.
//! The server ends with its owner, however that ends, and the next start takes up from there: PostgreSQL
//! recovers by itself, `initdb` works beside the final place and is renamed into it.
//!
//! - `locate.rs` finds the programs; a new place to look in goes there.
//! - `fetch.rs` downloads them where there are none, `release.rs` says which.
//! - `data_dir.rs` knows what lies where, whose it is and who holds it.
//! - `process.rs` runs the programs and stops them, `environment.rs` says what they see of ours.
//! - `upgrade.rs` moves a data directory to a newer version.
//! - `cluster.rs` holds what `initdb` and `postgres` are told; a new setting goes there.

#![warn(unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod cluster;
mod data_dir;
mod environment;
mod error;
mod fetch;
mod locate;
mod process;
mod release;
mod upgrade;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};
use tokio_postgres::{Client, Config, NoTls, error::SqlState};

use data_dir::{DataDir, Running};
pub use data_dir::{LOCK_FILE, data_home};
pub use environment::{hide_settings, is_setting};
pub use error::EmbeddedError;
use error::IoContext;
pub use fetch::{FetchError, fetch};
pub use locate::LocateError;
use process::Postmaster;
pub use upgrade::Upgrade;

/// The superuser of every embedded server, which is let in without a password.
const SUPERUSER: &str = "postgres";

/// How often we look whether the server answers.
const POLL: Duration = Duration::from_millis(10);

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(2);

/// What a URL must not contain as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How long a server that lost its owner may take to end before its successor starts all the same.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(15);

/// What to serve. [`Default`] is what `lekalo demo` uses.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// Where the data lives, made if missing. None: `default` in [`data_home`].
    pub data_dir: Option<PathBuf>,
    /// The folder with `postgres` and `initdb` (`LEKALO_PG_BIN`). None: the best that [`locate::locate`] finds.
    pub pg_bin: Option<PathBuf>,
    /// The database to work in, made if missing.
    pub database: String,
    /// Further settings by their name in `postgresql.conf`; they do not override what keeps the server private and safe.
    pub settings: Vec<(String, String)>,
    /// How long the server may take until it answers, recovery after a crash included.
    pub start_timeout: Duration,
    /// Whether what is committed survives a crash of the machine. Without that, a server whose data is thrown away anyway
    /// waits for no disk.
    pub durable: bool,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            data_dir: None,
            pg_bin: None,
            database: "car_chatbot".into(),
            settings: Vec::new(),
            start_timeout: Duration::from_secs(60),
            durable: true,
        }
    }
}

/// A PostgreSQL server that answers, ours or another process's. Prefer [`stop`](Self::stop) to dropping it: a drop asks an
/// own server to stop and does not wait until it has.
pub struct EmbeddedServer {
    dir: DataDir,
    running: Running,
    database: String,
    /// None when another process owns the server.
    postmaster: Option<Postmaster>,
    is_new: bool,
    /// Ours beyond the server's end.
    _lock: Option<File>,
}

impl EmbeddedServer {
    /// Serves the data directory, or attaches to the process that does, and makes sure that the database exists.
    /// Needs a tokio runtime with time and IO; dropped halfway, it stops what it started.
    pub async fn start(options: &EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let home = data_home();
        let path = match &options.data_dir {
            Some(path) => path.clone(),
            None => home.as_ref().map(|home| home.join("default")).map_err(|_| EmbeddedError::NoHome)?,
        };
        let dir = blocking(move || DataDir::prepare(&path)).await?;
        let deadline = Instant::now() + options.start_timeout;
        let mut lock = dir.open_lock()?;
        let server = loop {
            lock = match lock.try_lock() {
                Ok(()) => break Self::own(dir, lock, home.ok(), options).await?,
                Err(std::fs::TryLockError::WouldBlock) => lock,
                Err(std::fs::TryLockError::Error(source)) => {
                    return Err(source).doing("lock", &dir.path);
                }
            };
            // The owner may be starting, serving or stopping: try both doors until one opens.
            if let Some(running) = dir.running()
                && answers(&running).await
            {
                let database = options.database.clone();
                break Self { dir, running, database, postmaster: None, is_new: false, _lock: None };
            }
            if Instant::now() >= deadline {
                return Err(silent(&dir, options));
            }
            sleep(POLL).await;
        };
        server.ensure_database().await?;
        Ok(server)
    }

    /// Starts the server in a data directory that `lock` makes ours.
    async fn own(
        dir: DataDir,
        lock: File,
        home: Option<PathBuf>,
        options: &EmbeddedOptions,
    ) -> Result<Self, EmbeddedError> {
        settle_orphan(&dir).await;
        let (spawn_dir, spawn_options) = (dir.clone(), options.clone());
        let kept = lock.try_clone().doing("lock", &dir.path)?;
        let is_new = !dir.pgdata().exists();
        let (running, postmaster) = blocking(move || spawn(&spawn_dir, lock, home, &spawn_options)).await?;
        let database = options.database.clone();
        let server = Self { dir, running, database, postmaster: Some(postmaster), is_new, _lock: Some(kept) };
        let deadline = Instant::now() + options.start_timeout;
        while !answers(&server.running).await {
            if let Some(status) = server.postmaster.as_ref().and_then(Postmaster::exit_status) {
                return Err(EmbeddedError::Exited {
                    status,
                    log_path: server.dir.log_path(),
                    log: log_tail(&server.dir),
                });
            }
            if Instant::now() >= deadline {
                return Err(silent(&server.dir, options));
            }
            sleep(POLL).await;
        }
        Ok(server)
    }

    /// Creates the database unless it is there; another process doing the same at this moment is no error.
    async fn ensure_database(&self) -> Result<(), EmbeddedError> {
        let create = async {
            let client = connect(&self.running).await?;
            let exists = "SELECT 1 FROM pg_database WHERE datname = $1";
            if client.query_opt(exists, &[&self.database]).await?.is_some() {
                return Ok(());
            }
            let quoted = self.database.replace('"', "\"\"");
            let created = client.batch_execute(&format!("CREATE DATABASE \"{quoted}\"")).await;
            match created.as_ref().err().and_then(|error| error.code()) {
                Some(&SqlState::DUPLICATE_DATABASE | &SqlState::UNIQUE_VIOLATION) => Ok(()),
                _ => created,
            }
        };
        create.await.map_err(|source| EmbeddedError::Database { database: self.database.clone(), source })
    }

    /// How to connect as the superuser `postgres`; set another user or database on it as needed.
    pub fn config(&self) -> Config {
        let mut config = superuser(&self.running);
        config.dbname(&self.database);
        config
    }

    /// The same as a URL that psql and every other libpq program takes: `postgresql:///car_chatbot?host=/path&user=postgres`.
    pub fn url(&self) -> String {
        self.url_of(&self.database)
    }

    /// The same for another database.
    pub fn url_of(&self, database: &str) -> String {
        let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let socket_dir = self.running.socket_dir.to_string_lossy();
        let folders: Vec<String> = socket_dir.split('/').map(encode).collect();
        let database = encode(database);
        format!("postgresql:///{database}?host={}&user={SUPERUSER}", folders.join("/"))
    }

    /// The folder with the server's programs; `psql` may be missing there.
    pub fn bin_dir(&self) -> &Path {
        &self.running.bin_dir
    }

    /// The folder that all of it lives in, absolute.
    pub fn data_dir(&self) -> &Path {
        &self.dir.path
    }

    /// Whether the server ends with us. False: another process owns it.
    pub fn is_owner(&self) -> bool {
        self.postmaster.is_some()
    }

    /// Whether there was no database in the data directory before.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Waits for an own server's end, which is an error unless it was told to stop; for ever where another process owns it.
    pub fn ended(&self) -> impl Future<Output = EmbeddedError> + Send + use<> {
        let (dir, ended) = (self.dir.clone(), self.postmaster.as_ref().map(Postmaster::ended));
        async move {
            let Some(ended) = ended else { return std::future::pending().await };
            let status = ended.await;
            EmbeddedError::Ended { status, log_path: dir.log_path(), log: log_tail(&dir) }
        }
    }

    /// Stops an own server (at once for connected clients, nothing committed is lost) and waits until it is gone, 20 s at
    /// most; detaches from another's.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        self.halt().await
    }

    /// The same while the data directory stays ours.
    async fn halt(&mut self) -> Result<(), EmbeddedError> {
        let Some(postmaster) = &mut self.postmaster else {
            return Ok(());
        };
        if !postmaster.stop().await {
            return Err(EmbeddedError::NotStopped { path: self.dir.path.clone() });
        }
        if !self.running.socket_dir.starts_with(&self.dir.path) {
            drop(std::fs::remove_dir(&self.running.socket_dir));
        }
        Ok(())
    }
}

/// Everything from the lock to the running child.
fn spawn(
    dir: &DataDir,
    lock: File,
    home: Option<PathBuf>,
    options: &EmbeddedOptions,
) -> Result<(Running, Postmaster), EmbeddedError> {
    upgrade::complete(dir)?;
    let binaries = locate::locate(options.pg_bin.as_deref(), dir.major(), home.as_deref())?;
    dir.check_searchable(&binaries.dir)?;
    cluster::ensure(dir, &binaries, options.durable)?;
    let socket_dir = dir.make_socket_dir()?;
    let command = cluster::server(dir, &binaries, &socket_dir, options)?;
    let postmaster = Postmaster::spawn(command, lock).doing("run postgres in", &binaries.dir)?;
    let running = Running { socket_dir, bin_dir: binaries.dir };
    dir.set_running(&running)?;
    Ok((running, postmaster))
}

/// Waits for a server that lost its owner a moment ago. Where the kernel did not tell it to stop, we do.
async fn settle_orphan(dir: &DataDir) {
    let Some(pid) = dir.postmaster_pid().map(Pid::from_raw) else {
        return;
    };
    // Only a server on our private socket is surely the one in `postmaster.pid`, whose number may be reused.
    if let Some(running) = dir.running()
        && answers(&running).await
    {
        let _ = kill(pid, Signal::SIGINT); // it may be gone by now
    }
    let deadline = Instant::now() + ORPHAN_PATIENCE;
    while serves(pid, dir) && Instant::now() < deadline {
        sleep(POLL).await;
    }
}

/// Whether process `pid` is there and works in our cluster, as far as we may see.
fn serves(pid: Pid, dir: &DataDir) -> bool {
    if kill(pid, None).is_err() {
        return false;
    }
    match std::fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(cwd) => cwd == dir.pgdata(),
        Err(error) => cfg!(not(target_os = "linux")) || error.kind() == io::ErrorKind::PermissionDenied,
    }
}

fn superuser(running: &Running) -> Config {
    let mut config = Config::new();
    config.host_path(&running.socket_dir).user(SUPERUSER).dbname("postgres").application_name("lekalo");
    config
}

async fn connect(running: &Running) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = superuser(running).connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Whether the server lets us in.
async fn answers(running: &Running) -> bool {
    matches!(timeout(LOOK, connect(running)).await, Ok(Ok(_)))
}

fn silent(dir: &DataDir, options: &EmbeddedOptions) -> EmbeddedError {
    EmbeddedError::Silent { path: dir.path.clone(), waited: options.start_timeout, log: log_tail(dir) }
}

/// The last lines of the server's log.
fn log_tail(dir: &DataDir) -> String {
    let log = std::fs::read(dir.log_path()).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(15));
    last.copied().collect::<Vec<_>>().join("\n")
}

/// Runs file and process work where it holds up no other task.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmbeddedError> + Send + 'static,
) -> Result<T, EmbeddedError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(join) => Err(io::Error::other(join)).doing("run a task for", Path::new("PostgreSQL")),
    }
}
