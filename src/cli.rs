//! The command line: one file per command.
//!
//! stdout is data, stderr is talk. Exit codes: 0 done, 1 the user's mistake (said with a hint), 2 ours or the
//! environment's.

/// Tells people something on stderr.
macro_rules! talk {
    ($($text:tt)*) => {
        $crate::cli::output::talk(format_args!($($text)*))
    };
}

mod audit;
mod categories;
mod check;
mod completions;
mod customers;
mod database;
mod db;
mod demo;
mod documents;
mod dump;
mod extract;
mod health;
mod host;
mod import;
mod imports;
mod key;
mod leads;
mod load;
mod lookup;
mod migrate;
mod options;
mod output;
mod patterns;
mod progress;
mod psql;
mod reset;
mod resolve;
mod restore;
mod scratch;
mod seed;
mod serve;
mod shop;
mod stats;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::Config;
use crate::db::audit::on_behalf_of;
use crate::domain::audit::Origin;
use crate::domain::id::read_number;
use crate::{logs, traces};
pub use output::{UserError, report, report_usage};

/// The data layer under car-accessory shops' chatbots: a gRPC service over PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "lekalo", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The command's whole name, as in `lekalo key issue`.
    #[arg(skip)]
    name: String,
}

impl Cli {
    /// Reads the process's arguments.
    ///
    /// # Errors
    /// They are wrong, or ask for help or the version.
    pub fn read() -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches()?;
        let cli = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut Self::command()))?;
        Ok(Self { name: name("lekalo", &matches), ..cli })
    }
}

fn name(before: &str, matches: &ArgMatches) -> String {
    match matches.subcommand() {
        Some((command, matches)) => name(&format!("{before} {command}"), matches),
        None => before.to_owned(),
    }
}

/// An id that is a number.
fn number(id: &str) -> Result<i64, &'static str> {
    read_number(id).ok_or("is no id: those are numbers, such as 1042")
}

/// Who runs the command: what it changes is recorded as theirs.
fn account() -> String {
    let uid = nix::unistd::getuid();
    // A container may run as a number that has no name.
    nix::unistd::User::from_uid(uid).ok().flatten().map_or_else(|| format!("uid {uid}"), |user| user.name)
}

const EXAMPLES: &str = "Examples:
  lekalo demo                                  everything at once, on a private PostgreSQL
  lekalo import price.pdf --tenant evopoliki --category eva_mats --embedded
  lekalo check                                 is the configured database fit for service?

Configuration comes from the environment and .env; see docs/configuration.md.";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Check(check::Args),
    Health(health::Args),
    /// Apply and undo migrations, or show where the database stands
    #[command(subcommand, after_help = migrate::EXAMPLES)]
    Migrate(migrate::Command),
    Seed(seed::Args),
    Extract(extract::Args),
    Clean(extract::CleanArgs),
    Load(load::Args),
    Import(import::Args),
    /// Show what became of imports and of each of their rows
    #[command(subcommand, after_help = imports::EXAMPLES)]
    Imports(imports::Command),
    /// List, add, change and delete what a shop sells
    #[command(subcommand, after_help = categories::EXAMPLES)]
    Categories(categories::Command),
    /// List, add and change what can be chosen with what a shop sells
    #[command(subcommand, after_help = options::EXAMPLES)]
    Options(options::Command),
    /// List, add, change and delete patterns by hand
    #[command(subcommand, after_help = patterns::EXAMPLES)]
    Patterns(patterns::Command),
    /// List, show, write and delete documents: long texts that a shop's bot reads
    #[command(subcommand, after_help = documents::EXAMPLES)]
    Documents(documents::Command),
    /// List, show, claim, note upon and count leads: what customers asked for
    #[command(subcommand, after_help = leads::EXAMPLES)]
    Leads(leads::Command),
    /// List, show and delete customers
    #[command(subcommand, after_help = customers::EXAMPLES)]
    Customers(customers::Command),
    /// Issue, list, rotate and revoke the API keys that callers show
    #[command(subcommand, after_help = key::EXAMPLES)]
    Key(key::Command),
    Audit(audit::Args),
    /// Say which car a customer's text means, and why
    Resolve(resolve::Args),
    /// Count what there is and list what needs attention
    Stats(stats::Args),
    Dump(dump::Args),
    Restore(restore::Args),
    Reset(reset::Args),
    Psql(psql::Args),
    /// Get PostgreSQL for the embedded server where the machine has none
    #[command(subcommand, after_help = db::EXAMPLES)]
    Db(db::Command),
    /// Print shell completions
    Completions(completions::Args),
    /// Print the manual page
    Man(completions::ManArgs),
}

