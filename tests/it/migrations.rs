//! Migrations: up from nothing, down to nothing, and up again to the same schema; by steps, by script, by several at once.

mod alone;
mod draft;
mod frozen;
mod locks;
mod losses;
mod pooler;
mod script;
mod together;

use lekalo::db::migrations;
use lekalo_migrate::{DownTo, MigrateError, Position, UpTo, tls};
use tokio_postgres::{Client, Config};

use crate::support::{connect, empty_database};

const NO_TLS: &tls::Tls = &tls::OFF;

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

async fn up(config: &Config) -> Position {
    migrations::up(config, NO_TLS).await.unwrap().position
}

async fn down(config: &Config, version: i32) -> Result<Position, MigrateError> {
    migrations::shipped().down(config, NO_TLS, DownTo::Version(version)).await
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
        let position = down(&config, version).await.unwrap();
        assert_eq!(position.current, version);
    }
    assert_eq!(schema(&client).await, empty, "down to zero leaves nothing behind");

    up(&config).await;
    assert_eq!(schema(&client).await, full, "the way back and forth again ends in the same schema");
}

#[tokio::test]
async fn up_and_down_go_by_steps_and_to_versions() {
    let config = empty_database().await;
    let shipped = migrations::shipped();
    let up = async |to: &str| shipped.up(&config, NO_TLS, to.parse::<UpTo>().unwrap()).await;
    let down = async |to: &str| shipped.down(&config, NO_TLS, to.parse::<DownTo>().unwrap()).await;

    let upgrade = up("+2").await.unwrap();
    assert_eq!(upgrade.applied, ["V1__reference", "V2__tenant_tables"]);
    assert_eq!(up("V4").await.unwrap().position.current, 4);
    assert_eq!(up("4").await.unwrap().applied, [""; 0]);
    for refused in ["3", "999", "+999"] {
        assert!(matches!(up(refused).await, Err(MigrateError::Target(_))), "{refused}");
    }
    assert_eq!(down("-1").await.unwrap().current, 3);
    assert_eq!(down("V2").await.unwrap().current, 2);
    for refused in ["3", "-3"] {
        assert!(matches!(down(refused).await, Err(MigrateError::Target(_))), "{refused}");
    }
    assert_eq!(down("2").await.unwrap().current, 2);
    assert_eq!(down("base").await.unwrap().current, 0);
    assert_eq!(up("head").await.unwrap().position.current, shipped.latest());
}

#[tokio::test]
async fn every_way_back_is_looked_at_before_anything_is_touched() {
    let config = empty_database().await;
    let (next, after) = (migrations::shipped().latest() + 1, migrations::shipped().latest() + 2);
    let table = format!("V{next}__table");
    let last = format!("V{after}__last");
    for wrong in ["", "-- nothing;", "SELECT 'open"] {
        let migrations = migrations::shipped()
            .and(&table, "CREATE TABLE test_a (id int)", wrong)
            .and_then(|list| list.and(&last, "CREATE TABLE test_b (id int)", "DROP TABLE test_b"))
            .unwrap();
        migrations.up(&config, NO_TLS, UpTo::Head).await.unwrap();
        let error = migrations.down(&config, NO_TLS, DownTo::Steps(2)).await.unwrap_err();
        assert!(error.to_string().contains(&table), "{error}");
        let planned = migrations.down_steps(&config, NO_TLS, DownTo::Steps(2)).await.map(|_| ()).unwrap_err();
        assert_eq!(planned.to_string(), error.to_string());
        let position = migrations::current(&config, NO_TLS).await.unwrap();
        assert_eq!(position.current, after, "nothing was undone");
    }
    // A program that does not know them has no way back from them either, and says which.
    let error = down(&config, 0).await.unwrap_err().to_string();
    assert!(error.contains(&last) && error.contains("no way back"), "{error}");
    // One that fails leaves what it undid before, and nothing half-done.
    let migrations = migrations::shipped()
        .and(&table, "CREATE TABLE test_a (id int)", "DROP TABLE test_a; SELECT 1 / 0")
        .and_then(|list| list.and(&last, "CREATE TABLE test_b (id int)", "DROP TABLE test_b"))
        .unwrap();
    let error = losses::plan(&migrations, &config, &config, DownTo::Steps(2)).await.unwrap_err().to_string();
    assert!(error.contains(&table), "{error}");
    let error = migrations.down(&config, NO_TLS, DownTo::Steps(2)).await.unwrap_err().to_string();
    assert!(error.contains(&table), "{error}");
    let client = connect(&config).await;
    assert_eq!(migrations::current(&config, NO_TLS).await.unwrap().current, next);
    client.batch_execute("SELECT FROM test_a").await.unwrap();
    let gone = client.batch_execute("SELECT FROM test_b").await.unwrap_err();
    assert_eq!(gone.code(), Some(&tokio_postgres::error::SqlState::UNDEFINED_TABLE));
}

#[tokio::test]
async fn what_was_planned_is_undone_or_nothing() {
    let config = empty_database().await;
    let latest = up(&config).await.latest;
    let shipped = migrations::shipped();
    let go_down = async |planned: &[i32]| shipped.down_as_planned(&config, NO_TLS, DownTo::Version(8), planned).await;
    let versions: Vec<i32> = (9..=latest).rev().collect();
    for other in [&versions[1..], &versions[..versions.len() - 1], &[], &(9..=latest).collect::<Vec<_>>()] {
        let error = go_down(other).await.unwrap_err();
        assert!(matches!(error, MigrateError::Target(_)), "{other:?}: {error}");
        assert!(error.to_string().contains("others have migrated"), "{other:?}: {error}");
        assert_eq!(migrations::current(&config, NO_TLS).await.unwrap().current, latest, "{other:?}");
    }
    assert_eq!(go_down(&versions).await.unwrap().current, 8);
}

