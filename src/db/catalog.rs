//! What writes look up of a tenant's catalog. Bots read it out of memory, as [`super::snapshot`] loads it.

use std::collections::HashMap;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::query::{Query, at_most_one};
use super::{Tenant, Transaction};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::tenant::Language;

/// A category as a tenant stands to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryRef {
    pub id: i64,
    pub code: String,
    /// Whether the tenant sells it.
    pub sold: bool,
}

impl CategoryRef {
    /// Itself if the tenant, by its slug, sells it.
    ///
    /// # Errors
    /// `FailedPrecondition` `CATEGORY_NOT_SOLD` if not.
    pub fn sold_by(self, tenant: &str) -> Result<Self> {
        if self.sold { Ok(self) } else { Err(Error::category_not_sold(tenant, &self.code)) }
    }
}

impl Tenant<'_> {
    /// The category of that code or alias.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn find_category(&self, code: &str) -> Result<CategoryRef> {
        let [rows] = self.read([find_categories(&self.id.0, &[code].as_slice())]).await?;
        category(&rows, code)
    }
}

impl Transaction {
    /// The categories that there are of these codes and aliases, by what they were asked for as.
    pub(super) async fn find_categories(&self, names: &[&str]) -> Result<HashMap<String, CategoryRef>> {
        categories(&self.query(find_categories(&self.tenant_id()?, &names)).await?)
    }
}

/// The tenant's own go before shared ones of that code; an alias is asked only for what is no category's code.
fn find_categories<'a>(tenant_id: &'a i64, names: &'a &[&str]) -> Query<'a> {
    Query::new(
        "-- find_categories
        SELECT DISTINCT asked.name, found.id, coalesce(tc.code, c.code) AS code, coalesce(tc.active, false) AS sold
        FROM unnest($2::text[] /* names */) AS asked (name)
        CROSS JOIN LATERAL (
            SELECT coalesce((SELECT category_id FROM tenant_categories WHERE tenant_id = $1 AND code = asked.name),
                            (SELECT id FROM product_categories WHERE code = asked.name),
                            (SELECT category_id FROM category_aliases WHERE alias = asked.name)) AS id
        ) found
        LEFT JOIN product_categories c ON c.id = found.id
        LEFT JOIN tenant_categories tc ON tc.tenant_id = $1 /* tenant_id */ AND tc.category_id = found.id
        WHERE found.id IS NOT NULL",
    )
    .bind(tenant_id, Type::INT8)
    .bind(names, Type::TEXT_ARRAY)
}

fn categories(rows: &[Row]) -> Result<HashMap<String, CategoryRef>> {
    let category = |row: &Row| -> Result<CategoryRef> {
        Ok(CategoryRef { id: row.try_get("id")?, code: row.try_get("code")?, sold: row.try_get("sold")? })
    };
    rows.iter().map(|row| Ok((row.try_get("name")?, category(row)?))).collect()
}

fn category(rows: &[Row], name: &str) -> Result<CategoryRef> {
    categories(rows)?.remove(name).ok_or_else(|| Error::not_found(Kind::Category, name))
}

/// No row where there is no such brand, no model's id where it has no such model.
pub(super) fn find_brand_and_model<'a>(brand: &'a &str, model: &'a &str) -> Query<'a> {
    Query::new(
        "-- find_brand_and_model
        SELECT b.id AS brand_id, m.id AS model_id
        FROM brands b
        LEFT JOIN models m ON m.brand_id = b.id AND m.slug = $2 /* model */
        WHERE b.slug = $1 /* brand */",
    )
    .bind(brand, Type::TEXT)
    .bind(model, Type::TEXT)
}

/// The ids that [`find_brand_and_model`] found; an empty model is none.
///
/// # Errors
/// `NotFound` for the one that the reference lacks.
pub(super) fn brand_and_model(rows: Vec<Row>, brand: &str, model: &str) -> Result<(i64, Option<i64>)> {
    let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Brand, brand))?;
    let model_id: Option<i64> = row.try_get("model_id")?;
    if model_id.is_none() && !model.is_empty() {
        return Err(Error::not_found(Kind::Model, model));
    }
    Ok((row.try_get("brand_id")?, model_id))
}

/// As SQL has them.
pub(super) fn words(languages: &[Language]) -> Vec<&'static str> {
    languages.iter().map(|language| language.word()).collect()
}
