//! GetApplication and ListApplications: leads, and where they stand.

use uuid::Uuid;

use crate::domain::Result;
use crate::domain::application::Filter;
use crate::domain::error::{Error, Kind};
use crate::grpc::Services;
use crate::grpc::convert::{self, count, fitting};
use crate::grpc::validation::Validator;
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
    Ok(pb::GetApplicationResponse { application: Some(application.into()) })
}

pub async fn list_applications(
    services: &Services,
    request: pb::ListApplicationsRequest,
) -> Result<pb::ListApplicationsResponse> {
    let mut check = Validator::default();
    let status: pb::ApplicationStatus = check.enumeration("status", request.status);
    let kind: pb::ApplicationKind = check.enumeration("kind", request.kind);
    let filter = Filter {
        status: convert::application_status(status),
        kind: convert::application_kind(kind),
        created_after: check.any_time("created_after", request.created_after),
        created_before: check.any_time("created_before", request.created_before),
    };
    if let (Some(after), Some(before)) = (filter.created_after, filter.created_before)
        && before <= after
    {
        check.refuse("created_before", "FIELD_OUT_OF_RANGE", "must be after created_after");
    }
    let filter_text = format!("{filter:?}");
    let bound_to = ["list_applications", &request.tenant, &filter_text];
    let page = check.page(request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);

    let scope = services.scope(check, &tenant).await?;
    let found = scope.own.list_applications(&filter, &page).await?;
    let total_size = count(found.total);
    let (applications, next_page_token) = fitting(&page, found, Into::into);
    Ok(pb::ListApplicationsResponse { applications, next_page_token, total_size })
}

/// What is not a UUID is no application of ours.
pub fn application_id(id: &str) -> Result<Uuid> {
    Uuid::parse_str(id).map_err(|_| Error::not_found(Kind::Application, id))
}
