//! One good request of every method.

use bytes::Bytes;
use lekalo::proto::FILE_DESCRIPTOR_SET;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use lekalo::proto::lekalo::v1::category_service_client::CategoryServiceClient;
use lekalo::proto::lekalo::v1::document_service_client::DocumentServiceClient;
use lekalo::proto::lekalo::v1::pattern_service_client::PatternServiceClient;
use lekalo::proto::lekalo::v1::upload_import_request::Payload;
use prost_reflect::{DescriptorPool, MethodDescriptor};

use crate::support::applications::{
    application_update, create, created, customer, customer_id, customer_update, external_ref, mask, note, order,
    transition,
};
use crate::support::methods::{
    APPLICATION_FIELDS, BUILT, CATEGORY_FIELDS, CUSTOMER_FIELDS, OPTION_FIELDS, PATTERN_FIELDS,
};
use crate::support::pricing::suv;
use crate::support::uploads::{header, upload_and_wait};
use crate::support::wire::encoded;
use crate::support::{TestServer, connect};

/// A good request, which its method answers with OK.
pub struct Good {
    pub path: String,
    pub method: MethodDescriptor,
    /// More than one for a client stream.
    pub messages: Vec<Bytes>,
    pub writes: bool,
}

pub const TENANT: &str = "evopoliki";
/// A running import that never comes further.
pub const WATCHED: &str = "0197a000-0000-7000-8000-000000000001";
const CANCELLED: &str = "0197a000-0000-7000-8000-000000000002";
const DELETED: &str = "0197a000-0000-7000-8000-000000000003";
const ALIAS: &str = "камрюша";

