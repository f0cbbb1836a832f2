//! The twins' world: what a shop has after some work, and the same once more for the other tenant.

use std::collections::BTreeMap;

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::category_service_client::CategoryServiceClient;
use lekalo::proto::lekalo::v1::document_service_client::DocumentServiceClient;
use lekalo::proto::lekalo::v1::import_service_client::ImportServiceClient;
use lekalo::proto::lekalo::v1::pattern_service_client::PatternServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use tokio_postgres::{Client, Config};

use crate::support::applications::{self, created, customer_id, moved, order};
use crate::support::tenants::tenant_tables;
use crate::support::uploads::{header, list, upload_and_wait};
use crate::support::{TestServer, connect, copy_of};

/// Whose calls they are, and whose rows must stay as they are.
pub const OWN: &str = "evopoliki";
pub const TWIN: &str = "five_deluxe";

pub struct World {
    /// Where the other tenant is not a twin yet.
    pub alone: Config,
    pub config: Config,
    pub twin: i64,
    /// Of both: an application, NEW; imports that took a list in, withdrew some of it, and two that only looked.
    pub application: String,
    /// Who asked for it, and somebody who asked for another.
    pub customer: String,
    pub passing: String,
    pub first: String,
    pub replacing: String,
    pub preview: String,
    pub discarded: String,
    pub pattern: String,
    /// Added by hand.
    pub by_hand: String,
    pub unwanted: String,
    /// Of the twin alone: an application, imports of either kind, a pattern.
    pub others: Others,
}

pub struct Others {
    pub application: &'static str,
    pub customer: &'static str,
    pub succeeded: &'static str,
    pub validated: &'static str,
    pub pattern: &'static str,
}

const OTHERS: Others = Others {
    application: "0192aaaa-0000-7000-8000-000000000001",
    customer: "990002",
    succeeded: "0192aaaa-0000-7000-8000-000000000002",
    validated: "0192aaaa-0000-7000-8000-000000000003",
    pattern: "990001",
};

/// Understood, the same again, and not understood.
const FIRST: [&str; 7] = [
    "Тойота,Камри,2018",
    "Тойота,Королла,2015",
    "Хонда,Фит,2010",
    "Хонда,Фит,2010",
    "Тойота,Прадо,2014",
    "Тойота,Хайлендер,2014",
    "Нетакой,Марки,2014",
];

pub async fn prepare() -> World {
    let server = TestServer::start().await;
    let channel = server.channel.clone();
    let contact = pb::TenantContact { kind: pb::ContactKind::Phone.into(), value: "+996700123456".into() };
    let bot = pb::TenantChannel {
        channel: pb::Channel::Telegram.into(),
        external_id: "bot of the shop".into(),
        ..Default::default()
    };
    let tenant = pb::Tenant { slug: OWN.into(), contacts: vec![contact], channels: vec![bot], ..Default::default() };
    let mask = prost_types::FieldMask { paths: vec!["contacts".into(), "channels".into()] };
    let update = pb::UpdateTenantRequest { tenant: Some(tenant), update_mask: Some(mask), ..Default::default() };
    TenantServiceClient::new(channel.clone()).update_tenant(update).await.unwrap();
    let text =
        pb::Text { key: "ask_name".into(), language: "ru".into(), value: "Имя?".into(), ..Default::default() };
    let texts = pb::UpsertTextsRequest { tenant: OWN.into(), texts: vec![text], ..Default::default() };
    TextServiceClient::new(channel.clone()).upsert_texts(texts).await.unwrap();
    for (key, content) in [("faq", "Один"), ("faq", "Два"), ("unwanted", "Три")] {
        DocumentServiceClient::new(channel.clone()).put_document(document(key, content)).await.unwrap();
    }
    let mut client = applications::Client::new(channel.clone());
    let passing = pb::Customer { external_id: "passing".into(), ..applications::customer() };
    let passing = created(&mut client, pb::Application { customer: Some(passing), ..order() }).await;
    let application = created(&mut client, order()).await;
    let other = created(&mut client, order()).await;
    moved(&mut client, &other, pb::ApplicationStatus::InProgress).await;

    let first = upload_and_wait(&server, &list(&FIRST), header()).await;
    assert_eq!(first.state(), pb::ImportState::Succeeded, "{first:?}");
    let replace = pb::ImportHeader { mode: pb::ImportMode::Replace.into(), allow_large_withdrawal: true, ..header() };
    let replacing = upload_and_wait(&server, &list(&FIRST[..3]), replace).await;
    assert_eq!(replacing.counts.unwrap().withdrawn, 2, "{replacing:?}");
    let look = || pb::ImportHeader { validate_only: true, ..header() };
    let preview = upload_and_wait(&server, &list(&["Тойота,Камри,2012", "Нетакой,Марки,2014"]), look()).await;
    let discarded = upload_and_wait(&server, &list(&["Тойота,Камри,2006"]), look()).await;
    let rows = pb::ListImportRowsRequest { tenant: OWN.into(), id: replacing.id.clone(), ..Default::default() };
    let rows = ImportServiceClient::new(channel).list_import_rows(rows).await.unwrap().into_inner().rows;
    let pattern = rows.iter().find(|row| !row.pattern_id.is_empty()).unwrap().pattern_id.clone();
    let mut patterns = PatternServiceClient::new(server.channel.clone());
    let mut added = Vec::new();
    for year_from in [2012, 2013] {
        let request = pb::CreatePatternRequest {
            tenant: OWN.into(),
            category: "5d_mats".into(),
            brand: "toyota".into(),
            model: "camry".into(),
            pattern: Some(pb::Pattern { year_from, ..Default::default() }),
            ..Default::default()
        };
        added.push(patterns.create_pattern(request).await.unwrap().into_inner().pattern.unwrap().id);
    }
    let [by_hand, unwanted] = added.try_into().unwrap();
    let mut categories = CategoryServiceClient::new(server.channel.clone());
    for code in ["door_panels", "unwanted"] {
        categories.create_category(own_category(code)).await.unwrap();
    }
    categories.create_option(own_option("5d_mats", "edging")).await.unwrap();
    let config = server.config.clone();
    server.stop().await;

    let alone = copy_of(&config).await;
    let owner = connect(&config).await;
    let twin = make_twin(&owner).await;
    let world = World {
        alone,
        config,
        twin,
        customer: customer_id(&application),
        passing: customer_id(&passing),
        application: application.id,
        first: first.id,
        replacing: replacing.id,
        preview: preview.id,
        discarded: discarded.id,
        pattern,
        by_hand,
        unwanted,
        others: OTHERS,
    };
    give_more(&owner, &world).await;
    world
}

