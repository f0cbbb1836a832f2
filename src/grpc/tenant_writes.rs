//! TenantService's writes: what a tenant may be, field by field.

use tonic::Status;

use super::Services;
use super::convert;
use super::idempotency::{idempotent, take_key};
use super::validation::{MAX_EXTERNAL_ID, Validator, check_etag};
use crate::domain::Error;
use crate::domain::phone;
use crate::domain::tenant::{Channel, Contact, Language, TenantChange};
use crate::proto::lekalo::v1 as pb;

const MAX_DISPLAY_NAME: usize = 120;
const MAX_CONTACT: usize = 200;
const MAX_CONTACTS: usize = 20;
const MAX_CHANNELS: usize = 20;
const MAX_CATEGORIES: usize = 100;
const MAX_SETTINGS_BYTES: usize = 16 << 10;

/// The fields an update mask may name.
const MUTABLE: &[&str] = &[
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

impl Services {
    pub(super) async fn create_tenant(
        &self,
        mut request: pb::CreateTenantRequest,
    ) -> Result<pb::CreateTenantResponse, Status> {
        let mut check = Validator::default();
        let key = take_key(&mut check, &mut request);
        let tenant = request.tenant.unwrap_or_default();
        let slug = check.name("tenant.slug", tenant.slug.clone());
        if !slug.is_empty() && !is_slug(&slug) {
            let form = "must have 2 to 64 characters of a-z, 0-9, _ and -, a letter first";
            check.refuse("tenant.slug", "FIELD_INVALID", form);
        }
        let mut currency = check.text("tenant.currency", tenant.currency.clone(), usize::MAX);
        if currency.is_empty() {
            "KGS".clone_into(&mut currency);
        }
        if currency.len() != 3 || !currency.chars().all(|ch| ch.is_ascii_uppercase()) {
            check.refuse("tenant.currency", "FIELD_INVALID", "must be three capital letters (ISO 4217)");
        }
        let active = tenant.active.or(Some(true));
        let change = read_change(&mut check, pb::Tenant { active, ..tenant }, MUTABLE);
        self.check_time_zone(&mut check, &change).await?;
        check.done()?;

        let tx = self.db.transaction().await?;
        let answer = idempotent(tx, key.as_ref(), async |tx| {
            tx.create_tenant(&slug, &currency, &change).await?;
            let created = tx.read_tenant(&slug).await?;
            // The answer is kept where it was claimed, outside any tenant.
            tx.leave().await?;
            Ok(pb::CreateTenantResponse { tenant: Some(created.into()) })
        });
        Ok(answer.await?)
    }

    pub(super) async fn update_tenant(
        &self,
        mut request: pb::UpdateTenantRequest,
    ) -> Result<pb::UpdateTenantResponse, Status> {
        let mut check = Validator::default();
        let key = take_key(&mut check, &mut request);
        let tenant = request.tenant.unwrap_or_default();
        let slug = check.name("tenant.slug", tenant.slug.clone());
        let etag = check.optional_name("etag", request.etag);
        let etag = if etag.is_empty() { tenant.etag.clone() } else { etag };
        let mask = request.update_mask.unwrap_or_default().paths;
        if mask.is_empty() {
            check.refuse("update_mask", "FIELD_REQUIRED", "must name the fields to write");
        }
        for path in mask.iter().filter(|path| !MUTABLE.contains(&path.as_str())) {
            let allowed = MUTABLE.join(", ");
            check.refuse("update_mask", "FIELD_INVALID", format!("`{path}` cannot be written; it takes {allowed}"));
        }
        let mask: Vec<&str> = mask.iter().map(String::as_str).collect();
        let change = read_change(&mut check, tenant, &mask);
        self.check_time_zone(&mut check, &change).await?;
        check.done()?;

        let found = self.db.find_tenant(&slug).await?;
        let tx = self.db.tenant(found.id).write_transaction().await?;
        let answer = idempotent(tx, key.as_ref(), async |tx| {
            check_etag(&etag, tx.lock_tenant(found.id).await?)?;
            tx.change_tenant(found.id, &change).await?;
            let changed = tx.read_tenant(&slug).await?;
            Ok(pb::UpdateTenantResponse { tenant: Some(changed.into()) })
        });
        Ok(answer.await?)
    }

    async fn check_time_zone(&self, check: &mut Validator, change: &TenantChange) -> Result<(), Error> {
        if let Some(zone) = &change.time_zone
            && !self.db.is_time_zone(zone).await?
        {
            check.refuse("tenant.time_zone", "FIELD_INVALID", format!("`{zone}` is no IANA time zone"));
        }
        Ok(())
    }
}

/// Reads the fields that `mask` names; an empty one becomes its default.
fn read_change(check: &mut Validator, tenant: pb::Tenant, mask: &[&str]) -> TenantChange {
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
        let channel = Channel { channel: word.to_owned(), external_id };
        if read.contains(&channel) {
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

fn is_slug(slug: &str) -> bool {
    (2..=64).contains(&slug.len())
        && slug.starts_with(|ch: char| ch.is_ascii_lowercase())
        && slug.chars().all(|ch| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '_' || ch == '-')
}
