//! What can be chosen with products, and the bodies that prices know.

use std::collections::HashMap;

use tokio_postgres::Row;

use super::query::{optional_word, word};
use crate::domain::error::{Error, Result};
use crate::domain::price::{Body, OptionValue, ProductOption};

/// Options of categories, by category. Bind: tenant_id, category_ids, languages.
pub(super) const LIST_OPTIONS: &str = "-- list_options
    SELECT o.category_id, o.id, o.code, o.kind, o.body_types, shown.name AS display_name,
           o.code = ANY (tc.options) AS offered, v.id AS value_id, v.code AS value_code,
           (SELECT v.names ->> l.code
            FROM unnest($3::text[]) WITH ORDINALITY AS l (code, place)
            WHERE v.names ? l.code
            ORDER BY l.place
            LIMIT 1) AS value_name
    FROM tenant_categories tc
    JOIN product_options o ON o.category_id = tc.category_id
    LEFT JOIN option_values v ON v.option_id = o.id
    CROSS JOIN LATERAL (
        SELECT o.names ->> l.code AS name
        FROM unnest($3::text[] /* languages */) WITH ORDINALITY AS l (code, place)
        WHERE o.names ? l.code
        ORDER BY l.place
        LIMIT 1
    ) shown
    WHERE tc.tenant_id = $1 /* tenant_id */ AND tc.category_id = ANY ($2 /* category_ids */)
    ORDER BY o.category_id, array_position(tc.options, o.code), o.sort_order, o.code, v.sort_order, v.code";

/// Every body. Bind: languages.
pub(super) const LIST_BODIES: &str = "-- list_bodies
    SELECT b.code, b.parent, b.priced_as,
           (SELECT b.names ->> l.code
            FROM unnest($1::text[] /* languages */) WITH ORDINALITY AS l (code, place)
            WHERE b.names ? l.code
            ORDER BY l.place
            LIMIT 1) AS display_name
    FROM body_types b
    ORDER BY b.sort_order, b.code";

/// Options in order, by category id.
pub(super) type ByCategory = HashMap<i64, Vec<ProductOption>>;

/// Each category's options.
pub(super) fn options(rows: &[Row]) -> Result<ByCategory> {
    let mut by_category = ByCategory::new();
    for row in rows {
        let options = by_category.entry(row.try_get("category_id")?).or_default();
        let id: i64 = row.try_get("id")?;
        if options.last().is_none_or(|last| last.id != id) {
            options.push(option(row)?);
        }
        if let (Some(last), Some(value_id)) = (options.last_mut(), row.try_get("value_id")?) {
            let (code, name): (String, Option<String>) = (row.try_get("value_code")?, row.try_get("value_name")?);
            let display_name = name.unwrap_or_else(|| code.clone());
            last.values.push(OptionValue { id: value_id, code, display_name });
        }
    }
    Ok(by_category)
}

fn option(row: &Row) -> Result<ProductOption> {
    let bodies = row.try_get::<_, Option<Vec<String>>>("body_types")?.unwrap_or_default();
    Ok(ProductOption {
        id: row.try_get("id")?,
        code: row.try_get("code")?,
        display_name: row.try_get("display_name")?,
        kind: word(row, "kind")?,
        values: Vec::new(),
        body_types: bodies.iter().map(|body| body.parse().map_err(Error::internal)).collect::<Result<_>>()?,
        offered: row.try_get("offered")?,
    })
}

pub(super) fn body(row: &Row) -> Result<Body> {
    let code = word(row, "code")?;
    Ok(Body {
        code,
        parent: optional_word(row, "parent")?,
        priced_as: optional_word(row, "priced_as")?,
        display_name: row.try_get::<_, Option<String>>("display_name")?.unwrap_or_else(|| code.to_string()),
    })
}
