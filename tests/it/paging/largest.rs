//! No answer is larger than any client takes, however much a shop has written: each method that answers once is asked where
//! there is as much of everything, and each is as long, as the contract lets in.

use std::collections::{BTreeMap, BTreeSet};

use lekalo::domain::shop_option::MAX_VALUES_TOGETHER;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor};
use tokio_postgres::Client;

use super::TENANT;
use crate::support::applications::{SOME_APPLICATIONS, mask};
use crate::support::catalog::RAISE_SHARED;
use crate::support::methods::{call, items, methods, next_token, page};
use crate::support::{TestServer, connect};

/// What a default client takes.
const TAKEN: usize = 4 << 20;
/// What a page of several items has at most.
const MOST: usize = 2 << 20;

/// The shop whose applications are counted: four days have one of every status, kind and channel in each of a hundred categories.
const OTHER: &str = "five_deluxe";
const COUNTED: &str = "
    INSERT INTO tenant_categories (tenant_id, category_id, code, names)
    SELECT t.id, -n, lpad(n::text, 63, '0'), jsonb_build_object('ru', 'x') FROM tenants t, generate_series(1, 100) n
    WHERE t.slug = 'five_deluxe' AND n <= 100 - (SELECT count(*) FROM tenant_categories c WHERE c.tenant_id = t.id);
    INSERT INTO customers (tenant_id, channel, external_id)
    SELECT id, channel, 'counted' FROM tenants, unnest('{whatsapp,telegram,instagram,web}'::text[]) channel
    WHERE slug = 'five_deluxe';
    INSERT INTO applications (tenant_id, id, request_id, kind, status, customer_id, category_id, created_at)
    SELECT u.tenant_id, gen_random_uuid(), gen_random_uuid(), kind, status, u.id, c.category_id,
           timestamptz '2026-03-01 12:00Z' + day * interval '1 day'
    FROM customers u
    JOIN tenant_categories c ON c.tenant_id = u.tenant_id,
    unnest('{order,individual_measure,callback,complaint}'::text[]) kind,
    unnest('{new,in_progress,completed,cancelled}'::text[]) status,
    generate_series(0, 3) day
    WHERE u.external_id = 'counted'";
const COUNTS: usize = 4 * 4 * 4 * 4 * 100;

const IMPORT: &str = "0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a13";
const PATTERN: i64 = 800_001;

