//! Putting back what an import changed.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Merge;
use crate::db::Tenant;
use crate::db::query::{Query, at_most_one, one};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Result};
use crate::domain::import::State;

impl Tenant<'_> {
    /// Puts back what a SUCCEEDED import of this revision changed; `false` if it is no longer that.
    ///
    /// # Errors
    /// `FailedPrecondition` `IMPORT_SUPERSEDED` if a later import touched the same patterns, `PATTERNS_EDITED` if somebody did so
    /// by hand, `IMPORT_RUNNING` while another one writes. Nothing is written then.
    pub async fn revert_import(&self, id: Uuid, revision: i64) -> Result<bool> {
        let Some(lock) = self.lock_category(id, State::Succeeded, revision).await? else { return Ok(false) };
        let merge = &lock.merge;
        merge.refuse_later_touches().await?;
        merge.refuse_later_edits().await?;
        let restored = merge.restore_previous().await?;
        if restored > 0 {
            merge.tx.bump_catalog_version("revert").await?;
        }
        merge.record_revert().await?;
        merge.tx.changes(Change::of(ResourceKind::Import, id, format!("reverted: {restored} patterns restored")));
        lock.merge.tx.commit().await?;
        Ok(true)
    }
}

impl Merge {
    /// An import written later, and not reverted, that changed one of these patterns or has a row for it relies on it.
    async fn refuse_later_touches(&self) -> Result<()> {
        let later = self
            .tx
            .query(
                Query::new(
                    "-- find_later_import
                    WITH own AS (
                        SELECT c.pattern_id, coalesce(c.write_number, i.write_number, 0) AS place, i.finished_at
                        FROM import_changes c
                        JOIN imports i ON i.tenant_id = c.tenant_id AND i.id = c.import_id
                        WHERE c.tenant_id = $1 /* tenant_id */ AND c.import_id = $2 /* import_id */
                        UNION ALL
                        SELECT r.pattern_id, coalesce(r.write_number, i.write_number, 0), i.finished_at
                        FROM import_rows r
                        JOIN imports i ON i.tenant_id = r.tenant_id AND i.id = r.import_id
                        WHERE r.tenant_id = $1 AND r.import_id = $2 AND r.outcome = 'created'
                    ), touches AS (
                        SELECT c.import_id, c.pattern_id, c.write_number, own.place, own.finished_at
                        FROM own
                        JOIN import_changes c ON c.tenant_id = $1 AND c.pattern_id = own.pattern_id
                        UNION ALL
                        SELECT r.import_id, r.pattern_id, r.write_number, own.place, own.finished_at
                        FROM own
                        JOIN import_rows r ON r.tenant_id = $1 AND r.pattern_id = own.pattern_id
                    )
                    SELECT i.id, count(DISTINCT t.pattern_id) AS patterns
                    FROM touches t
                    JOIN imports i ON i.tenant_id = $1 AND i.id = t.import_id AND i.state = 'succeeded'
                    WHERE t.import_id <> $2
                      AND (coalesce(t.write_number, i.write_number, 0), i.finished_at) > (t.place, t.finished_at)
                    GROUP BY i.tenant_id, i.id
                    ORDER BY i.last_write_number DESC NULLS LAST, i.finished_at DESC
                    LIMIT 1",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        let Some(row) = at_most_one(later)? else { return Ok(()) };
        let (later, patterns): (Uuid, i64) = (row.try_get("id")?, row.try_get("patterns")?);
        Err(Error::FailedPrecondition {
            reason: "IMPORT_SUPERSEDED",
            message: format!("the later import {later} touched {patterns} of the same patterns; revert that one first"),
            metadata: vec![("import", later.to_string())],
        })
    }

    /// What somebody changed by hand since is not to be lost.
    async fn refuse_later_edits(&self) -> Result<()> {
        let edited = self
            .tx
            .query(
                Query::new(
                    "-- find_later_edits
                    WITH own AS (
                        SELECT c.pattern_id
                        FROM import_changes c
                        WHERE c.tenant_id = $1 /* tenant_id */ AND c.import_id = $2 /* import_id */
                        UNION
                        SELECT r.pattern_id
                        FROM import_rows r
                        WHERE r.tenant_id = $1 AND r.import_id = $2 AND r.outcome = 'created'
                    )
                    SELECT min(e.pattern_id) AS pattern_id, count(DISTINCT e.pattern_id) AS patterns
                    FROM pattern_edits e
                    JOIN imports i ON i.tenant_id = e.tenant_id AND i.id = $2
                    WHERE e.tenant_id = $1 AND e.edited_at > i.finished_at
                      AND e.pattern_id IN (SELECT pattern_id FROM own)",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        let row = one(edited)?;
        let Some(pattern) = row.try_get::<_, Option<i64>>("pattern_id")? else { return Ok(()) };
        let patterns: i64 = row.try_get("patterns")?;
        Err(Error::FailedPrecondition {
            reason: "PATTERNS_EDITED",
            message: format!(
                "{patterns} of its patterns were changed by hand since, pattern {pattern} for one; what was done by hand is \
                 not undone by a revert"
            ),
            metadata: vec![("pattern", pattern.to_string()), ("patterns", patterns.to_string())],
        })
    }

    /// Returns how many patterns are other than before.
    async fn restore_previous(&self) -> Result<u64> {
        let removed = self
            .tx
            .execute(
                Query::new(
                    "-- remove_created
                    DELETE FROM patterns p
                    USING import_rows r
                    WHERE r.tenant_id = $1 /* tenant_id */ AND r.import_id = $2 /* import_id */ AND r.outcome = 'created'
                      AND p.tenant_id = $1 AND p.id = r.pattern_id",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        let changed = self
            .tx
            .execute(
                Query::new(
                    "-- restore_previous
                    UPDATE patterns p
                    SET available = (c.before ->> 'available')::boolean, revision = p.revision + 1, updated_at = now()
                    FROM import_changes c
                    WHERE c.tenant_id = $1 /* tenant_id */ AND c.import_id = $2 /* import_id */
                      AND c.kind IN ('updated', 'withdrawn') AND p.tenant_id = $1 AND p.id = c.pattern_id",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(removed + changed)
    }

    async fn record_revert(&self) -> Result<()> {
        self.tx
            .execute(
                Query::new(
                    "-- record_revert
                    UPDATE imports
                    SET state = 'reverted', revision = revision + 1, finished_at = clock_timestamp()
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        Ok(())
    }
}
