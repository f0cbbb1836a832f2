//! AdminService: the seed, statistics and spellings.

use tonic::{Request, Response, Status};

use super::Services;
use super::validation::Validator;
use crate::domain::Error;
use crate::proto::lekalo::v1 as pb;
use crate::proto::lekalo::v1::admin_service_server::AdminService;
use crate::seed;

#[tonic::async_trait]
impl AdminService for Services {
    async fn apply_seed(
        &self,
        request: Request<pb::ApplySeedRequest>,
    ) -> Result<Response<pb::ApplySeedResponse>, Status> {
        let seed = seed::shipped().map_err(Error::internal)?;
        let tables = self.db.apply_seed(&seed, request.into_inner().validate_only).await?;
        Ok(Response::new(pb::ApplySeedResponse { tables: tables.into_iter().map(Into::into).collect() }))
    }

    async fn get_stats(&self, request: Request<pb::GetStatsRequest>) -> Result<Response<pb::GetStatsResponse>, Status> {
        let mut check = Validator::default();
        let slug = check.optional_name("tenant", request.into_inner().tenant);
        check.done()?;

        let tenant = match slug.as_str() {
            "" => None,
            slug => Some(self.db.find_tenant(slug).await?),
        };
        Ok(Response::new(self.db.stats(tenant.as_ref()).await?.into()))
    }

    async fn list_aliases(
        &self,
        request: Request<pb::ListAliasesRequest>,
    ) -> Result<Response<pb::ListAliasesResponse>, Status> {
        Ok(Response::new(self.aliases(request.into_inner()).await?))
    }

    async fn create_alias(
        &self,
        request: Request<pb::CreateAliasRequest>,
    ) -> Result<Response<pb::CreateAliasResponse>, Status> {
        Ok(Response::new(self.create_alias(request.into_inner()).await?))
    }

    async fn delete_alias(
        &self,
        request: Request<pb::DeleteAliasRequest>,
    ) -> Result<Response<pb::DeleteAliasResponse>, Status> {
        Ok(Response::new(self.delete_alias(request.into_inner()).await?))
    }
}
