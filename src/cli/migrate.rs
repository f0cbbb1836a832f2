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
    Up(up::Args),
    Down(down::Args),
    Current(current::Args),
    History(history::Args),
    Check(check::Args),
    Sql(sql::Args),
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
