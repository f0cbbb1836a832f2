//! What is asked about a shop's catalogue, and what with.

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::category_service_client::CategoryServiceClient;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use prost_types::FieldMask;
use tonic::Status;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::support::TestServer;
use crate::support::pricing::{fields, reason, soms};

pub type Client = CategoryServiceClient<Channel>;

pub const SHOP: &str = "new_shop";

pub fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

pub fn text(ru: &str, ky: &str, en: &str) -> Option<pb::LocalizedName> {
    Some(pb::LocalizedName { ru: ru.into(), ky: ky.into(), en: en.into() })
}

/// What is given, and what is shared where nothing is.
pub fn or(given: &Option<pb::LocalizedName>, shared: &pb::LocalizedName) -> Option<pb::LocalizedName> {
    let given = given.clone().unwrap_or_default();
    let one = |given: String, shared: &String| if given.is_empty() { shared.clone() } else { given };
    text(&one(given.ru, &shared.ru), &one(given.ky, &shared.ky), &one(given.en, &shared.en))
}

/// As a description.
pub fn described(text: Option<pb::LocalizedName>) -> Option<pb::LocalizedText> {
    text.map(|pb::LocalizedName { ru, ky, en }| pb::LocalizedText { ru, ky, en })
}

/// As a name, to be compared.
pub fn words(text: &Option<pb::LocalizedText>) -> Option<pb::LocalizedName> {
    text.clone().map(|pb::LocalizedText { ru, ky, en }| pb::LocalizedName { ru, ky, en })
}

/// As a bot shows it to who asks in this language.
pub fn shown(names: &Option<pb::LocalizedName>, language: &str) -> String {
    let names = names.clone().unwrap_or_default();
    let asked = match language {
        "ky" => &names.ky,
        "en" => &names.en,
        _ => &names.ru,
    };
    if asked.is_empty() { names.ru.clone() } else { asked.clone() }
}

/// A fresh shop that sells two shared categories and has no price.
pub async fn open(server: &TestServer) {
    let tenant = pb::Tenant {
        slug: SHOP.into(),
        display_name: "Shop".into(),
        currency: "KGS".into(),
        categories: vec!["5d_mats".into(), "eva_mats".into()],
        ..Default::default()
    };
    let request = pb::CreateTenantRequest { tenant: Some(tenant), ..Default::default() };
    TenantServiceClient::new(server.channel.clone()).create_tenant(request).await.unwrap();
}

pub async fn categories(client: &mut Client, tenant: &str) -> Vec<pb::ShopCategory> {
    let request = pb::ListShopCategoriesRequest { tenant: tenant.into() };
    client.list_shop_categories(request).await.unwrap().into_inner().categories
}

pub async fn options(client: &mut Client, category: &str) -> Result<Vec<pb::ShopOption>, Status> {
    let request = pb::ListShopOptionsRequest { tenant: SHOP.into(), category: category.into() };
    Ok(client.list_shop_options(request).await?.into_inner().options)
}

pub async fn create_category(
    client: &mut Client,
    code: &str,
    category: pb::ShopCategory,
) -> Result<pb::ShopCategory, Status> {
    let request = pb::CreateCategoryRequest {
        tenant: SHOP.into(),
        code: code.into(),
        category: Some(category),
        request_id: Uuid::now_v7().to_string(),
    };
    Ok(client.create_category(request).await?.into_inner().category.unwrap())
}

/// The category's own code and etag say which, and how it was.
pub async fn update_category(
    client: &mut Client,
    category: pb::ShopCategory,
    paths: &[&str],
) -> Result<pb::ShopCategory, Status> {
    let request = pb::UpdateCategoryRequest {
        tenant: SHOP.into(),
        code: category.code.clone(),
        etag: category.etag.clone(),
        category: Some(category),
        update_mask: mask(paths),
        request_id: Uuid::now_v7().to_string(),
    };
    Ok(client.update_category(request).await?.into_inner().category.unwrap())
}

pub async fn delete_category(client: &mut Client, code: &str) -> Result<(), Status> {
    let request = pb::DeleteCategoryRequest {
        tenant: SHOP.into(),
        code: code.into(),
        request_id: Uuid::now_v7().to_string(),
        ..Default::default()
    };
    client.delete_category(request).await.map(|_| ())
}

pub async fn create_option(
    client: &mut Client,
    category: &str,
    code: &str,
    option: pb::ShopOption,
) -> Result<pb::ShopOption, Status> {
    let request = pb::CreateOptionRequest {
        tenant: SHOP.into(),
        category: category.into(),
        code: code.into(),
        option: Some(option),
        request_id: Uuid::now_v7().to_string(),
    };
    Ok(client.create_option(request).await?.into_inner().option.unwrap())
}

pub async fn update_option(
    client: &mut Client,
    category: &str,
    option: pb::ShopOption,
    paths: &[&str],
) -> Result<pb::ShopOption, Status> {
    let request = pb::UpdateOptionRequest {
        tenant: SHOP.into(),
        category: category.into(),
        code: option.code.clone(),
        etag: option.etag.clone(),
        option: Some(option),
        update_mask: mask(paths),
        request_id: Uuid::now_v7().to_string(),
    };
    Ok(client.update_option(request).await?.into_inner().option.unwrap())
}

pub async fn set_price(server: &TestServer, price: pb::Price) -> Result<(), Status> {
    let price = pb::Price { kind: pb::PriceKind::Fixed.into(), ..price };
    let request = pb::SetPricesRequest { tenant: SHOP.into(), prices: vec![price], ..Default::default() };
    PricingServiceClient::new(server.channel.clone()).set_prices(request).await.map(|_| ())
}

pub async fn offered(server: &TestServer, category: &str, body: &str, language: &str) -> Vec<pb::ProductOption> {
    let request = pb::ListOptionsRequest {
        tenant: SHOP.into(),
        category: category.into(),
        body_type: body.into(),
        language: language.into(),
    };
    CatalogServiceClient::new(server.channel.clone()).list_options(request).await.unwrap().into_inner().options
}

pub fn named(ru: &str) -> pb::ShopCategory {
    pb::ShopCategory { display_names: text(ru, "", ""), ..Default::default() }
}

pub fn choice(ru: &str, values: &[&str]) -> pb::ShopOption {
    let value = |code: &&str| pb::ShopOptionValue {
        code: (*code).into(),
        display_names: text(code, "", ""),
        ..Default::default()
    };
    pb::ShopOption {
        display_names: text(ru, "", ""),
        kind: pb::OptionKind::Choice.into(),
        values: values.iter().map(value).collect(),
        ..Default::default()
    }
}

pub fn priced(category: &str, option: &str, value: &str, units: i64) -> pb::Price {
    pb::Price {
        category: category.into(),
        option: option.into(),
        value: value.into(),
        amount: soms(units),
        ..Default::default()
    }
}

/// The reason of a refusal, of its first bad field where there is one.
pub fn told(status: &Status) -> String {
    fields(status).into_iter().next().map_or_else(|| reason(status), |(_, reason)| reason)
}
