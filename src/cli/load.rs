//! `lekalo load`: clean rows into the database.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::database::{self, Database, DatabaseArgs};
use super::imports::documents;
use super::lookup;
use super::output::{self, UserError};
use super::progress::Progress;
use crate::db::{Db, Tenant};
use crate::domain::Error;
use crate::domain::import::{CleanRow, FrequentIssue, Import, Mode, NewImport, State};
use crate::domain::tenant::{Language, TenantId};
use crate::import::clean_csv;
use crate::import::rows::{header_row, in_memory};
use crate::import::run::carry_out;
use lekalo_documents::step_file::FileError;
use lekalo_documents::table::HeaderRow;

/// Write the rows of a clean.csv to the database
///
/// All or nothing. The file may have been mended by hand.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo load price.clean.csv --tenant evopoliki --category eva_mats --dry-run
  lekalo load price.clean.csv --tenant evopoliki --category eva_mats --embedded")]
pub struct Args {
    /// The file that `lekalo clean` wrote
    file: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    database: database::DatabaseArgs,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Where rows go.
#[derive(Debug, Clone, clap::Args)]
pub struct TargetArgs {
    /// The tenant's slug
    #[arg(long, value_name = "SLUG")]
    pub tenant: String,
    /// The category's code or alias
    #[arg(long, value_name = "CODE")]
    pub category: String,
    /// What happens to patterns that the file does not have
    #[arg(long, value_enum, default_value_t = ModeArg::Merge)]
    pub mode: ModeArg,
    /// Let `--mode replace` withdraw more than a fifth of the category's patterns
    #[arg(long)]
    pub allow_large_withdrawal: bool,
    /// Show what would change, change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub language: LanguageArg,
}

/// In which language issues are told.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct LanguageArg {
    /// The language of the issues: ru, ky or en [default: the shop's]
    #[arg(long, value_name = "LANG")]
    language: Option<Language>,
}

impl LanguageArg {
    /// The one asked for, else the shop's own.
    pub fn or(self, shops: Language) -> Language {
        self.language.unwrap_or(shops)
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum ModeArg {
    /// They stay
    Merge,
    /// They are withdrawn
    Replace,
}

/// Where rows go, checked.
#[derive(Debug, Clone)]
pub struct Target {
    pub tenant: String,
    pub category: String,
    pub mode: Mode,
    pub allow_large_withdrawal: bool,
    pub dry_run: bool,
    pub language: LanguageArg,
}

impl From<&TargetArgs> for Target {
    fn from(args: &TargetArgs) -> Self {
        let mode = match args.mode {
            ModeArg::Merge => Mode::Merge,
            ModeArg::Replace => Mode::Replace,
        };
        Self {
            tenant: args.tenant.clone(),
            category: args.category.clone(),
            mode,
            allow_large_withdrawal: args.allow_large_withdrawal,
            dry_run: args.dry_run,
            language: args.language,
        }
    }
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let bytes = read_file(&args.file)?;
    let rows = read_clean(&args.file, &bytes)?;
    let mut database = Database::open(&args.database).await?;
    database.prepare(args.target.dry_run).await?;
    let db = database.connect().await?;
    let name = file_name(&args.file);
    let sha256 = Sha256::digest(&bytes).to_vec();
    let target = Target::from(&args.target);
    let work = async {
        let destination = Destination::find(&db, &target, &args.database).await?;
        load_rows(&db, &destination, &target, &name, sha256, rows, &Progress::default()).await
    };
    let loaded = work.await;
    database.close().await?;
    report(&loaded?, &args.target.tenant, &args.database, args.json)
}

/// Reads a file the user named.
pub fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| cannot_read(path, &error))
}

/// Why not, for the user.
pub fn cannot_read(path: &Path, error: &std::io::Error) -> anyhow::Error {
    UserError::error(format!("cannot read {}: {error}", path.display()), "")
}

/// The rows of a clean.csv, with its header line as a header row.
pub fn read_clean(path: &Path, bytes: &[u8]) -> anyhow::Result<Vec<CleanRow>> {
    let cannot = |error: FileError| {
        UserError::error(format!("{}: {error}", path.display()), "correct the file, or run `lekalo clean` again")
    };
    let rows = clean_csv::read_clean(bytes).map_err(cannot)?;
    let page_number = rows.first().map_or(1, |row| row.page_number);
    let header = clean_csv::read_clean_header(bytes).map_err(cannot)?;
    let mut all = vec![header_row(HeaderRow { page_number, cells: header })];
    all.extend(rows);
    Ok(all)
}

/// The last part of a path, for people.
pub fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// An import, and what is most often wrong with its rows.
pub struct Report {
    pub import: Import,
    pub issues: Vec<FrequentIssue>,
    /// The language to tell them in.
    language: Language,
}

