//! JWTs beside API keys: which are taken, what they open, and how the keys they are checked with come and go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::future::join_all;
use lekalo::api_keys::ApiKeys;
use lekalo::domain::api_key::{Identity, Role};
use lekalo::grpc::{Access, Concerns, RULES, Services};
use lekalo::jwt::{IdentityProvider, Pace};
use lekalo::proto::lekalo::v1 as pb;
use proptest::test_runner::{Config as Cases, TestRunner};
use prost::Message as _;
use prost_reflect::DynamicMessage;
use ring::hmac;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_postgres::Config;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::callers::{FOREIGN, NOBODY, answered, ask, set_tenant, told, without_details};
use super::requests::{Good, TENANT, every_method};
use super::until;
use crate::support::identity::{Answer, ISSUER, JwksServer, SigningKey, claims, now, set, settings, unsigned};
use crate::support::wire::{Wire, encoded};
use crate::support::{TestServer, database, db_options};

const LIST: &str = "/lekalo.v1.CatalogService/ListCategories";
const WATCH: &str = "/lekalo.v1.ApplicationService/WatchApplications";

/// Fetches seldom unless it has to, and then soon again.
const PACE: Pace = Pace {
    refresh_every: Duration::from_secs(3600),
    apart: Duration::from_millis(100),
    patience: Duration::from_secs(10),
};

fn list() -> [Bytes; 1] {
    [encoded(&pb::ListCategoriesRequest { tenant: TENANT.into(), ..Default::default() })]
}

/// A server that takes JWTs whose keys are there.
async fn taking(config: Config, pace: Pace, source: &str, calls_per_second: u32) -> TestServer {
    let rate = std::num::NonZeroU32::new(calls_per_second);
    let provider = IdentityProvider::at_pace(pace, &settings(source), rate).unwrap();
    TestServer::with(db_options(&config), config, |services| {
        let keys = ApiKeys::new(services.db.clone(), rate);
        Services { access: Access::Credentials { keys, provider }, ..services }
    })
    .await
}

