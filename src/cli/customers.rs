//! `lekalo customers`: who has asked for something.

use serde_json::{Value, json};

use super::imports::documents::time;
use super::imports::every_page;
use super::leads::e164;
use super::number;
use super::output;
use super::shop::ShopArgs;
use crate::db;
use crate::domain::application::{Filter as Leads, MAX_SEARCHED};
use crate::domain::customer::{Filter, Record};
use crate::domain::page::PageRequest;
use crate::domain::tenant::Tenant;
use crate::domain::validation::{MAX_EXTERNAL_ID, Validator, given};

pub const EXAMPLES: &str = "Examples:
  lekalo customers list --tenant evopoliki --phone \"0700 123 456\"
  lekalo customers show 1042 --tenant evopoliki
  lekalo customers delete 1042 --tenant evopoliki --yes";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List customers, newest first
    #[command(after_help = "Examples:
  lekalo customers list --tenant evopoliki --phone \"0700 123 456\"
  lekalo customers list --tenant evopoliki --text айбек --json | jq -r '.[].id'")]
    List(ListArgs),
    /// Show a customer and their leads
    #[command(after_help = "Examples:
  lekalo customers show 1042 --tenant evopoliki")]
    Show(ShowArgs),
    /// Print what deleting a customer would erase; with --yes, erase it for good
    #[command(after_help = "Examples:
  lekalo customers delete 1042 --tenant evopoliki
  lekalo customers delete 1042 --tenant evopoliki --yes")]
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only those with this telephone number
    #[arg(long)]
    phone: Option<String>,
    /// Only those with this id on a channel
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Only those with this in their name or username
    #[arg(long)]
    text: Option<String>,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The customer's id
    #[arg(value_parser = number)]
    id: i64,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    customer: ShowArgs,
    /// Erase the customer and everything they said
    #[arg(long)]
    yes: bool,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let shop = match &command {
        Command::List(list) => &list.shop,
        Command::Show(show) => &show.shop,
        Command::Delete(delete) => &delete.customer.shop,
    };
    shop.open(async |db, tenant| {
        let own = db.tenant(tenant.id);
        match &command {
            Command::List(args) => list(own, tenant, args).await,
            Command::Show(args) => show(own, args).await,
            Command::Delete(args) => delete(own, args).await,
        }
    })
    .await
}

async fn list(own: db::Tenant<'_>, tenant: &Tenant, args: &ListArgs) -> anyhow::Result<()> {
    let mut check = Validator::default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let filter = Filter {
        channel: None,
        external_id: given(check.text("--external-id", text(&args.external_id), MAX_EXTERNAL_ID)),
        phone: args.phone.as_deref().map(|phone| e164(tenant, phone)).transpose()?,
        text: given(check.words("--text", text(&args.text), MAX_SEARCHED)),
    };
    check.done()?;
    let customers = every_page(async |page: &PageRequest| own.list_customers(&filter, page).await).await?;
    if args.shop.json {
        return output::json(&Value::Array(customers.iter().map(document).collect()));
    }
    let lines = customers.iter().map(|record| {
        let Record { id, customer, application_count, .. } = record;
        [
            id.to_string(),
            customer.name.clone(),
            customer.phone.clone(),
            format!("{} {}", customer.channel, customer.external_id),
            customer.username.clone(),
            application_count.to_string(),
        ]
    });
    output::line(output::table(["customer", "name", "phone", "channel", "username", "leads"], lines))?;
    talk!("{} customers", customers.len());
    Ok(())
}

async fn show(own: db::Tenant<'_>, args: &ShowArgs) -> anyhow::Result<()> {
    let customer = own.get_customer(args.id).await?;
    if args.shop.json {
        return output::json(&document(&customer));
    }
    output::line(output::record(&fields(&customer)))?;
    let filter = Leads { external_id: Some(customer.customer.external_id), ..Leads::default() };
    let leads = every_page(async |page: &PageRequest| own.list_applications(&filter, page).await).await?;
    // Another channel's may have the same id.
    let leads: Vec<_> = leads.into_iter().filter(|lead| lead.customer.id == Some(args.id)).collect();
    output::line("")?;
    super::leads::print(&leads, false)
}

async fn delete(own: db::Tenant<'_>, args: &DeleteArgs) -> anyhow::Result<()> {
    let id = args.customer.id;
    let customer = own.get_customer(id).await?;
    let count = if args.yes {
        let tx = own.write_transaction().await?;
        let count = tx.delete_customer(id, "").await?;
        tx.commit().await?;
        i64::try_from(count)?
    } else {
        customer.application_count
    };
    if args.customer.shop.json {
        return output::json(&json!({ "customer": id, "application_count": count, "deleted": args.yes }));
    }
    if args.yes {
        talk!("customer {id} is erased, and so is what they said in {count} leads");
        return Ok(());
    }
    output::line(output::record(&fields(&customer)))?;
    talk!("nothing is erased yet: --yes erases this customer and what they said in {count} leads, for good");
    Ok(())
}

fn fields(record: &Record) -> Vec<(&'static str, String)> {
    let customer = &record.customer;
    vec![
        ("customer", record.id.to_string()),
        ("name", customer.name.clone()),
        ("phone", customer.phone.clone()),
        ("channel", format!("{} {}", customer.channel, customer.external_id)),
        ("username", customer.username.clone()),
        ("language", customer.language.map(|language| language.to_string()).unwrap_or_default()),
        ("leads", record.application_count.to_string()),
        ("since", time(record.created_at)),
    ]
}

fn document(record: &Record) -> Value {
    let customer = &record.customer;
    json!({
        "id": record.id, "channel": customer.channel, "external_id": customer.external_id, "name": customer.name,
        "phone": customer.phone, "username": customer.username,
        "language": customer.language.map(|language| language.word()), "application_count": record.application_count,
        "etag": record.revision.to_string(), "created_at": time(record.created_at), "updated_at": time(record.updated_at),
    })
}
