//! Counts, and what needs somebody's attention.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use tokio_postgres::types::Type;

use super::query::{Query, one};
use super::{Db, Tenant};
use crate::domain::error::Result;
use crate::domain::stats::{BrandModels, Counts, MissingTranslation, OpenImportIssue, Stats, UnpricedBody};

/// How many lines each list has at most.
const LIST_LIMIT: i64 = 100;
const TOP_BRANDS: usize = 20;

impl Db {
    /// Counts of the tables that all tenants share; the tenants' own counts are zero.
    async fn reference_counts(&self) -> Result<Counts> {
        let [rows] = self
            .read([Query::new(
                "-- reference_counts
                SELECT (SELECT count(*) FROM tenants) AS tenants, (SELECT count(*) FROM brands) AS brands,
                       (SELECT count(*) FROM models) AS models, (SELECT count(*) FROM model_variants) AS model_variants,
                       (SELECT count(*) FROM vehicle_aliases) AS aliases, (SELECT count(*) FROM shared_texts) AS texts",
            )])
            .await?;
        let row = one(rows)?;
        Ok(Counts {
            tenants: row.try_get("tenants")?,
            brands: row.try_get("brands")?,
            models: row.try_get("models")?,
            model_variants: row.try_get("model_variants")?,
            aliases: row.try_get("aliases")?,
            texts: row.try_get("texts")?,
            ..Counts::default()
        })
    }

    /// Shared names and texts that lack a language.
    async fn missing_translations(&self) -> Result<Vec<MissingTranslation>> {
        let [rows] = self
            .read([Query::new(
                "-- missing_translations
                WITH named AS (
                    SELECT 'bot_texts' AS source, key, array_agg(language) AS languages FROM shared_texts GROUP BY key
                    UNION ALL
                    SELECT 'product_categories', code, ARRAY(SELECT jsonb_object_keys(names)) FROM product_categories
                    UNION ALL
                    SELECT 'product_options', c.code || '/' || o.code, ARRAY(SELECT jsonb_object_keys(o.names))
                    FROM product_options o JOIN product_categories c ON c.id = o.category_id
                    UNION ALL
                    SELECT 'option_values', c.code || '/' || o.code || '/' || v.code, ARRAY(SELECT jsonb_object_keys(v.names))
                    FROM option_values v
                    JOIN product_options o ON o.id = v.option_id
                    JOIN product_categories c ON c.id = o.category_id
                )
                SELECT source, key, missing.languages
                FROM named
                CROSS JOIN LATERAL (
                    SELECT array_agg(l.code ORDER BY l.code) AS languages
                    FROM unnest(ARRAY['ru', 'ky', 'en']) AS l (code)
                    WHERE l.code <> ALL (named.languages)
                ) missing
                WHERE missing.languages IS NOT NULL
                ORDER BY source, key
                LIMIT $1 /* limit */",
            )
            .bind(&LIST_LIMIT, Type::INT8)])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(MissingTranslation {
                    table: row.try_get("source")?,
                    key: row.try_get("key")?,
                    languages: row.try_get("languages")?,
                })
            })
            .collect()
    }
}

