//! One moment of what bots read, as rows: loaded whole, in one transaction that sees nothing of what happens meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::query::{Query, at_most_one, one, optional_word, word};
use super::{Db, Tenant, Transaction, options, patterns, prices, tenants, texts};
use crate::domain::catalog::{
    BodyRow, BrandRow, CategoryRow, ModelRow, Names, OwnCategory, OwnRows, PatternRow, PatternRows, PriceRow,
    SharedRows, TextRow, Variant, Versions,
};
use crate::domain::error::Result;
use crate::domain::tenant::{Language, TenantId};
use crate::domain::vehicle::Years;

/// The versions that the database has.
#[derive(Debug)]
pub struct Seen {
    pub own: HashMap<TenantId, i64>,
    /// Of what all tenants share.
    pub shared: i64,
    /// Of the names of cars.
    pub names: i64,
    /// The database's time.
    pub now: SystemTime,
}

impl Db {
    /// The versions that the catalogs of these tenants have by now, and those of what they share.
    pub async fn catalog_versions(&self, tenants: &[TenantId]) -> Result<Seen> {
        let ids: Vec<i64> = tenants.iter().map(|tenant| tenant.0).collect();
        let [own, shared] = self
            .read([
                Query::new(
                    "-- catalog_versions
                    SELECT id, catalog_version FROM tenants WHERE id = ANY ($1 /* ids */)",
                )
                .bind(&ids, Type::INT8_ARRAY),
                Query::new(
                    "-- shared_version
                    SELECT catalog_version, version, clock_timestamp() AS now FROM vehicle_reference",
                ),
            ])
            .await?;
        let version = |row: &Row| Ok((TenantId(row.try_get("id")?), row.try_get("catalog_version")?));
        let shared = one(shared)?;
        Ok(Seen {
            own: own.iter().map(version).collect::<Result<_>>()?,
            shared: shared.try_get("catalog_version")?,
            names: shared.try_get("version")?,
            now: shared.try_get("now")?,
        })
    }

    /// The tenant of that slug, if there is one.
    pub async fn tenant_id(&self, slug: &str) -> Result<Option<TenantId>> {
        let slugs = [slug];
        let [rows] = self.read([tenants::by_slug(&slugs.as_slice())]).await?;
        at_most_one(rows)?.map(|row| Ok(TenantId(row.try_get("id")?))).transpose()
    }

    /// The tenant that a bot speaks for, by the bot's own id on its channel, with its slug.
    pub async fn tenant_of_bot(&self, channel: &str, external_id: &str) -> Result<Option<(TenantId, String)>> {
        // In one go: how long it takes does not tell a foreign tenant's bot from nobody's.
        let [rows] = self
            .read([Query::new(
                "-- tenant_of_bot
                SELECT c.tenant_id, t.slug
                FROM tenant_channels c
                JOIN tenants t ON t.id = c.tenant_id
                WHERE c.channel = $1 /* channel */ AND c.external_id = $2 /* external_id */",
            )
            .bind(&channel, Type::TEXT)
            .bind(&external_id, Type::TEXT)])
            .await?;
        at_most_one(rows)?.map(|row| Ok((TenantId(row.try_get("tenant_id")?), row.try_get("slug")?))).transpose()
    }
}

impl Tenant<'_> {
    /// A look at one moment of the tenant's catalog.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot { tx: Transaction::begin_snapshot(self.db, self.id).await?, tenant_id: self.id.0 })
    }
}

/// One moment of a tenant's catalog.
pub struct Snapshot {
    tx: Transaction,
    tenant_id: i64,
}

impl Snapshot {
    /// At which versions it is, and when: no price that it has begins later than set. None where there is no such tenant.
    pub async fn versions(&self) -> Result<Option<(Versions, SystemTime)>> {
        let rows = self
            .tx
            .query(
                Query::new(
                    "-- snapshot_versions
                    SELECT t.catalog_version AS own, r.catalog_version AS shared, clock_timestamp() AS now
                    FROM tenants t
                    CROSS JOIN vehicle_reference r
                    WHERE t.id = $1 /* id */",
                )
                .bind(&self.tenant_id, Type::INT8),
            )
            .await?;
        let Some(row) = at_most_one(rows)? else { return Ok(None) };
        let versions = Versions { own: row.try_get("own")?, shared: row.try_get("shared")? };
        Ok(Some((versions, row.try_get("now")?)))
    }

