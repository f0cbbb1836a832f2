//! What stands beside a name, or in its place: other cars that are not meant, numbers for names, misspelled brands.

use super::super::{Decision, Query, Resolver};
use super::{index, resolve};
use crate::{Index, normalize};

fn shipped(text: &str) -> (Decision, String, String) {
    let index = Index::shipped();
    let found = Resolver::new(index).resolve(&Query { text, ..Query::default() });
    let first = found.candidates.first();
    let car = |it: &super::super::Candidate| {
        it.model.map_or_else(|| index.brand(it.brand).name.clone(), |model| index.full_name(model))
    };
    (found.decision, first.map(car).unwrap_or_default(), first.map(|it| it.generation.clone()).unwrap_or_default())
}

/// A car that is said not to be meant changes nothing, wherever it is said and by whichever of its names.
#[test]
fn a_car_that_is_not_meant_is_left_out() {
    let index = index();
    let names = |brand: &str, model: &crate::Model| {
        let spellings: Vec<String> = model.spellings().map(str::to_owned).collect();
        spellings.into_iter().flat_map(|it| [it.clone(), format!("{brand} {it}")]).collect::<Vec<String>>()
    };
    let expected = resolve("мелинда");
    for brand in &index.reference().brands {
        for other in
            brand.models.iter().filter(|model| !model.name.starts_with("Melinda")).flat_map(|it| names(&brand.ru, it))
        {
            for text in [
                format!("мелинда, не {other}"),
                format!("не {other}, а мелинда"),
                format!("мелинда (не {other})"),
                format!("мелинда (аналог {other})"),
                format!("мелинда = {other}"),
            ] {
                assert_eq!(resolve(&text), expected, "{text}");
            }
            assert_eq!(resolve(&format!("не {other}")).0, Decision::None, "{other}");
        }
    }
    assert_eq!(resolve("мелинда не 70, а 80").2, "80");
    assert_eq!(resolve("не знаю, мелинда или орлик").0, Decision::Choose);
}

/// A brand and its model typed as one word are the two, also where the model goes on in the next word.
#[test]
fn a_brand_and_its_model_may_be_one_word() {
    for (glued, apart) in [
        ("зорвамелинда 70", "зорва мелинда 70"),
        ("ZorvaMelinda", "zorva melinda"),
        ("зорвамелинду", "зорва мелинду"),
        ("зорвах5", "зорва х5"),
        ("зорвах-5 e53", "зорва х-5 e53"),
        ("зорвамелинда гранд", "зорва мелинда гранд"),
        ("зорвак класс", "зорва к класс"),
        ("тулпа2008", "тулпа 2008"),
    ] {
        assert_eq!(resolve(glued), resolve(apart), "{glued}");
        assert_eq!(resolve(glued).0, Decision::Accept, "{glued}");
    }
}

/// A generation may stand for its car where it is said as a name, and is asked about; the number as such is any number.
#[test]
fn a_generation_said_as_a_name_is_asked_about() {
    for (text, car, generation) in [
        ("двухсотый", "Toyota Land Cruiser", "200"),
        ("сотый", "Toyota Land Cruiser", "100"),
        ("трёхсотый", "Toyota Land Cruiser", "300"),
        ("сотка", "Toyota Land Cruiser", "J100"),
        ("двухсотка", "Toyota Land Cruiser", "J200"),
        ("221й", "Mercedes-Benz S-Class", "W221"),
        ("221-й есть?", "Mercedes-Benz S-Class", "W221"),
        ("124 кузов", "Mercedes-Benz E-Class", "W124"),
    ] {
        assert_eq!(shipped(text), (Decision::Choose, car.to_owned(), generation.to_owned()), "{text}");
    }
    for text in ["крузак двухсотка", "крузак сотка", "тойота двухсотка", "крузак двухсотый"]
    {
        let (decision, car, _) = shipped(text);
        assert_eq!((decision, car.as_str()), (Decision::Accept, "Toyota Land Cruiser"), "{text}");
    }
    for number in 100..1000 {
        for text in [format!("{number}"), format!("{number}го"), format!("за {number}ку"), format!("{number} сом")]
        {
            assert_eq!(shipped(&text).0, Decision::None, "{text}");
        }
    }
}

/// Which one it is may be said before the name.
#[test]
fn an_ordinal_may_stand_before_the_name() {
    for (text, generation) in [("четвёртый одиссей", "4"), ("одиссей четвёртый", "4"), ("третий одиссей", "RB1")]
    {
        let (decision, car, said, _) = resolve(text);
        assert_eq!((decision, car.as_str()), (Decision::Accept, "Zorva Odyssey"), "{text}");
        assert!(said == generation || (generation == "RB1" && said == "3"), "{text}: {said}");
    }
    assert_eq!(shipped("третий фокус"), (Decision::Accept, "Ford Focus".to_owned(), "3".to_owned()));
}

/// Where nothing else is said, a long brand is told though a letter of it is missing; a word of everyday is none.
#[test]
fn a_misspelled_brand_alone_is_asked_about() {
    let index = Index::shipped();
    let (mut asked, mut lost) = (0, Vec::new());
    for brand in
        index.reference().brands.iter().filter(|brand| brand.ru.chars().count() >= 8 && !brand.ru.contains([' ', '-']))
    {
        for left_out in 2..brand.ru.chars().count() {
            let typed: String = brand
                .ru
                .chars()
                .enumerate()
                .filter(|(place, _)| *place != left_out)
                .map(|(_, letter)| letter)
                .collect();
            let is_other = !index.models_spelled(&normalize::key(&typed)).is_empty();
            let (decision, name, _) = shipped(&typed);
            asked += 1;
            if !is_other && (decision != Decision::Choose || name != brand.name) {
                lost.push(format!("{typed}: {decision:?} {name}"));
            }
        }
    }
    assert!(asked > 100, "{asked}");
    assert!(lost.len() * 6 <= asked, "of {asked}: {lost:?}");
    for text in ["мерсидес", "вольтмастер", "мерсидес есть?"] {
        assert_eq!(shipped(text).0, Decision::Choose, "{text}");
    }
}

/// What names are often without is no name by itself, and a brand that is talk otherwise is one before its own model.
#[test]
fn fillers_name_nothing_and_talk_may_be_a_brand() {
    for (text, brand) in [("мерседес класс", "Mercedes-Benz"), ("бмв серия", "BMW"), ("тесла модель", "Tesla")]
    {
        assert_eq!(shipped(text), (Decision::Choose, brand.to_owned(), String::new()), "{text}");
    }
    for (text, car) in [("ГАЗ Соболь", "GAZ Sobol"), ("газ газель", "GAZ Gazelle")] {
        assert_eq!(shipped(text), (Decision::Accept, car.to_owned(), String::new()), "{text}");
    }
    assert_eq!(shipped("газ есть?").0, Decision::None);
}
