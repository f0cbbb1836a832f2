//! Up and down: refinery's runner behind a lock, and the down migrations one by one.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config};

use crate::error::MigrateError;
use crate::history::{self, Drift, Entry};
use crate::list::{Migrations, Step, file_name};
use crate::session::Session;
use crate::target::{DownTo, Range, UpTo};
use crate::tls::Tls;
use crate::{apply, script};

/// Where a database stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The newest version applied; 0 before the first.
    pub current: i32,
    /// The newest version this program knows.
    pub latest: i32,
}

/// What an upgrade came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    pub position: Position,
    /// The files' names without the ending, in the order in which they were applied.
    pub applied: Vec<String>,
}

/// At the base nothing is left behind; whatever migrates next begins its history anew.
pub(crate) const FORGET_ALL: &str = "DROP TABLE IF EXISTS refinery_schema_history";

pub(crate) fn forget_sql(version: i32) -> String {
    format!("DELETE FROM refinery_schema_history WHERE version = {version}")
}

/// The role that serves may read which version the schema is at.
pub(crate) fn grant_history(role: &str) -> String {
    format!("GRANT SELECT ON refinery_schema_history TO {role}")
}

async fn may_read_history(client: &Client, role: &str) -> Result<bool, tokio_postgres::Error> {
    let sql = "SELECT has_table_privilege($1, 'public.refinery_schema_history', 'SELECT')";
    Ok(client.query_typed_one(sql, &[(&role, Type::NAME)]).await?.get(0))
}

impl Migrations {
    /// Where the database stands, as seen by `config`'s role.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn position(&self, config: &Config, tls: &Tls) -> Result<Position, MigrateError> {
        position(&Session::open(config, tls, self.program).await?.client, self.latest()).await
    }

    /// Applies what is missing up to `target`, as the owner, one transaction each. Several at once are fine: one
    /// applies, the others wait for it.
    ///
    /// # Errors
    /// When the database cannot be reached, `target` is not ahead, a migration fails (nothing of it remains), a lock is
    /// not to be had, or an applied one differs from what this program carries. Migrations of a newer program are not
    /// an error.
    pub async fn up(&self, owner: &Config, tls: &Tls, target: UpTo) -> Result<Upgrade, MigrateError> {
        for step in self.steps() {
            step.lone_statements()?;
        }
        let mut session = Session::migrating(owner, tls, self.program).await?;
        self.ensure_history_table(&mut session, owner, tls).await?;
        self.verify(&history::entries(&session.client, self).await?)?;
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
        let mut connection = self.connection(&mut session, owner, tls);
        let report = runner.run_async(&mut connection).await.map_err(|error| MigrateError::Run(Box::new(error)))?;
        let position = position(&session.client, self.latest()).await?;
        if let Some(role) = self.program.role
            && position.current > 0
            && !may_read_history(&session.client, role).await?
        {
            session.client.batch_execute(&grant_history(role)).await?;
        }
        Ok(Upgrade { position, applied: report.applied_migrations().iter().map(file_name).collect() })
    }

    /// Makes sure that there is a history, and that it says by whom. Where there is, nothing is written, so that a database
    /// to which nothing is to be done may be one that takes no writes.
    async fn ensure_history_table(&self, session: &mut Session, owner: &Config, tls: &Tls) -> Result<(), MigrateError> {
        let lacking = "-- lacking_history
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
        let made = self.connection(session, owner, tls).transaction(statements).await;
        made.map_err(|source| MigrateError::HistoryTable { source })
    }

    /// The applied migrations that [`Migrations::down`] would go down from, in its order. Leaves everything as it is.
    ///
    /// # Errors
    /// When `target` is not behind, or one has no down migration or was edited since.
    pub async fn down_steps(&self, owner: &Config, tls: &Tls, target: DownTo) -> Result<Vec<&Step>, MigrateError> {
        self.steps_beyond(&Session::open(owner, tls, self.program).await?.client, target).await
    }

    /// Goes down to `target`, newest migration first, one transaction each.
    ///
    /// # Errors
    /// As [`Migrations::down_steps`], before anything is touched; and when one fails: those before it have gone.
    pub async fn down(&self, owner: &Config, tls: &Tls, target: DownTo) -> Result<Position, MigrateError> {
        self.downgrade(owner, tls, target, None).await
    }

    /// [`Migrations::down`], if that still goes down from the `planned` versions.
    ///
    /// # Errors
    /// As it, and when others have migrated since the plan was made; nothing is touched then.
    pub async fn down_as_planned(
        &self,
        owner: &Config,
        tls: &Tls,
        target: DownTo,
        planned: &[i32],
    ) -> Result<Position, MigrateError> {
        self.downgrade(owner, tls, target, Some(planned)).await
    }

    async fn downgrade(
        &self,
        owner: &Config,
        tls: &Tls,
        target: DownTo,
        planned: Option<&[i32]>,
    ) -> Result<Position, MigrateError> {
        let mut session = Session::migrating(owner, tls, self.program).await?;
        let steps = self.steps_beyond(&session.client, target).await?;
        if planned.is_some_and(|planned| !planned.iter().copied().eq(steps.iter().map(|step| step.version()))) {
            return Err(MigrateError::Target(
                "others have migrated since the plan was made; nothing was touched".into(),
            ));
        }
        for step in steps {
            let forget = forget_sql(step.version());
            let gone = self.connection(&mut session, owner, tls).transaction(&[step.down_sql()?, &forget]).await;
            gone.map_err(|source| MigrateError::Down { file: step.file_name(), source })?;
        }
        let position = position(&session.client, self.latest()).await?;
        if position.current == 0 {
            let forgotten = self.connection(&mut session, owner, tls).transaction(&[FORGET_ALL]).await;
            forgotten.map_err(|source| MigrateError::HistoryTable { source })?;
        }
        Ok(position)
    }

    /// Everything applied and everything pending, oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn history(&self, config: &Config, tls: &Tls) -> Result<Vec<Entry>, MigrateError> {
        history::entries(&Session::open(config, tls, self.program).await?.client, self).await
    }

    /// A script for psql that does what `up` or `down` would do.
    ///
    /// # Errors
    /// When there is no such way.
    pub fn script(&self, range: Range) -> Result<String, MigrateError> {
        script::script(self, range)
    }

    /// The applied migrations beyond `target`, newest first, each with its down migration.
    async fn steps_beyond(&self, client: &Client, target: DownTo) -> Result<Vec<&Step>, MigrateError> {
        let mut entries = history::entries(client, self).await?;
        entries.retain(Entry::is_applied);
        let version = target.version(&entries)?;
        entries.retain(|entry| entry.version > version);
        self.verify(&entries)?;
        let down_step = |entry: &Entry| match self.step(entry.version) {
            Some(step) if entry.drift == Drift::None => step.down_sql().map(|_| step),
            _ => Err(MigrateError::NoDownMigration(entry.file_name())),
        };
        entries.iter().rev().map(down_step).collect()
    }

    fn connection<'a>(&self, session: &'a mut Session, config: &'a Config, tls: &'a Tls) -> apply::Connection<'a> {
        apply::Connection { session, patience: self.patience, config, tls, program: self.program }
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
