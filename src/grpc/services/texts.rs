//! BatchGetTexts and ListTexts: what a bot says.

use std::collections::{HashMap, HashSet};

use crate::catalog::Keys;
use crate::domain::Result;
use crate::domain::error::Violation;
use crate::domain::tenant::Language;
use crate::domain::text::{Difference, Text};
use crate::grpc::Services;
use crate::grpc::convert::{count, fitting, how_many_fit, language_used};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

const MAX_KEYS: usize = 200;
/// The longest key.
pub const MAX_KEY: usize = 64;
/// The most texts that one prefix brings.
const MAX_BY_PREFIX: usize = 500;

pub async fn batch_get_texts(
    services: &Services,
    request: pb::BatchGetTextsRequest,
) -> Result<pb::BatchGetTextsResponse> {
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

    let shop = services.shop(check, &tenant).await?;
    let asked = shop.language(language);
    let languages = asked.fallbacks_to_any(shop.catalog.tenant.default_language);
    let wanted = if keys.is_empty() { Keys::Prefix(&prefix, MAX_BY_PREFIX) } else { Keys::Named(&keys) };
    let mut texts = shop.catalog.find_texts(wanted, &languages);
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
    let mut texts: Vec<pb::Text> = texts.into_iter().map(Into::into).collect();
    let without_room = texts.split_off(how_many_fit(&texts).min(texts.len()));
    let remaining_keys =
        if prefix.is_empty() { without_room.into_iter().map(|text| text.key).collect() } else { Vec::new() };
    Ok(pb::BatchGetTextsResponse {
        remaining_keys,
        language: language_of(&texts, asked),
        texts,
        missing_keys,
        version: shop.catalog.texts_version(),
    })
}

pub async fn list_texts(services: &Services, request: pb::ListTextsRequest) -> Result<pb::ListTextsResponse> {
    let mut check = Validator::default();
    let language = check.language("language", request.language.clone());
    let bound_to = ["list_texts", &request.tenant, &request.language];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);

    let shop = services.shop(check, &tenant).await?;
    let asked = shop.language(language);
    let languages = asked.fallbacks_to_any(shop.catalog.tenant.default_language);
    let found = shop.catalog.list_texts(&languages, &page);
    let total_size = count(found.total);
    let (texts, next_page_token) = fitting(&page, found, pb::Text::from);
    Ok(pb::ListTextsResponse { language: language_of(&texts, asked), texts, next_page_token, total_size })
}

fn language_of(texts: &[pb::Text], asked: Language) -> String {
    language_used(asked, texts.iter().filter_map(|text| text.language.parse().ok()))
}

/// That a text differs from its key's in another language: what of it does, and what to do.
pub fn differs(field: String, text: &Text, difference: Difference, what: &str, remedy: &str) -> Violation {
    let (reason, expected, how) = match difference {
        Difference::Kind(expected) => {
            let how = format!("is a {}, and in another language a {expected}", text.value.kind());
            ("TEXT_KINDS_DIFFER", expected.to_owned(), how)
        }
        Difference::Placeholders(expected) => {
            let names = if expected.is_empty() { "none" } else { &expected };
            let how = format!("has other placeholders than in another language ({names})");
            ("PLACEHOLDERS_DIFFER", expected, how)
        }
    };
    let metadata = vec![("key", text.key.clone()), ("language", text.language.to_string()), ("expected", expected)];
    Violation { metadata, ..Violation::new(field, reason, format!("{what} {how}; {remedy}")) }
}

/// The keys asked for, each once.
pub fn read_keys(check: &mut Validator, keys: Vec<String>) -> Vec<String> {
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
