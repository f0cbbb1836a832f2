//! Tenants, vehicles, patterns, pages, imports and errors: plain types and their rules.
//!
//! Knows neither the wire nor the database; both convert to and from these types.

pub mod api_key;
pub mod application;
pub mod audit;
pub mod catalog;
pub mod category;
pub mod customer;
pub mod document;
pub mod error;
pub mod etag;
pub mod id;
pub mod import;
pub mod page;
pub mod pattern;
pub mod phone;
pub mod price;
pub mod seed;
pub mod shop_option;
pub mod stats;
pub mod tenant;
pub mod text;
pub mod validation;
pub mod vehicle;

pub use error::{Error, Result};
