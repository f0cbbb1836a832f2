//! ListOptions: what can be chosen with a product, and what choosing it costs.

use crate::domain::Result;
use crate::domain::vehicle::BodyType;
use crate::grpc::Services;
use crate::grpc::convert::{language_used, price};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn list_options(services: &Services, request: pb::ListOptionsRequest) -> Result<pb::ListOptionsResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let category = check.name("category", request.category);
    let body_type: Option<BodyType> = check.word("body_type", request.body_type);
    let language = check.language("language", request.language);

    let shop = services.shop(check, &tenant).await?;
    let (category, asked, tenant) = (shop.sold_category(&category)?, shop.language(language), &shop.catalog.tenant);
    let (sheet, shown) = shop.catalog.price_sheet(&category, shop.now(), asked);
    let offers = sheet.offers(body_type);
    // The sheet has more options than are offered; only names that come back say which language is used.
    let named = sheet.options.iter().zip(shown);
    let named = named.filter(|(option, _)| offers.iter().any(|offer| offer.option.id == option.id));
    Ok(pb::ListOptionsResponse {
        language: language_used(asked, named.map(|(_, language)| language)),
        options: offers.into_iter().map(|offer| price::product_option(offer, &tenant.currency)).collect(),
        prices_visible: tenant.prices_visible,
    })
}
