//! `lekalo leads`: what customers asked for, as a manager works with it.

mod documents;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use documents::{document, event_document, quoted};

use super::account;
use super::imports::documents::time;
use super::imports::first_of;
use super::output::{self, UserError};
use super::shop::ShopArgs;
use crate::db;
use crate::domain::Error;
use crate::domain::application::stats::Days;
use crate::domain::application::{Application, Filter, Kind, MAX_ACTOR, MAX_NOTE, MAX_SEARCHED, Status, read_number};
use crate::domain::page::PageRequest;
use crate::domain::tenant::Tenant;
use crate::domain::validation::{Validator, given};
use crate::domain::vehicle::UnknownWord;

pub const EXAMPLES: &str = "Examples:
  lekalo leads list --tenant evopoliki --status new
  lekalo leads show 2F7E1A90 --tenant evopoliki
  lekalo leads claim 2F7E1A90 --tenant evopoliki --by Нурлан
  lekalo leads stats --tenant evopoliki";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List leads, newest first
    #[command(after_help = "Examples:
  lekalo leads list --tenant evopoliki --status new
  lekalo leads list --tenant evopoliki --phone \"0700 123 456\"
  lekalo leads list --tenant evopoliki --text камри -n 500 --json | jq -r '.[].number'")]
    List(ListArgs),
    /// Show a lead and its history
    #[command(after_help = "Examples:
  lekalo leads show 2F7E1A90 --tenant evopoliki
  lekalo leads show 01980a2b-7c11-7000-8000-00002f7e1a90 --tenant evopoliki --json")]
    Show(ShowArgs),
    /// Take a lead: it is IN_PROGRESS from then on, and yours
    #[command(after_help = "Examples:
  lekalo leads claim 2F7E1A90 --tenant evopoliki --by Нурлан")]
    Claim(ClaimArgs),
    /// Put a note into a lead's history
    #[command(after_help = "Examples:
  lekalo leads note 2F7E1A90 \"Перезвонить после шести\" --tenant evopoliki --by Нурлан")]
    Note(NoteArgs),
    /// Count the leads of each day, by how far they have come
    #[command(after_help = "Examples:
  lekalo leads stats --tenant evopoliki
  lekalo leads stats --tenant evopoliki --from 2026-11-01 --to 2026-11-30
  lekalo leads stats --tenant evopoliki --json | jq '[.counts[] | select(.channel == \"whatsapp\").count] | add'")]
    Stats(StatsArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only those of this status: new, in_progress, completed or cancelled
    #[arg(long, value_parser = word::<Status>)]
    status: Option<Status>,
    /// Only those of this kind: order, individual_measure, callback or complaint
    #[arg(long, value_parser = word::<Kind>)]
    kind: Option<Kind>,
    /// Only those with this telephone number
    #[arg(long)]
    phone: Option<String>,
    /// Only those that this one works on
    #[arg(long, value_name = "NAME")]
    assignee: Option<String>,
    /// Only those with this in what was said or noted, or in the customer's name
    #[arg(long)]
    text: Option<String>,
    /// How many at most
    #[arg(short, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    number: u32,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The lead's number, such as 2F7E1A90, or its id
    #[arg(value_name = "NUMBER")]
    lead: String,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct ClaimArgs {
    #[command(flatten)]
    lead: ShowArgs,
    /// Who takes it [default: the account that runs this]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct NoteArgs {
    #[command(flatten)]
    lead: ShowArgs,
    /// What is to be remembered
    note: String,
    /// Who notes it [default: the account that runs this]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct StatsArgs {
    /// The first day [default: 29 days before the last]
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// The last day, 92 at most together [default: 29 days after the first; without both, today]
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    #[command(flatten)]
    shop: ShopArgs,
}

fn word<T: std::str::FromStr<Err = UnknownWord>>(text: &str) -> Result<T, String> {
    text.to_lowercase().parse().map_err(|error: UnknownWord| error.to_string())
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let shop = match &command {
        Command::List(list) => &list.shop,
        Command::Show(show) => &show.shop,
        Command::Claim(claim) => &claim.lead.shop,
        Command::Note(note) => &note.lead.shop,
        Command::Stats(stats) => &stats.shop,
    };
    shop.open(async |db, tenant| {
        let own = db.tenant(tenant.id);
        match &command {
            Command::List(args) => list(own, tenant, args).await,
            Command::Show(args) => show(own, args).await,
            Command::Claim(args) => claim(own, args).await,
            Command::Note(args) => note(own, args).await,
            Command::Stats(args) => stats(own, tenant, args).await,
        }
    })
    .await
}

async fn list(own: db::Tenant<'_>, tenant: &Tenant, args: &ListArgs) -> anyhow::Result<()> {
    let mut check = Validator::default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let filter = Filter {
        status: args.status,
        kind: args.kind,
        phone: args.phone.as_deref().map(|phone| e164(tenant, phone)).transpose()?,
        assignee: given(check.text("--assignee", text(&args.assignee), MAX_ACTOR)),
        text: given(check.words("--text", text(&args.text), MAX_SEARCHED)),
        ..Filter::default()
    };
    check.done()?;
    let (leads, total) = newest(own, &filter, args.number as usize).await?;
    print(&leads, args.shop.json)?;
    if !args.shop.json {
        talk!("{} of {total} leads{}", leads.len(), if (leads.len() as i64) < total { "; -n shows more" } else { "" });
    }
    Ok(())
}

/// The newest leads, and how many there are.
async fn newest(own: db::Tenant<'_>, filter: &Filter, most: usize) -> anyhow::Result<(Vec<Application>, i64)> {
    first_of(most, async |page: &PageRequest| own.list_applications(filter, page).await).await
}

/// A telephone number as the shop's country writes it.
pub fn e164(tenant: &Tenant, typed: &str) -> anyhow::Result<String> {
    tenant
        .e164(typed)
        .ok_or_else(|| UserError::error("this is no telephone number that can be called", "such as 0700 123 456"))
}

async fn show(own: db::Tenant<'_>, args: &ShowArgs) -> anyhow::Result<()> {
    let lead = find(own, &args.lead).await?;
    let history = own.list_application_history(&lead).await?;
    if args.shop.json {
        let mut document = document(&lead);
        document["history"] = Value::Array(history.iter().map(event_document).collect());
        return output::json(&document);
    }
    output::line(output::record(&fields(&lead)))?;
    let lines = history.iter().map(|event| {
        let said = if event.fields.is_empty() { event.note.clone() } else { event.fields.join(", ") };
        let what = if event.from == Some(event.to) { event.kind.to_string() } else { event.to.to_string() };
        [time(event.occurred_at), what, event.actor.clone(), said]
    });
    output::line(format!("\n{}", output::table(["when", "what", "by", "note"], lines)))
}

/// A lead by its number or id.
async fn find(own: db::Tenant<'_>, typed: &str) -> anyhow::Result<Application> {
    if let Ok(id) = typed.parse::<Uuid>() {
        return Ok(own.get_application(id).await?);
    }
    let Some(number) = read_number(typed) else {
        let hint = "`lekalo leads list` shows the numbers, such as 2F7E1A90";
        return Err(UserError::error(format!("`{typed}` is neither a lead's number nor its id"), hint));
    };
    let filter = Filter { number: Some(number), ..Filter::default() };
    let (mut leads, _) = newest(own, &filter, 10).await?;
    match (leads.pop(), leads.is_empty()) {
        (Some(lead), true) => Ok(lead),
        (Some(lead), false) => {
            let ids: Vec<String> = leads.iter().chain([&lead]).map(|lead| lead.id.to_string()).collect();
            Err(UserError::error(
                format!("several leads have the number {typed}"),
                format!("say which: {}", ids.join(", ")),
            ))
        }
        (None, _) => {
            let hint = "`lekalo leads list` shows the numbers";
            Err(UserError::error(format!("there is no lead with the number {typed}"), hint))
        }
    }
}

/// Who does it.
fn actor(check: &mut Validator, by: &Option<String>) -> String {
    check.required_text("--by", by.clone().unwrap_or_else(account), MAX_ACTOR)
}

async fn claim(own: db::Tenant<'_>, args: &ClaimArgs) -> anyhow::Result<()> {
    let mut check = Validator::default();
    let by = actor(&mut check, &args.by);
    check.done()?;
    let id = find(own, &args.lead.lead).await?.id;
    let tx = own.write_transaction().await?;
    let lead = tx.lock_application(id).await?;
    if !lead.status.next().contains(&Status::InProgress) {
        let number = lead.number();
        let (message, hint) = match lead.assigned() {
            Some((_, assignee)) if lead.status == Status::InProgress => {
                (format!("{assignee} has lead {number}"), "ask them to give it back".to_owned())
            }
            _ => (format!("lead {number} is {}", lead.status), "only a new one is taken".to_owned()),
        };
        return Err(UserError::error(message, hint));
    }
    let lead = tx.move_application(&lead, Status::InProgress, &by, "").await?;
    tx.commit().await?;
    if args.lead.shop.json {
        return output::json(&document(&lead));
    }
    print(std::slice::from_ref(&lead), false)?;
    talk!("{by} has lead {}", lead.number());
    Ok(())
}

async fn note(own: db::Tenant<'_>, args: &NoteArgs) -> anyhow::Result<()> {
    let mut check = Validator::default();
    let by = actor(&mut check, &args.by);
    let note = check.required_text("NOTE", args.note.clone(), MAX_NOTE);
    check.done()?;
    let id = find(own, &args.lead.lead).await?.id;
    let tx = own.write_transaction().await?;
    let lead = tx.add_application_note(id, &by, &note).await?;
    tx.commit().await?;
    if args.lead.shop.json {
        return output::json(&document(&lead));
    }
    talk!("noted about lead {}", lead.number());
    Ok(())
}

async fn stats(own: db::Tenant<'_>, tenant: &Tenant, args: &StatsArgs) -> anyhow::Result<()> {
    let day = |day: &Option<String>| day.clone().unwrap_or_default();
    let days = Days::read_or_usual(["--from", "--to"], &day(&args.from), &day(&args.to)).map_err(Error::Invalid)?;
    let stats = own.application_stats(days.as_ref(), &tenant.time_zone).await?;
    if args.shop.json {
        let counts = stats.counts.iter().map(|count| {
            json!({
                "day": count.day, "status": count.status.word(), "category": count.category, "channel": count.channel,
                "kind": count.kind.word(), "count": count.count,
            })
        });
        return output::json(&json!({
            "first_day": stats.days.first, "last_day": stats.days.last, "time_zone": tenant.time_zone,
            "total": stats.total(), "counts": counts.collect::<Vec<_>>(),
        }));
    }
    let mut by_day: BTreeMap<&str, BTreeMap<Status, i64>> = BTreeMap::new();
    for count in &stats.counts {
        *by_day.entry(&count.day).or_default().entry(count.status).or_default() += count.count;
    }
    let lines = by_day.iter().map(|(day, counts)| {
        let of = |status| counts.get(&status).copied().unwrap_or_default().to_string();
        let total: i64 = counts.values().sum();
        let [new, in_progress, completed, cancelled] =
            [Status::New, Status::InProgress, Status::Completed, Status::Cancelled].map(of);
        [(*day).to_owned(), total.to_string(), new, in_progress, completed, cancelled]
    });
    output::line(output::table(["day", "leads", "new", "in progress", "completed", "cancelled"], lines))?;
    talk!("{} leads from {} to {}, {}", stats.total(), stats.days.first, stats.days.last, tenant.time_zone);
    Ok(())
}

pub fn print(leads: &[Application], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&Value::Array(leads.iter().map(document).collect()));
    }
    let lines = leads.iter().map(|lead| {
        [
            lead.number(),
            // In two pieces, so that a narrow terminal breaks it.
            time(lead.created_at).replacen('T', " ", 1),
            format!("{}, {}", lead.wish.kind, lead.status).replace('_', " "),
            who(lead),
            car(lead),
            lead.assignee.clone(),
        ]
    });
    output::line(output::table(["lead", "when", "what", "customer", "car", "assignee"], lines))
}

