//! `lekalo serve`.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use super::database::{self, Database};
use super::host;
use super::output::UserError;
use crate::admin::{self, Admin};
use crate::api_keys::ApiKeys;
use crate::catalog::Catalogs;
use crate::config::{AdminAddr, Config, Shown, describe};
use crate::db::{Db, migrations};
use crate::grpc::{self, Access, CallLog, Limits, Patience, Peers, Services};
use crate::import::run::Runner;
use crate::import::sandbox::Extractor;
use crate::import::upload::Uploads;
use crate::jwt::IdentityProvider;
use crate::live_index::LiveIndex;
use crate::tls_server::{Certificates, Files, Problem};
use crate::{logs, metrics};
use lekalo_vehicles::Index;

/// Apply migrations, then serve gRPC until SIGTERM
///
/// Callers show an API key (`lekalo key issue`) or, with `LEKALO_JWT_ISSUER`, a JWT. Prints `listening on ADDRESS` when ready. Until then the port is open,
/// health says NOT_SERVING, and calls are answered UNAVAILABLE. SIGTERM or Ctrl-C drains and ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo serve
  lekalo serve --embedded --insecure-no-auth        (to try it: whoever is on this machine may do everything)
  DATABASE_URL=postgres://bot:secret@db/shop LEKALO_OWNER_DATABASE_URL=postgres://owner:secret@db/shop lekalo serve --wait 60s")]
pub struct Args {
    #[command(flatten)]
    database: database::DatabaseArgs,
    /// Where to listen [default: LEKALO_ADDR, else 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS:PORT")]
    addr: Option<SocketAddr>,
    /// Where to have the admin port, or `off` [default: LEKALO_ADMIN_ADDR, else 127.0.0.1:50052]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin_addr: Option<AdminAddr>,
    /// Ask for no API key: whoever reaches the port may do everything
    #[arg(long)]
    insecure_no_auth: bool,
    /// Listen without TLS beyond this machine, as behind a mesh that encrypts
    #[arg(long)]
    insecure_plaintext: bool,
    /// Leave the schema as it is
    #[arg(long)]
    no_migrate: bool,
    /// How long to wait for a server that cannot be reached yet, as in 60s or 5m; 0s: not at all [default: until it can]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = Config::load()?;
    // Before a private database is made.
    must_be_safe(&args, args.addr.unwrap_or(config.addr), config.tls_server.is_some())?;
    identity_provider(&config)?;
    let mut stop = stop_signal()?;
    let Some(mut database) = unless(&mut stop, Database::of(config, &args.database)).await? else { return Ok(()) };
    let ended = database.server_ended();
    let served = tokio::select! {
        served = Box::pin(start(&args, &mut database, stop)) => served,
        error = ended => Err(error),
    };
    served.and(database.close().await)
}

/// Takes the port at once, so that probes have their answer however long the database takes.
async fn start(args: &Args, database: &mut Database, stop: Stop) -> anyhow::Result<()> {
    let addr = args.addr.unwrap_or(database.config.addr);
    let listener = listen(addr).await?;
    let addr = listener.local_addr()?;
    let admin = listen_for_admins(args.admin_addr, &database.config).await?;
    let flags = [
        ("LEKALO_ADDR", args.addr.map(|addr| addr.to_string())),
        ("LEKALO_ADMIN_ADDR", args.admin_addr.map(|addr| addr.to_string())),
    ];
    for (name, value) in flags {
        let shown = value.map(|value| Shown { value, from: "flag".to_owned() });
        database.config.shown.extend(shown.map(|shown| (name, shown)));
    }
    let db = database.pool()?;
    db.hold();
    let database = &*database;
    let stop = stop.shared();
    let keys = ApiKeys::new(db.clone(), database.config.calls_per_second);
    let access = if args.insecure_no_auth {
        Access::Anybody
    } else {
        Access::Credentials { keys: keys.clone(), provider: identity_provider(&database.config)? }
    };
    let mut serving = Box::pin(serve(db.clone(), access, listener, admin, &database.config, stop.clone()));
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
    let ready = async {
        db.ready().await;
        if !args.insecure_no_auth {
            keys.loaded().await;
        }
    };
    tokio::select! {
        () = ready => talk!("listening on {addr}"),
        ended = &mut serving => return ended,
    }
    match database.config.tls_server.as_ref() {
        Some(Files { client_roots: Some(roots), .. }) => {
            tracing::info!("with TLS, for clients with a certificate of {}", roots.display());
        }
        Some(_) => tracing::info!("with TLS"),
        None => {}
    }
    if !args.insecure_no_auth && keys.is_empty() && database.config.jwt.keys.is_none() {
        let flags = args.database.as_flags();
        tracing::info!(
            "there is no API key yet, so nobody can call; `lekalo key issue --role admin{flags}` issues one"
        );
    }
    serving.await
}

/// Whose JWTs are taken, if anybody's.
fn identity_provider(config: &Config) -> anyhow::Result<Option<Arc<IdentityProvider>>> {
    IdentityProvider::of(&config.jwt, config.calls_per_second).map_err(|missing| {
        UserError::error(
            format!("JWTs cannot be checked: {} is not set", missing.join(" and ")),
            "set LEKALO_JWT_ISSUER, LEKALO_JWT_AUDIENCE and LEKALO_JWT_JWKS, or none of them",
        )
    })
}

