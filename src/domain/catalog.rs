//! What bots read of a tenant, as it is stored: what all tenants share, and a tenant's own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::price::{OptionKind, OptionValue, PriceLine, ProductOption};
use super::tenant::{Language, Tenant};
use super::text::TextValue;
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

    /// These, and where they lack a language what `other` has.
    pub fn or(&self, other: &Self) -> Self {
        let mut names = other.clone();
        for language in Language::ALL {
            if let Some(name) = self.get(*language) {
                names.set(*language, name.clone());
            }
        }
        names
    }

    /// Those of these that `other` does not have just so.
    pub fn unlike(&self, other: &Self) -> Self {
        let mut names = Self::default();
        for language in Language::ALL {
            if let Some(name) = self.get(*language).filter(|name| other.get(*language) != Some(name)) {
                names.set(*language, name.clone());
            }
        }
        names
    }

    /// As the database keeps them, by language.
    pub fn json(&self) -> serde_json::Value {
        let named = Language::ALL.iter().filter_map(|language| Some((language.word(), self.get(*language)?)));
        named.map(|(language, name)| (language.to_owned(), serde_json::Value::from(&**name))).collect()
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

#[derive(Debug, Clone, Default)]
pub struct CategoryRow {
    pub id: i64,
    pub code: String,
    pub names: Names,
    pub descriptions: Names,
    pub aliases: Vec<String>,
}

#[derive(Debug, Clone)]
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
    /// What only a tenant can say of it.
    pub emoji: String,
    pub retired: bool,
}

#[derive(Debug, Clone)]
pub struct ValueRow {
    pub id: i64,
    pub code: String,
    pub names: Names,
    pub sort_order: i16,
    /// What only a tenant can say of it.
    pub emoji: String,
    pub retired: bool,
}

/// An option as a tenant has it: a shared one that it changed, or its own.
#[derive(Debug, Clone)]
pub struct OwnOption {
    pub id: i64,
    pub category_id: i64,
    /// With its kind, of one that is the tenant's own; none: it is a shared one.
    pub own: Option<(String, OptionKind)>,
    /// The tenant's own, which go before the shared ones.
    pub names: Names,
    pub emoji: String,
    /// None: as it is shared.
    pub body_types: Option<Vec<BodyType>>,
    pub active: bool,
    pub revision: i64,
    pub values: Vec<OwnValue>,
}

/// A value of an option as a tenant has it.
#[derive(Debug, Clone)]
pub struct OwnValue {
    pub id: i64,
    /// Of one that is the tenant's own; none: it is a shared one.
    pub code: Option<String>,
    pub names: Names,
    pub emoji: String,
    pub sort_order: i16,
    pub active: bool,
}

impl OptionRow {
    /// Where it stands: what the tenant offers goes first, in its order.
    pub fn place(&self, offered: &[String]) -> (bool, Option<usize>, i16, &str) {
        let place = offered.iter().position(|code| *code == self.code);
        (place.is_none(), place, self.sort_order, &self.code)
    }
}

/// A category's options as a tenant has them. Its own stand before shared ones that came to have their code.
pub fn options_of_tenant(shared: &[OptionRow], own: &[OwnOption]) -> Vec<OptionRow> {
    let is_taken = |row: &&OptionRow| own.iter().all(|own| own.own.as_ref().is_none_or(|(code, _)| *code != row.code));
    let mut options: Vec<OptionRow> = shared.iter().filter(is_taken).cloned().collect();
    for option in own {
        let place = match &option.own {
            None => options.iter().position(|row| row.id == option.id),
            Some((code, kind)) => {
                options.push(OptionRow {
                    id: option.id,
                    category_id: option.category_id,
                    code: code.clone(),
                    kind: *kind,
                    names: Names::default(),
                    body_types: Vec::new(),
                    sort_order: i16::MAX,
                    values: Vec::new(),
                    emoji: String::new(),
                    retired: false,
                });
                options.len().checked_sub(1)
            }
        };
        let Some(row) = place.and_then(|place| options.get_mut(place)) else { continue };
        row.names = option.names.or(&row.names);
        row.emoji.clone_from(&option.emoji);
        row.retired = !option.active;
        if let Some(body_types) = &option.body_types {
            row.body_types.clone_from(body_types);
        }
        row.values = values_of_tenant(std::mem::take(&mut row.values), &option.values);
    }
    options
}

