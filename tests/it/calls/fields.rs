//! Every field of every request, as `proto/` describes it: what its comment says of it is so.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt as _;
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::describe;
use super::requests::{Good, every_method};
use crate::support::TestServer;
use crate::support::methods::is_unnamed;
use crate::support::wire::{Answer, Wire};

/// A field of a request, and the way to it.
#[derive(Clone)]
struct Place {
    /// As violations have it: `header.tenant`, `texts[0].key`.
    path: String,
    fields: Vec<FieldDescriptor>,
    comment: String,
}

impl Place {
    fn last(&self) -> &FieldDescriptor {
        self.fields.last().unwrap()
    }

    /// The request with another value there; none clears it.
    fn with(&self, request: &DynamicMessage, value: Option<Value>) -> DynamicMessage {
        changed(request, &self.fields, &value)
    }
}

fn changed(message: &DynamicMessage, way: &[FieldDescriptor], value: &Option<Value>) -> DynamicMessage {
    let mut message = message.clone();
    let (field, rest) = way.split_first().unwrap();
    if rest.is_empty() {
        match value {
            Some(value) if field.is_list() => message.set_field(field, Value::List(vec![value.clone()])),
            Some(value) => message.set_field(field, value.clone()),
            None => message.clear_field(field),
        }
        return message;
    }
    let now = message.get_field(field).into_owned();
    let next = match now {
        Value::List(mut list) => {
            list[0] = Value::Message(changed(list[0].as_message().unwrap(), rest, value));
            Value::List(list)
        }
        Value::Message(inner) => Value::Message(changed(&inner, rest, value)),
        other => panic!("{other:?}"),
    };
    message.set_field(field, next);
    message
}

