//! TransitionApplication: an application moves on, along the ways that [`application::Status::next`] knows.

use super::applications::application_id;
use crate::domain::Result;
use crate::domain::application::{self, Application, MAX_ACTOR, MAX_NOTE};
use crate::domain::error::Error;
use crate::grpc::Services;
use crate::grpc::convert;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{Validator, check_etag};
use crate::proto::lekalo::v1 as pb;

pub async fn transition_application(
    services: &Services,
    mut request: pb::TransitionApplicationRequest,
) -> Result<pb::TransitionApplicationResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let id = check.name("id", request.id);
    let to: pb::ApplicationStatus = check.required_enumeration("to", request.to);
    let actor = check.required_text("actor", request.actor, MAX_ACTOR);
    let note = check.text("note", request.note, MAX_NOTE);
    let etag = check.optional_name("etag", request.etag);
    let to = check.done_with(convert::application_status(to))?;

    let tenant = services.find_tenant(&tenant).await?;
    let id = application_id(&id)?;
    let tx = services.db.tenant(tenant.id).write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let application = tx.get_application(id).await?;
        check_etag(&etag, application.revision).map_err(|error| told_who(error, &application))?;
        if !application.status.next().contains(&to) {
            return Err(told_who(illegal(application.status, to), &application));
        }
        let application = tx.move_application(&application, to, &actor, &note).await?;
        Ok(pb::TransitionApplicationResponse { application: Some(application.into()) })
    });
    let answer = answer.await?;
    services.feeds.appended();
    Ok(answer)
}

/// Who comes too late hears who was faster.
fn told_who(mut error: Error, application: &Application) -> Error {
    if let Error::Aborted { metadata, .. } | Error::FailedPrecondition { metadata, .. } = &mut error {
        metadata.extend(application.assigned());
    }
    error
}

fn illegal(from: application::Status, to: application::Status) -> Error {
    let wire = |status: application::Status| status.word().to_uppercase();
    let allowed = from.next().iter().map(|status| wire(*status)).collect::<Vec<_>>().join(",");
    let ways = if allowed.is_empty() { "nowhere: it stays so" } else { &allowed };
    Error::FailedPrecondition {
        reason: "ILLEGAL_TRANSITION",
        message: format!("an application that is {} cannot become {}; it goes to {ways}", wire(from), wire(to)),
        metadata: vec![("from", wire(from)), ("to", wire(to)), ("allowed", allowed)],
    }
}
