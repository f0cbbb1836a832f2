use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::*;
use crate::domain::application::{Kind, Status};
use crate::domain::import::{Mode, Outcome, Progress, State, Step};
use crate::domain::pattern::Verdict;
use crate::domain::price::OptionKind;
use crate::domain::text::{Source, Text, TextValue};
use crate::domain::vehicle::{Borders, SeatRows, Steering, Trunk};
use crate::grpc::validation::Validator;

/// Every value of an enum on the wire but UNSPECIFIED, by its name without the prefix.
fn names<T: TryFrom<i32>>(name: impl Fn(&T) -> &'static str) -> Vec<String> {
    let prefix = name(&T::try_from(0).ok().unwrap()).strip_suffix("UNSPECIFIED").unwrap();
    let values = (1..100).map_while(|number| T::try_from(number).ok());
    values.map(|value| name(&value).strip_prefix(prefix).unwrap().to_lowercase()).collect()
}

/// Each word of the domain's vocabulary is the value of the same name, and the wire has no others.
macro_rules! same_names {
    ($($wire:ident of $domain:ident),+ $(,)?) => {$(
        let mut told: Vec<(String, &str)> = Vec::new();
        for value in $domain::ALL {
            let name = pb::$wire::from(*value).as_str_name();
            told.push((name.to_lowercase(), value.word()));
        }
        let mut words = Vec::new();
        for (name, word) in &told {
            // Seat rows are "2" in files.
            let word = match *word { "2" => "two", "3" => "three", word => word };
            assert!(name.ends_with(&format!("_{word}")), "{name} is {word}");
            words.push(word.to_owned());
        }
        words.sort();
        let mut wire = names(pb::$wire::as_str_name);
        wire.sort();
        assert_eq!(words, wire, stringify!($wire));
    )+};
}

#[test]
fn every_value_has_the_same_name_on_the_wire_and_the_wire_no_others() {
    same_names!(
        ApplicationKind of Kind,
        ApplicationStatus of Status,
        RowOutcome of Outcome,
        ImportState of State,
        Steering of Steering,
        Borders of Borders,
        SeatRows of SeatRows,
        Trunk of Trunk,
        OptionKind of OptionKind,
    );
    let verdicts = [
        (Verdict::Found, "FOUND"),
        (Verdict::Possible, "POSSIBLE"),
        (Verdict::NotFound, "NOT_FOUND"),
        (Verdict::NotSold, "NOT_SOLD"),
    ];
    for (verdict, name) in verdicts {
        assert_eq!(pb::Verdict::from(verdict).as_str_name(), format!("VERDICT_{name}"));
    }
    for (source, wire) in [(Source::Tenant, pb::TextSource::Tenant), (Source::Shared, pb::TextSource::Shared)] {
        let text = Text { key: "k".into(), value: TextValue::Phrase("v".into()), language: Language::Ky, source };
        let text = pb::Text::from(text);
        assert_eq!(
            (text.source(), text.key.as_str(), text.value.as_str(), text.language.as_str()),
            (wire, "k", "v", "ky")
        );
    }
    for (step, wire) in [(Step::Reading, pb::ImportStep::Reading), (Step::Writing, pb::ImportStep::Writing)] {
        let progress = pb::ImportProgress::from(Progress { step, rows: 3, total: 7 });
        assert_eq!((progress.step(), progress.rows_done, progress.rows_total), (wire, 3, 7));
    }
}

#[test]
fn what_comes_in_goes_out_as_it_was() {
    for kind in (0..100).map_while(|number| pb::ApplicationKind::try_from(number).ok()) {
        assert_eq!(application_kind(kind).map_or(pb::ApplicationKind::Unspecified, Into::into), kind);
    }
    for status in (0..100).map_while(|number| pb::ApplicationStatus::try_from(number).ok()) {
        assert_eq!(application_status(status).map_or(pb::ApplicationStatus::Unspecified, Into::into), status);
    }
    for wire in (0..100).map_while(|number| pb::RowOutcome::try_from(number).ok()) {
        assert_eq!(outcome(wire).map_or(pb::RowOutcome::Unspecified, Into::into), wire);
    }
    for wire in (0..100).map_while(|number| pb::Steering::try_from(number).ok()) {
        assert_eq!(pattern::steering(wire).map_or(pb::Steering::Unspecified, Into::into), wire);
    }
    let modes = [pb::ImportMode::Unspecified, pb::ImportMode::Merge, pb::ImportMode::Replace].map(mode);
    assert_eq!(modes, [Mode::Merge, Mode::Merge, Mode::Replace]);
    for (number, wire) in (0..100).map_while(|number| Some((number, pb::Channel::try_from(number).ok()?))) {
        let word = channel(wire);
        assert_eq!(word.is_some(), number > 0, "{wire:?}");
        assert_eq!(word.map_or(pb::Channel::Unspecified, wire_channel), wire);
        if let Some(word) = word {
            assert_eq!(wire.as_str_name(), format!("CHANNEL_{}", word.to_uppercase()));
        }
    }
    for (number, wire) in (0..100).map_while(|number| Some((number, pb::ContactKind::try_from(number).ok()?))) {
        let word = contact_kind(wire);
        assert_eq!(word.is_some(), number > 0, "{wire:?}");
        let Some(word) = word else { continue };
        assert_eq!(wire.as_str_name(), format!("CONTACT_KIND_{}", word.to_uppercase()));
        let contact = tenant::Contact { kind: word.to_owned(), value: "x".into() };
        assert_eq!(pb::TenantContact::from(contact), pb::TenantContact { kind: wire.into(), value: "x".into() });
    }
}

