//! Databases to throw away: migrations are applied to them, and what they make is looked at.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use lekalo_postgres::{EmbeddedOptions, EmbeddedServer, LOCK_FILE};
use tempfile::TempDir;
use tokio_postgres::{Client, Config};
use uuid::Uuid;

use crate::program::Program;
use crate::schema::{Snapshot, connect};
use crate::tls::{self, Tls};
use crate::{failure, leftovers};

/// The class of the advisory lock that says that somebody still uses a scratch database: any number that nobody else takes.
const IN_USE: i32 = 0x6c65_6b61;

/// What a private server's data is called in its folder.
const DATA: &str = "data";
/// A folder that is younger may not be in use yet.
const ABANDONED: Duration = Duration::from_secs(60);

/// There is nowhere to try something.
#[derive(Debug, thiserror::Error)]
#[error("{}", failure::chain(.0.as_ref()))]
pub struct Unavailable(pub anyhow::Error);

/// A server on which databases are made for a moment. [`Scratch::close`] removes them; those of a program that was killed
/// go with the next one's.
pub struct Scratch {
    admin: Client,
    config: Config,
    tls: Tls,
    program: Program,
    made: Vec<String>,
    /// Whose the databases are; none: whoever makes them.
    owner: Option<&'static str>,
    embedded: Option<(EmbeddedServer, TempDir)>,
}

impl Scratch {
    /// On the same server as a database if its role may create databases, else on a private one.
    ///
    /// # Errors
    /// When the server cannot be reached, or there is none to be private.
    pub async fn beside_or_embedded(
        config: &Config,
        tls: &Tls,
        pg_bin: Option<PathBuf>,
        program: Program,
    ) -> Result<Self, Unavailable> {
        Self::first_possible(config, tls, pg_bin, program).await.map_err(Unavailable)
    }

    async fn first_possible(
        config: &Config,
        tls: &Tls,
        pg_bin: Option<PathBuf>,
        program: Program,
    ) -> anyhow::Result<Self> {
        if let Some(scratch) = Self::beside(config, tls, program).await? {
            return Ok(scratch);
        }
        let role = config.get_user().unwrap_or("postgres");
        Self::embedded(pg_bin, program).await.with_context(|| {
            format!(
                "the role `{role}` may not create databases (ALTER ROLE {role} CREATEDB would let it), and here no \
                 private server can be started instead"
            )
        })
    }

    /// On the same server as a database. None: its role may not create databases.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn beside(config: &Config, tls: &Tls, program: Program) -> anyhow::Result<Option<Self>> {
        let admin = connect(config, tls, program).await?;
        let may = "-- may_create_databases
            SELECT rolsuper OR rolcreatedb AS may FROM pg_roles WHERE rolname = current_user";
        let may: bool = admin.query_one(may, &[]).await?.try_get("may")?;
        if !may {
            return Ok(None);
        }
        // Whatever the role's other work needs: this is a database of no consequence.
        admin.batch_execute("SET default_transaction_read_only = off; SET statement_timeout = 0").await?;
        drop_abandoned(&admin, &database_prefix(program)).await?;
        Ok(Some(Self {
            admin,
            config: config.clone(),
            tls: tls.clone(),
            program,
            made: Vec::new(),
            owner: None,
            embedded: None,
        }))
    }

    /// On a private server of its own, which needs PostgreSQL's programs (`pg_bin`: where) on this machine.
    ///
    /// # Errors
    /// When there are none, or they do not run.
    pub async fn embedded(pg_bin: Option<PathBuf>, program: Program) -> anyhow::Result<Self> {
        let prefix = format!("{}-scratch-", program.name);
        remove_abandoned(&tempfile::env::temp_dir(), &prefix);
        // The server's account has to get in where root starts it.
        let everybody = Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().prefix(&prefix).permissions(everybody).tempdir()?;
        let options = EmbeddedOptions {
            data_dir: Some(folder.path().join(DATA)),
            pg_bin,
            database: "postgres".into(),
            settings: vec![("autovacuum".into(), "off".into())],
            durable: false, // it is thrown away
            ..EmbeddedOptions::default()
        };
        let server = EmbeddedServer::start(&options).await?;
        let (config, tls) = (server.config(), tls::OFF.clone());
        let admin = connect(&config, &tls, program).await?;
        Ok(Self { admin, config, tls, program, made: Vec::new(), owner: None, embedded: Some((server, folder)) })
    }

    /// Gives the databases made from now on to a role that is no superuser, as whoever migrates need not be one.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn with_plain_owner(mut self, role: &'static str) -> anyhow::Result<Self> {
        self.admin.batch_execute(&format!("CREATE ROLE {role} LOGIN CREATEROLE")).await?;
        self.owner = Some(role);
        Ok(self)
    }

    /// The roles of the server.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) async fn roles(&self) -> anyhow::Result<BTreeSet<String>> {
        let rows = self.admin.query("SELECT rolname FROM pg_roles", &[]).await?;
        Ok(rows.iter().map(|row| row.try_get("rolname")).collect::<Result<_, _>>()?)
    }

    /// Whether it is a server of its own.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// How its databases are connected to.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn database(&mut self) -> anyhow::Result<Config> {
        let name = format!("{}{}", database_prefix(self.program), Uuid::now_v7().simple());
        self.admin.query_one("SELECT pg_advisory_lock($1, hashtext($2))", &[&IN_USE, &name]).await?;
        let mut create = format!("CREATE DATABASE {name} TEMPLATE template0");
        let mut config = self.config.clone();
        config.dbname(&name);
        if let Some(owner) = self.owner {
            create += &format!(" OWNER {owner}");
            config.user(owner);
        }
        // Whoever is interrupted may have made it.
        self.made.push(name);
        self.admin.batch_execute(&create).await.context("cannot make a scratch database")?;
        Ok(config)
    }

    /// A connection to one of its databases.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) async fn connect(&self, database: &Config) -> anyhow::Result<Client> {
        let client = connect(database, &self.tls, self.program).await?;
        client.batch_execute("SET statement_timeout = 0; SET search_path = public").await?;
        Ok(client)
    }

    /// Applies a script as one transaction.
    ///
    /// # Errors
    /// When it is refused; `name` is what it is called then.
    pub(crate) async fn apply(&self, database: &Config, name: &str, sql: &str) -> anyhow::Result<()> {
        self.connect(database)
            .await?
            .batch_execute(sql)
            .await
            .with_context(|| format!("{name} fails on a scratch database"))
    }

    /// A database's URL, for programs that take one, as a superuser; empty on a server that is not its own.
    pub(crate) fn url(&self, database: &Config) -> String {
        let name = database.get_dbname().unwrap_or("postgres");
        self.embedded.as_ref().map(|(server, _)| server.url_of(name)).unwrap_or_default()
    }

    /// What one of its databases came to.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn snapshot(&self, database: &Config) -> anyhow::Result<Snapshot> {
        Ok(Snapshot::of(database, &self.tls, self.program).await?.with_plain_role(self.program.role))
    }

    /// Removes the databases, and the server if it is of its own.
    ///
    /// # Errors
    /// When a database cannot be dropped, or the server does not stop.
    pub async fn close(self) -> anyhow::Result<()> {
        if let Some((server, _folder)) = self.embedded {
            return Ok(server.stop().await?);
        }
        for name in &self.made {
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            self.admin
                .batch_execute(&drop)
                .await
                .with_context(|| format!("cannot drop the scratch database {name}"))?;
        }
        Ok(())
    }
}

