//! ImportService's decisions about imports that were read: applying, reverting, cancelling.

use tonic::Status;
use uuid::Uuid;

use super::Services;
use super::convert;
use super::import::import_id;
use super::validation::{Validator, check_etag};
use crate::domain::import::Import;
use crate::domain::tenant::Tenant;
use crate::import::apply::{apply, revert};
use crate::proto::lekalo::v1 as pb;

const MAX_ETAG: usize = 64;

impl Services {
    pub(super) async fn apply_import(
        &self,
        request: pb::ApplyImportRequest,
    ) -> Result<pb::ApplyImportResponse, Status> {
        let mut check = Validator::default();
        let etag = check.text("etag", request.etag, MAX_ETAG);
        let (tenant, id) = self.named(check, request.tenant, request.id).await?;
        let is_current = |import: &Import| check_etag(&etag, import.revision);
        let import = apply(&self.db, &self.spellings, tenant.id, id, is_current).await?;
        Ok(pb::ApplyImportResponse { import: Some(convert::import(&tenant.slug, import)) })
    }

    pub(super) async fn revert_import(
        &self,
        request: pb::RevertImportRequest,
    ) -> Result<pb::RevertImportResponse, Status> {
        let mut check = Validator::default();
        let etag = check.text("etag", request.etag, MAX_ETAG);
        let (tenant, id) = self.named(check, request.tenant, request.id).await?;
        let import = revert(&self.db, tenant.id, id, |import| check_etag(&etag, import.revision)).await?;
        Ok(pb::RevertImportResponse { import: Some(convert::import(&tenant.slug, import)) })
    }

    pub(super) async fn cancel_import(
        &self,
        request: pb::CancelImportRequest,
    ) -> Result<pb::CancelImportResponse, Status> {
        let (tenant, id) = self.named(Validator::default(), request.tenant, request.id).await?;
        let import = self.db.tenant(tenant.id).cancel_import(id).await?;
        Ok(pb::CancelImportResponse { import: Some(convert::import(&tenant.slug, import)) })
    }

    /// The tenant and the import's id that a request names.
    async fn named(&self, mut check: Validator, tenant: String, id: String) -> Result<(Tenant, Uuid), Status> {
        let tenant = check.name("tenant", tenant);
        let id = check.name("id", id);
        check.done()?;
        Ok((self.db.find_tenant(&tenant).await?, import_id(&id)?))
    }
}
