//! Whether a shop has what a row names: "нет в наличии", "под заказ".

use super::cell::Cell;

/// What is said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    InStock,
    ToOrder,
    Unavailable,
    /// Something that is none of these.
    Unclear,
}

/// Phrases, longest first, by the beginnings of their words.
const PHRASES: &[(&[&str], Availability)] = &[
    (&["нет", "в", "наличии"], Availability::Unavailable),
    (&["нету", "в", "наличии"], Availability::Unavailable),
    (&["не", "в", "наличии"], Availability::Unavailable),
    (&["нет", "на", "склад"], Availability::Unavailable),
    (&["снят", "с", "прода"], Availability::Unavailable),
    (&["снят", "с", "произв"], Availability::Unavailable),
    (&["не", "производ"], Availability::Unavailable),
    (&["out", "of", "stock"], Availability::Unavailable),
    (&["not", "available"], Availability::Unavailable),
    (&["sold", "out"], Availability::Unavailable),
    (&["жок", "азырынча"], Availability::Unavailable),
    (&["отсутств"], Availability::Unavailable),
    (&["распродан"], Availability::Unavailable),
    (&["законч"], Availability::Unavailable),
    (&["под", "заказ"], Availability::ToOrder),
    (&["на", "заказ"], Availability::ToOrder),
    (&["to", "order"], Availability::ToOrder),
    (&["заказ", "боюнча"], Availability::ToOrder),
    (&["предзаказ"], Availability::ToOrder),
    (&["в", "наличии"], Availability::InStock),
    (&["есть", "на", "склад"], Availability::InStock),
    (&["in", "stock"], Availability::InStock),
];

/// Words that say it in a column of their own.
const ALONE: &[(&str, Availability)] = &[
    ("нет", Availability::Unavailable),
    ("нету", Availability::Unavailable),
    ("no", Availability::Unavailable),
    ("none", Availability::Unavailable),
    ("снято", Availability::Unavailable),
    ("снят", Availability::Unavailable),
    ("продано", Availability::Unavailable),
    ("жок", Availability::Unavailable),
    ("unavailable", Availability::Unavailable),
    ("false", Availability::Unavailable),
    ("заказ", Availability::ToOrder),
    ("ожидается", Availability::ToOrder),
    ("скоро", Availability::ToOrder),
    ("preorder", Availability::ToOrder),
    ("есть", Availability::InStock),
    ("да", Availability::InStock),
    ("много", Availability::InStock),
    ("мало", Availability::InStock),
    ("бар", Availability::InStock),
    ("ооба", Availability::InStock),
    ("yes", Availability::InStock),
    ("true", Availability::InStock),
    ("available", Availability::InStock),
    ("plus", Availability::InStock),
];

/// What a column of its own says; nothing where it is empty.
pub fn of_column(cell: &mut Cell) -> Option<Availability> {
    if let Some(found) = within(cell) {
        return Some(found);
    }
    let words = cell.free_words();
    let Some(first) = words.first() else {
        let sign = cell.gap(0).trim();
        return match sign {
            "" => None,
            "+" => Some(Availability::InStock),
            _ => Some(Availability::Unclear),
        };
    };
    let alone = ALONE.iter().find(|(word, _)| *word == first.key).map(|(_, availability)| *availability);
    let count = first.key.parse::<u32>().ok();
    Some(match (alone, count) {
        (Some(availability), _) => availability,
        (None, Some(0)) => Availability::Unavailable,
        (None, Some(_)) => Availability::InStock,
        (None, None) => Availability::Unclear,
    })
}

/// What a phrase among other words says; takes it.
pub fn within(cell: &mut Cell) -> Option<Availability> {
    let (place, (phrase, found)) = (0..cell.words.len()).find_map(|place| {
        let says = |phrase: &[&str]| {
            (place..).zip(phrase).all(|(place, stem)| {
                cell.key(place).is_some_and(|key| if stem.len() <= 4 { key == *stem } else { key.starts_with(stem) })
            })
        };
        Some((place, PHRASES.iter().find(|(phrase, _)| says(phrase))?))
    })?;
    cell.take(place..place + phrase.len());
    Some(*found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_column_says() {
        use Availability::{InStock, ToOrder, Unavailable, Unclear};
        for (text, expected) in [
            ("", None),
            ("нет", Some(Unavailable)),
            ("Нет в наличии", Some(Unavailable)),
            ("0", Some(Unavailable)),
            ("0 шт", Some(Unavailable)),
            ("жок", Some(Unavailable)),
            ("жоқ", Some(Unavailable)),
            ("out of stock", Some(Unavailable)),
            ("отсутствует", Some(Unavailable)),
            ("под заказ", Some(ToOrder)),
            ("есть", Some(InStock)),
            ("+", Some(InStock)),
            ("5", Some(InStock)),
            ("В наличии", Some(InStock)),
            ("-", Some(Unclear)),
            ("уточняйте", Some(Unclear)),
        ] {
            assert_eq!(of_column(&mut Cell::new(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_phrase_leaves_the_other_words() {
        let mut cell = Cell::new("с бортами, нет в наличии, гибрид");
        assert_eq!(within(&mut cell), Some(Availability::Unavailable));
        assert_eq!(cell.leftovers(), ["с бортами", "гибрид"]);
        for text in ["нет бортов", "снят бампер", "без бортов"] {
            assert_eq!(within(&mut Cell::new(text)), None, "{text}");
        }
    }
}
