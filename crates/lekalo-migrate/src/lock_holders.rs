//! Who holds the lock that a migration waits for.

use std::fmt;

use tokio_postgres::{Config, Row};

use crate::program::Program;
use crate::session::Session;
use crate::tls::Tls;

/// Somebody who holds a lock that a migration waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// What the migration waits for, as `AccessExclusiveLock on orders`.
    pub lock: String,
    /// The process of the server, for `pg_terminate_backend`.
    pub pid: i32,
    /// The client's name.
    pub application_name: String,
    /// Empty for the server's own processes.
    pub user: String,
    /// How long its transaction has been open, in seconds; unknown where the migrating role may not see it.
    pub seconds: Option<i64>,
}

impl LockHolder {
    /// Whether it is no client's: of the server's own processes only autovacuum holds up a migration.
    pub(crate) fn is_autovacuum(&self) -> bool {
        self.user.is_empty()
    }
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lock, pid, application_name, user, seconds } = self;
        write!(f, "{lock} is held up by process {pid} ({application_name}")?;
        if !user.is_empty() {
            write!(f, ", role {user}")?;
        }
        match seconds {
            Some(seconds) => write!(f, ", in a transaction for {seconds} s)"),
            None => write!(f, ")"),
        }
    }
}

/// Who the server's process `backend` waits for just now. Nobody where that cannot be found out.
pub(crate) async fn lock_holders(config: &Config, tls: &Tls, program: Program, backend: i32) -> Vec<LockHolder> {
    let Ok(session) = Session::open(config, tls, program).await else { return Vec::new() };
    let rows = session.client.query(HOLDERS, &[&backend]).await.unwrap_or_default();
    rows.iter().map(lock_holder).collect()
}

const HOLDERS: &str = "-- lock_holders
    SELECT concat_ws(' on ', wanted.mode, wanted.relation::regclass) AS lock, holder.pid,
           CASE WHEN holder.usesysid IS NULL THEN 'autovacuum'
                ELSE coalesce(nullif(holder.application_name, ''), 'no name') END AS application_name,
           coalesce(holder.usename, '') AS usename,
           extract(epoch FROM clock_timestamp() - holder.xact_start)::bigint AS seconds
    FROM pg_locks wanted
    JOIN pg_stat_activity holder ON holder.pid = ANY (pg_blocking_pids(wanted.pid))
    WHERE wanted.pid = $1 AND NOT wanted.granted
    ORDER BY seconds DESC NULLS LAST";

fn lock_holder(row: &Row) -> LockHolder {
    LockHolder {
        lock: row.get("lock"),
        pid: row.get("pid"),
        application_name: row.get("application_name"),
        user: row.get::<_, &str>("usename").to_owned(),
        seconds: row.get("seconds"),
    }
}
