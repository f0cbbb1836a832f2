//! ResolveVehicle: which car a person means by what they type. The search is [`lekalo_vehicles::resolve`].

use std::sync::Arc;

use lekalo_vehicles::Index;
use lekalo_vehicles::resolve::{Candidate, DEFAULT_CANDIDATES, Decision, Query, Resolution, Resolver, ShopWords};

use crate::domain::error::{Error, Result};
use crate::domain::tenant::Language;
use crate::domain::vehicle::slug;
use crate::grpc::Services;
use crate::grpc::convert::{count, year};
use crate::grpc::validation::Validator;
use crate::live_index::Shared;
use crate::proto::lekalo::v1 as pb;

/// The longest text.
const MAX_TEXT: usize = 256;
/// The most candidates that one answer has.
const MAX_CANDIDATES: usize = 20;

pub async fn resolve_vehicle(
    services: &Services,
    request: pb::ResolveVehicleRequest,
) -> Result<pb::ResolveVehicleResponse> {
    let mut check = Validator::default();
    let tenant = check.optional_name("tenant", request.tenant);
    let category = check.optional_name("category", request.category);
    if tenant.is_empty() && !category.is_empty() {
        check.refuse("category", "FIELD_INVALID", "must not be given without a tenant");
    }
    let text = check.required_text("text", request.text, MAX_TEXT);
    let brand = check.optional_name("brand", request.brand);
    let known_year = check.year("year", Some(request.year));
    let language = check.language("language", request.language);
    if request.max_candidates < 0 {
        check.refuse("max_candidates", "FIELD_OUT_OF_RANGE", "must not be negative");
    }
    check.done()?;

    let shop = match tenant.as_str() {
        "" => None,
        slug => {
            let shop = services.shop_of(slug).await?;
            Some(if category.is_empty() {
                shop.with_all_patterns().await?
            } else {
                shop.with_patterns(&category).await?
            })
        }
    };
    let category = match &shop {
        Some(shop) if !category.is_empty() => Some(shop.sold_category(&category)?),
        _ => None,
    };
    let shop_words = shop.as_ref().map(|shop| shop.catalog.shop_words());
    let index = services.live_index.known().await?;
    let language = match &shop {
        Some(shop) => shop.language(language),
        None => language.unwrap_or_default(),
    };
    let (mut resolution, index) = resolve(index, text, brand, known_year, shop_words, language).await?;
    let patterns = |candidate: &Candidate| {
        let (brand, model) = slugs(&index, candidate);
        shop.as_ref().map_or(0, |shop| shop.catalog.count_patterns(category.as_ref(), &brand, &model))
    };
    let most = usize::try_from(request.max_candidates).unwrap_or(DEFAULT_CANDIDATES);
    resolution.prefer(|candidate| patterns(candidate) > 0, most);
    let candidates = resolution.candidates.into_iter().map(|candidate| {
        let pattern_count = count(patterns(&candidate));
        pb::VehicleCandidate { pattern_count, ..convert(&index, candidate) }
    });
    services.observers.metrics.decided(resolution.decision);
    Ok(pb::ResolveVehicleResponse {
        decision: pb::Decision::from(resolution.decision).into(),
        candidates: candidates.collect(),
        language: language.word().to_owned(),
    })
}

/// Looks for the car on a thread that may take its time: an odd text costs milliseconds, which calls beside it would wait for.
async fn resolve(
    index: Shared,
    text: String,
    brand: String,
    year: Option<i16>,
    shop_words: Option<Arc<ShopWords>>,
    language: Language,
) -> Result<(Resolution, Shared)> {
    let look = move || {
        let query = Query {
            text: &text,
            brand: Some(&brand),
            shop_words: shop_words.as_deref(),
            year,
            max_candidates: MAX_CANDIDATES,
            language,
        };
        let resolution = Resolver::new(&index).resolve(&query);
        (resolution, index)
    };
    tokio::task::spawn_blocking(look).await.map_err(Error::internal)
}

/// The slugs of brand and model, the model's empty where only the brand is clear.
fn slugs(index: &Index, candidate: &Candidate) -> (String, String) {
    let model = candidate.model.map(|model| slug(&index.model(model).name)).unwrap_or_default();
    (slug(&index.brand(candidate.brand).name), model)
}

fn convert(index: &Index, candidate: Candidate) -> pb::VehicleCandidate {
    let (brand, model) = slugs(index, &candidate);
    pb::VehicleCandidate {
        brand,
        brand_name: index.brand(candidate.brand).name.clone(),
        model,
        model_name: candidate.model.map(|model| index.model(model).name.clone()).unwrap_or_default(),
        generation: candidate.generation,
        year: year(candidate.year),
        score: candidate.score.into(),
        matched: candidate.matched,
        reason: candidate.reason,
        pattern_count: 0,
    }
}

impl From<Decision> for pb::Decision {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Accept => Self::Accept,
            Decision::Choose => Self::Choose,
            Decision::None => Self::None,
        }
    }
}
