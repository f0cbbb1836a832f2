//! Transactions: the only way to a query. A tenant's transaction sets the tenant that row-level security filters by.
//!
//! A read is one pipeline: BEGIN with its settings, the queries and COMMIT are sent together and answered together.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::TryStreamExt as _;
use futures::future::{BoxFuture, join, join_all, try_join_all};
use tokio_postgres::Row;

use super::audit::{Changes, NewEvent};
use super::bulkhead::is_for_a_caller;
use super::catalog_writes::{CatalogChange, CatalogWrites};
use super::connection::Connection;
use super::deadline::statement_timeout_ms;
use super::pool::Db;
use super::query::Query;
use super::write_limit::WritePermit;
use crate::domain::error::{Error, Result};
use crate::domain::tenant::TenantId;

/// The rows of several queries, in their order.
type Answers<const N: usize> = [Vec<Row>; N];

impl Db {
    /// Reads reference tables, in one pipeline.
    pub async fn read<const N: usize>(&self, queries: [Query<'_>; N]) -> Result<Answers<N>> {
        self.pipeline(None, "READ ONLY", queries).await
    }

    /// Writes reference tables in one pipeline, with nothing to tell of it: it is of interest to the servers alone.
    pub async fn bookkeep<const N: usize>(&self, queries: [Query<'_>; N]) -> Result<Answers<N>> {
        self.pipeline(None, "", queries).await
    }

    /// A transaction of several steps on reference tables.
    pub async fn transaction(&self) -> Result<Transaction> {
        Transaction::begin(self, None, self.statement_timeout, None).await
    }

    /// The way to a tenant's tables.
    pub fn tenant(&self, id: TenantId) -> Tenant<'_> {
        Tenant { db: self, id }
    }

    async fn pipeline<const N: usize>(
        &self,
        tenant: Option<TenantId>,
        access: &str,
        queries: [Query<'_>; N],
    ) -> Result<Answers<N>> {
        let mut connection = self.connection().await?;
        connection.dirty = true;
        let begin = begin_sql(tenant, access, self.statement_timeout, is_for_a_caller().then_some(self.lock_wait));
        let client = connection.client()?;
        // Each future sends its statement when first polled, in this order; only then do the answers come.
        let begun = client.batch_execute(&begin);
        let answers =
            join_all(queries.iter().map(|q| self.metrics.statement(q.name(), client.query_typed(q.sql, &q.params))));
        let committed = client.batch_execute("COMMIT");
        let (begun, (answers, committed)) =
            connection.answer(self.statement_timeout, join(begun, join(answers, committed))).await?;
        connection.dirty = false;

        let mut rows = Vec::with_capacity(N);
        // After the first failure the rest fails with 25P02: the first is what happened.
        let mut failure = begun.err();
        for answer in answers {
            match answer {
                Ok(answer) => rows.push(answer),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(error) = failure.or(committed.err()) {
            connection.note_error(&error);
            return Err(error.into());
        }
        connection.note_answer();
        rows.try_into().map_err(|_| Error::internal("a query of the pipeline has no answer"))
    }
}

/// A tenant's tables.
#[derive(Clone, Copy)]
pub struct Tenant<'a> {
    pub(super) db: &'a Db,
    pub id: TenantId,
}

impl Tenant<'_> {
    /// Reads, in one pipeline.
    pub async fn read<const N: usize>(&self, queries: [Query<'_>; N]) -> Result<Answers<N>> {
        self.db.pipeline(Some(self.id), "READ ONLY", queries).await
    }

    /// Writes, in one pipeline, all of it or nothing, with nothing to tell of it: it is of interest to the servers alone.
    pub async fn bookkeep<const N: usize>(&self, queries: [Query<'_>; N]) -> Result<Answers<N>> {
        self.db.pipeline(Some(self.id), "", queries).await
    }

    /// A transaction of several steps, each of which may take up to `statement_timeout`, waiting for others included.
    pub async fn transaction(&self, statement_timeout: Duration) -> Result<Transaction> {
        Transaction::begin(self.db, Some(self.id), statement_timeout, None).await
    }

    /// A transaction of several steps on a caller's behalf. However many of a tenant's write at once, and whoever holds
    /// what they need, other tenants find connections: only some of its writes have one at a time, and none waits long.
    ///
    /// # Errors
    /// `ResourceExhausted` where its turn does not come; so do its steps where somebody else holds what they need.
    pub async fn write_transaction(&self) -> Result<Transaction> {
        let permit = self.db.write_limit.next(self.id, self.db.pool_timeout).await?;
        Transaction::begin(self.db, Some(self.id), self.db.statement_timeout, Some(permit)).await
    }
}

/// A transaction of several steps. Dropped without [`Transaction::commit`] it is rolled back.
pub struct Transaction {
    connection: Connection,
    /// How long a statement may take.
    timeout: Duration,
    pub(super) tenant: Option<TenantId>,
    /// What it changes of catalogs, if anything, to be told when it lasts.
    pub(super) catalog_change: OnceLock<CatalogChange>,
    catalog_writes: Arc<CatalogWrites>,
    pub(super) changes: Changes,
    _permit: Option<WritePermit>,
}

impl Transaction {
    async fn begin(db: &Db, tenant: Option<TenantId>, timeout: Duration, permit: Option<WritePermit>) -> Result<Self> {
        let mut connection = db.connection().await?;
        connection.dirty = true;
        // What works on a tenant's whole list, as imports do, waits for others as long as it may take itself.
        let is_short = permit.is_some() || (tenant.is_none() && is_for_a_caller());
        let begin = begin_sql(tenant, "", timeout, is_short.then_some(db.lock_wait));
        Self::begin_as(db, connection, tenant, timeout, permit, &begin).await
    }

    /// One that sees one moment of a tenant's rows. What it reads for is kept and awaited by others: nobody's lock holds it up long.
    pub(super) async fn begin_snapshot(db: &Db, tenant: TenantId) -> Result<Self> {
        let mut connection = db.connection().await?;
        connection.dirty = true;
        let (access, timeout) = ("ISOLATION LEVEL REPEATABLE READ, READ ONLY", db.statement_timeout);
        let begin = begin_sql(Some(tenant), access, timeout, Some(db.lock_wait));
        Self::begin_as(db, connection, Some(tenant), timeout, None, &begin).await
    }

    async fn begin_as(
        db: &Db,
        connection: Connection,
        tenant: Option<TenantId>,
        timeout: Duration,
        permit: Option<WritePermit>,
        begin: &str,
    ) -> Result<Self> {
        let tx = Self {
            connection,
            timeout,
            tenant,
            catalog_change: OnceLock::new(),
            catalog_writes: db.catalog_writes.clone(),
            changes: Changes::default(),
            _permit: permit,
        };
        tx.ask(db.metrics.timed("begin", tx.connection.client()?.batch_execute(begin))).await?;
        Ok(tx)
    }

    /// Sends a statement and waits for its answer, no longer than the server may take for it.
    fn ask<'a, T: Send + 'a>(
        &'a self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        Box::pin(async {
            let answer = self.connection.answer(self.timeout, statement).await?;
            match &answer {
                Ok(_) => self.connection.note_answer(),
                Err(error) => self.connection.note_error(error),
            }
            Ok(answer?)
        })
    }

    /// A tenant's event is written in its tenant's context.
    async fn enter_for(&mut self, event: &NewEvent) -> Result<()> {
        match event.tenant {
            Some(tenant) if self.tenant != Some(tenant) => self.enter(tenant).await,
            _ => Ok(()),
        }
    }

    /// Goes on in another tenant's context.
    pub(super) async fn enter(&mut self, tenant: TenantId) -> Result<()> {
        self.ask(self.connection.client()?.batch_execute(&set_tenant_sql(tenant))).await?;
        self.tenant = Some(tenant);
        Ok(())
    }

    /// Goes on outside any tenant.
    pub async fn leave(&mut self) -> Result<()> {
        self.ask(self.connection.client()?.batch_execute("SET LOCAL app.current_tenant_id = ''")).await?;
        self.tenant = None;
        Ok(())
    }

    /// The tenant whose tables it works on.
    pub(super) fn tenant_id(&self) -> Result<i64> {
        let tenant = self.tenant.ok_or_else(|| Error::internal("a tenant's statement outside any tenant"))?;
        Ok(tenant.0)
    }

    /// Runs a statement and returns its rows.
    pub async fn query(&self, query: Query<'_>) -> Result<Vec<Row>> {
        let statement = self.connection.client()?.query_typed(query.sql, &query.params);
        self.ask(self.connection.metrics.statement(query.name(), statement)).await
    }

    /// Runs several statements, sent and answered together.
    pub(super) async fn query_all<const N: usize>(&self, queries: [Query<'_>; N]) -> Result<Answers<N>> {
        let (client, metrics) = (self.connection.client()?, &self.connection.metrics);
        let asked = queries.iter().map(|q| metrics.statement(q.name(), client.query_typed(q.sql, &q.params)));
        let answers = self.ask(try_join_all(asked)).await?;
        answers.try_into().map_err(|_| Error::internal("a query has no answer"))
    }

    /// Runs a statement whose rows are taken one by one.
    pub(super) async fn for_each_row(
        &self,
        query: Query<'_>,
        mut each: impl FnMut(&Row) -> Result<()> + Send,
    ) -> Result<()> {
        let client = self.connection.client()?;
        let params: Vec<_> = query.params.iter().map(|(value, sql_type)| (*value, sql_type.clone())).collect();
        let work = async {
            let mut rows = pin!(client.query_typed_raw(query.sql, params).await?);
            while let Some(row) = rows.try_next().await? {
                if let Err(error) = each(&row) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        };
        self.ask(self.connection.metrics.statement(query.name(), work)).await?
    }

    /// Runs a statement and returns how many rows it touched.
    pub async fn execute(&self, query: Query<'_>) -> Result<u64> {
        let statement = self.connection.client()?.execute_typed(query.sql, &query.params);
        self.ask(self.connection.metrics.statement(query.name(), statement)).await
    }

    /// Runs fixed statements without parameters.
    pub async fn batch(&self, sql: &'static str) -> Result<()> {
        let statement = self.connection.client()?.batch_execute(sql);
        self.ask(self.connection.metrics.statement(super::query::name(sql), statement)).await
    }

    /// Starts a `COPY … FROM STDIN`.
    pub async fn copy_in<B: bytes::Buf + Send + 'static>(
        &self,
        sql: &'static str,
    ) -> Result<tokio_postgres::CopyInSink<B>> {
        self.ask(self.connection.client()?.copy_in(sql)).await
    }

    /// Does several things of one statement, in no more time than the server may take for it.
    pub(super) async fn within(&self, name: &'static str, work: impl Future<Output = Result<()>>) -> Result<()> {
        self.connection.within(self.timeout, self.connection.metrics.timed(name, work)).await?
    }

    /// Makes it last, with an event for each of its changes.
    ///
    /// # Errors
    /// `Internal` where it has not said what it changes; it is undone then.
    pub async fn commit(mut self) -> Result<()> {
        let mut events = self.changes.events()?;
        let last = events.pop();
        for event in &events {
            self.enter_for(event).await?;
            self.query(event.insert()).await?;
        }
        if let Some(event) = &last {
            self.enter_for(event).await?;
        }
        let (client, metrics) = (self.connection.client()?, &self.connection.metrics);
        let told = async {
            let Some(event) = last.as_ref().map(NewEvent::insert) else { return Ok(Vec::new()) };
            metrics.statement(event.name(), client.query_typed(event.sql, &event.params)).await
        };
        let commit = metrics.timed("commit", client.batch_execute("COMMIT"));
        // Sent and answered together. Where the event cannot be written the COMMIT undoes everything, and says no word of it.
        let ended = async {
            let (told, committed) = join(told, commit).await;
            told.and(committed)
        };
        self.ask(ended).await?;
        self.connection.dirty = false;
        if let Some(change) = self.catalog_change.get() {
            self.connection.metrics.catalog_changed(change.cause);
            self.catalog_writes.note(*change);
        }
        Ok(())
    }
}

/// The one place where a tenant's context is set: local to the transaction, so that nothing is left on the
/// connection. SET takes no parameters; the values are numbers of our own. A write does not say READ WRITE: an operator who
/// has made the database read-only is obeyed.
fn begin_sql(tenant: Option<TenantId>, access: &str, timeout: Duration, lock_wait: Option<Duration>) -> String {
    let timeout = statement_timeout_ms(timeout);
    let mut sql = format!("BEGIN {access}; SET LOCAL search_path = public; SET LOCAL statement_timeout = {timeout}");
    if let Some(wait) = lock_wait {
        sql.push_str(&format!("; SET LOCAL lock_timeout = {}", wait.as_millis()));
    }
    if let Some(tenant) = tenant {
        sql.push_str("; ");
        sql.push_str(&set_tenant_sql(tenant));
    }
    sql
}

fn set_tenant_sql(TenantId(id): TenantId) -> String {
    format!("SET LOCAL app.current_tenant_id = '{id}'")
}
