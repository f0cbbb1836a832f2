//! Prices over time beside a plain list of what held when: random prices set at random times, then every list and quote
//! at random times is what the list says.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use prost_types::Timestamp;

use super::random::Random;
use crate::common::connect;
use crate::pricing::{Client, fields, reason, served};

/// Microseconds since 1970.
type Time = i64;

/// What a price is for; empty is any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Thing {
    category: &'static str,
    body: &'static str,
    brand: &'static str,
    option: &'static str,
    value: &'static str,
    /// A value of `leather`.
    with: &'static str,
}

/// A price and when it holds.
#[derive(Debug, Clone)]
struct Held {
    /// Unknown for the second part of a price that was cut in two.
    id: Option<String>,
    from: Time,
    to: Option<Time>,
    amount: Amount,
}

/// In hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    Fixed(i64),
    From(i64),
    Range(i64, i64),
}

/// A price to be set; no amount withdraws.
#[derive(Debug, Clone)]
struct Wanted {
    thing: Thing,
    amount: Option<Amount>,
    from: Option<Time>,
    to: Option<Time>,
}

const TENANTS: [&str; 2] = ["evopoliki", "five_deluxe"];
const MINUTE: Time = 60_000_000;

fn day(year: i64, days: i64) -> Time {
    ((year - 1970) * 36_525 / 100 + days) * 86_400_000_000
}

fn wire(time: Time) -> Timestamp {
    Timestamp { seconds: time.div_euclid(1_000_000), nanos: i32::try_from(time.rem_euclid(1_000_000) * 1000).unwrap() }
}

fn read_time(time: Timestamp) -> Time {
    time.seconds * 1_000_000 + i64::from(time.nanos) / 1000
}

fn now() -> Time {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros().try_into().unwrap()
}

fn money(cents: i64) -> Option<Money> {
    let nanos = i32::try_from(cents % 100).unwrap() * 10_000_000;
    Some(Money { currency_code: "KGS".into(), units: cents / 100, nanos })
}

impl Amount {
    fn least(self) -> i64 {
        match self {
            Self::Fixed(least) | Self::From(least) | Self::Range(least, _) => least,
        }
    }

    fn most(self) -> i64 {
        if let Self::Range(_, most) = self { most } else { self.least() }
    }

    fn wire(self) -> (i32, Option<Money>, Option<Money>) {
        let (kind, most) = match self {
            Self::Fixed(_) => (pb::PriceKind::Fixed, None),
            Self::From(_) => (pb::PriceKind::From, None),
            Self::Range(_, most) => (pb::PriceKind::Range, money(most)),
        };
        (kind.into(), money(self.least()), most)
    }

    /// The sum is no surer than its parts.
    fn sum(amounts: &[Self]) -> Self {
        let least = amounts.iter().map(|amount| amount.least()).sum();
        let most = amounts.iter().map(|amount| amount.most()).sum();
        if amounts.iter().any(|amount| matches!(amount, Self::From(_))) {
            Self::From(least)
        } else if amounts.iter().any(|amount| matches!(amount, Self::Range(..))) {
            Self::Range(least, most)
        } else {
            Self::Fixed(least)
        }
    }
}

fn leather(value: &str) -> Vec<pb::Selection> {
    let selection = || pb::Selection { option: "leather".into(), value: value.into() };
    if value.is_empty() { Vec::new() } else { vec![selection()] }
}

impl Thing {
    fn wire(&self, amount: Option<Amount>, from: Option<Time>, to: Option<Time>) -> pb::Price {
        let (kind, amount, amount_max) = amount.map(Amount::wire).unwrap_or_default();
        pb::Price {
            id: String::new(),
            category: self.category.into(),
            body_type: self.body.into(),
            brand: self.brand.into(),
            option: self.option.into(),
            value: self.value.into(),
            conditions: leather(self.with),
            kind,
            amount,
            amount_max,
            valid_from: from.map(wire),
            valid_to: to.map(wire),
            withdrawn: kind == 0,
        }
    }
}

