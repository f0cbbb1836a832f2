//! PostgreSQL's own `pg_dump`, as docs/operations.md has it.

use std::process::{Command, Output};

use lekalo::db::migrations;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::{Dumps, NO_TLS, differences, filled, owned_by_a_plain_role, rows, sequences};
use crate::support::{connect, empty_database, skipped};

fn run(program: &str, config: &Config, args: &[&str]) -> Output {
    let Host::Unix(folder) = &config.get_hosts()[0] else { panic!("{config:?}") };
    Command::new(program)
        .env("PGHOST", folder)
        .env("PGUSER", config.get_user().unwrap())
        .env("PGDATABASE", config.get_dbname().unwrap())
        .args(args)
        .output()
        .unwrap()
}

#[track_caller]
fn done(output: Output) -> Output {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn pg_dump_fails_as_the_owner_and_is_whole_as_a_role_past_row_level_security() {
    let (owner, superuser) = filled().await;
    let client = connect(&superuser).await;
    let major = client.query_one("SELECT current_setting('server_version_num')::int / 10000", &[]).await.unwrap();
    let major: i32 = major.get(0);
    let said =
        Command::new("pg_dump").arg("--version").output().map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    let of = said.ok().and_then(|said| said.split_whitespace().nth(2)?.split('.').next()?.parse::<i32>().ok());
    if of.is_none_or(|of| of < major) {
        return skipped("there is no pg_dump that is as new as the server");
    }
    let dumps = Dumps::new();
    let file = dumps.path("shop.dump");
    let file = file.to_str().unwrap();
    // The naive way fails, and says why.
    let failed = run("pg_dump", &owner, &["-Fc", "-f", file]);
    let told = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && told.contains("row-level security"), "{told}");
    // The way around it is the trap: it succeeds, and no tenant's row is in it.
    done(run("pg_dump", &owner, &["-Fc", "--enable-row-security", "-f", file]));
    let customers = done(run("pg_restore", &owner, &["-f", "-", "--data-only", "-t", "customers", file]));
    assert!(!String::from_utf8_lossy(&customers.stdout).contains("Айбек"));

    let backup = format!("{}_dumps", owner.get_user().unwrap());
    let role = format!("CREATE ROLE {backup} LOGIN BYPASSRLS IN ROLE pg_read_all_data");
    client.batch_execute(&role).await.unwrap();
    let mut as_backup = superuser.clone();
    as_backup.user(&backup);
    done(run("pg_dump", &as_backup, &["-Fc", "-f", file]));
    let elsewhere = empty_database().await;
    let other = owned_by_a_plain_role(&elsewhere).await;
    let name = other.get_dbname().unwrap();
    done(run("pg_restore", &other, &["--no-owner", "--exit-on-error", "-d", name, file]));
    let copy = connect(&elsewhere).await;
    assert!(rows(&copy).await == rows(&client).await, "the rows are others");
    assert_eq!(sequences(&copy).await, sequences(&client).await);
    assert_eq!(differences(&elsewhere, &superuser).await, [""; 0]);
    // The role of the backup reads and does nothing else; it dumps our way too.
    let wrote = connect(&as_backup).await.batch_execute("DELETE FROM customers").await;
    assert_eq!(wrote.unwrap_err().code().unwrap().code(), "42501");
    dumps.take("ours.zip", &as_backup).await.unwrap();
    let latest = migrations::shipped().latest();
    assert_eq!(migrations::current(&other, NO_TLS).await.unwrap().current, latest);
    drop(copy);
    client.batch_execute(&format!("DROP OWNED BY {backup}; DROP ROLE {backup}")).await.unwrap();
}
