//! `lekalo imports`: what became of every row, and what to do about an import that was read.

pub mod documents;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::documents::{document, pattern_document, row_document, time};
use super::extract::write;
use super::load::{LanguageArg, Report, report};
use super::number;
use super::output::{self, UserError};
use super::shop::ShopArgs;
use crate::db::{self, Db};
use crate::domain::error::Error;
use crate::domain::import::{CleanRow, Import, ImportRow, Outcome, PatternRow, State, StoredIssue};
use crate::domain::page::{Page, PageRequest};
use crate::domain::tenant::Tenant;
use crate::import::apply::{apply, delete, header_of, revert};
use crate::import::clean::issues;
use crate::import::clean_csv;
use crate::live_index::LiveIndex;

pub const EXAMPLES: &str = "Examples:
  lekalo imports list --tenant evopoliki
  lekalo imports rows 0193… --tenant evopoliki --outcome rejected
  lekalo imports apply 0193… --tenant evopoliki";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List a tenant's imports, newest first
    #[command(after_help = "Examples:
  lekalo imports list --tenant evopoliki
  lekalo imports list --tenant evopoliki --json | jq -r '.[0].id'")]
    List(ShopArgs),
    /// Show one import
    #[command(after_help = "Examples:
  lekalo imports show 0193… --tenant evopoliki")]
    Show(ShowArgs),
    /// List an import's rows with what became of each, and why
    #[command(after_help = "Examples:
  lekalo imports rows 0193… --tenant evopoliki --outcome rejected
  lekalo imports rows 0193… --tenant evopoliki --outcome rejected -o fix.csv   (mend it, then lekalo load fix.csv …)
  lekalo imports rows 0193… --tenant evopoliki --json | jq .")]
    Rows(RowsArgs),
    /// List the rows of price lists that a pattern comes from
    #[command(after_help = "Examples:
  lekalo imports trace 1042 --tenant evopoliki   (the number is the pattern's id)")]
    Trace(TraceArgs),
    /// List the patterns that an import withdrew; of a preview, those it would withdraw
    #[command(after_help = "Examples:
  lekalo imports withdrawn 0193… --tenant evopoliki")]
    Withdrawn(ShowArgs),
    /// Carry out exactly what a dry run previewed; or take in rejected rows that are understood by now, once their
    /// alias has been taught
    #[command(after_help = "Examples:
  lekalo imports apply 0193… --tenant evopoliki")]
    Apply(DecisionArgs),
    /// Put back what an import changed
    #[command(after_help = "Examples:
  lekalo imports revert 0193… --tenant evopoliki")]
    Revert(DecisionArgs),
    /// Stop an import that waits or runs, or discard a preview
    #[command(after_help = "Examples:
  lekalo imports cancel 0193… --tenant evopoliki")]
    Cancel(DecisionArgs),
    /// Delete an import that has ended, with its rows; no pattern changes
    #[command(after_help = "Examples:
  lekalo imports delete 0193… --tenant evopoliki
  lekalo imports delete 0193… --tenant evopoliki --allow-succeeded   (nobody can revert it then)")]
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The import's id
    #[arg(value_parser = import_id)]
    id: uuid::Uuid,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct DecisionArgs {
    #[command(flatten)]
    language: LanguageArg,
    #[command(flatten)]
    import: ShowArgs,
}

#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// Delete one that was written, too, if none that was written before it stands
    #[arg(long)]
    allow_succeeded: bool,
    #[command(flatten)]
    import: ShowArgs,
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
    language: LanguageArg,
    /// Write the rows to this file as a clean.csv, to be mended and loaded
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    output: Option<PathBuf>,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct TraceArgs {
    /// The pattern's id
    #[arg(value_parser = number)]
    pattern: i64,
    #[command(flatten)]
    shop: ShopArgs,
}

pub fn import_id(text: &str) -> Result<uuid::Uuid, &'static str> {
    text.parse().map_err(|_| "is not an import's id; `lekalo imports list` shows them")
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let args = match &command {
        Command::List(list) => list,
        Command::Rows(rows) => &rows.shop,
        Command::Trace(trace) => &trace.shop,
        Command::Show(args) | Command::Withdrawn(args) => &args.shop,
        Command::Apply(args) | Command::Revert(args) | Command::Cancel(args) => &args.import.shop,
        Command::Delete(args) => &args.import.shop,
    };
    args.open(async |db, tenant| {
        let own = db.tenant(tenant.id);
        match &command {
            Command::List(list) => show_list(db, tenant, list.json).await,
            Command::Show(show) => {
                let import = own.get_import(show.id).await?;
                if show.shop.json { output::json(&document(&import)) } else { show_import(&import) }
            }
            Command::Rows(rows) => show_rows(db, tenant, rows).await,
            Command::Trace(trace) => show_origin(own, trace).await,
            Command::Withdrawn(show) => show_withdrawn(db, tenant, show).await,
            Command::Apply(args) => {
                let live_index = LiveIndex::new(db.clone());
                let import = apply(db, &live_index, tenant.id, args.import.id, |_| Ok(())).await;
                decided(own, tenant, args, import).await
            }
            Command::Revert(args) => {
                decided(own, tenant, args, revert(db, tenant.id, args.import.id, |_| Ok(())).await).await
            }
            Command::Cancel(args) => decided(own, tenant, args, own.cancel_import(args.import.id).await).await,
            Command::Delete(args) => deleted(own, args).await,
        }
    })
    .await
}

