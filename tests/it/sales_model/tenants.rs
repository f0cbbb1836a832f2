//! Tenants: a mask writes what it names and nothing else, a bot's id finds its shop, and what was written comes back.

use std::collections::BTreeMap;

use lekalo::proto::FILE_DESCRIPTOR_SET;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use prost_types::value::Kind;
use prost_types::{FieldMask, ListValue, Struct};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::random::Random;
use super::requests::violations;
use crate::support::TestServer;

type Client = TenantServiceClient<Channel>;

/// The fields of a tenant that a mask may name. What is not here is set once, or by the service.
const MUTABLE: [&str; 9] = [
    "display_name",
    "default_language",
    "time_zone",
    "prices_visible",
    "active",
    "contacts",
    "settings",
    "channels",
    "categories",
];
const IMMUTABLE: [&str; 4] = ["slug", "currency", "catalog_version", "etag"];

fn descriptor() -> MessageDescriptor {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap().get_message_by_name("lekalo.v1.Tenant").unwrap()
}

fn dynamic(tenant: &pb::Tenant) -> DynamicMessage {
    DynamicMessage::decode(descriptor(), tenant.encode_to_vec().as_slice()).unwrap()
}

fn contact(kind: pb::ContactKind, value: &str) -> pb::TenantContact {
    pb::TenantContact { kind: kind.into(), value: value.into() }
}

fn bot(channel: pb::Channel, external_id: &str) -> pb::TenantChannel {
    pb::TenantChannel { channel: channel.into(), external_id: external_id.into(), ..Default::default() }
}

fn settings(pairs: &[(&str, Kind)]) -> Option<Struct> {
    let fields = pairs.iter().map(|(key, kind)| ((*key).to_owned(), prost_types::Value { kind: Some(kind.clone()) }));
    Some(Struct { fields: fields.collect() })
}

/// A shop with something in every field, in an order of its own.
fn one() -> pb::Tenant {
    use pb::ContactKind::{Address, Email, Phone, Whatsapp};
    let list = vec![prost_types::Value { kind: Some(Kind::BoolValue(true)) }];
    pb::Tenant {
        slug: "auto_style".into(),
        display_name: "Авто Стиль".into(),
        default_language: "ky".into(),
        currency: "USD".into(),
        time_zone: "Asia/Almaty".into(),
        prices_visible: true,
        active: Some(false),
        contacts: vec![
            contact(Whatsapp, "+996700123456"),
            contact(Address, "Бишкек, Чүй 1"),
            contact(Phone, "+996700123456"),
            contact(Email, "a@example.kg"),
        ],
        settings: settings(&[
            ("number", Kind::NumberValue(1.5)),
            ("list", Kind::ListValue(ListValue { values: list })),
            ("none", Kind::NullValue(0)),
        ]),
        channels: vec![bot(pb::Channel::Telegram, "1"), bot(pb::Channel::Whatsapp, "1")],
        categories: vec!["seat_covers".into(), "eva_mats".into(), "5d_mats".into()],
        ..Default::default()
    }
}

/// The same shop, another in every field that can be.
fn other() -> pb::Tenant {
    use pb::ContactKind::{Instagram, Telegram, Website};
    pb::Tenant {
        display_name: "Other".into(),
        default_language: "en".into(),
        time_zone: "Europe/Moscow".into(),
        prices_visible: false,
        active: Some(true),
        contacts: vec![contact(Website, "example.kg"), contact(Telegram, "shop"), contact(Instagram, "shop")],
        settings: settings(&[("text", Kind::StringValue("Салам".into()))]),
        channels: vec![bot(pb::Channel::Instagram, "2"), bot(pb::Channel::Web, "1")],
        categories: vec!["5d_mats".into(), "dashboard_covers".into()],
        ..one()
    }
}

/// What a field that is named and empty becomes.
fn emptied() -> pb::Tenant {
    pb::Tenant {
        display_name: other().display_name,
        default_language: "ru".into(),
        time_zone: "Asia/Bishkek".into(),
        prices_visible: false,
        active: Some(true),
        contacts: vec![],
        settings: Some(Struct::default()),
        channels: vec![],
        categories: vec![],
        ..one()
    }
}

async fn create(client: &mut Client, tenant: pb::Tenant) -> Result<pb::Tenant, Status> {
    let request = pb::CreateTenantRequest { tenant: Some(tenant), ..Default::default() };
    Ok(client.create_tenant(request).await?.into_inner().tenant.unwrap())
}

