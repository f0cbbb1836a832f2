//! The seed: a fresh database gets all of it, another one only what it lacks; what a shop has made its own stays.

mod files;

use std::collections::BTreeMap;

use lekalo::db::Db;
use lekalo::domain::seed::{Seed, TableCounts};
use lekalo::seed::shipped;
use tokio_postgres::Client;

use crate::support::{connect, database, db_options, empty_database};

/// How many rows the seed has for each table, in the order in which they are written.
fn rows(seed: &Seed) -> Vec<(&'static str, usize)> {
    let of_tenants = |rows: fn(&lekalo::domain::seed::TenantSeed) -> usize| seed.tenants.iter().map(rows).sum();
    vec![
        ("body_types", seed.body_types.len()),
        ("product_categories", seed.product_categories.len()),
        ("category_aliases", seed.category_aliases.len()),
        ("product_options", seed.product_options.len()),
        ("option_values", seed.option_values.len()),
        ("shared_texts", seed.shared_texts.len()),
        ("brands", seed.brands.len()),
        ("models", seed.models.len()),
        ("model_variants", seed.model_variants.len()),
        ("vehicle_aliases", seed.vehicle_aliases.len()),
        ("tenants", seed.tenants.len()),
        ("tenant_categories", of_tenants(|tenant| tenant.categories.len())),
        ("prices", of_tenants(|tenant| tenant.prices.len())),
    ]
}

/// What was done to tables of which something was done: how many rows came in, and how many were put right.
fn done(counts: &[TableCounts]) -> Vec<(&'static str, i64, i64)> {
    let touched = counts.iter().filter(|counts| counts.inserted + counts.updated > 0);
    touched.map(|counts| (counts.table, counts.inserted, counts.updated)).collect()
}

/// All rows of the tables that the seed writes, without the ids and times that a database gives itself.
async fn contents(owner: &Client, seed: &Seed) -> BTreeMap<&'static str, String> {
    let mut contents = BTreeMap::new();
    for (table, _) in rows(seed) {
        let own = match table {
            "tenants" => "to_jsonb(t) - 'catalog_version' - 'created_at' - 'updated_at'",
            "vehicle_aliases" | "prices" => "to_jsonb(t) - 'id' - 'created_at'",
            _ => "to_jsonb(t)",
        };
        let sql = format!("SELECT string_agg(({own})::text, E'\\n' ORDER BY ({own})::text) FROM {table} t");
        contents.insert(table, owner.query_one(&sql, &[]).await.unwrap().get(0));
    }
    contents
}

