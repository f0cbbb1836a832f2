//! Between the wire's types and the domain's: inbound checked, outbound `From`.

mod application;
mod audit;
mod category;
mod document;
mod import;
pub mod pattern;
pub mod price;
mod text;

pub use application::{application_event, application_kind, application_status};
pub use import::{import, mode, outcome};

use std::collections::BTreeMap;
use std::time::SystemTime;

use prost::Message;
use prost_types::value::Kind as JsonKind;
use prost_types::{ListValue, Struct, Timestamp, Value};

use crate::domain::page::{Page, PageRequest};
use crate::domain::tenant::{self, Language};
use crate::domain::{seed, stats};
use crate::proto::lekalo::v1 as pb;

/// A count as the wire has it; nothing we count comes near its limit.
pub fn count(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// The most bytes of a page's items; a default client takes 4 MiB.
const MAX_PAGE_BYTES: usize = 2 << 20;

/// How many of the first go into an answer: one at least.
pub fn how_many_fit<M: Message>(messages: &[M]) -> usize {
    let mut bytes = 0;
    let fits = messages.iter().take_while(|message| {
        // With its tag and its length.
        bytes += message.encoded_len() + 6;
        bytes <= MAX_PAGE_BYTES
    });
    fits.count().max(1)
}

/// A page's items as messages, as many as go into an answer, and the token of the page that follows.
pub fn fitting<T, M: Message>(request: &PageRequest, found: Page<T>, message: impl Fn(T) -> M) -> (Vec<M>, String) {
    let mut keys: Vec<_> = found.items.iter().filter_map(|item| Some(found.key?(item))).collect();
    let mut messages: Vec<M> = found.items.into_iter().map(message).collect();
    let fit = how_many_fit(&messages);
    // Without keys the items are small.
    let next = if fit < keys.len() {
        messages.truncate(fit);
        Some(keys.swap_remove(fit - 1))
    } else {
        found.next
    };
    (messages, request.next_token(next))
}

/// A year as the wire has it: 0 is unknown.
pub fn year(value: Option<i16>) -> i32 {
    value.map_or(0, i32::from)
}

fn word<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The language an answer is in: the one asked for if any of its names has it, else what they fell back to.
pub fn language_used(asked: Language, names: impl Iterator<Item = Language>) -> String {
    let mut first = None;
    for language in names {
        if language == asked {
            return asked.word().to_owned();
        }
        first.get_or_insert(language);
    }
    first.unwrap_or(asked).word().to_owned()
}

impl From<tenant::Tenant> for pb::Tenant {
    fn from(tenant: tenant::Tenant) -> Self {
        Self {
            slug: tenant.slug,
            display_name: tenant.display_name,
            default_language: tenant.default_language.word().to_owned(),
            currency: tenant.currency,
            time_zone: tenant.time_zone,
            prices_visible: tenant.prices_visible,
            active: Some(tenant.active),
            contacts: tenant.contacts.into_iter().map(Into::into).collect(),
            settings: Some(json_struct(tenant.settings)),
            catalog_version: tenant.catalog.to_string(),
            etag: tenant.revision.to_string(),
            channels: tenant.channels.into_iter().map(Into::into).collect(),
            categories: tenant.categories,
        }
    }
}

const CONTACT_KINDS: [(pb::ContactKind, &str); 7] = [
    (pb::ContactKind::Phone, "phone"),
    (pb::ContactKind::Whatsapp, "whatsapp"),
    (pb::ContactKind::Telegram, "telegram"),
    (pb::ContactKind::Instagram, "instagram"),
    (pb::ContactKind::Email, "email"),
    (pb::ContactKind::Website, "website"),
    (pb::ContactKind::Address, "address"),
];

const CHANNELS: [(pb::Channel, &str); 4] = [
    (pb::Channel::Whatsapp, "whatsapp"),
    (pb::Channel::Telegram, "telegram"),
    (pb::Channel::Instagram, "instagram"),
    (pb::Channel::Web, "web"),
];

/// The database's word for a kind of contact; none for UNSPECIFIED.
pub fn contact_kind(kind: pb::ContactKind) -> Option<&'static str> {
    CONTACT_KINDS.into_iter().find(|(wire, _)| *wire == kind).map(|(_, word)| word)
}

/// The database's word for a channel; none for UNSPECIFIED.
pub fn channel(channel: pb::Channel) -> Option<&'static str> {
    CHANNELS.into_iter().find(|(wire, _)| *wire == channel).map(|(_, word)| word)
}

/// The channel of a database's word.
fn wire_channel(word: &str) -> pb::Channel {
    CHANNELS.into_iter().find(|(_, known)| *known == word).map_or(pb::Channel::Unspecified, |(wire, _)| wire)
}

impl From<tenant::Contact> for pb::TenantContact {
    fn from(contact: tenant::Contact) -> Self {
        let kind = CONTACT_KINDS.into_iter().find(|(_, word)| *word == contact.kind);
        Self { kind: kind.map_or(pb::ContactKind::Unspecified, |(wire, _)| wire).into(), value: contact.value }
    }
}

