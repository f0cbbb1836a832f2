//! Laws that hold for every command. The commands are taken from the command line itself: one that is new is in, or a table
//! here says that it is not.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Command, CommandFactory as _};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use tokio_postgres::Config;

use super::{Ran, Shell};
use crate::support;

const TENANT: [&str; 2] = ["--tenant", "evopoliki"];
const TARGET: [&str; 4] = ["--tenant", "evopoliki", "--category", "eva_mats"];
const NOBODYS: &str = "0193c0de-0000-7000-8000-000000000000";

/// The words that lead to each command, those that only hold others included.
fn commands() -> Vec<(String, Command)> {
    fn below(path: &str, command: &Command, all: &mut Vec<(String, Command)>) {
        all.push((path.to_owned(), command.clone()));
        for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
            below(format!("{path} {}", child.get_name()).trim(), child, all);
        }
    }
    let mut all = Vec::new();
    below("", &lekalo::cli::Cli::command(), &mut all);
    assert!(all.len() > 30, "{}", all.len());
    all
}

/// The commands with this flag.
fn with(flag: &str) -> BTreeSet<String> {
    let has = |command: &Command| command.get_arguments().any(|arg| arg.get_long() == Some(flag));
    commands().into_iter().filter(|(_, command)| has(command)).map(|(path, _)| path).collect()
}

fn words<'a>(path: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    path.split_whitespace().chain(more.iter().copied()).collect()
}

/// Runs the program once for each, two at a time.
async fn each(shell: &Shell, runs: &[Vec<&str>]) -> Vec<Ran> {
    stream::iter(runs).map(async |args| shell.run(args).await).buffered(2).collect().await
}

#[tokio::test]
async fn every_command_has_help_with_examples_and_refuses_a_wrong_flag() {
    // As the program reads its arguments; what it does with the outcome is the same for all.
    let read = |path: &str, flag| {
        lekalo::cli::Cli::command().try_get_matches_from(words("lekalo", &words(path, &[flag]))).unwrap_err()
    };
    for (path, _) in commands() {
        let help = read(&path, "--help").to_string();
        assert!(help.contains(format!("Usage: lekalo {path}").trim_end()), "{help}");
        let examples = help.split_once("Examples:\n").map(|(_, examples)| examples);
        assert!(examples.is_some_and(|examples| examples.contains("lekalo ")), "{path}: {help}");
        let refusal = read(&path, "--no-such-flag");
        assert!(refusal.use_stderr() && refusal.to_string().contains("'--no-such-flag'"), "{path}: {refusal}");
    }
    let shell = Shell::new();
    let help = shell.run(&["seed", "--help"]).await.done();
    assert!(help.stdout.contains("Usage: lekalo seed") && help.stderr.is_empty(), "{help:#?}");
    shell.run(&["seed", "--no-such-flag"]).await.failed(1, &["error: ", "--no-such-flag"]);
    let version = shell.run(&["--version"]).await.done();
    assert_eq!(version.stdout, format!("lekalo {}\n", env!("CARGO_PKG_VERSION")));
}

/// A program that reads JSON is told in JSON what went wrong, be it before the command has begun.
#[tokio::test]
async fn where_data_is_json_errors_are_too() {
    let shell = Shell::on(&support::database().await);
    for (args, code, message, hint) in [
        (
            &["stats", "--json", "--tenant", "evopolki"][..],
            1,
            "tenant `evopolki` does not exist",
            "did you mean `evopoliki`?",
        ),
        (&["stats", "--json", "--tenat", "evopoliki"], 1, "unexpected argument '--tenat' found", "lekalo stats"),
        (&["imports", "show", NOBODYS, "--json", "--tenant", "evopoliki"], 1, NOBODYS, ""),
        (&["customers", "show", "abc", "--json", "--tenant", "evopoliki"], 1, "'abc' for '<ID>'", "--help says more"),
        (
            &["resolve", "камри", "--json", "--tenant", "five_deluxe", "--category", "5dmats"],
            1,
            "`5dmats`",
            "`5d_mats`?",
        ),
    ] {
        let ran = shell.run(args).await.failed(code, &[]);
        let error: Value = serde_json::from_str(&ran.stderr).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
        let told = |key: &str| error["error"][key].as_str().unwrap().to_owned();
        assert!(!told("hint").contains("usage: ;"), "{error}");
        assert!(told("message").contains(message) && told("hint").contains(hint), "{error}");
    }
    // Where a program collects the log, a line of it; what was asked for stays as it is.
    let logged = shell.with("LEKALO_LOG_FORMAT", "json");
    let ran = logged.run(&["serve", "--port", "1"]).await.failed(1, &[]);
    let line: Value = serde_json::from_str(&ran.stderr).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    assert_eq!(
        (&line["level"], line["message"].as_str()),
        (&"ERROR".into(), Some("unexpected argument '--port' found"))
    );
    assert!(line["hint"].as_str().unwrap().starts_with("usage: lekalo serve"), "{line}");
    assert!(logged.run(&["serve", "--help"]).await.done().stdout.starts_with("Apply migrations"));
}

