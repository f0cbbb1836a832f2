//! The audit trail: who changed what, when and from where. What a customer said or is called is in no event.

use std::net::IpAddr;
use std::time::SystemTime;

use uuid::Uuid;

use super::api_key::{Caller, Identity};
use super::vehicle::vocabulary;

/// How many names of things an event has at most; its summary says how many there were.
const MOST_NAMES: usize = 20;

vocabulary! {
    /// What kind of thing was changed.
    ResourceKind {
        Alias = "alias",
        ApiKey = "api_key",
        Application = "application",
        Customer = "customer",
        Category = "category",
        Database = "database",
        Document = "document",
        Import = "import",
        Option = "option",
        Pattern = "pattern",
        Prices = "prices",
        Seed = "seed",
        Tenant = "tenant",
        Texts = "texts",
    }
}

/// A change as its event tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub kind: ResourceKind,
    /// Its id or name; of several, separated by a comma and a space.
    pub resource: String,
    /// A few words or a count.
    pub summary: String,
}

impl Change {
    /// Of one thing.
    pub fn of(kind: ResourceKind, resource: impl ToString, summary: impl Into<String>) -> Self {
        Self { kind, resource: resource.to_string(), summary: summary.into() }
    }

    /// Of several.
    pub fn of_all<'a>(
        kind: ResourceKind,
        names: impl IntoIterator<Item = &'a str>,
        summary: impl Into<String>,
    ) -> Self {
        let mut named: Vec<&str> = Vec::new();
        for name in names {
            if named.len() < MOST_NAMES && !named.contains(&name) {
                named.push(name);
            }
        }
        Self::of(kind, named.join(", "), summary)
    }
}

vocabulary! {
    /// Who may change something.
    ActorKind {
        /// Who showed an API key.
        ApiKey = "api_key",
        /// Who showed a JWT.
        Jwt = "jwt",
        /// Anybody, where the server asks for no key.
        NoKey = "no_key",
        /// Who ran a command on a machine that has the database's password.
        CommandLine = "command_line",
        /// The server itself.
        System = "system",
    }
}

/// Who changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub kind: ActorKind,
    pub key_prefix: Option<String>,
    /// What the key is for, the JWT's subject, or the operating system's account.
    pub name: String,
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        let (kind, key_prefix, name) = match &caller.identity {
            Identity::Anybody => (ActorKind::NoKey, None, String::new()),
            Identity::ApiKey { prefix, label } => (ActorKind::ApiKey, Some(prefix.clone()), label.clone()),
            Identity::Jwt { sub, .. } => (ActorKind::Jwt, None, sub.clone()),
        };
        Self { kind, key_prefix, name }
    }
}

/// On whose behalf something is done, and by which call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// As in the contract (`lekalo.v1.PricingService/SetPrices`), the command (`lekalo key issue`), or what the server does of
    /// its own accord (`sweeper/EndInterruptedImport`).
    pub method: String,
    pub actor: Actor,
    pub peer: Option<IpAddr>,
    /// The call's x-request-id; empty where it was no call.
    pub request_id: String,
}

impl Origin {
    /// Nobody asked for it.
    pub fn system(method: impl Into<String>) -> Self {
        let actor = Actor { kind: ActorKind::System, key_prefix: None, name: String::new() };
        Self { method: method.into(), actor, peer: None, request_id: String::new() }
    }

    /// A command that this account of the operating system runs.
    pub fn command_line(method: impl Into<String>, account: impl Into<String>) -> Self {
        let actor = Actor { kind: ActorKind::CommandLine, key_prefix: None, name: account.into() };
        Self { actor, ..Self::system(method) }
    }

    /// What is done later because of it.
    pub fn later(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }
}

/// What is recorded of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: Uuid,
    /// The slug; none: it concerns every tenant.
    pub tenant: Option<String>,
    pub occurred_at: SystemTime,
    pub change: Change,
    pub origin: Origin,
}

/// Which events to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub occurred_after: Option<SystemTime>,
    pub occurred_before: Option<SystemTime>,
    /// A method, or what stands behind its `/`.
    pub method: Option<String>,
    pub key_prefix: Option<String>,
    /// One of the names or ids of what was changed.
    pub resource: Option<String>,
}