/// The second tenant sells `5d_mats` too, and neither sees the other's.
fn some_thing(tenant: &str, random: &mut Random) -> Thing {
    let is_eva = tenant == TENANTS[0] && random.below(2) == 0;
    let mut thing = Thing {
        category: if is_eva { "eva_mats" } else { "5d_mats" },
        body: random.of(&["", "suv", "sedan"]),
        brand: random.of(&["", "", "toyota", "lexus"]),
        ..Thing::default()
    };
    if is_eva {
        thing.option = random.of(&["", "with_borders", "third_row"]);
    } else {
        thing.option = random.of(&["", "", "trunk", "leather"]);
        if thing.option == "leather" {
            thing.value = random.of(&["press", "crocodile"]);
        } else {
            thing.with = random.of(&["", "press", "crocodile"]);
        }
    }
    thing
}

/// Long ago, around the seed's beginning, now, and to come; some apart by a microsecond.
fn some_time(random: &mut Random) -> Time {
    let day = match random.below(4) {
        0 => day(2010, random.below(4) * 300),
        1 => day(2024, 366 * random.below(2)),
        2 => day(2060, random.below(6) * 100),
        _ => day(2090, random.below(4) * 500),
    };
    day + random.below(2)
}

fn some_price(tenant: &str, random: &mut Random) -> Wanted {
    let least = random.below(900_000);
    let amount = match random.below(6) {
        0 => None,
        1 => Some(Amount::From(least)),
        2 | 3 => Some(Amount::Range(least, least + random.below(100_000))),
        _ => Some(Amount::Fixed(least)),
    };
    let from = match random.below(4) {
        0 => None,
        1 => Some(now() - random.of(&[MINUTE / 2, MINUTE / 2, 2 * MINUTE, 600 * MINUTE]) - random.below(1000)),
        _ => Some(some_time(random)),
    };
    let to = (random.below(2) == 0).then(|| some_time(random));
    Wanted { thing: some_thing(tenant, random), amount, from, to }
}

#[derive(Default)]
struct Model {
    held: BTreeMap<(&'static str, Thing), Vec<Held>>,
}

impl Model {
    /// What is wrong with prices to be set at this time: the fields and reasons of the first step that finds any.
    fn refusal(&self, tenant: &'static str, wanted: &[Wanted], now: Time) -> Vec<(String, &'static str)> {
        let of = |place: usize, field: &str, reason| (format!("prices[{place}]{field}"), reason);
        let places = || wanted.iter().enumerate();
        let backwards = |price: &Wanted, from: Time| price.to.is_some_and(|to| to <= from);
        let form: Vec<_> = places()
            .filter(|(_, price)| price.from.is_some_and(|from| backwards(price, from)))
            .map(|(place, _)| of(place, ".valid_to", "FIELD_OUT_OF_RANGE"))
            .collect();
        if !form.is_empty() {
            return form;
        }
        let mut found: Vec<_> = places()
            .filter(|(_, price)| backwards(price, price.from.unwrap_or(now)))
            .map(|(place, _)| of(place, ".valid_to", "FIELD_OUT_OF_RANGE"))
            .collect();
        for (place, price) in places() {
            let overlaps = |other: &Wanted| {
                other.thing == price.thing
                    && other.to.is_none_or(|to| price.from.unwrap_or(now) < to)
                    && price.to.is_none_or(|to| other.from.unwrap_or(now) < to)
            };
            if wanted[..place].iter().any(overlaps) {
                found.push(of(place, "", "PRICES_OVERLAP"));
            }
        }
        if !found.is_empty() {
            return found;
        }
        let rewrites = |price: &Wanted| {
            let Some(from) = price.from.filter(|from| *from < now - MINUTE) else { return false };
            let to = price.to.or_else(|| self.next(tenant, &price.thing, from, now)).map_or(now, |to| to.min(now));
            self.of(tenant, &price.thing).iter().any(|held| held.from < to && held.to.is_none_or(|end| end > from))
        };
        let past = places().filter(|(_, price)| rewrites(price));
        past.map(|(place, _)| of(place, ".valid_from", "FIELD_OUT_OF_RANGE")).collect()
    }