/// What a method answers.
enum Answer {
    /// A list, page after page; whether its pages have less than 500 items for their bytes.
    Pages(Vec<u8>, bool),
    /// One message, of so many bytes at least: less, and what was to be large is not there.
    Whole(Vec<u8>, usize),
    /// One item of what this method lists, and nothing else that is long.
    One(&'static str),
    /// No text.
    Nothing,
}

use Answer::{Nothing, One};

fn pages(request: &impl Message) -> Answer {
    Answer::Pages(request.encode_to_vec(), false)
}

fn cut_pages(request: &impl Message) -> Answer {
    Answer::Pages(request.encode_to_vec(), true)
}

fn whole(least: usize, request: &impl Message) -> Answer {
    Answer::Whole(request.encode_to_vec(), least)
}

async fn fill(owner: &Client) {
    let id = async |sql: &str, name: &str| owner.query_one(sql, &[&name]).await.unwrap().get::<_, i64>(0).to_string();
    let shop = id("SELECT id FROM tenants WHERE slug = $1", TENANT).await;
    let category = id("SELECT id FROM product_categories WHERE code = $1", "eva_mats").await;
    let rows = include_str!("largest.sql").replace("{values}", &MAX_VALUES_TOGETHER.to_string());
    let rows = rows.replace("{t}", &shop).replace("{c}", &category);
    for sql in [SOME_APPLICATIONS, &rows, COUNTED, RAISE_SHARED] {
        owner.batch_execute(sql).await.unwrap();
    }
}

/// The codes of the shop's own categories, options and values, as `largest.sql` makes them.
fn code(number: i64) -> String {
    format!("{number:063}")
}

fn chosen(option: i64, value: i64) -> pb::Selection {
    pb::Selection { option: code(option), value: if value == 0 { String::new() } else { code(value) } }
}

fn reads(application: String) -> Vec<(&'static str, Answer)> {
    let (tenant, category) = (|| TENANT.to_owned(), || "eva_mats".to_owned());
    let (brand, model) = (|| "toyota".to_owned(), || "camry".to_owned());
    let (import, pattern) = (|| IMPORT.to_owned(), || PATTERN.to_string());
    // Each choice with a value, then other options.
    let selections = (1..=32).map(|n| chosen(n, if n <= 20 { n * 50 } else { 0 })).collect();
    let quote = pb::QuotePriceRequest {
        tenant: tenant(),
        category: category(),
        body_type: "suv".into(),
        selections,
        ..Default::default()
    };
    let car = pb::FindPatternsRequest {
        tenant: tenant(),
        category: category(),
        brand: brand(),
        model: model(),
        year: Some(1950),
        ..Default::default()
    };
    let options = pb::ListOptionsRequest { tenant: tenant(), category: category(), ..Default::default() };
    let texts = pb::BatchGetTextsRequest { tenant: tenant(), key_prefix: "large_".into(), ..Default::default() };
    let days = pb::GetApplicationStatsRequest {
        tenant: OTHER.into(),
        first_day: "2026-03-01".into(),
        last_day: "2026-03-31".into(),
    };
    vec![
        ("TenantService/ListTenants", cut_pages(&pb::ListTenantsRequest::default())),
        ("TenantService/GetTenant", One("TenantService/ListTenants")),
        ("TenantService/ResolveTenant", One("TenantService/ListTenants")),
        (
            "CatalogService/ListCategories",
            whole(300_000, &pb::ListCategoriesRequest { tenant: tenant(), ..Default::default() }),
        ),
        (
            "CatalogService/ListBrands",
            pages(&pb::ListBrandsRequest { tenant: tenant(), category: category(), all: true, ..Default::default() }),
        ),
        (
            "CatalogService/ListModels",
            pages(&pb::ListModelsRequest {
                tenant: tenant(),
                category: category(),
                brand: brand(),
                all: true,
                ..Default::default()
            }),
        ),
        (
            "CatalogService/GetModel",
            whole(500, &pb::GetModelRequest { tenant: tenant(), brand: brand(), model: model(), ..Default::default() }),
        ),
        ("CatalogService/FindPatterns", whole(200_000, &car)),
        (
            "CatalogService/ResolveVehicle",
            whole(
                100,
                &pb::ResolveVehicleRequest {
                    tenant: tenant(),
                    text: "камри ".repeat(42),
                    max_candidates: 20,
                    ..Default::default()
                },
            ),
        ),
        ("CatalogService/ListOptions", whole(1_000_000, &options)),
        ("CategoryService/ListShopCategories", whole(1_300_000, &pb::ListShopCategoriesRequest { tenant: tenant() })),
        (
            "CategoryService/ListShopOptions",
            whole(2_700_000, &pb::ListShopOptionsRequest { tenant: tenant(), category: category() }),
        ),
        ("PatternService/ListPatterns", pages(&pb::ListPatternsRequest { tenant: tenant(), ..Default::default() })),
        ("PatternService/GetPattern", whole(60_000, &pb::GetPatternRequest { tenant: tenant(), id: pattern() })),
        ("PricingService/QuotePrice", whole(40_000, &quote)),
        ("PricingService/ListPrices", pages(&pb::ListPricesRequest { tenant: tenant(), ..Default::default() })),
        ("TextService/ListTexts", cut_pages(&pb::ListTextsRequest { tenant: tenant(), ..Default::default() })),
        ("TextService/BatchGetTexts", whole(MOST - 16_384, &texts)),
        ("DocumentService/ListDocuments", pages(&pb::ListDocumentsRequest { tenant: tenant(), ..Default::default() })),
        (
            "DocumentService/ListDocumentVersions",
            pages(&pb::ListDocumentVersionsRequest { tenant: tenant(), key: "faq".into(), ..Default::default() }),
        ),
        (
            "DocumentService/GetDocument",
            whole(1 << 20, &pb::GetDocumentRequest { tenant: tenant(), key: "faq".into(), ..Default::default() }),
        ),
        (
            "ApplicationService/ListApplications",
            cut_pages(&pb::ListApplicationsRequest { tenant: tenant(), ..Default::default() }),
        ),
        (
            "ApplicationService/GetApplication",
            whole(MOST - 16_384, &pb::GetApplicationRequest { tenant: tenant(), id: application, with_history: true }),
        ),
        ("ApplicationService/GetApplicationStats", whole(MOST * 3 / 4, &days)),
        ("ApplicationService/GetCustomer", One("ApplicationService/ListCustomers")),
        (
            "ApplicationService/ListCustomers",
            pages(&pb::ListCustomersRequest { tenant: tenant(), ..Default::default() }),
        ),
        ("ImportService/GetImport", One("ImportService/ListImports")),
        ("ImportService/ListImports", cut_pages(&pb::ListImportsRequest { tenant: tenant(), ..Default::default() })),
        (
            "ImportService/ListImportRows",
            cut_pages(&pb::ListImportRowsRequest { tenant: tenant(), id: import(), ..Default::default() }),
        ),
        (
            "ImportService/ListPatternRows",
            cut_pages(&pb::ListPatternRowsRequest { tenant: tenant(), pattern_id: pattern(), ..Default::default() }),
        ),
        (
            "ImportService/ListWithdrawnPatterns",
            pages(&pb::ListWithdrawnPatternsRequest { tenant: tenant(), id: import(), ..Default::default() }),
        ),
        ("AdminService/GetStats", whole(1000, &pb::GetStatsRequest { tenant: tenant() })),
        ("AdminService/ListAliases", pages(&pb::ListAliasesRequest::default())),
        ("AdminService/ListApiKeys", cut_pages(&pb::ListApiKeysRequest::default())),
        ("AdminService/ListAuditEvents", pages(&pb::ListAuditEventsRequest { tenant: tenant(), ..Default::default() })),
    ]
}

/// What they answer repeats what they were sent, or is one of what is listed.
fn writes() -> Vec<(&'static str, Answer)> {
    let (tenant, category) = (|| TENANT.to_owned(), || "eva_mats".to_owned());
    let amount = |units| Some(lekalo::proto::google::r#type::Money { units, nanos: 990_000_000, ..Default::default() });
    let price = |n: i64| pb::Price {
        category: category(),
        body_type: "minivan_medium".into(),
        brand: "mercedes-benz".into(),
        option: code((n + 49) / 50),
        value: code(n),
        conditions: vec![chosen(20, 1000)],
        kind: pb::PriceKind::Range.into(),
        amount: amount(99_999_998),
        amount_max: amount(99_999_999),
        ..Default::default()
    };
    let text = |n: i64| pb::Text {
        key: format!("{n:064}"),
        language: "ru".into(),
        value: "x".repeat(65_536),
        ..Default::default()
    };
    let update =
        |id: i64| pb::PatternUpdate { id: id.to_string(), pattern: Some(pb::Pattern::default()), ..Default::default() };
    let document = pb::Document {
        key: "long".into(),
        language: "ru".into(),
        title: "🚗".repeat(200),
        content: "🚗".repeat(1 << 18),
        ..Default::default()
    };
    vec![
        ("TenantService/CreateTenant", One("TenantService/ListTenants")),
        ("TenantService/UpdateTenant", One("TenantService/ListTenants")),
        ("CategoryService/CreateCategory", One("CategoryService/ListShopCategories")),
        ("CategoryService/UpdateCategory", One("CategoryService/ListShopCategories")),
        ("CategoryService/DeleteCategory", Nothing),
        ("CategoryService/CreateOption", One("CategoryService/ListShopOptions")),
        ("CategoryService/UpdateOption", One("CategoryService/ListShopOptions")),
        ("PatternService/CreatePattern", One("PatternService/ListPatterns")),
        ("PatternService/UpdatePattern", One("PatternService/ListPatterns")),
        (
            "PatternService/BatchUpdatePatterns",
            whole(
                1_000_000,
                &pb::BatchUpdatePatternsRequest {
                    tenant: tenant(),
                    updates: (PATTERN..PATTERN + 500).map(update).collect(),
                    update_mask: Some(mask(&["available"])),
                    ..Default::default()
                },
            ),
        ),
        ("PatternService/DeletePattern", Nothing),
        (
            "PricingService/SetPrices",
            whole(
                150_000,
                &pb::SetPricesRequest {
                    tenant: tenant(),
                    prices: (1..=500).map(price).collect(),
                    ..Default::default()
                },
            ),
        ),
        (
            "TextService/UpsertTexts",
            whole(
                MOST,
                &pb::UpsertTextsRequest { tenant: tenant(), texts: (1..=32).map(text).collect(), ..Default::default() },
            ),
        ),
        (
            "TextService/DeleteTexts",
            whole(
                12_800,
                &pb::DeleteTextsRequest {
                    tenant: tenant(),
                    keys: (1000..1200).map(|n| format!("{n:064}")).collect(),
                    ..Default::default()
                },
            ),
        ),
        (
            "DocumentService/PutDocument",
            whole(800, &pb::PutDocumentRequest { tenant: tenant(), document: Some(document), ..Default::default() }),
        ),
        ("DocumentService/DeleteDocument", Nothing),
        ("ApplicationService/CreateApplication", One("ApplicationService/ListApplications")),
        ("ApplicationService/TransitionApplication", One("ApplicationService/ListApplications")),
        ("ApplicationService/UpdateApplication", One("ApplicationService/ListApplications")),
        ("ApplicationService/AddApplicationNote", One("ApplicationService/ListApplications")),
        ("ApplicationService/UpdateCustomer", One("ApplicationService/ListCustomers")),
        ("ApplicationService/DeleteCustomer", Nothing),
        ("ImportService/UploadImport", One("ImportService/ListImports")),
        ("ImportService/ApplyImport", One("ImportService/ListImports")),
        ("ImportService/RevertImport", One("ImportService/ListImports")),
        ("ImportService/CancelImport", One("ImportService/ListImports")),
        ("ImportService/DeleteImport", Nothing),
        ("AdminService/ApplySeed", whole(100, &pb::ApplySeedRequest::default())),
        ("AdminService/CreateAlias", One("AdminService/ListAliases")),
        ("AdminService/DeleteAlias", Nothing),
        ("AdminService/IssueApiKey", One("AdminService/ListApiKeys")),
        ("AdminService/RevokeApiKey", One("AdminService/ListApiKeys")),
    ]
}

/// What kind of message a list has, by method, and how large its largest is.
type Items = BTreeMap<&'static str, (String, usize)>;

/// Follows a list to its end: each item comes once, and no page is too large.
async fn walk(server: &TestServer, method: &MethodDescriptor, request: &[u8], is_cut: bool) -> (String, usize) {
    let name = method.name();
    let request = DynamicMessage::decode(method.input(), request).unwrap();
    let (mut seen, mut largest, mut token, mut was_cut) = (BTreeSet::new(), 0, String::new(), false);
    loop {
        let answer = call(server, method, &page(&request, 500, &token)).await.unwrap();
        let found = items(&answer);
        let (length, count) = (answer.encoded_len(), found.len());
        assert!(length <= MOST + 1024 || (count == 1 && length < TAKEN), "{name}: {count} items in {length} bytes");
        for item in found {
            let item = item.as_message().unwrap().encode_to_vec();
            largest = largest.max(item.len());
            assert!(seen.insert(item), "{name}: an item comes twice");
        }
        token = next_token(&answer);
        was_cut |= !token.is_empty() && count < 500;
        if token.is_empty() {
            let total = answer.get_field_by_name("total_size").unwrap().as_i32();
            assert_eq!(total, i32::try_from(seen.len()).ok(), "{name}: each item comes");
            break;
        }
    }
    assert_eq!(was_cut, is_cut, "{name}: whether pages end for their bytes");
    (listed(method), largest)
}

/// What its answers list.
fn listed(method: &MethodDescriptor) -> String {
    let list = method.output().fields().find(FieldDescriptor::is_list).unwrap();
    list.kind().as_message().unwrap().full_name().to_owned()
}

/// Whether an answer can be no larger than one item of that list.
fn is_one_of(method: &MethodDescriptor, (message, largest): &(String, usize)) -> bool {
    let is_small = |field: &FieldDescriptor| match field.kind() {
        _ if field.is_list() || field.is_map() => false,
        Kind::Message(kind) => kind.full_name() == message,
        Kind::String => ["language", "key"].contains(&field.name()),
        kind => kind != Kind::Bytes,
    };
    *largest <= MOST && method.output().fields().all(|field| is_small(&field))
}

#[tokio::test]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn no_answer_is_larger_than_any_client_takes() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    fill(&owner).await;
    let noted = "SELECT application_id::text FROM application_events WHERE id > 1000000 LIMIT 1";
    let application = owner.query_one(noted, &[]).await.unwrap().get(0);
    let methods = methods();
    let answers: Vec<_> = reads(application).into_iter().chain(writes()).collect();
    let once = methods.iter().filter(|(_, method)| !method.is_server_streaming()).map(|(name, _)| name.as_str());
    let known: BTreeSet<&str> = answers.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, once.collect(), "say here how large each answer may be");

