//! `lekalo migrate check`: what it says of a database, as data and as an exit code.

use lekalo::db::migrations;
use lekalo_migrate::scratch::Scratch;
use lekalo_migrate::{DownTo, tls};

use super::Shell;
use crate::support;

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn check_finds_no_difference_and_then_the_one_there_is() {
    let config = support::database().await;
    let owner = support::connect(&config).await;
    let shell = Shell::on(&config);
    // An older version is compared with what its own migrations make.
    let latest = migrations::shipped().down(&config, &tls::OFF, DownTo::Version(7)).await.unwrap().latest;
    let ran = shell.run(&["migrate", "check"]).await.done().with_stderr(&[
        "up to version 7",
        "on the same server",
        &format!("{latest} is the latest"),
    ]);
    assert_eq!(ran.stdout, "no differences\n");
    migrations::up(&config, &tls::OFF).await.unwrap();

    owner.batch_execute("ALTER TABLE patterns ALTER notes DROP NOT NULL").await.unwrap();
    let ran = shell.run(&["migrate", "check"]).await.with_stderr(&["differs in 1 place"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert_eq!(ran.stdout, "column patterns.notes: is nullable, the migrations say NOT NULL\n");
    let ran = shell.run(&["migrate", "check", "--json"]).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let found = &ran.json()["differences"][0];
    assert_eq!((&found["change"], &found["property"]), (&"differs".into(), &"nullability".into()), "{found}");

    owner
        .batch_execute(
            "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 4;
             UPDATE refinery_schema_history SET name = 'other' WHERE version = 5;
             INSERT INTO refinery_schema_history (version, name, checksum) VALUES (-1, 'odd', '1');
             DELETE FROM refinery_schema_history WHERE version = 9;
             ALTER TABLE patterns ALTER notes SET NOT NULL",
        )
        .await
        .unwrap();
    let ran = shell.run(&["migrate", "check"]).await.with_stderr(&["differs in 4 places"]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "migration V-1__odd is not known to the migrations");
    assert!(lines[1].starts_with("migration V4__write_requests: checksum is 1, the migrations say "), "{ran:#?}");
    assert_eq!(lines[2], "migration V5__other: name is other, the migrations say least_prices");
    assert_eq!(lines[3], "migration V9__rows_by_outcome is missing");
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn an_owner_who_may_not_create_databases_is_checked_on_a_private_server() {
    let config = support::empty_database().await;
    let name = config.get_dbname().unwrap();
    let plain = format!("{name}_owner");
    let superuser = support::connect(&config).await;
    superuser
        .batch_execute(&format!(
            "DROP ROLE IF EXISTS {plain}; CREATE ROLE {plain} LOGIN; ALTER DATABASE {name} OWNER TO {plain}"
        ))
        .await
        .unwrap();
    let shell = Shell::on(&config).with("DB_USER", &plain);
    shell.run(&["migrate", "up"]).await.done();
    superuser.batch_execute("DROP POLICY tenant_isolation ON prices").await.unwrap();
    // Nothing else, whoever the owner is.
    let ran = shell.run(&["migrate", "check"]).await.with_stderr(&["on a private server"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(1), "policy tenant_isolation on prices is missing\n"),
        "{ran:#?}"
    );
}

#[tokio::test]
async fn what_a_killed_check_leaves_behind_the_next_one_removes() {
    let config = support::empty_database().await;
    let owner = support::connect(&config).await;
    // One whose maker is gone, and one that is in use.
    owner.batch_execute("CREATE DATABASE lekalo_scratch_0123456789abcdef0123456789abcdef").await.unwrap();
    let mut scratch = Scratch::beside(&config, &tls::OFF, migrations::PROGRAM).await.unwrap().unwrap();
    let used = scratch.database().await.unwrap();
    let shell = Shell::on(&config);
    let ran = shell.run(&["migrate", "check"]).await.done();
    assert_eq!(ran.stdout, "no differences\n");
    let there = async |name: &str| -> bool {
        let sql = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
        owner.query_one(sql, &[&name]).await.unwrap().get(0)
    };
    assert!(!there("lekalo_scratch_0123456789abcdef0123456789abcdef").await);
    assert!(there(used.get_dbname().unwrap()).await);
    scratch.close().await.unwrap();
    assert!(!there(used.get_dbname().unwrap()).await);
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn an_owner_with_a_schema_of_its_own_migrates_where_the_service_looks() {
    let config = support::empty_database().await;
    let name = config.get_dbname().unwrap();
    let owner = format!("{name}_owner");
    let superuser = support::connect(&config).await;
    superuser
        .batch_execute(&format!(
            "DROP ROLE IF EXISTS {owner}; CREATE ROLE {owner} LOGIN CREATEDB; ALTER DATABASE {name} OWNER TO {owner};
             CREATE SCHEMA {owner} AUTHORIZATION {owner}; ALTER ROLE {owner} SET search_path = {owner}"
        ))
        .await
        .unwrap();
    let shell = Shell::on(&config).with("DB_USER", &owner);
    shell.run(&["migrate", "up"]).await.done();
    let (tables, empty) = (
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
        "SELECT count(*) FROM pg_tables WHERE schemaname = $1",
    );
    assert!(superuser.query_one(tables, &[]).await.unwrap().get::<_, i64>(0) > 20);
    assert_eq!(superuser.query_one(empty, &[&owner]).await.unwrap().get::<_, i64>(0), 0);
    let ran = shell.run(&["migrate", "check"]).await.with_stderr(&["on the same server"]);
    assert_eq!(ran.stdout, format!("schema {owner} is not known to the migrations\n"), "{ran:#?}");
    let left = "SELECT count(*) FROM pg_database WHERE datname ~ '^lekalo_scratch_' AND datdba = to_regrole($1::text)";
    assert_eq!(superuser.query_one(left, &[&owner]).await.unwrap().get::<_, i64>(0), 0, "scratch databases stay");
    shell.run(&["migrate", "down", "base", "--yes"]).await.done();
    assert_eq!(superuser.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 0);
}
