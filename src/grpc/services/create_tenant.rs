//! CreateTenant: a shop begins.

use iso_currency::Currency;

use super::tenant_fields::{MUTABLE, check_time_zone, read_change};
use crate::domain::Result;
use crate::grpc::Services;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn create_tenant(
    services: &Services,
    mut request: pb::CreateTenantRequest,
) -> Result<pb::CreateTenantResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = request.tenant.unwrap_or_default();
    let slug = check.name("tenant.slug", tenant.slug.clone());
    if !slug.is_empty() && !is_slug(&slug) {
        let form = "must have 2 to 64 characters of a-z, 0-9, _ and -, a letter first";
        check.refuse("tenant.slug", "FIELD_INVALID", form);
    }
    let mut currency = check.text("tenant.currency", tenant.currency.clone(), usize::MAX);
    if currency.is_empty() {
        "KGS".clone_into(&mut currency);
    }
    if Currency::from_code(&currency).is_none_or(|currency| currency.is_fund() || currency.used_by().is_empty()) {
        check.refuse(
            "tenant.currency",
            "FIELD_INVALID",
            "must be a currency's three capital letters (ISO 4217), e.g. KGS",
        );
    }
    let active = tenant.active.or(Some(true));
    let change = read_change(&mut check, pb::Tenant { active, ..tenant }, MUTABLE);
    check_time_zone(services, &mut check, &change).await?;
    check.done()?;

    let tx = services.db.transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        tx.create_tenant(&slug, &currency, &change).await?;
        let created = tx.read_tenant(&slug).await?;
        // The answer is kept where it was claimed, outside any tenant.
        tx.leave().await?;
        Ok(pb::CreateTenantResponse { tenant: Some(created.into()) })
    });
    answer.await
}

fn is_slug(slug: &str) -> bool {
    (2..=64).contains(&slug.len())
        && slug.starts_with(|ch: char| ch.is_ascii_lowercase())
        && slug.chars().all(|ch| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '_' || ch == '-')
}