async fn get(client: &mut Client, slug: &str) -> pb::Tenant {
    let request = pb::GetTenantRequest { tenant: slug.into() };
    client.get_tenant(request).await.unwrap().into_inner().tenant.unwrap()
}

async fn update(client: &mut Client, tenant: pb::Tenant, paths: &[&str]) -> Result<pb::Tenant, Status> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let update_mask = Some(FieldMask { paths });
    let request = pb::UpdateTenantRequest { tenant: Some(tenant), update_mask, ..Default::default() };
    Ok(client.update_tenant(request).await?.into_inner().tenant.unwrap())
}

/// Without what changes with every write.
fn plain(tenant: &pb::Tenant) -> pb::Tenant {
    pb::Tenant { etag: String::new(), catalog_version: String::new(), ..sorted(tenant) }
}

/// Bots have no order of their own.
fn sorted(tenant: &pb::Tenant) -> pb::Tenant {
    let mut tenant = tenant.clone();
    tenant.channels.sort_by_key(|channel| (channel.channel, channel.external_id.clone()));
    tenant
}

#[tokio::test]
async fn a_mask_writes_the_fields_it_names_and_no_other() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let fields: Vec<String> = descriptor().fields().map(|field| field.name().to_owned()).collect();
    let mut known: Vec<&str> = MUTABLE.into_iter().chain(IMMUTABLE).collect();
    known.sort_unstable();
    let mut sorted_fields = fields.clone();
    sorted_fields.sort_unstable();
    assert_eq!(sorted_fields, known, "a new field of a tenant belongs here");
    for field in MUTABLE {
        let (one, other) = (dynamic(&one()), dynamic(&other()));
        assert_ne!(one.get_field_by_name(field), other.get_field_by_name(field), "{field} must differ");
    }

    let created = create(&mut client, one()).await.unwrap();
    assert_eq!(plain(&created), plain(&one()), "what was written comes back, lists in their order");
    assert!(!created.etag.is_empty() && !created.catalog_version.is_empty());
    // Each field alone, then some together, then all; to another value, and to nothing.
    let mut random = Random::new();
    let mut masks: Vec<Vec<&str>> = MUTABLE.iter().map(|field| vec![*field]).collect();
    for _ in 0..1 {
        masks.push(MUTABLE.into_iter().filter(|_| random.below(2) == 0).collect());
    }
    masks.retain(|mask| !mask.is_empty());
    masks.push(MUTABLE.to_vec());
    // From either shop: a value that is written although nobody named it must not be there by chance.
    for (base, next) in [(one(), other()), (other(), one())] {
        let mut now = update(&mut client, base.clone(), &MUTABLE).await.unwrap();
        for mask in &masks {
            // A name cannot be nothing.
            let bare = pb::Tenant { slug: one().slug, display_name: other().display_name, ..Default::default() };
            for (given, becomes) in [(&next, &next), (&bare, &emptied()), (&base, &base)] {
                let mut expected = dynamic(&now);
                for field in mask {
                    let value = dynamic(becomes).get_field_by_name(field).unwrap().into_owned();
                    expected.set_field_by_name(field, value);
                }
                let answer = update(&mut client, given.clone(), mask).await.unwrap();
                let expected = pb::Tenant::decode(expected.encode_to_vec().as_slice()).unwrap();
                assert_eq!(plain(&answer), plain(&expected), "{mask:?}");
                assert_eq!(get(&mut client, "auto_style").await, answer, "{mask:?}");
                assert_ne!(answer.etag, now.etag, "{mask:?}");
                assert_ne!(answer.catalog_version, now.catalog_version, "{mask:?}");
                now = answer;
            }
        }
    }
    let now = get(&mut client, "auto_style").await;
    // What no mask may name, alone or beside what it may.
    for path in IMMUTABLE.into_iter().chain(["*", "", "contacts.value", "Display_Name", " active"]) {
        for mask in [vec![path], vec!["display_name", path]] {
            let status = update(&mut client, other(), &mask).await.unwrap_err();
            assert_eq!(violations(&status), [("update_mask".to_owned(), "FIELD_INVALID".to_owned())], "{mask:?}");
        }
    }
    assert_eq!(get(&mut client, "auto_style").await, now, "nothing of what was refused");
    // Another shop's is another's.
    let etag = get(&mut client, "evopoliki").await.etag;
    assert_eq!(etag, get(&mut client, "five_deluxe").await.etag, "nobody wrote to them");
}