#[tokio::test]
async fn completions_and_the_manual_know_every_command() {
    let shell = Shell::new();
    let manual = shell.run(&["man"]).await.done().stdout;
    assert!(manual.contains(".TH lekalo 1"), "{manual}");
    // A page that is referred to is there.
    shell.run(&["man", "--dir", "pages"]).await.done();
    let referred: Vec<&str> = manual.lines().filter_map(|line| line.trim().strip_suffix("(1)")).collect();
    assert!(referred.len() > 10, "{referred:?}");
    for page in referred {
        let page = format!("pages/{}.1", page.replace("\\-", "-"));
        assert!(shell.path().join(&page).exists(), "{page}");
    }
    for kind in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = shell.run(&["completions", kind]).await.done().stdout;
        for (path, _) in commands() {
            let last = path.rsplit(' ').next().unwrap_or_default();
            assert!(completions.contains(last), "{kind}: {path}");
            assert!(path.contains(' ') || manual.contains(last), "{path}");
        }
    }
}

/// What each command that works on a database is run with.
fn on_a_database() -> BTreeMap<&'static str, Vec<&'static str>> {
    let id = [&[NOBODYS][..], &TENANT].concat();
    BTreeMap::from([
        ("serve", vec!["--addr", "127.0.0.1:0", "--wait", "0s"]),
        ("check", vec![]),
        ("migrate up", vec![]),
        ("migrate down", vec!["-1"]),
        ("migrate current", vec![]),
        ("migrate history", vec![]),
        ("migrate check", vec![]),
        ("seed", vec![]),
        ("load", [&["clean.csv"][..], &TARGET].concat()),
        ("import", [&["list.csv"][..], &TARGET].concat()),
        ("imports list", TENANT.to_vec()),
        ("imports show", id.clone()),
        ("imports rows", id.clone()),
        ("imports trace", [&["1"][..], &TENANT].concat()),
        ("imports withdrawn", id.clone()),
        ("imports apply", id.clone()),
        ("imports revert", id.clone()),
        ("imports cancel", id.clone()),
        ("imports delete", id),
        ("categories list", TENANT.to_vec()),
        ("categories add", [&["door_panels", "--name-ru", "Дверные карты"][..], &TENANT].concat()),
        ("categories set", [&["eva_mats", "--active", "false"][..], &TENANT].concat()),
        ("categories delete", [&["door_panels"][..], &TENANT].concat()),
        ("options list", [&["eva_mats"][..], &TENANT].concat()),
        ("options add", [&["eva_mats", "pad", "--kind", "addon", "--name-ru", "Подпятник"][..], &TENANT].concat()),
        ("options set", [&["eva_mats", "pad", "--active", "false"][..], &TENANT].concat()),
        ("patterns list", TENANT.to_vec()),
        ("patterns show", [&["1"][..], &TENANT].concat()),
        ("patterns add", [&["--brand", "toyota", "--model", "camry"][..], &TARGET].concat()),
        ("patterns set", [&["1", "--available", "false"][..], &TENANT].concat()),
        ("patterns delete", [&["1"][..], &TENANT].concat()),
        ("documents list", TENANT.to_vec()),
        ("documents show", [&["faq"][..], &TENANT].concat()),
        ("documents put", [&["faq", "list.csv", "--language", "ru"][..], &TENANT].concat()),
        ("documents delete", [&["faq"][..], &TENANT].concat()),
        ("leads list", TENANT.to_vec()),
        ("leads show", [&[NOBODYS][..], &TENANT].concat()),
        ("leads claim", [&[NOBODYS][..], &TENANT].concat()),
        ("leads note", [&[NOBODYS, "x"][..], &TENANT].concat()),
        ("leads stats", TENANT.to_vec()),
        ("customers list", TENANT.to_vec()),
        ("customers show", [&["1"][..], &TENANT].concat()),
        ("customers delete", [&["1"][..], &TENANT].concat()),
        ("key issue", vec!["--role", "admin"]),
        ("key list", vec![]),
        ("key revoke", vec!["lk_nobodys"]),
        ("key rotate", vec!["lk_nobodys"]),
        ("resolve", [&["камри"][..], &TENANT].concat()),
        ("stats", vec![]),
        ("audit", vec![]),
        ("dump", vec!["dump.zip"]),
        ("restore", vec!["shop.zip"]),
        ("reset", vec![]),
        ("psql", vec![]),
    ])
}

#[tokio::test]
async fn every_command_says_that_the_database_is_away_and_nothing_else() {
    let commands = on_a_database();
    assert_eq!(commands.keys().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>(), with("embedded"));
    // A port that nobody has, for it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let shell = Shell::new().with("DATABASE_URL", &format!("postgres://bot:canary@127.0.0.1:{port}/shop"));
    std::fs::write(shell.path().join("list.csv"), LIST).unwrap();
    std::fs::write(shell.path().join("clean.csv"), "make,model,confidence\nToyota,Camry,high\n").unwrap();
    // What is restored has to be there.
    let dump = shell.path().join("shop.zip");
    Shell::on(&support::database().await).run(&["dump", dump.to_str().unwrap()]).await.done();
    let runs: Vec<Vec<&str>> = commands.iter().map(|(path, more)| words(path, more)).collect();
    for (path, ran) in commands.keys().zip(each(&shell, &runs).await) {
        assert!(!ran.stderr.contains("canary") && !ran.stdout.contains("canary"), "{ran:#?}");
        match *path {
            // It is its finding, not its failure.
            "check" => assert_eq!(ran.code, Some(1), "{ran:#?}"),
            // It has its own words.
            "psql" => drop(ran.failed(2, &[&port.to_string()])),
            _ => drop(ran.failed(2, &[&format!("127.0.0.1:{port}"), "nothing listens there", "\nhint: start it"])),
        }
    }
}

