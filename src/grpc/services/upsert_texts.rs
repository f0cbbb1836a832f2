//! UpsertTexts: a tenant's own words for what its bot says.

use std::collections::HashSet;

use super::texts::MAX_KEY;
use crate::domain::Result;
use crate::domain::error::Violation;
use crate::domain::tenant::Language;
use crate::domain::text::{Source, Text, is_key, mismatches, placeholders};
use crate::grpc::Services;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

const MAX_VALUE: usize = 65_536;
const MAX_TEXTS: usize = 200;
/// Of all values together, in bytes: so that the answer, which repeats them, fits what clients take.
const MAX_VALUES: usize = 2 << 20;

pub async fn upsert_texts(services: &Services, mut request: pb::UpsertTextsRequest) -> Result<pb::UpsertTextsResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let texts = read_texts(&mut check, request.texts);

    let scope = services.scope(check, &tenant).await?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let keys: Vec<String> = texts.iter().map(|text| text.key.clone()).collect();
        check_placeholders(&texts, &tx.texts_in_use(&keys).await?)?;
        tx.upsert_texts(&texts).await?;
        Ok(pb::UpsertTextsResponse { texts: texts.into_iter().map(Into::into).collect() })
    });
    answer.await
}

/// The texts to write, each key and language once.
fn read_texts(check: &mut Validator, texts: Vec<pb::Text>) -> Vec<Text> {
    if texts.is_empty() {
        check.refuse("texts", "FIELD_REQUIRED", "must have at least one text");
    }
    if texts.iter().map(|text| text.value.len()).sum::<usize>() > MAX_VALUES {
        check.too_long("texts", MAX_VALUES, "bytes of values");
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

fn check_placeholders(texts: &[Text], in_use: &[Text]) -> Result<()> {
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
