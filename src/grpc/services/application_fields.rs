//! What an application takes that is created or changed: each field with its checks, and what they must be together.

use super::phones::{e164, read_phone};
use super::price_fields::{MAX_SELECTIONS, amount, check_currency, selections};
use super::quote_price::car_bodies;
use crate::db::Transaction;
use crate::db::catalog::CategoryRef;
use crate::domain::Result;
use crate::domain::application::{Customer, ExternalRef, Kind, Wish, read_username};
use crate::domain::error::Error;
use crate::domain::price::Amount;
use crate::domain::tenant::Tenant;
use crate::grpc::convert;
use crate::grpc::validation::{INVALID, MAX_EXTERNAL_ID, Validator};
use crate::proto::google::r#type::Money;
use crate::proto::lekalo::v1 as pb;

pub const MAX_NAME: usize = 120;
const MAX_VEHICLE_TEXT: usize = 256;
const MAX_MESSAGE: usize = 4096;
const MAX_EXTERNAL_REFS: usize = 16;
const MAX_URL: usize = 512;

const PHONE: &str = "application.customer.phone";
const EXTERNAL_ID: &str = "application.customer.external_id";
const QUOTED: &str = "application.quoted_total";
const QUOTED_MAX: &str = "application.quoted_total_max";
const SELECTIONS: &str = "application.selections";

/// An application as far as it can be checked without knowing the tenant: the phone is still as typed.
pub fn read_application(check: &mut Validator, application: Option<pb::Application>) -> (Customer, Wish) {
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
    let customer = read_customer(check, application.customer.clone(), kind, is_given);
    let wish = Wish { kind: kind.unwrap_or(Kind::Callback), ..read_wish(check, application) };
    check_wish(check, &wish);
    (customer, wish)
}

/// What is asked for, field by field; the kind is for the caller to read.
pub fn read_wish(check: &mut Validator, application: pb::Application) -> Wish {
    let field = |name: &str| format!("application.{name}");
    Wish {
        kind: Kind::Callback,
        category: check.optional_name(&field("category"), application.category),
        brand: check.optional_name(&field("brand"), application.brand),
        model: check.optional_name(&field("model"), application.model),
        generation: check.optional_name(&field("generation"), application.generation),
        year: check.year(&field("year"), Some(application.year)),
        vehicle_text: check.text(&field("vehicle_text"), application.vehicle_text, MAX_VEHICLE_TEXT),
        selections: selections(check, SELECTIONS, application.selections, MAX_SELECTIONS),
        quoted: read_quoted(
            check,
            application.quoted_kind,
            application.quoted_total.as_ref(),
            application.quoted_total_max.as_ref(),
        ),
        message: check.text(&field("message"), application.message, MAX_MESSAGE),
        external_refs: read_external_refs(check, application.external_refs),
    }
}

/// What the fields of one kind must have together.
pub fn check_wish(check: &mut Validator, wish: &Wish) {
    let field = |name: &str| format!("application.{name}");
    let mut require = |name: &str, value: &str, why: &str| {
        if value.is_empty() {
            check.refuse(&field(name), "FIELD_REQUIRED", why);
        }
    };
    if wish.kind == Kind::Order {
        require("category", &wish.category, "must be given for an ORDER");
        if wish.model.is_empty() {
            require("vehicle_text", &wish.vehicle_text, "must be given for an ORDER without a model");
        }
    }
    if !wish.model.is_empty() {
        require("brand", &wish.brand, "must be given with a model");
    }
    if !wish.selections.is_empty() && wish.category.is_empty() {
        check.refuse(SELECTIONS, "FIELD_INVALID", "must not be given without a category");
    }
}

/// Refuses options that are not for this car or not offered; what is merely named is chosen.
///
/// # Errors
/// `Invalid` with each that is refused.
pub async fn check_selections(tx: &Transaction, category: &CategoryRef, wish: &mut Wish) -> Result<()> {
    if wish.selections.is_empty() {
        return Ok(());
    }
    let bodies = car_bodies(&wish.brand, &wish.model, &wish.generation, wish.year);
    let sheet = tx.price_sheet(category).await?;
    let violations = sheet.check_selections(SELECTIONS, &wish.selections, &bodies);
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    name_chosen(wish);
    Ok(())
}

