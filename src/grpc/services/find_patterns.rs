//! FindPatterns: whether a tenant has a pattern for a car. The verdict is made in [`crate::domain::pattern`].

use lekalo_vehicles::transliteration::latin_code;

use crate::domain::Result;
use crate::domain::pattern::{self, Verdict, Wanted};
use crate::domain::vehicle::BodyType;
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
    let language = check.language("language", request.language.clone());
    let body_type: Option<BodyType> = check.word("body_type", request.body_type.clone().unwrap_or_default());

    let shop = services.shop(check, &tenant).await?.with_patterns(&category).await?;
    let (category, place) = (shop.catalog.find_category(&category)?, shop.catalog.find_model(&brand, &model)?);
    if !category.is_sold() {
        return Ok(pb::FindPatternsResponse {
            verdict: pb::Verdict::from(Verdict::NotSold).into(),
            language: shop.language(language).word().to_owned(),
            ..Default::default()
        });
    }
    // A code typed in Cyrillic letters: "ХВ70".
    let generation = if generation.is_ascii() { generation } else { latin_code(&generation) };
    let wanted = Wanted { year, steering: convert::pattern::steering(steering), generation, body_type };
    let language = shop.language(language);
    let found = shop.catalog.find_patterns(&category, place, &wanted, MAX_PATTERNS);
    let patterns = found.patterns.iter().map(|chosen| {
        let mismatches = pattern::mismatches(&chosen.nearness);
        convert::pattern::possible(chosen.pattern(&brand, &model), &request, &mismatches, language)
    });
    Ok(pb::FindPatternsResponse {
        verdict: pb::Verdict::from(found.verdict).into(),
        patterns: patterns.collect(),
        total_size: i32::try_from(found.total).unwrap_or(i32::MAX),
        language: language.word().to_owned(),
    })
}
