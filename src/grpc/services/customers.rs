//! GetCustomer, ListCustomers, UpdateCustomer and DeleteCustomer: who has asked for something.

use super::application_fields::MAX_NAME;
use super::phones::{e164, read_phone};
use crate::domain::Result;
use crate::domain::application::{Customer, MAX_SEARCHED, read_username};
use crate::domain::customer::{Field, Filter};
use crate::domain::error::Kind;
use crate::domain::id::numeric;
use crate::grpc::Services;
use crate::grpc::convert::{self, count, fitting};
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{MAX_EXTERNAL_ID, REQUIRED, Validator, given};
use crate::proto::lekalo::v1 as pb;

pub async fn get_customer(services: &Services, request: pb::GetCustomerRequest) -> Result<pb::GetCustomerResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let id = check.name("id", request.id);

    let scope = services.scope(check, &tenant).await?;
    let customer = scope.own.get_customer(numeric(Kind::Customer, &id)?).await?;
    Ok(pb::GetCustomerResponse { customer: Some(customer.into()) })
}

pub async fn list_customers(
    services: &Services,
    request: pb::ListCustomersRequest,
) -> Result<pb::ListCustomersResponse> {
    let mut check = Validator::default();
    let channel: pb::Channel = check.enumeration("channel", request.channel);
    let texts = format!("{:?}", (channel, &request.external_id, &request.phone, &request.text));
    let mut filter = Filter {
        channel: convert::channel(channel),
        external_id: given(check.text("external_id", request.external_id, MAX_EXTERNAL_ID)),
        phone: given(read_phone(&mut check, "phone", request.phone)),
        text: given(check.words("text", request.text, MAX_SEARCHED)),
    };
    let bound_to = ["list_customers", &request.tenant, &texts];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);

    let scope = services.scope(check, &tenant).await?;
    if let Some(phone) = &mut filter.phone {
        *phone = e164(&scope.tenant, "phone", phone)?;
    }
    let found = scope.own.list_customers(&filter, &page).await?;
    let total_size = count(found.total);
    let (customers, next_page_token) = fitting(&page, found, Into::into);
    Ok(pb::ListCustomersResponse { customers, next_page_token, total_size })
}

pub async fn update_customer(
    services: &Services,
    mut request: pb::UpdateCustomerRequest,
) -> Result<pb::UpdateCustomerResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let id = check.name("id", request.id);
    let etag = check.optional_name("etag", request.etag);
    let fields: Vec<Field> = check.mask("update_mask", request.update_mask, Field::ALL);
    if request.customer.is_none() {
        check.refuse("customer", REQUIRED, "must be given");
    }
    let mut customer = read_customer(&mut check, request.customer.unwrap_or_default(), &fields);

    let scope = services.scope(check, &tenant).await?;
    if !customer.phone.is_empty() {
        customer.phone = e164(&scope.tenant, "customer.phone", &customer.phone)?;
    }
    let id = numeric(Kind::Customer, &id)?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let updated = tx.update_customer(id, &customer, &fields, scope.tenant.default_language, &etag).await?;
        Ok(pb::UpdateCustomerResponse { customer: Some(updated.into()) })
    });
    answer.await
}

pub async fn delete_customer(
    services: &Services,
    mut request: pb::DeleteCustomerRequest,
) -> Result<pb::DeleteCustomerResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let id = check.name("id", request.id);
    let etag = check.optional_name("etag", request.etag);

    let scope = services.scope(check, &tenant).await?;
    let id = numeric(Kind::Customer, &id)?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let applications = tx.delete_customer(id, &etag).await?;
        Ok(pb::DeleteCustomerResponse { application_count: i32::try_from(applications).unwrap_or(i32::MAX) })
    });
    let answer = answer.await?;
    services.feeds.appended();
    Ok(answer)
}

/// These fields of a customer; the others are as if they were not given.
fn read_customer(check: &mut Validator, given: pb::Customer, fields: &[Field]) -> Customer {
    let mut read = Customer {
        id: None,
        channel: String::new(),
        external_id: String::new(),
        name: String::new(),
        phone: String::new(),
        username: String::new(),
        language: None,
    };
    for field in fields {
        let path = format!("customer.{field}");
        match field {
            Field::Name => read.name = check.text(&path, given.name.clone(), MAX_NAME),
            Field::Phone => read.phone = read_phone(check, &path, given.phone.clone()),
            Field::Username => read.username = read_username(check, &path, given.username.clone()),
            Field::Language => read.language = check.word(&path, given.language.clone()),
        }
    }
    read
}
