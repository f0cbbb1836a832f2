//! A good request of every method, to be spoiled in one place at a time, and what it takes to send it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use lekalo::proto::FILE_DESCRIPTOR_SET;
use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use prost_types::{FieldMask, Struct, Timestamp};
use tonic::client::Grpc;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use crate::support::TestServer;
use crate::support::applications::{
    application_update, callback, create, created, customer, customer_id, customer_update, external_ref, note, order,
};
use crate::support::methods::{
    APPLICATION_FIELDS, BUILT, CATEGORY_FIELDS, CUSTOMER_FIELDS, OPTION_FIELDS, PATTERN_FIELDS,
};
use crate::support::raw::Raw;
use crate::support::uploads::{header, rows, upload_and_wait};

/// A server with something in each of its lists.
pub struct Filled {
    pub server: TestServer,
    pub methods: Vec<Method>,
}

/// A method that works, and a request that it takes.
pub struct Method {
    /// `Service/Method`.
    pub name: String,
    pub descriptor: MethodDescriptor,
    pub good: DynamicMessage,
}

impl Method {
    /// Sends a request; the first message of the answer, empty where none comes.
    pub async fn call(&self, server: &TestServer, request: &DynamicMessage) -> Result<Bytes, Status> {
        let mut client = Grpc::new(server.channel.clone());
        client.ready().await.unwrap();
        let mut call = Request::new(Bytes::from(request.encode_to_vec()));
        call.set_timeout(Duration::from_secs(20));
        let path = format!("/lekalo.v1.{}", self.name).parse().unwrap();
        let mut answers = client.server_streaming(call, path, Raw).await?.into_inner();
        Ok(answers.message().await?.unwrap_or_default())
    }

    /// Sends a request and reads the answer.
    pub async fn answer(&self, server: &TestServer, request: &DynamicMessage) -> DynamicMessage {
        let answer = self.call(server, request).await;
        let answer = answer.unwrap_or_else(|status| panic!("{} {request:?}: {status:?}", self.name));
        DynamicMessage::decode(self.descriptor.output(), answer).unwrap()
    }
}

/// The refused fields, each with its reason.
pub fn violations(status: &Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.into_iter().map(|violation| (violation.field, violation.reason)).collect()
}

/// Fills every list and makes the requests.
pub async fn filled() -> Filled {
    let server = TestServer::start().await;
    let file = "Марка,Модель,Год\nТойота,Камри,2018\nТойота,Королла,2015\nТойота,RAV4,2016\nХонда,Фит,2010\nКиа,Рио,2016\nБМВ,X5,2014\n";
    let first = upload_and_wait(&server, file.as_bytes(), header()).await;
    upload_and_wait(&server, file.as_bytes(), header()).await;
    let replace = pb::ImportMode::Replace.into();
    let replacing = pb::ImportHeader { mode: replace, allow_large_withdrawal: true, ..header() };
    let replacing = upload_and_wait(&server, "Марка,Модель,Год\nТойота,Камри,2018\n".as_bytes(), replacing).await;
    assert_eq!(replacing.counts.unwrap().withdrawn, 5);
    upload_and_wait(&server, file.as_bytes(), header()).await;
    let pattern_id = rows(&server, &first, pb::RowOutcome::Created).await[0].pattern_id.clone();

    let mut applications = crate::support::applications::Client::new(server.channel.clone());
    let application = created(&mut applications, order()).await;
    for _ in 0..4 {
        created(&mut applications, callback("0555123456")).await;
    }
    for number in 0..4 {
        let customer = pb::Customer { external_id: number.to_string(), ..customer() };
        created(&mut applications, pb::Application { customer: Some(customer), ..order() }).await;
    }
    let mut tenants = pb::tenant_service_client::TenantServiceClient::new(server.channel.clone());
    for slug in ["shop_b", "shop-c", "a_shop", "zz"] {
        let bot =
            pb::TenantChannel { channel: pb::Channel::Web.into(), external_id: "shop".into(), ..Default::default() };
        let channels = if slug == "zz" { vec![bot] } else { vec![] };
        let tenant = pb::Tenant { slug: slug.into(), display_name: slug.into(), channels, ..Default::default() };
        tenants.create_tenant(pb::CreateTenantRequest { tenant: Some(tenant), ..Default::default() }).await.unwrap();
    }
    let pattern_tenant = "evopoliki";
    let mut admin = pb::admin_service_client::AdminServiceClient::new(server.channel.clone());
    let mut key = String::new();
    for _ in 0..5 {
        let issue = pb::IssueApiKeyRequest { role: pb::Role::Admin.into(), ..Default::default() };
        key = admin.issue_api_key(issue).await.unwrap().into_inner().api_key.unwrap().prefix;
    }
    let mut documents = pb::document_service_client::DocumentServiceClient::new(server.channel.clone());
    for number in 0..12 {
        let document = pb::Document {
            key: "faq".into(),
            language: ["ru", "ky", "en"][number % 3].into(),
            content: number.to_string(),
            ..Default::default()
        };
        let (tenant, document) = (pattern_tenant.into(), Some(document));
        documents.put_document(pb::PutDocumentRequest { tenant, document, ..Default::default() }).await.unwrap();
    }
    let good = good(pattern_tenant, &application, &[&first.id, &replacing.id], &pattern_id, &key);
    Filled { server, methods: methods(good) }
}

