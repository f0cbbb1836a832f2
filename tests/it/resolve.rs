//! Which car a text means: on labelled queries if they are at hand, over the wire, on the command line, and for any input.

use std::collections::HashMap;

use lekalo::proto::lekalo::v1 as pb;
use lekalo_vehicles::Index;
use lekalo_vehicles::normalize::key;
use lekalo_vehicles::resolve::{Candidate, Decision, Query, Resolver};
use lekalo_vehicles::words::{join, words};
use proptest::prelude::*;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::catalog::served;
use crate::support::{LEKALO, shared_data};

fn resolve(text: &str) -> lekalo_vehicles::resolve::Resolution {
    Resolver::new(Index::shipped()).resolve(&Query { text, ..Query::default() })
}

#[test]
fn labelled_queries_are_understood() {
    let Some(queries) = shared_data("queries-dev.csv") else { return };
    let mut queries = csv::Reader::from_path(queries).unwrap();
    let index = Index::shipped();
    let (mut cars, mut first, mut among_five, mut no_cars, mut taken, mut wrong) = (0, 0, 0, 0, 0, 0);
    for line in queries.deserialize::<HashMap<String, String>>() {
        let line = line.unwrap();
        let found = resolve(&line["query"]);
        let is_right = |candidate: &Candidate| {
            candidate.model.is_some_and(|model| index.full_name(model) == format!("{} {}", line["make"], line["model"]))
        };
        let place = found.candidates.iter().position(is_right);
        if line["make"].is_empty() {
            no_cars += 1;
            taken += i32::from(found.decision != Decision::None);
        } else {
            cars += 1;
            first += i32::from(place == Some(0));
            among_five += i32::from(place.is_some());
        }
        wrong += i32::from(found.decision == Decision::Accept && place != Some(0));
    }
    assert!(cars >= 140 && no_cars >= 9, "{cars} cars and {no_cars} other texts");
    assert_eq!((first, among_five), (cars, cars), "the right model is not first, or not among five");
    assert_eq!(taken, 0, "of {no_cars} texts about no car so many were taken for one");
    assert_eq!(wrong, 0, "so many wrong cars were accepted");
}

#[test]
fn everyday_texts() {
    for (text, decision, car) in [
        ("камри 70", Decision::Accept, "Toyota Camry"),
        ("rfvhb 40", Decision::Accept, "Toyota Camry"),
        ("степ вагон", Decision::Accept, "Honda Stepwgn"),
        ("салам, солариске полик барбы?", Decision::Accept, "Hyundai Solaris"),
        ("на весту чехлы есть?", Decision::Accept, "Lada Vesta"),
        ("2109", Decision::None, ""),
        ("лада 2109", Decision::Accept, "Lada 2109"),
        ("х5", Decision::Choose, "BMW X5"),
        ("шкода", Decision::Choose, "Skoda"),
        ("доставка в Ош есть?", Decision::None, ""),
        ("накидка 5д канча", Decision::None, ""),
        ("мопед ямаха", Decision::None, ""),
    ] {
        let found = resolve(text);
        let index = Index::shipped();
        let name = found.candidates.first().map_or(String::new(), |first| {
            first.model.map_or_else(|| index.brand(first.brand).name.clone(), |model| index.full_name(model))
        });
        assert_eq!((found.decision, name.as_str()), (decision, car), "{text}");
    }
}

