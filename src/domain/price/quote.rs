//! The quote: one price out of many lines, or exactly why there is none.
//!
//! What is not known is tried out: every body that the car may have, every value of a choice that was not made. If
//! the price is the same in all of them, it is the price. If it differs by body, the body must be asked for; if it
//! differs by a choice, it is the least.

use super::selection::Selected;
use super::{Amount, Assumption, BodyType, Named, OptionKind, PriceLine, PricingContext, ProductOption, Sheet};
use crate::domain::error::{Error, Violation};

/// What a quote is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The brand's slug, if it is known.
    pub brand: Option<String>,
    /// The bodies that the car may have; empty: any.
    pub bodies: Vec<BodyType>,
    /// Whether nobody said the body: the model usually has it.
    pub body_assumed: bool,
    /// Each option once.
    pub selections: Vec<Named>,
}

/// What a product costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub base: Amount,
    /// In the order selected.
    pub lines: Vec<QuoteLine>,
    /// Base and lines together.
    pub total: Amount,
    pub assumptions: Vec<Assumption>,
    /// The body that was priced; none where the price does not depend on it.
    pub body_type: Option<BodyType>,
}

/// What a selected option adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteLine {
    pub option: String,
    /// Of a choice.
    pub value: Option<String>,
    /// The option, and the value of a choice.
    pub display_name: String,
    pub amount: Amount,
}

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The category has no such option or value.
    Selections(Vec<Violation>),
    /// Nothing says what the product, or that option, costs for that body.
    NotConfigured { category: String, body: Option<BodyType>, option: Option<Named> },
    /// The price depends on the body, which is not known: one of these, with what each is called.
    BodyTypeRequired { choices: Vec<BodyType>, names: Vec<String> },
}

/// What has no price: the product itself or an option.
type Unpriced = Option<Named>;

impl Sheet {
    /// What the product costs for the car, with what is selected.
    ///
    /// # Errors
    /// [`Refusal`]: a missing price is never zero and never guessed.
    pub fn quote(&self, asked: &Asked) -> Result<Quote, Refusal> {
        let selected = self.select(&asked.selections)?;
        let anywhere = self.quote_over(asked, &selected, &self.all_sizes());
        if let Ok(mut quote) = anywhere {
            quote.assumptions.retain(|assumption| !matches!(assumption, Assumption::PricedAs { .. }));
            return Ok(quote);
        }
        if asked.bodies.is_empty() {
            return anywhere;
        }
        let sizes: Vec<BodyType> = asked.bodies.iter().flat_map(|body| self.sizes(*body)).collect();
        let mut quote = self.quote_over(asked, &selected, &sizes)?;
        quote.body_type = only(&asked.bodies);
        if asked.body_assumed {
            quote.assumptions.insert(0, Assumption::BodyOfModel(asked.bodies.clone()));
        }
        Ok(quote)
    }

    fn select<'a>(&'a self, named: &'a [Named]) -> Result<Vec<Selected<'a>>, Refusal> {
        let (mut selected, mut violations) = (Vec::new(), Vec::new());
        for (place, named) in named.iter().enumerate() {
            match named.find(&format!("selections[{place}]"), &self.category, &self.options) {
                Ok(found) => selected.extend(found),
                Err(violation) => violations.push(violation),
            }
        }
        if violations.is_empty() { Ok(selected) } else { Err(Refusal::Selections(violations)) }
    }

    /// The quote if it is the same for all of these bodies.
    fn quote_over(&self, asked: &Asked, selected: &[Selected], bodies: &[BodyType]) -> Result<Quote, Refusal> {
        let (mut priced, mut unpriced) = (Vec::new(), Vec::new());
        for body in bodies {
            match self.quote_body(asked, selected, *body) {
                Ok(quote) => priced.push((*body, quote)),
                Err(missing) => unpriced.push(missing),
            }
        }
        let Some((_, first)) = priced.first() else {
            // A missing option says more than a body that the product is not made for.
            let option = unpriced.into_iter().flatten().next();
            let body = if bodies == self.all_sizes() { None } else { only(&asked.bodies) };
            return Err(Refusal::NotConfigured { category: self.category.clone(), body, option });
        };
        if unpriced.is_empty() && priced.iter().all(|(_, quote)| quote.costs_as(first)) {
            let mut quote = first.clone();
            for assumption in priced.iter().flat_map(|(_, quote)| &quote.assumptions) {
                if !quote.assumptions.contains(assumption) {
                    quote.assumptions.push(assumption.clone());
                }
            }
            return Ok(quote);
        }
        let choices = self.choices(&priced);
        let names = choices.iter().map(|body| self.name_of(*body)).collect();
        Err(Refusal::BodyTypeRequired { choices, names })
    }

