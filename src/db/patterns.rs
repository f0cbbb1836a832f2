//! Patterns as their shop keeps them, and from their rows. They are written by hand in [`super::pattern_writes`] and by imports in
//! [`super::merge`]; bots read them out of memory, as [`super::snapshot`] loads them.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Tenant;
use super::catalog::{brand_and_model, find_brand_and_model};
use super::query::{Query, at_most_one, one, optional_word, word};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::pattern::Pattern;
use crate::domain::pattern::record::{Event, EventImport, Filter, Record};
use crate::domain::vehicle::{Attributes, Years};

/// How much of its history a pattern is told with.
const MAX_EVENTS: i64 = 100;

/// What [`record`] reads; `p` is the pattern.
macro_rules! pattern_columns {
    () => {
        "p.id, b.slug AS brand, m.slug AS model, v.generation, v.year_from, v.year_to, v.body_type, p.steering, p.borders,
         p.seat_rows, p.trunk, p.available, p.notes, coalesce(tc.code, c.code) AS category, p.revision, p.created_at, p.updated_at"
    };
}
/// Where they come from.
macro_rules! pattern_joins {
    () => {
        "JOIN tenant_categories tc ON tc.tenant_id = p.tenant_id AND tc.category_id = p.category_id
         LEFT JOIN product_categories c ON c.id = p.category_id
         JOIN models m ON m.id = p.model_id
         JOIN brands b ON b.id = m.brand_id
         JOIN model_variants v ON v.model_id = p.model_id AND v.id = p.variant_id"
    };
}
pub(super) use {pattern_columns, pattern_joins};

/// What [`Filter`] leaves.
macro_rules! pattern_filter {
    () => {
        "p.tenant_id = $1 /* tenant_id */
         AND ($2 /* category_id */ IS NULL OR p.category_id = $2)
         AND ($3 /* brand_id */ IS NULL OR m.brand_id = $3)
         AND ($4 /* model_id */ IS NULL OR p.model_id = $4)
         AND ($5 /* year */ IS NULL
              OR (coalesce(v.year_from, v.year_to) IS NOT NULL
                  AND $5 BETWEEN coalesce(v.year_from, $5) AND coalesce(v.year_to, $5)))
         AND ($6 /* available */ IS NULL OR p.available = $6)
         AND ($7 /* import_id */ IS NULL
              OR EXISTS (SELECT FROM import_rows r
                         WHERE r.tenant_id = $1 AND r.import_id = $7 AND r.pattern_id = p.id)
              OR EXISTS (SELECT FROM import_changes i
                         WHERE i.tenant_id = $1 AND i.import_id = $7 AND i.pattern_id = p.id))
         AND ($8 /* text */ IS NULL
              OR strpos(lower(concat_ws(' ', b.name, b.slug, m.name, m.slug, v.generation, p.notes)), lower($8)) > 0)"
    };
}

