//! PostgreSQL: the pool, tenant transactions, all SQL, and the migrations that are shipped.
//!
//! # The next query
//! Put it into the file of its table family as a function on [`Db`] or on [`Tenant`]. Its SQL begins with its own
//! name in a comment, names its columns, and binds every value with its type; the rows become domain types in the
//! same file. Tables with a `tenant_id` are reached through [`Db::tenant`] alone: that is what sets the tenant
//! that row-level security filters by. The query says `tenant_id = $1` all the same.

pub mod advice;
pub mod api_keys;
mod application_feed;
mod application_stats;
mod application_updates;
pub mod application_writes;
pub mod applications;
pub mod audit;
pub mod bulkhead;
mod cancel;
pub mod catalog;
pub mod catalog_writes;
mod categories;
pub mod check;
mod circuit_breaker;
mod connection;
mod credentials;
mod customers;
pub mod deadline;
mod documents;
mod error;
pub mod idempotency;
pub mod imports;
pub mod merge;
mod metrics;
pub mod migrations;
mod option_writes;
mod options;
mod page_key;
mod pattern_writes;
pub mod patterns;
pub mod pool;
mod price_writes;
mod prices;
mod probe;
mod query;
pub mod seed;
mod session;
mod snapshot;
pub mod stats;
mod tenant_writes;
pub mod tenants;
mod texts;
mod transaction;
pub mod vehicles;
mod write_limit;

pub use error::unavailable;
pub use pool::{Db, Options};
pub use probe::{Blocker, Health, Probe};
pub use query::Query;
pub use snapshot::{Seen, Snapshot};
pub use transaction::{Tenant, Transaction};
