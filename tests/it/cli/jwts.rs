//! `lekalo serve` that takes an identity provider's JWTs: its settings, its log, and keys in a file or behind TLS.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use nix::sys::signal::Signal;
use rcgen::ExtendedKeyUsagePurpose;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tonic::Request;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::Shell;
use crate::support::certificates::{authority, signed};
use crate::support::database;
use crate::support::http::get;
use crate::support::identity::{AUDIENCE, Answer, ISSUER, JwksServer, SigningKey, claims, replace, set};
use crate::support::service::{Service, channel};

const PATIENCE: Duration = Duration::from_secs(60);

/// OK, or the reason why not.
async fn ask(channel: &Channel, token: &str) -> String {
    let mut request = Request::new(pb::ListCategoriesRequest { tenant: "evopoliki".into(), ..Default::default() });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    match CatalogServiceClient::new(channel.clone()).list_categories(request).await {
        Ok(_) => "OK".to_owned(),
        Err(status) => status.get_error_details().error_info().unwrap_or_else(|| panic!("{status:?}")).reason.clone(),
    }
}

/// The line with these words, which it has said before it listened or says yet.
async fn said(service: &mut Service, words: &str) -> String {
    let before = service.said.iter().find(|line| line.contains(words)).cloned();
    match before {
        Some(line) => line,
        None => service.line(words).await,
    }
}

