//! A connection as the owner, outside the pool; for one that migrates, with the lock that only one has.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_postgres::{Client, Config};

use crate::connect::connect;
use crate::error::MigrateError;
use crate::program::Program;
use crate::tls::{self, Tls};

const LOCK_POLL: Duration = Duration::from_millis(100);
/// After how long the log first says who else is migrating, and after how long again.
const LOCK_NOTICES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// How long a server may take to let a session in.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How long a pooler may take to give another connection, as it does at once unless it has none.
pub(crate) const SECOND_CONNECTION: Duration = Duration::from_secs(8);

/// How a migration runs, whatever the role's own settings are for its other work: it takes as long as it takes, and makes
/// things where the program looks for them.
pub(crate) const SETTINGS: [&str; 3] =
    ["statement_timeout = 0", "idle_in_transaction_session_timeout = 0", "search_path = public"];

/// An open connection; closed when dropped.
pub(crate) struct Session {
    pub client: Client,
    driver: tokio::task::JoinHandle<()>,
    program: Program,
}

impl Session {
    pub(crate) async fn open(config: &Config, tls: &Tls, program: Program) -> Result<Self, MigrateError> {
        let mut config = config.clone();
        config.application_name(program.command).connect_timeout(CONNECT);
        let connector = tls::connector(tls, &mut config).map_err(MigrateError::Tls)?;
        let connected = timeout(CONNECT, connect(&config, &connector)).await.map_err(|_| MigrateError::Silent)?;
        let (client, driver) = connected.map_err(MigrateError::Connect)?;
        Ok(Self { client, driver, program })
    }

    /// The only session that migrates: waits for its turn. The turn goes with the session, however it ends.
    ///
    /// # Errors
    /// `Pooler` where a pooler would hand the session, and the lock with it, to somebody else.
    pub(crate) async fn migrating(config: &Config, tls: &Tls, program: Program) -> Result<Self, MigrateError> {
        let session = Self::open(config, tls, program).await?;
        if session.is_shared(config, tls).await? {
            return Err(MigrateError::Pooler);
        }
        // The server ends the work of a killed program within a second, and gives the lock on; where it cannot watch
        // for that, at the end of the statement.
        let _ = session.client.batch_execute("SET client_connection_check_interval = '1s'").await;
        session.client.batch_execute(&SETTINGS.map(|setting| format!("SET {setting};")).concat()).await?;
        session.acquire().await?;
        Ok(session)
    }

    /// The number of the server's process behind it.
    pub(crate) async fn backend(&self) -> Result<i32, tokio_postgres::Error> {
        // Unnamed: a prepared statement may not find its way through a pooler.
        Ok(self.client.query_typed_one("SELECT pg_backend_pid()", &[]).await?.get(0))
    }

    /// Whether a pooler hands a server's process from one session to the next after each transaction: then two open at
    /// once are seen on the same one, or one of them moves.
    async fn is_shared(&self, config: &Config, tls: &Tls) -> Result<bool, MigrateError> {
        let full = |_| MigrateError::PoolerFull;
        let one = timeout(SECOND_CONNECTION, self.backend()).await.map_err(full)??;
        let other = timeout(SECOND_CONNECTION, Self::open(config, tls, self.program)).await.map_err(full)?;
        let Ok(other) = other else { return Ok(false) };
        let two = timeout(SECOND_CONNECTION, other.backend()).await.map_err(full)??;
        // Where the pooler has two processes, both busy, each stays by chance in one of two tries.
        for _ in 0..8 {
            if one == two || self.backend().await? != one || other.backend().await? != two {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Polls: a session that blocks in `pg_advisory_lock` would deadlock with CREATE INDEX CONCURRENTLY.
    async fn acquire(&self) -> Result<(), MigrateError> {
        let began = Instant::now();
        let [mut notice, again] = LOCK_NOTICES;
        while !self.client.query_one("SELECT pg_try_advisory_lock($1)", &[&self.program.lock]).await?.get::<_, bool>(0)
        {
            if began.elapsed() >= notice {
                let holder = self.holder().await?.unwrap_or_else(|| "another program".to_owned());
                tracing::info!("{holder} migrates this database: waiting for it since {} s", began.elapsed().as_secs());
                notice += again;
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
        Ok(())
    }

    /// Who has the lock; none if it has just been given back.
    async fn holder(&self) -> Result<Option<String>, MigrateError> {
        let sql = "-- lock_holder
            SELECT format('process %s (%s, role %s, connected since %s UTC)', a.pid,
                          coalesce(nullif(a.application_name, ''), 'no name'), a.usename,
                          to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')) AS holder
            FROM pg_locks l
            JOIN pg_stat_activity a ON a.pid = l.pid
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (l.classid::bigint << 32) | l.objid::bigint = $1";
        Ok(self.client.query_opt(sql, &[&self.program.lock]).await?.map(|row| row.get("holder")))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
