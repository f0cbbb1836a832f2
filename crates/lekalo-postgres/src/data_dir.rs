//! The folder an embedded server lives in: what lies where, whose it is, and who holds it.
//!
//! ```text
//! <data dir>/lekalo.lock     held (flock) by the process that owns the server; marks the folder as ours
//! <data dir>/running.json    where a running server is reached: what a second process needs to attach
//! <data dir>/postgres.log    the server's log since its last start
//! <data dir>/pgdata/         the cluster, 0700
//! <data dir>/run/            the socket, 0700 (a short folder elsewhere, where this path is too long or has a comma in it)
//! ```

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::OFlag,
    unistd::{Uid, User},
};
use serde::{Deserialize, Serialize};

use crate::{EmbeddedError, IoContext};

/// In a data directory: held (flock) by the process that owns the server.
pub const LOCK_FILE: &str = "lekalo.lock";

/// The longest socket path every supported kernel takes (macOS 103, Linux 107).
const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// What PostgreSQL adds to the socket folder's path.
const SOCKET_NAME: &str = "/.s.PGSQL.5432";

/// Whom PostgreSQL, which refuses to be root, runs as when we are root.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Where a running server is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) socket_dir: PathBuf,
    pub(crate) bin_dir: PathBuf,
}

/// A data directory that exists, is ours, and that the server's account can reach.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    pub(crate) path: PathBuf,
    /// None when we are not root: then everything is ours.
    pub(crate) account: Option<Account>,
}

/// Where Lekalo keeps data when told nothing else: `/var/lib/lekalo` for root, else `$XDG_DATA_HOME/lekalo` or
/// `~/.local/share/lekalo`. Fails where the user has no home directory.
pub fn data_home() -> Result<PathBuf, EmbeddedError> {
    if Uid::effective().is_root() {
        return Ok(PathBuf::from("/var/lib/lekalo"));
    }
    let xdg = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let share = xdg.or_else(|| Some(std::env::home_dir()?.join(".local/share")));
    share.filter(|path| path.is_absolute()).map(|path| path.join("lekalo")).ok_or(EmbeddedError::NoHome)
}

impl DataDir {
    /// Makes sure that `path` exists, is a data directory of ours or empty, and can be reached by the server's account.
    pub(crate) fn prepare(path: &Path) -> Result<Self, EmbeddedError> {
        let path = canonical(path).doing("resolve", path)?;
        if path.to_str().is_none() {
            return Err(EmbeddedError::NotUtf8 { path });
        }
        let dir = Self { account: account(&path.join("pgdata"))?, path };
        if let Some(parent) = dir.path.parent() {
            dir.check_searchable(parent)?;
        }
        create_all(&dir.path)?;
        dir.check_ours()?;
        if dir.account.is_some() {
            open_to_account(&dir.path)?;
        }
        dir.check_searchable(&dir.path)?;
        Ok(dir)
    }

