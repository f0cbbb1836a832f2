//! CatalogService: what a bot asks while it talks.

use tonic::{Request, Response, Status};

use super::Services;
use super::convert::{self, count, language_used};
use super::validation::Validator;
use crate::db::catalog::{CategoryRef, Order};
use crate::domain::Error;
use crate::domain::pattern::{self, Verdict, Wanted};
use crate::domain::tenant::Tenant;
use crate::domain::vehicle::{BodyType, Years};
use crate::proto::lekalo::v1 as pb;
use crate::proto::lekalo::v1::catalog_service_server::CatalogService;
use lekalo_vehicles::Reference;
use lekalo_vehicles::transliteration::latin_code;

/// The most patterns that one answer has.
const MAX_PATTERNS: usize = 100;
/// The longest prefix of a name to look for.
const MAX_PREFIX: usize = 64;

#[tonic::async_trait]
impl CatalogService for Services {
    async fn list_categories(
        &self,
        request: Request<pb::ListCategoriesRequest>,
    ) -> Result<Response<pb::ListCategoriesResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let tenant = check.name("tenant", request.tenant);
        let language = check.language("language", request.language);
        check.done()?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let asked = language.unwrap_or(tenant.default_language);
        let languages = asked.fallbacks(tenant.default_language);
        let categories = self.db.tenant(tenant.id).list_categories(&languages).await?;
        Ok(Response::new(pb::ListCategoriesResponse {
            language: language_used(asked, categories.iter().map(|(_, language)| *language)),
            categories: categories.into_iter().map(|(category, _)| category.into()).collect(),
        }))
    }

    async fn list_brands(
        &self,
        request: Request<pb::ListBrandsRequest>,
    ) -> Result<Response<pb::ListBrandsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let order: pb::OrderBy = check.enumeration("order_by", request.order_by);
        let language = check.language("language", request.language.clone());
        let page = check.page(
            request.page_size,
            &request.page_token,
            request.skip,
            &[
                "list_brands",
                &request.tenant,
                &request.category,
                &request.language,
                &request.name_prefix,
                order.as_str_name(),
            ],
        );
        let tenant = check.name("tenant", request.tenant);
        let category = check.name("category", request.category);
        let prefix = check.text("name_prefix", request.name_prefix, MAX_PREFIX);
        let page = check.done_with(page)?;

        let (tenant, category) = self.sold_category(&tenant, &category).await?;
        let asked = language.unwrap_or(tenant.default_language);
        let languages = asked.fallbacks(tenant.default_language);
        let found =
            self.db.tenant(tenant.id).list_brands(&category, &languages, &prefix, sort_order(order), &page).await?;
        Ok(Response::new(pb::ListBrandsResponse {
            language: language_used(asked, found.items.iter().map(|(_, language)| *language)),
            brands: found.items.into_iter().map(|(brand, _)| brand.into()).collect(),
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }

    async fn list_models(
        &self,
        request: Request<pb::ListModelsRequest>,
    ) -> Result<Response<pb::ListModelsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let order: pb::OrderBy = check.enumeration("order_by", request.order_by);
        let language = check.language("language", request.language.clone());
        let page = check.page(
            request.page_size,
            &request.page_token,
            request.skip,
            &[
                "list_models",
                &request.tenant,
                &request.category,
                &request.brand,
                &request.language,
                order.as_str_name(),
            ],
        );
        let tenant = check.name("tenant", request.tenant);
        let category = check.name("category", request.category);
        let brand = check.name("brand", request.brand);
        let page = check.done_with(page)?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let asked = language.unwrap_or(tenant.default_language);
        let languages = asked.fallbacks(tenant.default_language);
        let own = self.db.tenant(tenant.id);
        let (category, brand_id) = own.find_category_and_brand(&category, &brand).await?;
        let category = category.sold_by(&tenant.slug)?;
        let found = own.list_models(&category, brand_id, &languages, sort_order(order), &page).await?;
        Ok(Response::new(pb::ListModelsResponse {
            language: language_used(asked, found.items.iter().map(|(_, language)| *language)),
            models: found.items.into_iter().map(|(model, _)| model.into()).collect(),
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }

    async fn find_patterns(
        &self,
        request: Request<pb::FindPatternsRequest>,
    ) -> Result<Response<pb::FindPatternsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let tenant = check.name("tenant", request.tenant.clone());
        let category = check.name("category", request.category.clone());
        let brand = check.name("brand", request.brand.clone());
        let model = check.name("model", request.model.clone());
        let year = check.year("year", request.year);
        let steering: pb::Steering = check.enumeration("steering", request.steering.unwrap_or_default());
        let generation = check.optional_name("generation", request.generation.clone().unwrap_or_default());
        let body_type: Option<BodyType> = check.word("body_type", request.body_type.clone().unwrap_or_default());
        check.done()?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let own = self.db.tenant(tenant.id);
        let (category, model_id) = own.find_category_and_model(&category, &brand, &model).await?;
        if !category.sold {
            return Ok(Response::new(pb::FindPatternsResponse {
                verdict: pb::Verdict::from(Verdict::NotSold).into(),
                ..Default::default()
            }));
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
        Ok(Response::new(pb::FindPatternsResponse {
            verdict: pb::Verdict::from(verdict).into(),
            patterns: patterns.collect(),
            total_size: i32::try_from(total_size).unwrap_or(i32::MAX),
        }))
    }

    async fn list_options(
        &self,
        request: Request<pb::ListOptionsRequest>,
    ) -> Result<Response<pb::ListOptionsResponse>, Status> {
        Ok(Response::new(self.options(request.into_inner()).await?))
    }

    async fn resolve_vehicle(
        &self,
        request: Request<pb::ResolveVehicleRequest>,
    ) -> Result<Response<pb::ResolveVehicleResponse>, Status> {
        Ok(Response::new(self.resolve(request.into_inner()).await?))
    }
}

impl Services {
    /// The tenant and a category it sells.
    pub(super) async fn sold_category(&self, tenant: &str, category: &str) -> Result<(Tenant, CategoryRef), Error> {
        let tenant = self.db.find_tenant(tenant).await?;
        let category = self.db.tenant(tenant.id).find_category(category).await?;
        let category = category.sold_by(&tenant.slug)?;
        Ok((tenant, category))
    }
}

fn known_generations(model: &lekalo_vehicles::Model) -> Vec<pattern::Generation> {
    let generation = |generation: &lekalo_vehicles::Generation| pattern::Generation {
        names: generation.names().map(|name| name.to_uppercase()).collect(),
        years: Years { from: generation.from, to: generation.to },
    };
    model.generations.iter().map(generation).collect()
}

fn sort_order(order: pb::OrderBy) -> Order {
    match order {
        pb::OrderBy::Unspecified | pb::OrderBy::Name => Order::Name,
        pb::OrderBy::Popularity => Order::Popularity,
    }
}
