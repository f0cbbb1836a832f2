//! What bots say: a tenant's own texts over the shared ones.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::Catalog;
use crate::domain::catalog::TextRow;
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::tenant::Language;
use crate::domain::text::{Source, Text, TextValue};

/// Which texts to find.
#[derive(Debug, Clone, Copy)]
pub enum Keys<'a> {
    Named(&'a [String]),
    /// The first of those that begin so.
    Prefix(&'a str, usize),
}

/// What is said under a key in each language, and whose text that is.
type Said = [Option<(TextValue, Source)>; Language::ALL.len()];

/// All texts that a bot may say, by key.
#[derive(Debug, Default)]
pub struct Texts {
    by_key: BTreeMap<Arc<str>, Said>,
    /// Changes with every text.
    version: String,
}

impl Texts {
    pub fn new(own: &[TextRow], own_version: &str, shared: &[TextRow], shared_version: &str) -> Self {
        let mut texts = Self { by_key: BTreeMap::new(), version: format!("{shared_version}.{own_version}") };
        // What comes later stands.
        for (rows, source) in [(shared, Source::Shared), (own, Source::Tenant)] {
            for row in rows {
                let said = texts.by_key.entry(row.key.as_str().into()).or_default();
                if let Some(place) = said.get_mut(row.language as usize) {
                    *place = Some((row.value.clone(), source));
                }
            }
        }
        texts
    }

    /// The bytes they take, about.
    pub fn weight(&self) -> usize {
        let values = self.by_key.values().flatten().flatten().map(|(value, _)| value.bytes() + 16);
        self.by_key.keys().map(|key| key.len() + 128).sum::<usize>() + values.sum::<usize>()
    }
}

impl Catalog {
    /// Texts by key, each in the first of `languages` it has: the named ones that there are, or those with a prefix.
    pub fn find_texts(&self, keys: Keys<'_>, languages: &[Language]) -> Vec<Text> {
        let texts = &self.texts.by_key;
        let text = |key: &Arc<str>| in_first(key, texts.get(key)?, languages);
        match keys {
            Keys::Named(named) => named.iter().filter_map(|key| text(texts.get_key_value(key.as_str())?.0)).collect(),
            Keys::Prefix(prefix, most) => {
                let from = texts.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
                let found = from.take_while(|(key, _)| key.starts_with(prefix));
                found.filter_map(|(key, _)| text(key)).take(most).collect()
            }
        }
    }

    /// One page of all texts by key, each in the first of `languages` it has.
    pub fn list_texts(&self, languages: &[Language], page: &PageRequest) -> Page<Text> {
        let texts = &self.texts.by_key;
        let after = page.after.as_ref().map_or(Bound::Unbounded, |after| Bound::Excluded(after.id.as_str()));
        let rest =
            texts.range::<str, _>((after, Bound::Unbounded)).skip(usize::try_from(page.skip).unwrap_or(usize::MAX));
        let rows = rest.take(usize::try_from(page.limit()).unwrap_or(0));
        let rows = rows.filter_map(|(key, said)| in_first(key, said, languages)).collect();
        page.page(rows, texts.len() as i64, |text| SortKey { id: text.key.clone(), ..SortKey::default() })
    }

    /// Changes with every text that the tenant's bot may say. What is said where a translation is missing depends on the
    /// tenant's language, too.
    pub fn texts_version(&self) -> String {
        format!("{}.{}", self.tenant.default_language, self.texts.version)
    }
}

fn in_first(key: &Arc<str>, said: &Said, languages: &[Language]) -> Option<Text> {
    let in_language = |language: &Language| Some((said.get(*language as usize)?.as_ref()?, *language));
    let ((value, source), language) = languages.iter().find_map(in_language)?;
    Some(Text { key: key.to_string(), value: value.clone(), language, source: *source })
}
