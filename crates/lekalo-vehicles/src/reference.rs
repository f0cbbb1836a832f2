//! The vehicle reference: brands, models, generations and their spellings, as written in `data/vehicles.toml`.
//!
//! A new brand, model or spelling is a line in that file. [`Reference::problems`] says what is wrong with the whole of it at once;
//! a test keeps the shipped file free of problems.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::normalize;
use crate::vehicle::{BodyType, slug};

static SHIPPED: LazyLock<Reference> = LazyLock::new(|| {
    // A broken shipped file is caught by `the_shipped_reference_is_valid`; an empty reference understands nothing but harms nobody.
    Reference::parse(include_str!("../../../data/vehicles.toml")).unwrap_or_default()
});

/// Everything the service knows about cars by name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// In the order of the file: where a spelling fits two cars equally, the earlier one is the better known.
    pub brands: Vec<Brand>,
}

/// A brand ("Toyota").
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// Canonical English name; its slug is what clients use.
    pub name: String,
    /// The usual Russian spelling.
    pub ru: String,
    /// Further spellings.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Brands that sell some of the same cars, by name: only they may have the model that is said beside this one.
    #[serde(default)]
    pub sisters: Vec<String>,
    #[serde(default)]
    pub models: Vec<Model>,
}

/// A model of a brand ("Camry").
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Canonical English name without the brand.
    pub name: String,
    /// The usual Russian spelling; empty where people write the Latin name.
    #[serde(default)]
    pub ru: String,
    /// Further spellings.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Spellings of this model that another model of the brand has too; each of them lists the spelling here.
    #[serde(default)]
    pub ambiguous: Vec<String>,
    /// The body, if every generation has the same.
    pub body: Option<String>,
    /// Engine badges that name the model: `#` is a digit ("RX ###").
    #[serde(default)]
    pub badges: Vec<String>,
    /// Oldest first.
    #[serde(default)]
    pub generations: Vec<Generation>,
}

/// A generation of a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Chassis or platform code in use ("XV70"), if there is one.
    pub code: Option<String>,
    /// Which generation of the model it is, from 1.
    pub number: Option<u8>,
    /// Other codes and short forms ("70", "ACV40").
    #[serde(default)]
    pub also: Vec<String>,
    /// First model year.
    pub from: Option<i16>,
    /// Last model year; none while it is made.
    pub to: Option<i16>,
    /// The body, where it differs between generations.
    pub body: Option<String>,
}

/// Why a reference cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// Not TOML, or not of this shape.
    #[error("the vehicle reference cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// Contradicts itself; every problem found.
    #[error("the vehicle reference has {} problems:\n{}", .0.len(), .0.join("\n"))]
    Invalid(Vec<String>),
}

impl Reference {
    /// Reads and checks a reference; every problem is reported at once.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let reference: Self = toml::from_str(text)?;
        let problems = reference.problems();
        if problems.is_empty() { Ok(reference) } else { Err(ReferenceError::Invalid(problems)) }
    }

    /// The reference the program ships.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// The model of these slugs.
    pub fn find_model(&self, brand_slug: &str, model_slug: &str) -> Option<&Model> {
        let brand = self.brands.iter().find(|brand| slug(&brand.name) == brand_slug)?;
        brand.models.iter().find(|model| slug(&model.name) == model_slug)
    }

    /// What is wrong with it, one line per problem; empty if nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut brand_slugs = BTreeSet::new();
        let mut brand_spellings: BTreeMap<String, &str> = BTreeMap::new();
        let names: BTreeSet<&str> = self.brands.iter().map(|brand| brand.name.as_str()).collect();
        for brand in &self.brands {
            for sister in
                brand.sisters.iter().filter(|sister| !names.contains(sister.as_str()) || **sister == brand.name)
            {
                problems.push(format!("make `{}`: sister `{sister}` is no other brand", brand.name));
            }
            if slug(&brand.name).is_empty() || !brand_slugs.insert(slug(&brand.name)) {
                problems.push(format!("make `{}`: its slug is empty or taken", brand.name));
            }
            for spelling in brand.spellings() {
                let owner = brand_spellings.entry(normalize::key(spelling)).or_insert(&brand.name);
                if *owner != brand.name {
                    problems.push(format!("make `{}`: spelling `{spelling}` belongs to `{owner}`", brand.name));
                }
            }
            brand.check(&mut problems);
        }
        problems
    }
}

impl Brand {
    /// Every way the brand is written: name, Russian name, aliases.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        [self.name.as_str(), &self.ru]
            .into_iter()
            .chain(self.aliases.iter().map(String::as_str))
            .filter(|s| !s.is_empty())
    }

    fn check(&self, problems: &mut Vec<String>) {
        let mut slugs = BTreeSet::new();
        let mut owners: BTreeMap<String, Vec<&Model>> = BTreeMap::new();
        for model in &self.models {
            if slug(&model.name).is_empty() || !slugs.insert(slug(&model.name)) {
                problems.push(format!("{} {}: its slug is empty or taken", self.name, model.name));
            }
            for spelling in model.spellings() {
                let key = normalize::key(spelling);
                if key.is_empty() {
                    problems.push(format!("{} {}: spelling `{spelling}` has no letters", self.name, model.name));
                }
                let models = owners.entry(key).or_default();
                if !models.iter().any(|owner| owner.name == model.name) {
                    models.push(model);
                }
            }
            model.check(&self.name, problems);
        }
        for (key, models) in owners.iter().filter(|(_, models)| models.len() > 1) {
            if !models.iter().all(|model| model.is_ambiguous(key)) {
                let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
                problems.push(format!("{}: `{key}` stands in {} without `ambiguous`", self.name, names.join(" and ")));
            }
        }
    }
}

