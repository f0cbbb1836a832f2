//! Tests against the real thing: PostgreSQL, servers, the program itself. One binary, so that one cluster serves them all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod application_feed;
mod application_input;
mod applications;
mod blocked_writes;
mod catalog;
mod clean;
mod cli;
mod common;
mod contract;
mod drift;
mod embedded;
mod formats;
mod hostile;
mod import_decisions;
mod import_leases;
mod import_model;
mod import_turns;
mod import_uploads;
mod imports;
mod isolation;
mod kills;
mod migrations;
mod mutated;
mod neighbours;
mod paging;
mod pdf;
mod pool;
mod price_table;
mod pricing;
mod random_requests;
mod resolve;
mod secrets;
mod set_prices;
mod shutdown;
mod tenants;
mod texts;
