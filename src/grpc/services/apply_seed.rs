//! ApplySeed: the data that the program ships, written to the database.

use crate::domain::{Error, Result};
use crate::grpc::Services;
use crate::proto::lekalo::v1 as pb;
use crate::seed;

pub async fn apply_seed(services: &Services, request: pb::ApplySeedRequest) -> Result<pb::ApplySeedResponse> {
    let seed = seed::shipped().map_err(Error::internal)?;
    let tables = services.db.apply_seed(&seed, request.validate_only).await?;
    Ok(pb::ApplySeedResponse { tables: tables.into_iter().map(Into::into).collect() })
}
