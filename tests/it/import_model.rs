//! Imports, previews, reverts and cancels in any order, against a model in plain Rust: what becomes of every row, what is
//! sold afterwards, in every category of every tenant, and what is refused.

mod compare;
mod lists;
mod model;
mod service;
mod wire;

use lekalo::domain::import::Mode;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::is_long;
use lists::{LATE, Line, TAUGHT, cars};
use model::Asked;
use service::{Etag, List, SHOPS, Service, Step};

const MERGE: Asked = Asked { mode: Mode::Merge, validate_only: false, allow_large: false };
const PREVIEW: Asked = Asked { validate_only: true, ..MERGE };
const REPLACE: Asked = Asked { mode: Mode::Replace, ..MERGE };
const REPLACE_ALL: Asked = Asked { allow_large: true, ..REPLACE };

fn only(more: impl IntoIterator<Item = Line>) -> List {
    List { more: more.into_iter().collect(), ..List::default() }
}

fn of_cars(range: std::ops::Range<usize>) -> List {
    only(range.map(Line::Car))
}

/// All but the first so many.
fn all_but(count: usize) -> List {
    List { all_but: Some(count), ..List::default() }
}

async fn teach(service: &Service) {
    let request = pb::CreateAliasRequest {
        brand: "toyota".into(),
        model: "camry".into(),
        alias: TAUGHT.into(),
        ..Default::default()
    };
    AdminServiceClient::new(service.server.channel.clone()).create_alias(request).await.unwrap();
}

/// Every category has something to lose.
async fn fill(service: &mut Service, sizes: [usize; 4]) {
    for (shop, size) in sizes.into_iter().enumerate() {
        // Not the same cars everywhere, nor quite others.
        let from = shop * 3;
        service.step(shop, &Step::Import(of_cars(from..from + size), MERGE)).await;
    }
}

/// Cars that differ in one thing are different patterns, in any order and number of lists.
#[tokio::test]
async fn every_attribute_tells_patterns_apart() {
    let mut service = Service::start().await;
    fill(&mut service, [0, 6, 6, 6]).await;
    let all = cars().len();
    service.step(0, &Step::Import(of_cars(0..all), MERGE)).await;
    assert_eq!(service.shop(0).patterns.len(), all, "no two cars are alike");
    service.step(0, &Step::Import(of_cars(0..all), REPLACE)).await;
    service.step(0, &Step::Import(of_cars(0..all), PREVIEW)).await;
    service.step(0, &Step::Apply(0, Etag::Current)).await;
    // Each withdrawn and brought back without its neighbours.
    service.step(0, &Step::Import(only((0..all).step_by(2).map(Line::Car)), REPLACE_ALL)).await;
    service.step(0, &Step::Import(only((1..all).step_by(2).chain([1, 3]).map(Line::Car)), MERGE)).await;
    service.compare_all().await;
}

/// A fifth of the category goes without being asked, a pattern more does not; previewed or not, and whatever else is sold.
#[tokio::test]
async fn replace_refuses_to_withdraw_more_than_a_fifth_of_its_category() {
    let mut service = Service::start().await;
    fill(&mut service, [10, 20, 20, 20]).await;
    // One that is withdrawn already is neither lost nor there to be lost.
    service.step(0, &Step::Import(only((0..9).map(Line::Car)), REPLACE)).await;
    service.step(0, &Step::Import(only((0..10).map(Line::Car)), MERGE)).await;
    for asked in [REPLACE, Asked { validate_only: true, ..REPLACE }] {
        service.step(0, &Step::Import(all_but(3), asked.clone())).await;
        service.step(0, &Step::Import(all_but(10), asked)).await;
    }
    assert_eq!(service.seen["Failed"], 4);
    service.step(0, &Step::Import(all_but(2), Asked { validate_only: true, ..REPLACE })).await;
    service.step(0, &Step::Import(all_but(2), REPLACE)).await;
    // Of eight, of which two are more than a fifth and one is not.
    service.step(0, &Step::Import(all_but(2), REPLACE)).await;
    assert_eq!(service.seen["Failed"], 5);
    service.step(0, &Step::Import(all_but(1), REPLACE)).await;
    service.step(0, &Step::Import(all_but(4), REPLACE_ALL)).await;
    service.step(0, &Step::Import(all_but(9), REPLACE_ALL)).await;
    assert_eq!((service.seen["Failed"], service.shop(0).available().count()), (5, 0));
    // Nothing is left to lose.
    service.step(0, &Step::Import(of_cars(20..24), REPLACE)).await;
    service.compare_all().await;
}

