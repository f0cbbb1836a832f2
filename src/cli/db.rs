//! `lekalo db`.

use super::output::{self, UserError};

pub const EXAMPLES: &str = "Examples:
  lekalo db fetch";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Download PostgreSQL for the embedded server, where the machine has none
    #[command(after_help = EXAMPLES)]
    Fetch,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Fetch => {
            let home = lekalo_postgres::data_home()?;
            talk!("downloading PostgreSQL to {}", home.display());
            let fetched = tokio::task::spawn_blocking(move || lekalo_postgres::fetch(&home)).await?;
            let bin = fetched.map_err(|error| UserError::error(error.to_string(), ""))?;
            output::line(bin.display())?;
            Ok(())
        }
    }
}
