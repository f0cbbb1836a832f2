//! The offline script, replayed by the real psql: the same database as the program makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lekalo::db::migrations;
use lekalo_migrate::schema::Snapshot;
use lekalo_migrate::{DownTo, UpTo};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::NO_TLS;
use crate::support::{connect, empty_database, skipped};

/// One of PostgreSQL's own programs, from where the test's server is; none where it is not there.
async fn beside(config: &Config, name: &str) -> Option<PathBuf> {
    let client = connect(config).await;
    let row = client.query_one("SELECT setting FROM pg_config WHERE name = 'BINDIR'", &[]).await.unwrap();
    Some(PathBuf::from(row.get::<_, String>(0)).join(name)).filter(|path| path.exists())
}

/// Where it leads to this database.
fn program(path: &Path, config: &Config) -> Command {
    let Host::Unix(socket_dir) = &config.get_hosts()[0] else { panic!("{config:?}") };
    let mut command = Command::new(path);
    command.env("PGHOST", socket_dir).env("PGUSER", config.get_user().unwrap());
    command.env("PGDATABASE", config.get_dbname().unwrap()).stdin(Stdio::null());
    command
}

/// Replays a script; none where there is no psql.
async fn replay(config: &Config, script: &str) -> Option<Output> {
    replay_with(config, script, "").await
}

/// The same in a session with these settings, as a role may have them.
async fn replay_with(config: &Config, script: &str, settings: &str) -> Option<Output> {
    // Any psql will do.
    let psql = beside(config, "psql").await.unwrap_or_else(|| "psql".into());
    if Command::new(&psql).arg("--version").output().is_err() {
        skipped("there is no psql");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script).unwrap();
    Some(program(&psql, config).env("PGOPTIONS", settings).args(["-X", "-q", "-f"]).arg(file).output().unwrap())
}

/// The whole schema as pg_dump writes it; one of an older version refuses, and where the server has none of its own it is
/// what `lekalo migrate check` compares.
async fn schema(config: &Config) -> String {
    let Some(path) = beside(config, "pg_dump").await else {
        return format!("{:#?}", Snapshot::of(config, NO_TLS, migrations::PROGRAM).await.unwrap());
    };
    let dump = |key: &[&str]| program(&path, config).arg("--schema-only").args(key).output().unwrap();
    // Some have no such key, and need none.
    let dump = Some(dump(&["--restrict-key=0"])).filter(|dump| dump.status.success()).unwrap_or_else(|| dump(&[]));
    assert!(dump.status.success(), "{dump:?}");
    String::from_utf8(dump.stdout).unwrap()
}

