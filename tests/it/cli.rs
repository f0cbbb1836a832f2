//! The program as its user runs it: what it prints where, and how it exits.

mod alembic;
mod audit;
mod autogenerate;
mod backups;
mod decisions;
mod drift;
mod every_command;
mod jwts;
mod keys;
mod migrations;
mod price_list;
mod private;
mod psql;
mod terminal;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::support::{self, LEKALO, SAMPLE_PDF};

/// A folder to work in, with an environment that has nothing but what a test puts there.
struct Shell {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Shell {
    fn new() -> Self {
        Self { folder: support::folder(), variables: Vec::new() }
    }

    /// With the sample price list, on this database.
    fn on(config: &Config) -> Self {
        let Host::Unix(socket_dir) = &config.get_hosts()[0] else { panic!("{config:?}") };
        let shell = Self::new()
            .with("DB_HOST", socket_dir.to_str().unwrap())
            .with("DB_NAME", config.get_dbname().unwrap())
            .with("DB_USER", config.get_user().unwrap());
        std::fs::write(shell.path().join("price.pdf"), SAMPLE_PDF).unwrap();
        shell
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program, to be run here; it ends with the test.
    fn command(&self, args: &[&str]) -> Command {
        let kept = ["PATH", "LEKALO_PG_BIN"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut command = Command::new(LEKALO);
        command.args(args).env_clear().envs(kept).envs(self.variables.iter().cloned());
        command.env("TMPDIR", support::place()).current_dir(self.path()).kill_on_drop(true);
        command
    }

    /// Runs the program.
    async fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[]).await
    }

