//! Documents: what a shop's bot reads, in versions. The newest version of each key and language is the current one.

use std::collections::BTreeSet;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::query::{Query, at_most_one, one, word};
use super::{Tenant, Transaction, audit};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::document::{Document, MAX_DOCUMENTS, MAX_KEPT_BYTES, MAX_VERSIONS, NewDocument};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::etag::check_etag;
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::tenant::Language;

/// What [`document`] reads, but for the content.
macro_rules! document_columns {
    () => {
        "key, language, version, title, octet_length(content)::bigint AS size_bytes, created_at, actor"
    };
}

/// The current version in the first of some languages that has one.
const CURRENT: &str = concat!(
    "-- get_document
    SELECT content, ",
    document_columns!(),
    " FROM document_versions
    WHERE tenant_id = $1 /* tenant_id */ AND key = $2 /* key */ AND language = ANY ($3 /* languages */)
    ORDER BY array_position($3, language), version DESC
    LIMIT 1"
);

impl Tenant<'_> {
    /// The current version of a document, in the first of these languages that has one.
    ///
    /// # Errors
    /// `NotFound` where none has.
    pub async fn get_document(&self, key: &str, languages: &[Language]) -> Result<Document> {
        let languages = words(languages);
        let query =
            Query::new(CURRENT).bind(&self.id.0, Type::INT8).bind(&key, Type::TEXT).bind(&languages, Type::TEXT_ARRAY);
        let [rows] = self.read([query]).await?;
        let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Document, key))?;
        whole(&row)
    }

    /// One version of a document.
    ///
    /// # Errors
    /// `NotFound` where it was never written, or is no longer kept.
    pub async fn get_document_version(&self, key: &str, language: Language, version: i64) -> Result<Document> {
        let word = language.word();
        let query = Query::new(concat!(
            "-- get_document_version
            SELECT content, ",
            document_columns!(),
            " FROM document_versions
            WHERE tenant_id = $1 /* tenant_id */ AND key = $2 /* key */ AND language = $3 /* language */
              AND version = $4 /* version */"
        ))
        .bind(&self.id.0, Type::INT8)
        .bind(&key, Type::TEXT)
        .bind(&word, Type::TEXT)
        .bind(&version, Type::INT8);
        let [rows] = self.read([query]).await?;
        let name = || format!("{} version {version}", name(key, language));
        let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Document, name()))?;
        whole(&row)
    }

    /// One page of the current versions of documents whose keys begin so, by key and language, without contents.
    pub async fn list_documents(&self, key_prefix: &str, page: &PageRequest) -> Result<Page<Document>> {
        let after = page.after.clone().unwrap_or_default();
        let (limit, skip) = (page.limit(), page.skip);
        let list = Query::new(concat!(
            "-- list_documents
            SELECT DISTINCT ON (key COLLATE \"C\", language COLLATE \"C\") ",
            document_columns!(),
            " FROM document_versions
            WHERE tenant_id = $1 /* tenant_id */ AND starts_with(key, $2 /* key_prefix */)
              AND (key COLLATE \"C\", language COLLATE \"C\") > ($3 /* after_key */, $4 /* after_language */)
            ORDER BY key COLLATE \"C\", language COLLATE \"C\", version DESC
            LIMIT $5 /* limit */ OFFSET $6 /* skip */"
        ))
        .bind(&self.id.0, Type::INT8)
        .bind(&key_prefix, Type::TEXT)
        .bind(&after.text, Type::TEXT)
        .bind(&after.id, Type::TEXT)
        .bind(&limit, Type::INT8)
        .bind(&skip, Type::INT8);
        let count = Query::new(
            "-- count_documents
            SELECT count(DISTINCT (key, language)) AS total
            FROM document_versions
            WHERE tenant_id = $1 /* tenant_id */ AND starts_with(key, $2 /* key_prefix */)",
        )
        .bind(&self.id.0, Type::INT8)
        .bind(&key_prefix, Type::TEXT);
        let [rows, totals] = self.read([list, count]).await?;
        let documents = rows.iter().map(document).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(documents, total, |document| SortKey {
            text: document.key.clone(),
            id: document.language.word().to_owned(),
            ..SortKey::default()
        }))
    }

    /// One page of the versions of a document that are kept, newest first, without contents.
    ///
    /// # Errors
    /// `NotFound` where there are none.
    pub async fn list_document_versions(
        &self,
        key: &str,
        language: Language,
        page: &PageRequest,
    ) -> Result<Page<Document>> {
        let word = language.word();
        let before = page.after.as_ref().map(|key| key.number);
        let (limit, skip) = (page.limit(), page.skip);
        let list = Query::new(concat!(
            "-- list_document_versions
            SELECT ",
            document_columns!(),
            " FROM document_versions
            WHERE tenant_id = $1 /* tenant_id */ AND key = $2 /* key */ AND language = $3 /* language */
              AND ($4 /* before */ IS NULL OR version < $4)
            ORDER BY version DESC
            LIMIT $5 /* limit */ OFFSET $6 /* skip */"
        ))
        .bind(&self.id.0, Type::INT8)
        .bind(&key, Type::TEXT)
        .bind(&word, Type::TEXT)
        .bind(&before, Type::INT8)
        .bind(&limit, Type::INT8)
        .bind(&skip, Type::INT8);
        let count = Query::new(
            "-- count_document_versions
            SELECT count(*) AS total
            FROM document_versions
            WHERE tenant_id = $1 /* tenant_id */ AND key = $2 /* key */ AND language = $3 /* language */",
        )
        .bind(&self.id.0, Type::INT8)
        .bind(&key, Type::TEXT)
        .bind(&word, Type::TEXT);
        let [rows, totals] = self.read([list, count]).await?;
        let versions = rows.iter().map(document).collect::<Result<Vec<_>>>()?;
        let total: i64 = one(totals)?.try_get("total")?;
        if total == 0 {
            return Err(Error::not_found(Kind::Document, name(key, language)));
        }
        Ok(page.page(versions, total, |version| SortKey { number: version.version, ..SortKey::default() }))
    }
}

