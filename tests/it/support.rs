//! What tests share: one PostgreSQL for the whole run, a database of its own for each test, and real servers.

pub mod applications;
pub mod catalog;
pub mod certificates;
pub mod collector;
pub mod decisions;
pub mod documents;
pub mod http;
pub mod identity;
mod limits;
mod memory_group;
pub mod methods;
pub mod neighbours;
pub mod pooler;
pub mod pricing;
pub mod random;
pub mod raw;
pub mod service;
pub mod tenants;
pub mod uploads;
pub mod wire;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use lekalo::catalog::{Catalogs, Limits};
use lekalo::db::{Db, Options, migrations};
use lekalo::grpc::{self, Access, Services};
use lekalo::import::run::Runner;
use lekalo::import::sandbox::{Extractor, SandboxLimits};
use lekalo::live_index::LiveIndex;
use lekalo_migrate::tls;
use lekalo_postgres::{EmbeddedOptions, EmbeddedServer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_postgres::{Client, Config, NoTls};
use tonic::transport::Channel;

pub use limits::{is_long, limit, memory_group, npx, other_server, shared_data, skipped, skipped_unless_long};

/// The program under test.
pub const LEKALO: &str = env!("CARGO_BIN_EXE_lekalo");

/// The sample price list, as the product ships it.
pub const SAMPLE_PDF: &[u8] = include_bytes!("../../data/sample-price-list.pdf");

/// The run's PostgreSQL.
struct Cluster {
    config: Config,
    /// Makes the databases: a connection for each of them would cost as much as they do.
    admin: Client,
}

/// The cluster lives as long as the test process; its runtime keeps a thread of its own.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        let data_dir = kept_folder(&std::process::id().to_string());
        copy_cluster(&data_dir).await;
        // It ends when its input does, with this process.
        let mut clean_up = std::process::Command::new("sh");
        clean_up.args(["-c", CLEAN_UP, "sh"]).arg(&data_dir).args(PLACES.map(|place| format!("{place}/{}", name(""))));
        let clean_up = clean_up.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = EmbeddedServer::start(&EmbeddedOptions { data_dir: Some(data_dir), ..options() }).await.unwrap();
        prepare_template(&server).await;
        let config = server.config();
        sender.send(Cluster { admin: connect(&config).await, config }).unwrap();
        // Dropped with the process, and PostgreSQL with it.
        std::future::pending::<()>().await;
        drop((server, clean_up));
    });
    receiver.recv().expect("the test cluster did not start")
});

/// Hundreds of databases are thrown away as a folder: dropping them one by one takes minutes. What killed runs left goes
/// first, then the run waits for its end.
const CLEAN_UP: &str = r#"
    for run in "$2"[0-9]* "$3"[0-9]*; do kill -0 "${run##*-}" || rm -rf "$run"; done
    cat
    until rm -rf "$1"; do sleep 1; done"#;

/// Where databases are made: in memory where there is plenty, for hundreds of them are thousands of files each.
const PLACES: [&str; 2] = ["/dev/shm", "/tmp"];

/// Three times what a run's databases take.
const ROOM: u64 = 9 << 30;

const TEMPLATE: &str = "lekalo_template";

fn options() -> EmbeddedOptions {
    let settings =
        [("max_connections", "200"), ("shared_buffers", "64MB"), ("synchronous_commit", "off"), ("autovacuum", "off")];
    EmbeddedOptions {
        pg_bin: std::env::var_os("LEKALO_PG_BIN").map(PathBuf::from),
        settings: settings.map(|(name, value)| (name.into(), value.into())).into(),
        durable: false,
        ..EmbeddedOptions::default()
    }
}

/// What a folder of this user's and this checkout's tests is called.
fn name(end: &str) -> String {
    let user = nix::unistd::Uid::current();
    let checkout = env!("CARGO_MANIFEST_DIR").replace(|ch: char| !ch.is_ascii_alphanumeric(), "-");
    format!("lekalo-tests-{user}-{checkout}-{end}")
}

fn kept_folder(end: &str) -> PathBuf {
    place().join(name(end))
}

/// Where this run's servers have their data; what it starts has its temporary folders there too.
pub fn place() -> &'static Path {
    static PLACE: LazyLock<&str> = LazyLock::new(|| {
        let [memory, disk] = PLACES;
        let free = nix::sys::statvfs::statvfs(memory).map(|it| it.blocks_available() * it.fragment_size());
        let place = if free.is_ok_and(|free| free >= ROOM) { memory } else { disk };
        tempfile::env::override_temp_dir(Path::new(place)).unwrap();
        place
    });
    Path::new(*PLACE)
}

/// A folder that a server which root starts can get to.
pub fn folder() -> TempDir {
    let everybody = std::fs::Permissions::from_mode(0o755);
    tempfile::Builder::new().prefix("lekalo-test-").permissions(everybody).tempdir_in(place()).unwrap()
}

/// Migrates and seeds the database that tests are cloned from.
async fn prepare_template(server: &EmbeddedServer) {
    let client = connect(&server.config()).await;
    client.batch_execute(&format!("CREATE DATABASE {TEMPLATE}")).await.unwrap();
    let mut config = server.config();
    config.dbname(TEMPLATE);
    migrations::up(&config, &tls::OFF).await.unwrap();
    let db = Db::new(&db_options(&config)).unwrap();
    db.apply_seed(&lekalo::seed::shipped().unwrap(), false).await.unwrap();
    db.close();
}

