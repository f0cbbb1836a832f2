//! What became of an import's rows, and of patterns it has no row for.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::db::Tenant;
use crate::db::patterns::{attributes, pattern};
use crate::db::query::{Query, one, optional_word, word};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::import::{Change, CleanRow, FrequentIssue, ImportRow, Outcome, PatternRow, StoredIssue};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::pattern::Pattern;
use crate::domain::vehicle::Years;

/// How many rows are read at once by who wants all of them.
const AT_ONCE: i64 = 1000;

/// What an [`ImportRow`] is made of, from a row `r` of import_rows with `row_joins!`.
macro_rules! row_columns {
    () => {
        "r.position, r.page_number, r.row_number, r.source_id, r.cells, r.make, r.model,
         r.generation, r.year_from, r.year_to, r.body_type, r.steering, r.borders, r.seat_rows,
         r.trunk, r.notes, r.confidence, r.outcome, r.pattern_id,
         changed.was_available,
         same.page_number AS same_page, same.row_number AS same_row,
         issues.codes, issues.fields, issues.messages, issues.suggestions"
    };
}

/// Limited, so that each is looked up by its whole key whatever the statistics say.
macro_rules! row_joins {
    () => {
        "LEFT JOIN LATERAL (
             SELECT s.page_number, s.row_number
             FROM import_rows s
             WHERE s.tenant_id = r.tenant_id AND s.import_id = r.import_id AND s.position = r.same_as
             LIMIT 1
         ) same ON true
         LEFT JOIN LATERAL (
             SELECT (c.before ->> 'available')::boolean AS was_available
             FROM import_changes c
             WHERE c.tenant_id = r.tenant_id AND c.import_id = r.import_id AND c.pattern_id = r.pattern_id
               AND r.outcome = 'updated'
             LIMIT 1
         ) changed ON true
         LEFT JOIN LATERAL (
             SELECT array_agg(code ORDER BY number) AS codes, array_agg(field ORDER BY number) AS fields,
                    array_agg(message ORDER BY number) AS messages,
                    array_agg(suggestion ORDER BY number) AS suggestions
             FROM import_issues i
             WHERE i.tenant_id = r.tenant_id AND i.import_id = r.import_id AND i.position = r.position
         ) issues ON true"
    };
}

