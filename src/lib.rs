//! Lekalo: the data layer under the chatbots of shops that sew car mats and covers.
//!
//! # The house
//! Imports point one way: [`cli`] → [`grpc`] → { [`catalog`], [`import`] } → [`db`] → [`domain`]; `crates/` knows nothing of them.
//!
//! - [`cli`]: one file per command; [`config`]: environment, `.env`, flags → one typed value.
//! - [`grpc`]: one thin file per family of RPCs; [`proto`]: the generated contract.
//! - [`catalog`]: what bots read, in memory.
//! - [`import`]: a price list on its way in: file → rows → clean rows → the database.
//! - [`lekalo_vehicles`]: which car a text means; [`lekalo_documents`]: documents → tables of cells.
//! - [`db`]: all SQL, the pool, tenant transactions, the shipped migrations; [`lekalo_migrate`] applies these, and
//!   [`lekalo_postgres`] is the embedded server.
//! - [`seed`]: what the program ships in `data/`; [`live_index`]: the index of names with what shops have taught it;
//!   [`feeds`]: who is to be told when applications move; [`api_keys`] and [`jwt`]: who may call.
//! - [`tls_server`]: the certificate of the gRPC port; [`domain`]: plain types and their rules.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod admin;
pub mod api_keys;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod db;
pub mod domain;
pub mod feeds;
pub mod grpc;
pub mod import;
pub mod jwt;
pub mod live_index;
pub mod logs;
#[cfg(test)]
mod manual;
pub mod metrics;
pub mod proto;
pub mod seed;
pub mod tls_server;
pub mod traces;
