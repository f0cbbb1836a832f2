//! Domain errors as gRPC statuses with `google.rpc` details. The one place where an error meets the wire: what is not
//! named here does not leave the process.

use std::collections::HashMap;

use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use super::compression::ENCODINGS;
use super::{MAX_REQUEST_BYTES, call};
use crate::db::advice::chain;
use crate::domain::Error;
use crate::domain::error::Violation;

/// `ErrorInfo.domain` of every error.
const DOMAIN: &str = "lekalo";

// Errors travel in trailers, of which clients take 8 KiB: the message percent-encoded and once more in the details, those
// in base64. More would be a broken connection to them.
/// The most bytes of a message.
const MAX_MESSAGE: usize = 768;
/// The most bytes of all violations together.
const MAX_VIOLATIONS: usize = 2560;
/// The most bytes of one description or metadata value.
const MAX_VALUE: usize = 512;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = shortened(error.to_string(), MAX_MESSAGE);
        let mut details = ErrorDetails::new();
        let code = match error {
            Error::Invalid(violations) => {
                if let Some(first) = violations.first() {
                    let metadata = first.metadata.iter().cloned().chain([("field", first.field.clone())]);
                    info(&mut details, first.reason, metadata);
                }
                details.set_bad_request(field_violations(violations));
                Code::InvalidArgument
            }
            Error::NotFound { kind, name } => {
                info(&mut details, kind.not_found_reason(), [(kind.name(), name.clone())]);
                details.set_resource_info(kind.name(), shortened(name, MAX_VALUE), "", "does not exist");
                Code::NotFound
            }
            Error::AlreadyExists { reason, metadata, .. } => {
                if let Some((kind, name)) = metadata.first() {
                    details.set_resource_info(*kind, shortened(name.clone(), MAX_VALUE), "", "exists already");
                }
                info(&mut details, reason, metadata);
                Code::AlreadyExists
            }
            Error::FailedPrecondition { reason, metadata, .. } => {
                info(&mut details, reason, metadata);
                Code::FailedPrecondition
            }
            Error::Aborted { reason, metadata, .. } => {
                info(&mut details, reason, metadata);
                Code::Aborted
            }
            Error::Unavailable { reason, retry_after, .. } => {
                info(&mut details, reason, []);
                details.set_retry_info(Some(retry_after));
                Code::Unavailable
            }
            Error::ResourceExhausted { reason, retry_after, .. } => {
                info(&mut details, reason, []);
                details.set_retry_info(Some(retry_after));
                Code::ResourceExhausted
            }
            Error::Unauthenticated { reason, .. } => {
                info(&mut details, reason, []);
                Code::Unauthenticated
            }
            Error::PermissionDenied { reason, metadata, .. } => {
                info(&mut details, reason, metadata);
                Code::PermissionDenied
            }
            Error::DeadlineExceeded => {
                info(&mut details, "DEADLINE_EXCEEDED", []);
                Code::DeadlineExceeded
            }
            Error::Internal(cause) => {
                let error_id = uuid::Uuid::now_v7().to_string();
                let request_id = call::request_id();
                tracing::error!(error_id, request_id, cause = %chain(&*cause), "internal error");
                let request_id = request_id.map(|id| ("request_id", id));
                info(&mut details, "INTERNAL", [("error_id", error_id)].into_iter().chain(request_id));
                Code::Internal
            }
        };
        Status::with_error_details(code, message, details)
    }
}

/// As many as there is room for.
fn field_violations(violations: Vec<Violation>) -> Vec<FieldViolation> {
    let mut room = MAX_VIOLATIONS;
    let mut shown = Vec::new();
    for Violation { field, reason, description, .. } in violations {
        let description = shortened(description, MAX_VALUE);
        let size = field.len() + reason.len() + description.len();
        if size > room {
            break;
        }
        room -= size;
        shown.push(FieldViolation { field, description, reason: reason.to_owned(), ..FieldViolation::default() });
    }
    shown
}

/// At most `max` bytes of a text.
fn shortened(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max - '…'.len_utf8()));
        text.push('…');
    }
    text
}

fn info(details: &mut ErrorDetails, reason: &str, metadata: impl IntoIterator<Item = (&'static str, String)>) {
    let metadata: HashMap<String, String> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), shortened(value, MAX_VALUE))).collect();
    details.set_error_info(reason, DOMAIN, metadata);
}