/// Whatever changes what a preview showed makes it stale, and stale only as long as it does; the rest is no matter.
#[tokio::test]
async fn a_preview_is_carried_out_as_it_was_shown_or_not_at_all() {
    let mut service = Service::start().await;
    fill(&mut service, [10, 6, 6, 6]).await;
    let replace = Asked { validate_only: true, ..REPLACE };
    let back = |count| List { back: count, ..List::default() };
    let previews = [
        // What it would create is there by now, or what it found.
        ((of_cars(20..21), PREVIEW), (of_cars(20..21), MERGE)),
        // It would withdraw one more, or one less.
        ((all_but(1), replace.clone()), (of_cars(21..22), MERGE)),
        ((all_but(1), replace.clone()), (all_but(1), REPLACE)),
        // What it would bring back is back, what it found is gone.
        ((back(1), PREVIEW), (back(1), MERGE)),
        ((of_cars(3..5), PREVIEW), (all_but(9), REPLACE_ALL)),
    ];
    for ((shown, asked), (between, does)) in previews {
        let step = Step::Import(shown, asked);
        service.step(0, &step).await;
        service.step(0, &Step::Import(between, does)).await;
        let outdated = service.seen.get("Apply PREVIEW_OUTDATED").copied().unwrap_or(0);
        service.step(0, &Step::Apply(1, Etag::Current)).await;
        assert_eq!(service.seen["Apply PREVIEW_OUTDATED"], outdated + 1, "{step:?}");
        service.step(0, &Step::Revert(0, Etag::Current)).await;
        // The same cars elsewhere.
        for shop in 1..SHOPS.len() {
            service.step(shop, &Step::Import(of_cars(20..22), MERGE)).await;
        }
        service.step(0, &Step::Apply(4, Etag::Unsaid)).await;
    }
    assert_eq!((service.seen["Revert done"], service.seen["Apply done"]), (5, 5));
    // What it found is gone, and another pattern for the same car is in its place.
    let car = || of_cars(25..26);
    service.step(0, &Step::Import(car(), MERGE)).await;
    service.step(0, &Step::Import(car(), PREVIEW)).await;
    service.step(0, &Step::Revert(1, Etag::Current)).await;
    service.step(0, &Step::Import(car(), MERGE)).await;
    service.step(0, &Step::Apply(1, Etag::Current)).await;
    assert_eq!((service.seen["Revert done"], service.seen["Apply PREVIEW_OUTDATED"]), (6, 6));
    // What was too long when it was read is too long from the record too.
    let too_long = [Line::TooLong(true), Line::TooLong(false), Line::Stranger, Line::Car(26)];
    service.step(0, &Step::Import(only(too_long), PREVIEW)).await;
    service.step(0, &Step::Apply(0, Etag::Current)).await;
    service.compare_all().await;
}

