//! What is said of a car beside its brand and model: body, years, and the names of both.

crate::vocabulary! {
    /// The shape of a car. `minivan` and `truck` have sizes that a price may depend on.
    BodyType {
        Sedan = "sedan",
        Hatchback = "hatchback",
        Liftback = "liftback",
        Wagon = "wagon",
        Coupe = "coupe",
        Convertible = "convertible",
        Suv = "suv",
        Pickup = "pickup",
        Van = "van",
        Minivan = "minivan",
        MinivanSmall = "minivan_small",
        MinivanMedium = "minivan_medium",
        MinivanLarge = "minivan_large",
        Truck = "truck",
        TruckSingle = "truck_single",
        TruckDouble = "truck_double",
    }
}

impl BodyType {
    /// The body that this one is a size of.
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::MinivanSmall | Self::MinivanMedium | Self::MinivanLarge => Some(Self::Minivan),
            Self::TruckSingle | Self::TruckDouble => Some(Self::Truck),
            _ => None,
        }
    }
}

/// The years a car was made, both ends included; an open end is unknown or still running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Years {
    pub from: Option<i16>,
    pub to: Option<i16>,
}

impl Years {
    /// The first and last year a price list may speak of.
    pub const PLAUSIBLE: std::ops::RangeInclusive<i16> = 1950..=2035;

    /// One model year.
    pub const fn single(year: i16) -> Self {
        Self { from: Some(year), to: Some(year) }
    }

    /// No year at all.
    pub const fn is_unknown(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether `year` lies within; unknown ends do not exclude.
    pub fn contains(self, year: i16) -> bool {
        self.from.is_none_or(|from| from <= year) && self.to.is_none_or(|to| year <= to)
    }
}

/// Lower-case ASCII words joined by `-`: how clients name a brand or a model (`land-cruiser`, `e-class`, `id-4`).
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for ch in name.chars() {
        let ch = fold_diacritic(ch);
        if ch.is_ascii_alphanumeric() {
            slug.push(ch.to_ascii_lowercase());
        } else if ch == '+' {
            slug.push_str("-plus");
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// The plain Latin letter under a diacritic that occurs in brands' names (Citroën, Škoda).
fn fold_diacritic(ch: char) -> char {
    match ch {
        'ë' | 'é' | 'è' | 'ê' | 'É' | 'Ë' => 'e',
        'š' | 'Š' => 's',
        'ö' | 'ó' | 'Ö' => 'o',
        'ü' | 'Ü' => 'u',
        'ä' | 'á' | 'Ä' => 'a',
        'í' => 'i',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_print_and_parse_back() {
        for body in BodyType::ALL {
            assert_eq!(body.word().parse::<BodyType>(), Ok(*body));
        }
    }

    #[test]
    fn slugs_are_stable_names() {
        for (name, expected) in [
            ("Toyota", "toyota"),
            ("Mercedes-Benz", "mercedes-benz"),
            ("Land Cruiser Prado", "land-cruiser-prado"),
            ("ID.4", "id-4"),
            ("e:NS1", "e-ns1"),
            ("Citroën", "citroen"),
            ("Lynk & Co", "lynk-co"),
            ("up!", "up"),
            ("X70+", "x70-plus"),
            ("3", "3"),
        ] {
            assert_eq!(slug(name), expected);
        }
    }

    #[test]
    fn open_years_exclude_nothing() {
        assert!(Years::default().contains(1990));
        assert!(Years { from: None, to: Some(2006) }.contains(2000));
        assert!(!Years { from: None, to: Some(2006) }.contains(2007));
    }
}
