//! Customers' texts in an invented reference.

mod asides;
mod decisions;
mod everyday;

use super::*;
use crate::Reference;

fn index() -> Index {
    let text = r#"
        [[brands]]
        name = "Zorva"
        ru = "Зорва"
        models = [
          { name = "X5", ru = "Х5", generations = [{ code = "E53", from = 1999, to = 2006 }, { code = "F15", from = 2013 }] },
          { name = "Melinda", ru = "Мелинда", aliases = ["меля"], generations = [
            { code = "XV70", number = 7, also = ["70"], from = 2011, to = 2016 }, { code = "XV80", number = 8, also = ["80"], from = 2017 } ] },
          { name = "Melinda Grand", ru = "Мелинда Гранд" },
          { name = "K-Class", ru = "К класс", aliases = ["лупатый"], badges = ["K ###"], generations = [
            { code = "W210", also = ["210", "лупатый"], from = 1995, to = 2003 }, { code = "W211", also = ["211"], from = 2002, to = 2009 } ] },
          { name = "Fit", ru = "Фит" },
          { name = "Vesna", ru = "Весна" },
          { name = "Vargo 2", ru = "Варго 2" },
          { name = "Odyssey", ru = "Одиссея", aliases = ["одиссей", "одис", "одися", "одиси", "odissey"], generations = [
            { code = "RB1", number = 3, from = 2003 }, { code = "T250", number = 4, also = ["еф", "EF"] }, { code = "E140", number = 5, also = ["150"] } ] },
        ]
        [[brands]]
        name = "Tulpa"
        ru = "Тулпа"
        models = [{ name = "X5", ru = "Х5" }, { name = "Orlik", ru = "Орлик" }, { name = "2008" }, { name = "Zhuba", ru = "Жуба" }]
    "#;
    Index::new(Reference::parse(text).unwrap())
}

/// Decision, best car, generation and year.
fn understood(query: &Query) -> (Decision, String, String, Option<i16>) {
    let index = index();
    let resolution = Resolver::new(&index).resolve(query);
    let first = resolution.candidates.into_iter().next();
    let car =
        |it: &Candidate| it.model.map_or_else(|| index.brand(it.brand).name.clone(), |model| index.full_name(model));
    let name = first.as_ref().map(car).unwrap_or_default();
    (
        resolution.decision,
        name,
        first.as_ref().map_or(String::new(), |it| it.generation.clone()),
        first.and_then(|it| it.year),
    )
}

fn resolve(text: &str) -> (Decision, String, String, Option<i16>) {
    understood(&Query { text, ..Query::default() })
}

#[test]
fn one_car_is_accepted_however_it_is_typed() {
    for (text, car) in [
        ("мелинда", "Zorva Melinda"),
        ("Зорва Мелинда, есть?", "Zorva Melinda"),
        ("vtkbylf", "Zorva Melinda"),
        ("melinda", "Zorva Melinda"),
        ("гранд мелинда", "Zorva Melinda Grand"),
        ("салам, мелиндага полик барбы", "Zorva Melinda"),
        ("коврики на весну", "Zorva Vesna"),
        ("фитке коврик керек", "Zorva Fit"),
        ("melindaга канча", "Zorva Melinda"),
        ("зорва х5", "Zorva X5"),
        ("тулпа 2008", "Tulpa 2008"),
        (";e,f сколько стоит", "Tulpa Zhuba"),
        ("зорва к350", "Zorva K-Class"),
        ("w211", "Zorva K-Class"),
    ] {
        let (decision, name, ..) = resolve(text);
        assert_eq!((decision, name.as_str()), (Decision::Accept, car), "{text}");
    }
}

#[test]
fn numbers_are_read_by_context() {
    for (text, generation, year) in [
        ("мелинда 70", "70", None),
        ("мелинда 70ке полик барбы", "70", None),
        ("мелинда 8", "8", None),
        ("мелинда xv80 2019", "XV80", Some(2019)),
        ("мелинда 2019", "XV80", Some(2019)),
        ("мелинда 12", "XV70", Some(2012)),
        ("мелинда 12 г", "XV70", Some(2012)),
        ("мелинда 80 г", "", Some(1980)),
        ("мелинда третий кузов", "3", None),
        ("мелинда 5000 сом 2 ряда", "", None),
        ("зорва 210 кузов левый", "W210", None),
        ("лупатый", "W210", None),
        ("весна 98", "", Some(1998)),
        ("варго 2", "", None),
        ("мелинда 0555 123 456", "", None),
    ] {
        let (decision, name, said, said_year) = resolve(text);
        assert_ne!(decision, Decision::None, "{text}");
        assert!(!name.is_empty());
        assert_eq!((said.as_str(), said_year), (generation, year), "{text}");
    }
}

