//! Writing an import: clean rows in, patterns out, in one transaction.
//!
//! The rows are staged by binary COPY (which row-level security refuses on the tables themselves), matched against
//! the reference and the tenant's patterns in one pass, and merged by sets. Every row is recorded with its outcome.

mod staging;

use std::time::Duration;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::query::{Query, one};
use super::{Tenant, Transaction};
use crate::domain::error::{Error, Result};
use crate::domain::import::{CleanRow, Counts, Import, Mode, State};

/// How long one step of a merge may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(600);
/// REPLACE refuses to withdraw more than this part of a category's patterns without being told to.
const LARGE_WITHDRAWAL_PERCENT: i64 = 20;

impl Tenant<'_> {
    /// Carries out a RUNNING import (or previews it, if it is `validate_only`), all or nothing, and ends it.
    ///
    /// # Errors
    /// `FailedPrecondition` for a REPLACE that would withdraw too much; `Aborted` if the import is no longer running.
    /// Nothing is written then.
    pub async fn merge_import(&self, import: &Import, category_id: i64, rows: &[CleanRow]) -> Result<Counts> {
        let tx = self.transaction(STEP_TIMEOUT).await?;
        let merge = Merge { tx: &tx, tenant_id: self.id.0, import_id: import.id, category_id };
        merge.wait_for_turn().await?;
        merge.stage(rows).await?;
        merge.match_vehicles().await?;
        if !import.validate_only {
            merge.write_variants().await?;
        }
        merge.match_patterns().await?;
        let withdrawn = match import.mode {
            Mode::Merge => 0,
            Mode::Replace => merge.count_withdrawn(import.allow_large_withdrawal).await?,
        };
        if !import.validate_only {
            merge.write_patterns().await?;
            if import.mode == Mode::Replace {
                merge.withdraw_patterns().await?;
            }
        }
        merge.record_rows().await?;
        let state = if import.validate_only { State::Validated } else { State::Succeeded };
        let counts = merge.finish(state, withdrawn).await?;
        tx.commit().await?;
        Ok(counts)
    }
}

/// One import being merged, within its transaction.
struct Merge<'a> {
    tx: &'a Transaction,
    tenant_id: i64,
    import_id: Uuid,
    category_id: i64,
}