impl From<tenant::Channel> for pb::TenantChannel {
    fn from(channel: tenant::Channel) -> Self {
        let wire = wire_channel(&channel.channel);
        Self { channel: wire.into(), external_id: channel.external_id, pending: channel.pending }
    }
}

impl From<tenant::Category> for pb::Category {
    fn from(category: tenant::Category) -> Self {
        Self {
            code: category.code,
            display_name: category.display_name,
            description: category.description,
            sort_order: category.sort_order,
            model_count: count(category.model_count),
            emoji: category.emoji,
        }
    }
}

impl From<tenant::Brand> for pb::Brand {
    fn from(brand: tenant::Brand) -> Self {
        Self {
            slug: brand.slug,
            name: brand.name,
            display_name: brand.display_name,
            model_count: count(brand.model_count),
        }
    }
}

impl From<tenant::Model> for pb::Model {
    fn from(model: tenant::Model) -> Self {
        Self {
            brand: model.brand,
            slug: model.slug,
            name: model.name,
            display_name: model.display_name,
            pattern_count: count(model.pattern_count),
            year_from: year(model.year_from),
            year_to: year(model.year_to),
        }
    }
}

impl From<seed::TableCounts> for pb::SeedTableCounts {
    fn from(counts: seed::TableCounts) -> Self {
        Self {
            table: counts.table.to_owned(),
            inserted: counts.inserted,
            updated: counts.updated,
            unchanged: counts.unchanged,
        }
    }
}

impl From<stats::Stats> for pb::GetStatsResponse {
    fn from(stats: stats::Stats) -> Self {
        let counts = stats.counts;
        Self {
            counts: Some(pb::StatsCounts {
                tenants: counts.tenants,
                categories: counts.categories,
                brands: counts.brands,
                models: counts.models,
                model_variants: counts.model_variants,
                aliases: counts.aliases,
                patterns: counts.patterns,
                patterns_available: counts.patterns_available,
                prices: counts.prices,
                texts: counts.texts,
                applications: counts.applications,
                imports: counts.imports,
            }),
            top_brands: stats
                .top_brands
                .into_iter()
                .map(|brand| pb::BrandModels { brand: brand.slug, models: brand.models, brand_name: brand.name })
                .collect(),
            unpriced: stats
                .unpriced
                .into_iter()
                .map(|(tenant, body)| pb::UnpricedBody {
                    tenant,
                    category: body.category,
                    body_type: body.body_type,
                    patterns: body.patterns,
                })
                .collect(),
            missing_translations: stats
                .missing_translations
                .into_iter()
                .map(|missing| pb::MissingTranslation {
                    tenant: String::new(),
                    table: missing.table,
                    key: missing.key,
                    languages: missing.languages,
                })
                .collect(),
            open_import_issues: stats
                .open_import_issues
                .into_iter()
                .map(|(tenant, issue)| pb::OpenImportIssue {
                    tenant,
                    import_id: issue.import_id,
                    file_name: issue.file_name,
                    code: issue.code.to_uppercase(),
                    rows: issue.rows,
                })
                .collect(),
        }
    }
}

/// A time as the wire has it.
pub fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from(time)
}

/// A JSON object as a `Struct`; anything else is an empty one.
fn json_struct(value: serde_json::Value) -> Struct {
    let serde_json::Value::Object(object) = value else { return Struct::default() };
    Struct { fields: object.into_iter().map(|(key, value)| (key, json_value(value))).collect::<BTreeMap<_, _>>() }
}

fn json_value(value: serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => JsonKind::NullValue(0),
        serde_json::Value::Bool(value) => JsonKind::BoolValue(value),
        serde_json::Value::Number(number) => JsonKind::NumberValue(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => JsonKind::StringValue(text),
        serde_json::Value::Array(values) => {
            JsonKind::ListValue(ListValue { values: values.into_iter().map(json_value).collect() })
        }
        object @ serde_json::Value::Object(_) => JsonKind::StructValue(json_struct(object)),
    };
    Value { kind: Some(kind) }
}

/// A `Struct` as a JSON object; none if it holds what JSON or the database has no word for: NaN, infinities, U+0000.
pub fn json_object(object: Struct) -> Option<serde_json::Value> {
    let fields = object.fields.into_iter().map(|(key, value)| Some((without_null(key)?, plain_json(value)?)));
    Some(serde_json::Value::Object(fields.collect::<Option<_>>()?))
}

fn without_null(text: String) -> Option<String> {
    (!text.contains('\0')).then_some(text)
}

fn plain_json(value: Value) -> Option<serde_json::Value> {
    Some(match value.kind {
        None | Some(JsonKind::NullValue(_)) => serde_json::Value::Null,
        Some(JsonKind::BoolValue(value)) => value.into(),
        Some(JsonKind::NumberValue(number)) => serde_json::Number::from_f64(number)?.into(),
        Some(JsonKind::StringValue(text)) => without_null(text)?.into(),
        Some(JsonKind::ListValue(list)) => list.values.into_iter().map(plain_json).collect::<Option<_>>()?,
        Some(JsonKind::StructValue(object)) => json_object(object)?,
    })
}

#[cfg(test)]
mod tests;
