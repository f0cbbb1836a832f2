//! QuotePrice: what a product with chosen options costs for a car. The sum is made in [`crate::domain::price`].

use lekalo_vehicles::Reference;

use super::price_fields::{MAX_SELECTIONS, selections};
use crate::domain::Result;
use crate::domain::price::Asked;
use crate::domain::vehicle::BodyType;
use crate::grpc::Services;
use crate::grpc::convert::{language_used, price};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn quote_price(services: &Services, request: pb::QuotePriceRequest) -> Result<pb::QuotePriceResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let category = check.name("category", request.category);
    let brand = check.optional_name("brand", request.brand);
    let model = check.optional_name("model", request.model);
    if brand.is_empty() && !model.is_empty() {
        check.refuse("brand", "FIELD_REQUIRED", "must be given with model");
    }
    let generation = check.optional_name("generation", request.generation);
    let year = check.year("year", Some(request.year));
    let body_type: Option<BodyType> = check.word("body_type", request.body_type);
    let selections = selections(&mut check, "selections", request.selections, MAX_SELECTIONS);
    let at = check.time("at_time", request.at_time);
    let language = check.language("language", request.language);

    let shop = services.shop(check, &tenant).await?;
    let category = shop.sold_category(&category)?;
    match (brand.as_str(), model.as_str()) {
        ("", _) => {}
        (brand, "") => _ = shop.catalog.find_brand(brand)?,
        (brand, model) => _ = shop.catalog.find_model(brand, model)?,
    }
    let car_bodies = car_bodies(&brand, &model, &generation, year);
    let asked = Asked {
        brand: Some(brand).filter(|brand| !brand.is_empty()),
        body_assumed: body_type.is_none() && !car_bodies.is_empty(),
        bodies: body_type.map_or(car_bodies, |body| vec![body]),
        selections,
    };

    let language = shop.language(language);
    let (sheet, shown) = shop.catalog.price_sheet(&category, at.unwrap_or_else(|| shop.now()), language);
    let quote = sheet.quote(&asked)?;
    Ok(pb::QuotePriceResponse {
        quote: Some(price::quote(quote, &shop.catalog.tenant, &sheet, language)),
        language: language_used(language, shown.into_iter()),
    })
}

/// The bodies that the car may have, as far as the reference knows; none: any.
pub fn car_bodies(brand: &str, model: &str, generation: &str, year: Option<i16>) -> Vec<BodyType> {
    let known = Reference::shipped().find_model(brand, model);
    known.map(|model| model.bodies(generation, year)).unwrap_or_default()
}
