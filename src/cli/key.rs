//! `lekalo key`: the API keys that callers show.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::database::{self, Database};
use super::imports::documents::time;
use super::imports::every_page;
use super::lookup;
use super::output::{self, UserError};
use crate::db::Db;
use crate::db::api_keys::KeyGrant;
use crate::domain::Error;
use crate::domain::api_key::{ApiKey, MAX_CALLS_PER_SECOND, NewKey, Presented, Reach, Role, read_label};
use crate::domain::page::PageRequest;
use crate::domain::validation::Validator;

pub const EXAMPLES: &str = "Examples:
  lekalo key issue --role admin
  lekalo key issue --role chatbot --tenant evopoliki --name \"Telegram bot\"
  lekalo key list";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Issue a key and show it, this once
    ///
    /// stdout is the key alone; what it is for is said on stderr.
    #[command(after_help = "Examples:
  lekalo key issue --role admin
  lekalo key issue --role chatbot --tenant evopoliki --name \"Telegram bot\" --expires 90d
  lekalo key issue --role manager --tenant evopoliki --json | jq -r .key")]
    Issue(IssueArgs),
    /// List the keys, newest first; the keys themselves are not kept
    #[command(after_help = "Examples:
  lekalo key list
  lekalo key list --json | jq -r '.[].id'")]
    List(ListArgs),
    /// Revoke a key: within a second every server refuses it
    #[command(after_help = "Examples:
  lekalo key revoke lk_Ab12Cd34Ef56")]
    Revoke(KeyArgs),
    /// Issue a key like another one, which goes on working for a while
    #[command(after_help = "Examples:
  lekalo key rotate lk_Ab12Cd34Ef56
  lekalo key rotate lk_Ab12Cd34Ef56 --grace 1h --expires 90d")]
    Rotate(RotateArgs),
}

#[derive(Debug, clap::Args)]
pub struct IssueArgs {
    /// What it may do: chatbot, manager or admin
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// A tenant that it is for; may be given several times [default: every tenant]
    #[arg(long, value_name = "SLUG")]
    tenant: Vec<String>,
    /// What it is for, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    name: String,
    /// When it ceases to work, from now (90d, 12h) or as a time (2027-01-31T00:00:00Z) [default: never]
    #[arg(long, value_name = "TIME", value_parser = yet_to_come)]
    expires: Option<SystemTime>,
    /// How many calls a second it may make on each server [default: LEKALO_CALLS_PER_SECOND]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CALLS_PER_SECOND)))]
    calls_per_second: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// Its id, as `lekalo key list` has it
    #[arg(value_name = "ID")]
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: database::DatabaseArgs,
}

#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// How long the old key goes on working
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = humantime::parse_duration)]
    grace: Duration,
    /// When the new key ceases to work, from now or as a time [default: as long from now as the old one from its beginning]
    #[arg(long, value_name = "TIME", value_parser = yet_to_come)]
    expires: Option<SystemTime>,
    #[command(flatten)]
    key: KeyArgs,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Issue(args) => issue(args).await,
        Command::List(args) => list(args).await,
        Command::Revoke(args) => revoke(args).await,
        Command::Rotate(args) => rotate(args).await,
    }
}

async fn issue(args: IssueArgs) -> anyhow::Result<()> {
    let mut check = Validator::default();
    let label = read_label(&mut check, "--name", args.name);
    check.done()?;
    let mut database = Database::open(&args.database).await?;
    let db = database.connect().await?;
    let reach = if args.tenant.is_empty() {
        Reach::All
    } else {
        let mut tenants = Vec::new();
        for slug in &args.tenant {
            tenants.push(lookup::tenant(&db, slug, &args.database).await?.id);
        }
        Reach::Tenants(tenants)
    };
    let calls_per_second = args.calls_per_second;
    let grant = KeyGrant { role: args.role, reach, label, expires_at: args.expires, calls_per_second };
    let mut tx = db.transaction().await?;
    let new = NewKey::choose()?;
    let issued = tx.issue_api_key(&new, &grant).await?;
    tx.commit().await?;
    // Shown first: there is no other copy.
    show_new(&new, &issued, args.json)?;
    database.close().await
}

async fn rotate(args: RotateArgs) -> anyhow::Result<()> {
    let mut database = Database::open(&args.key.database).await?;
    let db = database.connect().await?;
    let mut tx = db.transaction().await?;
    // Nobody revokes it meanwhile.
    tx.bump_api_keys().await?;
    let old = tx.find_api_key(id(&args.key.id), &Reach::All).await.map_err(|error| known(error, &args.key.database))?;
    if old.revoked_at.is_some() || old.expires_at.is_some_and(|end| end <= SystemTime::now()) {
        let flags = issue_flags(&old) + &args.key.database.as_flags();
        return Err(UserError::error(
            format!("the key {} works no more", old.prefix),
            format!("issue another one: lekalo key issue {flags}"),
        ));
    }
    let reach = tx.reach_of_api_key(&old).await?;
    let (label, calls_per_second) = (old.label.clone(), old.calls_per_second);
    let grant = KeyGrant { role: old.role, reach, label, expires_at: args.expires.or(as_long(&old)), calls_per_second };
    let new = NewKey::choose()?;
    let issued = tx.issue_api_key(&new, &grant).await?;
    let end = SystemTime::now().checked_add(args.grace).filter(|end| *end <= last_moment());
    let end =
        end.ok_or_else(|| UserError::error("--grace is too long", "it ends after 2100; an hour or a day will do"))?;
    let old = tx.end_api_key(&old.prefix, end).await?;
    tx.commit().await?;
    if let Some(end) = old.expires_at {
        talk!("{} works until {}", old.prefix, time(end));
    }
    // Shown first: there is no other copy.
    show_new(&new, &issued, args.key.json)?;
    database.close().await
}

