//! What is called, and with what: each method with a request that finds something.

use bytes::Bytes;
use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use prost::Message;

use super::world::{OWN, REQUEST, World, document, own_category, own_option};
use crate::support::applications::{application_update, create, customer_update, note, order};
use crate::support::pricing::{ask, suv};
use crate::support::raw::encoded;
use crate::support::uploads::{header, list, messages};

pub struct Step {
    /// `Service/Method`.
    pub method: &'static str,
    pub messages: Vec<Bytes>,
}

fn step(method: &'static str, message: &impl Message) -> Step {
    Step { method, messages: vec![encoded(message)] }
}

/// What takes long and reads little of a tenant's: once is enough.
pub fn once() -> Vec<Step> {
    let (tenant, category) = (|| OWN.to_owned(), || "eva_mats".to_owned());
    vec![step(
        "CatalogService/ResolveVehicle",
        &pb::ResolveVehicleRequest {
            tenant: tenant(),
            category: category(),
            text: "тойота камри".into(),
            ..Default::default()
        },
    )]
}

/// Everything else that can be read.
pub fn reads(world: &World) -> Vec<Step> {
    let tenant = || OWN.to_owned();
    let category = || "eva_mats".to_owned();
    let bot = pb::ResolveTenantRequest { channel: pb::Channel::Telegram.into(), external_id: "bot of the shop".into() };
    vec![
        step("TenantService/GetTenant", &pb::GetTenantRequest { tenant: tenant() }),
        step("TenantService/ResolveTenant", &bot),
        // The first page: it shows this tenant alone.
        step("TenantService/ListTenants", &pb::ListTenantsRequest { page_size: 1, ..Default::default() }),
        step("CatalogService/ListCategories", &pb::ListCategoriesRequest { tenant: tenant(), ..Default::default() }),
        step(
            "CatalogService/ListBrands",
            &pb::ListBrandsRequest { tenant: tenant(), category: category(), ..Default::default() },
        ),
        step(
            "CatalogService/ListModels",
            &pb::ListModelsRequest {
                tenant: tenant(),
                category: category(),
                brand: "toyota".into(),
                ..Default::default()
            },
        ),
        step(
            "CatalogService/GetModel",
            &pb::GetModelRequest {
                tenant: tenant(),
                brand: "toyota".into(),
                model: "camry".into(),
                ..Default::default()
            },
        ),
        step(
            "CatalogService/FindPatterns",
            &pb::FindPatternsRequest {
                tenant: tenant(),
                category: category(),
                brand: "toyota".into(),
                model: "camry".into(),
                ..Default::default()
            },
        ),
        step(
            "CatalogService/ListOptions",
            &pb::ListOptionsRequest { tenant: tenant(), category: category(), ..Default::default() },
        ),
        step("PricingService/QuotePrice", &ask("evopoliki/eva_mats", "suv", "with_borders")),
        step("PricingService/QuotePrice", &ask("evopoliki/5d_mats", "toyota/camry", "leather=stitched trunk")),
        step("PricingService/ListPrices", &pb::ListPricesRequest { tenant: tenant(), ..Default::default() }),
        step(
            "TextService/BatchGetTexts",
            &pb::BatchGetTextsRequest { tenant: tenant(), keys: vec!["ask_name".into()], ..Default::default() },
        ),
        step("TextService/ListTexts", &pb::ListTextsRequest { tenant: tenant(), ..Default::default() }),
        step(
            "DocumentService/GetDocument",
            &pb::GetDocumentRequest { tenant: tenant(), key: "faq".into(), ..Default::default() },
        ),
        step(
            "DocumentService/GetDocument",
            &pb::GetDocumentRequest { tenant: tenant(), key: "faq".into(), version: 1, ..Default::default() },
        ),
        step("DocumentService/ListDocuments", &pb::ListDocumentsRequest { tenant: tenant(), ..Default::default() }),
        step(
            "DocumentService/ListDocumentVersions",
            &pb::ListDocumentVersionsRequest { tenant: tenant(), key: "faq".into(), ..Default::default() },
        ),
        step(
            "ApplicationService/GetApplication",
            &pb::GetApplicationRequest { tenant: tenant(), id: world.application.clone(), ..Default::default() },
        ),
        step(
            "ApplicationService/ListApplications",
            &pb::ListApplicationsRequest { tenant: tenant(), ..Default::default() },
        ),
        step(
            "ApplicationService/WatchApplications",
            &pb::WatchApplicationsRequest { tenant: tenant(), ..Default::default() },
        ),
        step("ImportService/GetImport", &pb::GetImportRequest { tenant: tenant(), id: world.first.clone() }),
        step("ImportService/WatchImport", &pb::WatchImportRequest { tenant: tenant(), id: world.first.clone() }),
        step("ImportService/ListImports", &pb::ListImportsRequest { tenant: tenant(), ..Default::default() }),
        step(
            "ImportService/ListImportRows",
            &pb::ListImportRowsRequest { tenant: tenant(), id: world.first.clone(), ..Default::default() },
        ),
        step(
            "ImportService/ListImportRows",
            &pb::ListImportRowsRequest {
                tenant: tenant(),
                id: world.first.clone(),
                outcome: pb::RowOutcome::Rejected.into(),
                ..Default::default()
            },
        ),
        step(
            "ImportService/ListWithdrawnPatterns",
            &pb::ListWithdrawnPatternsRequest { tenant: tenant(), id: world.replacing.clone(), ..Default::default() },
        ),
        step(
            "ImportService/ListPatternRows",
            &pb::ListPatternRowsRequest { tenant: tenant(), pattern_id: world.pattern.clone(), ..Default::default() },
        ),
        step(
            "ApplicationService/GetApplicationStats",
            &pb::GetApplicationStatsRequest { tenant: tenant(), ..Default::default() },
        ),
        step(
            "ApplicationService/GetCustomer",
            &pb::GetCustomerRequest { tenant: tenant(), id: world.customer.clone() },
        ),
        step("ApplicationService/ListCustomers", &pb::ListCustomersRequest { tenant: tenant(), ..Default::default() }),
        step("CategoryService/ListShopCategories", &pb::ListShopCategoriesRequest { tenant: tenant() }),
        step(
            "CategoryService/ListShopOptions",
            &pb::ListShopOptionsRequest { tenant: tenant(), category: "5d_mats".into() },
        ),
        step("PatternService/GetPattern", &pb::GetPatternRequest { tenant: tenant(), id: world.by_hand.clone() }),
        step(
            "PatternService/ListPatterns",
            &pb::ListPatternsRequest { tenant: tenant(), import_id: world.first.clone(), ..Default::default() },
        ),
        step("AdminService/GetStats", &pb::GetStatsRequest { tenant: tenant() }),
        step("AdminService/ListAliases", &pb::ListAliasesRequest { brand: "toyota".into(), ..Default::default() }),
        step("AdminService/ListAuditEvents", &pb::ListAuditEventsRequest { tenant: tenant(), ..Default::default() }),
    ]
}

