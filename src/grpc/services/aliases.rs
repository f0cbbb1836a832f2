//! ListAliases, CreateAlias and DeleteAlias: the ways of writing a brand or a model that the resolver knows beside its names.

use lekalo_vehicles::{Index, normalize};

use crate::db::vehicles::CreatedAlias;
use crate::domain::Result;
use crate::domain::error::{Error, Kind};
use crate::domain::vehicle::{Alias, slug};
use crate::grpc::Services;
use crate::grpc::convert::{count, fitting, timestamp};
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn list_aliases(services: &Services, request: pb::ListAliasesRequest) -> Result<pb::ListAliasesResponse> {
    let mut check = Validator::default();
    let bound_to = ["list_aliases", &request.brand, &request.model];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let brand = check.optional_name("brand", request.brand);
    let model = check.optional_name("model", request.model);
    if brand.is_empty() && !model.is_empty() {
        check.refuse("brand", "FIELD_REQUIRED", "must be given with a model");
    }
    check.done()?;

    let found = services.db.list_aliases(&brand, &model, &page).await?;
    let total_size = count(found.total);
    let (aliases, next_page_token) = fitting(&page, found, message);
    Ok(pb::ListAliasesResponse { aliases, next_page_token, total_size })
}

pub async fn create_alias(services: &Services, mut request: pb::CreateAliasRequest) -> Result<pb::CreateAliasResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let brand = check.name("brand", request.brand);
    let model = check.optional_name("model", request.model);
    let alias_text = check.name("alias", request.alias);
    if !alias_text.is_empty() && !alias_text.chars().any(char::is_alphanumeric) {
        check.refuse("alias", "FIELD_INVALID", "must have a letter or a digit");
    }
    check.done()?;

    services.db.find_car(&brand, &model).await?;
    let alias = Alias { brand, model, alias: alias_text, ambiguous: false };
    let index = services.live_index.current().await?;
    let tx = services.db.transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        if let Some((brand, model)) = other_owner(&index, &alias) {
            return Err(Error::AlreadyExists {
                reason: "ALIAS_TAKEN",
                message: format!("`{}` already means {brand} {model}", alias.alias).trim_end().to_owned(),
                metadata: vec![("alias", alias.alias), ("brand", brand.to_owned()), ("model", model.to_owned())],
            });
        }
        let created = tx.create_alias(&alias).await?;
        Ok(pb::CreateAliasResponse { alias: Some(message(created)) })
    });
    let answer = answer.await?;
    know_at_once(services).await;
    Ok(answer)
}

pub async fn delete_alias(services: &Services, request: pb::DeleteAliasRequest) -> Result<pb::DeleteAliasResponse> {
    let mut check = Validator::default();
    let brand = check.name("brand", request.brand);
    let model = check.optional_name("model", request.model);
    let alias_text = check.name("alias", request.alias);
    check.done()?;

    services.db.find_car(&brand, &model).await?;
    let key = normalize::key(&alias_text);
    let same = services
        .db
        .all_aliases()
        .await?
        .into_iter()
        .filter(|alias| alias.brand == brand && alias.model == model && normalize::key(&alias.alias) == key);
    let same: Vec<String> = same.map(|alias| alias.alias).collect();
    let tx = services.db.transaction().await?;
    if tx.delete_aliases(&brand, &model, &same).await? == 0 {
        return Err(Error::not_found(Kind::Alias, alias_text));
    }
    tx.commit().await?;
    know_at_once(services).await;
    Ok(pb::DeleteAliasResponse {})
}

/// Who asks here next is answered with what was just taught; where the database is away by now, once it is back.
async fn know_at_once(services: &Services) {
    let _ = services.live_index.current().await;
}

/// The other car that is written so already: another brand, or another model of the same brand.
fn other_owner(index: &Index, alias: &Alias) -> Option<(String, String)> {
    let key = normalize::key(&alias.alias);
    let brands = &index.reference().brands;
    if alias.model.is_empty() {
        let other = brands.iter().filter(|brand| slug(&brand.name) != alias.brand);
        let owner = other.into_iter().find(|brand| brand.spellings().any(|other| normalize::key(other) == key))?;
        return Some((owner.name.clone(), String::new()));
    }
    let brand = brands.iter().find(|brand| slug(&brand.name) == alias.brand)?;
    let mut other = brand.models.iter().filter(|model| slug(&model.name) != alias.model);
    let owner = other.find(|model| model.spellings().any(|other| normalize::key(other) == key))?;
    Some((brand.name.clone(), owner.name.clone()))
}

fn message((alias, created_at): CreatedAlias) -> pb::Alias {
    pb::Alias { brand: alias.brand, model: alias.model, alias: alias.alias, created_at: Some(timestamp(created_at)) }
}
