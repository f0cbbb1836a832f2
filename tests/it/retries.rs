//! Writes that come twice. For every method with a `request_id`: the same again gets the first answer and changes nothing,
//! whatever happened in between; another body is refused; another method's or tenant's id is its own affair.
//!
//! All methods are called with one and the same id, so that each would notice the others'.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::future::join_all;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::category_service_client::CategoryServiceClient;
use lekalo::proto::lekalo::v1::document_service_client::DocumentServiceClient;
use lekalo::proto::lekalo::v1::pattern_service_client::PatternServiceClient;
use prost::Message as _;
use tokio_postgres::Client;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::applications::{self, created, order};
use crate::support::methods::methods;
use crate::support::pricing::suv;
use crate::support::raw::{call, encoded};
use crate::support::uploads::{header, imports_end, list, messages};
use crate::support::{TestServer, connect};

const ID: &str = "0192bbbb-00ab-7000-8000-0000000000cd";

/// A tenant, an id and which of several bodies → the messages of a request.
type Messages = Box<dyn Fn(&str, &str, usize) -> Vec<Bytes>>;

/// A write by its request_id; `variant` tells bodies apart, of which none contradicts another.
struct Write {
    method: &'static str,
    /// What is kept of a call without a tenant is kept apart.
    has_tenant: bool,
    messages: Messages,
}

fn write(
    method: &'static str,
    has_tenant: bool,
    messages: impl Fn(&str, &str, usize) -> Vec<Bytes> + 'static,
) -> Write {
    Write { method, has_tenant, messages: Box::new(messages) }
}

