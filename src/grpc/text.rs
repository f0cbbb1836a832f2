//! TextService: what a bot says.

use std::collections::{HashMap, HashSet};

use tonic::{Request, Response, Status};

use super::Services;
use super::convert::{count, language_used};
use super::idempotency::{idempotent, take_key};
use super::validation::Validator;
use crate::db::texts::Keys;
use crate::domain::error::{Error, Violation};
use crate::domain::tenant::{Language, Tenant};
use crate::domain::text::{Source, Text, is_key, mismatches, placeholders};
use crate::proto::lekalo::v1 as pb;
use crate::proto::lekalo::v1::text_service_server::TextService;

const MAX_KEYS: usize = 200;
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 4096;
const MAX_TEXTS: usize = 200;
/// The most texts that one prefix brings.
const MAX_BY_PREFIX: i64 = 500;

#[tonic::async_trait]
impl TextService for Services {
    async fn batch_get_texts(
        &self,
        request: Request<pb::BatchGetTextsRequest>,
    ) -> Result<Response<pb::BatchGetTextsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let tenant = check.name("tenant", request.tenant);
        let language = check.language("language", request.language);
        let keys = read_keys(&mut check, request.keys);
        let prefix = check.text("key_prefix", request.key_prefix, MAX_KEY);
        if keys.is_empty() && prefix.is_empty() {
            check.refuse("keys", "FIELD_REQUIRED", "must be given, or key_prefix");
        }
        if !keys.is_empty() && !prefix.is_empty() {
            check.refuse("key_prefix", "FIELD_INVALID", "must not be given together with keys");
        }
        check.done()?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let asked = language.unwrap_or(tenant.default_language);
        let wanted = if keys.is_empty() { Keys::Prefix(&prefix, MAX_BY_PREFIX) } else { Keys::Named(&keys) };
        let (mut texts, version) = self.db.tenant(tenant.id).find_texts(wanted, &languages(asked, &tenant)).await?;
        let mut missing_keys = Vec::new();
        if !keys.is_empty() {
            let mut by_key: HashMap<String, Text> = texts.into_iter().map(|text| (text.key.clone(), text)).collect();
            let in_order = keys.into_iter().filter_map(|key| {
                let text = by_key.remove(&key);
                if text.is_none() {
                    missing_keys.push(key);
                }
                text
            });
            texts = in_order.collect();
        }
        Ok(Response::new(pb::BatchGetTextsResponse {
            language: language_used(asked, texts.iter().map(|text| text.language)),
            texts: texts.into_iter().map(Into::into).collect(),
            missing_keys,
            // What is said where a translation is missing depends on the default, too.
            version: format!("{}.{version}", tenant.default_language),
        }))
    }

    async fn list_texts(
        &self,
        request: Request<pb::ListTextsRequest>,
    ) -> Result<Response<pb::ListTextsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let language = check.language("language", request.language.clone());
        let bound_to = ["list_texts", &request.tenant, &request.language];
        let page = check.page(request.page_size, &request.page_token, request.skip, &bound_to);
        let tenant = check.name("tenant", request.tenant);
        let page = check.done_with(page)?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let asked = language.unwrap_or(tenant.default_language);
        let found = self.db.tenant(tenant.id).list_texts(&languages(asked, &tenant), &page).await?;
        Ok(Response::new(pb::ListTextsResponse {
            language: language_used(asked, found.items.iter().map(|text| text.language)),
            texts: found.items.into_iter().map(Into::into).collect(),
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }

    async fn upsert_texts(
        &self,
        request: Request<pb::UpsertTextsRequest>,
    ) -> Result<Response<pb::UpsertTextsResponse>, Status> {
        let mut request = request.into_inner();
        let mut check = Validator::default();
        let key = take_key(&mut check, &mut request);
        let tenant = check.name("tenant", request.tenant);
        let texts = read_texts(&mut check, request.texts);
        check.done()?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let tx = self.db.tenant(tenant.id).write_transaction().await?;
        let answer = idempotent(tx, key.as_ref(), async |tx| {
            let keys: Vec<String> = texts.iter().map(|text| text.key.clone()).collect();
            check_placeholders(&texts, &tx.texts_in_use(&keys).await?)?;
            tx.upsert_texts(&texts).await?;
            Ok(pb::UpsertTextsResponse { texts: texts.into_iter().map(Into::into).collect() })
        });
        Ok(Response::new(answer.await?))
    }
}

/// In which order to look for a text: rather in any language than not at all.
fn languages(asked: Language, tenant: &Tenant) -> Vec<Language> {
    let mut order = asked.fallbacks(tenant.default_language);
    order.extend(Language::ALL.iter().filter(|language| !order.contains(language)).copied().collect::<Vec<_>>());
    order
}

/// The keys asked for, each once.
fn read_keys(check: &mut Validator, keys: Vec<String>) -> Vec<String> {
    let mut read = Vec::with_capacity(keys.len().min(MAX_KEYS));
    let mut seen = HashSet::new();
    for (place, key) in check.list("keys", keys, MAX_KEYS).into_iter().enumerate() {
        let field = format!("keys[{place}]");
        if key.trim().is_empty() {
            check.refuse(&field, "FIELD_INVALID", "must not be empty");
        }
        let key = check.text(&field, key, MAX_KEY);
        if seen.insert(key.clone()) {
            read.push(key);
        }
    }
    read
}

/// The texts to write, each key and language once.
fn read_texts(check: &mut Validator, texts: Vec<pb::Text>) -> Vec<Text> {
    if texts.is_empty() {
        check.refuse("texts", "FIELD_REQUIRED", "must have at least one text");
    }
    let mut read: Vec<Text> = Vec::with_capacity(texts.len().min(MAX_TEXTS));
    let mut seen = HashSet::new();
    for (place, text) in check.list("texts", texts, MAX_TEXTS).into_iter().enumerate() {
        let field = |name: &str| format!("texts[{place}].{name}");
        let key = check.required_text(&field("key"), text.key, MAX_KEY);
        if !key.is_empty() && !is_key(&key) {
            check.refuse(&field("key"), "FIELD_INVALID", "must be of a-z, 0-9, _ and ., a letter or digit first");
        }
        if text.language.trim().is_empty() {
            check.refuse(&field("language"), "FIELD_REQUIRED", "must be ru, ky or en");
        }
        let language: Option<Language> = check.word(&field("language"), text.language);
        let value = check.untrimmed(&field("value"), text.value, MAX_VALUE);
        if let Err(error) = placeholders(&value) {
            check.refuse(&field("value"), "FIELD_INVALID", error.to_string());
        }
        let Some(language) = language else { continue };
        if !seen.insert((key.clone(), language)) {
            check.refuse(&format!("texts[{place}]"), "FIELD_INVALID", format!("`{key}` in {language} is given twice"));
        }
        read.push(Text { key, value, language, source: Source::Tenant });
    }
    read
}

fn check_placeholders(texts: &[Text], in_use: &[Text]) -> Result<(), Error> {
    let mut check = Validator::default();
    for mismatch in mismatches(texts, in_use) {
        let Some(text) = texts.get(mismatch.place) else { continue };
        let names = if mismatch.expected.is_empty() { "none" } else { &mismatch.expected };
        let description = format!(
            "has other placeholders than `{}` has in another language ({names}); give it in all its languages to change them",
            text.key
        );
        check.add(Violation {
            metadata: vec![
                ("key", text.key.clone()),
                ("language", text.language.to_string()),
                ("expected", mismatch.expected),
            ],
            ..Violation::new(format!("texts[{}].value", mismatch.place), "PLACEHOLDERS_DIFFER", description)
        });
    }
    check.done()
}