impl Model {
    /// Every way the model is written: name, Russian name, aliases, ambiguous aliases.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        [self.name.as_str(), &self.ru]
            .into_iter()
            .chain(self.aliases.iter().chain(&self.ambiguous).map(String::as_str))
            .filter(|spelling| !spelling.is_empty())
    }

    /// Every code and short form of its generations, as written.
    pub fn codes(&self) -> impl Iterator<Item = &String> {
        self.generations.iter().flat_map(|generation| generation.code.iter().chain(&generation.also))
    }

    /// How well known the model is, 0 to 1: the reference says more about cars that are driven more.
    pub fn popularity(&self) -> f32 {
        ((2 * self.generations.len() + self.spellings().count()) as f32 / 40.0).min(1.0)
    }

    /// The years the model was made, as far as its generations say: first year, last year (none while it is made).
    pub fn years(&self) -> crate::vehicle::Years {
        let from = self.generations.iter().map(|generation| generation.from).min().flatten();
        let to = if self.generations.iter().any(|generation| generation.to.is_none()) {
            None
        } else {
            self.generations.iter().filter_map(|generation| generation.to).max()
        };
        crate::vehicle::Years { from, to }
    }

    /// Whether the reference says that a spelling, by its key, is another model's too.
    pub(crate) fn is_ambiguous(&self, key: &str) -> bool {
        self.ambiguous.iter().any(|alias| normalize::key(alias) == key)
    }

    fn check(&self, brand: &str, problems: &mut Vec<String>) {
        let mut report = |what: String| problems.push(format!("{brand} {}: {what}", self.name));
        let bodies = self.generations.iter().filter_map(|generation| generation.body.as_ref()).chain(&self.body);
        for body in bodies {
            if let Err(error) = body.parse::<BodyType>() {
                report(format!("body {error}"));
            }
        }
        for badge in &self.badges {
            if !badge.contains(|ch: char| ch == '#' || ch.is_ascii_digit())
                || normalize::key(&badge.replace('#', "0")).is_empty()
            {
                report(format!("badge `{badge}` has no digit"));
            }
        }
        for generation in &self.generations {
            let label = generation.label();
            if label.is_empty() && generation.from.is_none() {
                report("a generation has neither code nor number nor first year".to_owned());
            }
            if let (Some(from), Some(to)) = (generation.from, generation.to)
                && from > to
            {
                report(format!("generation {label}: from {from} is after to {to}"));
            }
            let years = crate::vehicle::Years::PLAUSIBLE;
            // Reference years may reach further back than a price list's: trucks and classics.
            if [generation.from, generation.to].into_iter().flatten().any(|year| year < 1900 || year > *years.end()) {
                report(format!("generation {label}: a year is not plausible"));
            }
        }
    }
}

impl Generation {
    /// Every way to write it: code, other codes, number.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.code.iter().chain(&self.also).cloned().chain(self.number.map(|number| number.to_string()))
    }

    /// What to call it: its code, else its number; empty where people tell it by years alone.
    pub fn label(&self) -> String {
        self.code.clone().or_else(|| self.number.map(|number| number.to_string())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_reference_is_valid() {
        let reference = Reference::parse(include_str!("../../../data/vehicles.toml")).unwrap();
        assert!(reference.brands.len() > 50, "only {} brands", reference.brands.len());
        assert_eq!(Reference::shipped().brands.len(), reference.brands.len());
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let error = Reference::parse(
            r#"
            [[brands]]
            name = "Zorva"
            ru = "Зорва"
            [[brands.models]]
            name = "One"
            aliases = ["первая", "общая"]
            body = "spaceship"
            badges = ["Z"]
            generations = [{ code = "Z1", from = 2010, to = 2001 }, { to = 2001 }]
            [[brands.models]]
            name = "one"
            aliases = ["общая"]
            [[brands]]
            name = "Other"
            ru = "ЗОРВА"
            "#,
        )
        .unwrap_err();
        let ReferenceError::Invalid(problems) = error else { panic!("{error}") };
        for part in
            ["spaceship", "badge `Z`", "from 2010", "neither code", "slug", "without `ambiguous`", "belongs to `Zorva`"]
        {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part} is missing in {problems:#?}");
        }
    }

    #[test]
    fn a_model_was_made_from_its_first_generation_to_its_last() {
        let years = |generations: &str| {
            let model: Model = toml::from_str(&format!("name = 'One'\ngenerations = [{generations}]")).unwrap();
            (model.years().from, model.years().to)
        };
        let (old, new) = ("{ number = 1, from = 1990, to = 1999 },", "{ number = 2, from = 2000, to = 2009 },");
        assert_eq!(years(&[old, new].concat()), (Some(1990), Some(2009)));
        assert_eq!(years(&[new, old].concat()), (Some(1990), Some(2009)));
        assert_eq!(years(&[old, "{ number = 2, from = 2000 },"].concat()), (Some(1990), None));
        assert_eq!(years(&["{ number = 0, to = 1989 },", old].concat()), (None, Some(1999)));
    }

    #[test]
    fn an_alias_may_stand_in_two_models_if_both_say_so() {
        let text = r#"
            [[brands]]
            name = "Zorva"
            ru = "Зорва"
            models = [{ name = "One", ambiguous = ["общая"] }, { name = "Two", ambiguous = ["общая"] }]
        "#;
        assert!(Reference::parse(text).is_ok());
        assert!(Reference::parse(&text.replacen("ambiguous", "aliases", 1)).is_err());
        assert!(matches!(Reference::parse(&text.replacen("ambiguous", "alias", 1)), Err(ReferenceError::Toml(_))));
    }
}
