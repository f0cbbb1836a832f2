//! Documents on the wire.

use super::timestamp;
use crate::domain::document::Document;
use crate::proto::lekalo::v1 as pb;

impl From<Document> for pb::Document {
    fn from(document: Document) -> Self {
        Self {
            key: document.key,
            language: document.language.word().to_owned(),
            title: document.title,
            content: document.content,
            version: document.version,
            size_bytes: document.size_bytes,
            created_at: Some(timestamp(document.created_at)),
            actor: document.actor,
            etag: document.version.to_string(),
        }
    }
}
