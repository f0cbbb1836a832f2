//! CategoryService: what can be chosen with what a shop sells, kept by hand.

use super::shop_categories::{names, sort_order};
use crate::domain::Result;
use crate::domain::category::{new_code, read_emoji};
use crate::domain::error::Error;
use crate::domain::price::OptionKind;
use crate::domain::shop_option::{
    Field, MAX_BODY_TYPES, MAX_VALUES, OptionChange, ShopValue, new_value_code, read_body_types,
};
use crate::domain::tenant::Language;
use crate::grpc::Services;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{INVALID, REQUIRED, Validator};
use crate::proto::lekalo::v1 as pb;

pub async fn list_shop_options(
    services: &Services,
    request: pb::ListShopOptionsRequest,
) -> Result<pb::ListShopOptionsResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let category = check.name("category", request.category);

    let scope = services.scope(check, &tenant).await?;
    let category = scope.sold_category(&category).await?;
    let options = scope.own.list_shop_options(&category).await?;
    Ok(pb::ListShopOptionsResponse { options: options.into_iter().map(Into::into).collect() })
}

pub async fn create_option(
    services: &Services,
    mut request: pb::CreateOptionRequest,
) -> Result<pb::CreateOptionResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let category = check.name("category", request.category);
    let code = new_code(&mut check, "code", request.code);
    let given = given(&mut check, request.option);
    let kind: pb::OptionKind = check.required_enumeration("option.kind", given.kind);
    let kind = match kind {
        pb::OptionKind::Unspecified => None,
        pb::OptionKind::Boolean => Some(OptionKind::Boolean),
        pb::OptionKind::Choice => Some(OptionKind::Choice),
        pb::OptionKind::Addon => Some(OptionKind::Addon),
    };
    match kind {
        Some(OptionKind::Choice) if given.values.is_empty() => {
            check.refuse("option.values", REQUIRED, "must not be empty for a CHOICE");
        }
        Some(OptionKind::Boolean | OptionKind::Addon) if !given.values.is_empty() => {
            check.refuse("option.values", INVALID, "only a CHOICE has values");
        }
        _ => {}
    }
    let change = read_option(&mut check, given, Field::ALL);
    if change.names.get(Language::Ru).is_none() {
        check.refuse("option.display_names.ru", REQUIRED, "must be given");
    }

    let scope = services.scope(check, &tenant).await?;
    let kind = kind.ok_or_else(|| Error::internal("a checked kind is missing"))?;
    let category = scope.sold_category(&category).await?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let created = tx.create_option(&category, &code, kind, &change).await?;
        Ok(pb::CreateOptionResponse { option: Some(created.into()) })
    });
    answer.await
}

pub async fn update_option(
    services: &Services,
    mut request: pb::UpdateOptionRequest,
) -> Result<pb::UpdateOptionResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let category = check.name("category", request.category);
    let code = check.name("code", request.code);
    let fields: Vec<Field> = check.mask("update_mask", request.update_mask, Field::ALL);
    let given = given(&mut check, request.option);
    let _: pb::OptionKind = check.enumeration("option.kind", given.kind);
    let change = read_option(&mut check, given, &fields);
    let etag = check.optional_name("etag", request.etag);

    let scope = services.scope(check, &tenant).await?;
    let category = scope.sold_category(&category).await?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let updated = tx.update_option(&category, &code, &change, &fields, &etag).await?;
        Ok(pb::UpdateOptionResponse { option: Some(updated.into()) })
    });
    answer.await
}

fn given(check: &mut Validator, option: Option<pb::ShopOption>) -> pb::ShopOption {
    if option.is_none() {
        check.refuse("option", REQUIRED, "must be given");
    }
    option.unwrap_or_default()
}

/// These fields of an option; the others are as if they were not given.
fn read_option(check: &mut Validator, given: pb::ShopOption, fields: &[Field]) -> OptionChange {
    let mut read = OptionChange::default();
    for field in fields {
        let path = format!("option.{field}");
        match field {
            Field::DisplayNames => read.names = names(check, &path, given.display_names.clone()),
            Field::Values => read.values = read_values(check, &path, given.values.clone()),
            Field::BodyTypes => {
                let given = check.list(&path, given.body_types.clone(), MAX_BODY_TYPES);
                read.body_types = read_body_types(check, |place| format!("{path}[{place}]"), given);
            }
            Field::Emoji => read.emoji = read_emoji(check, &path, given.emoji.clone()),
            Field::SortOrder => read.sort_order = sort_order(check, &path, given.sort_order).unsigned_abs().into(),
            Field::Active => read.active = given.active,
        }
    }
    read
}

fn read_values(check: &mut Validator, path: &str, given: Vec<pb::ShopOptionValue>) -> Vec<ShopValue> {
    let mut values: Vec<ShopValue> = Vec::new();
    for (place, value) in check.list(path, given, MAX_VALUES).into_iter().enumerate() {
        let path = format!("{path}[{place}]");
        let code = new_value_code(check, &format!("{path}.code"), value.code, &values);
        let names = names(check, &format!("{path}.display_names"), value.display_names);
        let emoji = read_emoji(check, &format!("{path}.emoji"), value.emoji);
        values.push(ShopValue { code, names, emoji, retired: value.retired, ..ShopValue::default() });
    }
    values
}
