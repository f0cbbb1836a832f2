//! Long texts that a shop's bot reads, in versions.

use std::time::SystemTime;

use super::tenant::Language;

/// The longest title, in characters.
pub const MAX_TITLE: usize = 200;
/// The longest content, in bytes.
pub const MAX_CONTENT: usize = 1 << 20;
/// So many of the newest versions of a document are kept.
pub const MAX_VERSIONS: i64 = 50;
/// So many bytes at most have the versions of a document that are kept together.
pub const MAX_KEPT_BYTES: i64 = 8 << 20;
/// The most documents that a shop has, each key and language counted.
pub const MAX_DOCUMENTS: i64 = 200;

/// What a document is to say from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    pub key: String,
    pub language: Language,
    pub title: String,
    pub content: String,
}

/// A version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub key: String,
    pub language: Language,
    pub title: String,
    /// Empty where only what is known of it was asked for.
    pub content: String,
    /// Counts from 1, and names it: the etag.
    pub version: i64,
    pub size_bytes: i64,
    pub created_at: SystemTime,
    pub actor: String,
}

impl Document {
    /// What lists have of it.
    pub fn without_content(self) -> Self {
        Self { content: String::new(), ..self }
    }
}
