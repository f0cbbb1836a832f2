//! Tenants written over the wire, and the aliases that shops teach.

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use prost_types::{FieldMask, Struct, Value, value::Kind};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::TestServer;
use crate::support::uploads::{header, upload_and_wait};

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

fn bot(external_id: &str) -> pb::TenantChannel {
    pb::TenantChannel { channel: pb::Channel::Telegram.into(), external_id: external_id.into(), ..Default::default() }
}

fn shop() -> pb::Tenant {
    let phone = pb::TenantContact { kind: pb::ContactKind::Phone.into(), value: "+996700123456".into() };
    let settings = [("greeting".to_owned(), Value { kind: Some(Kind::StringValue("Салам".into())) })];
    pb::Tenant {
        slug: "auto_style".into(),
        display_name: "Auto Style".into(),
        default_language: "ky".into(),
        prices_visible: true,
        contacts: vec![phone],
        channels: vec![bot("7000000001")],
        categories: vec!["mats_5d".into(), "eva_mats".into()],
        settings: Some(Struct { fields: settings.into() }),
        ..Default::default()
    }
}

async fn served() -> (TestServer, TenantServiceClient<Channel>) {
    let server = TestServer::start().await;
    let client = TenantServiceClient::new(server.channel.clone());
    (server, client)
}

#[tokio::test]
async fn a_new_tenant_serves_its_first_customer_without_a_restart() {
    let (server, mut client) = served().await;
    let request = pb::CreateTenantRequest { tenant: Some(shop()), ..Default::default() };
    let created = client.create_tenant(request).await.unwrap().into_inner().tenant.unwrap();
    assert_eq!((created.currency.as_str(), created.time_zone.as_str()), ("KGS", "Asia/Bishkek"));
    assert_eq!(created.categories, ["5d_mats", "eva_mats"], "codes come back for aliases");
    assert_eq!(created.settings, shop().settings);

    let resolve = pb::ResolveTenantRequest { channel: pb::Channel::Telegram.into(), external_id: "7000000001".into() };
    let resolved = client.resolve_tenant(resolve).await.unwrap().into_inner().tenant.unwrap();
    assert_eq!(resolved, created);

    let price_list = "Марка,Модель,Год\nТойота,Камри,2018\n".as_bytes();
    let import =
        upload_and_wait(&server, price_list, pb::ImportHeader { tenant: "auto_style".into(), ..header() }).await;
    assert_eq!(import.counts.unwrap().created, 1);
}

#[tokio::test]
async fn a_request_id_makes_one_tenant_and_a_slug_or_bot_belongs_to_one() {
    let (_server, mut client) = served().await;
    let request_id = "0a4c0c5e-2f6e-4a9e-9d5b-3b0d4c0f1a11";
    let request = pb::CreateTenantRequest { tenant: Some(shop()), request_id: request_id.into() };
    let calls = (0..10).map(|_| {
        let (mut client, request) = (client.clone(), request.clone());
        async move { client.create_tenant(request).await.unwrap().into_inner() }
    });
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));

    let other = pb::Tenant { display_name: "Other".into(), ..shop() };
    let reused = pb::CreateTenantRequest { tenant: Some(other.clone()), request_id: request_id.into() };
    let status = client.create_tenant(reused).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));

    let same_slug = pb::CreateTenantRequest { tenant: Some(other.clone()), ..Default::default() };
    let status = client.create_tenant(same_slug).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::AlreadyExists, "TENANT_EXISTS".into()));

    let same_bot = pb::Tenant { slug: "other".into(), ..other };
    let status = client.create_tenant(pb::CreateTenantRequest { tenant: Some(same_bot), ..Default::default() }).await;
    let status = status.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::AlreadyExists, "CHANNEL_TAKEN".into()));
    let get = client.get_tenant(pb::GetTenantRequest { tenant: "other".into() }).await.unwrap_err();
    assert_eq!(get.code(), Code::NotFound, "nothing of a refused tenant remains");
}

