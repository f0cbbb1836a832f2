//! The gRPC server: the table of all RPCs and their handlers in [`services`] (a handler checks, asks, converts), and what all
//! calls share.
//!
//! # The next RPC
//! Write it in `proto/`, then its handler in a file of `services/`, and a line in the table of its service; until then it
//! answers UNIMPLEMENTED. Fields are checked by [`validation::Validator`] before the database sees any of them, the tenant is
//! found by [`Services::scope`], types are converted in [`convert`], errors become statuses in [`status`].

mod accept;
mod aging;
mod auth;
mod call;
mod call_log;
mod call_metrics;
mod compression;
mod connection;
mod convert;
mod handshakes;
mod health;
mod idempotency;
mod middleware;
mod peers;
mod refusals;
mod scope;
mod services;
mod status;
mod streams;
mod validation;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::try_join_all;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;
use tonic::transport::Server;

use crate::api_keys::ApiKeys;
use crate::catalog::{self, Catalogs};
use crate::db::Db;
use crate::feeds::Feeds;
use crate::import::run::Runner;
use crate::import::sweeper;
use crate::import::upload::Uploads;
use crate::live_index::LiveIndex;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::proto::lekalo::v1::{
    admin_service_server::AdminServiceServer, application_service_server::ApplicationServiceServer,
    catalog_service_server::CatalogServiceServer, category_service_server::CategoryServiceServer,
    document_service_server::DocumentServiceServer, import_service_server::ImportServiceServer,
    pattern_service_server::PatternServiceServer, pricing_service_server::PricingServiceServer,
    tenant_service_server::TenantServiceServer, text_service_server::TextServiceServer,
};
use crate::tls_server::Certificates;
use aging::Dispatcher;
pub use auth::{Access, Concerns, RULES};
pub use call::Observers;
pub use call_log::CallLog;
use connection::Connection;
pub use health::names as health_names;
use middleware::Calls;
pub use peers::{Limits, Peers};

/// The largest message taken; file chunks are at most 3 MiB.
const MAX_REQUEST_BYTES: usize = 4 << 20;
/// The largest message sent.
const MAX_RESPONSE_BYTES: usize = 16 << 20;
const MAX_STREAMS_PER_CONNECTION: u32 = 256;

/// How long giving imports back may take.
const RECORD: Duration = Duration::from_secs(2);
/// How long the last answers may take to leave.
const FLUSH: Duration = Duration::from_millis(250);

/// How long the server waits for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// With calls in flight and imports, once it is told to stop.
    pub drain: Duration,
    /// With a connection, until the client is to open another one; none: for ever.
    pub connection_age: Option<Duration>,
    /// Until it asks a silent connection for a sign of life.
    pub keepalive_every: Duration,
    /// Until that has come.
    pub keepalive_timeout: Duration,
    /// With a connection, until it speaks HTTP/2.
    pub preface: Duration,
    /// With a connection, until its first call.
    pub first_call: Duration,
    /// With a call, until its whole request is there.
    pub request: Duration,
    /// With a client, until it takes an answer that waits for it.
    pub answer: Duration,
    /// With an upload, until its next message.
    pub chunk: Duration,
    /// With an upload, until it moves on by so much as `import::upload` calls a step.
    pub step: Duration,
    /// With a whole upload.
    pub upload: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(6),
            connection_age: Some(Duration::from_secs(1800)),
            keepalive_every: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            preface: Duration::from_secs(10),
            first_call: Duration::from_secs(60),
            request: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            chunk: Duration::from_secs(60),
            step: Duration::from_secs(10),
            upload: Duration::from_secs(600),
        }
    }
}

/// What the services work with.
#[derive(Clone)]
pub struct Services {
    pub db: Db,
    pub imports: Runner,
    pub live_index: Arc<LiveIndex>,
    pub catalogs: Arc<Catalogs>,
    pub uploads: Uploads,
    pub feeds: Arc<Feeds>,
    pub patience: Patience,
    /// Who is connected, and what they may take.
    pub peers: Peers,
    /// What the server shows of itself; none: it speaks plain HTTP/2.
    pub tls: Option<Arc<Certificates>>,
    /// Whether readiness is SERVING.
    pub is_ready: Arc<AtomicBool>,
    /// Who is told of calls.
    pub observers: Observers,
    /// Who may call.
    pub access: Access,
    /// Whether the contract is told to whoever asks.
    pub reflects: bool,
    /// Tells streams that the server stops.
    pub stopping: CancellationToken,
}

impl Services {
    /// Services over this database for who shows an API key, with the usual limits and patience.
    pub fn new(db: Db, imports: Runner, live_index: Arc<LiveIndex>) -> Self {
        let (uploads, feeds) = (Uploads::default(), Feeds::new(db.clone()));
        let catalogs = Catalogs::new(db.clone(), live_index.clone(), catalog::Limits::default());
        let (patience, stopping) = (Patience::default(), CancellationToken::new());
        let (observers, peers) = (Observers::default(), Peers::new(&Limits::default()));
        let access = Access::keys_alone(ApiKeys::new(db.clone(), None));
        let (tls, reflects, is_ready) = (None, true, Arc::default());
        Self {
            db,
            imports,
            live_index,
            catalogs,
            uploads,
            feeds,
            patience,
            peers,
            tls,
            is_ready,
            observers,
            access,
            reflects,
            stopping,
        }
    }

