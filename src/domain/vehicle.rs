//! What a pattern fits: the attributes a price list gives beside brand, model and years.

pub use lekalo_vehicles::UnknownWord;
pub use lekalo_vehicles::vehicle::{BodyType, Spelling, Years, slug};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_told_with_those_that_are_allowed() {
        let error = "sideways".parse::<Steering>().unwrap_err();
        assert_eq!(error.to_string(), "`sideways` is not one of left, right, both");
    }
}
