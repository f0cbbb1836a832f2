//! `lekalo categories`: what a shop sells, kept by hand.

use serde_json::{Value, json};

use super::lookup;
use super::output::{self, UserError};
use super::shop::ShopArgs;
use crate::db;
use crate::domain::catalog::Names;
use crate::domain::category::{
    Field, MAX_DESCRIPTION, MAX_NAME, MAX_SORT_ORDER, ShopCategory, is_code, read_emoji, read_names,
};
use crate::domain::tenant::{Language, Tenant};
use crate::domain::validation::Validator;

pub const EXAMPLES: &str = "Examples:
  lekalo categories list --tenant evopoliki
  lekalo categories add door_panels --tenant evopoliki --name-ru \"Дверные карты\" --emoji 🚪
  lekalo categories set trunk_mats --tenant evopoliki --active false";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List every category: what the shop sells or has sold in its order, then what it could sell
    #[command(after_help = "Examples:
  lekalo categories list --tenant evopoliki
  lekalo categories list --tenant evopoliki --json | jq -r '.[] | select(.active) | .code'")]
    List(ListArgs),
    /// Add a category of the shop's own, which is sold at once
    #[command(after_help = "Examples:
  lekalo categories add door_panels --tenant evopoliki --name-ru \"Дверные карты\" --name-en \"Door panels\"")]
    Add(WriteArgs),
    /// Change what is given of a category; \"\" is none, of a shared category what all shops have
    #[command(after_help = "Examples:
  lekalo categories set eva_mats --tenant evopoliki --name-ru \"Коврики ЭВА\" --emoji 🚗 --sort-order 1
  lekalo categories set trunk_mats --tenant evopoliki --active false")]
    Set(WriteArgs),
    /// Delete a category of the shop's own that nothing hangs on
    #[command(after_help = "Examples:
  lekalo categories delete door_panels --tenant evopoliki")]
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// The category's code
    code: String,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct WriteArgs {
    /// The category's code
    code: String,
    /// The name to show in Russian
    #[arg(long, value_name = "NAME")]
    name_ru: Option<String>,
    /// The name to show in Kyrgyz
    #[arg(long, value_name = "NAME")]
    name_ky: Option<String>,
    /// The name to show in English
    #[arg(long, value_name = "NAME")]
    name_en: Option<String>,
    /// A sentence to show in Russian
    #[arg(long, value_name = "TEXT")]
    description_ru: Option<String>,
    /// A sentence to show in Kyrgyz
    #[arg(long, value_name = "TEXT")]
    description_ky: Option<String>,
    /// A sentence to show in English
    #[arg(long, value_name = "TEXT")]
    description_en: Option<String>,
    /// An emoji to show before the name
    #[arg(long)]
    emoji: Option<String>,
    /// The place among the shop's categories; to add one, 0 is behind all others
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i16).range(0..=i64::from(MAX_SORT_ORDER)))]
    sort_order: Option<i16>,
    /// Whether the shop sells it; what is added is sold
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
    #[command(flatten)]
    shop: ShopArgs,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let shop = match &command {
        Command::List(list) => &list.shop,
        Command::Add(write) | Command::Set(write) => &write.shop,
        Command::Delete(delete) => &delete.shop,
    };
    shop.open(async |db, tenant| {
        let own = db.tenant(tenant.id);
        match &command {
            Command::List(args) => list(own, args).await,
            Command::Add(args) => add(own, args).await,
            Command::Set(args) => set(own, tenant, args).await,
            Command::Delete(args) => delete(own, tenant, args).await,
        }
    })
    .await
}

async fn list(own: db::Tenant<'_>, args: &ListArgs) -> anyhow::Result<()> {
    print(&own.list_shop_categories().await?, args.shop.json)
}

async fn add(own: db::Tenant<'_>, args: &WriteArgs) -> anyhow::Result<()> {
    check_code(&args.code)?;
    let mut category = ShopCategory { code: args.code.clone(), ..ShopCategory::default() };
    args.apply(&mut category)?;
    if category.names.get(Language::Ru).is_none() {
        return Err(UserError::error("a category of the shop's own needs a Russian name", "say it with --name-ru"));
    }
    let tx = own.write_transaction().await?;
    let added = tx.create_category(&category).await?;
    tx.commit().await?;
    print_one(added, args.shop.json)
}

