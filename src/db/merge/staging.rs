//! Rows into the staging tables by binary COPY: the fastest way in, and one that row-level security does not refuse there.

use std::pin::pin;

use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use crate::db::Transaction;
use crate::domain::error::Result;
use crate::domain::import::CleanRow;
use crate::domain::vehicle::Years;

/// Copies clean rows to `staged_rows`.
pub async fn copy_rows(tx: &Transaction, rows: &[CleanRow]) -> Result<()> {
    let sink = tx.copy_in("COPY staged_rows FROM STDIN (FORMAT binary)").await?;
    let types = [
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::TEXT,
        Type::TEXT_ARRAY,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT2,
        Type::INT2,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::BOOL,
        Type::BOOL,
    ];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for (position, row) in (1i32..).zip(rows) {
        let Years { from, to } = row.years;
        let accepted = row.is_accepted();
        writer
            .as_mut()
            .write(&[
                &position,
                &row.page_number,
                &row.row_number,
                &row.source_id,
                &row.cells,
                &row.make,
                &row.model,
                &row.generation,
                &from,
                &to,
                &row.body_type.map(|body| body.word()),
                &row.steering.map(|steering| steering.word()),
                &row.borders.map(|borders| borders.word()),
                &row.seat_rows.map(|seat_rows| seat_rows.word()),
                &row.trunk.map(|trunk| trunk.word()),
                &row.notes,
                &row.confidence.word(),
                &row.is_header,
                &accepted,
            ])
            .await?;
    }
    writer.finish().await?;
    Ok(())
}

/// Copies their issues to `staged_issues`.
pub async fn copy_issues(tx: &Transaction, rows: &[CleanRow]) -> Result<()> {
    let sink = tx.copy_in("COPY staged_issues FROM STDIN (FORMAT binary)").await?;
    let types = [Type::INT4, Type::INT2, Type::TEXT, Type::TEXT, Type::TEXT, Type::TEXT];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for (position, row) in (1i32..).zip(rows) {
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
