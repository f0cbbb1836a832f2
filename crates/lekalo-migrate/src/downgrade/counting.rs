//! Counts in the real database, by reading only.

use std::collections::BTreeSet;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use super::Loss;
use super::dry_run::Gone;
use super::effects::Effect;
use crate::error::MigrateError;
use crate::program::{Parts, Program};
use crate::session::Session;
use crate::tls::Tls;

/// A session as the owner.
pub(super) struct Counter {
    session: Session,
    parts: Option<Parts>,
    /// Tables that the steps until now make, or whose rows they change: what is there today says nothing of them.
    made: BTreeSet<String>,
    changed: BTreeSet<String>,
}

impl Counter {
    pub(super) async fn open(owner: &Config, tls: &Tls, program: Program) -> Result<Self, MigrateError> {
        let session = Session::open(owner, tls, program).await?;
        session
            .client
            .batch_execute("SET search_path = public; SET statement_timeout = 0; SET lock_timeout = '5s'")
            .await?;
        Ok(Self { session, parts: program.parts, made: BTreeSet::new(), changed: BTreeSet::new() })
    }

    pub(super) fn client(&self) -> &Client {
        &self.session.client
    }

    /// What is lost with a step: how much there is now of all that it takes away.
    pub(super) async fn losses(
        &mut self,
        gone: &Gone,
        effects: Vec<Effect>,
    ) -> Result<Vec<Loss>, tokio_postgres::Error> {
        let (client, parts) = (&mut self.session.client, self.parts.as_ref());
        let mut losses = Vec::new();
        for table in &gone.tables {
            if let Some(rows) = count_in(client, table, "count(*)", parts).await? {
                losses.push(Loss::Table { table: table.clone(), rows });
            }
        }
        for (table, column) in &gone.columns {
            if let Some(values) = count_in(client, table, &format!("count({column})"), parts).await? {
                losses.push(Loss::Column { table: table.clone(), column: column.clone(), values });
            }
        }
        for retyped in &gone.types {
            let values = count_in(client, &retyped.table, &format!("count({})", retyped.column), parts).await?;
            if let Some(values) = values {
                losses.push(Loss::Type {
                    table: retyped.table.clone(),
                    column: retyped.column.clone(),
                    from: retyped.from.clone(),
                    to: retyped.to.clone(),
                    values,
                });
            }
        }
        self.made.extend(gone.made.iter().cloned());
        for effect in effects {
            losses.extend(loss(client, effect, parts, &self.made, &mut self.changed).await?);
        }
        losses.sort();
        Ok(losses)
    }
}

/// None: no row is there for the statement to take.
async fn loss(
    client: &mut Client,
    effect: Effect,
    parts: Option<&Parts>,
    made: &BTreeSet<String>,
    changed: &mut BTreeSet<String>,
) -> Result<Option<Loss>, tokio_postgres::Error> {
    let (table, statement) = match &effect {
        Effect::Unforeseen { statement } => return Ok(Some(Loss::Unforeseen { statement: statement.clone() })),
        Effect::Delete { table, statement, .. }
        | Effect::Overwrite { table, statement, .. }
        | Effect::Empty { table, statement, .. } => (table.clone(), statement.clone()),
    };
    if made.contains(&table) {
        return Ok(None);
    }
    // Or it is called otherwise today.
    if !changed.insert(table.clone()) || !is_there(client, &table).await? {
        return Ok(Some(Loss::Unforeseen { statement }));
    }
    let rows = match &effect {
        Effect::Empty { .. } => count_in(client, &table, "count(*)", parts).await?,
        // As the statement will see it: what row-level security hides from it stays.
        Effect::Delete { count, .. } | Effect::Overwrite { count, .. } => read(client, count, is_refusal).await?,
        Effect::Unforeseen { .. } => None,
    };
    let Some(rows) = rows else { return Ok(Some(Loss::Unforeseen { statement })) };
    let loss = match effect {
        Effect::Overwrite { .. } => Loss::Overwritten { table, rows },
        Effect::Empty { cascade: true, .. } => Loss::Rows { cascades: true, table, rows },
        _ => Loss::Rows { cascades: is_referred_to(client, &table).await?, table, rows },
    };
    Ok((rows > 0).then_some(loss))
}

async fn is_there(client: &Client, table: &str) -> Result<bool, tokio_postgres::Error> {
    Ok(client.query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&table]).await?.get(0))
}

/// Whether rows of other tables go, or lose their reference, with a row of this one.
async fn is_referred_to(client: &Client, table: &str) -> Result<bool, tokio_postgres::Error> {
    let sql = "-- is_referred_to
        SELECT EXISTS (
            SELECT FROM pg_constraint
            WHERE contype = 'f' AND confrelid = to_regclass($1::text) AND confdeltype IN ('c', 'n', 'd')
        )";
    Ok(client.query_one(sql, &[&table]).await?.get(0))
}

/// An aggregate over all rows of a table. Where row-level security binds the owner too, part by part. None: this
/// database has no such thing, although the migrations make it.
async fn count_in(
    client: &mut Client,
    table: &str,
    aggregate: &str,
    parts: Option<&Parts>,
) -> Result<Option<i64>, tokio_postgres::Error> {
    if !is_there(client, table).await? {
        return Ok(None);
    }
    let all = format!("SELECT {aggregate} FROM {table}");
    let bound: bool = client.query_one("SELECT row_security_active($1::text)", &[&table]).await?.get(0);
    let Some(parts) = parts.filter(|_| bound) else { return read(client, &all, is_unknown).await };
    let transaction = client.build_transaction().read_only(true).start().await?;
    let count = match transaction.prepare(&format!("{all} WHERE {} = $1", parts.column)).await {
        Err(error) if is_unknown(&error) => {
            drop(transaction);
            return read(client, &all, is_unknown).await;
        }
        count => count?,
    };
    let mut sum = 0;
    for part in transaction.query(parts.all, &[]).await? {
        let part: i64 = part.get(0);
        transaction.batch_execute(&format!("SET LOCAL {} = '{part}'", parts.setting)).await?;
        sum += transaction.query_one(&count, &[&part]).await?.get::<_, i64>(0);
    }
    Ok(Some(sum))
}

/// A number; none where PostgreSQL's refusal is one of the `expected`.
async fn read(
    client: &mut Client,
    sql: &str,
    expected: fn(&tokio_postgres::Error) -> bool,
) -> Result<Option<i64>, tokio_postgres::Error> {
    let transaction = client.build_transaction().read_only(true).start().await?;
    match transaction.query_one(sql, &[]).await {
        Err(error) if expected(&error) => Ok(None),
        row => Ok(Some(row?.get(0))),
    }
}

/// What it asks for is not here.
fn is_unknown(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::UNDEFINED_COLUMN | &SqlState::UNDEFINED_TABLE))
}

/// It may need what an earlier step makes.
fn is_refusal(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some()
}
