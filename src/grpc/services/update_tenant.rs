//! UpdateTenant: the fields of a shop that a mask names are written.

use super::tenant_fields::{MUTABLE, check_time_zone, read_change};
use crate::domain::Result;
use crate::domain::api_key::Reach;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{Validator, check_etag};
use crate::grpc::{Services, call};
use crate::proto::lekalo::v1 as pb;

pub async fn update_tenant(
    services: &Services,
    mut request: pb::UpdateTenantRequest,
) -> Result<pb::UpdateTenantResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = request.tenant.unwrap_or_default();
    let slug = check.name("tenant.slug", tenant.slug.clone());
    let etag = check.optional_name("etag", request.etag);
    let etag = if etag.is_empty() { tenant.etag.clone() } else { etag };
    let mask = request.update_mask.unwrap_or_default().paths;
    if mask.is_empty() {
        check.refuse("update_mask", "FIELD_REQUIRED", "must name the fields to write");
    }
    for path in mask.iter().filter(|path| !MUTABLE.contains(&path.as_str())) {
        let allowed = MUTABLE.join(", ");
        check.refuse("update_mask", "FIELD_INVALID", format!("`{path}` cannot be written; it takes {allowed}"));
    }
    let mask: Vec<&str> = mask.iter().map(String::as_str).collect();
    let mut change = read_change(&mut check, tenant, &mask);
    // Whose bot it is is not the shop's to say.
    if call::caller()?.reach != Reach::All {
        change.channels.iter_mut().flatten().for_each(|bot| bot.pending = true);
    }
    check_time_zone(services, &mut check, &change).await?;

    let scope = services.scope(check, &slug).await?;
    let tenant_id = scope.tenant.id;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        check_etag(&etag, tx.lock_tenant(tenant_id).await?)?;
        tx.update_tenant(&scope.tenant, &change).await?;
        let changed = tx.read_tenant(&slug).await?;
        Ok(pb::UpdateTenantResponse { tenant: Some(changed.into()) })
    });
    answer.await
}