const LIST: &str = "ID,Марка,Модель,Год,Описание
1,Тойота,Камри,2018,с бортами
2,Тойота,Камри,2018,с бортами
3,Тойота,Хуичи,2001,-
4,Тойота,Королла,2015,-
5,Тойота,Камри,2018,с бортами
";

pub const SOME_LEADS: &str = "
    INSERT INTO customers (tenant_id, channel, external_id, name, phone)
    SELECT id, 'telegram', '7012345678901', 'Айбек', '+996555123456' FROM tenants WHERE slug = 'evopoliki';
    INSERT INTO applications (tenant_id, id, request_id, request_sha256, customer_id, kind, contact_name, contact_phone,
                              year, vehicle_text, selections, quoted_total, quoted_currency, external_refs)
    SELECT tenant_id, '0198b5d2-8c1e-7f6a-9d43-5b0c2f7e1a90', gen_random_uuid(), sha256('x'), id, 'callback', name, phone,
           2018, 'камри', '[{\"option\": \"trunk\", \"value\": \"true\"}]', 2500, 'KGS',
           '[{\"system\": \"amocrm\", \"id\": \"1042\", \"url\": \"\"}]'
    FROM customers;
    INSERT INTO application_events (tenant_id, id, application_id, to_status) SELECT tenant_id, 1, id, 'new' FROM applications;
    INSERT INTO application_feeds SELECT tenant_id, 1 FROM applications";

