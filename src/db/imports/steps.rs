//! The steps of an import on its way to its end: started in turn, kept alive, failed, cancelled.

use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::db::imports::goes_before;
use crate::db::query::Query;
use crate::db::{Db, Tenant};
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
            .write([
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
                        lease_until = clock_timestamp() + make_interval(secs => $3 /* lease */)
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */
                      -- Running already: by whoever asks again because the answer did not come.
                      AND lease_until >= clock_timestamp()
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
                .bind(&lease, Type::FLOAT8),
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
            .write([
                lock_lease(&self.id.0, &id),
                Query::new(
                    "-- renew_import
                    UPDATE imports
                    SET lease_until = clock_timestamp() + make_interval(secs => $3 /* lease */),
                        step = $4 /* step */, rows_done = $5 /* rows_done */, rows_total = $6 /* rows_total */
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state IN ('queued', 'running')
                      -- Past it somebody may have been told that it is interrupted.
                      AND lease_until >= clock_timestamp()
                    RETURNING id",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID)
                .bind(&lease, Type::FLOAT8)
                .bind(&step, Type::TEXT)
                .bind(&progress.rows, Type::INT8)
                .bind(&progress.total, Type::INT8),
            ])
            .await?;
        Ok(!renewed.is_empty())
    }

    /// Ends an import that could not be carried out.
    pub async fn fail_import(&self, id: Uuid, failure: &Failure) -> Result<()> {
        self.write([
            lock_lease(&self.id.0, &id),
            Query::new(
                "-- fail_import
                UPDATE imports
                SET state = 'failed', revision = revision + 1, finished_at = now(), lease_until = NULL,
                    error_code = $3 /* code */, error_message = $4 /* message */, error_hint = $5 /* hint */
                WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND state IN ('queued', 'running')
                  AND lease_until >= clock_timestamp()",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&id, Type::UUID)
            .bind(&failure.code, Type::TEXT)
            .bind(&failure.message, Type::TEXT)
            .bind(&failure.hint, Type::TEXT),
        ])
        .await?;
        Ok(())
    }

    /// Stops an import under way, or discards a preview; one that is cancelled already stays so.
    ///
    /// # Errors
    /// `NotFound`, and `FailedPrecondition` `ILLEGAL_IMPORT_STATE` if it has ended otherwise.
    pub async fn cancel_import(&self, id: Uuid) -> Result<Import> {
        self.write([
            lock_lease(&self.id.0, &id),
            Query::new(
                "-- cancel_import
                UPDATE imports
                SET state = 'cancelled', revision = revision + 1, finished_at = now(), lease_until = NULL
                WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */
                  AND (state IN ('queued', 'running') AND lease_until >= clock_timestamp() OR state = 'validated')",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&id, Type::UUID),
        ])
        .await?;
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

impl Db {
    /// Records as interrupted imports of all tenants whose lease is over; the tenant's and the import's id of each.
    pub async fn end_interrupted_imports(&self) -> Result<Vec<(TenantId, Uuid)>> {
        let failure = Failure::interrupted();
        let [_, ended] = self
            .write([
                Query::new("-- sweep_imports\n SET LOCAL app.sweeps_imports = 'on'"),
                Query::new(
                    "-- end_interrupted_imports
                    UPDATE imports
                    SET state = 'failed', revision = revision + 1, finished_at = lease_until, lease_until = NULL,
                        error_code = $1 /* code */, error_message = $2 /* message */, error_hint = $3 /* hint */
                    WHERE state IN ('queued', 'running') AND lease_until < now()
                    RETURNING tenant_id, id",
                )
                .bind(&failure.code, Type::TEXT)
                .bind(&failure.message, Type::TEXT)
                .bind(&failure.hint, Type::TEXT),
            ])
            .await?;
        ended.iter().map(|row| Ok((TenantId(row.try_get("tenant_id")?), row.try_get("id")?))).collect()
    }
}
