//! Why a document could not be read, and what that may cost.

use serde::{Deserialize, Serialize};

/// Why a file could not be read, for the person who has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ExtractError {
    /// UPPER_SNAKE_CASE.
    pub code: String,
    /// What is wrong, and where.
    pub message: String,
    /// What to do about it; may be empty where the message says so.
    pub hint: String,
}

impl ExtractError {
    /// An error with its three parts.
    pub fn new(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: hint.into() }
    }
}

/// What reading a file may cost; who reads strangers' files limits the memory and time of the process besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes that all compressed parts of a file together may inflate to.
    pub inflated_bytes: u64,
}

impl Default for ReadLimits {
    /// 256 MiB.
    fn default() -> Self {
        Self { inflated_bytes: 256 << 20 }
    }
}

impl ReadLimits {
    pub(crate) fn too_much_inflated(&self) -> ExtractError {
        let message = format!("the file inflates to more than {} MiB", self.inflated_bytes >> 20);
        ExtractError::new("LIMIT_EXCEEDED", message, "split it, or save the table alone as CSV")
    }
}
