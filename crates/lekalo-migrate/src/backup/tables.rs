//! What is in a database, and how much of it a role sees.

use std::collections::BTreeSet;

use crate::{Migrations, Parts};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::{BackupError, refused};

/// The table that knows which migrations were applied.
pub(crate) const HISTORY: &str = "refinery_schema_history";

/// A table of the schema `public`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub name: String,
    /// Those that have a value of their own.
    pub columns: Vec<String>,
    /// Row-level security holds for this role: it sees one part of the rows at a time.
    pub is_parted: bool,
    /// A policy that is not as the program makes it decides what this role sees.
    pub is_hidden: bool,
}

impl Table {
    pub(crate) fn sql_name(&self) -> String {
        format!("public.{}", quoted(&self.name))
    }

    pub(crate) fn sql_columns(&self) -> String {
        list(&self.columns)
    }
}

/// As SQL has them: `"a", "b"`.
pub(crate) fn list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// All tables, by name; those of extensions are theirs.
pub(crate) async fn tables(client: &Client, parts: Option<Parts>) -> Result<Vec<Table>, BackupError> {
    // A policy that compares the part, as the server spells it, without brackets and casts.
    let known = parts.map(|parts| format!("{}=NULLIFcurrent_setting'{}',true,''", parts.column, parts.setting));
    let sql = "-- tables
        WITH mine AS (
            SELECT p.polrelid, p.polpermissive,
                   regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[()[:space:]]|::[a-z]+', '', 'g') AS shown
            FROM pg_policy p
            WHERE p.polcmd IN ('r', '*')
              AND EXISTS (SELECT FROM unnest(p.polroles) role WHERE role = 0 OR pg_has_role(role, 'USAGE')))
        SELECT c.relname::text AS name, row_security_active(c.oid) AS is_parted,
               ARRAY(SELECT a.attname::text FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                     ORDER BY a.attnum) AS columns,
               -- One that is restrictive hides rows from whoever it is for; of the others one has to show a whole part.
               EXISTS (SELECT FROM mine WHERE mine.polrelid = c.oid AND NOT mine.polpermissive)
               OR NOT EXISTS (SELECT FROM mine
                              WHERE mine.polrelid = c.oid AND mine.polpermissive AND mine.shown = $1) AS is_hidden
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT EXISTS (SELECT FROM pg_depend d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        ORDER BY c.relname";
    let rows = client.query_typed(sql, &[(&known, Type::TEXT)]).await?;
    let table = |row: &tokio_postgres::Row| {
        let is_parted = row.get("is_parted");
        let is_hidden = is_parted && row.get::<_, bool>("is_hidden");
        Table { name: row.get("name"), columns: row.get("columns"), is_parted, is_hidden }
    };
    Ok(rows.iter().map(table).collect())
}

/// Refuses what a dump could not be whole of.
pub(crate) fn check_visible(tables: &[Table], role: &str) -> Result<(), BackupError> {
    let hidden: Vec<&str> = tables.iter().filter(|table| table.is_hidden).map(|table| table.name.as_str()).collect();
    if hidden.is_empty() {
        return Ok(());
    }
    Err(refused(
        format!("row-level security may hide rows of {} from `{role}`: a dump would not be whole", hidden.join(", ")),
        "`lekalo migrate check` says which policies differ from what the migrations make; or dump as a role with BYPASSRLS",
    ))
}

/// The tables that the migrations up to a version make, as far as their text tells; some may have been dropped since.
pub(crate) fn made_by(migrations: &Migrations, version: i32) -> BTreeSet<String> {
    let mut made = named_after(migrations, version, ["CREATE", "TABLE"]);
    made.insert(HISTORY.to_owned());
    made
}

/// The tables into which the migrations themselves write.
pub(crate) fn filled_by(migrations: &Migrations, version: i32) -> BTreeSet<String> {
    let mut filled = named_after(migrations, version, ["INSERT", "INTO"]);
    filled.insert(HISTORY.to_owned());
    filled
}

fn named_after(migrations: &Migrations, version: i32, words: [&str; 2]) -> BTreeSet<String> {
    let steps = migrations.steps().iter().filter(|step| step.version() <= version);
    let mut names = BTreeSet::new();
    for step in steps {
        let all: Vec<&str> = step.sql().split(|ch: char| ch.is_whitespace() || ch == '(').collect();
        let all: Vec<&str> = all.into_iter().filter(|word| !word.is_empty()).collect();
        names.extend(all.windows(3).filter(|three| three[..2] == words).map(|three| three[2].to_owned()));
    }
    names
}

/// The sequences that belong to columns of these tables.
pub(crate) async fn sequences(client: &Client, tables: &[Table]) -> Result<Vec<String>, BackupError> {
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let sql = "-- sequences
        SELECT s.relname::text FROM pg_class s
        JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
        JOIN pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
        WHERE s.relkind = 'S' AND c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1)
        ORDER BY 1";
    let rows = client.query_typed(sql, &[(&names, Type::TEXT_ARRAY)]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The tables in such an order that each comes after those it refers to.
pub(crate) async fn in_order(client: &Client, mut tables: Vec<Table>) -> Result<Vec<Table>, BackupError> {
    let sql = "-- references
        SELECT c.relname::text, r.relname::text FROM pg_constraint f
        JOIN pg_class c ON c.oid = f.conrelid
        JOIN pg_class r ON r.oid = f.confrelid
        WHERE f.contype = 'f' AND f.conrelid <> f.confrelid AND c.relnamespace = 'public'::regnamespace";
    let rows = client.query_typed(sql, &[]).await?;
    let references: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut ordered: Vec<Table> = Vec::new();
    while !tables.is_empty() {
        let waits = |table: &Table| {
            let is_ahead = |name: &String| tables.iter().any(|other| other.name == *name);
            references.iter().any(|(from, to)| *from == table.name && is_ahead(to))
        };
        let (later, next): (Vec<Table>, Vec<Table>) = tables.iter().cloned().partition(waits);
        if next.is_empty() {
            let names: Vec<&str> = later.iter().map(|table| table.name.as_str()).collect();
            return Err(refused(format!("{} refer to one another in a circle", names.join(", ")), ""));
        }
        ordered.extend(next);
        tables = later;
    }
    Ok(ordered)
}
