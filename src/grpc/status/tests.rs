use std::io::{Read as _, Seek as _};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::domain::error::Kind;
use crate::proto::lekalo::v1::ErrorReason;

const KINDS: [Kind; 8] = [
    Kind::Tenant,
    Kind::Category,
    Kind::Brand,
    Kind::Model,
    Kind::Import,
    Kind::Pattern,
    Kind::Alias,
    Kind::Application,
];

/// All that a client is told, in one line.
fn describe(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().expect("no ErrorInfo");
    assert_eq!(info.domain, "lekalo");
    let mut line = format!("{:?} {} | {}", status.code(), status.message(), info.reason);
    let mut metadata: Vec<_> = info.metadata.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    metadata.sort();
    line.extend(metadata);
    for violation in details.bad_request().into_iter().flat_map(|bad| &bad.field_violations) {
        line.push_str(&format!(" | {} {}: {}", violation.field, violation.reason, violation.description));
    }
    if let Some(resource) = details.resource_info() {
        let tonic_types::ResourceInfo { resource_type, resource_name, owner, description } = resource;
        line.push_str(&format!(" | {resource_type} {resource_name}{owner} {description}"));
    }
    if let Some(retry) = details.retry_info() {
        line.push_str(&format!(" | retry after {:?}", retry.retry_delay.unwrap()));
    }
    line
}

#[test]
fn each_kind_of_error_is_told_completely() {
    let message = || "what happened".to_owned();
    let after = Duration::from_millis(1500);
    let wrong =
        Violation { metadata: vec![("max", "5".into())], ..Violation::new("a.b", "FIELD_TOO_LONG", "too long") };
    let also = Violation { metadata: vec![("no", "no".into())], ..Violation::new("c", "FIELD_REQUIRED", "missing") };
    for (error, expected) in [
        (
            Error::Invalid(vec![wrong, also]),
            "InvalidArgument a.b: too long; c: missing | FIELD_TOO_LONG field=a.b max=5 | a.b FIELD_TOO_LONG: too long | \
             c FIELD_REQUIRED: missing",
        ),
        (
            Error::invalid("x", "FIELD_INVALID", "is not it"),
            "InvalidArgument x: is not it | FIELD_INVALID field=x | x FIELD_INVALID: is not it",
        ),
        (
            Error::not_found(Kind::Model, "camry"),
            "NotFound model `camry` does not exist | MODEL_NOT_FOUND model=camry | model camry does not exist",
        ),
        (
            Error::AlreadyExists {
                reason: "ALIAS_TAKEN",
                message: message(),
                metadata: vec![("alias", "камри".into()), ("brand", "toyota".into())],
            },
            "AlreadyExists what happened | ALIAS_TAKEN alias=камри brand=toyota | alias камри exists already",
        ),
        (
            Error::FailedPrecondition {
                reason: "ILLEGAL_TRANSITION",
                message: message(),
                metadata: vec![("from", "a".into()), ("to", "b".into())],
            },
            "FailedPrecondition what happened | ILLEGAL_TRANSITION from=a to=b",
        ),
        (
            Error::Aborted { reason: "ETAG_MISMATCH", message: message(), metadata: vec![] },
            "Aborted what happened | ETAG_MISMATCH",
        ),
        (
            Error::Unavailable { reason: "DATABASE_UNAVAILABLE", message: message(), retry_after: after, source: None },
            "Unavailable what happened | DATABASE_UNAVAILABLE | retry after 1.5s",
        ),
        (
            Error::ResourceExhausted { reason: "OVERLOADED", message: message(), retry_after: after },
            "ResourceExhausted what happened | OVERLOADED | retry after 1.5s",
        ),
        (
            Error::DeadlineExceeded,
            "DeadlineExceeded the deadline passed before the answer was ready | DEADLINE_EXCEEDED",
        ),
    ] {
        assert_eq!(describe(&Status::from(error)), expected);
    }
    assert_eq!(
        describe(&shutting_down()),
        "Unavailable this server is stopping; retry, another one will answer | SHUTTING_DOWN | retry after 1s"
    );
    assert_eq!(
        describe(&Status::from(crate::db::unavailable())),
        "Unavailable the database is out of reach; retry shortly | DATABASE_UNAVAILABLE | retry after 2s"
    );
}

#[test]
fn each_kind_of_thing_has_a_reason_that_the_contract_lists() {
    for kind in KINDS {
        let line = describe(&Status::from(Error::not_found(kind, "x")));
        let (name, reason) = (kind.name(), kind.not_found_reason());
        assert_eq!(line, format!("NotFound {name} `x` does not exist | {reason} {name}=x | {name} x does not exist"));
        assert_eq!(reason, format!("{}_NOT_FOUND", name.to_uppercase()));
        assert!(ErrorReason::from_str_name(&format!("ERROR_REASON_{reason}")).is_some(), "{reason}");
    }
}