/// What scratch databases are called.
fn database_prefix(program: Program) -> String {
    format!("{}_scratch_", program.name)
}

/// Drops the databases whose makers are gone. One that cannot be dropped is left to its owner.
async fn drop_abandoned(admin: &Client, prefix: &str) -> Result<(), tokio_postgres::Error> {
    let abandoned = "-- abandoned_scratch_databases
        SELECT quote_ident(datname) AS datname FROM pg_database
        WHERE datname ~ ('^' || $1 || '[0-9a-f]{32}$') AND pg_has_role(datdba, 'USAGE') AND NOT EXISTS (
            SELECT FROM pg_locks
            WHERE locktype = 'advisory' AND objsubid = 2 AND classid = $2::int::oid
                AND objid = (hashtext(datname)::bigint & 4294967295)::oid
        )";
    for row in admin.query(abandoned, &[&prefix, &IN_USE]).await? {
        let name: String = row.try_get("datname")?;
        // Others may be doing the same.
        let _ = admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await;
    }
    Ok(())
}

/// Removes the folders of private servers whose owners are gone: an owner holds a lock as long as it lives. Whatever else is
/// called like one stays.
fn remove_abandoned(folder: &Path, prefix: &str) {
    for (found, _) in leftovers::find(folder, prefix, ABANDONED).filter(|(_, metadata)| metadata.is_dir()) {
        let path = found.join(DATA).join(LOCK_FILE);
        let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        if let Some(lock) = is_file.then(|| File::open(&path).ok()).flatten()
            && lock.try_lock().is_ok()
        {
            // It is held meanwhile.
            let _ = std::fs::remove_dir_all(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// A private server's folder of this age, and its lock.
    fn folder(home: &Path, name: &str, age: Duration) -> (PathBuf, File) {
        let folder = home.join(name);
        std::fs::create_dir_all(folder.join(DATA)).unwrap();
        let lock = File::create(folder.join(DATA).join(LOCK_FILE)).unwrap();
        File::open(&folder).unwrap().set_modified(SystemTime::now() - age).unwrap();
        (folder, lock)
    }

    #[test]
    fn only_what_is_old_and_held_by_nobody_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let old = ABANDONED * 2;
        let (abandoned, _) = folder(home.path(), "example-scratch-abandoned", old);
        let (held, lock) = folder(home.path(), "example-scratch-held", old);
        lock.lock().unwrap();
        let (young, _) = folder(home.path(), "example-scratch-young", ABANDONED / 2);
        let (others, _) = folder(home.path(), "somebodys-scratch-old", old);
        let (lockless, _) = folder(home.path(), "example-scratch-lockless", old);
        std::fs::remove_file(lockless.join(DATA).join(LOCK_FILE)).unwrap();
        let link = home.path().join("example-scratch-link");
        std::os::unix::fs::symlink(&others, &link).unwrap();
        remove_abandoned(home.path(), "example-scratch-");
        let there = [&abandoned, &held, &young, &others, &lockless, &link].map(|path| path.exists());
        assert_eq!(there, [false, true, true, true, true, true]);
        assert!(others.join(DATA).join(LOCK_FILE).exists());
    }
}
