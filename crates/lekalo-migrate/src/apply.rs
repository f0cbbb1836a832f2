//! The connection that refinery migrates through: one transaction per migration, which waits for its locks in short
//! tries, so that nobody queues behind it; or, where a migration asks for it, statement by statement without one.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use refinery::{AsyncMigrate, Migration};
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;

use crate::history::{self, HistoryError};
use crate::lock_holders::{LockHolder, lock_holders};
use crate::program::Program;
use crate::session::Session;
use crate::statements::{self, Statement};
use crate::tls::Tls;

/// refinery's history table, with a column of our own: who applied it.
pub(crate) const HISTORY_TABLE: &str = "CREATE TABLE IF NOT EXISTS refinery_schema_history (
    version INT4 PRIMARY KEY,
    name VARCHAR(255),
    applied_on VARCHAR(255),
    checksum VARCHAR(255),
    applied_by TEXT DEFAULT session_user
)";

/// A history that was begun without the column, or lost it to a down migration, knows from now on.
pub(crate) const APPLIED_BY: &str = "ALTER TABLE refinery_schema_history ADD COLUMN applied_by TEXT;
    ALTER TABLE refinery_schema_history ALTER COLUMN applied_by SET DEFAULT session_user";

/// How a transaction waits for the locks that others hold: whoever comes after a statement that waits has to wait for it,
/// so it waits briefly, lets them pass, and tries again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a try waits for a lock.
    pub lock_timeout: Duration,
    /// How often it tries.
    pub tries: u32,
    /// The pause after the first try; it doubles, up to `longest_pause`.
    pub pause: Duration,
    pub longest_pause: Duration,
}

impl Patience {
    /// The pauses between the tries.
    fn pauses(self) -> impl Iterator<Item = Duration> {
        ExponentialBuilder::new()
            .with_min_delay(self.pause)
            .with_max_delay(self.longest_pause)
            .with_max_times(self.tries.saturating_sub(1) as usize)
            .build()
    }
}

impl Default for Patience {
    /// Some two minutes in all.
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_millis(200),
            tries: 40,
            pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(3),
        }
    }
}

/// An autovacuum gives way to whoever has waited for longer than `deadlock_timeout`, which is a second.
const AUTOVACUUM_YIELDS: Duration = Duration::from_secs(2);
/// How often the log says that a lock is not to be had.
const NOTICE: Duration = Duration::from_secs(10);

/// Why a migration was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("PostgreSQL refused it")]
    Postgres(#[from] tokio_postgres::Error),
    #[error("a lock that it needs was not to be had in {tries} tries{}", held(.holders))]
    Blocked { tries: u32, holders: Vec<LockHolder> },
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("it is not SQL: {0}")]
    NotSql(String),
}

fn held(holders: &[LockHolder]) -> String {
    let holders: Vec<String> = holders.iter().map(ToString::to_string).collect();
    if holders.is_empty() { String::new() } else { format!(": {}", holders.join("; ")) }
}

/// The session that migrates, as refinery wants it.
pub(crate) struct Connection<'a> {
    pub session: &'a mut Session,
    pub patience: Patience,
    /// The way to a second session, which looks for who is in the way.
    pub config: &'a Config,
    pub tls: &'a Tls,
    pub program: Program,
}

impl AsyncTransaction for Connection<'_> {
    type Error = ApplyError;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(&mut self, queries: T) -> Result<usize, ApplyError> {
        let queries: Vec<&str> = queries.collect();
        match queries[..] {
            // A migration and its row in the history.
            [sql, record] if statements::is_no_transaction(sql) => {
                self.one_by_one(&statements::split(sql).map_err(ApplyError::NotSql)?).await?;
                self.transaction(&[record]).await?;
            }
            _ => self.transaction(&queries).await?,
        }
        Ok(queries.len())
    }
}

impl AsyncQuery<Vec<Migration>> for Connection<'_> {
    async fn query(&mut self, query: &str) -> Result<Vec<Migration>, ApplyError> {
        let rows = self.session.client.query_typed(query, &[]).await?;
        Ok(rows.iter().map(history::migration).collect::<Result<_, _>>()?)
    }
}

impl AsyncMigrate for Connection<'_> {
    fn assert_migrations_table_query(_: &str) -> String {
        "-- the history is there already".to_owned()
    }
}