impl Merge<'_> {
    /// One import at a time writes a tenant's category. Readers are not held up: they see the patterns before or after.
    async fn wait_for_turn(&self) -> Result<()> {
        self.tx
            .query(
                Query::new(
                    "-- wait_for_turn
                    SELECT pg_advisory_xact_lock(hashtextextended(
                        format('lekalo import %s %s', $1 /* tenant_id */, $2 /* category_id */), 0))::text",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.category_id, Type::INT8),
            )
            .await?;
        Ok(())
    }

    async fn stage(&self, rows: &[CleanRow]) -> Result<()> {
        self.tx
            .batch(
                "-- create_staging
                CREATE TEMP TABLE staged_rows (
                    position integer NOT NULL, page_number integer NOT NULL, row_number integer NOT NULL,
                    source_id text NOT NULL, cells text[] NOT NULL, make text NOT NULL, model text NOT NULL,
                    generation text NOT NULL, year_from smallint, year_to smallint, body_type text, steering text,
                    borders text, seat_rows text, trunk text, notes text NOT NULL, confidence text NOT NULL,
                    is_header boolean NOT NULL, accepted boolean NOT NULL
                ) ON COMMIT DROP;
                CREATE TEMP TABLE staged_issues (
                    position integer NOT NULL, number smallint NOT NULL, code text NOT NULL, field text NOT NULL,
                    message text NOT NULL, suggestion text NOT NULL
                ) ON COMMIT DROP",
            )
            .await?;
        staging::copy_rows(self.tx, rows).await?;
        staging::copy_issues(self.tx, rows).await?;
        // Without statistics the joins below are planned for a handful of rows and do not finish.
        self.tx.batch("-- analyze_staging\n ANALYZE staged_rows; ANALYZE staged_issues").await
    }

    /// Accepted rows with the reference's model and variant. A make or model that the reference lacks rejects the row.
    async fn match_vehicles(&self) -> Result<()> {
        self.tx
            .batch(
                "-- match_vehicles
                CREATE TEMP TABLE matched ON COMMIT DROP AS
                SELECT s.position, m.id AS model_id, s.generation, s.year_from, s.year_to, s.body_type, v.id AS variant_id
                FROM staged_rows s
                JOIN brands b ON b.name = s.make
                JOIN models m ON m.brand_id = b.id AND m.name = s.model
                LEFT JOIN model_variants v
                  ON v.model_id = m.id AND coalesce(v.generation, '') = s.generation
                 AND coalesce(v.year_from, 0) = coalesce(s.year_from, 0)
                 AND coalesce(v.year_to, 0) = coalesce(s.year_to, 0)
                 AND coalesce(v.body_type, '') = coalesce(s.body_type, '')
                WHERE s.accepted;

                INSERT INTO staged_issues (position, number, code, field, message, suggestion)
                SELECT s.position, 100, 'model_unknown', 'model',
                       format('марки или модели «%s %s» нет в справочнике', s.make, s.model), ''
                FROM staged_rows s
                WHERE s.accepted AND NOT EXISTS (SELECT FROM matched WHERE matched.position = s.position);

                ANALYZE matched",
            )
            .await
    }

    /// Variants that no one named before. In key order, so that two tenants' imports cannot wait for each other.
    async fn write_variants(&self) -> Result<()> {
        self.tx
            .batch(
                "-- write_variants
                INSERT INTO model_variants (model_id, generation, year_from, year_to, body_type)
                SELECT DISTINCT model_id, nullif(generation, ''), year_from, year_to, body_type
                FROM matched
                WHERE variant_id IS NULL
                ORDER BY 1, 2, 3, 4, 5
                ON CONFLICT DO NOTHING;

                UPDATE matched
                SET variant_id = v.id
                FROM model_variants v
                WHERE matched.variant_id IS NULL
                  AND v.model_id = matched.model_id AND coalesce(v.generation, '') = matched.generation
                  AND coalesce(v.year_from, 0) = coalesce(matched.year_from, 0)
                  AND coalesce(v.year_to, 0) = coalesce(matched.year_to, 0)
                  AND coalesce(v.body_type, '') = coalesce(matched.body_type, '')",
            )
            .await
    }

    /// Rows that say the same share the first one's pattern; the first one is compared with what the tenant has.
    async fn match_patterns(&self) -> Result<()> {
        self.tx
            .query(
                Query::new(
                    "-- match_patterns
                    CREATE TEMP TABLE merged ON COMMIT DROP AS
                    WITH keyed AS (
                        SELECT m.position, m.model_id, m.variant_id, s.steering, s.borders, s.seat_rows, s.trunk, s.notes,
                               first_value(m.position) OVER (
                                   PARTITION BY m.model_id, m.generation, m.year_from, m.year_to, m.body_type,
                                                s.steering, s.borders, s.seat_rows, s.trunk, s.notes
                                   ORDER BY m.position) AS first_position
                        FROM matched m
                        JOIN staged_rows s USING (position)
                    )
                    SELECT keyed.*, p.id AS pattern_id,
                           CASE WHEN keyed.position <> keyed.first_position THEN 'merged'
                                WHEN p.id IS NULL THEN 'created'
                                WHEN NOT p.available THEN 'updated'
                                ELSE 'unchanged' END AS outcome
                    FROM keyed
                    LEFT JOIN patterns p
                      ON p.tenant_id = $1 /* tenant_id */ AND p.category_id = $2 /* category_id */
                     AND p.model_id = keyed.model_id AND p.variant_id = keyed.variant_id
                     AND coalesce(p.steering, '') = coalesce(keyed.steering, '')
                     AND coalesce(p.borders, '') = coalesce(keyed.borders, '')
                     AND coalesce(p.seat_rows, '') = coalesce(keyed.seat_rows, '')
                     AND coalesce(p.trunk, '') = coalesce(keyed.trunk, '')
                     AND p.notes = keyed.notes",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.category_id, Type::INT8),
            )
            .await?;
        self.tx.batch("-- analyze_merged\n ANALYZE merged").await
    }

    /// How many patterns the file no longer has; refused if that looks like a mistake.
    async fn count_withdrawn(&self, allow_large: bool) -> Result<i64> {
        let rows = self
            .tx
            .query(
                Query::new(
                    "-- count_withdrawn
                    SELECT count(*) AS total,
                           count(*) FILTER (WHERE NOT EXISTS (SELECT FROM merged WHERE merged.pattern_id = p.id)) AS gone
                    FROM patterns p
                    WHERE p.tenant_id = $1 /* tenant_id */ AND p.category_id = $2 /* category_id */ AND p.available",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.category_id, Type::INT8),
            )
            .await?;
        let row = one(rows)?;
        let (total, gone): (i64, i64) = (row.try_get("total")?, row.try_get("gone")?);
        if !allow_large && gone * 100 > total * LARGE_WITHDRAWAL_PERCENT {
            return Err(Error::FailedPrecondition {
                reason: "LARGE_WITHDRAWAL",
                message: format!(
                    "the file would withdraw {gone} of {total} patterns, more than {LARGE_WITHDRAWAL_PERCENT} %; \
                     if that is meant, allow it with allow_large_withdrawal"
                ),
                metadata: vec![("withdrawn", gone.to_string()), ("available", total.to_string())],
            });
        }
        Ok(gone)
    }

    /// New patterns, in the document's order, and those that are available again.
    async fn write_patterns(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- create_patterns
                    WITH created AS (
                        INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, steering, borders, seat_rows,
                                              trunk, notes)
                        SELECT $1 /* tenant_id */, $2 /* category_id */, model_id, variant_id, steering, borders,
                               seat_rows, trunk, notes
                        FROM merged
                        WHERE outcome = 'created'
                        ORDER BY position
                        RETURNING id, model_id, variant_id, steering, borders, seat_rows, trunk, notes
                    ), recorded AS (
                        INSERT INTO import_changes (tenant_id, import_id, pattern_id, kind)
                        SELECT $1, $3 /* import_id */, id, 'created' FROM created
                    )
                    UPDATE merged
                    SET pattern_id = created.id
                    FROM created
                    WHERE merged.pattern_id IS NULL
                      AND created.model_id = merged.model_id AND created.variant_id = merged.variant_id
                      AND coalesce(created.steering, '') = coalesce(merged.steering, '')
                      AND coalesce(created.borders, '') = coalesce(merged.borders, '')
                      AND coalesce(created.seat_rows, '') = coalesce(merged.seat_rows, '')
                      AND coalesce(created.trunk, '') = coalesce(merged.trunk, '')
                      AND created.notes = merged.notes",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.category_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        self.tx
            .execute(
                Query::new(
                    "-- restore_patterns
                    WITH restored AS (
                        UPDATE patterns p
                        SET available = true, updated_at = now()
                        FROM merged
                        WHERE p.tenant_id = $1 /* tenant_id */ AND p.id = merged.pattern_id AND merged.outcome = 'updated'
                        RETURNING p.id
                    )
                    INSERT INTO import_changes (tenant_id, import_id, pattern_id, kind, before)
                    SELECT $1, $2 /* import_id */, id, 'updated', jsonb_build_object('available', false) FROM restored",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(())
    }

    async fn withdraw_patterns(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- withdraw_patterns
                    WITH withdrawn AS (
                        UPDATE patterns p
                        SET available = false, updated_at = now()
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

    async fn record_rows(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- record_rows
                    INSERT INTO import_rows (tenant_id, import_id, position, page_number, row_number, source_id, cells,
                                             make, model, generation, year_from, year_to, body_type, steering, borders,
                                             seat_rows, trunk, notes, confidence, outcome, pattern_id, same_as)
                    SELECT $1 /* tenant_id */, $2 /* import_id */, s.position, s.page_number, s.row_number, s.source_id,
                           s.cells, s.make, s.model, s.generation, s.year_from, s.year_to, s.body_type, s.steering,
                           s.borders, s.seat_rows, s.trunk, s.notes, s.confidence,
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

    async fn finish(&self, state: State, withdrawn: i64) -> Result<Counts> {
        let state = state.word();
        let ended = self
            .tx
            .query(
                Query::new(
                    "-- finish_import
                    UPDATE imports
                    SET state = $3 /* state */, revision = revision + 1, finished_at = clock_timestamp(), lease_until = NULL,
                        rows_read = c.rows_read, created = c.created, updated = c.updated, unchanged = c.unchanged,
                        merged = c.merged, rejected = c.rejected, headers = c.headers, withdrawn = $4 /* withdrawn */
                    FROM (
                        SELECT count(*) AS rows_read,
                               count(*) FILTER (WHERE outcome = 'created') AS created,
                               count(*) FILTER (WHERE outcome = 'updated') AS updated,
                               count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
                               count(*) FILTER (WHERE outcome = 'merged') AS merged,
                               count(*) FILTER (WHERE outcome = 'rejected') AS rejected,
                               count(*) FILTER (WHERE outcome = 'header') AS headers
                        FROM import_rows
                        WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */
                    ) c
                    WHERE tenant_id = $1 AND id = $2 AND state = 'running'
                    RETURNING imports.rows_read, imports.created, imports.updated, imports.unchanged, imports.merged,
                              imports.rejected, imports.headers, imports.withdrawn",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID)
                .bind(&state, Type::TEXT)
                .bind(&withdrawn, Type::INT8),
            )
            .await?;
        let Some(row) = super::query::at_most_one(ended)? else {
            return Err(Error::Aborted {
                reason: "CONCURRENT_CHANGE",
                message: "the import was ended by somebody else; nothing of it was written".into(),
            });
        };
        let counts = Counts {
            rows_read: row.try_get("rows_read")?,
            created: row.try_get("created")?,
            updated: row.try_get("updated")?,
            unchanged: row.try_get("unchanged")?,
            merged: row.try_get("merged")?,
            rejected: row.try_get("rejected")?,
            headers: row.try_get("headers")?,
            withdrawn: row.try_get("withdrawn")?,
        };
        if state == State::Succeeded.word() && counts.created + counts.updated + counts.withdrawn > 0 {
            self.tx
                .execute(
                    Query::new(
                        "-- bump_catalog_version
                        UPDATE tenants SET catalog_version = catalog_version + 1 WHERE id = $1 /* tenant_id */",
                    )
                    .bind(&self.tenant_id, Type::INT8),
                )
                .await?;
        }
        Ok(counts)
    }
}
