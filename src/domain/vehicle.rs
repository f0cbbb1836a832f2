//! What a pattern fits: the attributes a price list gives beside brand, model and years.

pub use lekalo_vehicles::UnknownWord;
pub use lekalo_vehicles::vehicle::{BodyType, Years, slug};
pub(crate) use lekalo_vehicles::vocabulary;

vocabulary! {
    /// The side of the steering wheel a pattern is cut for.
    Steering { Left = "left", Right = "right", Both = "both" }
}

vocabulary! {
    /// The raised edge of a mat.
    Borders { With = "with", Without = "without", Medium = "medium", High = "high" }
}

vocabulary! {
    /// Which rows of seats the pattern covers.
    SeatRows { Two = "2", Three = "3", Full = "full", FrontOnly = "front_only" }
}

vocabulary! {
    /// Whether the pattern includes the trunk.
    Trunk { Yes = "yes", No = "no" }
}

/// Declares [`Attributes`] with the table of its fields, so that the two cannot part.
macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident: $kind:ident,)+) => {
        /// What tells patterns for the same car from one another, beside their notes; none where the price list does not say.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Attributes {
            $($(#[$doc])* pub $name: Option<$kind>,)+
        }

        impl Attributes {
            /// All of them, in the order in which files and statements have them.
            pub const FIELDS: &[AttributeField] = &[$(AttributeField {
                name: stringify!($name),
                word: |of| of.$name.map($kind::word),
                set: |of, word| {
                    of.$name = Some(word.parse()?);
                    Ok(())
                },
            },)+];
        }
    };
}

attributes! {
    steering: Steering,
    borders: Borders,
    seat_rows: SeatRows,
    trunk: Trunk,
}

/// One of the [`Attributes`].
#[derive(Debug)]
pub struct AttributeField {
    /// Its name, of its columns too.
    pub name: &'static str,
    /// The word that stands for its value.
    pub word: fn(&Attributes) -> Option<&'static str>,
    /// Gives it the value that a word stands for.
    pub set: fn(&mut Attributes, &str) -> Result<(), UnknownWord>,
}

/// A way to write a brand (`model` is empty) or a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The brand's slug.
    pub brand: String,
    /// The model's slug.
    pub model: String,
    pub alias: String,
    /// Another model of the brand is written so too.
    pub ambiguous: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_told_with_those_that_are_allowed() {
        let error = "sideways".parse::<Steering>().unwrap_err();
        assert_eq!(error.to_string(), "`sideways` is not one of left, right, both");
    }
}