impl Report {
    /// About an import as it is.
    pub async fn about(own: Tenant<'_>, import: Import, language: Language) -> Result<Self, Error> {
        let issues = own.frequent_issues(import.id, MOST_ISSUES).await?;
        Ok(Self { import, issues, language })
    }
}

/// How many kinds of issues are told after an import.
const MOST_ISSUES: i64 = 10;

/// A tenant's category that rows go into.
pub struct Destination {
    tenant: TenantId,
    category_id: i64,
    /// The language that issues are told in.
    pub language: Language,
}

impl Destination {
    /// The one that is meant.
    ///
    /// # Errors
    /// The user's, with what to say instead, where there is none or the tenant does not sell it.
    pub async fn find(db: &Db, target: &Target, database: &DatabaseArgs) -> anyhow::Result<Self> {
        let tenant = lookup::tenant(db, &target.tenant, database).await?;
        let own = db.tenant(tenant.id);
        let category = lookup::category(own, &tenant, &target.category).await?;
        let (id, language) = (tenant.id, target.language.or(tenant.default_language));
        if !category.sold {
            let sold = own.complete(tenant).await?.categories.join(", ");
            return Err(UserError::error(
                format!("{} does not sell {}", target.tenant, category.code),
                format!("it sells: {sold}"),
            ));
        }
        Ok(Self { tenant: id, category_id: category.id, language })
    }
}

/// Records an import and carries it out.
pub async fn load_rows(
    db: &Db,
    destination: &Destination,
    target: &Target,
    file_name: &str,
    sha256: Vec<u8>,
    rows: Vec<CleanRow>,
    progress: &Progress,
) -> anyhow::Result<Report> {
    let Destination { tenant, category_id, language } = *destination;
    let own = db.tenant(tenant);
    let new = NewImport {
        category_id,
        file_name: file_name.to_owned(),
        sha256,
        mode: target.mode,
        validate_only: target.dry_run,
        allow_large_withdrawal: target.allow_large_withdrawal,
        request_id: None,
    };
    let (import, _) = own.create_import(&new).await?;
    let step = progress.step("load");
    let import =
        carry_out(db, tenant, &import, category_id, || in_memory(&rows), &|progress| step.follow(progress)).await?;
    drop(step);
    if let Some(failure) = &import.error {
        if ["INTERNAL", "INTERRUPTED", "OVERLOADED", "DATABASE_UNAVAILABLE"].contains(&failure.code.as_str()) {
            anyhow::bail!("{}: {}; run the command again", failure.code, failure.message);
        }
        let (message, hint) = match failure.code.as_str() {
            "LARGE_WITHDRAWAL" => {
                let what =
                    failure.message.split_once("; if that is meant").map_or(failure.message.as_str(), |(it, _)| it);
                (what, "if that is meant, add --allow-large-withdrawal")
            }
            _ => (failure.message.as_str(), failure.hint.as_str()),
        };
        return Err(UserError::error(format!("{}: {message}", failure.code), hint));
    }
    Ok(Report::about(own, import, language).await?)
}

/// Prints what became of the rows.
pub fn report(report: &Report, tenant: &str, database: &DatabaseArgs, json: bool) -> anyhow::Result<()> {
    let Report { import, issues, language } = report;
    let counts = import.counts;
    if json {
        let mut document = documents::document(import);
        document["frequent_issues"] = issues.iter().map(|issue| documents::issue_document(issue, *language)).collect();
        return output::json(&document);
    }
    let (heading, done) = match import.state {
        State::Validated => ("what would become of the rows", "would be"),
        State::Cancelled => ("what would have become of the rows", "would have been"),
        State::Reverted => ("what had become of the rows", "had been"),
        _ => ("what became of the rows", "were"),
    };
    let rows = [
        ("rows read", counts.rows_read),
        ("created", counts.created),
        ("updated", counts.updated),
        ("unchanged", counts.unchanged),
        ("merged with an earlier row", counts.merged),
        ("rejected", counts.rejected),
        ("headers", counts.headers),
    ];
    output::line(output::table([heading, "rows"], rows.map(|(what, n)| [what.into(), n.to_string()])))?;
    if counts.withdrawn > 0 {
        output::line(format_args!("{} patterns that the file no longer has {done} withdrawn", counts.withdrawn))?;
    }
    if !issues.is_empty() {
        let rows = issues.iter().map(|issue| {
            [issue.rows.to_string(), issue.message_in(*language).into_owned(), issue.how_to_mend(*language)]
        });
        output::line(format_args!("\n{}", output::table(["rows", "most frequent issues", "how to mend them"], rows)))?;
    }
    talk!("import {} {}", import.id, import.state);
    let (program, database) = (output::program(), database.as_flags());
    if import.state == State::Validated {
        talk!("carry exactly this out: {program} imports apply {} --tenant {tenant}{database}", import.id);
    }
    if counts.rejected > 0 {
        talk!(
            "see why rows were rejected: {program} imports rows {} --tenant {tenant} --outcome rejected{database}",
            import.id
        );
    }
    Ok(())
}
