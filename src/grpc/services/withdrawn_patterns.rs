//! ListWithdrawnPatterns: what an import in mode REPLACE took, or would take, off sale.

use super::imports::scope_and_id;
use crate::domain::Result;
use crate::grpc::Services;
use crate::grpc::convert::count;
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn list_withdrawn_patterns(
    services: &Services,
    request: pb::ListWithdrawnPatternsRequest,
) -> Result<pb::ListWithdrawnPatternsResponse> {
    let mut check = Validator::default();
    let bound_to = ["list_withdrawn_patterns", &request.tenant, &request.id];
    let page = check.page(request.page_size, &request.page_token, request.skip, &bound_to);

    let (scope, id) = scope_and_id(services, check, request.tenant, request.id).await?;
    let found = scope.own.list_withdrawn_patterns(id, &page).await?;
    Ok(pb::ListWithdrawnPatternsResponse {
        patterns: found.items.into_iter().map(Into::into).collect(),
        next_page_token: page.next_token(found.next),
        total_size: count(found.total),
    })
}