    let mut lists = Items::new();
    for (name, answer) in &answers {
        let method = &methods[*name];
        match answer {
            Answer::Pages(request, is_cut) => {
                lists.insert(name, walk(&server, method, request, *is_cut).await);
            }
            Answer::Whole(request, least) => {
                let request = DynamicMessage::decode(method.input(), request.as_slice()).unwrap();
                let answer = call(&server, method, &request).await.unwrap_or_else(|error| panic!("{name}: {error}"));
                let length = answer.encoded_len();
                assert!((*least..TAKEN).contains(&length), "{name}: {length} bytes");
                let largest = items(&answer).iter().filter_map(|item| Some(item.as_message()?.encoded_len())).max();
                lists.extend(largest.map(|largest| (*name, (listed(method), largest))));
            }
            One(_) | Nothing => {}
        }
    }
    for (name, answer) in &answers {
        match answer {
            One(list) => assert!(is_one_of(&methods[*name], &lists[list]), "{name} has more than an item of {list}"),
            Nothing => assert!(is_one_of(&methods[*name], &(String::new(), 0)), "{name} has something"),
            Answer::Pages(..) | Answer::Whole(..) => {}
        }
    }
}

/// Of texts that do not all fit those with the first keys come.
#[tokio::test]
async fn of_many_texts_the_first_come_as_far_as_there_is_room() {
    let server = TestServer::start().await;
    let texts = "INSERT INTO bot_texts (tenant_id, key, language, value)
                 SELECT id, 'large_' || n, 'ru', repeat('я', 4096) FROM tenants, generate_series(1000, 1499) AS n
                 WHERE slug = 'evopoliki'";
    connect(&server.config).await.batch_execute(texts).await.unwrap();
    let request = pb::BatchGetTextsRequest { tenant: TENANT.into(), key_prefix: "large_".into(), ..Default::default() };
    let answer = TextServiceClient::new(server.channel.clone()).batch_get_texts(request).await.unwrap().into_inner();
    let keys: Vec<_> = answer.texts.iter().map(|text| text.key.clone()).collect();
    assert_eq!(keys, (1000..1000 + keys.len()).map(|n| format!("large_{n}")).collect::<Vec<_>>());
    let length: usize = answer.texts.iter().map(Message::encoded_len).sum();
    assert!((MOST - 16_384..MOST).contains(&length), "{length}");
}

