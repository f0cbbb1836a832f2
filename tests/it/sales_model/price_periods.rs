//! Prices as a plain list of what held when.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use prost_types::Timestamp;

use super::random::Random;

/// Microseconds since 1970.
pub type Time = i64;

/// What a price is for; empty is any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Thing {
    pub category: &'static str,
    pub body: &'static str,
    pub brand: &'static str,
    pub option: &'static str,
    pub value: &'static str,
    /// A value of `leather`.
    pub with: &'static str,
}

/// A price and when it holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// Unknown for the second part of a price that was cut in two.
    pub id: Option<String>,
    pub from: Time,
    pub to: Option<Time>,
    pub amount: Amount,
}

/// In hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    Fixed(i64),
    From(i64),
    Range(i64, i64),
}

/// A price to be set; no amount withdraws.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub thing: Thing,
    pub amount: Option<Amount>,
    pub from: Option<Time>,
    pub to: Option<Time>,
}

pub const TENANTS: [&str; 2] = ["evopoliki", "five_deluxe"];
pub const MINUTE: Time = 60_000_000;

pub fn day(year: i64, days: i64) -> Time {
    ((year - 1970) * 36_525 / 100 + days) * 86_400_000_000
}

pub fn wire(time: Time) -> Timestamp {
    Timestamp { seconds: time.div_euclid(1_000_000), nanos: i32::try_from(time.rem_euclid(1_000_000) * 1000).unwrap() }
}

pub fn read_time(time: Timestamp) -> Time {
    time.seconds * 1_000_000 + i64::from(time.nanos) / 1000
}

pub fn now() -> Time {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros().try_into().unwrap()
}

pub fn money(cents: i64) -> Option<Money> {
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

    pub fn wire(self) -> (i32, Option<Money>, Option<Money>) {
        let (kind, most) = match self {
            Self::Fixed(_) => (pb::PriceKind::Fixed, None),
            Self::From(_) => (pb::PriceKind::From, None),
            Self::Range(_, most) => (pb::PriceKind::Range, money(most)),
        };
        (kind.into(), money(self.least()), most)
    }

    /// The sum is no surer than its parts.
    pub fn sum(amounts: &[Self]) -> Self {
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

pub fn leather(value: &str) -> Vec<pb::Selection> {
    let selection = || pb::Selection { option: "leather".into(), value: value.into() };
    if value.is_empty() { Vec::new() } else { vec![selection()] }
}

impl Thing {
    pub fn wire(&self, amount: Option<Amount>, from: Option<Time>, to: Option<Time>) -> pb::Price {
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
pub fn some_thing(tenant: &str, random: &mut Random) -> Thing {
    let is_eva = tenant == TENANTS[0] && random.below(2) == 0;
    let mut thing = Thing {
        category: if is_eva { "eva_mats" } else { "5d_mats" },
        body: random.of(&["", "", "suv"]),
        brand: random.of(&["", "", "", "toyota"]),
        ..Thing::default()
    };
    if is_eva {
        thing.option = random.of(&["", "", "third_row"]);
    } else {
        thing.option = random.of(&["", "", "", "trunk", "leather"]);
        if thing.option == "leather" {
            thing.value = random.of(&["press", "crocodile"]);
        } else {
            thing.with = random.of(&["", "press", "crocodile"]);
        }
    }
    thing
}

/// Long ago, around the seed's beginning, now, and to come; some apart by a microsecond.
pub fn some_time(random: &mut Random) -> Time {
    let day = match random.below(4) {
        0 => day(2010, random.below(4) * 300),
        1 => day(2024, 366 * random.below(2)),
        2 => day(2060, random.below(6) * 100),
        _ => day(2090, random.below(4) * 500),
    };
    day + random.below(2)
}

pub fn some_price(tenant: &str, random: &mut Random) -> Wanted {
    let least = random.below(900_000);
    let amount = match random.below(6) {
        0 => None,
        1 | 2 => Some(Amount::From(least)),
        3 => Some(Amount::Range(least, least + random.below(100_000))),
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
pub struct Model {
    pub held: BTreeMap<(&'static str, Thing), Vec<Held>>,
}

impl Model {
    /// What is wrong with prices to be set at this time: the fields and reasons of the first step that finds any.
    pub fn refusal(&self, tenant: &'static str, wanted: &[Wanted], now: Time) -> Vec<(String, &'static str)> {
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

    pub fn of(&self, tenant: &'static str, thing: &Thing) -> &[Held] {
        self.held.get(&(tenant, thing.clone())).map_or(&[], Vec::as_slice)
    }

    /// When the next price for the same thing begins that one without an end gives way to.
    pub fn next(&self, tenant: &'static str, thing: &Thing, from: Time, now: Time) -> Option<Time> {
        let gives_way = |begins: &Time| *begins > from && (*begins > now || from < now - MINUTE);
        self.of(tenant, thing).iter().map(|held| held.from).filter(gives_way).min()
    }

    /// Sets a price: what held at its time goes, what is left before and after stays.
    pub fn set(
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
    pub fn at(&self, tenant: &str, category: &str, at: Time) -> Vec<(&Thing, &Held)> {
        let holds = |held: &&Held| held.from <= at && held.to.is_none_or(|to| at < to);
        let of = |name: &str, thing: &Thing| name == tenant && (category.is_empty() || thing.category == category);
        let held = self.held.iter().filter(|((name, thing), _)| of(name, thing));
        held.flat_map(|((_, thing), held)| held.iter().filter(holds).map(move |held| (thing, held))).collect()
    }

    /// What a car costs: the base, then each selection; none where something has no price.
    pub fn quote(&self, tenant: &str, asked: &Asked, at: Time) -> Option<Vec<Amount>> {
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
            // The brand goes before the body, the body before the condition.
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

pub struct Asked {
    pub category: &'static str,
    pub body: &'static str,
    pub brand: &'static str,
    pub leather: &'static str,
    pub options: Vec<&'static str>,
}

pub fn some_question(tenant: &str, random: &mut Random) -> Asked {
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
