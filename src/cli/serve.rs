//! `lekalo serve`.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
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
/// Prints `listening on ADDRESS` when ready. Until then the port is open, health says NOT_SERVING, and calls are answered
/// UNAVAILABLE. SIGTERM or Ctrl-C drains and ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo serve
  lekalo serve --embedded --addr 0.0.0.0:50051
  DATABASE_URL=postgres://bot:secret@db/shop LEKALO_OWNER_DATABASE_URL=postgres://owner:secret@db/shop lekalo serve --wait 60s")]
pub struct Args {
    #[command(flatten)]
    database: database::DatabaseArgs,
    /// Where to listen [default: LEKALO_ADDR, else 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS:PORT")]
    addr: Option<SocketAddr>,
    /// Leave the schema as it is
    #[arg(long)]
    no_migrate: bool,
    /// How long to wait for a server that cannot be reached yet, as in 60s or 5m; 0s: not at all [default: until it can]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut stop = stop_signal()?;
    let Some(mut database) = unless(&mut stop, Database::open(&args.database)).await? else { return Ok(()) };
    let served = start(&args, &mut database, stop).await;
    served.and(database.close().await)
}

/// Takes the port at once, so that probes have their answer however long the database takes.
async fn start(args: &Args, database: &mut Database, stop: Stop) -> anyhow::Result<()> {
    let listener = listen(args.addr.unwrap_or(database.config.addr)).await?;
    let addr = listener.local_addr()?;
    let db = database.pool()?;
    db.hold();
    let database = &*database;
    let stop = stop.shared();
    let mut serving = Box::pin(serve(db.clone(), listener, &database.config, stop.clone()));
    let mut stop: Stop = stop.boxed();
    let starting = async {
        database.wait(!args.no_migrate, args.wait).await?;
        if !args.no_migrate {
            database.migrate().await?;
        }
        database.verify().await
    };
    let started = tokio::select! {
        started = unless(&mut stop, starting) => started?,
        ended = &mut serving => return ended,
    };
    if started.is_none() {
        return Ok(());
    }
    db.start();
    tokio::select! {
        () = db.ready() => talk!("listening on {addr}"),
        ended = &mut serving => return ended,
    }
    serving.await
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

/// Serves until `stop`.
pub async fn serve(
    db: Db,
    listener: TcpListener,
    config: &Config,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    // The index of all car names takes a moment to build: before the first call, not during it.
    tokio::task::spawn_blocking(Index::shipped).await?;
    let live_index = Arc::new(LiveIndex::new(db.clone()));
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let imports = Runner::new(db.clone(), live_index.clone(), Extractor { program, limits: config.extract.clone() });
    let services = Services { uploads: Uploads::new(config.uploads.clone()), ..Services::new(db, imports, live_index) };
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