/// Counts of days that do not all fit: whole days come, and who asks on from the last of them has every application once.
#[tokio::test]
async fn counts_end_with_a_whole_day_that_the_answer_names() {
    let server = TestServer::start().await;
    connect(&server.config).await.batch_execute(COUNTED).await.unwrap();
    let mut client = ApplicationServiceClient::new(server.channel.clone());
    let (mut first_day, mut answers) = ("2026-03-01".to_owned(), Vec::new());
    loop {
        let request = pb::GetApplicationStatsRequest { tenant: OTHER.into(), first_day, last_day: "2026-03-20".into() };
        let answer = client.get_application_stats(request).await.unwrap().into_inner();
        let last = answer.last_day.clone();
        assert!(answer.counts.iter().all(|count| (&answer.first_day..=&last).contains(&&count.day)));
        assert_eq!(answer.total, answer.counts.iter().map(|count| count.count).sum::<i32>());
        answers.push(answer);
        if last == "2026-03-20" {
            break;
        }
        first_day = format!("2026-03-{:02}", last[8..].parse::<u32>().unwrap() + 1);
    }
    assert_eq!(answers.iter().map(|answer| answer.last_day.as_str()).collect::<Vec<_>>(), ["2026-03-03", "2026-03-20"]);
    let counts: BTreeSet<_> = answers.iter().flat_map(|answer| &answer.counts).map(Message::encode_to_vec).collect();
    let total: i32 = answers.iter().map(|answer| answer.total).sum();
    assert_eq!((counts.len(), usize::try_from(total).unwrap()), (COUNTS, COUNTS));
}