fn refused(status: &Status, reason: &str) -> bool {
    told(status) == (Code::Unauthenticated, reason.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_takes_a_jwt_that_may_and_no_other() {
    let config = database().await;
    let open = TestServer::over(config.clone()).await;
    let good = every_method(&open).await;
    let key = SigningKey::new("one", "ES256");
    let stranger = SigningKey::new("one", "ES256");
    let jwks = JwksServer::of(&[&key]).await;
    let server = taking(config, PACE, &jwks.url(), 0).await;
    let wire = Wire::connect(server.addr).await;
    let of = |role: Role, tenants: Value| {
        key.token(&claims(json!({ "lekalo_role": role.word(), "lekalo_tenants": tenants })))
    };
    let wrong = [
        (stranger.token(&claims(json!({}))), "JWT_SIGNATURE_INVALID"),
        (key.token(&claims(json!({ "exp": now() - 1 }))), "JWT_EXPIRED"),
        (key.token(&claims(json!({ "iss": "https://else.example" }))), "JWT_ISSUER_INVALID"),
        (key.token(&claims(json!({ "aud": "else" }))), "JWT_AUDIENCE_INVALID"),
        (key.token(&claims(json!({ "lekalo_tenants": null }))), "JWT_CLAIM_INVALID"),
        ("e30.e30.".to_owned(), "JWT_INVALID"),
        ("lk_x".to_owned(), "API_KEY_INVALID"),
    ];
    for Good { path, messages, .. } in &good {
        let name = path.trim_start_matches("/lekalo.v1.");
        let (_, least, concerns) = RULES.iter().find(|(method, ..)| *method == name).unwrap();
        assert!(refused(&ask(&wire, path, messages, None).await, "API_KEY_MISSING"), "{name}");
        for (token, reason) in &wrong {
            let status = ask(&wire, path, messages, Some(token)).await;
            assert!(refused(&status, reason), "{name}, {reason}: {status:?}");
        }
        for role in [Role::Chatbot, Role::Manager, Role::Admin] {
            if !role.includes(*least) {
                for tenants in [json!([TENANT]), json!("*")] {
                    let status = ask(&wire, path, messages, Some(&of(role, tenants))).await;
                    assert_eq!(told(&status), (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()), "{name} as {role}");
                }
            } else if *concerns == Concerns::EveryTenant {
                let status = ask(&wire, path, messages, Some(&of(role, json!([TENANT, FOREIGN])))).await;
                assert_eq!(told(&status), (Code::PermissionDenied, "TENANT_NOT_ALLOWED".into()), "{name} as {role}");
            }
        }
    }
    // Whoever may, can. Reads by the least role, writes once.
    for Good { path, messages, writes, .. } in &good {
        let name = path.trim_start_matches("/lekalo.v1.");
        let (_, least, concerns) = RULES.iter().find(|(method, ..)| *method == name).unwrap();
        // The key that it revokes is for every tenant, and so is not a shop's.
        let needs_all = *concerns == Concerns::EveryTenant || name == "AdminService/RevokeApiKey";
        let tenants = if needs_all { json!("*") } else { json!([TENANT]) };
        let status = ask(&wire, path, messages, Some(&of(*least, tenants))).await;
        assert_eq!(status.code(), Code::Ok, "{name}: {status:?} (writes: {writes})");
    }
    assert_eq!(jwks.asked(), 1, "the keys are kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_jwt_a_foreign_tenant_is_as_one_that_there_is_not_and_lists_show_its_own_alone() {
    let config = database().await;
    let open = TestServer::over(config.clone()).await;
    let good = every_method(&open).await;
    let key = SigningKey::new("one", "EdDSA");
    let jwks = JwksServer::of(&[&key]).await;
    let server = taking(config, PACE, &jwks.url(), 0).await;
    let wire = Wire::connect(server.addr).await;
    let for_tenants = |tenants: Value| key.token(&claims(json!({ "lekalo_tenants": tenants })));
    let (own, everywhere) = (for_tenants(json!([TENANT])), for_tenants(json!(["*"])));
    let mut named = 0;
    for Good { path, method, messages, .. } in &good {
        let of = |slug: &str| -> Option<Vec<Bytes>> {
            let mut first = DynamicMessage::decode(method.input(), messages[0].clone()).unwrap();
            set_tenant(&mut first, slug)?;
            Some([vec![first.encode_to_vec().into()], messages[1..].to_vec()].concat())
        };
        let (Some(foreign), Some(nobody)) = (of(FOREIGN), of(NOBODY)) else { continue };
        named += 1;
        let to_own = ask(&wire, path, &foreign, Some(&own)).await;
        let to_nobody = ask(&wire, path, &nobody, Some(&own)).await;
        let words = |status: &Status, slug: &str| format!("{:?}", without_details(status)).replace(slug, "…");
        assert_eq!(told(&to_nobody), (Code::NotFound, "TENANT_NOT_FOUND".into()), "{path}: {to_nobody:?}");
        assert_eq!(words(&to_own, FOREIGN), words(&to_nobody, NOBODY), "{path}");
        assert_eq!(told(&to_own), told(&to_nobody), "{path}");
        let all = ask(&wire, path, &foreign, Some(&everywhere)).await;
        assert_ne!(told(&all).1, "TENANT_NOT_FOUND", "{path}: it is there for whom it is");
    }
    assert!(named > 30, "{named}");

    let tenants = async |token: &str| -> Vec<String> {
        let request = encoded(&pb::ListTenantsRequest::default());
        let answer = answered(&wire, "/lekalo.v1.TenantService/ListTenants", &[request], Some(token)).await;
        let answer = pb::ListTenantsResponse::decode(answer.messages[0].clone()).unwrap();
        assert_eq!(answer.total_size as usize, answer.tenants.len());
        answer.tenants.into_iter().map(|tenant| tenant.slug).collect()
    };
    for (token, expected) in [
        (&own, &[TENANT][..]),
        (&for_tenants(json!(TENANT)), &[TENANT]),
        (&for_tenants(json!([FOREIGN, TENANT])), &[TENANT, FOREIGN]),
        (&for_tenants(json!([NOBODY])), &[]),
        (&for_tenants(json!([])), &[]),
        (&everywhere, &[TENANT, FOREIGN]),
    ] {
        assert_eq!(tenants(token).await, expected);
    }

    // A bot of somebody else's is as one that nobody has.
    let bot = |external_id: &str| {
        encoded(&pb::ResolveTenantRequest { channel: pb::Channel::Telegram.into(), external_id: external_id.into() })
    };
    let connected = "INSERT INTO tenant_channels (tenant_id, channel, external_id)
                     SELECT id, 'telegram', slug FROM tenants";
    crate::support::connect(&server.config).await.batch_execute(connected).await.unwrap();
    let path = "/lekalo.v1.TenantService/ResolveTenant";
    assert_eq!(ask(&wire, path, &[bot(TENANT)], Some(&own)).await.code(), Code::Ok);
    assert_eq!(ask(&wire, path, &[bot(FOREIGN)], Some(&everywhere)).await.code(), Code::Ok);
    let foreign = ask(&wire, path, &[bot(FOREIGN)], Some(&own)).await;
    let nobody = ask(&wire, path, &[bot(NOBODY)], Some(&own)).await;
    assert_eq!(foreign.message().replace(FOREIGN, NOBODY), nobody.message());
    assert_eq!(told(&foreign), (Code::NotFound, "TENANT_NOT_FOUND".into()));
}

/// A provider whose keys are in this file, past any server.
async fn over(keys: &Value) -> (tempfile::NamedTempFile, Arc<IdentityProvider>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), keys.to_string()).unwrap();
    let provider = IdentityProvider::at_pace(PACE, &settings(file.path().to_str().unwrap()), None).unwrap().unwrap();
    tokio::spawn(provider.clone().keep_current());
    (file, provider)
}

/// What becomes of a token: nothing, or the reason for which it is refused. None of its parts is told.
async fn checked(provider: &IdentityProvider, token: &str) -> Option<String> {
    let checked = provider.verify(token).await.and_then(|caller| provider.admit(&caller));
    let status = Status::from(checked.err()?);
    let details = String::from_utf8_lossy(status.details()).into_owned();
    for part in token.split('.').filter(|part| part.len() > 8) {
        assert!(!status.message().contains(part) && !details.contains(part), "{status:?}");
    }
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert!(status.message().len() > 40, "it says what to do: {status:?}");
    Some(status.get_error_details().error_info().unwrap().reason.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_algorithm_is_taken_with_a_key_of_its_kind_and_with_no_other() {
    let rsa = SigningKey::new("rsa", "RS256");
    let (p256, p384) = (SigningKey::new("p256", "ES256"), SigningKey::new("p384", "ES384"));
    let ed = SigningKey::new("ed", "EdDSA");
    let with = |key: &SigningKey, kid: &str, changed: Value| {
        let mut jwk = key.jwk();
        for (name, value) in changed.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk["kid"] = json!(kid);
        jwk
    };
    let secret = "a-secret-of-thirty-two-characters";
    let keys = json!({ "keys": [
        rsa.jwk(), p256.jwk(), p384.jwk(), ed.jwk(),
        with(&rsa, "rsa-512-alone", json!({ "alg": "RS512" })),
        with(&rsa, "rsa-enc", json!({ "use": "enc", "alg": "RSA-OAEP" })),
        with(&p256, "p256-enc", json!({ "use": "enc" })),
        with(&p256, "p256-ops", json!({ "key_ops": ["verify"] })),
        with(&p256, "p256-other-ops", json!({ "key_ops": ["sign", "deriveKey"] })),
        with(&p256, "p256-as-384", json!({ "crv": "P-384" })),
        with(&ed, "", json!({})),
        { "kty": "oct", "kid": "shared", "k": URL_SAFE_NO_PAD.encode(secret) },
        { "kty": "RSA", "kid": "broken", "n": 7 },
        { "kty": "EC", "kid": "unknown-curve", "crv": "secp256k1", "x": "AA", "y": "AA" },
        "no key at all",
    ]});
    let (_file, provider) = over(&keys).await;
    let header = |algorithm: &str, kid: &str| json!({ "alg": algorithm, "kid": kid });
    for (key, algorithm, kid) in [
        (&rsa, "RS256", "rsa"),
        (&rsa, "RS384", "rsa"),
        (&rsa, "RS512", "rsa"),
        (&rsa, "PS256", "rsa"),
        (&rsa, "PS384", "rsa"),
        (&rsa, "PS512", "rsa"),
        (&rsa, "RS512", "rsa-512-alone"),
        (&p256, "ES256", "p256"),
        (&p256, "ES256", "p256-ops"),
        (&p384, "ES384", "p384"),
        (&ed, "EdDSA", "ed"),
    ] {
        let token = key.token_with(&header(algorithm, kid), &claims(json!({})));
        assert_eq!(checked(&provider, &token).await, None, "{algorithm} with {kid}");
    }
    // Of another kind than its key, or with a key that is for something else.
    for (key, algorithm, kid, reason) in [
        (&rsa, "RS256", "rsa-512-alone", "JWT_INVALID"),
        (&rsa, "PS512", "rsa-512-alone", "JWT_INVALID"),
        (&rsa, "RS256", "p256", "JWT_INVALID"),
        (&p256, "ES256", "rsa", "JWT_INVALID"),
        (&p256, "ES256", "p384", "JWT_INVALID"),
        (&p256, "ES384", "p256", "JWT_INVALID"),
        (&ed, "EdDSA", "p256", "JWT_INVALID"),
        (&p256, "ES256", "p256-as-384", "JWT_INVALID"),
        (&p256, "ES384", "p256-as-384", "JWT_SIGNATURE_INVALID"),
        (&rsa, "RS256", "rsa-enc", "JWT_KEY_UNKNOWN"),
        (&p256, "ES256", "p256-enc", "JWT_KEY_UNKNOWN"),
        (&p256, "ES256", "p256-other-ops", "JWT_KEY_UNKNOWN"),
        (&rsa, "RS256", "broken", "JWT_KEY_UNKNOWN"),
        (&rsa, "RS256", "nobody", "JWT_KEY_UNKNOWN"),
        (&ed, "EdDSA", "", "JWT_KEY_UNKNOWN"),
        (&p384, "ES256", "p256", "JWT_SIGNATURE_INVALID"),
    ] {
        let token = key.token_with(&header(algorithm, kid), &claims(json!({})));
        assert_eq!(checked(&provider, &token).await.as_deref(), Some(reason), "{algorithm} with {kid}");
    }
    // A secret is none: the public key as one, in any spelling, one of the set, an empty one, and no signature at all.
    let public = rsa.jwk();
    let spelled = public.to_string();
    let modulus = URL_SAFE_NO_PAD.decode(public["n"].as_str().unwrap()).unwrap();
    let secrets: [(&[u8], &str); 5] = [
        (&modulus, "rsa"),
        (spelled.as_bytes(), "rsa"),
        (public["n"].as_str().unwrap().as_bytes(), "rsa"),
        (secret.as_bytes(), "shared"),
        (b"", "rsa"),
    ];
    for (secret, kid) in secrets {
        for (algorithm, digest) in
            [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
        {
            let message = unsigned(&header(algorithm, kid), &claims(json!({})));
            let tag = hmac::sign(&hmac::Key::new(digest, secret), message.as_bytes());
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
            assert_eq!(checked(&provider, &token).await.as_deref(), Some("JWT_INVALID"), "{algorithm} {kid}");
        }
    }
    for algorithm in ["none", "None", "nOnE", "", "RS1", "rs256"] {
        let unsigned = unsigned(&header(algorithm, "rsa"), &claims(json!({})));
        for token in [format!("{unsigned}."), rsa.token_with(&header(algorithm, "rsa"), &claims(json!({})))] {
            assert_eq!(checked(&provider, &token).await.as_deref(), Some("JWT_INVALID"), "{algorithm}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_is_refused_by_what_is_wrong_with_it() {
    let (key, stranger) = (SigningKey::new("one", "ES256"), SigningKey::new("one", "ES256"));
    let (_file, provider) = over(&set(&[&key])).await;
    for (changed, reason) in [
        (json!({}), None),
        (json!({ "exp": now() + 300, "iat": null }), None),
        (json!({ "exp": now() as f64 + 300.5, "nbf": now() as f64 - 0.5 }), None),
        (json!({ "exp": now() - 1 }), Some("JWT_EXPIRED")),
        (json!({ "exp": now() }), Some("JWT_EXPIRED")),
        (json!({ "exp": 0 }), Some("JWT_EXPIRED")),
        (json!({ "exp": null }), Some("JWT_CLAIM_INVALID")),
        (json!({ "exp": "tomorrow" }), Some("JWT_CLAIM_INVALID")),
        (json!({ "exp": -5 }), Some("JWT_CLAIM_INVALID")),
        (json!({ "exp": 1e300 }), Some("JWT_CLAIM_INVALID")),
        (json!({ "exp": u64::MAX }), Some("JWT_CLAIM_INVALID")),
        // Clocks may differ by a minute.
        (json!({ "nbf": now() + 30 }), None),
        (json!({ "nbf": now() + 90 }), Some("JWT_NOT_YET_VALID")),
        (json!({ "nbf": "x" }), Some("JWT_CLAIM_INVALID")),
        (json!({ "iat": now() + 30 }), None),
        (json!({ "iat": now() + 90 }), Some("JWT_NOT_YET_VALID")),
        (json!({ "iat": {} }), Some("JWT_CLAIM_INVALID")),
        (json!({ "iss": "https://id.example/realms/other" }), Some("JWT_ISSUER_INVALID")),
        (json!({ "iss": "https://id.example/realms/shops/" }), Some("JWT_ISSUER_INVALID")),
        (json!({ "iss": null }), Some("JWT_CLAIM_INVALID")),
        (json!({ "iss": 7 }), Some("JWT_CLAIM_INVALID")),
        (json!({ "aud": ["account", "panel"] }), None),
        (json!({ "aud": "account" }), Some("JWT_AUDIENCE_INVALID")),
        (json!({ "aud": ["account", "Lekalo"] }), Some("JWT_AUDIENCE_INVALID")),
        (json!({ "aud": [] }), Some("JWT_AUDIENCE_INVALID")),
        (json!({ "aud": null }), Some("JWT_CLAIM_INVALID")),
        (json!({ "sub": null }), Some("JWT_CLAIM_INVALID")),
        (json!({ "sub": " " }), Some("JWT_CLAIM_INVALID")),
        (json!({ "sub": 7 }), Some("JWT_CLAIM_INVALID")),
        (json!({ "lekalo_role": null }), Some("JWT_CLAIM_INVALID")),
        (json!({ "lekalo_role": "root" }), Some("JWT_CLAIM_INVALID")),
        (json!({ "lekalo_role": ["offline_access"] }), Some("JWT_CLAIM_INVALID")),
        (json!({ "lekalo_role": { "admin": true } }), Some("JWT_CLAIM_INVALID")),
        (json!({ "lekalo_tenants": null }), Some("JWT_CLAIM_INVALID")),
        (json!({ "lekalo_tenants": true }), Some("JWT_CLAIM_INVALID")),
        (json!({ "lekalo_tenants": [1] }), Some("JWT_CLAIM_INVALID")),
        (json!({ "lekalo_tenants": [TENANT, "*"] }), Some("JWT_CLAIM_INVALID")),
    ] {
        assert_eq!(checked(&provider, &key.token(&claims(changed.clone()))).await.as_deref(), reason, "{changed}");
        // Whatever it says, who did not sign it is told no more than that.
        let forged = checked(&provider, &stranger.token(&claims(changed.clone()))).await;
        assert_eq!(forged.as_deref(), Some("JWT_SIGNATURE_INVALID"), "{changed}");
    }

    let header = |changed: Value| {
        let mut header = json!({ "alg": "ES256", "kid": "one" });
        for (name, value) in changed.as_object().unwrap() {
            header[name] = value.clone();
        }
        header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        header
    };
    let jwk = stranger.jwk();
    for (changed, by_stranger, reason) in [
        (json!({ "typ": "at+jwt" }), false, None),
        (json!({ "kid": null }), false, Some("JWT_INVALID")),
        (json!({ "kid": 7 }), false, Some("JWT_INVALID")),
        (json!({ "crit": ["exp"] }), false, Some("JWT_INVALID")),
        (json!({ "crit": ["b64"], "b64": false }), false, Some("JWT_INVALID")),
        (json!({ "crit": [] }), false, Some("JWT_INVALID")),
        // A key that comes with the token is nobody's.
        (json!({ "jwk": jwk }), true, Some("JWT_SIGNATURE_INVALID")),
        (json!({ "jku": "https://evil.example/jwks" }), true, Some("JWT_SIGNATURE_INVALID")),
        (json!({ "jwk": jwk, "kid": "other" }), true, Some("JWT_KEY_UNKNOWN")),
    ] {
        let signer = if by_stranger { &stranger } else { &key };
        let token = signer.token_with(&header(changed.clone()), &claims(json!({})));
        assert_eq!(checked(&provider, &token).await.as_deref(), reason, "{changed}");
    }

    let good = key.token(&claims(json!({})));
    let large = key.token(&claims(json!({ "picture": "x".repeat(8 << 10) })));
    let almost = key.token(&claims(json!({ "picture": "x".repeat(5 << 10) })));
    assert_eq!(checked(&provider, &almost).await, None);
    let parts: Vec<&str> = good.split('.').collect();
    let encrypted = [&parts[..], &parts[..2]].concat().join(".");
    for bad in
        [&large, "x", "..", "a.b.c", "e30.e30.e30", &good[..good.len() - 4], &encrypted, &good.replace('.', ". ")]
    {
        let reason = checked(&provider, bad).await.unwrap();
        assert!(["JWT_INVALID", "JWT_SIGNATURE_INVALID"].contains(&reason.as_str()), "{bad}: {reason}");
    }
    assert_eq!(checked(&provider, &large).await.as_deref(), Some("JWT_INVALID"));

    // What it says is what counts.
    let expired = provider.verify(&key.token(&claims(json!({ "exp": 86_400 })))).await.unwrap();
    let message = provider.admit(&expired).unwrap_err().to_string();
    assert!(message.contains("1970-01-02T00:00:00Z"), "it says since when: {message}");
    let roles =
        key.token(&claims(json!({ "lekalo_role": ["offline_access", "chatbot", "MANAGER"], "sub": "a\u{1b}[2J\nb" })));
    let caller = provider.verify(&roles).await.unwrap();
    assert_eq!(caller.role, Role::Manager);
    assert_eq!(caller.identity, Identity::Jwt { sub: "a\u{fffd}[2J\u{fffd}b".into(), kid: "one".into() });
    let long = provider.verify(&key.token(&claims(json!({ "sub": "я".repeat(2000) })))).await.unwrap();
    assert_eq!(long.identity.sub(), Some("я".repeat(255).as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_with_any_character_changed_is_refused() {
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let key = SigningKey::new("one", algorithm);
        let (_file, provider) = over(&set(&[&key])).await;
        let token = key.token(&claims(json!({})));
        assert_eq!(checked(&provider, &token).await, None);
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            let cases = Cases { cases: 200, failure_persistence: None, ..Cases::default() };
            let changes = (0..token.len(), "[A-Za-z0-9_=.-]");
            TestRunner::new(cases)
                .run(&changes, |(at, to)| {
                    let mut other = token.clone();
                    other.replace_range(at..=at, &to);
                    let is_refused = runtime.block_on(provider.verify(&other)).is_err();
                    proptest::prop_assert_eq!(is_refused, other != token);
                    Ok(())
                })
                .unwrap();
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_known_within_one_fetch_and_one_that_went_is_refused_with_its_streams() {
    let [one, two] = ["one", "two"].map(|kid| SigningKey::new(kid, "ES256"));
    let jwks = JwksServer::of(&[&one]).await;
    let server = taking(database().await, PACE, &jwks.url(), 0).await;
    let wire = Wire::connect(server.addr).await;
    let [old, new] = [&one, &two].map(|key| key.token(&claims(json!({}))));
    assert_eq!(ask(&wire, LIST, &list(), Some(&old)).await.code(), Code::Ok);
    assert!(refused(&ask(&wire, LIST, &list(), Some(&new)).await, "JWT_KEY_UNKNOWN"));

    jwks.publish(&[&one, &two]);
    sleep(PACE.apart * 2).await;
    let before = jwks.asked();
    assert_eq!(ask(&wire, LIST, &list(), Some(&new)).await.code(), Code::Ok, "at once");
    // None, where the fetch that was asked for before had to wait for its time.
    assert!(jwks.asked() <= before + 1);
    assert_eq!(ask(&wire, LIST, &list(), Some(&old)).await.code(), Code::Ok);

    let bearer = format!("Bearer {old}");
    let headers = [("authorization", bearer.as_str())];
    let watch = encoded(&pb::WatchApplicationsRequest { tenant: TENANT.into(), ..Default::default() });
    let stream = wire.send(WATCH, std::slice::from_ref(&watch), &headers).await.begun().await.unwrap();
    let upload = wire.begin("/lekalo.v1.ImportService/UploadImport", &headers).await;
    jwks.publish(&[&two]);
    // Whoever asks for one that is unknown has the keys fetched.
    let stranger = SigningKey::new("three", "ES256").token(&claims(json!({})));
    until("the old key is unknown", || async {
        ask(&wire, LIST, &list(), Some(&stranger)).await;
        refused(&ask(&wire, LIST, &list(), Some(&old)).await, "JWT_KEY_UNKNOWN")
    })
    .await;
    for answer in [stream.answer().await.unwrap(), upload.answer().await.unwrap()] {
        assert!(refused(&answer.status, "JWT_KEY_UNKNOWN"), "{:?}", answer.status);
    }
    assert_eq!(ask(&wire, LIST, &list(), Some(&new)).await.code(), Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_anew_whether_anybody_asks_or_not() {
    let key = SigningKey::new("one", "ES256");
    let jwks = JwksServer::of(&[&key]).await;
    let often = Pace { refresh_every: Duration::from_millis(300), ..PACE };
    let server = taking(database().await, often, &jwks.url(), 0).await;
    let wire = Wire::connect(server.addr).await;
    let good = key.token(&claims(json!({})));
    assert_eq!(ask(&wire, LIST, &list(), Some(&good)).await.code(), Code::Ok);
    jwks.publish(&[&SigningKey::new("two", "ES256")]);
    let asked = jwks.asked();
    until("they were fetched", || async { jwks.asked() >= asked + 2 }).await;
    assert!(refused(&ask(&wire, LIST, &list(), Some(&good)).await, "JWT_KEY_UNKNOWN"));

    // After one that was of no use there is another soon.
    for bad in [Answer::Status(500), Answer::Text("<html>".into())] {
        let jwks = JwksServer::start(bad).await;
        let server = taking(database().await, PACE, &jwks.url(), 0).await;
        until("it was tried again", || async { jwks.asked() >= 3 }).await;
        jwks.publish(&[&key]);
        let wire = Wire::connect(server.addr).await;
        until("the keys are there", || async { ask(&wire, LIST, &list(), Some(&good)).await.code() == Code::Ok }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_wait_for_one_fetch_together() {
    let key = SigningKey::new("one", "ES256");
    let jwks = JwksServer::of(&[&key]).await;
    let pace = Pace { apart: Duration::from_secs(3), patience: Duration::from_secs(2), ..PACE };
    let server = taking(database().await, pace, &jwks.url(), 0).await;
    let wire = Wire::connect(server.addr).await;
    let good = key.token(&claims(json!({})));
    assert_eq!(ask(&wire, LIST, &list(), Some(&good)).await.code(), Code::Ok);
    assert_eq!(jwks.asked(), 1);
    let strangers: Vec<String> =
        (0..50).map(|kid| SigningKey::new(&format!("k{kid}"), "EdDSA").token(&claims(json!({})))).collect();
    let request = list();
    let began = Instant::now();
    // For as long as one may follow another, there is none, whoever asks.
    for status in join_all(strangers.iter().map(|token| ask(&wire, LIST, &request, Some(token)))).await {
        assert!(refused(&status, "JWT_KEY_UNKNOWN"), "{status:?}");
    }
    if began.elapsed() < pace.apart {
        assert_eq!(jwks.asked(), 1, "so soon after the last one");
    }
    until("another fetch may begin", || async { jwks.asked() == 2 }).await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(jwks.asked(), 2, "one for all of them");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_provider_that_fails_leaves_api_keys_alone_and_the_keys_that_are_known() {
    let key = SigningKey::new("one", "ES256");
    let unknown = SigningKey::new("two", "ES256").token(&claims(json!({})));
    let token = key.token(&claims(json!({})));
    let elsewhere = JwksServer::of(&[&key]).await;
    let garbage = |text: &str| Answer::Text(text.to_owned());
    let pace = Pace {
        refresh_every: Duration::from_millis(50),
        apart: Duration::from_millis(50),
        patience: Duration::from_millis(500),
    };
    for (what, bad) in [
        ("silence", Answer::Silence),
        ("a byte now and then", Answer::Drip),
        ("a flood", Answer::Flood),
        ("500", Answer::Status(500)),
        ("204", Answer::Status(204)),
        ("a redirect", Answer::Redirect(elsewhere.url())),
        ("no JSON", garbage("<html>")),
        ("another JSON", garbage("[1]")),
        ("half of a set", garbage(&set(&[&key]).to_string()[..90])),
        ("more than 1 MiB", Answer::Text(format!("{}{}", set(&[&key]), " ".repeat(1 << 20)))),
        ("an empty set", garbage("{\"keys\":[]}")),
        ("no key of use", garbage("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"one\",\"k\":\"AAAA\"}]}")),
    ] {
        let jwks = JwksServer::start(bad.clone()).await;
        let server = taking(database().await, pace, &jwks.url(), 0).await;
        let wire = Wire::connect(server.addr).await;
        let status = ask(&wire, LIST, &list(), Some(&token)).await;
        assert_eq!(told(&status), (Code::Unavailable, "JWT_KEYS_UNAVAILABLE".into()), "{what}: {status:?}");
        assert!(status.get_error_details().retry_info().is_some(), "{what}: {status:?}");
        let api_key = ask(&wire, LIST, &list(), Some("lk_x")).await;
        assert!(refused(&api_key, "API_KEY_INVALID"), "{what}: {api_key:?}");

        jwks.publish(&[&key]);
        until("the keys are there", || async { ask(&wire, LIST, &list(), Some(&token)).await.code() == Code::Ok })
            .await;
        jwks.answer(bad);
        let asked = jwks.asked();
        until("it has failed again", || async { jwks.asked() >= asked + 3 }).await;
        assert_eq!(ask(&wire, LIST, &list(), Some(&token)).await.code(), Code::Ok, "{what}: those known before hold");
        // It may be a new one: nobody can tell.
        let status = ask(&wire, LIST, &list(), Some(&unknown)).await;
        assert_eq!(told(&status), (Code::Unavailable, "JWT_KEYS_UNAVAILABLE".into()), "{what}: {status:?}");
    }
    assert_eq!(elsewhere.asked(), 0, "nobody follows a redirect");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_calls_end_when_their_jwt_expires() {
    let key = SigningKey::new("one", "ES256");
    let jwks = JwksServer::of(&[&key]).await;
    let server = taking(database().await, PACE, &jwks.url(), 0).await;
    let wire = Wire::connect(server.addr).await;
    let bearer = |seconds: i64| format!("Bearer {}", key.token(&claims(json!({ "exp": now() + seconds }))));
    let (short, long) = (bearer(3), bearer(3600));
    let watch = encoded(&pb::WatchApplicationsRequest { tenant: TENANT.into(), ..Default::default() });
    let begin = async |bearer: &str| {
        let headers = [("authorization", bearer)];
        wire.send(WATCH, std::slice::from_ref(&watch), &headers).await.begun().await.unwrap()
    };
    let (ends, goes_on) = (begin(&short).await, begin(&long).await);
    let upload = wire.begin("/lekalo.v1.ImportService/UploadImport", &[("authorization", short.as_str())]).await;
    let late = wire.begin(LIST, &[("authorization", short.as_str())]).await;
    for answer in [ends.answer().await, upload.answer().await, late.answer().await] {
        let status = answer.unwrap().status;
        assert!(refused(&status, "JWT_EXPIRED"), "{status:?}");
    }
    let waited = tokio::time::timeout(Duration::from_secs(1), goes_on.answer()).await;
    assert!(waited.is_err(), "another one's goes on: {waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_with_a_jwt_issues_no_key_for_more_than_it_is_for() {
    let config = database().await;
    let key = SigningKey::new("one", "ES256");
    let jwks = JwksServer::of(&[&key]).await;
    let server = taking(config, PACE, &jwks.url(), 50).await;
    let wire = Wire::connect(server.addr).await;
    let end = now() + 600;
    let own = key.token(&claims(json!({ "lekalo_tenants": [TENANT], "exp": end })));
    let everywhere = key.token(&claims(json!({})));
    let path = "/lekalo.v1.AdminService/IssueApiKey";
    let request = |tenants: &[&str], expires_at: Option<i64>, calls_per_second: i32| {
        encoded(&pb::IssueApiKeyRequest {
            role: pb::Role::Admin.into(),
            tenants: tenants.iter().map(|slug| (*slug).to_owned()).collect(),
            expires_at: expires_at.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
            calls_per_second,
            ..Default::default()
        })
    };
    for (tenants, expires_at, rate, expected) in [
        (&[][..], None, 0, (Code::PermissionDenied, "TENANT_NOT_ALLOWED")),
        (&[TENANT, FOREIGN], None, 0, (Code::NotFound, "TENANT_NOT_FOUND")),
        (&[FOREIGN], None, 0, (Code::NotFound, "TENANT_NOT_FOUND")),
        (&[TENANT], Some(end + 1), 0, (Code::InvalidArgument, "FIELD_OUT_OF_RANGE")),
        (&[TENANT], None, 51, (Code::InvalidArgument, "FIELD_OUT_OF_RANGE")),
    ] {
        let status = ask(&wire, path, &[request(tenants, expires_at, rate)], Some(&own)).await;
        assert_eq!(told(&status), (expected.0, expected.1.to_owned()), "{tenants:?}: {status:?}");
    }
    let issued = async |token: &str, request: Bytes| -> pb::IssueApiKeyResponse {
        let answer = answered(&wire, path, &[request], Some(token)).await;
        assert_eq!(answer.status.code(), Code::Ok, "{:?}", answer.status);
        pb::IssueApiKeyResponse::decode(answer.messages[0].clone()).unwrap()
    };
    let its = issued(&own, request(&[TENANT], None, 0)).await;
    let kept = its.api_key.clone().unwrap();
    assert_eq!((kept.expires_at.unwrap().seconds, kept.calls_per_second), (end, 50), "no more than the JWT has");
    assert_eq!(ask(&wire, LIST, &list(), Some(&its.key)).await.code(), Code::Ok);
    let wide = issued(&everywhere, request(&[], None, 0)).await.api_key.unwrap();
    assert_eq!(wide.expires_at, None);

    let prefixes = async |token: &str| -> Vec<String> {
        let request = encoded(&pb::ListApiKeysRequest::default());
        let answer = answered(&wire, "/lekalo.v1.AdminService/ListApiKeys", &[request], Some(token)).await;
        let answer = pb::ListApiKeysResponse::decode(answer.messages[0].clone()).unwrap();
        answer.api_keys.into_iter().map(|key| key.prefix).collect()
    };
    assert_eq!(prefixes(&own).await, [kept.prefix.as_str()]);
    assert_eq!(prefixes(&everywhere).await, [wide.prefix.as_str(), &kept.prefix]);
    let revoke = async |token: &str, prefix: &str| {
        let request = encoded(&pb::RevokeApiKeyRequest { prefix: prefix.to_owned() });
        ask(&wire, "/lekalo.v1.AdminService/RevokeApiKey", &[request], Some(token)).await
    };
    let status = revoke(&own, &wide.prefix).await;
    assert_eq!(told(&status), (Code::NotFound, "API_KEY_NOT_FOUND".into()));
    assert_eq!(revoke(&own, &kept.prefix).await.code(), Code::Ok);
    assert!(refused(&ask(&wire, LIST, &list(), Some(&its.key)).await, "API_KEY_REVOKED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_makes_as_many_calls_a_second_as_it_may_whatever_jwts_it_shows() {
    let key = SigningKey::new("one", "EdDSA");
    let jwks = JwksServer::of(&[&key]).await;
    let server = taking(database().await, PACE, &jwks.url(), 20).await;
    let wire = Wire::connect(server.addr).await;
    let of = |sub: &str, number: usize| key.token(&claims(json!({ "sub": sub, "jti": number })));
    assert_eq!(ask(&wire, LIST, &list(), Some(&of("busy", 0))).await.code(), Code::Ok);
    let tokens: Vec<String> = (0..100).map(|number| of("busy", number)).collect();
    let (request, began) = (list(), Instant::now());
    let asked = join_all(tokens.iter().map(|token| ask(&wire, LIST, &request, Some(token)))).await;
    let most = 20.0 + 20.0 * began.elapsed().as_secs_f64();
    let (taken, early): (Vec<_>, Vec<_>) = asked.iter().partition(|status| status.code() == Code::Ok);
    assert!(taken.len() >= 19 && taken.len() as f64 <= most + 1.0, "{} taken", taken.len());
    for status in early {
        assert_eq!(told(status), (Code::ResourceExhausted, "RATE_LIMITED".into()));
        assert!(status.get_error_details().retry_info().is_some());
    }
    assert_eq!(ask(&wire, LIST, &list(), Some(&of("calm", 0))).await.code(), Code::Ok, "others are let alone");
    until("it may again", || async { ask(&wire, LIST, &list(), Some(&of("busy", 0))).await.code() == Code::Ok }).await;
}

#[test]
fn issuer_audience_and_keys_go_together() {
    let whole = settings("/etc/jwks.json");
    assert!(IdentityProvider::of(&whole, None).unwrap().is_some());
    assert_eq!(whole.issuer, ISSUER);
    for (place, name) in ["LEKALO_JWT_ISSUER", "LEKALO_JWT_AUDIENCE", "LEKALO_JWT_JWKS"].into_iter().enumerate() {
        let mut some = whole.clone();
        match place {
            0 => some.issuer.clear(),
            1 => some.audiences.clear(),
            _ => some.keys = None,
        }
        assert_eq!(IdentityProvider::of(&some, None).err(), Some(vec![name]));
    }
    assert!(IdentityProvider::of(&Default::default(), None).unwrap().is_none());
}

#[test]
fn what_is_said_of_the_pace_is_so() {
    let Pace { refresh_every, apart, patience } = Pace::default();
    assert_eq!([refresh_every, apart, patience].map(|time| time.as_secs()), [600, 10, 5]);
}