/// One with nothing but what it must have.
fn bare() -> pb::Tenant {
    pb::Tenant { slug: "bare".into(), display_name: "Bare".into(), ..Default::default() }
}

/// A server that has it.
async fn with_bare() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    create(&mut client, bare()).await.unwrap();
    (server, client)
}

#[tokio::test]
async fn what_a_new_tenant_leaves_out_has_its_default() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let created = create(&mut client, bare()).await.unwrap();
    let defaults = pb::Tenant { currency: "KGS".into(), display_name: "Bare".into(), slug: "bare".into(), ..emptied() };
    assert_eq!(plain(&created), plain(&defaults));
    assert_eq!(get(&mut client, "bare").await, created);
}

#[tokio::test]
async fn a_slug_is_2_to_64_small_letters_digits_and_dashes() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let longest = format!("a{}", "-_9z".repeat(16).split_off(1));
    for (slug, is_good) in [
        ("ab", true),
        (longest.as_str(), true),
        ("a", false),
        ("9a", false),
        ("-a", false),
        ("aB", false),
        ("aя", false),
    ] {
        let answer = create(&mut client, pb::Tenant { slug: slug.into(), ..bare() }).await;
        match answer {
            Ok(answer) => assert!(is_good && answer.slug == slug, "{slug}"),
            Err(status) => {
                assert!(!is_good, "{slug}: {status:?}");
                assert_eq!(violations(&status), [("tenant.slug".to_owned(), "FIELD_INVALID".to_owned())], "{slug}");
            }
        }
    }
}