#[tokio::test]
async fn what_was_applied_under_another_name_is_refused_like_another_content() {
    let config = empty_database().await;
    up(&config).await;
    let client = connect(&config).await;
    client.batch_execute("UPDATE refinery_schema_history SET name = 'other' WHERE version = 4").await.unwrap();
    for error in [migrations::up(&config, NO_TLS).await.unwrap_err(), down(&config, 0).await.unwrap_err()] {
        assert!(matches!(error, MigrateError::Edited(_)), "{error}");
    }
}

#[tokio::test]
async fn an_older_program_starts_on_a_newer_schema() {
    let config = empty_database().await;
    let latest = up(&config).await.latest;
    let older = migrations::shipped().up_to(latest - 1);
    let upgrade = older.up(&config, NO_TLS, UpTo::Head).await.unwrap();
    assert_eq!((upgrade.position.current, upgrade.position.latest), (latest, latest - 1));
    assert_eq!(upgrade.applied, [""; 0]);

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
async fn an_edited_history_is_refused_and_the_files_are_named() {
    let config = empty_database().await;
    up(&config).await;
    let client = connect(&config).await;
    client.batch_execute("UPDATE refinery_schema_history SET checksum = '1' WHERE version IN (1, 4)").await.unwrap();
    for error in [
        migrations::up(&config, NO_TLS).await.unwrap_err(),
        down(&config, 0).await.unwrap_err(),
        migrations::shipped().down_steps(&config, NO_TLS, DownTo::Base).await.unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.contains("V1__reference.sql, V4__write_requests.sql"), "{error}");
    }
    client.batch_execute("DELETE FROM refinery_schema_history WHERE version IN (1, 4)").await.unwrap();
    let error = migrations::up(&config, NO_TLS).await.unwrap_err().to_string();
    assert!(error.contains("V1__reference.sql, V4__write_requests.sql was never applied"), "{error}");
}

#[tokio::test]
async fn a_history_that_no_program_wrote_is_refused_by_its_row() {
    let config = empty_database().await;
    up(&config).await;
    let client = connect(&config).await;
    client.batch_execute("CREATE TABLE kept AS SELECT * FROM refinery_schema_history WHERE version = 2").await.unwrap();
    for (broken, told) in [
        ("applied_on = 'yesterday'", "the row of version 2 has an unreadable applied_on"),
        ("applied_on = NULL", "the row of version 2 has an unreadable applied_on"),
        ("checksum = NULL", "another content of V2__tenant_tables.sql"),
        ("checksum = 'x'", "another content of V2__tenant_tables.sql"),
    ] {
        client.batch_execute(&format!("UPDATE refinery_schema_history SET {broken} WHERE version = 2")).await.unwrap();
        let error = migrations::up(&config, NO_TLS).await.unwrap_err().to_string();
        assert!(error.contains(told), "{broken}: {error}");
        let restored = "DELETE FROM refinery_schema_history WHERE version = 2;
                        INSERT INTO refinery_schema_history SELECT * FROM kept";
        client.batch_execute(restored).await.unwrap();
        assert_eq!(migrations::up(&config, NO_TLS).await.unwrap().applied, [""; 0], "{broken}");
    }
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
    down(&config, 7).await.unwrap();
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

    // Back to when events had a sequence, and on again: each tenant's feed goes on after its last event.
    let events = "INSERT INTO application_events (tenant_id, id, application_id, to_status)
                  SELECT tenant_id, 6 + tenant_id, id, 'new' FROM applications";
    superuser.batch_execute(events).await.unwrap();
    down(&config, 5).await.unwrap();
    let next: i64 = superuser.query_one("SELECT nextval('application_events_id_seq')", &[]).await.unwrap().get(0);
    assert_eq!(next, 9);
    up(&config).await;
    let feeds = "SELECT concat_ws(' ', tenant_id, last_place) FROM application_feeds ORDER BY tenant_id";
    let feeds: Vec<String> = superuser.query(feeds, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(feeds, ["1 7", "2 8"]);
}

#[tokio::test]
async fn an_older_program_reads_lists_as_lines_and_switches_as_words() {
    let config = empty_database().await;
    up(&config).await;
    let client = connect(&config).await;
    client
        .batch_execute(
            "INSERT INTO tenants (id, slug, display_name, currency) VALUES (1, 'one', '1', 'KGS');
             INSERT INTO bot_texts (tenant_id, key, language, value, items, flag)
             VALUES (1, 'cities', 'ru', E'Ош\nБишкек', '{Ош,Бишкек}', NULL), (1, 'ask_phone', 'ru', 'false', NULL, false);
             INSERT INTO shared_texts (key, language, value, items) VALUES ('menu', 'ru', E'Да\nНет', '{Да,Нет}')",
        )
        .await
        .unwrap();
    down(&config, 25).await.unwrap();
    let read = "SELECT value FROM bot_texts UNION ALL SELECT value FROM shared_texts";
    let values: Vec<String> = client.query(read, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(values, ["Ош\nБишкек", "false", "Да\nНет"]);
    up(&config).await;
    let kinds = "SELECT count(*) FROM bot_texts WHERE items IS NOT NULL OR flag IS NOT NULL";
    assert_eq!(client.query_one(kinds, &[]).await.unwrap().get::<_, i64>(0), 0);
}