/// How the service connects to a test's database.
pub fn db_options(config: &Config) -> Options {
    Options { tls: tls::OFF.clone(), pool_size: 4, max_overflow: 4, ..Options::new(config.clone()) }
}

/// A connection as the owner, a superuser, past the pool.
pub async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// An empty database of its own.
pub async fn empty_database() -> Config {
    create_database("template0").await
}

/// A migrated and seeded database of its own.
pub async fn database() -> Config {
    create_database(TEMPLATE).await
}

async fn create_database(template: &str) -> Config {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    limit();
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::SeqCst));
    let cluster = tokio::task::spawn_blocking(|| &*CLUSTER).await.unwrap();
    // Two clones of one template at once collide; PostgreSQL says so, and the second waits its turn.
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = TURN.lock().await;
    // Copied by files it takes half the time, and its first connection finds the catalogs' cache.
    let create = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy");
    cluster.admin.batch_execute(&create).await.unwrap();
    let mut config = cluster.config.clone();
    config.dbname(&name);
    config
}

/// A database of its own that is now as that one is; whoever is still connected to that one no longer is.
pub async fn copy_of(config: &Config) -> Config {
    let name = config.get_dbname().unwrap();
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    CLUSTER.admin.execute(others, &[&name]).await.unwrap();
    create_database(name).await
}

/// A pool on a migrated and seeded database.
pub async fn seeded() -> Db {
    Db::new(&db_options(&database().await)).unwrap()
}

/// A real server on a port of its own.
pub struct TestServer {
    pub db: Db,
    pub config: Config,
    pub addr: SocketAddr,
    pub channel: Channel,
    /// What the server knows of car names.
    pub live_index: Arc<LiveIndex>,
    stop: Option<oneshot::Sender<()>>,
    pub ended: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl TestServer {
    /// Serves a migrated and seeded database.
    pub async fn start() -> Self {
        Self::over(database().await).await
    }

    /// Serves this database.
    pub async fn over(config: Config) -> Self {
        let options = db_options(&config);
        Self::through(options, config).await
    }

    /// Serves the database that `options` lead to, be it by a detour; `config` leads straight there.
    pub async fn through(options: Options, config: Config) -> Self {
        Self::with(options, config, |services| services).await
    }

    /// The same with services that are adjusted first.
    pub async fn with(options: Options, config: Config, adjust: impl FnOnce(Services) -> Services) -> Self {
        let db = Db::new(&options).unwrap();
        let extractor = Extractor { program: LEKALO.into(), limits: SandboxLimits::default() };
        let live_index = Arc::new(LiveIndex::new(db.clone()));
        let imports = Runner::new(db.clone(), live_index.clone(), extractor);
        let services = Services::new(db.clone(), imports, live_index.clone());
        // What keys are for is tested in `auth.rs`.
        let services = adjust(Services { access: Access::Anybody, ..services });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(grpc::serve(listener, services, async {
            let _ = stopped.await;
        }));
        let channel = Channel::from_shared(format!("http://{addr}")).unwrap().connect().await.unwrap();
        Self { db, config, addr, channel, live_index, stop: Some(stop), ended }
    }

    /// Serves a migrated and seeded database and keeps no tenant's catalog: what is written of one past it is read at once.
    pub async fn reading_through() -> Self {
        let config = database().await;
        Self::with(db_options(&config), config, |services| {
            let limits = Limits { bytes: 0, ..Limits::default() };
            Services { catalogs: Catalogs::new(services.db.clone(), services.live_index.clone(), limits), ..services }
        })
        .await
    }

    /// Tells it to stop, as SIGTERM does.
    pub fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Stops it as SIGTERM does, and waits until it has ended.
    pub async fn stop(mut self) {
        self.begin_stop();
        tokio::time::timeout(Duration::from_secs(10), self.ended).await.unwrap().unwrap().unwrap();
    }
}

/// Puts a cluster into an empty data directory: a copy of one that `initdb` made, which takes a tenth of the time.
pub async fn copy_cluster(data_dir: &Path) {
    static MADE: tokio::sync::OnceCell<PathBuf> = tokio::sync::OnceCell::const_new();
    // Kept between runs, for each PostgreSQL.
    let made = MADE.get_or_init(async || {
        let version = options().pg_bin.map(|bin| {
            let said = std::process::Command::new(bin.join("postgres")).arg("--version").output().unwrap().stdout;
            String::from_utf8(said).unwrap().replace(|ch: char| !ch.is_ascii_alphanumeric(), "-")
        });
        let data_dir = kept_folder(&format!("empty{}", version.unwrap_or_default()));
        let made = EmbeddedOptions { data_dir: Some(data_dir.clone()), ..options() };
        EmbeddedServer::start(&made).await.unwrap().stop().await.unwrap();
        data_dir
    });
    let from = made.await;
    std::fs::create_dir_all(data_dir).unwrap();
    let parts = ["lekalo.lock", "pgdata"].map(|part| from.join(part));
    let copied = std::process::Command::new("cp").arg("-a").args(parts).arg(data_dir).status().unwrap();
    assert!(copied.success(), "{copied}");
}