/// Every method with a request_id that is built. `moved` are applications of either tenant, NEW; `patterns` and `customers`
/// some of either's.
fn all_writes(moved: [String; 2], patterns: [Vec<String>; 2], customers: [Vec<String>; 2]) -> Vec<Write> {
    let [changed, noted_upon] = [moved.clone(), moved.clone()];
    let [renamed, erased] = [customers.clone(), customers];
    let [written, deleted] = [patterns.clone(), patterns];
    let mask = || Some(prost_types::FieldMask { paths: vec!["notes".into()] });
    let noted = move |tenant: &str, place: usize, variant: usize| {
        let pattern = pb::Pattern { notes: format!("вариант {variant}"), ..Default::default() };
        let id = written[usize::from(tenant != TENANTS[0])][place].clone();
        pb::PatternUpdate { id, pattern: Some(pattern), etag: String::new() }
    };
    let noted_too = noted.clone();
    vec![
        write("CategoryService/CreateCategory", true, |tenant, request_id, variant| {
            vec![encoded(&new_category(tenant, &format!("own_{variant}"), request_id))]
        }),
        write("CategoryService/UpdateCategory", true, |tenant, request_id, variant| {
            let emoji = ["🚗", "🚙", "🚕"][variant.min(2)].to_owned();
            vec![encoded(&pb::UpdateCategoryRequest {
                tenant: tenant.into(),
                code: "5d_mats".into(),
                category: Some(pb::ShopCategory { emoji, ..Default::default() }),
                update_mask: Some(prost_types::FieldMask { paths: vec!["emoji".into()] }),
                request_id: request_id.into(),
                ..Default::default()
            })]
        }),
        write("CategoryService/DeleteCategory", true, |tenant, request_id, variant| {
            let (tenant, request_id) = (tenant.into(), request_id.into());
            let code = format!("unwanted_{}", variant.min(1));
            vec![encoded(&pb::DeleteCategoryRequest { tenant, code, request_id, ..Default::default() })]
        }),
        write("CategoryService/CreateOption", true, |tenant, request_id, variant| {
            let display_names = Some(pb::LocalizedName { ru: "Подпятник".into(), ..Default::default() });
            let kind = pb::OptionKind::Addon.into();
            vec![encoded(&pb::CreateOptionRequest {
                tenant: tenant.into(),
                category: "5d_mats".into(),
                code: format!("heel_pad_{variant}"),
                option: Some(pb::ShopOption { display_names, kind, ..Default::default() }),
                request_id: request_id.into(),
            })]
        }),
        write("CategoryService/UpdateOption", true, |tenant, request_id, variant| {
            let emoji = ["🚗", "🚙", "🚕"][variant.min(2)].to_owned();
            vec![encoded(&pb::UpdateOptionRequest {
                tenant: tenant.into(),
                category: "5d_mats".into(),
                code: "trunk".into(),
                option: Some(pb::ShopOption { emoji, ..Default::default() }),
                update_mask: Some(prost_types::FieldMask { paths: vec!["emoji".into()] }),
                request_id: request_id.into(),
                ..Default::default()
            })]
        }),
        write("PatternService/CreatePattern", true, |tenant, request_id, variant| {
            vec![encoded(&new_pattern(tenant, 1990 + variant as i32, request_id))]
        }),
        write("PatternService/UpdatePattern", true, move |tenant, request_id, variant| {
            let pb::PatternUpdate { id, pattern, etag } = noted(tenant, 0, variant);
            let (tenant, request_id) = (tenant.into(), request_id.into());
            vec![encoded(&pb::UpdatePatternRequest { tenant, id, pattern, update_mask: mask(), etag, request_id })]
        }),
        write("PatternService/BatchUpdatePatterns", true, move |tenant, request_id, variant| {
            let updates = vec![noted_too(tenant, 1, variant)];
            let (tenant, request_id) = (tenant.into(), request_id.into());
            vec![encoded(&pb::BatchUpdatePatternsRequest { tenant, updates, update_mask: mask(), request_id })]
        }),
        write("PatternService/DeletePattern", true, move |tenant, request_id, variant| {
            let id = deleted[usize::from(tenant != TENANTS[0])][2 + variant.min(1)].clone();
            let (tenant, request_id) = (tenant.into(), request_id.into());
            vec![encoded(&pb::DeletePatternRequest { tenant, id, request_id, ..Default::default() })]
        }),
        write("TextService/UpsertTexts", true, |tenant, request_id, variant| {
            let text = pb::Text {
                key: "ask_name".into(),
                language: "ru".into(),
                value: format!("Имя {variant}"),
                ..Default::default()
            };
            vec![encoded(&pb::UpsertTextsRequest {
                tenant: tenant.into(),
                texts: vec![text],
                request_id: request_id.into(),
            })]
        }),
        write("TextService/DeleteTexts", true, |tenant, request_id, variant| {
            let keys = vec![format!("unwanted_{variant}")];
            let (tenant, request_id) = (tenant.into(), request_id.into());
            vec![encoded(&pb::DeleteTextsRequest { tenant, keys, request_id, ..Default::default() })]
        }),
        write("DocumentService/PutDocument", true, |tenant, request_id, variant| {
            vec![encoded(&new_document(tenant, "faq", &format!("Ответ {variant}"), request_id))]
        }),
        write("DocumentService/DeleteDocument", true, |tenant, request_id, variant| {
            let key = format!("unwanted_{}", variant.min(1));
            let (tenant, request_id) = (tenant.into(), request_id.into());
            vec![encoded(&pb::DeleteDocumentRequest { tenant, key, request_id, ..Default::default() })]
        }),
        write("PricingService/SetPrices", true, |tenant, request_id, variant| {
            let price = pb::Price { category: "5d_mats".into(), ..suv(7000 + variant as i64) };
            let (tenant, request_id) = (tenant.into(), request_id.into());
            vec![encoded(&pb::SetPricesRequest { tenant, prices: vec![price], request_id })]
        }),
        write("TenantService/UpdateTenant", true, |tenant, request_id, variant| {
            let changed =
                pb::Tenant { slug: tenant.into(), display_name: format!("Имя {variant}"), ..Default::default() };
            let paths = vec!["display_name".into()];
            vec![encoded(&pb::UpdateTenantRequest {
                tenant: Some(changed),
                update_mask: Some(prost_types::FieldMask { paths }),
                request_id: request_id.into(),
                ..Default::default()
            })]
        }),
        write("ApplicationService/CreateApplication", true, |tenant, request_id, variant| {
            let application = pb::Application { message: variant.to_string(), ..applications::callback("0555 123456") };
            let (tenant, request_id) = (tenant.into(), request_id.into());
            vec![encoded(&pb::CreateApplicationRequest { tenant, application: Some(application), request_id })]
        }),
        write("ApplicationService/UpdateApplication", true, move |tenant, request_id, variant| {
            let to = pb::Application { message: format!("Хочу {variant}"), ..Default::default() };
            let named =
                pb::Application { id: changed[usize::from(tenant != TENANTS[0])].clone(), ..Default::default() };
            let (tenant, request_id) = (tenant.into(), request_id.into());
            let update = applications::application_update(&named, to, &["message"]);
            vec![encoded(&pb::UpdateApplicationRequest { tenant, request_id, ..update })]
        }),
        write("ApplicationService/TransitionApplication", true, move |tenant, request_id, variant| {
            vec![encoded(&pb::TransitionApplicationRequest {
                tenant: tenant.into(),
                id: moved[usize::from(tenant != "evopoliki")].clone(),
                to: [pb::ApplicationStatus::InProgress, pb::ApplicationStatus::Completed][variant.min(1)].into(),
                actor: "Нурлан".into(),
                request_id: request_id.into(),
                ..Default::default()
            })]
        }),
        write("ApplicationService/AddApplicationNote", true, move |tenant, request_id, variant| {
            let named =
                pb::Application { id: noted_upon[usize::from(tenant != TENANTS[0])].clone(), ..Default::default() };
            let (tenant, request_id) = (tenant.into(), request_id.into());
            let note = applications::note(&named, &format!("Перезвонить {variant}"));
            vec![encoded(&pb::AddApplicationNoteRequest { tenant, request_id, ..note })]
        }),
        write("ApplicationService/UpdateCustomer", true, move |tenant, request_id, variant| {
            let id = &renamed[usize::from(tenant != TENANTS[0])][0];
            let to = pb::Customer { name: format!("Имя {variant}"), ..Default::default() };
            let (tenant, request_id) = (tenant.into(), request_id.into());
            let update = applications::customer_update(id, to, &["name"]);
            vec![encoded(&pb::UpdateCustomerRequest { tenant, request_id, ..update })]
        }),
        write("ApplicationService/DeleteCustomer", true, move |tenant, request_id, variant| {
            let id = erased[usize::from(tenant != TENANTS[0])][1 + variant.min(1)].clone();
            let (tenant, request_id) = (tenant.into(), request_id.into());
            vec![encoded(&pb::DeleteCustomerRequest { tenant, id, request_id, ..Default::default() })]
        }),
        write("ImportService/UploadImport", true, |tenant, request_id, variant| {
            let header = pb::ImportHeader {
                tenant: tenant.into(),
                category: "5d_mats".into(),
                request_id: request_id.into(),
                ..header()
            };
            messages(header, list(&[["Хонда,Фит,2003", "Хонда,Фит,2010"][variant.min(1)]]))
        }),
        write("TenantService/CreateTenant", false, |_, request_id, variant| {
            let slug = format!("shop-{variant}");
            let tenant = pb::Tenant { display_name: slug.clone(), slug, ..Default::default() };
            vec![encoded(&pb::CreateTenantRequest { tenant: Some(tenant), request_id: request_id.into() })]
        }),
        write("AdminService/CreateAlias", false, |_, request_id, variant| {
            vec![encoded(&pb::CreateAliasRequest {
                brand: "toyota".into(),
                model: "camry".into(),
                alias: ["камрюша", "камришка", "камрюлька"][variant.min(2)].into(),
                request_id: request_id.into(),
            })]
        }),
        write("AdminService/IssueApiKey", false, |_, request_id, variant| {
            let label = variant.to_string();
            let (role, request_id) = (pb::Role::Admin.into(), request_id.into());
            vec![encoded(&pb::IssueApiKeyRequest { role, label, request_id, ..Default::default() })]
        }),
    ]
}

