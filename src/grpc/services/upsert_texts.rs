//! UpsertTexts: a tenant's own words for what its bot says.

use std::collections::HashSet;

use super::texts::{MAX_KEY, differs};
use crate::domain::Result;
use crate::domain::tenant::Language;
use crate::domain::text::{Source, Text, TextValue, is_key, mismatches, placeholders};
use crate::grpc::Services;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

const MAX_VALUE: usize = 65_536;
const MAX_ITEMS: usize = 100;
const MAX_ITEM: usize = 4096;
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
        check_likeness(&texts, &tx.texts_in_use(&keys).await?)?;
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
    if texts.iter().map(bytes).sum::<usize>() > MAX_VALUES {
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
        let value = read_value(check, field, text.value, text.list, text.flag);
        let Some(language) = language else { continue };
        if !seen.insert((key.clone(), language)) {
            check.refuse(&format!("texts[{place}]"), "FIELD_INVALID", format!("`{key}` in {language} is given twice"));
        }
        read.push(Text { key, value, language, source: Source::Tenant });
    }
    read
}

/// A phrase, or what is there instead of one.
fn read_value(
    check: &mut Validator,
    field: impl Fn(&str) -> String,
    value: String,
    list: Option<pb::TextList>,
    flag: Option<bool>,
) -> TextValue {
    let instead = match (list, flag) {
        (None, None) => {
            let phrase = check.untrimmed(&field("value"), value, MAX_VALUE);
            check_braces(check, &field("value"), &phrase);
            return TextValue::Phrase(phrase);
        }
        (Some(list), flag) => {
            if flag.is_some() {
                check.refuse(&field("flag"), "FIELD_INVALID", "must not be given together with list");
            }
            TextValue::List(list.items)
        }
        (None, Some(flag)) => TextValue::Flag(flag),
    };
    // What was read may be written back as it is, and nothing else may be said beside it.
    let read = check.text(&field("value"), value.clone(), MAX_VALUE);
    if !read.is_empty() && value != instead.as_phrase() {
        let description = format!("must be empty, or what the {} comes to", instead.kind());
        check.refuse(&field("value"), "FIELD_INVALID", description);
    }
    match instead {
        TextValue::List(items) => TextValue::List(read_items(check, &field("list.items"), items)),
        other => other,
    }
}

fn read_items(check: &mut Validator, field: &str, items: Vec<String>) -> Vec<String> {
    if items.is_empty() {
        check.refuse(field, "FIELD_REQUIRED", "must have at least one item");
    }
    let mut read = Vec::with_capacity(items.len().min(MAX_ITEMS));
    for (place, item) in check.list(field, items, MAX_ITEMS).into_iter().enumerate() {
        let field = format!("{field}[{place}]");
        if item.trim().is_empty() {
            check.refuse(&field, "FIELD_INVALID", "must not be empty");
            continue;
        }
        let item = check.untrimmed(&field, item, MAX_ITEM);
        check_braces(check, &field, &item);
        read.push(item);
    }
    let line_breaks = read.len().saturating_sub(1);
    if read.iter().map(|item| item.chars().count()).sum::<usize>() + line_breaks > MAX_VALUE {
        check.too_long(field, MAX_VALUE, "characters together");
    }
    read
}

fn check_braces(check: &mut Validator, field: &str, phrase: &str) {
    if let Err(error) = placeholders(phrase) {
        check.refuse(field, "FIELD_INVALID", error.to_string());
    }
}

/// The bytes of what is answered of it: of a list both its items and the phrase that they make.
fn bytes(text: &pb::Text) -> usize {
    let items = text.list.iter().flat_map(|list| &list.items).map(String::len).sum::<usize>();
    if items > 0 { 2 * items } else { text.value.len() }
}

fn check_likeness(texts: &[Text], in_use: &[Text]) -> Result<()> {
    let mut check = Validator::default();
    for (place, difference) in mismatches(texts, in_use) {
        let Some(text) = texts.get(place) else { continue };
        let (what, remedy) = (format!("`{}`", text.key), "give it in all its languages to change that");
        check.add(differs(format!("texts[{place}].{}", text.value.kind()), text, difference, &what, remedy));
    }
    check.done()
}
