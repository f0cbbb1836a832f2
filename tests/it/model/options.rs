//! What the contract says of options and what choosing them costs, over plain rows.

use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;

use super::lists::{Refusal, language_used};
use super::rows::{Catalog, Period, Price, ProductOption};

/// A car and what is chosen with its product, as far as prices tell cars apart.
struct Case<'a> {
    /// The body, then those whose prices hold for it too, nearest first.
    bodies: &'a [String],
    brand: Option<usize>,
    /// Places of options with their values.
    chosen: Vec<(usize, usize)>,
}

/// How exact an amount is: its least, its end, whether it is only the least. In hundredths.
type Amount = (i64, Option<i64>, bool);

impl Catalog {
    pub fn list_options(&self, request: &pb::ListOptionsRequest) -> Result<pb::ListOptionsResponse, Refusal> {
        let tenant = self.tenant(&request.tenant)?;
        let category = self.category(&request.category)?;
        let sold = self.sells(tenant, category)?;
        let wanted = self.wanted(tenant, &request.language);
        let bodies: Vec<Vec<String>> = match request.body_type.as_str() {
            "" => self.bodies.iter().map(|body| &*body.code).filter(|body| !self.has_sizes(body)).collect(),
            body if self.has_sizes(body) => self.sizes(body).collect(),
            body => vec![body],
        }
        .into_iter()
        .map(|body| self.with_fallbacks(body))
        .collect();
        let prices: Vec<&Price> = self.prices.iter().filter(|price| price.tenant == tenant).collect();
        let prices: Vec<&Price> =
            prices.into_iter().filter(|price| price.category == category && price.period == Period::Now).collect();

        let offered = |option: &ProductOption| sold.options.iter().position(|code| *code == option.code);
        let mut options: Vec<(usize, &ProductOption)> =
            self.options.iter().enumerate().filter(|(_, option)| option.category == category).collect();
        options.sort_by_key(|(_, option)| (offered(option).unwrap_or(usize::MAX), option.sort_order, &option.code));
        let is_priced = |place: usize| {
            prices
                .iter()
                .any(|price| price.option == Some(place) || price.with.is_some_and(|(option, _)| option == place))
        };
        options.retain(|(place, option)| {
            (offered(option).is_some() || is_priced(*place)) && bodies.iter().any(|body| exists_for(option, body))
        });

        let (mut shown, mut languages) = (Vec::new(), Vec::new());
        for (place, option) in options {
            let (name, language) = wanted.find(&option.names).unwrap();
            languages.push(language);
            let bodies: Vec<&Vec<String>> = bodies.iter().filter(|body| exists_for(option, body)).collect();
            let price = |value: Option<usize>| {
                let found = self.least(&prices, &bodies, place, value);
                money(found, self.tenants[tenant].currency)
            };
            let (price_kind, amount, price_max) = if option.kind == "choice" { (0, None, None) } else { price(None) };
            let mut values: Vec<usize> = (0..option.values.len()).collect();
            values.sort_by_key(|value| (option.values[*value].sort_order, &option.values[*value].code));
            let value = |place: usize| {
                let (price_kind, amount, price_max) = price(Some(place));
                let value = &option.values[place];
                let name = wanted.find(&value.names).unwrap().0.to_owned();
                pb::OptionValue {
                    code: value.code.clone(),
                    display_name: name,
                    price: amount,
                    price_kind,
                    price_max,
                    emoji: String::new(),
                }
            };
            shown.push(pb::ProductOption {
                emoji: String::new(),
                code: option.code.clone(),
                display_name: name.to_owned(),
                kind: match option.kind {
                    "boolean" => pb::OptionKind::Boolean,
                    "choice" => pb::OptionKind::Choice,
                    _ => pb::OptionKind::Addon,
                }
                .into(),
                values: values.into_iter().map(value).collect(),
                price: amount,
                body_types: option.bodies.iter().flatten().map(|body| (*body).to_owned()).collect(),
                price_kind,
                price_max,
            });
        }
        Ok(pb::ListOptionsResponse {
            options: shown,
            language: language_used(wanted.asked, &languages),
            prices_visible: self.tenants[tenant].prices_visible,
        })
    }

