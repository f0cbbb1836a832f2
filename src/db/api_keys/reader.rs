//! All keys, for who checks callers against them.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join3;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Row};

use super::calls_per_second;
use crate::db::query::{Query, one, word};
use crate::db::session::Session;
use crate::db::{Db, unavailable};
use crate::domain::api_key::{Caller, Identity, KnownKey, Reach};
use crate::domain::error::{Error, Result};
use crate::domain::tenant::TenantId;

/// How long connecting may take, the answer whether anything has changed, and all keys.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(1);
const ALL: Duration = Duration::from_secs(10);
/// How old the session may become: the next one goes where the server's name leads by then, and reads all keys anew.
const MAX_SESSION_AGE: Duration = Duration::from_secs(30);

/// Reads all keys, on a session of its own: one that is revoked stops working however busy the pool is.
pub struct KeyReader {
    db: Db,
    session: Option<(Session, Instant)>,
}

impl KeyReader {
    /// Connects when it first reads.
    pub fn new(db: Db) -> Self {
        Self { db, session: None }
    }

    /// All keys with their version, unless that is the one that is known. What another session has said counts for nothing: this
    /// one may lead to another server.
    pub async fn changed(&mut self, known: i64) -> Result<Option<(i64, Vec<KnownKey>)>> {
        let changed = self.look(known).await;
        if changed.is_err() {
            self.session = None;
        }
        changed
    }

    async fn look(&mut self, known: i64) -> Result<Option<(i64, Vec<KnownKey>)>> {
        let is_good =
            |(session, since): &(Session, Instant)| !session.client.is_closed() && since.elapsed() < MAX_SESSION_AGE;
        let (session, is_new) = match self.session.take().filter(is_good) {
            Some(session) => (session, false),
            None => {
                let opened = timeout(CONNECT, self.db.own_session()).await.map_err(|_| unavailable())??;
                ((opened, Instant::now()), true)
            }
        };
        let client = &self.session.insert(session).0.client;
        let version = Query::new(
            "-- api_key_version
            SELECT version, pg_is_in_recovery() AS is_standby FROM api_key_changes",
        );
        let row = one(ask(client, &version, ANSWER).await?)?;
        if row.try_get("is_standby")? {
            return Err(unavailable());
        }
        let version: i64 = row.try_get("version")?;
        if version == known && !is_new {
            return Ok(None);
        }
        // What was revoked long ago is as good as unknown.
        let keys = Query::new(
            "-- read_api_keys
            SELECT c.version, k.id, k.prefix, k.secret_sha256, k.role, k.all_tenants, k.label, k.expires_at,
                   k.revoked_at, k.calls_per_second, coalesce(t.tenants, '{}') AS tenants
            FROM api_key_changes c
            CROSS JOIN api_keys k
            LEFT JOIN (SELECT api_key_id, array_agg(tenant_id) AS tenants FROM api_key_tenants GROUP BY api_key_id) t
                ON t.api_key_id = k.id
            WHERE k.revoked_at IS NULL OR k.revoked_at > now() - interval '90 days'",
        );
        let rows = ask(client, &keys, ALL).await?;
        let version = rows.first().map_or(Ok(version), |row| row.try_get("version"))?;
        Ok(Some((version, rows.iter().map(known_key).collect::<Result<_>>()?)))
    }
}

/// One statement in a transaction of its own, in one pipeline.
async fn ask(client: &Client, query: &Query<'_>, limit: Duration) -> Result<Vec<Row>> {
    let begin = "BEGIN READ ONLY; SET LOCAL search_path = public; SET LOCAL app.checks_api_keys = 'on'";
    let asked = join3(
        client.batch_execute(begin),
        client.query_typed(query.sql, &query.params),
        client.batch_execute("COMMIT"),
    );
    let (begun, rows, committed) = timeout(limit, asked).await.map_err(|_| unavailable())?;
    begun?;
    let rows = rows?;
    committed?;
    Ok(rows)
}

fn known_key(row: &Row) -> Result<KnownKey> {
    let is_for_all: bool = row.try_get("all_tenants")?;
    let tenants: Vec<i64> = row.try_get("tenants")?;
    let sha256: &[u8] = row.try_get("secret_sha256")?;
    let prefix: String = row.try_get("prefix")?;
    Ok(KnownKey {
        id: row.try_get("id")?,
        secret_sha256: sha256.try_into().map_err(Error::internal)?,
        caller: Arc::new(Caller {
            identity: Identity::ApiKey { prefix: prefix.clone(), label: row.try_get("label")? },
            role: word(row, "role")?,
            reach: if is_for_all { Reach::All } else { Reach::Tenants(tenants.into_iter().map(TenantId).collect()) },
            calls_per_second: calls_per_second(row)?,
            expires_at: row.try_get("expires_at")?,
        }),
        prefix,
        revoked_at: row.try_get("revoked_at")?,
        last_used: Default::default(),
    })
}