    /// What all tenants share.
    pub async fn shared(&self) -> Result<SharedRows> {
        let [categories, category_aliases, options, values, bodies, brands, brand_aliases, models, texts, version] =
            self.tx
                .query_all([
                    Query::new(
                        "-- snapshot_categories
                    SELECT id, code, names, descriptions FROM product_categories ORDER BY code COLLATE \"C\"",
                    ),
                    Query::new(
                        "-- snapshot_category_aliases
                    SELECT category_id AS of, alias FROM category_aliases",
                    ),
                    Query::new(
                        "-- snapshot_options
                    SELECT id, category_id, code, kind, names, body_types, sort_order FROM product_options ORDER BY id",
                    ),
                    Query::new(
                        "-- snapshot_option_values
                    SELECT id, option_id, code, names, sort_order
                    FROM option_values
                    ORDER BY option_id, sort_order, code",
                    ),
                    Query::new(
                        "-- snapshot_bodies
                    SELECT code, parent, priced_as, names, sort_order FROM body_types ORDER BY sort_order, code",
                    ),
                    Query::new(
                        "-- snapshot_brands
                    SELECT id, slug, name, names FROM brands ORDER BY id",
                    ),
                    Query::new(
                        "-- snapshot_brand_aliases
                    SELECT brand_id AS of, alias FROM vehicle_aliases WHERE model_id IS NULL",
                    ),
                    Query::new(
                        "-- snapshot_models
                    SELECT id, brand_id, slug, name, names FROM models ORDER BY id",
                    ),
                    Query::new(
                        "-- snapshot_shared_texts
                    SELECT key, language, value, items, flag FROM shared_texts",
                    ),
                    Query::new(
                        "-- snapshot_shared_texts_version
                    SELECT sum(hashtextextended(value, hashtextextended(concat_ws(':', key, language, items, flag), 0)))::text
                               AS version
                    FROM shared_texts",
                    ),
                ])
                .await?;
        let mut category_aliases = lists(&category_aliases)?;
        let mut brand_aliases = lists(&brand_aliases)?;
        let category = |row: &Row| {
            let id = row.try_get("id")?;
            Ok(CategoryRow {
                id,
                code: row.try_get("code")?,
                names: names(row, "names")?,
                descriptions: names(row, "descriptions")?,
                aliases: category_aliases.remove(&id).unwrap_or_default(),
            })
        };
        let body = |row: &Row| {
            Ok(BodyRow {
                code: word(row, "code")?,
                parent: optional_word(row, "parent")?,
                priced_as: optional_word(row, "priced_as")?,
                names: names(row, "names")?,
                sort_order: row.try_get("sort_order")?,
            })
        };
        let brand = |row: &Row| {
            let id = row.try_get("id")?;
            Ok(BrandRow {
                id,
                slug: row.try_get("slug")?,
                name: row.try_get("name")?,
                names: names(row, "names")?,
                aliases: brand_aliases.remove(&id).unwrap_or_default(),
            })
        };
        let model = |row: &Row| {
            Ok(ModelRow {
                id: row.try_get("id")?,
                brand_id: row.try_get("brand_id")?,
                slug: row.try_get("slug")?,
                name: row.try_get("name")?,
                names: names(row, "names")?,
            })
        };
        Ok(SharedRows {
            categories: categories.iter().map(category).collect::<Result<_>>()?,
            options: options::option_rows(&options, &values)?,
            bodies: bodies.iter().map(body).collect::<Result<_>>()?,
            brands: brands.iter().map(brand).collect::<Result<_>>()?,
            models: models.iter().map(model).collect::<Result<_>>()?,
            texts: texts.iter().map(text).collect::<Result<_>>()?,
            texts_version: version_of_texts(version)?,
        })
    }

    /// The tenant's own, but for its patterns.
    pub async fn own(&self) -> Result<OwnRows> {
        let [contacts, channels, codes, price_changes] = tenants::own_rows(&self.tenant_id);
        let [tenant, contacts, channels, codes, price_changes, categories, options, values, price_rows, texts, version] =
            self.tx
                .query_all([
                    tenants::by_id(&self.tenant_id),
                    contacts,
                    channels,
                    codes,
                    price_changes,
                    Query::new(
                        "-- snapshot_tenant_categories
                    SELECT t.category_id, t.code, t.names, t.descriptions, t.emoji, t.active, t.sort_order, t.options,
                           coalesce(p.models, 0) AS models
                    FROM tenant_categories t
                    LEFT JOIN (SELECT category_id, count(DISTINCT model_id) AS models
                               FROM patterns
                               WHERE tenant_id = $1 /* tenant_id */ AND available
                               GROUP BY category_id) p USING (category_id)
                    WHERE t.tenant_id = $1",
                    )
                    .bind(&self.tenant_id, Type::INT8),
                    Query::new(options::TENANT_OPTIONS).bind(&self.tenant_id, Type::INT8),
                    Query::new(options::TENANT_OPTION_VALUES).bind(&self.tenant_id, Type::INT8),
                    Query::new(prices::SNAPSHOT_PRICES).bind(&self.tenant_id, Type::INT8),
                    Query::new(
                        "-- snapshot_texts
                    SELECT key, language, value, items, flag FROM bot_texts WHERE tenant_id = $1 /* tenant_id */",
                    )
                    .bind(&self.tenant_id, Type::INT8),
                    Query::new(
                        "-- snapshot_texts_version
                    SELECT sum(hashtextextended(value, hashtextextended(concat_ws(':', key, language, items, flag), 0)))::text
                               AS version
                    FROM bot_texts
                    WHERE tenant_id = $1 /* tenant_id */",
                    )
                    .bind(&self.tenant_id, Type::INT8),
                ])
                .await?;
        let category = |row: &Row| {
            Ok(OwnCategory {
                id: row.try_get("category_id")?,
                code: row.try_get("code")?,
                names: names(row, "names")?,
                descriptions: names(row, "descriptions")?,
                emoji: row.try_get("emoji")?,
                active: row.try_get("active")?,
                sort_order: row.try_get("sort_order")?,
                options: row.try_get("options")?,
                models: row.try_get("models")?,
            })
        };
        let price = |row: &Row| {
            let line = Arc::new(prices::price(row)?);
            Ok(PriceRow { category_id: row.try_get("category_id")?, line, place: row.try_get("place")? })
        };
        Ok(OwnRows {
            tenant: tenants::complete(tenants::tenant(&one(tenant)?)?, [contacts, channels, codes, price_changes])?,
            categories: categories.iter().map(category).collect::<Result<_>>()?,
            options: options::own_options(&options, &values)?,
            prices: price_rows.iter().map(price).collect::<Result<_>>()?,
            texts: texts.iter().map(text).collect::<Result<_>>()?,
            texts_version: version_of_texts(version)?,
        })
    }