#[tokio::test]
async fn settings_are_16_kib_of_json_and_no_byte_more() {
    let (_server, mut client) = with_bare().await;
    let sized = |bytes: usize| {
        let text = "x".repeat(bytes - r#"{"x":""}"#.len());
        pb::Tenant { slug: "bare".into(), settings: settings(&[("x", Kind::StringValue(text))]), ..Default::default() }
    };
    let written = update(&mut client, sized(16 << 10), &["settings"]).await.unwrap();
    assert_eq!(written.settings, sized(16 << 10).settings);
    let status = update(&mut client, sized((16 << 10) + 1), &["settings"]).await.unwrap_err();
    assert_eq!(violations(&status), [("tenant.settings".to_owned(), "FIELD_TOO_LONG".to_owned())]);
}

#[tokio::test]
async fn numbers_of_people_are_in_e164_and_other_contacts_as_they_are() {
    let (_server, mut client) = with_bare().await;
    for (kind, value, is_good) in [
        (pb::ContactKind::Phone, "0700123456", false),
        (pb::ContactKind::Whatsapp, "+99670012345", false),
        (pb::ContactKind::Telegram, "0700123456", true),
    ] {
        let given = pb::Tenant { slug: "bare".into(), contacts: vec![contact(kind, value)], ..Default::default() };
        let answer = update(&mut client, given, &["contacts"]).await;
        assert_eq!(answer.is_ok(), is_good, "{value}: {answer:?}");
        if let Err(status) = answer {
            let expected = ("tenant.contacts[0].value".to_owned(), "FIELD_INVALID".to_owned());
            assert_eq!(violations(&status), [expected], "{value}");
        }
    }
}

#[tokio::test]
async fn a_failed_write_leaves_nothing() {
    let (_server, mut client) = with_bare().await;
    // A bot of another shop, a category that there is not, a stale etag.
    create(&mut client, one()).await.unwrap();
    let before = get(&mut client, "bare").await;
    let taken = pb::Tenant { channels: one().channels, ..other() };
    let unknown = pb::Tenant { categories: vec!["eva_mats".into(), "skis".into()], channels: vec![], ..other() };
    let stale = pb::Tenant { channels: vec![], etag: "17".into(), ..other() };
    for (tenant, code, reason) in [
        (taken, Code::AlreadyExists, "CHANNEL_TAKEN"),
        (unknown, Code::NotFound, "CATEGORY_NOT_FOUND"),
        (stale, Code::Aborted, "ETAG_MISMATCH"),
    ] {
        let status = update(&mut client, pb::Tenant { slug: "bare".into(), ..tenant }, &MUTABLE).await.unwrap_err();
        let given = status.get_error_details().error_info().unwrap().reason.clone();
        assert_eq!((status.code(), given.as_str()), (code, reason));
        assert_eq!(get(&mut client, "bare").await, before, "{reason}");
    }
}

#[tokio::test]
async fn with_the_etag_as_read_it_is_written_wherever_the_etag_stands() {
    let (_server, mut client) = with_bare().await;
    let before = get(&mut client, "bare").await;
    let current = pb::Tenant { display_name: "Twice".into(), etag: before.etag.clone(), ..before };
    let written = update(&mut client, current.clone(), &["display_name"]).await.unwrap();
    assert_eq!(written.display_name, "Twice");
    let paths = vec!["display_name".to_owned()];
    let request = pb::UpdateTenantRequest {
        tenant: Some(current),
        update_mask: Some(FieldMask { paths }),
        etag: written.etag,
        ..Default::default()
    };
    client.update_tenant(request).await.expect("the request's own etag goes before the tenant's, which is stale");
}

#[tokio::test]
async fn a_bots_id_finds_its_shop_whatever_becomes_of_it() {
    let server = TestServer::start().await;
    let mut client = Client::new(server.channel.clone());
    let channels = [pb::Channel::Whatsapp, pb::Channel::Telegram, pb::Channel::Instagram, pb::Channel::Web];
    let mut random = Random::new();
    let mut owners: BTreeMap<(i32, String), &str> = BTreeMap::new();
    let slugs = ["shop_a", "shop_b", "shop_c"];
    for slug in slugs {
        let tenant = pb::Tenant { slug: slug.into(), display_name: slug.into(), ..Default::default() };
        create(&mut client, tenant).await.unwrap();
    }
    let (mut taken, mut found, mut lost) = (0, 0, 0);
    for step in 0..40 {
        let slug = random.of(&slugs);
        let mut bots: Vec<pb::TenantChannel> = Vec::new();
        for _ in 0..random.below(4) {
            let bot = bot(random.of(&channels), random.of(&["1", "2", "7000000001"]));
            bots.extend((!bots.contains(&bot)).then_some(bot));
        }
        let key = |bot: &pb::TenantChannel| (bot.channel, bot.external_id.clone());
        let foreign = bots.iter().any(|bot| owners.get(&key(bot)).is_some_and(|owner| *owner != slug));
        let closed = random.below(2) == 0;
        let tenant =
            pb::Tenant { slug: slug.into(), channels: bots.clone(), active: Some(!closed), ..Default::default() };
        match update(&mut client, tenant, &["channels", "active"]).await {
            Ok(_) => {
                assert!(!foreign, "{step}: {slug} took another's bot");
                owners.retain(|_, owner| *owner != slug);
                owners.extend(bots.iter().map(|bot| (key(bot), slug)));
            }
            Err(status) => {
                assert!(foreign, "{step}: {status:?}");
                let details = status.get_error_details();
                assert_eq!(details.error_info().unwrap().reason, "CHANNEL_TAKEN");
                taken += 1;
            }
        }
        let asked = bot(random.of(&channels), random.of(&["1", "2", "7000000001", "70"]));
        let request = pb::ResolveTenantRequest { channel: asked.channel, external_id: asked.external_id.clone() };
        let answer = client.resolve_tenant(request).await.map(|answer| answer.into_inner().tenant.unwrap());
        match (answer, owners.get(&key(&asked))) {
            (Ok(tenant), Some(owner)) => {
                assert_eq!(tenant, get(&mut client, owner).await, "closed or not, and with all that is known of it");
                found += 1;
            }
            (Err(status), None) => {
                assert_eq!(status.code(), Code::NotFound);
                assert_eq!(status.get_error_details().error_info().unwrap().reason, "TENANT_NOT_FOUND");
                lost += 1;
            }
            (answer, owner) => panic!("{asked:?}: {answer:?}, but it is {owner:?}'s"),
        }
    }
    assert!(taken > 3 && found > 5 && lost > 5, "{taken} {found} {lost}");

    // Listed by slug, each with all that is known of it, the closed ones too.
    let listed = client.list_tenants(pb::ListTenantsRequest::default()).await.unwrap().into_inner().tenants;
    let names: Vec<_> = listed.iter().map(|tenant| tenant.slug.as_str()).collect();
    assert_eq!(names, ["evopoliki", "five_deluxe", "shop_a", "shop_b", "shop_c"]);
    for tenant in listed {
        assert_eq!(get(&mut client, &tenant.slug).await, tenant);
    }
}