/// Starts the log, and traces of what serves; a wrong configuration is told by the command itself.
pub fn start_tracing(cli: &Cli) {
    let (directives, format) =
        Config::load().map_or_else(|_| ("info".to_owned(), logs::format()), |config| (config.log, config.log_format));
    if matches!(cli.command, Command::Serve(_) | Command::Demo(_)) {
        logs::write_in_background();
    }
    let tracer = if matches!(cli.command, Command::Serve(_)) { traces::tracer() } else { Ok(None) };
    let (tracer, problem) = tracer.map_or_else(|problem| (None, Some(problem)), |tracer| (tracer, None));
    logs::start(&directives, format, tracer);
    if let Some(problem) = problem {
        tracing::warn!(%problem, "no traces: see OTEL_EXPORTER_OTLP_ENDPOINT");
    }
}

/// What a command runs on.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime(cli: &Cli) -> std::io::Result<tokio::runtime::Runtime> {
    match cli.command {
        // Under a limit on its memory, a process with one thread says so when it meets it; several die as they happen to.
        Command::Extract(_) => tokio::runtime::Builder::new_current_thread().build(),
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
    }
}

/// Runs a command.
///
/// # Errors
/// What [`report`] tells and turns into an exit code.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    if !matches!(cli.command, Command::Extract(_)) {
        serve::end_as_any_process();
    }
    let Cli { command, name } = cli;
    on_behalf_of(Origin::command_line(name, account()), Box::pin(run_command(command))).await
}

async fn run_command(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Check(args) => check::run(args).await,
        Command::Health(args) => health::run(args).await,
        Command::Migrate(command) => migrate::run(command).await,
        Command::Seed(args) => seed::run(args).await,
        Command::Extract(args) => extract::run(&args),
        Command::Clean(args) => extract::run_clean(&args),
        Command::Load(args) => load::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Imports(command) => imports::run(command).await,
        Command::Categories(command) => categories::run(command).await,
        Command::Options(command) => options::run(command).await,
        Command::Patterns(command) => patterns::run(command).await,
        Command::Documents(command) => documents::run(command).await,
        Command::Leads(command) => leads::run(command).await,
        Command::Customers(command) => customers::run(command).await,
        Command::Key(command) => key::run(command).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Resolve(args) => resolve::run(args).await,
        Command::Stats(args) => stats::run(args).await,
        Command::Dump(args) => Box::pin(dump::run(args)).await,
        Command::Restore(args) => Box::pin(restore::run(args)).await,
        Command::Reset(args) => reset::run(args).await,
        Command::Psql(args) => psql::run(args).await,
        Command::Db(command) => db::run(command).await,
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => completions::man(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn every_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// A command's help and those of its subcommands, as the reference has them.
    fn reference(command: &mut clap::Command, name: &str, text: &mut String) {
        if command.get_subcommands().next().is_none() {
            let help = command.clone().bin_name(name).term_width(100).render_long_help().to_string();
            let help: Vec<&str> = help.lines().map(str::trim_end).collect();
            text.push_str(&format!("\n### {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end()));
        }
        for subcommand in command.get_subcommands_mut().filter(|it| it.get_name() != "help" && !it.is_hide_set()) {
            let name = format!("{name} {}", subcommand.get_name());
            reference(subcommand, &name, text);
        }
    }

    #[test]
    fn the_manual_has_every_commands_help() {
        const BEGINNING: &str = "## Every command's help\n";
        crate::manual::keep("command-line.md", |manual| {
            let (before, _) = manual.split_once(BEGINNING).unwrap();
            let mut made = format!("{before}{BEGINNING}");
            reference(&mut Cli::command(), "lekalo", &mut made);
            made
        });
    }
}
