//! The audit trail beside the calls: it stands and falls with what it tells of, nobody rewrites it, and it is kept as long as
//! it is to be.

use std::collections::BTreeSet;
use std::time::Duration;

use lekalo::db::audit::on_behalf_of;
use lekalo::db::pool::APP_ROLE;
use lekalo::db::{Db, Options};
use lekalo::domain::Error;
use lekalo::domain::api_key::{Caller, Identity};
use lekalo::domain::audit::{Change, Origin, ResourceKind};
use lekalo::domain::vehicle::Alias;
use lekalo::import::rows::in_memory;
use lekalo::import::run::carry_out;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tonic::Code;

use crate::support::uploads::{clean_row, new_import};
use crate::support::{TestServer, connect, database, db_options, seeded};

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {sql}"), &[]).await.unwrap().get(0)
}

/// What an API key asks for.
fn by_key(prefix: &str) -> Origin {
    let identity = Identity::ApiKey { prefix: prefix.into(), label: "Telegram bot".into() };
    let caller = Caller { identity, ..Caller::anybody() };
    Origin { actor: (&caller).into(), ..Origin::system("lekalo.v1.ImportService/UploadImport") }
}

fn alias(text: &str) -> Alias {
    Alias { brand: "toyota".into(), model: "camry".into(), alias: text.into(), ambiguous: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_cannot_be_told_of_is_not_made_and_one_that_is_undone_is_not_told_of() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let (aliases, texts) = ("vehicle_aliases WHERE source = 'shop'", "bot_texts");
    owner.batch_execute(&format!("REVOKE INSERT ON audit_events, shared_audit_events FROM {APP_ROLE}")).await.unwrap();
    let teach = || pb::CreateAliasRequest {
        brand: "toyota".into(),
        model: "camry".into(),
        alias: "камрюлька".into(),
        ..Default::default()
    };
    let text = pb::Text { key: "ask_name".into(), language: "ru".into(), value: "Имя".into(), ..Default::default() };
    let say = || pb::UpsertTextsRequest { tenant: "evopoliki".into(), texts: vec![text.clone()], ..Default::default() };
    let (mut admin, mut bot) =
        (AdminServiceClient::new(server.channel.clone()), TextServiceClient::new(server.channel.clone()));
    assert_ne!(admin.create_alias(teach()).await.unwrap_err().code(), Code::Ok);
    assert_ne!(bot.upsert_texts(say()).await.unwrap_err().code(), Code::Ok);
    assert_eq!([count(&owner, aliases).await, count(&owner, texts).await], [0, 0]);
    owner.batch_execute(&format!("GRANT INSERT ON audit_events, shared_audit_events TO {APP_ROLE}")).await.unwrap();
    admin.create_alias(teach()).await.unwrap();
    bot.upsert_texts(say()).await.unwrap();
    assert_eq!([count(&owner, aliases).await, count(&owner, texts).await], [1, 1]);

    let events = "shared_audit_events WHERE resource LIKE 'камр%'";
    assert_eq!(count(&owner, events).await, 1);
    let undone = server.db.transaction().await.unwrap();
    undone.create_alias(&alias("камришка")).await.unwrap();
    drop(undone);
    // Whoever writes a write and forgets what to say of it finds out at once.
    let silent = server.db.transaction().await.unwrap();
    assert!(matches!(silent.commit().await, Err(Error::Internal(_))));
    assert_eq!(count(&owner, events).await, 1);
    let same = server.db.transaction().await.unwrap();
    same.create_alias(&alias("камрюлька")).await.unwrap();
    same.commit().await.unwrap();
    assert_eq!(count(&owner, events).await, 1, "all was as it is");
}

/// Who did what to an import, in order.
async fn of_import(owner: &Client, import: uuid::Uuid) -> Vec<[String; 4]> {
    let sql = "SELECT method, coalesce(key_prefix, actor), actor_name, summary FROM audit_events
               WHERE resource = $1 ORDER BY occurred_at";
    let rows = owner.query(sql, &[&import.to_string()]).await.unwrap();
    rows.iter().map(|row| [0, 1, 2, 3].map(|column| row.get(column))).collect()
}

#[tokio::test]
async fn what_goes_on_in_the_background_is_done_for_whoever_asked_for_it() {
    let config = database().await;
    let owner = connect(&config).await;
    let db = Db::new(&db_options(&config)).unwrap();
    let own = db.tenant(db.find_tenant("evopoliki").await.unwrap().id);
    let category = own.find_category("eva_mats").await.unwrap().id;
    let asked = by_key("lk_somebodys");
    let upload = async || on_behalf_of(asked.clone(), own.create_import(&new_import(category))).await.unwrap().0;
    let by = |method: &str, summary: &str| [method, "lk_somebodys", "Telegram bot", summary].map(str::to_owned);
    let taken = by("lekalo.v1.ImportService/UploadImport", "taken: merge");

    // Another server takes it over: who asked is known from the trail alone.
    let import = upload().await;
    assert_eq!(own.origin_of_import(import.id).await.unwrap(), asked);
    let rows = [clean_row()];
    let work = carry_out(&db, own.id, &import, category, || in_memory(&rows), &|_| {});
    let later = own.origin_of_import(import.id).await.unwrap().later("worker/CarryOutImport");
    on_behalf_of(later, work).await.unwrap();
    let done = by("worker/CarryOutImport", "succeeded: 1 created, 0 updated, 0 withdrawn, 0 rejected");
    assert_eq!(of_import(&owner, import.id).await, [taken.clone(), done]);

    // Nobody does: it is ended.
    let overdue = upload().await;
    owner
        .batch_execute("UPDATE imports SET lease_until = now() - interval '1 s' WHERE state = 'queued'")
        .await
        .unwrap();
    assert_eq!(db.end_interrupted_imports().await.unwrap(), [(own.id, overdue.id)]);
    assert_eq!(db.end_interrupted_imports().await.unwrap(), []);
    let ended = by("sweeper/EndInterruptedImport", "failed: INTERRUPTED");
    assert_eq!(of_import(&owner, overdue.id).await, [taken, ended]);

    // Where the trail does not go back so far, it was the server.
    let forgotten = upload().await;
    owner
        .batch_execute("UPDATE imports SET lease_until = now() - interval '1 s' WHERE state = 'queued'")
        .await
        .unwrap();
    owner.batch_execute("DELETE FROM audit_events").await.unwrap();
    assert_eq!(db.end_interrupted_imports().await.unwrap().len(), 1);
    let ended = ["sweeper/EndInterruptedImport", "system", "", "failed: INTERRUPTED"].map(str::to_owned);
    assert_eq!(of_import(&owner, forgotten.id).await, [ended]);
}

/// Events of a tenant and of all, of these ages in days.
async fn aged(owner: &Client, days: &[i32]) {
    let columns = "occurred_at, id, method, resource_kind, resource, actor";
    let values = "now() - make_interval(days => d), gen_random_uuid(), 'lekalo seed', 'seed', d::text, 'system'";
    let days = days.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
    let from = format!("FROM unnest(ARRAY[{days}]) d");
    owner
        .batch_execute(&format!(
            "DELETE FROM audit_events; DELETE FROM shared_audit_events;
             INSERT INTO audit_events (tenant_id, {columns}) SELECT t.id, {values} {from}, tenants t;
             INSERT INTO shared_audit_events ({columns}) SELECT {values} {from}"
        ))
        .await
        .unwrap();
}

/// The ages of the events that are there, youngest first: in both tables and with every tenant they are alike.
async fn ages(owner: &Client) -> Vec<i32> {
    let of = |which: &str| format!("audit_events WHERE tenant_id = (SELECT {which}(id) FROM tenants)");
    let mut all: Vec<Vec<i32>> = Vec::new();
    for table in [of("min"), of("max"), "shared_audit_events".to_owned()] {
        let rows = owner.query(&format!("SELECT resource::int FROM {table} ORDER BY 1"), &[]).await.unwrap();
        all.push(rows.iter().map(|row| row.get(0)).collect());
    }
    assert!(all.iter().all(|ages| *ages == all[0]), "{all:?}");
    all.swap_remove(0)
}

#[tokio::test]
async fn events_are_kept_as_long_as_it_is_set_and_go_in_batches() {
    let config = database().await;
    let owner = connect(&config).await;
    let with = |retention| Db::new(&Options { audit_retention: retention, ..db_options(&config) }).unwrap();
    let day = Duration::from_secs(24 * 3600);
    aged(&owner, &[0, 29, 31, 399, 401, 4000]).await;
    assert_eq!(with(None).delete_old_audit_events().await.unwrap(), 0, "0 keeps all");
    assert_eq!(ages(&owner).await, [0, 29, 31, 399, 401, 4000]);
    let usual = Options::new(config.clone()).audit_retention;
    let tenants = count(&owner, "tenants").await as u64;
    assert_eq!(with(usual).delete_old_audit_events().await.unwrap(), 2 * (tenants + 1));
    assert_eq!(ages(&owner).await, [0, 29, 31, 399]);
    // More than a batch.
    aged(&owner, &[&[1][..], &[500; 2100]].concat()).await;
    assert_eq!(with(usual).delete_old_audit_events().await.unwrap(), 2100 * (tenants + 1));
    assert_eq!(ages(&owner).await, [1]);
    // Whatever it is set to, the database lets no event go that is younger than a month.
    aged(&owner, &[0, 29, 31]).await;
    with(Some(day)).delete_old_audit_events().await.unwrap();
    assert_eq!(ages(&owner).await, [0, 29]);
}

#[tokio::test]
async fn the_services_role_adds_events_and_neither_changes_nor_wipes_them() {
    let config = database().await;
    let owner = connect(&config).await;
    aged(&owner, &[0, 29, 31]).await;
    let tenant: i64 = owner.query_one("SELECT min(id) FROM tenants", &[]).await.unwrap().get(0);
    let mut as_app = config.clone();
    as_app.options(format!("-c role={APP_ROLE}"));
    let app = connect(&as_app).await;
    app.batch_execute(&format!("SET app.current_tenant_id = '{tenant}'; SET app.reads_audit_events = 'on'"))
        .await
        .unwrap();
    for table in ["audit_events", "shared_audit_events"] {
        for change in [
            format!("UPDATE {table} SET summary = ''"),
            format!("TRUNCATE {table}"),
            format!("SELECT FROM {table} FOR UPDATE"),
        ] {
            let refused = app.batch_execute(&change).await.unwrap_err();
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{change}");
        }
    }
    let before = count(&owner, "audit_events").await;
    assert_eq!(app.execute("DELETE FROM audit_events", &[]).await.unwrap(), 1, "its own, of the last month none");
    assert_eq!(app.execute("DELETE FROM shared_audit_events", &[]).await.unwrap(), 1);
    assert_eq!(count(&owner, "audit_events").await, before - 1);
    // Reading all is no more than that: it writes its own tenant's.
    let other = "INSERT INTO audit_events (tenant_id, id, method, resource_kind, resource, actor)
                 SELECT max(id), gen_random_uuid(), 'x', 'seed', 'x', 'system' FROM tenants";
    assert_eq!(app.execute(other, &[]).await.unwrap_err().code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    assert_eq!(count(&app, "audit_events").await, before - 1);
    app.batch_execute("SET app.reads_audit_events = 'off'").await.unwrap();
    assert_eq!(count(&app, "audit_events").await, 2);
}

#[tokio::test]
async fn what_is_done_past_the_service_is_written_down_by_hand() {
    let db = seeded().await;
    let change = Change::of(ResourceKind::Database, "shop.zip", "restored: 7 rows");
    on_behalf_of(Origin::command_line("lekalo restore", "aibek"), db.record(change.clone())).await.unwrap();
    let page = lekalo::domain::page::PageRequest::after(1, None);
    let listed = db.list_audit_events(&Default::default(), &page).await.unwrap();
    assert_eq!(listed.items[0].change, change);
    assert_eq!(listed.items[0].origin, Origin::command_line("lekalo restore", "aibek"));
    assert_eq!(listed.items[0].tenant, None);
}

/// Whoever writes past the trail is here by name: what servers note for themselves, and nothing that anybody asked for.
#[test]
fn what_leaves_no_event_is_known() {
    let mut folders = vec![format!("{}/src", env!("CARGO_MANIFEST_DIR"))];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry.display().to_string());
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            for (at, _) in text.match_indices(".bookkeep(") {
                let function = text[..at].rsplit(" fn ").next().unwrap().split(['(', '<']).next().unwrap();
                found.insert(function.to_owned());
            }
        }
    }
    let known = [
        "delete_old_audit_events",
        "delete_old_shared_audit_events",
        "hand_over_import",
        "note_api_keys_used",
        "renew_import",
        "take_over_import",
        "try_start_import",
    ];
    assert_eq!(found, known.map(str::to_owned).into());
}