/// What kinds of things documents of one kind have where: `{a: text, b: [number or null]}`.
fn shape(documents: &[&Value]) -> String {
    let mut kinds = BTreeSet::new();
    let (mut items, mut fields) = (Vec::new(), BTreeMap::<&str, Vec<&Value>>::new());
    for document in documents {
        kinds.insert(match document {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(all) => {
                items.extend(all);
                "array"
            }
            Value::Object(all) => {
                all.iter().for_each(|(name, value)| fields.entry(name).or_default().push(value));
                "object"
            }
        });
    }
    let told = kinds.into_iter().map(|kind| match kind {
        "array" => format!("[{}]", shape(&items)),
        "object" => {
            let fields: Vec<String> =
                fields.iter().map(|(name, values)| format!("{name}: {}", shape(values))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        kind => kind.to_owned(),
    });
    told.collect::<Vec<_>>().join(" or ")
}

/// `command`, a tab, the shape.
const SHAPES: &str = include_str!("shapes.txt");

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn json_is_all_that_stdout_has_and_keeps_its_shape() {
    let config = support::database().await;
    let shell = Shell::on(&config);
    let owner = support::connect(&config).await;
    std::fs::write(shell.path().join("list.csv"), LIST).unwrap();
    let mut shapes = BTreeMap::new();
    let mut json = async |path: &'static str, more: &[&str], code: i32| -> Value {
        let ran = shell.run(&words(path, &[more, &["--json"]].concat())).await;
        assert_eq!(ran.code, Some(code), "{ran:#?}");
        let document = ran.json();
        shapes.entry(path).or_insert_with(|| shape(&[&document]));
        document
    };
    // One list, one that withdraws a pattern of it, and what can be decided about them.
    let first = json("import", &[&["list.csv"][..], &TARGET].concat(), 0).await;
    let counts = |import: &Value| {
        ["rows_read", "created", "updated", "unchanged", "merged", "rejected", "headers", "withdrawn"]
            .map(|what| import["counts"][what].as_i64().unwrap())
    };
    assert_eq!(counts(&first), [6, 2, 0, 0, 2, 1, 1, 0], "{first}");
    let id = first["id"].as_str().unwrap();
    // Each outcome has just the rows that were counted.
    for (outcome, count) in [("created", 2), ("merged", 2), ("rejected", 1), ("header", 1), ("unchanged", 0)] {
        let rows = shell.run(&[&["imports", "rows", id, "--outcome", outcome, "--json"][..], &TENANT].concat()).await;
        let rows = rows.done().json();
        assert_eq!(rows.as_array().unwrap().len(), count, "{outcome}");
        assert!(rows.as_array().unwrap().iter().all(|row| row["outcome"] == outcome), "{rows}");
    }
    let rows = json("imports rows", &[&[id][..], &TENANT].concat(), 0).await;
    let pattern = rows.as_array().unwrap().iter().find_map(|row| row["pattern_id"].as_i64()).unwrap().to_string();
    let origin = json("imports trace", &[&[&pattern[..]][..], &TENANT].concat(), 0).await;
    assert!(origin.as_array().unwrap().iter().all(|row| row["import_id"] == id), "{origin}");

    let less = "make,model,year_from,year_to,borders,confidence\nToyota,Camry,2018,2018,with,high\n";
    std::fs::write(shell.path().join("clean.csv"), less).unwrap();
    let replace = [&["clean.csv", "--mode", "replace", "--allow-large-withdrawal"][..], &TARGET].concat();
    let second = json("load", &replace, 0).await;
    assert_eq!(counts(&second), [2, 0, 0, 1, 0, 0, 1, 1], "{second}");
    let id = [&[second["id"].as_str().unwrap()][..], &TENANT].concat();
    let withdrawn = json("imports withdrawn", &id, 0).await;
    assert_eq!(withdrawn.as_array().unwrap().len(), 1, "{withdrawn}");
    let all = json("stats", &[], 0).await;
    assert_eq!(all["counts"], sql_counts(&owner, "").await);
    assert_ne!(all["counts"]["patterns"], all["counts"]["patterns_available"], "one is withdrawn");
    let own = shell.run(&["stats", "--tenant", "evopoliki", "--json"]).await.done().json();
    assert_eq!(own["counts"], sql_counts(&owner, "evopoliki").await);
    let list = json("imports list", &TENANT, 0).await;
    assert_eq!([&list[0], &list[1]].map(|import| import["id"].as_str()), [second["id"].as_str(), first["id"].as_str()]);
    assert_eq!(json("imports show", &id, 0).await, list[0]);
    assert_eq!(json("imports revert", &id, 0).await["state"], "reverted");
    for decision in ["imports apply", "imports cancel"] {
        let preview = [&["import", "list.csv", "--dry-run", "--json"][..], &TARGET].concat();
        let preview = shell.run(&preview).await.done().json();
        assert_eq!((preview["state"].as_str(), preview["validate_only"].as_bool()), (Some("validated"), Some(true)));
        json(decision, &[&[preview["id"].as_str().unwrap()][..], &TENANT].concat(), 0).await;
    }
    assert_eq!(json("imports delete", &id, 0).await["deleted"], list[0]["id"]);

    let new = ["--brand", "honda", "--model", "fit", "--year-from", "2010", "--steering", "right"];
    let added = json("patterns add", &[&new[..], &TARGET].concat(), 0).await;
    assert_eq!((&added["steering"], &added["available"]), (&Value::from("right"), &Value::from(true)), "{added}");
    let id = added["id"].to_string();
    let again = shell.run(&words("patterns add", &[&new[..], &TARGET].concat())).await;
    again.failed(1, &[&format!("the same as pattern {id}")]);
    let change = ["--available", "false", "--steering", "", "--year-to", "2015"];
    let set = json("patterns set", &[&[&id[..]][..], &change, &TENANT].concat(), 0).await;
    assert_eq!(
        (&set[0]["steering"], &set[0]["available"], &set[0]["year_from"]),
        (&Value::Null, &Value::from(false), &Value::from(2010))
    );
    let shown = json("patterns show", &[&[&id[..]][..], &TENANT].concat(), 0).await;
    assert_eq!(shown["history"][0]["fields"], Value::from(vec!["year_to", "steering", "available"]), "{shown}");
    let listed = json("patterns list", &[&["--brand", "honda", "--available", "false"][..], &TENANT].concat(), 0).await;
    assert_eq!(listed, set);
    let wrong = shell.run(&words("patterns set", &[&[&id[..], "--year-from", "2020"][..], &TENANT].concat())).await;
    wrong.failed(1, &["must not be before year_from: 2020 to 2015"]);
    let nothing = shell.run(&words("patterns set", &[&[&id[..]][..], &TENANT].concat())).await;
    nothing.failed(1, &["nothing is to be changed", "--available"]);
    json("patterns delete", &[&[&id[..]][..], &TENANT].concat(), 0).await;

    let own = ["door_panels", "--name-ru", "Дверные карты", "--emoji", "🚪"];
    let added = json("categories add", &[&own[..], &TENANT].concat(), 0).await;
    assert_eq!((&added["shared"], &added["active"]), (&Value::from(false), &Value::from(true)), "{added}");
    let again = shell.run(&words("categories add", &[&own[..], &TENANT].concat())).await;
    again.failed(1, &["the shop has a category `door_panels`"]);
    let code = ["door panels", "--name-ru", "Карты"];
    shell.run(&words("categories add", &[&code[..], &TENANT].concat())).await.failed(1, &["cannot be a code"]);
    let change = ["door_panels", "--name-en", "Door panels", "--active", "false"];
    let set = json("categories set", &[&change[..], &TENANT].concat(), 0).await;
    assert_eq!(set["display_names"], serde_json::json!({"en": "Door panels", "ru": "Дверные карты"}), "{set}");
    let listed = json("categories list", &TENANT, 0).await;
    assert!(listed.as_array().unwrap().contains(&set), "{listed}");
    let nothing = shell.run(&words("categories set", &[&["eva_mats"][..], &TENANT].concat())).await;
    nothing.failed(1, &["nothing is to be changed", "--active"]);
    let shared = shell.run(&words("categories delete", &[&["eva_mats"][..], &TENANT].concat())).await;
    shared.failed(1, &["all shops share `eva_mats`"]);
    let edging = ["eva_mats", "edging", "--kind", "choice", "--name-ru", "Кант"];
    let values = ["--value", "black=Чёрный|Кара|Black", "--value", "red=Красный"];
    let added = json("options add", &[&edging[..], &values, &TENANT].concat(), 0).await;
    assert_eq!(added["values"][0]["display_names"]["ky"], "Кара", "{added}");
    let none = shell.run(&words("options add", &[&edging[..], &TENANT].concat())).await;
    none.failed(1, &["a choice has values"]);
    let change = ["eva_mats", "edging", "--value", "red", "--body-type", "suv", "--sort-order", "0"];
    let set = json("options set", &[&change[..], &TENANT].concat(), 0).await;
    let retired = |value: &Value| (value["code"].clone(), value["retired"].clone());
    let values: Vec<_> = set["values"].as_array().unwrap().iter().map(retired).collect();
    assert_eq!(values, [("red".into(), false.into()), ("black".into(), true.into())], "{set}");
    let listed = json("options list", &[&["eva_mats"][..], &TENANT].concat(), 0).await;
    assert_eq!(listed[0], set);
    let nothing = shell.run(&words("options set", &[&["eva_mats", "edging"][..], &TENANT].concat())).await;
    nothing.failed(1, &["nothing is to be changed", "--active"]);
    json("categories delete", &[&["door_panels"][..], &TENANT].concat(), 0).await;
    let put = ["faq", "list.csv", "--language", "ru"];
    let titled = [&put[..], &["--title", " Цены "], &TENANT].concat();
    let written = json("documents put", &titled, 0).await;
    assert_eq!((&written["version"], &written["title"]), (&Value::from(1), &Value::from("Цены")), "{written}");
    let again = json("documents put", &[&put[..], &TENANT].concat(), 0).await;
    assert_eq!(again, written, "the title stays, and the same is no new version");
    let shown = json("documents show", &[&["faq", "--version", "1"][..], &TENANT].concat(), 0).await;
    assert_eq!((shown["content"].as_str(), &shown["etag"]), (Some(LIST), &written["etag"]));
    let raw = shell.run(&words("documents show", &[&["faq"][..], &TENANT].concat())).await.done();
    assert_eq!(raw.stdout, LIST, "as it is, so that it may be written back");
    let listed = json("documents list", &[&["--prefix", "fa"][..], &TENANT].concat(), 0).await;
    assert_eq!(listed, Value::from(vec![written.clone()]));
    let versions = shell.run(&words("documents show", &[&["faq", "--versions", "--json"][..], &TENANT].concat())).await;
    assert_eq!(versions.done().json(), listed);
    std::fs::write(shell.path().join("long.txt"), "x".repeat((1 << 20) + 1)).unwrap();
    std::fs::write(shell.path().join("latin.txt"), b"\xff").unwrap();
    std::fs::write(shell.path().join("blank.txt"), " \n").unwrap();
    for (file, told) in [("long.txt", "larger than 1 MiB"), ("latin.txt", "not UTF-8"), ("blank.txt", "is empty")] {
        let put = [&["faq", file, "--language", "ru"][..], &TENANT].concat();
        shell.run(&words("documents put", &put)).await.failed(1, &[told]);
    }
    let key = [&["FAQ", "list.csv", "--language", "ru"][..], &TENANT].concat();
    shell.run(&words("documents put", &key)).await.failed(1, &["cannot be a key"]);
    json("documents delete", &[&["faq"][..], &TENANT].concat(), 0).await;
    let gone = shell.run(&words("documents show", &[&["faq"][..], &TENANT].concat())).await;
    gone.failed(1, &["document `faq` does not exist"]);
    owner.batch_execute(SOME_LEADS).await.unwrap();
    let number = "2F7E1A90";
    let listed = json("leads list", &[&["--status", "new", "--phone", "0555 123 456"][..], &TENANT].concat(), 0).await;
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed[0]["number"], &listed[0]["year"]), (&Value::from(number), &Value::from(2018)));
    let claim = [&[number, "--by", "Нурлан"][..], &TENANT].concat();
    let claimed = json("leads claim", &claim, 0).await;
    assert_eq!((claimed["assignee"].as_str(), claimed["status"].as_str()), (Some("Нурлан"), Some("in_progress")));
    let late = shell.run(&words("leads claim", &[&[number, "--by", "Бермет"][..], &TENANT].concat())).await;
    late.failed(1, &["Нурлан has lead 2F7E1A90", "give it back"]);
    let noted = [&["№ 2f7e1a90", "Перезвонить", "--by", "Нурлан"][..], &TENANT].concat();
    assert_eq!(json("leads note", &noted, 0).await["etag"], claimed["etag"]);
    let shown = json("leads show", &[&[number][..], &TENANT].concat(), 0).await;
    let history = shown["history"].as_array().unwrap();
    let told: Vec<_> = history.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!((told, &history[2]["note"]), (vec!["created", "transitioned", "noted"], &Value::from("Перезвонить")));
    let stats = json("leads stats", &TENANT, 0).await;
    assert_eq!((stats["total"].as_i64(), stats["counts"][0]["count"].as_i64()), (Some(1), Some(1)), "{stats}");
    for (args, told) in [
        (&["leads", "show", "x"][..], "neither a lead's number nor its id"),
        (&["leads", "show", "00000000"], "no lead with the number"),
        (&["leads", "stats", "--from", "2026-01-01", "--to", "2026-12-31"], "92 days"),
        (&["customers", "list", "--phone", "911"], "no telephone number"),
    ] {
        shell.run(&[args, &TENANT].concat()).await.failed(1, &[told]);
    }
    let customers = json("customers list", &[&["--text", "АЙБ"][..], &TENANT].concat(), 0).await;
    let id = customers[0]["id"].to_string();
    let id = [&[&id[..]][..], &TENANT].concat();
    assert_eq!(json("customers show", &id, 0).await, customers[0]);
    let asked = json("customers delete", &id, 0).await;
    assert_eq!((&asked["deleted"], &asked["application_count"]), (&Value::from(false), &Value::from(1)));
    assert_eq!(json("customers show", &id, 0).await, customers[0], "it is still there");
    assert_eq!(json("customers delete", &[&["--yes"][..], &id].concat(), 0).await["deleted"], true);
    let gone = shell.run(&words("leads show", &[&[number, "--json"][..], &TENANT].concat())).await.done().json();
    assert_eq!((&gone["customer_deleted"], &gone["customer"]["name"]), (&Value::from(true), &Value::from("")));

    let seeded = json("seed", &[], 0).await;
    assert!(seeded.as_array().unwrap().iter().all(|table| table["inserted"] == 0 && table["updated"] == 0), "{seeded}");
    json("check", &[], 0).await;
    let key = json("key issue", &["--role", "chatbot", "--tenant", "evopoliki", "--expires", "90d"], 0).await;
    let id = key["id"].as_str().unwrap();
    json("key rotate", &[id], 0).await;
    json("key revoke", &[id], 0).await;
    json("key list", &[], 0).await;
    json("resolve", &[&["камри 70"][..], &TENANT].concat(), 0).await;
    json("audit", &["-n", "1000"], 0).await;

    json("dump", &["shop.zip"], 0).await;
    json("restore", &["shop.zip", "--check"], 0).await;

    for (path, more, code) in [
        ("migrate current", &[][..], 0),
        ("migrate history", &[], 0),
        ("migrate up", &[], 0),
        ("migrate down", &["7"], 0),
        ("reset", &[], 1),
    ] {
        json(path, more, code).await;
    }
    owner.batch_execute("ALTER TABLE patterns ALTER notes DROP NOT NULL; DROP TABLE bot_texts").await.unwrap();
    json("migrate check", &[], 1).await;

    let mut with_json = with("json");
    assert!(with_json.remove("extract"), "of it there are lines, in another test");
    assert_eq!(shapes.keys().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>(), with_json);
    let found: String = shapes.iter().map(|(path, shape)| format!("{path}\t{shape}\n")).collect();
    assert_eq!(found, SHAPES, "tests/it/cli/shapes.txt is not what the commands print:\n{found}");
}

