//! Telephone numbers in requests: looked at before the tenant is known, and written as E.164 once it is.

use crate::domain::error::Violation;
use crate::domain::phone;
use crate::domain::tenant::Tenant;
use crate::grpc::validation::Validator;

const MAX_PHONE: usize = 64;

/// A number as it was typed; empty where none is given.
pub fn read_phone(check: &mut Validator, field: &str, typed: String) -> String {
    let typed = check.text(field, typed, MAX_PHONE);
    if !typed.is_empty() && !phone::is_plausible(&typed) {
        check.add(wrong_phone(field));
    }
    typed
}

/// A number that is given, as E.164.
///
/// # Errors
/// What is wrong where nobody in the tenant's country can be called by it.
pub fn e164(tenant: &Tenant, field: &str, typed: &str) -> Result<String, Violation> {
    tenant.e164(typed).ok_or_else(|| wrong_phone(field))
}

/// Never repeats the number.
fn wrong_phone(field: &str) -> Violation {
    let description = "must be a telephone number that can be called: E.164 such as +996700123456, or as written in the \
                       tenant's country, such as 0700 123 456";
    Violation::new(field, "FIELD_INVALID", description)
}