fn who(lead: &Application) -> String {
    if lead.is_erased() {
        return "deleted".to_owned();
    }
    let contact = &lead.customer;
    let name = if contact.name.is_empty() { &contact.external_id } else { &contact.name };
    format!("{name} {}", contact.phone).trim_end().to_owned()
}

fn car(lead: &Application) -> String {
    let wish = &lead.wish;
    let year = wish.year.map(|year| year.to_string()).unwrap_or_default();
    let parts = [&wish.brand, &wish.model, &wish.generation, &year, &wish.vehicle_text];
    parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

fn options(lead: &Application) -> String {
    let selections = lead.wish.selections.iter();
    selections.map(|chosen| format!("{} {}", chosen.option, chosen.value)).collect::<Vec<_>>().join(", ")
}

fn fields(lead: &Application) -> Vec<(&'static str, String)> {
    let refs = lead.wish.external_refs.iter();
    let refs = refs.map(|known| format!("{} {} {}", known.system, known.id, known.url).trim_end().to_owned());
    vec![
        ("lead", lead.number()),
        ("id", lead.id.to_string()),
        ("when", time(lead.created_at)),
        ("kind", lead.wish.kind.to_string()),
        ("status", lead.status.to_string()),
        ("assignee", lead.assignee.clone()),
        ("customer", who(lead)),
        ("channel", format!("{} {}", lead.customer.channel, lead.customer.external_id).trim_end().to_owned()),
        ("customer id", lead.customer.id.map(|id| id.to_string()).unwrap_or_default()),
        ("category", lead.wish.category.clone()),
        ("car", car(lead)),
        ("options", options(lead)),
        ("quoted", quoted(lead)),
        ("message", lead.wish.message.clone()),
        ("elsewhere", refs.collect::<Vec<_>>().join(", ")),
    ]
}
