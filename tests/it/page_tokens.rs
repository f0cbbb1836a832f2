//! Page tokens of every list of the contract: each leads on in its own list, whatever the page's size, and in no other.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use lekalo::proto::FILE_DESCRIPTOR_SET;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, Value};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

use crate::support::applications::SOME_APPLICATIONS;
use crate::support::methods::{call, items, next_token, page};
use crate::support::uploads::{header, upload_and_wait};
use crate::support::{TestServer, connect, database};

/// How many bytes of a token are its seal.
const SEAL: usize = 32;

/// Not built yet.
const UNIMPLEMENTED: &str = "ListApiKeys";

/// A request for each list whose answer has several items.
async fn requests(server: &TestServer) -> Vec<(&'static str, Vec<u8>)> {
    let owner = connect(&server.config).await;
    owner.batch_execute(SOME_APPLICATIONS).await.unwrap();
    let some_customers = "INSERT INTO customers (tenant_id, channel, external_id)
                          SELECT id, 'web', 'paging ' || n FROM tenants, generate_series(1, 5) n WHERE slug = 'evopoliki'";
    owner.batch_execute(some_customers).await.unwrap();
    let some_documents = "
        INSERT INTO documents (tenant_id, key, language, last_version)
        SELECT id, key, 'ru', 3 FROM tenants, unnest('{faq,rules}'::text[]) key WHERE slug = 'evopoliki';
        INSERT INTO document_versions (tenant_id, key, language, version, content)
        SELECT tenant_id, key, language, n, 'paging' FROM documents, generate_series(1, 3) n";
    owner.batch_execute(some_documents).await.unwrap();
    let (tenant, category) = ("evopoliki".to_owned(), "eva_mats".to_owned());
    let cars = "Марка,Модель,Год\nToyota,Camry,2018\nToyota,Corolla,2010\nHonda,Fit,2005\nKia,Rio,2015\n";
    let mats = upload_and_wait(server, cars.as_bytes(), header()).await;
    upload_and_wait(server, cars.as_bytes(), header()).await;
    let others = pb::ImportHeader { category: "5d_mats".into(), ..header() };
    upload_and_wait(server, cars.as_bytes(), others.clone()).await;
    let replace = pb::ImportHeader { mode: pb::ImportMode::Replace.into(), allow_large_withdrawal: true, ..others };
    let replaced = upload_and_wait(server, "Марка,Модель,Год\nToyota,Camry,2018\n".as_bytes(), replace).await;
    assert_eq!(replaced.counts.unwrap().withdrawn, 3);
    let pattern_id = crate::support::uploads::rows(server, &mats, pb::RowOutcome::Created).await[0].pattern_id.clone();
    let id = mats.id.clone();
    vec![
        (
            "ListBrands",
            pb::ListBrandsRequest { tenant: tenant.clone(), category: category.clone(), ..Default::default() }
                .encode_to_vec(),
        ),
        (
            "ListModels",
            pb::ListModelsRequest { tenant: tenant.clone(), category, brand: "toyota".into(), ..Default::default() }
                .encode_to_vec(),
        ),
        ("ListTenants", pb::ListTenantsRequest::default().encode_to_vec()),
        ("ListAliases", pb::ListAliasesRequest { brand: "kia".into(), ..Default::default() }.encode_to_vec()),
        ("ListTexts", pb::ListTextsRequest { tenant: tenant.clone(), ..Default::default() }.encode_to_vec()),
        ("ListPrices", pb::ListPricesRequest { tenant: tenant.clone(), ..Default::default() }.encode_to_vec()),
        (
            "ListApplications",
            pb::ListApplicationsRequest { tenant: tenant.clone(), ..Default::default() }.encode_to_vec(),
        ),
        ("ListImports", pb::ListImportsRequest { tenant: tenant.clone(), ..Default::default() }.encode_to_vec()),
        (
            "ListImportRows",
            pb::ListImportRowsRequest { tenant: tenant.clone(), id, ..Default::default() }.encode_to_vec(),
        ),
        (
            "ListWithdrawnPatterns",
            pb::ListWithdrawnPatternsRequest { tenant: tenant.clone(), id: replaced.id, ..Default::default() }
                .encode_to_vec(),
        ),
        (
            "ListPatternRows",
            pb::ListPatternRowsRequest { tenant: tenant.clone(), pattern_id, ..Default::default() }.encode_to_vec(),
        ),
        ("ListCustomers", pb::ListCustomersRequest { tenant: tenant.clone(), ..Default::default() }.encode_to_vec()),
        ("ListDocuments", pb::ListDocumentsRequest { tenant: tenant.clone(), ..Default::default() }.encode_to_vec()),
        (
            "ListDocumentVersions",
            pb::ListDocumentVersionsRequest { tenant: tenant.clone(), key: "faq".into(), ..Default::default() }
                .encode_to_vec(),
        ),
        ("ListPatterns", pb::ListPatternsRequest { tenant: tenant.clone(), ..Default::default() }.encode_to_vec()),
        ("ListAuditEvents", pb::ListAuditEventsRequest { tenant, ..Default::default() }.encode_to_vec()),
    ]
}