/// A command takes what a call takes, keeps it as a call does, and names the flag of what it refuses.
#[tokio::test]
async fn commands_keep_the_rules_of_the_calls() {
    let config = support::database().await;
    let shell = Shell::on(&config);
    support::connect(&config).await.batch_execute(SOME_LEADS).await.unwrap();
    std::fs::write(shell.path().join("faq.md"), "?").unwrap();
    let long = |count: usize| "я".repeat(count);
    let texts = [16, 64, 120, 128, 200, 500, 1000, 2000].map(|most| long(most + 1));
    let [emoji, name, actor, external_id, title, notes, description, note] = texts.each_ref().map(String::as_str);
    let value = format!("red={title}");
    let values: Vec<String> = (0..51).map(|number| format!("v{number}")).collect();
    let values: Vec<&str> = values.iter().flat_map(|value| ["--value", value]).collect();
    let add = ["patterns", "add", "--category", "eva_mats", "--brand", "toyota", "--model", "camry"];
    let category = ["categories", "add", "door_panels", "--name-ru", "Карты"];
    let option = ["options", "add", "eva_mats", "edging", "--kind", "choice", "--name-ru", "Кант"];
    let (lead, put) = ("2F7E1A90", ["documents", "put", "faq", "faq.md", "--language", "ru"]);
    let refused: &[(&[&str], &[&str], &str)] = &[
        (&add, &["--generation", name], "--generation: must have at most 64 characters"),
        (&add, &["--notes", notes], "--notes: must have at most 500 characters"),
        (&["patterns", "set", "1"], &["--notes", notes], "--notes: must have at most 500 characters"),
        (&["patterns", "list"], &["--text", name], "--text: must have at most 64 characters"),
        (&["patterns", "show"], &["+1"], "'+1' for '<ID>': is no id"),
        (&["imports", "trace"], &["01"], "'01' for '<PATTERN>': is no id"),
        (&category, &["--name-ky", title], "--name-ky: must have at most 200 characters"),
        (&category, &["--description-en", description], "--description-en: must have at most 1000 characters"),
        (&["categories", "set", "eva_mats"], &["--emoji", emoji], "--emoji: must have at most 16 characters"),
        (&option, &["--value", "red", "--value", "red"], "--value red: `red` is in the list already"),
        (&option, &["--value", &value], "--value red, ru: must have at most 200 characters"),
        (&option, &["--value", "a=a|b|c|d"], "--value a: must have three names at most"),
        (&option, &["--value", "A"], "--value A: must be of a-z, 0-9 and _"),
        (&option, &values, "--value: must have at most 50 elements"),
        (&option, &["--value", "red", "--name-en", title], "--name-en: must have at most 200 characters"),
        (&option, &["--value", "red", "--emoji", emoji], "--emoji: must have at most 16 characters"),
        (&option, &["--value", "red", "--body-type", "x"], "--body-type: `x` is not one of"),
        (&put, &["--title", title], "--title: must have at most 200 characters"),
        (&["leads", "note", lead, note], &[], "NOTE: must have at most 2000 characters"),
        (&["leads", "note", lead, " \n"], &[], "NOTE: must not be empty"),
        (&["leads", "note", lead, "x"], &["--by", ""], "--by: must not be empty"),
        (&["leads", "note", lead, "x"], &["--by", actor], "--by: must have at most 120 characters"),
        (&["leads", "claim", lead], &["--by", " "], "--by: must not be empty"),
        (&["leads", "claim", lead], &["--by", actor], "--by: must have at most 120 characters"),
        (&["leads", "list"], &["--text", actor], "--text: must have at most 120 characters"),
        (&["leads", "list"], &["--assignee", actor], "--assignee: must have at most 120 characters"),
        (&["leads", "stats"], &["--from", "1.12.2026"], "--from: must be a day from 2000 to 2100"),
        (&["leads", "stats"], &["--from", "2026-12-02", "--to", "2026-12-01"], "--to: must not be before --from"),
        (&["customers", "show"], &["+401"], "'+401' for '<ID>': is no id"),
        (&["customers", "show"], &["0401"], "'0401' for '<ID>': is no id"),
        (&["customers", "list"], &["--text", actor], "--text: must have at most 120 characters"),
        (&["customers", "list"], &["--external-id", external_id], "--external-id: must have at most 128 characters"),
    ];
    let runs: Vec<Vec<&str>> = refused.iter().map(|(command, more, _)| [command, *more, &TENANT].concat()).collect();
    for ((_, _, told), ran) in refused.iter().zip(each(&shell, &runs).await) {
        ran.failed(1, &["error: ", told]);
    }
    for (args, told) in [
        (&["key", "issue", "--role", "admin", "--name", actor][..], "--name: must have at most 120 characters"),
        (&["key", "issue", "--role", "admin", "--name", "a\nb"], "--name: must have no line breaks"),
    ] {
        shell.run(args).await.failed(1, &["error: ", told]);
    }
    // Files are named, whatever keeps them from being read.
    std::fs::create_dir(shell.path().join("folder")).unwrap();
    for file in ["folder", "missing.csv"] {
        for args in [
            [&["documents", "put", "faq", file, "--language", "ru"][..], &TENANT].concat(),
            [&["load", file][..], &TARGET].concat(),
            [&["import", file][..], &TARGET].concat(),
            vec!["extract", file],
            vec!["clean", file],
            vec!["restore", file, "--check"],
        ] {
            shell.run(&args).await.failed(1, &["error: ", file]);
        }
    }

    let json = async |args: &[&str]| shell.run(&[args, &TENANT, &["--json"]].concat()).await.done().json();
    let added = json(&[&add[..], &["--generation", " ХВ70 ", "--notes", "  гибрид "]].concat()).await;
    assert_eq!((added["generation"].as_str(), added["notes"].as_str()), (Some("XB70"), Some("гибрид")), "{added}");
    let bodies = ["--value", "red=Красный", "--body-type", "suv", "--body-type", "suv"];
    let added = json(&[&option[..], &bodies].concat()).await;
    assert_eq!(added["body_types"], serde_json::json!(["suv"]), "{added}");
    let claimed = json(&["leads", "claim", lead, "--by", " Нурлан "]).await;
    assert_eq!(claimed["assignee"], "Нурлан", "{claimed}");
    assert_eq!(json(&["leads", "list", "--assignee", ""]).await.as_array().unwrap().len(), 1, "of anybody");
    json(&["leads", "note", lead, &format!(" {} ", long(2000)), "--by", "Нурлан"]).await;
    let shown = json(&["leads", "show", lead]).await;
    assert_eq!(shown["history"][2]["note"].as_str(), Some(&long(2000)[..]));
    for (flag, day, days) in
        [("--from", "2026-11-01", ("2026-11-01", "2026-11-30")), ("--to", "2026-11-30", ("2026-11-01", "2026-11-30"))]
    {
        let stats = json(&["leads", "stats", flag, day]).await;
        assert_eq!((stats["first_day"].as_str(), stats["last_day"].as_str()), (Some(days.0), Some(days.1)), "{flag}");
    }
}

