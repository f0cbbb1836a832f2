//! What people read on their terminal, word for word: `tests/it/snapshots/` has it as transcripts. A change of it is seen
//! in review; `INSTA_UPDATE=always cargo test --test it cli::terminal` writes them anew.
//!
//! Tables fit 80 columns; where 120 make a difference, both are shown.
//! Every command's own help is in `docs/command-line.md`, which is made from the code.

use std::collections::BTreeSet;
use std::path::Path;

use insta::{Settings, assert_snapshot};
use lekalo::db::migrations;

use super::every_command::SOME_LEADS;
use super::{Ran, Shell};
use crate::support;

/// One each; a file that is none of them would never be looked at.
const SNAPSHOTS: [&str; 10] =
    ["check", "decisions", "documents", "errors", "help", "imports", "leads", "migrate", "resolve", "stats"];

/// What differs from run to run or with the data that is shipped, and what stands for it: as wide where a table has it.
fn filters() -> Vec<(String, String)> {
    let latest = migrations::shipped().latest();
    let mut filters = [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "00000000-0000-7000-8000-000000000000"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-01T00:00:00Z"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        (r"(/dev/shm|/tmp)/lekalo-[^\s:]+/", "[folder]/"),
        (r"\btest_\d+", "[database]"),
        (r"PostgreSQL \d+ at", "PostgreSQL [version] at"),
        (r"connected in \d+ ms", "connected in [n] ms"),
        (r"\d+ in use", "[n] in use"),
        (r"\d{15,20}(  none|\n)", "000000000000000000$1"),
        (r"(?m) +$", ""),
    ]
    .map(|(found, shown)| (found.to_owned(), shown.to_owned()))
    .to_vec();
    filters.push((format!(r"\b(version|needs|latest is) {latest}\b"), "$1 [latest]".to_owned()));
    filters.push((format!(r"\b{latest} (is the latest)"), "[latest] $1".to_owned()));
    let counted = "brands|models|model_variants|aliases|prices|texts";
    filters.extend((1..=5).map(|digits| {
        (format!(r"(?m)^( (?:{counted}) +)\d{{{digits}}}$"), format!("${{1}}{}", " ".repeat(digits - 1) + "#"))
    }));
    filters
}

/// A transcript of commands and what they print, to be compared as one.
struct Transcript {
    name: &'static str,
    text: String,
}

impl Transcript {
    fn of(name: &'static str) -> Self {
        assert!(SNAPSHOTS.contains(&name), "{name} is to stand in SNAPSHOTS");
        Self { name, text: String::new() }
    }

    /// What is run on a terminal of 80 columns.
    async fn run(&mut self, shell: &Shell, args: &[&str]) -> Ran {
        let ran = at(shell, 80, args).await;
        self.add(&ran);
        ran
    }

    /// What only looks: on a terminal of 80 columns, and where it looks otherwise on one of 120, there too.
    async fn look(&mut self, shell: &Shell, args: &[&str]) {
        let (narrow, wide) = tokio::join!(at(shell, 80, args), at(shell, 120, args));
        self.add(&narrow);
        if describe(&narrow) != describe(&wide) {
            self.text.push_str("At 120 columns:\n");
            self.add(&wide);
        }
    }

    fn add(&mut self, ran: &Ran) {
        let words = ran.args.iter().map(|arg| if arg.contains(' ') { format!("\"{arg}\"") } else { arg.clone() });
        self.text.push_str(&format!("$ lekalo {}\n{}\n", words.collect::<Vec<_>>().join(" "), describe(ran)));
    }

    fn compare(self) {
        let mut settings = Settings::new();
        settings.set_snapshot_path("../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (found, shown) in filters() {
            settings.add_filter(&found, shown);
        }
        // The program names itself as it was called.
        let text = self.text.replace(support::LEKALO, "lekalo");
        settings.bind(|| assert_snapshot!(self.name, text.trim_end()));
    }
}

async fn at(shell: &Shell, columns: u16, args: &[&str]) -> Ran {
    shell.run_with(args, &[("COLUMNS", &columns.to_string()), ("LEKALO_ADMIN_ADDR", "off")]).await
}

/// Data, then talk, each line of which is marked, then how it ended, unless well.
fn describe(ran: &Ran) -> String {
    let talk: String = ran.stderr.lines().map(|line| format!("2> {line}").trim_end().to_owned() + "\n").collect();
    let end = ran.code.filter(|code| *code != 0).map(|code| format!("exit code {code}\n")).unwrap_or_default();
    format!("{}{talk}{end}", ran.stdout)
}

const TENANT: [&str; 2] = ["--tenant", "evopoliki"];
const TARGET: [&str; 4] = ["--tenant", "evopoliki", "--category", "eva_mats"];