/// Each method that works with its good request; one without is an error, so that a new method is not left out.
fn methods(mut good: BTreeMap<&'static str, Vec<u8>>) -> Vec<Method> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let methods = BUILT.iter().map(|name| {
        let (service, method) = name.split_once('/').unwrap();
        let service = pool.get_service_by_name(&format!("lekalo.v1.{service}")).unwrap();
        let descriptor = service.methods().find(|known| known.name() == method).unwrap();
        let good = good.remove(name).unwrap_or_else(|| panic!("{name} has no good request here"));
        let good = DynamicMessage::decode(descriptor.input(), good.as_slice()).unwrap();
        Method { name: (*name).to_owned(), descriptor, good }
    });
    let methods = methods.collect();
    assert!(good.is_empty(), "no methods: {:?}", good.keys());
    methods
}

fn soms(units: i64) -> Option<Money> {
    Some(Money { currency_code: String::new(), units, nanos: 0 })
}

/// Requests that are taken, with every part filled that has fields of its own.
fn good(
    tenant: &str,
    application: &pb::Application,
    imports: &[&str; 2],
    pattern_id: &str,
    key: &str,
) -> BTreeMap<&'static str, Vec<u8>> {
    let mut good = BTreeMap::new();
    let mut add = |name, message: Vec<u8>| assert_eq!(good.insert(name, message), None, "{name}");
    let tenant = || tenant.to_owned();
    let (eva, mats) = (|| "eva_mats".to_owned(), || "5d_mats".to_owned());
    let (toyota, camry) = (|| "toyota".to_owned(), || "camry".to_owned());
    let (first, replacing) = (|| imports[0].to_owned(), || imports[1].to_owned());
    let leather = || vec![pb::Selection { option: "leather".into(), value: "press".into() }];
    macro_rules! request {
        ($name:literal, $type:ident { $($field:ident: $value:expr),* $(,)? }) => {
            #[allow(clippy::needless_update, reason = "some messages have these fields and no others")]
            add($name, pb::$type { $($field: $value,)* ..Default::default() }.encode_to_vec())
        };
    }
    request!("TenantService/GetTenant", GetTenantRequest { tenant: tenant() });
    request!(
        "TenantService/ResolveTenant",
        ResolveTenantRequest { channel: pb::Channel::Web.into(), external_id: "shop".into() }
    );
    request!("TenantService/ListTenants", ListTenantsRequest {});
    let bot =
        |id: &str| pb::TenantChannel { channel: pb::Channel::Web.into(), external_id: id.into(), ..Default::default() };
    let shop = pb::Tenant {
        slug: "new_shop".into(),
        display_name: "Shop".into(),
        contacts: vec![pb::TenantContact { kind: pb::ContactKind::Website.into(), value: "example.kg".into() }],
        channels: vec![bot("new")],
        categories: vec![eva()],
        settings: Some(Struct::default()),
        ..Default::default()
    };
    request!("TenantService/CreateTenant", CreateTenantRequest { tenant: Some(shop.clone()) });
    let paths = ["display_name", "default_language", "time_zone", "contacts", "channels", "categories"];
    let mask = FieldMask { paths: paths.map(str::to_owned).to_vec() };
    request!(
        "TenantService/UpdateTenant",
        UpdateTenantRequest {
            tenant: Some(pb::Tenant { slug: "zz".into(), channels: vec![bot("shop")], ..shop }),
            update_mask: Some(mask)
        }
    );
    request!("CatalogService/ListCategories", ListCategoriesRequest { tenant: tenant() });
    request!("CatalogService/ListBrands", ListBrandsRequest { tenant: tenant(), category: eva() });
    request!("CatalogService/ListModels", ListModelsRequest { tenant: tenant(), category: eva(), brand: toyota() });
    request!("CatalogService/GetModel", GetModelRequest { tenant: tenant(), brand: toyota(), model: camry() });
    request!(
        "CatalogService/FindPatterns",
        FindPatternsRequest { tenant: tenant(), category: eva(), brand: toyota(), model: camry() }
    );
    request!(
        "CatalogService/ResolveVehicle",
        ResolveVehicleRequest { tenant: tenant(), category: eva(), text: "камри".into() }
    );
    request!("CatalogService/ListOptions", ListOptionsRequest { tenant: tenant(), category: mats() });
    request!(
        "PricingService/QuotePrice",
        QuotePriceRequest {
            tenant: tenant(),
            category: mats(),
            brand: toyota(),
            model: camry(),
            selections: leather(),
            at_time: None
        }
    );
    request!("PricingService/ListPrices", ListPricesRequest { tenant: tenant() });
    let (pattern_id, etag) = (|| pattern_id.to_owned(), || "0".to_owned());
    let mask = || Some(FieldMask { paths: PATTERN_FIELDS.map(str::to_owned).to_vec() });
    let pattern = || Some(pb::Pattern::default());
    request!(
        "PatternService/CreatePattern",
        CreatePatternRequest { tenant: tenant(), category: eva(), brand: toyota(), model: camry(), pattern: pattern() }
    );
    request!("PatternService/GetPattern", GetPatternRequest { tenant: tenant(), id: pattern_id() });
    request!("PatternService/ListPatterns", ListPatternsRequest { tenant: tenant(), brand: toyota() });
    request!(
        "PatternService/UpdatePattern",
        UpdatePatternRequest {
            tenant: tenant(),
            id: pattern_id(),
            pattern: pattern(),
            update_mask: mask(),
            etag: etag()
        }
    );
    let update = pb::PatternUpdate { id: pattern_id(), pattern: pattern(), etag: etag() };
    request!(
        "PatternService/BatchUpdatePatterns",
        BatchUpdatePatternsRequest { tenant: tenant(), updates: vec![update], update_mask: mask() }
    );
    request!("PatternService/DeletePattern", DeletePatternRequest { tenant: tenant(), id: pattern_id(), etag: etag() });
    let named = || pb::LocalizedName { ru: "Имя".into(), ky: "Аты".into(), en: "Name".into() };
    let category = || {
        Some(pb::ShopCategory {
            display_names: Some(named()),
            descriptions: Some(pb::LocalizedText { ru: "Слова".into(), ..Default::default() }),
            active: true,
            ..Default::default()
        })
    };
    let value =
        |code: &str| pb::ShopOptionValue { code: code.into(), display_names: Some(named()), ..Default::default() };
    let option = |code: &str| {
        Some(pb::ShopOption {
            display_names: Some(named()),
            kind: pb::OptionKind::Choice.into(),
            values: vec![value(code)],
            active: true,
            ..Default::default()
        })
    };
    let mask_of = |fields: &[&str]| Some(FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() });
    request!("CategoryService/ListShopCategories", ListShopCategoriesRequest { tenant: tenant() });
    request!(
        "CategoryService/CreateCategory",
        CreateCategoryRequest { tenant: tenant(), code: "door_panels".into(), category: category() }
    );
    request!(
        "CategoryService/UpdateCategory",
        UpdateCategoryRequest {
            tenant: tenant(),
            code: eva(),
            category: category(),
            update_mask: mask_of(&CATEGORY_FIELDS),
            etag: etag()
        }
    );
    request!("CategoryService/DeleteCategory", DeleteCategoryRequest { tenant: tenant(), code: eva(), etag: etag() });
    request!("CategoryService/ListShopOptions", ListShopOptionsRequest { tenant: tenant(), category: eva() });
    request!(
        "CategoryService/CreateOption",
        CreateOptionRequest { tenant: tenant(), category: eva(), code: "edging".into(), option: option("black") }
    );
    request!(
        "CategoryService/UpdateOption",
        UpdateOptionRequest {
            tenant: tenant(),
            category: mats(),
            code: "leather".into(),
            option: option("press"),
            update_mask: mask_of(&OPTION_FIELDS),
            etag: "77".to_owned()
        }
    );
    let price = pb::Price {
        category: mats(),
        brand: toyota(),
        option: "third_row".into(),
        conditions: leather(),
        kind: pb::PriceKind::Range.into(),
        amount: soms(10),
        amount_max: soms(20),
        ..Default::default()
    };
    request!("PricingService/SetPrices", SetPricesRequest { tenant: tenant(), prices: vec![price] });
    request!("TextService/BatchGetTexts", BatchGetTextsRequest { tenant: tenant(), keys: vec!["welcome".into()] });
    request!("TextService/ListTexts", ListTextsRequest { tenant: tenant() });
    let list = Some(pb::TextList { items: vec!["Раз".into()] });
    let text = pb::Text { key: "note".into(), language: "ru".into(), list, ..Default::default() };
    request!("TextService/UpsertTexts", UpsertTextsRequest { tenant: tenant(), texts: vec![text] });
    request!("TextService/DeleteTexts", DeleteTextsRequest { tenant: tenant(), keys: vec!["note".into()] });
    let document = pb::Document {
        key: "faq".into(),
        language: "ru".into(),
        title: "Вопросы".into(),
        content: "Раз".into(),
        ..Default::default()
    };
    let faq = || "faq".to_owned();
    request!(
        "DocumentService/PutDocument",
        PutDocumentRequest { tenant: tenant(), document: Some(document), etag: "77".into() }
    );
    request!("DocumentService/GetDocument", GetDocumentRequest { tenant: tenant(), key: faq() });
    request!("DocumentService/ListDocuments", ListDocumentsRequest { tenant: tenant() });
    request!("DocumentService/ListDocumentVersions", ListDocumentVersionsRequest { tenant: tenant(), key: faq() });
    request!(
        "DocumentService/DeleteDocument",
        DeleteDocumentRequest { tenant: tenant(), key: faq(), languages: vec!["ru".into()], etag: "77".into() }
    );
    let external_refs = || vec![external_ref("amocrm", "1042")];
    let asked =
        pb::Application { quoted_total_max: soms(20_000), external_refs: external_refs(), quoted_kind: 0, ..order() };
    add("ApplicationService/CreateApplication", create(asked).encode_to_vec());
    request!(
        "ApplicationService/GetApplication",
        GetApplicationRequest { tenant: tenant(), id: application.id.clone() }
    );
    request!("ApplicationService/ListApplications", ListApplicationsRequest { tenant: tenant() });
    request!(
        "ApplicationService/TransitionApplication",
        TransitionApplicationRequest {
            tenant: tenant(),
            id: application.id.clone(),
            to: pb::ApplicationStatus::InProgress.into(),
            actor: "Нурлан".into(),
            etag: "0".into()
        }
    );
    let asked = pb::Application { quoted_total_max: soms(20_000), external_refs: external_refs(), ..order() };
    let asked = pb::UpdateApplicationRequest {
        etag: "0".into(),
        ..application_update(application, asked, &APPLICATION_FIELDS)
    };
    add("ApplicationService/UpdateApplication", asked.encode_to_vec());
    add("ApplicationService/AddApplicationNote", note(application, "Перезвонить").encode_to_vec());
    request!("ApplicationService/GetApplicationStats", GetApplicationStatsRequest { tenant: tenant() });
    let known = customer_id(application);
    request!("ApplicationService/GetCustomer", GetCustomerRequest { tenant: tenant(), id: known.clone() });
    request!("ApplicationService/ListCustomers", ListCustomersRequest { tenant: tenant() });
    let changed = customer_update(&known, customer(), &CUSTOMER_FIELDS);
    let changed = pb::UpdateCustomerRequest { etag: "0".into(), ..changed };
    add("ApplicationService/UpdateCustomer", changed.encode_to_vec());
    request!(
        "ApplicationService/DeleteCustomer",
        DeleteCustomerRequest { tenant: tenant(), id: known, etag: "0".into() }
    );
    request!("ApplicationService/WatchApplications", WatchApplicationsRequest { tenant: tenant() });
    let payload = pb::upload_import_request::Payload::Header(header());
    request!("ImportService/UploadImport", UploadImportRequest { payload: Some(payload) });
    request!("ImportService/GetImport", GetImportRequest { tenant: tenant(), id: first() });
    request!("ImportService/WatchImport", WatchImportRequest { tenant: tenant(), id: first() });
    request!("ImportService/ListImports", ListImportsRequest { tenant: tenant() });
    request!("ImportService/ListImportRows", ListImportRowsRequest { tenant: tenant(), id: first() });
    request!("ImportService/ListWithdrawnPatterns", ListWithdrawnPatternsRequest { tenant: tenant(), id: replacing() });
    request!("ImportService/ListPatternRows", ListPatternRowsRequest { tenant: tenant(), pattern_id: pattern_id() });
    request!("ImportService/ApplyImport", ApplyImportRequest { tenant: tenant(), id: first(), etag: "0".into() });
    request!("ImportService/RevertImport", RevertImportRequest { tenant: tenant(), id: first(), etag: "0".into() });
    request!("ImportService/CancelImport", CancelImportRequest { tenant: tenant(), id: first() });
    request!(
        "ImportService/DeleteImport",
        DeleteImportRequest { tenant: tenant(), id: first(), etag: "0".into(), allow_succeeded: true }
    );
    request!("AdminService/ApplySeed", ApplySeedRequest { validate_only: true });
    request!("AdminService/GetStats", GetStatsRequest { tenant: tenant() });
    request!("AdminService/ListAliases", ListAliasesRequest { brand: toyota(), model: camry() });
    let alias = || "кэмрюшка".to_owned();
    request!("AdminService/CreateAlias", CreateAliasRequest { brand: toyota(), model: camry(), alias: alias() });
    request!("AdminService/DeleteAlias", DeleteAliasRequest { brand: toyota(), model: camry(), alias: alias() });
    let (role, tenants) = (pb::Role::Manager.into(), vec![tenant()]);
    let expires_at = Some(Timestamp { seconds: 4_000_000_000, nanos: 0 });
    request!(
        "AdminService/IssueApiKey",
        IssueApiKeyRequest { role: role, tenants: tenants, label: "бот".into(), expires_at: expires_at }
    );
    request!("AdminService/ListApiKeys", ListApiKeysRequest {});
    request!("AdminService/ListAuditEvents", ListAuditEventsRequest { tenant: tenant() });
    request!("AdminService/RevokeApiKey", RevokeApiKeyRequest { prefix: key.to_owned() });
    good
}

/// A valid time, as a message.
pub fn time(seconds: i64, nanos: i32) -> Vec<u8> {
    Timestamp { seconds, nanos }.encode_to_vec()
}
