//! Writing the seed: reference rows follow it, a tenant's own rows are only added where they are missing.

use serde_json::Value;
use tokio_postgres::types::Type;

use super::catalog_writes::Whose;
use super::query::{Query, one};
use super::{Db, Transaction};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Result};
use crate::domain::seed::{Seed, TableCounts, TenantSeed};
use crate::domain::tenant::TenantId;

impl Db {
    /// Writes the seed, all or nothing; with `validate_only` it only counts what would change.
    pub async fn apply_seed(&self, seed: &Seed, validate_only: bool) -> Result<Vec<TableCounts>> {
        let mut tx = self.transaction().await?;
        tx.batch("-- wait_for_seed_turn\n SELECT pg_advisory_xact_lock(hashtextextended('lekalo seed', 0))").await?;
        let mut counts = Vec::new();
        for (table, sql, rows) in reference_steps(seed) {
            counts.push(step(&tx, table, sql, rows).await?);
        }
        let tenants: Vec<Value> = seed.tenants.iter().map(|tenant| tenant.row.clone()).collect();
        counts.push(step(&tx, "tenants", TENANTS, &tenants).await?);
        let (mut categories, mut prices) = (Vec::new(), Vec::new());
        for tenant in &seed.tenants {
            enter(&mut tx, tenant).await?;
            categories.push(step(&tx, "tenant_categories", TENANT_CATEGORIES, &tenant.categories).await?);
            prices.push(step(&tx, "prices", PRICES, &tenant.prices).await?);
        }
        counts.extend([sum("tenant_categories", &categories), sum("prices", &prices)]);
        // Aliases that return to a database that had others: servers must read them anew.
        if counts.iter().any(|counts| counts.table == "vehicle_aliases" && counts.inserted > 0 && counts.unchanged > 0)
        {
            tx.bump_reference().await?;
        }
        // Names, options and texts are in what every tenant's clients keep.
        if counts.iter().any(|counts| counts.inserted + counts.updated > 0) {
            tx.batch(BUMP_CATALOG_VERSIONS).await?;
            tx.bump_shared_catalog().await?;
            tx.note_catalog_change("seed", Whose::Everyones, None);
            tx.changes_of(None, told(&counts));
        } else {
            tx.changes_nothing();
        }
        if !validate_only {
            tx.commit().await?;
        }
        Ok(counts)
    }
}

/// Each as the tenant it is: nobody may change another.
const BUMP_CATALOG_VERSIONS: &str = "-- bump_catalog_versions
    DO $$
    DECLARE
        tenant bigint;
    BEGIN
        FOR tenant IN SELECT id FROM tenants ORDER BY id LOOP
            PERFORM set_config('app.current_tenant_id', tenant::text, true);
            UPDATE tenants SET catalog_version = catalog_version + 1 WHERE id = tenant;
        END LOOP;
    END $$";

/// Which tables, and how many of their rows.
fn told(counts: &[TableCounts]) -> Change {
    let changed = counts.iter().filter(|counts| counts.inserted > 0 || counts.updated > 0);
    let inserted: i64 = counts.iter().map(|counts| counts.inserted).sum();
    let updated: i64 = counts.iter().map(|counts| counts.updated).sum();
    let summary = format!("{inserted} rows inserted, {updated} updated");
    Change::of_all(ResourceKind::Seed, changed.map(|counts| counts.table), summary)
}

/// Parents before children.
fn reference_steps(seed: &Seed) -> [(&'static str, &'static str, &[Value]); 10] {
    [
        ("body_types", BODY_TYPES, &seed.body_types),
        ("product_categories", PRODUCT_CATEGORIES, &seed.product_categories),
        ("category_aliases", CATEGORY_ALIASES, &seed.category_aliases),
        ("product_options", PRODUCT_OPTIONS, &seed.product_options),
        ("option_values", OPTION_VALUES, &seed.option_values),
        ("shared_texts", SHARED_TEXTS, &seed.shared_texts),
        ("brands", BRANDS, &seed.brands),
        ("models", MODELS, &seed.models),
        ("model_variants", MODEL_VARIANTS, &seed.model_variants),
        ("vehicle_aliases", VEHICLE_ALIASES, &seed.vehicle_aliases),
    ]
}

async fn enter(tx: &mut Transaction, tenant: &TenantSeed) -> Result<()> {
    let rows = tx
        .query(
            Query::new(
                "-- find_tenant_id
                SELECT id FROM tenants WHERE slug = $1 /* slug */",
            )
            .bind(&tenant.slug, Type::TEXT),
        )
        .await?;
    tx.enter(TenantId(one(rows)?.try_get("id")?)).await
}

/// Runs one table's upsert, which returns `inserted` for each row it touched.
async fn step(tx: &Transaction, table: &'static str, sql: &'static str, rows: &[Value]) -> Result<TableCounts> {
    let document = Value::Array(rows.to_vec());
    let touched = tx.query(Query::new(sql).bind(&document, Type::JSONB)).await?;
    let mut inserted = 0;
    for row in &touched {
        inserted += i64::from(row.try_get::<_, bool>("inserted")?);
    }
    let touched = touched.len() as i64;
    let unchanged = rows.len() as i64 - touched;
    if unchanged < 0 {
        return Err(Error::internal(format!("seeding {table} touched more rows than it has")));
    }
    Ok(TableCounts { table, inserted, updated: touched - inserted, unchanged })
}

