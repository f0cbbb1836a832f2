//! Texts on the wire.

use crate::domain::text::{Source, Text};
use crate::proto::lekalo::v1 as pb;

impl From<Text> for pb::Text {
    fn from(text: Text) -> Self {
        let source = match text.source {
            Source::Tenant => pb::TextSource::Tenant,
            Source::Shared => pb::TextSource::Shared,
        };
        Self { key: text.key, value: text.value, language: text.language.word().to_owned(), source: source.into() }
    }
}