/// The title is the one that was read; a version that came meanwhile is not written over.
#[tokio::test]
async fn a_title_that_was_read_is_of_the_version_that_is_replaced() {
    let config = support::database().await;
    let shell = Shell::on(&config);
    std::fs::write(shell.path().join("faq.md"), "?").unwrap();
    let put = [&["documents", "put", "faq", "faq.md", "--language", "ru"][..], &TENANT].concat();
    shell.run(&[&put[..], &["--title", "Вопросы"]].concat()).await.done();
    std::fs::write(shell.path().join("faq.md"), "??").unwrap();
    // Somebody writes a version, and has not committed it when the command reads the title.
    let mut other = support::connect(&config).await;
    let tx = other.transaction().await.unwrap();
    tx.batch_execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(format('lekalo documents %s', tenant_id), 0)) FROM document_versions;
         INSERT INTO document_versions (tenant_id, key, language, version, title, content, actor)
         SELECT tenant_id, key, language, 2, 'Иначе', '!', actor FROM document_versions",
    )
    .await
    .unwrap();
    let writes = shell.run(&put);
    let commits = async {
        let waits = "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
                     WHERE locktype = 'advisory' AND NOT granted AND datname = current_database())";
        while !tx.query_one(waits, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        tx.commit().await.unwrap();
    };
    let (ran, ()) = tokio::join!(writes, commits);
    ran.failed(2, &["it has changed since it was read"]);
}