#[tokio::test]
async fn an_update_writes_the_masked_fields_and_a_stale_etag_is_refused() {
    let (_server, mut client) = served().await;
    let before = client.get_tenant(pb::GetTenantRequest { tenant: "evopoliki".into() }).await.unwrap().into_inner();
    let before = before.tenant.unwrap();
    let update = |tenant: pb::Tenant, paths: &[&str], etag: &str| pb::UpdateTenantRequest {
        tenant: Some(pb::Tenant { slug: "evopoliki".into(), ..tenant }),
        update_mask: Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
        etag: etag.into(),
        ..Default::default()
    };
    let change = pb::Tenant {
        display_name: "ignored".into(),
        prices_visible: false,
        categories: vec!["trunk_mats".into(), "eva_mats".into()],
        ..Default::default()
    };
    let request = update(change, &["prices_visible", "categories"], &before.etag);
    let mut calls = [client.clone(), client.clone()];
    let [first, second] = &mut calls;
    let (first, second) = tokio::join!(first.update_tenant(request.clone()), second.update_tenant(request));
    let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
    let after = won.unwrap().into_inner().tenant.unwrap();
    assert_eq!((after.prices_visible, after.display_name.as_str()), (false, "EVOPOLIKI"));
    assert_eq!(after.categories, ["trunk_mats", "eva_mats"]);
    assert_ne!(after.etag, before.etag);
    assert_ne!(after.catalog_version, before.catalog_version);
    let lost = lost.unwrap_err();
    assert_eq!((lost.code(), reason(&lost)), (Code::Aborted, "ETAG_MISMATCH".into()));

    let bad = pb::Tenant {
        time_zone: "Asia/Bishkeek".into(),
        default_language: "de".into(),
        contacts: vec![pb::TenantContact { kind: pb::ContactKind::Phone.into(), value: "0700 123".into() }],
        ..Default::default()
    };
    let request = update(bad, &["time_zone", "default_language", "contacts", "slug"], "");
    let status = client.update_tenant(request).await.unwrap_err();
    let details = status.get_error_details();
    let fields: Vec<_> = details.bad_request().unwrap().field_violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(
        fields,
        ["update_mask", "tenant.default_language", "tenant.contacts[0].value", "tenant.time_zone"],
        "all at once"
    );
}

#[tokio::test]
async fn one_taught_spelling_takes_the_rows_in_that_waited_for_it() {
    let server = TestServer::start().await;
    let mut admin = AdminServiceClient::new(server.channel.clone());
    let price_list = "Марка,Модель,Год\nТойота,Щщжка,2018\n".as_bytes();
    assert_eq!(upload_and_wait(&server, price_list, header()).await.counts.unwrap().rejected, 1);

    let teach = pb::CreateAliasRequest {
        brand: "toyota".into(),
        model: "camry".into(),
        alias: "щщжка".into(),
        ..Default::default()
    };
    let first = admin.create_alias(teach.clone()).await.unwrap().into_inner();
    assert_eq!(admin.create_alias(teach.clone()).await.unwrap().into_inner(), first, "taught again it is the same");
    assert_eq!(upload_and_wait(&server, price_list, header()).await.counts.unwrap().created, 1);

    let taken = pb::CreateAliasRequest { model: "corolla".into(), alias: "Щщ-ЖКА".into(), ..teach.clone() };
    let status = admin.create_alias(taken).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::AlreadyExists, "ALIAS_TAKEN".into()));

    let list = pb::ListAliasesRequest { brand: "toyota".into(), model: "camry".into(), ..Default::default() };
    let listed = admin.list_aliases(list).await.unwrap().into_inner();
    assert!(listed.aliases.iter().any(|alias| alias.alias == "щщжка"));

    let forget = pb::DeleteAliasRequest { brand: "toyota".into(), model: "camry".into(), alias: "ЩЩЖКА".into() };
    admin.delete_alias(forget.clone()).await.unwrap();
    let status = admin.delete_alias(forget).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::NotFound, "ALIAS_NOT_FOUND".into()));
    let other = "Марка,Модель,Год\nТойота,Щщжка,2019\n".as_bytes();
    assert_eq!(upload_and_wait(&server, other, header()).await.counts.unwrap().rejected, 1, "forgotten at once");
}