    /// Runs the program with these variables besides.
    async fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = self.command(args);
        // A terminal there would tell its width.
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        let output = tokio::time::timeout(Duration::from_secs(120), command.output());
        let output = output.await.unwrap_or_else(|_| panic!("{args:?} does not end")).unwrap();
        Ran {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// What a run of the program came to.
#[derive(Debug)]
struct Ran {
    args: Vec<String>,
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// It did what it was asked to.
    #[track_caller]
    fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// It exited with `code`, told all of this on stderr, and printed no data.
    #[track_caller]
    fn failed(self, code: i32, told: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.stdout, "", "{self:#?}");
        self.with_stderr(told)
    }

    #[track_caller]
    fn with_stderr(self, told: &[&str]) -> Self {
        for part in told {
            assert!(self.stderr.contains(part), "{part:?} is not in stderr: {self:#?}");
        }
        self
    }

    /// Its data: JSON and nothing else.
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

#[tokio::test]
async fn check_tells_programs_whether_all_is_well() {
    let report = Shell::on(&support::database().await).run(&["check", "--json"]).await.done().json();
    assert_eq!(report["ok"], true, "{report}");
    assert!(report["findings"].as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{report}");
    let ran = Shell::on(&support::empty_database().await).run(&["check", "--json"]).await;
    assert_eq!((ran.code, &ran.json()["ok"]), (Some(1), &Value::Bool(false)));
}

#[tokio::test]
async fn check_does_not_wait_for_a_server_that_is_away() {
    // A port that nobody has, for it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let nobody = Shell::new().with("DB_HOST", "127.0.0.1").with("DB_PORT", &port);
    let began = Instant::now();
    let ran = nobody.run(&["check"]).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.stdout.contains(&format!("127.0.0.1:{port}")) && ran.stdout.contains("nothing listens"), "{ran:#?}");
    assert_eq!(nobody.run(&["check", "--json"]).await.json()["ok"], false);

    // One that is there and says nothing takes no longer.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let began = Instant::now();
    let ran = Shell::new().with("DB_HOST", "127.0.0.1").with("DB_PORT", &port).run(&["check"]).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(ran.code == Some(1) && ran.stdout.contains("does not answer"), "{ran:#?}");
}

#[tokio::test]
async fn a_missing_privilege_is_said_with_the_grant_that_mends_it() {
    let config = support::database().await;
    let bot = format!("{}_bot", config.get_dbname().unwrap());
    let owner = support::connect(&config).await;
    owner.batch_execute(&format!("DROP ROLE IF EXISTS {bot}; CREATE ROLE {bot} LOGIN")).await.unwrap();
    let stranger = Shell::on(&config).with("DB_USER", &bot);
    let grant = format!("GRANT lekalo_app TO {bot}");
    for command in [&["stats"][..], &["imports", "list", "--tenant", "evopoliki"]] {
        stranger.run(command).await.failed(2, &[&bot, &grant]);
    }
    // Nor may it migrate.
    stranger
        .run(&["seed"])
        .await
        .failed(2, &["permission denied", &bot, "refinery_schema_history", "LEKALO_OWNER_DATABASE_URL"]);

    owner.batch_execute(&format!("{grant}; REVOKE SELECT ON prices FROM lekalo_app")).await.unwrap();
    for user in [&bot, config.get_user().unwrap()] {
        let shell = Shell::on(&config).with("DB_USER", user);
        let ran = shell.run(&["stats"]).await;
        let ran = ran.failed(2, &["permission denied", "table prices", "GRANT SELECT"]);
        // The remedy works, whoever the service logs in as.
        let (_, remedy) = ran.stderr.split_once("run: ").unwrap();
        owner.batch_execute(remedy.lines().next().unwrap()).await.unwrap();
        shell.run(&["stats"]).await.done();
        owner.batch_execute("REVOKE SELECT ON prices FROM lekalo_app").await.unwrap();
    }
    owner.batch_execute(&format!("DROP OWNED BY {bot}; DROP ROLE {bot}")).await.unwrap();
}

#[tokio::test]
async fn a_superuser_must_not_serve() {
    let config = support::database().await;
    let Host::Unix(socket_dir) = &config.get_hosts()[0] else { panic!("{config:?}") };
    let (host, name) = (socket_dir.to_str().unwrap().replace('/', "%2F"), config.get_dbname().unwrap());
    let url = format!("postgres://postgres@{host}/{name}");
    let shell = Shell::new().with("DATABASE_URL", &url).with("LEKALO_OWNER_DATABASE_URL", &url);
    shell
        .run(&["serve", "--addr", "127.0.0.1:0"])
        .await
        .failed(2, &["`postgres` must not serve", "superuser", "CREATE ROLE"]);
}

#[tokio::test]
async fn the_seed_systems_verification_sql_runs_unchanged() {
    if std::process::Command::new("psql").arg("--version").output().is_err() {
        return support::skipped("there is no psql");
    }
    let shell = Shell::on(&support::database().await);
    let counts = "SELECT 'Tenants', COUNT(*) FROM tenants UNION ALL SELECT 'Brands', COUNT(*) FROM brands \
                  UNION ALL SELECT 'Models', COUNT(*) FROM models UNION ALL SELECT 'Patterns', COUNT(*) FROM patterns;";
    let brands = "SELECT b.name, COUNT(m.id) AS models FROM brands b LEFT JOIN models m ON m.brand_id = b.id \
                  GROUP BY b.name ORDER BY models DESC LIMIT 10;";
    let ran = shell.run(&["psql", "--", "-XAt", "-F", "=", "-c", counts]).await.done();
    let stats = shell.run(&["stats", "--json"]).await.done().json();
    for line in ["Tenants", "Brands", "Models", "Patterns"] {
        let expected = format!("{line}={}", stats["counts"][line.to_lowercase()]);
        assert!(ran.stdout.lines().any(|line| line == expected), "{expected} is not in {ran:#?}");
    }
    let ran = shell.run(&["psql", "--", "-XAt", "-F", "=", "-c", brands]).await.done();
    let shown: Vec<String> = ran.stdout.lines().map(str::to_owned).collect();
    assert_eq!(shown.len(), 10, "{ran:#?}");
    let ran = shell.run(&["psql", "--", "-Xc", "SELECT nonsense"]).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let shell = Shell::on(&support::database().await);
    for args in ["extract price.pdf", "extract --json price.pdf", "seed --dry-run", "stats --json"] {
        // No reader at all: the first write already finds the pipe closed.
        let script = format!("set -o pipefail; '{LEKALO}' {args} | true");
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &script]).env_clear().envs(std::env::var("PATH").map(|path| ("PATH", path)));
        command.envs(shell.variables.iter().cloned()).current_dir(shell.path());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && !stderr.contains("roken pipe"), "{args}: {}\n{stderr}", output.status);
    }
}
