//! CategoryService: what a shop sells, kept by hand.

use crate::domain::Result;
use crate::domain::catalog::Names;
use crate::domain::category::{
    Field, MAX_DESCRIPTION, MAX_NAME, MAX_SORT_ORDER, ShopCategory, new_code, read_emoji, read_names,
};
use crate::domain::tenant::Language;
use crate::grpc::Services;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{OUT_OF_RANGE, REQUIRED, Validator};
use crate::proto::lekalo::v1 as pb;

pub async fn list_shop_categories(
    services: &Services,
    request: pb::ListShopCategoriesRequest,
) -> Result<pb::ListShopCategoriesResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);

    let scope = services.scope(check, &tenant).await?;
    let categories = scope.own.list_shop_categories().await?;
    Ok(pb::ListShopCategoriesResponse { categories: categories.into_iter().map(Into::into).collect() })
}

pub async fn create_category(
    services: &Services,
    mut request: pb::CreateCategoryRequest,
) -> Result<pb::CreateCategoryResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let code = new_code(&mut check, "code", request.code);
    let read = read_category(&mut check, request.category, Field::ALL);
    if read.names.get(Language::Ru).is_none() {
        check.refuse("category.display_names.ru", REQUIRED, "must be given");
    }
    let category = ShopCategory { code, ..read };

    let scope = services.scope(check, &tenant).await?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let created = tx.create_category(&category).await?;
        Ok(pb::CreateCategoryResponse { category: Some(created.into()) })
    });
    answer.await
}

pub async fn update_category(
    services: &Services,
    mut request: pb::UpdateCategoryRequest,
) -> Result<pb::UpdateCategoryResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let code = check.name("code", request.code);
    let fields: Vec<Field> = check.mask("update_mask", request.update_mask, Field::ALL);
    let to = read_category(&mut check, request.category, &fields);
    let etag = check.optional_name("etag", request.etag);

    let scope = services.scope(check, &tenant).await?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let updated = tx.update_category(&code, &to, &fields, &etag).await?;
        Ok(pb::UpdateCategoryResponse { category: Some(updated.into()) })
    });
    answer.await
}

pub async fn delete_category(
    services: &Services,
    mut request: pb::DeleteCategoryRequest,
) -> Result<pb::DeleteCategoryResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let code = check.name("code", request.code);
    let etag = check.optional_name("etag", request.etag);

    let scope = services.scope(check, &tenant).await?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        tx.delete_category(&code, &etag).await?;
        Ok(pb::DeleteCategoryResponse {})
    });
    answer.await
}

/// These fields of a category; the others are as if they were not given.
fn read_category(check: &mut Validator, given: Option<pb::ShopCategory>, fields: &[Field]) -> ShopCategory {
    if given.is_none() {
        check.refuse("category", REQUIRED, "must be given");
    }
    let given = given.unwrap_or_default();
    let mut read = ShopCategory::default();
    for field in fields {
        let path = format!("category.{field}");
        match field {
            Field::DisplayNames => read.names = names(check, &path, given.display_names.clone()),
            Field::Descriptions => {
                let pb::LocalizedText { ru, ky, en } = given.descriptions.clone().unwrap_or_default();
                read.descriptions = localized(check, &path, [ru, ky, en], MAX_DESCRIPTION);
            }
            Field::Emoji => read.emoji = read_emoji(check, &path, given.emoji.clone()),
            Field::SortOrder => read.sort_order = sort_order(check, &path, given.sort_order),
            Field::Active => read.active = given.active,
        }
    }
    read
}

/// A place in an order.
pub fn sort_order(check: &mut Validator, field: &str, given: i32) -> i16 {
    let order = i16::try_from(given).ok().filter(|order| (0..=MAX_SORT_ORDER).contains(order));
    if order.is_none() {
        check.refuse(field, OUT_OF_RANGE, format!("must be 0 to {MAX_SORT_ORDER}"));
    }
    order.unwrap_or_default()
}

/// A name in each language that it is given in.
pub fn names(check: &mut Validator, path: &str, given: Option<pb::LocalizedName>) -> Names {
    let pb::LocalizedName { ru, ky, en } = given.unwrap_or_default();
    localized(check, path, [ru, ky, en], MAX_NAME)
}

fn localized(check: &mut Validator, path: &str, given: [String; 3], max: usize) -> Names {
    read_names(check, |language| format!("{path}.{}", language.word()), given, max)
}
