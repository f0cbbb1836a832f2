//! Every field of every request against what its comment in `proto/` promises: what is on the border is taken, what is
//! beyond is refused, and the refusal names the field and the reason.

use lekalo::proto::google::r#type::Money;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::requests::{Filled, Method, filled, time, violations};
use super::rules::{Leaf, Rule, leaves};

const TOO_LONG: &str = "FIELD_TOO_LONG";
const INVALID: &str = "FIELD_INVALID";
const OUT_OF_RANGE: &str = "FIELD_OUT_OF_RANGE";
const REQUIRED: &str = "FIELD_REQUIRED";

/// 2000-01-01 and 2100-01-01.
const SERVED: (i64, i64) = (946_684_800, 4_102_444_800);
/// 0001-01-01 and the end of 9999.
const VALID: (i64, i64) = (-62_135_596_800, 253_402_300_799);

fn text(value: impl Into<String>) -> Value {
    Value::String(value.into())
}

impl Filled {
    /// Makes sure that the request is refused, the field named with its reason.
    async fn refuses(&self, method: &Method, leaf: &Leaf, request: &DynamicMessage, reason: &str) -> Status {
        let case = format!("{} {} {reason}", method.name, leaf.name);
        let Err(status) = method.call(&self.server, request).await else { panic!("{case}: it was taken") };
        assert_eq!(status.code(), Code::InvalidArgument, "{case}: {status:?}");
        let named = violations(&status);
        // Where a part is missing, its own fields may be named.
        let is_part = |field: &str| reason == REQUIRED && field.starts_with(&format!("{}.", leaf.name));
        let of_field: Vec<_> = named.iter().filter(|(field, _)| *field == leaf.name || is_part(field)).collect();
        assert!(of_field.iter().any(|(_, given)| given == reason), "{case}: {named:?}");
        let fields: std::collections::BTreeSet<_> = of_field.iter().map(|(field, _)| field).collect();
        assert_eq!(of_field.len(), fields.len(), "{case}: once: {named:?}");
        assert!(status.message().contains(&named[0].0), "{case}: {}", status.message());
        status
    }

    /// Makes sure that nothing is wrong with the field; something else may be.
    async fn takes(&self, method: &Method, leaf: &Leaf, request: &DynamicMessage) {
        let Err(status) = method.call(&self.server, request).await else { return };
        let case = format!("{} {}: {status:?}", method.name, leaf.name);
        assert!(
            ![Code::Internal, Code::Unknown, Code::Unavailable, Code::DeadlineExceeded].contains(&status.code()),
            "{case}"
        );
        let named = violations(&status);
        let unknown = ["UNKNOWN_OPTION", "UNKNOWN_OPTION_VALUE", "CURSOR_INVALID", "PLACEHOLDERS_DIFFER"];
        let wrong = |(field, reason): &&(String, String)| *field == leaf.name && !unknown.contains(&reason.as_str());
        assert_eq!(named.iter().find(wrong), None, "{case}");
    }

