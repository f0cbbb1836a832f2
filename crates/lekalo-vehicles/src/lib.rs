//! Which car a text means: the vehicle reference, the normalising of names, and the index that looks them up.
//!
//! Pure: no database, no network. The way of a name through this room:
//!
//! 1. [`normalize`] folds it: case, ё, diacritics, separators; [`transliteration`] reads Cyrillic as Latin letter by letter, by
//!    sound and by keyboard.
//! 2. [`words`] cuts a cell into words that may be matched alone or joined ("X", "Trail" → "xtrail").
//! 3. [`Index`] looks a run of words up: spelled out, read, as an engine badge, as a generation code; then by sound, by
//!    look-alike letters and through typos. It answers with candidates and how they matched, or with nothing.
//! 4. [`resolve`] does so for what customers type, whole sentences of it, and decides whether to act, to ask or to leave it.
//!
//! To teach it a car, add lines to `data/vehicles.toml`; [`mod@reference`] says what is checked there.

#![warn(unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod badges;
mod bodies;
mod deletion_index;
mod edit_cost;
mod fuzzy;
pub mod generation;
mod index;
mod language;
mod lookup;
mod matches;
mod ngrams;
mod nicknames;
pub mod normalize;
pub mod reference;
pub mod resolve;
mod search;
#[cfg(test)]
mod shipped;
pub mod suggest;
pub mod transliteration;
pub mod vehicle;
mod vocabulary;
pub mod words;

pub use index::{BrandId, Index, ModelId};
pub use language::Language;
pub use matches::{BrandMatch, MatchKind, ModelMatch, Scope};
pub use reference::{Brand, Generation, Model, Reference, ReferenceError};
pub use resolve::is_everyday;
pub use vocabulary::UnknownWord;