    fn of(&self, tenant: &'static str, thing: &Thing) -> &[Held] {
        self.held.get(&(tenant, thing.clone())).map_or(&[], Vec::as_slice)
    }

    /// When the next price for the same thing begins that one without an end gives way to.
    fn next(&self, tenant: &'static str, thing: &Thing, from: Time, now: Time) -> Option<Time> {
        let gives_way = |begins: &Time| *begins > from && (*begins > now || from < now - MINUTE);
        self.of(tenant, thing).iter().map(|held| held.from).filter(gives_way).min()
    }

    /// Sets a price: what held at its time goes, what is left before and after stays.
    fn set(
        &mut self,
        tenant: &'static str,
        thing: &Thing,
        from: Time,
        to: Option<Time>,
        new: Option<(String, Amount)>,
    ) {
        let held = self.held.entry((tenant, thing.clone())).or_default();
        let mut left = Vec::new();
        for old in held.drain(..) {
            let overlaps = to.is_none_or(|to| old.from < to) && old.to.is_none_or(|end| from < end);
            if !overlaps {
                left.push(old);
                continue;
            }
            let mut id = old.id.clone();
            if old.from < from {
                left.push(Held { id: id.take(), to: Some(from), ..old.clone() });
            }
            if let Some(to) = to.filter(|to| old.to.is_none_or(|end| *to < end)) {
                left.push(Held { id, from: to, ..old });
            }
        }
        left.extend(new.map(|(id, amount)| Held { id: Some(id), from, to, amount }));
        *held = left;
    }

    /// The prices in effect, of one category or of all.
    fn at(&self, tenant: &str, category: &str, at: Time) -> Vec<(&Thing, &Held)> {
        let holds = |held: &&Held| held.from <= at && held.to.is_none_or(|to| at < to);
        let of = |name: &str, thing: &Thing| name == tenant && (category.is_empty() || thing.category == category);
        let held = self.held.iter().filter(|((name, thing), _)| of(name, thing));
        held.flat_map(|((_, thing), held)| held.iter().filter(holds).map(move |held| (thing, held))).collect()
    }

