//! `lekalo options`: what can be chosen with what a shop sells, kept by hand.

use serde_json::{Value, json};

use super::categories::{check_code, overlay};
use super::lookup;
use super::output::{self, UserError};
use super::shop::ShopArgs;
use crate::db;
use crate::db::catalog::CategoryRef;
use crate::domain::Error;
use crate::domain::category::{MAX_NAME, MAX_SORT_ORDER, read_emoji, read_names};
use crate::domain::price::OptionKind;
use crate::domain::shop_option::{
    Field, MAX_BODY_TYPES, MAX_VALUES, OptionChange, ShopOption, ShopValue, new_value_code, read_body_types,
};
use crate::domain::tenant::{Language, Tenant};
use crate::domain::validation::{INVALID, Validator};

pub const EXAMPLES: &str = "Examples:
  lekalo options list eva_mats --tenant evopoliki
  lekalo options add eva_mats heel_pad --tenant evopoliki --kind addon --name-ru \"Подпятник\"
  lekalo options set eva_mats third_row --tenant evopoliki --active false";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List every option of a category in the shop's order, then those that it never offered
    #[command(after_help = "Examples:
  lekalo options list eva_mats --tenant evopoliki")]
    List(ListArgs),
    /// Add an option of the shop's own, which is offered at once
    #[command(after_help = "Examples:
  lekalo options add eva_mats heel_pad --tenant evopoliki --kind addon --name-ru \"Подпятник\" --body-type suv
  lekalo options add eva_mats edging --tenant evopoliki --kind choice --name-ru Кант \\
    --value \"black=Чёрный|Кара|Black\" --value \"red=Красный|Кызыл|Red\"")]
    Add(AddArgs),
    /// Change what is given of an option; \"\" is none, of a shared option what all shops have
    #[command(after_help = "Examples:
  lekalo options set eva_mats third_row --tenant evopoliki --active false
  lekalo options set 5d_mats leather --tenant evopoliki --value crocodile --value \"suede=Замша||Suede\"")]
    Set(SetArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// The category's code or alias
    category: String,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct AddArgs {
    /// How it is chosen: boolean, choice or addon
    #[arg(long, value_parser = kind)]
    kind: OptionKind,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Debug, clap::Args)]
pub struct SetArgs {
    /// Whether the shop offers it
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Debug, clap::Args)]
pub struct WriteArgs {
    /// The category's code or alias
    category: String,
    /// The option's code
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
    /// A value of a choice, once for each in order: CODE, or CODE=RUSSIAN|KYRGYZ|ENGLISH to name it; one left out retires
    #[arg(long = "value", value_name = "VALUE")]
    values: Vec<String>,
    /// A body it exists for, once for each; \"\" alone is all
    #[arg(long = "body-type", value_name = "CODE")]
    body_types: Vec<String>,
    /// An emoji to show before the name
    #[arg(long)]
    emoji: Option<String>,
    /// The place among the options that the shop offers, from 0; to add one, 0 is behind all others
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i16).range(0..=i64::from(MAX_SORT_ORDER)))]
    sort_order: Option<i16>,
    #[command(flatten)]
    shop: ShopArgs,
}

fn kind(word: &str) -> Result<OptionKind, String> {
    word.parse().map_err(|error| format!("{error}"))
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let (shop, category) = match &command {
        Command::List(list) => (&list.shop, &list.category),
        Command::Add(AddArgs { write, .. }) | Command::Set(SetArgs { write, .. }) => (&write.shop, &write.category),
    };
    shop.open(async |db, tenant| {
        let own = db.tenant(tenant.id);
        let category = sold(own, tenant, category).await?;
        match &command {
            Command::List(args) => list(own, &category, args).await,
            Command::Add(args) => add(own, &category, args).await,
            Command::Set(args) => set(own, &category, args).await,
        }
    })
    .await
}

async fn sold(own: db::Tenant<'_>, tenant: &Tenant, code: &str) -> anyhow::Result<CategoryRef> {
    Ok(lookup::category(own, tenant, code).await?.sold_by(&tenant.slug)?)
}

async fn list(own: db::Tenant<'_>, category: &CategoryRef, args: &ListArgs) -> anyhow::Result<()> {
    print(&own.list_shop_options(category).await?, args.shop.json)
}

async fn add(own: db::Tenant<'_>, category: &CategoryRef, args: &AddArgs) -> anyhow::Result<()> {
    let write = &args.write;
    check_code(&write.code)?;
    let (change, _) = write.read(None)?;
    if change.names.get(Language::Ru).is_none() {
        return Err(UserError::error("an option of the shop's own needs a Russian name", "say it with --name-ru"));
    }
    if (args.kind == OptionKind::Choice) == change.values.is_empty() {
        let hint = "name its values with --value, or take another --kind";
        return Err(UserError::error("a choice has values, other options have none", hint));
    }
    let tx = own.write_transaction().await?;
    let added = tx.create_option(category, &write.code, args.kind, &change).await?;
    tx.commit().await?;
    print_one(added, write.shop.json)
}

