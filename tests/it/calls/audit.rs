//! The audit trail of every method of the contract: who changed what, once for each change, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lekalo::domain::api_key::{NewKey, Reach, Role};
use lekalo::proto::lekalo::v1 as pb;
use prost::Message as _;
use tokio_postgres::Client;
use tonic::{Code, Status};

use super::describe;
use super::keys::{guarded, issue, tenant};
use super::requests::{Good, TENANT, every_method};
use crate::support::uploads::imports_end;
use crate::support::wire::{Answer, Wire, encoded};
use crate::support::{TestServer, connect, database};

/// All that the trail has of an event but its time, by its id.
type Trail = BTreeMap<String, pb::AuditEvent>;

/// Every event there is, by SQL: nothing of the list's is taken on trust here.
async fn trail(owner: &Client) -> Trail {
    let columns =
        "id, method, resource_kind, resource, summary, actor, key_prefix, actor_name, host(peer) AS peer, request_id";
    let sql = format!(
        "SELECT t.slug, a.* FROM (SELECT tenant_id, {columns} FROM audit_events
                                  UNION ALL SELECT NULL, {columns} FROM shared_audit_events) a
         LEFT JOIN tenants t ON t.id = a.tenant_id"
    );
    let actor = |word: &str| match word {
        "api_key" => pb::AuditActor::ApiKey,
        "jwt" => pb::AuditActor::Jwt,
        "no_key" => pb::AuditActor::NoKey,
        "command_line" => pb::AuditActor::CommandLine,
        _ => pb::AuditActor::System,
    };
    let event = |row: &tokio_postgres::Row| pb::AuditEvent {
        id: row.get::<_, uuid::Uuid>("id").to_string(),
        tenant: row.get::<_, Option<String>>("slug").unwrap_or_default(),
        occurred_at: None,
        method: row.get("method"),
        resource_kind: row.get("resource_kind"),
        resource: row.get("resource"),
        summary: row.get("summary"),
        actor: actor(row.get("actor")).into(),
        key_prefix: row.get::<_, Option<String>>("key_prefix").unwrap_or_default(),
        actor_name: row.get("actor_name"),
        peer: row.get::<_, Option<String>>("peer").unwrap_or_default(),
        request_id: row.get("request_id"),
    };
    owner.query(&sql, &[]).await.unwrap().iter().map(event).map(|event| (event.id.clone(), event)).collect()
}

/// What came since, without what imports do after their upload is answered.
async fn since(owner: &Client, before: &Trail) -> Vec<pb::AuditEvent> {
    let is_new = |event: &pb::AuditEvent| !before.contains_key(&event.id) && !event.method.starts_with("worker/");
    trail(owner).await.into_values().filter(is_new).collect()
}

async fn send(wire: &Wire, good: &Good, key: &str, request_id: &str) -> Status {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("x-request-id", request_id), ("grpc-timeout", "20S")];
    let call = wire.send(&good.path, &good.messages, &headers).await;
    if !good.path.contains("/Watch") {
        return call.answer().await.unwrap().status;
    }
    // What is watched goes on: its first message is enough.
    match call.begun().await.unwrap() {
        mut begun if !begun.is_over() => begun.message().await.unwrap().map_or(Status::unknown(""), |_| Status::ok("")),
        begun => begun.answer().await.unwrap().status,
    }
}

