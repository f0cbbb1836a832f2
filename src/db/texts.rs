//! What bots say: a tenant's own texts over the shared ones.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::catalog::words;
use super::query::{Query, one, word};
use super::{Tenant, Transaction};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::Result;
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::tenant::Language;
use crate::domain::text::Text;

/// Which texts to find.
#[derive(Debug, Clone, Copy)]
pub enum Keys<'a> {
    Named(&'a [String]),
    /// The first of those that begin so.
    Prefix(&'a str, i64),
}

impl Tenant<'_> {
    /// Texts by key, each in the first of `languages` it has, and the version of all texts that the tenant's bot may say.
    pub async fn find_texts(&self, keys: Keys<'_>, languages: &[Language]) -> Result<(Vec<Text>, String)> {
        let languages = words(languages);
        let (named, prefix, limit) = match keys {
            Keys::Named(named) => (Some(named), "", i64::MAX),
            Keys::Prefix(prefix, limit) => (None, prefix, limit),
        };
        // The version is read first: a change in between makes the texts newer than their version, never older.
        let [versions, rows] = self
            .read([
                Query::new(
                    "-- texts_version
                    SELECT concat(
                        (SELECT sum(hashtextextended(value, hashtextextended(key || ':' || language, 0)))
                         FROM shared_texts), '.',
                        (SELECT sum(hashtextextended(value, hashtextextended(key || ':' || language, 0)))
                         FROM bot_texts
                         WHERE tenant_id = $1 /* tenant_id */)) AS version",
                )
                .bind(&self.id.0, Type::INT8),
                Query::new(
                    "-- find_texts
                    SELECT DISTINCT ON (key COLLATE \"C\") key, language, value, source
                    FROM (
                        SELECT key, language, value, 'tenant' AS source
                        FROM bot_texts
                        WHERE tenant_id = $1 /* tenant_id */ AND ($2 /* keys */ IS NULL OR key = ANY ($2))
                          AND starts_with(key, $3 /* prefix */)
                        UNION ALL
                        SELECT key, language, value, 'shared'
                        FROM shared_texts
                        WHERE ($2 IS NULL OR key = ANY ($2)) AND starts_with(key, $3)
                    ) t
                    ORDER BY key COLLATE \"C\", array_position($4 /* languages */, language), source DESC
                    LIMIT $5 /* limit */",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&named, Type::TEXT_ARRAY)
                .bind(&prefix, Type::TEXT)
                .bind(&languages, Type::TEXT_ARRAY)
                .bind(&limit, Type::INT8),
            ])
            .await?;
        Ok((rows.iter().map(text).collect::<Result<_>>()?, one(versions)?.try_get("version")?))
    }

    /// One page of all texts by key, each in the first of `languages` it has.
    pub async fn list_texts(&self, languages: &[Language], page: &PageRequest) -> Result<Page<Text>> {
        let languages = words(languages);
        let after = page.after.as_ref().map_or("", |key| key.id.as_str());
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                Query::new(
                    "-- list_texts
                    SELECT DISTINCT ON (key COLLATE \"C\") key, language, value, source
                    FROM (
                        SELECT key, language, value, 'tenant' AS source
                        FROM bot_texts
                        WHERE tenant_id = $1 /* tenant_id */
                        UNION ALL
                        SELECT key, language, value, 'shared'
                        FROM shared_texts
                    ) t
                    WHERE key COLLATE \"C\" > $2 /* after */
                    ORDER BY key COLLATE \"C\", array_position($3 /* languages */, language), source DESC
                    LIMIT $4 /* limit */ OFFSET $5 /* skip */",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&after, Type::TEXT)
                .bind(&languages, Type::TEXT_ARRAY)
                .bind(&limit, Type::INT8)
                .bind(&skip, Type::INT8),
                Query::new(
                    "-- count_texts
                    SELECT count(*) AS total
                    FROM (
                        SELECT key FROM bot_texts WHERE tenant_id = $1 /* tenant_id */
                        UNION
                        SELECT key FROM shared_texts
                    ) t",
                )
                .bind(&self.id.0, Type::INT8),
            ])
            .await?;
        let texts = rows.iter().map(text).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(texts, total, |text| SortKey { id: text.key.clone(), ..SortKey::default() }))
    }
}

impl Transaction {
    /// What the tenant's bot says under these keys today, in every language: its own text, else the shared one. Others
    /// who write the tenant's texts wait until this transaction ends.
    pub async fn texts_in_use(&self, keys: &[String]) -> Result<Vec<Text>> {
        let tenant_id = self.tenant_id()?;
        self.query(
            Query::new(
                "-- wait_for_text_turn
                SELECT pg_advisory_xact_lock(hashtextextended(format('lekalo texts %s', $1 /* tenant_id */), 0))::text",
            )
            .bind(&tenant_id, Type::INT8),
        )
        .await?;
        let rows = self
            .query(
                Query::new(
                    "-- texts_in_use
                    SELECT DISTINCT ON (key, language) key, language, value, source
                    FROM (
                        SELECT key, language, value, 'tenant' AS source
                        FROM bot_texts
                        WHERE tenant_id = $1 /* tenant_id */ AND key = ANY ($2 /* keys */)
                        UNION ALL
                        SELECT key, language, value, 'shared'
                        FROM shared_texts
                        WHERE key = ANY ($2)
                    ) t
                    ORDER BY key, language, source DESC",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&keys, Type::TEXT_ARRAY),
            )
            .await?;
        rows.iter().map(text).collect()
    }

    /// Creates or replaces the tenant's own texts.
    pub async fn upsert_texts(&self, texts: &[Text]) -> Result<()> {
        let tenant_id = self.tenant_id()?;
        let keys: Vec<&str> = texts.iter().map(|text| text.key.as_str()).collect();
        let languages: Vec<&str> = texts.iter().map(|text| text.language.word()).collect();
        let values: Vec<&str> = texts.iter().map(|text| text.value.as_str()).collect();
        let changed = self
            .execute(
                Query::new(
                    "-- upsert_texts
                INSERT INTO bot_texts AS t (tenant_id, key, language, value, updated_at)
                SELECT $1 /* tenant_id */, key, language, value, now()
                FROM unnest($2::text[] /* keys */, $3::text[] /* languages */, $4::text[] /* values */)
                    AS new (key, language, value)
                ON CONFLICT (tenant_id, key, language) DO UPDATE
                SET value = excluded.value, updated_at = excluded.updated_at
                WHERE t.value IS DISTINCT FROM excluded.value",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&keys, Type::TEXT_ARRAY)
                .bind(&languages, Type::TEXT_ARRAY)
                .bind(&values, Type::TEXT_ARRAY),
            )
            .await?;
        if changed > 0 {
            self.changes(Change::of_all(ResourceKind::Texts, keys, format!("{changed} changed")));
            self.bump_catalog_version("texts").await?;
        } else {
            self.changes_nothing();
        }
        Ok(())
    }
}

fn text(row: &Row) -> Result<Text> {
    Ok(Text {
        key: row.try_get("key")?,
        value: row.try_get("value")?,
        language: word(row, "language")?,
        source: word(row, "source")?,
    })
}