    pub(crate) fn pgdata(&self) -> PathBuf {
        self.path.join("pgdata")
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// The major version of PostgreSQL that made the cluster; None while there is none.
    pub(crate) fn major(&self) -> Option<u32> {
        let version = fs::read_to_string(self.pgdata().join("PG_VERSION")).ok()?;
        version.trim().parse().ok()
    }

    /// The process number in `postmaster.pid`: a running server's, or one's that was not shut down.
    pub(crate) fn postmaster_pid(&self) -> Option<i32> {
        let file = fs::read_to_string(self.pgdata().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    /// The file whose lock says who owns the server. Not locked yet.
    pub(crate) fn open_lock(&self) -> Result<File, EmbeddedError> {
        self.open_private(&self.path.join(LOCK_FILE), false)
    }

    /// The server's log, emptied.
    pub(crate) fn create_log(&self) -> Result<File, EmbeddedError> {
        self.open_private(&self.log_path(), true)
    }

    /// What the owner says about where its server is; None while it has said nothing, or nothing to be trusted.
    pub(crate) fn running(&self) -> Option<Running> {
        let running = fs::read(self.path.join("running.json")).ok()?;
        let running: Running = serde_json::from_slice(&running).ok()?;
        self.is_private(&running.socket_dir).then_some(running)
    }

    /// Tells later processes where the server is.
    pub(crate) fn set_running(&self, running: &Running) -> Result<(), EmbeddedError> {
        let path = self.path.join("running.json");
        let text = serde_json::to_vec(running).map_err(io::Error::other);
        let mut file = self.open_private(&path, true)?;
        text.and_then(|text| file.write_all(&text)).doing("write", &path)
    }

    /// A folder for the socket that nobody else can enter. Called by the owner alone, so an old one is free to reuse.
    pub(crate) fn make_socket_dir(&self) -> Result<PathBuf, EmbeddedError> {
        let run = self.path.join("run");
        let fits = run.as_os_str().len() + SOCKET_NAME.len() <= SOCKET_PATH_LIMIT;
        // In a connection URL a comma always parts two hosts.
        if fits && !run.as_os_str().as_encoded_bytes().contains(&b',') {
            self.make_private_dir(&run)?;
            return Ok(run);
        }
        if let Some(running) = self.running() {
            return Ok(running.socket_dir);
        }
        let base = match &self.account {
            Some(_) if Path::new("/run").is_dir() => Path::new("/run"),
            _ => Path::new("/tmp"),
        };
        let short = tempfile::Builder::new()
            .prefix("lekalo-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(base)
            .doing("make a folder in", base)?
            .keep();
        self.give(&short)?;
        Ok(short)
    }

    /// Makes `path` a folder of the server's account that nobody else can enter.
    pub(crate) fn make_private_dir(&self, path: &Path) -> Result<(), EmbeddedError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).doing("create", path);
            }
            _ => {}
        }
        self.give(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o700)).doing("chmod", path)
    }

    /// Whether `path` is a folder (no symlink) of the server's account that nobody else can enter.
    fn is_private(&self, path: &Path) -> bool {
        let owner = match &self.account {
            Some(account) => account.uid,
            None => Uid::effective().as_raw(),
        };
        fs::symlink_metadata(path)
            .is_ok_and(|found| found.is_dir() && found.uid() == owner && found.mode() & 0o077 == 0)
    }

    fn give(&self, path: &Path) -> Result<(), EmbeddedError> {
        match &self.account {
            Some(account) => chown(path, Some(account.uid), Some(account.gid)).doing("chown", path),
            None => Ok(()),
        }
    }

    /// A file that only the server's account reads. No symlink is followed: root writes here, others may own the folder.
    fn open_private(&self, path: &Path, truncate: bool) -> Result<File, EmbeddedError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(truncate)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(path)
            .doing("open", path)?;
        if let Some(account) = &self.account {
            fchown(&file, Some(account.uid), Some(account.gid)).doing("chown", path)?;
        }
        Ok(file)
    }

    /// Refuses a folder with other people's files in it: a slip such as `--data-dir /etc` must change nothing there.
    fn check_ours(&self) -> Result<(), EmbeddedError> {
        let mut entries = fs::read_dir(&self.path).doing("read", &self.path)?;
        if entries.next().is_some() && !self.path.join(LOCK_FILE).exists() {
            return Err(EmbeddedError::NotOurs { path: self.path.clone() });
        }
        Ok(())
    }

    /// As root: the first folder on the way to `path` that the server's account may not enter is an error.
    pub(crate) fn check_searchable(&self, path: &Path) -> Result<(), EmbeddedError> {
        let Some(account) = &self.account else {
            return Ok(());
        };
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        for ancestor in ancestors {
            let Ok(found) = fs::metadata(ancestor) else {
                return Ok(()); // not there yet: what we create below is open
            };
            let search = match () {
                () if found.uid() == account.uid => 0o100,
                () if found.gid() == account.gid => 0o010,
                () => 0o001,
            };
            if found.mode() & search == 0 {
                return Err(EmbeddedError::Unsearchable {
                    ancestor: ancestor.to_owned(),
                    mode: found.mode() & 0o7777,
                    path: path.to_owned(),
                    account: account.name.clone(),
                });
            }
        }
        Ok(())
    }
}

/// As root: the cluster's owner where there is a cluster, else `postgres`, else `nobody`. As anybody else: None.
fn account(pgdata: &Path) -> Result<Option<Account>, EmbeddedError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let user = |user: User| Account { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() };
    match fs::metadata(pgdata) {
        Ok(found) if found.uid() == 0 => Err(EmbeddedError::OwnedByRoot { path: pgdata.to_owned() }),
        Ok(found) => Ok(Some(Account {
            name: match User::from_uid(Uid::from_raw(found.uid())) {
                Ok(Some(user)) => user.name,
                _ => format!("user {}", found.uid()),
            },
            uid: found.uid(),
            gid: found.gid(),
        })),
        Err(_) => ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|found| Some(user(found)))
            .ok_or(EmbeddedError::NoAccount),
    }
}

/// `path` made absolute, with the symlinks in that part of it that exists resolved.
fn canonical(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let existing = path.ancestors().find(|ancestor| ancestor.exists());
    let existing = existing.unwrap_or(Path::new("/"));
    let rest = path.strip_prefix(existing).map_err(io::Error::other)?;
    let resolved = existing.canonicalize()?;
    Ok(match rest.as_os_str().is_empty() {
        true => resolved,
        false => resolved.join(rest),
    })
}

/// Creates `path` and what is missing above it, for us alone, or as root for everybody to pass through, whatever the umask.
fn create_all(path: &Path) -> Result<(), EmbeddedError> {
    let mode = match Uid::effective().is_root() {
        true => 0o755,
        false => 0o700,
    };
    let missing: Vec<&Path> = path.ancestors().take_while(|it| !it.exists()).collect();
    for path in missing.into_iter().rev() {
        match fs::create_dir(path) {
            // Another process starting at the same moment has made it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => {
                created.doing("create", path)?;
                fs::set_permissions(path, Permissions::from_mode(mode)).doing("chmod", path)?;
            }
        }
    }
    Ok(())
}

/// Lets the server's account pass through a data directory of root's own (`mktemp -d` makes them 0700).
fn open_to_account(path: &Path) -> Result<(), EmbeddedError> {
    let found = fs::metadata(path).doing("read", path)?;
    if found.uid() == 0 && found.mode() & 0o111 != 0o111 {
        let mode = (found.mode() & 0o7777) | 0o111;
        fs::set_permissions(path, Permissions::from_mode(mode)).doing("chmod", path)?;
    }
    Ok(())
}