/// A server that asks for keys, on a database in which each good request finds what it is about.
async fn prepared() -> (TestServer, Vec<Good>, Client) {
    let config = database().await;
    let open = TestServer::over(config.clone()).await;
    let good = every_method(&open).await;
    open.stop().await;
    let server = guarded(config).await;
    let owner = connect(&server.config).await;
    (server, good, owner)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_leaves_one_event_which_says_who_and_a_read_leaves_none() {
    let (server, good, owner) = prepared().await;
    let admin = issue(&server.db, Role::Admin, Reach::All, None).await;
    let bot = issue(&server.db, Role::Chatbot, Reach::Tenants(vec![tenant(&server.db, TENANT).await]), None).await;
    let wire = Wire::connect(server.addr).await;
    let mut told = BTreeMap::new();
    for (number, good) in good.iter().enumerate() {
        let method = good.path.trim_start_matches('/');
        let before = trail(&owner).await;
        // Whoever may not write leaves no event, nor does whoever asks for what is none.
        if good.writes && !method.ends_with("CreateApplication") {
            assert_eq!(send(&wire, good, &bot.key, "refused").await.code(), Code::PermissionDenied, "{method}");
        }
        let broken = Good {
            path: good.path.clone(),
            method: good.method.clone(),
            messages: vec![Bytes::from("x")],
            writes: false,
        };
        assert_ne!(send(&wire, &broken, &admin.key, "broken").await.code(), Code::Ok, "{method}");
        assert_eq!(since(&owner, &before).await, [], "{method} was refused");

        let request_id = format!("call-{number}");
        let status = send(&wire, good, &admin.key, &request_id).await;
        assert_eq!(status.code(), Code::Ok, "{method}: {status:?}");
        imports_end_if(&owner, method).await;
        let events = since(&owner, &before).await;
        if !good.writes {
            assert_eq!(events, [], "{method} is a read");
            continue;
        }
        let [event] = &events[..] else { panic!("{method}: {events:?}") };
        assert_eq!((event.method.as_str(), event.request_id.as_str()), (method, request_id.as_str()));
        assert_eq!((event.actor(), event.key_prefix.as_str()), (pb::AuditActor::ApiKey, admin.prefix.as_str()));
        assert_eq!((event.actor_name.as_str(), event.peer.as_str()), ("test", "127.0.0.1"), "{method}");
        assert!(!event.resource.is_empty() && !event.summary.is_empty(), "{event:?}");

        // The same again changes nothing, be it answered or refused.
        let after = trail(&owner).await;
        send(&wire, good, &admin.key, "again").await;
        imports_end_if(&owner, method).await;
        assert_eq!(since(&owner, &after).await, [], "{method} again");
        told.insert(method.split_once('/').unwrap().1.to_owned(), event.clone());
    }
    let of = |method: &str| {
        let event = &told[method];
        (event.tenant.as_str(), event.resource_kind.as_str(), event.resource.as_str(), event.summary.as_str())
    };
    assert_eq!(of("CreateTenant"), ("auto_style", "tenant", "auto_style", "created"));
    let fields = "updated: display_name, default_language, time_zone, categories";
    assert_eq!(of("UpdateTenant"), (TENANT, "tenant", TENANT, fields));
    assert_eq!(of("CreateCategory"), (TENANT, "category", "door_panels", "created"));
    assert_eq!(of("UpdateCategory"), (TENANT, "category", "eva_mats", "updated: emoji, sort_order"));
    assert_eq!(of("DeleteCategory"), (TENANT, "category", "unwanted", "deleted"));
    assert_eq!(of("CreateOption"), (TENANT, "option", "5d_mats/heel_pad", "created"));
    assert_eq!(of("UpdateOption"), (TENANT, "option", "5d_mats/leather", "updated: values, sort_order"));
    assert_eq!((of("CreatePattern").1, of("CreatePattern").3), ("pattern", "created: honda fit in 5d_mats"));
    assert_eq!(of("UpdatePattern").3, "updated: available");
    assert_eq!(of("BatchUpdatePatterns").3, "updated: available");
    assert_eq!(of("DeletePattern").3, "deleted: honda fit in 5d_mats");
    assert_eq!(of("SetPrices"), (TENANT, "prices", "eva_mats", "1 set, 0 withdrawn"));
    assert_eq!(of("UpsertTexts"), (TENANT, "texts", "own_key", "3 changed"));
    assert_eq!(of("DeleteTexts"), (TENANT, "texts", "own_key", "3 deleted"));
    assert_eq!(of("PutDocument"), (TENANT, "document", "faq/ru", "version 2"));
    assert_eq!(of("DeleteDocument"), (TENANT, "document", "unwanted/ru", "deleted: 1 versions"));
    assert_eq!(of("CreateAlias"), ("", "alias", "камрюлька", "taught: toyota camry"));
    assert_eq!(of("DeleteAlias"), ("", "alias", "камрюша", "deleted: toyota camry"));
    assert_eq!(of("ApplySeed"), ("", "seed", "brands", "0 rows inserted, 1 updated"));
    assert_eq!((of("IssueApiKey").0, of("IssueApiKey").3), (TENANT, "issued: manager"));
    assert_eq!((of("RevokeApiKey").0, of("RevokeApiKey").3), ("", "revoked"));
    assert_eq!(of("CreateApplication").3, "created: order");
    assert_eq!(of("TransitionApplication").3, "new to in_progress");
    assert_eq!(of("UpdateApplication").3, "updated: message, external_refs");
    assert_eq!(of("AddApplicationNote").3, "noted");
    assert_eq!((of("UpdateCustomer").1, of("UpdateCustomer").3), ("customer", "updated: name"));
    assert_eq!((of("DeleteCustomer").1, of("DeleteCustomer").3), ("customer", "deleted: of 0 applications"));
    assert_eq!((of("UploadImport").1, of("UploadImport").3), ("import", "taken: merge"));
    assert_eq!(of("ApplyImport").3, "succeeded: 1 created, 0 updated, 0 withdrawn, 0 rejected");
    assert_eq!(of("RevertImport").3, "reverted: 1 patterns restored");
    assert_eq!(of("CancelImport").3, "cancelled");
    assert_eq!(of("DeleteImport").3, "deleted");

    // The import went on by itself, for whoever had uploaded it.
    let upload = &told["UploadImport"];
    let carried = trail(&owner).await.into_values();
    let carried: Vec<_> =
        carried.filter(|event| event.method == "worker/CarryOutImport" && event.resource == upload.resource).collect();
    let [carried] = &carried[..] else { panic!("{carried:?}") };
    let who =
        |event: &pb::AuditEvent| (event.actor, event.key_prefix.clone(), event.peer.clone(), event.request_id.clone());
    assert_eq!(who(carried), who(upload));
    assert!(carried.summary.starts_with("succeeded: 1 created"), "{carried:?}");
}

async fn imports_end_if(owner: &Client, method: &str) {
    if method.ends_with("UploadImport") {
        // Those that are there never end.
        owner
            .batch_execute("UPDATE imports SET state = 'cancelled', lease_until = NULL WHERE file_name = 'x'")
            .await
            .unwrap();
        imports_end(owner).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_customer_or_a_shop_says_is_in_an_event() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let good = every_method(&server).await;
    let wire = Wire::connect(server.addr).await;
    for good in good.iter().filter(|good| good.writes) {
        send(&wire, good, "", "").await;
    }
    let events = "SELECT count(*), string_agg(a::text, ' ') FROM audit_events a";
    let row = owner.query_one(events, &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) > 10);
    let said = "SELECT name FROM customers UNION SELECT phone FROM customers UNION SELECT external_id FROM customers
                UNION SELECT message FROM applications UNION SELECT note FROM application_events
                UNION SELECT actor FROM application_events UNION SELECT value FROM bot_texts
                UNION SELECT title FROM document_versions UNION SELECT content FROM document_versions
                UNION SELECT value FROM tenant_contacts UNION SELECT display_name FROM tenants";
    let said: Vec<String> =
        owner.query(said, &[]).await.unwrap().iter().filter_map(|row| row.get::<_, Option<String>>(0)).collect();
    let said: Vec<&String> = said.iter().filter(|text| !text.is_empty()).collect();
    assert!(said.len() > 8, "{said:?}");
    for text in said {
        assert!(!row.get::<_, String>(1).contains(text.as_str()), "{text}");
    }
}

/// What is listed to this key.
async fn list(
    wire: &Wire,
    key: &NewKey,
    request: &pb::ListAuditEventsRequest,
) -> Result<pb::ListAuditEventsResponse, (Code, String)> {
    let bearer = format!("Bearer {}", key.key);
    let headers = [("authorization", bearer.as_str())];
    let path = "/lekalo.v1.AdminService/ListAuditEvents";
    let Answer { status, messages, .. } = wire.send(path, &[encoded(request)], &headers).await.answer().await.unwrap();
    match messages.first() {
        Some(answer) => Ok(pb::ListAuditEventsResponse::decode(answer.clone()).unwrap()),
        None => Err(describe(path, &status)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_the_trail_as_its_caller_may_see_it() {
    let (server, good, owner) = prepared().await;
    let (evopoliki, other) = (tenant(&server.db, TENANT).await, tenant(&server.db, "five_deluxe").await);
    let admin = issue(&server.db, Role::Admin, Reach::All, None).await;
    let mut keys = Vec::new();
    for tenants in [vec![evopoliki], vec![other], vec![evopoliki, other]] {
        keys.push(issue(&server.db, Role::Admin, Reach::Tenants(tenants), None).await);
    }
    let wire = Wire::connect(server.addr).await;
    for good in good.iter().filter(|good| good.writes) {
        send(&wire, good, &admin.key, "filled").await;
    }
    owner
        .batch_execute("UPDATE imports SET state = 'cancelled', lease_until = NULL WHERE file_name = 'x'")
        .await
        .unwrap();
    imports_end(&owner).await;

    let all = list(&wire, &admin, &everything()).await.unwrap();
    let whole = trail(&owner).await;
    assert_eq!(usize::try_from(all.total_size).unwrap(), whole.len());
    let all = all.audit_events;
    let seen: Trail =
        all.iter().map(|event| (event.id.clone(), pb::AuditEvent { occurred_at: None, ..event.clone() })).collect();
    assert_eq!(seen, whole);
    assert!(all.is_sorted_by(|newer, older| time(newer) >= time(older)), "newest first");
    for of in [TENANT, "five_deluxe", "auto_style", ""] {
        assert!(all.iter().any(|event| event.tenant == of), "nothing of {of:?}");
    }

    each_filter_picks_what_a_reader_would(&wire, &admin, &all).await;
    pages_and_jumps_make_the_whole(&wire, &admin, &all).await;
    whoever_is_for_some_tenants_sees_theirs(&wire, &keys, &all).await;
    what_no_event_can_have_is_a_slip(&wire, &admin, &all).await;
}

fn everything() -> pb::ListAuditEventsRequest {
    pb::ListAuditEventsRequest { page_size: 500, ..Default::default() }
}

fn time(event: &pb::AuditEvent) -> (i64, i32) {
    event.occurred_at.map(|at| (at.seconds, at.nanos)).unwrap()
}

async fn each_filter_picks_what_a_reader_would(wire: &Wire, admin: &NewKey, all: &[pb::AuditEvent]) {
    let mut filters = Vec::new();
    for event in all.iter().step_by(2) {
        let of = || pb::ListAuditEventsRequest { tenant: event.tenant.clone(), ..everything() };
        let method = event.method.clone();
        filters.extend([
            pb::ListAuditEventsRequest { method: method.rsplit('/').next().unwrap().to_owned(), ..of() },
            pb::ListAuditEventsRequest { method, ..of() },
            pb::ListAuditEventsRequest { key_prefix: event.key_prefix.clone(), ..of() },
            pb::ListAuditEventsRequest { resource: event.resource.split(", ").last().unwrap().to_owned(), ..of() },
            pb::ListAuditEventsRequest { occurred_after: event.occurred_at, ..of() },
            pb::ListAuditEventsRequest { occurred_before: event.occurred_at, ..of() },
        ]);
    }
    let is_meant = |event: &pb::AuditEvent, asked: &pb::ListAuditEventsRequest| {
        let at = time(event);
        let bound = |time: Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
        (asked.tenant.is_empty() || event.tenant == asked.tenant)
            && bound(asked.occurred_after).is_none_or(|after| at >= after)
            && bound(asked.occurred_before).is_none_or(|before| at < before)
            && (asked.method.is_empty()
                || event.method == asked.method
                || event.method.rsplit_once('/').is_some_and(|(_, last)| last == asked.method))
            && (asked.key_prefix.is_empty() || event.key_prefix == asked.key_prefix)
            && (asked.resource.is_empty() || event.resource.split(", ").any(|name| name == asked.resource))
    };
    assert!(filters.len() > 60, "{}", filters.len());
    for asked in &filters {
        let meant: Vec<_> = all.iter().filter(|event| is_meant(event, asked)).cloned().collect();
        let found = list(wire, admin, asked).await.unwrap();
        assert_eq!(found.audit_events, meant, "{asked:?}");
        assert_eq!(usize::try_from(found.total_size).unwrap(), meant.len(), "{asked:?}");
    }
}

async fn pages_and_jumps_make_the_whole(wire: &Wire, admin: &NewKey, all: &[pb::AuditEvent]) {
    let mut paged = Vec::new();
    let mut asked = pb::ListAuditEventsRequest { page_size: 3, ..Default::default() };
    loop {
        let page = list(wire, admin, &asked).await.unwrap();
        let jumped =
            pb::ListAuditEventsRequest { skip: paged.len() as i32, page_token: String::new(), ..asked.clone() };
        assert_eq!(list(wire, admin, &jumped).await.unwrap().audit_events, page.audit_events, "{}", paged.len());
        paged.extend(page.audit_events);
        asked.page_token = page.next_page_token;
        if asked.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
}

async fn whoever_is_for_some_tenants_sees_theirs(wire: &Wire, keys: &[NewKey], all: &[pb::AuditEvent]) {
    let [own, foreign, both] = keys else { panic!("{} keys", keys.len()) };
    let of = |tenant: &str| pb::ListAuditEventsRequest { tenant: tenant.into(), ..everything() };
    let theirs: Vec<_> = all.iter().filter(|event| event.tenant == TENANT).cloned().collect();
    assert_eq!(list(wire, own, &of(TENANT)).await.unwrap().audit_events, theirs);
    let shops = all.iter().filter(|event| event.resource == both.prefix).map(|event| event.tenant.as_str());
    let shops: BTreeSet<&str> = shops.collect();
    assert_eq!(shops, BTreeSet::from([TENANT, "five_deluxe"]), "a key for two shops is in the trail of each");
    assert_eq!(list(wire, foreign, &of(TENANT)).await.unwrap_err(), (Code::NotFound, "TENANT_NOT_FOUND".into()));
    for key in keys {
        let refused = list(wire, key, &everything()).await.unwrap_err();
        assert_eq!(refused, (Code::PermissionDenied, "TENANT_NOT_ALLOWED".into()));
    }
}

/// And a whole key does not come back in the refusal.
async fn what_no_event_can_have_is_a_slip(wire: &Wire, admin: &NewKey, all: &[pb::AuditEvent]) {
    let of = |tenant: &str| pb::ListAuditEventsRequest { tenant: tenant.into(), ..everything() };
    for asked in [
        pb::ListAuditEventsRequest { key_prefix: admin.key.chars().take(60).collect(), ..of(TENANT) },
        pb::ListAuditEventsRequest { key_prefix: "Telegram bot".into(), ..of(TENANT) },
        pb::ListAuditEventsRequest { method: "SetPrices;".into(), ..of(TENANT) },
    ] {
        assert_eq!(list(wire, admin, &asked).await.unwrap_err().0, Code::InvalidArgument, "{asked:?}");
    }
    let at = all[0].occurred_at;
    let backwards = pb::ListAuditEventsRequest { occurred_after: at, occurred_before: at, ..of(TENANT) };
    assert_eq!(list(wire, admin, &backwards).await.unwrap_err(), (Code::InvalidArgument, "FIELD_OUT_OF_RANGE".into()));
}
