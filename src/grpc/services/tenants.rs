//! GetTenant, ResolveTenant and ListTenants: shops, with what their own tables say of them.

use futures::future::try_join_all;

use crate::domain::error::Result;
use crate::grpc::convert::{channel as channel_word, count, fitting};
use crate::grpc::validation::{MAX_EXTERNAL_ID, Validator};
use crate::grpc::{Services, call};
use crate::proto::lekalo::v1 as pb;

/// How many tenants' own tables are read at once for a list.
const TENANTS_AT_ONCE: usize = 4;

pub async fn get_tenant(services: &Services, request: pb::GetTenantRequest) -> Result<pb::GetTenantResponse> {
    let mut check = Validator::default();
    let slug = check.name("tenant", request.tenant);

    let shop = services.shop(check, &slug).await?;
    Ok(pb::GetTenantResponse { tenant: Some(shop.tenant().into()) })
}

pub async fn resolve_tenant(
    services: &Services,
    request: pb::ResolveTenantRequest,
) -> Result<pb::ResolveTenantResponse> {
    let mut check = Validator::default();
    let channel: pb::Channel = check.required_enumeration("channel", request.channel);
    let external_id = check.required_text("external_id", request.external_id, MAX_EXTERNAL_ID);
    check.done()?;

    let channel = channel_word(channel).unwrap_or_default();
    // A bot of a tenant that the caller is not for is answered as one of no tenant.
    let shop = services.shop_of_bot(channel, &external_id).await?;
    Ok(pb::ResolveTenantResponse { tenant: Some(shop.tenant().into()) })
}

pub async fn list_tenants(services: &Services, request: pb::ListTenantsRequest) -> Result<pb::ListTenantsResponse> {
    let mut check = Validator::default();
    let page = check.page(
        services.db.page_key().await?,
        request.page_size,
        &request.page_token,
        request.skip,
        &["list_tenants"],
    );
    check.done()?;

    let mut found = services.db.list_tenants(&call::caller()?.reach, &page).await?;
    let mut tenants = Vec::with_capacity(found.items.len());
    let mut items = std::mem::take(&mut found.items).into_iter().peekable();
    while items.peek().is_some() {
        let some = items.by_ref().take(TENANTS_AT_ONCE);
        let complete = some.map(|tenant| async { services.db.tenant(tenant.id).complete(tenant).await });
        tenants.extend(try_join_all(complete).await?);
    }
    found.items = tenants;
    let total_size = count(found.total);
    let (tenants, next_page_token) = fitting(&page, found, Into::into);
    Ok(pb::ListTenantsResponse { tenants, next_page_token, total_size })
}
