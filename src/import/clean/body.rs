//! The body a row names: "купе", "универсал". A new word is a line in [`body`].

use super::attributes::matches_form;
use super::cell::Cell;
use crate::domain::vehicle::BodyType;

/// The body that a cell's words name; takes them.
pub fn read_body(cell: &mut Cell) -> Option<BodyType> {
    let (place, body) = (0..cell.words.len()).find_map(|place| Some((place, body(cell.key(place)?)?)))?;
    cell.take(place..place + 1);
    Some(body)
}

/// The body that a word names.
pub fn body(key: &str) -> Option<BodyType> {
    const FORMS: &[(BodyType, &[&str])] = &[
        (BodyType::Sedan, &["седан", "sedan"]),
        (BodyType::Hatchback, &["хетчбек", "хэтчбек", "хетчбэк", "хэтчбэк", "хечбек", "хетч", "хэтч", "hatchback"]),
        (BodyType::Liftback, &["лифтбек", "лифтбэк", "liftback"]),
        (BodyType::Wagon, &["универсал", "универсалка", "wagon"]),
        (BodyType::Coupe, &["купе", "купэ", "coupe"]),
        (BodyType::Convertible, &["кабриолет", "кабрио", "cabrio", "cabriolet", "convertible"]),
        (BodyType::Suv, &["кроссовер", "внедорожник", "suv"]),
        (BodyType::Pickup, &["пикап", "pickup"]),
        (BodyType::Van, &["фургон", "микроавтобус"]),
        (BodyType::Minivan, &["минивен", "минивэн", "миниван", "minivan"]),
        (BodyType::Truck, &["грузовик", "грузовой"]),
    ];
    FORMS.iter().find(|(_, forms)| matches_form(key, forms, true)).map(|(body, _)| *body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_from_words() {
        assert_eq!(read_body(&mut Cell::new("унверсал")), Some(BodyType::Wagon));
        assert_eq!(read_body(&mut Cell::new("С200 купе")), Some(BodyType::Coupe));
        assert_eq!(read_body(&mut Cell::new("салон")), None);
    }
}
