//! Tenants (shops), what they sell, and the languages they speak.

use std::fmt;

use super::phone;

/// A tenant's key in the database. Clients know tenants by slug and never see this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub i64);

pub use lekalo_vehicles::Language;

/// A shop.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    pub id: TenantId,
    pub slug: String,
    pub display_name: String,
    pub default_language: Language,
    /// ISO 4217.
    pub currency: String,
    /// IANA name.
    pub time_zone: String,
    /// Whether the bot may tell prices.
    pub prices_visible: bool,
    pub active: bool,
    pub contacts: Vec<Contact>,
    pub channels: Vec<Channel>,
    /// Codes of the categories it sells, in its order.
    pub categories: Vec<String>,
    pub settings: serde_json::Value,
    /// What its catalog is at.
    pub catalog: CatalogMark,
    /// Grows with every change of the tenant itself.
    pub revision: i64,
}

impl Tenant {
    /// A telephone number as its country writes it, in E.164.
    pub fn e164(&self, typed: &str) -> Option<String> {
        phone::e164(typed, phone::home(&self.time_zone, &self.currency))
    }
}

/// What moves whenever something that bots read of a tenant may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogMark {
    /// Grows with every change of the tenant's own.
    pub own: i64,
    /// Grows with every change of what all tenants share.
    pub shared: i64,
    /// How many times a price of its has begun or ended.
    pub price_changes: i64,
}

impl fmt::Display for CatalogMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.own, self.shared, self.price_changes)
    }
}

/// What a tenant may be created with or changed to; none leaves as it is (or, for a new one, the default).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TenantChange {
    pub display_name: Option<String>,
    pub default_language: Option<Language>,
    pub time_zone: Option<String>,
    pub prices_visible: Option<bool>,
    pub active: Option<bool>,
    pub settings: Option<serde_json::Value>,
    pub contacts: Option<Vec<Contact>>,
    pub channels: Option<Vec<Channel>>,
    /// Codes or aliases.
    pub categories: Option<Vec<String>>,
}

impl TenantChange {
    /// The names of what it has.
    pub fn fields(&self) -> Vec<&'static str> {
        let Self {
            display_name,
            default_language,
            time_zone,
            prices_visible,
            active,
            settings,
            contacts,
            channels,
            categories,
        } = self;
        let fields = [
            ("display_name", display_name.is_some()),
            ("default_language", default_language.is_some()),
            ("time_zone", time_zone.is_some()),
            ("prices_visible", prices_visible.is_some()),
            ("active", active.is_some()),
            ("settings", settings.is_some()),
            ("contacts", contacts.is_some()),
            ("channels", channels.is_some()),
            ("categories", categories.is_some()),
        ];
        fields.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    }
}

/// A way to reach the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub kind: String,
    pub value: String,
}

/// A bot that speaks for the shop, or will once that is approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub channel: String,
    /// The bot's own id on the channel.
    pub external_id: String,
    /// Whether the shop alone says so yet.
    pub pending: bool,
}

/// A product category as one tenant sells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    pub code: String,
    pub display_name: String,
    pub description: String,
    pub sort_order: i32,
    /// How many models have an available pattern there.
    pub model_count: i64,
    /// To show before the name; empty is none.
    pub emoji: String,
}

/// A brand that the tenant has patterns for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    pub slug: String,
    pub name: String,
    pub display_name: String,
    pub model_count: i64,
}

/// A model that the tenant has patterns for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub brand: String,
    pub slug: String,
    pub name: String,
    pub display_name: String,
    pub pattern_count: i64,
    pub year_from: Option<i16>,
    pub year_to: Option<i16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_fall_back_to_the_tenants_and_then_to_russian() {
        use Language::{En, Ky, Ru};
        assert_eq!(En.fallbacks(Ky), [En, Ky, Ru]);
        assert_eq!(Ru.fallbacks(Ru), [Ru]);
        assert_eq!(Ky.fallbacks(Ru), [Ky, Ru]);
    }
}
