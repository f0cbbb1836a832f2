//! The limits that the contract's comments name, for every field of every method: what is at the limit is taken, what is
//! past it is refused, by the reason that the comment names.

use std::collections::HashMap;

use lekalo::proto::FILE_DESCRIPTOR_SET;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, Value};
use tonic_types::StatusExt as _;

use crate::support::TestServer;
use crate::support::methods::call;

/// Comments of fields, by message and field.
fn comments() -> HashMap<(String, String), String> {
    let mut comments = HashMap::new();
    for file in std::fs::read_dir("proto/lekalo/v1").unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let (mut message, mut comment) = (String::new(), String::new());
        for line in text.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("// ") {
                comment = format!("{comment} {words}");
                continue;
            }
            if let Some(name) = line.strip_prefix("message ") {
                message = name.trim_end_matches([' ', '{']).to_owned();
            } else if let Some((field, _)) = line.split_once(" = ") {
                let field = field.rsplit(' ').next().unwrap();
                comments.insert((message.clone(), field.to_owned()), comment.clone());
            }
            comment.clear();
        }
    }
    comments
}

/// The number before ` characters`: "at most 64 characters".
fn most_characters(comment: &str) -> Option<usize> {
    let (before, _) = comment.split_once(" characters")?;
    before.rsplit(' ').next()?.replace(',', "").parse().ok()
}

/// Values of a field, each with the reason that refuses it; none: it is good.
fn cases(field: &FieldDescriptor, comment: &str) -> Vec<(Value, Option<&'static str>)> {
    let text = |text: String| Value::String(text);
    let mut cases = Vec::new();
    match (field.kind(), field.name()) {
        _ if field.is_list() => {}
        (Kind::String, name) => {
            cases.push((text("a\0b".into()), Some("FIELD_INVALID")));
            if comment.contains("Empty: INVALID_ARGUMENT `FIELD_REQUIRED`") {
                cases.push((text(String::new()), Some("FIELD_REQUIRED")));
                cases.push((text(" \n ".into()), Some("FIELD_REQUIRED")));
            }
            if let Some(most) = most_characters(comment) {
                // A language tag is Latin letters; what is measured is characters, not bytes.
                let letter = if name == "language" { "r" } else { "ы" };
                cases.push((text(letter.repeat(most + 1)), Some("FIELD_TOO_LONG")));
                // Letters alone are neither.
                if !["phone", "number", "first_day", "last_day"].contains(&name) {
                    cases.push((text(format!("  {}  ", letter.repeat(most))), None));
                }
            }
            if name == "language" {
                let good = ["ru", "ky", "EN", "ru-KG", "ru_KG", "de", "zh-Hant-TW", " ru "];
                cases.extend(good.map(|tag| (text(tag.into()), None)));
                cases.extend(["r", "%%", "1", "-ru", "русский"].map(|tag| (text(tag.into()), Some("FIELD_INVALID"))));
            }
        }
        (Kind::Int32, "year") => {
            let good = [0, 1900, 2100].map(|year| (Value::I32(year), None));
            let bad = [1899, 2101, -1, i32::MAX].map(|year| (Value::I32(year), Some("FIELD_OUT_OF_RANGE")));
            cases.extend(good.into_iter().chain(bad));
        }
        (Kind::Int32, "skip") => {
            let good = [0, 100_000].map(|skip| (Value::I32(skip), None));
            let bad = [-1, 100_001, i32::MIN].map(|skip| (Value::I32(skip), Some("FIELD_OUT_OF_RANGE")));
            cases.extend(good.into_iter().chain(bad));
        }
        (Kind::Int32, "page_size" | "max_candidates") => {
            let good = [0, 1, 501, i32::MAX].map(|size| (Value::I32(size), None));
            cases.extend(good.into_iter().chain([(Value::I32(-1), Some("FIELD_OUT_OF_RANGE"))]));
        }
        (Kind::Enum(words), _) => {
            cases.extend(words.values().map(|word| (Value::EnumNumber(word.number()), None)).skip(1));
            cases.push((Value::EnumNumber(77), Some("FIELD_INVALID")));
            cases.push((Value::EnumNumber(-1), Some("FIELD_INVALID")));
        }
        _ => {}
    }
    cases
}

/// What the method refuses the field for, when nothing but the tenant is given besides.
async fn refusal(
    server: &TestServer,
    method: &MethodDescriptor,
    field: &FieldDescriptor,
    value: Value,
) -> Option<String> {
    let mut request = DynamicMessage::new(method.input());
    // Some fields are only taken with a tenant. This one is nobody, so nothing is written.
    if method.input().get_field_by_name("tenant").is_some_and(|field| field.kind() == Kind::String) {
        request.set_field_by_name("tenant", Value::String("nobody".into()));
    }
    request.set_field(field, value);
    let status = call(server, method, &request).await.err()?;
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.into_iter().find(|violation| violation.field == field.name()).map(|violation| violation.reason)
}

#[tokio::test]
async fn every_limit_that_the_contract_names_is_kept() {
    let server = TestServer::start().await;
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let comments = comments();
    let (mut tried, mut wrong) = (0, Vec::new());
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        // Streams are watched elsewhere, keys are not built yet.
        let is_ours = method.full_name().starts_with("lekalo.v1.") && !method.name().contains("ApiKey");
        if !is_ours || method.is_server_streaming() || method.is_client_streaming() {
            continue;
        }
        for field in method.input().fields() {
            // Tokens are refused by a reason of their own; ids of requests, methods and keys have a form.
            if ["page_token", "request_id", "method", "key_prefix"].contains(&field.name()) {
                continue;
            }
            // It is of one language, which is not given here; `sales_model` gives one.
            if (method.name(), field.name()) == ("DeleteDocument", "etag") {
                continue;
            }
            let comment = &comments[&(method.input().name().to_owned(), field.name().to_owned())];
            for (value, expected) in cases(&field, comment) {
                let answered = refusal(&server, &method, &field, value.clone()).await;
                tried += 1;
                if answered.as_deref() != expected {
                    let shown: String = format!("{value:?}").chars().take(40).collect();
                    wrong.push(format!("{}.{} = {shown}: {answered:?}, not {expected:?}", method.name(), field.name()));
                }
            }
        }
    }
    assert!(tried > 300, "only {tried} values were tried");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