/// A document of the shop's.
pub fn document(key: &str, content: &str) -> pb::PutDocumentRequest {
    let (key, language, content) = (key.into(), "ru".into(), content.into());
    let document = Some(pb::Document { key, language, content, ..Default::default() });
    pb::PutDocumentRequest { tenant: OWN.into(), document, ..Default::default() }
}

/// A category of the shop's own.
pub fn own_category(code: &str) -> pb::CreateCategoryRequest {
    let display_names = Some(pb::LocalizedName { ru: "Дверные карты".into(), ..Default::default() });
    let category = Some(pb::ShopCategory { display_names, ..Default::default() });
    pb::CreateCategoryRequest { tenant: OWN.into(), code: code.into(), category, ..Default::default() }
}

/// A choice of the shop's own.
pub fn own_option(category: &str, code: &str) -> pb::CreateOptionRequest {
    let named = || Some(pb::LocalizedName { ru: "Кант".into(), ..Default::default() });
    let value = pb::ShopOptionValue { code: "black".into(), display_names: named(), ..Default::default() };
    let option = pb::ShopOption {
        display_names: named(),
        kind: pb::OptionKind::Choice.into(),
        values: vec![value],
        ..Default::default()
    };
    pb::CreateOptionRequest {
        tenant: OWN.into(),
        category: category.into(),
        code: code.into(),
        option: Some(option),
        ..Default::default()
    }
}

async fn id_of(owner: &Client, slug: &str) -> i64 {
    owner.query_one("SELECT id FROM tenants WHERE slug = $1", &[&slug]).await.unwrap().get(0)
}

/// Copies rows of a table, with other values in some columns: an SQL expression of a JSON object.
async fn copy(owner: &Client, table: &str, of: &str, changes: &str) {
    let sql = format!(
        "INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(t) || {changes})).* FROM {table} t WHERE {of}"
    );
    assert!(owner.execute(&sql, &[]).await.unwrap() > 0, "{table} {of}");
}

