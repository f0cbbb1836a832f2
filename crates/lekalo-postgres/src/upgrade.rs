//! Moving a data directory to a newer major version of PostgreSQL: a new cluster is made beside the old one, whoever calls
//! us carries the rows over, then the two change places. The old one stays beside it.
//!
//! ```text
//! <data dir>/upgrade/        the data directory of the new cluster while it is made
//! <data dir>/pgdata.15       the old cluster, afterwards
//! ```
//!
//! The old server takes no writes meanwhile, and our lock is held from before its start until the end. The move of the old
//! cluster is what decides: before it nothing has changed, and where the second move is cut off the next start makes it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{
    EmbeddedError, EmbeddedOptions, EmbeddedServer, IoContext, blocking, connect, data_dir::DataDir, data_home, locate,
};

/// The folder of the new cluster.
const FOLDER: &str = "upgrade";

/// Both servers, while the rows are carried over.
pub struct Upgrade {
    pub old: EmbeddedServer,
    pub new: EmbeddedServer,
    /// Major versions.
    pub from: u32,
    pub to: u32,
}

impl Upgrade {
    /// Starts the old cluster of `options`, for reading, and an empty one of the newest version there is.
    ///
    /// # Errors
    /// When there is no cluster, no newer version, somebody else serves the folder, or there is more in it than the one
    /// database.
    pub async fn begin(options: &EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let home = data_home();
        let path = match &options.data_dir {
            Some(path) => path.clone(),
            None => home.as_ref().map(|home| home.join("default")).map_err(|_| EmbeddedError::NoHome)?,
        };
        let dir = if path.exists() {
            blocking(move || DataDir::prepare(&path)).await?
        } else {
            DataDir { path, account: None }
        };
        let from = dir.major().ok_or_else(|| EmbeddedError::NoCluster { path: dir.path.clone() })?;
        let explicit = options.pg_bin.clone();
        let newest = move || Ok(locate::newest(explicit.as_deref(), home.ok().as_deref()));
        let newest = blocking(newest).await?.filter(|found| found.major > from);
        let newest = newest.ok_or_else(|| EmbeddedError::NothingNewer { path: dir.path.clone(), major: from })?;
        let kept = kept(&dir.path, from);
        if kept.exists() {
            return Err(EmbeddedError::UpgradedBefore { path: kept });
        }
        let old = EmbeddedOptions {
            data_dir: Some(dir.path.clone()),
            // What was named may be the new version.
            pg_bin: options.pg_bin.clone().filter(|bin| locate::probe(bin).is_ok_and(|found| found.major == from)),
            settings: [&options.settings[..], &[("default_transaction_read_only".into(), "on".into())]].concat(),
            ..options.clone()
        };
        let old = EmbeddedServer::start(&old).await?;
        if !old.is_owner() {
            return Err(EmbeddedError::InUse { path: dir.path });
        }
        let others = old.other_databases().await?;
        if !others.is_empty() {
            old.stop().await?;
            return Err(EmbeddedError::OtherDatabases { path: dir.path, others });
        }
        let beside = dir.path.join(FOLDER);
        clear(&beside)?;
        let new = EmbeddedOptions { data_dir: Some(beside), pg_bin: Some(newest.dir), ..options.clone() };
        Ok(Self { new: EmbeddedServer::start(&new).await?, old, from, to: newest.major })
    }

    /// A place for files that are gone afterwards.
    pub fn scratch(&self) -> &Path {
        self.new.data_dir()
    }

    /// Stops both and lets them change places. Returns where the old cluster is kept.
    ///
    /// # Errors
    /// When one does not stop or cannot be moved.
    pub async fn finish(self) -> Result<PathBuf, EmbeddedError> {
        let Self { mut old, new, from, .. } = self;
        new.stop().await?;
        old.halt().await?;
        let (dir, kept) = (&old.dir, kept(&old.dir.path, from));
        fs::rename(dir.pgdata(), &kept).doing("rename", &dir.pgdata())?;
        complete(dir)?;
        Ok(kept)
    }

    /// Stops both; everything stays as it was.
    ///
    /// # Errors
    /// When one does not stop.
    pub async fn abandon(self) -> Result<(), EmbeddedError> {
        let beside = self.new.data_dir().to_owned();
        self.new.stop().await?;
        clear(&beside)?;
        self.old.stop().await
    }
}

impl EmbeddedServer {
    async fn other_databases(&self) -> Result<Vec<String>, EmbeddedError> {
        let ask = async {
            let sql = "SELECT datname::text FROM pg_database WHERE NOT datistemplate AND datname NOT IN ('postgres', $1) ORDER BY 1";
            connect(&self.running).await?.query(sql, &[&self.database]).await
        };
        let rows = ask.await.map_err(|source| EmbeddedError::Database { database: self.database.clone(), source })?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

/// Puts a new cluster into the place that the old one has left: the end of an upgrade, be it one that was cut off there.
pub(crate) fn complete(dir: &DataDir) -> Result<(), EmbeddedError> {
    let beside = dir.path.join(FOLDER);
    let new = beside.join("pgdata");
    if dir.pgdata().exists() || !new.exists() {
        return Ok(());
    }
    fs::rename(&new, dir.pgdata()).doing("rename", &new)?;
    File::open(&dir.path).and_then(|folder| folder.sync_all()).doing("sync", &dir.path)?;
    clear(&beside)
}

fn clear(folder: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).doing("remove", folder),
        _ => Ok(()),
    }
}

fn kept(data_dir: &Path, major: u32) -> PathBuf {
    data_dir.join(format!("pgdata.{major}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data directory with these folders in it.
    fn with(folders: &[&str]) -> (tempfile::TempDir, DataDir) {
        let home = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir_all(home.path().join(folder)).unwrap();
            fs::write(home.path().join(folder).join("PG_VERSION"), folder).unwrap();
        }
        let path = home.path().to_owned();
        (home, DataDir { path, account: None })
    }

    #[test]
    fn an_upgrade_that_was_cut_off_between_its_moves_is_completed_and_no_other() {
        let (_home, cut_off) = with(&["pgdata.15", "upgrade/pgdata"]);
        complete(&cut_off).unwrap();
        assert_eq!(fs::read_to_string(cut_off.pgdata().join("PG_VERSION")).unwrap(), "upgrade/pgdata");
        assert!(!cut_off.path.join(FOLDER).exists() && cut_off.path.join("pgdata.15").exists());

        let (_home, before) = with(&["pgdata", "upgrade/pgdata"]);
        complete(&before).unwrap();
        assert_eq!(fs::read_to_string(before.pgdata().join("PG_VERSION")).unwrap(), "pgdata");
    }
}