/// One good request of every method that is built, on a database in which each of them finds what it is about.
pub async fn every_method(server: &TestServer) -> Vec<Good> {
    let tenant = || TENANT.to_owned();
    let mut leads = ApplicationServiceClient::new(server.channel.clone());
    let application = created(&mut leads, order()).await;
    let teach = |alias: &str| pb::CreateAliasRequest {
        brand: "toyota".into(),
        model: "camry".into(),
        alias: alias.into(),
        request_id: uuid(1),
    };
    AdminServiceClient::new(server.channel.clone()).create_alias(teach(ALIAS)).await.unwrap();
    let list = "Марка,Модель,Год\nТойота,Камри,2018\n".as_bytes();
    let done = upload_and_wait(server, list, header()).await;
    assert_eq!(done.state(), pb::ImportState::Succeeded);
    let other = pb::ImportHeader { category: "5d_mats".into(), validate_only: true, ..header() };
    let preview = upload_and_wait(server, list, other).await;
    assert_eq!(preview.state(), pb::ImportState::Validated, "{:?}", preview.error);
    let owner = connect(&server.config).await;
    let sold = "INSERT INTO tenant_categories (tenant_id, category_id)
                SELECT t.id, c.id FROM tenants t, product_categories c WHERE t.slug = 'evopoliki' AND c.code = 'premium_covers'";
    owner.batch_execute(sold).await.unwrap();
    for id in [WATCHED, CANCELLED, DELETED] {
        let endless = "INSERT INTO imports (tenant_id, id, category_id, file_name, sha256, mode, state, lease_until)
                       SELECT t.id, $1::text::uuid, c.id, 'x', sha256(''), 'merge', 'running', now() + interval '1 hour'
                       FROM tenants t, product_categories c WHERE t.slug = 'evopoliki' AND c.code = 'premium_covers'";
        owner.execute(endless, &[&id]).await.unwrap();
    }
    let failed =
        "UPDATE imports SET state = 'failed', lease_until = NULL, finished_at = now() WHERE id = $1::text::uuid";
    owner.execute(failed, &[&DELETED]).await.unwrap();
    let stranger = "INSERT INTO customers (tenant_id, channel, external_id)
                    SELECT id, 'web', 'unwanted' FROM tenants WHERE slug = 'evopoliki' RETURNING id::text";
    let stranger: String = owner.query_one(stranger, &[]).await.unwrap().get(0);
    let pattern: String = owner.query_one("SELECT max(id)::text FROM patterns", &[]).await.unwrap().get(0);

    let unwanted = pb::CreateCategoryRequest { code: "unwanted".into(), ..new_category() };
    CategoryServiceClient::new(server.channel.clone()).create_category(unwanted).await.unwrap();
    for (key, language) in [("faq", "ru"), ("faq", "ky"), ("faq", "en"), ("unwanted", "ru")] {
        let old = pb::Document { language: language.into(), ..document(key, "old") };
        let put = pb::PutDocumentRequest { document: Some(old), ..put_document() };
        DocumentServiceClient::new(server.channel.clone()).put_document(put).await.unwrap();
    }
    let mut by_hand = Vec::new();
    for year in [2001, 2002, 2003] {
        let new = pb::CreatePatternRequest { pattern: of_year(year), ..new_pattern() };
        let added = PatternServiceClient::new(server.channel.clone()).create_pattern(new).await.unwrap();
        by_hand.push(added.into_inner().pattern.unwrap().id);
    }

    let (category, brand, model) = (|| "eva_mats".to_owned(), || "toyota".to_owned(), || "camry".to_owned());
    let text = |language: &str| pb::Text {
        key: "own_key".into(),
        list: Some(pb::TextList { items: vec![format!("{language} {{name}}")] }),
        language: language.into(),
        ..Default::default()
    };
    let shop = pb::Tenant {
        slug: "auto_style".into(),
        display_name: "Auto Style".into(),
        default_language: "ru".into(),
        categories: vec!["eva_mats".into()],
        ..Default::default()
    };
    let renamed = pb::Tenant {
        slug: tenant(),
        display_name: "Переименован".into(),
        default_language: "ru".into(),
        time_zone: "Asia/Bishkek".into(),
        categories: ["5d_mats", "eva_mats", "premium_covers"].map(String::from).into(),
        ..Default::default()
    };
    let tenant_mask = mask(&["display_name", "default_language", "time_zone", "categories"]);
    let own = |id: &str| (tenant(), id.to_owned());
    let mut good: Vec<(&str, Bytes)> = Vec::new();
    macro_rules! ask {
        ($name:literal, $request:ident { $($field:ident : $value:expr),* $(,)? }) => {
            #[allow(clippy::needless_update, reason = "some have no more fields")]
            good.push(($name, encoded(&pb::$request { $($field: $value,)* ..Default::default() })))
        };
    }
    ask!("TenantService/GetTenant", GetTenantRequest { tenant: tenant() });
    let bot = "SELECT external_id FROM tenant_channels WHERE channel = 'telegram' LIMIT 1";
    let bot: String = match owner.query_opt(bot, &[]).await.unwrap() {
        Some(row) => row.get(0),
        None => {
            let bot = "INSERT INTO tenant_channels (channel, external_id, tenant_id) SELECT 'telegram', '70001', id FROM tenants
                       WHERE slug = 'evopoliki'";
            owner.execute(bot, &[]).await.unwrap();
            "70001".into()
        }
    };
    let telegram = pb::Channel::Telegram.into();
    ask!("TenantService/ResolveTenant", ResolveTenantRequest { channel: telegram, external_id: bot });
    ask!("TenantService/ListTenants", ListTenantsRequest {});
    ask!("TenantService/CreateTenant", CreateTenantRequest { tenant: Some(shop), request_id: uuid(2) });
    let (update_mask, tenant_fields) = (Some(tenant_mask), Some(renamed));
    ask!(
        "TenantService/UpdateTenant",
        UpdateTenantRequest { tenant: tenant_fields, update_mask: update_mask, request_id: uuid(3) }
    );
    ask!("CatalogService/ListCategories", ListCategoriesRequest { tenant: tenant() });
    ask!("CatalogService/ListBrands", ListBrandsRequest { tenant: tenant(), category: category() });
    ask!("CatalogService/ListModels", ListModelsRequest { tenant: tenant(), category: category(), brand: brand() });
    ask!("CatalogService/GetModel", GetModelRequest { tenant: tenant(), brand: brand(), model: model() });
    ask!(
        "CatalogService/FindPatterns",
        FindPatternsRequest { tenant: tenant(), category: category(), brand: brand(), model: model() }
    );
    ask!(
        "CatalogService/ResolveVehicle",
        ResolveVehicleRequest { tenant: tenant(), category: category(), text: "камри 70".into() }
    );
    ask!("CatalogService/ListOptions", ListOptionsRequest { tenant: tenant(), category: "5d_mats".into() });
    ask!(
        "PricingService/QuotePrice",
        QuotePriceRequest { tenant: tenant(), category: category(), body_type: "suv".into() }
    );
    let eva = pb::ShopCategory { emoji: "🚗".into(), sort_order: 3, active: true, ..Default::default() };
    let value = |code: &str| pb::ShopOptionValue { code: code.into(), ..Default::default() };
    let leather = pb::ShopOption {
        values: vec![value("stitched"), value("press")],
        sort_order: 1,
        active: true,
        ..Default::default()
    };
    ask!("CategoryService/ListShopCategories", ListShopCategoriesRequest { tenant: tenant() });
    let new = pb::CreateCategoryRequest { request_id: uuid(14), ..new_category() };
    good.push(("CategoryService/CreateCategory", encoded(&new)));
    ask!(
        "CategoryService/UpdateCategory",
        UpdateCategoryRequest {
            tenant: tenant(),
            code: category(),
            category: Some(eva),
            update_mask: mask_of(&CATEGORY_FIELDS),
            request_id: uuid(15)
        }
    );
    ask!(
        "CategoryService/DeleteCategory",
        DeleteCategoryRequest { tenant: tenant(), code: "unwanted".into(), request_id: uuid(16) }
    );
    ask!("CategoryService/ListShopOptions", ListShopOptionsRequest { tenant: tenant(), category: category() });
    let heel_pad = pb::ShopOption {
        display_names: Some(pb::LocalizedName { ru: "Подпятник".into(), ..Default::default() }),
        kind: pb::OptionKind::Addon.into(),
        ..Default::default()
    };
    ask!(
        "CategoryService/CreateOption",
        CreateOptionRequest {
            tenant: tenant(),
            category: "5d_mats".into(),
            code: "heel_pad".into(),
            option: Some(heel_pad),
            request_id: uuid(17)
        }
    );
    ask!(
        "CategoryService/UpdateOption",
        UpdateOptionRequest {
            tenant: tenant(),
            category: "5d_mats".into(),
            code: "leather".into(),
            option: Some(leather),
            update_mask: mask_of(&OPTION_FIELDS),
            request_id: uuid(18)
        }
    );
    ask!("PatternService/GetPattern", GetPatternRequest { tenant: tenant(), id: by_hand[0].clone() });
    ask!("PatternService/ListPatterns", ListPatternsRequest { tenant: tenant() });
    let every_field = || Some(prost_types::FieldMask { paths: PATTERN_FIELDS.map(String::from).into() });
    let batch = pb::PatternUpdate { id: by_hand[1].clone(), pattern: of_year(2002), ..Default::default() };
    ask!(
        "PatternService/UpdatePattern",
        UpdatePatternRequest {
            tenant: tenant(),
            id: by_hand[0].clone(),
            pattern: of_year(2001),
            update_mask: every_field(),
            request_id: uuid(10)
        }
    );
    ask!(
        "PatternService/BatchUpdatePatterns",
        BatchUpdatePatternsRequest {
            tenant: tenant(),
            updates: vec![batch],
            update_mask: every_field(),
            request_id: uuid(11)
        }
    );
    ask!(
        "PatternService/DeletePattern",
        DeletePatternRequest { tenant: tenant(), id: by_hand[2].clone(), request_id: uuid(12) }
    );
    let new = pb::CreatePatternRequest { request_id: uuid(13), ..new_pattern() };
    good.push(("PatternService/CreatePattern", encoded(&new)));
    ask!("PricingService/ListPrices", ListPricesRequest { tenant: tenant(), category: category() });
    ask!(
        "PricingService/SetPrices",
        SetPricesRequest { tenant: tenant(), prices: vec![suv(2700)], request_id: uuid(4) }
    );
    ask!("TextService/BatchGetTexts", BatchGetTextsRequest { tenant: tenant(), keys: vec!["welcome".into()] });
    ask!("TextService/ListTexts", ListTextsRequest { tenant: tenant() });
    let texts = ["ru", "ky", "en"].map(text).to_vec();
    ask!("TextService/UpsertTexts", UpsertTextsRequest { tenant: tenant(), texts: texts, request_id: uuid(5) });
    ask!(
        "TextService/DeleteTexts",
        DeleteTextsRequest { tenant: tenant(), keys: vec!["own_key".into()], request_id: uuid(14) }
    );
    let put = pb::PutDocumentRequest { request_id: uuid(19), ..put_document() };
    good.push(("DocumentService/PutDocument", encoded(&put)));
    ask!("DocumentService/GetDocument", GetDocumentRequest { tenant: tenant(), key: "faq".into() });
    ask!("DocumentService/ListDocuments", ListDocumentsRequest { tenant: tenant() });
    ask!("DocumentService/ListDocumentVersions", ListDocumentVersionsRequest { tenant: tenant(), key: "faq".into() });
    ask!(
        "DocumentService/DeleteDocument",
        DeleteDocumentRequest { tenant: tenant(), key: "unwanted".into(), request_id: uuid(20) }
    );
    good.push(("ApplicationService/CreateApplication", encoded(&create(order()))));
    ask!("ApplicationService/GetApplication", GetApplicationRequest { tenant: tenant(), id: application.id.clone() });
    ask!("ApplicationService/ListApplications", ListApplicationsRequest { tenant: tenant() });
    let moved = pb::TransitionApplicationRequest {
        request_id: uuid(6),
        ..transition(&application, pb::ApplicationStatus::InProgress)
    };
    good.push(("ApplicationService/TransitionApplication", encoded(&moved)));
    let external_refs = vec![external_ref("amocrm", "1042")];
    let better = pb::Application { message: "Хочу к субботе".into(), external_refs, ..order() };
    let better = pb::UpdateApplicationRequest {
        request_id: uuid(14),
        ..application_update(&application, better, &APPLICATION_FIELDS)
    };
    good.push(("ApplicationService/UpdateApplication", encoded(&better)));
    let noted = pb::AddApplicationNoteRequest { request_id: uuid(15), ..note(&application, "Перезвонить") };
    good.push(("ApplicationService/AddApplicationNote", encoded(&noted)));
    ask!("ApplicationService/GetApplicationStats", GetApplicationStatsRequest { tenant: tenant() });
    let known = customer_id(&application);
    ask!("ApplicationService/GetCustomer", GetCustomerRequest { tenant: tenant(), id: known.clone() });
    ask!("ApplicationService/ListCustomers", ListCustomersRequest { tenant: tenant() });
    let renamed = pb::Customer { name: "Айбек Асанов".into(), language: "ru".into(), ..customer() };
    let renamed =
        pb::UpdateCustomerRequest { request_id: uuid(16), ..customer_update(&known, renamed, &CUSTOMER_FIELDS) };
    good.push(("ApplicationService/UpdateCustomer", encoded(&renamed)));
    ask!(
        "ApplicationService/DeleteCustomer",
        DeleteCustomerRequest { tenant: tenant(), id: stranger, request_id: uuid(17) }
    );
    ask!("ApplicationService/WatchApplications", WatchApplicationsRequest { tenant: tenant() });
    let (tenant_, id) = own(&done.id);
    ask!("ImportService/GetImport", GetImportRequest { tenant: tenant_.clone(), id: id.clone() });
    ask!("ImportService/ListImportRows", ListImportRowsRequest { tenant: tenant_.clone(), id: id.clone() });
    ask!(
        "ImportService/ListWithdrawnPatterns",
        ListWithdrawnPatternsRequest { tenant: tenant_.clone(), id: id.clone() }
    );
    ask!("ImportService/RevertImport", RevertImportRequest { tenant: tenant_, id: id });
    ask!("ImportService/WatchImport", WatchImportRequest { tenant: tenant(), id: WATCHED.into() });
    ask!("ImportService/ListImports", ListImportsRequest { tenant: tenant() });
    ask!("ImportService/ListPatternRows", ListPatternRowsRequest { tenant: tenant(), pattern_id: pattern });
    ask!("ImportService/ApplyImport", ApplyImportRequest { tenant: tenant(), id: preview.id });
    ask!("ImportService/CancelImport", CancelImportRequest { tenant: tenant(), id: CANCELLED.into() });
    ask!("ImportService/DeleteImport", DeleteImportRequest { tenant: tenant(), id: DELETED.into() });
    ask!("AdminService/ApplySeed", ApplySeedRequest {});
    ask!("AdminService/GetStats", GetStatsRequest { tenant: tenant() });
    ask!("AdminService/ListAliases", ListAliasesRequest { brand: brand() });
    let (forget, teach) = (teach(ALIAS), pb::CreateAliasRequest { request_id: uuid(7), ..teach("камрюлька") });
    ask!(
        "AdminService/DeleteAlias",
        DeleteAliasRequest { brand: forget.brand, model: forget.model, alias: forget.alias }
    );
    good.push(("AdminService/CreateAlias", encoded(&teach)));
    let issue = pb::IssueApiKeyRequest { role: pb::Role::Admin.into(), ..Default::default() };
    let issued = AdminServiceClient::new(server.channel.clone()).issue_api_key(issue).await.unwrap().into_inner();
    let (role, tenants) = (pb::Role::Manager.into(), vec![tenant()]);
    ask!("AdminService/IssueApiKey", IssueApiKeyRequest { role: role, tenants: tenants, request_id: uuid(9) });
    ask!("AdminService/ListApiKeys", ListApiKeysRequest {});
    ask!("AdminService/ListAuditEvents", ListAuditEventsRequest { tenant: tenant() });
    ask!("AdminService/RevokeApiKey", RevokeApiKeyRequest { prefix: issued.api_key.unwrap().prefix });
    // The seed has nothing to do but for this.
    owner.batch_execute("UPDATE brands SET names = '{}' WHERE slug = 'honda'").await.unwrap();

    let upload = |payload| encoded(&pb::UploadImportRequest { payload: Some(payload) });
    let lexus = "Марка,Модель,Год\nЛексус,RX,2018\n".as_bytes().to_vec();
    let upload =
        [Payload::Header(pb::ImportHeader { request_id: uuid(8), ..header() }), Payload::Chunk(lexus)].map(upload);
    let mut good: Vec<(&str, Vec<Bytes>)> = good.into_iter().map(|(name, message)| (name, vec![message])).collect();
    good.push(("ImportService/UploadImport", upload.to_vec()));

    let mut missing: Vec<_> = BUILT.iter().filter(|name| !good.iter().any(|(has, _)| has == *name)).collect();
    missing.sort();
    assert!(missing.is_empty(), "there is no good request for {missing:?}");
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let writes = [
        "BatchUpdate",
        "Create",
        "Update",
        "Set",
        "Put",
        "Upsert",
        "Transition",
        "Add",
        "Upload",
        "Apply",
        "Revert",
        "Cancel",
        "Delete",
        "Issue",
        "Revoke",
    ];
    let good = good.into_iter().map(|(name, messages)| {
        let (service, method) = name.split_once('/').unwrap();
        let found = pool.get_service_by_name(&format!("lekalo.v1.{service}")).unwrap();
        Good {
            path: format!("/lekalo.v1.{name}"),
            method: found.methods().find(|found| found.name() == method).unwrap(),
            messages,
            writes: writes.iter().any(|write| method.starts_with(write)),
        }
    });
    good.collect()
}

