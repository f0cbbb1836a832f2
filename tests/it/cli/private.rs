//! Commands on a private server, and the demo: started, used and stopped by the program itself.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::Shell;
use crate::support::{copy_cluster, folder, skipped};

const TARGET: [&str; 4] = ["--tenant", "evopoliki", "--category", "eva_mats"];

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn with_embedded_the_configured_databases_are_let_alone() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    copy_cluster(&data_dir).await;
    let flags = ["--embedded", "--data-dir", data_dir.to_str().unwrap()];
    // Nobody could reach either.
    let shell = Shell::new()
        .with("DATABASE_URL", "postgres://bot:secret@127.0.0.1:1/shop")
        .with("LEKALO_OWNER_DATABASE_URL", "postgres://owner:secret@127.0.0.1:1/shop");
    let run = async |args: &[&str]| shell.run(&[args, &flags].concat()).await.done();
    std::fs::write(shell.path().join("list.csv"), "Марка,Модель\nТойота,Камри\nТойота,Хуичи\n").unwrap();
    let import = [&["import", "list.csv", "--dry-run"][..], &TARGET].concat();
    // A database that was made a moment ago has nothing that a dry run might change.
    run(&import).await;
    let latest = lekalo::db::migrations::shipped().latest();
    assert_eq!(run(&["migrate", "current"]).await.stdout, format!("{latest}\n"));
    assert!(data_dir.join("postgres.log").exists(), "it ran in the folder that was named");
    assert!(!data_dir.join("pgdata/postmaster.pid").exists(), "stopped with its command");
    // One that is there is let alone.
    run(&["migrate", "down", "-1", "--yes"]).await;
    let hint = format!("run `lekalo migrate up {}`", flags.join(" "));
    shell.run(&[&import[..], &flags].concat()).await.failed(1, &[&hint]);
    run(&["migrate", "up"]).await;
    // What it says to run next leads to the same database.
    let hints = run(&import).await.stderr;
    let next: Vec<&str> = hints.lines().filter(|line| line.contains(" imports ")).collect();
    assert_eq!(next.len(), 2, "{hints}");
    assert!(next.iter().all(|line| line.ends_with(&flags.join(" "))), "{hints}");
    // The whole data of the server, not of a folder besides.
    let stats = run(&["stats", "--json"]).await.json();
    let issues = stats["open_import_issues"].as_array().unwrap();
    assert_eq!((&stats["counts"]["tenants"], issues.len()), (&2.into(), 2), "{stats}");
    if std::process::Command::new("psql").arg("--version").output().is_err() {
        return skipped("there is no psql");
    }
    let count = ["psql", "--embedded", "--data-dir", flags[2], "--", "-XAtc", "SELECT count(*) FROM imports"];
    assert_eq!(shell.run(&count).await.done().stdout, "2\n");
    // The server is stopped behind psql too, however that ended.
    let wrong = ["psql", "--embedded", "--data-dir", flags[2], "--", "-Xc", "SELECT nonsense"];
    shell.run(&wrong).await.failed(1, &["nonsense", "psql ended with exit status: 1"]);
    assert!(!data_dir.join("pgdata/postmaster.pid").exists());
}

/// What the demo says until it listens, and then, once it is told to stop, what it has printed.
async fn demo(shell: &Shell, data_dir: &Path) -> (String, String) {
    let mut command = shell.command(&["demo", "--data-dir", data_dir.to_str().unwrap(), "--addr", "127.0.0.1:0"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    while !said.contains("listening on 127.0.0.1:") {
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap();
        said += &(line.unwrap_or_else(|| panic!("it ended: {said}")) + "\n");
    }
    // The last line that it prints says how to stop it.
    let mut printed = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while !printed.contains("Ctrl-C") {
        let read =
            tokio::time::timeout(Duration::from_secs(10), stdout.read_line(&mut printed)).await.unwrap().unwrap();
        assert!(read > 0, "{printed}");
    }
    kill(Pid::from_raw(child.id().unwrap().cast_signed()), Signal::SIGINT).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(0), "{said}");
    stdout.read_to_string(&mut printed).await.unwrap();
    assert!(!data_dir.join("pgdata/postmaster.pid").exists(), "PostgreSQL is stopped with it");
    (said, printed)
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn the_demo_does_all_at_once_and_takes_up_from_there() {
    let folder = folder();
    let data_dir = folder.path().join("data");
    copy_cluster(&data_dir).await;
    let shell = Shell::new().with("DATABASE_URL", "postgres://bot:secret@127.0.0.1:1/shop");
    let (said, printed) = demo(&shell, &data_dir).await;
    let addr = said.lines().find_map(|line| line.strip_prefix("listening on ")).unwrap();
    let imported = "rows read = 228 created + 0 updated + 0 unchanged + 5 merged + 8 rejected + 10 headers";
    for target in ["evopoliki/eva_mats", "five_deluxe/5d_mats"] {
        assert!(said.contains(&format!("imported sample-price-list.pdf into {target}: 251 {imported}")), "{said}");
    }
    // Calls to paste, at the address where it listens.
    assert_eq!(printed.matches(&format!("http://{addr}/lekalo.v1.")).count(), 5, "{printed}");
    assert!(printed.contains(&format!("psql --embedded --data-dir {}", data_dir.display())), "{printed}");

    let (said, _) = demo(&shell, &data_dir).await;
    assert!(said.contains("seeded: 0 new rows"), "{said}");
    assert_eq!(said.matches("0 created + 0 updated + 228 unchanged").count(), 2, "{said}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_before_anything_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let shell = Shell::new();
    let data_dir = shell.path().join("demo");
    let ran = shell.run(&["demo", "--data-dir", data_dir.to_str().unwrap(), "--addr", &addr]).await;
    ran.failed(1, &["cannot listen on", &addr, "choose another address with --addr"]);
    assert!(!data_dir.exists());
}
