//! Prices, quotes and options.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{timestamp, word};
use crate::domain::price::{Amount, Choice, Offer, OptionKind, PriceLine, Quote, QuoteLine, SetPrice, Sheet};
use crate::domain::tenant::{Language, Tenant};
use crate::proto::google::r#type::Money;
use crate::proto::lekalo::v1 as pb;

/// The amount, exactly; amounts have two decimals at most.
pub fn money(amount: Decimal, currency: &str) -> Money {
    let nanos = amount.fract() * Decimal::from(1_000_000_000);
    Money {
        currency_code: currency.to_owned(),
        units: amount.trunc().to_i64().unwrap_or_default(),
        nanos: nanos.to_i32().unwrap_or_default(),
    }
}

/// How exact it is, the amount, and the upper end of a range.
pub fn priced(amount: Amount, currency: &str) -> (i32, Option<Money>, Option<Money>) {
    let kind = match amount {
        Amount::Fixed(_) => pb::PriceKind::Fixed,
        Amount::From(_) => pb::PriceKind::From,
        Amount::Range(..) => pb::PriceKind::Range,
    };
    let end = amount.range_end().map(|end| money(end, currency));
    (kind.into(), Some(money(amount.least(), currency)), end)
}

impl From<PriceLine> for pb::Price {
    fn from(PriceLine { id, target, amount, currency, valid_from, valid_to }: PriceLine) -> Self {
        SetPrice { id, target, amount: Some(amount), currency, valid_from, valid_to }.into()
    }
}

impl From<SetPrice> for pb::Price {
    fn from(price: SetPrice) -> Self {
        let withdrawn = price.amount.is_none();
        let (kind, amount, amount_max) = price.amount.map(|amount| priced(amount, &price.currency)).unwrap_or_default();
        let target = price.target;
        let selection = |Choice { option, value }| pb::Selection { option, value };
        Self {
            id: if withdrawn { String::new() } else { price.id.to_string() },
            category: target.category,
            body_type: word(target.body),
            brand: target.brand.unwrap_or_default(),
            option: target.option.unwrap_or_default(),
            value: target.value.unwrap_or_default(),
            conditions: target.with.map(selection).into_iter().collect(),
            kind,
            amount,
            amount_max,
            valid_from: Some(timestamp(price.valid_from)),
            valid_to: price.valid_to.map(timestamp),
            withdrawn,
        }
    }
}

/// A quote for a tenant's customer, in their language.
pub fn quote(quote: Quote, tenant: &Tenant, sheet: &Sheet, language: Language) -> pb::Quote {
    let currency = tenant.currency.as_str();
    let (kind, total, total_max) = priced(quote.total, currency);
    let (base_kind, base, base_max) = priced(quote.base, currency);
    pb::Quote {
        kind,
        base,
        lines: quote.lines.into_iter().map(|line| quote_line(line, currency)).collect(),
        total,
        total_max,
        currency: currency.to_owned(),
        assumptions: quote.assumptions.iter().map(|assumption| assumption.sentence(language, sheet)).collect(),
        prices_visible: tenant.prices_visible,
        base_max,
        body_type: word(quote.body_type),
        base_kind,
    }
}

fn quote_line(line: QuoteLine, currency: &str) -> pb::QuoteLine {
    let (kind, amount, amount_max) = priced(line.amount, currency);
    pb::QuoteLine {
        option: line.option,
        value: line.value.unwrap_or_default(),
        display_name: line.display_name,
        amount,
        amount_max,
        kind,
    }
}

/// An option to show, with prices in that currency.
pub fn product_option(offer: Offer<'_>, currency: &str) -> pb::ProductOption {
    let shown = |price: Option<Amount>| match price {
        None => (pb::PriceKind::Unspecified.into(), None, None),
        Some(amount) => priced(amount, currency),
    };
    let (price_kind, price, price_max) = shown(offer.price);
    let values = offer.values.into_iter().map(|(value, amount)| {
        let (price_kind, price, price_max) = shown(amount);
        let (code, display_name, emoji) = (value.code.clone(), value.display_name.clone(), value.emoji.clone());
        pb::OptionValue { code, display_name, price, price_kind, price_max, emoji }
    });
    pb::ProductOption {
        code: offer.option.code.clone(),
        display_name: offer.option.display_name.clone(),
        kind: pb::OptionKind::from(offer.option.kind).into(),
        values: values.collect(),
        price,
        body_types: offer.option.body_types.iter().map(ToString::to_string).collect(),
        price_kind,
        price_max,
        emoji: offer.option.emoji.clone(),
    }
}

impl From<OptionKind> for pb::OptionKind {
    fn from(kind: OptionKind) -> Self {
        match kind {
            OptionKind::Boolean => Self::Boolean,
            OptionKind::Choice => Self::Choice,
            OptionKind::Addon => Self::Addon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_units_and_nanos() {
        for (amount, units, nanos) in
            [("2400.00", 2400, 0), ("0.01", 0, 10_000_000), ("99999999.99", 99_999_999, 990_000_000)]
        {
            let money = money(amount.parse().unwrap(), "KGS");
            assert_eq!((money.currency_code.as_str(), money.units, money.nanos), ("KGS", units, nanos));
        }
    }
}
