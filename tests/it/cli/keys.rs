//! `lekalo key`, and a server that asks for what it issues.

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use serde_json::Value;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::Shell;
use crate::support::http::get;
use crate::support::service::Service;
use crate::support::{self, connect};

async fn ask(channel: &Channel, tenant: &str, key: &str) -> Result<(), Status> {
    let mut request = Request::new(pb::ListCategoriesRequest { tenant: tenant.into(), ..Default::default() });
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    CatalogServiceClient::new(channel.clone()).list_categories(request).await.map(drop)
}

fn reason(asked: Result<(), Status>) -> String {
    asked.unwrap_err().get_error_details().error_info().unwrap().reason.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_key_is_issued_on_the_server_and_the_next_ones_are_rotated_and_revoked() {
    let config = support::database().await;
    let shell = Shell::on(&config);
    let mut service = Service::asking(shell.path(), &config);
    let channel = Channel::from_shared(format!("http://{}", service.addr().await)).unwrap().connect().await.unwrap();
    assert_eq!(reason(ask(&channel, "evopoliki", "lk_x").await), "API_KEY_INVALID");

    let issue = ["key", "issue", "--role", "chatbot", "--tenant", "evopoliki", "--name", "Telegram bot"];
    let issued = shell.run(&issue).await.done();
    let key = issued.stdout.trim();
    assert!(key.starts_with("lk_") && !issued.stderr.contains(key), "stdout is the key alone: {issued:#?}");
    ask(&channel, "evopoliki", key).await.unwrap();
    assert_eq!(ask(&channel, "five_deluxe", key).await.unwrap_err().code(), Code::NotFound);
    let everywhere = shell.run(&["key", "issue", "--role", "admin", "--json"]).await.done();
    let everywhere: Value = serde_json::from_str(&everywhere.stdout).unwrap();
    assert!(everywhere["tenants"].is_null(), "{everywhere}");
    ask(&channel, "five_deluxe", everywhere["key"].as_str().unwrap()).await.unwrap();

    let id = &key[..key[3..].find('_').unwrap() + 3];
    let rotated = shell.run(&["key", "rotate", id, "--grace", "1h"]).await.done();
    let new = rotated.stdout.trim();
    for key in [key, new] {
        ask(&channel, "evopoliki", key).await.unwrap();
    }
    assert_eq!(ask(&channel, "five_deluxe", new).await.unwrap_err().code(), Code::NotFound, "it is for the same");
    let revoked = shell.run(&["key", "revoke", id]).await.done();
    assert!(revoked.stderr.contains(id), "{revoked:#?}");
    let began = std::time::Instant::now();
    while ask(&channel, "evopoliki", key).await.is_ok() {
        assert!(began.elapsed().as_secs() < 30, "it still works");
    }
    assert_eq!(reason(ask(&channel, "evopoliki", key).await), "API_KEY_REVOKED");
    ask(&channel, "evopoliki", new).await.unwrap();

    let listed = shell.run(&["key", "list", "--json"]).await.done().stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2]["id"], *id);
    assert!(listed[2]["revoked_at"].is_string() && listed[0]["name"] == "Telegram bot", "{listed:?}");
    for key in [key, new] {
        assert!(!listed.iter().any(|listed| listed.to_string().contains(&key[16..])), "a secret is listed");
    }
    shell.run(&["key", "rotate", id]).await.failed(1, &["works no more", "key issue --role chatbot"]);
    shell.run(&["key", "revoke", "lk_nobodys"]).await.failed(1, &["`lk_nobodys` does not exist", "lekalo key list"]);
    shell
        .run(&["key", "issue", "--role", "chatbot", "--tenant", "evopolki"])
        .await
        .failed(1, &["did you mean `evopoliki`?"]);
    for (expires, problem) in
        [("yesterday", "neither"), ("2020-01-01T00:00:00Z", "in the future"), ("2101-01-01T00:00:00Z", "2100")]
    {
        shell.run(&["key", "issue", "--role", "admin", "--expires", expires]).await.failed(1, &[problem]);
    }
    let (_, metrics) = get(service.admin.unwrap(), "/metrics").await;
    let metric = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} is not in {metrics}")).parse().unwrap()
    };
    assert_eq!(metric("lekalo_api_keys"), 3.0);
    assert!(metric("lekalo_api_keys_age_seconds") < 30.0);
    let owner = connect(&config).await;
    assert_eq!(owner.query_one("SELECT count(*) FROM api_keys", &[]).await.unwrap().get::<_, i64>(0), 3);
}

/// The settings that lead to a database, and no admin port.
fn of(config: &Config) -> Vec<(&str, &str)> {
    let Host::Unix(folder) = &config.get_hosts()[0] else { panic!("{config:?}") };
    vec![("DB_HOST", folder.to_str().unwrap()), ("DB_NAME", config.get_dbname().unwrap()), ("LEKALO_ADMIN_ADDR", "off")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_others_could_reach_or_read_is_refused_unless_that_is_said_aloud() {
    let shell = Shell::on(&support::database().await);
    let refused = shell.run(&["serve", "--addr", "0.0.0.0:0"]).await;
    refused.failed(1, &["there is no TLS", "--insecure-plaintext"]);
    shell.run(&["demo", "--addr", "0.0.0.0:0"]).await.failed(1, &["the demo asks for no API key", "127.0.0.1"]);

    // Said aloud, it starts, and says so again each time.
    let config = support::database().await;
    let mut service = Service::run(shell.path(), &["--addr", "0.0.0.0:0", "--insecure-plaintext"], &of(&config));
    service.addr().await;
    for said in ["--insecure-no-auth", "--insecure-plaintext"] {
        assert!(service.said.iter().any(|line| line.contains("WARN") && line.contains(said)), "{:#?}", service.said);
    }
}