impl Connection<'_> {
    /// All of it in one transaction, or nothing; tried again while a lock is not to be had.
    pub(crate) async fn transaction(&mut self, queries: &[&str]) -> Result<(), ApplyError> {
        let Patience { lock_timeout, tries, .. } = self.patience;
        let (mut holders, mut noticed, mut pauses) = (Vec::new(), None::<Instant>, self.patience.pauses());
        for number in 1.. {
            let (tried, seen) = self.watched_try(queries, with_regard_to(&holders, lock_timeout)).await?;
            if !seen.is_empty() {
                holders = seen;
            }
            let Err(error) = tried else { return Ok(()) };
            if !is_contention(&error) {
                return Err(error.into());
            }
            let Some(pause) = pauses.next() else { return Err(ApplyError::Blocked { tries, holders }) };
            if noticed.is_none_or(|noticed| noticed.elapsed() >= NOTICE) {
                noticed = Some(Instant::now());
                tracing::warn!("waiting for a lock{}; try {number} of {tries}", held(&holders));
            }
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// One try, and whoever is seen in its way.
    async fn watched_try(
        &mut self,
        queries: &[&str],
        patience: Duration,
    ) -> Result<(Result<(), tokio_postgres::Error>, Vec<LockHolder>), ApplyError> {
        let backend = self.session.backend().await?;
        let watch = async {
            // Time enough to connect and look while it still waits.
            tokio::time::sleep(patience / 4).await;
            lock_holders(self.config, self.tls, self.program, backend).await
        };
        let mut one_try = Box::pin(one_try(&mut self.session.client, patience, queries));
        let holders = tokio::select! {
            biased;
            done = &mut one_try => return Ok((done, Vec::new())),
            holders = watch => holders,
        };
        Ok((one_try.await, holders))
    }

    /// Each statement on its own. One that was done before is done again, which it allows for; what a killed run left of
    /// an index is dropped and built anew. Nobody queues behind these statements, so they wait for as long as it takes.
    async fn one_by_one(&mut self, statements: &[Statement<'_>]) -> Result<(), ApplyError> {
        let client = &self.session.client;
        client.batch_execute(&ALONE.map(|setting| format!("SET {setting};")).concat()).await?;
        for statement in statements {
            if let Some((index, table)) = statement.index_built() {
                let rows = client.query(INVALID_INDEX, &[&index, &table]).await?;
                if let Some(drop) = rows.first() {
                    tracing::warn!("the index {index} was left half-built by an earlier run: building it anew");
                    client.batch_execute(drop.get(0)).await?;
                }
            }
            client.batch_execute(statement.sql).await?;
        }
        Ok(())
    }
}

/// How statements outside of a transaction run: nobody waits behind them, so they have the time; and one process builds, for
/// the rest of the machine is for those who read meanwhile.
pub(crate) const ALONE: [&str; 2] = ["lock_timeout = 0", "max_parallel_maintenance_workers = 0"];

/// The statement that drops the index `$1` of the table `$2`, if that is a killed build's remains.
pub(crate) const INVALID_INDEX: &str = "SELECT format('DROP INDEX CONCURRENTLY %s', indexrelid::regclass)
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid
    WHERE indrelid = to_regclass($2::text) AND c.relname = (parse_ident($1::text))[1] AND NOT indisvalid";

/// How long a try waits, after a try in which these were in the way.
fn with_regard_to(holders: &[LockHolder], lock_timeout: Duration) -> Duration {
    if holders.iter().any(LockHolder::is_autovacuum) { lock_timeout.max(AUTOVACUUM_YIELDS) } else { lock_timeout }
}

async fn one_try(
    client: &mut tokio_postgres::Client,
    lock_timeout: Duration,
    queries: &[&str],
) -> Result<(), tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(&lock_timeout_sql(lock_timeout)).await?;
    for query in queries {
        transaction.batch_execute(query).await?;
    }
    transaction.commit().await
}

/// How a transaction begins that lets nobody wait behind it for long.
pub(crate) fn lock_timeout_sql(lock_timeout: Duration) -> String {
    format!("SET LOCAL lock_timeout = '{}ms'", lock_timeout.as_millis())
}

/// Whether others were in the way, so that trying again may help.
pub(crate) fn is_contention(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(user: &str) -> LockHolder {
        let (lock, application_name) = (String::new(), String::new());
        LockHolder { lock, pid: 1, application_name, user: user.to_owned(), seconds: None }
    }

    #[test]
    fn nobody_waits_behind_a_try_for_longer_than_it_takes_an_autovacuum_to_yield() {
        let usual = Patience::default().lock_timeout;
        assert_eq!(usual, Duration::from_millis(200));
        assert_eq!(with_regard_to(&[], usual), usual);
        assert_eq!(with_regard_to(&[holder("bot")], usual), usual);
        assert_eq!(with_regard_to(&[holder("bot"), holder("")], usual), Duration::from_secs(2));
        assert_eq!(with_regard_to(&[holder("")], Duration::from_secs(5)), Duration::from_secs(5));
    }

    #[test]
    fn it_gives_up_after_two_minutes() {
        let patience = Patience::default();
        let all = patience.lock_timeout * patience.tries + patience.pauses().sum::<Duration>();
        assert!((110..130).contains(&all.as_secs()), "{all:?}");
    }
}
