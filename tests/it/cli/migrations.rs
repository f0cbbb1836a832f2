//! `lekalo migrate`: what it prints, and what it refuses.

use std::process::Stdio;
use std::time::Duration;

use lekalo::db::migrations;
use lekalo_migrate::tls;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio_postgres::Config;

use super::Shell;
use crate::support;

fn latest() -> i32 {
    migrations::shipped().latest()
}

impl Shell {
    /// Starts the program and lets it run.
    fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_way_down_is_planned_first_and_carried_out_when_told_to() {
    let config = support::database().await;
    let owner = support::connect(&config).await;
    let shell = Shell::on(&config);
    let models: i64 = owner.query_one("SELECT count(*) FROM models", &[]).await.unwrap().get(0);

    let ran = shell.run(&["migrate", "down", "base"]).await.done().with_stderr(&["nothing has been touched", "--yes"]);
    let models_told = format!("drops table models ({},{:03} rows)", models / 1000, models % 1000);
    assert!(ran.stdout.contains(&models_told), "{models_told}: {ran:#?}");
    assert!(ran.stdout.starts_with(&format!("undo V{}__", latest())), "{ran:#?}");
    assert!(ran.stdout.contains("undo V9__rows_by_outcome\n  destroys no data\n"), "{ran:#?}");
    let at = async || shell.run(&["migrate", "current"]).await.done().stdout;
    assert_eq!(at().await, format!("{}\n", latest()));

    let plan = shell.run(&["migrate", "down", "-1", "--json"]).await.done().json();
    assert_eq!((plan["done"].as_bool(), plan["plan"][0]["version"].as_i64()), (Some(false), Some(latest().into())));
    shell.run(&["migrate", "down", "-1", "--yes"]).await.done().with_stderr(&[&format!("version {}", latest() - 1)]);
    let plan = shell.run(&["migrate", "down", "V8", "--yes", "--json"]).await.done().json();
    assert_eq!((plan["done"].as_bool(), plan["current"].as_i64()), (Some(true), Some(8)));
    assert_eq!(at().await, "8\n");
    let ran = shell.run(&["migrate", "down", "8", "--yes"]).await.done().with_stderr(&["nothing to undo"]);
    assert_eq!(ran.stdout, "", "{ran:#?}");
    shell.run(&["migrate", "down", "9"]).await.failed(1, &["version 9 is not applied", "at 8", "hint: "]);
    shell.run(&["migrate", "down", "-99"]).await.failed(1, &["only 8 are applied", "base"]);
    shell.run(&["migrate", "down", "head"]).await.failed(1, &["base"]);
    shell.run(&["migrate", "up", "7"]).await.failed(1, &["at version 8", "lekalo migrate down 7"]);
    let ran = shell.run(&["migrate", "up", "+1"]).await.done().with_stderr(&["applied V9__rows_by_outcome"]);
    assert_eq!(ran.stdout, "9\n");
    let up = shell.run(&["migrate", "up", "--json"]).await.done().json();
    assert_eq!(
        (up["current"].as_i64(), up["applied"][0].as_str()),
        (Some(latest().into()), Some("V10__history_by_whom"))
    );
}

#[tokio::test]
async fn the_history_tells_when_by_whom_and_what_differs() {
    let config = support::empty_database().await;
    let owner = support::connect(&config).await;
    let shell = Shell::on(&config);
    shell.run(&["migrate", "up", "V10"]).await.done();
    let history = shell.run(&["migrate", "history", "--json"]).await.done().json();
    let versions: Vec<i64> =
        history.as_array().unwrap().iter().map(|entry| entry["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, (1..=i64::from(latest())).rev().collect::<Vec<_>>(), "newest first");
    let of = |version: i32| history.as_array().unwrap().iter().find(|entry| entry["version"] == version).unwrap();
    assert_eq!((of(1)["applied_by"].as_str(), of(1)["drift"].as_str()), (Some("postgres"), Some("none")));

    owner
        .batch_execute(
            "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 4;
             INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')",
        )
        .await
        .unwrap();
    let told = shell.run(&["migrate", "history", "-v"]).await.done().stdout;
    let line = |file: &str| told.lines().find(|line| line.contains(file)).unwrap_or_else(|| panic!("{file}: {told}"));
    assert!(line("V4__write_requests").contains("DIFFERS"), "{told}");
    assert!(
        line("V999__from_the_future").contains("a newer program's") && line("V999").contains("2030-01-01"),
        "{told}"
    );
    assert!(line("V10__history_by_whom").contains("postgres") && line("V10__").contains("none"), "{told}");
    let short = shell.run(&["migrate", "history"]).await.done().stdout;
    assert!(!short.contains("postgres") && short.contains("V4__write_requests"), "{short}");
    shell
        .run(&["migrate", "up"])
        .await
        .failed(2, &["another content of V4__write_requests.sql", "hint: ", "lekalo migrate history -v"]);
}

#[tokio::test]
async fn an_older_program_says_that_the_database_is_newer_and_goes_on() {
    let config = support::database().await;
    let owner = support::connect(&config).await;
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                 VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')";
    owner.batch_execute(newer).await.unwrap();
    let said = format!("the database is at version 999, this program knows {}", latest());
    let shell = Shell::on(&config);
    shell.run(&["migrate", "up"]).await.done().with_stderr(&[&said]);
    shell.run(&["migrate", "down", "-1", "--yes"]).await.failed(2, &["V999__from_the_future", "no way back", "hint: "]);
    let mut service = shell.start(&["serve", "--addr", "127.0.0.1:0"]);
    let mut lines = BufReader::new(service.stderr.take().unwrap()).lines();
    let mut told = String::new();
    while !told.contains("listening on") {
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await.unwrap().unwrap();
        told.push_str(&line.unwrap_or_else(|| panic!("it ended: {told}")));
    }
    assert!(told.contains(&said) && !told.contains("ERROR"), "{told}");
    service.kill().await.unwrap();
}

/// How many sessions wait for a lock on a table.
async fn waiting(owner: &tokio_postgres::Client) -> i64 {
    let sql =
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
               WHERE NOT granted AND locktype = 'relation'";
    owner.query_one(sql, &[]).await.unwrap().get(0)
}

async fn at(config: &Config) -> i32 {
    migrations::current(config, &tls::OFF).await.unwrap().current
}

#[tokio::test]
async fn when_the_one_that_migrates_is_killed_the_next_takes_over() {
    let config = support::empty_database().await;
    let shell = Shell::on(&config);
    shell.run(&["migrate", "up", "9"]).await.done();
    let owner = support::connect(&config).await;
    let reader = support::connect(&config).await;
    reader.batch_execute("BEGIN; SELECT FROM refinery_schema_history").await.unwrap();
    let mut first = shell.start(&["migrate", "up", "10"]);
    for _ in 0..500 {
        if waiting(&owner).await > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(waiting(&owner).await, 1, "the migration waits for its lock");
    let next = shell.run(&["migrate", "up", "10"]);
    let kill = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        first.kill().await.unwrap(); // SIGKILL
        reader.batch_execute("COMMIT").await.unwrap();
    };
    let (ran, ()) = tokio::join!(next, kill);
    assert_eq!(ran.done().stdout, "10\n");
    assert_eq!(at(&config).await, 10);
    let twice = "SELECT count(*) FROM refinery_schema_history WHERE version = 10";
    assert_eq!(owner.query_one(twice, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
async fn the_script_needs_no_database() {
    let nowhere = Shell::new().with("DB_HOST", "/nonexistent");
    let ran = nowhere.run(&["migrate", "sql"]).await.done();
    assert!(
        ran.stdout.contains("-- V1__reference\nBEGIN;") && ran.stdout.ends_with("TO lekalo_app;\nCOMMIT;\n"),
        "{ran:#?}"
    );
    let ran = nowhere.run(&["migrate", "sql", "9:V8"]).await.done();
    assert!(
        ran.stdout.contains("-- Back from V9__rows_by_outcome\nBEGIN;") && !ran.stdout.contains("V8__"),
        "{ran:#?}"
    );
    nowhere.run(&["migrate", "sql", "9:9"]).await.failed(1, &["no way to go"]);
    nowhere.run(&["migrate", "sql", "1:999"]).await.failed(1, &["no version 999"]);
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_plan_that_nobody_reads_is_not_carried_out() {
    let config = support::database().await;
    let shell = Shell::on(&config);
    for (args, code) in [
        (&["migrate", "down", "-1", "--yes"][..], 2),
        (&["reset", "--yes-delete-everything"][..], 2),
        // Nothing would have been done anyway: who reads no further has seen enough.
        (&["migrate", "down", "-1"][..], 0),
    ] {
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let mut command = shell.command(args);
        let child = command.stdout(write).stderr(Stdio::piped()).spawn().unwrap();
        let ran = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(code), "{args:?}: {said}");
        assert!(code == 0 || said.contains("the plan could not be printed"), "{args:?}: {said}");
        assert_eq!(at(&config).await, latest(), "{args:?}");
    }
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn after_a_reset_the_history_knows_who_did_it() {
    let config = support::database().await;
    let shell = Shell::on(&config);
    shell.run(&["reset", "--yes-delete-everything"]).await.done();
    let history = shell.run(&["migrate", "history", "--json"]).await.done().json();
    assert!(history.as_array().unwrap().iter().all(|entry| entry["applied_by"] == "postgres"), "{history}");
    shell.run(&["migrate", "down", "base", "--yes"]).await.done();
    assert_eq!(shell.run(&["migrate", "check"]).await.done().stdout, "no differences\n");
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_way_back_that_cannot_be_gone_to_its_end_is_not_begun() {
    let config = support::database().await;
    let owner = support::connect(&config).await;
    owner.batch_execute("CREATE VIEW report AS SELECT id, contact_phone FROM applications").await.unwrap();
    let shell = Shell::on(&config);
    let told = "view report depends on applications.contact_phone";
    let plan = shell.run(&["migrate", "down", "7"]).await.done();
    assert!(plan.stdout.contains(&format!("CANNOT BE DONE: {told}")), "{plan:#?}");
    for args in [&["migrate", "down", "7", "--yes"][..], &["reset", "--yes-delete-everything"]] {
        let ran =
            shell.run(args).await.with_stderr(&["V8__sales cannot be undone", told, "nothing was touched", "hint: "]);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert_eq!(at(&config).await, latest());
    }
    shell.run(&["migrate", "down", "8", "--yes"]).await.done();
}

#[tokio::test]
async fn ctrl_c_ends_a_way_back_between_two_versions() {
    let config = support::database().await;
    let reader = support::connect(&config).await;
    let shell = Shell::on(&config);
    // The step from 10 to 9 waits for the history.
    reader.batch_execute("BEGIN; SELECT FROM refinery_schema_history").await.unwrap();
    let mut child = shell.start(&["migrate", "down", "8", "--yes"]);
    let mut reached = 0;
    for _ in 0..1000 {
        reached = at(&config).await;
        if reached == 10 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(reached, 10);
    let pid = nix::unistd::Pid::from_raw(child.id().unwrap().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(2));
    reader.batch_execute("COMMIT").await.unwrap();
    assert_eq!(at(&config).await, 10);
    shell.run(&["migrate", "up"]).await.done();
}

#[tokio::test]
async fn where_there_is_nothing_to_do_nothing_is_written() {
    let config = support::database().await;
    let owner = support::connect(&config).await;
    let name = config.get_dbname().unwrap();
    let bot = format!("{name}_bot");
    owner
        .batch_execute(&format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = on;
             DROP ROLE IF EXISTS {bot}; CREATE ROLE {bot} LOGIN IN ROLE lekalo_app"
        ))
        .await
        .unwrap();
    // A database that takes no writes, and a role that only serves.
    for user in ["postgres", &bot] {
        let ran = Shell::on(&config).with("DB_USER", user).run(&["migrate", "up"]).await.done();
        assert_eq!(ran.stdout, format!("{}\n", latest()));
    }
    let ran = Shell::on(&config).run(&["migrate", "down", "-1", "--yes"]).await;
    let ran = ran.with_stderr(&["takes no writes", "read-only", "hint: "]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert_eq!(at(&config).await, latest());
}
