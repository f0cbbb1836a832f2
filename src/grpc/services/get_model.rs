//! GetModel: what the vehicle reference knows of a model.

use lekalo_vehicles::Reference;

use crate::domain::Result;
use crate::domain::tenant::{Brand, Model};
use crate::grpc::Services;
use crate::grpc::convert::{language_used, year};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn get_model(services: &Services, request: pb::GetModelRequest) -> Result<pb::GetModelResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let brand = check.name("brand", request.brand);
    let model = check.name("model", request.model);
    let language = check.language("language", request.language);

    let shop = services.shop(check, &tenant).await?;
    let asked = shop.language(language);
    let (named_brand, named_model) = shop.catalog.name_model(&brand, &model, asked)?;
    let languages = [named_model.1, named_brand.1];
    // What a shop's database has beside the shipped reference has no more than its names.
    let known = Reference::shipped().find_model(&brand, &model);
    let years = known.map(lekalo_vehicles::Model::years).unwrap_or_default();
    let generation = |model: &lekalo_vehicles::Model, generation: &lekalo_vehicles::Generation| pb::Generation {
        name: generation.label(),
        names: generation.names().collect(),
        year_from: year(generation.from),
        year_to: year(generation.to),
        body_type: generation.body.clone().or_else(|| model.body.clone()).unwrap_or_default(),
    };
    let bodies =
        |model: &lekalo_vehicles::Model| model.bodies("", None).into_iter().map(|body| body.to_string()).collect();
    let generations = known.map(|model| model.generations.iter().map(|of| generation(model, of)).collect());
    let model: Model = named_model.0;
    let brand: Brand = named_brand.0;
    Ok(pb::GetModelResponse {
        brand: Some(brand.into()),
        model: Some(pb::Model { year_from: year(years.from), year_to: year(years.to), ..model.into() }),
        generations: generations.unwrap_or_default(),
        body_types: known.map(bodies).unwrap_or_default(),
        spellings: known.map(|model| model.spellings().map(str::to_owned).collect()).unwrap_or_default(),
        language: language_used(asked, languages.into_iter()),
    })
}
