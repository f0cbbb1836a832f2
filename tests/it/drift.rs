//! Drift: whatever is changed behind the migrations' back is found and named, and nothing else is.

mod mutations;

use lekalo::db::migrations::{self, PROGRAM};
use lekalo_migrate::schema::Snapshot;
use lekalo_migrate::scratch::Scratch;
use lekalo_migrate::tls;
use mutations::{ALSO, MUTATIONS};
use tokio_postgres::Config;

use crate::common::{connect, database, empty_database};

const NO_TLS: tls::Mode = tls::Mode::Disable;

/// What the migrations make and [`ALSO`], on another database of the same server.
async fn expected(config: &Config) -> Snapshot {
    let mut scratch = Scratch::beside(config, NO_TLS, PROGRAM).await.unwrap().unwrap();
    let empty = scratch.database().await.unwrap();
    migrations::up(&empty, NO_TLS).await.unwrap();
    connect(&empty).await.batch_execute(ALSO).await.unwrap();
    let snapshot = scratch.snapshot(&empty).await.unwrap();
    scratch.close().await.unwrap();
    snapshot
}

#[tokio::test]
async fn every_kind_of_change_is_found_and_named() {
    let config = database().await;
    let expected = expected(&config).await;
    assert!(expected.len() > 600, "{} objects", expected.len());
    let mut client = connect(&config).await;
    client.batch_execute(ALSO).await.unwrap();
    let mut wrong = String::new();
    for (sql, lines) in MUTATIONS {
        let transaction = client.transaction().await.unwrap();
        transaction.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let found = Snapshot::read(&transaction, PROGRAM).await.unwrap();
        transaction.rollback().await.unwrap();
        let told: Vec<String> = found.differences(&expected).iter().map(ToString::to_string).collect();
        let as_expected =
            told.len() == lines.len() && told.iter().zip(*lines).all(|(told, line)| told.starts_with(line));
        if !as_expected {
            wrong +=
                &format!("{sql}\n    told:     {}\n    expected: {}\n", told.join("\n      "), lines.join("\n      "));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(MUTATIONS.iter().filter(|(_, lines)| !lines.is_empty()).count() >= 50);

    let untouched = Snapshot::of(&config, NO_TLS, PROGRAM).await.unwrap();
    assert_eq!(untouched.differences(&expected), []);
}

/// `migrations/schema.sql` is edited by hand: what it says must be what the migrations make.
#[tokio::test]
async fn schema_sql_is_what_the_migrations_make() {
    let (file, migrated) = (empty_database().await, empty_database().await);
    connect(&file).await.batch_execute(include_str!("../../migrations/schema.sql")).await.unwrap();
    migrations::up(&migrated, NO_TLS).await.unwrap();
    // Their history is the program's own.
    connect(&migrated).await.batch_execute("DROP TABLE refinery_schema_history").await.unwrap();
    let (file, migrated) =
        (Snapshot::of(&file, NO_TLS, PROGRAM).await.unwrap(), Snapshot::of(&migrated, NO_TLS, PROGRAM).await.unwrap());
    let differences: Vec<String> = file.differences(&migrated).iter().map(ToString::to_string).collect();
    assert!(
        differences.is_empty(),
        "migrations/schema.sql is not what the migrations make:\n{}",
        differences.join("\n")
    );
}