fn sum(table: &'static str, parts: &[TableCounts]) -> TableCounts {
    let total = |field: fn(&TableCounts) -> i64| parts.iter().map(field).sum();
    TableCounts {
        table,
        inserted: total(|c| c.inserted),
        updated: total(|c| c.updated),
        unchanged: total(|c| c.unchanged),
    }
}

// A row just inserted has no deleting transaction: xmax = 0.

const BODY_TYPES: &str = "-- seed_body_types
    INSERT INTO body_types AS t (code, parent, priced_as, names, sort_order)
    SELECT code, parent, priced_as, names, sort_order
    FROM jsonb_to_recordset($1 /* rows */) AS r (code text, parent text, priced_as text, names jsonb, sort_order smallint)
    ON CONFLICT (code) DO UPDATE
    SET parent = excluded.parent, priced_as = excluded.priced_as, names = excluded.names, sort_order = excluded.sort_order
    WHERE (t.parent, t.priced_as, t.names, t.sort_order)
        IS DISTINCT FROM (excluded.parent, excluded.priced_as, excluded.names, excluded.sort_order)
    RETURNING xmax = 0 AS inserted";

const PRODUCT_CATEGORIES: &str = "-- seed_product_categories
    INSERT INTO product_categories AS t (code, names, descriptions)
    SELECT code, names, descriptions
    FROM jsonb_to_recordset($1 /* rows */) AS r (code text, names jsonb, descriptions jsonb)
    ON CONFLICT (code) DO UPDATE SET names = excluded.names, descriptions = excluded.descriptions
    WHERE (t.names, t.descriptions) IS DISTINCT FROM (excluded.names, excluded.descriptions)
    RETURNING xmax = 0 AS inserted";

const CATEGORY_ALIASES: &str = "-- seed_category_aliases
    INSERT INTO category_aliases AS t (alias, category_id)
    SELECT r.alias, c.id
    FROM jsonb_to_recordset($1 /* rows */) AS r (alias text, category text)
    JOIN product_categories c ON c.code = r.category
    ON CONFLICT (alias) DO UPDATE SET category_id = excluded.category_id
    WHERE t.category_id IS DISTINCT FROM excluded.category_id
    RETURNING xmax = 0 AS inserted";

const PRODUCT_OPTIONS: &str = "-- seed_product_options
    INSERT INTO product_options AS t (category_id, code, kind, names, body_types, sort_order)
    SELECT c.id, r.code, r.kind, r.names, r.body_types, r.sort_order
    FROM jsonb_to_recordset($1 /* rows */)
        AS r (category text, code text, kind text, names jsonb, body_types text[], sort_order smallint)
    JOIN product_categories c ON c.code = r.category
    ON CONFLICT (category_id, code) DO UPDATE
    SET kind = excluded.kind, names = excluded.names, body_types = excluded.body_types, sort_order = excluded.sort_order
    WHERE (t.kind, t.names, t.body_types, t.sort_order)
        IS DISTINCT FROM (excluded.kind, excluded.names, excluded.body_types, excluded.sort_order)
    RETURNING xmax = 0 AS inserted";

const OPTION_VALUES: &str = "-- seed_option_values
    INSERT INTO option_values AS t (option_id, code, names, sort_order)
    SELECT o.id, r.code, r.names, r.sort_order
    FROM jsonb_to_recordset($1 /* rows */)
        AS r (category text, option text, code text, names jsonb, sort_order smallint)
    JOIN product_categories c ON c.code = r.category
    JOIN product_options o ON o.category_id = c.id AND o.code = r.option
    ON CONFLICT (option_id, code) DO UPDATE SET names = excluded.names, sort_order = excluded.sort_order
    WHERE (t.names, t.sort_order) IS DISTINCT FROM (excluded.names, excluded.sort_order)
    RETURNING xmax = 0 AS inserted";

const SHARED_TEXTS: &str = "-- seed_shared_texts
    INSERT INTO shared_texts AS t (key, language, value, items, flag)
    SELECT key, language, value, items, flag
    FROM jsonb_to_recordset($1 /* rows */) AS r (key text, language text, value text, items text[], flag boolean)
    ON CONFLICT (key, language) DO UPDATE SET value = excluded.value, items = excluded.items, flag = excluded.flag
    WHERE (t.value, t.items, t.flag) IS DISTINCT FROM (excluded.value, excluded.items, excluded.flag)
    RETURNING xmax = 0 AS inserted";

const BRANDS: &str = "-- seed_brands
    INSERT INTO brands AS t (slug, name, names)
    SELECT slug, name, names
    FROM jsonb_to_recordset($1 /* rows */) AS r (slug text, name text, names jsonb)
    ON CONFLICT (slug) DO UPDATE SET name = excluded.name, names = excluded.names
    WHERE (t.name, t.names) IS DISTINCT FROM (excluded.name, excluded.names)
    RETURNING xmax = 0 AS inserted";

