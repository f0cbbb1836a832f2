//! What undoing migrations would destroy, found by undoing them in a transaction that is rolled back.

use std::collections::BTreeMap;
use std::fmt;

use tokio_postgres::{Client, Transaction};

use super::Step;
use super::apply::{Patience, is_contention, lock_timeout_sql};

/// Data that is gone once a migration is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// A table with its rows.
    Table { table: String, rows: i64 },
    /// A column with its values that are not null.
    Column { table: String, column: String, values: i64 },
    /// Rows of a table that stays.
    Rows { table: String, rows: i64 },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table { table, rows } => write!(f, "drops table {table} ({})", counted(*rows, "row")),
            Self::Column { table, column, values } => {
                write!(f, "drops column {table}.{column} ({})", counted(*values, "value"))
            }
            Self::Rows { table, rows } => write!(f, "deletes {} of {table}", counted(*rows, "row")),
        }
    }
}

/// `1,234 rows`.
fn counted(number: i64, what: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {what}{}", if number == 1 { "" } else { "s" })
}

/// What each of `steps`, undone in this order, would destroy.
///
/// # Errors
/// When a way back does not work; the step's index comes with it.
pub async fn losses(
    client: &mut Client,
    steps: &[(&Step, &str)],
    patience: Patience,
) -> Result<Vec<Vec<Loss>>, (usize, tokio_postgres::Error)> {
    let mut tries = 1;
    let (before, gone) = loop {
        match rehearse(client, steps, patience).await {
            Err((_, error)) if is_contention(&error) && tries < patience.tries => {
                tries += 1;
                tokio::time::sleep(patience.pause).await;
            }
            rehearsed => break rehearsed?,
        }
    };
    let mut losses = Vec::with_capacity(gone.len());
    for (index, gone) in gone.iter().enumerate() {
        losses.push(count(client, &before, gone).await.map_err(|error| (index, error))?);
    }
    Ok(losses)
}

/// Tables by their oid: a table that is renamed is still there.
type Tables = BTreeMap<u32, Table>;

#[derive(Clone)]
struct Table {
    /// Quoted where it needs to be.
    name: String,
    /// Quoted where they need to be, by their number.
    columns: BTreeMap<i16, String>,
    /// Rows deleted from it in this transaction.
    deleted: i64,
}

/// What one step takes away.
struct Gone {
    tables: Vec<u32>,
    columns: Vec<(u32, i16)>,
    /// Rows deleted from tables that stay.
    rows: Vec<(u32, i64)>,
}

/// Undoes the steps, looks after each what is missing, and takes it all back.
async fn rehearse(
    client: &mut Client,
    steps: &[(&Step, &str)],
    patience: Patience,
) -> Result<(Tables, Vec<Gone>), (usize, tokio_postgres::Error)> {
    let first = |error| (0, error);
    let transaction = client.transaction().await.map_err(first)?;
    transaction.batch_execute(&lock_timeout_sql(patience.lock_timeout)).await.map_err(first)?;
    let start = tables(&transaction).await.map_err(first)?;
    let (mut before, mut gone) = (start.clone(), Vec::new());
    for (index, (_, down)) in steps.iter().enumerate() {
        let failed = |error| (index, error);
        transaction.batch_execute(down).await.map_err(failed)?;
        // In one transaction a table with checks still to be made could not be altered.
        transaction.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await.map_err(failed)?;
        let after = tables(&transaction).await.map_err(failed)?;
        gone.push(difference(&before, &after));
        before = after;
    }
    transaction.rollback().await.map_err(first)?;
    Ok((start, gone))
}

async fn tables(transaction: &Transaction<'_>) -> Result<Tables, tokio_postgres::Error> {
    let rows = transaction
        .query(
            "-- tables
             SELECT c.oid, c.oid::regclass::text AS name, a.attnum, quote_ident(a.attname) AS attname,
                    pg_stat_get_xact_tuples_deleted(c.oid) AS deleted
             FROM pg_class c
             JOIN pg_namespace n ON n.oid = c.relnamespace
                 AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.relkind IN ('r', 'p')",
            &[],
        )
        .await?;
    let mut tables = Tables::new();
    for row in rows {
        let new = || Table { name: row.get("name"), columns: BTreeMap::new(), deleted: row.get("deleted") };
        tables.entry(row.get("oid")).or_insert_with(new).columns.insert(row.get("attnum"), row.get("attname"));
    }
    Ok(tables)
}

fn difference(before: &Tables, after: &Tables) -> Gone {
    let mut gone = Gone { tables: Vec::new(), columns: Vec::new(), rows: Vec::new() };
    for (oid, table) in before {
        let Some(now) = after.get(oid) else {
            gone.tables.push(*oid);
            continue;
        };
        gone.columns
            .extend(table.columns.keys().filter(|column| !now.columns.contains_key(column)).map(|c| (*oid, *c)));
        if now.deleted > table.deleted {
            gone.rows.push((*oid, now.deleted - table.deleted));
        }
    }
    gone
}

/// How much there is now of what a step takes away. What an earlier step only just made holds nothing of today's.
async fn count(client: &mut Client, now: &Tables, gone: &Gone) -> Result<Vec<Loss>, tokio_postgres::Error> {
    let mut losses = Vec::new();
    for table in gone.tables.iter().filter_map(|oid| now.get(oid)) {
        let rows = count_in(client, &table.name, "count(*)").await?;
        losses.push(Loss::Table { table: table.name.clone(), rows });
    }
    for (oid, column) in &gone.columns {
        let Some(table) = now.get(oid) else { continue };
        let Some(column) = table.columns.get(column) else { continue };
        let values = count_in(client, &table.name, &format!("count({column})")).await?;
        losses.push(Loss::Column { table: table.name.clone(), column: column.clone(), values });
    }
    for (oid, rows) in &gone.rows {
        let Some(table) = now.get(oid) else { continue };
        losses.push(Loss::Rows { table: table.name.clone(), rows: *rows });
    }
    losses.sort_by_key(ToString::to_string);
    Ok(losses)
}

/// An aggregate over all rows of a table. Where row-level security binds the owner too, tenant by tenant.
async fn count_in(client: &mut Client, table: &str, aggregate: &str) -> Result<i64, tokio_postgres::Error> {
    let transaction = client.build_transaction().read_only(true).start().await?;
    let bound: bool = transaction.query_one("SELECT row_security_active($1)", &[&table]).await?.get(0);
    if !bound {
        return Ok(transaction.query_one(&format!("SELECT {aggregate} FROM {table}"), &[]).await?.get(0));
    }
    let count = transaction.prepare(&format!("SELECT {aggregate} FROM {table} WHERE tenant_id = $1")).await?;
    let mut sum = 0;
    for tenant in transaction.query("SELECT id FROM tenants", &[]).await? {
        let tenant: i64 = tenant.get(0);
        transaction.batch_execute(&format!("SET LOCAL app.current_tenant_id = '{tenant}'")).await?;
        sum += transaction.query_one(&count, &[&tenant]).await?.get::<_, i64>(0);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let rows = [0, 1, 999, 1_234, 1_234_567].map(|rows| counted(rows, "row"));
        assert_eq!(rows, ["0 rows", "1 row", "999 rows", "1,234 rows", "1,234,567 rows"]);
    }
}
