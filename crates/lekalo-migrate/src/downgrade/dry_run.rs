//! Down migrations tried on a scratch database: what is there before each step and not after it.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;

use crate::error::MigrateError;
use crate::list::Step;

/// What one step takes away, by the names that it had before the first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    pub tables: Vec<String>,
    pub columns: Vec<(String, String)>,
    pub types: Vec<Retyped>,
    pub extensions: Vec<String>,
    /// Tables that it makes, as they are called after it.
    pub made: Vec<String>,
}

/// A column that has another type afterwards.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Retyped {
    pub table: String,
    pub column: String,
    pub from: String,
    pub to: String,
}

/// By their oid: a table that is renamed is still there.
type Tables = BTreeMap<u32, Table>;

#[derive(Clone)]
struct Table {
    /// Quoted where it needs to be.
    name: String,
    /// By their number: name, quoted where it needs to be, and type.
    columns: BTreeMap<i16, (String, String)>,
}

/// Goes down the steps, newest first, in a scratch database that is at the newest, and looks after each what is missing.
///
/// # Errors
/// When one does not work.
pub(super) async fn run(client: &Client, steps: &[&Step]) -> Result<Vec<Gone>, MigrateError> {
    let start = tables(client).await?;
    let (mut before, mut gone) = (start.clone(), Vec::with_capacity(steps.len()));
    let mut extensions_before = extensions(client).await?;
    for step in steps {
        let failed =
            |source: tokio_postgres::Error| MigrateError::Down { file: step.file_name(), source: source.into() };
        client.batch_execute(step.down_sql()?).await.map_err(failed)?;
        let after = tables(client).await?;
        let extensions_after = extensions(client).await?;
        let extensions = extensions_before.difference(&extensions_after).cloned().collect();
        let made =
            after.iter().filter(|(oid, _)| !start.contains_key(oid)).map(|(_, table)| table.name.clone()).collect();
        gone.push(Gone { extensions, made, ..difference(&start, &before, &after) });
        (before, extensions_before) = (after, extensions_after);
    }
    Ok(gone)
}

async fn extensions(client: &Client) -> Result<BTreeSet<String>, tokio_postgres::Error> {
    let rows = client.query("SELECT quote_ident(extname) FROM pg_extension", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn tables(client: &Client) -> Result<Tables, tokio_postgres::Error> {
    let sql = "-- tables
        SELECT c.oid, c.oid::regclass::text AS name, a.attnum, quote_ident(a.attname) AS attname,
               format_type(a.atttypid, a.atttypmod) AS type
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
            AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p')";
    let mut tables = Tables::new();
    for row in client.query(sql, &[]).await? {
        let new = || Table { name: row.get("name"), columns: BTreeMap::new() };
        let table = tables.entry(row.get("oid")).or_insert_with(new);
        if let Some(number) = row.get("attnum") {
            table.columns.insert(number, (row.get("attname"), row.get("type")));
        }
    }
    Ok(tables)
}

/// What is in `before` and not in `after`, by its name in `start`. What a step only just made holds nothing of today's.
fn difference(start: &Tables, before: &Tables, after: &Tables) -> Gone {
    let mut gone = Gone::default();
    for (oid, table) in before {
        let Some(at_start) = start.get(oid) else { continue };
        let Some(now) = after.get(oid) else {
            gone.tables.push(at_start.name.clone());
            continue;
        };
        for (number, (_, from)) in &table.columns {
            let Some((column, _)) = at_start.columns.get(number) else { continue };
            match now.columns.get(number) {
                None => gone.columns.push((at_start.name.clone(), column.clone())),
                Some((_, to)) if to != from => gone.types.push(Retyped {
                    table: at_start.name.clone(),
                    column: column.clone(),
                    from: from.clone(),
                    to: to.clone(),
                }),
                Some(_) => {}
            }
        }
    }
    gone
}
