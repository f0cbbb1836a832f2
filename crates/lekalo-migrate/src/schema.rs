//! What a database's schema is, read from the catalogs: every object with what can be said of it. Two such snapshots tell
//! in a person's words where a database and its migrations have parted.
//!
//! - `relations.rs` and `objects.rs` hold the queries; a further kind of object, or a further thing to say of one, goes there.
//! - `difference.rs` compares.

mod difference;
mod objects;
mod relations;

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::{Map, Value};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, IsolationLevel, Transaction};

use crate::error::MigrateError;
use crate::program::Program;
use crate::tls::{self, Tls};
pub use difference::{Change, Difference};

/// What the queries share. `$2` is the role that the program serves as, `$3` what the names of its own settings begin with;
/// each may be null. `$1` is the role that owns the schema: its name differs from database to database, so it is
/// called `the owner` everywhere. An extension's members belong to it, and what PostgreSQL makes along with something else
/// to that. In PostgreSQL's own schemas only what came later counts, which has an oid from 16384 on.
const PRELUDE: &str = "
WITH roles AS (
    SELECT r.oid, CASE WHEN r.oid = $1 /* owner */ OR r.rolname = 'pg_database_owner' AND d.datdba = $1 /* owner */ THEN 'the owner'
                       ELSE quote_ident(r.rolname) END AS name
    FROM pg_roles r, pg_database d
    WHERE d.datname = current_database()
    UNION ALL SELECT 0, 'PUBLIC'
), spaces AS (
    SELECT n.*, CASE WHEN nspname IN ('pg_catalog', 'information_schema') THEN 16384::bigint ELSE 0 END AS from_oid
    FROM pg_namespace n
    WHERE nspname !~ '^pg_(toast|temp)'
), members AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e' OR deptype = 'i' AND classid <> 'pg_class'::regclass
), relations AS (
    SELECT c.*, c.oid::regclass::text AS name,
        CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                       WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' ELSE 'table' END AS kind
    FROM pg_class c
    JOIN spaces s ON s.oid = c.relnamespace AND c.oid >= s.from_oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
        AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
)
";

/// Of the history table: it may have been begun without.
const APPLIED_BY: &str = "column refinery_schema_history.applied_by";

/// Definitions are then told the same way everywhere, names as short as they are unambiguous, whatever the settings of role
/// and database; and somebody's lock does not keep a check waiting for ever.
const SETTINGS: &str =
    "SET LOCAL search_path = public; SET LOCAL quote_all_identifiers = off; SET LOCAL bytea_output = hex;
    SET LOCAL standard_conforming_strings = on; SET LOCAL DateStyle = 'ISO, MDY'; SET LOCAL IntervalStyle = postgres;
    SET LOCAL TimeZone = 'UTC'; SET LOCAL jit = off; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '5s'";

