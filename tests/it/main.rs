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
mod guards;
mod hostile;
mod import_decisions;
mod import_turns;
mod imports;
mod isolation;
mod kills;
mod migrations;
mod mutated;
mod paging;
mod pdf;
mod pool;
mod price_table;
mod pricing;
mod random_requests;
mod resolve;
mod retries;
mod secrets;
mod seed;
mod set_prices;
mod shutdown;
mod statements;
mod tenants;
mod texts;
mod twins;