async fn set(own: db::Tenant<'_>, tenant: &Tenant, args: &WriteArgs) -> anyhow::Result<()> {
    let found = lookup::category(own, tenant, &args.code).await?;
    let all = own.list_shop_categories().await?;
    let before = all.into_iter().find(|category| category.id == found.id).unwrap_or_default();
    let etag = before.revision.to_string();
    let mut after = before;
    let fields = args.apply(&mut after)?;
    if fields.is_empty() {
        let hint = "name what to change: --active, --name-ru, …; `lekalo categories set --help` lists all";
        return Err(UserError::error("nothing is to be changed", hint));
    }
    let tx = own.write_transaction().await?;
    let updated = tx.update_category(&found.code, &after, &fields, &etag).await?;
    tx.commit().await?;
    print_one(updated, args.shop.json)
}

async fn delete(own: db::Tenant<'_>, tenant: &Tenant, args: &DeleteArgs) -> anyhow::Result<()> {
    let code = lookup::category(own, tenant, &args.code).await?.code;
    let tx = own.write_transaction().await?;
    tx.delete_category(&code, "").await?;
    tx.commit().await?;
    if args.shop.json {
        return output::json(&json!({ "deleted": code }));
    }
    talk!("category {code} is deleted");
    Ok(())
}

impl WriteArgs {
    /// Gives a category what is given, and says which fields that are.
    fn apply(&self, category: &mut ShopCategory) -> anyhow::Result<Vec<Field>> {
        let mut check = Validator::default();
        let names = [&self.name_ru, &self.name_ky, &self.name_en];
        let named = overlay(&mut check, "--name", &mut category.names, names, MAX_NAME);
        let texts = [&self.description_ru, &self.description_ky, &self.description_en];
        let described = overlay(&mut check, "--description", &mut category.descriptions, texts, MAX_DESCRIPTION);
        if let Some(emoji) = &self.emoji {
            category.emoji = read_emoji(&mut check, "--emoji", emoji.clone());
        }
        check.done()?;
        if let Some(sort_order) = self.sort_order {
            category.sort_order = sort_order;
        }
        if let Some(active) = self.active {
            category.active = active;
        }
        let is_given = |field: &Field| match field {
            Field::DisplayNames => named,
            Field::Descriptions => described,
            Field::Emoji => self.emoji.is_some(),
            Field::SortOrder => self.sort_order.is_some(),
            Field::Active => self.active.is_some(),
        };
        Ok(Field::ALL.iter().copied().filter(is_given).collect())
    }
}

/// Refuses what cannot be a code.
pub fn check_code(code: &str) -> anyhow::Result<()> {
    if is_code(code) {
        return Ok(());
    }
    let hint = "a code is of a-z, 0-9 and _, a letter or digit first, at most 63 characters";
    Err(UserError::error(format!("`{code}` cannot be a code"), hint))
}

/// Writes the languages that are given, each by a flag that begins so; whether any is.
pub fn overlay(check: &mut Validator, flag: &str, names: &mut Names, given: [&Option<String>; 3], max: usize) -> bool {
    let before = std::mem::take(names);
    let texts = given.map(|text| text.clone().unwrap_or_default());
    let written = read_names(check, |language| format!("{flag}-{}", language.word()), texts, max);
    for (language, given) in [Language::Ru, Language::Ky, Language::En].into_iter().zip(given) {
        let text = if given.is_some() { written.get(language) } else { before.get(language) };
        if let Some(text) = text {
            names.set(language, text.clone());
        }
    }
    given.iter().any(|given| given.is_some())
}

fn print_one(category: ShopCategory, json: bool) -> anyhow::Result<()> {
    if json { output::json(&document(&category)) } else { print(&[category], false) }
}

fn print(categories: &[ShopCategory], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&Value::Array(categories.iter().map(document).collect()));
    }
    let lines = categories.iter().map(|category| {
        let name = |language| category.names.get(language).map(ToString::to_string).unwrap_or_default();
        [
            category.code.clone(),
            category.emoji.clone(),
            name(Language::Ru),
            name(Language::Ky),
            name(Language::En),
            if category.revision == 0 { String::new() } else { category.sort_order.to_string() },
            if category.is_shared() { "shared" } else { "own" }.to_owned(),
            if category.active { "yes" } else { "no" }.to_owned(),
        ]
    });
    output::line(output::table(["category", "emoji", "ru", "ky", "en", "order", "whose", "sold"], lines))
}

fn document(category: &ShopCategory) -> Value {
    json!({
        "code": category.code, "display_names": category.names.json(), "descriptions": category.descriptions.json(),
        "emoji": category.emoji, "sort_order": category.sort_order, "active": category.active,
        "shared": category.is_shared(), "etag": category.revision.to_string(),
    })
}
