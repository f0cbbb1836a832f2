//! `lekalo imports`: what an operator decides about a price list that was read.

use serde_json::Value;

use super::Shell;
use crate::support;

const TENANT: [&str; 2] = ["--tenant", "evopoliki"];
const TARGET: [&str; 4] = ["--tenant", "evopoliki", "--category", "eva_mats"];

async fn patterns(shell: &Shell) -> i64 {
    shell.run(&["stats", "--json"]).await.done().json()["counts"]["patterns"].as_i64().unwrap()
}

#[tokio::test]
async fn a_dry_run_is_applied_and_taken_back() {
    let shell = Shell::on(&support::database().await);
    let import = [&["import", "price.pdf", "--skip-seed", "--json"][..], &TARGET].concat();
    let preview = shell.run(&[&import[..], &["--dry-run"]].concat()).await.done().json();
    let second = shell.run(&[&import[..], &["--dry-run"]].concat()).await.done().json();
    let id = preview["id"].as_str().unwrap();

    let decide =
        async |what: &str, id: &str| shell.run(&[&["imports", what, id, "--json"][..], &TENANT].concat()).await;
    let applied = decide("apply", id).await.done().json();
    assert_eq!((applied["state"].as_str(), &applied["counts"]), (Some("succeeded"), &preview["counts"]));
    assert_eq!(Value::from(patterns(&shell).await), applied["counts"]["created"]);
    let stale = second["id"].as_str().unwrap();
    decide("apply", stale).await.failed(1, &["stale", "hint", "--dry-run"]);
    assert_eq!(decide("cancel", stale).await.done().json()["state"], "cancelled");
    decide("cancel", id).await.failed(1, &["SUCCEEDED"]);

    let reverted = decide("revert", id).await.done().json();
    assert_eq!((reverted["state"].as_str(), patterns(&shell).await), (Some("reverted"), 0));
    decide("revert", id).await.failed(1, &["REVERTED", "SUCCEEDED"]);
    decide("apply", "0193c0de-0000-7000-8000-000000000000").await.failed(1, &["does not exist"]);
}

#[tokio::test]
async fn rejected_rows_go_out_to_be_mended_and_come_back() {
    let shell = Shell::on(&support::database().await);
    let list = "ID,Марка,Модель,Год,Описание\n1,Тойота,Камри,2018,-\n2,Тойота,Хуичи,2001,=1+1\n3,Тойота,@Ывапр,2002,- с бортами\n";
    std::fs::write(shell.path().join("list.csv"), list).unwrap();
    let import = [&["import", "list.csv", "--skip-seed", "--json"][..], &TARGET].concat();
    let imported = shell.run(&import).await.done().json();
    assert_eq!(imported["counts"]["rejected"], 2, "{imported}");
    let id = imported["id"].as_str().unwrap();
    let rows = [&["imports", "rows", id, "--outcome", "rejected"][..], &TENANT].concat();
    shell.run(&[&rows[..], &["-o", "fix.csv", "--json"]].concat()).await.failed(1, &["--json"]);
    shell.run(&[&rows[..], &["-o", "fix.csv"]].concat()).await.done().with_stderr(&[
        "2 rows",
        "confidence",
        "load fix.csv",
    ]);

    let fix = std::fs::read_to_string(shell.path().join("fix.csv")).unwrap();
    assert!(fix.starts_with("\u{feff}page_number,row_number,source_id,make,model,"), "{fix}");
    assert!(fix.lines().next().unwrap().ends_with("raw_ID,raw_Марка,raw_Модель,raw_Год,raw_Описание"), "{fix}");
    for cell in fix.split([',', '\n', '"']) {
        let computes = cell.starts_with(['=', '+', '@']) || cell.starts_with('-') && cell.len() > 1;
        assert!(!computes, "a spreadsheet would execute {cell:?}");
    }
    assert!(fix.contains("'=1+1") && fix.contains("'@Ывапр") && fix.contains("'- с бортами"), "{fix}");

    // A person names the cars, with a spreadsheet that saves semicolons.
    let mut reader = csv::Reader::from_reader(fix.trim_start_matches('\u{feff}').as_bytes());
    let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
    let header = reader.headers().unwrap().clone();
    writer.write_record(&header).unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        let mended = header.iter().zip(&record).map(|(name, value)| match name {
            "make" => "Toyota".to_owned(),
            "model" => "Vitz".to_owned(),
            "confidence" => "high".to_owned(),
            _ => value.to_owned(),
        });
        writer.write_record(mended.collect::<Vec<_>>()).unwrap();
    }
    std::fs::write(shell.path().join("fix.csv"), writer.into_inner().unwrap()).unwrap();
    let loaded = shell.run(&[&["load", "fix.csv", "--json"][..], &TARGET].concat()).await.done().json();
    assert_eq!((&loaded["counts"]["created"], &loaded["counts"]["rejected"]), (&2.into(), &0.into()), "{loaded}");
    let id = loaded["id"].as_str().unwrap();
    let rows = shell.run(&[&["imports", "rows", id, "--json"][..], &TENANT].concat()).await.done().json();
    assert_eq!(rows[0]["cells"], serde_json::json!(["ID", "Марка", "Модель", "Год", "Описание"]));
    assert_eq!(rows[1]["cells"], serde_json::json!(["2", "Тойота", "Хуичи", "2001", "=1+1"]), "escapes are undone");
    assert_eq!(rows[2]["cells"], serde_json::json!(["3", "Тойота", "@Ывапр", "2002", "- с бортами"]));
}
