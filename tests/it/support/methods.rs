//! The methods of the contract, and calls of any of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use lekalo::proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MethodDescriptor, ReflectMessage as _, Value};
use tonic::client::Grpc;
use tonic::{Request, Status};

use super::TestServer;
use super::raw::Raw;

/// What works; everything else in the contract answers UNIMPLEMENTED.
pub const BUILT: &[&str] = &[
    "TenantService/GetTenant",
    "TenantService/ResolveTenant",
    "TenantService/ListTenants",
    "TenantService/CreateTenant",
    "TenantService/UpdateTenant",
    "CatalogService/ListCategories",
    "CatalogService/ListBrands",
    "CatalogService/ListModels",
    "CatalogService/GetModel",
    "CatalogService/FindPatterns",
    "CatalogService/ResolveVehicle",
    "CatalogService/ListOptions",
    "CategoryService/ListShopCategories",
    "CategoryService/CreateCategory",
    "CategoryService/UpdateCategory",
    "CategoryService/DeleteCategory",
    "CategoryService/ListShopOptions",
    "CategoryService/CreateOption",
    "CategoryService/UpdateOption",
    "PatternService/CreatePattern",
    "PatternService/GetPattern",
    "PatternService/ListPatterns",
    "PatternService/UpdatePattern",
    "PatternService/BatchUpdatePatterns",
    "PatternService/DeletePattern",
    "PricingService/QuotePrice",
    "PricingService/ListPrices",
    "PricingService/SetPrices",
    "TextService/BatchGetTexts",
    "TextService/ListTexts",
    "TextService/UpsertTexts",
    "TextService/DeleteTexts",
    "DocumentService/PutDocument",
    "DocumentService/GetDocument",
    "DocumentService/ListDocuments",
    "DocumentService/ListDocumentVersions",
    "DocumentService/DeleteDocument",
    "ApplicationService/CreateApplication",
    "ApplicationService/GetApplication",
    "ApplicationService/ListApplications",
    "ApplicationService/TransitionApplication",
    "ApplicationService/UpdateApplication",
    "ApplicationService/AddApplicationNote",
    "ApplicationService/GetApplicationStats",
    "ApplicationService/GetCustomer",
    "ApplicationService/ListCustomers",
    "ApplicationService/UpdateCustomer",
    "ApplicationService/DeleteCustomer",
    "ApplicationService/WatchApplications",
    "ImportService/UploadImport",
    "ImportService/GetImport",
    "ImportService/WatchImport",
    "ImportService/ListImports",
    "ImportService/ListImportRows",
    "ImportService/ListWithdrawnPatterns",
    "ImportService/ListPatternRows",
    "ImportService/ApplyImport",
    "ImportService/RevertImport",
    "ImportService/CancelImport",
    "ImportService/DeleteImport",
    "AdminService/ApplySeed",
    "AdminService/GetStats",
    "AdminService/ListAliases",
    "AdminService/CreateAlias",
    "AdminService/DeleteAlias",
    "AdminService/IssueApiKey",
    "AdminService/ListApiKeys",
    "AdminService/RevokeApiKey",
    "AdminService/ListAuditEvents",
];

/// All that an update may write of a category and of an option.
pub const CATEGORY_FIELDS: [&str; 5] = ["display_names", "descriptions", "emoji", "sort_order", "active"];
pub const OPTION_FIELDS: [&str; 6] = ["display_names", "values", "body_types", "emoji", "sort_order", "active"];

/// All that an update may write of an application.
pub const APPLICATION_FIELDS: [&str; 11] = [
    "customer.name",
    "customer.phone",
    "brand",
    "model",
    "generation",
    "year",
    "vehicle_text",
    "selections",
    "quoted_total",
    "message",
    "external_refs",
];

/// All that an update may write of a customer.
pub const CUSTOMER_FIELDS: [&str; 4] = ["name", "phone", "username", "language"];

/// Whether an update passes over this field, which no mask may name.
pub fn is_unnamed(method: &str, path: &str) -> bool {
    let named = match method {
        "UpdateApplication" => path.strip_prefix("application.").map(|path| (path, &APPLICATION_FIELDS[..])),
        "UpdateCustomer" => path.strip_prefix("customer.").map(|path| (path, &CUSTOMER_FIELDS[..])),
        _ => None,
    };
    let Some((path, named)) = named else { return false };
    let path = path.split('[').next().unwrap();
    // What a quote is written with follows from its total.
    !path.starts_with("quoted_") && !named.iter().any(|field| path == *field || path.starts_with(&format!("{field}.")))
}

/// All that an update may write of a pattern.
pub const PATTERN_FIELDS: [&str; 10] = [
    "generation",
    "year_from",
    "year_to",
    "body_type",
    "steering",
    "borders",
    "seat_rows",
    "trunk",
    "notes",
    "available",
];

/// Every method of the contract, by `Service/Method`.
pub fn methods() -> BTreeMap<String, MethodDescriptor> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let services = pool.services().filter(|service| service.full_name().starts_with("lekalo.v1."));
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| (format!("{}/{}", method.parent_service().name(), method.name()), method)).collect()
}

/// Calls any method that answers once.
pub async fn call(
    server: &TestServer,
    method: &MethodDescriptor,
    request: &DynamicMessage,
) -> Result<DynamicMessage, Status> {
    let mut client = Grpc::new(server.channel.clone());
    client.ready().await.unwrap();
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let body = Request::new(Bytes::from(request.encode_to_vec()));
    let answer = client.unary(body, path.parse().unwrap(), Raw).await?;
    Ok(DynamicMessage::decode(method.output(), answer.into_inner()).unwrap())
}

/// The request of a list for a page of that size after a token.
pub fn page(request: &DynamicMessage, size: i32, token: &str) -> DynamicMessage {
    let mut request = request.clone();
    request.set_field_by_name("page_size", Value::I32(size));
    request.set_field_by_name("page_token", Value::String(token.to_owned()));
    request
}

/// What stands in an answer's list; nothing where it has none.
pub fn items(answer: &DynamicMessage) -> Vec<Value> {
    let list = answer.descriptor().fields().find(FieldDescriptor::is_list);
    list.map(|field| answer.get_field(&field).as_list().unwrap().to_vec()).unwrap_or_default()
}

/// The token of the page after this one.
pub fn next_token(answer: &DynamicMessage) -> String {
    answer.get_field_by_name("next_page_token").unwrap().as_str().unwrap().to_owned()
}
