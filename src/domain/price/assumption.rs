//! What a quote took for granted, in words for the customer.

use super::{BodyType, ProductOption, Sheet};
use crate::domain::tenant::Language;

/// Something that nobody said and the price depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assumption {
    /// The body is the one that the model usually has; several cost the same.
    BodyOfModel(Vec<BodyType>),
    /// The body has no price of its own.
    PricedAs { body: BodyType, as_body: BodyType },
    /// Some brands have a price of their own.
    BrandNotGiven,
    /// A choice, by its shown name, that the price depends on.
    NotChosen(String),
}

impl Assumption {
    pub(super) fn not_chosen(option: &ProductOption) -> Self {
        Self::NotChosen(option.display_name.clone())
    }

    /// One sentence; `sheet` has the bodies' names.
    pub fn sentence(&self, language: Language, sheet: &Sheet) -> String {
        let name = |body: &BodyType| sheet.name_of(*body);
        match self {
            Self::BodyOfModel(bodies) => {
                let bodies = bodies.iter().map(|body| name(body).to_lowercase()).collect::<Vec<_>>().join(" / ");
                match language {
                    Language::Ru => format!("Кузов не назван: взят обычный для этой модели — {bodies}."),
                    Language::Ky => format!("Кузов аталган эмес: бул моделдин кадимки кузову алынды — {bodies}."),
                    Language::En => format!("The body was not given: the model's usual one was taken, {bodies}."),
                }
            }
            Self::PricedAs { body, as_body } => {
                let (body, as_body) = (name(body), name(as_body).to_lowercase());
                match language {
                    Language::Ru => format!("{body}: цена как за кузов «{as_body}»."),
                    Language::Ky => format!("{body}: баасы «{as_body}» кузовунукундай."),
                    Language::En => format!("{body}: priced as {as_body}."),
                }
            }
            Self::BrandNotGiven => match language {
                Language::Ru => "Марка не названа: у некоторых марок своя цена.",
                Language::Ky => "Марка аталган эмес: айрым маркалардын өз баасы бар.",
                Language::En => "The brand was not given: some brands have a price of their own.",
            }
            .to_owned(),
            Self::NotChosen(option) => match language {
                Language::Ru => format!("Ещё не выбрано: {option}. Показана наименьшая цена."),
                Language::Ky => format!("Азырынча тандалган жок: {option}. Эң төмөнкү баа көрсөтүлдү."),
                Language::En => format!("Not chosen yet: {option}. This is the least price."),
            },
        }
    }
}