const OWNER: &str = "-- schema_owner
SELECT current_setting('server_version_num')::int / 10000 AS server_major, coalesce(
    (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.refinery_schema_history')),
    (SELECT oid FROM pg_roles WHERE rolname = current_user)
) AS owner";

/// A database's schema at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    server_major: i32,
    /// By kind and name: `column orders.notes`.
    pub(crate) objects: BTreeMap<String, Object>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Object {
    /// The object it goes with, by kind and name: `table orders`.
    pub(crate) parent: Option<String>,
    /// What is said of it: `nullability` → `NOT NULL`.
    pub(crate) properties: BTreeMap<String, String>,
}

impl Snapshot {
    /// Reads the schema as the transaction sees it; for the rest of it `SETTINGS` hold.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(transaction: &Transaction<'_>, program: Program) -> Result<Self, tokio_postgres::Error> {
        transaction.batch_execute(SETTINGS).await?;
        let row = transaction.query_one(OWNER, &[]).await?;
        let (owner, server_major): (u32, i32) = (row.try_get("owner")?, row.try_get("server_major")?);
        let queries: Vec<String> =
            relations::QUERIES.iter().chain(&objects::QUERIES).map(|sql| after_prelude(sql)).collect();
        let (role, settings) = (program.role, program.settings());
        let given: [(&(dyn ToSql + Sync), Type); 3] =
            [(&owner, Type::OID), (&role, Type::TEXT), (&settings, Type::TEXT)];
        let answers = queries.iter().map(|sql| transaction.query_typed(sql, &given));
        let mut objects = BTreeMap::new();
        for row in try_join_all(answers).await?.iter().flatten() {
            let (kind, name): (String, String) = (row.try_get("kind")?, row.try_get("name")?);
            let Value::Object(properties) = row.try_get("properties")? else { continue };
            let object = Object { parent: row.try_get("parent")?, properties: describe(properties) };
            objects.insert(format!("{kind} {name}"), object);
        }
        Ok(Self { server_major, objects })
    }

    /// Reads the schema of a database.
    ///
    /// # Errors
    /// When the database cannot be reached or does not answer.
    pub async fn of(config: &Config, tls: &Tls, program: Program) -> anyhow::Result<Self> {
        let mut client = connect(config, tls, program).await?;
        let repeatable = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
        let transaction = repeatable.start().await.map_err(MigrateError::Database)?;
        Ok(Self::read(&transaction, program).await.map_err(MigrateError::Database)?)
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

    /// By kind and name.
    pub(crate) fn has(&self, object: &str) -> bool {
        self.objects.contains_key(object)
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.objects.keys().filter_map(|name| name.strip_prefix("table "))
    }

    pub(crate) fn has_parent_of(&self, object: &Object) -> bool {
        object.parent.as_ref().is_some_and(|parent| self.objects.contains_key(parent))
    }

    /// The columns of tables as (`table`, `column`, `type`).
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.objects.iter().filter_map(|(name, object)| {
            let table = object.parent.as_deref()?.strip_prefix("table ")?;
            let column = name.strip_prefix("column ")?.strip_prefix(table)?.strip_prefix('.')?;
            Some((table, column, object.properties.get("type")?.as_str()))
        })
    }

    /// With the program's role as its migrations make it, without any power. Roles are not a database's own: one that was
    /// made to be looked at has them as they are.
    pub(crate) fn with_plain_role(mut self, role: Option<&str>) -> Self {
        if let Some(role) = role.and_then(|role| self.objects.get_mut(&format!("role {role}"))) {
            role.properties.clear();
        }
        self
    }

    /// Without the column `applied_by` of the history table, which migrations may make only later: until then it is there or
    /// not, as the history was begun.
    pub fn without_applied_by(mut self) -> Self {
        self.objects.remove(APPLIED_BY);
        self
    }

    /// Leaves out of both what two servers may have in different versions: what an extension consists of.
    pub fn align_versions(&mut self, other: &mut Self) {
        let version = |snapshot: &Self, name: &str| snapshot.objects.get(name)?.properties.get("version").cloned();
        let extensions = self.objects.keys().filter(|name| name.starts_with("extension "));
        let differ: Vec<String> =
            extensions.filter(|name| version(self, name) != version(other, name)).cloned().collect();
        for extension in differ {
            for snapshot in [&mut *self, &mut *other] {
                snapshot.objects.retain(|_, object| object.parent.as_ref() != Some(&extension));
                if let Some(object) = snapshot.objects.get_mut(&extension) {
                    object.properties.remove("version");
                }
            }
        }
    }
}

/// A query with the prelude after the comment that names it.
fn after_prelude(sql: &str) -> String {
    let (name, query) = sql.split_once('\n').unwrap_or(("", sql));
    format!("{name}{PRELUDE}{query}")
}

fn describe(properties: Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    properties.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

/// A connection that ends with its client.
pub(crate) async fn connect(config: &Config, tls: &Tls, program: Program) -> anyhow::Result<Client> {
    let mut config = config.clone();
    config.application_name(format!("{} schema", program.name)).connect_timeout(std::time::Duration::from_secs(5));
    let connector = tls::connector(tls, &mut config)?;
    let (client, connection) = config.connect(connector).await.map_err(MigrateError::Connect)?;
    tokio::spawn(connection);
    Ok(client)
}
