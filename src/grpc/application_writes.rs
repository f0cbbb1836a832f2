//! ApplicationService's writes: taking an application down, and moving it on.

use tonic::Status;

use super::World;
use super::application::application_id;
use super::convert;
use super::pricing::selections;
use super::request::{Check, MAX_EXTERNAL_ID};
use super::write::{check_etag, commit, replay, write_request};
use crate::db::deadline::DEFAULT_STATEMENT_TIMEOUT;
use crate::domain::application::{self, Customer, Kind, Wish};
use crate::domain::error::{Error, Violation};
use crate::domain::phone;
use crate::domain::price::{MAX_AMOUNT, check_selections};
use crate::domain::tenant::Tenant;
use crate::proto::lekalo::v1 as pb;

const MAX_PERSON: usize = 120;
const MAX_PHONE: usize = 64;
const MAX_USERNAME: usize = 64;
const MAX_VEHICLE_TEXT: usize = 256;
const MAX_SELECTIONS: usize = 32;
const MAX_MESSAGE: usize = 4096;
const MAX_NOTE: usize = 2000;

const PHONE: &str = "application.customer.phone";
const QUOTED: &str = "application.quoted_total";
const SELECTIONS: &str = "application.selections";

impl World {
    pub(super) async fn take_down(
        &self,
        request: pb::CreateApplicationRequest,
    ) -> Result<pb::CreateApplicationResponse, Status> {
        let mut check = Check::default();
        let slug = check.name("tenant", request.tenant.clone());
        let request_id = check.uuid("request_id", &request.request_id);
        if request.request_id.trim().is_empty() {
            check.refuse("request_id", "FIELD_REQUIRED", "must be a UUID that you choose for this application");
        }
        let (customer, wish) = read_application(&mut check, request.application.clone());
        check.done()?;

        let tenant = self.db.find_tenant(&slug).await?;
        let (customer, mut wish) = at_home(&tenant, customer, wish)?;
        let write = write_request("ApplicationService/CreateApplication", request_id, &request);
        let tx = self.db.tenant(tenant.id).transaction(DEFAULT_STATEMENT_TIMEOUT).await?;
        if let Some(answer) = replay(&tx, write.as_ref()).await? {
            return Ok(answer);
        }
        if !tenant.active {
            return Err(inactive(&tenant).into());
        }
        let mut subject = tx.find_subject(&wish).await?;
        if let Some(category) = subject.category.take() {
            let category = category.sold_by(&tenant.slug)?;
            let options = tx.list_options(category.id).await?;
            let violations = check_selections(SELECTIONS, &category.code, &wish.selections, &options);
            if !violations.is_empty() {
                return Err(Error::Invalid(violations).into());
            }
            subject.category = Some(category);
        }
        // What is merely named is chosen.
        for selection in wish.selections.iter_mut().filter(|selection| selection.value.is_empty()) {
            "true".clone_into(&mut selection.value);
        }
        let write = write.ok_or_else(|| Error::internal("a required request_id is missing"))?;
        let application = tx.create_application(&customer, tenant.default_language, &wish, &subject, &write).await?;
        let answer = pb::CreateApplicationResponse { application: Some(application.into()) };
        Ok(commit(tx, Some(&write), answer).await?)
    }

    pub(super) async fn transition(
        &self,
        request: pb::TransitionApplicationRequest,
    ) -> Result<pb::TransitionApplicationResponse, Status> {
        let mut check = Check::default();
        let request_id = check.uuid("request_id", &request.request_id);
        let write = write_request("ApplicationService/TransitionApplication", request_id, &request);
        let tenant = check.name("tenant", request.tenant);
        let id = check.name("id", request.id);
        let to: pb::ApplicationStatus = check.required_enumeration("to", request.to);
        let actor = check.required_text("actor", request.actor, MAX_PERSON);
        let note = check.text("note", request.note, MAX_NOTE);
        let etag = check.optional_name("etag", request.etag);
        let to = check.done_with(convert::application_status(to))?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let id = application_id(&id)?;
        let tx = self.db.tenant(tenant.id).transaction(DEFAULT_STATEMENT_TIMEOUT).await?;
        if let Some(answer) = replay(&tx, write.as_ref()).await? {
            return Ok(answer);
        }
        let application = tx.get_application(id).await?;
        check_etag(&etag, application.revision)?;
        if !application.status.next().contains(&to) {
            return Err(illegal(application.status, to).into());
        }
        let application = tx.move_application(&application, to, &actor, &note).await?;
        let answer = pb::TransitionApplicationResponse { application: Some(application.into()) };
        Ok(commit(tx, write.as_ref(), answer).await?)
    }
}