fn new_document(tenant: &str, key: &str, content: &str, request_id: &str) -> pb::PutDocumentRequest {
    let (key, language, content) = (key.into(), "ru".into(), content.into());
    let document = Some(pb::Document { key, language, content, ..Default::default() });
    pb::PutDocumentRequest { tenant: tenant.into(), document, request_id: request_id.into(), ..Default::default() }
}

fn new_category(tenant: &str, code: &str, request_id: &str) -> pb::CreateCategoryRequest {
    let display_names = Some(pb::LocalizedName { ru: "Своё".into(), ..Default::default() });
    pb::CreateCategoryRequest {
        tenant: tenant.into(),
        code: code.into(),
        category: Some(pb::ShopCategory { display_names, ..Default::default() }),
        request_id: request_id.into(),
    }
}

fn new_pattern(tenant: &str, year: i32, request_id: &str) -> pb::CreatePatternRequest {
    pb::CreatePatternRequest {
        tenant: tenant.into(),
        category: "5d_mats".into(),
        brand: "toyota".into(),
        model: "camry".into(),
        pattern: Some(pb::Pattern { year_from: year, year_to: year, ..Default::default() }),
        request_id: request_id.into(),
    }
}

/// All rows of all tables.
async fn everything(owner: &Client) -> String {
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'";
    let tables: Vec<String> = owner.query(tables, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(tables.len() > 25);
    let digest = |table: &String| {
        format!(
            "(SELECT '{table} ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t)"
        )
    };
    let digests = tables.iter().map(digest).collect::<Vec<_>>().join(", ");
    owner.query_one(&format!("SELECT concat_ws(E'\\n', {digests})"), &[]).await.unwrap().get(0)
}

struct Retries {
    server: TestServer,
    owner: Client,
    writes: Vec<Write>,
}

const TENANTS: [&str; 2] = ["evopoliki", "five_deluxe"];

async fn start() -> Retries {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let mut client = applications::Client::new(server.channel.clone());
    let own = created(&mut client, order()).await.id;
    let other = pb::CreateApplicationRequest {
        tenant: TENANTS[1].into(),
        ..applications::create(applications::callback("0555 123456"))
    };
    let other = client.create_application(other).await.unwrap().into_inner().application.unwrap().id;
    let mut patterns = [Vec::new(), Vec::new()];
    for (tenant, of_tenant) in TENANTS.iter().zip(&mut patterns) {
        for code in ["unwanted_0", "unwanted_1"] {
            let request = new_category(tenant, code, "");
            CategoryServiceClient::new(server.channel.clone()).create_category(request).await.unwrap();
            let request = new_document(tenant, code, "x", "");
            DocumentServiceClient::new(server.channel.clone()).put_document(request).await.unwrap();
        }
        for year in 2000..2004 {
            let request = new_pattern(tenant, year, "");
            let added = PatternServiceClient::new(server.channel.clone()).create_pattern(request).await.unwrap();
            of_tenant.push(added.into_inner().pattern.unwrap().id);
        }
    }
    let unwanted = "INSERT INTO bot_texts (tenant_id, key, language, value)
                    SELECT id, 'unwanted_' || variant, 'ru', 'x' FROM tenants, generate_series(0, 1) AS variant";
    owner.batch_execute(unwanted).await.unwrap();
    let mut customers = [Vec::new(), Vec::new()];
    for (tenant, of_tenant) in TENANTS.iter().zip(&mut customers) {
        let some = "INSERT INTO customers (tenant_id, channel, external_id)
                    SELECT id, 'web', 'retries ' || n FROM tenants, generate_series(1, 3) n WHERE slug = $1
                    RETURNING id::text";
        of_tenant.extend(owner.query(some, &[tenant]).await.unwrap().iter().map(|row| row.get::<_, String>(0)));
    }
    Retries { server, owner, writes: all_writes([own, other], patterns, customers) }
}

impl Retries {
    async fn call(&self, write: &Write, tenant: &str, id: &str, variant: usize) -> Result<Bytes, Status> {
        let answer = call(&self.server.channel, write.method, (write.messages)(tenant, id, variant)).await;
        if write.method.contains("Upload") {
            imports_end(&self.owner).await;
            // It goes on while it is answered: the answer names it.
            return answer.map(|answer| {
                let import = pb::UploadImportResponse::decode(answer).unwrap().import.unwrap();
                import.id.into_bytes().into()
            });
        }
        if write.method.contains("IssueApiKey") {
            // The key itself is in the first answer alone, for it is not kept.
            return answer.map(|answer| {
                let answer = pb::IssueApiKeyResponse::decode(answer).unwrap();
                assert!(answer.key.is_empty() || answer.key.starts_with(&answer.api_key.as_ref().unwrap().prefix));
                encoded(&pb::IssueApiKeyResponse { key: String::new(), ..answer })
            });
        }
        answer
    }
}

fn assert_reused(refused: Result<Bytes, Status>, method: &str) {
    let status = refused.expect_err(method);
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((status.code(), info.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"), "{method}");
    assert_eq!(info.metadata["request_id"], ID, "{method}");
}

/// An id no test has used yet.
fn other_id(number: usize) -> String {
    format!("0192cccc-0000-7000-8000-{number:012}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_that_comes_twice_is_done_once() {
    let retries = start().await;
    let Retries { owner, writes, .. } = &retries;
    let takes_id = methods().into_iter().filter(|(_, method)| {
        let input = method.input();
        let nested = input.get_field_by_name("header").and_then(|header| header.kind().as_message().cloned());
        [Some(input), nested].into_iter().flatten().any(|message| message.get_field_by_name("request_id").is_some())
    });
    let takes_id: BTreeSet<String> = takes_id.map(|(method, _)| method).collect();
    assert_eq!(takes_id, writes.iter().map(|write| write.method.to_owned()).collect());

    let mut first = Vec::new();
    for write in writes {
        let before = everything(owner).await;
        let answer =
            retries.call(write, TENANTS[0], ID, 0).await.unwrap_or_else(|error| panic!("{}: {error:?}", write.method));
        let done = everything(owner).await;
        assert!(before != done, "{} did nothing", write.method);
        let again = retries.call(write, TENANTS[0], ID, 0).await.unwrap();
        assert_eq!(again, answer, "{}", write.method);
        // One id in two spellings is one.
        let capitals = retries.call(write, TENANTS[0], &ID.to_uppercase(), 0).await.unwrap();
        assert_eq!(capitals, answer, "{}", write.method);
        assert_reused(retries.call(write, TENANTS[0], ID, 1).await, write.method);
        assert!(done == everything(owner).await, "{} did something again", write.method);
        first.push(answer);
    }
    // The world moves on: other writes in between, and the other tenant's with the same id.
    for (number, write) in writes.iter().enumerate() {
        retries.call(write, TENANTS[0], &other_id(number), 1).await.unwrap();
        if write.has_tenant {
            let other = retries.call(write, TENANTS[1], ID, 0).await.unwrap();
            // Of those that answer nothing, or the same to both.
            let same = [
                "TextService/UpsertTexts",
                "TextService/DeleteTexts",
                "PatternService/DeletePattern",
                "DocumentService/DeleteDocument",
                "ApplicationService/DeleteCustomer",
            ];
            if !same.contains(&write.method) && !write.method.starts_with("CategoryService/") {
                assert_ne!(other, first[number], "{}", write.method);
            }
            assert_eq!(retries.call(write, TENANTS[1], ID, 0).await.unwrap(), other, "{}", write.method);
        }
    }
    let done = everything(owner).await;
    for (write, answer) in writes.iter().zip(&first) {
        assert_eq!(retries.call(write, TENANTS[0], ID, 0).await.unwrap(), *answer, "{}", write.method);
    }
    assert!(done == everything(owner).await, "a write was done again");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_writes_and_all_get_its_answer() {
    let retries = start().await;
    for write in &retries.writes {
        let calls = (0..6).map(|_| retries.call(write, TENANTS[0], ID, 0));
        let answers: Vec<Bytes> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{}: {answers:?}", write.method);
    }
    let rows = retries
        .owner
        .query_one(
            "SELECT (SELECT count(*) FROM applications a JOIN tenants t ON t.id = a.tenant_id WHERE t.slug = 'evopoliki'),
                    (SELECT count(*) FROM application_events WHERE from_status = 'new' AND to_status = 'in_progress'),
                    (SELECT count(*) FROM imports), (SELECT count(*) FROM write_requests),
                    (SELECT count(*) FROM admin_requests), (SELECT revision FROM tenants WHERE slug = 'evopoliki')",
            &[],
        )
        .await
        .unwrap();
    let counts: Vec<i64> = (0..6).map(|column| rows.get(column)).collect();
    // Two of the requests are those of the applications that there were before.
    assert_eq!(counts, [2, 1, 1, 21 + 2, 3, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_write_leaves_its_id_to_the_next() {
    let retries = start().await;
    let update = |etag: &str| {
        let tenant = pb::Tenant { slug: TENANTS[0].into(), display_name: "Имя".into(), ..Default::default() };
        vec![encoded(&pb::UpdateTenantRequest {
            tenant: Some(tenant),
            update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".into()] }),
            request_id: ID.into(),
            etag: etag.into(),
        })]
    };
    let channel = &retries.server.channel;
    let before = everything(&retries.owner).await;
    let refused = call(channel, "TenantService/UpdateTenant", update("99")).await.unwrap_err();
    assert_eq!(refused.get_error_details().error_info().unwrap().reason, "ETAG_MISMATCH");
    assert!(before == everything(&retries.owner).await, "a refused write left something");
    call(channel, "TenantService/UpdateTenant", update("1")).await.unwrap();
    // Its answer is kept, though the etag it gave is stale by now.
    call(channel, "TenantService/UpdateTenant", update("1")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_remembered_for_seven_days_and_forgotten_by_the_next_write() {
    let retries = start().await;
    let Retries { owner, writes, .. } = &retries;
    // Of those that are kept by method: a tenant's, and nobody's.
    let of = |method: &str| writes.iter().find(|write| write.method == method).unwrap();
    let (texts, aliases) = (of("TextService/UpsertTexts"), of("AdminService/CreateAlias"));
    for (write, table) in [(texts, "write_requests"), (aliases, "admin_requests")] {
        let answer = retries.call(write, TENANTS[0], ID, 0).await.unwrap();
        if write.has_tenant {
            retries.call(write, TENANTS[1], ID, 0).await.unwrap();
        }
        let age = async |interval: &str| {
            let sql =
                format!("UPDATE {table} SET created_at = now() - interval '{interval}' WHERE request_id = '{ID}'");
            assert!(owner.execute(&sql, &[]).await.unwrap() > 0);
        };
        let kept = async || {
            let sql = format!("SELECT count(*) FROM {table} WHERE request_id = '{ID}'");
            owner.query_one(&sql, &[]).await.unwrap().get::<_, i64>(0)
        };
        let both = kept().await;
        assert_eq!(both, if write.has_tenant { 2 } else { 1 });
        // A minute less than seven days: the next write leaves it, and it still gets its answer.
        age("6 days 23 hours 59 minutes").await;
        retries.call(write, TENANTS[0], &other_id(1), 1).await.unwrap();
        assert_eq!(kept().await, both, "{table}");
        assert_eq!(retries.call(write, TENANTS[0], ID, 0).await.unwrap(), answer, "{table}");
        assert_reused(retries.call(write, TENANTS[0], ID, 1).await, write.method);
        // A minute more: the same write still finds itself, another one tidies it up, its own tenant's alone.
        age("7 days 1 minute").await;
        assert_eq!(retries.call(write, TENANTS[0], ID, 0).await.unwrap(), answer, "{table}");
        retries.call(write, TENANTS[0], &other_id(2), 2).await.unwrap();
        assert_eq!(kept().await, both - 1, "{table}");
        // Forgotten, it is a new id: also with another body.
        retries.call(write, TENANTS[0], ID, 2).await.unwrap();
        assert_eq!(kept().await, both, "{table}");
    }

    // An application is never made twice, however late the retry comes.
    let create = of("ApplicationService/CreateApplication");
    let answer = retries.call(create, TENANTS[0], ID, 0).await.unwrap();
    owner.batch_execute("DELETE FROM write_requests").await.unwrap();
    assert_eq!(retries.call(create, TENANTS[0], ID, 0).await.unwrap(), answer);
    owner.batch_execute("DELETE FROM write_requests").await.unwrap();
    assert_reused(retries.call(create, TENANTS[0], ID, 1).await, create.method);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_with_any_other_setting_is_another() {
    let retries = start().await;
    let file = || list(&["Хонда,Фит,2003"]);
    let first = || pb::ImportHeader { category: "5d_mats".into(), request_id: ID.into(), ..header() };
    let send = async |header: pb::ImportHeader, file: Vec<u8>| {
        call(&retries.server.channel, "ImportService/UploadImport", messages(header, file)).await
    };
    send(first(), file()).await.unwrap();
    imports_end(&retries.owner).await;
    let before = everything(&retries.owner).await;
    for (what, header, file) in [
        ("category", pb::ImportHeader { category: "eva_mats".into(), ..first() }, file()),
        ("file_name", pb::ImportHeader { file_name: "other.pdf".into(), ..first() }, file()),
        ("mode", pb::ImportHeader { mode: pb::ImportMode::Replace.into(), ..first() }, file()),
        ("validate_only", pb::ImportHeader { validate_only: true, ..first() }, file()),
        ("allow_large_withdrawal", pb::ImportHeader { allow_large_withdrawal: true, ..first() }, file()),
        ("file", first(), list(&["Хонда,Фит,2004"])),
    ] {
        assert_reused(send(header, file).await, what);
    }
    // The alias of its category names the same one.
    send(pb::ImportHeader { category: "mats_5d".into(), ..first() }, file()).await.unwrap();
    assert!(before == everything(&retries.owner).await, "it was imported again");
}