fn document(key: &str, content: &str) -> pb::Document {
    let (key, language, content) = (key.into(), "ru".into(), content.into());
    pb::Document { key, language, content, title: "Частые вопросы".into(), ..Default::default() }
}

fn put_document() -> pb::PutDocumentRequest {
    let document = Some(document("faq", "# Доставка\n\nПо всей стране."));
    pb::PutDocumentRequest { tenant: TENANT.into(), document, ..Default::default() }
}

fn new_category() -> pb::CreateCategoryRequest {
    let display_names = Some(pb::LocalizedName { ru: "Дверные карты".into(), ..Default::default() });
    let category = Some(pb::ShopCategory { display_names, ..Default::default() });
    pb::CreateCategoryRequest { tenant: TENANT.into(), code: "door_panels".into(), category, ..Default::default() }
}

fn mask_of(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

fn new_pattern() -> pb::CreatePatternRequest {
    pb::CreatePatternRequest {
        tenant: TENANT.into(),
        category: "5d_mats".into(),
        brand: "honda".into(),
        model: "fit".into(),
        pattern: Some(pb::Pattern::default()),
        ..Default::default()
    }
}

fn of_year(year_from: i32) -> Option<pb::Pattern> {
    Some(pb::Pattern { year_from, ..Default::default() })
}

fn uuid(number: u8) -> String {
    format!("0197b000-0000-7000-8000-0000000000{number:02x}")
}