    /// The bodies worth asking for: one that costs as the body it is priced as is left out, sizes that all cost the
    /// same are one.
    fn choices(&self, priced: &[(BodyType, Quote)]) -> Vec<BodyType> {
        let costs = |body: BodyType, quote: &Quote| {
            priced.iter().any(|(other, priced)| *other == body && priced.costs_as(quote))
        };
        let mut choices = Vec::new();
        for (body, quote) in priced {
            let borrows = |assumption: &Assumption| match assumption {
                Assumption::PricedAs { as_body, .. } => costs(*as_body, quote),
                _ => false,
            };
            if quote.assumptions.iter().any(borrows) {
                continue;
            }
            let parent = self.bodies.iter().find(|known| known.code == *body).and_then(|known| known.parent);
            let whole = parent.filter(|parent| self.sizes(*parent).into_iter().all(|size| costs(size, quote)));
            let choice = whole.unwrap_or(*body);
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        choices
    }

    /// What a body is called.
    pub(super) fn name_of(&self, body: BodyType) -> String {
        let known = self.bodies.iter().find(|known| known.code == body);
        known.map_or_else(|| body.to_string(), |known| known.display_name.clone())
    }

    /// The quote for one body: the least over what was not chosen.
    fn quote_body(&self, asked: &Asked, selected: &[Selected], body: BodyType) -> Result<Quote, Unpriced> {
        let chosen = selected.iter().filter_map(|(option, value)| Some((option.code.as_str(), (*value)?))).collect();
        let mut context = PricingContext { brand: asked.brand.as_deref(), bodies: self.fallbacks(body), chosen };
        let relevant: Vec<&PriceLine> =
            self.lines.iter().map(|line| &**line).filter(|line| line.is_asked(selected)).collect();

        let undecided: Vec<&ProductOption> = self
            .options
            .iter()
            .filter(|option| option.kind == OptionKind::Choice && !is_selected(option, selected))
            .filter(|option| relevant.iter().any(|line| line.is_for(&context) && line.depends_on(option)))
            .collect();
        let mut possible = vec![context.chosen.clone()];
        for option in &undecided {
            let values = |chosen: Vec<_>| {
                let with = |value| [chosen.clone(), vec![(option.code.as_str(), value)]].concat();
                option.values.iter().map(|value| with(value.code.as_str())).collect::<Vec<_>>()
            };
            possible = possible.into_iter().flat_map(values).collect();
        }
        let (mut quotes, mut missing) = (Vec::new(), None);
        for chosen in possible {
            context.chosen = chosen;
            match self.quote_in(selected, body, &context) {
                Ok(quote) => quotes.push(quote),
                Err(unpriced) => missing = missing.or(Some(unpriced)),
            }
        }
        let Some(least) = quotes.iter().min_by_key(|quote| quote.total.least()) else {
            return Err(missing.flatten());
        };
        let mut quote = least.clone();
        if missing.is_some() || !quotes.iter().all(|other| other.costs_as(least)) {
            quote.base = no_surer(least.base, quotes.iter().map(|other| other.base));
            for (place, line) in quote.lines.iter_mut().enumerate() {
                let others = quotes.iter().filter_map(|other| other.lines.get(place));
                line.amount = no_surer(line.amount, others.map(|line| line.amount));
            }
            quote.total = Amount::From(least.total.least());
            quote.assumptions.extend(undecided.iter().map(|option| Assumption::not_chosen(option)));
        }
        for option in self.options.iter() {
            let adds = |line: &PriceLine| line.target.option.as_ref() == Some(&option.code) && line.is_for(&context);
            let costs = self.lines.iter().any(|line| adds(line) && !line.amount.least().is_zero());
            if option.kind == OptionKind::Choice && !is_selected(option, selected) && costs {
                quote.total = Amount::From(quote.total.least());
                quote.assumptions.push(Assumption::not_chosen(option));
            }
        }
        let depends_on_brand = |line: &&PriceLine| {
            line.target.brand.is_some() && line.target.body.is_none_or(|body| context.bodies.contains(&body))
        };
        if asked.brand.is_none() && relevant.iter().any(depends_on_brand) {
            quote.assumptions.push(Assumption::BrandNotGiven);
        }
        Ok(quote)
    }

    /// The quote where everything is known.
    fn quote_in(&self, selected: &[Selected], body: BodyType, context: &PricingContext<'_>) -> Result<Quote, Unpriced> {
        let base = self.best(None, None, context).ok_or(None)?;
        let mut quote = Quote {
            base: base.amount,
            lines: Vec::with_capacity(selected.len()),
            total: base.amount,
            assumptions: Vec::new(),
            body_type: None,
        };
        self.note_borrowed(&mut quote, base, body);
        for (option, value) in selected {
            let unpriced = || Some(Named { option: option.code.clone(), value: value.unwrap_or_default().to_owned() });
            if !option.exists_for(&context.bodies) {
                return Err(unpriced());
            }
            let amount = match self.best(Some(&option.code), *value, context) {
                Some(line) => {
                    self.note_borrowed(&mut quote, line, body);
                    line.amount
                }
                None if self.decides_base(option, context) => Amount::ZERO,
                None => return Err(unpriced()),
            };
            quote.total = quote.total.plus(amount);
            quote.lines.push(QuoteLine {
                option: option.code.clone(),
                value: value.map(str::to_owned),
                display_name: option.shown_with(*value),
                amount,
            });
        }
        Ok(quote)
    }

    /// Whether the base price depends on the option, whose values then cost nothing by themselves.
    fn decides_base(&self, option: &ProductOption, context: &PricingContext<'_>) -> bool {
        self.lines_of(None, None).any(|line| line.is_for(context) && line.depends_on(option))
    }

    /// Says so if the line is another body's; a size may well have the price of its whole.
    fn note_borrowed(&self, quote: &mut Quote, line: &PriceLine, body: BodyType) {
        let Some(as_body) = line.target.body.filter(|other| *other != body) else { return };
        let is_whole = self.bodies.iter().any(|known| known.code == body && known.parent == Some(as_body));
        let note = Assumption::PricedAs { body, as_body };
        if !is_whole && !quote.assumptions.contains(&note) {
            quote.assumptions.push(note);
        }
    }
}

impl PriceLine {
    /// Whether it is a base price or the surcharge of something selected.
    fn is_asked(&self, selected: &[Selected]) -> bool {
        let of = |(option, value): &Selected| {
            self.target.option.as_ref() == Some(&option.code) && self.target.value.as_deref() == *value
        };
        self.target.option.is_none() || selected.iter().any(of)
    }
}

impl ProductOption {
    fn shown_with(&self, value: Option<&str>) -> String {
        match self.values.iter().find(|known| Some(known.code.as_str()) == value) {
            Some(value) => format!("{}: {}", self.display_name, value.display_name),
            None => self.display_name.clone(),
        }
    }
}

impl Quote {
    fn costs_as(&self, other: &Self) -> bool {
        (self.base, &self.lines, self.total) == (other.base, &other.lines, other.total)
    }
}

fn is_selected(option: &ProductOption, selected: &[Selected]) -> bool {
    selected.iter().any(|(other, _)| other.code == option.code)
}

/// The amount itself if the others are the same, else the least that it may be.
fn no_surer(amount: Amount, mut others: impl Iterator<Item = Amount>) -> Amount {
    if others.all(|other| other == amount) { amount } else { Amount::From(amount.least()) }
}

fn only(bodies: &[BodyType]) -> Option<BodyType> {
    if let [body] = bodies { Some(*body) } else { None }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Selections(violations) => Self::Invalid(violations),
            Refusal::NotConfigured { category, body, option } => {
                let body_type = body.map(|body| body.to_string()).unwrap_or_default();
                let what = match &option {
                    Some(Named { option, value }) if value.is_empty() => format!("option `{option}` of `{category}`"),
                    Some(Named { option, value }) => format!("option `{option}` `{value}` of `{category}`"),
                    None => format!("`{category}`"),
                };
                let whom = if body_type.is_empty() { String::new() } else { format!(" for the body `{body_type}`") };
                let mut metadata = vec![("category", category), ("body_type", body_type)];
                if let Some(Named { option, value }) = option {
                    metadata.extend([("option", option), ("value", value)]);
                }
                let message = format!("nothing says what {what} costs{whom}");
                Self::FailedPrecondition { reason: "PRICE_NOT_CONFIGURED", message, metadata }
            }
            Refusal::BodyTypeRequired { choices, names } => {
                let choices = choices.iter().map(|body| body.word()).collect::<Vec<_>>().join(",");
                Self::FailedPrecondition {
                    reason: "BODY_TYPE_REQUIRED",
                    message: format!("the price depends on the body; give body_type, one of {choices}"),
                    metadata: vec![("body_types", choices), ("display_names", names.join(";"))],
                }
            }
        }
    }
}
