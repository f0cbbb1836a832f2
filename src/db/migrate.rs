//! Migrations: refinery's runner behind a lock, and the way back.
//!
//! The next migration is a pair of files in `migrations/`: `V<n>__name.sql` and `V<n>__name.down.sql`. Landed files
//! never change: `migrations/frozen.sha256` lists all but the newest, and a test compares.
//!
//! A migration is one transaction, which waits for a lock for [`Patience::lock_timeout`] at most and then tries again: a
//! waiting ALTER TABLE stops everybody who comes after it. What cannot run in a transaction (CREATE INDEX CONCURRENTLY)
//! goes into a file whose first line is `-- no-transaction`: its statements run one by one, each of them safe to repeat
//! (`IF [NOT] EXISTS`), for a run that is killed begins anew; an index left half-built is dropped first. The way back is
//! always one transaction.

mod apply;
mod blocked;
pub mod history;
mod list;
mod script;
pub(super) mod session;
pub(super) mod statements;
mod target;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use self::history::Drift;
use self::session::Session;
use super::tls;

pub use self::apply::{ApplyError, Patience};
pub use self::history::Entry;
pub use self::list::{Migrations, Step, file_name, migrations};
pub use self::target::{DownTo, Range, UpTo};

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
    #[error("{0} has no way back in this program")]
    NoWayBack(String),
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
    #[error("the history of migrations is not to be had: {}", super::failure::chain(.source))]
    Books { source: ApplyError },
    #[error(
        "no second connection was to be had within {} s: a pooler that hands out whole sessions has too few of them",
        session::SECOND_CONNECTION.as_secs()
    )]
    PoolerFull,
    #[error("the way back from {file} failed: {}", super::failure::chain(.source))]
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

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Pooler | Self::PoolerFull => Some("give the server's own address in LEKALO_OWNER_DATABASE_URL"),
            Self::Edited(_) => Some(
                "take the program that applied it, or restore the file; `lekalo migrate history -v` shows which \
                 migrations differ",
            ),
            Self::Skipped(_) => Some("`lekalo migrate history -v` shows what is applied"),
            Self::NoWayBack(_) => Some("take the program that applied it: it has the way back"),
            Self::Target(_) => Some("`lekalo migrate history` lists the versions"),
            _ if self.is_blocked() => {
                Some("let it end, or end it with SELECT pg_terminate_backend(PROCESS), and run the migration again")
            }
            _ if self.is_of_a_script() => Some(
                "nothing of it remains, what came before it stays: `lekalo migrate history` says where the database is",
            ),
            _ => None,
        }
    }

    /// Whether somebody held a lock for longer than a migration waits.
    fn is_blocked(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        std::iter::from_fn(|| {
            let current = cause?;
            cause = current.source();
            Some(current)
        })
        .any(|cause| matches!(cause.downcast_ref(), Some(ApplyError::Blocked { .. })))
    }
}

/// What an upgrade came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    pub position: Position,
    /// The files' names without the ending, in the order in which they were applied.
    pub applied: Vec<String>,
}

/// Applies what is missing, as the owner. Several at once are fine: one applies, the others wait for it.
///
/// # Errors
/// As [`Migrations::up`].
pub async fn up(owner: &Config, mode: tls::Mode) -> Result<Upgrade, MigrateError> {
    Migrations::shipped().up(owner, mode, UpTo::Head).await
}

/// Undoes migrations newer than `version`, newest first, one transaction each.
///
/// # Errors
/// As [`Migrations::down`].
pub async fn down(owner: &Config, mode: tls::Mode, version: i32) -> Result<Position, MigrateError> {
    Migrations::shipped().down(owner, mode, DownTo::Version(version)).await
}

/// Where the database stands, as seen by `config`'s role.
///
/// # Errors
/// When the database cannot be reached.
pub async fn current(config: &Config, mode: tls::Mode) -> Result<Position, MigrateError> {
    position(&Session::open(config, mode).await?.client, Migrations::shipped().latest()).await
}

const GRANT_HISTORY: &str = "GRANT SELECT ON refinery_schema_history TO lekalo_app";

const MAY_READ_HISTORY: &str = "SELECT has_table_privilege('lekalo_app', 'public.refinery_schema_history', 'SELECT')";

/// At the base nothing is left behind; whatever migrates next begins its books anew.
const FORGET_ALL: &str = "DROP TABLE IF EXISTS refinery_schema_history";

fn forget_sql(version: i32) -> String {
    format!("DELETE FROM refinery_schema_history WHERE version = {version}")
}

impl Migrations {
    /// Applies what is missing up to `target`, as the owner, one transaction each. Several at once are fine: one
    /// applies, the others wait for it.
    ///
    /// # Errors
    /// When the database cannot be reached, `target` is not ahead, a migration fails (nothing of it remains), a lock is
    /// not to be had, or an applied one differs from what this program carries. Migrations of a newer program are not
    /// an error.
    pub async fn up(&self, owner: &Config, mode: tls::Mode, target: UpTo) -> Result<Upgrade, MigrateError> {
        for step in self.steps() {
            step.lone_statements()?;
        }
        let mut session = Session::migrating(owner, mode).await?;
        self.keep_books(&mut session, owner, mode).await?;
        history::verify(&history::entries(&session.client, self).await?, self)?;
        let current = position(&session.client, self.latest()).await?.current;
        let version = match target {
            UpTo::Head => self.latest(),
            target => target.version(current, self)?,
        };
        // A newer program's migrations are not missing to an older replica that restarts during a rollout.
        let runner = refinery::Runner::new(&self.unapplied())
            .set_abort_missing(false)
            .set_abort_divergent(true)
            .set_target(refinery::Target::Version(version));
        let mut connection = self.connection(&mut session, owner, mode);
        let report = runner.run_async(&mut connection).await.map_err(|error| MigrateError::Run(Box::new(error)))?;
        let position = position(&session.client, self.latest()).await?;
        if position.current > 0 && !session.client.query_typed_one(MAY_READ_HISTORY, &[]).await?.get::<_, bool>(0) {
            session.client.batch_execute(GRANT_HISTORY).await?;
        }
        Ok(Upgrade { position, applied: report.applied_migrations().iter().map(file_name).collect() })
    }

