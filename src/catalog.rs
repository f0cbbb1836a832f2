//! What bots read, in memory: one moment of each tenant's catalog, and the pure functions that answer out of it.
//!
//! A [`Catalog`] is made of one snapshot of the database ([`crate::db::Snapshot`]) and never changes; [`Catalogs`] keeps those
//! that are asked for and replaces them as their versions move. What is asked of a catalog is a method of it in the file of its
//! kind: [`lists`] brands and models, [`patterns`] what there is for a car, [`prices`], [`texts`]. None of them waits for
//! anything or fails for want of the database.

mod cache;
mod lists;
mod metrics;
mod patterns;
mod prices;
mod shared;
mod tenant;
mod texts;

pub use cache::{Catalogs, Current, Limits, Needs};
pub use lists::Order;
pub use patterns::{Chosen, Found};
pub use tenant::{Catalog, Category};
pub use texts::Keys;

use crate::domain::tenant::Language;

/// An item and the language its display name is in.
pub type Named<T> = (T, Language);