/// Every spelling of a model, its brand known, finds it or a choice that has it.
#[test]
fn every_spelling_of_the_reference_finds_its_model() {
    let index = Index::shipped();
    let resolver = Resolver::new(index);
    let (mut spellings, mut lost) = (0, Vec::new());
    for brand in &index.reference().brands {
        for model in &brand.models {
            // "Golf +" loses its sign as it is cut into words.
            let whole = |spelling: &&str| join(&words(spelling)) == key(spelling);
            for spelling in model.spellings().filter(whole) {
                let query = Query { text: spelling, brand: Some(&brand.name), max_candidates: 50, ..Query::default() };
                let found = resolver.resolve(&query);
                spellings += 1;
                let mut models = found.candidates.iter().filter_map(|candidate| candidate.model);
                if !models.any(|id| index.model(id).name == model.name) {
                    lost.push(format!("{} {}: {spelling}", brand.name, model.name));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{} of {spellings} spellings are lost:\n{}", lost.len(), lost.join("\n"));
}

fn text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "камри",
        "70ке",
        "rfvhb",
        ";er",
        "салам",
        "2018",
        "w212",
        "х5",
        "-",
        "CX-5",
        "0555 123 456",
        "/start",
        "туда",
        "мерс",
        "3ка",
        "кузов",
        "сом",
        "5000",
        "й",
        "😀",
        "рав",
        "4",
        "[fhmth",
        "ß",
        "İ",
        "ﬁ",
        "\u{301}",
    ]);
    prop_oneof![
        prop::collection::vec(words, 0..40).prop_map(|words| words.join(" ")),
        "[а-яёА-Яa-zA-Z0-9 ./()\\[\\];',+-]{0,256}",
        "\\PC{0,256}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_answered_by_the_rules(text in text(), brand in prop::option::of("[а-яa-z]{1,12}"), year in prop::option::of(1900..2100_i16)) {
        let query = Query { text: &text, brand: brand.as_deref(), year, max_candidates: 3, ..Query::default() };
        let found = Resolver::new(Index::shipped()).resolve(&query);
        match found.decision {
            Decision::Accept => prop_assert_eq!(found.candidates.len(), 1),
            Decision::Choose => prop_assert!((1..=3).contains(&found.candidates.len())),
            Decision::None => prop_assert!(found.candidates.is_empty()),
        }
        for candidate in &found.candidates {
            prop_assert!((0.0..=1.0).contains(&candidate.score));
            prop_assert!(text.contains(&candidate.matched), "{:?} is not in {:?}", candidate.matched, text);
        }
    }
}

fn request(text: &str) -> pb::ResolveVehicleRequest {
    pb::ResolveVehicleRequest { text: text.into(), ..Default::default() }
}

#[tokio::test]
async fn texts_are_resolved_over_the_wire() {
    let (_server, mut client) = served().await;
    let found = client.resolve_vehicle(request("салам, камри 70ке полик барбы?")).await.unwrap().into_inner();
    assert_eq!((found.decision(), found.candidates.len()), (pb::Decision::Accept, 1));
    let camry = &found.candidates[0];
    assert_eq!((camry.brand.as_str(), camry.model.as_str(), camry.generation.as_str()), ("toyota", "camry", "70"));
    assert_eq!(
        (camry.brand_name.as_str(), camry.model_name.as_str(), camry.matched.as_str()),
        ("Toyota", "Camry", "камри")
    );
    assert_eq!(camry.pattern_count, 0, "no tenant, no patterns");
    assert!(camry.score > 0.9 && camry.reason.contains("название модели"), "{camry:?}");

    let own = |text: &str, category: &str| pb::ResolveVehicleRequest {
        tenant: "evopoliki".into(),
        category: category.into(),
        ..request(text)
    };
    let everywhere = client.resolve_vehicle(own("камри", "")).await.unwrap().into_inner().candidates[0].pattern_count;
    let mats = client.resolve_vehicle(own("камри", "eva_mats")).await.unwrap().into_inner().candidates[0].pattern_count;
    let covers =
        client.resolve_vehicle(own("камри", "seat_covers")).await.unwrap().into_inner().candidates[0].pattern_count;
    assert!(everywhere > 0 && everywhere == mats && covers == 0, "{everywhere} {mats} {covers}");
    let brand = client.resolve_vehicle(own("тойота", "eva_mats")).await.unwrap().into_inner();
    assert_eq!((brand.decision(), brand.candidates[0].model.as_str()), (pb::Decision::Choose, ""));
    assert!(brand.candidates[0].pattern_count > mats, "all of the brand's");

    let known = pb::ResolveVehicleRequest { brand: "бмв".into(), year: 2015, max_candidates: 1, ..request("х5") };
    let known = client.resolve_vehicle(known).await.unwrap().into_inner();
    assert_eq!((known.decision(), known.candidates[0].brand.as_str()), (pb::Decision::Accept, "bmw"));
    assert_eq!((known.candidates[0].year, known.candidates[0].generation.as_str()), (2015, "F15"));
    let choice = client.resolve_vehicle(request("х5")).await.unwrap().into_inner();
    assert!(choice.decision() == pb::Decision::Choose && (2..=5).contains(&choice.candidates.len()));
    for (text, brand) in [("рахмат", ""), ("х5", "нет такой марки")] {
        let none = pb::ResolveVehicleRequest { brand: brand.into(), ..request(text) };
        let none = client.resolve_vehicle(none).await.unwrap().into_inner();
        assert_eq!((none.decision(), none.candidates.len()), (pb::Decision::None, 0), "{text}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let (_server, mut client) = served().await;
    let bad = pb::ResolveVehicleRequest {
        category: "eva_mats".into(),
        text: "  ".into(),
        brand: "x".repeat(65),
        year: 99,
        max_candidates: -1,
        ..Default::default()
    };
    let status = client.resolve_vehicle(bad).await.unwrap_err();
    let details = status.get_error_details();
    let fields: Vec<_> = details.bad_request().unwrap().field_violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["category", "text", "brand", "year", "max_candidates"]);
    let own = |tenant: &str, category: &str| pb::ResolveVehicleRequest {
        tenant: tenant.into(),
        category: category.into(),
        ..request("камри")
    };
    for (request, code, reason) in [
        (request(&"я".repeat(257)), Code::InvalidArgument, "FIELD_TOO_LONG"),
        (own("nobody", ""), Code::NotFound, "TENANT_NOT_FOUND"),
        (own("evopoliki", "boats"), Code::NotFound, "CATEGORY_NOT_FOUND"),
        (own("evopoliki", "premium_covers"), Code::FailedPrecondition, "CATEGORY_NOT_SOLD"),
    ] {
        let status = client.resolve_vehicle(request).await.unwrap_err();
        assert_eq!((status.code(), status.get_error_details().error_info().unwrap().reason.as_str()), (code, reason));
    }
    assert!(client.resolve_vehicle(request(&"я".repeat(256))).await.is_ok());
}

#[test]
fn the_command_says_what_and_why() {
    let run = |args: &[&str]| {
        let output = std::process::Command::new(LEKALO).arg("resolve").args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, json) = run(&["камри 70", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (code, &found["decision"], &found["candidates"][0]["model"]),
        (Some(0), &"accept".into(), &"camry".into())
    );
    assert_eq!(
        (&found["candidates"][0]["generation"], &found["candidates"][0]["pattern_count"]),
        (&"70".into(), &serde_json::Value::Null)
    );
    let (code, table) = run(&["х5", "--most", "2"]);
    assert!(code == Some(0) && table.starts_with("choose") && table.contains("BMW X5"), "{table}");
    assert_eq!(run(&["привет"]), (Some(0), "none: no car the reference knows\n".into()));
    assert_eq!(run(&[" "]).0, Some(1));
}
