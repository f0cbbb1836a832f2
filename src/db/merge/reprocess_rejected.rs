//! Rows that were rejected when their import was written and are understood by now.

use std::pin::pin;

use futures::{Stream, StreamExt as _};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Merge;
use crate::db::Tenant;
use crate::db::query::Query;
use crate::domain::error::Result;
use crate::domain::import::{CleanRow, State};

impl Tenant<'_> {
    /// Takes rejected rows, each understood anew and with its place in the document, into a SUCCEEDED import of this
    /// revision; `false` if it is no longer that. Rows whose car the reference lacks stay rejected, all others as they
    /// are.
    ///
    /// # Errors
    /// `FailedPrecondition` `IMPORT_RUNNING` while another one writes. Nothing is written then.
    pub async fn reprocess_rejected(
        &self,
        id: Uuid,
        revision: i64,
        rows: impl Stream<Item = Result<Vec<(i32, CleanRow)>>> + Send,
    ) -> Result<bool> {
        let Some(lock) = self.lock_category(id, State::Succeeded, revision).await? else { return Ok(false) };
        let merge = &lock.merge;
        merge.plan_for_sets().await?;
        merge.create_staging().await?;
        let mut rows = pin!(rows);
        while let Some(rows) = rows.next().await {
            merge.stage(rows?.iter().map(|(position, row)| (*position, row))).await?;
        }
        merge.analyze_staging().await?;
        merge.match_vehicles().await?;
        merge.write_variants().await?;
        merge.match_patterns(false).await?;
        merge.join_own_rows().await?;
        let write_number = merge.next_write_number().await?;
        let returned = merge.return_withdrawn().await?;
        let created = merge.write_patterns().await?;
        let updated = merge.number_changes(write_number).await?;
        if merge.update_reprocessed_rows(write_number).await? == 0 {
            return Ok(true);
        }
        merge.retake_issues().await?;
        if returned + created + updated > 0 {
            merge.tx.bump_catalog_version("import").await?;
        }
        let counts = merge.count().await?;
        merge.finish(State::Succeeded, State::Succeeded, &counts, Some(write_number)).await?;
        lock.merge.tx.commit().await?;
        Ok(true)
    }
}

impl Merge {
    /// A row that says the same as one that the import already has a pattern for adds nothing.
    async fn join_own_rows(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- join_own_rows
                    UPDATE merged
                    SET outcome = 'merged', first_position = r.position
                    FROM import_rows r
                    WHERE r.tenant_id = $1 /* tenant_id */ AND r.import_id = $2 /* import_id */
                      AND r.pattern_id = merged.pattern_id AND r.outcome IN ('created', 'updated', 'unchanged')",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(())
    }

    /// Patterns that this import itself withdrew, for want of these rows, and nobody touched since, are as they were
    /// before it: unchanged. Returns how many rows that are.
    async fn return_withdrawn(&self) -> Result<u64> {
        self.tx
            .execute(
                Query::new(
                    "-- return_withdrawn
                    WITH own AS (
                        DELETE FROM import_changes c
                        USING merged
                        WHERE c.tenant_id = $1 /* tenant_id */ AND c.import_id = $2 /* import_id */
                          AND c.kind = 'withdrawn' AND c.pattern_id = merged.pattern_id AND merged.outcome = 'updated'
                          AND NOT EXISTS (
                              SELECT
                              FROM import_changes later
                              JOIN imports i
                                ON i.tenant_id = later.tenant_id AND i.id = later.import_id AND i.state = 'succeeded'
                              JOIN imports o ON o.tenant_id = c.tenant_id AND o.id = c.import_id
                              WHERE later.tenant_id = c.tenant_id AND later.pattern_id = c.pattern_id
                                AND later.import_id <> c.import_id
                                AND (coalesce(later.write_number, i.write_number, 0), i.finished_at)
                                    > (coalesce(c.write_number, o.write_number, 0), o.finished_at))
                        RETURNING c.pattern_id
                    ), returned AS (
                        UPDATE patterns p
                        SET available = true, revision = p.revision + 1, updated_at = now()
                        FROM own
                        WHERE p.tenant_id = $1 AND p.id = own.pattern_id
                    )
                    UPDATE merged
                    SET outcome = 'unchanged'
                    FROM own
                    WHERE merged.pattern_id = own.pattern_id AND merged.outcome = 'updated'",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await
    }

    /// The changes just made came later than the import's first ones. Returns how many.
    async fn number_changes(&self, write_number: i64) -> Result<u64> {
        self.tx
            .execute(
                Query::new(
                    "-- number_changes
                    UPDATE import_changes c
                    SET write_number = $3 /* write_number */
                    FROM merged
                    WHERE c.tenant_id = $1 /* tenant_id */ AND c.import_id = $2 /* import_id */
                      AND c.pattern_id = merged.pattern_id AND merged.outcome = 'updated'",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID)
                .bind(&write_number, Type::INT8),
            )
            .await
    }

    /// Records what is understood of the rows by now. Returns how many were taken in.
    async fn update_reprocessed_rows(&self, write_number: i64) -> Result<u64> {
        self.tx
            .execute(
                Query::new(
                    "-- update_reprocessed_rows
                    UPDATE import_rows r
                    SET source_id = s.source_id, make = s.make, model = s.model, generation = s.generation,
                        year_from = s.year_from, year_to = s.year_to, body_type = s.body_type, steering = s.steering,
                        borders = s.borders, seat_rows = s.seat_rows, trunk = s.trunk, notes = s.notes,
                        confidence = s.confidence, accepted = s.accepted, outcome = merged.outcome,
                        pattern_id = merged.pattern_id,
                        same_as = nullif(merged.first_position, merged.position), write_number = $3 /* write_number */
                    FROM staged_rows s
                    JOIN merged ON merged.position = s.position
                    WHERE r.tenant_id = $1 /* tenant_id */ AND r.import_id = $2 /* import_id */
                      AND r.position = s.position AND r.outcome = 'rejected'",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID)
                .bind(&write_number, Type::INT8),
            )
            .await
    }

    /// What was wrong with the rows taken in gives way to what is still worth knowing.
    async fn retake_issues(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- forget_issues
                    DELETE FROM import_issues i
                    USING merged
                    WHERE i.tenant_id = $1 /* tenant_id */ AND i.import_id = $2 /* import_id */
                      AND i.position = merged.position",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        self.tx
            .execute(
                Query::new(
                    "-- retake_issues
                    INSERT INTO import_issues (tenant_id, import_id, position, number, code, field, message, suggestion)
                    SELECT $1 /* tenant_id */, $2 /* import_id */, s.position, number, code, field, message, suggestion
                    FROM staged_issues s
                    JOIN merged ON merged.position = s.position",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(())
    }
}
