//! PricingService: quotes, and the prices they are made of.

use std::time::SystemTime;

use tonic::{Request, Response, Status};

use super::Services;
use super::convert::{count, language_used, price};
use super::idempotency::{idempotent, take_key};
use super::validation::Validator;
use lekalo_vehicles::Reference;

use crate::domain::Error;
use crate::domain::price::{Amount, Asked, Choice, MAX_AMOUNT, Named, NewPrice, Target};
use crate::domain::vehicle::BodyType;
use crate::proto::google::r#type::Money;
use crate::proto::lekalo::v1 as pb;
use crate::proto::lekalo::v1::pricing_service_server::PricingService;

const REQUIRED: &str = "FIELD_REQUIRED";
const INVALID: &str = "FIELD_INVALID";
const OUT_OF_RANGE: &str = "FIELD_OUT_OF_RANGE";

const MAX_SELECTIONS: usize = 32;
const MAX_PRICES: usize = 500;

#[tonic::async_trait]
impl PricingService for Services {
    async fn quote_price(
        &self,
        request: Request<pb::QuotePriceRequest>,
    ) -> Result<Response<pb::QuotePriceResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let tenant = check.name("tenant", request.tenant);
        let category = check.name("category", request.category);
        let brand = check.optional_name("brand", request.brand);
        let model = check.optional_name("model", request.model);
        if brand.is_empty() && !model.is_empty() {
            check.refuse("brand", REQUIRED, "must be given with model");
        }
        let generation = check.optional_name("generation", request.generation);
        let year = check.year("year", Some(request.year));
        let body_type: Option<BodyType> = check.word("body_type", request.body_type);
        let selections = selections(&mut check, "selections", request.selections, MAX_SELECTIONS);
        let at = check.time("at_time", request.at_time);
        let language = check.language("language", request.language);
        check.done()?;

        let (tenant, category) = self.sold_category(&tenant, &category).await?;
        let own = self.db.tenant(tenant.id);
        if !brand.is_empty() {
            let brand_id = own.find_brand(&brand).await?;
            if !model.is_empty() {
                own.find_model(brand_id, &model).await?;
            }
        }
        let car_bodies = self.car_bodies(&brand, &model, &generation, year);
        let asked = Asked {
            brand: Some(brand).filter(|brand| !brand.is_empty()),
            body_assumed: body_type.is_none() && !car_bodies.is_empty(),
            bodies: body_type.map_or(car_bodies, |body| vec![body]),
            selections,
        };

        let language = language.unwrap_or(tenant.default_language);
        let languages = language.fallbacks(tenant.default_language);
        let (sheet, shown) = own.price_sheet(&category, at, &languages).await?;
        let quote = sheet.quote(&asked).map_err(Error::from)?;
        Ok(Response::new(pb::QuotePriceResponse {
            quote: Some(price::quote(quote, &tenant, &sheet, language)),
            language: language_used(language, shown.into_iter()),
        }))
    }

    async fn list_prices(
        &self,
        request: Request<pb::ListPricesRequest>,
    ) -> Result<Response<pb::ListPricesResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let at_time = request.at_time.map(|time| format!("{}.{}", time.seconds, time.nanos)).unwrap_or_default();
        let page = check.page(
            request.page_size,
            &request.page_token,
            request.skip,
            &["list_prices", &request.tenant, &request.category, &at_time],
        );
        let tenant = check.name("tenant", request.tenant);
        let category = check.optional_name("category", request.category);
        let at = check.time("at_time", request.at_time);
        let page = check.done_with(page)?;

        let (tenant, category) = if category.is_empty() {
            (self.db.find_tenant(&tenant).await?, None)
        } else {
            let (tenant, category) = self.sold_category(&tenant, &category).await?;
            (tenant, Some(category))
        };
        let found = self.db.tenant(tenant.id).list_prices(category.as_ref(), at, &page).await?;
        Ok(Response::new(pb::ListPricesResponse {
            prices: found.items.into_iter().map(Into::into).collect(),
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }

    async fn set_prices(
        &self,
        request: Request<pb::SetPricesRequest>,
    ) -> Result<Response<pb::SetPricesResponse>, Status> {
        let mut request = request.into_inner();
        let mut check = Validator::default();
        let key = take_key(&mut check, &mut request);
        let tenant = check.name("tenant", request.tenant);
        // In which currency they must be is known with the tenant.
        let amounts: Vec<_> =
            request.prices.iter().map(|price| [price.amount.clone(), price.amount_max.clone()]).collect();
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
        check.done()?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let mut check = Validator::default();
        for (place, [amount, amount_max]) in amounts.iter().enumerate() {
            check_currency(&mut check, &format!("prices[{place}].amount"), amount.as_ref(), &tenant.currency);
            check_currency(&mut check, &format!("prices[{place}].amount_max"), amount_max.as_ref(), &tenant.currency);
        }
        check.done()?;
        let tx = self.db.tenant(tenant.id).write_transaction().await?;
        let answer = idempotent(tx, key.as_ref(), async |tx| {
            let set = tx.set_prices(&tenant, prices).await?;
            Ok(pb::SetPricesResponse { prices: set.into_iter().map(Into::into).collect() })
        });
        Ok(Response::new(answer.await?))
    }
}

impl Services {
    /// The bodies that the car may have, as far as the reference knows; none: any.
    pub(super) fn car_bodies(&self, brand: &str, model: &str, generation: &str, year: Option<i16>) -> Vec<BodyType> {
        let known = Reference::shipped().find_model(brand, model);
        known.map(|model| model.bodies(generation, year)).unwrap_or_default()
    }
}

/// Options named at most once each, at most `max` of them.
pub(super) fn selections(check: &mut Validator, field: &str, selections: Vec<pb::Selection>, max: usize) -> Vec<Named> {
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

/// A price to set, as far as its form goes.
fn new_price(check: &mut Validator, field: &str, price: pb::Price) -> NewPrice {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
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

/// An amount of a kind that must be given; `field` makes paths of `kind`, `amount` and `amount_max`.
pub(super) fn amount(
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
                check.refuse(&field("amount_max"), OUT_OF_RANGE, "must not be less than amount");
            }
            Amount::Range(least, most)
        }
        _ => Amount::Fixed(least),
    }
}

/// Amounts are in the tenant's currency; none named is that.
pub(super) fn check_currency(check: &mut Validator, field: &str, money: Option<&Money>, currency: &str) {
    let given = money.map(|money| money.currency_code.trim()).unwrap_or_default();
    if !given.is_empty() && given != currency {
        check.refuse(field, INVALID, format!("must be in the tenant's currency, {currency}, or without one"));
    }
}
