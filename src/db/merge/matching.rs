//! What staged rows mean to the reference and to the tenant's patterns.

use tokio_postgres::types::Type;

use super::Merge;
use crate::db::query::{Query, one};
use crate::domain::error::{Error, Result};

/// REPLACE refuses to withdraw more than this part of a category's patterns without being told to.
const LARGE_WITHDRAWAL_PERCENT: i64 = 20;

impl Merge {
    /// Accepted rows with the reference's model and variant. A brand or model that the reference lacks rejects the row.
    pub(super) async fn match_vehicles(&self) -> Result<()> {
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
    pub(super) async fn write_variants(&self) -> Result<()> {
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

    /// Rows that say the same share the first one's pattern; the first one is compared with what the tenant has. New
    /// patterns are `numbered` in the document's order, if they are to be written whatever the comparison says.
    pub(super) async fn match_patterns(&self, numbered: bool) -> Result<()> {
        self.tx
            .query(
                Query::new(
                    "-- match_patterns
                    CREATE TEMP TABLE merged ON COMMIT DROP AS
                    WITH keyed AS (
                        SELECT m.position, m.model_id, m.variant_id, s.steering, s.borders, s.seat_rows, s.trunk, s.notes,
                               first_value(m.position) OVER (
                                   -- Any order will do: \"C\" is the fastest.
                                   PARTITION BY m.model_id, m.year_from, m.year_to, m.generation COLLATE \"C\",
                                                m.body_type COLLATE \"C\", s.steering COLLATE \"C\",
                                                s.borders COLLATE \"C\", s.seat_rows COLLATE \"C\",
                                                s.trunk COLLATE \"C\", s.notes COLLATE \"C\"
                                   ORDER BY m.position) AS first_position
                        FROM matched m
                        JOIN staged_rows s USING (position)
                    ), compared AS (
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
                         AND p.notes = keyed.notes
                        ORDER BY keyed.position
                    )
                    SELECT position, model_id, variant_id, steering, borders, seat_rows, trunk, notes, first_position,
                           CASE WHEN outcome = 'created' AND $3 /* numbered */ THEN nextval('patterns_id_seq')
                                ELSE pattern_id END AS pattern_id,
                           outcome
                    FROM compared",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.category_id, Type::INT8)
                .bind(&numbered, Type::BOOL),
            )
            .await?;
        self.tx.batch("-- analyze_merged\n ANALYZE merged").await
    }

    /// Refuses to withdraw so many patterns that it looks like a mistake.
    pub(super) async fn check_withdrawal(&self, allow_large: bool) -> Result<()> {
        let rows = self
            .tx
            .query(
                Query::new(
                    "-- count_withdrawn
                    SELECT count(*) AS total, count(*) FILTER (WHERE kept.pattern_id IS NULL) AS gone
                    FROM patterns p
                    LEFT JOIN (SELECT DISTINCT pattern_id FROM merged) kept ON kept.pattern_id = p.id
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
        Ok(())
    }
}