    /// What a car costs: the base, then each selection; none where something has no price.
    fn quote(&self, tenant: &str, asked: &Asked, at: Time) -> Option<Vec<Amount>> {
        let lines = self.at(tenant, asked.category, at);
        let is_for = |thing: &Thing| {
            (thing.body.is_empty() || thing.body == asked.body)
                && (thing.brand.is_empty() || thing.brand == asked.brand)
        };
        let best = |option: &str, value: &str| {
            let fits = lines.iter().filter(|(thing, _)| {
                (thing.option, thing.value) == (option, value)
                    && is_for(thing)
                    && (thing.with.is_empty() || thing.with == asked.leather)
            });
            // The make goes before the body, the body before the condition.
            let rank = |(thing, _): &&(&Thing, &Held)| {
                (!thing.brand.is_empty(), !thing.body.is_empty(), !thing.with.is_empty())
            };
            fits.max_by_key(rank).map(|(_, held)| held.amount)
        };
        let mut amounts = vec![best("", "")?];
        if !asked.leather.is_empty() {
            let decides =
                lines.iter().any(|(thing, _)| thing.option.is_empty() && is_for(thing) && !thing.with.is_empty());
            amounts.push(best("leather", asked.leather).or_else(|| decides.then_some(Amount::Fixed(0)))?);
        }
        for option in &asked.options {
            let exists = match *option {
                "with_borders" => asked.body != "wagon",
                "third_row" if asked.category == "eva_mats" => asked.body == "suv",
                _ => true,
            };
            amounts.push(best(option, "").filter(|_| exists)?);
        }
        Some(amounts)
    }
}

struct Asked {
    category: &'static str,
    body: &'static str,
    brand: &'static str,
    leather: &'static str,
    options: Vec<&'static str>,
}

fn some_question(tenant: &str, random: &mut Random) -> Asked {
    let is_eva = tenant == TENANTS[0] && random.below(2) == 0;
    let all: &[&'static str] = if is_eva { &["with_borders", "third_row"] } else { &["trunk"] };
    Asked {
        category: if is_eva { "eva_mats" } else { "5d_mats" },
        body: random.of(&["suv", "suv", "sedan", "wagon"]),
        brand: random.of(&["toyota", "lexus", "honda"]),
        leather: if is_eva { "" } else { random.of(&["press", "crocodile", "stitched"]) },
        options: all.iter().filter(|_| random.below(3) == 0).copied().collect(),
    }
}

/// Where things stand in a list, by what the database says of their order.
struct Order(BTreeMap<String, i64>);

impl Order {
    async fn read(config: &tokio_postgres::Config) -> Self {
        let sql = "SELECT 'body/' || code, sort_order::bigint FROM body_types
             UNION ALL SELECT t.slug || '/' || c.code, tc.sort_order::bigint FROM tenant_categories tc
                       JOIN tenants t ON t.id = tc.tenant_id JOIN product_categories c ON c.id = tc.category_id
             UNION ALL SELECT c.code || '/' || o.code, o.sort_order::bigint FROM product_options o
                       JOIN product_categories c ON c.id = o.category_id
             UNION ALL SELECT c.code || '/' || o.code || '/' || v.code, v.sort_order::bigint FROM option_values v
                       JOIN product_options o ON o.id = v.option_id JOIN product_categories c ON c.id = o.category_id";
        let rows = connect(config).await.query(sql, &[]).await.unwrap();
        Self(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// None before all.
    fn of(&self, key: &str, is_given: bool) -> Option<i64> {
        is_given.then(|| *self.0.get(key).unwrap_or_else(|| panic!("{key} is not known")))
    }

    fn key(&self, tenant: &str, price: &pb::Price) -> impl Ord + use<> {
        let option = format!("{}/{}", price.category, price.option);
        let with = price.conditions.first();
        let with_key = with.map(|with| format!("{}/{}/{}", price.category, with.option, with.value));
        (
            self.of(&format!("{tenant}/{}", price.category), true),
            self.of(&format!("body/{}", price.body_type), !price.body_type.is_empty()),
            price.brand.clone(),
            self.of(&option, !price.option.is_empty()),
            self.of(&format!("{option}/{}", price.value), !price.value.is_empty()),
            with_key.and_then(|key| self.of(&key, true)),
        )
    }
}

/// The whole list at a time, page by page.
async fn listed(client: &mut Client, tenant: &str, category: &str, at: Option<Time>, page_size: i32) -> Vec<pb::Price> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListPricesRequest {
            tenant: tenant.into(),
            category: category.into(),
            at_time: at.map(wire),
            page_size,
            page_token,
            skip: 0,
        };
        let page = client.list_prices(request).await.unwrap().into_inner();
        all.extend(page.prices);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            assert_eq!(page.total_size, i32::try_from(all.len()).unwrap());
            return all;
        }
    }
}

async fn compare_list(
    client: &mut Client,
    model: &Model,
    order: &Order,
    tenant: &'static str,
    at: Option<Time>,
    random: &mut Random,
) {
    let category = random.of(&["", "", "eva_mats", "5d_mats"]);
    let category = if tenant == TENANTS[1] && category == "eva_mats" { "5d_mats" } else { category };
    let size = random.of(&[3, 50, 500]);
    let listed = listed(client, tenant, category, at, size).await;
    let others = |price: &&pb::Price| !["eva_mats", "5d_mats"].contains(&price.category.as_str());
    assert!(category.is_empty() || !listed.iter().any(|price| others(&price)), "{category} alone");
    assert!(listed.is_sorted_by_key(|price| order.key(tenant, price)), "by category, body, make, option: {listed:#?}");
    let ids: std::collections::BTreeSet<_> = listed.iter().map(|price| price.id.clone()).collect();
    assert_eq!(ids.len(), listed.len(), "an id of its own");
    let mut seen: Vec<pb::Price> = listed.into_iter().filter(|price| !others(&price)).collect();
    for (thing, held) in model.at(tenant, category, at.unwrap_or_else(now)) {
        let expected = thing.wire(Some(held.amount), Some(held.from), held.to);
        let place = seen.iter().position(|price| pb::Price { id: String::new(), ..price.clone() } == expected);
        let place = place.unwrap_or_else(|| panic!("not listed at {at:?}: {expected:?}\n{seen:#?}"));
        let found = seen.swap_remove(place);
        assert!(held.id.is_none() || held.id == Some(found.id.clone()), "a price keeps its id: {found:?}");
    }
    assert_eq!(seen, [], "listed at {at:?}, and held then by nobody");
}

async fn compare_quote(
    client: &mut Client,
    model: &Model,
    tenant: &'static str,
    at: Option<Time>,
    random: &mut Random,
) -> bool {
    let asked = some_question(tenant, random);
    let mut selections = leather(asked.leather);
    selections
        .extend(asked.options.iter().map(|option| pb::Selection { option: (*option).into(), value: String::new() }));
    let request = pb::QuotePriceRequest {
        tenant: tenant.into(),
        category: asked.category.into(),
        brand: asked.brand.into(),
        body_type: asked.body.into(),
        selections,
        at_time: at.map(wire),
        ..Default::default()
    };
    let expected = model.quote(tenant, &asked, at.unwrap_or_else(now));
    match (client.quote_price(request.clone()).await, expected) {
        (Ok(answer), Some(amounts)) => {
            let quote = answer.into_inner().quote.unwrap();
            let base = (quote.base_kind, quote.base.clone(), quote.base_max.clone());
            let lines = quote.lines.iter().map(|line| (line.kind, line.amount.clone(), line.amount_max.clone()));
            let quoted: Vec<_> = std::iter::once(base).chain(lines).collect();
            let expected: Vec<_> = amounts.iter().map(|amount| amount.wire()).collect();
            assert_eq!(quoted, expected, "{request:?}");
            let total = (quote.kind, quote.total.clone(), quote.total_max.clone());
            assert_eq!(total, Amount::sum(&amounts).wire(), "{request:?}");
            assert_eq!((quote.currency.as_str(), quote.prices_visible), ("KGS", tenant == TENANTS[0]));
            true
        }
        (Err(status), None) => {
            assert_eq!(reason(&status), "PRICE_NOT_CONFIGURED", "{request:?}");
            false
        }
        (answer, expected) => panic!("{request:?}\nanswered {answer:?}\nexpected {expected:?}"),
    }
}

#[tokio::test]
async fn whatever_is_set_when_lists_and_quotes_are_what_a_plain_list_of_periods_says() {
    let (server, mut client) = served().await;
    let order = Order::read(&server.config).await;
    let mut random = Random::new();
    let mut model = Model::default();
    for tenant in TENANTS {
        for price in listed(&mut client, tenant, "", None, 500).await {
            let leak = |text: &str| -> &'static str { text.to_owned().leak() };
            let with = price.conditions.first().map(|with| with.value.clone()).unwrap_or_default();
            let thing = Thing {
                category: leak(&price.category),
                body: leak(&price.body_type),
                brand: leak(&price.brand),
                option: leak(&price.option),
                value: leak(&price.value),
                with: leak(&with),
            };
            if !["eva_mats", "5d_mats"].contains(&thing.category) {
                continue;
            }
            let cents = |money: &Money| money.units * 100 + i64::from(money.nanos) / 10_000_000;
            let least = cents(price.amount.as_ref().unwrap());
            let amount =
                price.amount_max.as_ref().map_or(Amount::Fixed(least), |most| Amount::Range(least, cents(most)));
            let from = read_time(price.valid_from.unwrap());
            model.held.entry((tenant, thing)).or_default().push(Held { id: Some(price.id), from, to: None, amount });
        }
    }
    assert!(model.held.len() > 20, "the seed's");

    let (mut set, mut refused, mut quoted, mut unpriced) = (0, BTreeMap::<&str, usize>::new(), 0, 0);
    for step in 0..70 {
        let tenant = random.of(&[TENANTS[0], TENANTS[0], TENANTS[1]]);
        let mut wanted: Vec<Wanted> = (0..=random.below(3)).map(|_| some_price(tenant, &mut random)).collect();
        if random.below(3) == 0 {
            let twin = some_price(tenant, &mut random);
            wanted.push(Wanted { thing: wanted[0].thing.clone(), ..twin });
        }
        let prices = wanted.iter().map(|price| price.thing.wire(price.amount, price.from, price.to)).collect();
        let request = pb::SetPricesRequest { tenant: tenant.into(), prices, ..Default::default() };
        let began = now();
        let expected = model.refusal(tenant, &wanted, began);
        match client.set_prices(request.clone()).await {
            Err(status) => {
                let expected: Vec<_> = expected.into_iter().map(|(field, reason)| (field, reason.to_owned())).collect();
                assert_eq!(fields(&status), expected, "{step}: {request:?}: {status:?}");
                *refused.entry(random_name(&expected[0].1)).or_default() += 1;
            }
            Ok(answer) => {
                assert_eq!(expected, [], "{step}: {request:?}");
                let answer = answer.into_inner().prices;
                assert_eq!(answer.len(), wanted.len());
                // Each as it was before any of them: they do not touch each other.
                let ends: Vec<_> = wanted
                    .iter()
                    .zip(&answer)
                    .map(|(price, set)| {
                        let from = read_time(set.valid_from.unwrap());
                        price.to.or_else(|| model.next(tenant, &price.thing, from, began))
                    })
                    .collect();
                for ((price, given), to) in wanted.iter().zip(&answer).zip(ends) {
                    let from = read_time(given.valid_from.unwrap());
                    match price.from {
                        Some(asked) => assert_eq!(from, asked),
                        None => assert!((began..=now()).contains(&from), "{from} is not now"),
                    }
                    let expected = price.thing.wire(price.amount, Some(from), to);
                    assert_eq!(pb::Price { id: String::new(), ..given.clone() }, expected, "{step}: {request:?}");
                    assert_eq!(given.id.is_empty(), price.amount.is_none(), "an id for a price: {given:?}");
                    model.set(tenant, &price.thing, from, to, price.amount.map(|amount| (given.id.clone(), amount)));
                    set += 1;
                }
            }
        }
        // On the borders, just before them, anywhere, and now.
        let borders: Vec<Time> =
            model.held.values().flatten().flat_map(|held| std::iter::once(held.from).chain(held.to)).collect();
        for _ in 0..2 {
            let tenant = random.of(&TENANTS);
            let at = match random.below(4) {
                0 => None,
                1 => Some(some_time(&mut random)),
                _ => Some(borders[usize::try_from(random.below(borders.len() as i64)).unwrap()] - random.below(2)),
            };
            compare_list(&mut client, &model, &order, tenant, at, &mut random).await;
            for _ in 0..2 {
                if compare_quote(&mut client, &model, tenant, at, &mut random).await {
                    quoted += 1;
                } else {
                    unpriced += 1;
                }
            }
        }
    }
    println!("{set} set, {refused:?} refused, {quoted} quoted, {unpriced} without a price");
    assert!(set > 30 && quoted > 20 && unpriced > 20, "{set} {quoted} {unpriced}");
    assert_eq!(refused.len(), 2, "{refused:?}");
}

fn random_name(reason: &str) -> &'static str {
    if reason == "PRICES_OVERLAP" { "PRICES_OVERLAP" } else { "FIELD_OUT_OF_RANGE" }
}
