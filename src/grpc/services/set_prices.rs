//! SetPrices: prices are set, one after another in time, or withdrawn.

use std::time::SystemTime;

use super::price_fields::{amount, check_currency, selections};
use crate::domain::Result;
use crate::domain::price::{Choice, Named, NewPrice, Target};
use crate::grpc::Services;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{INVALID, OUT_OF_RANGE, REQUIRED, Validator, given};
use crate::proto::lekalo::v1 as pb;

const MAX_PRICES: usize = 500;

pub async fn set_prices(services: &Services, mut request: pb::SetPricesRequest) -> Result<pb::SetPricesResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    // In which currency they must be is known with the tenant.
    let amounts: Vec<_> = request.prices.iter().map(|price| [price.amount.clone(), price.amount_max.clone()]).collect();
    if request.prices.is_empty() {
        check.refuse("prices", REQUIRED, "must not be empty");
    }
    let mut prices = Vec::new();
    if request.prices.len() > MAX_PRICES {
        check.too_long("prices", MAX_PRICES, "elements");
    } else {
        let read = |(place, price)| new_price(&mut check, &format!("prices[{place}]"), price);
        prices = request.prices.into_iter().enumerate().map(read).collect();
    }

    let scope = services.scope(check, &tenant).await?;
    let currency = &scope.tenant.currency;
    let mut check = Validator::default();
    for (place, [amount, amount_max]) in amounts.iter().enumerate() {
        check_currency(&mut check, &format!("prices[{place}].amount"), amount.as_ref(), currency);
        check_currency(&mut check, &format!("prices[{place}].amount_max"), amount_max.as_ref(), currency);
    }
    check.done()?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let set = tx.set_prices(&scope.tenant, prices).await?;
        Ok(pb::SetPricesResponse { prices: set.into_iter().map(Into::into).collect() })
    });
    answer.await
}

/// A price to set, as far as its form goes.
fn new_price(check: &mut Validator, field: &str, price: pb::Price) -> NewPrice {
    let field = |name: &str| format!("{field}.{name}");
    let is_given = [price.kind != 0, price.amount.is_some(), price.amount_max.is_some()];
    let category = check.name(&field("category"), price.category);
    let body = check.word(&field("body_type"), price.body_type);
    let brand = check.optional_name(&field("brand"), price.brand);
    let option = check.optional_name(&field("option"), price.option);
    let value = check.optional_name(&field("value"), price.value);
    if option.is_empty() && !value.is_empty() {
        check.refuse(&field("value"), "UNKNOWN_OPTION_VALUE", "is a value of no option; give option too");
    }
    let with = selections(check, &field("conditions"), price.conditions, 1).pop();
    if with.as_ref().is_some_and(|with| !with.option.is_empty() && with.option == option) {
        check.refuse(&field("conditions[0].option"), INVALID, "must be another option than the price's own");
    }
    let amount = if price.withdrawn {
        for (name, _) in ["kind", "amount", "amount_max"].iter().zip(is_given).filter(|(_, is_given)| *is_given) {
            check.refuse(&field(name), INVALID, "must not be given for a price that is withdrawn");
        }
        None
    } else {
        Some(amount(check, &field, price.kind, price.amount.as_ref(), price.amount_max.as_ref()))
    };
    let valid_from = check.time(&field("valid_from"), price.valid_from);
    let valid_to = check.time(&field("valid_to"), price.valid_to);
    // Without a beginning the end is checked against the time when the price is set.
    if valid_to.is_some_and(|to| valid_from.is_some_and(|from: SystemTime| to <= from)) {
        check.refuse(&field("valid_to"), OUT_OF_RANGE, "must be after valid_from");
    }
    let with = with.map(|Named { option, value }| Choice { option, value });
    let target = Target { category, body, brand: given(brand), option: given(option), value: given(value), with };
    NewPrice { target, amount, valid_from, valid_to }
}
