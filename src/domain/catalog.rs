//! What bots read of a tenant, as it is stored: what all tenants share, and a tenant's own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::price::{OptionKind, PriceLine};
use super::tenant::{Language, Tenant};
use super::vehicle::{Attributes, BodyType, Years};

/// The versions that a catalog was read at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// Of the tenant's own.
    pub own: i64,
    /// Of what all tenants share.
    pub shared: i64,
}

/// A name or a text in some of the languages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names([Option<Arc<str>>; Language::ALL.len()]);

impl Names {
    /// In that language.
    pub fn get(&self, language: Language) -> Option<&Arc<str>> {
        self.0.get(language as usize)?.as_ref()
    }

    /// Says what it is in that language.
    pub fn set(&mut self, language: Language, name: impl Into<Arc<str>>) {
        if let Some(place) = self.0.get_mut(language as usize) {
            *place = Some(name.into());
        }
    }

    /// In the first of these languages that it has, and which that is.
    pub fn first(&self, languages: &[Language]) -> Option<(&Arc<str>, Language)> {
        languages.iter().find_map(|language| Some((self.get(*language)?, *language)))
    }

    /// In every language it has.
    pub fn all(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().flatten()
    }
}

/// What all tenants share.
#[derive(Debug, Default)]
pub struct SharedRows {
    /// By code.
    pub categories: Vec<CategoryRow>,
    pub options: Vec<OptionRow>,
    /// In order.
    pub bodies: Vec<BodyRow>,
    pub brands: Vec<BrandRow>,
    pub models: Vec<ModelRow>,
    pub texts: Vec<TextRow>,
    /// Changes with every text.
    pub texts_version: String,
}

#[derive(Debug)]
pub struct CategoryRow {
    pub id: i64,
    pub code: String,
    pub names: Names,
    pub descriptions: Names,
    pub aliases: Vec<String>,
}

#[derive(Debug)]
pub struct OptionRow {
    pub id: i64,
    pub category_id: i64,
    pub code: String,
    pub kind: OptionKind,
    pub names: Names,
    /// The bodies it exists for; none: all.
    pub body_types: Vec<BodyType>,
    pub sort_order: i16,
    /// In order.
    pub values: Vec<ValueRow>,
}

#[derive(Debug)]
pub struct ValueRow {
    pub id: i64,
    pub code: String,
    pub names: Names,
    pub sort_order: i16,
}

#[derive(Debug)]
pub struct BodyRow {
    pub code: BodyType,
    pub parent: Option<BodyType>,
    pub priced_as: Option<BodyType>,
    pub names: Names,
    pub sort_order: i16,
}

#[derive(Debug)]
pub struct BrandRow {
    pub id: i64,
    pub slug: String,
    pub name: String,
    pub names: Names,
    /// Other ways to write it.
    pub aliases: Vec<String>,
}

#[derive(Debug)]
pub struct ModelRow {
    pub id: i64,
    pub brand_id: i64,
    pub slug: String,
    pub name: String,
    pub names: Names,
}

/// One text in one language.
#[derive(Debug)]
pub struct TextRow {
    pub key: String,
    pub language: Language,
    pub value: String,
}

/// A tenant's own, but for its patterns.
#[derive(Debug)]
pub struct OwnRows {
    pub tenant: Tenant,
    pub categories: Vec<OwnCategory>,
    /// Whenever they hold, in the order they were set.
    pub prices: Vec<PriceRow>,
    pub texts: Vec<TextRow>,
    /// Changes with every text.
    pub texts_version: String,
}

/// A category as a tenant has it.
#[derive(Debug, Clone)]
pub struct OwnCategory {
    pub id: i64,
    /// Whether the tenant sells it.
    pub active: bool,
    pub sort_order: i16,
    /// Codes of the options it offers, in order.
    pub options: Vec<String>,
    /// How many models have an available pattern there.
    pub models: i64,
}

/// A price and where it stands among its category's.
#[derive(Debug)]
pub struct PriceRow {
    pub category_id: i64,
    pub line: Arc<PriceLine>,
    /// What a page goes on after.
    pub place: String,
}

impl PriceRow {
    /// Whether it holds at that time.
    pub fn holds(&self, at: SystemTime) -> bool {
        self.line.valid_from <= at && self.line.valid_to.is_none_or(|end| at < end)
    }
}

/// A model narrowed by generation, years and body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variant {
    pub generation: Arc<str>,
    pub years: Years,
    pub body_type: Option<BodyType>,
}

/// The available patterns of one category, as they are read: those of a model stand together, and of these the ones for the
/// same car, oldest first.
#[derive(Debug, Default)]
pub struct PatternRows {
    pub variants: HashMap<i64, Variant>,
    pub patterns: Vec<PatternRow>,
}

#[derive(Debug)]
pub struct PatternRow {
    pub id: i64,
    pub model_id: i64,
    pub variant_id: i64,
    pub attributes: Attributes,
    /// Those of many are the same.
    pub notes: Arc<str>,
}