/// Prints the import after a decision about it.
async fn decided(
    own: db::Tenant<'_>,
    tenant: &Tenant,
    args: &DecisionArgs,
    import: Result<Import, Error>,
) -> anyhow::Result<()> {
    let (shop, language) = (&args.import.shop, args.language.or(tenant.default_language));
    match import {
        Ok(import) => report(&Report::about(own, import, language).await?, &shop.tenant, &shop.database, shop.json),
        Err(Error::Aborted { reason: "PREVIEW_OUTDATED", message, .. }) => {
            let message = message.split_once("; nothing was written").map_or(message.as_str(), |(what, _)| what);
            let hint = "preview the file again with --dry-run and apply that; nothing was written";
            Err(UserError::error(message, hint))
        }
        Err(error) => Err(error.into()),
    }
}

async fn deleted(own: db::Tenant<'_>, args: &DeleteArgs) -> anyhow::Result<()> {
    let id = args.import.id;
    match delete(own, id, args.allow_succeeded, |_| Ok(())).await {
        Ok(()) if args.import.shop.json => output::json(&json!({ "deleted": id })),
        Ok(()) => {
            talk!("the import {id} is deleted");
            Ok(())
        }
        Err(Error::FailedPrecondition { reason: "IMPORT_SUCCEEDED", message, .. }) => {
            let message = message.split_once("; allow_succeeded").map_or(message.as_str(), |(what, _)| what);
            Err(UserError::error(message, "--allow-succeeded deletes it all the same"))
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_list(db: &Db, tenant: &Tenant, json: bool) -> anyhow::Result<()> {
    let page = PageRequest::after(100, None);
    let found = db.tenant(tenant.id).list_imports(&page).await?;
    if json {
        return output::json(&Value::Array(found.items.iter().map(document).collect()));
    }
    show_imports(&found.items)
}

fn show_imports(imports: &[Import]) -> anyhow::Result<()> {
    if imports.is_empty() {
        talk!("the tenant has no imports yet: lekalo import FILE --tenant … --category …");
        return Ok(());
    }
    let rows = imports.iter().map(|import| {
        [
            import.id.to_string(),
            time(import.created_at),
            import.category.clone(),
            import.file_name.clone(),
            import.progress.map_or_else(
                || import.state.to_string(),
                |now| format!("{}: {}, {} of {} rows", import.state, now.step, now.rows, now.total),
            ),
            import.counts.rows_read.to_string(),
            import.counts.rejected.to_string(),
        ]
    });
    output::line(output::table(["id", "created", "category", "file", "state", "rows", "rejected"], rows))
}

/// Whether nothing of it was written: a dry run may have been carried out since.
fn is_preview(import: &Import) -> bool {
    import.validate_only && !matches!(import.state, State::Succeeded | State::Reverted)
}

fn show_import(import: &Import) -> anyhow::Result<()> {
    let c = import.counts;
    let progress = import.progress.map(|now| format!("{}, {} of {} rows", now.step, now.rows, now.total));
    let error = import.error.as_ref().map(|error| format!("{}: {}", error.code, error.message));
    let fields = [
        ("id", import.id.to_string()),
        ("created", time(import.created_at)),
        ("ended", import.finished_at.map(time).unwrap_or_default()),
        ("category", import.category.clone()),
        ("file", import.file_name.clone()),
        ("mode", import.mode.to_string() + if is_preview(import) { ", dry run" } else { "" }),
        ("state", import.state.to_string()),
        ("progress", progress.unwrap_or_default()),
        ("waits for", import.waits_for.map(|id| id.to_string()).unwrap_or_default()),
        ("error", error.unwrap_or_default()),
        ("hint", import.error.as_ref().map(|error| error.hint.clone()).unwrap_or_default()),
        ("rows read", c.rows_read.to_string()),
        ("  created", c.created.to_string()),
        ("  updated", c.updated.to_string()),
        ("  unchanged", c.unchanged.to_string()),
        ("  merged", c.merged.to_string()),
        ("  rejected", c.rejected.to_string()),
        ("  headers", c.headers.to_string()),
        ("withdrawn", c.withdrawn.to_string()),
    ];
    output::line(output::record(&fields))
}

/// Everything that a list has, page by page.
pub async fn every_page<T>(list: impl AsyncFn(&PageRequest) -> Result<Page<T>, Error>) -> anyhow::Result<Vec<T>> {
    Ok(first_of(usize::MAX, list).await?.0)
}

/// The first of what a list has, so many at most, page by page; and how much there is.
pub async fn first_of<T>(
    most: usize,
    list: impl AsyncFn(&PageRequest) -> Result<Page<T>, Error>,
) -> anyhow::Result<(Vec<T>, i64)> {
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let found = list(&PageRequest::after(most - items.len(), after)).await?;
        items.extend(found.items);
        after = found.next;
        if after.is_none() || items.len() >= most {
            return Ok((items, found.total));
        }
    }
}

async fn show_withdrawn(db: &Db, tenant: &Tenant, args: &ShowArgs) -> anyhow::Result<()> {
    let own = db.tenant(tenant.id);
    let patterns = every_page(async |page: &PageRequest| own.list_withdrawn_patterns(args.id, page).await).await?;
    if args.shop.json {
        return output::json(&Value::Array(patterns.iter().map(pattern_document).collect()));
    }
    let lines = patterns.iter().map(|pattern| {
        let year = |year: Option<i16>| year.map(|year| year.to_string()).unwrap_or_default();
        [
            pattern.id.to_string(),
            format!("{} {} {}", pattern.brand, pattern.model, pattern.generation).trim().to_owned(),
            year(pattern.years.from),
            year(pattern.years.to),
            pattern.notes.clone(),
            if pattern.available { "available" } else { "withdrawn" }.to_owned(),
        ]
    });
    output::line(output::table(["pattern", "car", "from", "to", "notes", "now"], lines))?;
    talk!("{} patterns", patterns.len());
    Ok(())
}

async fn show_origin(own: db::Tenant<'_>, args: &TraceArgs) -> anyhow::Result<()> {
    let rows = every_page(async |page: &PageRequest| own.list_pattern_rows(args.pattern, page).await).await?;
    if args.shop.json {
        let document = |row: &PatternRow| {
            json!({
                "import_id": row.import_id, "file_name": row.file_name, "state": row.state.word(),
                "created_at": time(row.created_at), "row": row_document(&row.found),
            })
        };
        return output::json(&Value::Array(rows.iter().map(document).collect()));
    }
    let lines = rows.iter().map(|row| {
        [
            row.import_id.to_string(),
            row.state.to_string(),
            row.file_name.clone(),
            format!("{}:{}", row.found.row.page_number, row.found.row.row_number),
            row.found.outcome.to_string(),
            row.found.row.cells.join(" | "),
        ]
    });
    output::line(output::table(["import", "state", "file", "page:row", "outcome", "cells"], lines))?;
    talk!("{} rows", rows.len());
    Ok(())
}

async fn show_rows(db: &Db, tenant: &Tenant, args: &RowsArgs) -> anyhow::Result<()> {
    let (own, language) = (db.tenant(tenant.id), args.language.or(tenant.default_language));
    let rows = own.all_import_rows(args.id, args.outcome).await?;
    if let Some(path) = &args.output {
        let header = header_of(own, args.id).await?;
        let count = rows.len();
        let rows: Vec<CleanRow> = rows.into_iter().filter_map(clean_row).collect();
        write(Some(path), |out| Ok(clean_csv::write_clean(&rows, &header, language, out)?))?;
        talk!("{} rows → {}", rows.len(), output::printable(&path.display().to_string()));
        if rows.len() < count {
            talk!("{} headers were left out", count - rows.len());
        }
        if args.outcome == Some(Outcome::Rejected) {
            talk!(
                "fill in make and model, set confidence to high, then: {} load {} …",
                output::program(),
                output::printable(&path.display().to_string())
            );
        }
        return Ok(());
    }
    let rows: Vec<ImportRow> = rows.into_iter().map(|row| row.in_language(language)).collect();
    if args.shop.json {
        return output::json(&Value::Array(rows.iter().map(row_document).collect()));
    }
    let lines = rows.iter().map(|found| {
        let changes =
            found.changes.iter().map(|change| format!("{}: {} → {}", change.field, change.before, change.after));
        let issues = found.issues.iter().map(|issue| issue.message.clone());
        [
            format!("{}:{}", found.row.page_number, found.row.row_number),
            found.outcome.to_string(),
            found.row.cells.join(" | "),
            format!("{} {} {}", found.row.brand, found.row.model, found.row.generation).trim().to_owned(),
            changes.chain(issues).collect::<Vec<_>>().join("; "),
        ]
    });
    output::line(output::table(["page:row", "outcome", "cells", "car", "changes and issues"], lines))?;
    talk!("{} rows", rows.len());
    Ok(())
}

/// A recorded row as a clean.csv has it; none for headers, which it has none of.
fn clean_row(found: ImportRow) -> Option<CleanRow> {
    let issue = |stored: &StoredIssue| {
        stored.code.parse().ok().map(|code| issues::issue(code, &stored.message, &stored.suggestion))
    };
    let issues = found.issues.iter().filter_map(issue).collect();
    (found.outcome != Outcome::Header).then_some(CleanRow { issues, ..found.row })
}