    /// Registers what is counted of calls and by what serves them.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.observers.metrics.register(registry);
        self.peers.register_metrics(registry);
        self.db.register_metrics(registry);
        self.imports.register_metrics(registry);
        self.live_index.register_metrics(registry);
        self.catalogs.register_metrics(registry);
        self.feeds.register_metrics(registry);
        if let Some(keys) = self.access.keys() {
            keys.register_metrics(registry);
        }
        if let Some(provider) = self.access.provider() {
            provider.register_metrics(registry);
        }
        if let Some(tls) = &self.tls {
            tls.register_metrics(registry);
        }
    }
}

/// Serves on `listener` until `shutdown`, then ends gracefully: health turns NOT_SERVING, calls in flight finish
/// (at most some seconds), imports are given back to be begun anew by another server, and what still hangs is cut off.
///
/// # Errors
/// When the listener fails or the reflection data is broken.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    shutdown: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let calls = Calls::new(services.observers.clone(), services.patience.request);
    let stop = CancellationToken::new();
    let _sweeper = AbortOnDropHandle::new(tokio::spawn(sweeper::sweep(services.db.clone(), services.imports.clone())));
    let _catalogs = AbortOnDropHandle::new(tokio::spawn(services.catalogs.clone().follow()));
    let keys = services.access.keys().cloned();
    let _keys = keys.map(|keys| AbortOnDropHandle::new(tokio::spawn(keys.keep_current())));
    let provider = services.access.provider().cloned();
    let _provider = provider.map(|provider| AbortOnDropHandle::new(tokio::spawn(provider.keep_current())));
    let (health, health_service) = health::start(&services, stop.clone()).await;

    let mut routes = Routes::new(health_service);
    if services.reflects {
        routes = routes.add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?);
    }
    macro_rules! add {
        ($($service:ident),+ $(,)?) => {
            $(routes = routes.add_service(
                $service::new(services.clone())
                    .max_decoding_message_size(MAX_REQUEST_BYTES)
                    .max_encoding_message_size(MAX_RESPONSE_BYTES),
            );)+
        };
    }
    add!(
        TenantServiceServer,
        CatalogServiceServer,
        CategoryServiceServer,
        PatternServiceServer,
        PricingServiceServer,
        TextServiceServer,
        DocumentServiceServer,
        ApplicationServiceServer,
        ImportServiceServer,
        AdminServiceServer,
    );

    let ages = aging::ages(services.patience.connection_age);
    let (dispatcher, connections) = Dispatcher::new(ages.len());
    let servers = ages.into_iter().zip(connections).map(|(age, connections)| {
        let mut server = Server::builder()
            .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
            .http2_keepalive_interval(Some(services.patience.keepalive_every))
            .http2_keepalive_timeout(Some(services.patience.keepalive_timeout));
        if let Some(age) = age {
            server = server.max_connection_age(age);
        }
        let server = server.layer(calls.clone()).layer(services.access.clone()).add_routes(routes.clone());
        server.serve_with_incoming_shutdown(connections, stop.clone().cancelled_owned())
    });
    let incoming = accept::connections(listener, services.patience.keepalive_every);
    let incoming = accept::admitted(incoming, services.peers.clone(), services.tls.is_none());
    let incoming = match services.tls.clone() {
        Some(certificates) => handshakes::encrypted(incoming, services.peers.clone(), certificates).left_stream(),
        None => incoming.map(|(stream, place)| Connection::plain(stream, place)).right_stream(),
    };
    let (peers, patience) = (services.peers.clone(), services.patience.clone());
    let _watching = AbortOnDropHandle::new(tokio::spawn(async move { peers.watch(&patience).await }));
    // Dropped, the listener is closed.
    let accepting = stop.clone().run_until_cancelled_owned(dispatcher.accept(incoming));
    let _following =
        services.tls.clone().map(|tls| AbortOnDropHandle::new(tokio::spawn(async move { tls.follow().await })));
    let serving = async { tokio::join!(try_join_all(servers), accepting).0.map(drop) };
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        () = shutdown => {}
    }

    tracing::info!("stopping: no new calls; waiting for those in flight");
    health.stop().await;
    services.stopping.cancel();
    stop.cancel();
    let mut drained = std::pin::pin!(drain(&calls, &services));
    // The server must be polled for calls to finish; it does not end while a health watch or a silent peer is there.
    tokio::select! {
        ended = &mut serving => {
            ended?;
            drained.await;
        }
        () = &mut drained => {}
    }
    if let Some(keys) = services.access.keys() {
        // What was used in the last minute; nothing waits for it long.
        let _ = tokio::time::timeout(RECORD, keys.note_used()).await;
    }
    services.db.close();
    Ok(())
}

/// Waits for calls and imports to finish, cuts off what takes too long, and lets the last answers leave.
async fn drain(calls: &Calls, services: &Services) {
    services.imports.leave();
    let finished = async { tokio::join!(calls.idle(), services.imports.idle()) };
    let patience = services.patience.drain;
    if tokio::time::timeout(patience, finished).await.is_err() {
        tracing::warn!("some calls or imports did not finish in {patience:?} and are cut off");
        calls.cut_off();
    }
    // The database may be gone; then the lease says the same a minute later.
    if tokio::time::timeout(RECORD, services.imports.stop()).await.is_err() {
        tracing::warn!("some imports could not be given back; other servers take them over when their leases are over");
    }
    tokio::time::sleep(FLUSH).await;
}

/// Ours and `google.rpc`, so that debugging tools print error details decoded.
fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
