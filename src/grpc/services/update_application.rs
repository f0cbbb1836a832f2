//! UpdateApplication: what a manager puts right in an application.

use super::application_fields::{MAX_NAME, check_selections, check_wish, localize_contact, name_chosen, read_wish};
use super::applications::application_id;
use super::phones::read_phone;
use crate::domain::Result;
use crate::domain::application::update::Field;
use crate::domain::application::{Application, Customer, Kind, MAX_ACTOR};
use crate::grpc::Services;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{REQUIRED, Validator, check_etag};
use crate::proto::lekalo::v1 as pb;

const PHONE: &str = "application.customer.phone";
/// What the options that are offered depend on, and they themselves.
const SUBJECT: &[Field] = &[Field::Brand, Field::Model, Field::Generation, Field::Year, Field::Selections];

pub async fn update_application(
    services: &Services,
    mut request: pb::UpdateApplicationRequest,
) -> Result<pb::UpdateApplicationResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let slug = check.name("tenant", request.tenant);
    let id = check.name("id", request.id);
    let actor = check.required_text("actor", request.actor, MAX_ACTOR);
    let etag = check.optional_name("etag", request.etag);
    let fields: Vec<Field> = check.mask("update_mask", request.update_mask, Field::ALL);
    if request.application.is_none() {
        check.refuse("application", REQUIRED, "must be given");
    }
    let given = named(&fields, request.application.unwrap_or_default());
    let customer = read_contact(&mut check, given.customer.clone().unwrap_or_default());
    let wish = read_wish(&mut check, given.clone());

    let scope = services.scope(check, &slug).await?;
    let (customer, wish) = localize_contact(&scope.tenant, Some(&given), customer, wish)?;
    let id = application_id(&id)?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let application = tx.lock_application(id).await?;
        check_etag(&etag, application.revision)?;
        let mut to = wish.clone();
        name_chosen(&mut to);
        let (after, changed) = application.updated(&fields, &customer, &to)?;
        if changed.is_empty() {
            tx.changes_nothing();
            return Ok(pb::UpdateApplicationResponse { application: Some(application.into()) });
        }
        check_whole(&after)?;
        let mut subject = tx.find_subject(&after.wish).await?;
        // What else is changed leaves what is asked for as it was, though the shop may offer it no more.
        if changed.iter().any(|field| SUBJECT.contains(field))
            && let Some(category) = subject.category.take()
        {
            let mut asked = after.wish.clone();
            if changed.contains(&Field::Selections) {
                asked.selections = wish.selections;
            }
            check_selections(tx, &category.sold_by(&slug)?, &mut asked).await?;
        }
        let application = tx.update_application(&after, &subject, &changed, &actor).await?;
        Ok(pb::UpdateApplicationResponse { application: Some(application.into()) })
    });
    let answer = answer.await?;
    services.feeds.appended();
    Ok(answer)
}

/// Of what was given, the fields that the mask names.
fn named(fields: &[Field], given: pb::Application) -> pb::Application {
    let mut named = pb::Application::default();
    let contact = given.customer.unwrap_or_default();
    for field in fields {
        match field {
            Field::CustomerName => named.customer.get_or_insert_default().name.clone_from(&contact.name),
            Field::CustomerPhone => named.customer.get_or_insert_default().phone.clone_from(&contact.phone),
            Field::Brand => named.brand.clone_from(&given.brand),
            Field::Model => named.model.clone_from(&given.model),
            Field::Generation => named.generation.clone_from(&given.generation),
            Field::Year => named.year = given.year,
            Field::VehicleText => named.vehicle_text.clone_from(&given.vehicle_text),
            Field::Selections => named.selections.clone_from(&given.selections),
            Field::QuotedTotal => {
                named.quoted_total.clone_from(&given.quoted_total);
                named.quoted_total_max.clone_from(&given.quoted_total_max);
                named.quoted_kind = given.quoted_kind;
            }
            Field::Message => named.message.clone_from(&given.message),
            Field::ExternalRefs => named.external_refs.clone_from(&given.external_refs),
        }
    }
    named
}

/// How the customer is called and reached; who it is stays.
fn read_contact(check: &mut Validator, given: pb::Customer) -> Customer {
    Customer {
        id: None,
        channel: String::new(),
        external_id: String::new(),
        name: check.text("application.customer.name", given.name, MAX_NAME),
        phone: read_phone(check, PHONE, given.phone),
        username: String::new(),
        language: None,
    }
}

/// What could not have been created is not to become so.
fn check_whole(after: &Application) -> Result<()> {
    let mut check = Validator::default();
    check_wish(&mut check, &after.wish);
    if after.wish.kind == Kind::Callback && after.customer.phone.is_empty() {
        check.refuse(PHONE, REQUIRED, "must be given to be called back");
    }
    check.done()
}