/// Whoever can reach the port must show a key, and must not read what others send; unless that was said aloud.
fn must_be_safe(args: &Args, addr: SocketAddr, is_encrypted: bool) -> anyhow::Result<()> {
    if args.insecure_no_auth {
        tracing::warn!("--insecure-no-auth: no API key is asked for; whoever reaches {addr} may do everything");
    }
    if is_encrypted || addr.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    if args.insecure_plaintext {
        tracing::warn!("--insecure-plaintext: what is sent to {addr} and from it, keys too, is not encrypted here");
        return Ok(());
    }
    Err(UserError::error(
        format!(
            "{addr} can be reached from other machines, and there is no TLS: API keys and customers' phones could be read"
        ),
        "set LEKALO_TLS_CERT and LEKALO_TLS_KEY, or listen on 127.0.0.1; --insecure-plaintext where a mesh or a proxy encrypts",
    ))
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

/// Takes the admin port. Where nobody chose it, somebody else may have it: another server on the same machine.
async fn listen_for_admins(chosen: Option<AdminAddr>, config: &Config) -> anyhow::Result<Option<TcpListener>> {
    let AdminAddr::At(addr) = chosen.unwrap_or(config.admin) else { return Ok(None) };
    let is_chosen = chosen.is_some() || config.shown["LEKALO_ADMIN_ADDR"].from != "default";
    match TcpListener::bind(addr).await {
        Ok(listener) => {
            if !addr.ip().to_canonical().is_loopback() {
                tracing::info!(
                    "the admin port on {addr} asks for no key: see to it that only the monitoring reaches it"
                );
            }
            talk!("metrics, health and more at http://{}/", listener.local_addr()?);
            Ok(Some(listener))
        }
        Err(error) if is_chosen => Err(UserError::error(
            format!("cannot have the admin port on {addr}: {error}"),
            "choose another address with --admin-addr, or `off`",
        )),
        Err(error) => {
            tracing::warn!("no metrics: the admin port cannot be on {addr}: {error}; choose another with --admin-addr");
            Ok(None)
        }
    }
}

/// Serves until `stop`; on the admin port, where there is one, for as long.
pub async fn serve(
    db: Db,
    access: Access,
    listener: TcpListener,
    admin: Option<TcpListener>,
    config: &Config,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let mistake = |Problem { what, remedy }| UserError::error(what, remedy);
    let tls = config.tls_server.as_ref().map(Certificates::load).transpose().map_err(mistake)?.map(Arc::new);
    host::prepare(&config.uploads, config.max_connections)?;
    // The index of all car names takes a moment to build: before the first call, not during it.
    tokio::task::spawn_blocking(Index::shipped).await?;
    let live_index = Arc::new(LiveIndex::new(db.clone()));
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let extractor = Extractor { program, limits: config.extract.clone() };
    // Beside everything else: the port does not wait for it.
    let _trial = AbortOnDropHandle::new(tokio::spawn(try_reading(extractor.clone())));
    let imports = Runner::new(db.clone(), live_index.clone(), extractor);
    let uploads = Uploads::new(config.uploads.clone());
    let patience = Patience { drain: config.drain, connection_age: config.max_connection_age, ..Patience::default() };
    let (peers, reflects) =
        (Peers::new(&Limits::within(config.memory_bytes, config.max_connections)), config.reflection);
    let catalogs = Catalogs::new(db.clone(), live_index.clone(), config.catalogs);
    let services = Services::new(db.clone(), imports, live_index);
    let mut services = Services { catalogs, uploads, patience, peers, tls, access, reflects, ..services };
    services.observers.log = Arc::new(CallLog::new(config.log_calls));
    let _admin = match admin {
        Some(listener) => {
            let pages = pages(&services, config)?;
            Some(AbortOnDropHandle::new(tokio::spawn(admin::serve(listener, pages))))
        }
        None => None,
    };
    grpc::serve(listener, services, stop).await
}

/// Says once what is to be known of how uploaded files are read here.
async fn try_reading(extractor: Extractor) {
    match extractor.try_out().await {
        Ok(said) => said.lines().for_each(|line| tracing::warn!("reading uploaded files: {line}")),
        Err(error) => tracing::warn!("uploaded files cannot be read: {}; {}", error.message, error.hint),
    }
}

/// What there is to tell on the admin port.
fn pages(services: &Services, config: &Config) -> anyhow::Result<Admin> {
    let mut registry = Registry::default();
    services.register_metrics(&mut registry);
    metrics::register_process(&mut registry);
    logs::register_metrics(&mut registry);
    let version = serde_json::json!({ "version": env!("CARGO_PKG_VERSION"), "schema": migrations::shipped().latest() });
    let build = || [(env!("CARGO_PKG_VERSION"), 1.0)];
    metrics::read_gauges(&mut registry, "lekalo_build_info", "The program that runs", "version", build);
    let is_ready = services.is_ready.clone();
    let config = serde_json::json!({ "database": describe(&config.database), "settings": config.shown });
    Ok(Admin { registry, is_ready: Box::new(move || is_ready.load(Ordering::Relaxed)), version, config })
}

/// Whether a command sees to it itself that it ends when it is told to.
static IS_HEARD: AtomicBool = AtomicBool::new(false);

/// Process 1, as in a container, is not ended by a signal that it does not hear: has SIGTERM and Ctrl-C end it as they end
/// any other.
pub fn end_as_any_process() {
    if std::process::id() != 1 {
        return;
    }
    let end = |kind: SignalKind| {
        let Ok(mut told) = signal(kind) else { return };
        tokio::spawn(async move {
            while told.recv().await.is_some() {
                if !IS_HEARD.load(Ordering::Relaxed) {
                    std::process::exit(128 + kind.as_raw_value());
                }
            }
        });
    };
    end(SignalKind::terminate());
    end(SignalKind::interrupt());
}

/// Resolves at SIGTERM or Ctrl-C; a second one ends the process at once.
pub fn stop_signal() -> anyhow::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    IS_HEARD.store(true, Ordering::Relaxed);
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
            logs::flush();
            std::process::exit(130);
        });
    }))
}
