//! What a tenant sells, and the brands and models it has available patterns for.

use std::collections::HashMap;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::query::{Query, at_most_one};
use super::{Tenant, Transaction};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::tenant::{Brand, Category, Language, Model};

/// How a list of brands or models is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By the name shown.
    #[default]
    Name,
    /// Most patterns first, then by name.
    Popularity,
}

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
        if self.sold {
            return Ok(self);
        }
        Err(Error::FailedPrecondition {
            reason: "CATEGORY_NOT_SOLD",
            message: format!("tenant `{tenant}` does not sell category `{}`", self.code),
            metadata: vec![("tenant", tenant.to_owned()), ("category", self.code)],
        })
    }
}

/// An item and the language its display name is in.
pub type Named<T> = (T, Language);

impl Tenant<'_> {
    /// The category of that code or alias.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn find_category(&self, code: &str) -> Result<CategoryRef> {
        let [rows] = self.read([find_categories(&self.id.0, &[code].as_slice())]).await?;
        category(&rows, code)
    }

    /// The category of that code or alias, and the brand of that slug.
    ///
    /// # Errors
    /// `NotFound` where there is none of either.
    pub async fn find_category_and_brand(&self, code: &str, brand: &str) -> Result<(CategoryRef, i64)> {
        let [categories, brands] =
            self.read([find_categories(&self.id.0, &[code].as_slice()), find_brand(&brand)]).await?;
        let category = category(&categories, code)?;
        let brand = at_most_one(brands)?.ok_or_else(|| Error::not_found(Kind::Brand, brand))?;
        Ok((category, brand.try_get("id")?))
    }

    /// The category of that code or alias, and the model of those slugs.
    ///
    /// # Errors
    /// `NotFound` where there is none of them.
    pub async fn find_category_and_model(&self, code: &str, brand: &str, model: &str) -> Result<(CategoryRef, i64)> {
        let names = [code];
        let [categories, models] =
            self.read([find_categories(&self.id.0, &names.as_slice()), find_brand_and_model(&brand, &model)]).await?;
        let category = category(&categories, code)?;
        let row = at_most_one(models)?.ok_or_else(|| Error::not_found(Kind::Brand, brand))?;
        let model_id: Option<i64> = row.try_get("model_id")?;
        Ok((category, model_id.ok_or_else(|| Error::not_found(Kind::Model, model))?))
    }

    /// What the tenant calls its goods, in every language: the names of its categories, their aliases, options and values.
    pub async fn list_shop_words(&self) -> Result<Vec<String>> {
        let [rows] = self
            .read([Query::new(
                "-- list_shop_words
                SELECT DISTINCT names.name
                FROM tenant_categories tc
                JOIN product_categories c ON c.id = tc.category_id
                CROSS JOIN LATERAL (
                    SELECT n.value AS name FROM jsonb_each_text(c.names) n
                    UNION ALL SELECT a.alias FROM category_aliases a WHERE a.category_id = c.id
                    UNION ALL SELECT n.value FROM product_options o, jsonb_each_text(o.names) n WHERE o.category_id = c.id
                    UNION ALL SELECT n.value
                    FROM product_options o
                    JOIN option_values v ON v.option_id = o.id, jsonb_each_text(v.names) n
                    WHERE o.category_id = c.id
                ) names
                WHERE tc.active AND tc.tenant_id = $1 /* tenant_id */",
            )
            .bind(&self.id.0, Type::INT8)])
            .await?;
        rows.iter().map(|row| Ok(row.try_get("name")?)).collect()
    }

    /// What the tenant sells, in its order.
    pub async fn list_categories(&self, languages: &[Language]) -> Result<Vec<Named<Category>>> {
        let languages = words(languages);
        let [rows] = self
            .read([Query::new(
                "-- list_categories
                SELECT c.code, shown.name AS display_name, shown.language, tc.sort_order::int AS sort_order,
                       coalesce((
                           SELECT c.descriptions ->> l.code
                           FROM unnest($2::text[] /* languages */) WITH ORDINALITY AS l (code, place)
                           WHERE c.descriptions ? l.code
                           ORDER BY l.place
                           LIMIT 1
                       ), '') AS description
                FROM tenant_categories tc
                JOIN product_categories c ON c.id = tc.category_id
                CROSS JOIN LATERAL (
                    SELECT c.names ->> l.code AS name, l.code AS language
                    FROM unnest($2::text[]) WITH ORDINALITY AS l (code, place)
                    WHERE c.names ? l.code
                    ORDER BY l.place
                    LIMIT 1
                ) shown
                WHERE tc.tenant_id = $1 /* tenant_id */ AND tc.active
                ORDER BY tc.sort_order, c.code",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&languages, Type::TEXT_ARRAY)])
            .await?;
        rows.iter()
            .map(|row| {
                let category = Category {
                    code: row.try_get("code")?,
                    display_name: row.try_get("display_name")?,
                    description: row.try_get("description")?,
                    sort_order: row.try_get("sort_order")?,
                };
                Ok((category, super::query::word(row, "language")?))
            })
            .collect()
    }

    /// Brands with an available pattern in the category, of which a name or alias begins with `prefix`.
    pub async fn list_brands(
        &self,
        category: &CategoryRef,
        languages: &[Language],
        prefix: &str,
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<Named<Brand>>> {
        let languages = words(languages);
        let prefix = prefix.to_lowercase().replace('ё', "е");
        let after = After::of(page);
        let by_popularity = order == Order::Popularity;
        let (limit, skip) = (page.limit(), page.skip);
        let [rows] = self
            .read([Query::new(
                "-- list_brands
                WITH sold AS (
                    SELECT model_id, count(*) AS patterns
                    FROM patterns
                    WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* category_id */ AND available
                    GROUP BY model_id
                ), offered AS (
                    SELECT m.brand_id, count(*) AS models, sum(sold.patterns)::bigint AS patterns
                    FROM sold
                    JOIN models m ON m.id = sold.model_id
                    GROUP BY m.brand_id
                ), listed AS MATERIALIZED (
                    SELECT b.slug, b.name, shown.name AS display_name, shown.language, offered.models AS model_count,
                           CASE WHEN $4 /* by_popularity */ THEN -offered.patterns ELSE 0 END AS sort_number,
                           replace(lower(shown.name), 'ё', 'е') COLLATE \"C\" AS sort_text
                    FROM offered
                    JOIN brands b ON b.id = offered.brand_id
                    CROSS JOIN LATERAL (
                        SELECT coalesce(own.name, b.name) AS name, l.code AS language
                        FROM unnest($3::text[] /* languages */) WITH ORDINALITY AS l (code, place)
                        CROSS JOIN LATERAL (
                            SELECT coalesce(b.names ->> l.code, CASE l.code WHEN 'en' THEN b.name END)
                        ) own (name)
                        ORDER BY own.name IS NULL, l.place
                        LIMIT 1
                    ) shown
                    WHERE $5 /* prefix */ = ''
                       OR starts_with(lower(b.name), $5)
                       OR EXISTS (
                           SELECT FROM jsonb_each_text(b.names) AS n
                           WHERE starts_with(replace(lower(n.value), 'ё', 'е'), $5))
                       OR EXISTS (
                           SELECT FROM vehicle_aliases a
                           WHERE a.brand_id = b.id AND a.model_id IS NULL
                             AND starts_with(replace(lower(a.alias), 'ё', 'е'), $5))
                ), page AS (
                    SELECT *
                    FROM listed
                    WHERE $6 /* first */
                       OR (sort_number, sort_text, slug COLLATE \"C\") > ($7 /* number */, $8 /* text */, $9 /* id */)
                    ORDER BY sort_number, sort_text, slug COLLATE \"C\"
                    LIMIT $10 /* limit */ OFFSET $11 /* skip */
                )
                SELECT (SELECT count(*) FROM listed) AS total, page.*
                FROM (SELECT) one
                LEFT JOIN page ON true
                ORDER BY sort_number, sort_text, slug COLLATE \"C\"",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&category.id, Type::INT8)
            .bind(&languages, Type::TEXT_ARRAY)
            .bind(&by_popularity, Type::BOOL)
            .bind(&prefix, Type::TEXT)
            .bind(&after.first, Type::BOOL)
            .bind(&after.key.number, Type::INT8)
            .bind(&after.key.text, Type::TEXT)
            .bind(&after.key.id, Type::TEXT)
            .bind(&limit, Type::INT8)
            .bind(&skip, Type::INT8)])
            .await?;
        sorted_page(page, &rows, |row| {
            Ok(Brand {
                slug: row.try_get("slug")?,
                name: row.try_get("name")?,
                display_name: row.try_get("display_name")?,
                model_count: row.try_get("model_count")?,
            })
        })
    }

    /// The brand of that slug.
    ///
    /// # Errors
    /// `NotFound` where the reference has none.
    pub async fn find_brand(&self, slug: &str) -> Result<i64> {
        let [rows] = self.read([find_brand(&slug)]).await?;
        let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Brand, slug))?;
        Ok(row.try_get("id")?)
    }

    /// The brand's model of that slug.
    ///
    /// # Errors
    /// `NotFound` where the reference has none.
    pub async fn find_model(&self, brand_id: i64, slug: &str) -> Result<i64> {
        let [rows] = self
            .read([Query::new(
                "-- find_model
                SELECT id FROM models WHERE brand_id = $1 /* brand_id */ AND slug = $2 /* slug */",
            )
            .bind(&brand_id, Type::INT8)
            .bind(&slug, Type::TEXT)])
            .await?;
        let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Model, slug))?;
        Ok(row.try_get("id")?)
    }

    /// The brand's models with an available pattern in the category.
    pub async fn list_models(
        &self,
        category: &CategoryRef,
        brand_id: i64,
        languages: &[Language],
        order: Order,
        page: &PageRequest,
    ) -> Result<Page<Named<Model>>> {
        let languages = words(languages);
        let after = After::of(page);
        let by_popularity = order == Order::Popularity;
        let (limit, skip) = (page.limit(), page.skip);
        let [rows] = self
            .read([Query::new(
                "-- list_models
                WITH sold AS (
                    SELECT p.model_id, count(*) AS patterns,
                           min(coalesce(v.year_from, v.year_to)) AS year_from,
                           CASE WHEN NOT bool_or(v.year_to IS NULL AND v.year_from IS NOT NULL) THEN max(v.year_to) END
                               AS year_to
                    FROM models m
                    JOIN patterns p ON p.model_id = m.id
                    JOIN model_variants v ON v.model_id = p.model_id AND v.id = p.variant_id
                    WHERE p.tenant_id = $1 /* tenant_id */ AND p.category_id = $2 /* category_id */ AND p.available
                      AND m.brand_id = $3 /* brand_id */
                    GROUP BY p.model_id
                ), listed AS MATERIALIZED (
                    SELECT b.slug AS brand, m.slug, m.name, shown.name AS display_name, shown.language,
                           sold.patterns AS pattern_count, sold.year_from, sold.year_to,
                           CASE WHEN $5 /* by_popularity */ THEN -sold.patterns ELSE 0 END AS sort_number,
                           replace(lower(shown.name), 'ё', 'е') COLLATE \"C\" AS sort_text
                    FROM sold
                    JOIN models m ON m.id = sold.model_id
                    JOIN brands b ON b.id = m.brand_id
                    CROSS JOIN LATERAL (
                        SELECT coalesce(own.name, m.name) AS name, l.code AS language
                        FROM unnest($4::text[] /* languages */) WITH ORDINALITY AS l (code, place)
                        CROSS JOIN LATERAL (
                            SELECT coalesce(m.names ->> l.code, CASE l.code WHEN 'en' THEN m.name END)
                        ) own (name)
                        ORDER BY own.name IS NULL, l.place
                        LIMIT 1
                    ) shown
                ), page AS (
                    SELECT *
                    FROM listed
                    WHERE $6 /* first */
                       OR (sort_number, sort_text, slug COLLATE \"C\") > ($7 /* number */, $8 /* text */, $9 /* id */)
                    ORDER BY sort_number, sort_text, slug COLLATE \"C\"
                    LIMIT $10 /* limit */ OFFSET $11 /* skip */
                )
                SELECT (SELECT count(*) FROM listed) AS total, page.*
                FROM (SELECT) one
                LEFT JOIN page ON true
                ORDER BY sort_number, sort_text, slug COLLATE \"C\"",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&category.id, Type::INT8)
            .bind(&brand_id, Type::INT8)
            .bind(&languages, Type::TEXT_ARRAY)
            .bind(&by_popularity, Type::BOOL)
            .bind(&after.first, Type::BOOL)
            .bind(&after.key.number, Type::INT8)
            .bind(&after.key.text, Type::TEXT)
            .bind(&after.key.id, Type::TEXT)
            .bind(&limit, Type::INT8)
            .bind(&skip, Type::INT8)])
            .await?;
        sorted_page(page, &rows, |row| {
            Ok(Model {
                brand: row.try_get("brand")?,
                slug: row.try_get("slug")?,
                name: row.try_get("name")?,
                display_name: row.try_get("display_name")?,
                pattern_count: row.try_get("pattern_count")?,
                year_from: row.try_get("year_from")?,
                year_to: row.try_get("year_to")?,
            })
        })
    }
}

impl Transaction {
    /// The categories that there are of these codes and aliases, by what they were asked for as.
    pub(super) async fn find_categories(&self, names: &[&str]) -> Result<HashMap<String, CategoryRef>> {
        categories(&self.query(find_categories(&self.tenant_id()?, &names)).await?)
    }
}

/// An alias is asked only for what is no category's code.
fn find_categories<'a>(tenant_id: &'a i64, names: &'a &[&str]) -> Query<'a> {
    Query::new(
        "-- find_categories
        SELECT DISTINCT asked.name, c.id, c.code, coalesce(tc.active, false) AS sold
        FROM unnest($2::text[] /* names */) AS asked (name)
        JOIN product_categories c
          ON c.id = coalesce((SELECT id FROM product_categories WHERE code = asked.name),
                             (SELECT category_id FROM category_aliases WHERE alias = asked.name))
        LEFT JOIN tenant_categories tc ON tc.tenant_id = $1 /* tenant_id */ AND tc.category_id = c.id",
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

fn find_brand<'a>(slug: &'a &str) -> Query<'a> {
    Query::new(
        "-- find_brand
        SELECT id FROM brands WHERE slug = $1 /* slug */",
    )
    .bind(slug, Type::TEXT)
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

/// The key a page starts after, with values to bind when there is none.
struct After {
    first: bool,
    key: SortKey,
}

impl After {
    fn of(page: &PageRequest) -> Self {
        Self { first: page.after.is_none(), key: page.after.clone().unwrap_or_default() }
    }
}

/// Rows that carry `total`, `sort_number`, `sort_text`, `slug` and `language`; an empty page is one row of nulls.
fn sorted_page<T>(page: &PageRequest, rows: &[Row], read: impl Fn(&Row) -> Result<T>) -> Result<Page<Named<T>>> {
    let total = rows.first().map_or(Ok(0), |row| row.try_get("total"))?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(slug) = row.try_get::<_, Option<String>>("slug")? else { continue };
        let key = SortKey { number: row.try_get("sort_number")?, text: row.try_get("sort_text")?, id: slug };
        items.push(((read(row)?, super::query::word(row, "language")?), key));
    }
    let Page { items, next, total } = page.page(items, total, |(_, key)| key.clone());
    Ok(Page { items: items.into_iter().map(|(item, _)| item).collect(), next, total })
}

/// As SQL has them.
pub(super) fn words(languages: &[Language]) -> Vec<&'static str> {
    languages.iter().map(|language| language.word()).collect()
}
