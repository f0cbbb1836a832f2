//! FindPatterns: whether a tenant has a pattern for a car. The verdict is made in [`crate::domain::pattern`].

use lekalo_vehicles::Reference;
use lekalo_vehicles::transliteration::latin_code;

use crate::domain::Result;
use crate::domain::pattern::{self, Verdict, Wanted};
use crate::domain::vehicle::{BodyType, Years};
use crate::grpc::Services;
use crate::grpc::convert;
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

/// The most patterns that one answer has.
const MAX_PATTERNS: usize = 100;

pub async fn find_patterns(services: &Services, request: pb::FindPatternsRequest) -> Result<pb::FindPatternsResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant.clone());
    let category = check.name("category", request.category.clone());
    let brand = check.name("brand", request.brand.clone());
    let model = check.name("model", request.model.clone());
    let year = check.year("year", request.year);
    let steering: pb::Steering = check.enumeration("steering", request.steering.unwrap_or_default());
    let generation = check.optional_name("generation", request.generation.clone().unwrap_or_default());
    let body_type: Option<BodyType> = check.word("body_type", request.body_type.clone().unwrap_or_default());

    let own = services.scope(check, &tenant).await?.own;
    let (category, model_id) = own.find_category_and_model(&category, &brand, &model).await?;
    if !category.sold {
        return Ok(pb::FindPatternsResponse {
            verdict: pb::Verdict::from(Verdict::NotSold).into(),
            ..Default::default()
        });
    }
    let patterns = own.find_patterns(&category, model_id).await?;
    let reference = Reference::shipped().find_model(&brand, &model);
    let bodies = |generation: &str| reference.map(|model| model.bodies(generation, None)).unwrap_or_default();
    let generations = reference.map(known_generations).unwrap_or_default();
    let known = pattern::Known { bodies: &bodies, generations };
    // A code typed in Cyrillic letters: "ХВ70".
    let generation = if generation.is_ascii() { generation } else { latin_code(&generation) };
    let wanted = Wanted { year, steering: convert::pattern::steering(steering), generation, body_type };
    let (verdict, mut patterns) = pattern::choose(&wanted, &known, patterns);
    let total_size = patterns.len();
    patterns.truncate(MAX_PATTERNS);
    let patterns = patterns.into_iter().map(|pattern| {
        let mismatches = pattern::mismatches(&wanted, &known, &pattern);
        convert::pattern::possible(pattern, &request, &mismatches)
    });
    Ok(pb::FindPatternsResponse {
        verdict: pb::Verdict::from(verdict).into(),
        patterns: patterns.collect(),
        total_size: i32::try_from(total_size).unwrap_or(i32::MAX),
    })
}

fn known_generations(model: &lekalo_vehicles::Model) -> Vec<pattern::Generation> {
    let generation = |generation: &lekalo_vehicles::Generation| pattern::Generation {
        names: generation.names().map(|name| name.to_uppercase()).collect(),
        years: Years { from: generation.from, to: generation.to },
    };
    model.generations.iter().map(generation).collect()
}
