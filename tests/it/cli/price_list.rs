//! A price list on its way into the database, by the commands a shop's operator uses.

use serde_json::Value;

use super::Shell;
use crate::support;

/// Who and what the sample is imported for.
const TARGET: [&str; 4] = ["--tenant", "evopoliki", "--category", "eva_mats"];

/// These arguments for the sample's target.
fn with_target<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &TARGET].concat()
}

fn count(import: &Value, what: &str) -> i64 {
    import["counts"][what].as_i64().unwrap()
}

/// How many rows the sample has.
fn sample_rows() -> usize {
    let source = include_str!("../../../data/sample-price-list.csv");
    csv::Reader::from_reader(source.as_bytes()).records().count()
}

/// Reads the sample and cleans it.
async fn clean(shell: &Shell) {
    shell.run(&["extract", "price.pdf", "-o", "raw.csv"]).await.done();
    shell
        .run(&["clean", "raw.csv", "-o", "clean.csv"])
        .await
        .done()
        .with_stderr(&[&format!("of {} rows understood", sample_rows())]);
}

async fn load(shell: &Shell, more: &[&str]) -> Value {
    shell.run(&[&with_target(&["load", "clean.csv", "--json"]), more].concat()).await.done().json()
}

#[tokio::test]
async fn what_is_read_is_printed_or_written_and_then_cleaned() {
    let shell = Shell::on(&support::database().await);
    let printed = shell.run(&["extract", "price.pdf"]).await.done();
    assert!(
        printed.stdout.starts_with("\u{feff}page_number,row_number,ID,Марка,Модель,Год,Описание\r\n")
            || printed.stdout.starts_with("\u{feff}page_number,row_number,ID,Марка,Модель,Год,Описание\n"),
        "{}",
        &printed.stdout[..200]
    );
    assert_eq!(csv::Reader::from_reader(printed.stdout.as_bytes()).records().count(), sample_rows());
    let written = shell.run(&["extract", "price.pdf", "-o", "raw.csv"]).await.done();
    assert_eq!(written.stdout, "");
    assert_eq!(std::fs::read_to_string(shell.path().join("raw.csv")).unwrap(), printed.stdout);
    clean(&shell).await;
    let clean = std::fs::read_to_string(shell.path().join("clean.csv")).unwrap();
    assert!(clean.contains("source_id,make,model,generation"), "{}", &clean[..200]);
}

#[tokio::test]
async fn a_load_does_what_its_dry_run_said_and_a_second_one_nothing() {
    let shell = Shell::on(&support::database().await);
    clean(&shell).await;
    let accounted = |import: &Value| {
        let outcomes = ["created", "updated", "unchanged", "merged", "rejected", "headers"];
        assert_eq!(
            outcomes.iter().map(|what| count(import, what)).sum::<i64>(),
            count(import, "rows_read"),
            "{import}"
        );
        let rows = i64::try_from(sample_rows()).unwrap();
        assert_eq!(count(import, "rows_read") - count(import, "headers"), rows, "{import}");
    };
    let patterns = async || shell.run(&["stats", "--json"]).await.done().json()["counts"]["patterns"].as_i64().unwrap();
    let preview = load(&shell, &["--dry-run"]).await;
    accounted(&preview);
    assert_eq!(preview["state"], "validated");
    assert_eq!(patterns().await, 0);
    let first = load(&shell, &[]).await;
    accounted(&first);
    assert_eq!((first["state"].as_str(), &first["counts"]), (Some("succeeded"), &preview["counts"]));
    assert!(count(&first, "created") > 150, "{first}");
    assert_eq!(patterns().await, count(&first, "created"));
    let again = load(&shell, &[]).await;
    accounted(&again);
    assert_eq!((count(&again, "created"), count(&again, "updated")), (0, 0), "{again}");
    assert_eq!(count(&again, "unchanged"), count(&first, "created"));
    assert_eq!(patterns().await, count(&first, "created"));
    let list = shell.run(&["imports", "list", "--tenant", "evopoliki", "--json"]).await.done().json();
    assert_eq!(list.as_array().unwrap().len(), 3, "{list}");
    assert_eq!(list[0]["id"], again["id"]);
}