/// Rows that are understood later, whatever has become of their patterns meanwhile.
async fn rows_understood_late(service: &mut Service) {
    fill(service, [0, 6, 6, 6]).await;
    let late = |list: [usize; 3]| list.map(Line::Late);
    let again = Step::Apply(0, Etag::Current);
    // Nothing is understood yet; nor can a preview take in more than it showed.
    service.step(0, &Step::Import(only([Line::Car(0), Line::Late(1), Line::Never, Line::Stranger]), MERGE)).await;
    service.step(0, &again).await;
    service.step(0, &Step::Import(only([Line::Late(2), Line::Car(5)]), PREVIEW)).await;
    teach(service).await;
    service.step(0, &again).await;
    service.step(0, &Step::Apply(1, Etag::Stale)).await;
    service.step(0, &again).await;
    service.step(0, &Step::Apply(1, Etag::Unsaid)).await;
    service.step(0, &Step::Apply(1, Etag::Current)).await;
    // Said twice, said by a row that was in, withdrawn by their own import, withdrawn by an earlier one.
    service
        .step(0, &Step::Import(only(late([0, 1, 1]).into_iter().chain([Line::Car(0), Line::Never])), REPLACE_ALL))
        .await;
    service.step(0, &again).await;
    service.step(0, &Step::Import(of_cars(10..12), REPLACE_ALL)).await;
    service.step(0, &Step::Import(only(late([3, 1, 1]).into_iter().chain([Line::Car(10)])), MERGE)).await;
    service.step(0, &again).await;
    service.compare_all().await;
    // Its own import withdrew it, another one brought it back and a third one withdrew it again.
    service.step(0, &Step::Import(only([Line::Late(1), Line::Car(10)]), REPLACE_ALL)).await;
    service.step(0, &Step::Import(of_cars(1..2), MERGE)).await;
    service.step(0, &Step::Import(of_cars(10..11), REPLACE_ALL)).await;
    service.step(0, &Step::Apply(2, Etag::Unsaid)).await;
    // Each is in the way of those that it built upon, until it goes.
    for back in (0..12).chain(0..12) {
        service.step(0, &Step::Revert(back, Etag::Unsaid)).await;
    }
    // Who took a row in last came last, however early its import was.
    let superseded = service.seen["Revert IMPORT_SUPERSEDED"];
    let late = |car| only([Line::Late(1), Line::Car(car)]);
    for (lists, applied) in [([late(20), of_cars(1..2)], &[1][..]), ([late(20), late(21)], &[0, 1])] {
        for list in lists {
            service.step(3, &Step::Import(list, MERGE)).await;
        }
        for back in applied {
            service.step(3, &Step::Apply(*back, Etag::Current)).await;
        }
        service.step(3, &Step::Revert(1, Etag::Stale)).await;
        for back in [0, 1, 0] {
            service.step(3, &Step::Revert(back, Etag::Current)).await;
        }
    }
    assert_eq!(service.seen["Revert IMPORT_SUPERSEDED"], superseded + 2);
    service.compare_all().await;
    for seen in
        ["row Updated", "row Merged", "row Rejected", "Revert IMPORT_SUPERSEDED", "Revert done", "Apply ETAG_MISMATCH"]
    {
        assert!(service.seen.contains_key(seen), "{seen} is not among {:?}", service.seen);
    }
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        12 => (0..cars().len()).prop_map(Line::Car),
        // Few, so that they meet.
        6 => (0..6usize).prop_map(Line::Car),
        4 => (0..LATE.len()).prop_map(Line::Late),
        1 => Just(Line::Never),
        1 => Just(Line::Stranger),
        1 => any::<bool>().prop_map(Line::TooLong),
    ]
}

fn list() -> impl Strategy<Value = List> {
    let few = vec(line(), 0..6).prop_map(only);
    let most =
        (0..4usize, 0..4usize, vec(line(), 0..3)).prop_map(|(but, back, more)| List { all_but: Some(but), back, more });
    // Doubled rows, in another place.
    let doubled = vec(line(), 1..4).prop_map(|some| only(some.iter().chain(some.iter().rev()).copied()));
    prop_oneof![2 => few, 3 => most, 1 => doubled]
}

