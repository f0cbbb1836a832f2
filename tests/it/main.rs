//! Tests against the real thing: PostgreSQL, servers, the program itself. One binary, so that one cluster serves them all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod advice;
mod application_feed;
mod application_input;
mod applications;
mod blocked_writes;
mod catalog;
mod child;
mod clean;
mod cli;
mod common;
mod contract;
mod cut_writes;
mod contract_limits;
mod drift;
mod embedded;
mod encryption;
mod fitness;
mod formats;
mod guards;
mod hostile;
mod import_decisions;
mod import_turns;
mod imports;
mod isolation;
mod kills;
mod leftovers;
mod migrations;
mod model;
mod mutated;
mod page_tokens;
mod paging;
mod pdf;
mod pool;
mod price_table;
mod pricing;
mod promises;
mod printed;
mod random_requests;
mod resolve;
mod roles;
mod sales_model;
mod retries;
mod secrets;
mod seed;
mod set_prices;
mod settings;

mod shutdown;
mod sqlstates;
mod spellings;
mod statements;
mod tenants;
mod texts;
mod twins;
