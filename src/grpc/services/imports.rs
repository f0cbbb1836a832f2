//! GetImport, ListImports, CancelImport and DeleteImport: what is known of an import, stopping one and forgetting one. Whatever
//! else names one import by the fields `tenant` and `id` begins with [`scope_and_id`].

use uuid::Uuid;

use crate::domain::Result;
use crate::domain::error::{Error, Kind};
use crate::grpc::Services;
use crate::grpc::convert::{self, count, fitting};
use crate::grpc::scope::Scope;
use crate::grpc::validation::{Validator, check_etag};
use crate::import::apply::delete;
use crate::proto::lekalo::v1 as pb;

pub async fn get_import(services: &Services, request: pb::GetImportRequest) -> Result<pb::GetImportResponse> {
    let (scope, id) = scope_and_id(services, Validator::default(), request.tenant, request.id).await?;
    let import = scope.own.get_import(id).await?;
    Ok(pb::GetImportResponse { import: Some(convert::import(&scope.tenant.slug, import)) })
}

pub async fn list_imports(services: &Services, request: pb::ListImportsRequest) -> Result<pb::ListImportsResponse> {
    let mut check = Validator::default();
    let bound_to = ["list_imports", &request.tenant];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);

    let scope = services.scope(check, &tenant).await?;
    let found = scope.own.list_imports(&page).await?;
    let total_size = count(found.total);
    let (imports, next_page_token) = fitting(&page, found, |import| convert::import(&scope.tenant.slug, import));
    Ok(pb::ListImportsResponse { imports, next_page_token, total_size })
}

pub async fn cancel_import(services: &Services, request: pb::CancelImportRequest) -> Result<pb::CancelImportResponse> {
    let (scope, id) = scope_and_id(services, Validator::default(), request.tenant, request.id).await?;
    let import = scope.own.cancel_import(id).await?;
    Ok(pb::CancelImportResponse { import: Some(convert::import(&scope.tenant.slug, import)) })
}

pub async fn delete_import(services: &Services, request: pb::DeleteImportRequest) -> Result<pb::DeleteImportResponse> {
    let mut check = Validator::default();
    let etag = check.optional_name("etag", request.etag);
    let (scope, id) = scope_and_id(services, check, request.tenant, request.id).await?;
    delete(scope.own, id, request.allow_succeeded, |import| check_etag(&etag, import.revision)).await?;
    Ok(pb::DeleteImportResponse {})
}

/// Checks the fields `tenant` and `id` after those that `check` has seen, and finds the tenant.
pub async fn scope_and_id(
    services: &Services,
    mut check: Validator,
    tenant: String,
    id: String,
) -> Result<(Scope<'_>, Uuid)> {
    let tenant = check.name("tenant", tenant);
    let id = check.name("id", id);
    let scope = services.scope(check, &tenant).await?;
    // What is not a UUID is no import of ours.
    let id = Uuid::parse_str(&id).map_err(|_| Error::not_found(Kind::Import, id))?;
    Ok((scope, id))
}