    /// Makes sure that there is a history, and that it says by whom. Where there is, nothing is written, so that a database
    /// to which nothing is to be done may be one that takes no writes.
    async fn keep_books(&self, session: &mut Session, owner: &Config, mode: tls::Mode) -> Result<(), MigrateError> {
        let lacking = "-- lacking_books
            SELECT to_regclass('public.refinery_schema_history') IS NULL, NOT EXISTS (
                SELECT FROM pg_attribute
                WHERE attrelid = to_regclass('public.refinery_schema_history') AND attname = 'applied_by' AND NOT attisdropped
            )";
        let lacking = session.client.query_typed_one(lacking, &[]).await?;
        let statements: &[&str] = match (lacking.get(0), lacking.get(1)) {
            (true, _) => &[apply::HISTORY_TABLE],
            (false, true) => &[apply::APPLIED_BY],
            (false, false) => return Ok(()),
        };
        let kept = self.connection(session, owner, mode).transaction(statements).await;
        kept.map_err(|source| MigrateError::Books { source })
    }

    /// The applied migrations that [`Migrations::down`] would undo, in its order. Leaves everything as it is.
    ///
    /// # Errors
    /// When `target` is not behind, or one has no way back or was edited since.
    pub async fn way_back(&self, owner: &Config, mode: tls::Mode, target: DownTo) -> Result<Vec<&Step>, MigrateError> {
        self.steps_back(&Session::open(owner, mode).await?.client, target).await
    }

    /// Undoes migrations down to `target`, newest first, one transaction each.
    ///
    /// # Errors
    /// As [`Migrations::way_back`], before anything is touched; and when one fails: those before it stay undone.
    pub async fn down(&self, owner: &Config, mode: tls::Mode, target: DownTo) -> Result<Position, MigrateError> {
        self.undo(owner, mode, target, None).await
    }

    /// [`Migrations::down`], if that still undoes the `planned` versions.
    ///
    /// # Errors
    /// As it, and when others have migrated since the plan was made; nothing is touched then.
    pub async fn down_as_planned(
        &self,
        owner: &Config,
        mode: tls::Mode,
        target: DownTo,
        planned: &[i32],
    ) -> Result<Position, MigrateError> {
        self.undo(owner, mode, target, Some(planned)).await
    }

    async fn undo(
        &self,
        owner: &Config,
        mode: tls::Mode,
        target: DownTo,
        planned: Option<&[i32]>,
    ) -> Result<Position, MigrateError> {
        let mut session = Session::migrating(owner, mode).await?;
        let steps = self.steps_back(&session.client, target).await?;
        if planned.is_some_and(|planned| !planned.iter().copied().eq(steps.iter().map(|step| step.version()))) {
            return Err(MigrateError::Target(
                "others have migrated since the plan was made; nothing was touched".into(),
            ));
        }
        for step in steps {
            let forget = forget_sql(step.version());
            let undone = self.connection(&mut session, owner, mode).transaction(&[step.down_sql()?, &forget]).await;
            undone.map_err(|source| MigrateError::Down { file: step.file_name(), source })?;
        }
        let position = position(&session.client, self.latest()).await?;
        if position.current == 0 {
            let forgotten = self.connection(&mut session, owner, mode).transaction(&[FORGET_ALL]).await;
            forgotten.map_err(|source| MigrateError::Books { source })?;
        }
        Ok(position)
    }

    /// Everything applied and everything pending, oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn history(&self, config: &Config, mode: tls::Mode) -> Result<Vec<Entry>, MigrateError> {
        history::entries(&Session::open(config, mode).await?.client, self).await
    }

    /// A script for psql that does what `up` or `down` would do.
    ///
    /// # Errors
    /// When there is no such way.
    pub fn script(&self, range: Range) -> Result<String, MigrateError> {
        script::script(self, range)
    }

    /// The applied migrations beyond `target`, newest first, each with its way back.
    async fn steps_back(&self, client: &Client, target: DownTo) -> Result<Vec<&Step>, MigrateError> {
        let mut entries = history::entries(client, self).await?;
        entries.retain(Entry::is_applied);
        let version = target.version(&entries)?;
        entries.retain(|entry| entry.version > version);
        history::verify(&entries, self)?;
        let way_back = |entry: &Entry| match self.step(entry.version) {
            Some(step) if entry.drift == Drift::None => step.down_sql().map(|_| step),
            _ => Err(MigrateError::NoWayBack(entry.file_name())),
        };
        entries.iter().rev().map(way_back).collect()
    }

    fn connection<'a>(&self, session: &'a mut Session, config: &'a Config, tls: tls::Mode) -> apply::Connection<'a> {
        apply::Connection { session, patience: self.patience, config, tls }
    }
}

async fn position(client: &Client, latest: i32) -> Result<Position, MigrateError> {
    // Unnamed statements: this may be asked through a pooler.
    let known = "SELECT to_regclass('public.refinery_schema_history') IS NOT NULL";
    let newest = "SELECT coalesce(max(version), 0)::int FROM public.refinery_schema_history";
    let known = client.query_typed_one(known, &[]).await?.get(0);
    let current = if known { client.query_typed_one(newest, &[]).await?.get(0) } else { 0 };
    Ok(Position { current, latest })
}
