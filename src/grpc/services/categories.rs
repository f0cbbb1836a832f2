//! ListCategories: what a tenant sells.

use crate::domain::Result;
use crate::grpc::Services;
use crate::grpc::convert::language_used;
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn list_categories(
    services: &Services,
    request: pb::ListCategoriesRequest,
) -> Result<pb::ListCategoriesResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let language = check.language("language", request.language);

    let shop = services.shop(check, &tenant).await?;
    let asked = shop.language(language);
    let categories = shop.catalog.list_categories(asked);
    Ok(pb::ListCategoriesResponse {
        language: language_used(asked, categories.iter().map(|(_, language)| *language)),
        categories: categories.into_iter().map(|(category, _)| category.into()).collect(),
    })
}