impl Transaction {
    /// Writes a new version of a document, unless the current one says the same; the current one then, without content.
    ///
    /// # Errors
    /// `Aborted` `ETAG_MISMATCH`, `FailedPrecondition` `DOCUMENT_LIMIT`.
    pub async fn put_document(&self, new: &NewDocument, etag: &str) -> Result<Document> {
        self.wait_for_document_turn().await?;
        let current = self.current_document(&new.key, new.language).await?;
        check_etag(etag, current.as_ref().map(|current| current.version))?;
        match current {
            Some(current) if (&current.title, &current.content) == (&new.title, &new.content) => {
                self.changes_nothing();
                return Ok(current.without_content());
            }
            Some(_) => {}
            None => self.refuse_one_more_document().await?,
        }
        let version = self.next_document_version(new).await?;
        let (tenant_id, language) = (self.tenant_id()?, new.language.word());
        let origin = audit::origin();
        let written = self
            .query(
                Query::new(concat!(
                    "-- put_document
                    INSERT INTO document_versions (tenant_id, key, language, version, title, content, actor)
                    VALUES ($1 /* tenant_id */, $2 /* key */, $3 /* language */, $4 /* version */, $5 /* title */,
                            $6 /* content */, $7 /* actor */)
                    RETURNING ",
                    document_columns!()
                ))
                .bind(&tenant_id, Type::INT8)
                .bind(&new.key, Type::TEXT)
                .bind(&language, Type::TEXT)
                .bind(&version, Type::INT8)
                .bind(&new.title, Type::TEXT)
                .bind(&new.content, Type::TEXT)
                .bind(&origin.actor.name, Type::TEXT),
            )
            .await?;
        let last_to_go = version - MAX_VERSIONS;
        self.execute(
            Query::new(
                "-- put_document_forget
                DELETE FROM document_versions v
                USING (SELECT version, sum(octet_length(content)) OVER (ORDER BY version DESC) AS bytes
                       FROM document_versions
                       WHERE tenant_id = $1 /* tenant_id */ AND key = $2 /* key */ AND language = $3 /* language */) s
                WHERE v.tenant_id = $1 AND v.key = $2 AND v.language = $3 AND v.version = s.version
                  AND (s.version <= $4 /* last_to_go */ OR s.bytes > $5 /* most_bytes */)",
            )
            .bind(&tenant_id, Type::INT8)
            .bind(&new.key, Type::TEXT)
            .bind(&language, Type::TEXT)
            .bind(&last_to_go, Type::INT8)
            .bind(&MAX_KEPT_BYTES, Type::INT8),
        )
        .await?;
        let resource = name(&new.key, new.language);
        self.changes(Change::of(ResourceKind::Document, resource, format!("version {version}")));
        document(&one(written)?)
    }

