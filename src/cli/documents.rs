//! `lekalo documents`: long texts that a shop's bot reads, in versions.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::imports::documents::time;
use super::imports::every_page;
use super::load::cannot_read;
use super::shop::ShopArgs;
use super::{UserError, output};
use crate::db;
use crate::domain::Error;
use crate::domain::document::{Document, MAX_CONTENT, MAX_TITLE, NewDocument};
use crate::domain::page::PageRequest;
use crate::domain::tenant::{Language, Tenant};
use crate::domain::text::is_key;
use crate::domain::validation::Validator;

pub const EXAMPLES: &str = "Examples:
  lekalo documents put faq faq.md --language ru --tenant evopoliki
  lekalo documents list --tenant evopoliki
  lekalo documents show faq --tenant evopoliki > faq.md
  lekalo documents delete faq --tenant evopoliki";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List documents in their current versions
    #[command(after_help = "Examples:
  lekalo documents list --tenant evopoliki
  lekalo documents list --prefix prompt. --tenant evopoliki --json")]
    List(ListArgs),
    /// Print what a document says, or list its versions
    #[command(after_help = "Examples:
  lekalo documents show faq --tenant evopoliki > faq.md
  lekalo documents show faq --language ky --versions --tenant evopoliki
  lekalo documents show faq --version 3 --tenant evopoliki | lekalo documents put faq - --language ru --tenant evopoliki")]
    Show(ShowArgs),
    /// Create a document or write its new version; the newest 50 are kept, of at most 8 MiB together
    #[command(after_help = "Examples:
  lekalo documents put faq faq.md --language ru --title \"Частые вопросы\" --tenant evopoliki
  cat prompt.txt | lekalo documents put prompt.sales - --language en --tenant evopoliki")]
    Put(PutArgs),
    /// Delete a document with all its versions, for good
    #[command(after_help = "Examples:
  lekalo documents delete faq --tenant evopoliki
  lekalo documents delete faq --language en --tenant evopoliki")]
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only those whose keys begin so
    #[arg(long, default_value = "")]
    prefix: String,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The document's key
    key: String,
    /// ru, ky or en; without it the shop's own, else another one that there is
    #[arg(long)]
    language: Option<Language>,
    /// This version, of this very language
    #[arg(long, value_name = "NUMBER", conflicts_with = "versions")]
    version: Option<i64>,
    /// List the versions that are kept, the newest first
    #[arg(long)]
    versions: bool,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct PutArgs {
    /// The document's key: of a-z, 0-9, . and _
    key: String,
    /// The file with its content, at most 1 MiB of UTF-8; - for stdin
    file: PathBuf,
    /// ru, ky or en
    #[arg(long)]
    language: Language,
    /// What people call it; without it, what it was called before
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    shop: ShopArgs,
}

#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// The document's key
    key: String,
    /// Only in this language: ru, ky or en
    #[arg(long)]
    language: Option<Language>,
    #[command(flatten)]
    shop: ShopArgs,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    let shop = match &command {
        Command::List(list) => &list.shop,
        Command::Show(show) => &show.shop,
        Command::Put(put) => &put.shop,
        Command::Delete(delete) => &delete.shop,
    };
    shop.open(async |db, tenant| {
        let own = db.tenant(tenant.id);
        match &command {
            Command::List(args) => list(own, args).await,
            Command::Show(args) => show(own, tenant, args).await,
            Command::Put(args) => put(own, args).await,
            Command::Delete(args) => delete(own, args).await,
        }
    })
    .await
}

async fn list(own: db::Tenant<'_>, args: &ListArgs) -> anyhow::Result<()> {
    let documents = every_page(async |page: &PageRequest| own.list_documents(&args.prefix, page).await).await?;
    print(&documents, args.shop.json)?;
    if !args.shop.json {
        talk!("{} documents", documents.len());
    }
    Ok(())
}

