//! Options named by a request, against the options that there are.

use serde::{Deserialize, Serialize};

use super::{Body, BodyType, OptionKind, ProductOption, Sheet, Target, all_sizes, fallbacks};
use crate::domain::error::Violation;

/// An option and a value as a request names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub option: String,
    pub value: String,
}

/// An option that is selected, with its value if it has values.
pub(super) type Selected<'a> = (&'a ProductOption, Option<&'a str>);

impl Named {
    /// What it selects; none for `false`. `field` is where it stands.
    pub(super) fn find<'a>(
        &'a self,
        field: &str,
        category: &str,
        options: &'a [ProductOption],
    ) -> Result<Option<Selected<'a>>, Violation> {
        let option = find_option(field, category, options, &self.option)?;
        match (option.kind, self.value.as_str()) {
            (OptionKind::Choice, value) if option.has(value) => Ok(Some((option, Some(value)))),
            (OptionKind::Choice, value) => Err(unknown_value(field, option, value, option.allowed())),
            (OptionKind::Boolean | OptionKind::Addon, "" | "true") => Ok(Some((option, None))),
            (OptionKind::Boolean | OptionKind::Addon, "false") => Ok(None),
            (OptionKind::Boolean | OptionKind::Addon, value) => {
                Err(unknown_value(field, option, value, "true,false".to_owned()))
            }
        }
    }
}

impl ProductOption {
    pub(super) fn has(&self, value: &str) -> bool {
        self.values.iter().any(|known| known.code == value)
    }

    /// A choice's values, comma-separated.
    fn allowed(&self) -> String {
        self.values.iter().map(|value| value.code.as_str()).collect::<Vec<_>>().join(",")
    }
}

impl Sheet {
    /// What is wrong with options selected for a car that may have these bodies (empty: any). `field` is where they
    /// stand.
    pub fn check_selections(&self, field: &str, selections: &[Named], bodies: &[BodyType]) -> Vec<Violation> {
        let bodies = if bodies.is_empty() { self.all_sizes() } else { bodies.to_vec() };
        let wrong = |(place, named): (usize, &Named)| {
            let field = format!("{field}[{place}]");
            match named.find(&field, &self.category, &self.options) {
                Err(violation) => Some(violation),
                Ok(Some((option, _))) if !self.is_offered(option, &bodies) => {
                    let description = format!("option `{}` of `{}` is not offered here", option.code, self.category);
                    Some(unknown_option(&field, &self.category, &option.code, description))
                }
                Ok(_) => None,
            }
        };
        selections.iter().enumerate().filter_map(wrong).collect()
    }
}

/// What is wrong with the options that a price's target names. `field` is where the price stands.
pub fn check_target(field: &str, target: &Target, options: &[ProductOption], bodies: &[Body]) -> Vec<Violation> {
    let mut violations = Vec::new();
    if let Some(code) = &target.option {
        let value = target.value.as_deref().unwrap_or_default();
        match find_option(field, &target.category, options, code) {
            Err(violation) => violations.push(violation),
            Ok(option) if option.kind == OptionKind::Choice && value.is_empty() => {
                let description = format!("option `{code}` has values, each with its own price: {}", option.allowed());
                violations.push(Violation::new(format!("{field}.value"), "FIELD_REQUIRED", description));
            }
            Ok(option) if value.is_empty() || option.has(value) => {}
            Ok(option) => violations.push(unknown_value(field, option, value, option.allowed())),
        }
    }
    if let Some(with) = &target.with {
        let field = format!("{field}.conditions[0]");
        match find_option(&field, &target.category, options, &with.option) {
            Err(violation) => violations.push(violation),
            Ok(option) if option.kind != OptionKind::Choice => {
                let description = format!("option `{}` has no values to depend on", option.code);
                violations.push(Violation::new(format!("{field}.option"), "FIELD_INVALID", description));
            }
            Ok(option) if option.has(&with.value) => {}
            Ok(option) => violations.push(unknown_value(&field, option, &with.value, option.allowed())),
        }
    }
    if violations.is_empty() {
        violations.extend(check_body(field, target, options, bodies));
    }
    violations
}

/// Whether there is no body that the price could ever be asked for: none that its own body's price holds for has the options
/// that it names.
fn check_body(field: &str, target: &Target, options: &[ProductOption], bodies: &[Body]) -> Option<Violation> {
    let codes = [target.option.as_ref(), target.with.as_ref().map(|with| &with.option)];
    let named: Vec<&ProductOption> =
        codes.into_iter().flatten().filter_map(|code| options.iter().find(|option| option.code == *code)).collect();
    let is_possible = |body: BodyType| {
        let fallbacks = fallbacks(bodies, body);
        target.body.is_none_or(|body| fallbacks.contains(&body)) && named.iter().all(|it| it.exists_for(&fallbacks))
    };
    if named.is_empty() || all_sizes(bodies).into_iter().any(is_possible) {
        return None;
    }
    let of = named.iter().filter(|option| !option.body_types.is_empty()).map(|option| {
        let bodies = option.body_types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!("option `{}` is for {bodies}", option.code)
    });
    let of = of.collect::<Vec<_>>().join("; ");
    Some(Violation::new(format!("{field}.body_type"), "FIELD_INVALID", format!("can never be used: {of}")))
}

fn find_option<'a>(
    field: &str,
    category: &str,
    options: &'a [ProductOption],
    code: &str,
) -> Result<&'a ProductOption, Violation> {
    let found = options.iter().find(|option| option.code == code);
    let found = found.ok_or_else(|| {
        unknown_option(field, category, code, format!("category `{category}` has no option `{code}`"))
    })?;
    if found.retired {
        let description = format!("option `{code}` of `{category}` is retired: take it back before it can be used");
        return Err(unknown_option(field, category, code, description));
    }
    Ok(found)
}

fn unknown_option(field: &str, category: &str, code: &str, description: String) -> Violation {
    Violation {
        metadata: vec![("category", category.to_owned()), ("option", code.to_owned())],
        ..Violation::new(format!("{field}.option"), "UNKNOWN_OPTION", description)
    }
}

fn unknown_value(field: &str, option: &ProductOption, value: &str, allowed: String) -> Violation {
    let description = if option.retired_values.iter().any(|retired| retired == value) {
        format!("value `{value}` of option `{}` is retired: take it back before it can be used", option.code)
    } else if allowed.is_empty() {
        format!("option `{}` does not allow `{value}`; it takes no value", option.code)
    } else {
        format!("option `{}` does not allow `{value}`; it takes {allowed}", option.code)
    };
    Violation {
        metadata: vec![("option", option.code.clone()), ("value", value.to_owned()), ("allowed", allowed)],
        ..Violation::new(format!("{field}.value"), "UNKNOWN_OPTION_VALUE", description)
    }
}
