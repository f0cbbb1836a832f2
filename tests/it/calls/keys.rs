//! Who may call what: every method of the contract, by callers of each kind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::future::join_all;
use lekalo::api_keys::ApiKeys;
use lekalo::db::Db;
use lekalo::db::api_keys::KeyGrant;
use lekalo::domain::api_key::{NewKey, Reach, Role};
use lekalo::domain::tenant::TenantId;
use lekalo::grpc::{Access, Concerns, RULES, Services};
use lekalo::proto::lekalo::v1 as pb;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use tokio_postgres::Config;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::callers::{FOREIGN, NOBODY, answered, ask, set_tenant, told, without_details};
use super::requests::{Good, TENANT, every_method};
use super::until;
use crate::support::methods::methods;
use crate::support::wire::{Wire, encoded};
use crate::support::{TestServer, connect, database, db_options};

pub(super) async fn guarded(config: Config) -> TestServer {
    TestServer::with(db_options(&config), config, asking).await
}

pub(super) fn asking(services: Services) -> Services {
    let access = Access::keys_alone(ApiKeys::new(services.db.clone(), None));
    Services { access, ..services }
}

pub(super) async fn tenant(db: &Db, slug: &str) -> TenantId {
    db.find_tenant(slug).await.unwrap().id
}

pub(super) async fn issue(db: &Db, role: Role, reach: Reach, expires_at: Option<SystemTime>) -> NewKey {
    let new = NewKey::choose().unwrap();
    let mut tx = db.transaction().await.unwrap();
    tx.issue_api_key(&new, &KeyGrant { role, reach, label: "test".into(), expires_at, calls_per_second: None })
        .await
        .unwrap();
    tx.commit().await.unwrap();
    new
}

async fn revoke(db: &Db, key: &NewKey) {
    let tx = db.transaction().await.unwrap();
    tx.revoke_api_key(&key.prefix, &Reach::All).await.unwrap();
    tx.commit().await.unwrap();
}