#[tokio::test]
async fn odd_values_are_named_one_violation_each() {
    let (_server, mut client) = served().await;
    let mut violations = async |tenant: pb::Tenant| {
        let status = client
            .create_tenant(pb::CreateTenantRequest { tenant: Some(tenant), ..Default::default() })
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let details = status.get_error_details();
        let violations = details.bad_request().unwrap().field_violations.iter();
        violations.map(|it| (it.field.clone(), it.reason.clone())).collect::<Vec<_>>()
    };
    let of = |field: &str, reason: &str| vec![(field.to_owned(), reason.to_owned())];
    let settings = |value: Kind| {
        let fields = [("x".to_owned(), Value { kind: Some(value) })];
        pb::Tenant { settings: Some(Struct { fields: fields.into() }), ..shop() }
    };
    for value in [Kind::StringValue("a\0b".into()), Kind::NumberValue(f64::NAN), Kind::NumberValue(f64::INFINITY)] {
        assert_eq!(violations(settings(value.clone())).await, of("tenant.settings", "FIELD_INVALID"), "{value:?}");
    }
    let channels = |channels: Vec<pb::TenantChannel>| pb::Tenant { channels, ..shop() };
    let twice = channels(vec![bot("111"), bot("222"), bot("111")]);
    assert_eq!(violations(twice).await, of("tenant.channels[2]", "FIELD_INVALID"));
    let unknown = channels(vec![pb::TenantChannel { channel: 99, ..bot("111") }]);
    assert_eq!(violations(unknown).await, of("tenant.channels[0].channel", "FIELD_INVALID"));
    let long = channels(vec![bot(&"1".repeat(200))]);
    assert_eq!(violations(long).await, of("tenant.channels[0].external_id", "FIELD_TOO_LONG"));
    let nameless = pb::Tenant { display_name: "x".repeat(200), ..shop() };
    assert_eq!(violations(nameless).await, of("tenant.display_name", "FIELD_TOO_LONG"));
    // Three letters that are no currency, and two that nobody is paid in.
    for currency in ["ZZZ", "kgs", "KG", "XXX", "XAU", "CHW"] {
        let unpaid = pb::Tenant { currency: currency.into(), ..shop() };
        assert_eq!(violations(unpaid).await, of("tenant.currency", "FIELD_INVALID"), "{currency}");
    }
    // By its code and by its alias.
    let twice = pb::Tenant { categories: vec!["seat_covers".into(), "5d_mats".into(), "mats_5d".into()], ..shop() };
    assert_eq!(violations(twice).await, of("tenant.categories[2]", "FIELD_INVALID"));
}

#[tokio::test]
async fn a_bot_of_another_tenant_is_named_and_one_id_in_two_spellings_is_one() {
    let (_server, mut client) = served().await;
    let id = "0a4c0c5e-2f6e-4a9e-9d5b-3b0d4c0f1abc";
    let mut create = async |tenant: pb::Tenant, request_id: &str| {
        let request = pb::CreateTenantRequest { tenant: Some(tenant), request_id: request_id.into() };
        client.create_tenant(request).await.map(tonic::Response::into_inner)
    };
    let first = create(shop(), id).await.unwrap();
    assert_eq!(create(shop(), &id.to_uppercase()).await.unwrap(), first);
    let status = create(pb::Tenant { slug: "rival".into(), ..shop() }, "").await.unwrap_err();
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.metadata["external_id"].as_str()), ("CHANNEL_TAKEN", "7000000001"));
    assert_eq!(details.resource_info().unwrap().resource_type, "channel");
    let unknown =
        pb::Tenant { slug: "rival".into(), channels: vec![], categories: vec!["zzz".into(), "yyy".into()], ..shop() };
    let status = create(unknown, "").await.unwrap_err();
    assert!(status.message().contains("zzz") && status.message().contains("yyy"), "{}", status.message());
}

#[tokio::test]
async fn aliases_page_through_the_whole_reference() {
    let server = TestServer::start().await;
    let mut admin = AdminServiceClient::new(server.channel.clone());
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListAliasesRequest { brand: "kia".into(), page_size: 30, page_token, ..Default::default() };
        let page = admin.list_aliases(request).await.unwrap().into_inner();
        seen.extend(page.aliases.into_iter().map(|alias| (alias.model, alias.alias)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            assert_eq!(seen.len() as i32, page.total_size);
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(seen, sorted, "in order, each once");
}
