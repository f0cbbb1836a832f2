//! `lekalo patterns`: what a shop can sew, kept by hand beside its price lists.

use serde_json::{Value, json};
use uuid::Uuid;

use super::imports::documents::{pattern_document, time};
use super::imports::{every_page, import_id};
use super::lookup;
use super::number;
use super::output::{self, UserError};
use super::shop::ShopArgs;
use crate::db;
use crate::domain::Error;
use crate::domain::page::PageRequest;
use crate::domain::pattern::Pattern;
use crate::domain::pattern::record::{Change, Event, Field, Filter, Record, check_years, read_generation, read_notes};
use crate::domain::tenant::Tenant;
use crate::domain::validation::{Validator, given};
use crate::domain::vehicle::{AttributeField, Attributes, UnknownWord, Years};

pub const EXAMPLES: &str = "Examples:
  lekalo patterns list --tenant evopoliki --brand toyota --model camry
  lekalo patterns set 1042 --tenant evopoliki --available false
  lekalo patterns add --tenant evopoliki --category eva_mats --brand toyota --model camry --generation XV70";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List patterns in the order in which they were added, those that cannot be ordered too
    #[command(after_help = "Examples:
  lekalo patterns list --tenant evopoliki --category eva_mats --brand toyota
  lekalo patterns list --tenant evopoliki --available false
  lekalo patterns list --tenant evopoliki --text \"7 мест\" --json | jq -r '.[].id'")]
    List(ListArgs),
    /// Show a pattern and what became of it: who changed it, and which imports
    #[command(after_help = "Examples:
  lekalo patterns show 1042 --tenant evopoliki")]
    Show(ShowArgs),
    /// Add a pattern
    #[command(after_help = "Examples:
  lekalo patterns add --tenant evopoliki --category eva_mats --brand toyota --model camry --year-from 2018
  lekalo patterns add --tenant evopoliki --category eva_mats --brand honda --model fit --steering right")]
    Add(AddArgs),
    /// Change the fields that are given, of one pattern or of several; \"\" or 0 is unknown
    #[command(after_help = "Examples:
  lekalo patterns set 1042 --tenant evopoliki --available false
  lekalo patterns set 1042 1043 --tenant evopoliki --year-from 2011 --year-to 2017
  lekalo patterns set 1042 --tenant evopoliki --steering \"\"")]
    Set(SetArgs),
    /// Delete a pattern that should never have been there
    #[command(after_help = "Examples:
  lekalo patterns delete 1042 --tenant evopoliki")]
    Delete(ShowArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only those of this category, by its code or alias
    #[arg(long, value_name = "CODE")]
    category: Option<String>,
    /// Only those of this brand, by its slug
    #[arg(long, value_name = "SLUG")]
    brand: Option<String>,
    /// Only those of this model, by its slug
    #[arg(long, value_name = "SLUG", requires = "brand")]
    model: Option<String>,
    /// Only those whose years include this one
    #[arg(long, value_parser = clap::value_parser!(i16).range(1900..=2100))]
    year: Option<i16>,
    /// Only those that can be ordered (true) or cannot (false)
    #[arg(long, value_name = "BOOL")]
    available: Option<bool>,
    /// Only those that this import added, made available, withdrew or has a row for
    #[arg(long, value_name = "ID", value_parser = import_id)]
    import: Option<Uuid>,
    /// Only those with this in their brand, model, generation or notes
    #[arg(long)]
    text: Option<String>,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The pattern's id
    #[arg(value_parser = number)]
    id: i64,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct AddArgs {
    /// The category's code or alias
    #[arg(long, value_name = "CODE")]
    category: String,
    /// The brand's slug
    #[arg(long, value_name = "SLUG")]
    brand: String,
    /// The model's slug
    #[arg(long, value_name = "SLUG")]
    model: String,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct SetArgs {
    /// The patterns' ids
    #[arg(required = true, value_parser = number)]
    ids: Vec<i64>,
    /// Whether they can be ordered
    #[arg(long, value_name = "BOOL")]
    available: Option<bool>,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct FieldArgs {
    /// The generation's code
    #[arg(long, value_name = "CODE")]
    generation: Option<String>,
    /// The first year it fits
    #[arg(long, value_name = "YEAR", value_parser = year)]
    year_from: Option<i16>,
    /// The last year it fits
    #[arg(long, value_name = "YEAR", value_parser = year)]
    year_to: Option<i16>,
    /// The body type's code
    #[arg(long, value_name = "CODE")]
    body_type: Option<String>,
    /// left, right or both
    #[arg(long, value_name = "SIDE")]
    steering: Option<String>,
    /// with, without, medium or high
    #[arg(long)]
    borders: Option<String>,
    /// 2, 3, full or front_only
    #[arg(long, value_name = "ROWS")]
    seat_rows: Option<String>,
    /// yes or no
    #[arg(long)]
    trunk: Option<String>,
    /// What else tells it from others
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
}

fn year(text: &str) -> Result<i16, &'static str> {
    match text.parse() {
        Ok(year @ (0 | 1900..=2100)) => Ok(year),
        _ => Err("is not a year from 1900 to 2100, nor 0 for unknown"),
    }
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let shop = match &command {
        Command::List(list) => &list.shop,
        Command::Show(show) | Command::Delete(show) => &show.shop,
        Command::Add(add) => &add.shop,
        Command::Set(set) => &set.shop,
    };
    shop.open(async |db, tenant| {
        let own = db.tenant(tenant.id);
        match &command {
            Command::List(args) => list(own, tenant, args).await,
            Command::Show(args) => show(own, args).await,
            Command::Add(args) => add(own, tenant, args).await,
            Command::Set(args) => set(own, args).await,
            Command::Delete(args) => delete(own, args).await,
        }
    })
    .await
}

async fn list(own: db::Tenant<'_>, tenant: &Tenant, args: &ListArgs) -> anyhow::Result<()> {
    let mut check = Validator::default();
    let text = check.optional_name("--text", args.text.clone().unwrap_or_default());
    check.done()?;
    let category_id = match &args.category {
        Some(code) => Some(lookup::category(own, tenant, code).await?.sold_by(&tenant.slug)?.id),
        None => None,
    };
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    let (brand_id, model_id) = own.find_brand_and_model(&word(&args.brand), &word(&args.model)).await?;
    if let Some(import) = args.import {
        own.get_import(import).await?;
    }
    let filter = Filter {
        category_id,
        brand_id,
        model_id,
        year: args.year,
        available: args.available,
        import_id: args.import,
        text: given(text),
    };
    let records = every_page(async |page: &PageRequest| own.list_patterns(&filter, page).await).await?;
    print(&records, args.shop.json)?;
    if !args.shop.json {
        talk!("{} patterns", records.len());
    }
    Ok(())
}

async fn show(own: db::Tenant<'_>, args: &ShowArgs) -> anyhow::Result<()> {
    let (record, history) = own.get_pattern(args.id).await?;
    if args.shop.json {
        let mut document = record_document(&record);
        document["history"] = Value::Array(history.iter().map(event_document).collect());
        return output::json(&document);
    }
    print(std::slice::from_ref(&record), false)?;
    let lines = history.iter().map(|event| {
        let by = match &event.import {
            Some(import) => format!("{} {}", import.file_name, import.id),
            None => event.actor.clone(),
        };
        let undone = event.import.as_ref().is_some_and(|import| import.reverted);
        let what = format!("{}{}", event.kind, if undone { ", reverted" } else { "" });
        [time(event.occurred_at), what, event.fields.join(", "), by]
    });
    output::line(output::table(["when", "what", "fields", "by"], lines))
}

async fn add(own: db::Tenant<'_>, tenant: &Tenant, args: &AddArgs) -> anyhow::Result<()> {
    let (fields, _) = read(&args.fields, None)?;
    let mut check = Validator::default();
    let brand = check.name("--brand", args.brand.clone());
    let model = check.name("--model", args.model.clone());
    check.done()?;
    let pattern = Pattern { brand, model, ..fields };
    if let Some(violation) = check_years(pattern.years, "pattern") {
        return Err(Error::Invalid(vec![violation]).into());
    }
    let category = lookup::category(own, tenant, &args.category).await?;
    let tx = own.write_transaction().await?;
    let added = tx.create_pattern(&tenant.slug, &category.code, &pattern).await?;
    tx.commit().await?;
    if args.shop.json { output::json(&record_document(&added)) } else { print(&[added], false) }
}

async fn set(own: db::Tenant<'_>, args: &SetArgs) -> anyhow::Result<()> {
    let (to, fields) = read(&args.fields, args.available)?;
    if fields.is_empty() {
        let hint = "name what to change: --available, --notes, …; `lekalo patterns set --help` lists all";
        return Err(UserError::error("nothing is to be changed", hint));
    }
    let mut ids = args.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    let change = |id: &i64| Change { to: Pattern { id: *id, ..to.clone() }, etag: String::new() };
    let changes: Vec<Change> = ids.iter().map(change).collect();
    let tx = own.write_transaction().await?;
    let records = tx.update_patterns(&changes, &fields, |place| format!("pattern {}", ids[place])).await?;
    tx.commit().await?;
    print(&records, args.shop.json)
}

async fn delete(own: db::Tenant<'_>, args: &ShowArgs) -> anyhow::Result<()> {
    let tx = own.write_transaction().await?;
    tx.delete_pattern(args.id, "").await?;
    tx.commit().await?;
    if args.shop.json {
        return output::json(&json!({ "deleted": args.id }));
    }
    talk!("pattern {} is deleted", args.id);
    Ok(())
}

/// What is given, and which fields that are.
fn read(args: &FieldArgs, available: Option<bool>) -> anyhow::Result<(Pattern, Vec<Field>)> {
    let mut check = Validator::default();
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    let generation = read_generation(&mut check, "--generation", text(&args.generation));
    let notes = read_notes(&mut check, "--notes", text(&args.notes));
    check.done()?;
    let year = |given: Option<i16>| given.filter(|year| *year != 0);
    let pattern = Pattern {
        id: 0,
        brand: String::new(),
        model: String::new(),
        generation,
        years: Years { from: year(args.year_from), to: year(args.year_to) },
        body_type: word("--body-type", args.body_type.as_deref())?,
        attributes: Attributes {
            steering: word("--steering", args.steering.as_deref())?,
            borders: word("--borders", args.borders.as_deref())?,
            seat_rows: word("--seat-rows", args.seat_rows.as_deref())?,
            trunk: word("--trunk", args.trunk.as_deref())?,
        },
        available: available.unwrap_or(true),
        notes,
    };
    let is_given = |field: &Field| match field {
        Field::Generation => args.generation.is_some(),
        Field::YearFrom => args.year_from.is_some(),
        Field::YearTo => args.year_to.is_some(),
        Field::BodyType => args.body_type.is_some(),
        Field::Steering => args.steering.is_some(),
        Field::Borders => args.borders.is_some(),
        Field::SeatRows => args.seat_rows.is_some(),
        Field::Trunk => args.trunk.is_some(),
        Field::Notes => args.notes.is_some(),
        Field::Available => available.is_some(),
    };
    Ok((pattern, Field::ALL.iter().copied().filter(is_given).collect()))
}

/// A word of a vocabulary; empty is unknown.
fn word<T: std::str::FromStr<Err = UnknownWord>>(flag: &str, given: Option<&str>) -> anyhow::Result<Option<T>> {
    let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(None) };
    match given.parse() {
        Ok(word) => Ok(Some(word)),
        Err(error) => Err(UserError::error(format!("{flag}: {error}"), "\"\" is for unknown")),
    }
}

fn print(records: &[Record], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&Value::Array(records.iter().map(record_document).collect()));
    }
    let lines = records.iter().map(|record| {
        let Pattern { id, brand, model, generation, years, body_type, attributes, available, notes } = &record.pattern;
        let year = |year: Option<i16>| year.map(|year| year.to_string()).unwrap_or_default();
        let named = |field: &AttributeField| {
            (field.word)(attributes).map(|word| format!("{} {word}", field.name.replace('_', " ")))
        };
        let body = body_type.map(|body| body.to_string());
        let cut: Vec<String> = body.into_iter().chain(Attributes::FIELDS.iter().filter_map(named)).collect();
        [
            id.to_string(),
            record.category.clone(),
            format!("{brand} {model} {generation}").trim().to_owned(),
            year(years.from),
            year(years.to),
            cut.join(", "),
            notes.clone(),
            if *available { "yes" } else { "no" }.to_owned(),
        ]
    });
    output::line(output::table(["pattern", "category", "car", "from", "to", "cut", "notes", "available"], lines))
}

fn record_document(record: &Record) -> Value {
    let mut document = pattern_document(&record.pattern);
    document["category"] = json!(record.category);
    document["etag"] = json!(record.revision.to_string());
    document["created_at"] = json!(time(record.created_at));
    document["updated_at"] = json!(time(record.updated_at));
    document
}

fn event_document(event: &Event) -> Value {
    json!({
        "kind": event.kind.word(), "occurred_at": time(event.occurred_at), "actor": event.actor, "fields": event.fields,
        "import": event.import.as_ref().map(|import| json!({
            "id": import.id, "file_name": import.file_name, "reverted": import.reverted,
        })),
    })
}
