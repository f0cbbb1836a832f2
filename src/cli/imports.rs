//! `lekalo imports`: what became of every row.

use serde_json::{Value, json};

use super::database::{self, Database};
use super::output;
use crate::db::Db;
use crate::domain::import::{Import, ImportRow, Outcome};
use crate::domain::page::PageRequest;
use crate::domain::tenant::Tenant;

pub const EXAMPLES: &str = "Examples:
  lekalo imports list --tenant evopoliki
  lekalo imports rows 0193… --tenant evopoliki --outcome rejected";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List a tenant's imports, newest first
    List(ListArgs),
    /// Show one import
    Show(ShowArgs),
    /// List an import's rows with what became of each, and why
    #[command(after_help = "Examples:
  lekalo imports rows 0193… --tenant evopoliki --outcome rejected
  lekalo imports rows 0193… --tenant evopoliki --json | jq .")]
    Rows(RowsArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// The tenant's slug
    #[arg(long, value_name = "SLUG")]
    tenant: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The import's id
    #[arg(value_parser = import_id)]
    id: uuid::Uuid,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, clap::Args)]
pub struct RowsArgs {
    /// The import's id
    #[arg(value_parser = import_id)]
    id: uuid::Uuid,
    /// Only rows with this outcome: created, updated, unchanged, merged, rejected, header
    #[arg(long)]
    outcome: Option<Outcome>,
    #[command(flatten)]
    list: ListArgs,
}

fn import_id(text: &str) -> Result<uuid::Uuid, &'static str> {
    text.parse().map_err(|_| "is not an import's id; `lekalo imports list` shows them")
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let args = match &command {
        Command::List(list) => list,
        Command::Show(show) => &show.list,
        Command::Rows(rows) => &rows.list,
    };
    let mut database = Database::open(&args.database).await?;
    let db = database.connect().await?;
    let tenant = db.find_tenant(&args.tenant).await?;
    let shown = match &command {
        Command::List(list) => show_list(&db, &tenant, list.json).await,
        Command::Show(show) => {
            let import = db.tenant(tenant.id).get_import(show.id).await?;
            if show.list.json { output::json(&document(&import)) } else { show_imports(&[import]) }
        }
        Command::Rows(rows) => show_rows(&db, &tenant, rows).await,
    };
    database.close().await?;
    shown
}

async fn show_list(db: &Db, tenant: &Tenant, json: bool) -> anyhow::Result<()> {
    let page = PageRequest::new(100, "", 0, &[])?;
    let found = db.tenant(tenant.id).list_imports(&page).await?;
    if json {
        return output::json(&Value::Array(found.items.iter().map(document).collect()));
    }
    show_imports(&found.items)
}

fn show_imports(imports: &[Import]) -> anyhow::Result<()> {
    if imports.is_empty() {
        eprintln!("the tenant has no imports yet: lekalo import FILE --tenant … --category …");
        return Ok(());
    }
    let rows = imports.iter().map(|import| {
        let c = import.counts;
        [
            import.id.to_string(),
            time(import.created_at),
            import.category.clone(),
            import.file_name.clone(),
            import.state.to_string(),
            c.rows_read.to_string(),
            c.created.to_string(),
            c.updated.to_string(),
            c.unchanged.to_string(),
            c.merged.to_string(),
            c.rejected.to_string(),
            c.headers.to_string(),
            import.error.as_ref().map(|error| format!("{}: {}", error.code, error.message)).unwrap_or_default(),
        ]
    });
    let header = [
        "id",
        "created",
        "category",
        "file",
        "state",
        "rows",
        "created",
        "updated",
        "unchanged",
        "merged",
        "rejected",
        "headers",
        "error",
    ];
    output::line(output::table(header, rows))?;
    Ok(())
}

async fn show_rows(db: &Db, tenant: &Tenant, args: &RowsArgs) -> anyhow::Result<()> {
    let own = db.tenant(tenant.id);
    let mut token = String::new();
    let mut rows = Vec::new();
    loop {
        let page = PageRequest::new(500, &token, 0, &[])?;
        let found = own.list_import_rows(args.id, args.outcome, &page).await?;
        rows.extend(found.items);
        token = page.next_token(found.next);
        if token.is_empty() {
            break;
        }
    }
    if args.list.json {
        return output::json(&Value::Array(rows.iter().map(row_document).collect()));
    }
    let lines = rows.iter().map(|found| {
        let issues: Vec<&str> = found.issues.iter().map(|issue| issue.message.as_str()).collect();
        [
            format!("{}:{}", found.row.page_number, found.row.row_number),
            found.outcome.to_string(),
            found.row.cells.join(" | "),
            format!("{} {} {}", found.row.make, found.row.model, found.row.generation).trim().to_owned(),
            issues.join("; "),
        ]
    });
    output::line(output::table(["page:row", "outcome", "cells", "car", "issues"], lines))?;
    eprintln!("{} rows", rows.len());
    Ok(())
}

/// An import as JSON.
pub fn document(import: &Import) -> Value {
    let c = import.counts;
    json!({
        "id": import.id, "category": import.category, "file_name": import.file_name,
        "mode": import.mode.word(), "validate_only": import.validate_only, "state": import.state.word(),
        "counts": {
            "rows_read": c.rows_read, "created": c.created, "updated": c.updated, "unchanged": c.unchanged,
            "merged": c.merged, "rejected": c.rejected, "headers": c.headers, "withdrawn": c.withdrawn,
        },
        "created_at": time(import.created_at), "finished_at": import.finished_at.map(time),
        "error": import.error.as_ref().map(|error| json!({
            "code": error.code, "message": error.message, "hint": error.hint,
        })),
    })
}

fn row_document(found: &ImportRow) -> Value {
    let row = &found.row;
    json!({
        "page_number": row.page_number, "row_number": row.row_number, "source_id": row.source_id,
        "cells": row.cells, "make": row.make, "model": row.model, "generation": row.generation,
        "year_from": row.years.from, "year_to": row.years.to,
        "body_type": row.body_type.map(|value| value.word()), "steering": row.steering.map(|value| value.word()),
        "borders": row.borders.map(|value| value.word()), "seat_rows": row.seat_rows.map(|value| value.word()),
        "trunk": row.trunk.map(|value| value.word()), "notes": row.notes, "confidence": row.confidence.word(),
        "outcome": found.outcome.word(), "pattern_id": found.pattern_id,
        "same_as": found.same_as.map(|(page, row)| json!({ "page_number": page, "row_number": row })),
        "issues": found.issues.iter().map(|issue| json!({
            "code": issue.code, "field": issue.field, "message": issue.message, "suggestion": issue.suggestion,
        })).collect::<Vec<_>>(),
    })
}

/// RFC 3339, UTC, whole seconds.
fn time(time: std::time::SystemTime) -> String {
    let time = prost_types::Timestamp::from(time);
    prost_types::Timestamp { nanos: 0, ..time }.to_string()
}
