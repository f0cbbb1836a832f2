//! What a database's schema is, read from the catalogs: every object with what can be said of it. Two such snapshots tell
//! in a person's words where a database and its migrations have parted.
//!
//! - `relations.rs` and `objects.rs` hold the queries; a further kind of object, or a further thing to say of one, goes there.
//! - `difference.rs` compares.
//! - `scratch.rs` makes databases that are thrown away, to apply migrations to.
//! - `delta.rs` has the SQL between two databases written, `draft.rs` makes a migration of it, after asking
//!   `renames.rs` what may only be called otherwise.

pub mod delta;
mod difference;
pub mod draft;
mod objects;
mod relations;
pub mod renames;
pub mod scratch;

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::{Map, Value};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, IsolationLevel, Transaction};

use super::pool::APP_ROLE;
use super::tls;
pub use difference::{Change, Difference};

/// What the queries share. `$1` is the role that owns the schema: its name differs from database to database, so it is
/// called `the owner` everywhere. An extension's members belong to it, and what PostgreSQL makes along with something else
/// to that.
const PRELUDE: &str = "
WITH roles AS (
    SELECT oid, CASE WHEN oid = $1 /* owner */ OR rolname = 'pg_database_owner' THEN 'the owner' ELSE quote_ident(rolname) END AS name
    FROM pg_roles
    UNION ALL SELECT 0, 'PUBLIC'
), spaces AS (
    SELECT * FROM pg_namespace n
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), members AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e' OR deptype = 'i' AND classid <> 'pg_class'::regclass
), relations AS (
    SELECT c.*, c.oid::regclass::text AS name,
        CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                       WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' ELSE 'table' END AS kind
    FROM pg_class c
    JOIN spaces s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
        AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
)
";

const OWNER: &str = "-- schema_owner
SELECT current_setting('server_version_num')::int / 10000 AS server_major, coalesce(
    (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.refinery_schema_history')),
    (SELECT oid FROM pg_roles WHERE rolname = current_user)
) AS owner";

/// A database's schema at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    server_major: i32,
    /// By kind and name: `column patterns.notes`.
    objects: BTreeMap<String, Object>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Object {
    /// The object it goes with, by kind and name: `table patterns`.
    parent: Option<String>,
    /// What is said of it: `nullability` → `NOT NULL`.
    properties: BTreeMap<String, String>,
}

impl Snapshot {
    /// Reads the schema as the transaction sees it. `search_path` is `public` for the rest of it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(transaction: &Transaction<'_>) -> Result<Self, tokio_postgres::Error> {
        // Names are then told as short as they are unambiguous, whatever the role's own setting.
        transaction.batch_execute("SET LOCAL search_path = public; SET LOCAL jit = off").await?;
        let row = transaction.query_one(OWNER, &[]).await?;
        let (owner, server_major): (u32, i32) = (row.try_get("owner")?, row.try_get("server_major")?);
        let queries: Vec<String> =
            relations::QUERIES.iter().chain(&objects::QUERIES).map(|sql| after_prelude(sql)).collect();
        let owner: [(&(dyn ToSql + Sync), Type); 1] = [(&owner, Type::OID)];
        let answers = queries.iter().map(|sql| transaction.query_typed(sql, &owner));
        let mut objects = BTreeMap::new();
        for row in try_join_all(answers).await?.iter().flatten() {
            let (kind, name): (String, String) = (row.try_get("kind")?, row.try_get("name")?);
            let Value::Object(properties) = row.try_get("properties")? else { continue };
            let object = Object { parent: row.try_get("parent")?, properties: said(properties) };
            objects.insert(format!("{kind} {name}"), object);
        }
        Ok(Self { server_major, objects })
    }

    /// Reads the schema of a database.
    ///
    /// # Errors
    /// When the database cannot be reached or does not answer.
    pub async fn of(config: &Config, mode: tls::Mode) -> anyhow::Result<Self> {
        let mut client = connect(config, mode).await?;
        let repeatable = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        Ok(Self::read(&repeatable.start().await?).await?)
    }

    /// The major version of the server it was read from; 0 for none.
    pub fn server_major(&self) -> i32 {
        self.server_major
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The columns of tables as (`table`, `column`, `type`).
    pub fn columns(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.objects.iter().filter_map(|(name, object)| {
            let table = object.parent.as_deref()?.strip_prefix("table ")?;
            let column = name.strip_prefix("column ")?.strip_prefix(table)?.strip_prefix('.')?;
            Some((table, column, object.properties.get("type")?.as_str()))
        })
    }

    /// With the service's role as the migrations make it, without any power. Roles are not a database's own: one that was
    /// made to be looked at has them as they are.
    pub fn with_plain_app_role(mut self) -> Self {
        if let Some(role) = self.objects.get_mut(&format!("role {APP_ROLE}")) {
            role.properties.clear();
        }
        self
    }

    /// Leaves out what depends on the server's own version: for snapshots of two servers.
    pub fn without_versions(mut self) -> Self {
        for (name, object) in &mut self.objects {
            if name.starts_with("extension ") {
                object.properties.clear();
            }
        }
        self
    }
}

/// A query with the prelude after the comment that names it.
fn after_prelude(sql: &str) -> String {
    let (name, query) = sql.split_once('\n').unwrap_or(("", sql));
    format!("{name}{PRELUDE}{query}")
}

fn said(properties: Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    properties.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

/// A connection that ends with its client.
async fn connect(config: &Config, mode: tls::Mode) -> anyhow::Result<Client> {
    let mut config = config.clone();
    config.application_name("lekalo schema").connect_timeout(std::time::Duration::from_secs(5));
    let connector = tls::connector(mode, &mut config)?;
    let (client, connection) = config.connect(connector).await?;
    tokio::spawn(connection);
    Ok(client)
}
