//! `lekalo serve`.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::database::{self, Database};
use super::output::UserError;
use crate::config::Config;
use crate::db::Db;
use crate::grpc::{self, Services};
use crate::import::run::Runner;
use crate::import::sandbox::Extractor;
use crate::import::upload::Uploads;
use crate::live_index::LiveIndex;
use lekalo_vehicles::Index;

/// Apply migrations, then serve gRPC until SIGTERM
///
/// Prints `listening on ADDRESS` when ready. SIGTERM or Ctrl-C drains and ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo serve
  lekalo serve --embedded --addr 0.0.0.0:50051
  DATABASE_URL=postgres://bot:secret@db/shop LEKALO_OWNER_DATABASE_URL=postgres://owner:secret@db/shop lekalo serve")]
pub struct Args {
    #[command(flatten)]
    database: database::DatabaseArgs,
    /// Where to listen [default: LEKALO_ADDR, else 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS:PORT")]
    addr: Option<SocketAddr>,
    /// Leave the schema as it is
    #[arg(long)]
    no_migrate: bool,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut stop = stop_signal()?;
    let Some(mut database) = unless(&mut stop, Database::open(&args.database)).await? else { return Ok(()) };
    let served = async {
        let starting = async {
            if !args.no_migrate {
                database.migrate().await?;
            }
            database.connect().await
        };
        let Some(db) = unless(&mut stop, starting).await? else { return Ok(()) };
        let listener = listen(args.addr.unwrap_or(database.config.addr)).await?;
        serve(db, listener, &database.config, stop, |_| {}).await
    };
    let served = served.await;
    served.and(database.close().await)
}

/// Resolves when the command is told to stop.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does `work`, unless told to stop before it is done: then what it began is dropped, and there is no result.
pub async fn unless<T>(stop: &mut Stop, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<Option<T>> {
    tokio::select! {
        done = work => done.map(Some),
        () = stop => Ok(None),
    }
}

/// Takes the port.
pub async fn listen(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(addr).await;
    listener.map_err(|error| {
        UserError::error(format!("cannot listen on {addr}: {error}"), "choose another address with --addr")
    })
}

/// Serves until `stop`; `ready` gets the address once it does.
pub async fn serve(
    db: Db,
    listener: TcpListener,
    config: &Config,
    stop: impl Future<Output = ()> + Send,
    ready: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let addr = listener.local_addr()?;
    // The index of all car names takes a moment to build: before the first call, not during it.
    tokio::task::spawn_blocking(Index::shipped).await?;
    let live_index = Arc::new(LiveIndex::new(db.clone()));
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let imports = Runner::new(db.clone(), live_index.clone(), Extractor { program, limits: config.extract.clone() });
    let services = Services { uploads: Uploads::new(config.uploads.clone()), ..Services::new(db, imports, live_index) };
    talk!("listening on {addr}");
    ready(addr);
    grpc::serve(listener, services, stop).await
}

/// Resolves at SIGTERM or Ctrl-C; a second one ends the process at once.
pub fn stop_signal() -> anyhow::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            talk!("stopping at once");
            std::process::exit(130);
        });
    }))
}