const MODELS: &str = "-- seed_models
    INSERT INTO models AS t (brand_id, slug, name, names, body_type)
    SELECT b.id, r.slug, r.name, r.names, r.body_type
    FROM jsonb_to_recordset($1 /* rows */) AS r (brand text, slug text, name text, names jsonb, body_type text)
    JOIN brands b ON b.slug = r.brand
    ON CONFLICT (brand_id, slug) DO UPDATE
    SET name = excluded.name, names = excluded.names, body_type = excluded.body_type
    WHERE (t.name, t.names, t.body_type) IS DISTINCT FROM (excluded.name, excluded.names, excluded.body_type)
    RETURNING xmax = 0 AS inserted";

const MODEL_VARIANTS: &str = "-- seed_model_variants
    INSERT INTO model_variants (model_id, generation, year_from, year_to, body_type)
    SELECT m.id, nullif(r.generation, ''), r.year_from, r.year_to, r.body_type
    FROM jsonb_to_recordset($1 /* rows */)
        AS r (brand text, model text, generation text, year_from smallint, year_to smallint, body_type text)
    JOIN brands b ON b.slug = r.brand
    JOIN models m ON m.brand_id = b.id AND m.slug = r.model
    ON CONFLICT DO NOTHING
    RETURNING true AS inserted";

const VEHICLE_ALIASES: &str = "-- seed_vehicle_aliases
    INSERT INTO vehicle_aliases AS t (brand_id, model_id, alias, ambiguous)
    SELECT b.id, m.id, r.alias, r.ambiguous
    FROM jsonb_to_recordset($1 /* rows */) AS r (brand text, model text, alias text, ambiguous boolean)
    JOIN brands b ON b.slug = r.brand
    LEFT JOIN models m ON m.brand_id = b.id AND m.slug = r.model
    ON CONFLICT (brand_id, model_id, alias) DO UPDATE SET ambiguous = excluded.ambiguous
    WHERE t.ambiguous IS DISTINCT FROM excluded.ambiguous
    RETURNING xmax = 0 AS inserted";

const TENANTS: &str = "-- seed_tenants
    INSERT INTO tenants (slug, display_name, default_language, currency, time_zone, prices_visible)
    SELECT slug, display_name, default_language, currency, time_zone, prices_visible
    FROM jsonb_to_recordset($1 /* rows */)
        AS r (slug text, display_name text, default_language text, currency text, time_zone text, prices_visible boolean)
    ON CONFLICT (slug) DO NOTHING
    RETURNING true AS inserted";

/// A category of the tenant's own stands before a shared one that came to have its code.
const TENANT_CATEGORIES: &str = "-- seed_tenant_categories
    INSERT INTO tenant_categories (tenant_id, category_id, sort_order, options)
    SELECT current_setting('app.current_tenant_id')::bigint, c.id, r.sort_order, r.options
    FROM jsonb_to_recordset($1 /* rows */) AS r (category text, options text[], sort_order smallint)
    JOIN product_categories c ON c.code = r.category
    WHERE NOT EXISTS (SELECT FROM tenant_categories tc
                      WHERE tc.tenant_id = current_setting('app.current_tenant_id')::bigint AND tc.code = r.category)
    ON CONFLICT (tenant_id, category_id) DO NOTHING
    RETURNING true AS inserted";

/// A price line whose key has ever had a price is the shop's business, not the seed's.
const PRICES: &str = "-- seed_prices
    INSERT INTO prices (tenant_id, category_id, body_type, brand_id, option_id, with_value_id, amount, amount_max,
                        currency, validity)
    SELECT current_setting('app.current_tenant_id')::bigint, c.id, r.body_type, b.id, o.id, v.id, r.amount, r.amount_max,
           r.currency, tstzrange(r.valid_from, NULL, '[)')
    FROM jsonb_to_recordset($1 /* rows */)
        AS r (category text, body_type text, brand text, option text, with_option text, with_value text,
              amount numeric, amount_max numeric, currency text, valid_from timestamptz)
    JOIN product_categories c ON c.code = r.category
    JOIN tenant_categories tc
      ON tc.tenant_id = current_setting('app.current_tenant_id')::bigint AND tc.category_id = c.id
    LEFT JOIN brands b ON b.slug = r.brand
    LEFT JOIN product_options o ON o.category_id = c.id AND o.code = r.option
    LEFT JOIN product_options w ON w.category_id = c.id AND w.code = r.with_option
    LEFT JOIN option_values v ON v.option_id = w.id AND v.code = r.with_value
    WHERE NOT EXISTS (
        SELECT FROM prices p
        WHERE p.tenant_id = current_setting('app.current_tenant_id')::bigint AND p.category_id = c.id
          AND p.body_type IS NOT DISTINCT FROM r.body_type AND p.brand_id IS NOT DISTINCT FROM b.id
          AND p.option_id IS NOT DISTINCT FROM o.id AND p.with_value_id IS NOT DISTINCT FROM v.id
    )
    RETURNING true AS inserted";
