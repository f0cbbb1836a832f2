//! What can be chosen with a product, and what choosing it costs.

use super::{Amount, BodyType, OptionKind, OptionValue, PriceLine, PricingContext, ProductOption, Sheet};

/// An option to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer<'a> {
    pub option: &'a ProductOption,
    /// What it adds; the least where that depends on more than is given. None: no price, or its values have them.
    pub price: Option<Amount>,
    /// The values, each with what it costs: the base price where the value decides that, else what it adds.
    pub values: Vec<(&'a OptionValue, Option<Amount>)>,
}

impl Sheet {
    /// The options for a body, or for any, in the tenant's order: those that it offers, and those that it has prices for.
    pub fn offers(&self, body: Option<BodyType>) -> Vec<Offer<'_>> {
        let bodies = body.map_or_else(|| self.all_sizes(), |body| self.sizes(body));
        self.options
            .iter()
            .filter(|option| self.is_offered(option, &bodies))
            .map(|option| Offer {
                option,
                price: match option.kind {
                    OptionKind::Boolean | OptionKind::Addon => self.price_of(option, None, &bodies),
                    OptionKind::Choice => None,
                },
                values: option
                    .values
                    .iter()
                    .map(|value| (value, self.price_of(option, Some(value), &bodies)))
                    .collect(),
            })
            .collect()
    }

    /// Whether the tenant offers the option, or has a price for it, and it exists for one of these bodies.
    pub(super) fn is_offered(&self, option: &ProductOption, bodies: &[BodyType]) -> bool {
        !option.retired
            && (option.offered || self.is_priced(option))
            && bodies.iter().flat_map(|body| self.sizes(*body)).any(|body| option.exists_for(&self.fallbacks(body)))
    }

    fn is_priced(&self, option: &ProductOption) -> bool {
        let is_own = |line: &PriceLine| line.target.option.as_ref() == Some(&option.code) || line.depends_on(option);
        self.lines.iter().any(|line| is_own(line))
    }

    /// The least over every body, brand and further choice that a line knows of.
    fn price_of(&self, option: &ProductOption, value: Option<&OptionValue>, bodies: &[BodyType]) -> Option<Amount> {
        let own = value.map(|value| (option.code.as_str(), value.code.as_str()));
        let decides_base = value.is_some() && self.lines_of(None, None).any(|line| line.depends_on(option));
        let (asked_option, asked_value) =
            if decides_base { (None, None) } else { (Some(option.code.as_str()), value.map(|v| v.code.as_str())) };

        let mut brands = vec![None];
        brands.extend(self.lines.iter().filter_map(|line| line.target.brand.as_deref()).map(Some));
        let mut choices = vec![None];
        let conditions = self.lines.iter().filter_map(|line| line.target.with.as_ref());
        choices.extend(
            conditions.filter(|with| with.option != option.code).map(|w| Some((w.option.as_str(), w.value.as_str()))),
        );
        brands.sort_unstable();
        brands.dedup();
        choices.sort_unstable();
        choices.dedup();

        let mut amounts = Vec::new();
        for body in bodies {
            let mut context = PricingContext { brand: None, bodies: self.fallbacks(*body), chosen: Vec::new() };
            if !option.exists_for(&context.bodies) {
                continue;
            }
            for brand in &brands {
                for choice in &choices {
                    context.brand = *brand;
                    context.chosen = own.into_iter().chain(*choice).collect();
                    amounts.extend(self.best(asked_option, asked_value, &context).map(|line| line.amount));
                }
            }
        }
        Amount::least_of(amounts)
    }
}