async fn numbers(owner: &Client) -> (i64, i64, i64) {
    let sql = "SELECT (SELECT version FROM vehicle_reference), min(catalog_version), max(catalog_version) FROM tenants";
    let row = owner.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_database_gets_every_row_once_and_they_are_what_the_files_say() {
    let config = empty_database().await;
    lekalo::db::migrations::up(&config, &lekalo_migrate::tls::OFF).await.unwrap();
    let owner = connect(&config).await;
    let db = Db::new(&db_options(&config)).unwrap();
    let seed = shipped().unwrap();
    // Two who seed at once wait for each other.
    let (one, other) = tokio::join!(db.apply_seed(&seed, false), db.apply_seed(&seed, false));
    let (one, other) = (one.unwrap(), other.unwrap());
    let (first, second) = if done(&one).is_empty() { (other, one) } else { (one, other) };
    let expected: Vec<_> = rows(&seed)
        .into_iter()
        .map(|(table, rows)| TableCounts { table, inserted: rows as i64, updated: 0, unchanged: 0 })
        .collect();
    assert_eq!(first, expected);
    assert!(expected.iter().all(|counts| counts.inserted > 0), "{expected:?}");
    let expected: Vec<_> = rows(&seed)
        .into_iter()
        .map(|(table, rows)| TableCounts { table, inserted: 0, updated: 0, unchanged: rows as i64 })
        .collect();
    assert_eq!(second, expected);
    for (table, rows) in rows(&seed) {
        let count: i64 = owner.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
        assert_eq!(count, rows as i64, "{table}");
    }
    // Servers that read the aliases while there were none of other versions need not read them again.
    assert_eq!(numbers(&owner).await, (1, 2, 2));

    // Word by word, for one row of each kind of step.
    for (table, columns, expected) in [
        (
            "body_types WHERE code = 'coupe'",
            "concat_ws('|', parent, priced_as, names->>'ru', sort_order > 0)",
            "sedan|Купе|t",
        ),
        ("category_aliases a JOIN product_categories c ON c.id = a.category_id WHERE alias = 'mats_5d'", "c.code", "5d_mats"),
        (
            "option_values v JOIN product_options o ON o.id = v.option_id JOIN product_categories c ON c.id = o.category_id
             WHERE c.code = '5d_mats' AND o.code = 'leather'",
            "string_agg(v.code, ' ' ORDER BY v.sort_order)",
            "press stitched crocodile",
        ),
        (
            "prices p JOIN tenants t ON t.id = p.tenant_id JOIN product_categories c ON c.id = p.category_id
             JOIN option_values w ON w.id = p.with_value_id
             WHERE t.slug = 'evopoliki' AND c.code = '5d_mats' AND p.option_id IS NULL",
            "string_agg(concat_ws(' ', w.code, p.amount, p.amount_max, p.currency, lower(p.validity) AT TIME ZONE 'UTC',
                        upper(p.validity)), '; ' ORDER BY p.amount)",
            "press 9000.00 KGS 2024-12-31 18:00:00; stitched 10500.00 KGS 2024-12-31 18:00:00; \
             crocodile 15000.00 KGS 2024-12-31 18:00:00",
        ),
        (
            "prices p JOIN tenants t ON t.id = p.tenant_id JOIN product_categories c ON c.id = p.category_id
             JOIN brands b ON b.id = p.brand_id WHERE c.code = 'alcantara_dash'",
            "string_agg(concat_ws(' ', t.slug, b.slug, p.amount, p.amount_max), '; ' ORDER BY b.slug)",
            "five_deluxe bmw 7000.00 10000.00; five_deluxe lexus 7000.00 10000.00; \
             five_deluxe mercedes-benz 7000.00 10000.00",
        ),
        (
            "tenants",
            "string_agg(concat_ws(' ', slug, display_name, default_language, currency, time_zone, prices_visible, active),
                        '; ' ORDER BY slug)",
            "evopoliki EVOPOLIKI ru KGS Asia/Bishkek t t; five_deluxe 5Deluxe ru KGS Asia/Bishkek f t",
        ),
        (
            "tenant_categories tc JOIN tenants t ON t.id = tc.tenant_id JOIN product_categories c ON c.id = tc.category_id
             WHERE t.slug = 'evopoliki'",
            "string_agg(concat(c.code, tc.options, CASE WHEN NOT tc.active THEN '!' END), ' ' ORDER BY tc.sort_order)",
            "eva_mats{with_borders,third_row} 5d_mats{leather,third_row,trunk} seat_covers{perforated,heating} \
             dashboard_covers{} trunk_mats{}",
        ),
    ] {
        let found: String = owner.query_one(&format!("SELECT ({columns})::text FROM {table}"), &[]).await.unwrap().get(0);
        assert_eq!(found, expected, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_seed_owns_is_put_right_and_what_a_shop_owns_stays() {
    let config = database().await;
    let owner = connect(&config).await;
    let db = Db::new(&db_options(&config)).unwrap();
    let seed = shipped().unwrap();
    let before = contents(&owner, &seed).await;
    let (reference, catalog, _) = numbers(&owner).await;

    // Each column that the seed owns, in one row of each table.
    for broken in [
        "body_types SET parent = NULL, priced_as = 'suv', names = '{\"ru\": \"?\"}', sort_order = 99 WHERE code = 'minivan_small'",
        "product_categories SET names = '{\"ru\": \"?\"}', descriptions = '{\"ru\": \"?\"}' WHERE code = 'eva_mats'",
        "category_aliases SET category_id = (SELECT max(id) FROM product_categories) WHERE alias = 'mats_5d'",
        "product_options SET kind = 'addon', names = '{\"ru\": \"?\"}', body_types = '{van}', sort_order = 99
         WHERE id = (SELECT min(id) FROM product_options)",
        "option_values SET names = '{\"ru\": \"?\"}', sort_order = 99 WHERE id = (SELECT min(id) FROM option_values)",
        "shared_texts SET value = '?' WHERE key = 'welcome' AND language = 'ky'",
        "brands SET name = '?', names = '{\"ru\": \"?\"}' WHERE slug = 'toyota'",
        "models SET name = '?', names = '{\"ru\": \"?\"}', body_type = 'van' WHERE slug = 'camry'",
        "vehicle_aliases SET ambiguous = NOT ambiguous WHERE id = (SELECT min(id) FROM vehicle_aliases)",
    ] {
        assert_eq!(owner.execute(&format!("UPDATE {broken}"), &[]).await.unwrap(), 1, "{broken}");
    }
    // What is only looked at is counted and not done.
    let looked = db.apply_seed(&seed, true).await.unwrap();
    assert_eq!(numbers(&owner).await, (reference, catalog, catalog));
    let counts = db.apply_seed(&seed, false).await.unwrap();
    assert_eq!(looked, counts);
    let put_right: Vec<_> = rows(&seed)[..10]
        .iter()
        .filter(|(table, _)| *table != "model_variants")
        .map(|(table, _)| (*table, 0, 1))
        .collect();
    assert_eq!(done(&counts), put_right);
    for (counts, (table, rows)) in counts.iter().zip(rows(&seed)) {
        assert_eq!((counts.table, counts.inserted + counts.updated + counts.unchanged), (table, rows as i64));
    }
    let after = contents(&owner, &seed).await;
    for (table, rows) in &before {
        assert!(*rows == after[table], "{table} is not as it was");
    }
    assert_eq!(numbers(&owner).await, (reference, catalog + 1, catalog + 1), "what clients keep is stale");
    assert!(done(&db.apply_seed(&seed, false).await.unwrap()).is_empty());
    assert_eq!(numbers(&owner).await, (reference, catalog + 1, catalog + 1), "nothing was done");

    // An alias and a generation that are gone come back, and servers are told to read the aliases.
    owner
        .batch_execute(
            "DELETE FROM vehicle_aliases WHERE id = (SELECT max(id) FROM vehicle_aliases);
             DELETE FROM model_variants WHERE id = (SELECT max(id) FROM model_variants)",
        )
        .await
        .unwrap();
    let counts = db.apply_seed(&seed, false).await.unwrap();
    assert_eq!(done(&counts), [("model_variants", 1, 0), ("vehicle_aliases", 1, 0)]);
    assert_eq!(numbers(&owner).await, (reference + 1, catalog + 2, catalog + 2));

    // A shop's own: all that it may change, and a price that it ended.
    owner
        .batch_execute(
            "UPDATE tenants SET display_name = 'Мой', default_language = 'ky', time_zone = 'UTC', active = false,
                                prices_visible = NOT prices_visible;
             UPDATE tenant_categories SET active = false, options = '{}', sort_order = 7;
             UPDATE prices SET amount = amount + 1, amount_max = NULL,
                               validity = tstzrange(lower(validity), lower(validity) + interval '1 day');
             INSERT INTO vehicle_aliases (brand_id, alias, source) SELECT id, 'своя', 'shop' FROM brands WHERE slug = 'toyota'",
        )
        .await
        .unwrap();
    let own = contents(&owner, &seed).await;
    assert!(done(&db.apply_seed(&seed, false).await.unwrap()).is_empty());
    assert!(own == contents(&owner, &seed).await, "the seed changed what is a shop's");
    // What a shop never had is added, to that shop.
    let some = "DELETE FROM prices WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'five_deluxe')
                AND brand_id IS NOT NULL";
    assert_eq!(owner.execute(some, &[]).await.unwrap(), 3);
    assert_eq!(done(&db.apply_seed(&seed, false).await.unwrap()), [("prices", 3, 0)]);
}