#[test]
fn a_count_beyond_the_wire_is_its_most() {
    assert_eq!([0, 7, i64::from(i32::MAX)].map(count), [0, 7, i32::MAX]);
    assert_eq!([i64::from(i32::MAX) + 1, i64::MAX].map(count), [i32::MAX; 2]);
    assert_eq!((year(None), year(Some(2018))), (0, 2018));
}

#[test]
fn the_language_used_is_the_one_asked_for_where_anything_has_it() {
    use Language::{En, Ky, Ru};
    for (asked, found, used) in [
        (Ky, &[Ru, Ky][..], "ky"),
        (Ky, &[Ru, En], "ru"),
        (Ky, &[En, Ru], "en"),
        (Ky, &[], "ky"),
        (Ru, &[En, Ru], "ru"),
    ] {
        assert_eq!(language_used(asked, found.iter().copied()), used, "{asked:?} among {found:?}");
    }
}

/// Any JSON; its numbers are doubles, as a `Struct` has them.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        (-1e15f64..1e15).prop_map(serde_json::Value::from),
        "[^\\x00]{0,8}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[^\\x00]{0,4}", inner, 0..4)
                .prop_map(|object| serde_json::Value::Object(object.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn settings_come_back_as_they_were(value in prop::collection::btree_map("[^\\x00]{0,4}", any_json(), 0..4)) {
        let value = serde_json::Value::Object(value.into_iter().collect());
        prop_assert_eq!(json_object(json_struct(value.clone())), Some(value));
    }

    #[test]
    fn money_comes_back_as_it_was(cents in 0i64..10_000_000_000) {
        let amount = Decimal::new(cents, 2);
        let money = price::money(amount, "KGS");
        prop_assert_eq!(money.currency_code.as_str(), "KGS");
        let mut check = Validator::default();
        prop_assert_eq!(check.money("amount", Some(&money), Decimal::from(100_000_000)), Some(amount));
        prop_assert!(check.done().is_ok());
    }

    #[test]
    fn times_come_back_to_the_microsecond(micros in 946_684_800_000_000u64..4_102_444_800_000_000) {
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_micros(micros);
        let mut check = Validator::default();
        prop_assert_eq!(check.time("at", Some(timestamp(time))), Some(time));
        prop_assert_eq!(check.any_time("at", Some(timestamp(time))), Some(time));
        prop_assert!(check.done().is_ok());
    }
}

#[test]
fn settings_have_nothing_that_json_or_the_database_has_no_word_for() {
    let number = |number| Value { kind: Some(JsonKind::NumberValue(number)) };
    let text = |text: &str| Value { kind: Some(JsonKind::StringValue(text.into())) };
    let object = |key: &str, value| Struct { fields: [(key.to_owned(), value)].into() };
    let list = |value| Value { kind: Some(JsonKind::ListValue(ListValue { values: vec![value] })) };
    for bad in [number(f64::NAN), number(f64::INFINITY), number(f64::NEG_INFINITY), text("a\0")] {
        assert_eq!(json_object(object("k", bad.clone())), None, "{bad:?}");
        assert_eq!(json_object(object("k", list(bad.clone()))), None, "{bad:?}");
        let inner = Value { kind: Some(JsonKind::StructValue(object("k", bad))) };
        assert_eq!(json_object(object("k", inner)), None);
    }
    assert_eq!(json_object(object("k\0", text("a"))), None);
    assert_eq!(json_object(object("k", Value { kind: None })), Some(json!({ "k": null })));
    assert_eq!(json_struct(json!([1])), Struct::default());
}
