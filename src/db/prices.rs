//! Prices in effect, and lists of them. [`super::price_writes`] sets them.

use std::time::SystemTime;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::catalog::{CategoryRef, words};
use super::options::{self, LIST_BODIES, LIST_OPTIONS};
use super::query::{Query, optional_word};
use super::{Tenant, Transaction};
use crate::domain::error::Result;
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::price::{Amount, Choice, PriceLine, Sheet, Target};
use crate::domain::tenant::Language;

/// A category's prices. Bind: tenant_id, category_id, at.
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
      AND p.validity @> coalesce($3 /* at */, now())
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
        let prices = Query::new(PRICES_IN_EFFECT)
            .bind(&tenant_id, Type::INT8)
            .bind(&category.id, Type::INT8)
            .bind(&None::<SystemTime>, Type::TIMESTAMPTZ);
        let (options, bodies) = (self.query(options).await?, self.query(bodies).await?);
        let (sheet, _) = sheet(category, &options, &bodies, &self.query(prices).await?)?;
        Ok(sheet)
    }
}

impl Tenant<'_> {
    /// What a category's products cost at that time (none: now), with the languages of the options' names.
    pub async fn price_sheet(
        &self,
        category: &CategoryRef,
        at: Option<SystemTime>,
        languages: &[Language],
    ) -> Result<(Sheet, Vec<Language>)> {
        let (categories, languages) = (vec![category.id], words(languages));
        let [option_rows, body_rows, price_rows] = self
            .read([
                Query::new(LIST_OPTIONS)
                    .bind(&self.id.0, Type::INT8)
                    .bind(&categories, Type::INT8_ARRAY)
                    .bind(&languages, Type::TEXT_ARRAY),
                Query::new(LIST_BODIES).bind(&languages, Type::TEXT_ARRAY),
                Query::new(PRICES_IN_EFFECT)
                    .bind(&self.id.0, Type::INT8)
                    .bind(&category.id, Type::INT8)
                    .bind(&at, Type::TIMESTAMPTZ),
            ])
            .await?;
        sheet(category, &option_rows, &body_rows, &price_rows)
    }

    /// One page of the prices in effect at that time (none: now), of one category or of all that are sold: by category,
    /// body, brand, option. A sort order becomes five digits, so that it sorts as text.
    pub async fn list_prices(
        &self,
        category: Option<&CategoryRef>,
        at: Option<SystemTime>,
        page: &PageRequest,
    ) -> Result<Page<PriceLine>> {
        let category_id = category.map(|category| category.id);
        let after = page.after.as_ref().map(|key| key.text.as_str());
        let (limit, skip) = (page.limit(), page.skip);
        let [rows] = self
            .read([Query::new(
                "-- list_prices
                WITH listed AS MATERIALIZED (
                    SELECT p.id, c.code AS category, p.body_type, b.slug AS brand, o.code AS option, v.code AS value,
                           wo.code AS with_option, w.code AS with_value, p.amount, p.amount_max, p.at_least, p.currency,
                           lower(p.validity) AS valid_from, upper(p.validity) AS valid_to,
                           concat_ws(E'\\x01', tc.sort_order + 32768, c.code, coalesce(body.sort_order + 32768, 0),
                                     coalesce(b.slug, ''), coalesce(o.sort_order + 32768, 0), coalesce(o.code, ''),
                                     coalesce(v.sort_order + 32768, 0), coalesce(v.code, ''),
                                     coalesce(w.sort_order + 32768, 0), coalesce(w.id, 0)) COLLATE \"C\" AS place
                    FROM prices p
                    JOIN tenant_categories tc ON tc.tenant_id = p.tenant_id AND tc.category_id = p.category_id
                    JOIN product_categories c ON c.id = p.category_id
                    LEFT JOIN body_types body ON body.code = p.body_type
                    LEFT JOIN brands b ON b.id = p.brand_id
                    LEFT JOIN product_options o ON o.id = p.option_id
                    LEFT JOIN option_values v ON v.id = p.option_value_id
                    LEFT JOIN option_values w ON w.id = p.with_value_id
                    LEFT JOIN product_options wo ON wo.id = w.option_id
                    WHERE p.tenant_id = $1 /* tenant_id */ AND tc.active
                      AND ($2 /* category_id */ IS NULL OR p.category_id = $2)
                      AND p.validity @> coalesce($3 /* at */, now())
                ), page AS (
                    SELECT *
                    FROM listed
                    WHERE $4 /* after */ IS NULL OR place > $4
                    ORDER BY place
                    LIMIT $5 /* limit */ OFFSET $6 /* skip */
                )
                SELECT (SELECT count(*) FROM listed) AS total, page.*
                FROM (SELECT) one
                LEFT JOIN page ON true
                ORDER BY place",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&category_id, Type::INT8)
            .bind(&at, Type::TIMESTAMPTZ)
            .bind(&after, Type::TEXT)
            .bind(&limit, Type::INT8)
            .bind(&skip, Type::INT8)])
            .await?;
        let total = rows.first().map_or(Ok(0), |row| row.try_get("total"))?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            // An empty page is one row of nulls.
            let Some(place) = row.try_get::<_, Option<String>>("place")? else { continue };
            items.push((price(row)?, place));
        }
        let Page { items, next, total } =
            page.page(items, total, |(_, place)| SortKey { text: place.clone(), ..SortKey::default() });
        Ok(Page { items: items.into_iter().map(|(line, _)| line).collect(), next, total })
    }
}

/// The sheet, with the languages of the options' names.
fn sheet(
    category: &CategoryRef,
    option_rows: &[Row],
    body_rows: &[Row],
    price_rows: &[Row],
) -> Result<(Sheet, Vec<Language>)> {
    let (mut options, languages) = options::options(option_rows)?;
    let sheet = Sheet {
        category: category.code.clone(),
        options: options.remove(&category.id).unwrap_or_default(),
        lines: price_rows.iter().map(price).collect::<Result<_>>()?,
        bodies: body_rows.iter().map(options::body).collect::<Result<_>>()?,
    };
    Ok((sheet, languages))
}

fn price(row: &Row) -> Result<PriceLine> {
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
