//! `lekalo migrate`: one file per subcommand.

mod check;
mod current;
pub mod down;
mod files;
mod history;
mod new;
mod sql;
mod up;

pub const EXAMPLES: &str = "Examples:
  lekalo migrate up                  apply everything that is missing
  lekalo migrate down -1             what would undoing the last one destroy?
  lekalo migrate history -v          what was applied when, by whom, and is it still the same?
  lekalo migrate sql 9:head          the script instead of the act
  lekalo migrate check               has anybody changed the schema behind the migrations' back?
  lekalo migrate new \"colours of patterns\" --autogenerate";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Apply the migrations that are missing
    Up(up::Args),
    /// Undo migrations; without --yes print what that would destroy
    Down(down::Args),
    /// Show which version the database is at
    Current(current::Args),
    /// List all migrations, applied and pending
    History(history::Args),
    /// Compare the database with what its migrations make, from tables to policies and grants
    Check(check::Args),
    /// Print the SQL of migrations, for psql; needs no database
    Sql(sql::Args),
    /// Begin the next migration: its file and that of its way back
    New(new::Args),
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(args) => up::run(args).await,
        Command::Down(args) => down::run(args).await,
        Command::Current(args) => current::run(args).await,
        Command::History(args) => history::run(args).await,
        Command::Check(args) => check::run(&args).await,
        Command::Sql(args) => sql::run(&args),
        Command::New(args) => new::run(&args).await,
    }
}
