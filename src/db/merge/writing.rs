//! Patterns written, rows recorded, the import ended.

use tokio_postgres::types::Type;

use super::{Merge, commit_limit};
use crate::db::imports::{counts, forget_file};
use crate::db::query::{Query, one};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Result};
use crate::domain::import::{Counts, State};

impl Merge {
    /// New patterns, numbered in the document's order, and those that are available again. Returns how many are new.
    pub(super) async fn write_patterns(&self) -> Result<u64> {
        self.tx
            .batch(
                "-- number_patterns
                UPDATE merged SET pattern_id = nextval('patterns_id_seq')
                WHERE outcome = 'created' AND pattern_id IS NULL;

                UPDATE merged
                SET pattern_id = first.pattern_id
                FROM merged first
                WHERE merged.outcome = 'merged' AND merged.pattern_id IS NULL
                  AND first.position = merged.first_position",
            )
            .await?;
        let created = self
            .tx
            .execute(
                Query::new(
                    "-- create_patterns
                    INSERT INTO patterns (tenant_id, id, category_id, model_id, variant_id, steering, borders, seat_rows,
                                          trunk, notes)
                    SELECT $1 /* tenant_id */, pattern_id, $2 /* category_id */, model_id, variant_id, steering, borders,
                           seat_rows, trunk, notes
                    FROM merged
                    WHERE outcome = 'created'
                    -- As readers look for them, and the index has them.
                    ORDER BY model_id, variant_id",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.category_id, Type::INT8),
            )
            .await?;
        self.tx
            .execute(
                Query::new(
                    "-- restore_patterns
                    WITH restored AS (
                        UPDATE patterns p
                        SET available = true, revision = p.revision + 1, updated_at = now()
                        FROM merged
                        WHERE p.tenant_id = $1 /* tenant_id */ AND p.id = merged.pattern_id AND merged.outcome = 'updated'
                        RETURNING p.id
                    )
                    INSERT INTO import_changes (tenant_id, import_id, pattern_id, kind, before)
                    SELECT $1, $2 /* import_id */, id, 'updated', jsonb_build_object('available', false) FROM restored
                    ON CONFLICT (tenant_id, import_id, pattern_id) DO UPDATE
                    SET kind = EXCLUDED.kind, before = EXCLUDED.before",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(created)
    }

    /// Withdraws the category's patterns that no row names.
    pub(super) async fn withdraw_patterns(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- withdraw_patterns
                    WITH withdrawn AS (
                        UPDATE patterns p
                        SET available = false, revision = p.revision + 1, updated_at = now()
                        WHERE p.tenant_id = $1 /* tenant_id */ AND p.category_id = $2 /* category_id */ AND p.available
                          AND NOT EXISTS (SELECT FROM merged WHERE merged.pattern_id = p.id)
                        RETURNING p.id
                    )
                    INSERT INTO import_changes (tenant_id, import_id, pattern_id, kind, before)
                    SELECT $1, $3 /* import_id */, id, 'withdrawn', jsonb_build_object('available', true) FROM withdrawn",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.category_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(())
    }

    /// Keeps every row with what became of it, and what is wrong with it.
    pub(super) async fn record_rows(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- record_rows
                    INSERT INTO import_rows (tenant_id, import_id, position, page_number, row_number, source_id, cells,
                                             make, model, generation, year_from, year_to, body_type, steering, borders,
                                             seat_rows, trunk, notes, confidence, accepted, outcome, pattern_id,
                                             same_as)
                    SELECT $1 /* tenant_id */, $2 /* import_id */, s.position, s.page_number, s.row_number, s.source_id,
                           s.cells, s.make, s.model, s.generation, s.year_from, s.year_to, s.body_type, s.steering,
                           s.borders, s.seat_rows, s.trunk, s.notes, s.confidence, s.accepted,
                           CASE WHEN s.is_header THEN 'header' ELSE coalesce(merged.outcome, 'rejected') END,
                           merged.pattern_id, nullif(merged.first_position, s.position)
                    FROM staged_rows s
                    LEFT JOIN merged USING (position)",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        self.tx
            .execute(
                Query::new(
                    "-- record_issues
                    INSERT INTO import_issues (tenant_id, import_id, position, number, code, field, message, suggestion)
                    SELECT $1 /* tenant_id */, $2 /* import_id */, position, number, code, field, message, suggestion
                    FROM staged_issues",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(())
    }

    /// The next place among the writes into this category, which take turns.
    pub(super) async fn next_write_number(&self) -> Result<i64> {
        let rows = self
            .tx
            .query(
                Query::new(
                    "-- next_write_number
                    SELECT coalesce(max(last_write_number), 0) + 1 AS next
                    FROM imports
                    WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* category_id */",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.category_id, Type::INT8),
            )
            .await?;
        Ok(one(rows)?.try_get("next")?)
    }

    /// What its recorded rows and changes come to.
    pub(super) async fn count(&self) -> Result<Counts> {
        let counted = self
            .tx
            .query(
                Query::new(
                    "-- count_outcomes
                    SELECT count(*) AS rows_read,
                           count(*) FILTER (WHERE outcome = 'created') AS created,
                           count(*) FILTER (WHERE outcome = 'updated') AS updated,
                           count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
                           count(*) FILTER (WHERE outcome = 'merged') AS merged,
                           count(*) FILTER (WHERE outcome = 'rejected') AS rejected,
                           count(*) FILTER (WHERE outcome = 'header') AS headers,
                           (SELECT count(*) FROM import_changes
                            WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */
                              AND kind = 'withdrawn') AS withdrawn
                    FROM import_rows
                    WHERE tenant_id = $1 AND import_id = $2",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        counts(&one(counted)?)
    }

    /// Moves the import from one state to another; the last step before COMMIT. `write_number` is none for a preview. An
    /// import that goes from SUCCEEDED to SUCCEEDED has taken rows in: it ended before.
    ///
    /// Once the lease is over, readers take the import for interrupted. So a fifth of it has to be left, and this statement,
    /// the pause after it and COMMIT ([`commit_limit`]) may not take longer.
    ///
    /// # Errors
    /// `Aborted` if it is no longer in the state it comes from.
    pub(super) async fn finish(
        &self,
        from: State,
        to: State,
        counts: &Counts,
        write_number: Option<i64>,
    ) -> Result<()> {
        let (limit, left) = (commit_limit(self.lease).as_millis().to_string(), (self.lease / 5).as_secs_f64());
        if from == State::Running {
            self.tx.execute(forget_file(&self.tenant_id, &self.import_id)).await?;
        }
        let (from, to) = (from.word(), to.word());
        // Its lease is looked at when nothing is waited for any more.
        let lock = Query::new(
            "-- lock_import_to_finish
            SELECT id FROM imports WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* import_id */ FOR NO KEY UPDATE",
        );
        self.tx.execute(lock.bind(&self.tenant_id, Type::INT8).bind(&self.import_id, Type::UUID)).await?;
        self.tx
            .execute(
                Query::new(
                    "-- limit_commit
                    SELECT set_config('idle_in_transaction_session_timeout', $1 /* milliseconds */, true),
                           set_config('statement_timeout', $1, true)",
                )
                .bind(&limit, Type::TEXT),
            )
            .await?;
        let ended = self
            .tx
            .execute(
                Query::new(
                    "-- finish_import
                    UPDATE imports
                    SET state = $4 /* to */, revision = revision + 1, lease_until = NULL,
                        finished_at = CASE WHEN state = 'succeeded' THEN finished_at ELSE clock_timestamp() END,
                        write_number = CASE WHEN state = 'succeeded' THEN write_number ELSE $5 /* write_number */ END,
                        last_write_number = $5,
                        rows_read = $7 /* rows_read */, created = $8 /* created */, updated = $9 /* updated */,
                        unchanged = $10 /* unchanged */, merged = $11 /* merged */, rejected = $12 /* rejected */,
                        headers = $13 /* headers */, withdrawn = $14 /* withdrawn */
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* import_id */ AND state = $3 /* from */
                      AND (lease_until IS NULL OR lease_until > clock_timestamp() + make_interval(secs => $6 /* left */))
                      AND ($3 <> 'running' OR holder = $15 /* holder */)",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID)
                .bind(&from, Type::TEXT)
                .bind(&to, Type::TEXT)
                .bind(&write_number, Type::INT8)
                .bind(&left, Type::FLOAT8)
                .bind(&counts.rows_read, Type::INT8)
                .bind(&counts.created, Type::INT8)
                .bind(&counts.updated, Type::INT8)
                .bind(&counts.unchanged, Type::INT8)
                .bind(&counts.merged, Type::INT8)
                .bind(&counts.rejected, Type::INT8)
                .bind(&counts.headers, Type::INT8)
                .bind(&counts.withdrawn, Type::INT8)
                .bind(&self.holder, Type::UUID),
            )
            .await?;
        if ended == 0 {
            return Err(Error::Aborted {
                reason: "CONCURRENT_CHANGE",
                message: "the import was ended by somebody else; nothing of it was written".into(),
                metadata: vec![],
            });
        }
        let Counts { created, updated, withdrawn, rejected, .. } = *counts;
        let summary = format!("{to}: {created} created, {updated} updated, {withdrawn} withdrawn, {rejected} rejected");
        self.tx.changes(Change::of(ResourceKind::Import, self.import_id, summary));
        Ok(())
    }
}
