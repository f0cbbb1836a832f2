//! What things cost: price lines, options, and quotes made of them.
//!
//! A [`PriceLine`] is for a [`Target`], each of whose fields narrows it; [`Sheet`] has what a quote for one category
//! needs and makes it ([`Sheet::quote`]). Amounts are exact decimals. A thing that a price may newly depend on is a
//! field of [`Target`] and a place in [`PriceLine::rank`].

mod assumption;
mod options;
mod period;
mod quote;
mod selection;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use rust_decimal::Decimal;

pub use assumption::Assumption;
pub use options::Offer;
pub use period::{Period, overlapping};
pub use quote::{Asked, Quote, QuoteLine, Refusal};
pub use selection::{Named, check_target};

use super::vehicle::{BodyType, vocabulary};

/// The most that anything may cost.
pub const MAX_AMOUNT: Decimal = Decimal::from_parts(100_000_000, 0, 0, false, 0);

/// An amount and how exact it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// It is the price.
    Fixed(Decimal),
    /// It is the least.
    From(Decimal),
    /// The price lies between the two.
    Range(Decimal, Decimal),
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self::Fixed(Decimal::ZERO);

    /// From how it is stored: the amount, the upper end of a range, whether it is the least.
    pub fn stored(amount: Decimal, max: Option<Decimal>, at_least: bool) -> Self {
        match max {
            Some(max) => Self::Range(amount, max),
            None if at_least => Self::From(amount),
            None => Self::Fixed(amount),
        }
    }

    /// The price, the least, or the lower end.
    pub const fn least(self) -> Decimal {
        match self {
            Self::Fixed(amount) | Self::From(amount) | Self::Range(amount, _) => amount,
        }
    }

    /// The upper end of a range.
    pub const fn range_end(self) -> Option<Decimal> {
        match self {
            Self::Range(_, max) => Some(max),
            Self::Fixed(_) | Self::From(_) => None,
        }
    }

    /// Both together: no more exact than the less exact of the two.
    pub fn plus(self, other: Self) -> Self {
        let least = self.least() + other.least();
        let end = |amount: Self| amount.range_end().unwrap_or(amount.least());
        match (self, other) {
            (Self::From(_), _) | (_, Self::From(_)) => Self::From(least),
            (Self::Fixed(_), Self::Fixed(_)) => Self::Fixed(least),
            _ => Self::Range(least, end(self) + end(other)),
        }
    }

    /// The one amount if all are the same, else the least of them; none if there is none.
    pub fn least_of(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().reduce(|a, b| if a == b { a } else { Self::From(a.least().min(b.least())) })
    }
}

/// What a price is for; what is not given is any.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Target {
    /// The category's code.
    pub category: String,
    pub body: Option<BodyType>,
    /// The brand's slug.
    pub brand: Option<String>,
    /// The option whose surcharge it is; none: it is the base price.
    pub option: Option<String>,
    /// The value of that option, if it is a choice.
    pub value: Option<String>,
    /// What must be chosen besides.
    pub with: Option<Choice>,
}

/// A value chosen for an option that has values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Choice {
    pub option: String,
    pub value: String,
}

/// A price as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceLine {
    pub id: i64,
    pub target: Target,
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    pub valid_from: SystemTime,
    /// Itself excluded; none: until replaced.
    pub valid_to: Option<SystemTime>,
}

/// A price to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPrice {
    /// Its category may be an alias.
    pub target: Target,
    /// None: the price that holds ends, and nothing takes its place.
    pub amount: Option<Amount>,
    /// None: when it is set.
    pub valid_from: Option<SystemTime>,
    /// None: until replaced.
    pub valid_to: Option<SystemTime>,
}

/// A price as it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPrice {
    /// Unused where there is no amount.
    pub id: i64,
    pub target: Target,
    /// None: what held ended.
    pub amount: Option<Amount>,
    /// ISO 4217.
    pub currency: String,
    pub valid_from: SystemTime,
    /// Itself excluded; none: until replaced.
    pub valid_to: Option<SystemTime>,
}

vocabulary! {
    /// How an option is chosen.
    OptionKind {
        /// A property of the product: yes or no.
        Boolean = "boolean",
        /// One of several values.
        Choice = "choice",
        /// A further thing that is bought with it, or not.
        Addon = "addon",
    }
}

/// Something that can be chosen with a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductOption {
    pub id: i64,
    pub code: String,
    pub display_name: String,
    /// To show before the name; empty is none.
    pub emoji: String,
    pub kind: OptionKind,
    /// A choice's values, in the order to show them.
    pub values: Vec<OptionValue>,
    /// The codes of values that may not be chosen any more.
    pub retired_values: Vec<String>,
    /// The bodies it exists for; empty: all.
    pub body_types: Vec<BodyType>,
    /// Whether the tenant lists it among what it offers.
    pub offered: bool,
    /// Whether it may not be chosen any more, whatever has a price.
    pub retired: bool,
}

/// A value of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionValue {
    pub id: i64,
    pub code: String,
    pub display_name: String,
    /// To show before the name; empty is none.
    pub emoji: String,
}

