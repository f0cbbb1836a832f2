//! What CreateTenant and UpdateTenant may write: each field with its checks. A new one goes into [`MUTABLE`] and
//! [`read_change`].

use crate::domain::Result;
use crate::domain::phone;
use crate::domain::tenant::{Channel, Contact, Language, TenantChange};
use crate::grpc::Services;
use crate::grpc::convert;
use crate::grpc::validation::{MAX_EXTERNAL_ID, Validator};
use crate::proto::lekalo::v1 as pb;

const MAX_DISPLAY_NAME: usize = 120;
const MAX_CONTACT: usize = 200;
const MAX_CONTACTS: usize = 20;
const MAX_CHANNELS: usize = 20;
const MAX_CATEGORIES: usize = 100;
const MAX_SETTINGS_BYTES: usize = 16 << 10;

/// The fields an update mask may name.
pub const MUTABLE: &[&str] = &[
    "display_name",
    "default_language",
    "time_zone",
    "prices_visible",
    "active",
    "contacts",
    "settings",
    "channels",
    "categories",
];

/// Reads the fields that `mask` names; an empty one becomes its default.
pub fn read_change(check: &mut Validator, tenant: pb::Tenant, mask: &[&str]) -> TenantChange {
    let named = |field: &str| mask.contains(&field);
    let mut change = TenantChange::default();
    if named("display_name") {
        change.display_name = Some(check.required_text("tenant.display_name", tenant.display_name, MAX_DISPLAY_NAME));
    }
    if named("default_language") {
        let language = check.word::<Language>("tenant.default_language", tenant.default_language);
        change.default_language = Some(language.unwrap_or_default());
    }
    if named("time_zone") {
        let zone = check.optional_name("tenant.time_zone", tenant.time_zone);
        change.time_zone = Some(if zone.is_empty() { "Asia/Bishkek".to_owned() } else { zone });
    }
    change.prices_visible = named("prices_visible").then_some(tenant.prices_visible);
    change.active = named("active").then_some(tenant.active.unwrap_or(true));
    if named("settings") {
        change.settings = Some(read_settings(check, tenant.settings.unwrap_or_default()));
    }
    if named("contacts") {
        change.contacts = Some(read_contacts(check, tenant.contacts));
    }
    if named("channels") {
        change.channels = Some(read_channels(check, tenant.channels));
    }
    if named("categories") {
        change.categories = Some(read_categories(check, tenant.categories));
    }
    change
}

fn read_settings(check: &mut Validator, settings: prost_types::Struct) -> serde_json::Value {
    let Some(settings) = convert::json_object(settings) else {
        let description = "must not contain U+0000, NaN or an infinity";
        check.refuse("tenant.settings", "FIELD_INVALID", description);
        return serde_json::Value::default();
    };
    if settings.to_string().len() > MAX_SETTINGS_BYTES {
        check.too_long("tenant.settings", MAX_SETTINGS_BYTES, "bytes as JSON");
    }
    settings
}

fn read_contacts(check: &mut Validator, contacts: Vec<pb::TenantContact>) -> Vec<Contact> {
    let mut read = Vec::new();
    for (place, contact) in check.list("tenant.contacts", contacts, MAX_CONTACTS).into_iter().enumerate() {
        let field = |name: &str| format!("tenant.contacts[{place}].{name}");
        let kind: pb::ContactKind = check.required_enumeration(&field("kind"), contact.kind);
        let value = check.required_text(&field("value"), contact.value, MAX_CONTACT);
        let is_number = matches!(kind, pb::ContactKind::Phone | pb::ContactKind::Whatsapp);
        if is_number && !value.is_empty() && !phone::is_e164(&value) {
            check.refuse(&field("value"), "FIELD_INVALID", "must be E.164, such as +996700123456");
        }
        let Some(word) = convert::contact_kind(kind) else { continue };
        read.push(Contact { kind: word.to_owned(), value });
    }
    read
}

fn read_channels(check: &mut Validator, channels: Vec<pb::TenantChannel>) -> Vec<Channel> {
    let mut read = Vec::new();
    for (place, channel) in check.list("tenant.channels", channels, MAX_CHANNELS).into_iter().enumerate() {
        let field = |name: &str| format!("tenant.channels[{place}].{name}");
        let kind: pb::Channel = check.required_enumeration(&field("channel"), channel.channel);
        let external_id = check.required_text(&field("external_id"), channel.external_id, MAX_EXTERNAL_ID);
        let Some(word) = convert::channel(kind) else { continue };
        let channel = Channel { channel: word.to_owned(), external_id, pending: channel.pending };
        let is_same =
            |other: &Channel| (&other.channel, &other.external_id) == (&channel.channel, &channel.external_id);
        if read.iter().any(is_same) {
            let bot = format!("the {word} bot `{}` is named twice", channel.external_id);
            check.refuse(&format!("tenant.channels[{place}]"), "FIELD_INVALID", bot);
        }
        read.push(channel);
    }
    read
}

fn read_categories(check: &mut Validator, codes: Vec<String>) -> Vec<String> {
    let mut read: Vec<String> = Vec::new();
    for (place, code) in check.list("tenant.categories", codes, MAX_CATEGORIES).into_iter().enumerate() {
        let field = format!("tenant.categories[{place}]");
        let code = check.name(&field, code);
        if read.contains(&code) {
            check.refuse(&field, "FIELD_INVALID", format!("`{code}` is named twice"));
        }
        read.push(code);
    }
    read
}

/// Refuses a time zone that the database does not know.
pub async fn check_time_zone(services: &Services, check: &mut Validator, change: &TenantChange) -> Result<()> {
    if let Some(zone) = &change.time_zone
        && !services.db.is_time_zone(zone).await?
    {
        check.refuse("tenant.time_zone", "FIELD_INVALID", format!("`{zone}` is no IANA time zone"));
    }
    Ok(())
}
