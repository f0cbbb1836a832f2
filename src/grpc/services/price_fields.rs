//! The fields about money and options that requests of several RPCs have: QuotePrice, SetPrices, CreateApplication.

use crate::domain::price::{Amount, MAX_AMOUNT, Named};
use crate::grpc::validation::{INVALID, OUT_OF_RANGE, REQUIRED, Validator};
use crate::proto::google::r#type::Money;
use crate::proto::lekalo::v1 as pb;

/// The most options that a customer chooses.
pub const MAX_SELECTIONS: usize = 32;

/// Options named at most once each, at most `max` of them.
pub fn selections(check: &mut Validator, field: &str, selections: Vec<pb::Selection>, max: usize) -> Vec<Named> {
    if selections.len() > max {
        check.too_long(field, max, "elements");
        return Vec::new();
    }
    let mut named: Vec<Named> = Vec::with_capacity(selections.len());
    for (place, selection) in selections.into_iter().enumerate() {
        let field = format!("{field}[{place}]");
        let option = check.name(&format!("{field}.option"), selection.option);
        let value = check.optional_name(&format!("{field}.value"), selection.value);
        if !option.is_empty() && named.iter().any(|other| other.option == option) {
            check.refuse(&format!("{field}.option"), INVALID, "is in the list already");
        }
        named.push(Named { option, value });
    }
    named
}

/// An amount of a kind that must be given; `field` makes paths of `kind`, `amount` and `amount_max`.
pub fn amount(
    check: &mut Validator,
    field: &impl Fn(&str) -> String,
    kind: i32,
    amount: Option<&Money>,
    amount_max: Option<&Money>,
) -> Amount {
    let known = pb::PriceKind::try_from(kind).is_ok();
    let kind: pb::PriceKind = check.enumeration(&field("kind"), kind);
    if kind == pb::PriceKind::Unspecified && known {
        check.refuse(&field("kind"), REQUIRED, "must be FIXED, FROM or RANGE");
    }
    if amount.is_none() {
        check.refuse(&field("amount"), REQUIRED, "must be given");
    }
    match (kind, amount_max) {
        (pb::PriceKind::Range, None) => check.refuse(&field("amount_max"), REQUIRED, "must be given for a RANGE"),
        (pb::PriceKind::Fixed | pb::PriceKind::From, Some(_)) => {
            check.refuse(&field("amount_max"), INVALID, "is for a RANGE only");
        }
        _ => {}
    }
    let least = check.money(&field("amount"), amount, MAX_AMOUNT).unwrap_or_default();
    let most = check.money(&field("amount_max"), amount_max, MAX_AMOUNT);
    match (kind, most) {
        (pb::PriceKind::From, _) => Amount::From(least),
        (pb::PriceKind::Range, Some(most)) => {
            if most < least {
                let path = field("amount");
                let least = path.rsplit_once('.').map_or(&*path, |(_, name)| name);
                check.refuse(&field("amount_max"), OUT_OF_RANGE, format!("must not be less than {least}"));
            }
            Amount::Range(least, most)
        }
        _ => Amount::Fixed(least),
    }
}

/// Amounts are in the tenant's currency; none named is that.
pub fn check_currency(check: &mut Validator, field: &str, money: Option<&Money>, currency: &str) {
    let given = money.map(|money| money.currency_code.trim()).unwrap_or_default();
    if !given.is_empty() && given != currency {
        check.refuse(field, INVALID, format!("must be in the tenant's currency, {currency}, or without one"));
    }
}
