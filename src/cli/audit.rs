//! `lekalo audit`.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::database::{self, Database};
use super::imports::documents::time;
use super::imports::first_of;
use super::key::{id, moment};
use super::lookup;
use super::output;
use crate::db::Db;
use crate::domain::audit::{Actor, ActorKind, Event, Filter};
use crate::domain::page::PageRequest;
use crate::domain::tenant::Tenant;

/// Show who changed what, when and from where, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo audit
  lekalo audit --tenant evopoliki --since 7d
  lekalo audit --method SetPrices --key lk_Ab12Cd34Ef56
  lekalo audit --json -n 1000 | jq -r '.[].method' | sort | uniq -c")]
pub struct Args {
    /// Only what concerns this tenant [default: all tenants, and what they share]
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// Only this far back (7d, 12h) or from this moment on (2027-01-31T00:00:00Z) [default: all that is kept]
    #[arg(long, value_name = "TIME", value_parser = over)]
    since: Option<SystemTime>,
    /// Only by this method or command, as it is listed, or without what stands before its slash: SetPrices
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// Only by the API key with this id
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Only of this resource: an import's id, a category, an alias
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// How many at most
    #[arg(short, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    number: u32,
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
    let filter = Filter {
        occurred_after: args.since,
        occurred_before: None,
        method: args.method,
        key_prefix: args.key.as_deref().map(|key| id(key).to_owned()),
        resource: args.resource,
    };
    let (events, total) = newest(&db, tenant.as_ref(), &filter, args.number as usize).await?;
    database.close().await?;
    if args.json {
        return output::json(&Value::Array(events.iter().map(document).collect()));
    }
    if events.is_empty() {
        talk!("nothing that was changed is on record here");
        return Ok(());
    }
    let rows = events.iter().map(|event| {
        let peer = event.origin.peer.map(|peer| peer.to_string()).unwrap_or_default();
        [
            time(event.occurred_at),
            event.tenant.clone().unwrap_or_default(),
            who(&event.origin.actor),
            peer,
            event.origin.method.strip_prefix("lekalo.v1.").unwrap_or(&event.origin.method).to_owned(),
            format!("{} {}", event.change.kind, event.change.resource).trim_end().to_owned(),
            event.change.summary.clone(),
        ]
    });
    output::line(output::table(["when", "tenant", "who", "from", "method", "what", "how"], rows))?;
    if events.len() < usize::try_from(total)? {
        talk!("{} of {total} events; -n shows more", events.len());
    }
    Ok(())
}

/// The newest events, and how many there are.
async fn newest(db: &Db, tenant: Option<&Tenant>, filter: &Filter, most: usize) -> anyhow::Result<(Vec<Event>, i64)> {
    let list = async |page: &PageRequest| match tenant {
        Some(tenant) => db.tenant(tenant.id).list_audit_events(filter, page).await,
        None => db.list_audit_events(filter, page).await,
    };
    first_of(most, list).await
}

fn who(actor: &Actor) -> String {
    let name = if actor.name.is_empty() { String::new() } else { format!(" ({})", actor.name) };
    match (&actor.kind, &actor.key_prefix) {
        (ActorKind::ApiKey, Some(prefix)) => prefix.clone() + &name,
        (ActorKind::ApiKey, None) => "a key".to_owned() + &name,
        (ActorKind::Jwt, _) => "JWT".to_owned() + &name,
        (ActorKind::NoKey, _) => "no key".to_owned(),
        (ActorKind::CommandLine, _) => "command line".to_owned() + &name,
        (ActorKind::System, _) => "the server".to_owned(),
    }
}

fn document(event: &Event) -> Value {
    let Event { change, origin, .. } = event;
    json!({
        "id": event.id, "tenant": event.tenant, "occurred_at": time(event.occurred_at), "method": origin.method,
        "resource_kind": change.kind.word(), "resource": change.resource, "summary": change.summary,
        "actor": origin.actor.kind.word(), "key_prefix": origin.actor.key_prefix, "actor_name": origin.actor.name,
        "peer": origin.peer, "request_id": origin.request_id,
    })
}

/// A time that is over.
fn over(text: &str) -> Result<SystemTime, String> {
    let now = SystemTime::now();
    let moment = moment(text, |duration| now.checked_sub(duration));
    // What is before 1970 is as good as the beginning.
    match moment.map(|moment| moment.max(SystemTime::UNIX_EPOCH + Duration::from_secs(1))) {
        None => Err("is neither a time before now, such as 7d, nor a moment, such as 2027-01-31T00:00:00Z".to_owned()),
        Some(moment) if moment > now => Err("is in the future".to_owned()),
        Some(moment) => Ok(moment),
    }
}