/// The values that a tenant put into order, then those that came to be shared since.
fn values_of_tenant(shared: Vec<ValueRow>, own: &[OwnValue]) -> Vec<ValueRow> {
    let (mut placed, mut others) = (Vec::new(), Vec::new());
    for row in shared {
        match own.iter().find(|value| value.id == row.id) {
            Some(value) => placed.push(ValueRow {
                names: value.names.or(&row.names),
                sort_order: value.sort_order,
                emoji: value.emoji.clone(),
                retired: !value.active,
                ..row
            }),
            None if own.iter().any(|value| value.code.as_ref() == Some(&row.code)) => {}
            None => others.push(row),
        }
    }
    for value in own {
        if let Some(code) = &value.code {
            placed.push(ValueRow {
                id: value.id,
                code: code.clone(),
                names: value.names.clone(),
                sort_order: value.sort_order,
                emoji: value.emoji.clone(),
                retired: !value.active,
            });
        }
    }
    placed.sort_by(|a, b| (a.sort_order, &a.code).cmp(&(b.sort_order, &b.code)));
    placed.extend(others);
    placed
}

/// Options as they are shown in a language, with the languages of their names: those that the tenant offers in its order, then
/// the others.
pub fn shown_options(
    rows: &[OptionRow],
    offered: &[String],
    languages: &[Language],
) -> (Vec<ProductOption>, Vec<Language>) {
    let mut rows: Vec<&OptionRow> = rows.iter().collect();
    rows.sort_by(|a, b| a.place(offered).cmp(&b.place(offered)));
    let shown = |row: &OptionRow| {
        let (name, language) = row.names.first(languages)?;
        let (retired, values): (Vec<&ValueRow>, Vec<&ValueRow>) = row.values.iter().partition(|value| value.retired);
        let value = |value: &ValueRow| OptionValue {
            id: value.id,
            code: value.code.clone(),
            display_name: value.names.first(languages).map_or_else(|| value.code.clone(), |(name, _)| name.to_string()),
            emoji: value.emoji.clone(),
        };
        let option = ProductOption {
            id: row.id,
            code: row.code.clone(),
            display_name: name.to_string(),
            emoji: row.emoji.clone(),
            kind: row.kind,
            values: values.into_iter().map(value).collect(),
            retired_values: retired.into_iter().map(|value| value.code.clone()).collect(),
            body_types: row.body_types.clone(),
            offered: offered.contains(&row.code),
            retired: row.retired,
        };
        Some((option, language))
    };
    rows.into_iter().filter_map(shown).unzip()
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
    pub value: TextValue,
}

/// A tenant's own, but for its patterns.
#[derive(Debug)]
pub struct OwnRows {
    pub tenant: Tenant,
    pub categories: Vec<OwnCategory>,
    pub options: Vec<OwnOption>,
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
    /// Of one that is the tenant's own; none: it is a shared one.
    pub code: Option<String>,
    /// The tenant's own, which go before the shared ones.
    pub names: Names,
    pub descriptions: Names,
    pub emoji: String,
    /// Whether the tenant sells it.
    pub active: bool,
    pub sort_order: i16,
    /// Codes of the options it offers, in order.
    pub options: Vec<String>,
    /// How many models have an available pattern there.
    pub models: i64,
}

impl OwnCategory {
    /// The category as the tenant has it, by what is shared of it; none where nothing is and it is not the tenant's own.
    pub fn row(&self, shared: Option<&CategoryRow>) -> Option<CategoryRow> {
        let mut row = match (&self.code, shared) {
            (Some(code), _) => CategoryRow { id: self.id, code: code.clone(), ..CategoryRow::default() },
            (None, shared) => shared?.clone(),
        };
        row.names = self.names.or(&row.names);
        row.descriptions = self.descriptions.or(&row.descriptions);
        Some(row)
    }
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