#[test]
fn the_table_has_every_method_with_the_role_that_the_contract_names() {
    let contract =
        ["admin", "application", "catalog", "category", "document", "import", "pattern", "pricing", "tenant", "text"];
    let mut promised = BTreeMap::new();
    for name in contract {
        let file = format!("{}/proto/lekalo/v1/{name}_service.proto", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).unwrap();
        let (mut comment, mut service) = (String::new(), String::new());
        for line in text.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("//") {
                comment.push_str(words);
                continue;
            }
            let word = |line: &str| line.split(['(', ' ', '{']).next().unwrap().to_owned();
            if let Some(rest) = line.strip_prefix("service ") {
                service = word(rest);
            } else if let Some(rest) = line.strip_prefix("rpc ") {
                let role = comment.split("Role: ").nth(1).unwrap_or_else(|| panic!("{rest} names no role"));
                let least: Role =
                    role.split(|ch: char| !ch.is_alphabetic()).next().unwrap().to_lowercase().parse().unwrap();
                let for_all = role.split(". ").next().unwrap().contains("key that is for every tenant");
                let concerns = if for_all { Concerns::EveryTenant } else { Concerns::Tenant };
                promised.insert(format!("{service}/{}", word(rest)), (least, concerns));
            }
            comment.clear();
        }
    }
    let kept: BTreeMap<String, (Role, Concerns)> =
        RULES.iter().map(|(name, role, concerns)| ((*name).to_owned(), (*role, *concerns))).collect();
    assert_eq!(kept, promised);
    assert_eq!(kept.len(), RULES.len(), "none stands there twice");
    assert_eq!(kept.keys().collect::<BTreeSet<_>>(), methods().keys().collect::<BTreeSet<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_asks_for_a_key_that_works_and_may() {
    let config = database().await;
    let open = TestServer::over(config.clone()).await;
    let good = every_method(&open).await;
    let db = &open.db;
    let own = || Reach::Tenants(Vec::new());
    let evopoliki = tenant(db, TENANT).await;
    let for_own = || Reach::Tenants(vec![evopoliki]);
    let mut by_role = BTreeMap::new();
    for role in [Role::Chatbot, Role::Manager, Role::Admin] {
        let keys = (issue(db, role, for_own(), None).await, issue(db, role, Reach::All, None).await);
        by_role.insert(role, keys);
    }
    let soon = SystemTime::now() + Duration::from_millis(50);
    let expired = issue(db, Role::Admin, Reach::All, Some(soon)).await;
    let revoked = issue(db, Role::Admin, Reach::All, None).await;
    revoke(db, &revoked).await;
    let admin = &by_role[&Role::Admin].1;
    let nobody = issue(db, Role::Admin, own(), None).await;
    let other_secret = format!("{}_{}", admin.prefix, &nobody.key[nobody.prefix.len() + 1..]);
    let unknown = NewKey::choose().unwrap().key;

    let server = guarded(config).await;
    let wire = Wire::connect(server.addr).await;
    until("the key has expired", || async { SystemTime::now() > soon }).await;
    for Good { path, messages, .. } in &good {
        let name = path.trim_start_matches("/lekalo.v1.");
        let (_, least, concerns) = RULES.iter().find(|(method, ..)| *method == name).unwrap();
        let wrong = [
            (None, "API_KEY_MISSING"),
            (Some(""), "API_KEY_INVALID"),
            (Some("lk_x"), "API_KEY_INVALID"),
            (Some(unknown.as_str()), "API_KEY_INVALID"),
            (Some(&other_secret), "API_KEY_INVALID"),
            (Some(&admin.key[..admin.key.len() - 1]), "API_KEY_INVALID"),
            (Some(&expired.key), "API_KEY_EXPIRED"),
            (Some(&revoked.key), "API_KEY_REVOKED"),
        ];
        // At once: for one that nobody knows the server looks a while.
        let asked = wrong.map(|(key, _)| ask(&wire, path, messages, key));
        for ((key, reason), status) in wrong.into_iter().zip(join_all(asked).await) {
            assert_eq!(told(&status), (Code::Unauthenticated, reason.to_owned()), "{name} with {key:?}: {status:?}");
            assert!(!key.is_some_and(|key| key.len() > 20 && status.message().contains(key)), "{status:?}");
        }
        for (role, (own, all)) in &by_role {
            if !role.includes(*least) {
                for key in [own, all] {
                    let status = ask(&wire, path, messages, Some(&key.key)).await;
                    assert_eq!(told(&status), (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()), "{name} as {role}");
                }
            } else if *concerns == Concerns::EveryTenant {
                let status = ask(&wire, path, messages, Some(&own.key)).await;
                assert_eq!(told(&status), (Code::PermissionDenied, "TENANT_NOT_ALLOWED".into()), "{name} as {role}");
            }
        }
    }
    // Whoever may, can. Reads by the least role, writes once.
    for Good { path, messages, writes, .. } in &good {
        let name = path.trim_start_matches("/lekalo.v1.");
        let (_, least, concerns) = RULES.iter().find(|(method, ..)| *method == name).unwrap();
        let (own, all) = &by_role[least];
        // The key that it revokes is for every tenant, and so is not its.
        let needs_all = *concerns == Concerns::EveryTenant || name == "AdminService/RevokeApiKey";
        let status = ask(&wire, path, messages, Some(if needs_all { &all.key } else { &own.key })).await;
        assert_eq!(status.code(), Code::Ok, "{name}: {status:?} (writes: {writes})");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_tenant_is_answered_as_one_that_there_is_not() {
    let config = database().await;
    let open = TestServer::over(config.clone()).await;
    let good = every_method(&open).await;
    let own = Reach::Tenants(vec![tenant(&open.db, TENANT).await]);
    let key = issue(&open.db, Role::Admin, own, None).await;
    let everywhere = issue(&open.db, Role::Admin, Reach::All, None).await;
    let server = guarded(config).await;
    let wire = Wire::connect(server.addr).await;
    let mut named = 0;
    for Good { path, method, messages, .. } in &good {
        let of = |slug: &str| -> Option<Vec<Bytes>> {
            let mut first = DynamicMessage::decode(method.input(), messages[0].clone()).unwrap();
            set_tenant(&mut first, slug)?;
            Some([vec![first.encode_to_vec().into()], messages[1..].to_vec()].concat())
        };
        if of(TENANT).is_none() {
            continue;
        }
        named += 1;
        let foreign = ask(&wire, path, &of(FOREIGN).unwrap(), Some(&key.key)).await;
        let nobody = ask(&wire, path, &of(NOBODY).unwrap(), Some(&key.key)).await;
        let words = |status: &Status, slug: &str| format!("{status:?}").replace(slug, "…");
        assert_eq!(told(&nobody), (Code::NotFound, "TENANT_NOT_FOUND".into()), "{path}: {nobody:?}");
        assert_eq!(words(&without_details(&foreign), FOREIGN), words(&without_details(&nobody), NOBODY), "{path}");
        assert_eq!(told(&foreign), told(&nobody));
        let all = ask(&wire, path, &of(FOREIGN).unwrap(), Some(&everywhere.key)).await;
        assert_ne!(told(&all).1, "TENANT_NOT_FOUND", "{path}: it is there for whom it is");
        let again = ask(&wire, path, &of(FOREIGN).unwrap(), Some(&key.key)).await;
        assert_eq!(
            words(&without_details(&again), FOREIGN),
            words(&without_details(&foreign), FOREIGN),
            "{path}: in memory"
        );
        assert_eq!(told(&again), told(&foreign));
    }
    assert!(named > 30, "{named}");

    // Nor is there its bot, in memory or not.
    let bot = pb::TenantChannel {
        channel: pb::Channel::Telegram.into(),
        external_id: "7000000009".into(),
        ..Default::default()
    };
    let mask = prost_types::FieldMask { paths: vec!["channels".into()] };
    let foreign = pb::Tenant { slug: FOREIGN.into(), channels: vec![bot], ..Default::default() };
    let update = pb::UpdateTenantRequest { tenant: Some(foreign), update_mask: Some(mask), ..Default::default() };
    let path = "/lekalo.v1.TenantService/UpdateTenant";
    assert_eq!(ask(&wire, path, &[encoded(&update)], Some(&everywhere.key)).await.code(), Code::Ok);
    let resolved = async |id: &str, key: &NewKey| {
        let request = pb::ResolveTenantRequest { channel: pb::Channel::Telegram.into(), external_id: id.into() };
        let status = ask(&wire, "/lekalo.v1.TenantService/ResolveTenant", &[encoded(&request)], Some(&key.key)).await;
        (told(&status), format!("{:?}", without_details(&status)).replace(id, "…"))
    };
    let nobody = resolved("7000000008", &key).await;
    assert_eq!(nobody.0, (Code::NotFound, "TENANT_NOT_FOUND".into()));
    assert_eq!(resolved("7000000009", &key).await, nobody);
    assert_eq!(resolved("7000000009", &everywhere).await.0.0, Code::Ok);
    assert_eq!(resolved("7000000009", &key).await, nobody, "in memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_what_the_key_is_for_alone() {
    let config = database().await;
    let open = TestServer::over(config.clone()).await;
    let db = &open.db;
    let (evopoliki, foreign) = (tenant(db, TENANT).await, tenant(db, FOREIGN).await);
    let own = issue(db, Role::Admin, Reach::Tenants(vec![evopoliki]), None).await;
    let both = issue(db, Role::Admin, Reach::Tenants(vec![evopoliki, foreign]), None).await;
    let all = issue(db, Role::Admin, Reach::All, None).await;
    let lost = issue(db, Role::Admin, Reach::Tenants(Vec::new()), None).await;
    let server = guarded(config).await;
    let wire = Wire::connect(server.addr).await;
    let prefixes = async |key: &NewKey| -> BTreeSet<String> {
        let list = encoded(&pb::ListApiKeysRequest::default());
        let answer = answered(&wire, "/lekalo.v1.AdminService/ListApiKeys", &[list], Some(&key.key)).await;
        let answer: pb::ListApiKeysResponse = prost::Message::decode(answer.messages[0].clone()).unwrap();
        assert_eq!(answer.total_size as usize, answer.api_keys.len());
        answer.api_keys.into_iter().map(|key| key.prefix).collect()
    };
    let set = |keys: &[&NewKey]| keys.iter().map(|key| key.prefix.clone()).collect::<BTreeSet<_>>();
    assert_eq!(prefixes(&own).await, set(&[&own]));
    assert_eq!(prefixes(&both).await, set(&[&own, &both]));
    assert_eq!(prefixes(&all).await, set(&[&own, &both, &all, &lost]));
    let tenants = async |key: &NewKey| -> Vec<String> {
        let list = encoded(&pb::ListTenantsRequest::default());
        let answer = answered(&wire, "/lekalo.v1.TenantService/ListTenants", &[list], Some(&key.key)).await;
        let answer: pb::ListTenantsResponse = prost::Message::decode(answer.messages[0].clone()).unwrap();
        assert_eq!(answer.total_size as usize, answer.tenants.len());
        answer.tenants.into_iter().map(|tenant| tenant.slug).collect()
    };
    assert_eq!(tenants(&own).await, [TENANT]);
    assert_eq!(tenants(&both).await, [TENANT, FOREIGN]);
    assert_eq!(tenants(&all).await, [TENANT, FOREIGN]);
    assert_eq!(tenants(&lost).await, [""; 0], "a key whose tenants are gone opens nothing");

    let bounded = NewKey::choose().unwrap();
    let grant = KeyGrant {
        role: Role::Admin,
        reach: Reach::Tenants(vec![evopoliki]),
        label: String::new(),
        expires_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)),
        calls_per_second: Some(50),
    };
    let mut tx = db.transaction().await.unwrap();
    tx.issue_api_key(&bounded, &grant).await.unwrap();
    tx.commit().await.unwrap();

    // Of a key that is for more than the caller's, nobody learns anything.
    let revoke = encoded(&pb::RevokeApiKeyRequest { prefix: both.prefix.clone() });
    let status = ask(&wire, "/lekalo.v1.AdminService/RevokeApiKey", &[revoke], Some(&own.key)).await;
    assert_eq!(told(&status), (Code::NotFound, "API_KEY_NOT_FOUND".into()));
    // Nor may anybody issue one for more than their own is for.
    let issue = |tenants: &[&str]| {
        encoded(&pb::IssueApiKeyRequest {
            role: pb::Role::Admin.into(),
            tenants: tenants.iter().map(|slug| (*slug).to_owned()).collect(),
            ..Default::default()
        })
    };
    let path = "/lekalo.v1.AdminService/IssueApiKey";
    let refused = ask(&wire, path, &[issue(&[])], Some(&own.key)).await;
    assert_eq!(told(&refused), (Code::PermissionDenied, "TENANT_NOT_ALLOWED".into()));
    let refused = ask(&wire, path, &[issue(&[TENANT, FOREIGN])], Some(&own.key)).await;
    assert_eq!(told(&refused), (Code::NotFound, "TENANT_NOT_FOUND".into()));
    let of_more = pb::IssueApiKeyRequest {
        role: pb::Role::Chatbot.into(),
        tenants: vec![TENANT.into()],
        calls_per_second: 51,
        ..Default::default()
    };
    let refused = ask(&wire, path, &[encoded(&of_more)], Some(&bounded.key)).await;
    assert_eq!(told(&refused), (Code::InvalidArgument, "FIELD_OUT_OF_RANGE".into()), "more than its own");
    let bounded = answered(&wire, path, &[issue(&[TENANT])], Some(&bounded.key)).await;
    let bounded: pb::IssueApiKeyResponse = prost::Message::decode(bounded.messages[0].clone()).unwrap();
    let bounded = bounded.api_key.unwrap();
    assert_eq!((bounded.calls_per_second, bounded.expires_at.unwrap().seconds), (50, 4_000_000_000));
    let issued = answered(&wire, path, &[issue(&[TENANT])], Some(&own.key)).await;
    let issued: pb::IssueApiKeyResponse = prost::Message::decode(issued.messages[0].clone()).unwrap();
    let stats = encoded(&pb::GetStatsRequest::default());
    let refused = ask(&wire, "/lekalo.v1.AdminService/GetStats", &[stats], Some(&issued.key)).await;
    assert_eq!(told(&refused), (Code::PermissionDenied, "TENANT_NOT_ALLOWED".into()), "at once it is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_stops_on_every_server_within_a_second_streams_too() {
    let config = database().await;
    let (one, other) = (guarded(config.clone()).await, guarded(config).await);
    let db = &one.db;
    let own = Reach::Tenants(vec![tenant(db, TENANT).await]);
    let key = issue(db, Role::Manager, own.clone(), None).await;
    let expiring = issue(db, Role::Manager, own, Some(SystemTime::now() + Duration::from_secs(3))).await;
    let wires = [Wire::connect(one.addr).await, Wire::connect(other.addr).await];
    let list = [encoded(&pb::ListCategoriesRequest { tenant: TENANT.into(), ..Default::default() })];
    let path = "/lekalo.v1.CatalogService/ListCategories";
    let watch = encoded(&pb::WatchApplicationsRequest { tenant: TENANT.into(), ..Default::default() });
    let (mut streams, mut uploads) = (Vec::new(), Vec::new());
    for wire in &wires {
        // One that was issued a moment ago is looked for.
        assert_eq!(ask(wire, path, &list, Some(&key.key)).await.code(), Code::Ok);
        for key in [&key, &expiring] {
            let bearer = format!("Bearer {}", key.key);
            let headers = [("authorization", bearer.as_str())];
            let path = "/lekalo.v1.ApplicationService/WatchApplications";
            streams.push(wire.send(path, std::slice::from_ref(&watch), &headers).await.begun().await.unwrap());
        }
        let bearer = format!("Bearer {}", key.key);
        let upload = wire.begin("/lekalo.v1.ImportService/UploadImport", &[("authorization", bearer.as_str())]).await;
        uploads.push(upload);
        // A call of which only the headers have come.
        uploads.push(wire.begin(path, &[("authorization", bearer.as_str())]).await);
    }
    let began = Instant::now();
    revoke(db, &key).await;
    for wire in &wires {
        until("it is refused", || async {
            told(&ask(wire, path, &list, Some(&key.key)).await) == (Code::Unauthenticated, "API_KEY_REVOKED".into())
        })
        .await;
    }
    let took = began.elapsed();
    // A second, and what a loaded machine needs besides.
    assert!(took < Duration::from_secs(5), "refused everywhere {took:?} later");
    for upload in uploads {
        let answer = upload.answer().await.unwrap();
        assert_eq!(told(&answer.status), (Code::Unauthenticated, "API_KEY_REVOKED".into()));
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "uploads ended {took:?} later");
    for (place, stream) in streams.into_iter().enumerate() {
        let reason = if place % 2 == 1 { "API_KEY_EXPIRED" } else { "API_KEY_REVOKED" };
        let answer = stream.answer().await.unwrap();
        assert_eq!(told(&answer.status), (Code::Unauthenticated, reason.to_owned()), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_the_last_known_keys_hold() {
    let config = database().await;
    let server = guarded(config.clone()).await;
    let key = issue(&server.db, Role::Chatbot, Reach::All, None).await;
    let wire = Wire::connect(server.addr).await;
    // Of no tenant that there is: it is looked for each time.
    let list = [encoded(&pb::ListCategoriesRequest { tenant: "nobody".into(), ..Default::default() })];
    let path = "/lekalo.v1.CatalogService/ListCategories";
    assert_eq!(ask(&wire, path, &list, Some(&key.key)).await.code(), Code::NotFound);
    let away = connect(Config::clone(&config).dbname("postgres")).await;
    let name = config.get_dbname().unwrap();
    away.batch_execute(&format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false")).await.unwrap();
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    away.execute(others, &[&name]).await.unwrap();
    until("the database is away", || async {
        ask(&wire, path, &list, Some(&key.key)).await.code() == Code::Unavailable
    })
    .await;
    // It may have been issued a moment ago: nobody can tell.
    let stranger = ask(&wire, path, &list, Some(&NewKey::choose().unwrap().key)).await;
    assert_eq!(stranger.code(), Code::Unavailable, "{stranger:?}");
    let no_key = ask(&wire, path, &list, Some("lk_x")).await;
    assert_eq!(told(&no_key), (Code::Unauthenticated, "API_KEY_INVALID".into()));
    away.batch_execute(&format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true")).await.unwrap();
    until("it is back", || async { ask(&wire, path, &list, Some(&key.key)).await.code() == Code::NotFound }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_before_the_body_and_health_and_reflection_ask_for_nothing() {
    let config = database().await;
    let server = guarded(config.clone()).await;
    let wire = Wire::connect(server.addr).await;
    // Nothing of the body is sent, nor ever will be.
    let upload = wire.begin("/lekalo.v1.ImportService/UploadImport", &[]).await;
    let answer = upload.answer().await.unwrap();
    assert_eq!(told(&answer.status), (Code::Unauthenticated, "API_KEY_MISSING".into()));
    for path in
        ["/lekalo.v1.CatalogService/NoSuchMethod", "/lekalo%2Ev1.CatalogService/ListBrands", "/other.Service/X", "/"]
    {
        assert_eq!(ask(&wire, path, &[], None).await.code(), Code::Unauthenticated, "{path}");
    }
    // Who has a key is told which method there is not.
    let key = issue(&server.db, Role::Chatbot, Reach::All, None).await;
    for path in ["/lekalo.v1.CatalogService/NoSuchMethod", "/lekalo.v1.CatalogService/listBrands", "/other.Service/X"] {
        let status = ask(&wire, path, &[], Some(&key.key)).await;
        assert_eq!(told(&status), (Code::Unimplemented, "METHOD_UNKNOWN".into()), "{path}");
        assert_eq!(status.get_error_details().error_info().unwrap().metadata["method"], path);
    }
    let check = encoded(&tonic_health::pb::HealthCheckRequest::default());
    assert_eq!(ask(&wire, "/grpc.health.v1.Health/Check", &[check], None).await.code(), Code::Ok);
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    assert_eq!(ask(&wire, reflection, &[], None).await.code(), Code::Ok);

    let closed =
        TestServer::with(db_options(&config), config, |services| Services { reflects: false, ..asking(services) })
            .await;
    let wire = Wire::connect(closed.addr).await;
    assert_eq!(ask(&wire, reflection, &[], None).await.code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_key_was_used_is_noted_and_nothing_of_its_secret_is_kept() {
    let config = database().await;
    let often = Duration::from_millis(50);
    let server = TestServer::with(db_options(&config), config.clone(), |services| {
        let keys = ApiKeys::noting_every(often, services.db.clone(), None);
        Services { access: Access::keys_alone(keys), ..services }
    })
    .await;
    let key = issue(&server.db, Role::Chatbot, Reach::All, None).await;
    let client = connect(&config).await;
    let last_used = async || -> Option<SystemTime> {
        client.query_one("SELECT last_used_at FROM api_keys", &[]).await.unwrap().get(0)
    };
    assert_eq!(last_used().await, None);
    let wire = Wire::connect(server.addr).await;
    let list = [encoded(&pb::ListCategoriesRequest { tenant: TENANT.into(), ..Default::default() })];
    let path = "/lekalo.v1.CatalogService/ListCategories";
    assert_eq!(ask(&wire, path, &list, Some(&key.key)).await.code(), Code::Ok);
    until("its use is noted", || async { last_used().await.is_some() }).await;
    let first = last_used().await.unwrap();
    assert!(first.elapsed().unwrap_or_default() < Duration::from_secs(60));
    let id: uuid::Uuid = client.query_one("SELECT id FROM api_keys", &[]).await.unwrap().get(0);
    server.db.note_api_keys_used(&[(id, first + Duration::from_secs(20))]).await.unwrap();
    assert_eq!(last_used().await, Some(first), "once a minute at most");
    server.db.note_api_keys_used(&[(id, first + Duration::from_secs(61))]).await.unwrap();
    assert_eq!(last_used().await, Some(first + Duration::from_secs(61)));
    let (_, secret) = key.key.split_at(key.prefix.len() + 1);
    let row: String = client.query_one("SELECT k::text FROM api_keys k", &[]).await.unwrap().get(0);
    assert!(row.contains(&key.prefix) && !row.contains(secret), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_as_many_calls_a_second_as_it_may_and_others_are_let_alone() {
    let server = guarded(database().await).await;
    let slow = NewKey::choose().unwrap();
    let mut tx = server.db.transaction().await.unwrap();
    let grant = KeyGrant {
        role: Role::Chatbot,
        reach: Reach::All,
        label: String::new(),
        expires_at: None,
        calls_per_second: Some(20),
    };
    tx.issue_api_key(&slow, &grant).await.unwrap();
    tx.commit().await.unwrap();
    let other = issue(&server.db, Role::Chatbot, Reach::All, None).await;
    let wire = Wire::connect(server.addr).await;
    let list = [encoded(&pb::ListCategoriesRequest { tenant: TENANT.into(), ..Default::default() })];
    let path = "/lekalo.v1.CatalogService/ListCategories";
    assert_eq!(ask(&wire, path, &list, Some(&slow.key)).await.code(), Code::Ok);
    let began = Instant::now();
    let asked = join_all((0..100).map(|_| ask(&wire, path, &list, Some(&slow.key)))).await;
    let took = began.elapsed().as_secs_f64();
    let (taken, refused): (Vec<_>, Vec<_>) = asked.iter().partition(|status| status.code() == Code::Ok);
    let most = 20.0 + 20.0 * took;
    assert!(taken.len() >= 19 && taken.len() as f64 <= most + 1.0, "{} taken in {took} s", taken.len());
    for status in refused {
        assert_eq!(told(status), (Code::ResourceExhausted, "RATE_LIMITED".into()));
    }
    assert_eq!(ask(&wire, path, &list, Some(&other.key)).await.code(), Code::Ok);
    until("it may again", || async { ask(&wire, path, &list, Some(&slow.key)).await.code() == Code::Ok }).await;
}