    /// The available patterns of a category. They come row by row: a million of them are never there as rows.
    pub async fn patterns(&self, category_id: i64) -> Result<PatternRows> {
        let variants = self
            .tx
            .query(
                Query::new(
                    "-- snapshot_variants
                    SELECT v.id, v.generation, v.year_from, v.year_to, v.body_type
                    FROM model_variants v
                    WHERE v.id IN (SELECT p.variant_id
                                   FROM patterns p
                                   WHERE p.tenant_id = $1 /* tenant_id */ AND p.category_id = $2 /* category_id */
                                     AND p.available)",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&category_id, Type::INT8),
            )
            .await?;
        let mut found = PatternRows::default();
        for row in &variants {
            found.variants.insert(row.try_get("id")?, variant(row)?);
        }
        let mut notes: HashSet<Arc<str>> = HashSet::new();
        let query = Query::new(
            "-- snapshot_patterns
            SELECT id, model_id, variant_id, steering, borders, seat_rows, trunk, notes
            FROM patterns
            WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* category_id */ AND available
            ORDER BY model_id, variant_id, 4, id",
        );
        let query = query.bind(&self.tenant_id, Type::INT8).bind(&category_id, Type::INT8);
        let read = self.tx.for_each_row(query, |row| {
            let said: &str = row.try_get("notes")?;
            let said = notes.get(said).cloned().unwrap_or_else(|| Arc::from(said));
            notes.insert(said.clone());
            found.patterns.push(PatternRow {
                id: row.try_get("id")?,
                model_id: row.try_get("model_id")?,
                variant_id: row.try_get("variant_id")?,
                attributes: patterns::attributes(row)?,
                notes: said,
            });
            Ok(())
        });
        read.await?;
        Ok(found)
    }

    /// Gives its connection back.
    pub async fn end(self) -> Result<()> {
        self.tx.changes_nothing();
        self.tx.commit().await
    }
}

fn variant(row: &Row) -> Result<Variant> {
    Ok(Variant {
        generation: row.try_get::<_, Option<&str>>("generation")?.unwrap_or_default().into(),
        years: Years { from: row.try_get("year_from")?, to: row.try_get("year_to")? },
        body_type: optional_word(row, "body_type")?,
    })
}

fn text(row: &Row) -> Result<TextRow> {
    Ok(TextRow { key: row.try_get("key")?, language: word(row, "language")?, value: texts::text_value(row)? })
}

/// Of no text it is empty.
fn version_of_texts(rows: Vec<Row>) -> Result<String> {
    Ok(one(rows)?.try_get::<_, Option<String>>("version")?.unwrap_or_default())
}

/// Names by language; other languages than ours are nobody's to see.
pub(super) fn names(row: &Row, column: &str) -> Result<Names> {
    let stored: serde_json::Value = row.try_get(column)?;
    let mut names = Names::default();
    for language in Language::ALL {
        if let Some(name) = stored.get(language.word()).and_then(serde_json::Value::as_str) {
            names.set(*language, name);
        }
    }
    Ok(names)
}

/// The aliases of rows, by what they are `of`.
fn lists(rows: &[Row]) -> Result<HashMap<i64, Vec<String>>> {
    let mut lists: HashMap<i64, Vec<String>> = HashMap::new();
    for row in rows {
        lists.entry(row.try_get("of")?).or_default().push(row.try_get("alias")?);
    }
    Ok(lists)
}
