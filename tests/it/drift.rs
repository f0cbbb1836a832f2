//! Drift: whatever is changed behind the migrations' back is found and named, and nothing else is.

mod mutations;

use lekalo::db::migrations::{self, PROGRAM};
use lekalo_migrate::schema::Snapshot;
use lekalo_migrate::scratch::Scratch;
use lekalo_migrate::tls;
use mutations::{ALSO, MUTATIONS, Mutation};
use tokio_postgres::{Client, Config};

use crate::support::{connect, database, empty_database, other_server};

const NO_TLS: &tls::Tls = &tls::OFF;

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

/// How many changes are made before a schema is read, which is what takes long.
const AT_ONCE: usize = 4;

/// Makes these changes for a moment; what was told instead of their lines, each change's in their order, or nothing.
async fn told_otherwise(
    client: &mut Client,
    expected: &Snapshot,
    mutations: &[&Mutation],
) -> Result<String, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    for (sql, _) in mutations {
        transaction.batch_execute(sql).await?;
    }
    let found = Snapshot::read(&transaction, PROGRAM).await.unwrap();
    transaction.rollback().await?;
    let told: Vec<String> = found.differences(expected).iter().map(ToString::to_string).collect();
    let mut left: Vec<&String> = told.iter().collect();
    let are_told = mutations.iter().all(|(_, lines)| {
        let mut from = 0;
        lines.iter().all(|line| {
            let place = left.iter().skip(from).position(|told| told.starts_with(line));
            from += place.unwrap_or_default();
            place.is_some_and(|_| left.remove(from).starts_with(line))
        })
    });
    if are_told && left.is_empty() {
        return Ok(String::new());
    }
    let (changes, lines): (Vec<&str>, Vec<&[&str]>) = mutations.iter().copied().copied().unzip();
    let (changes, told, lines) = (changes.join("; "), told.join("\n      "), lines.concat().join("\n      "));
    Ok(format!("{changes}\n    told:     {told}\n    expected: {lines}\n"))
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn every_kind_of_change_is_found_and_named() {
    let config = database().await;
    let expected = expected(&config).await;
    assert!(expected.len() > 600, "{} objects", expected.len());
    let mut client = connect(&config).await;
    client.batch_execute(ALSO).await.unwrap();
    // Several changes at once, of different tables as a rule; each by itself where they get into each other's way.
    let groups = MUTATIONS.len().div_ceil(AT_ONCE);
    let mut wrong = String::new();
    for first in 0..groups {
        let group: Vec<&Mutation> = MUTATIONS.iter().skip(first).step_by(groups).collect();
        if !told_otherwise(&mut client, &expected, &group).await.is_ok_and(|told| told.is_empty()) {
            for mutation in group {
                let told = told_otherwise(&mut client, &expected, &[mutation]).await;
                wrong += &told.unwrap_or_else(|error| panic!("{}: {error:?}", mutation.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(MUTATIONS.iter().filter(|(_, lines)| !lines.is_empty()).count() >= 50);

    let untouched = Snapshot::of(&config, NO_TLS, PROGRAM).await.unwrap();
    assert_eq!(untouched.differences(&expected), []);
}

#[tokio::test]
async fn what_another_version_of_postgresql_says_otherwise_is_no_difference() {
    if !other_server() {
        return;
    }
    let mut found = Snapshot::of(&database().await, NO_TLS, PROGRAM).await.unwrap();
    let mut scratch = Scratch::embedded(None, PROGRAM).await.unwrap();
    let empty = scratch.database().await.unwrap();
    migrations::up(&empty, scratch.tls()).await.unwrap();
    let mut expected = scratch.snapshot(&empty).await.unwrap();
    scratch.close().await.unwrap();
    found.align_versions(&mut expected);
    assert!(found.len() > 500, "{} objects", found.len());
    let (ours, theirs) = (found.server_major(), expected.server_major());
    assert_eq!(found.differences(&expected), [], "PostgreSQL {ours} and {theirs}");
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