/// A status that the transport made of a request no handler saw, with details like every other; its own words stay here.
pub fn from_transport(code: Code) -> Status {
    match code {
        Code::Unimplemented => {
            transport_status(code, "UNIMPLEMENTED", "this server does not answer this method (yet)", [])
        }
        Code::Internal => {
            let message = "the message is not one of the contract's";
            transport_status(Code::InvalidArgument, "MESSAGE_INVALID", message, [])
        }
        Code::OutOfRange => {
            let metadata = [("field", "message".to_owned()), ("max", MAX_REQUEST_BYTES.to_string())];
            transport_status(Code::InvalidArgument, "FIELD_TOO_LONG", "the message is larger than 4 MiB", metadata)
        }
        other => transport_status(other, "TRANSPORT", "the call could not be carried out", []),
    }
}

/// The contract has no method at this path.
pub fn method_unknown(path: &str) -> Status {
    let message = format!("the contract has no method {path}; its names are case-sensitive");
    transport_status(Code::Unimplemented, "METHOD_UNKNOWN", message, [("method", path.to_owned())])
}

/// The request is compressed in a way that is not read here.
pub fn encoding_unsupported(encoding: &str) -> Status {
    let message = format!("the request's grpc-encoding is {encoding}; it may be one of {ENCODINGS}");
    let metadata = [("encoding", encoding.to_owned()), ("supported", ENCODINGS.to_owned())];
    let mut status = transport_status(Code::Unimplemented, "ENCODING_UNSUPPORTED", message, metadata);
    // By this header clients know what to send instead.
    status.metadata_mut().insert("grpc-accept-encoding", MetadataValue::from_static(ENCODINGS));
    status
}

fn transport_status(
    code: Code,
    reason: &str,
    message: impl Into<String>,
    metadata: impl IntoIterator<Item = (&'static str, String)>,
) -> Status {
    let mut details = ErrorDetails::new();
    info(&mut details, reason, metadata);
    Status::with_error_details(code, shortened(message.into(), MAX_MESSAGE), details)
}

/// The service is about to stop.
pub fn shutting_down() -> Status {
    ends("this server is stopping; retry, another one will answer")
}

/// A stream is as old as streams may become.
pub fn connection_aged() -> Status {
    ends("this connection is as old as connections may become; retry, a new one will answer")
}

fn ends(message: &str) -> Status {
    let retry_after = std::time::Duration::from_secs(1);
    Error::Unavailable { reason: "SHUTTING_DOWN", message: message.into(), retry_after, source: None }.into()
}

/// A code's name in the contract, and in the metrics that the gRPC ecosystem's dashboards know, which have Go's.
pub fn names(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::Ok => ("OK", "OK"),
        Code::Cancelled => ("CANCELLED", "Canceled"),
        Code::Unknown => ("UNKNOWN", "Unknown"),
        Code::InvalidArgument => ("INVALID_ARGUMENT", "InvalidArgument"),
        Code::DeadlineExceeded => ("DEADLINE_EXCEEDED", "DeadlineExceeded"),
        Code::NotFound => ("NOT_FOUND", "NotFound"),
        Code::AlreadyExists => ("ALREADY_EXISTS", "AlreadyExists"),
        Code::PermissionDenied => ("PERMISSION_DENIED", "PermissionDenied"),
        Code::ResourceExhausted => ("RESOURCE_EXHAUSTED", "ResourceExhausted"),
        Code::FailedPrecondition => ("FAILED_PRECONDITION", "FailedPrecondition"),
        Code::Aborted => ("ABORTED", "Aborted"),
        Code::OutOfRange => ("OUT_OF_RANGE", "OutOfRange"),
        Code::Unimplemented => ("UNIMPLEMENTED", "Unimplemented"),
        Code::Internal => ("INTERNAL", "Internal"),
        Code::Unavailable => ("UNAVAILABLE", "Unavailable"),
        Code::DataLoss => ("DATA_LOSS", "DataLoss"),
        Code::Unauthenticated => ("UNAUTHENTICATED", "Unauthenticated"),
    }
}

#[cfg(test)]
mod tests;