impl Tenant<'_> {
    /// One pattern.
    ///
    /// # Errors
    /// `NotFound` where the tenant has none of that id.
    pub async fn get_pattern(&self, id: i64) -> Result<(Record, Vec<Event>)> {
        let [found, events] = self
            .read([
                Query::new(concat!(
                    "-- get_pattern
                    SELECT ",
                    pattern_columns!(),
                    " FROM patterns p ",
                    pattern_joins!(),
                    " WHERE p.tenant_id = $1 /* tenant_id */ AND p.id = $2 /* id */"
                ))
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::INT8),
                Query::new(
                    "-- list_pattern_events
                    SELECT kind, occurred_at, import_id, file_name, reverted, actor, fields
                    FROM (
                        SELECT CASE WHEN e.revision = 1 THEN 'created' ELSE 'updated' END AS kind,
                               e.edited_at AS occurred_at, NULL::uuid AS import_id, '' AS file_name, false AS reverted,
                               e.actor, e.fields
                        FROM pattern_edits e
                        WHERE e.tenant_id = $1 /* tenant_id */ AND e.pattern_id = $2 /* pattern_id */
                        UNION ALL
                        SELECT 'created', i.finished_at, i.id, i.file_name, i.state = 'reverted', '', '{}'::text[]
                        FROM import_rows r
                        JOIN imports i ON i.tenant_id = r.tenant_id AND i.id = r.import_id
                        WHERE r.tenant_id = $1 AND r.pattern_id = $2 AND r.outcome = 'created'
                          AND i.state IN ('succeeded', 'reverted')
                        UNION ALL
                        SELECT c.kind, i.finished_at, i.id, i.file_name, i.state = 'reverted', '', '{}'::text[]
                        FROM import_changes c
                        JOIN imports i ON i.tenant_id = c.tenant_id AND i.id = c.import_id
                        WHERE c.tenant_id = $1 AND c.pattern_id = $2 AND c.kind IN ('updated', 'withdrawn')
                          AND i.state IN ('succeeded', 'reverted')
                    ) told
                    ORDER BY occurred_at DESC, import_id DESC
                    LIMIT $3 /* limit */",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::INT8)
                .bind(&MAX_EVENTS, Type::INT8),
            ])
            .await?;
        let row = at_most_one(found)?.ok_or_else(|| Error::not_found(Kind::Pattern, id.to_string()))?;
        Ok((record(&row)?, events.iter().map(event).collect::<Result<_>>()?))
    }

    /// One page of patterns, by id.
    pub async fn list_patterns(&self, filter: &Filter, page: &PageRequest) -> Result<Page<Record>> {
        let after = page.after.as_ref().map_or(0, |key| key.number);
        let (limit, skip) = (page.limit(), page.skip);
        let list = Query::new(concat!(
            "-- list_patterns
            SELECT ",
            pattern_columns!(),
            " FROM patterns p ",
            pattern_joins!(),
            " WHERE ",
            pattern_filter!(),
            " AND p.id > $9 /* after */
            ORDER BY p.id
            LIMIT $10 /* limit */ OFFSET $11 /* skip */"
        ));
        let count = Query::new(concat!(
            "-- count_patterns
            SELECT count(*) AS total FROM patterns p ",
            pattern_joins!(),
            " WHERE ",
            pattern_filter!()
        ));
        let list =
            self.filtered(list, filter).bind(&after, Type::INT8).bind(&limit, Type::INT8).bind(&skip, Type::INT8);
        let [rows, totals] = self.read([list, self.filtered(count, filter)]).await?;
        let records = rows.iter().map(record).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(records, total, |record| SortKey { number: record.pattern.id, ..SortKey::default() }))
    }

    fn filtered<'a>(&'a self, query: Query<'a>, filter: &'a Filter) -> Query<'a> {
        query
            .bind(&self.id.0, Type::INT8)
            .bind(&filter.category_id, Type::INT8)
            .bind(&filter.brand_id, Type::INT8)
            .bind(&filter.model_id, Type::INT8)
            .bind(&filter.year, Type::INT2)
            .bind(&filter.available, Type::BOOL)
            .bind(&filter.import_id, Type::UUID)
            .bind(&filter.text, Type::TEXT)
    }

    /// The ids of a brand and, unless empty, of a model of it.
    ///
    /// # Errors
    /// `NotFound` for the one that the reference lacks; an empty brand is no brand.
    pub async fn find_brand_and_model(&self, brand: &str, model: &str) -> Result<(Option<i64>, Option<i64>)> {
        if brand.is_empty() {
            return Ok((None, None));
        }
        let [rows] = self.read([find_brand_and_model(&brand, &model)]).await?;
        let (brand_id, model_id) = brand_and_model(rows, brand, model)?;
        Ok((Some(brand_id), model_id))
    }
}

/// Reads the columns of [`pattern_columns`].
pub(super) fn record(row: &Row) -> Result<Record> {
    Ok(Record {
        pattern: pattern(row)?,
        category: row.try_get("category")?,
        revision: row.try_get("revision")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn event(row: &Row) -> Result<Event> {
    let import = match row.try_get("import_id")? {
        Some(id) => Some(EventImport { id, file_name: row.try_get("file_name")?, reverted: row.try_get("reverted")? }),
        None => None,
    };
    Ok(Event {
        kind: word(row, "kind")?,
        occurred_at: row.try_get("occurred_at")?,
        import,
        actor: row.try_get("actor")?,
        fields: row.try_get("fields")?,
    })
}

/// A pattern from its row and its car's.
pub(super) fn pattern(row: &Row) -> Result<Pattern> {
    Ok(Pattern {
        id: row.try_get("id")?,
        brand: row.try_get("brand")?,
        model: row.try_get("model")?,
        generation: row.try_get::<_, Option<String>>("generation")?.unwrap_or_default(),
        years: Years { from: row.try_get("year_from")?, to: row.try_get("year_to")? },
        body_type: optional_word(row, "body_type")?,
        attributes: attributes(row)?,
        available: row.try_get("available")?,
        notes: row.try_get("notes")?,
    })
}

/// A pattern's attributes from the columns that are named as they are.
pub(super) fn attributes(row: &Row) -> Result<Attributes> {
    let mut attributes = Attributes::default();
    for field in Attributes::FIELDS {
        if let Some(word) = row.try_get(field.name)? {
            (field.set)(&mut attributes, word).map_err(Error::internal)?;
        }
    }
    Ok(attributes)
}
