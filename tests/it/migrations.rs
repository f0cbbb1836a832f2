//! Migrations: up from nothing by several starters at once, down to nothing, and up again to the same schema.

use futures::future::join_all;
use lekalo::db::{migrate, tls};
use tokio_postgres::{Client, Config};

use crate::common::{connect, empty_database};

const NO_TLS: tls::Mode = tls::Mode::Disable;

/// Everything of the schema that SQL can see, one line each.
async fn schema(client: &Client) -> Vec<String> {
    let rows = client
        .query(
            "SELECT format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
             FROM information_schema.columns WHERE table_schema = 'public'
             UNION ALL
             SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
             FROM pg_constraint WHERE connamespace = 'public'::regnamespace
             UNION ALL
             SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
             UNION ALL
             SELECT format('policy %s %s %s %s', tablename, policyname, qual, with_check) FROM pg_policies
             UNION ALL
             SELECT format('table %s rls=%s forced=%s acl=%s', relname, relrowsecurity, relforcerowsecurity, relacl)
             FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
             ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).filter(|line: &String| !line.contains("refinery_schema_history")).collect()
}

async fn up(config: &Config) -> migrate::Position {
    migrate::up(config, NO_TLS).await.unwrap()
}

#[tokio::test]
async fn every_migration_has_a_way_back() {
    let config = empty_database().await;
    let client = connect(&config).await;
    let empty = schema(&client).await;
    let latest = up(&config).await.latest;
    let full = schema(&client).await;
    assert!(full.len() > 200, "{} objects", full.len());

    for version in (0..latest).rev() {
        let position = migrate::down(&config, NO_TLS, version).await.unwrap();
        assert_eq!(position.current, version);
    }
    assert_eq!(schema(&client).await, empty, "down to zero leaves nothing behind");

    up(&config).await;
    assert_eq!(schema(&client).await, full, "the way back and forth again ends in the same schema");
}

#[tokio::test]
async fn several_starters_on_an_empty_database_all_come_up() {
    let config = empty_database().await;
    let positions = join_all((0..6).map(|_| up(&config))).await;
    for position in positions {
        assert_eq!(position.current, position.latest);
    }
}

#[tokio::test]
async fn an_older_program_starts_on_a_newer_schema() {
    let config = empty_database().await;
    let latest = up(&config).await.latest;
    let client = connect(&config).await;
    client
        .batch_execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')",
        )
        .await
        .unwrap();
    let position = up(&config).await;
    assert_eq!((position.current, position.latest), (999, latest));
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    let config = empty_database().await;
    up(&config).await;
    let client = connect(&config).await;
    client.batch_execute("UPDATE refinery_schema_history SET checksum = '1' WHERE version = 1").await.unwrap();
    let error = migrate::up(&config, NO_TLS).await.unwrap_err().to_string();
    assert!(error.contains("V1__reference"), "{error}");
}

#[tokio::test]
async fn applications_from_before_keep_the_contact_that_was_known() {
    // An owner for whom row-level security holds, as it does outside a test.
    let mut config = empty_database().await;
    let superuser = connect(&config).await;
    let database = config.get_dbname().unwrap().to_owned();
    let owner = format!(
        "DROP ROLE IF EXISTS plain_owner; CREATE ROLE plain_owner LOGIN; ALTER DATABASE {database} OWNER TO plain_owner"
    );
    superuser.batch_execute(&owner).await.unwrap();
    config.user("plain_owner");
    up(&config).await;
    migrate::down(&config, NO_TLS, 7).await.unwrap();
    superuser
        .batch_execute(
            "INSERT INTO tenants (id, slug, display_name, currency) VALUES (1, 'one', '1', 'KGS'), (2, 'two', '2', 'KGS');
             INSERT INTO customers (tenant_id, id, channel, external_id, name, phone, username, language)
             VALUES (1, 1, 'web', 'x', 'Айбек', '+996555123456', 'aibek', 'ky'), (2, 1, 'web', 'x', 'Other', NULL, '', 'ru');
             INSERT INTO applications (tenant_id, id, request_id, request_sha256, kind, customer_id)
             SELECT id, gen_random_uuid(), gen_random_uuid(), sha256(''), 'callback', 1 FROM tenants",
        )
        .await
        .unwrap();
    up(&config).await;
    let contacts = "SELECT concat_ws(' ', tenant_id, contact_name, contact_phone, contact_username, contact_language)
                    FROM applications ORDER BY tenant_id";
    let contacts: Vec<String> = superuser.query(contacts, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(contacts, ["1 Айбек +996555123456 aibek ky", "2 Other  ru"]);
}