/// A history as large as notes may make it: its newest events come, as many as any client takes.
#[tokio::test]
async fn a_long_history_ends_where_any_client_takes_it() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    owner.batch_execute(SOME_APPLICATIONS).await.unwrap();
    let row = owner
        .query_one(
            "WITH one AS (SELECT tenant_id, id FROM applications
                          WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'evopoliki') LIMIT 1),
                  noted AS (INSERT INTO application_events (tenant_id, id, application_id, to_status, actor, note, kind)
                            SELECT tenant_id, 1000000 + n, id, 'new', 'Айгуль', repeat('🚗', 2000), 'noted'
                            FROM one, generate_series(1, 500) AS n)
             SELECT id::text FROM one",
            &[],
        )
        .await
        .unwrap();
    let request = pb::GetApplicationRequest { tenant: TENANT.into(), id: row.get(0), with_history: true };
    let answer =
        ApplicationServiceClient::new(server.channel.clone()).get_application(request).await.unwrap().into_inner();
    let cursors: Vec<_> = answer.events.iter().map(|event| event.cursor.clone()).collect();
    assert!((200..500).contains(&cursors.len()), "{}", cursors.len());
    assert!((MOST - 16_384..MOST + 16_384).contains(&answer.encoded_len()), "{}", answer.encoded_len());
    let all = pb::GetApplicationRequest { tenant: TENANT.into(), id: row.get(0), with_history: true };
    owner.execute("UPDATE application_events SET note = 'x' WHERE id > 1000000", &[]).await.unwrap();
    let short = ApplicationServiceClient::new(server.channel.clone()).get_application(all).await.unwrap().into_inner();
    let whole: Vec<_> = short.events.iter().map(|event| event.cursor.clone()).collect();
    assert_eq!(whole.len(), 500);
    assert!(whole.ends_with(&cursors), "the newest, the oldest of them first");
}