#[test]
fn what_the_transport_refuses_has_details_too() {
    for (code, expected) in [
        (Code::Unimplemented, "Unimplemented this server does not answer this method (yet) | UNIMPLEMENTED"),
        (Code::Internal, "InvalidArgument the message is not one of the contract's | MESSAGE_INVALID"),
        (
            Code::OutOfRange,
            "InvalidArgument the message is larger than 4 MiB | FIELD_TOO_LONG field=message max=4194304",
        ),
        (Code::Cancelled, "Cancelled the call could not be carried out | TRANSPORT"),
        (Code::Unknown, "Unknown the call could not be carried out | TRANSPORT"),
    ] {
        assert_eq!(describe(&from_transport(code)), expected);
    }
}

/// How much of a client's 8 KiB the trailers take.
fn trailers(status: &Status) -> usize {
    let mut trailers = http::HeaderMap::new();
    status.add_header(&mut trailers).unwrap();
    trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

#[test]
fn what_would_not_fit_into_trailers_is_cut() {
    let long = |place: usize| Violation::new(format!("texts[{place}]"), "FIELD_INVALID", "ы".repeat(place * 100));
    let status = Status::from(Error::Invalid((0..200).map(long).collect()));
    assert!(status.message().len() <= MAX_MESSAGE && status.message().ends_with('…'));
    let details = status.get_error_details();
    assert!((4..10).contains(&details.bad_request().unwrap().field_violations.len()));
    assert!(trailers(&status) < 8 << 10, "{}", trailers(&status));

    let long = || "ы".repeat(100_000);
    for error in [
        Error::not_found(Kind::Application, long()),
        Error::AlreadyExists {
            reason: "ALIAS_TAKEN",
            message: long(),
            metadata: vec![("alias", long()), ("brand", long()), ("model", long())],
        },
        Error::FailedPrecondition { reason: "X", message: long(), metadata: vec![("a", long()), ("b", long())] },
        Error::Aborted { reason: "X", message: long(), metadata: vec![] },
        Error::Unavailable { reason: "X", message: long(), retry_after: Duration::ZERO, source: None },
        Error::ResourceExhausted { reason: "X", message: long(), retry_after: Duration::ZERO },
    ] {
        let status = Status::from(error);
        assert!(trailers(&status) < 8 << 10, "{}: {}", trailers(&status), status.message());
        assert!(status.message().ends_with('…'), "{}", status.message());
        let details = status.get_error_details();
        for value in details.error_info().unwrap().metadata.values() {
            assert!(value.len() <= MAX_VALUE && value.len() > MAX_VALUE - 4 && value.ends_with('…'), "{value}");
        }
    }
}

#[test]
fn a_text_is_cut_where_it_must_be_and_nowhere_else() {
    for letter in ["a", "ы", "€", "🚗"] {
        for length in 0..200 {
            let text = letter.repeat(length);
            let cut = shortened(text.clone(), 100);
            if text.len() <= 100 {
                assert_eq!(cut, text);
            } else {
                assert!(cut.len() <= 100 && cut.len() > 100 - 4, "{} bytes of {letter}", cut.len());
                assert!(text.starts_with(cut.strip_suffix('…').unwrap()));
            }
        }
    }
}

#[test]
fn an_internal_cause_is_in_the_log_alone_under_the_id_that_the_client_gets() {
    let mut file = tempfile::tempfile().unwrap();
    let writer = Arc::new(file.try_clone().unwrap());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
    let statuses = tracing::subscriber::with_default(subscriber, || {
        ["first secret cause", "second secret cause"].map(|cause| Status::from(Error::internal(cause)))
    });
    let mut log = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut log).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    for (status, (line, cause)) in statuses.iter().zip(lines.iter().zip(["first secret cause", "second secret cause"]))
    {
        let id = status.get_error_details().error_info().unwrap().metadata["error_id"].clone();
        assert_eq!(describe(status), format!("Internal internal error | INTERNAL error_id={id}"));
        assert!(uuid::Uuid::parse_str(&id).is_ok(), "{id}");
        assert!(line.contains("ERROR") && line.contains(&format!("\"{id}\"")) && line.contains(cause), "{line}");
        let everything = format!("{status:?} {}", String::from_utf8_lossy(status.details()));
        assert!(!everything.contains("secret"), "{everything}");
    }
}