#[test]
fn generations_are_understood_as_people_say_them() {
    for (text, generation) in [
        ("мелинда семидесятка", "70"),
        ("мелинда восьмидесятый кузов", "80"),
        ("зорва двести одиннадцатый", "W211"),
        ("мелинда восьмёрка", "8"),
        ("мелинда 70 ке полик", "70"),
        ("зорва к 210", "W210"),
        ("одиссей т25", "T25"),
        ("одиссей ef", "EF"),
        ("одиссей е150", "E150"),
        ("одиссей zre140", "ZRE140"),
    ] {
        let (decision, name, said, year) = resolve(text);
        assert_eq!((decision, said.as_str(), year), (Decision::Accept, generation, None), "{text}: {name}");
    }
    assert_eq!(resolve("мелинда две тысячи двенадцатого года").3, Some(2012));
}

#[test]
fn letters_may_be_called_by_name() {
    for (text, car) in [("зорва икс 5", "Zorva X5"), ("зорва кей 350", "Zorva K-Class")] {
        assert_eq!(resolve(text).1, car, "{text}");
    }
    assert_eq!(resolve("одиссей эр би 1").2, "RB1");
    assert_eq!(resolve("ай ай ай").0, Decision::None);
}

#[test]
fn nicknames_are_understood_and_asked_about() {
    for text in ["одиссейчик", "зорва одисюха", "одисюха rb1", "зорва одик"] {
        assert_eq!((resolve(text).0, resolve(text).1.as_str()), (Decision::Choose, "Zorva Odyssey"), "{text}");
    }
    assert_eq!(resolve("одуванчик").0, Decision::None);
}

#[test]
fn an_everyday_word_is_a_car_where_cars_are_spoken_of() {
    for text in ["зорва одиссея", "коврики на одиссею", "одиссея 2005", "одиссея rb1", "одиссея барбы"]
    {
        assert_eq!((resolve(text).0, resolve(text).1.as_str()), (Decision::Accept, "Zorva Odyssey"), "{text}");
    }
    for text in ["одиссея", "на одиссею", "одиссея есть?"] {
        assert_eq!((resolve(text).0, resolve(text).1.as_str()), (Decision::Choose, "Zorva Odyssey"), "{text}");
    }
    for text in ["это целая одиссея", "где одиссея", "одиссея с вашей доставкой какая-то"]
    {
        assert_eq!(resolve(text).0, Decision::None, "{text}");
    }
}

#[test]
fn what_fits_several_cars_is_asked() {
    for text in ["х5", "x5", "мелинда орлик", "тулпа мелинда", "зорва", "мелинда люкс", "мелинда 1950"]
    {
        assert_eq!(resolve(text).0, Decision::Choose, "{text}");
    }
    assert_eq!(resolve("зорва").1, "Zorva", "only the brand is clear");
    assert_eq!(resolve("x5 e53").1, "Zorva X5", "the generation says whose");
}

#[test]
fn what_is_no_car_is_none() {
    for text in [
        "",
        "привет",
        "/start",
        "сколько стоит",
        "рахмат",
        "левый руль с бортами",
        "мопед зорва",
        "2008",
        "98",
        "0555 123 456",
        "5000 сом",
        "в",
        "😀",
        "мелькать меланхолия",
        "не знаю какая у меня весна бывает когда приезжают родственники",
    ] {
        assert_eq!(resolve(text).0, Decision::None, "{text}");
    }
}

/// A brand that is named keeps its word: what it lacks is said to be unknown, and no other brand's car is offered for it.
#[test]
fn a_named_brand_is_never_overruled() {
    let index = index();
    for (text, brand) in [
        ("зорва самоцвет", "Zorva"),
        ("тулпа мелинда", "Tulpa"),
        ("Тулпа Melinda 70", "Tulpa"),
        ("зорва орлик", "Zorva"),
    ] {
        let found = Resolver::new(&index).resolve(&Query { text, ..Query::default() });
        assert_eq!(found.decision, Decision::Choose, "{text}");
        for candidate in &found.candidates {
            assert_eq!((index.brand(candidate.brand).name.as_str(), candidate.model), (brand, None), "{text}");
            assert!(candidate.reason.contains("нет в справочнике"), "{text}: {}", candidate.reason);
        }
    }
    assert_eq!(resolve("на зорву нет, а на орлик есть").1, "Tulpa Orlik", "said of another car");
}

