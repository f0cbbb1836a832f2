//! ListBrands and ListModels: what a tenant has patterns for.

use crate::catalog::Order;
use crate::domain::Result;
use crate::grpc::Services;
use crate::grpc::convert::{count, language_used};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

/// The longest prefix of a name to look for.
const MAX_PREFIX: usize = 64;

pub async fn list_brands(services: &Services, request: pb::ListBrandsRequest) -> Result<pb::ListBrandsResponse> {
    let mut check = Validator::default();
    let order: pb::OrderBy = check.enumeration("order_by", request.order_by);
    let language = check.language("language", request.language.clone());
    let all = request.all.to_string();
    let bound_to = [
        "list_brands",
        &request.tenant,
        &request.category,
        &request.language,
        &request.name_prefix,
        order.as_str_name(),
        &all,
    ];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);
    let category = check.name("category", request.category);
    let prefix = check.text("name_prefix", request.name_prefix, MAX_PREFIX);

    let shop = services.shop(check, &tenant).await?.with_patterns(&category).await?;
    let (category, asked) = (shop.sold_category(&category)?, shop.language(language));
    let found = shop.catalog.list_brands(&category, request.all, asked, &prefix, sort_order(order), &page);
    Ok(pb::ListBrandsResponse {
        language: language_used(asked, found.items.iter().map(|(_, language)| *language)),
        brands: found.items.into_iter().map(|(brand, _)| brand.into()).collect(),
        next_page_token: page.next_token(found.next),
        total_size: count(found.total),
    })
}

pub async fn list_models(services: &Services, request: pb::ListModelsRequest) -> Result<pb::ListModelsResponse> {
    let mut check = Validator::default();
    let order: pb::OrderBy = check.enumeration("order_by", request.order_by);
    let language = check.language("language", request.language.clone());
    let all = request.all.to_string();
    let bound_to = [
        "list_models",
        &request.tenant,
        &request.category,
        &request.brand,
        &request.language,
        order.as_str_name(),
        &all,
    ];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);
    let category = check.name("category", request.category);
    let brand = check.name("brand", request.brand);

    let shop = services.shop(check, &tenant).await?.with_patterns(&category).await?;
    // An unknown brand is reported before a category that is not sold.
    let (known, brand) = (shop.catalog.find_category(&category)?, shop.catalog.find_brand(&brand)?);
    let (category, asked) = (known.sold_by(&shop.catalog.tenant)?, shop.language(language));
    let found = shop.catalog.list_models(&category, request.all, brand, asked, sort_order(order), &page);
    Ok(pb::ListModelsResponse {
        language: language_used(asked, found.items.iter().map(|(_, language)| *language)),
        models: found.items.into_iter().map(|(model, _)| model.into()).collect(),
        next_page_token: page.next_token(found.next),
        total_size: count(found.total),
    })
}

fn sort_order(order: pb::OrderBy) -> Order {
    match order {
        pb::OrderBy::Unspecified | pb::OrderBy::Name => Order::Name,
        pb::OrderBy::Popularity => Order::Popularity,
    }
}