#[tokio::test]
async fn the_help_reads_as_written_down() {
    let mut help = Transcript::of("help");
    let shell = Shell::new();
    help.look(&shell, &["--help"]).await;
    help.run(&shell, &["stats", "-h"]).await;
    help.compare();
}

#[tokio::test]
async fn the_tables_read_as_written_down() {
    let config = support::database().await;
    let shell = Shell::on(&config);
    let list = "ID,Марка,Модель,Год,Описание
1,Тойота,Камри,2018,с бортами
2,Тойота,Камри,2018,с бортами
3,Тойота,Хуичи,2001,-
4,Тойота,Королла,2015,-
ID,Марка,Модель,Год,Описание
5,Тайота,Камри,2012,\"правый руль, без бортов\"
";
    std::fs::write(shell.path().join("list.csv"), list).unwrap();
    std::fs::write(shell.path().join("less.csv"), "Марка,Модель,Год\nТойота,Камри,2018\n").unwrap();

    let mut decisions = Transcript::of("decisions");
    let mut stats = Transcript::of("stats");
    let mut imports = Transcript::of("imports");
    imports.run(&shell, &[&["imports", "list"][..], &TENANT].concat()).await;
    stats.look(&shell, &[&["stats"][..], &TENANT].concat()).await;
    let import =
        |file: &'static str, more: &[&'static str]| [&["import", file, "--skip-seed"], &TARGET[..], more].concat();
    let id = |ran: &Ran| {
        let said =
            ran.stderr.lines().find_map(|line| line.strip_prefix("import ")).unwrap_or_else(|| panic!("{ran:#?}"));
        said.split(' ').next().unwrap().to_owned()
    };
    let first = id(&decisions.run(&shell, &import("list.csv", &[])).await);
    decisions.run(&shell, &import("less.csv", &["--mode", "replace"])).await;
    let replace = import("less.csv", &["--mode", "replace", "--allow-large-withdrawal"]);
    let preview = id(&decisions.run(&shell, &[&replace[..], &["--dry-run"]].concat()).await);
    decisions.run(&shell, &[&["imports", "cancel", &preview][..], &TENANT].concat()).await;
    let second = id(&decisions.run(&shell, &replace).await);
    decisions.compare();

    imports.look(&shell, &[&["imports", "list"][..], &TENANT].concat()).await;
    imports.look(&shell, &[&["imports", "show", &first][..], &TENANT].concat()).await;
    imports.look(&shell, &[&["imports", "rows", &first][..], &TENANT].concat()).await;
    imports.look(&shell, &[&["imports", "withdrawn", &second][..], &TENANT].concat()).await;
    imports.look(&shell, &[&["imports", "trace", "1"][..], &TENANT].concat()).await;
    imports.compare();

    stats.look(&shell, &[&["stats"][..], &TENANT].concat()).await;
    stats.compare();

    let mut resolve = Transcript::of("resolve");
    resolve.look(&shell, &[&["resolve", "камри 70"][..], &TENANT].concat()).await;
    resolve.look(&shell, &["resolve", "мерс е"]).await;
    resolve.look(&shell, &["resolve", "ывапр"]).await;
    resolve.compare();

    let mut leads = Transcript::of("leads");
    let old = "UPDATE applications SET created_at = '2026-03-05T06:00:00Z'";
    support::connect(&config).await.batch_execute(&format!("{SOME_LEADS}; {old}")).await.unwrap();
    leads.look(&shell, &[&["leads", "list"][..], &TENANT].concat()).await;
    leads.run(&shell, &[&["leads", "claim", "2F7E1A90", "--by", "Нурлан"][..], &TENANT].concat()).await;
    leads.run(&shell, &[&["leads", "claim", "2F7E1A90", "--by", "Бермет"][..], &TENANT].concat()).await;
    let note = "Перезвонить после шести: коврик не подошёл, нужен замер";
    leads.run(&shell, &[&["leads", "note", "2F7E1A90", note, "--by", "Нурлан"][..], &TENANT].concat()).await;
    leads.look(&shell, &[&["leads", "show", "2F7E1A90"][..], &TENANT].concat()).await;
    let days = ["--from", "2026-03-01", "--to", "2026-03-31"];
    leads.look(&shell, &[&["leads", "stats"][..], &days, &TENANT].concat()).await;
    leads.look(&shell, &[&["customers", "list"][..], &TENANT].concat()).await;
    leads.look(&shell, &[&["customers", "show", "1"][..], &TENANT].concat()).await;
    leads.run(&shell, &[&["customers", "delete", "1"][..], &TENANT].concat()).await;
    leads.run(&shell, &[&["customers", "delete", "1", "--yes"][..], &TENANT].concat()).await;
    leads.run(&shell, &[&["leads", "show", "2F7E1A90"][..], &TENANT].concat()).await;
    leads.compare();

    let mut documents = Transcript::of("documents");
    std::fs::write(shell.path().join("faq.md"), "# Доставка\n\nПо всей стране, за три дня.\n").unwrap();
    let put = ["documents", "put", "faq", "faq.md", "--language", "ru", "--title", "Частые вопросы"];
    documents.run(&shell, &[&put[..], &TENANT].concat()).await;
    let old = "UPDATE document_versions SET created_at = '2026-03-05T06:00:00Z', actor = 'панель'";
    support::connect(&config).await.batch_execute(old).await.unwrap();
    documents.look(&shell, &[&["documents", "list"][..], &TENANT].concat()).await;
    documents.look(&shell, &[&["documents", "show", "faq", "--versions"][..], &TENANT].concat()).await;
    documents.run(&shell, &[&["documents", "show", "faq", "--language", "ky"][..], &TENANT].concat()).await;
    documents.run(&shell, &[&["documents", "show", "faq", "--version", "2"][..], &TENANT].concat()).await;
    documents.run(&shell, &[&["documents", "delete", "faq"][..], &TENANT].concat()).await;
    documents.compare();

    let mut check = Transcript::of("check");
    check.run(&shell, &["check"]).await;
    let empty = Shell::on(&support::empty_database().await);
    check.run(&empty, &["check"]).await;
    check.compare();

    let mut migrate = Transcript::of("migrate");
    migrate.look(&shell, &["migrate", "history"]).await;
    migrate.look(&shell, &["migrate", "history", "-v"]).await;
    migrate.run(&shell, &["migrate", "down", "-1"]).await;
    migrate.compare();
}

