//! Migrations: refinery's runner behind a lock, and the way back.
//!
//! The next migration is a pair of files in `migrations/`: `V<n>__name.sql` and `V<n>__name.down.sql`. Landed files
//! never change.

use std::time::Duration;

use include_dir::{Dir, include_dir};
use refinery::{Migration, Runner};
use tokio_postgres::{Client, Config};

use super::tls;

mod embedded {
    refinery::embed_migrations!("migrations");
}

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

/// Any number, as long as every Lekalo uses the same.
const LOCK: i64 = 0x6c65_6b61_6c6f;
const LOCK_POLL: Duration = Duration::from_millis(100);

/// Where a database stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The newest version applied; 0 before the first.
    pub current: i32,
    /// The newest version this program knows.
    pub latest: i32,
}

/// What went wrong with a migration.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("cannot connect to the database to migrate it")]
    Connect(#[source] tokio_postgres::Error),
    #[error("cannot set up TLS")]
    Tls(#[source] anyhow::Error),
    #[error("migration failed: {}", super::failure::chain(.0))]
    Run(#[source] Box<refinery::Error>),
    #[error("migration V{0} has no .down.sql")]
    NoWayBack(i32),
    #[error("the way back from V{version} failed")]
    Down { version: i32, source: tokio_postgres::Error },
    #[error("the database did not answer")]
    Database(#[from] tokio_postgres::Error),
}

/// Every migration this program carries, oldest first.
pub fn migrations() -> Vec<Migration> {
    let mut all = embedded::migrations::runner().get_migrations().clone();
    all.sort();
    all
}

/// A migration's file name without the ending: `V1__reference`.
pub fn file_name(migration: &Migration) -> String {
    format!("V{}__{}", migration.version(), migration.name())
}

/// The SQL that undoes a migration.
pub fn down_sql(migration: &Migration) -> Option<&'static str> {
    FILES.get_file(format!("{}.down.sql", file_name(migration)))?.contents_utf8()
}

/// Applies what is missing, as the owner. Several at once are fine: one applies, the others wait for it.
///
/// # Errors
/// When the database cannot be reached, a migration fails (nothing of it remains), or an applied one differs from
/// what this program carries. Migrations of a newer program are not an error.
pub async fn up(owner: &Config, mode: tls::Mode) -> Result<Position, MigrateError> {
    let lock = Session::open(owner, mode).await?;
    lock.acquire().await?;
    let mut session = Session::open(owner, mode).await?;
    runner().run_async(&mut session.client).await.map_err(|error| MigrateError::Run(Box::new(error)))?;
    session.client.batch_execute("GRANT SELECT ON refinery_schema_history TO lekalo_app").await?;
    position(&session.client).await
}

/// Undoes migrations newer than `version`, newest first, one transaction each.
///
/// # Errors
/// When one has no way back (checked before anything is touched) or it fails; those before it stay undone.
pub async fn down(owner: &Config, mode: tls::Mode, version: i32) -> Result<Position, MigrateError> {
    let lock = Session::open(owner, mode).await?;
    lock.acquire().await?;
    let mut session = Session::open(owner, mode).await?;
    let current = position(&session.client).await?.current;
    let mut steps = Vec::new();
    for migration in migrations().iter().rev().filter(|m| m.version() > version && m.version() <= current) {
        let version = migration.version();
        steps.push((version, down_sql(migration).ok_or(MigrateError::NoWayBack(version))?));
    }
    for (version, sql) in steps {
        let failed = |source| MigrateError::Down { version, source };
        let transaction = session.client.transaction().await.map_err(failed)?;
        transaction.batch_execute(sql).await.map_err(failed)?;
        transaction
            .execute("DELETE FROM refinery_schema_history WHERE version = $1", &[&version])
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
    }
    position(&session.client).await
}

/// Where the database stands, as seen by `config`'s role.
///
/// # Errors
/// When the database cannot be reached.
pub async fn current(config: &Config, mode: tls::Mode) -> Result<Position, MigrateError> {
    position(&Session::open(config, mode).await?.client).await
}

async fn position(client: &Client) -> Result<Position, MigrateError> {
    let latest = migrations().last().map_or(0, Migration::version);
    let known = client.query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL", &[]).await?;
    let current = if known.get::<_, bool>(0) {
        client.query_one("SELECT coalesce(max(version), 0)::int FROM refinery_schema_history", &[]).await?.get(0)
    } else {
        0
    };
    Ok(Position { current, latest })
}

fn runner() -> Runner {
    // A newer program's migrations are not missing to an older replica that restarts during a rollout.
    embedded::migrations::runner().set_abort_missing(false).set_abort_divergent(true)
}

/// A connection as the owner, outside the pool.
struct Session {
    client: Client,
    driver: tokio::task::JoinHandle<()>,
}

impl Session {
    async fn open(config: &Config, mode: tls::Mode) -> Result<Self, MigrateError> {
        let mut config = config.clone();
        config.application_name("lekalo migrate").connect_timeout(Duration::from_secs(5));
        let connector = tls::connector(mode, &mut config).map_err(MigrateError::Tls)?;
        let (client, connection) = config.connect(connector).await.map_err(MigrateError::Connect)?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the migration's connection broke");
            }
        });
        Ok(Self { client, driver })
    }

    /// Polls: a session that blocks in `pg_advisory_lock` would deadlock with CREATE INDEX CONCURRENTLY.
    /// The lock goes with the session, however it ends.
    async fn acquire(&self) -> Result<(), MigrateError> {
        loop {
            let row = self.client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?;
            if row.get(0) {
                return Ok(());
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_has_a_way_back() {
        let all = migrations();
        assert!(!all.is_empty());
        for migration in &all {
            assert!(down_sql(migration).is_some(), "{} has no .down.sql", file_name(migration));
        }
        let versions: Vec<i32> = all.iter().map(Migration::version).collect();
        assert_eq!(versions, (1..=all.len() as i32).collect::<Vec<_>>(), "versions have no gaps");
    }
}