#[tokio::test]
async fn what_became_of_every_row_is_told_to_its_own_tenant_alone() {
    let shell = Shell::on(&support::database().await);
    clean(&shell).await;
    let import = load(&shell, &[]).await;
    let id = import["id"].as_str().unwrap();
    let rows_of = ["imports", "rows", id, "--tenant", "evopoliki", "--json"];
    let rows = shell.run(&rows_of).await.done().json().as_array().unwrap().len();
    assert_eq!(i64::try_from(rows).unwrap(), count(&import, "rows_read"));
    let rejected = shell.run(&[&rows_of[..], &["--outcome", "rejected"]].concat()).await.done().json();
    let rejected = rejected.as_array().unwrap();
    assert_eq!(i64::try_from(rejected.len()).unwrap(), count(&import, "rejected"));
    assert!(!rejected.is_empty());
    for row in rejected {
        assert_eq!((&row["outcome"], &row["pattern_id"]), (&Value::from("rejected"), &Value::Null), "{row}");
        assert!(!row["cells"].as_array().unwrap().is_empty(), "{row}");
        assert!(row["issues"].as_array().unwrap().iter().any(|issue| issue["message"] != ""), "{row}");
    }
    let shown = shell.run(&["imports", "show", id, "--tenant", "evopoliki", "--json"]).await.done().json();
    assert_eq!(shown["counts"], import["counts"]);
    // That another has none of it is no error.
    let other = shell.run(&["imports", "list", "--tenant", "five_deluxe", "--json"]).await.done().json();
    assert_eq!(other, Value::Array(vec![]));
    shell.run(&["imports", "rows", id, "--tenant", "five_deluxe"]).await.failed(1, &["does not exist"]);
}

