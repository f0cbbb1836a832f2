//! A preview's record, and carrying out exactly that.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Merge;
use crate::db::Tenant;
use crate::db::query::{Query, one};
use crate::domain::error::{Error, Result};
use crate::domain::import::{Mode, State};

impl Tenant<'_> {
    /// Carries out what a VALIDATED import of this revision previewed; `false` if it is no longer that.
    ///
    /// # Errors
    /// `Aborted` `PREVIEW_OUTDATED` if anything would come out otherwise than previewed; `FailedPrecondition`
    /// `IMPORT_RUNNING` while another one writes. Nothing is written then.
    pub async fn apply_preview(&self, id: Uuid, revision: i64) -> Result<bool> {
        let Some(lock) = self.lock_category(id, State::Validated, revision).await? else { return Ok(false) };
        let merge = &lock.merge;
        merge.plan_for_sets().await?;
        merge.stage_recorded().await?;
        merge.match_vehicles().await?;
        merge.write_variants().await?;
        merge.match_patterns(false).await?;
        merge.compare_preview(lock.mode).await?;
        merge.forget_changes().await?;
        merge.write(lock.mode).await?;
        merge.record_patterns().await?;
        merge.succeed(State::Validated).await?;
        lock.merge.tx.commit().await?;
        Ok(true)
    }
}

impl Merge {
    /// Records what would become of patterns that exist.
    pub(super) async fn record_changes(&self, mode: Mode) -> Result<()> {
        let replaces = mode == Mode::Replace;
        self.tx
            .execute(
                Query::new(
                    "-- record_changes
                    INSERT INTO import_changes (tenant_id, import_id, pattern_id, kind, before)
                    SELECT $1 /* tenant_id */, $2 /* import_id */, pattern_id, 'updated',
                           jsonb_build_object('available', false)
                    FROM merged
                    WHERE outcome = 'updated'
                    UNION ALL
                    SELECT $1, $2, id, 'withdrawn', jsonb_build_object('available', true)
                    FROM patterns p
                    WHERE $4 /* replaces */ AND p.tenant_id = $1 AND p.category_id = $3 /* category_id */
                      AND p.available AND NOT EXISTS (SELECT FROM merged WHERE merged.pattern_id = p.id)",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID)
                .bind(&self.category_id, Type::INT8)
                .bind(&replaces, Type::BOOL),
            )
            .await?;
        Ok(())
    }

    /// Refuses to go on if any row would come out otherwise than recorded, or other patterns be withdrawn.
    async fn compare_preview(&self, mode: Mode) -> Result<()> {
        let replaces = mode == Mode::Replace;
        let rows = self
            .tx
            .query(
                Query::new(
                    "-- compare_preview
                    SELECT (SELECT count(*)
                            FROM import_rows r
                            LEFT JOIN merged m ON m.position = r.position
                            WHERE r.tenant_id = $1 /* tenant_id */ AND r.import_id = $2 /* import_id */
                              AND r.outcome <> 'header'
                              AND (r.outcome, r.pattern_id, r.same_as)
                                  IS DISTINCT FROM (coalesce(m.outcome, 'rejected'), m.pattern_id,
                                                    nullif(m.first_position, m.position))) AS rows,
                           (SELECT count(*)
                            FROM (SELECT pattern_id FROM import_changes
                                  WHERE tenant_id = $1 AND import_id = $2 AND kind = 'withdrawn') previewed
                            FULL JOIN (SELECT id FROM patterns p
                                       WHERE $4 /* replaces */ AND p.tenant_id = $1
                                         AND p.category_id = $3 /* category_id */ AND p.available
                                         AND NOT EXISTS (SELECT FROM merged WHERE merged.pattern_id = p.id)) gone
                              ON gone.id = previewed.pattern_id
                            WHERE gone.id IS NULL OR previewed.pattern_id IS NULL) AS patterns",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID)
                .bind(&self.category_id, Type::INT8)
                .bind(&replaces, Type::BOOL),
            )
            .await?;
        let row = one(rows)?;
        let (rows, patterns): (i64, i64) = (row.try_get("rows")?, row.try_get("patterns")?);
        if rows + patterns == 0 {
            return Ok(());
        }
        Err(Error::Aborted {
            reason: "PREVIEW_OUTDATED",
            message: format!(
                "the preview is stale: the category's patterns or the vehicle reference changed since, so that {rows} \
                 rows and {patterns} withdrawals would come out otherwise than previewed; nothing was written. Preview \
                 the file again: upload it with validate_only and a new request_id"
            ),
            metadata: vec![],
        })
    }

    /// A preview's changes make room for the real ones.
    async fn forget_changes(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- forget_changes
                    DELETE FROM import_changes WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(())
    }

    /// Recorded rows get the patterns that they made.
    async fn record_patterns(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- record_patterns
                    UPDATE import_rows r
                    SET pattern_id = merged.pattern_id
                    FROM merged
                    WHERE r.tenant_id = $1 /* tenant_id */ AND r.import_id = $2 /* import_id */
                      AND r.position = merged.position AND r.pattern_id IS NULL",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(())
    }
}
