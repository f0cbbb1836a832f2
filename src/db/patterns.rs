//! Patterns.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Tenant;
use super::catalog::CategoryRef;
use super::query::{Query, optional_word};
use crate::domain::error::Result;
use crate::domain::pattern::Pattern;
use crate::domain::vehicle::Years;

impl Tenant<'_> {
    /// All available patterns for a model, in the order they came in.
    pub async fn find_patterns(&self, category: &CategoryRef, model_id: i64) -> Result<Vec<Pattern>> {
        let [rows] = self
            .read([Query::new(
                "-- find_patterns
                SELECT p.id, b.slug AS brand, m.slug AS model, v.generation, v.year_from, v.year_to, v.body_type,
                       p.steering, p.borders, p.seat_rows, p.trunk, p.available, p.notes
                FROM patterns p
                JOIN models m ON m.id = p.model_id
                JOIN brands b ON b.id = m.brand_id
                JOIN model_variants v ON v.model_id = p.model_id AND v.id = p.variant_id
                WHERE p.tenant_id = $1 /* tenant_id */ AND p.category_id = $2 /* category_id */
                  AND p.model_id = $3 /* model_id */ AND p.available
                ORDER BY p.id",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&category.id, Type::INT8)
            .bind(&model_id, Type::INT8)])
            .await?;
        rows.iter().map(pattern).collect()
    }
}

fn pattern(row: &Row) -> Result<Pattern> {
    Ok(Pattern {
        id: row.try_get("id")?,
        brand: row.try_get("brand")?,
        model: row.try_get("model")?,
        generation: row.try_get::<_, Option<String>>("generation")?.unwrap_or_default(),
        years: Years { from: row.try_get("year_from")?, to: row.try_get("year_to")? },
        body_type: optional_word(row, "body_type")?,
        steering: optional_word(row, "steering")?,
        borders: optional_word(row, "borders")?,
        seat_rows: optional_word(row, "seat_rows")?,
        trunk: optional_word(row, "trunk")?,
        available: row.try_get("available")?,
        notes: row.try_get("notes")?,
    })
}