/// The whole schema, and the history but for the time.
async fn contents(config: &Config) -> (String, Vec<(i32, String, String, Option<String>)>) {
    let schema = schema(config).await;
    let history = "SELECT version, name, checksum, to_jsonb(h) ->> 'applied_by', applied_on::timestamptz < now()
                   FROM refinery_schema_history h ORDER BY version";
    let client = connect(config).await;
    if client.query_one("SELECT to_regclass('refinery_schema_history') IS NULL", &[]).await.unwrap().get(0) {
        return (schema, Vec::new());
    }
    let rows = client.query(history, &[]).await.unwrap();
    assert!(rows.iter().all(|row| row.get(4)));
    let history = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    (schema, history)
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn replayed_by_psql_the_script_makes_the_same_database_up_and_down() {
    let (program, by_hand) = (empty_database().await, empty_database().await);
    let next = migrations::shipped().latest() + 1;
    let migrations = migrations::shipped()
        .and(
            &format!("V{next}__test_index"),
            "-- no-transaction\n-- A 'note';\nCREATE INDEX CONCURRENTLY IF NOT EXISTS test_index ON brands (name);",
            "DROP INDEX test_index",
        )
        .unwrap();
    let script = |range: &str| migrations.script(range.parse().unwrap()).unwrap();

    migrations.up(&program, NO_TLS, UpTo::Head).await.unwrap();
    let Some(replayed) = replay(&by_hand, &script("base:head")).await else { return };
    assert!(replayed.status.success() && replayed.stderr.is_empty(), "{replayed:?}");
    assert_eq!(contents(&by_hand).await, contents(&program).await);
    // The program takes it for its own work.
    assert_eq!(migrations.up(&by_hand, NO_TLS, UpTo::Head).await.unwrap().applied, [""; 0]);

    for (range, to) in [(format!("{next}:7"), 7), ("7:base".to_owned(), 0)] {
        migrations.down(&program, NO_TLS, DownTo::Version(to)).await.unwrap();
        let replayed = replay(&by_hand, &script(&range)).await.unwrap();
        assert!(replayed.status.success() && replayed.stderr.is_empty(), "{replayed:?}");
        assert_eq!(contents(&by_hand).await, contents(&program).await);
    }
    migrations.up(&program, NO_TLS, UpTo::Version(3)).await.unwrap();
    assert!(replay(&by_hand, &script("0:V3")).await.unwrap().status.success());
    assert_eq!(contents(&by_hand).await, contents(&program).await);

    // From another version than the database is at, nothing is done.
    let refused = replay(&by_hand, &script("4:head")).await.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("begins at version 4, the database is at 3"), "{said}");
    assert_eq!(contents(&by_hand).await, contents(&program).await);
    // Nor where another file was applied, or one is left out.
    let client = connect(&by_hand).await;
    for (wrong, file) in [
        ("UPDATE refinery_schema_history SET checksum = '1' WHERE version = 2", "content of V2__tenant_tables.sql"),
        ("DELETE FROM refinery_schema_history WHERE version IN (1, 2)", "V1__reference.sql, V2__tenant_tables.sql"),
    ] {
        client.batch_execute(wrong).await.unwrap();
        let refused = replay(&by_hand, &script("3:head")).await.unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(file), "{said}");
    }
    assert_eq!(migrations.history(&by_hand, NO_TLS).await.unwrap().iter().filter(|it| it.is_applied()).count(), 1);
    assert!(migrations.script("5:5".parse().unwrap()).is_err());
    assert!(migrations.script("5:999".parse().unwrap()).is_err());
}

/// As `\\i` in a session that goes on, or a pooler's: it is as it was, and others may migrate.
#[tokio::test]
async fn a_replayed_script_leaves_nothing_in_the_session() {
    let config = empty_database().await;
    let next = migrations::shipped().latest() + 1;
    let alone = "-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS test_index ON brands (name);";
    let migrations =
        migrations::shipped().and(&format!("V{next}__test_index"), alone, "DROP INDEX test_index;").unwrap();
    let ask = "SELECT 'LEFT', count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
               SELECT 'SET', string_agg(name, ' ') FROM pg_settings WHERE source = 'session' AND name <> 'application_name'
               AND name NOT IN ('client_encoding');";
    let script =
        format!("\\pset format unaligned\n{}\n{ask}", migrations.script("base:head".parse().unwrap()).unwrap());
    let Some(replayed) = replay(&config, &script).await else { return };
    let said = String::from_utf8_lossy(&replayed.stdout);
    assert!(replayed.status.success() && said.contains("LEFT|0") && said.contains("SET|\n"), "{replayed:?}");
}

#[tokio::test]
async fn the_script_goes_its_way_whatever_the_roles_settings_and_only_alone() {
    let config = empty_database().await;
    let client = connect(&config).await;
    client.batch_execute("CREATE SCHEMA elsewhere").await.unwrap();
    let script = migrations::shipped().script("base:head".parse().unwrap()).unwrap();
    // Another program has the lock: whichever transaction meets that, nothing is done.
    let lock = format!("SELECT pg_advisory_lock({})", 0x6c65_6b61_6c6f_i64);
    client.batch_execute(&lock).await.unwrap();
    let Some(refused) = replay(&config, &script).await else { return };
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("another program migrates this database"), "{said}");
    let history = "SELECT to_regclass('public.refinery_schema_history') IS NULL";
    assert!(client.query_one(history, &[]).await.unwrap().get::<_, bool>(0), "not even a history");
    client.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();

    let settings = "-c search_path=elsewhere -c statement_timeout=500ms";
    let replayed = replay_with(&config, &script, settings).await.unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let tables =
        "SELECT count(*) FILTER (WHERE schemaname = 'public'), count(*) FILTER (WHERE schemaname = 'elsewhere')
                  FROM pg_tables";
    let row = client.query_one(tables, &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) > 20 && row.get::<_, i64>(1) == 0, "{row:?}");
}