#[tokio::test]
async fn the_errors_read_as_written_down() {
    let mut errors = Transcript::of("errors");
    let config = support::database().await;
    let shell = Shell::on(&config);
    std::fs::write(shell.path().join("empty.pdf"), "").unwrap();
    std::fs::write(shell.path().join("note.csv"), "hello\n").unwrap();
    let load = |more: &[&'static str]| [&["load", "note.csv"], more].concat();
    for args in [
        // A slip of the fingers.
        &["imprt"][..],
        &["load", "clean.csv", "--tenant", "evopoliki"],
        &["stats", "--data-dir", "x"],
        &["imports", "show", "1", "--tenant", "evopoliki"],
        &["resolve", " "],
        // Files.
        &["extract", "missing.pdf"],
        &["extract", "empty.pdf"],
        &load(&TARGET),
        // What nobody has.
        &["stats", "--tenant", "nobody"],
        &["import", "price.pdf", "--skip-seed", "--tenant", "evopoliki", "--category", "tea"],
        &["imports", "show", "0193c0de-0000-7000-8000-000000000000", "--tenant", "evopoliki"],
        &["migrate", "up", "999"],
    ] {
        errors.run(&shell, args).await;
    }
    errors.text.push_str("# The database is empty.\n\n");
    let empty = Shell::on(&support::empty_database().await);
    for args in [&["stats"][..], &["imports", "list", "--tenant", "evopoliki"], &["serve", "--no-migrate"]] {
        errors.run(&empty, args).await;
    }
    // Nor did any of them migrate.
    errors.run(&empty, &["migrate", "current"]).await;
    empty.run(&["migrate", "up"]).await.done();
    errors.text.push_str("# It is migrated, not seeded.\n\n");
    errors.run(&empty, &["resolve", "камри", "--tenant", "evopoliki"]).await;

    errors.text.push_str("# Nothing listens at its address.\n\n");
    // A port that nobody has, for it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgresql+asyncpg://bot:canary@127.0.0.1:{port}/shop");
    errors.run(&Shell::new().with("DATABASE_URL", &url), &["seed"]).await;
    errors.run(&Shell::new().with("DATABASE_URL", &url), &["check"]).await;

    errors.text.push_str("# Settings are wrong.\n\n");
    let wrong = Shell::new()
        .with("DB_PORT", "tcp://10.0.0.1:5432")
        .with("DB_POOL_SIZE", "many")
        .with("LEKALO_OWNER_DATABASE_URL", "mysql://owner:canary@db/shop");
    std::fs::write(wrong.path().join(".env"), "DB_ECHO=perhaps\nDB_POOL_SIZE=5\nDB_PASSWORD=canary\n").unwrap();
    for command in ["stats", "serve", "check"] {
        errors.run(&wrong, &[command]).await;
    }
    assert!(!errors.text.contains("canary"), "a secret is told: {}", errors.text);
    errors.compare();
}

#[test]
fn no_snapshot_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.filter(|name| name.ends_with(".snap")).collect();
    let made = SNAPSHOTS.map(|name| format!("{name}.snap")).into();
    assert_eq!(
        files, made,
        "tests/it/snapshots/ has a file for each of SNAPSHOTS in tests/it/cli/terminal.rs, and no other"
    );
}
