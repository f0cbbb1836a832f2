//! CreateApplication: a lead, taken down with what its customer wants and was quoted.

use super::application_fields::{check_selections, localize_contact, read_application};
use crate::domain::Result;
use crate::domain::error::Error;
use crate::domain::tenant::Tenant;
use crate::grpc::Services;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn create_application(
    services: &Services,
    mut request: pb::CreateApplicationRequest,
) -> Result<pb::CreateApplicationResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    if key.is_none() {
        check.refuse("request_id", "FIELD_REQUIRED", "must be a UUID that you choose for this application");
    }
    let slug = check.name("tenant", request.tenant);
    let (customer, wish) = read_application(&mut check, request.application.clone());
    let key = check.done_with(key)?;

    let tenant = services.find_tenant(&slug).await?;
    let (customer, mut wish) = localize_contact(&tenant, request.application.as_ref(), customer, wish)?;
    let tx = services.db.tenant(tenant.id).write_transaction().await?;
    let answer = idempotent(tx, Some(&key), async |tx| {
        if let Some(application) = tx.created_by(&key).await? {
            return Ok(pb::CreateApplicationResponse { application: Some(application.into()) });
        }
        if !tenant.active {
            return Err(inactive(&tenant));
        }
        let mut subject = tx.find_subject(&wish).await?;
        if let Some(category) = subject.category.take() {
            let category = category.sold_by(&tenant.slug)?;
            check_selections(tx, &category, &mut wish).await?;
            subject.category = Some(category);
        }
        let application = tx.create_application(&customer, tenant.default_language, &wish, &subject, &key).await?;
        Ok(pb::CreateApplicationResponse { application: Some(application.into()) })
    })
    .await?;
    services.feeds.appended();
    Ok(answer)
}

fn inactive(tenant: &Tenant) -> Error {
    Error::FailedPrecondition {
        reason: "TENANT_INACTIVE",
        message: format!("tenant `{}` is not active and takes no applications", tenant.slug),
        metadata: vec![("tenant", tenant.slug.clone())],
    }
}
