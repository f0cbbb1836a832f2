//! TenantService.

use futures::future::try_join_all;
use tonic::{Request, Response, Status};

use super::Services;
use super::convert::{channel as channel_word, count};
use super::validation::{MAX_EXTERNAL_ID, Validator};
use crate::proto::lekalo::v1 as pb;
use crate::proto::lekalo::v1::tenant_service_server::TenantService;

/// How many tenants' own tables are read at once for a list.
const TENANTS_AT_ONCE: usize = 4;

#[tonic::async_trait]
impl TenantService for Services {
    async fn get_tenant(
        &self,
        request: Request<pb::GetTenantRequest>,
    ) -> Result<Response<pb::GetTenantResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let slug = check.name("tenant", request.tenant);
        check.done()?;

        let tenant = self.db.find_tenant(&slug).await?;
        let tenant = self.db.tenant(tenant.id).complete(tenant).await?;
        Ok(Response::new(pb::GetTenantResponse { tenant: Some(tenant.into()) }))
    }

    async fn resolve_tenant(
        &self,
        request: Request<pb::ResolveTenantRequest>,
    ) -> Result<Response<pb::ResolveTenantResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let channel: pb::Channel = check.required_enumeration("channel", request.channel);
        let external_id = check.required_text("external_id", request.external_id, MAX_EXTERNAL_ID);
        check.done()?;

        let slug = self.db.resolve_tenant(channel_word(channel).unwrap_or_default(), &external_id).await?;
        let tenant = self.db.find_tenant(&slug).await?;
        let tenant = self.db.tenant(tenant.id).complete(tenant).await?;
        Ok(Response::new(pb::ResolveTenantResponse { tenant: Some(tenant.into()) }))
    }

    async fn create_tenant(
        &self,
        request: Request<pb::CreateTenantRequest>,
    ) -> Result<Response<pb::CreateTenantResponse>, Status> {
        Ok(Response::new(self.create_tenant(request.into_inner()).await?))
    }

    async fn update_tenant(
        &self,
        request: Request<pb::UpdateTenantRequest>,
    ) -> Result<Response<pb::UpdateTenantResponse>, Status> {
        Ok(Response::new(self.update_tenant(request.into_inner()).await?))
    }

    async fn list_tenants(
        &self,
        request: Request<pb::ListTenantsRequest>,
    ) -> Result<Response<pb::ListTenantsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let page = check.page(request.page_size, &request.page_token, request.skip, &["list_tenants"]);
        let page = check.done_with(page)?;

        let found = self.db.list_tenants(&page).await?;
        let mut tenants = Vec::with_capacity(found.items.len());
        let mut items = found.items.into_iter().peekable();
        while items.peek().is_some() {
            let some = items.by_ref().take(TENANTS_AT_ONCE);
            let complete = some.map(|tenant| async { self.db.tenant(tenant.id).complete(tenant).await });
            tenants.extend(try_join_all(complete).await?.into_iter().map(Into::into));
        }
        Ok(Response::new(pb::ListTenantsResponse {
            tenants,
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }
}