#[test]
fn typos_are_asked_about_or_forgiven_but_codes_are_exact() {
    assert_eq!(resolve("зорва мелнида").1, "Zorva Melinda");
    assert_eq!(resolve("мелинта").1, "Zorva Melinda");
    for text in ["зорва х6", "w219", "варго 3 зорва 9"] {
        assert_ne!(resolve(text).0, Decision::Accept, "{text}");
    }
}

#[test]
fn what_is_known_besides_narrows() {
    let query = Query { text: "х5", brand: Some("тулпа"), ..Query::default() };
    assert_eq!(understood(&query).1, "Tulpa X5");
    assert_eq!(understood(&query).0, Decision::Accept);
    assert_eq!(understood(&Query { brand: Some("абракадабра"), ..query }).0, Decision::None);
    let query = Query { text: "мелинда", year: Some(2012), ..Query::default() };
    assert_eq!((understood(&query).2.as_str(), understood(&query).3), ("XV70", Some(2012)));
    let index = index();
    let few = Resolver::new(&index).resolve(&Query { text: "x5", max_candidates: 1, ..Query::default() });
    assert_eq!(few.candidates.len(), 1);
}

#[test]
fn candidates_say_why() {
    let index = index();
    let found = Resolver::new(&index)
        .resolve(&Query { text: "Салам! Зорва  Мелинда 70ке", ..Query::default() });
    assert_eq!(found.candidates[0].matched, "Зорва  Мелинда");
    assert_eq!(found.candidates[0].reason, "«Зорва  Мелинда»: название модели; марка Zorva; поколение 70");
}

/// What a shop calls its goods never hides a car and is none, whatever cars are called like it.
#[test]
fn a_shops_own_words_are_talk() {
    let index = index();
    let words = ShopWords::new(["Весна-коллекция", "Наппа", "Перфорация", "Орлик люкс"]);
    let resolver = Resolver::new(&index);
    for word in ["весна", "наппой", "перфорацию", "Орлик", "люкс", "kollektsiya"] {
        let alone = Query { text: word, shop_words: Some(&words), ..Query::default() };
        assert_eq!(resolver.resolve(&alone).decision, Decision::None, "{word}");
        let text = format!("{word} на зорва мелинду");
        let found = resolver.resolve(&Query { text: &text, ..alone });
        assert_eq!(index.full_name(found.candidates[0].model.unwrap()), "Zorva Melinda", "{text}");
    }
}

/// However a name is cut into words or punctuated, it means the same.
#[test]
fn punctuation_changes_nothing() {
    for name in [["к", "класс"], ["мелинда", "гранд"], ["зорва", "мелинда"], ["зорва", "х5"]]
    {
        let expected = resolve(&name.join(" "));
        for sign in ["-", "  ", ", ", ".", " / ", "\u{a0}"] {
            let (decision, car, ..) = resolve(&name.join(sign));
            assert_eq!((decision, &car), (expected.0, &expected.1), "{}", name.join(sign));
        }
    }
}

/// A price is no car: numbers of up to four digits name none by themselves, whatever models are called.
#[test]
fn bare_numbers_are_no_cars() {
    for number in (0..10_000).step_by(251).chain([2008]) {
        for text in
            [format!("{number}"), format!("за {number}"), format!("{number} дорого"), format!("предоплата {number}?")]
        {
            assert_eq!(resolve(&text).0, Decision::None, "{text}");
        }
    }
}

#[test]
fn cars_that_a_shop_has_something_for_come_first_among_equals() {
    let index = index();
    let mut found = Resolver::new(&index).resolve(&Query { text: "x5", ..Query::default() });
    let last = found.candidates.last().unwrap().brand;
    assert_ne!(found.candidates[0].brand, last);
    found.prefer(|candidate| candidate.brand == last, 0);
    assert_eq!(found.candidates[0].brand, last);
    assert!(found.candidates.is_sorted_by(|a, b| a.score >= b.score), "what a shop has is in the score");
}
