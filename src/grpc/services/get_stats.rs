//! GetStats: how much there is of everything, and what is missing.

use crate::domain::Result;
use crate::domain::api_key::Role;
use crate::grpc::validation::Validator;
use crate::grpc::{Services, call};
use crate::proto::lekalo::v1 as pb;

pub async fn get_stats(services: &Services, request: pb::GetStatsRequest) -> Result<pb::GetStatsResponse> {
    let mut check = Validator::default();
    let slug = check.optional_name("tenant", request.tenant);
    check.done()?;

    let tenant = match slug.as_str() {
        "" => {
            let caller = call::caller()?;
            caller.must_be(Role::Admin)?;
            caller.must_be_for_every_tenant()?;
            None
        }
        slug => Some(services.find_tenant(slug).await?),
    };
    Ok(services.db.stats(tenant.as_ref()).await?.into())
}