/// What `lekalo stats` counts, of one tenant or of all, by SQL.
async fn sql_counts(owner: &tokio_postgres::Client, tenant: &str) -> Value {
    let of = "($1 = '' OR tenant_id = (SELECT id FROM tenants WHERE slug = $1))";
    let sql = format!(
        "SELECT jsonb_build_object(
            'tenants', (SELECT count(*) FROM tenants WHERE $1 IN ('', slug)),
            'categories', (SELECT count(*) FROM tenant_categories WHERE active AND {of}),
            'brands', (SELECT count(*) FROM brands), 'models', (SELECT count(*) FROM models),
            'model_variants', (SELECT count(*) FROM model_variants),
            'aliases', (SELECT count(*) FROM vehicle_aliases),
            'patterns', (SELECT count(*) FROM patterns WHERE {of}),
            'patterns_available', (SELECT count(*) FROM patterns WHERE available AND {of}),
            'prices', (SELECT count(*) FROM prices WHERE validity @> now() AND {of}),
            'texts', (SELECT count(*) FROM bot_texts WHERE {of}) + (SELECT count(*) FROM shared_texts),
            'applications', (SELECT count(*) FROM applications WHERE {of}),
            'imports', (SELECT count(*) FROM imports WHERE {of}))"
    );
    owner.query_one(&sql, &[&tenant]).await.unwrap().get(0)
}

