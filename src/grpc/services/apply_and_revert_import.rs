//! ApplyImport and RevertImport: what was decided about an import that was read. They are carried out in
//! [`crate::import::apply`].

use super::imports::scope_and_id;
use crate::domain::Result;
use crate::domain::import::Import;
use crate::grpc::Services;
use crate::grpc::convert;
use crate::grpc::validation::{Validator, check_etag};
use crate::import::apply::{apply, revert};
use crate::proto::lekalo::v1 as pb;

pub async fn apply_import(services: &Services, request: pb::ApplyImportRequest) -> Result<pb::ApplyImportResponse> {
    let mut check = Validator::default();
    let etag = check.optional_name("etag", request.etag);
    let (scope, id) = scope_and_id(services, check, request.tenant, request.id).await?;
    let is_current = |import: &Import| check_etag(&etag, import.revision);
    let import = apply(&services.db, &services.live_index, scope.tenant.id, id, is_current).await?;
    Ok(pb::ApplyImportResponse { import: Some(convert::import(&scope.tenant.slug, import)) })
}

pub async fn revert_import(services: &Services, request: pb::RevertImportRequest) -> Result<pb::RevertImportResponse> {
    let mut check = Validator::default();
    let etag = check.optional_name("etag", request.etag);
    let (scope, id) = scope_and_id(services, check, request.tenant, request.id).await?;
    let import = revert(&services.db, scope.tenant.id, id, |import| check_etag(&etag, import.revision)).await?;
    Ok(pb::RevertImportResponse { import: Some(convert::import(&scope.tenant.slug, import)) })
}
