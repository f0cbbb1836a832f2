//! DeleteTexts: a tenant's own words give way to the shared ones.

use super::texts::{differs, read_keys};
use crate::domain::Result;
use crate::domain::tenant::Language;
use crate::domain::text::{Text, differing_returns};
use crate::grpc::Services;
use crate::grpc::convert::count;
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn delete_texts(services: &Services, mut request: pb::DeleteTextsRequest) -> Result<pb::DeleteTextsResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let keys = read_keys(&mut check, request.keys);
    if keys.is_empty() {
        check.refuse("keys", "FIELD_REQUIRED", "must have at least one key");
    }
    let languages = read_languages(&mut check, request.languages);

    let scope = services.scope(check, &tenant).await?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let before = tx.texts_in_use(&keys).await?;
        let deleted = tx.delete_texts(&keys, &languages).await?;
        check_likeness(&keys, &before, &tx.texts_in_use(&keys).await?)?;
        let missing_keys = keys.iter().filter(|key| !deleted.contains(key)).cloned().collect();
        Ok(pb::DeleteTextsResponse { deleted_count: count(deleted.len() as i64), missing_keys })
    });
    answer.await
}

/// The languages asked for, each once; none: all of them.
pub fn read_languages(check: &mut Validator, languages: Vec<String>) -> Vec<Language> {
    let mut read = Vec::new();
    for (place, language) in check.list("languages", languages, Language::ALL.len()).into_iter().enumerate() {
        let field = format!("languages[{place}]");
        if language.trim().is_empty() {
            check.refuse(&field, "FIELD_INVALID", "must be ru, ky or en");
        }
        read.extend(check.word::<Language>(&field, language).filter(|language| !read.contains(language)));
    }
    read
}

fn check_likeness(keys: &[String], before: &[Text], after: &[Text]) -> Result<()> {
    let mut check = Validator::default();
    for (text, difference) in differing_returns(before, after) {
        let Some(place) = keys.iter().position(|key| *key == text.key) else { continue };
        let what = format!("the shared text of `{}` in {}", text.key, text.language);
        check.add(differs(format!("keys[{place}]"), text, difference, &what, "delete the key in every language"));
    }
    check.done()
}
