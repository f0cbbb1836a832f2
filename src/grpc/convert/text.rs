//! Texts on the wire.

use crate::domain::text::{Source, Text};
use crate::proto::lekalo::v1 as pb;

impl From<Text> for pb::Text {
    fn from(text: Text) -> Self {
        let source = match text.source {
            Source::Tenant => pb::TextSource::Tenant,
            Source::Shared => pb::TextSource::Shared,
        };
        let list = text.value.items().map(|items| pb::TextList { items: items.to_vec() });
        Self {
            key: text.key,
            value: text.value.as_phrase().into_owned(),
            language: text.language.word().to_owned(),
            source: source.into(),
            list,
            flag: text.value.flag(),
        }
    }
}
