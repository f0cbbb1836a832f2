//! `lekalo resolve`.

use serde_json::{Value, json};

use super::database::{Database, DatabaseArgs};
use super::lookup;
use super::output::{self, UserError};
use crate::db::patterns::PatternCounts;
use crate::domain::vehicle::slug;
use crate::live_index::{LiveIndex, Shared};
use lekalo_vehicles::Index;
use lekalo_vehicles::resolve::{Candidate, Decision, Query, Resolution, Resolver};

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
    let (index, resolution, counts) = match &args.tenant {
        None => {
            let index = Shared::Shipped(Index::shipped());
            let resolution = resolve(&index, &args);
            (index, resolution, None)
        }
        Some(tenant) => {
            let mut database = Database::open(&args.database).await?;
            let db = database.connect().await?;
            let tenant = lookup::tenant(&db, tenant, &args.database).await?;
            let own = db.tenant(tenant.id);
            let category = match &args.category {
                Some(code) => Some(lookup::category(own, &tenant, code).await?),
                None => None,
            };
            let index = LiveIndex::new(db.clone()).current().await?;
            let resolution = resolve(&index, &args);
            let cars: Vec<_> = resolution.candidates.iter().map(|candidate| slugs(&index, candidate)).collect();
            let counts = own.count_patterns(category.as_ref(), &cars).await?;
            database.close().await?;
            (index, resolution, Some(counts))
        }
    };
    let resolution = with_patterns_first(&index, resolution, counts.as_ref(), args.most);
    if args.json {
        print_json(&index, &resolution, counts.as_ref())
    } else {
        print_table(&index, &resolution, counts.as_ref())
    }
}

fn resolve(index: &Index, args: &Args) -> Resolution {
    let query = Query {
        text: &args.text,
        brand: args.brand.as_deref(),
        shop_words: None,
        year: args.year,
        max_candidates: MAX_CANDIDATES,
    };
    Resolver::new(index).resolve(&query)
}

fn with_patterns_first(
    index: &Index,
    mut resolution: Resolution,
    counts: Option<&PatternCounts>,
    most: usize,
) -> Resolution {
    resolution.prefer(|candidate| patterns(index, counts, candidate) > Some(0), most);
    resolution
}

fn patterns(index: &Index, counts: Option<&PatternCounts>, candidate: &Candidate) -> Option<i64> {
    let (brand, model) = slugs(index, candidate);
    counts.map(|counts| counts.of(&brand, &model))
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

fn print_json(index: &Index, resolution: &Resolution, counts: Option<&PatternCounts>) -> anyhow::Result<()> {
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
            "pattern_count": patterns(index, counts, candidate),
        })
    };
    output::json(&json!({
        "decision": decision_word(resolution.decision),
        "candidates": resolution.candidates.iter().map(candidate).collect::<Vec<_>>(),
    }))
}

fn print_table(index: &Index, resolution: &Resolution, counts: Option<&PatternCounts>) -> anyhow::Result<()> {
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
            patterns(index, counts, candidate).map(|count| count.to_string()).unwrap_or_default(),
            candidate.reason.clone(),
        ]
    });
    output::line(format_args!("\n{}", output::table(["car", "generation", "year", "score", "patterns", "why"], rows)))
}
