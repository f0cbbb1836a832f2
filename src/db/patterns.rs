//! Patterns.

use std::collections::HashMap;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Tenant;
use super::catalog::CategoryRef;
use super::query::{Query, optional_word};
use crate::domain::error::{Error, Result};
use crate::domain::pattern::Pattern;
use crate::domain::vehicle::{Attributes, Years};

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

    /// How many available patterns there are for each of these cars, given by the slugs of brand and model, an empty model
    /// standing for all of the brand's; in one category or in all.
    pub async fn count_patterns(
        &self,
        category: Option<&CategoryRef>,
        cars: &[(String, String)],
    ) -> Result<PatternCounts> {
        let (brands, models): (Vec<&str>, Vec<&str>) =
            cars.iter().map(|(brand, model)| (brand.as_str(), model.as_str())).unzip();
        let category_id = category.map(|category| category.id);
        let [rows] = self
            .read([Query::new(
                "-- count_patterns
                SELECT asked.brand, asked.model, count(*) AS patterns
                FROM (SELECT DISTINCT * FROM unnest($2::text[] /* brands */, $3::text[] /* models */)) asked (brand, model)
                JOIN brands b ON b.slug = asked.brand
                JOIN models m ON m.brand_id = b.id AND asked.model IN (m.slug, '')
                JOIN patterns p ON p.tenant_id = $1 /* tenant_id */ AND p.model_id = m.id AND p.available
                WHERE $4::bigint /* category_id */ IS NULL OR p.category_id = $4
                GROUP BY asked.brand, asked.model",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&brands, Type::TEXT_ARRAY)
            .bind(&models, Type::TEXT_ARRAY)
            .bind(&category_id, Type::INT8)])
            .await?;
        let count = |row: &Row| Ok(((row.try_get("brand")?, row.try_get("model")?), row.try_get("patterns")?));
        Ok(PatternCounts(rows.iter().map(count).collect::<Result<_>>()?))
    }
}

/// Available patterns of cars, by brand and model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatternCounts(HashMap<(String, String), i64>);

impl PatternCounts {
    /// How many there are of a model, by slugs; of all the brand's models where the model is empty.
    pub fn of(&self, brand: &str, model: &str) -> i64 {
        self.0.get(&(brand.to_owned(), model.to_owned())).copied().unwrap_or_default()
    }
}

/// A pattern from its row and its car's.
pub(super) fn pattern(row: &Row) -> Result<Pattern> {
    Ok(Pattern {
        id: row.try_get("id")?,
        brand: row.try_get("brand")?,
        model: row.try_get("model")?,
        generation: row.try_get::<_, Option<String>>("generation")?.unwrap_or_default(),
        years: Years { from: row.try_get("year_from")?, to: row.try_get("year_to")? },
        body_type: optional_word(row, "body_type")?,
        attributes: attributes(row)?,
        available: row.try_get("available")?,
        notes: row.try_get("notes")?,
    })
}

/// A pattern's attributes from the columns that are named as they are.
pub(super) fn attributes(row: &Row) -> Result<Attributes> {
    let mut attributes = Attributes::default();
    for field in Attributes::FIELDS {
        if let Some(word) = row.try_get(field.name)? {
            (field.set)(&mut attributes, word).map_err(Error::internal)?;
        }
    }
    Ok(attributes)
}