    async fn keeps(&self, method: &Method, leaf: &Leaf, rule: &Rule) {
        let good = &leaf.alone(&method.good);
        let with = |value| leaf.with(good, value);
        match *rule {
            Rule::Characters(most) => {
                let reason = if leaf.name == "page_token" { "PAGE_TOKEN_INVALID" } else { TOO_LONG };
                let status = self.refuses(method, leaf, &with(text("я".repeat(most + 1))), reason).await;
                let info = status.get_error_details().error_info().cloned().unwrap();
                if reason == TOO_LONG && info.metadata["field"] == leaf.name {
                    assert_eq!(info.metadata["max"], most.to_string(), "{} {}", method.name, leaf.name);
                }
                let nul = if leaf.name == "page_token" { reason } else { INVALID };
                self.refuses(method, leaf, &with(text("a\0b")), nul).await;
            }
            Rule::Bytes(most) => {
                for long in ["x".repeat(most + 1), "я".repeat(most / 2 + 1)] {
                    let status = self.refuses(method, leaf, &with(text(long)), TOO_LONG).await;
                    assert_eq!(status.get_error_details().error_info().unwrap().metadata["max"], most.to_string());
                }
                for taken in ["x".repeat(most), "я".repeat(most / 2)] {
                    self.takes(method, leaf, &with(text(taken))).await;
                }
                self.refuses(method, leaf, &with(text("a\0b")), INVALID).await;
            }
            Rule::Elements(most) => {
                let status = self.refuses(method, leaf, &leaf.repeated(good, most + 1), TOO_LONG).await;
                let info = status.get_error_details().error_info().cloned().unwrap();
                if info.metadata["field"] == leaf.name {
                    assert_eq!(info.metadata["max"], most.to_string(), "{} {}", method.name, leaf.name);
                }
                self.takes(method, leaf, &leaf.repeated(good, most)).await;
            }
            Rule::Required => {
                self.refuses(method, leaf, &leaf.without(good), REQUIRED).await;
                if matches!(leaf.field.kind(), prost_reflect::Kind::String) && !leaf.field.is_list() {
                    self.refuses(method, leaf, &with(text(" \t ")), REQUIRED).await;
                }
            }
            Rule::Numbers(least, most) => {
                let number = |number: i64| leaf.number(number);
                // 0 is not given.
                for wrong in [least - 1, most + 1, i64::from(i32::MIN), i64::from(i32::MAX)] {
                    self.refuses(method, leaf, &with(number(wrong)), OUT_OF_RANGE).await;
                }
                self.refuses(method, leaf, &with(number(-1)), OUT_OF_RANGE).await;
                for taken in [0, least, most] {
                    self.takes(method, leaf, &with(number(taken))).await;
                }
            }
            Rule::NotNegative => {
                self.refuses(method, leaf, &with(leaf.number(-1)), OUT_OF_RANGE).await;
                self.takes(method, leaf, &with(leaf.number(i32::MAX.into()))).await;
            }
            Rule::Enum => {
                for unknown in [99, -1] {
                    self.refuses(method, leaf, &with(Value::EnumNumber(unknown)), INVALID).await;
                }
            }
            Rule::Uuid => {
                for wrong in ["no", "0a4c0c5e-2f6e-4a9e-9d5b-3b0d4c0f1a1", "a\0b"] {
                    self.refuses(method, leaf, &with(text(wrong)), INVALID).await;
                }
            }
            Rule::Word => {
                for wrong in ["zz", "RU", "Sedan"] {
                    self.refuses(method, leaf, &with(text(wrong)), INVALID).await;
                }
            }
            Rule::Language => {
                for wrong in ["r", "%%", "1u", "-ru", "рус"] {
                    self.refuses(method, leaf, &with(text(wrong)), INVALID).await;
                }
            }
            // It is never changed.
            Rule::Currency if method.name.ends_with("UpdateTenant") => {}
            Rule::Currency => {
                for wrong in ["KG", "KGSS", "kgs", "К", "KG5", "12345678"] {
                    self.refuses(method, leaf, &with(text(wrong)), INVALID).await;
                }
                self.takes(method, leaf, &with(text("USD"))).await;
            }
            Rule::Time => {
                for (seconds, nanos) in [(VALID.0 - 1, 0), (VALID.1 + 1, 0), (0, -1), (0, 1_000_000_000)] {
                    self.refuses(method, leaf, &with(leaf.message(&time(seconds, nanos))), INVALID).await;
                }
                for seconds in if leaf.rules().contains(&Rule::Served) { [SERVED.1; 2] } else { [VALID.0, VALID.1] } {
                    self.takes(method, leaf, &with(leaf.message(&time(seconds, 0)))).await;
                }
            }
            Rule::Served => {
                for (seconds, nanos) in [(SERVED.0 - 1, 999_999_999), (SERVED.1, 1), (VALID.0, 0), (VALID.1, 0)] {
                    self.refuses(method, leaf, &with(leaf.message(&time(seconds, nanos))), OUT_OF_RANGE).await;
                }
                // An end then is before the beginning, and a key's has passed.
                if !["valid_to", "expires_at"].iter().any(|end| leaf.name.ends_with(end)) {
                    self.takes(method, leaf, &with(leaf.message(&time(SERVED.0, 0)))).await;
                }
            }
            Rule::Money => self.keeps_money(method, leaf).await,
        }
    }

    async fn keeps_money(&self, method: &Method, leaf: &Leaf) {
        let money = |currency: &str, units, nanos| {
            let money = Money { currency_code: currency.into(), units, nanos };
            leaf.with(&method.good, leaf.message(&money.encode_to_vec()))
        };
        let Some(Value::Message(now)) = leaf.get(&method.good) else { panic!("{} is not given", leaf.name) };
        let now = Money::decode(now.encode_to_vec().as_slice()).unwrap();
        let (cent, most) = (10_000_000, 100_000_000);
        for (units, nanos) in [(most, cent), (most + 1, 0), (0, -cent), (-1, 0), (i64::MAX, 0), (i64::MIN, 0)] {
            self.refuses(method, leaf, &money("", units, nanos), OUT_OF_RANGE).await;
        }
        for (units, nanos) in [(1, 1), (1, cent / 10), (1, -cent), (-1, cent), (1, 1_000_000_000), (1, i32::MIN)] {
            self.refuses(method, leaf, &money("", units, nanos), INVALID).await;
        }
        for currency in ["USD", "kgs", "KG"] {
            self.refuses(method, leaf, &money(currency, now.units, 0), INVALID).await;
        }
        for (currency, units, nanos) in [("KGS", most, 0), (" ", most - 1, 99 * cent), ("", now.units, cent)] {
            self.takes(method, leaf, &money(currency, units, nanos)).await;
        }
    }
}

#[tokio::test]
async fn every_request_is_taken_and_refused_as_the_contract_says() {
    let filled = filled().await;
    white_space_around_a_value_is_dropped(&filled).await;
    the_longest_of_everything_is_taken_and_all_that_is_too_long_is_named_at_once(&filled).await;
    every_field_keeps_what_its_comment_promises(&filled).await;
}

