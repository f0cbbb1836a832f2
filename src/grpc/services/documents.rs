//! DocumentService: long texts that a shop's bot reads, in versions.

use super::delete_texts::read_languages;
use super::texts::MAX_KEY;
use crate::domain::Result;
use crate::domain::document::{MAX_CONTENT, MAX_TITLE, NewDocument};
use crate::domain::error::Error;
use crate::domain::tenant::Language;
use crate::domain::text::is_key;
use crate::grpc::Services;
use crate::grpc::convert::{count, fitting};
use crate::grpc::idempotency::{idempotent, take_key};
use crate::grpc::validation::{INVALID, OUT_OF_RANGE, REQUIRED, Validator};
use crate::proto::lekalo::v1 as pb;

pub async fn put_document(services: &Services, mut request: pb::PutDocumentRequest) -> Result<pb::PutDocumentResponse> {
    let mut check = Validator::default();
    let key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let etag = check.optional_name("etag", request.etag);
    let document = read_document(&mut check, request.document);

    let scope = services.scope(check, &tenant).await?;
    let document = document.ok_or_else(|| Error::internal("a checked document is missing"))?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, key.as_ref(), async |tx| {
        let written = tx.put_document(&document, &etag).await?;
        Ok(pb::PutDocumentResponse { document: Some(written.into()) })
    });
    answer.await
}

pub async fn get_document(services: &Services, request: pb::GetDocumentRequest) -> Result<pb::GetDocumentResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let key = check.name("key", request.key);
    let language = check.language("language", request.language);
    if request.version < 0 {
        check.refuse("version", OUT_OF_RANGE, "must not be negative; 0 means the current version");
    }

    let scope = services.scope(check, &tenant).await?;
    let default = scope.tenant.default_language;
    let language = language.unwrap_or(default);
    let document = match request.version {
        0 => scope.own.get_document(&key, &language.fallbacks_to_any(default)).await?,
        version => scope.own.get_document_version(&key, language, version).await?,
    };
    let language = document.language.word().to_owned();
    Ok(pb::GetDocumentResponse { document: Some(document.into()), language })
}

pub async fn list_documents(
    services: &Services,
    request: pb::ListDocumentsRequest,
) -> Result<pb::ListDocumentsResponse> {
    let mut check = Validator::default();
    let bound_to = ["list_documents", &request.tenant, &request.key_prefix];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);
    let key_prefix = check.text("key_prefix", request.key_prefix, MAX_KEY);

    let scope = services.scope(check, &tenant).await?;
    let found = scope.own.list_documents(&key_prefix, &page).await?;
    let total_size = count(found.total);
    let (documents, next_page_token) = fitting(&page, found, Into::into);
    Ok(pb::ListDocumentsResponse { documents, next_page_token, total_size })
}

pub async fn list_document_versions(
    services: &Services,
    request: pb::ListDocumentVersionsRequest,
) -> Result<pb::ListDocumentVersionsResponse> {
    let mut check = Validator::default();
    let bound_to = ["list_document_versions", &request.tenant, &request.key, &request.language];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);
    let key = check.name("key", request.key);
    let language = check.language("language", request.language);

    let scope = services.scope(check, &tenant).await?;
    let language = language.unwrap_or(scope.tenant.default_language);
    let found = scope.own.list_document_versions(&key, language, &page).await?;
    let total_size = count(found.total);
    let (versions, next_page_token) = fitting(&page, found, Into::into);
    let language = language.word().to_owned();
    Ok(pb::ListDocumentVersionsResponse { versions, next_page_token, total_size, language })
}

pub async fn delete_document(
    services: &Services,
    mut request: pb::DeleteDocumentRequest,
) -> Result<pb::DeleteDocumentResponse> {
    let mut check = Validator::default();
    let request_key = take_key(&mut check, &mut request);
    let tenant = check.name("tenant", request.tenant);
    let key = check.name("key", request.key);
    let languages = read_languages(&mut check, request.languages);
    let etag = check.optional_name("etag", request.etag);
    if !etag.is_empty() && languages.len() != 1 {
        check.refuse("etag", INVALID, "must be given with one language only, which it is of");
    }

    let scope = services.scope(check, &tenant).await?;
    let tx = scope.own.write_transaction().await?;
    let answer = idempotent(tx, request_key.as_ref(), async |tx| {
        let deleted = tx.delete_document(&key, &languages, &etag).await?;
        Ok(pb::DeleteDocumentResponse { deleted_count: i32::try_from(deleted).unwrap_or(i32::MAX) })
    });
    answer.await
}

/// What is to be written; none where something is wrong with it.
fn read_document(check: &mut Validator, document: Option<pb::Document>) -> Option<NewDocument> {
    let Some(document) = document else {
        check.refuse("document", REQUIRED, "must be given");
        return None;
    };
    let key = check.required_text("document.key", document.key, MAX_KEY);
    if !key.is_empty() && !is_key(&key) {
        check.refuse("document.key", INVALID, "must be of a-z, 0-9, _ and ., a letter or digit first");
    }
    if document.language.trim().is_empty() {
        check.refuse("document.language", REQUIRED, "must be ru, ky or en");
    }
    let language: Option<Language> = check.word("document.language", document.language);
    let title = check.text("document.title", document.title, MAX_TITLE);
    let content = check.bytes_of_text("document.content", document.content, MAX_CONTENT);
    Some(NewDocument { key, language: language?, title, content })
}
