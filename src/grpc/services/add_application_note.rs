//! AddApplicationNote: what a manager wants to remember of an application, in its history.

use super::applications::application_id;
use crate::domain::Result;
use crate::domain::application::{MAX_ACTOR, MAX_NOTE};
use crate::grpc::Services;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn add_application_note(
    services: &Services,
    mut request: pb::AddApplicationNoteRequest,
) -> Result<pb::AddApplicationNoteResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let id = check.name("id", request.id);
    let actor = check.required_text("actor", request.actor, MAX_ACTOR);
    let note = check.required_text("note", request.note, MAX_NOTE);

    let scope = services.scope(check, &tenant).await?;
    let id = application_id(&id)?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let application = tx.add_application_note(id, &actor, &note).await?;
        Ok(pb::AddApplicationNoteResponse { application: Some(application.into()) })
    });
    let answer = answer.await?;
    services.feeds.appended();
    Ok(answer)
}
