//! One tenant never sees another's rows: not through the service's role, whatever the SQL says.

mod connections;
mod rows;

use lekalo::db::check::role;
use lekalo::db::pool::APP_ROLE;
use lekalo::domain::import::{Mode, NewImport};
use lekalo::import::rows::in_memory;
use lekalo::import::run::carry_out;
use tokio_postgres::Client;

use crate::support::tenants::tenant_tables;
use crate::support::uploads::{clean_row, new_import};
use crate::support::{connect, database, db_options, seeded};

/// A connection as the service's role.
async fn app(config: &tokio_postgres::Config) -> Client {
    let mut config = config.clone();
    config.options(format!("-c role={APP_ROLE}"));
    connect(&config).await
}

#[tokio::test]
async fn every_tenant_table_has_forced_row_level_security_and_the_tenant_first_in_every_key() {
    let client = connect(&database().await).await;
    let tables = tenant_tables(&client).await;
    assert!(tables.len() >= 14, "{tables:?}");
    let open: Vec<String> = client
        .query(
            "SELECT relname::text FROM pg_class
             WHERE relname = ANY ($1) AND relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)",
            &[&tables],
        )
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(open.is_empty(), "without forced row-level security: {open:?}");
    // Keys between tenant tables, and unique ones, begin with tenant_id; keys to reference tables cannot.
    let wrong: Vec<String> = client
        .query(
            "SELECT format('%s %s', c.conrelid::regclass, c.conname)
             FROM pg_constraint c
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
             WHERE c.conrelid::regclass::text = ANY ($1) AND a.attname <> 'tenant_id'
               -- A directory from bots to tenants is keyed by bots.
               AND c.conrelid <> 'tenant_channels'::regclass
               AND (c.contype IN ('p', 'u') OR c.contype = 'f' AND c.confrelid::regclass::text = ANY ($1))",
            &[&tables],
        )
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(wrong.is_empty(), "tenant_id is not first in: {wrong:?}");
}

#[tokio::test]
async fn the_service_refuses_a_role_that_row_level_security_does_not_hold_for() {
    let config = database().await;
    let mut options = db_options(&config);
    role(&options).await.unwrap();
    options.switch_role = false;
    let error = role(&options).await.unwrap_err().to_string();
    assert!(error.contains("superuser"), "{error}");
}

#[tokio::test]
async fn imports_of_two_tenants_do_not_touch_each_other() {
    let db = seeded().await;
    let row = clean_row();
    for (slug, expected) in [("evopoliki", 1), ("five_deluxe", 1)] {
        let tenant = db.find_tenant(slug).await.unwrap();
        let own = db.tenant(tenant.id);
        let category = own.find_category("5d_mats").await.unwrap();
        let new = NewImport { mode: Mode::Replace, allow_large_withdrawal: true, ..new_import(category.id) };
        let (import, _) = own.create_import(&new).await.unwrap();
        let import = carry_out(&db, tenant.id, &import, category.id, || in_memory(std::slice::from_ref(&row)), &|_| {})
            .await
            .unwrap();
        assert_eq!(import.error, None);
        assert_eq!((import.counts.created, import.counts.withdrawn), (expected, 0), "{slug}");
        assert_eq!(own.own_pattern_count().await, 1);
    }
}

/// Counts through the statistics, which see what the tenant sees.
trait OwnPatterns {
    async fn own_pattern_count(&self) -> i64;
}

impl OwnPatterns for lekalo::db::Tenant<'_> {
    async fn own_pattern_count(&self) -> i64 {
        let [rows] = self
            .read([lekalo::db::Query::new("-- all_visible_patterns\n SELECT count(*) FROM patterns")])
            .await
            .unwrap();
        rows[0].get(0)
    }
}