/// What is merely named is chosen.
pub fn name_chosen(wish: &mut Wish) {
    for selection in wish.selections.iter_mut().filter(|selection| selection.value.is_empty()) {
        "true".clone_into(&mut selection.value);
    }
}

fn read_external_refs(check: &mut Validator, refs: Vec<pb::ExternalRef>) -> Vec<ExternalRef> {
    let mut read: Vec<ExternalRef> = Vec::new();
    for (place, given) in check.list("application.external_refs", refs, MAX_EXTERNAL_REFS).into_iter().enumerate() {
        let field = |name: &str| format!("application.external_refs[{place}].{name}");
        let system = check.name(&field("system"), given.system);
        let id = check.required_text(&field("id"), given.id, MAX_EXTERNAL_ID);
        let url = check.text(&field("url"), given.url, MAX_URL);
        if !system.is_empty() && read.iter().any(|other| other.system == system) {
            check.refuse(&field("system"), INVALID, "is in the list already");
        }
        if !url.is_empty() && !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            check.refuse(&field("url"), INVALID, "must begin with http:// or https://");
        }
        read.push(ExternalRef { system, id, url });
    }
    read
}

/// What the customer was quoted. The kind has a default, unlike a price's; the currency is the tenant's, who is not
/// known yet.
fn read_quoted(
    check: &mut Validator,
    kind: i32,
    total: Option<&Money>,
    total_max: Option<&Money>,
) -> Option<(Amount, String)> {
    let kind = match (kind, total, total_max) {
        (0, None, None) => return None,
        (0, _, Some(_)) => pb::PriceKind::Range.into(),
        (0, Some(_), None) => pb::PriceKind::Fixed.into(),
        (kind, ..) => kind,
    };
    let field = |name: &str| match name {
        "kind" => "application.quoted_kind".to_owned(),
        "amount" => QUOTED.to_owned(),
        _ => QUOTED_MAX.to_owned(),
    };
    Some((amount(check, &field, kind, total, total_max), String::new()))
}

fn read_customer(check: &mut Validator, customer: Option<pb::Customer>, kind: Option<Kind>, is_due: bool) -> Customer {
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
        id: None,
        channel: convert::channel(channel).unwrap_or_default().to_owned(),
        external_id: check.text(EXTERNAL_ID, customer.external_id, MAX_EXTERNAL_ID),
        name: check.text(&field("name"), customer.name, MAX_NAME),
        phone: read_phone(check, PHONE, customer.phone),
        username: read_username(check, &field("username"), customer.username),
        language,
    };
    if kind == Some(Kind::Callback) && read.phone.is_empty() && is_given {
        check.refuse(PHONE, "FIELD_REQUIRED", "must be given to be called back");
    }
    let phone_will_do = channel == pb::Channel::Web || kind == Some(Kind::Complaint);
    let is_known = !read.external_id.is_empty() || phone_will_do && !read.phone.is_empty();
    if is_given && !is_known {
        check.refuse(EXTERNAL_ID, "FIELD_REQUIRED", "must not be empty");
    }
    if is_given && !is_known && phone_will_do {
        check.refuse(PHONE, "FIELD_REQUIRED", "must be given where external_id is not");
    }
    read
}

/// What the tenant's country and currency make of it.
pub fn localize_contact(
    tenant: &Tenant,
    given: Option<&pb::Application>,
    mut customer: Customer,
    mut wish: Wish,
) -> Result<(Customer, Wish)> {
    let mut check = Validator::default();
    if !customer.phone.is_empty() {
        match e164(tenant, PHONE, &customer.phone) {
            Ok(number) => customer.phone = number,
            Err(wrong) => check.add(wrong),
        }
    }
    if customer.external_id.is_empty() {
        customer.external_id.clone_from(&customer.phone);
    }
    if let (Some(given), Some((_, currency))) = (given, &mut wish.quoted) {
        currency.clone_from(&tenant.currency);
        check_currency(&mut check, QUOTED, given.quoted_total.as_ref(), currency);
        check_currency(&mut check, QUOTED_MAX, given.quoted_total_max.as_ref(), currency);
    }
    check.done()?;
    Ok((customer, wish))
}
