//! What a fresh database starts with, as rows for its tables.

use serde_json::Value;

/// Rows by table; each row is an object whose keys [`crate::db`] knows.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    pub body_types: Vec<Value>,
    pub product_categories: Vec<Value>,
    pub category_aliases: Vec<Value>,
    pub product_options: Vec<Value>,
    pub option_values: Vec<Value>,
    pub shared_texts: Vec<Value>,
    pub brands: Vec<Value>,
    pub models: Vec<Value>,
    pub model_variants: Vec<Value>,
    pub vehicle_aliases: Vec<Value>,
    pub tenants: Vec<TenantSeed>,
}

/// A tenant with what it sells.
#[derive(Debug, Clone)]
pub struct TenantSeed {
    pub slug: String,
    pub row: Value,
    pub categories: Vec<Value>,
    pub prices: Vec<Value>,
}

/// What seeding did to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCounts {
    pub table: &'static str,
    pub inserted: i64,
    pub updated: i64,
    pub unchanged: i64,
}
