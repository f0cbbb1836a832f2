//! The gRPC server: one thin file per service (a handler checks, converts, calls, converts), and what all calls share.
//!
//! # The next RPC
//! Write it in `proto/`, then override its method in the service's file here; until then it answers UNIMPLEMENTED.
//! Fields are checked by [`request::Check`] before the database sees any of them, types are converted in [`convert`],
//! errors become statuses in [`status`].

mod admin;
mod aliases;
mod application;
mod application_writes;
mod calls;
mod catalog;
mod convert;
mod health;
mod import;
mod import_writes;
mod options;
mod pricing;
mod request;
mod resolve;
mod status;
mod tenant;
mod tenant_writes;
mod text;
mod write;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::db::Db;
use crate::feeds::Feeds;
use crate::import::run::Runner;
use crate::import::upload::Uploads;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::proto::lekalo::v1::{
    admin_service_server::AdminServiceServer, application_service_server::ApplicationServiceServer,
    catalog_service_server::CatalogServiceServer, import_service_server::ImportServiceServer,
    pricing_service_server::PricingServiceServer, tenant_service_server::TenantServiceServer,
    text_service_server::TextServiceServer,
};
use crate::spellings::Spellings;
use crate::vehicles::Index;
use calls::Calls;

/// The largest message taken; file chunks are at most 3 MiB.
const MAX_REQUEST_BYTES: usize = 4 << 20;
/// The largest message sent.
const MAX_RESPONSE_BYTES: usize = 16 << 20;
const MAX_STREAMS_PER_CONNECTION: u32 = 256;
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long calls in flight may take to end once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(6);
/// How long recording interrupted imports may take.
const RECORD: Duration = Duration::from_secs(2);
/// How long the last answers may take to leave.
const FLUSH: Duration = Duration::from_millis(250);

/// What the services work with.
#[derive(Clone)]
pub struct World {
    pub db: Db,
    pub imports: Runner,
    pub index: &'static Index,
    pub spellings: Arc<Spellings>,
    pub uploads: Uploads,
    pub feeds: Arc<Feeds>,
    /// Tells streams that the server stops.
    pub stopping: CancellationToken,
}

impl World {
    /// A world over this database, with the usual limits on uploads.
    pub fn new(db: Db, imports: Runner, spellings: Arc<Spellings>) -> Self {
        let (uploads, feeds) = (Uploads::default(), Feeds::new(db.clone()));
        let (index, stopping) = (Index::shipped(), CancellationToken::new());
        Self { db, imports, index, spellings, uploads, feeds, stopping }
    }
}

/// Serves on `listener` until `shutdown`, then ends gracefully: health turns NOT_SERVING, calls in flight finish
/// (at most some seconds), imports are recorded as interrupted, and what still hangs is cut off.
///
/// # Errors
/// When the listener fails or the reflection data is broken.
pub async fn serve(
    listener: TcpListener,
    world: World,
    shutdown: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let calls = Calls::default();
    let stop = CancellationToken::new();
    let (health, health_service) = health::start(world.db.clone(), stop.clone()).await;

    let mut server = Server::builder()
        .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .layer(calls.clone())
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    macro_rules! add {
        ($($service:ident),+ $(,)?) => {
            $(server = server.add_service(
                $service::new(world.clone())
                    .max_decoding_message_size(MAX_REQUEST_BYTES)
                    .max_encoding_message_size(MAX_RESPONSE_BYTES),
            );)+
        };
    }
    add!(
        TenantServiceServer,
        CatalogServiceServer,
        PricingServiceServer,
        TextServiceServer,
        ApplicationServiceServer,
        ImportServiceServer,
        AdminServiceServer,
    );

    // The builder's socket options hold only for sockets it binds itself; without nodelay an answer waits 40 ms.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(KEEPALIVE_EVERY));
    let serving = server.serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        () = shutdown => {}
    }

    tracing::info!("stopping: no new calls; waiting for those in flight");
    health.stop().await;
    world.stopping.cancel();
    stop.cancel();
    let mut drained = std::pin::pin!(drain(&calls, &world));
    // The server must be polled for calls to finish; it does not end while a health watch or a silent peer is there.
    tokio::select! {
        ended = &mut serving => {
            ended?;
            drained.await;
        }
        () = &mut drained => {}
    }
    world.db.close();
    Ok(())
}

/// Waits for calls and imports to finish, cuts off what takes too long, and lets the last answers leave.
async fn drain(calls: &Calls, world: &World) {
    let finished = async { tokio::join!(calls.idle(), world.imports.idle()) };
    if tokio::time::timeout(DRAIN, finished).await.is_err() {
        tracing::warn!("some calls or imports did not finish in {DRAIN:?} and are cut off");
        calls.cut_off();
    }
    // The database may be gone; then the lease says the same a minute later.
    if tokio::time::timeout(RECORD, world.imports.stop()).await.is_err() {
        tracing::warn!("the end of some imports could not be recorded; they will count as interrupted");
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
