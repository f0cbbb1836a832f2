//! Migrations of a PostgreSQL schema, for a service that others are using meanwhile.
//!
//! The next migration is a pair of files, `V<n>__name.sql` and `V<n>__name.down.sql`; [`Migrations`] is the list of them.
//! What the crate has to be told of the program that migrates is a [`Program`].
//!
//! A migration is one transaction, which waits for a lock for [`Patience::lock_timeout`] at most and then tries again: a
//! waiting ALTER TABLE stops everybody who comes after it. What cannot run in a transaction (CREATE INDEX CONCURRENTLY)
//! goes into a file whose first line is `-- no-transaction`: its statements run one by one, each of them safe to repeat
//! (`IF [NOT] EXISTS`), for a run that is killed begins anew; an index left half-built is dropped first. A down migration is
//! always one transaction.
//!
//! - `migrate.rs` goes up and down: refinery's runner behind a lock, through a connection of its own (`apply.rs`,
//!   `session.rs`); `history.rs` reads what was applied, `script.rs` writes the same for psql.
//! - [`downgrade`] tells what going down would destroy, before it is done.
//! - [`schema`] reads a schema from the catalogs and tells where two part.
//! - [`draft`] drafts the next migration from a schema that is wanted.
//! - [`backup`] dumps and restores the rows of a migrated database.
//! - [`scratch`] makes databases that are thrown away, to try all of that on.

#![warn(unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod apply;
pub mod backup;
pub mod connect;
pub mod downgrade;
pub mod draft;
mod error;
pub mod failure;
mod history;
mod leftovers;
mod list;
mod lock_holders;
mod migrate;
mod program;
pub mod schema;
pub mod scratch;
mod script;
mod session;
mod statements;
mod target;
pub mod tls;

pub use apply::{ApplyError, Patience};
pub use error::MigrateError;
pub use history::{Drift, Entry, HistoryError};
pub use list::{Migrations, Step};
pub use lock_holders::LockHolder;
pub use migrate::{Position, Upgrade};
pub use program::{Parts, Program};
pub use target::{DownTo, Range, UpTo};
