//! Looking names up in an invented reference.

use super::*;
use crate::suggest::is_clear;
use crate::vehicle::Years;
use crate::{Reference, words::words};

fn index() -> Index {
    let text = r#"
        [[brands]]
        name = "Zorva"
        ru = "Зорва"
        models = [
          { name = "X5", body = "suv", generations = [{ code = "E53" }, { code = "F15" }] },
          { name = "X6" },
          { name = "Melinda", ru = "Мелинда", aliases = ["меля"], generations = [{ code = "RF3", also = ["30"] }] },
          { name = "Melinda Grand", ru = "Мелинда Гранд" },
          { name = "K-Class", aliases = ["к класс"], badges = ["K ###"], generations = [{ code = "R230" }] },
          { name = "Vargo 7" },
          { name = "Lumiq" },
        ]
        [[brands]]
        name = "Tulpa"
        ru = "Тулпа"
        models = [{ name = "Model 3" }, { name = "Orlik", ru = "Орлик" }]
    "#;
    Index::new(Reference::parse(text).unwrap())
}

/// Brand, model and way of the best match.
fn best(text: &str, brand: Option<&str>) -> Option<(String, MatchKind)> {
    let index = index();
    let scope = brand.map_or(Scope::All, |brand| Scope::Brand(index.find_brands(&words(brand))[0].brand));
    let found = index.find_models(&words(text), scope);
    found.first().map(|hit| (index.full_name(hit.model), hit.how))
}

fn zorva(text: &str) -> Option<(String, MatchKind)> {
    best(text, Some("zorva"))
}

fn is(name: &str, how: MatchKind) -> Option<(String, MatchKind)> {
    Some((name.to_owned(), how))
}

#[test]
fn names_are_found_however_they_are_typed() {
    assert_eq!(zorva("x-5"), is("Zorva X5", MatchKind::Spelled));
    assert_eq!(zorva("Х5"), is("Zorva X5", MatchKind::LookAlike));
    assert_eq!(zorva("melinda"), is("Zorva Melinda", MatchKind::Spelled));
    assert_eq!(zorva("vtkbylf"), is("Zorva Melinda", MatchKind::Layout));
    assert_eq!(zorva("милинда"), is("Zorva Melinda", MatchKind::Sound));
    assert_eq!(zorva("мелнида"), is("Zorva Melinda", MatchKind::Typo(1)));
    assert_eq!(zorva("Iumig"), is("Zorva Lumiq", MatchKind::Shape));
    assert_eq!(zorva("К350d"), is("Zorva K-Class", MatchKind::Badge));
    assert_eq!(zorva("var7"), is("Zorva Vargo 7", MatchKind::Prefix));
    assert_eq!(best("3", Some("тулпа")), is("Tulpa Model 3", MatchKind::Bare));
    assert_eq!(best("3", None), None);
}

#[test]
fn short_codes_and_digits_are_never_guessed() {
    for text in ["x7", "x55", "5", "vargo 8", "м", "мел"] {
        assert_eq!(zorva(text), None, "{text}");
    }
    assert_eq!(best("мелнида", None), None, "typos in seven letters are not read across all brands");
}

#[test]
fn the_longest_name_wins_in_any_order() {
    assert_eq!(zorva("мелинда гранд 30"), is("Zorva Melinda Grand", MatchKind::Spelled));
    assert_eq!(zorva("гранд мелинда"), is("Zorva Melinda Grand", MatchKind::Spelled));
    assert_eq!(zorva("мелинда грант"), is("Zorva Melinda Grand", MatchKind::Typo(1)));
    assert_eq!(zorva("мелинда люкс"), is("Zorva Melinda", MatchKind::Spelled));
}

#[test]
fn codes_lead_to_models() {
    let index = index();
    let zorva = index.find_brands(&words("Зорва"))[0].brand;
    for (code, name) in [("е53", "X5"), ("РФ3", "Melinda"), ("W230", "K-Class"), ("R230", "K-Class")] {
        let found = index.find_codes(&words(code), zorva);
        assert_eq!(found.iter().map(|hit| index.model(hit.model).name.as_str()).collect::<Vec<_>>(), [name], "{code}");
    }
    assert!(index.find_codes(&words("30"), zorva).is_empty());
    assert!(index.find_codes(&words("E99"), zorva).is_empty());
}

#[test]
fn brands_are_found_through_typos() {
    let index = index();
    let name = |text: &str| index.find_brands(&words(text)).first().map(|hit| index.brand(hit.brand).name.clone());
    assert_eq!(name("ЗОРВА").as_deref(), Some("Zorva"));
    assert_eq!(name("зорба").as_deref(), Some("Zorva"));
    assert_eq!(name("зор"), None);
    assert!(index.mentioned_brands(&words("зорба")).is_empty());
}

#[test]
fn near_names_are_suggested() {
    let index = index();
    let zorva = Scope::Brand(index.find_brands(&words("Зорва"))[0].brand);
    for (text, scope, name) in [
        ("мелита", Scope::All, "Zorva Melinda"),
        ("мегинда", zorva, "Zorva Melinda"),
        ("мели", zorva, "Zorva Melinda"),
        ("лумик", zorva, "Zorva Lumiq"),
        ("у5", zorva, "Zorva X5"),
        ("х350 чёрный", zorva, "Zorva K-Class"),
    ] {
        let names = index.suggest(&words(text), scope, Years::default());
        assert_eq!(names.first().map(|it| index.full_name(it.model)).as_deref(), Some(name), "{text}");
    }
    for (text, scope) in [("qwerty", Scope::All), ("x9", zorva)] {
        assert_eq!(index.suggest(&words(text), scope, Years::default()), [], "{text}");
    }
    assert!(!is_clear(&index.suggest(&words("варго 8"), zorva, Years::default())), "another number is another car");
}
