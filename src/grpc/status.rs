//! Domain errors as gRPC statuses with `google.rpc` details. The one place where an error meets the wire: what is not
//! named here does not leave the process.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::db::failure::chain;
use crate::domain::Error;

/// `ErrorInfo.domain` of every error.
const DOMAIN: &str = "lekalo";

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let mut details = ErrorDetails::new();
        let code = match error {
            Error::Invalid(violations) => {
                if let Some(first) = violations.first() {
                    let metadata = first.metadata.iter().cloned().chain([("field", first.field.clone())]);
                    info(&mut details, first.reason, metadata);
                }
                details.set_bad_request(
                    violations
                        .into_iter()
                        .map(|v| FieldViolation {
                            field: v.field,
                            description: v.description,
                            reason: v.reason.to_owned(),
                            ..FieldViolation::default()
                        })
                        .collect::<Vec<_>>(),
                );
                Code::InvalidArgument
            }
            Error::NotFound { kind, name } => {
                info(&mut details, kind.not_found_reason(), [(kind.name(), name.clone())]);
                details.set_resource_info(kind.name(), name, "", "does not exist");
                Code::NotFound
            }
            Error::AlreadyExists { reason, .. } => {
                info(&mut details, reason, []);
                Code::AlreadyExists
            }
            Error::FailedPrecondition { reason, metadata, .. } => {
                info(&mut details, reason, metadata);
                Code::FailedPrecondition
            }
            Error::Aborted { reason, .. } => {
                info(&mut details, reason, []);
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
            Error::DeadlineExceeded => {
                info(&mut details, "DEADLINE_EXCEEDED", []);
                Code::DeadlineExceeded
            }
            Error::Internal(cause) => {
                let error_id = uuid::Uuid::now_v7().to_string();
                tracing::error!(error_id, cause = %chain(&*cause), "internal error");
                info(&mut details, "INTERNAL", [("error_id", error_id)]);
                Code::Internal
            }
        };
        Status::with_error_details(code, message, details)
    }
}

fn info(details: &mut ErrorDetails, reason: &str, metadata: impl IntoIterator<Item = (&'static str, String)>) {
    let metadata: HashMap<String, String> = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    details.set_error_info(reason, DOMAIN, metadata);
}

/// The service is about to stop.
pub fn shutting_down() -> Status {
    Error::Unavailable {
        reason: "SHUTTING_DOWN",
        message: "this server is stopping; retry, another one will answer".into(),
        retry_after: std::time::Duration::from_secs(1),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::error::Violation;

    #[test]
    fn every_bad_field_is_in_the_details() {
        let violation = |field: &str| Violation::new(field, "FIELD_REQUIRED", "must not be empty");
        let status = Status::from(Error::Invalid(vec![violation("tenant"), violation("category")]));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "tenant: must not be empty; category: must not be empty");
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 2);
        assert_eq!(details.error_info().unwrap().reason, "FIELD_REQUIRED");
    }

    #[test]
    fn an_internal_cause_stays_inside() {
        let status = Status::from(Error::internal("secret driver text"));
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
        assert!(!format!("{status:?}").contains("secret"));
        assert!(status.get_error_details().error_info().unwrap().metadata.contains_key("error_id"));
    }
}