async fn show(own: db::Tenant<'_>, tenant: &Tenant, args: &ShowArgs) -> anyhow::Result<()> {
    let language = args.language.unwrap_or(tenant.default_language);
    if args.versions {
        let list = async |page: &PageRequest| own.list_document_versions(&args.key, language, page).await;
        return print(&every_page(list).await?, args.shop.json);
    }
    let document = match args.version {
        Some(version) => own.get_document_version(&args.key, language, version).await?,
        None => own.get_document(&args.key, &language.fallbacks_to_any(tenant.default_language)).await?,
    };
    if args.shop.json {
        let mut whole = json_of(&document);
        whole["content"] = document.content.into();
        return output::json(&whole);
    }
    output::raw(&document.content)
}

async fn put(own: db::Tenant<'_>, args: &PutArgs) -> anyhow::Result<()> {
    if !is_key(&args.key) {
        let hint = "keys are of a-z, 0-9, _ and ., a letter or digit first, at most 64 characters";
        return Err(UserError::error(format!("`{}` cannot be a key", args.key), hint));
    }
    let mut check = Validator::default();
    let title = args.title.clone().map(|title| check.text("--title", title, MAX_TITLE));
    check.done()?;
    let content = read(&args.file)?;
    let (title, etag) = match title {
        Some(title) => (title, String::new()),
        // Whoever writes it meanwhile may call it otherwise.
        None => match own.get_document(&args.key, &[args.language]).await {
            Ok(current) => (current.title, current.version.to_string()),
            Err(Error::NotFound { .. }) => (String::new(), String::new()),
            Err(error) => return Err(error.into()),
        },
    };
    let new = NewDocument { key: args.key.clone(), language: args.language, title, content };
    let tx = own.write_transaction().await?;
    let written = tx.put_document(&new, &etag).await?;
    tx.commit().await?;
    if args.shop.json {
        return output::json(&json_of(&written));
    }
    talk!("{} in {} is at version {}", written.key, written.language, written.version);
    Ok(())
}

async fn delete(own: db::Tenant<'_>, args: &DeleteArgs) -> anyhow::Result<()> {
    let languages: Vec<Language> = args.language.into_iter().collect();
    let tx = own.write_transaction().await?;
    let deleted = tx.delete_document(&args.key, &languages, "").await?;
    tx.commit().await?;
    if args.shop.json {
        return output::json(&json!({ "deleted": args.key, "languages": deleted }));
    }
    talk!("{} is deleted in {deleted} languages", args.key);
    Ok(())
}

/// What a file says, as far as a document takes it.
fn read(file: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let most = MAX_CONTENT as u64 + 1;
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|opened| opened.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|error| cannot_read(file, &error))?;
    let wrong = |what: &str| {
        UserError::error(format!("{} {what}", file.display()), "a document is UTF-8 text of at most 1 MiB")
    };
    if bytes.len() > MAX_CONTENT {
        return Err(wrong("is larger than 1 MiB"));
    }
    let content = String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8"))?;
    if content.contains('\0') {
        return Err(wrong("has U+0000 in it"));
    }
    if content.trim().is_empty() {
        return Err(wrong("is empty"));
    }
    Ok(content)
}

fn print(documents: &[Document], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return output::json(&Value::Array(documents.iter().map(json_of).collect()));
    }
    let lines = documents.iter().map(|document| {
        [
            document.key.clone(),
            document.language.to_string(),
            document.version.to_string(),
            document.size_bytes.to_string(),
            time(document.created_at),
            document.actor.clone(),
            document.title.clone(),
        ]
    });
    output::line(output::table(["document", "language", "version", "bytes", "written", "by", "title"], lines))
}

fn json_of(document: &Document) -> Value {
    json!({
        "key": document.key, "language": document.language.word(), "title": document.title,
        "version": document.version, "size_bytes": document.size_bytes, "created_at": time(document.created_at),
        "actor": document.actor, "etag": document.version.to_string(),
    })
}