impl Tenant<'_> {
    /// Counts of the tenant's own tables; the shared ones are zero.
    async fn own_counts(&self) -> Result<Counts> {
        let [rows] = self
            .read([Query::new(
                "-- own_counts
                SELECT (SELECT count(*) FROM tenant_categories WHERE tenant_id = $1 /* tenant_id */ AND active) AS categories,
                       (SELECT count(*) FROM patterns WHERE tenant_id = $1) AS patterns,
                       (SELECT count(*) FROM patterns WHERE tenant_id = $1 AND available) AS patterns_available,
                       (SELECT count(*) FROM prices WHERE tenant_id = $1 AND validity @> now()) AS prices,
                       (SELECT count(*) FROM bot_texts WHERE tenant_id = $1) AS texts,
                       (SELECT count(*) FROM applications WHERE tenant_id = $1) AS applications,
                       (SELECT count(*) FROM imports
                        WHERE tenant_id = $1 AND (NOT validate_only OR state IN ('succeeded', 'reverted'))) AS imports",
            )
            .bind(&self.id.0, Type::INT8)])
            .await?;
        let row = one(rows)?;
        Ok(Counts {
            categories: row.try_get("categories")?,
            patterns: row.try_get("patterns")?,
            patterns_available: row.try_get("patterns_available")?,
            prices: row.try_get("prices")?,
            texts: row.try_get("texts")?,
            applications: row.try_get("applications")?,
            imports: row.try_get("imports")?,
            ..Counts::default()
        })
    }

    /// The models that the tenant has available patterns for, by their brand's name and slug.
    async fn offered_models(&self) -> Result<Vec<((String, String), Vec<i64>)>> {
        let [rows] = self
            .read([Query::new(
                "-- offered_models
                SELECT b.name, b.slug, array_agg(DISTINCT m.id) AS model_ids
                FROM patterns p
                JOIN models m ON m.id = p.model_id
                JOIN brands b ON b.id = m.brand_id
                WHERE p.tenant_id = $1 /* tenant_id */ AND p.available
                GROUP BY b.id",
            )
            .bind(&self.id.0, Type::INT8)])
            .await?;
        rows.iter().map(|row| Ok(((row.try_get("name")?, row.try_get("slug")?), row.try_get("model_ids")?))).collect()
    }

    /// Bodies that can be ordered and have no base price now: neither of their own, nor of the body they are priced
    /// as, nor for any body. An unknown body is the model's usual one.
    async fn unpriced_bodies(&self) -> Result<Vec<UnpricedBody>> {
        let [rows] = self
            .read([Query::new(
                "-- unpriced_bodies
                WITH offered AS (
                    SELECT p.category_id, coalesce(v.body_type, m.body_type) AS body_type, count(*) AS patterns
                    FROM patterns p
                    JOIN models m ON m.id = p.model_id
                    JOIN model_variants v ON v.model_id = p.model_id AND v.id = p.variant_id
                    WHERE p.tenant_id = $1 /* tenant_id */ AND p.available
                    GROUP BY 1, 2
                )
                SELECT coalesce(tc.code, c.code) AS category, coalesce(offered.body_type, '') AS body_type, offered.patterns
                FROM offered
                JOIN tenant_categories tc ON tc.tenant_id = $1 AND tc.category_id = offered.category_id
                LEFT JOIN product_categories c ON c.id = offered.category_id
                LEFT JOIN body_types b ON b.code = offered.body_type
                LEFT JOIN body_types priced ON priced.code = b.priced_as
                WHERE NOT EXISTS (
                    SELECT
                    FROM prices
                    LEFT JOIN body_types size ON size.code = prices.body_type
                    WHERE prices.tenant_id = $1 AND prices.category_id = offered.category_id
                      AND prices.option_id IS NULL AND prices.brand_id IS NULL AND prices.validity @> now()
                      AND (prices.body_type IS NULL
                           OR prices.body_type IN (b.code, b.parent, b.priced_as, priced.priced_as)
                           OR size.parent = b.code)
                )
                ORDER BY offered.patterns DESC, 1, 2
                LIMIT $2 /* limit */",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&LIST_LIMIT, Type::INT8)])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(UnpricedBody {
                    category: row.try_get("category")?,
                    body_type: row.try_get("body_type")?,
                    patterns: row.try_get("patterns")?,
                })
            })
            .collect()
    }

    /// Issues of the imports that wait to be applied, or are the newest in effect of their category.
    async fn open_import_issues(&self) -> Result<Vec<OpenImportIssue>> {
        let [rows] = self
            .read([Query::new(
                "-- open_import_issues
                WITH open AS (
                    (SELECT DISTINCT ON (category_id) id, file_name
                     FROM imports
                     WHERE tenant_id = $1 /* tenant_id */ AND state = 'succeeded'
                     ORDER BY category_id, id DESC)
                    UNION ALL
                    SELECT id, file_name FROM imports WHERE tenant_id = $1 AND state = 'validated'
                )
                SELECT open.id::text AS import_id, open.file_name, i.code, count(DISTINCT i.position) AS rows
                FROM open
                JOIN import_issues i ON i.tenant_id = $1 AND i.import_id = open.id
                GROUP BY open.id, open.file_name, i.code
                ORDER BY rows DESC, i.code, open.id
                LIMIT $2 /* limit */",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&LIST_LIMIT, Type::INT8)])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(OpenImportIssue {
                    import_id: row.try_get("import_id")?,
                    file_name: row.try_get("file_name")?,
                    code: row.try_get("code")?,
                    rows: row.try_get("rows")?,
                })
            })
            .collect()
    }
}

impl Db {
    /// The report for one tenant, or for all of them together.
    pub async fn stats(&self, tenant: Option<&crate::domain::tenant::Tenant>) -> Result<Stats> {
        let mut stats = Stats {
            counts: self.reference_counts().await?,
            missing_translations: self.missing_translations().await?,
            ..Stats::default()
        };
        let tenants = match tenant {
            Some(tenant) => {
                stats.counts.tenants = 1;
                vec![(tenant.id, tenant.slug.clone())]
            }
            None => self.tenant_ids().await?,
        };
        let mut offered: BTreeMap<(String, String), HashSet<i64>> = BTreeMap::new();
        for (id, slug) in tenants {
            let tenant = self.tenant(id);
            stats.counts.add_own(&tenant.own_counts().await?);
            for (brand, models) in tenant.offered_models().await? {
                offered.entry(brand).or_default().extend(models);
            }
            stats.unpriced.extend(tenant.unpriced_bodies().await?.into_iter().map(|body| (slug.clone(), body)));
            let issues = tenant.open_import_issues().await?;
            stats.open_import_issues.extend(issues.into_iter().map(|issue| (slug.clone(), issue)));
        }
        stats.top_brands = top_brands(offered);
        stats.unpriced.truncate(LIST_LIMIT as usize);
        stats.open_import_issues.truncate(LIST_LIMIT as usize);
        Ok(stats)
    }
}

/// Those with most models, then by name.
fn top_brands(offered: BTreeMap<(String, String), HashSet<i64>>) -> Vec<BrandModels> {
    let brand = |((name, slug), models): (_, HashSet<i64>)| BrandModels { slug, name, models: models.len() as i64 };
    let mut top: Vec<BrandModels> = offered.into_iter().map(brand).collect();
    top.sort_by_key(|brand| Reverse(brand.models));
    top.truncate(TOP_BRANDS);
    top
}