/// As long from now as the key was to work when it was issued.
fn as_long(key: &ApiKey) -> Option<SystemTime> {
    SystemTime::now().checked_add(key.expires_at?.duration_since(key.created_at).ok()?)
}

/// What issues a key like this one.
fn issue_flags(key: &ApiKey) -> String {
    let tenants = key.tenants.iter().flatten().map(|slug| format!(" --tenant {slug}"));
    format!("--role {}{}", key.role, tenants.collect::<String>())
}

async fn revoke(args: KeyArgs) -> anyhow::Result<()> {
    let mut database = Database::open(&args.database).await?;
    let db = database.connect().await?;
    let tx = db.transaction().await?;
    let revoked = tx.revoke_api_key(id(&args.id), &Reach::All).await.map_err(|error| known(error, &args.database))?;
    tx.commit().await?;
    database.close().await?;
    if args.json {
        return output::json(&document(&revoked));
    }
    talk!("{} is revoked: within a second every server refuses it", revoked.prefix);
    Ok(())
}

async fn list(args: ListArgs) -> anyhow::Result<()> {
    let mut database = Database::open(&args.database).await?;
    let db = database.connect().await?;
    let keys = all(&db).await?;
    database.close().await?;
    if args.json {
        return output::json(&Value::Array(keys.iter().map(document).collect()));
    }
    if keys.is_empty() {
        talk!("there are no keys yet; lekalo key issue --role admin{} issues one", args.database.as_flags());
        return Ok(());
    }
    let rows = keys.iter().map(|key| {
        let when = |moment: Option<SystemTime>| moment.map(time).unwrap_or_default();
        [
            key.prefix.clone(),
            key.role.to_string(),
            tenants(key),
            key.label.clone(),
            rate(key),
            time(key.created_at),
            when(key.last_used_at),
            state(key),
        ]
    });
    output::line(output::table(["id", "role", "tenants", "name", "calls/s", "issued", "last used", "works"], rows))
}

/// Every key, newest first.
async fn all(db: &Db) -> anyhow::Result<Vec<ApiKey>> {
    every_page(async |page: &PageRequest| db.list_api_keys(&Reach::All, page).await).await
}

fn show_new(new: &NewKey, issued: &ApiKey, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let mut shown = document(issued);
        shown["key"] = json!(new.key);
        return output::json(&shown);
    }
    let rate = issued.calls_per_second.map(|rate| format!(", {rate} calls a second")).unwrap_or_default();
    talk!("{} for {}: {}; works {}{rate}", issued.prefix, issued.role, tenants(issued), state(issued));
    talk!("this is the only time that the key is shown; callers send it as `authorization: Bearer KEY`");
    output::line(&new.key)
}

fn document(key: &ApiKey) -> Value {
    json!({
        "id": key.prefix, "role": key.role.word(), "tenants": key.tenants, "name": key.label,
        "calls_per_second": key.calls_per_second,
        "created_at": time(key.created_at), "expires_at": key.expires_at.map(time),
        "revoked_at": key.revoked_at.map(time), "last_used_at": key.last_used_at.map(time),
    })
}

fn tenants(key: &ApiKey) -> String {
    match &key.tenants {
        None => "every tenant".to_owned(),
        Some(slugs) => slugs.join(", "),
    }
}

fn state(key: &ApiKey) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("no, revoked {}", time(at)),
        (None, Some(end)) if end <= SystemTime::now() => format!("no, expired {}", time(end)),
        (None, Some(end)) => format!("until {}", time(end)),
        (None, None) => "for ever".to_owned(),
    }
}

fn rate(key: &ApiKey) -> String {
    key.calls_per_second.map(|rate| rate.to_string()).unwrap_or_default()
}

/// Who has a whole key at hand may name it by that: its id is in it.
pub fn id(text: &str) -> &str {
    Presented::parse(text).map_or(text, |presented| presented.prefix)
}

/// A key that there is not: where to look.
fn known(error: Error, args: &database::DatabaseArgs) -> anyhow::Error {
    match error {
        Error::NotFound { .. } => {
            UserError::error(error.to_string(), format!("`lekalo key list{}` has their ids", args.as_flags()))
        }
        error => error.into(),
    }
}

/// A moment, or a time that lies before or behind now.
pub fn moment(text: &str, from_now: impl FnOnce(Duration) -> Option<SystemTime>) -> Option<SystemTime> {
    match humantime::parse_duration(text) {
        Ok(duration) => from_now(duration),
        Err(_) => humantime::parse_rfc3339_weak(text).ok(),
    }
}

/// A time that is yet to come.
fn yet_to_come(text: &str) -> Result<SystemTime, String> {
    let now = SystemTime::now();
    match moment(text, |duration| now.checked_add(duration)) {
        None => Err("is neither a time from now, such as 90d, nor a moment, such as 2027-01-31T00:00:00Z".to_owned()),
        Some(moment) if moment <= now => Err("is not in the future".to_owned()),
        Some(moment) if moment > last_moment() => Err("is after 2100-01-01".to_owned()),
        Some(moment) => Ok(moment),
    }
}

/// 2100-01-01: the latest that the contract has.
fn last_moment() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800)
}
