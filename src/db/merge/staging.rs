//! Rows into the staging tables: new ones by binary COPY, the fastest way in and one that row-level security does not
//! refuse there; recorded ones from their record.

use std::pin::pin;

use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use super::Merge;
use crate::db::Transaction;
use crate::db::query::Query;
use crate::domain::error::Result;
use crate::domain::import::CleanRow;
use crate::domain::vehicle::{Attributes, BodyType, Years};

/// Of a column.
type Value<'a> = &'a (dyn ToSql + Sync);

impl Merge {
    /// Stages clean rows, each with its place in the document.
    pub(super) async fn stage<'r>(&self, rows: impl Iterator<Item = (i32, &'r CleanRow)> + Clone + Send) -> Result<()> {
        self.tx.within("copy_staged_rows", copy_rows(&self.tx, rows.clone())).await?;
        if rows.clone().any(|(_, row)| !row.issues.is_empty()) {
            self.tx.within("copy_staged_issues", copy_issues(&self.tx, rows)).await?;
        }
        Ok(())
    }

    /// Stages the import's rows as they are recorded.
    pub(super) async fn stage_recorded(&self) -> Result<()> {
        self.create_staging().await?;
        self.tx
            .execute(
                Query::new(
                    "-- stage_recorded
                    INSERT INTO staged_rows (position, page_number, row_number, source_id, cells, make, model, generation,
                                             year_from, year_to, body_type, steering, borders, seat_rows, trunk, notes,
                                             confidence, is_header, accepted)
                    SELECT position, page_number, row_number, source_id, cells, make, model, generation, year_from,
                           year_to, body_type, steering, borders, seat_rows, trunk, notes, confidence,
                           outcome = 'header',
                           -- Of rows that were recorded before this was, those with a pattern had been accepted.
                           coalesce(accepted, outcome NOT IN ('rejected', 'header'))
                    FROM import_rows
                    WHERE tenant_id = $1 /* tenant_id */ AND import_id = $2 /* import_id */",
                )
                .bind(&self.tenant_id, Type::INT8)
                .bind(&self.import_id, Type::UUID),
            )
            .await?;
        self.analyze_staging().await
    }

    pub(super) async fn create_staging(&self) -> Result<()> {
        self.tx
            .batch(
                "-- create_staging
                -- Sorts and joins of a whole price list, in memory; each statement runs once, compiling it does not pay.
                SET LOCAL work_mem = '64MB';
                SET LOCAL jit = off;

                CREATE TEMP TABLE staged_rows (
                    position integer NOT NULL, page_number integer NOT NULL, row_number integer NOT NULL,
                    source_id text NOT NULL, cells text[] NOT NULL, make text NOT NULL, model text NOT NULL,
                    generation text NOT NULL, year_from smallint, year_to smallint, body_type text, steering text,
                    borders text, seat_rows text, trunk text, notes text NOT NULL, confidence text NOT NULL,
                    is_header boolean NOT NULL, accepted boolean NOT NULL
                ) ON COMMIT DROP;
                CREATE TEMP TABLE staged_issues (
                    position integer NOT NULL, number smallint NOT NULL, code text NOT NULL, field text NOT NULL,
                    message text NOT NULL, suggestion text NOT NULL
                ) ON COMMIT DROP",
            )
            .await
    }

    /// Without statistics the joins that follow are planned for a handful of rows and do not finish.
    pub(super) async fn analyze_staging(&self) -> Result<()> {
        self.tx.batch("-- analyze_staging\n ANALYZE staged_rows; ANALYZE staged_issues").await
    }
}

async fn copy_rows<'r>(tx: &Transaction, rows: impl Iterator<Item = (i32, &'r CleanRow)>) -> Result<()> {
    let sink = tx.copy_in("COPY staged_rows FROM STDIN (FORMAT binary)").await?;
    let place = [Type::INT4, Type::INT4, Type::INT4, Type::TEXT, Type::TEXT_ARRAY];
    let car = [Type::TEXT, Type::TEXT, Type::TEXT, Type::INT2, Type::INT2, Type::TEXT];
    let attributes = vec![Type::TEXT; Attributes::FIELDS.len()];
    let rest = [Type::TEXT, Type::TEXT, Type::BOOL, Type::BOOL];
    let types = [&place[..], &car, &attributes, &rest].concat();
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for (position, row) in rows {
        let Years { from, to } = row.years;
        let body_type = row.body_type.map(BodyType::word);
        let words: Vec<_> = Attributes::FIELDS.iter().map(|field| (field.word)(&row.attributes)).collect();
        let (confidence, accepted) = (row.confidence.word(), row.is_accepted());
        let place: [Value<'_>; 5] = [&position, &row.page_number, &row.row_number, &row.source_id, &row.cells];
        let car: [Value<'_>; 6] = [&row.brand, &row.model, &row.generation, &from, &to, &body_type];
        let attributes: Vec<Value<'_>> = words.iter().map(|word| word as Value<'_>).collect();
        let rest: [Value<'_>; 4] = [&row.notes, &confidence, &row.is_header, &accepted];
        writer.as_mut().write(&[&place[..], &car, &attributes, &rest].concat()).await?;
    }
    writer.finish().await?;
    Ok(())
}

async fn copy_issues<'r>(tx: &Transaction, rows: impl Iterator<Item = (i32, &'r CleanRow)>) -> Result<()> {
    let sink = tx.copy_in("COPY staged_issues FROM STDIN (FORMAT binary)").await?;
    let types = [Type::INT4, Type::INT2, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for (position, row) in rows {
        for (number, issue) in (1i16..).zip(&row.issues) {
            writer
                .as_mut()
                .write(&[&position, &number, &issue.code.word(), &issue.field, &issue.message, &issue.suggestion])
                .await?;
        }
    }
    writer.finish().await?;
    Ok(())
}
