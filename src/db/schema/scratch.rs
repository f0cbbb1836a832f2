//! Databases to throw away: migrations are applied to them, and what they make is looked at.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use tempfile::TempDir;
use tokio_postgres::{Client, Config};
use uuid::Uuid;

use super::{Snapshot, connect};
use crate::db::embedded::{EmbeddedOptions, EmbeddedServer};
use crate::db::tls;

/// What scratch databases are called, and the class of the advisory lock that says that somebody still uses one.
const PREFIX: &str = "lekalo_scratch_";
const IN_USE: i32 = 0x6c65_6b61;

/// A server on which databases are made for a moment. [`Scratch::close`] removes them; those of a program that was killed
/// go with the next one's.
pub struct Scratch {
    admin: Client,
    config: Config,
    mode: tls::Mode,
    made: Vec<String>,
    embedded: Option<(EmbeddedServer, TempDir)>,
}

impl Scratch {
    /// On the same server as a database if its role may create databases, else on a private one.
    ///
    /// # Errors
    /// When the server cannot be reached, or there is none to be private.
    pub async fn beside_or_embedded(config: &Config, mode: tls::Mode, pg_bin: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(scratch) = Self::beside(config, mode).await? {
            return Ok(scratch);
        }
        let role = config.get_user().unwrap_or("postgres");
        Self::embedded(pg_bin).await.with_context(|| {
            format!("the role `{role}` may not create databases, and here no private server can be started instead")
        })
    }

    /// On the same server as a database. None: its role may not create databases.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn beside(config: &Config, mode: tls::Mode) -> anyhow::Result<Option<Self>> {
        let admin = connect(config, mode).await?;
        let may = "-- may_create_databases
            SELECT rolsuper OR rolcreatedb AS may FROM pg_roles WHERE rolname = current_user";
        let may: bool = admin.query_one(may, &[]).await?.try_get("may")?;
        if !may {
            return Ok(None);
        }
        drop_abandoned(&admin).await?;
        Ok(Some(Self { admin, config: config.clone(), mode, made: Vec::new(), embedded: None }))
    }

    /// On a private server of its own, which needs PostgreSQL's programs (`pg_bin`: where) on this machine.
    ///
    /// # Errors
    /// When there are none, or they do not run.
    pub async fn embedded(pg_bin: Option<PathBuf>) -> anyhow::Result<Self> {
        // The server's account has to get in where root starts it.
        let folder = tempfile::Builder::new().prefix("lekalo-").permissions(Permissions::from_mode(0o755)).tempdir()?;
        let options = EmbeddedOptions {
            data_dir: Some(folder.path().join("scratch")),
            pg_bin,
            database: "postgres".into(),
            ..EmbeddedOptions::default()
        };
        let server = EmbeddedServer::start(&options).await?;
        let (config, mode) = (server.config(), tls::Mode::Disable);
        let admin = connect(&config, mode).await?;
        Ok(Self { admin, config, mode, made: Vec::new(), embedded: Some((server, folder)) })
    }

    /// Whether it is a server of its own.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// How its databases are connected to.
    pub fn mode(&self) -> tls::Mode {
        self.mode
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn database(&mut self) -> anyhow::Result<Config> {
        let name = format!("{PREFIX}{}", Uuid::now_v7().simple());
        self.admin.query_one("SELECT pg_advisory_lock($1, hashtext($2))", &[&IN_USE, &name]).await?;
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        self.admin.batch_execute(&create).await.context("cannot make a scratch database")?;
        let mut config = self.config.clone();
        config.dbname(&name);
        self.made.push(name);
        Ok(config)
    }

    /// A connection to one of its databases.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn connect(&self, database: &Config) -> anyhow::Result<Client> {
        connect(database, self.mode).await
    }

    /// Applies a script as one transaction.
    ///
    /// # Errors
    /// When it is refused; `name` is what it is called then.
    pub async fn apply(&self, database: &Config, name: &str, sql: &str) -> anyhow::Result<()> {
        self.connect(database)
            .await?
            .batch_execute(sql)
            .await
            .with_context(|| format!("{name} fails on a scratch database"))
    }

    /// A database's URL, for programs that take one; empty on a server that is not its own.
    pub fn url(&self, database: &Config) -> String {
        let name = database.get_dbname().unwrap_or("postgres");
        self.embedded.as_ref().map(|(server, _)| server.url_of(name)).unwrap_or_default()
    }

    /// What one of its databases came to.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn snapshot(&self, database: &Config) -> anyhow::Result<Snapshot> {
        Ok(Snapshot::of(database, self.mode).await?.with_plain_app_role())
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

/// Drops the databases whose makers are gone. One that cannot be dropped is left to its owner.
async fn drop_abandoned(admin: &Client) -> Result<(), tokio_postgres::Error> {
    let abandoned = "-- abandoned_scratch_databases
        SELECT datname FROM pg_database
        WHERE starts_with(datname, $1) AND pg_has_role(datdba, 'USAGE') AND NOT EXISTS (
            SELECT FROM pg_locks
            WHERE locktype = 'advisory' AND objsubid = 2 AND classid = $2::int::oid
                AND objid = (hashtext(datname)::bigint & 4294967295)::oid
        )";
    for row in admin.query(abandoned, &[&PREFIX, &IN_USE]).await? {
        let name: String = row.try_get("datname")?;
        // Others may be doing the same.
        let _ = admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await;
    }
    Ok(())
}