impl Tenant<'_> {
    /// The issues that most rows of an import have, the most frequent first.
    pub async fn frequent_issues(&self, id: Uuid, most: i64) -> Result<Vec<FrequentIssue>> {
        let [rows] = self
            .read([Query::new(
                "-- list_frequent_issues
                SELECT code, message, count(*) AS rows,
                       -- Of several none holds for all.
                       CASE WHEN min(suggestion) = max(suggestion) THEN min(suggestion) ELSE '' END AS suggestion
                FROM import_issues
                WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */
                GROUP BY code, message
                ORDER BY rows DESC, code, message
                LIMIT $3 /* most */",
            )
            .bind(&self.id.0, Type::INT8)
            .bind(&id, Type::UUID)
            .bind(&most, Type::INT8)])
            .await?;
        let issue = |row: &Row| {
            Ok(FrequentIssue {
                code: row.try_get("code")?,
                message: row.try_get("message")?,
                suggestion: row.try_get("suggestion")?,
                rows: row.try_get("rows")?,
            })
        };
        rows.iter().map(issue).collect()
    }

    /// One page of an import's rows in the document's order, all of them or those of one outcome.
    pub async fn list_import_rows(
        &self,
        id: Uuid,
        outcome: Option<Outcome>,
        page: &PageRequest,
    ) -> Result<Page<ImportRow>> {
        self.get_import(id).await?;
        let after = page.after.as_ref().map_or(0, |key| key.number);
        let outcome = outcome.map(Outcome::word);
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                rows_query(&self.id.0, &id, &outcome, &after, &limit, &skip),
                Query::new(
                    "-- count_import_rows
                    SELECT count(*) AS total
                    FROM import_rows
                    WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */
                      AND ($3 /* outcome */ IS NULL OR outcome = $3)",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID)
                .bind(&outcome, Type::TEXT),
            ])
            .await?;
        let items = rows.iter().map(import_row).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(items, total, |row| SortKey { number: row.position.into(), ..SortKey::default() }))
    }

    /// One page of the rows that a pattern comes from, the newest import first.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such pattern and had none.
    pub async fn list_pattern_rows(&self, pattern_id: i64, page: &PageRequest) -> Result<Page<PatternRow>> {
        // Version 7 ids grow with time.
        let (last, after): (Option<Uuid>, i64) =
            page.after.as_ref().map_or((None, 0), |key| (key.id.parse().ok(), key.number));
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                Query::new(concat!(
                    "-- list_pattern_rows
                    SELECT i.id AS import_id, i.file_name, i.state, i.created_at, ",
                    row_columns!(),
                    " FROM import_rows r
                    JOIN imports i ON i.tenant_id = r.tenant_id AND i.id = r.import_id ",
                    row_joins!(),
                    "
                    WHERE r.tenant_id = $1 /* tenant_id */ AND r.pattern_id = $2 /* pattern_id */
                      AND i.state IN ('succeeded', 'reverted')
                      AND ($3 /* last */ IS NULL OR r.import_id < $3 OR (r.import_id = $3 AND r.position > $4 /* after */))
                    ORDER BY r.import_id DESC, r.position
                    LIMIT $5 /* limit */ OFFSET $6 /* skip */"
                ))
                .bind(&self.id.0, Type::INT8)
                .bind(&pattern_id, Type::INT8)
                .bind(&last, Type::UUID)
                .bind(&after, Type::INT8)
                .bind(&limit, Type::INT8)
                .bind(&skip, Type::INT8),
                Query::new(
                    "-- count_pattern_rows
                    SELECT (SELECT count(*)
                            FROM import_rows r
                            JOIN imports i ON i.tenant_id = r.tenant_id AND i.id = r.import_id
                            WHERE r.tenant_id = $1 /* tenant_id */ AND r.pattern_id = $2 /* pattern_id */
                              AND i.state IN ('succeeded', 'reverted')) AS total,
                           EXISTS (SELECT FROM patterns WHERE tenant_id = $1 AND id = $2) AS exists",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&pattern_id, Type::INT8),
            ])
            .await?;
        let counted = one(totals)?;
        let total: i64 = counted.try_get("total")?;
        if total == 0 && !counted.try_get::<_, bool>("exists")? {
            return Err(Error::not_found(Kind::Pattern, pattern_id.to_string()));
        }
        let row = |row: &Row| {
            Ok(PatternRow {
                import_id: row.try_get("import_id")?,
                file_name: row.try_get("file_name")?,
                state: word(row, "state")?,
                created_at: row.try_get("created_at")?,
                found: import_row(row)?,
            })
        };
        let items = rows.iter().map(row).collect::<Result<Vec<_>>>()?;
        Ok(page.page(items, total, |row| SortKey {
            id: row.import_id.to_string(),
            number: row.found.position.into(),
            ..SortKey::default()
        }))
    }

    /// The next of an import's rows of one outcome, or just the next, after this place in the document; none at the end.
    pub async fn next_import_rows(&self, id: Uuid, outcome: Option<Outcome>, after: i32) -> Result<Vec<ImportRow>> {
        let (outcome, after) = (outcome.map(Outcome::word), i64::from(after));
        let [rows] = self.read([rows_query(&self.id.0, &id, &outcome, &after, &AT_ONCE, &0)]).await?;
        rows.iter().map(import_row).collect()
    }

    /// All of an import's rows of one outcome, or just all.
    pub async fn all_import_rows(&self, id: Uuid, outcome: Option<Outcome>) -> Result<Vec<ImportRow>> {
        self.get_import(id).await?;
        let mut rows: Vec<ImportRow> = Vec::new();
        loop {
            let next = self.next_import_rows(id, outcome, rows.last().map_or(0, |row| row.position)).await?;
            if next.is_empty() {
                return Ok(rows);
            }
            rows.extend(next);
        }
    }

    /// One page of the patterns that an import withdrew (a VALIDATED one: would withdraw), by id, as they are now.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such import.
    pub async fn list_withdrawn_patterns(&self, id: Uuid, page: &PageRequest) -> Result<Page<Pattern>> {
        self.get_import(id).await?;
        let after = page.after.as_ref().map_or(0, |key| key.number);
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                Query::new(
                    "-- list_withdrawn_patterns
                    SELECT p.id, b.slug AS brand, m.slug AS model, v.generation, v.year_from, v.year_to, v.body_type,
                           p.steering, p.borders, p.seat_rows, p.trunk, p.available, p.notes
                    FROM import_changes c
                    JOIN patterns p ON p.tenant_id = c.tenant_id AND p.id = c.pattern_id
                    JOIN models m ON m.id = p.model_id
                    JOIN brands b ON b.id = m.brand_id
                    JOIN model_variants v ON v.model_id = p.model_id AND v.id = p.variant_id
                    WHERE c.tenant_id = $1 /* tenant_id */ AND c.import_id = $2 /* import_id */
                      AND c.kind = 'withdrawn' AND c.pattern_id > $3 /* after */
                    ORDER BY c.pattern_id
                    LIMIT $4 /* limit */ OFFSET $5 /* skip */",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID)
                .bind(&after, Type::INT8)
                .bind(&limit, Type::INT8)
                .bind(&skip, Type::INT8),
                Query::new(
                    "-- count_withdrawn_patterns
                    SELECT count(*) AS total
                    FROM import_changes c
                    JOIN patterns p ON p.tenant_id = c.tenant_id AND p.id = c.pattern_id
                    WHERE c.tenant_id = $1 /* tenant_id */ AND c.import_id = $2 /* import_id */ AND c.kind = 'withdrawn'",
                )
                .bind(&self.id.0, Type::INT8)
                .bind(&id, Type::UUID),
            ])
            .await?;
        let patterns = rows.iter().map(pattern).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(patterns, total, |pattern| SortKey { number: pattern.id, ..SortKey::default() }))
    }
}