    /// Deletes a document with all its versions, in these languages, or in all where none is named; how many languages had
    /// it. An etag is that of the only language.
    ///
    /// # Errors
    /// `NotFound` where no language has it, `Aborted` `ETAG_MISMATCH`.
    pub async fn delete_document(&self, key: &str, languages: &[Language], etag: &str) -> Result<usize> {
        self.wait_for_document_turn().await?;
        if let [language] = languages {
            let current = self.current_document(key, *language).await?;
            let current = current.ok_or_else(|| Error::not_found(Kind::Document, name(key, *language)))?;
            check_etag(etag, current.version)?;
        }
        let (tenant_id, languages) = (self.tenant_id()?, words(languages));
        let rows = self
            .query(
                Query::new(
                    "-- delete_document
                    DELETE FROM document_versions
                    WHERE tenant_id = $1 /* tenant_id */ AND key = $2 /* key */
                      AND (language = ANY ($3 /* languages */) OR cardinality($3) = 0)
                    RETURNING language",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&key, Type::TEXT)
                .bind(&languages, Type::TEXT_ARRAY),
            )
            .await?;
        let deleted =
            rows.iter().map(|row| Ok(name(key, word(row, "language")?))).collect::<Result<BTreeSet<String>>>()?;
        if deleted.is_empty() {
            return Err(Error::not_found(Kind::Document, key));
        }
        let names = deleted.iter().map(String::as_str);
        self.changes(Change::of_all(ResourceKind::Document, names, format!("deleted: {} versions", rows.len())));
        Ok(deleted.len())
    }

    /// Others who write the tenant's documents wait until this transaction ends.
    async fn wait_for_document_turn(&self) -> Result<()> {
        let tenant_id = self.tenant_id()?;
        self.query(
            Query::new(
                "-- wait_for_document_turn
                SELECT pg_advisory_xact_lock(hashtextextended(format('lekalo documents %s', $1 /* tenant_id */), 0))::text",
            )
            .bind(&tenant_id, Type::INT8),
        )
        .await?;
        Ok(())
    }

    async fn current_document(&self, key: &str, language: Language) -> Result<Option<Document>> {
        let (tenant_id, languages) = (self.tenant_id()?, words(&[language]));
        let query =
            Query::new(CURRENT).bind(&tenant_id, Type::INT8).bind(&key, Type::TEXT).bind(&languages, Type::TEXT_ARRAY);
        at_most_one(self.query(query).await?)?.as_ref().map(whole).transpose()
    }

    async fn refuse_one_more_document(&self) -> Result<()> {
        let tenant_id = self.tenant_id()?;
        let rows = self
            .query(
                Query::new(
                    "-- count_all_documents
                    SELECT count(DISTINCT (key, language)) AS total
                    FROM document_versions
                    WHERE tenant_id = $1 /* tenant_id */",
                )
                .bind(&tenant_id, Type::INT8),
            )
            .await?;
        if one(rows)?.try_get::<_, i64>("total")? < MAX_DOCUMENTS {
            return Ok(());
        }
        Err(Error::FailedPrecondition {
            reason: "DOCUMENT_LIMIT",
            message: format!("the shop has {MAX_DOCUMENTS} documents, each key and language counted: delete one first"),
            metadata: vec![("max", MAX_DOCUMENTS.to_string())],
        })
    }

    /// A number that no version of the document had before.
    async fn next_document_version(&self, new: &NewDocument) -> Result<i64> {
        let (tenant_id, language) = (self.tenant_id()?, new.language.word());
        let rows = self
            .query(
                Query::new(
                    "-- next_document_version
                    INSERT INTO documents AS d (tenant_id, key, language, last_version)
                    VALUES ($1 /* tenant_id */, $2 /* key */, $3 /* language */, 1)
                    ON CONFLICT (tenant_id, key, language) DO UPDATE SET last_version = d.last_version + 1
                    RETURNING last_version",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&new.key, Type::TEXT)
                .bind(&language, Type::TEXT),
            )
            .await?;
        Ok(one(rows)?.try_get("last_version")?)
    }
}

/// What a document is called where its language matters.
fn name(key: &str, language: Language) -> String {
    format!("{key}/{language}")
}

fn words(languages: &[Language]) -> Vec<&'static str> {
    languages.iter().map(|language| language.word()).collect()
}

/// With its content.
fn whole(row: &Row) -> Result<Document> {
    Ok(Document { content: row.try_get("content")?, ..document(row)? })
}

fn document(row: &Row) -> Result<Document> {
    Ok(Document {
        key: row.try_get("key")?,
        language: word(row, "language")?,
        title: row.try_get("title")?,
        content: String::new(),
        version: row.try_get("version")?,
        size_bytes: row.try_get("size_bytes")?,
        created_at: row.try_get("created_at")?,
        actor: row.try_get("actor")?,
    })
}
