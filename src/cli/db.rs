//! `lekalo db`.

use std::path::PathBuf;

use lekalo_migrate::backup::Archive;
use lekalo_migrate::tls;
use lekalo_postgres::{EmbeddedOptions, Upgrade};

use super::output::{self, UserError};
use super::serve::{Stop, stop_signal};
use super::{dump, restore};
use crate::config::Config;

pub const EXAMPLES: &str = "Examples:
  lekalo db fetch
  lekalo db upgrade --data-dir ./data";

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Download PostgreSQL for the embedded server, where the machine has none
    #[command(after_help = EXAMPLES)]
    Fetch,
    Upgrade(UpgradeArgs),
}

/// Move the embedded server's data to the newest PostgreSQL of this machine
///
/// The old version's programs have to be there too. The rows go into a new cluster by a dump, which is counted and compared on both sides; the old cluster is kept beside it. Roles that somebody made besides are not carried over.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct UpgradeArgs {
    /// Where the private server keeps its data [default: /var/lib/lekalo/default as root, else ~/.local/share/lekalo/default]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
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
        Command::Upgrade(args) => upgrade(args).await,
    }
}

async fn upgrade(args: UpgradeArgs) -> anyhow::Result<()> {
    let config = Config::load()?;
    let options = EmbeddedOptions { data_dir: args.data_dir, pg_bin: config.pg_bin, ..EmbeddedOptions::default() };
    let upgrade = Upgrade::begin(&options).await.map_err(|error| UserError::error(error.to_string(), ""))?;
    let (from, to) = (upgrade.from, upgrade.to);
    talk!("moving {} from PostgreSQL {from} to {to}", upgrade.old.data_dir().display());
    if let Err(error) = carry_over(&upgrade, &mut stop_signal()?).await {
        if let Err(error) = upgrade.abandon().await {
            tracing::warn!(%error, "the new cluster could not be put away");
        }
        return Err(error);
    }
    let kept = upgrade.finish().await?;
    talk!("done; the data of PostgreSQL {from} is kept in {}: remove it once all is well", kept.display());
    output::line(to)
}

/// Every row of the old cluster into the new one.
async fn carry_over(upgrade: &Upgrade, stop: &mut Stop) -> anyhow::Result<()> {
    let file = upgrade.scratch().join("upgrade.zip");
    let (old, new) = (upgrade.old.config(), upgrade.new.config());
    dump::dump(&old, &tls::OFF, &file, stop).await?;
    let archive = Archive::open(&file).map_err(dump::error)?;
    restore::restore(&new, &tls::OFF, &archive, stop).await?;
    talk!("carried over: {}", dump::summary(&archive.manifest));
    Ok(())
}