/// The same request with this field saying something else.
fn changed(request: &DynamicMessage, field: &FieldDescriptor) -> DynamicMessage {
    let mut request = request.clone();
    let before = request.get_field(field).into_owned();
    let after = match (field.kind(), before) {
        (Kind::String, Value::String(text)) => Value::String(text + "x"),
        (Kind::Bool, Value::Bool(value)) => Value::Bool(!value),
        (Kind::Int32, Value::I32(year)) => Value::I32(year + 2018),
        (Kind::Enum(_), Value::EnumNumber(number)) => Value::EnumNumber(if number == 1 { 2 } else { 1 }),
        (Kind::Message(message), _) if message.full_name() == "google.protobuf.Timestamp" => {
            let mut time = DynamicMessage::new(message);
            time.set_field_by_name("seconds", Value::I64(1_800_000_000));
            Value::Message(time)
        }
        (kind, before) => panic!("teach this test to change {kind:?} {before:?} of {}", field.full_name()),
    };
    request.set_field(field, after);
    request
}

/// Refused for its token; other fields may be refused as well.
fn is_refused(answer: Result<DynamicMessage, Status>, what: &str) {
    let status = answer.map(|answer| panic!("{what} was answered: {answer}")).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status:?}");
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let refused = violations.iter().find(|violation| violation.field == "page_token");
    assert_eq!(refused.map(|violation| violation.reason.as_str()), Some("PAGE_TOKEN_INVALID"), "{what}: {status:?}");
}

#[tokio::test]
async fn a_token_leads_on_in_its_own_list_and_in_no_other() {
    let server = TestServer::start().await;
    let requests = requests(&server).await;
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let lists: Vec<MethodDescriptor> = methods
        .filter(|method| method.input().get_field_by_name("page_token").is_some() && method.name() != UNIMPLEMENTED)
        .collect();
    assert_eq!(lists.len(), requests.len(), "every list is here");
    let mut tokens = Vec::new();
    for method in &lists {
        let name = method.name();
        let request = &requests.iter().find(|(of, _)| *of == name).unwrap().1;
        let request = DynamicMessage::decode(method.input(), request.as_slice()).unwrap();
        let whole = call(&server, method, &page(&request, 500, "")).await.unwrap();
        assert!(items(&whole).len() > 1 && next_token(&whole).is_empty(), "{name} has several items: {whole}");
        let first = call(&server, method, &page(&request, 1, "")).await.unwrap();
        let token = next_token(&first);
        let rest = call(&server, method, &page(&request, 499, &token)).await.unwrap();
        assert_eq!([items(&first), items(&rest)].concat(), items(&whole), "{name}: a first page and the rest");
        for part in [&first, &rest] {
            let total = part.get_field_by_name("total_size").unwrap().as_i32();
            assert_eq!(total, i32::try_from(items(&whole).len()).ok(), "{name} counts the whole list");
        }
        for field in method.input().fields() {
            if ["page_size", "page_token", "skip"].contains(&field.name()) {
                continue;
            }
            let other = changed(&page(&request, 1, &token), &field);
            is_refused(call(&server, method, &other).await, &format!("{name} with another {}", field.name()));
        }
        tokens.push((method.clone(), request, token));
    }
    for (method, request, own) in &tokens {
        for (other, _, token) in tokens.iter().filter(|(other, ..)| other.full_name() != method.full_name()) {
            let what = format!("{} with a token of {}", method.name(), other.name());
            is_refused(call(&server, method, &page(request, 1, token)).await, &what);
        }
        let sealed = URL_SAFE_NO_PAD.decode(own).unwrap();
        let (seal, plain) = sealed.split_at(SEAL);
        let plain = str::from_utf8(plain).unwrap();
        let key = plain.find("\"t\":\"").unwrap() + 5;
        let with = |text: &str| {
            URL_SAFE_NO_PAD.encode([seal, format!("{}{text}{}", &plain[..key], &plain[key..]).as_bytes()].concat())
        };
        let bare = URL_SAFE_NO_PAD.encode(plain);
        for forged in
            ["!", "AAAA", &own[1..], &bare, &with("x"), &with("\\u0000"), &with(&"x".repeat(1024)), &"я".repeat(1025)]
        {
            let what = format!("{} with the token {forged}", method.name());
            is_refused(call(&server, method, &page(request, 1, forged)).await, &what);
        }
    }
}

#[tokio::test]
async fn a_token_is_good_on_every_server_of_its_database_and_on_no_other() {
    let server = TestServer::start().await;
    let twin = TestServer::over(server.config.clone()).await;
    // Databases of tests are copies of one, whose secret is the same.
    let other = database().await;
    connect(&other).await.batch_execute("UPDATE service_secrets SET value = sha256('another')").await.unwrap();
    let elsewhere = TestServer::over(other).await;
    let request = pb::ListModelsRequest {
        tenant: "evopoliki".into(),
        category: "eva_mats".into(),
        all: true,
        brand: "toyota".into(),
        page_size: 1,
        ..Default::default()
    };
    let list = async |server: &TestServer, request: &pb::ListModelsRequest| {
        let answer = CatalogServiceClient::new(server.channel.clone()).list_models(request.clone()).await;
        answer.map(Response::into_inner)
    };
    let token = list(&server, &request).await.unwrap().next_page_token;
    assert!(!token.is_empty());
    let next = pb::ListModelsRequest { page_token: token, ..request };
    assert_eq!(list(&twin, &next).await.unwrap(), list(&server, &next).await.unwrap());
    let refused = list(&elsewhere, &next).await.unwrap_err();
    assert!(refused.message().contains("is not a token this service issued"), "{refused:?}");
}
