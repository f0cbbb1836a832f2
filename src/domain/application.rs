//! Applications (leads): what a customer asked for, how far it has come, and the feed of what happened.
//!
//! Debug output of these types leaves out what the customer said of himself: it may end up in a log.

use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::price::{Amount, Named};
use super::tenant::{Language, TenantId};
use super::validation::Validator;
use super::vehicle::vocabulary;

pub mod stats;
pub mod update;

/// The longest name of who works on applications, and the longest note of theirs.
pub const MAX_ACTOR: usize = 120;
pub const MAX_NOTE: usize = 2000;
/// The longest text to look for.
pub const MAX_SEARCHED: usize = 120;

vocabulary! {
    /// What a customer asks for.
    Kind { Order = "order", IndividualMeasure = "individual_measure", Callback = "callback", Complaint = "complaint" }
}

vocabulary! {
    /// How far an application has come.
    Status { New = "new", InProgress = "in_progress", Completed = "completed", Cancelled = "cancelled" }
}

impl Status {
    /// Where an application may go from here.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::New => &[Self::InProgress, Self::Cancelled],
            Self::InProgress => &[Self::Completed, Self::Cancelled, Self::New],
            Self::Cancelled => &[Self::New],
            Self::Completed => &[],
        }
    }
}

const MAX_USERNAME: usize = 64;

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer {
    /// None: not known yet, or erased.
    pub id: Option<i64>,
    /// `whatsapp`, `telegram`, `instagram` or `web`.
    pub channel: String,
    /// The customer's own id on the channel.
    pub external_id: String,
    pub name: String,
    /// E.164; empty if not known.
    pub phone: String,
    pub username: String,
    /// None: as known before, else the tenant's default.
    pub language: Option<Language>,
}

/// A customer's username, with the `@` before it or without.
pub fn read_username(check: &mut Validator, field: &str, given: String) -> String {
    let username = check.text(field, given, MAX_USERNAME);
    username.trim_start_matches(|ch: char| ch == '@' || ch.is_whitespace()).to_owned()
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Customer")
            .field("id", &self.id)
            .field("channel", &self.channel)
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// What a customer asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Wish {
    pub kind: Kind,
    /// Code (or, before it is looked up, alias), slugs; empty if not known.
    pub category: String,
    pub brand: String,
    pub model: String,
    pub generation: String,
    pub year: Option<i16>,
    /// The car in the customer's own words.
    pub vehicle_text: String,
    pub selections: Vec<Named>,
    /// What the customer was quoted, with its currency.
    pub quoted: Option<(Amount, String)>,
    pub message: String,
    /// What it is called elsewhere, each system once.
    pub external_refs: Vec<ExternalRef>,
}

/// What an application is called in another system.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalRef {
    pub system: String,
    pub id: String,
    /// Where a person looks at it; empty if not known.
    pub url: String,
}

impl fmt::Debug for ExternalRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalRef").finish_non_exhaustive()
    }
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wish")
            .field("kind", &self.kind)
            .field("category", &self.category)
            .field("brand", &self.brand)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// A recorded application.
#[derive(Clone, PartialEq, Eq)]
pub struct Application {
    pub id: Uuid,
    pub status: Status,
    /// As known when the application was created.
    pub customer: Customer,
    pub wish: Wish,
    /// Who works on it; empty while nobody does.
    pub assignee: String,
    pub created_at: SystemTime,
    pub updated_at: SystemTime,
    /// Grows with every change: the etag.
    pub revision: i64,
}

impl Application {
    /// What a customer is told and asks by: the end of the id.
    pub fn number(&self) -> String {
        let id = self.id.simple().to_string().to_uppercase();
        id.get(id.len() - NUMBER_DIGITS..).unwrap_or_default().to_owned()
    }

    /// Whether its customer was deleted, and with them all that they said.
    pub const fn is_erased(&self) -> bool {
        self.customer.id.is_none()
    }