/// A body type and how its price is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub code: BodyType,
    /// The body it is a size of.
    pub parent: Option<BodyType>,
    /// The body whose price holds where this one has none.
    pub priced_as: Option<BodyType>,
    pub display_name: String,
}

/// Everything that says what a category's products cost a tenant's customer at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The category's code.
    pub category: String,
    /// Every option of the category, in the tenant's order.
    pub options: Arc<[ProductOption]>,
    /// The prices in effect, of what may be chosen.
    pub lines: Vec<Arc<PriceLine>>,
    /// Every body, in the order to show them.
    pub bodies: Arc<[Body]>,
}

/// A car as far as prices depend on it, and what has been chosen.
struct PricingContext<'a> {
    brand: Option<&'a str>,
    /// The body, then those whose prices hold for it too, nearest first.
    bodies: Vec<BodyType>,
    chosen: Vec<(&'a str, &'a str)>,
}

impl PriceLine {
    /// The most specific line is the least: the brand first, then the body, then a condition.
    fn rank(&self, context: &PricingContext<'_>) -> (bool, usize, bool, i64) {
        let target = &self.target;
        let body = target.body.and_then(|body| context.bodies.iter().position(|other| *other == body));
        (target.brand.is_none(), body.unwrap_or(usize::MAX), target.with.is_none(), self.id)
    }

    /// Whether it holds there, conditions aside.
    fn is_for(&self, context: &PricingContext<'_>) -> bool {
        self.target.body.is_none_or(|body| context.bodies.contains(&body))
            && self.target.brand.as_deref().is_none_or(|brand| Some(brand) == context.brand)
    }

    /// Whether what it depends on is chosen.
    fn is_met(&self, context: &PricingContext<'_>) -> bool {
        let is_chosen = |with: &Choice| context.chosen.contains(&(with.option.as_str(), with.value.as_str()));
        self.target.with.as_ref().is_none_or(is_chosen)
    }

    /// Whether all that it names may still be chosen.
    pub fn is_current(&self, options: &[ProductOption]) -> bool {
        let named = |option: &str, value: Option<&str>| {
            let option = options.iter().find(|known| known.code == option && !known.retired);
            option.is_some_and(|option| value.is_none_or(|value| option.has(value)))
        };
        self.target.option.as_deref().is_none_or(|option| named(option, self.target.value.as_deref()))
            && self.target.with.as_ref().is_none_or(|with| named(&with.option, Some(&with.value)))
    }

    fn depends_on(&self, option: &ProductOption) -> bool {
        self.target.with.as_ref().is_some_and(|with| with.option == option.code)
    }
}

impl Sheet {
    /// The base prices, or the surcharges of an option and value.
    fn lines_of(&self, option: Option<&str>, value: Option<&str>) -> impl Iterator<Item = &PriceLine> {
        self.lines
            .iter()
            .map(|line| &**line)
            .filter(move |line| line.target.option.as_deref() == option && line.target.value.as_deref() == value)
    }

    /// The line that decides, of the base prices or of an option's surcharges.
    fn best(&self, option: Option<&str>, value: Option<&str>, context: &PricingContext<'_>) -> Option<&PriceLine> {
        let holds = |line: &&PriceLine| line.is_for(context) && line.is_met(context);
        self.lines_of(option, value).filter(holds).min_by_key(|line| line.rank(context))
    }

    fn fallbacks(&self, body: BodyType) -> Vec<BodyType> {
        fallbacks(&self.bodies, body)
    }

    fn sizes(&self, body: BodyType) -> Vec<BodyType> {
        sizes(&self.bodies, body)
    }

    fn all_sizes(&self) -> Vec<BodyType> {
        all_sizes(&self.bodies)
    }
}

/// The body and those whose prices hold for it too, nearest first: what it is a size of, what it is priced as.
fn fallbacks(bodies: &[Body], body: BodyType) -> Vec<BodyType> {
    let mut order = vec![body];
    let mut next = 0;
    while let Some(body) = order.get(next).copied() {
        next += 1;
        let known = bodies.iter().find(|known| known.code == body);
        for further in known.into_iter().flat_map(|known| [known.parent, known.priced_as]).flatten() {
            if !order.contains(&further) {
                order.push(further);
            }
        }
    }
    order
}

/// The body's sizes, or itself if it has none.
fn sizes(bodies: &[Body], body: BodyType) -> Vec<BodyType> {
    let sizes: Vec<BodyType> =
        bodies.iter().filter(|known| known.parent == Some(body)).map(|known| known.code).collect();
    if sizes.is_empty() { vec![body] } else { sizes }
}

/// Every body that a car can have, as sizes where there are sizes.
fn all_sizes(bodies: &[Body]) -> Vec<BodyType> {
    bodies.iter().filter(|body| sizes(bodies, body.code) == [body.code]).map(|body| body.code).collect()
}

impl ProductOption {
    /// Whether it exists for a body, given with those it is priced as.
    fn exists_for(&self, bodies: &[BodyType]) -> bool {
        self.body_types.is_empty() || self.body_types.iter().any(|body| bodies.contains(body))
    }
}
