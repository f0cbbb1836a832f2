//! `lekalo resolve`.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::database::{Database, DatabaseArgs};
use super::lookup;
use super::output::{self, UserError};
use crate::catalog::{Catalog, Catalogs, Limits, Needs};
use crate::domain::tenant::Language;
use crate::domain::vehicle::slug;
use crate::live_index::{LiveIndex, Shared};
use lekalo_vehicles::Index;
use lekalo_vehicles::resolve::{Candidate, Decision, Query, Resolution, Resolver, ShopWords};

/// The most candidates worth reading.
const MAX_CANDIDATES: usize = 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo resolve \"камри 70\"
  lekalo resolve \"rfvhb 70\" --json
  lekalo resolve \"х5\" --tenant evopoliki --category eva_mats

Without --tenant no database is needed; with it, the aliases that shops taught count too, and so do the tenant's patterns.")]
pub struct Args {
    /// What a customer types
    text: String,
    /// Only models of this brand, however it is spelled
    #[arg(long, value_name = "BRAND")]
    brand: Option<String>,
    /// The year, where the text has none
    #[arg(long, value_parser = clap::value_parser!(i16).range(1900..=2100))]
    year: Option<i16>,
    /// How many candidates to show at most
    #[arg(long, value_name = "N", default_value_t = 5)]
    most: usize,
    /// Count this tenant's patterns
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// Count them in this category only
    #[arg(long, value_name = "CODE", requires = "tenant")]
    category: Option<String>,
    /// The language of the reasons: ru, ky or en
    #[arg(long, value_name = "LANG", default_value = "ru")]
    language: Language,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    if args.text.trim().is_empty() {
        return Err(UserError::error("there is no text to understand", "for example: lekalo resolve \"камри 70\""));
    }
    let (index, resolution, stock) = match &args.tenant {
        None => {
            let index = Shared::Shipped(Index::shipped());
            let resolution = resolve(&index, &args, None);
            (index, resolution, None)
        }
        Some(tenant) => {
            let mut database = Database::open(&args.database).await?;
            let db = database.connect().await?;
            let tenant = lookup::tenant(&db, tenant, &args.database).await?;
            let category = match &args.category {
                Some(code) => Some(lookup::category(db.tenant(tenant.id), &tenant, code).await?.id),
                None => None,
            };
            let live_index = Arc::new(LiveIndex::new(db.clone()));
            let index = live_index.current().await?;
            let nothing_kept = Limits { bytes: 0, ..Limits::default() };
            let catalogs = Catalogs::new(db, live_index, nothing_kept);
            let found = catalogs.get(tenant.id, category.map_or(Needs::Everything, Needs::Category)).await?;
            let catalog = found.context("the tenant is gone")?.catalog;
            database.close().await?;
            let resolution = resolve(&index, &args, Some(&catalog.shop_words()));
            (index, resolution, Some(Stock { catalog, category: args.category.clone() }))
        }
    };
    let stock = stock.as_ref();
    let resolution = with_patterns_first(&index, resolution, stock, args.most);
    if args.json { print_json(&index, &resolution, stock) } else { print_table(&index, &resolution, stock) }
}

/// What a tenant has patterns for, in one category or in all.
struct Stock {
    catalog: Arc<Catalog>,
    category: Option<String>,
}

impl Stock {
    fn count(&self, brand: &str, model: &str) -> i64 {
        let category = self.category.as_ref().and_then(|code| self.catalog.find_category(code).ok());
        self.catalog.count_patterns(category.as_ref(), brand, model)
    }
}

fn resolve(index: &Index, args: &Args, shop_words: Option<&ShopWords>) -> Resolution {
    let query = Query {
        text: &args.text,
        brand: args.brand.as_deref(),
        shop_words,
        year: args.year,
        max_candidates: MAX_CANDIDATES,
        language: args.language,
    };
    Resolver::new(index).resolve(&query)
}

fn with_patterns_first(index: &Index, mut resolution: Resolution, stock: Option<&Stock>, most: usize) -> Resolution {
    resolution.prefer(|candidate| patterns(index, stock, candidate) > Some(0), most);
    resolution
}

fn patterns(index: &Index, stock: Option<&Stock>, candidate: &Candidate) -> Option<i64> {
    let (brand, model) = slugs(index, candidate);
    stock.map(|stock| stock.count(&brand, &model))
}

fn slugs(index: &Index, candidate: &Candidate) -> (String, String) {
    let model = candidate.model.map(|model| slug(&index.model(model).name)).unwrap_or_default();
    (slug(&index.brand(candidate.brand).name), model)
}

fn decision_word(decision: Decision) -> &'static str {
    match decision {
        Decision::Accept => "accept",
        Decision::Choose => "choose",
        Decision::None => "none",
    }
}

fn print_json(index: &Index, resolution: &Resolution, stock: Option<&Stock>) -> anyhow::Result<()> {
    let candidate = |candidate: &Candidate| -> Value {
        let (brand, model) = slugs(index, candidate);
        json!({
            "brand": brand,
            "brand_name": index.brand(candidate.brand).name,
            "model": model,
            "model_name": candidate.model.map(|model| index.model(model).name.as_str()).unwrap_or_default(),
            "generation": candidate.generation,
            "year": candidate.year,
            "score": (f64::from(candidate.score) * 1000.0).round() / 1000.0,
            "matched": candidate.matched,
            "reason": candidate.reason,
            "pattern_count": patterns(index, stock, candidate),
        })
    };
    output::json(&json!({
        "decision": decision_word(resolution.decision),
        "candidates": resolution.candidates.iter().map(candidate).collect::<Vec<_>>(),
    }))
}

fn print_table(index: &Index, resolution: &Resolution, stock: Option<&Stock>) -> anyhow::Result<()> {
    output::line(match resolution.decision {
        Decision::Accept => "accept: sure enough to act on",
        Decision::Choose => "choose: ask the person",
        Decision::None => "none: no car the reference knows",
    })?;
    if resolution.candidates.is_empty() {
        return Ok(());
    }
    let rows = resolution.candidates.iter().map(|candidate| {
        let car =
            candidate.model.map_or_else(|| index.brand(candidate.brand).name.clone(), |model| index.full_name(model));
        [
            car,
            candidate.generation.clone(),
            candidate.year.map(|year| year.to_string()).unwrap_or_default(),
            format!("{:.2}", candidate.score),
            patterns(index, stock, candidate).map(|count| count.to_string()).unwrap_or_default(),
            candidate.reason.clone(),
        ]
    });
    output::line(format_args!("\n{}", output::table(["car", "generation", "year", "score", "patterns", "why"], rows)))
}
