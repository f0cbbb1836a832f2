//! What can go wrong, in the words of the product.
//!
//! A variant says whose turn it is: the caller's (bad input, missing things, conflicts), the caller's again
//! later (busy), or ours ([`Error::Internal`], whose cause is logged and never leaves the process).

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// The result of everything that may fail for a caller.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure a caller can be told about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One or more fields of the request are wrong; all of them at once.
    #[error("{}", list(.0))]
    Invalid(Vec<Violation>),

    /// Something named in the request does not exist (for this tenant).
    #[error("{kind} `{name}` does not exist")]
    NotFound { kind: Kind, name: String },

    /// The request contradicts what is stored already. `metadata` begins with what that is: its kind and its name.
    #[error("{message}")]
    AlreadyExists { reason: &'static str, message: String, metadata: Vec<(&'static str, String)> },

    /// The request is fine, but not in this state. `metadata` has the variable parts of the message.
    #[error("{message}")]
    FailedPrecondition { reason: &'static str, message: String, metadata: Vec<(&'static str, String)> },

    /// Somebody else was faster; read again and retry.
    #[error("{message}")]
    Aborted { reason: &'static str, message: String, metadata: Vec<(&'static str, String)> },

    /// The service or its database cannot answer now. What is known of the cause is for operators only.
    #[error("{message}")]
    Unavailable {
        reason: &'static str,
        message: String,
        retry_after: Duration,
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },

    /// A limit is reached.
    #[error("{message}")]
    ResourceExhausted { reason: &'static str, message: String, retry_after: Duration },

    /// Nobody we know: no API key, or none that works.
    #[error("{message}")]
    Unauthenticated { reason: &'static str, message: String },

    /// Somebody we know, who may not do this. `metadata` has the variable parts of the message.
    #[error("{message}")]
    PermissionDenied { reason: &'static str, message: String, metadata: Vec<(&'static str, String)> },

    /// The caller's deadline passed before the answer was ready.
    #[error("the deadline passed before the answer was ready")]
    DeadlineExceeded,

    /// Ours. The cause is for the log only.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// One bad field.
    pub fn invalid(field: impl Into<String>, reason: &'static str, description: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation::new(field, reason, description)])
    }

    /// A thing that does not exist.
    pub fn not_found(kind: Kind, name: impl Into<String>) -> Self {
        Self::NotFound { kind, name: name.into() }
    }

    /// A category that there is, and that this tenant does not sell.
    pub fn category_not_sold(tenant: &str, category: &str) -> Self {
        Self::FailedPrecondition {
            reason: "CATEGORY_NOT_SOLD",
            message: format!("tenant `{tenant}` does not sell category `{category}`"),
            metadata: vec![("tenant", tenant.to_owned()), ("category", category.to_owned())],
        }
    }

    /// Who calls more often than they may; for so long they have to wait.
    pub fn rate_limited(who: impl fmt::Display, calls_per_second: NonZeroU32, wait: Duration) -> Self {
        Self::ResourceExhausted {
            reason: "RATE_LIMITED",
            message: format!("{who} may make {calls_per_second} calls a second; slow down"),
            retry_after: wait.max(Duration::from_millis(1)),
        }
    }

    /// Our own failure; `cause` goes to the log.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request (`header.category`).
    pub field: String,
    /// UPPER_SNAKE_CASE, for programs.
    pub reason: &'static str,
    /// What is wrong and what to do, for people.
    pub description: String,
    /// The variable parts of the description, for programs.
    pub metadata: Vec<(&'static str, String)>,
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

impl Violation {
    /// Without metadata.
    pub fn new(field: impl Into<String>, reason: &'static str, description: impl Into<String>) -> Self {
        Self { field: field.into(), reason, description: description.into(), metadata: Vec::new() }
    }
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect::<Vec<_>>().join("; ")
}

/// The kinds of things that have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Tenant,
    Category,
    Brand,
    Model,
    Import,
    Pattern,
    Option,
    Alias,
    Application,
    Customer,
    Document,
    ApiKey,
}

impl Kind {
    /// As `ResourceInfo.resource_type` and in sentences.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Category => "category",
            Self::Brand => "brand",
            Self::Model => "model",
            Self::Import => "import",
            Self::Pattern => "pattern",
            Self::Option => "option",
            Self::Alias => "alias",
            Self::Application => "application",
            Self::Customer => "customer",
            Self::Document => "document",
            Self::ApiKey => "api_key",
        }
    }

    /// As `ErrorInfo.reason`.
    pub const fn not_found_reason(self) -> &'static str {
        match self {
            Self::Tenant => "TENANT_NOT_FOUND",
            Self::Category => "CATEGORY_NOT_FOUND",
            Self::Brand => "BRAND_NOT_FOUND",
            Self::Model => "MODEL_NOT_FOUND",
            Self::Import => "IMPORT_NOT_FOUND",
            Self::Pattern => "PATTERN_NOT_FOUND",
            Self::Option => "OPTION_NOT_FOUND",
            Self::Alias => "ALIAS_NOT_FOUND",
            Self::Application => "APPLICATION_NOT_FOUND",
            Self::Customer => "CUSTOMER_NOT_FOUND",
            Self::Document => "DOCUMENT_NOT_FOUND",
            Self::ApiKey => "API_KEY_NOT_FOUND",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