async fn every_field_keeps_what_its_comment_promises(filled: &Filled) {
    let mut kept = std::collections::BTreeMap::<String, usize>::new();
    for method in &filled.methods {
        for leaf in leaves(&method.good) {
            for rule in leaf.rules() {
                filled.keeps(method, &leaf, &rule).await;
                let name = format!("{rule:?}");
                *kept.entry(name.split('(').next().unwrap().to_owned()).or_default() += 1;
            }
        }
    }
    println!("{kept:?}");
    // Not fewer than there were: a comment that loses its promise is seen here.
    for (rule, least) in [
        ("Characters", 120),
        ("Bytes", 1),
        ("Elements", 12),
        ("Required", 80),
        ("Numbers", 15),
        ("NotNegative", 12),
        ("Enum", 16),
        ("Uuid", 8),
        ("Word", 10),
        ("Language", 7),
        ("Currency", 1),
        ("Time", 6),
        ("Served", 4),
        ("Money", 4),
    ] {
        assert!(kept.get(rule).is_some_and(|count| *count >= least), "{rule}: {kept:?}");
    }
}

async fn the_longest_of_everything_is_taken_and_all_that_is_too_long_is_named_at_once(filled: &Filled) {
    let (mut longest, mut named) = (0, 0);
    for method in &filled.methods {
        let leaves: Vec<Leaf> = leaves(&method.good);
        let caps: Vec<(&Leaf, usize)> = leaves
            .iter()
            .filter(|leaf| leaf.name != "page_token" && leaf.name != "key_prefix")
            .filter_map(|leaf| {
                leaf.rules().into_iter().find_map(|rule| match rule {
                    Rule::Characters(most) => Some((leaf, most)),
                    _ => None,
                })
            })
            .collect();
        if caps.is_empty() {
            continue;
        }
        for letter in ["x", "я"] {
            let mut request = method.good.clone();
            for (leaf, most) in &caps {
                leaf.set(&mut request, text(format!("  {}\t", letter.repeat(*most))));
            }
            let status = method.call(&filled.server, &request).await.err();
            let of_ours = [Some(Code::Internal), Some(Code::Unknown), Some(Code::Unavailable)];
            assert!(!of_ours.contains(&status.as_ref().map(Status::code)), "{} {status:?}", method.name);
            let refused = status.as_ref().map(violations).unwrap_or_default();
            for (field, reason) in refused {
                // Texts keep their white space.
                let is_padded = (field.ends_with(".value") || field.contains(".list.items"))
                    && method.name.ends_with("UpsertTexts");
                assert!(reason != TOO_LONG || is_padded, "{} {field}", method.name);
            }
            longest += caps.len();
        }
        let mut request = method.good.clone();
        for (leaf, most) in &caps {
            leaf.set(&mut request, text("x".repeat(most + 1)));
        }
        let status = method.call(&filled.server, &request).await.unwrap_err();
        let refused = violations(&status);
        for (leaf, _) in &caps {
            let is_named = refused.iter().any(|(field, reason)| *field == leaf.name && reason == TOO_LONG);
            assert!(is_named, "{} {}: {refused:?}", method.name, leaf.name);
            named += 1;
        }
    }
    assert!(longest > 150 && named > 75, "{longest} {named}");
}

async fn white_space_around_a_value_is_dropped(filled: &Filled) {
    let mut padded = 0;
    for method in &filled.methods {
        let good = method.call(&filled.server, &method.good).await;
        let answered = |answer: &Result<_, Status>| match answer {
            Ok(_) => String::new(),
            Err(status) => format!("{:?} {:?}", status.code(), violations(status)),
        };
        let expected = answered(&good);
        assert!(
            !expected.starts_with("NotFound") || method.name.ends_with("DeleteAlias"),
            "{} {expected}",
            method.name
        );
        for leaf in leaves(&method.good) {
            let given = current(&leaf, &method.good);
            let Some(given) = given.filter(|given| !given.is_empty() && !leaf.name.ends_with("paths")) else {
                continue;
            };
            let request = leaf.with(&leaf.alone(&method.good), text(format!(" \t{given}\u{a0}\n")));
            let again = answered(&method.call(&filled.server, &request).await);
            // What was made or forgotten by the good request is there, or gone, by now.
            let is_done =
                ["CreateTenant", "CreateCategory", "CreateOption", "CreatePattern", "CreateApplication", "DeleteAlias"]
                    .iter()
                    .any(|name| method.name.ends_with(name));
            assert!(
                again == expected || is_done && !again.starts_with("InvalidArgument"),
                "{} {}: {again}",
                method.name,
                leaf.name
            );
            padded += 1;
        }
    }
    assert!(padded > 80, "{padded}");
}

/// The string that stands there.
fn current(leaf: &Leaf, request: &DynamicMessage) -> Option<String> {
    match leaf.get(request)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}