async fn set(own: db::Tenant<'_>, category: &CategoryRef, args: &SetArgs) -> anyhow::Result<()> {
    let write = &args.write;
    let all = own.list_shop_options(category).await?;
    let before = all.iter().find(|option| option.code == write.code);
    let before = before.ok_or_else(|| Error::not_found(crate::domain::error::Kind::Option, &write.code))?;
    let (mut change, mut fields) = write.read(Some(before))?;
    if let Some(active) = args.active {
        change.active = active;
        fields.push(Field::Active);
    }
    if fields.is_empty() {
        let hint = "name what to change: --active, --name-ru, …; `lekalo options set --help` lists all";
        return Err(UserError::error("nothing is to be changed", hint));
    }
    let tx = own.write_transaction().await?;
    let updated = tx.update_option(category, &write.code, &change, &fields, &before.revision.to_string()).await?;
    tx.commit().await?;
    print_one(updated, write.shop.json)
}

impl WriteArgs {
    /// What is given, and which fields that are; what is not given of a text stays as it was.
    fn read(&self, before: Option<&ShopOption>) -> anyhow::Result<(OptionChange, Vec<Field>)> {
        let mut check = Validator::default();
        let mut change = OptionChange {
            names: before.map(|before| before.names.clone()).unwrap_or_default(),
            emoji: read_emoji(&mut check, "--emoji", self.emoji.clone().unwrap_or_default()),
            sort_order: self.sort_order.unwrap_or_default().unsigned_abs().into(),
            ..OptionChange::default()
        };
        let mut fields = Vec::new();
        let names = [&self.name_ru, &self.name_ky, &self.name_en];
        if overlay(&mut check, "--name", &mut change.names, names, MAX_NAME) {
            fields.push(Field::DisplayNames);
        }
        let known = before.map(|before| before.values.as_slice()).unwrap_or_default();
        for given in check.list("--value", self.values.clone(), MAX_VALUES) {
            let value = value(&mut check, &given, known, &change.values);
            change.values.push(value);
        }
        let bodies = check.list("--body-type", self.body_types.clone(), MAX_BODY_TYPES);
        change.body_types = read_body_types(&mut check, |_| "--body-type".to_owned(), bodies);
        check.done()?;
        let given = [
            (Field::Values, !self.values.is_empty()),
            (Field::BodyTypes, !self.body_types.is_empty()),
            (Field::Emoji, self.emoji.is_some()),
            (Field::SortOrder, self.sort_order.is_some()),
        ];
        fields.extend(given.into_iter().filter(|(_, is_given)| *is_given).map(|(field, _)| field));
        Ok((change, fields))
    }
}

/// `CODE` or `CODE=RUSSIAN|KYRGYZ|ENGLISH`; one that is known keeps what is not given.
fn value(check: &mut Validator, given: &str, known: &[ShopValue], before: &[ShopValue]) -> ShopValue {
    let (code, names) = given.split_once('=').map_or((given, None), |(code, names)| (code, Some(names)));
    let flag = format!("--value {code}");
    let code = new_value_code(check, &flag, code.to_owned(), before);
    let known = known.iter().find(|value| value.code == code).cloned().unwrap_or_default();
    let mut value = ShopValue { code, retired: false, ..known };
    if let Some(given) = names {
        let mut given = given.split('|').map(str::to_owned);
        let names = std::array::from_fn(|_| given.next().unwrap_or_default());
        value.names = read_names(check, |language| format!("{flag}, {language}"), names, MAX_NAME);
        if given.next().is_some() {
            check.refuse(&flag, INVALID, "must have three names at most, as RUSSIAN|KYRGYZ|ENGLISH");
        }
    }
    value
}

fn print_one(option: ShopOption, json: bool) -> anyhow::Result<()> {
    if json { output::json(&document(&option)) } else { print(&[option], false) }
}

fn print(options: &[ShopOption], json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(&Value::Array(options.iter().map(document).collect()));
    }
    let lines = options.iter().map(|option| {
        let name = |language| option.names.get(language).map(ToString::to_string).unwrap_or_default();
        let values = option
            .values
            .iter()
            .map(|value| if value.retired { format!("({})", value.code) } else { value.code.clone() });
        [
            option.code.clone(),
            option.emoji.clone(),
            name(Language::Ru),
            option.kind.to_string(),
            values.collect::<Vec<_>>().join(", "),
            option.body_types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            if option.is_shared() { "shared" } else { "own" }.to_owned(),
            if option.is_active() { "yes" } else { "no" }.to_owned(),
        ]
    });
    output::line(output::table(["option", "emoji", "ru", "kind", "values", "bodies", "whose", "offered"], lines))
}

fn document(option: &ShopOption) -> Value {
    let value = |value: &ShopValue| {
        json!({
            "code": value.code, "display_names": value.names.json(), "emoji": value.emoji, "retired": value.retired,
        })
    };
    json!({
        "code": option.code, "display_names": option.names.json(), "kind": option.kind.word(),
        "values": option.values.iter().map(value).collect::<Vec<_>>(),
        "body_types": option.body_types.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "emoji": option.emoji, "sort_order": option.place, "active": option.is_active(),
        "shared": option.is_shared(), "etag": option.revision.to_string(),
    })
}