fn step() -> impl Strategy<Value = Step> {
    let mode = prop_oneof![Just(Mode::Merge), Just(Mode::Replace)];
    let asked = (mode, prop::bool::weighted(0.5), any::<bool>()).prop_map(|(mode, validate_only, allow_large)| Asked {
        mode,
        validate_only,
        allow_large,
    });
    let etag = prop_oneof![4 => Just(Etag::Unsaid), 4 => Just(Etag::Current), 1 => Just(Etag::Stale)];
    // Mostly of what came last.
    let back = prop_oneof![2 => 0..2usize, 3 => 1..7usize];
    prop_oneof![
        12 => (list(), asked.clone()).prop_map(|(list, asked)| Step::Import(list, asked)),
        1 => (list(), asked).prop_map(|(list, asked)| Step::Given(list, asked)),
        6 => (back.clone(), etag.clone()).prop_map(|(back, etag)| Step::Apply(back, etag)),
        6 => (back.clone(), etag.clone()).prop_map(|(back, etag)| Step::Revert(back, etag)),
        3 => (0..20usize, etag, any::<bool>()).prop_map(|(back, etag, allowed)| Step::Delete(back, etag, allowed)),
        1 => back.prop_map(Step::Cancel),
    ]
}

/// A second list takes the place of a first one; only the first one may go, and the second one is put back without it.
async fn what_is_deleted_is_in_nobodys_way(service: &mut Service) {
    service.begin_anew().await;
    fill(service, [10, 5, 5, 5]).await;
    service.step(0, &Step::Import(of_cars(0..6), REPLACE_ALL)).await;
    let (first, second) = (4, 0);
    for step in [
        Step::Cancel(second),
        Step::Delete(second, Etag::Unsaid, true),
        Step::Delete(first, Etag::Current, false),
        Step::Delete(first, Etag::Stale, true),
        Step::Delete(first, Etag::Current, true),
        Step::Delete(first, Etag::Unsaid, true),
        Step::Revert(second, Etag::Current),
        Step::Delete(second, Etag::Unsaid, false),
    ] {
        service.step(0, &step).await;
    }
    let told = ["IMPORT_NOT_OLDEST", "IMPORT_SUCCEEDED", "ETAG_MISMATCH", "IMPORT_NOT_FOUND", "done"];
    let told = told.map(|reason| service.seen.get(&format!("Delete {reason}")).copied());
    assert_eq!(told, [1, 1, 1, 1, 2].map(Some));
    service.compare_all().await;
}

/// First two in which rows are understood late and imports are deleted, then any sequence of steps, in all four categories. The same ones in every run; more of them, and new ones, in long runs.
#[tokio::test]
async fn any_sequence_of_imports_and_decisions_ends_as_the_model_does() {
    let mut service = Service::start().await;
    // Teaching makes the server read all names anew, which takes a second: once for all of it.
    rows_understood_late(&mut service).await;
    service.late_rows_beyond_the_first_thousand().await;
    what_is_deleted_is_in_nobodys_way(&mut service).await;
    let rng = if is_long() {
        TestRng::from_seed(RngAlgorithm::ChaCha, &rand_seed())
    } else {
        TestRng::deterministic_rng(RngAlgorithm::ChaCha)
    };
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let sequences = vec((prop_oneof![3 => Just(0), 1 => 1..SHOPS.len()], step()), 20);
    for _ in 0..if is_long() { 200 } else { 3 } {
        service.begin_anew().await;
        fill(&mut service, [10, 5, 5, 5]).await;
        let sequence = sequences.new_tree(&mut runner).unwrap().current();
        for (shop, step) in sequence {
            service.step(shop, &step).await;
        }
        service.compare_all().await;
    }
    println!("{:#?}", service.seen);
    for seen in [
        "Apply ILLEGAL_IMPORT_STATE",
        "Apply done",
        "Cancel ILLEGAL_IMPORT_STATE",
        "Cancel done",
        "Revert ILLEGAL_IMPORT_STATE",
        "Revert IMPORT_SUPERSEDED",
        "Revert done",
        "Failed",
        "Validated",
        "Cancelled",
        "Reverted",
        "row Updated",
        "row Merged",
        "row Rejected",
    ] {
        assert!(service.seen.contains_key(seen), "{seen} never happened: {:#?}", service.seen);
    }
}

/// Another one each time.
fn rand_seed() -> [u8; 32] {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&now.to_le_bytes());
    println!("seed {seed:?}");
    seed
}