    /// Who has it, for those who come too late.
    pub fn assigned(&self) -> Option<(&'static str, String)> {
        (!self.assignee.is_empty()).then(|| ("assignee", self.assignee.clone()))
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("wish", &self.wish)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

const NUMBER_DIGITS: usize = 8;

/// A number as people write it (`№ 2F7E1A90`), in the digits of an id. None if it is none.
pub fn read_number(typed: &str) -> Option<String> {
    let digits = typed.trim_start_matches(|ch: char| ch.is_whitespace() || "№#".contains(ch)).to_lowercase();
    (digits.len() == NUMBER_DIGITS && digits.chars().all(|ch| ch.is_ascii_hexdigit())).then_some(digits)
}

/// Which applications a list has; none is all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub status: Option<Status>,
    pub kind: Option<Kind>,
    /// Included.
    pub created_after: Option<SystemTime>,
    /// Not included.
    pub created_before: Option<SystemTime>,
    pub channel: Option<&'static str>,
    pub external_id: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// The last digits of the id.
    pub number: Option<String>,
    pub assignee: Option<String>,
    /// Part of what was said or noted, in any case.
    pub text: Option<String>,
    pub external_ref_system: Option<String>,
    pub external_ref_id: Option<String>,
}

vocabulary! {
    /// What happened to an application.
    EventKind {
        Created = "created",
        Transitioned = "transitioned",
        Noted = "noted",
        Updated = "updated",
        CustomerDeleted = "customer_deleted",
    }
}

/// Something that happened to an application.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the tenant's feed, from 1, without gaps, in the order of commits.
    pub place: i64,
    pub kind: EventKind,
    /// None: it was created.
    pub from: Option<Status>,
    pub to: Status,
    pub actor: String,
    pub note: String,
    /// What was changed.
    pub fields: Vec<String>,
    pub occurred_at: SystemTime,
    /// As it is now.
    pub application: Application,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("place", &self.place)
            .field("kind", &self.kind)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("application", &self.application.id)
            .finish_non_exhaustive()
    }
}

/// A place in a tenant's feed as clients carry it: the number and a seal, so that another tenant's is told from ours.
pub fn cursor(tenant: TenantId, place: i64) -> String {
    let mut bytes = place.to_be_bytes().to_vec();
    bytes.extend(seal(tenant, place));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place of a cursor; none if it is not one of this tenant's.
pub fn read_cursor(tenant: TenantId, cursor: &str) -> Option<i64> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (place, sealed) = bytes.split_first_chunk::<8>()?;
    let place = i64::from_be_bytes(*place);
    (sealed == seal(tenant, place)).then_some(place)
}

fn seal(TenantId(tenant): TenantId, place: i64) -> [u8; 8] {
    let hash = Sha256::digest(format!("application event {tenant} {place}"));
    let mut seal = [0; 8];
    seal.copy_from_slice(&hash[..8]);
    seal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_end_and_nothing_goes_to_itself() {
        use Status::{Cancelled, Completed, InProgress, New};
        let allowed: Vec<(Status, Status)> =
            Status::ALL.iter().flat_map(|from| from.next().iter().map(move |to| (*from, *to))).collect();
        assert_eq!(
            allowed,
            [
                (New, InProgress),
                (New, Cancelled),
                (InProgress, Completed),
                (InProgress, Cancelled),
                (InProgress, New),
                (Cancelled, New)
            ]
        );
        assert_eq!(Completed.next(), []);
    }

    #[test]
    fn a_number_is_read_however_it_is_written() {
        for typed in ["2F7E1A90", "№ 2f7e1a90", "#2F7E1A90", " №2F7E1A90"] {
            assert_eq!(read_number(typed).as_deref(), Some("2f7e1a90"), "{typed}");
        }
        for wrong in ["", "№", "2F7E1A9", "2F7E1A900", "2F7E1A9Ж", "No 2F7E1A90"] {
            assert_eq!(read_number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_cursor_is_good_for_its_tenant_alone() {
        let cursor = cursor(TenantId(1), 42);
        assert_eq!(read_cursor(TenantId(1), &cursor), Some(42));
        assert_eq!(read_cursor(TenantId(2), &cursor), None);
        for wrong in ["", "42", "!", &cursor[1..], &format!("{cursor}AA"), &cursor.replacen('A', "B", 1)] {
            assert_eq!(read_cursor(TenantId(1), wrong), None, "{wrong}");
        }
    }

    #[test]
    fn debug_output_keeps_what_customers_say_to_itself() {
        let canary = || "канарейка-1".to_owned();
        let application = Application {
            id: Uuid::nil(),
            status: Status::New,
            customer: Customer {
                id: None,
                channel: "telegram".into(),
                external_id: canary(),
                name: canary(),
                phone: canary(),
                username: canary(),
                language: None,
            },
            wish: Wish {
                kind: Kind::Callback,
                category: String::new(),
                brand: String::new(),
                model: String::new(),
                generation: canary(),
                year: None,
                vehicle_text: canary(),
                selections: Vec::new(),
                quoted: None,
                message: canary(),
                external_refs: vec![ExternalRef { system: canary(), id: canary(), url: canary() }],
            },
            assignee: canary(),
            created_at: SystemTime::UNIX_EPOCH,
            updated_at: SystemTime::UNIX_EPOCH,
            revision: 1,
        };
        let event = Event {
            place: 1,
            kind: EventKind::Created,
            from: None,
            to: Status::New,
            actor: canary(),
            note: canary(),
            fields: Vec::new(),
            occurred_at: SystemTime::UNIX_EPOCH,
            application: application.clone(),
        };
        assert!(!format!("{application:?} {event:?}").contains("канарейка"));
    }
}
