//! PatternService: what a shop can sew, kept by hand.

use super::pattern_fields::{Named, read_change, read_pattern};
use crate::domain::Result;
use crate::domain::error::{Error, Kind};
use crate::domain::id::numeric;
use crate::domain::page::PageRequest;
use crate::domain::pattern::Pattern;
use crate::domain::pattern::record::{Field, Filter};
use crate::grpc::Services;
use crate::grpc::convert::{count, fitting};
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{INVALID, REQUIRED, Validator, given};
use crate::proto::lekalo::v1 as pb;

/// The most patterns that one call changes.
const MAX_PATTERNS: usize = 500;

pub async fn create_pattern(
    services: &Services,
    mut request: pb::CreatePatternRequest,
) -> Result<pb::CreatePatternResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let category = check.name("category", request.category);
    let brand = check.name("brand", request.brand);
    let model = check.name("model", request.model);
    let read = read_pattern(&mut check, "pattern", request.pattern.unwrap_or_default(), Field::ALL);
    let pattern = Pattern { brand, model, ..read };

    let scope = services.scope(check, &tenant).await?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let created = tx.create_pattern(&scope.tenant.slug, &category, &pattern).await?;
        Ok(pb::CreatePatternResponse { pattern: Some(created.into()) })
    });
    answer.await
}

pub async fn get_pattern(services: &Services, request: pb::GetPatternRequest) -> Result<pb::GetPatternResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let id = check.name("id", request.id);

    let scope = services.scope(check, &tenant).await?;
    let (record, history) = scope.own.get_pattern(numeric(Kind::Pattern, &id)?).await?;
    let history = history.into_iter().map(Into::into).collect();
    Ok(pb::GetPatternResponse { pattern: Some(record.into()), history })
}

pub async fn list_patterns(services: &Services, request: pb::ListPatternsRequest) -> Result<pb::ListPatternsResponse> {
    let mut check = Validator::default();
    let availability: pb::PatternAvailability = check.enumeration("availability", request.availability);
    let year = check.year("year", Some(request.year));
    let tenant = check.name("tenant", request.tenant);
    let category = check.optional_name("category", request.category);
    let brand = check.optional_name("brand", request.brand);
    let model = check.optional_name("model", request.model);
    let import_id = check.optional_name("import_id", request.import_id);
    let text = check.optional_name("text", request.text);
    if !model.is_empty() && brand.is_empty() {
        check.refuse("brand", REQUIRED, "must be given with a model");
    }
    let (asked_year, availability_name) = (request.year.to_string(), availability.as_str_name());
    let bound_to =
        ["list_patterns", &tenant, &category, &brand, &model, &asked_year, availability_name, &import_id, &text];
    let page: PageRequest =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);

    let scope = services.scope(check, &tenant).await?;
    let category_id = if category.is_empty() { None } else { Some(scope.sold_category(&category).await?.id) };
    let (brand_id, model_id) = scope.own.find_brand_and_model(&brand, &model).await?;
    let import_id = match import_id.as_str() {
        "" => None,
        id => {
            let parsed = id.parse().map_err(|_| Error::not_found(Kind::Import, id))?;
            Some(scope.own.get_import(parsed).await?.id)
        }
    };
    let available = match availability {
        pb::PatternAvailability::Unspecified => None,
        pb::PatternAvailability::Available => Some(true),
        pb::PatternAvailability::Unavailable => Some(false),
    };
    let text = given(text);
    let filter = Filter { category_id, brand_id, model_id, year, available, import_id, text };
    let found = scope.own.list_patterns(&filter, &page).await?;
    let total_size = count(found.total);
    let (patterns, next_page_token) = fitting(&page, found, Into::into);
    Ok(pb::ListPatternsResponse { patterns, next_page_token, total_size })
}

pub async fn update_pattern(
    services: &Services,
    mut request: pb::UpdatePatternRequest,
) -> Result<pb::UpdatePatternResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let fields = check.mask("update_mask", request.update_mask, Field::ALL);
    let update = pb::PatternUpdate { id: request.id, pattern: request.pattern, etag: request.etag };
    let change = read_change(&mut check, "", update, &fields);

    let scope = services.scope(check, &tenant).await?;
    let change = change.identified()?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let mut updated = tx.update_patterns(&[change], &fields, |_| "pattern".to_owned()).await?;
        Ok(pb::UpdatePatternResponse { pattern: updated.pop().map(Into::into) })
    });
    answer.await
}

pub async fn batch_update_patterns(
    services: &Services,
    mut request: pb::BatchUpdatePatternsRequest,
) -> Result<pb::BatchUpdatePatternsResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let fields = check.mask("update_mask", request.update_mask, Field::ALL);
    if request.updates.is_empty() {
        check.refuse("updates", REQUIRED, "must not be empty");
    }
    let path = |place: usize| format!("updates[{place}]");
    let mut changes: Vec<Named> = Vec::new();
    if request.updates.len() > MAX_PATTERNS {
        check.too_long("updates", MAX_PATTERNS, "elements");
    } else {
        for (place, update) in request.updates.into_iter().enumerate() {
            let change = read_change(&mut check, &path(place), update, &fields);
            if changes.iter().any(|other| other.id == change.id) && !change.id.is_empty() {
                check.refuse(&format!("{}.id", path(place)), INVALID, format!("`{}` is named twice", change.id));
            }
            changes.push(change);
        }
    }

    let scope = services.scope(check, &tenant).await?;
    let changes = changes.into_iter().map(Named::identified).collect::<Result<Vec<_>>>()?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let updated = tx.update_patterns(&changes, &fields, |place| format!("{}.pattern", path(place))).await?;
        Ok(pb::BatchUpdatePatternsResponse { patterns: updated.into_iter().map(Into::into).collect() })
    });
    answer.await
}

pub async fn delete_pattern(
    services: &Services,
    mut request: pb::DeletePatternRequest,
) -> Result<pb::DeletePatternResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let id = check.name("id", request.id);
    let etag = check.optional_name("etag", request.etag);

    let scope = services.scope(check, &tenant).await?;
    let id = numeric(Kind::Pattern, &id)?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        tx.delete_pattern(id, &etag).await?;
        Ok(pb::DeletePatternResponse {})
    });
    answer.await
}