/// The extract of a document is JSON lines; all else is one document.
impl Ran {
    fn lines_of_json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn what_is_asked_of_too_much_or_of_nobody_is_the_users_mistake() {
    let config: Config = support::database().await;
    let owner = support::connect(&config).await;
    let shell = Shell::on(&config);
    let lines: String = (0..600).map(|number| format!("Toyota,Camry,cut {number},high\n")).collect();
    std::fs::write(shell.path().join("many.csv"), format!("make,model,notes,confidence\n{lines}")).unwrap();
    std::fs::write(shell.path().join("one.csv"), "make,model,notes,confidence\nToyota,Camry,cut 0,high\n").unwrap();
    let load = |file: &'static str, more: &[&'static str]| [&["load", file, "--json"], &TARGET[..], more].concat();
    assert_eq!(shell.run(&load("many.csv", &[])).await.done().json()["counts"]["created"], 600);
    // All but one would go: not by a slip.
    let replace = ["--mode", "replace"];
    shell.run(&load("one.csv", &replace)).await.failed(1, &["hint", "--allow-large-withdrawal"]);
    assert_eq!(shell.run(&load("one.csv", &[])).await.done().json()["counts"]["withdrawn"], 0);
    let done = shell.run(&load("one.csv", &[&replace[..], &["--allow-large-withdrawal"]].concat())).await.done().json();
    assert_eq!(done["counts"]["withdrawn"], 599, "{done}");
    let withdrawn = [&["imports", "withdrawn", done["id"].as_str().unwrap(), "--json"][..], &TENANT].concat();
    assert_eq!(shell.run(&withdrawn).await.done().json().as_array().unwrap().len(), 599, "every page of them");

    owner.batch_execute("UPDATE tenant_categories SET active = false").await.unwrap();
    shell.run(&load("one.csv", &[])).await.failed(1, &["evopoliki does not sell eva_mats", "it sells: "]);
    for (args, told) in [
        (&["resolve", "камри", "--tenant", "nobody"][..], "`nobody`"),
        (&["imports", "list", "--tenant", "nobody"], "`nobody`"),
        (&["audit", "--tenant", "nobody"], "`nobody`"),
        (&["audit", "--since", "soon"], "neither a time before now"),
        (&["imports", "rows", NOBODYS, "--tenant", "evopoliki"], NOBODYS),
        (&["imports", "withdrawn", NOBODYS, "--tenant", "evopoliki"], NOBODYS),
        (&["imports", "revert", NOBODYS, "--tenant", "evopoliki"], NOBODYS),
        (&["imports", "cancel", NOBODYS, "--tenant", "evopoliki"], NOBODYS),
        (&["imports", "trace", "999999999", "--tenant", "evopoliki"], "999999999"),
        (&["migrate", "sql", "0:0"], "no way to go"),
        (&["completions", "cmd"], "cmd"),
    ] {
        shell.run(args).await.failed(1, &["error: ", told]);
    }
    assert_eq!(shell.run(&["extract", "price.pdf", "--json"]).await.done().lines_of_json().len(), 243);
}
