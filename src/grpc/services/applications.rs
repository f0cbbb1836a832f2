//! GetApplication and ListApplications: leads, and where they stand.

use uuid::Uuid;

use super::phones::{e164, read_phone};
use crate::domain::Result;
use crate::domain::application::{Filter, MAX_ACTOR, MAX_SEARCHED, read_number};
use crate::domain::error::{Error, Kind};
use crate::grpc::Services;
use crate::grpc::convert::{self, count, fitting};
use crate::grpc::validation::{MAX_EXTERNAL_ID, Validator, given};
use crate::proto::lekalo::v1 as pb;

pub async fn get_application(
    services: &Services,
    request: pb::GetApplicationRequest,
) -> Result<pb::GetApplicationResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let id = check.name("id", request.id);

    let scope = services.scope(check, &tenant).await?;
    let application = scope.own.get_application(application_id(&id)?).await?;
    let mut events = Vec::new();
    if request.with_history {
        for event in scope.own.list_application_history(&application).await? {
            let event = convert::application_event(scope.tenant.id, event);
            events.push(pb::ApplicationEvent { application: None, ..event });
        }
        // The newest of them, where they are more than any client takes.
        events.reverse();
        events.truncate(convert::how_many_fit(&events));
        events.reverse();
    }
    Ok(pb::GetApplicationResponse { application: Some(application.into()), events })
}

pub async fn list_applications(
    services: &Services,
    request: pb::ListApplicationsRequest,
) -> Result<pb::ListApplicationsResponse> {
    let mut check = Validator::default();
    let status: pb::ApplicationStatus = check.enumeration("status", request.status);
    let kind: pb::ApplicationKind = check.enumeration("kind", request.kind);
    let channel: pb::Channel = check.enumeration("channel", request.channel);
    let texts = format!(
        "{:?}",
        (
            (&request.external_id, &request.phone, &request.number, &request.assignee, &request.text),
            (&request.external_ref_system, &request.external_ref_id),
        )
    );
    let number = given(check.optional_name("number", request.number));
    let mut filter = Filter {
        status: convert::application_status(status),
        kind: convert::application_kind(kind),
        created_after: check.any_time("created_after", request.created_after),
        created_before: check.any_time("created_before", request.created_before),
        channel: convert::channel(channel),
        external_id: given(check.text("external_id", request.external_id, MAX_EXTERNAL_ID)),
        phone: given(read_phone(&mut check, "phone", request.phone)),
        number: number.as_deref().and_then(read_number),
        assignee: given(check.text("assignee", request.assignee, MAX_ACTOR)),
        text: given(check.words("text", request.text, MAX_SEARCHED)),
        external_ref_system: given(check.optional_name("external_ref_system", request.external_ref_system)),
        external_ref_id: given(check.text("external_ref_id", request.external_ref_id, MAX_EXTERNAL_ID)),
    };
    if filter.external_ref_id.is_some() && filter.external_ref_system.is_none() {
        check.refuse("external_ref_system", "FIELD_REQUIRED", "must be given with external_ref_id");
    }
    if number.is_some() && filter.number.is_none() {
        check.refuse("number", "FIELD_INVALID", "must be the eight digits of a number, such as 2F7E1A90");
    }
    if let (Some(after), Some(before)) = (filter.created_after, filter.created_before)
        && before <= after
    {
        check.refuse("created_before", "FIELD_OUT_OF_RANGE", "must be after created_after");
    }
    let filter_text = format!(
        "{:?}",
        (filter.status, filter.kind, filter.channel, filter.created_after, filter.created_before, texts)
    );
    let bound_to = ["list_applications", &request.tenant, &filter_text];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);

    let scope = services.scope(check, &tenant).await?;
    if let Some(phone) = &mut filter.phone {
        *phone = e164(&scope.tenant, "phone", phone)?;
    }
    let found = scope.own.list_applications(&filter, &page).await?;
    let total_size = count(found.total);
    let (applications, next_page_token) = fitting(&page, found, Into::into);
    Ok(pb::ListApplicationsResponse { applications, next_page_token, total_size })
}

/// What is not a UUID is no application of ours.
pub fn application_id(id: &str) -> Result<Uuid> {
    Uuid::parse_str(id).map_err(|_| Error::not_found(Kind::Application, id))
}
