//! The steps of an import on its way to its end: started in turn, kept alive, failed, cancelled.

use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::db::imports::{forget_file, goes_before};
use crate::db::query::{Query, at_most_one};
use crate::db::{Db, Tenant, Transaction, audit};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::Result;
use crate::domain::import::{Failure, Import, Progress, State};
use crate::domain::tenant::TenantId;

/// Whether a queued import may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It is RUNNING now.
    Started,
    /// This other import into the same category comes first.
    WaitsFor(Uuid),
    /// It is not queued any more.
    Ended,
}

impl Tenant<'_> {
    /// Moves a queued import to RUNNING if it is its turn: one runs in a category, in the order of uploads.
    pub async fn start_import(&self, id: Uuid) -> Result<Start> {
        loop {
            if let Some(start) = self.try_start_import(id).await? {
                return Ok(start);
            }
        }
    }

    /// None: the one before it has ended between the two looks.
    async fn try_start_import(&self, id: Uuid) -> Result<Option<Start>> {
        let lease = self.import_lease().as_secs_f64();
        let [_, _, started] = self
            .bookkeep([
                lock_lease(&self.id.0, &id),
                // Two that start at once would not see each other.
                Query::new(
                    "-- lock_starts
                    SELECT pg_advisory_xact_lock(hashtextextended(format('lekalo start %s', $1 /* tenant_id */), 0))::text",
                )
                .bind(&self.id.0, Type::INT8),
                Query::new(concat!(
                    "-- start_import
                    UPDATE imports i
                    SET state = 'running', revision = revision + 1,
                        tries_left = CASE state WHEN 'queued' THEN greatest(tries_left - 1, 0) ELSE tries_left END,
                        lease_until = clock_timestamp() + make_interval(secs => $3 /* lease */)
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */
                      -- Running already: by whoever asks again because the answer did not come.
                      AND lease_until >= clock_timestamp() AND holder = $4 /* holder */
                      AND (state = 'running' OR state = 'queued' AND NOT EXISTS (
                          SELECT
                          FROM imports o
                          WHERE ",
                    goes_before!(),
                    "))
                    RETURNING id"
                ))
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID)
                .bind(&lease, Type::FLOAT8)
                .bind(&self.db.holder, Type::UUID),
            ])
            .await?;
        if !started.is_empty() {
            return Ok(Some(Start::Started));
        }
        let import = self.get_import(id).await?;
        Ok(if import.state.is_final() { Some(Start::Ended) } else { import.waits_for.map(Start::WaitsFor) })
    }

    /// A sign of life of an import under way, and how far it has come; `false` if it is not (any more).
    pub async fn renew_import(&self, id: Uuid, progress: Progress) -> Result<bool> {
        let lease = self.import_lease().as_secs_f64();
        let step = progress.step.word();
        let [_, renewed] = self
            .bookkeep([
                lock_lease(&self.id.0, &id),
                Query::new(
                    "-- renew_import
                    UPDATE imports
                    SET lease_until = clock_timestamp() + make_interval(secs => $3 /* lease */),
                        step = $4 /* step */, rows_done = $5 /* rows_done */, rows_total = $6 /* rows_total */
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state IN ('queued', 'running')
                      -- Past it somebody may have been told that it is interrupted.
                      AND lease_until >= clock_timestamp() AND holder = $7 /* holder */
                    RETURNING id",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID)
                .bind(&lease, Type::FLOAT8)
                .bind(&step, Type::TEXT)
                .bind(&progress.rows, Type::INT8)
                .bind(&progress.total, Type::INT8)
                .bind(&self.db.holder, Type::UUID),
            ])
            .await?;
        Ok(!renewed.is_empty())
    }

    /// Ends an import that could not be carried out.
    pub async fn fail_import(&self, id: Uuid, failure: &Failure) -> Result<()> {
        let tx = self.transaction(self.db.statement_timeout).await?;
        let fail = Query::new(
            "-- fail_import
            UPDATE imports
            SET state = 'failed', revision = revision + 1, finished_at = now(), lease_until = NULL,
                error_code = $3 /* code */, error_message = $4 /* message */, error_hint = $5 /* hint */
            WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state IN ('queued', 'running')
              AND lease_until >= clock_timestamp() AND holder = $6 /* holder */",
        )
        .bind(&self.id.0, Type::INT8)
        .bind(&id, Type::UUID)
        .bind(&failure.code, Type::TEXT)
        .bind(&failure.message, Type::TEXT)
        .bind(&failure.hint, Type::TEXT)
        .bind(&self.db.holder, Type::UUID);
        self.end_import(tx, id, fail, &format!("failed: {}", failure.code)).await?;
        Ok(())
    }

    /// Ends an import as a statement says that it ends, if it may; whether it has.
    async fn end_import(&self, tx: Transaction, id: Uuid, end: Query<'_>, summary: &str) -> Result<bool> {
        tx.query(lock_lease(&self.id.0, &id)).await?;
        let has_ended = tx.execute(end).await? > 0;
        if has_ended {
            tx.execute(forget_file(&self.id.0, &id)).await?;
            tx.changes(Change::of(ResourceKind::Import, id, summary));
        } else {
            tx.changes_nothing();
        }
        tx.commit().await?;
        Ok(has_ended)
    }

    /// Gives an import whose file is kept back, to be begun anew by another server: this one stops. That is no failed try.
    pub async fn hand_over_import(&self, id: Uuid) -> Result<()> {
        self.bookkeep([
            lock_lease(&self.id.0, &id),
            Query::new(
                "-- hand_over_import
                UPDATE imports
                SET tries_left = tries_left + CASE state WHEN 'running' THEN 1 ELSE 0 END, state = 'queued',
                    revision = revision + 1, lease_until = clock_timestamp(), step = NULL, rows_done = 0, rows_total = 0
                WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state IN ('queued', 'running')
                  AND lease_until >= clock_timestamp() AND holder = $3 /* holder */",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&id, Type::UUID)
            .bind(&self.db.holder, Type::UUID),
        ])
        .await?;
        Ok(())
    }

    /// Takes over an import whose lease is over, QUEUED again, with its category; none if it cannot be had any more.
    pub async fn take_over_import(&self, id: Uuid) -> Result<Option<(Import, i64)>> {
        let lease = self.import_lease().as_secs_f64();
        let [_, taken] = self
            .bookkeep([
                lock_lease(&self.id.0, &id),
                Query::new(
                    "-- take_over_import
                    UPDATE imports
                    SET state = 'queued', revision = revision + 1, holder = $4 /* holder */,
                        lease_until = clock_timestamp() + make_interval(secs => $3 /* lease */),
                        step = NULL, rows_done = 0, rows_total = 0
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state IN ('queued', 'running')
                      AND lease_until < clock_timestamp() AND tries_left > 0
                    RETURNING category_id",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID)
                .bind(&lease, Type::FLOAT8)
                .bind(&self.db.holder, Type::UUID),
            ])
            .await?;
        match at_most_one(taken)? {
            None => Ok(None),
            Some(row) => Ok(Some((self.get_import(id).await?, row.try_get("category_id")?))),
        }
    }

    /// Records that an import is interrupted; `false` if it is not, or was recorded already.
    pub async fn end_interrupted_import(&self, id: Uuid) -> Result<bool> {
        let failure = Failure::interrupted();
        let tx = self.transaction(self.db.statement_timeout).await?;
        let end = Query::new(
            "-- end_interrupted_import
            UPDATE imports
            SET state = 'failed', revision = revision + 1, finished_at = lease_until, lease_until = NULL,
                error_code = $3 /* code */, error_message = $4 /* message */, error_hint = $5 /* hint */
            WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state IN ('queued', 'running')
              AND lease_until < clock_timestamp() AND tries_left = 0",
        )
        .bind(&self.id.0, Type::INT8)
        .bind(&id, Type::UUID)
        .bind(&failure.code, Type::TEXT)
        .bind(&failure.message, Type::TEXT)
        .bind(&failure.hint, Type::TEXT);
        self.end_import(tx, id, end, &format!("failed: {}", failure.code)).await
    }

    /// Stops an import under way, or discards a preview; one that is cancelled already stays so.
    ///
    /// # Errors
    /// `NotFound`, and `FailedPrecondition` `ILLEGAL_IMPORT_STATE` if it has ended otherwise.
    pub async fn cancel_import(&self, id: Uuid) -> Result<Import> {
        let cancel = Query::new(
            "-- cancel_import
            UPDATE imports
            SET state = 'cancelled', revision = revision + 1, finished_at = now(), lease_until = NULL
            WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */
              AND (state IN ('queued', 'running') AND (lease_until >= clock_timestamp() OR tries_left > 0)
                   OR state = 'validated')",
        )
        .bind(&self.id.0, Type::INT8)
        .bind(&id, Type::UUID);
        self.end_import(self.write_transaction().await?, id, cancel, "cancelled").await?;
        let import = self.get_import(id).await?;
        match import.state {
            State::Cancelled => Ok(import),
            state => Err(state.refused(&[State::Queued, State::Running, State::Validated])),
        }
    }
}

/// Goes before a statement that asks whether the lease is over: the answer must be of the time after waiting for the row.
fn lock_lease<'a>(tenant_id: &'a i64, id: &'a Uuid) -> Query<'a> {
    Query::new(
        "-- lock_lease
        SELECT id FROM imports WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ FOR NO KEY UPDATE",
    )
    .bind(tenant_id, Type::INT8)
    .bind(id, Type::UUID)
}

/// An import whose lease is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftBehind {
    pub tenant: TenantId,
    pub import: Uuid,
    /// Whether it is to be taken over; else it is interrupted.
    pub goes_on: bool,
}

impl Db {
    /// The imports of all tenants whose lease is over, oldest first.
    pub async fn list_left_behind(&self) -> Result<Vec<LeftBehind>> {
        let [_, rows] = self
            .read([
                Query::new("-- sweep_imports\n SET LOCAL app.sweeps_imports = 'on'"),
                Query::new(
                    "-- list_left_behind
                    SELECT tenant_id, id, tries_left > 0 AS goes_on
                    FROM imports
                    WHERE state IN ('queued', 'running') AND lease_until < now()
                    ORDER BY id
                    LIMIT 100",
                ),
            ])
            .await?;
        let left = rows.iter().map(|row| {
            let tenant = TenantId(row.try_get("tenant_id")?);
            Ok(LeftBehind { tenant, import: row.try_get("id")?, goes_on: row.try_get("goes_on")? })
        });
        left.collect()
    }

    /// Records as interrupted those of all tenants that cannot go on; the tenant's and the import's id of each.
    pub async fn end_interrupted_imports(&self) -> Result<Vec<(TenantId, Uuid)>> {
        let mut ended = Vec::new();
        for LeftBehind { tenant, import, goes_on } in self.list_left_behind().await? {
            if goes_on {
                continue;
            }
            let own = self.tenant(tenant);
            let origin = own.origin_of_import(import).await?.later("sweeper/EndInterruptedImport");
            if audit::on_behalf_of(origin, own.end_interrupted_import(import)).await? {
                ended.push((tenant, import));
            }
        }
        Ok(ended)
    }
}