/// A loaded machine's database may be out of reach for a moment.
async fn becomes(channel: &Channel, token: &str, expected: &str) {
    let began = Instant::now();
    loop {
        let asked = ask(channel, token).await;
        if asked == expected {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "it is {asked}, and never {expected}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_the_settings_are_refused_with_what_is_missing() {
    let all = [("LEKALO_JWT_ISSUER", ISSUER), ("LEKALO_JWT_AUDIENCE", AUDIENCE), ("LEKALO_JWT_JWKS", "/etc/jwks.json")];
    let shell = Shell::new().with("DB_HOST", "/nowhere").with("LEKALO_ADMIN_ADDR", "off");
    for missing in 0..3 {
        let (name, _) = all[missing];
        let others = [&all[..missing], &all[missing + 1..]].concat();
        let told = [format!("{name} is not set"), "or none of them".to_owned()];
        let told = told.each_ref().map(String::as_str);
        shell.run_with(&["serve", "--addr", "127.0.0.1:0"], &others).await.failed(1, &told);
        let both = all.iter().filter(|(other, _)| *other != name).map(|(other, _)| *other).collect::<Vec<_>>();
        let told = format!("{} is not set", both.join(" and "));
        shell.run_with(&["serve", "--addr", "127.0.0.1:0"], &all[missing..=missing]).await.failed(1, &[&told]);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn keys_in_a_file_are_followed_and_no_jwt_is_in_the_log() {
    let (folder, config) = (crate::support::folder(), database().await);
    let file = folder.path().join("jwks.json");
    let settings = [
        ("LEKALO_JWT_ISSUER", ISSUER),
        ("LEKALO_JWT_AUDIENCE", AUDIENCE),
        ("LEKALO_JWT_JWKS", file.to_str().unwrap()),
        ("LEKALO_JWT_ROLE_CLAIM", "role"),
        ("LEKALO_JWT_TENANTS_CLAIM", "https://shop.example/tenants"),
        ("LEKALO_LOG_CALLS", "1000"),
        ("LEKALO_LOG", "trace"),
        ("LEKALO_LOG_FORMAT", "json"),
    ];
    let mut service = Service::asking_with(folder.path(), &config, &settings);
    let channel = channel(service.addr().await).await;
    // It serves, and says what it cannot do yet.
    let line = said(&mut service, "no JWT can be checked").await;
    assert!(line.contains("cannot be read"), "{line}");
    let [one, two] = ["one", "two"].map(|kid| SigningKey::new(kid, "ES256"));
    let named = |sub: &str| {
        claims(json!({
            "sub": sub, "lekalo_role": null, "lekalo_tenants": null,
            "role": "chatbot", "https://shop.example/tenants": ["evopoliki"],
        }))
    };
    let [first, second] = [&one, &two].map(|key| key.token(&named("user-7\nforged")));
    assert_eq!(ask(&channel, &first).await, "JWT_KEYS_UNAVAILABLE");
    assert_eq!(ask(&channel, "lk_x").await, "API_KEY_INVALID");

    replace(&file, &set(&[&one]).to_string());
    service.line("JWTs are checked with the keys of").await;
    becomes(&channel, &first, "OK").await;
    let foreign = one.token(&claims(json!({})));
    assert_eq!(ask(&channel, &foreign).await, "JWT_CLAIM_INVALID", "the settings say which claims");
    replace(&file, &set(&[&two]).to_string());
    becomes(&channel, &second, "OK").await;
    assert_eq!(ask(&channel, &first).await, "JWT_KEY_UNKNOWN");

    // What is of no use is said once, and those known before hold.
    for (broken, words) in [("garbage", "no JSON Web Key Set"), ("{\"keys\":[]}", "no key with a `kid`")] {
        replace(&file, broken);
        let line = service.line("those known before hold").await;
        assert!(line.contains(words), "{line}");
        becomes(&channel, &second, "OK").await;
    }
    std::fs::remove_file(&file).unwrap();
    service.line("those known before hold").await;
    let (_, metrics) = get(service.admin.unwrap(), "/metrics").await;
    assert!(metrics.contains("\nlekalo_jwt_keys 1"), "{metrics}");
    assert!(metrics.contains("\nlekalo_jwt_keys_age_seconds "), "{metrics}");
    becomes(&channel, &second, "OK").await;
    sleep(Duration::from_secs(3)).await;

    service.signal(Signal::SIGTERM);
    let (status, log) = service.ended(PATIENCE).await;
    assert!(status.success(), "{log}");
    assert!(!log.contains("those known before hold"), "said twice: {log}");
    let signature = second.rsplit('.').next().unwrap();
    for part in [&second, signature, second.split('.').nth(1).unwrap()] {
        assert!(!log.contains(part), "a JWT is in the log");
    }
    let calls: Vec<&str> = log.lines().filter(|line| line.contains("\"lekalo::calls\"")).collect();
    let line = calls.iter().find(|line| line.contains("ListCategories")).unwrap_or_else(|| panic!("{log}"));
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(line.to_string().contains("\"sub\":\"user-7\u{fffd}forged\""), "{line}");
    assert!(!line.to_string().contains("\"key\""), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_behind_tls_are_had_from_who_is_trusted_alone() {
    let config = database().await;
    let (roots, issuer) = authority("identity");
    let identity = signed(&issuer, "localhost", ExtendedKeyUsagePurpose::ServerAuth, |_| {});
    let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let signer = SigningKey::new("one", "EdDSA");
    let answer = Answer::Text(set(&[&signer]).to_string());
    let jwks = JwksServer::encrypted(answer, Some(TlsAcceptor::from(Arc::new(tls)))).await;
    let url = format!("https://localhost:{}/certs", jwks.addr.port());
    let token = signer.token(&claims(json!({})));
    let (strangers, _) = authority("strangers");
    for (trusted, expected) in [(&roots, "OK"), (&strangers, "JWT_KEYS_UNAVAILABLE")] {
        let folder = crate::support::folder();
        let file = write(folder.path(), "roots.pem", trusted);
        let settings = [
            ("LEKALO_JWT_ISSUER", ISSUER),
            ("LEKALO_JWT_AUDIENCE", AUDIENCE),
            ("LEKALO_JWT_JWKS", url.as_str()),
            ("SSL_CERT_FILE", file.as_str()),
        ];
        let mut service = Service::asking_with(folder.path(), &config, &settings);
        let channel = channel(service.addr().await).await;
        becomes(&channel, &token, expected).await;
        if expected != "OK" {
            let line = said(&mut service, "no JWT can be checked").await;
            assert!(line.contains("UnknownIssuer"), "{line}");
        }
    }
    assert_eq!(jwks.asked(), 1, "whoever trusts another one asks for nothing");
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
