//! The table of `docs/migrations.md` from Alembic's commands to ours: every command in it works, in the order in which they stand there.

use super::Shell;
use crate::support;

const MANUAL: &str = include_str!("../../../docs/migrations.md");

/// Commands with the quotes around a message taken for what they are.
fn words(command: &str) -> Vec<String> {
    let pieces = command.split('"').enumerate();
    pieces
        .flat_map(|(index, piece)| match index % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect(),
            _ => vec![piece.to_owned()],
        })
        .collect()
}

/// The commands of the table's second column: `… | `lekalo migrate up` · `lekalo …` | …`.
fn commands() -> Vec<Vec<String>> {
    let rows = MANUAL.lines().filter(|line| line.starts_with("| `alembic "));
    let ours = rows.filter_map(|row| row.split(" | ").nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    ours.filter_map(|command| command.strip_prefix("lekalo ")).map(words).collect()
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn every_command_that_stands_in_for_one_of_alembics_works() {
    let config = support::database().await;
    let shell = Shell::on(&config);
    std::fs::create_dir(shell.path().join("migrations")).unwrap();
    let commands = commands();
    assert!(commands.len() >= 12, "{commands:?}");
    let mut kinds: Vec<&str> = Vec::new();
    for command in &commands {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        kinds.extend(args.get(1));
        // `autogenerate.rs` has what that takes.
        if !args.contains(&"--autogenerate") {
            shell.run(&args).await.done();
        }
    }
    for kind in ["up", "down", "current", "history", "sql", "new", "check", "--yes-delete-everything"] {
        assert!(kinds.contains(&kind), "{kind} is not in {kinds:?}");
    }
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn reset_says_what_it_would_delete_and_deletes_it_when_told_to() {
    let config = support::database().await;
    let owner = support::connect(&config).await;
    let shell = Shell::on(&config);
    let count = async |table: &str| -> i64 {
        owner.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
    };
    let models = count("models").await;
    let ran = shell.run(&["reset"]).await.with_stderr(&["nothing was deleted", "--yes-delete-everything"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.stdout.contains(&format!("\nmodels {models}\n")), "{ran:#?}");
    assert_eq!(count("models").await, models);

    for environment in ["production", "Production", "prod", " PROD "] {
        let production = Shell::on(&config).with("LEKALO_ENV", environment);
        production.run(&["reset", "--yes-delete-everything"]).await.failed(1, &["LEKALO_ENV is production"]);
    }
    assert_eq!(count("models").await, models);

    let report = shell.run(&["reset", "--yes-delete-everything", "--json"]).await.done().json();
    assert_eq!(report["done"], true, "{report}");
    assert_eq!(count("models").await, 0);
    assert_eq!(report["current"], lekalo::db::migrations::shipped().latest());
    shell.run(&["seed"]).await.done();
}