fn rows_query<'a>(
    tenant_id: &'a i64,
    import_id: &'a Uuid,
    outcome: &'a Option<&'static str>,
    after: &'a i64,
    limit: &'a i64,
    skip: &'a i64,
) -> Query<'a> {
    Query::new(concat!(
        "-- list_import_rows
        SELECT ",
        row_columns!(),
        " FROM import_rows r ",
        row_joins!(),
        "
        WHERE r.tenant_id = $1 /* tenant_id */ AND r.import_id = $2 /* import_id */
          AND ($3 /* outcome */ IS NULL OR r.outcome = $3) AND r.position > $4 /* after */
        ORDER BY r.position
        LIMIT $5 /* limit */ OFFSET $6 /* skip */"
    ))
    .bind(tenant_id, Type::INT8)
    .bind(import_id, Type::UUID)
    .bind(outcome, Type::TEXT)
    .bind(after, Type::INT8)
    .bind(limit, Type::INT8)
    .bind(skip, Type::INT8)
}

fn import_row(row: &Row) -> Result<ImportRow> {
    let same_page: Option<i32> = row.try_get("same_page")?;
    let same_row: Option<i32> = row.try_get("same_row")?;
    let outcome: Outcome = word(row, "outcome")?;
    Ok(ImportRow {
        position: row.try_get("position")?,
        row: CleanRow {
            page_number: row.try_get("page_number")?,
            row_number: row.try_get("row_number")?,
            source_id: row.try_get("source_id")?,
            is_header: outcome == Outcome::Header,
            brand: row.try_get("make")?,
            model: row.try_get("model")?,
            generation: row.try_get("generation")?,
            years: Years { from: row.try_get("year_from")?, to: row.try_get("year_to")? },
            body_type: optional_word(row, "body_type")?,
            attributes: attributes(row)?,
            notes: row.try_get("notes")?,
            confidence: word(row, "confidence")?,
            issues: Vec::new(),
            cells: row.try_get("cells")?,
        },
        outcome,
        pattern_id: row.try_get("pattern_id")?,
        same_as: same_page.zip(same_row),
        changes: changes(row)?,
        issues: stored_issues(row)?,
    })
}

fn stored_issues(row: &Row) -> Result<Vec<StoredIssue>> {
    let column = |name| -> Result<Vec<String>> { Ok(row.try_get::<_, Option<Vec<String>>>(name)?.unwrap_or_default()) };
    let texts = column("messages")?.into_iter().zip(column("suggestions")?);
    let names = column("codes")?.into_iter().zip(column("fields")?);
    Ok(names
        .zip(texts)
        .map(|((code, field), (message, suggestion))| StoredIssue { code, field, message, suggestion })
        .collect())
}

/// An updated row makes a withdrawn pattern available again; there is nothing else about a pattern that changes.
fn changes(row: &Row) -> Result<Vec<Change>> {
    let was_available: Option<bool> = row.try_get("was_available")?;
    Ok(was_available
        .map(|was| Change { field: "available", before: was.to_string(), after: true.to_string() })
        .into_iter()
        .collect())
}
