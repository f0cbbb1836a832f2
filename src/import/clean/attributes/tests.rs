//! Words of descriptions and of columns about one thing.

use super::*;

fn read(text: &str) -> (AttributeWords, Vec<String>) {
    let (mut attributes, mut cell) = (AttributeWords::default(), Cell::new(text));
    attributes.read(&mut cell, true);
    (attributes, cell.leftovers())
}

#[test]
fn steering_however_written() {
    for (text, expected) in [
        ("левый руль", Steering::Left),
        ("ливый руль", Steering::Left),
        ("правый с бортами", Steering::Right),
        ("левый + правый руль", Steering::Both),
        ("высокий борт левый - правый руль", Steering::Both),
        ("оба руля", Steering::Both),
        ("руль справа", Steering::Right),
        ("справа руль", Steering::Right),
        ("справа", Steering::Right),
        ("руль слева, с бортами", Steering::Left),
        ("пр.руль", Steering::Right),
        ("пр руль", Steering::Right),
        ("прав. руль", Steering::Right),
        ("п.руль", Steering::Right),
        ("лев.руль", Steering::Left),
        ("л. руль", Steering::Left),
        ("п/р", Steering::Right),
        ("л/р", Steering::Left),
        ("П/Р", Steering::Right),
        ("ПР", Steering::Right),
        ("с бортами, ПР", Steering::Right),
        ("ЛР", Steering::Left),
        ("праворульный", Steering::Right),
        ("праворульная", Steering::Right),
        ("леворульная", Steering::Left),
        ("правосторонний руль", Steering::Right),
        ("RHD", Steering::Right),
        ("LHD", Steering::Left),
        ("right-hand drive", Steering::Right),
        ("left hand drive", Steering::Left),
        ("оң руль", Steering::Right),
        ("сол руль", Steering::Left),
        ("руль справа и слева", Steering::Both),
    ] {
        let (attributes, rest) = read(text);
        assert_eq!(attributes.steering(), Some(expected), "{text}");
        assert!(rest.is_empty(), "{text}: {rest:?}");
    }
    for text in ["рулевая", "карман справа", "лючок слева от порога", "накидка и пр.", "пр. стойка", "м/р"]
    {
        assert_eq!(read(text).0.steering(), None, "{text}");
    }
}

#[test]
fn columns_about_one_thing_say_it_shortly() {
    for (text, expected) in [
        ("слева", Some(Steering::Left)),
        ("Справа", Some(Steering::Right)),
        ("п", Some(Steering::Right)),
        ("L", Some(Steering::Left)),
        ("лев/прав", Some(Steering::Both)),
        ("правый", Some(Steering::Right)),
        ("right", Some(Steering::Right)),
        ("-", None),
    ] {
        let (mut attributes, mut cell) = (AttributeWords::default(), Cell::new(text));
        attributes.read_steering_column(&mut cell);
        assert_eq!((attributes.steering(), cell.leftovers()), (expected, Vec::new()), "{text}");
    }
    for (text, are_rows, expected) in [
        ("7", false, Some(SeatRows::Three)),
        ("5", false, Some(SeatRows::Two)),
        ("7 мест", false, Some(SeatRows::Three)),
        ("2", true, Some(SeatRows::Two)),
        ("3 ряда", true, Some(SeatRows::Three)),
        ("2", false, None),
        ("5/7", false, None),
    ] {
        let mut attributes = AttributeWords::default();
        attributes.read_seat_column(&mut Cell::new(text), are_rows);
        assert_eq!(attributes.attributes().seat_rows, expected, "{text}");
    }
}

#[test]
fn borders_however_written() {
    for (text, expected) in [
        ("с бортами", Some(Borders::With)),
        ("с ботами", Some(Borders::With)),
        ("сбортами", Some(Borders::With)),
        ("борт", Some(Borders::With)),
        ("без борт", Some(Borders::Without)),
        ("без боров", Some(Borders::Without)),
        ("бещ бортов", Some(Borders::Without)),
        ("безбортов", Some(Borders::Without)),
        ("средний борт", Some(Borders::Medium)),
        ("с высоким бортом", Some(Borders::High)),
        ("с бортами высокий", Some(Borders::High)),
        ("борт средний", Some(Borders::Medium)),
        ("без бортов правый руль с бортами", None),
    ] {
        let (attributes, rest) = read(text);
        assert_eq!(attributes.borders(), expected, "{text}");
        assert!(rest.is_empty(), "{text}: {rest:?}");
    }
    assert!(read("без бортов, с бортами").0.borders_conflict());
    for text in ["без бачка", "без багажника", "боковины"] {
        assert_eq!(read(text).0.borders(), None, "{text}");
    }
}

#[test]
fn rows_and_trunk() {
    for (text, rows, trunk) in [
        ("три ряда", Some(SeatRows::Three), None),
        ("с бортами- 3 ряда", Some(SeatRows::Three), None),
        ("3-х рядный", Some(SeatRows::Three), None),
        ("два ряда + багаж", Some(SeatRows::Two), Some(Trunk::Yes)),
        ("(полный компонент)", Some(SeatRows::Full), None),
        ("полный салон", Some(SeatRows::Full), None),
        ("полный багаж", None, Some(Trunk::Yes)),
        ("полный привод", None, None),
        ("первый кузов только перед", Some(SeatRows::FrontOnly), None),
        ("с багажником", None, Some(Trunk::Yes)),
        ("без багажника", None, Some(Trunk::No)),
    ] {
        let (attributes, _) = read(text);
        assert_eq!((attributes.seat_rows, attributes.trunk), (rows, trunk), "{text}");
    }
}

/// How many sit in a car says how many rows it has; nothing, where a row speaks of both kinds.
#[test]
fn seats_are_rows() {
    for seats in 4..=9 {
        let rows = if seats > 5 { SeatRows::Three } else { SeatRows::Two };
        for text in [
            format!("{seats} мест"),
            format!("{seats}мест"),
            format!("{seats}-местный"),
            format!("{seats}-и местная"),
            format!("({seats} мест)"),
        ] {
            let (attributes, rest) = read(&text);
            assert_eq!(attributes.attributes().seat_rows, Some(rows), "{text}");
            assert!(rest.is_empty(), "{text}: {rest:?}");
        }
    }
    for text in ["5/7 мест", "5мест и 7мест", "5 и 7 мест"] {
        assert_ne!(read(text).0.attributes().seat_rows, Some(SeatRows::Two), "{text}");
    }
    assert_eq!(read("5/7 мест").0.attributes().seat_rows, None);
}

#[test]
fn other_words_are_left_for_notes() {
    let (attributes, rest) = read("накидка 5Д левый руль Гибрид");
    assert!(attributes.other_product);
    assert_eq!(rest, ["накидка 5д", "гибрид"]);
}