    fn sizes<'a>(&'a self, body: &'a str) -> impl Iterator<Item = &'a str> {
        self.bodies.iter().filter(move |size| size.parent.as_deref() == Some(body)).map(|size| size.code.as_str())
    }

    fn has_sizes(&self, body: &str) -> bool {
        self.sizes(body).next().is_some()
    }

    /// A body and those whose prices hold for it too: what it is a size of, what it is priced as, and theirs.
    fn with_fallbacks(&self, body: &str) -> Vec<String> {
        let (mut all, mut next) = (vec![body.to_owned()], 0);
        while let Some(known) = all.get(next).and_then(|code| self.bodies.iter().find(|body| body.code == *code)) {
            next += 1;
            for further in [&known.parent, &known.priced_as].into_iter().flatten() {
                if !all.contains(further) {
                    all.push(further.clone());
                }
            }
        }
        all
    }

    /// The least over every body, every make that has prices of its own, and every further choice that prices depend on.
    fn least(&self, prices: &[&Price], bodies: &[&Vec<String>], option: usize, value: Option<usize>) -> Option<Amount> {
        // A base price that depends on the option is what its values cost.
        let is_base = value.is_some()
            && prices.iter().any(|price| price.option.is_none() && price.with.is_some_and(|(it, _)| it == option));
        let asked = if is_base { (None, None) } else { (Some(option), value) };
        let brands: Vec<Option<usize>> = [None].into_iter().chain(prices.iter().map(|price| price.brand)).collect();
        let others = prices.iter().filter_map(|price| price.with).filter(|(other, _)| *other != option).map(Some);
        let others: Vec<Option<(usize, usize)>> = [None].into_iter().chain(others).collect();
        let mut amounts = Vec::new();
        for bodies in bodies {
            for brand in &brands {
                for other in &others {
                    let chosen = value.map(|value| (option, value)).into_iter().chain(*other).collect();
                    let case = Case { bodies, brand: *brand, chosen };
                    amounts.extend(price_of(prices, asked, &case));
                }
            }
        }
        let least = amounts.iter().map(|(amount, ..)| *amount).min()?;
        let is_one = amounts.iter().all(|amount| *amount == amounts[0]);
        Some(if is_one { amounts[0] } else { (least, None, true) })
    }
}

/// No bodies are all of them; a body has what is for one that it is priced as.
fn exists_for(option: &ProductOption, body: &[String]) -> bool {
    let bodies = option.bodies.as_deref().unwrap_or_default();
    bodies.is_empty() || bodies.iter().any(|known| body.iter().any(|it| it == known))
}

/// That of the most particular price: for the brand first, then for the nearest body, then on a condition.
fn price_of(prices: &[&Price], asked: (Option<usize>, Option<usize>), case: &Case<'_>) -> Option<Amount> {
    let holds = |price: &&Price| {
        (price.option, price.value) == asked
            && price.body.is_none_or(|body| case.bodies.iter().any(|it| it == body))
            && price.brand.is_none_or(|brand| Some(brand) == case.brand)
            && price.with.is_none_or(|with| case.chosen.contains(&with))
    };
    let distance = |price: &Price| {
        let body = price.body.and_then(|body| case.bodies.iter().position(|it| it == body)).unwrap_or(usize::MAX);
        (price.brand.is_none(), body, price.with.is_none())
    };
    // Of equally particular ones the first that was set.
    let best = prices.iter().copied().filter(holds).min_by_key(|price| distance(price))?;
    Some((best.amount, best.end, best.at_least))
}

fn money(amount: Option<Amount>, currency: &str) -> (i32, Option<Money>, Option<Money>) {
    let Some((least, end, at_least)) = amount else { return (0, None, None) };
    let money = |hundredths: i64| Money {
        currency_code: currency.to_owned(),
        units: hundredths / 100,
        nanos: (hundredths % 100) as i32 * 10_000_000,
    };
    let kind = match end {
        Some(_) => pb::PriceKind::Range,
        None if at_least => pb::PriceKind::From,
        None => pb::PriceKind::Fixed,
    };
    (kind.into(), Some(money(least)), end.map(money))
}
