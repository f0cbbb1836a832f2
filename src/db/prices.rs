//! Prices, as they are stored. [`super::price_writes`] sets them.

use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Transaction;
use super::catalog::{CategoryRef, words};
use super::options::{self, LIST_BODIES};
use super::query::{Query, optional_word};
use crate::domain::error::Result;
use crate::domain::price::{Amount, Choice, PriceLine, Sheet, Target};
use crate::domain::tenant::Language;

/// What [`price`] reads; `p` is the price.
macro_rules! price_columns {
    () => {
        "p.id, coalesce(tc.code, c.code) AS category, p.body_type, b.slug AS brand, coalesce(own_o.code, o.code) AS option,
           coalesce(own_v.code, v.code) AS value, coalesce(own_wo.code, wo.code) AS with_option,
           coalesce(own_w.code, w.code) AS with_value, p.amount, p.amount_max, p.at_least, p.currency,
           lower(p.validity) AS valid_from, upper(p.validity) AS valid_to"
    };
}
/// Where they come from.
macro_rules! price_joins {
    () => {
        "JOIN tenant_categories tc ON tc.tenant_id = p.tenant_id AND tc.category_id = p.category_id
    LEFT JOIN product_categories c ON c.id = p.category_id
    LEFT JOIN brands b ON b.id = p.brand_id
    LEFT JOIN product_options o ON o.id = p.option_id
    LEFT JOIN tenant_options own_o ON own_o.tenant_id = p.tenant_id AND own_o.option_id = p.option_id
    LEFT JOIN option_values v ON v.id = p.option_value_id
    LEFT JOIN tenant_option_values own_v ON own_v.tenant_id = p.tenant_id AND own_v.value_id = p.option_value_id
    LEFT JOIN option_values w ON w.id = p.with_value_id
    LEFT JOIN tenant_option_values own_w ON own_w.tenant_id = p.tenant_id AND own_w.value_id = p.with_value_id
    LEFT JOIN product_options wo ON wo.id = coalesce(own_w.option_id, w.option_id)
    LEFT JOIN tenant_options own_wo
      ON own_wo.tenant_id = p.tenant_id AND own_wo.option_id = coalesce(own_w.option_id, w.option_id)"
    };
}

/// A category's prices now. Bind: tenant_id, category_id.
const PRICES_IN_EFFECT: &str = concat!(
    "-- prices_in_effect
    SELECT ",
    price_columns!(),
    " FROM prices p
    ",
    price_joins!(),
    " WHERE p.tenant_id = $1 /* tenant_id */ AND p.category_id = $2 /* category_id */
      AND p.validity @> now()
    ORDER BY p.id"
);

/// A tenant's prices whenever they hold, each with its place in the list: by category, body, brand, option. A sort order becomes
/// five digits, so that it sorts as text. Bind: tenant_id.
pub(super) const SNAPSHOT_PRICES: &str = concat!(
    "-- snapshot_prices
    SELECT p.category_id, ",
    price_columns!(),
    ",
           concat_ws(E'\\x01', tc.sort_order + 32768, coalesce(tc.code, c.code), coalesce(body.sort_order + 32768, 0),
                     coalesce(b.slug, ''), coalesce(o.sort_order + 32768, 70000 - p.option_id, 0),
                     coalesce(own_o.code, o.code, ''), coalesce(own_v.sort_order + 32768, v.sort_order + 32768, 0),
                     coalesce(own_v.code, v.code, ''), coalesce(own_w.sort_order + 32768, w.sort_order + 32768, 0),
                     coalesce(p.with_value_id, 0)) AS place
    FROM prices p
    LEFT JOIN body_types body ON body.code = p.body_type
    ",
    price_joins!(),
    " WHERE p.tenant_id = $1 /* tenant_id */
    ORDER BY p.id"
);

impl Transaction {
    /// What a category's products cost now.
    pub async fn price_sheet(&self, category: &CategoryRef) -> Result<Sheet> {
        let (tenant_id, languages) = (self.tenant_id()?, words(&[Language::Ru]));
        let bodies = Query::new(LIST_BODIES).bind(&languages, Type::TEXT_ARRAY);
        let prices = Query::new(PRICES_IN_EFFECT).bind(&tenant_id, Type::INT8).bind(&category.id, Type::INT8);
        let bodies = self.query(bodies).await?;
        let mut options = self.options_of(&[category.id]).await?;
        let options = options.remove(&category.id).map(|of| of.shown(&[Language::Ru])).unwrap_or_default();
        let lines =
            self.query(prices).await?.iter().map(|row| Ok(Arc::new(price(row)?))).collect::<Result<Vec<_>>>()?;
        Ok(Sheet {
            category: category.code.clone(),
            lines: lines.into_iter().filter(|line| line.is_current(&options)).collect(),
            options: options.into(),
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