/// Makes the other tenant this one's twin.
async fn make_twin(owner: &Client) -> i64 {
    let (own, twin) = (id_of(owner, OWN).await, id_of(owner, TWIN).await);
    // Keys between tables hold again once all are copied.
    owner.batch_execute("SET session_replication_role = replica").await.unwrap();
    owner
        .batch_execute(&format!(
            "INSERT INTO write_requests (tenant_id, method, request_id, body_sha256)
             VALUES ({own}, 'TextService/UpsertTexts', '{REQUEST}', sha256('once'));
             INSERT INTO import_files SELECT tenant_id, id, 1, 'a file' FROM imports WHERE tenant_id = {own};
             INSERT INTO channel_claims (tenant_id, channel, external_id) VALUES ({own}, 'web', 'claimed');
             INSERT INTO api_keys (id, prefix, secret_sha256, role)
             VALUES (gen_random_uuid(), 'key', sha256('key'), 'chatbot');
             INSERT INTO api_key_tenants (tenant_id, api_key_id) SELECT {own}, id FROM api_keys"
        ))
        .await
        .unwrap();
    for table in tenant_tables(owner).await {
        owner.execute(&format!("DELETE FROM {table} WHERE tenant_id = $1"), &[&twin]).await.unwrap();
        let bot = if table == "tenant_channels" { ", 'external_id', t.external_id || ' twin'" } else { "" };
        let changes = format!("jsonb_build_object('tenant_id', {twin}{bot})");
        copy(owner, &table, &format!("tenant_id = {own}"), &changes).await;
    }
    let own_request = format!(
        "DELETE FROM write_requests WHERE tenant_id = {own}; DELETE FROM channel_claims WHERE tenant_id = {own}"
    );
    owner.batch_execute(&format!("SET session_replication_role = origin; {own_request}")).await.unwrap();
    for change in [
        "bot_texts SET value = value || ' twin'",
        "documents SET last_version = last_version + 7",
        "document_versions SET content = content || ' twin', title = title || ' twin'",
        "customers SET name = name || ' twin', username = username || ' twin', phone = '+996999999999'",
        "applications SET message = message || ' twin', contact_name = contact_name || ' twin', revision = revision + 7",
        "application_events SET actor = actor || ' twin', note = note || ' twin'",
        "application_feeds SET last_place = last_place + 7",
        "channel_claims SET external_id = external_id || ' twin'",
        "tenant_contacts SET value = value || ' twin'",
        "imports SET file_name = file_name || ' twin', revision = revision + 7",
        "import_rows SET notes = notes || ' twin', source_id = source_id || ' twin'",
        "import_issues SET message = message || ' twin'",
        "audit_events SET summary = summary || ' twin'",
        "tenant_options SET names = names || '{\"ru\": \"Близнец\"}', revision = revision + 7",
        "tenant_option_values SET names = names || '{\"ru\": \"Близнец\"}'",
        "patterns SET notes = notes || ' twin', revision = revision + 7",
        "pattern_edits SET actor = actor || ' twin'",
        "prices SET amount = amount + 1000, amount_max = amount_max + 1000",
        "tenant_categories SET sort_order = 9 - sort_order, names = names || '{\"ru\": \"Близнец\"}', emoji = '👯'",
    ] {
        let changed = owner.execute(&format!("UPDATE {change} WHERE tenant_id = $1"), &[&twin]).await.unwrap();
        assert!(changed > 0, "{change}");
    }
    twin
}

/// A request that the twin made and this tenant makes again for itself.
pub const REQUEST: &str = "0192aaaa-0000-7000-8000-00000000000f";

/// What the twin has alone: rows under ids of its own, and some that are due to be tidied up.
async fn give_more(owner: &Client, world: &World) {
    let (twin, others) = (world.twin, &world.others);
    let application = format!(
        "'{{\"id\": \"{}\", \"request_id\": \"0192aaaa-0000-7000-8000-000000000009\"}}'::jsonb",
        others.application
    );
    copy(owner, "applications", &format!("tenant_id = {twin} AND id = '{}'", world.application), &application).await;
    let customer = format!("'{{\"id\": {}, \"external_id\": \"of the twin\"}}'::jsonb", others.customer);
    copy(owner, "customers", &format!("tenant_id = {twin} AND id = {}", world.customer), &customer).await;
    for (from, to) in [(&world.first, others.succeeded), (&world.preview, others.validated)] {
        copy(owner, "imports", &format!("tenant_id = {twin} AND id = '{from}'"), &format!("'{{\"id\": \"{to}\"}}'"))
            .await;
        for table in ["import_rows", "import_issues"] {
            let changes = format!("'{{\"import_id\": \"{to}\"}}'");
            copy(owner, table, &format!("tenant_id = {twin} AND import_id = '{from}'"), &changes).await;
        }
    }
    let pattern = format!("'{{\"id\": {}, \"notes\": \"its own\"}}'", others.pattern);
    copy(owner, "patterns", &format!("tenant_id = {twin} AND id = {}", world.pattern), &pattern).await;
    owner
        .batch_execute(&format!(
            "UPDATE import_rows SET pattern_id = {} WHERE tenant_id = {twin} AND import_id = '{}' AND position = 2;
             INSERT INTO import_changes (tenant_id, import_id, pattern_id, kind, before)
             VALUES ({twin}, '{}', {}, 'withdrawn', '{{}}');
             UPDATE write_requests SET created_at = now() - interval '8 days' WHERE tenant_id = {twin};
             INSERT INTO imports (tenant_id, id, category_id, file_name, sha256, mode, state, lease_until)
             SELECT tenant_id, gen_random_uuid(), category_id, 'interrupted', sha256, mode, 'running', now() - interval '1 day'
             FROM imports WHERE tenant_id = {twin} AND id = '{}'",
            others.pattern, others.succeeded, others.succeeded, others.pattern, world.first
        ))
        .await
        .unwrap();
}

/// All that a tenant has, by table; its row of the reference too.
pub async fn rows_of(owner: &Client, tenant: i64) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    let tables = tenant_tables(owner).await.into_iter().map(|table| (table, "tenant_id"));
    for (table, key) in tables.chain([("tenants".to_owned(), "id")]) {
        let sql = format!(
            "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM {table} t WHERE {key} = $1"
        );
        let text: String = owner.query_one(&sql, &[&tenant]).await.unwrap().get(0);
        rows.insert(table, text);
    }
    rows
}