/// What stands before the field in `proto/`, in one line.
fn comment(field: &FieldDescriptor) -> String {
    let file = field.parent_file();
    let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
    let location = info.location.iter().find(|location| location.path == field.path());
    let text = location.map(|location| location.leading_comments().to_owned()).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The fields that the request has, inner ones too; of a list the first element's. Messages of others (`google.`) are
/// fields in one piece.
fn places(message: &DynamicMessage, before: &Place, found: &mut Vec<Place>) {
    for field in message.descriptor().fields() {
        let mut place = before.clone();
        place.path =
            if before.path.is_empty() { field.name().into() } else { format!("{}.{}", before.path, field.name()) };
        place.comment = comment(&field);
        place.fields.push(field.clone());
        let value = message.get_field(&field).into_owned();
        let is_ours = |kind: MessageDescriptor| kind.full_name().starts_with("lekalo.");
        match (field.kind(), value) {
            (Kind::Message(kind), value) if is_ours(kind.clone()) => {
                let inner = match value {
                    Value::Message(inner) => Some(inner),
                    Value::List(list) => list.first().map(|first| first.as_message().unwrap().clone()),
                    _ => None,
                };
                if field.is_list() {
                    place.path.push_str("[0]");
                }
                if let Some(inner) = inner.filter(|_| field.is_list() || message.has_field(&field)) {
                    places(&inner, &place, found);
                }
            }
            _ => {
                if field.is_list() {
                    place.path.push_str("[0]");
                }
                found.push(place);
            }
        }
    }
}

/// The requests to try: each method's good one, of an upload its header.
fn request(good: &Good) -> (DynamicMessage, Vec<Place>) {
    let message = DynamicMessage::decode(good.method.input(), good.messages[0].clone()).unwrap();
    let mut found = Vec::new();
    places(&message, &Place { path: String::new(), fields: Vec::new(), comment: String::new() }, &mut found);
    found.retain(|place| place.last().name() != "chunk");
    (message, found)
}

/// What the server answers, and the reasons by field where it refuses fields.
async fn ask(wire: &Wire, good: &Good, request: &DynamicMessage) -> (Answer, BTreeMap<String, String>) {
    let messages = [&[Bytes::from(request.encode_to_vec())], &good.messages[1..]].concat();
    // A watch that is let in would not end.
    let headers: &[_] = if good.method.is_server_streaming() { &[("grpc-timeout", "2S")] } else { &[] };
    let call = wire.send(&good.path, &messages, headers).await;
    let answer = call.answer().await.unwrap();
    let mut refused = BTreeMap::new();
    if answer.status.code() == Code::InvalidArgument {
        describe(&good.path, &answer.status);
        let details = answer.status.get_error_details();
        for violation in &details.bad_request().unwrap().field_violations {
            refused.insert(violation.field.clone(), violation.reason.clone());
        }
        assert!(!refused.is_empty(), "{}: {answer:?}", good.path);
    }
    (answer, refused)
}

/// The most characters that a comment speaks of.
fn most_characters(comment: &str) -> Option<usize> {
    let before = &comment[..comment.find(" characters")?];
    before.rsplit(' ').next()?.parse().ok()
}

/// What a client reads and never writes: whatever stands there is passed over.
fn is_passed_over(good: &Good, place: &Place) -> bool {
    // What the mask does not name and never may.
    let unmasked = good.method.name() == "UpdateTenant" && place.path == "tenant.currency";
    place.comment.starts_with("Output only") || unmasked || is_unnamed(good.method.name(), &place.path)
}

/// Whether it must be given, in the good request's place.
fn is_required(place: &Place) -> bool {
    let without = ["Required for", "Required with"].iter().any(|words| place.comment.contains(words));
    place.comment.contains("Required") && !without
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_is_as_its_comment_says() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let wire = Wire::connect(server.addr).await;
    let checks = good.iter().flat_map(|good| {
        let (message, places) = request(good);
        let texts = places.into_iter().filter(|place| place.last().kind() == Kind::String);
        // Page tokens are with the lists below.
        let texts = texts.filter(|place| place.last().name() != "page_token");
        texts.map(move |place| (good, message.clone(), place)).collect::<Vec<_>>()
    });
    let checked = futures::stream::iter(checks).map(async |(good, message, place)| {
        let name = format!("{} {}", good.path.trim_start_matches("/lekalo.v1."), place.path);
        let mut wrong = Vec::new();
        let reason = async |value: Option<Value>| {
            let (answer, refused) = ask(&wire, good, &place.with(&message, value)).await;
            let max = answer.status.get_error_details().error_info().and_then(|info| info.metadata.get("max").cloned());
            (refused.get(&place.path).cloned().unwrap_or_else(|| "taken".into()), max)
        };
        let text = |text: String| Some(Value::String(text));
        let nul = reason(text("x\0y".into())).await.0;
        let in_bytes = place.comment.contains("bytes of UTF-8");
        let (long, told) = reason(text("я".repeat(if in_bytes { 600_000 } else { 70_000 }))).await;
        let told: Option<usize> = told.and_then(|max| max.parse().ok());
        match () {
            () if is_passed_over(good, &place) => {
                if (nul.as_str(), long.as_str()) != ("taken", "taken") {
                    wrong.push(format!("{name}: {nul}, {long}"));
                }
            }
            () if place.comment.starts_with("A UUID") => {
                if (nul.as_str(), long.as_str()) != ("FIELD_INVALID", "FIELD_INVALID") {
                    wrong.push(format!("{name}: {nul}, {long}"));
                }
            }
            () => {
                // Of a list the comment tells how many, and of a code nothing.
                let most = if place.last().is_list() { None } else { most_characters(&place.comment) };
                let is_refused = long == "FIELD_TOO_LONG" || !in_bytes && most.is_none() && long == "FIELD_INVALID";
                if nul != "FIELD_INVALID" || !is_refused {
                    wrong.push(format!("{name}: {nul}, {long}"));
                }
                if most.is_some_and(|most| told != Some(most)) {
                    wrong.push(format!("{name}: not at most {told:?}: {}", place.comment));
                }
                if let Some(most) = told {
                    let letter = if in_bytes { "x" } else { "я" };
                    let one_more = reason(text(letter.repeat(most + 1))).await.0;
                    let just = reason(text(letter.repeat(most))).await.0;
                    if one_more != "FIELD_TOO_LONG" || just == "FIELD_TOO_LONG" {
                        wrong.push(format!("{name}: {most} characters {just}, one more {one_more}"));
                    }
                }
            }
        }
        // What a list must have is not what each of it must have.
        if is_required(&place) && !place.last().is_list() && !is_passed_over(good, &place) {
            let empty = reason(None).await.0;
            let blank = reason(text(" \t".into())).await.0;
            if [&empty, &blank].into_iter().any(|reason| reason != "FIELD_REQUIRED") {
                wrong.push(format!("{name}: empty {empty}, blank {blank}: {}", place.comment));
            }
        }
        wrong
    });
    let checked: Vec<Vec<String>> = checked.buffer_unordered(8).collect().await;
    let count = checked.len();
    let mut wrong: Vec<String> = checked.into_iter().flatten().collect();
    wrong.sort();
    assert!(wrong.is_empty(), "of {count}:\n{}", wrong.join("\n"));
    assert!(count > 120, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_time_and_amount_is_as_its_comment_says() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let wire = Wire::connect(server.addr).await;
    let mut told = Vec::new();
    for good in &good {
        let (message, places) = request(good);
        for place in places {
            let mut values: Vec<(&str, Value)> = Vec::new();
            let inner = |fields: &[(&str, Value)]| {
                let Kind::Message(kind) = place.last().kind() else { unreachable!() };
                let mut inner = DynamicMessage::new(kind);
                fields.iter().for_each(|(name, value)| inner.set_field_by_name(name, value.clone()));
                Value::Message(inner)
            };
            match place.last().kind() {
                Kind::Enum(_) => values.extend([("999", Value::EnumNumber(999)), ("-1", Value::EnumNumber(-1))]),
                Kind::Int32 => values.extend([("least", Value::I32(i32::MIN)), ("most", Value::I32(i32::MAX))]),
                Kind::Int64 => values.extend([("least", Value::I64(i64::MIN)), ("most", Value::I64(i64::MAX))]),
                Kind::Message(kind) if kind.full_name() == "google.protobuf.Timestamp" => values.extend([
                    ("nanos -1", inner(&[("seconds", Value::I64(1_800_000_000)), ("nanos", Value::I32(-1))])),
                    ("year 10000", inner(&[("seconds", Value::I64(253_402_300_800))])),
                    ("year 0", inner(&[("seconds", Value::I64(-62_135_596_801))])),
                ]),
                Kind::Message(kind) if kind.full_name() == "google.type.Money" => values.extend([
                    ("tyiyn and a half", inner(&[("units", Value::I64(1)), ("nanos", Value::I32(15_000_000))])),
                    ("-1", inner(&[("units", Value::I64(-1))])),
                    ("XXX", inner(&[("units", Value::I64(1)), ("currency_code", Value::String("XXX".into()))])),
                    ("most", inner(&[("units", Value::I64(i64::MAX))])),
                ]),
                _ => {}
            }
            if values.is_empty() {
                continue;
            }
            let mut line = format!("{} {}", good.path.trim_start_matches("/lekalo.v1."), place.path);
            for (what, value) in values {
                let (answer, refused) = ask(&wire, good, &place.with(&message, Some(value))).await;
                // An amount's currency is a field of its own.
                let reason = refused.get(&place.path).or_else(|| refused.get(&format!("{}.currency_code", place.path)));
                let reason = reason.map_or("taken", String::as_str);
                let is_refused = answer.status.code() == Code::InvalidArgument;
                assert_eq!(reason != "taken", is_refused, "{line}, {what}: {refused:?}");
                line.push_str(&format!(", {what}: {reason}"));
            }
            told.push(line);
        }
    }
    let expected = include_str!("numbers.txt");
    let told = told.join("\n") + "\n";
    assert!(told == expected, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_bad_fields_are_named_at_once() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let wire = Wire::connect(server.addr).await;
    let mut wrong = Vec::new();
    for good in &good {
        let (mut message, places) = request(good);
        let bad: Vec<&Place> = places
            .iter()
            .filter(|place| place.last().kind() == Kind::String || matches!(place.last().kind(), Kind::Enum(_)))
            .filter(|place| !is_passed_over(good, place))
            .collect();
        for place in &bad {
            let value = match place.last().kind() {
                Kind::String => Value::String("x\0y".into()),
                _ => Value::EnumNumber(999),
            };
            message = place.with(&message, Some(value));
        }
        if bad.is_empty() {
            continue;
        }
        let (_, refused) = ask(&wire, good, &message).await;
        for place in bad {
            if !refused.contains_key(&place.path) {
                wrong.push(format!("{} {} is not among {refused:?}", good.path, place.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_pages_alike() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let wire = Wire::connect(server.addr).await;
    let mut lists = 0;
    for good in &good {
        let (message, _) = request(good);
        let field = |name: &str| good.method.input().get_field_by_name(name);
        let (Some(size), Some(token), Some(skip)) = (field("page_size"), field("page_token"), field("skip")) else {
            continue;
        };
        lists += 1;
        let mut bad = message.clone();
        bad.set_field(&size, Value::I32(-1));
        bad.set_field(&token, Value::String("x".into()));
        bad.set_field(&skip, Value::I32(-1));
        let (_, refused) = ask(&wire, good, &bad).await;
        let expected =
            [("page_size", "FIELD_OUT_OF_RANGE"), ("page_token", "PAGE_TOKEN_INVALID"), ("skip", "FIELD_OUT_OF_RANGE")];
        let expected: BTreeMap<String, String> = expected.map(|(field, reason)| (field.into(), reason.into())).into();
        assert_eq!(refused, expected, "{}", good.path);
        // The furthest it may jump, and the largest page, are no error.
        let mut far = message.clone();
        far.set_field(&skip, Value::I32(100_000));
        far.set_field(&size, Value::I32(i32::MAX));
        let (answer, _) = ask(&wire, good, &far).await;
        assert_eq!(answer.status.code(), Code::Ok, "{}: {answer:?}", good.path);
    }
    assert_eq!(lists, 17);

    // 0 means 50, over 500 is cut: spellings are the list that has so many.
    let aliases = good.iter().find(|good| good.method.name() == "ListAliases").unwrap();
    for (size, items) in [(0, 50), (1, 1), (49, 49), (500, 500), (501, 500), (i32::MAX, 500)] {
        let mut request = DynamicMessage::new(aliases.method.input());
        request.set_field_by_name("page_size", Value::I32(size));
        let (answer, _) = ask(&wire, aliases, &request).await;
        let answer = DynamicMessage::decode(aliases.method.output(), answer.messages[0].clone()).unwrap();
        let listed = answer.get_field_by_name("aliases").unwrap().as_list().unwrap().len();
        assert_eq!(listed, items, "page_size {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_understands_the_same_languages() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let wire = Wire::connect(server.addr).await;
    let (mut methods, mut in_their_language) = (Vec::new(), 0);
    for good in &good {
        let Some(field) = good.method.input().get_field_by_name("language") else { continue };
        methods.push(good.method.name().to_owned());
        let (message, _) = request(good);
        let answer = async |language: &str| {
            let mut request = message.clone();
            request.set_field(&field, Value::String(language.into()));
            let (answer, refused) = ask(&wire, good, &request).await;
            assert_eq!(answer.status.code(), Code::Ok, "{} in {language:?}: {answer:?} {refused:?}", good.path);
            DynamicMessage::decode(good.method.output(), answer.messages[0].clone()).unwrap()
        };
        for (language, spellings) in [
            ("ru", ["RU", "ru_KG", " ru-KG ", "", "de", "de-AT"]),
            ("ky", ["KY", "ky-KG", "ky_kg", "Ky-Cyrl-KG", "ky ", "ky-x"]),
            ("en", ["EN", "en-US", "en_GB", "En", "eN-us", "en-"]),
        ] {
            let plain = answer(language).await;
            let used = plain.get_field_by_name("language").and_then(|used| used.as_str().map(str::to_owned));
            // Makes, models and prices have one name in all languages.
            if [
                "ListCategories",
                "FindPatterns",
                "ResolveVehicle",
                "ListOptions",
                "BatchGetTexts",
                "ListTexts",
                "GetDocument",
                "ListDocumentVersions",
            ]
            .contains(&good.method.name())
            {
                assert_eq!(used.as_deref(), Some(language), "{}", good.path);
                in_their_language += 1;
            }
            for spelling in spellings {
                assert_eq!(answer(spelling).await, plain, "{} in {spelling:?}", good.path);
            }
        }
        for nonsense in ["%%", "r", "-", "1u", "ру"] {
            let mut request = message.clone();
            request.set_field(&field, Value::String(nonsense.into()));
            let (_, refused) = ask(&wire, good, &request).await;
            assert_eq!(
                refused.get("language").map(String::as_str),
                Some("FIELD_INVALID"),
                "{} {nonsense:?}",
                good.path
            );
        }
    }
    assert_eq!((methods.len(), in_their_language), (14, 24), "{methods:?}");
}
