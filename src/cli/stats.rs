//! `lekalo stats`.

use serde_json::json;

use super::database::{self, Database};
use super::{lookup, output};
use crate::domain::stats::Stats;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo stats
  lekalo stats --tenant evopoliki --json")]
pub struct Args {
    /// Only this tenant
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut database = Database::open(&args.database).await?;
    let db = database.connect().await?;
    let tenant = match &args.tenant {
        Some(slug) => Some(lookup::tenant(&db, slug, &args.database).await?),
        None => None,
    };
    let stats = db.stats(tenant.as_ref()).await?;
    database.close().await?;
    if args.json { print_json(&stats) } else { print_tables(&stats) }
}

fn counts(stats: &Stats) -> [(&'static str, i64); 12] {
    let c = stats.counts;
    [
        ("tenants", c.tenants),
        ("categories", c.categories),
        ("brands", c.brands),
        ("models", c.models),
        ("model_variants", c.model_variants),
        ("aliases", c.aliases),
        ("patterns", c.patterns),
        ("patterns_available", c.patterns_available),
        ("prices", c.prices),
        ("texts", c.texts),
        ("applications", c.applications),
        ("imports", c.imports),
    ]
}

fn print_json(stats: &Stats) -> anyhow::Result<()> {
    output::json(&json!({
        "counts": counts(stats).into_iter().map(|(name, count)| (name.to_owned(), json!(count)))
            .collect::<serde_json::Map<_, _>>(),
        "top_brands": stats.top_brands.iter().map(|brand| json!({
            "brand": brand.slug, "name": brand.name, "models": brand.models,
        })).collect::<Vec<_>>(),
        "unpriced": stats.unpriced.iter().map(|(tenant, body)| json!({
            "tenant": tenant, "category": body.category, "body_type": body.body_type, "patterns": body.patterns,
        })).collect::<Vec<_>>(),
        "missing_translations": stats.missing_translations.iter().map(|missing| json!({
            "table": missing.table, "key": missing.key, "languages": missing.languages,
        })).collect::<Vec<_>>(),
        "open_import_issues": stats.open_import_issues.iter().map(|(tenant, issue)| json!({
            "tenant": tenant, "import": issue.import_id, "file_name": issue.file_name, "code": issue.code,
            "rows": issue.rows,
        })).collect::<Vec<_>>(),
    }))
}

fn print_tables(stats: &Stats) -> anyhow::Result<()> {
    output::line(format_args!(
        "{}",
        output::table(["what", "count"], counts(stats).map(|(name, count)| [name.into(), count.to_string()]))
    ))?;
    let brands = stats.top_brands.iter().map(|brand| [brand.name.clone(), brand.models.to_string()]);
    output::line(format_args!("\n{}", output::table(["top brands", "models with patterns"], brands)))?;
    if !stats.unpriced.is_empty() {
        output::line("\nNo price for these bodies (empty: the body is not known):")?;
        let rows = stats.unpriced.iter().map(|(tenant, body)| {
            [tenant.clone(), body.category.clone(), body.body_type.clone(), body.patterns.to_string()]
        });
        output::line(output::table(["tenant", "category", "body", "patterns"], rows))?;
    }
    if !stats.missing_translations.is_empty() {
        output::line("\nMissing translations:")?;
        let rows = stats
            .missing_translations
            .iter()
            .map(|missing| [missing.table.clone(), missing.key.clone(), missing.languages.join(", ")]);
        output::line(output::table(["table", "key", "languages"], rows))?;
    }
    if !stats.open_import_issues.is_empty() {
        output::line("\nOpen import issues:")?;
        let rows = stats.open_import_issues.iter().map(|(tenant, issue)| {
            [
                tenant.clone(),
                issue.file_name.clone(),
                issue.code.clone(),
                issue.rows.to_string(),
                issue.import_id.clone(),
            ]
        });
        output::line(output::table(["tenant", "file", "issue", "rows", "import"], rows))?;
    }
    Ok(())
}