#[tokio::test]
async fn a_load_for_nobody_of_nothing_or_of_no_table_says_so() {
    let shell = Shell::on(&support::database().await);
    std::fs::write(shell.path().join("clean.csv"), "make,model\nToyota,Camry\n").unwrap();
    shell.run(&["load", "clean.csv", "--tenant", "nobody", "--category", "eva_mats"]).await.failed(1, &["`nobody`"]);
    shell.run(&["load", "clean.csv", "--tenant", "evopoliki", "--category", "tea"]).await.failed(1, &["`tea`"]);
    shell.run(&with_target(&["load", "price.pdf"])).await.failed(1, &["price.pdf", "hint: "]);
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn import_does_it_all_and_can_start_halfway() {
    let shell = Shell::on(&support::empty_database().await);
    let import = |more: &[&'static str]| [&["import", "price.pdf", "--json"], &TARGET[..], more].concat();
    // On an empty database: migrations, seed, and all the steps.
    let ran = shell.run(&import(&[])).await.done();
    let first = ran.json();
    assert_eq!(first["state"], "succeeded");
    assert_eq!(first["file_name"], "price.pdf");
    assert!(first["counts"]["created"].as_i64().unwrap() > 150, "{first}");
    assert!(first["counts"]["headers"].as_i64().unwrap() > 1, "{first}");

    // The steps' files stay; the skipped steps read them, mended by hand or not.
    std::fs::remove_file(shell.path().join("price.pdf")).unwrap();
    let again = shell.run(&import(&["--skip-seed", "--skip-extract"])).await.done().json();
    assert_eq!(again["counts"]["unchanged"], first["counts"]["created"], "{again}");
    let clean = shell.path().join("price.clean.csv");
    let text = std::fs::read_to_string(&clean).unwrap();
    let mended = text.replacen(",Camry,75,2021,2021,", ",Camry,75,2020,2021,", 1);
    assert_ne!(mended, text);
    std::fs::write(&clean, mended).unwrap();
    let again = shell.run(&import(&["--skip-extract", "--skip-clean"])).await.done().json();
    let changed = again["counts"]["created"].as_i64().unwrap() + again["counts"]["updated"].as_i64().unwrap();
    assert_eq!(changed, 1, "{again}");

    std::fs::write(&clean, "make,model,steering\nToyota,Camry,sideways\n").unwrap();
    shell
        .run(&import(&["--skip-extract", "--skip-clean"]))
        .await
        .failed(1, &["price.clean.csv", "steering", "sideways"]);
    shell.run(&import(&[])).await.failed(1, &["price.pdf"]);
}

#[tokio::test]
async fn what_was_read_is_kept_where_it_was_asked_for() {
    let shell = Shell::on(&support::database().await);
    let import = |more: &[&'static str]| [&["import", "list.csv"], &TARGET[..], more].concat();
    let list = "Прайс 2024;;\nМарка;Модель;Цена\nToyota;Camry;5\nToyota;Ывапр;5\n";
    std::fs::write(shell.path().join("list.csv"), list).unwrap();
    let is_there = |name: &str| shell.path().join(name).exists();
    shell
        .run(&import(&["--dry-run"]))
        .await
        .done()
        .with_stderr(&["columns: Марка → make, Модель → model; not used: Цена", "1 of 2 rows understood"]);
    assert!(!is_there("list.raw.csv") && !is_there("list.clean.csv"), "a dry run leaves nothing");
    shell.run(&import(&["--dry-run", "-o", "steps"])).await.done().with_stderr(&["steps/list.clean.csv"]);
    assert!(is_there("steps/list.raw.csv") && is_there("steps/list.clean.csv"));
    assert!(!is_there("list.raw.csv"));
    // Something that is no folder stands where the files would be: the import goes on all the same.
    std::fs::create_dir(shell.path().join("list.raw.csv")).unwrap();
    let ran = shell.run(&import(&["--json"])).await.done();
    assert_eq!(ran.json()["state"], "succeeded");
    // What goes out to be mended has the document's own names, whatever stands above them.
    let id = ran.json()["id"].as_str().unwrap().to_owned();
    let rows = ["imports", "rows", &id, "--tenant", "evopoliki", "--outcome", "rejected", "-o", "fix.csv"];
    shell.run(&rows).await.done();
    let fix = std::fs::read_to_string(shell.path().join("fix.csv")).unwrap();
    assert!(fix.lines().next().unwrap().ends_with("raw_Марка,raw_Модель,raw_Цена"), "{fix}");
}

#[tokio::test]
async fn what_is_wrong_and_how_to_mend_it_is_told_as_asked_for_else_as_the_shop_speaks() {
    let config = support::database().await;
    let shell = Shell::on(&config);
    std::fs::write(shell.path().join("list.csv"), "Марка;Модель\nToyota;Ывапр\n").unwrap();
    let run = async |command: &[&str], more: &[&str]| {
        shell.run(&[command, &TARGET[..], &["--json"], more].concat()).await.done().json()
    };
    let told = |report: &Value| {
        let issue = &report["frequent_issues"][0];
        ["message", "how_to_mend"].map(|field| issue[field].as_str().unwrap().to_owned())
    };
    let russian = [
        "модель «Ывапр» марки Toyota не распознана",
        "может быть, Toyota Avalon: научите этому написанию (CreateAlias, затем imports apply) или исправьте прайс-лист",
    ];
    let kyrgyz = [
        "Toyota маркасынын «Ывапр» модели таанылган жок",
        "балким, Toyota Avalon: ушундай жазылышын үйрөтүңүз (CreateAlias, андан кийин imports apply) же прайс-листти оңдоңуз",
    ];
    let english = [
        "the model “Ывапр” of Toyota is unknown",
        "perhaps Toyota Avalon: teach this spelling (CreateAlias, then imports apply) or correct the price list",
    ];
    assert_eq!(told(&run(&["import", "list.csv"], &["--language", "en"]).await), english);
    let clean = std::fs::read_to_string(shell.path().join("list.clean.csv")).unwrap();
    assert!(clean.contains(&format!("[{}", english[0])), "{clean}");
    // Read again, it is in no language: the row keeps what any can be told in.
    let loaded = run(&["load", "list.clean.csv"], &[]).await;
    assert_eq!(told(&loaded), russian);
    let owner = support::connect(&config).await;
    owner.batch_execute("UPDATE tenants SET default_language = 'ky'").await.unwrap();
    assert_eq!(told(&run(&["import", "list.csv", "--skip-seed"], &[]).await), kyrgyz);

    let id = loaded["id"].as_str().unwrap();
    let rows = |more: &[&'static str]| [&["imports", "rows", id, "--tenant", "evopoliki"], more].concat();
    assert!(shell.run(&rows(&[])).await.done().stdout.contains(kyrgyz[0]));
    assert!(shell.run(&rows(&["--language", "en"])).await.done().stdout.contains(english[0]));
    shell.run(&rows(&["--language", "en", "-o", "fix.csv"])).await.done();
    let fix = std::fs::read_to_string(shell.path().join("fix.csv")).unwrap();
    assert!(fix.contains(&format!("[{}", english[0])), "{fix}");
    let cleaned = shell.run(&["clean", "list.raw.csv", "--language", "ky"]).await.done().stdout;
    assert!(cleaned.contains(&format!("[{}", kyrgyz[0])), "{cleaned}");
}

#[tokio::test]
async fn columns_that_nobody_knows_are_named() {
    let shell = Shell::on(&support::database().await);
    std::fs::write(shell.path().join("list.csv"), "Тачка;Эпоха\nToyota Camry;2018\nKia Rio;2015+\n").unwrap();
    let import = |more: &[&'static str]| [&["import", "list.csv", "--json"], &TARGET[..], more].concat();
    shell.run(&import(&[])).await.failed(1, &["Тачка | Эпоха"]);
    shell.run(&import(&["--columns", "Тачка"])).await.failed(1, &["NAME=WHAT"]);
    let named = import(&["--columns", "Тачка=make+model,Эпоха=years"]);
    let first = shell.run(&named).await.done().json();
    assert_eq!(
        (&first["counts"]["created"], &first["counts"]["rejected"]),
        (&Value::from(2), &Value::from(0)),
        "{first}"
    );
    // The names are in what was written, and so in what is read of it.
    let clean = std::fs::read_to_string(shell.path().join("list.clean.csv")).unwrap();
    assert!(clean.lines().next().unwrap().ends_with("raw_Тачка=make+model,raw_Эпоха=years"), "{clean}");
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_dry_run_changes_nothing() {
    let config = support::empty_database().await;
    let shell = Shell::on(&config);
    shell.run(&["seed", "--dry-run"]).await.failed(1, &["lekalo migrate up"]);
    shell.run(&[&["import", "price.pdf", "--dry-run"], &TARGET[..]].concat()).await.failed(1, &["lekalo migrate up"]);
    let version = shell.run(&["migrate", "current"]).await.done().stdout;
    assert_eq!(version, "0\n", "the schema was made");

    let latest = shell.run(&["migrate", "up"]).await.done().stdout;
    assert!(latest.trim().parse::<u32>().unwrap() > 0);
    let tables = shell.run(&["seed", "--dry-run", "--json"]).await.done().json();
    let inserted = |tables: &Value| {
        tables.as_array().unwrap().iter().map(|table| table["inserted"].as_i64().unwrap()).sum::<i64>()
    };
    assert!(inserted(&tables) > 1000, "{tables}");
    for flag in ["--dry-run", "--skip-seed"] {
        shell.run(&[&["import", "price.pdf", flag], &TARGET[..]].concat()).await.failed(1, &["`evopoliki`"]);
    }
    let stats = shell.run(&["stats", "--json"]).await.done().json();
    assert_eq!(
        (&stats["counts"]["brands"], &stats["counts"]["tenants"]),
        (&Value::from(0), &Value::from(0)),
        "{stats}"
    );

    let written = shell.run(&["seed", "--json"]).await.done().json();
    assert_eq!(written, tables, "the dry run foretold something else");
    let again = shell.run(&["seed", "--json"]).await.done().json();
    assert_eq!(inserted(&again), 0, "{again}");
    // A table for people has the same numbers in the same columns.
    let told = shell.run(&["seed"]).await.done().stdout;
    let row: Vec<&str> =
        told.lines().find(|line| line.trim_start().starts_with("models ")).unwrap().split_whitespace().collect();
    let models = again.as_array().unwrap().iter().find(|table| table["table"] == "models").unwrap();
    assert_eq!(row[1..], ["inserted", "updated", "unchanged"].map(|column| models[column].to_string()), "{told}");
    assert!(again.as_array().unwrap().iter().all(|table| table["updated"] == 0), "{again}");
}
