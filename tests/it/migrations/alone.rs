//! Migrations outside of a transaction: resumable, whenever the run before was killed.

use std::time::Duration;

use lekalo::db::migrations;
use lekalo_migrate::{MigrateError, Migrations, UpTo};
use tokio_postgres::Client;

use super::NO_TLS;
use crate::support::{connect, database};

fn without_transaction(sql: &str) -> Migrations {
    let next = migrations::shipped().latest() + 1;
    let down = "DROP INDEX IF EXISTS test_first, test_second";
    migrations::shipped().and(&format!("V{next}__indexes"), &format!("-- no-transaction\n{sql}"), down).unwrap()
}

const INDEXES: &str = "CREATE INDEX CONCURRENTLY IF NOT EXISTS test_first ON body_types (code);
    CREATE INDEX CONCURRENTLY IF NOT EXISTS test_second ON brands (name);";

/// Whether an index is there, and fit for use.
async fn index(client: &Client, name: &str) -> Option<bool> {
    let sql = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1::text)";
    client.query_opt(sql, &[&name]).await.unwrap().map(|row| row.get(0))
}

async fn until(what: &str, reached: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if reached().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn a_killed_build_of_an_index_is_taken_up_by_the_next_run() {
    let config = database().await;
    let client = connect(&config).await;
    // Who has written to the table and not ended holds the second index up, half-built.
    let writer = connect(&config).await;
    writer.batch_execute("BEGIN; UPDATE brands SET name = name").await.unwrap();
    let migrations = without_transaction(INDEXES);
    let killed = {
        let (config, migrations) = (config.clone(), migrations.clone());
        tokio::spawn(async move { migrations.up(&config, NO_TLS, UpTo::Head).await })
    };
    until("the build waits", async || index(&client, "test_second").await == Some(false)).await;
    assert_eq!(index(&client, "test_first").await, Some(true));
    killed.abort();
    let working =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONC%'
                   AND state = 'active'";
    let gone = async || client.query_one(working, &[]).await.unwrap().get::<_, i64>(0) == 0;
    until("the server ends the work of whoever has gone", gone).await;
    assert_eq!(index(&client, "test_second").await, Some(false), "the remains of the killed build");
    assert_eq!(migrations.history(&config, NO_TLS).await.unwrap().pop().unwrap().applied_on, None);

    writer.batch_execute("COMMIT").await.unwrap();
    assert_eq!(migrations.up(&config, NO_TLS, UpTo::Head).await.unwrap().applied.len(), 1);
    assert_eq!((index(&client, "test_first").await, index(&client, "test_second").await), (Some(true), Some(true)));
    assert!(migrations.history(&config, NO_TLS).await.unwrap().pop().unwrap().is_applied());
}

#[tokio::test]
async fn starters_that_wait_do_not_hold_up_the_build_of_an_index() {
    let config = database().await;
    let migrations = without_transaction(INDEXES);
    let starters = (0..8).map(|_| migrations.up(&config, NO_TLS, UpTo::Head));
    let upgrades = futures::future::join_all(starters).await;
    assert_eq!(upgrades.into_iter().map(|upgrade| upgrade.unwrap().applied.len()).sum::<usize>(), 1);
}

#[tokio::test]
async fn what_could_not_be_repeated_is_refused_before_anything_is_touched() {
    let config = database().await;
    let latest = migrations::shipped().latest();
    for wrong in
        ["CREATE INDEX CONCURRENTLY test_first ON body_types (code)", "UPDATE brands SET name = name", "SELECT 'open"]
    {
        let sql = format!("{INDEXES}\n{wrong}");
        let error = without_transaction(&sql).up(&config, NO_TLS, UpTo::Head).await.unwrap_err();
        let MigrateError::Unfit { file, error } = error else { panic!("{error}") };
        assert!(file == format!("V{}__indexes.sql", latest + 1), "{file}: {error}");
        assert!(index(&connect(&config).await, "test_first").await.is_none());
    }
}

/// Nobody waits behind it, so it has the time, whatever the role or the database allow their other work.
#[tokio::test]
async fn the_build_of_an_index_waits_for_as_long_as_it_takes() {
    let config = database().await;
    let client = connect(&config).await;
    let writer = connect(&config).await;
    writer.batch_execute("BEGIN; UPDATE brands SET name = name").await.unwrap();
    let name = config.get_dbname().unwrap();
    let impatient = format!(
        "ALTER DATABASE {name} SET lock_timeout = '30ms'; ALTER DATABASE {name} SET statement_timeout = '30ms'"
    );
    client.batch_execute(&impatient).await.unwrap();
    let build = {
        let config = config.clone();
        tokio::spawn(async move { without_transaction(INDEXES).up(&config, NO_TLS, UpTo::Head).await })
    };
    let waits =
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                 AND query LIKE 'CREATE INDEX CONC%' AND clock_timestamp() - query_start > '200ms')";
    let waiting = async || build.is_finished() || client.query_one(waits, &[]).await.unwrap().get::<_, bool>(0);
    until("the build waits", waiting).await;
    assert!(!build.is_finished(), "{:?}", build.await);
    writer.batch_execute("COMMIT").await.unwrap();
    build.await.unwrap().unwrap();
    assert_eq!(index(&connect(&config).await, "test_second").await, Some(true));
}
