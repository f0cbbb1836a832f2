//! `lekalo audit`, and what the other commands leave for it.

use serde_json::Value;

use super::Shell;
use crate::support::{self, connect};

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn each_command_that_writes_is_on_record_with_the_account_that_ran_it() {
    let config = support::database().await;
    let owner = connect(&config).await;
    let shell = Shell::on(&config);
    let account = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    owner.batch_execute("DELETE FROM audit_events; DELETE FROM shared_audit_events").await.unwrap();
    owner.batch_execute("UPDATE brands SET names = '{}' WHERE slug = 'honda'").await.unwrap();
    std::fs::write(shell.path().join("list.csv"), "make,model,confidence\nToyota,Camry,high\n").unwrap();
    let target = ["--tenant", "evopoliki", "--category", "eva_mats"];

    shell.run(&["seed"]).await.done();
    shell.run(&["seed"]).await.done();
    shell.run(&["seed", "--dry-run"]).await.done();
    let issued =
        shell.run(&["key", "issue", "--role", "chatbot", "--tenant", "evopoliki", "--name", "Bot", "--json"]).await;
    let issued = issued.done().json();
    let id = issued["id"].as_str().unwrap();
    shell.run(&["key", "rotate", id]).await.done();
    shell.run(&["key", "revoke", id]).await.done();
    shell.run(&["key", "revoke", id]).await.done();
    let import = shell.run(&[&["load", "list.csv", "--json"][..], &target].concat()).await.done().json();
    let import = import["id"].as_str().unwrap();
    shell.run(&["imports", "revert", import, "--tenant", "evopoliki"]).await.done();

    let listed = shell.run(&["audit", "--json"]).await.done().json();
    let events: Vec<&Value> = listed.as_array().unwrap().iter().rev().collect();
    let told: Vec<String> = events
        .iter()
        .map(|event| {
            let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
            assert_eq!((text("actor"), text("actor_name")), ("command_line".to_owned(), account.clone()), "{event}");
            assert!(event["peer"].is_null() && event["key_prefix"].is_null(), "{event}");
            [text("tenant"), text("method"), text("resource_kind"), text("summary")].join("; ")
        })
        .collect();
    let told: Vec<&str> = told.iter().map(|line| line.split(" 20").next().unwrap()).collect();
    let counts = "1 created, 0 updated, 0 withdrawn, 0 rejected";
    assert_eq!(
        told,
        [
            "-; lekalo seed; seed; 0 rows inserted, 1 updated",
            "evopoliki; lekalo key issue; api_key; issued: chatbot",
            "evopoliki; lekalo key rotate; api_key; issued: chatbot",
            "evopoliki; lekalo key rotate; api_key; ends",
            "evopoliki; lekalo key revoke; api_key; revoked",
            "evopoliki; lekalo load; import; taken: merge",
            &format!("evopoliki; lekalo load; import; succeeded: {counts}"),
            "evopoliki; lekalo imports revert; import; reverted: 1 patterns restored",
        ]
    );

    // For people, the newest; and what they look for.
    let lines = async |args: &[&str]| {
        let shown = shell.run(&[&["audit"][..], args].concat()).await.done();
        (shown.stdout.lines().count() - 1, shown)
    };
    let (count, shown) = lines(&["-n", "3"]).await;
    assert_eq!(count, 3, "{shown:#?}");
    assert!(shown.stderr.contains("3 of 8 events; -n shows more"), "{shown:#?}");
    assert!(shown.stdout.contains(&format!("command line ({account})")), "{shown:#?}");
    assert!(shown.stdout.contains(&format!("import {import}")), "{shown:#?}");
    for (args, count) in [
        (&["--tenant", "evopoliki"][..], 7),
        (&["--method", "lekalo key rotate"], 2),
        (&["--resource", import], 3),
        (&["--since", "1h"], 8),
    ] {
        assert_eq!(lines(args).await.0, count, "{args:?}");
    }
    for args in [&["--key", id][..], &["--tenant", "five_deluxe"], &["--method", "SetPrices"]] {
        let shown = shell.run(&[&["audit"][..], args].concat()).await.done();
        assert_eq!(shown.stdout, "", "{shown:#?}");
        assert!(shown.stderr.contains("nothing"), "{shown:#?}");
    }
}

#[tokio::test]
async fn a_restored_database_has_the_trail_of_the_dump_and_says_that_it_was_restored() {
    let shell = Shell::on(&support::database().await);
    shell.run(&["key", "issue", "--role", "admin"]).await.done();
    shell.run(&["dump", "shop.zip"]).await.done();
    let before = shell.run(&["audit", "--json"]).await.done().json();
    let other = Shell::on(&support::empty_database().await);
    std::fs::copy(shell.path().join("shop.zip"), other.path().join("shop.zip")).unwrap();
    other.run(&["restore", "shop.zip", "--check"]).await.done();
    other.run(&["restore", "shop.zip"]).await.done();
    let mut after = other.run(&["audit", "--json"]).await.done().json();
    let restored = after.as_array_mut().unwrap().remove(0);
    assert_eq!(after, before);
    assert_eq!(
        (restored["method"].as_str(), restored["resource"].as_str()),
        (Some("lekalo restore"), Some("shop.zip"))
    );
    assert!(restored["summary"].as_str().unwrap().starts_with("restored: "), "{restored}");
}
