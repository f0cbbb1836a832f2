//! Prices, as they are stored. [`super::price_writes`] sets them.

use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Transaction;
use super::catalog::{CategoryRef, words};
use super::options::{self, LIST_BODIES, LIST_OPTIONS};
use super::query::{Query, optional_word};
use crate::domain::error::Result;
use crate::domain::price::{Amount, Choice, PriceLine, Sheet, Target};
use crate::domain::tenant::Language;

/// A category's prices now. Bind: tenant_id, category_id.
const PRICES_IN_EFFECT: &str = "-- prices_in_effect
    SELECT p.id, c.code AS category, p.body_type, b.slug AS brand, o.code AS option, v.code AS value,
           wo.code AS with_option, w.code AS with_value, p.amount, p.amount_max, p.at_least, p.currency,
           lower(p.validity) AS valid_from, upper(p.validity) AS valid_to
    FROM prices p
    JOIN product_categories c ON c.id = p.category_id
    LEFT JOIN brands b ON b.id = p.brand_id
    LEFT JOIN product_options o ON o.id = p.option_id
    LEFT JOIN option_values v ON v.id = p.option_value_id
    LEFT JOIN option_values w ON w.id = p.with_value_id
    LEFT JOIN product_options wo ON wo.id = w.option_id
    WHERE p.tenant_id = $1 /* tenant_id */ AND p.category_id = $2 /* category_id */
      AND p.validity @> now()
    ORDER BY p.id";

/// A tenant's prices whenever they hold, each with its place in the list: by category, body, brand, option. A sort order becomes
/// five digits, so that it sorts as text. Bind: tenant_id.
pub(super) const SNAPSHOT_PRICES: &str = "-- snapshot_prices
    SELECT p.category_id, p.id, c.code AS category, p.body_type, b.slug AS brand, o.code AS option, v.code AS value,
           wo.code AS with_option, w.code AS with_value, p.amount, p.amount_max, p.at_least, p.currency,
           lower(p.validity) AS valid_from, upper(p.validity) AS valid_to,
           concat_ws(E'\\x01', tc.sort_order + 32768, c.code, coalesce(body.sort_order + 32768, 0),
                     coalesce(b.slug, ''), coalesce(o.sort_order + 32768, 0), coalesce(o.code, ''),
                     coalesce(v.sort_order + 32768, 0), coalesce(v.code, ''),
                     coalesce(w.sort_order + 32768, 0), coalesce(w.id, 0)) AS place
    FROM prices p
    JOIN tenant_categories tc ON tc.tenant_id = p.tenant_id AND tc.category_id = p.category_id
    JOIN product_categories c ON c.id = p.category_id
    LEFT JOIN body_types body ON body.code = p.body_type
    LEFT JOIN brands b ON b.id = p.brand_id
    LEFT JOIN product_options o ON o.id = p.option_id
    LEFT JOIN option_values v ON v.id = p.option_value_id
    LEFT JOIN option_values w ON w.id = p.with_value_id
    LEFT JOIN product_options wo ON wo.id = w.option_id
    WHERE p.tenant_id = $1 /* tenant_id */
    ORDER BY p.id";

impl Transaction {
    /// What a category's products cost now.
    pub async fn price_sheet(&self, category: &CategoryRef) -> Result<Sheet> {
        let (tenant_id, categories, languages) = (self.tenant_id()?, vec![category.id], words(&[Language::Ru]));
        let options = Query::new(LIST_OPTIONS)
            .bind(&tenant_id, Type::INT8)
            .bind(&categories, Type::INT8_ARRAY)
            .bind(&languages, Type::TEXT_ARRAY);
        let bodies = Query::new(LIST_BODIES).bind(&languages, Type::TEXT_ARRAY);
        let prices = Query::new(PRICES_IN_EFFECT).bind(&tenant_id, Type::INT8).bind(&category.id, Type::INT8);
        let (options, bodies) = (self.query(options).await?, self.query(bodies).await?);
        let price_rows = self.query(prices).await?;
        Ok(Sheet {
            category: category.code.clone(),
            options: options::options(&options)?.remove(&category.id).unwrap_or_default().into(),
            lines: price_rows.iter().map(|row| Ok(Arc::new(price(row)?))).collect::<Result<_>>()?,
            bodies: bodies.iter().map(options::body).collect::<Result<_>>()?,
        })
    }
}

pub(super) fn price(row: &Row) -> Result<PriceLine> {
    let amount = Amount::stored(row.try_get("amount")?, row.try_get("amount_max")?, row.try_get("at_least")?);
    let with = match (row.try_get("with_option")?, row.try_get("with_value")?) {
        (Some(option), Some(value)) => Some(Choice { option, value }),
        _ => None,
    };
    Ok(PriceLine {
        id: row.try_get("id")?,
        target: Target {
            category: row.try_get("category")?,
            body: optional_word(row, "body_type")?,
            brand: row.try_get("brand")?,
            option: row.try_get("option")?,
            value: row.try_get("value")?,
            with,
        },
        amount,
        currency: row.try_get("currency")?,
        valid_from: row.try_get("valid_from")?,
        valid_to: row.try_get("valid_to")?,
    })
}
