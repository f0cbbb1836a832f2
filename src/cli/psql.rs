//! `lekalo psql`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use lekalo_migrate::tls::Tls;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, SslNegotiation};

use super::database::{self, Database};
use super::output::UserError;

/// Open psql on the configured or embedded database
///
/// As the role that migrates, where the service has another.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo psql --embedded
  lekalo psql -- -c 'SELECT count(*) FROM models'")]
pub struct Args {
    #[command(flatten)]
    database: database::DatabaseArgs,
    /// Passed on to psql
    #[arg(last = true, value_name = "ARGS")]
    psql: Vec<String>,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let database = Database::open(&args.database).await?;
    let bin_dir = database.server.as_ref().map(|server| server.bin_dir().to_owned());
    let mut command = psql(database.config.owner(), bin_dir);
    command.envs(encryption(&database.config.owner_tls));
    command.args(&args.psql);
    if database.server.is_none() {
        // Nothing to clean up afterwards: become psql.
        return Err(not_started(&command.exec()));
    }
    let mut child = tokio::process::Command::from(command).spawn().map_err(|error| not_started(&error))?;
    // Ctrl-C is for psql, which cancels its query; this process only waits.
    let mut interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            _ = interrupts.recv() => {}
        }
    };
    database.close().await?;
    if status.success() { Ok(()) } else { Err(UserError::error(format!("psql ended with {status}"), "")) }
}

fn psql(config: &Config, bin_dir: Option<PathBuf>) -> Command {
    let beside = bin_dir.map(|dir| dir.join("psql")).filter(|path| path.exists());
    let mut command = Command::new(beside.unwrap_or_else(|| PathBuf::from("psql")));
    lekalo_postgres::hide_settings(&mut command);
    // Through the environment, where the password is not in the process list.
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => command.env("PGHOST", host),
        Some(Host::Unix(path)) => command.env("PGHOST", path),
        None => &mut command,
    };
    command.env("PGPORT", config.get_ports().first().unwrap_or(&5432).to_string());
    // These would lead elsewhere.
    command.env_remove("PGHOSTADDR").env_remove("PGSERVICE");
    if let Some(name) = config.get_dbname() {
        command.env("PGDATABASE", name);
    }
    if let Some(user) = config.get_user() {
        command.env("PGUSER", user);
    }
    if let Some(password) = config.get_password() {
        command.env("PGPASSWORD", String::from_utf8_lossy(password).into_owned());
    }
    if let Some(options) = config.get_options() {
        command.env("PGOPTIONS", options);
    }
    if config.get_channel_binding() == ChannelBinding::Require {
        command.env("PGCHANNELBINDING", "require");
    }
    if config.get_ssl_negotiation() == SslNegotiation::Direct {
        command.env("PGSSLNEGOTIATION", "direct");
    }
    command
}

/// As libpq's variables have it.
fn encryption(tls: &Tls) -> Vec<(&'static str, OsString)> {
    let mut variables = vec![("PGSSLMODE", tls.mode.word().into())];
    // libpq has no roots of its own; these are what Lekalo trusts.
    let roots = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    let is_asked = tls.mode.verifies() && std::env::var_os("PGSSLROOTCERT").is_none();
    let usual = || roots.iter().map(PathBuf::from).find(|path| is_asked && path.exists());
    let files = [
        ("PGSSLROOTCERT", tls.roots.clone().or_else(usual)),
        ("PGSSLCRL", tls.revoked.clone()),
        ("PGSSLCERT", tls.identity.as_ref().map(|identity| identity.certificate.clone())),
        ("PGSSLKEY", tls.identity.as_ref().map(|identity| identity.key.clone())),
    ];
    variables.extend(files.into_iter().filter_map(|(name, path)| Some((name, path?.into()))));
    variables.extend(tls.only_1_3.then(|| ("PGSSLMINPROTOCOLVERSION", "TLSv1.3".into())));
    variables.extend(tls.hides_host.then(|| ("PGSSLSNI", "0".into())));
    variables
}

fn not_started(error: &std::io::Error) -> anyhow::Error {
    UserError::error(
        format!("psql could not be started: {error}"),
        "install it (Debian: apt-get install postgresql-client)",
    )
}
