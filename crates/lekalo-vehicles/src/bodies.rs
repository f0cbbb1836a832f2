//! The body a car has, as far as its model, generation and year say.

use super::reference::{Generation, Model};
use crate::vehicle::{BodyType, Years};

impl Model {
    /// The bodies that the car may have; empty: the reference does not say. An empty `generation`, or one that the
    /// reference lacks, is any.
    pub fn bodies(&self, generation: &str, year: Option<i16>) -> Vec<BodyType> {
        if let Some(body) = self.body.as_deref().and_then(|body| body.parse().ok()) {
            return vec![body];
        }
        let named = |known: &&Generation| known.names().any(|name| name.eq_ignore_ascii_case(generation));
        let made =
            |known: &&Generation| year.is_none_or(|year| Years { from: known.from, to: known.to }.contains(year));
        let all = self.generations.iter().collect();
        let possible = narrowed(narrowed(all, named), made);

        let mut bodies = Vec::new();
        let mut said = 0;
        for body in possible.iter().filter_map(|known| known.body.as_deref()?.parse().ok()) {
            said += 1;
            if !bodies.contains(&body) {
                bodies.push(body);
            }
        }
        // A generation that says nothing came in several bodies. One body that most of them have is the usual one.
        let is_said = said == possible.len() || (bodies.len() == 1 && 2 * said > possible.len());
        if is_said { bodies } else { Vec::new() }
    }
}

/// Those that fit; all of them where none does.
fn narrowed<'a>(all: Vec<&'a Generation>, fits: impl Fn(&&'a Generation) -> bool) -> Vec<&'a Generation> {
    let some: Vec<&Generation> = all.iter().copied().filter(|generation| fits(generation)).collect();
    if some.is_empty() { all } else { some }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_and_the_year_narrow_the_bodies() {
        let model: Model = toml::from_str(
            r#"
            name = "One"
            generations = [
                { code = "Z1", number = 1, from = 1990, to = 1999, body = "sedan" },
                { code = "Z2", number = 2, from = 2000, to = 2009, body = "suv" },
                { code = "Z3", number = 3, from = 2010 },
            ]
            "#,
        )
        .unwrap();
        use BodyType::{Sedan, Suv};
        assert_eq!(model.bodies("z1", None), [Sedan]);
        assert_eq!(model.bodies("", Some(2005)), [Suv]);
        assert_eq!(model.bodies("2", Some(1995)), [Suv], "the generation goes before the year");
        assert_eq!(model.bodies("unheard of", Some(2005)), [Suv]);
        assert_eq!(model.bodies("", None), [], "one generation had several");
        assert_eq!(model.bodies("", Some(2020)), []);
    }

    #[test]
    fn the_usual_body_is_that_of_most_generations() {
        let model = |bodies: &str| toml::from_str::<Model>(&format!("name = 'One'\ngenerations = [{bodies}]")).unwrap();
        let (sedan, unsaid) = ("{ number = 1, body = 'sedan' },", "{ number = 2 },");
        assert_eq!(model(&[sedan, sedan, unsaid].concat()).bodies("", None), [BodyType::Sedan]);
        assert_eq!(model(&[sedan, unsaid].concat()).bodies("", None), []);
        assert_eq!(model("").bodies("", None), []);
    }
}
