//! Customers as a shop keeps them. As they were known to an application, they are in it.

use std::fmt;
use std::time::SystemTime;

use super::application::Customer;
use super::vehicle::vocabulary;

/// A customer with what only the shop looks at.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub id: i64,
    pub customer: Customer,
    pub application_count: i64,
    pub created_at: SystemTime,
    pub updated_at: SystemTime,
    /// Grows with every change: the etag.
    pub revision: i64,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("id", &self.id).field("revision", &self.revision).finish_non_exhaustive()
    }
}

vocabulary! {
    /// What may be changed by hand. A new one goes into [`Field::copy`] too.
    Field { Name = "name", Phone = "phone", Username = "username", Language = "language" }
}

impl Field {
    /// Gives a customer what another one has in this field.
    pub fn copy(self, from: &Customer, to: &mut Customer) {
        match self {
            Self::Name => to.name.clone_from(&from.name),
            Self::Phone => to.phone.clone_from(&from.phone),
            Self::Username => to.username.clone_from(&from.username),
            Self::Language => to.language = from.language,
        }
    }
}

/// Which customers a list has; none is all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub channel: Option<&'static str>,
    pub external_id: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// Part of the name or username, in any case.
    pub text: Option<String>,
}
