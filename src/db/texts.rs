//! What bots say, as it is written: a tenant's own texts over the shared ones.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Transaction;
use super::query::{Query, word};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::Result;
use crate::domain::tenant::Language;
use crate::domain::text::{Text, TextValue};

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
                    SELECT DISTINCT ON (key, language) key, language, value, items, flag, source
                    FROM (
                        SELECT key, language, value, items, flag, 'tenant' AS source
                        FROM bot_texts
                        WHERE tenant_id = $1 /* tenant_id */ AND key = ANY ($2 /* keys */)
                        UNION ALL
                        SELECT key, language, value, items, flag, 'shared'
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
        let rows: Vec<Value> = texts.iter().map(|text| text.value.row(&text.key, text.language)).collect();
        let rows = Value::Array(rows);
        let changed = self
            .execute(
                Query::new(
                    "-- upsert_texts
                INSERT INTO bot_texts AS t (tenant_id, key, language, value, items, flag, updated_at)
                SELECT $1 /* tenant_id */, key, language, value, items, flag, now()
                FROM jsonb_to_recordset($2 /* rows */)
                    AS new (key text, language text, value text, items text[], flag boolean)
                ON CONFLICT (tenant_id, key, language) DO UPDATE
                SET value = excluded.value, items = excluded.items, flag = excluded.flag,
                    updated_at = excluded.updated_at
                WHERE (t.value, t.items, t.flag) IS DISTINCT FROM (excluded.value, excluded.items, excluded.flag)",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&rows, Type::JSONB),
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

    /// Deletes the tenant's own texts under these keys, in these languages, or in all where none is named. The key of each text that is gone.
    pub async fn delete_texts(&self, keys: &[String], languages: &[Language]) -> Result<Vec<String>> {
        let tenant_id = self.tenant_id()?;
        let languages: Vec<&str> = languages.iter().map(|language| language.word()).collect();
        let rows = self
            .query(
                Query::new(
                    "-- delete_texts
                    DELETE FROM bot_texts
                    WHERE tenant_id = $1 /* tenant_id */ AND key = ANY ($2 /* keys */)
                      AND (language = ANY ($3 /* languages */) OR cardinality($3) = 0)
                    RETURNING key",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&keys, Type::TEXT_ARRAY)
                .bind(&languages, Type::TEXT_ARRAY),
            )
            .await?;
        let deleted = rows.iter().map(|row| Ok(row.try_get("key")?)).collect::<Result<Vec<String>>>()?;
        if deleted.is_empty() {
            self.changes_nothing();
        } else {
            let keys: BTreeSet<&str> = deleted.iter().map(String::as_str).collect();
            self.changes(Change::of_all(ResourceKind::Texts, keys, format!("{} deleted", deleted.len())));
            self.bump_catalog_version("texts").await?;
        }
        Ok(deleted)
    }
}

fn text(row: &Row) -> Result<Text> {
    Ok(Text {
        key: row.try_get("key")?,
        value: text_value(row)?,
        language: word(row, "language")?,
        source: word(row, "source")?,
    })
}

/// What a row of the tenant's or the shared texts says.
pub(super) fn text_value(row: &Row) -> Result<TextValue> {
    if let Some(items) = row.try_get("items")? {
        return Ok(TextValue::List(items));
    }
    Ok(match row.try_get("flag")? {
        Some(flag) => TextValue::Flag(flag),
        None => TextValue::Phrase(row.try_get("value")?),
    })
}