/// Everything that can be written, in an order in which each step has something to do.
pub fn writes(world: &World) -> Vec<Step> {
    let tenant = || OWN.to_owned();
    let text = pb::Text {
        key: "ask_name".into(),
        language: "ru".into(),
        value: "Как вас звать?".into(),
        ..Default::default()
    };
    let bot = pb::TenantChannel {
        channel: pb::Channel::Telegram.into(),
        external_id: "another bot".into(),
        ..Default::default()
    };
    let own_bot = pb::TenantChannel { external_id: "bot of the shop".into(), ..bot.clone() };
    let contact = pb::TenantContact { kind: pb::ContactKind::Phone.into(), value: "+996700999999".into() };
    let changed = pb::Tenant {
        slug: tenant(),
        display_name: "Новое имя".into(),
        contacts: vec![contact],
        channels: vec![own_bot, bot],
        categories: vec!["eva_mats".into(), "5d_mats".into()],
        ..Default::default()
    };
    let paths = ["display_name", "contacts", "channels", "categories"].map(str::to_owned).to_vec();
    let update = pb::UpdateTenantRequest {
        tenant: Some(changed),
        update_mask: Some(prost_types::FieldMask { paths }),
        request_id: REQUEST.into(),
        ..Default::default()
    };
    let third = pb::Tenant { slug: "third".into(), display_name: "Третий".into(), ..Default::default() };
    let price = pb::Price { amount: Some(Money { units: 2700, ..Default::default() }), ..suv(0) };
    let replace = pb::ImportHeader {
        mode: pb::ImportMode::Replace.into(),
        allow_large_withdrawal: true,
        request_id: REQUEST.into(),
        ..header()
    };
    let alias = |alias: &str| pb::CreateAliasRequest {
        brand: "toyota".into(),
        model: "camry".into(),
        alias: alias.into(),
        ..Default::default()
    };
    let unlearn =
        pb::DeleteAliasRequest { brand: "toyota".into(), model: "camry".into(), alias: "камрюша".into() };
    let noted = |notes: &str| Some(pb::Pattern { notes: notes.into(), ..Default::default() });
    let notes = || Some(prost_types::FieldMask { paths: vec!["notes".into()] });
    let by_hand = || world.by_hand.clone();
    let new = pb::CreatePatternRequest {
        tenant: tenant(),
        category: "5d_mats".into(),
        brand: "honda".into(),
        model: "fit".into(),
        request_id: REQUEST.into(),
        ..Default::default()
    };
    let one = pb::UpdatePatternRequest {
        tenant: tenant(),
        id: by_hand(),
        pattern: noted("полный привод"),
        update_mask: notes(),
        request_id: REQUEST.into(),
        ..Default::default()
    };
    let several = pb::BatchUpdatePatternsRequest {
        tenant: tenant(),
        updates: vec![pb::PatternUpdate { id: by_hand(), pattern: noted("7 мест"), ..Default::default() }],
        update_mask: notes(),
        request_id: REQUEST.into(),
    };
    let gone = pb::DeletePatternRequest { tenant: tenant(), id: world.unwanted.clone(), ..Default::default() };
    let named = pb::Application { id: world.application.clone(), ..Default::default() };
    let to = pb::Application { message: "Хочу к субботе".into(), ..Default::default() };
    let changed =
        pb::UpdateApplicationRequest { request_id: REQUEST.into(), ..application_update(&named, to, &["message"]) };
    let noted_upon =
        pb::AddApplicationNoteRequest { request_id: REQUEST.into(), ..note(&named, "Перезвонить") };
    let to = pb::Customer { name: "Айбек Асанов".into(), ..Default::default() };
    let renamed = customer_update(&world.customer, to, &["name"]);
    let renamed = pb::UpdateCustomerRequest { request_id: REQUEST.into(), ..renamed };
    vec![
        step(
            "CategoryService/CreateCategory",
            &pb::CreateCategoryRequest { request_id: REQUEST.into(), ..own_category("seat_pads") },
        ),
        step(
            "CategoryService/UpdateCategory",
            &pb::UpdateCategoryRequest {
                tenant: tenant(),
                code: "door_panels".into(),
                category: Some(pb::ShopCategory { emoji: "🚪".into(), ..Default::default() }),
                update_mask: Some(prost_types::FieldMask { paths: vec!["emoji".into(), "sort_order".into()] }),
                request_id: REQUEST.into(),
                ..Default::default()
            },
        ),
        step(
            "CategoryService/DeleteCategory",
            &pb::DeleteCategoryRequest { tenant: tenant(), code: "unwanted".into(), ..Default::default() },
        ),
        step(
            "CategoryService/CreateOption",
            &pb::CreateOptionRequest { request_id: REQUEST.into(), ..own_option("seat_pads", "thread") },
        ),
        step(
            "CategoryService/UpdateOption",
            &pb::UpdateOptionRequest {
                tenant: tenant(),
                category: "5d_mats".into(),
                code: "edging".into(),
                option: Some(pb::ShopOption::default()),
                update_mask: Some(prost_types::FieldMask { paths: vec!["active".into()] }),
                request_id: REQUEST.into(),
                ..Default::default()
            },
        ),
        step("PatternService/CreatePattern", &new),
        step("PatternService/UpdatePattern", &one),
        step("PatternService/BatchUpdatePatterns", &several),
        step("PatternService/DeletePattern", &gone),
        step(
            "TextService/UpsertTexts",
            &pb::UpsertTextsRequest { tenant: tenant(), texts: vec![text], request_id: REQUEST.into() },
        ),
        step(
            "TextService/DeleteTexts",
            &pb::DeleteTextsRequest {
                tenant: tenant(),
                keys: vec!["ask_name".into()],
                request_id: REQUEST.into(),
                ..Default::default()
            },
        ),
        step(
            "DocumentService/PutDocument",
            &pb::PutDocumentRequest { request_id: REQUEST.into(), ..document("faq", "Три") },
        ),
        step("DocumentService/PutDocument", &document("rules", "Доставка")),
        step(
            "DocumentService/DeleteDocument",
            &pb::DeleteDocumentRequest {
                tenant: tenant(),
                key: "unwanted".into(),
                request_id: REQUEST.into(),
                ..Default::default()
            },
        ),
        step(
            "PricingService/SetPrices",
            &pb::SetPricesRequest { tenant: tenant(), prices: vec![price], request_id: REQUEST.into() },
        ),
        step("ApplicationService/UpdateApplication", &changed),
        step("ApplicationService/AddApplicationNote", &noted_upon),
        step("ApplicationService/UpdateCustomer", &renamed),
        step(
            "ApplicationService/DeleteCustomer",
            &pb::DeleteCustomerRequest { tenant: tenant(), id: world.passing.clone(), ..Default::default() },
        ),
        step(
            "ApplicationService/TransitionApplication",
            &pb::TransitionApplicationRequest {
                tenant: tenant(),
                id: world.application.clone(),
                to: pb::ApplicationStatus::InProgress.into(),
                actor: "Нурлан".into(),
                request_id: REQUEST.into(),
                ..Default::default()
            },
        ),
        step(
            "ApplicationService/CreateApplication",
            &pb::CreateApplicationRequest { request_id: REQUEST.into(), ..create(order()) },
        ),
        step("ImportService/CancelImport", &pb::CancelImportRequest { tenant: tenant(), id: world.discarded.clone() }),
        step(
            "ImportService/DeleteImport",
            &pb::DeleteImportRequest { tenant: tenant(), id: world.discarded.clone(), ..Default::default() },
        ),
        step(
            "ImportService/RevertImport",
            &pb::RevertImportRequest { tenant: tenant(), id: world.replacing.clone(), ..Default::default() },
        ),
        step(
            "ImportService/ApplyImport",
            &pb::ApplyImportRequest { tenant: tenant(), id: world.preview.clone(), ..Default::default() },
        ),
        Step { method: "ImportService/UploadImport", messages: messages(header(), list(&["Хонда,Фит,2003"])) },
        Step {
            method: "ImportService/UploadImport", messages: messages(replace, list(&["Тойота,Королла,2015"]))
        },
        step("AdminService/CreateAlias", &alias("камрюша")),
        step("AdminService/DeleteAlias", &unlearn),
        step(
            "TenantService/CreateTenant",
            &pb::CreateTenantRequest { tenant: Some(third), request_id: REQUEST.into() },
        ),
        step("TenantService/UpdateTenant", &update),
    ]
}
