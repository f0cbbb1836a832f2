//! A migration that waits for a lock: readers pass it by, and it says who is in its way.

use std::time::{Duration, Instant};

use lekalo::db::migrations;
use lekalo_migrate::{MigrateError, Migrations, Patience, UpTo};
use tokio_postgres::Config;

use super::NO_TLS;
use crate::support::{connect, database};

const PATIENCE: Patience = Patience {
    lock_timeout: Duration::from_millis(300),
    tries: 20,
    pause: Duration::from_millis(50),
    longest_pause: Duration::from_millis(100),
};

/// Needs an exclusive lock on a table that everybody reads.
fn waiting(tries: u32) -> Migrations {
    let next = migrations::shipped().latest() + 1;
    let alter = "ALTER TABLE brands ADD COLUMN test_note text";
    let back = "ALTER TABLE brands DROP COLUMN test_note";
    migrations::shipped()
        .and(&format!("V{next}__note"), alter, back)
        .unwrap()
        .with_patience(Patience { tries, ..PATIENCE })
}

/// Reads until told to stop; the longest it took.
async fn read(config: Config, mut stop: tokio::sync::watch::Receiver<bool>) -> Duration {
    let client = connect(&config).await;
    let mut longest = Duration::ZERO;
    while !*stop.borrow_and_update() {
        let began = Instant::now();
        client.query("SELECT count(*) FROM brands", &[]).await.unwrap();
        longest = longest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    longest
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_queues_behind_a_migration_that_waits_for_a_lock() {
    let config = database().await;
    let mut named = config.clone();
    let holder = connect(named.application_name("a long report")).await;
    holder.batch_execute("BEGIN; SELECT FROM brands LIMIT 1").await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let readers: Vec<_> = (0..4).map(|_| tokio::spawn(read(config.clone(), stopped.clone()))).collect();

    let migrating = {
        let config = config.clone();
        tokio::spawn(async move { waiting(20).up(&config, NO_TLS, UpTo::Head).await })
    };
    for _ in 0..3 {
        // It waits, lets those behind it pass, and waits again.
        until(&config, "brands", true).await;
        until(&config, "brands", false).await;
    }
    assert!(!migrating.is_finished());
    holder.batch_execute("COMMIT").await.unwrap();
    let upgrade = migrating.await.unwrap().unwrap();
    assert_eq!(upgrade.applied.len(), 1, "{upgrade:?}");
    stop.send(true).unwrap();
    for reader in readers {
        let longest = reader.await.unwrap();
        assert!(longest < PATIENCE.lock_timeout + Duration::from_millis(400), "a reader waited for {longest:?}");
    }
}

#[tokio::test]
async fn a_lock_that_is_not_to_be_had_is_told_with_its_holder() {
    let config = database().await;
    let mut named = config.clone();
    let holder = connect(named.application_name("a long report")).await;
    holder.batch_execute("BEGIN; SELECT FROM brands LIMIT 1").await.unwrap();
    let pid: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);

    let two_tries = waiting(2);
    let two_tries = tokio::time::timeout(Duration::from_secs(20), two_tries.up(&config, NO_TLS, UpTo::Head));
    let error = two_tries.await.unwrap().unwrap_err();
    let told = error.to_string();
    for part in [
        "__note",
        "2 tries",
        "AccessExclusiveLock on brands",
        &format!("process {pid} (a long report, role postgres"),
        " s)",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(migrations::hint(&error).unwrap().contains("pg_terminate_backend"));
    holder.batch_execute("COMMIT").await.unwrap();
    waiting(2).up(&config, NO_TLS, UpTo::Head).await.unwrap();

    // The way back waits no differently.
    holder.batch_execute("BEGIN; SELECT FROM brands LIMIT 1").await.unwrap();
    let error = waiting(2).down(&config, NO_TLS, "-1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, MigrateError::Down { .. }), "{error}");
}

/// Until somebody, or nobody any more, waits for a lock on the table.
async fn until(config: &Config, table: &str, waits: bool) {
    let client = connect(config).await;
    let sql = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
               WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = to_regclass($1::text))";
    for _ in 0..1000 {
        if client.query_one(sql, &[&table]).await.unwrap().get::<_, bool>(0) == waits {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("somebody waits for {table}: never {waits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_victim_of_a_deadlock_is_tried_again() {
    let config = database().await;
    let owner = connect(&config).await;
    let name = config.get_dbname().unwrap();
    owner.batch_execute(&format!("ALTER DATABASE {name} SET deadlock_timeout = '50ms'")).await.unwrap();
    let (holder, other) = (connect(&config).await, connect(&config).await);
    holder.batch_execute("BEGIN; LOCK TABLE customers").await.unwrap();
    other.batch_execute("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE models").await.unwrap();
    let next = migrations::shipped().latest() + 1;
    let migrations = migrations::shipped()
        .and(&format!("V{next}__locks"), "LOCK TABLE brands; LOCK TABLE customers; LOCK TABLE models", "SELECT 1")
        .unwrap()
        .with_patience(Patience { lock_timeout: Duration::from_secs(20), tries: 3, ..PATIENCE });
    let migrating = {
        let config = config.clone();
        tokio::spawn(async move { migrations.up(&config, NO_TLS, UpTo::Head).await })
    };
    // It has the brands and waits for the customers; somebody who has the models waits for the brands.
    until(&config, "customers", true).await;
    let waiting = tokio::spawn(async move {
        other.batch_execute("LOCK TABLE brands").await.unwrap();
        other.batch_execute("COMMIT").await.unwrap();
    });
    until(&config, "brands", true).await;
    holder.batch_execute("COMMIT").await.unwrap();
    let upgrade = tokio::time::timeout(Duration::from_secs(30), migrating).await.unwrap().unwrap().unwrap();
    assert_eq!(upgrade.applied, [format!("V{next}__locks")]);
    waiting.await.unwrap();
}
