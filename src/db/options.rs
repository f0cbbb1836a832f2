//! What can be chosen with products, and the bodies that prices know. A tenant's own options are written in
//! [`super::option_writes`].

use std::collections::HashMap;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Transaction;
use super::query::{Query, optional_word, word};
use super::snapshot::names;
use crate::domain::catalog::{OptionRow, OwnOption, OwnValue, ValueRow, options_of_tenant, shown_options};
use crate::domain::error::{Error, Result};
use crate::domain::price::{Body, ProductOption};
use crate::domain::tenant::Language;
use crate::domain::vehicle::BodyType;

/// The options that a tenant has changed or added, and their values. Bind: tenant_id.
pub(super) const TENANT_OPTIONS: &str = "-- tenant_options
    SELECT option_id AS id, category_id, code, kind, names, emoji, body_types, active, revision
    FROM tenant_options
    WHERE tenant_id = $1 /* tenant_id */
    ORDER BY option_id DESC";
pub(super) const TENANT_OPTION_VALUES: &str = "-- tenant_option_values
    SELECT value_id AS id, option_id, code, names, emoji, sort_order, active
    FROM tenant_option_values
    WHERE tenant_id = $1 /* tenant_id */
    ORDER BY option_id, sort_order, value_id DESC";

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

/// A category's options as a tenant has them.
pub(super) struct CategoryOptions {
    /// As they are shared.
    pub shared: Vec<OptionRow>,
    /// What the tenant changed or added.
    pub own: Vec<OwnOption>,
    /// Codes of those that it offers, in order.
    pub offered: Vec<String>,
}

impl CategoryOptions {
    pub fn rows(&self) -> Vec<OptionRow> {
        options_of_tenant(&self.shared, &self.own)
    }

    /// As they are shown in that language.
    pub fn shown(&self, languages: &[Language]) -> Vec<ProductOption> {
        shown_options(&self.rows(), &self.offered, languages).0
    }
}

impl Transaction {
    /// The options of categories that the tenant sells or has sold, by category.
    pub(super) async fn options_of(&self, category_ids: &[i64]) -> Result<HashMap<i64, CategoryOptions>> {
        let tenant_id = self.tenant_id()?;
        let [offered, options, values, own, own_values] = self
            .query_all([
                Query::new(
                    "-- offered_options
                    SELECT category_id, options
                    FROM tenant_categories
                    WHERE tenant_id = $1 /* tenant_id */ AND category_id = ANY ($2 /* category_ids */)",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&category_ids, Type::INT8_ARRAY),
                Query::new(
                    "-- shared_options
                    SELECT id, category_id, code, kind, names, body_types, sort_order
                    FROM product_options
                    WHERE category_id = ANY ($1 /* category_ids */)
                    ORDER BY id",
                )
                .bind(&category_ids, Type::INT8_ARRAY),
                Query::new(
                    "-- shared_option_values
                    SELECT v.id, v.option_id, v.code, v.names, v.sort_order
                    FROM option_values v
                    JOIN product_options o ON o.id = v.option_id
                    WHERE o.category_id = ANY ($1 /* category_ids */)
                    ORDER BY v.option_id, v.sort_order, v.code",
                )
                .bind(&category_ids, Type::INT8_ARRAY),
                Query::new(TENANT_OPTIONS).bind(&tenant_id, Type::INT8),
                Query::new(TENANT_OPTION_VALUES).bind(&tenant_id, Type::INT8),
            ])
            .await?;
        let (mut shared, mut own) = (option_rows(&options, &values)?, own_options(&own, &own_values)?);
        let mut by_category = HashMap::new();
        for row in &offered {
            let id: i64 = row.try_get("category_id")?;
            let options = CategoryOptions {
                shared: shared.extract_if(.., |option| option.category_id == id).collect(),
                own: own.extract_if(.., |option| option.category_id == id).collect(),
                offered: row.try_get("options")?,
            };
            by_category.insert(id, options);
        }
        Ok(by_category)
    }
}

/// Shared options with their values, each in the order of its rows.
pub(super) fn option_rows(options: &[Row], values: &[Row]) -> Result<Vec<OptionRow>> {
    let mut by_option: HashMap<i64, Vec<ValueRow>> = HashMap::new();
    for row in values {
        by_option.entry(row.try_get("option_id")?).or_default().push(ValueRow {
            id: row.try_get("id")?,
            code: row.try_get("code")?,
            names: names(row, "names")?,
            sort_order: row.try_get("sort_order")?,
            emoji: String::new(),
            retired: false,
        });
    }
    let option = |row: &Row| {
        let id = row.try_get("id")?;
        Ok(OptionRow {
            id,
            category_id: row.try_get("category_id")?,
            code: row.try_get("code")?,
            kind: word(row, "kind")?,
            names: names(row, "names")?,
            body_types: body_types(row)?.unwrap_or_default(),
            sort_order: row.try_get("sort_order")?,
            values: by_option.remove(&id).unwrap_or_default(),
            emoji: String::new(),
            retired: false,
        })
    };
    options.iter().map(option).collect()
}

/// A tenant's options with their values, of the rows of [`TENANT_OPTIONS`] and [`TENANT_OPTION_VALUES`].
pub(super) fn own_options(options: &[Row], values: &[Row]) -> Result<Vec<OwnOption>> {
    let mut by_option: HashMap<i64, Vec<OwnValue>> = HashMap::new();
    for row in values {
        by_option.entry(row.try_get("option_id")?).or_default().push(OwnValue {
            id: row.try_get("id")?,
            code: row.try_get("code")?,
            names: names(row, "names")?,
            emoji: row.try_get("emoji")?,
            sort_order: row.try_get("sort_order")?,
            active: row.try_get("active")?,
        });
    }
    let option = |row: &Row| {
        let id = row.try_get("id")?;
        Ok(OwnOption {
            id,
            category_id: row.try_get("category_id")?,
            own: row.try_get::<_, Option<String>>("code")?.zip(optional_word(row, "kind")?),
            names: names(row, "names")?,
            emoji: row.try_get("emoji")?,
            body_types: body_types(row)?,
            active: row.try_get("active")?,
            revision: row.try_get("revision")?,
            values: by_option.remove(&id).unwrap_or_default(),
        })
    };
    options.iter().map(option).collect()
}

fn body_types(row: &Row) -> Result<Option<Vec<BodyType>>> {
    let words: Option<Vec<String>> = row.try_get("body_types")?;
    words.map(|words| words.iter().map(|word| word.parse().map_err(Error::internal)).collect()).transpose()
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