/// An application as far as it can be checked without knowing the tenant: the phone is still as typed.
fn read_application(check: &mut Check, application: Option<pb::Application>) -> (Customer, Wish) {
    if application.is_none() {
        check.refuse("application", "FIELD_REQUIRED", "must be given");
    }
    let is_given = application.is_some();
    let application = application.unwrap_or_default();
    let field = |name: &str| format!("application.{name}");
    let mut kind = None;
    if is_given {
        kind = convert::application_kind(check.required_enumeration(&field("kind"), application.kind));
    }
    let customer = read_customer(check, application.customer, kind, is_given);
    let currency = application.quoted_total.as_ref().map(|money| money.currency_code.trim().to_owned());
    let wish = Wish {
        kind: kind.unwrap_or(Kind::Callback),
        category: check.optional_name(&field("category"), application.category),
        brand: check.optional_name(&field("brand"), application.brand),
        model: check.optional_name(&field("model"), application.model),
        generation: check.optional_name(&field("generation"), application.generation),
        year: check.year(&field("year"), Some(application.year)),
        vehicle_text: check.text(&field("vehicle_text"), application.vehicle_text, MAX_VEHICLE_TEXT),
        selections: selections(check, SELECTIONS, application.selections, MAX_SELECTIONS),
        quoted: check.money(QUOTED, application.quoted_total.as_ref(), MAX_AMOUNT).zip(currency),
        message: check.text(&field("message"), application.message, MAX_MESSAGE),
    };
    let mut require = |name: &str, value: &str, why: &str| {
        if value.is_empty() && !check.refused(&field(name)) {
            check.refuse(&field(name), "FIELD_REQUIRED", why);
        }
    };
    if kind == Some(Kind::Order) {
        require("category", &wish.category, "must be given for an ORDER");
    }
    if matches!(kind, Some(Kind::Order | Kind::IndividualMeasure)) && wish.model.is_empty() {
        require("vehicle_text", &wish.vehicle_text, "must be given where the model is not");
    }
    if !wish.model.is_empty() {
        require("brand", &wish.brand, "must be given with a model");
    }
    if !wish.selections.is_empty() && wish.category.is_empty() {
        check.refuse(SELECTIONS, "FIELD_INVALID", "must not be given without a category");
    }
    (customer, wish)
}

fn read_customer(check: &mut Check, customer: Option<pb::Customer>, kind: Option<Kind>, is_due: bool) -> Customer {
    let is_given = customer.is_some();
    if is_due && !is_given {
        check.refuse("application.customer", "FIELD_REQUIRED", "must be given");
    }
    let customer = customer.unwrap_or_default();
    let field = |name: &str| format!("application.customer.{name}");
    let mut channel = pb::Channel::Unspecified;
    if is_given {
        channel = check.required_enumeration(&field("channel"), customer.channel);
    }
    let language = check.word(&field("language"), customer.language);
    let read = Customer {
        channel: convert::channel(channel).unwrap_or_default().to_owned(),
        external_id: check.text(&field("external_id"), customer.external_id, MAX_EXTERNAL_ID),
        name: check.text(&field("name"), customer.name, MAX_PERSON),
        phone: check.text(PHONE, customer.phone, MAX_PHONE),
        username: check.text(&field("username"), customer.username, MAX_USERNAME).trim_start_matches('@').to_owned(),
        language,
    };
    let is_number = if read.phone.starts_with('+') {
        phone::e164(&read.phone, None).is_some()
    } else {
        read.phone.is_empty() || phone::is_plausible(&read.phone)
    };
    if !is_number {
        check.add(wrong_phone());
    }
    if kind == Some(Kind::Callback) && read.phone.is_empty() && is_given && !check.refused(PHONE) {
        check.refuse(PHONE, "FIELD_REQUIRED", "must be given to be called back");
    }
    let phone_will_do = channel == pb::Channel::Web && !read.phone.is_empty();
    if is_given && read.external_id.is_empty() && !phone_will_do && !check.refused(&field("external_id")) {
        check.refuse(&field("external_id"), "FIELD_REQUIRED", "must not be empty");
    }
    read
}

/// What the tenant's country and currency make of it.
fn at_home(tenant: &Tenant, mut customer: Customer, mut wish: Wish) -> Result<(Customer, Wish), Error> {
    let mut check = Check::default();
    if !customer.phone.is_empty() {
        let home = phone::home(&tenant.time_zone, &tenant.currency);
        match phone::e164(&customer.phone, home) {
            Some(number) => customer.phone = number,
            None => check.add(wrong_phone()),
        }
    }
    if customer.external_id.is_empty() {
        customer.external_id.clone_from(&customer.phone);
    }
    if let Some((_, currency)) = &mut wish.quoted {
        if !currency.is_empty() && *currency != tenant.currency {
            let description = format!("must be in {}, or without a currency", tenant.currency);
            check.refuse(QUOTED, "FIELD_INVALID", description);
        }
        currency.clone_from(&tenant.currency);
    }
    check.done()?;
    Ok((customer, wish))
}

/// Never repeats the number.
fn wrong_phone() -> Violation {
    let description = "must be a telephone number that can be called: E.164 such as +996700123456, or as written in the \
                       tenant's country, such as 0700 123 456";
    Violation::new(PHONE, "FIELD_INVALID", description)
}

fn inactive(tenant: &Tenant) -> Error {
    Error::FailedPrecondition {
        reason: "TENANT_INACTIVE",
        message: format!("tenant `{}` is not active and takes no applications", tenant.slug),
        metadata: vec![("tenant", tenant.slug.clone())],
    }
}

fn illegal(from: application::Status, to: application::Status) -> Error {
    let wire = |status: application::Status| status.word().to_uppercase();
    let allowed = from.next().iter().map(|status| wire(*status)).collect::<Vec<_>>().join(",");
    let ways = if allowed.is_empty() { "nowhere: it stays so" } else { &allowed };
    Error::FailedPrecondition {
        reason: "ILLEGAL_TRANSITION",
        message: format!("an application that is {} cannot become {}; it goes to {ways}", wire(from), wire(to)),
        metadata: vec![("from", wire(from)), ("to", wire(to)), ("allowed", allowed)],
    }
}
