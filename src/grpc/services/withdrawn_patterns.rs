//! ListWithdrawnPatterns: what an import in mode REPLACE took, or would take, off sale.

use super::imports::scope_and_id;
use crate::domain::Result;
use crate::grpc::Services;
use crate::grpc::convert::{count, fitting};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn list_withdrawn_patterns(
    services: &Services,
    request: pb::ListWithdrawnPatternsRequest,
) -> Result<pb::ListWithdrawnPatternsResponse> {
    let mut check = Validator::default();
    let bound_to = ["list_withdrawn_patterns", &request.tenant, &request.id];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);

    let (scope, id) = scope_and_id(services, check, request.tenant, request.id).await?;
    let found = scope.own.list_withdrawn_patterns(id, &page).await?;
    let total_size = count(found.total);
    let (patterns, next_page_token) = fitting(&page, found, Into::into);
    Ok(pb::ListWithdrawnPatternsResponse { patterns, next_page_token, total_size })
}
