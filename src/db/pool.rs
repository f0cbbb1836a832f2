//! The connection pool: a fixed size, an overflow that closes when idle, and timeouts on every step.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use deadpool_postgres::{ManagerConfig, Object, Pool, PoolError, QueueMode, RecyclingMethod, Runtime, TimeoutType};
use futures::future::BoxFuture;
use lekalo_migrate::tls;
use tokio::sync::{OnceCell, watch};
use tokio::task::JoinHandle;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use super::bulkhead::Bulkhead;
use super::catalog_writes::CatalogWrites;
use super::circuit_breaker::CircuitBreaker;
use super::connection::Connection;
use super::credentials::{Credentials, ReadPassword};
use super::deadline::DEFAULT_STATEMENT_TIMEOUT;
use super::error::{is_retryable, unavailable};
use super::metrics::Metrics;
use super::probe::{Health, Probe};
use super::session::Session;
use super::write_limit::WriteLimit;
use uuid::Uuid;

use crate::domain::error::Result;
use crate::domain::page::PageKey;

/// The role the service works as: it owns nothing and row-level security holds for it.
pub const APP_ROLE: &str = "lekalo_app";

/// How long connecting may take.
pub(super) const CREATE: Duration = Duration::from_secs(5);
/// How long checking a used connection may take.
const RECYCLE: Duration = Duration::from_secs(2);
/// How long a TCP peer may be silent before the connection counts as lost.
const SILENT_PEER: Duration = Duration::from_secs(10);
/// How long a connection beyond the pool size may be idle.
const OVERFLOW_IDLE: Duration = Duration::from_secs(2);
/// The first and the longest pause before another try where a connection could not be had.
const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_millis(500);

/// How the pool connects.
struct Connector {
    credentials: Arc<Credentials>,
    tls: MakeRustlsConnect,
    metrics: Arc<Metrics>,
}

impl deadpool_postgres::Connect for Connector {
    fn connect(
        &self,
        config: &tokio_postgres::Config,
    ) -> BoxFuture<'_, Result<(tokio_postgres::Client, JoinHandle<()>), tokio_postgres::Error>> {
        let config = config.clone();
        Box::pin(async move { self.metrics.connecting(self.credentials.connect(&config, &self.tls)).await })
    }
}

/// How to reach the database.
#[derive(Clone)]
pub struct Options {
    pub config: tokio_postgres::Config,
    pub tls: tls::Tls,
    /// Switch to [`APP_ROLE`] on connecting; off where the credentials are already those of a restricted role.
    pub switch_role: bool,
    /// Reads the password again, which may have changed since the start.
    pub read_password: Option<ReadPassword>,
    /// Connections kept open.
    pub pool_size: usize,
    /// Connections beyond that, opened in a burst and closed when idle.
    pub max_overflow: usize,
    /// How long a call waits for a free connection, and a write for its turn.
    pub pool_timeout: Duration,
    /// How long a statement may run when no caller waits with a shorter deadline.
    pub statement_timeout: Duration,
    /// Log each statement's name and time (never its values).
    pub echo: bool,
    /// Log the name and the time of a statement that takes so long.
    pub slow_statement: Option<Duration>,
    /// How long an import may go without a sign of life before it counts as interrupted.
    pub import_lease: Duration,
    /// How long audit events are kept; none: for ever.
    pub audit_retention: Option<Duration>,
    /// How long a statement on a caller's behalf waits for a lock: less than a call waits for a connection.
    pub lock_wait: Duration,
    /// How old a connection may become: the next one goes where the server's name leads by then.
    pub max_lifetime: Duration,
}

impl Options {
    /// The usual ones.
    pub fn new(config: tokio_postgres::Config) -> Self {
        Self {
            config,
            tls: tls::Tls::default(),
            switch_role: true,
            read_password: None,
            pool_size: 5,
            max_overflow: 10,
            pool_timeout: Duration::from_secs(5),
            statement_timeout: DEFAULT_STATEMENT_TIMEOUT,
            echo: false,
            slow_statement: None,
            import_lease: Duration::from_secs(30),
            audit_retention: Some(Duration::from_secs(400 * 24 * 3600)),
            lock_wait: Duration::from_secs(2),
            max_lifetime: Duration::from_secs(1800),
        }
    }

    /// The role the service works as.
    pub fn role(&self) -> &str {
        if self.switch_role { APP_ROLE } else { self.config.get_user().unwrap_or("postgres") }
    }

    /// How to connect as that role; options that the configuration has stay.
    pub(super) fn as_role(&self) -> tokio_postgres::Config {
        let mut config = self.config.clone();
        if self.switch_role {
            let chosen = config.get_options().unwrap_or_default().to_owned();
            config.options(format!("{chosen} -c role={APP_ROLE}").trim());
        }
        config
    }
}

/// The database, as the app role.
#[derive(Clone)]
pub struct Db {
    pub(super) pool: Pool,
    pub(super) config: Arc<tokio_postgres::Config>,
    credentials: Arc<Credentials>,
    /// The role it works as.
    role: String,
    pub(super) tls: MakeRustlsConnect,
    pub(super) breaker: Arc<CircuitBreaker>,
    /// Whether it takes our work, as health said last; none where nobody looks.
    is_ready: Arc<watch::Sender<Option<bool>>>,
    pub(super) bulkhead: Arc<Bulkhead>,
    pub(super) metrics: Arc<Metrics>,
    /// Which catalogs this process has changed.
    pub(super) catalog_writes: Arc<CatalogWrites>,
    pub(super) pool_timeout: Duration,
    pub(super) import_lease: Duration,
    pub(super) audit_retention: Option<Duration>,
    /// Whose the imports are that this process carries out.
    pub(super) holder: Uuid,
    pub(super) statement_timeout: Duration,
    pub(super) lock_wait: Duration,
    pub(super) write_limit: Arc<WriteLimit>,
    /// The time zones that PostgreSQL knows.
    pub(super) time_zones: Arc<OnceCell<HashSet<String>>>,
    pub(super) page_key: Arc<OnceCell<PageKey>>,
    /// Closes connections that are idle beyond the pool's size, or too old, as long as there is a [`Db`].
    _closing: Arc<AbortOnDropHandle<()>>,
}

impl Db {
    /// Sets the pool up; connects only when first used.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(options: &Options) -> anyhow::Result<Self> {
        let mut config = options.as_role();
        config
            .application_name(application_name())
            .connect_timeout(CREATE)
            .tcp_user_timeout(SILENT_PEER)
            .keepalives_idle(SILENT_PEER);
        let tls = tls::connector(&options.tls, &mut config)?;
        let metrics = Arc::new(Metrics::new(options.echo, options.slow_statement));
        let credentials = Arc::new(Credentials::new(options.read_password.clone()));
        let manager = deadpool_postgres::Manager::from_connect(
            config.clone(),
            Connector { credentials: credentials.clone(), tls: tls.clone(), metrics: metrics.clone() },
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let connections = options.pool_size.max(1) + options.max_overflow;
        let pool = Pool::builder(manager)
            .max_size(connections)
            // The last one used has its catalogs at hand, and what a burst opened may rest until it is closed.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(options.pool_timeout))
            .create_timeout(Some(CREATE))
            .recycle_timeout(Some(RECYCLE))
            .runtime(Runtime::Tokio1)
            .build()?;
        let closing = tokio::spawn(close_excess_and_old(pool.clone(), options.pool_size.max(1), options.max_lifetime));
        Ok(Self {
            pool,
            config: Arc::new(config),
            credentials,
            role: options.role().to_owned(),
            tls,
            breaker: Arc::new(CircuitBreaker::new()),
            is_ready: Arc::new(watch::Sender::new(None)),
            bulkhead: Arc::new(Bulkhead::of(connections, options.lock_wait)),
            metrics,
            catalog_writes: Arc::default(),
            pool_timeout: options.pool_timeout,
            import_lease: options.import_lease,
            audit_retention: options.audit_retention,
            holder: Uuid::now_v7(),
            statement_timeout: options.statement_timeout,
            lock_wait: options.lock_wait,
            write_limit: Arc::new(WriteLimit::of(connections)),
            time_zones: Arc::default(),
            page_key: Arc::default(),
            _closing: Arc::new(AbortOnDropHandle::new(closing)),
        })
    }

    /// A connection of one's own until it is dropped.
    pub(super) async fn connection(&self) -> Result<Connection> {
        if self.breaker.is_open() {
            return Err(unavailable());
        }
        let mut permit = self.bulkhead.enter().await?;
        let object = loop {
            let object = tokio::select! {
                object = self.object() => object?,
                () = self.breaker.opened() => return Err(unavailable()),
            };
            // Its method was found to be blocked while it waited: the connection is better used by others.
            if permit.is_some() || !self.bulkhead.is_needed() {
                break object;
            }
            drop(object);
            permit = self.bulkhead.enter().await?;
        };
        Ok(Connection::new(self, object, permit))
    }

    /// Where a new connection cannot be had just now, a used one may become free, or the server be back.
    async fn object(&self) -> Result<Object, PoolError> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(MIN_BACKOFF)
            .with_max_delay(MAX_BACKOFF)
            .with_jitter()
            .without_max_times()
            .with_total_delay(Some(self.pool_timeout));
        let got = (|| self.pool.get()).retry(pauses).sleep(tokio::time::sleep).when(is_retryable);
        let limit = self.pool_timeout + MAX_BACKOFF;
        let began = Instant::now();
        let got = tokio::time::timeout(limit, got).await.unwrap_or(Err(PoolError::Timeout(TimeoutType::Wait)));
        self.metrics.wait.observe(began.elapsed().as_secs_f64());
        if matches!(got, Err(PoolError::Timeout(TimeoutType::Wait))) {
            self.metrics.timeouts.inc();
        }
        got
    }

    /// A session past the pool.
    pub(super) fn own_session(&self) -> impl Future<Output = Result<Session, tokio_postgres::Error>> + Send + '_ {
        Session::open(&self.config, &self.credentials, &self.tls)
    }

    /// Asks how the database is, past the pool.
    pub fn probe(&self) -> Probe {
        Probe::new(&self.config, self.credentials.clone(), self.tls.clone(), self.role.clone())
    }

    /// How the database is.
    pub async fn health(&self, probe: &mut Probe) -> Health {
        probe.check(&self.breaker).await
    }

    /// Answers calls at once, as long as the database is known to be away. Idle connections from before are closed.
    pub fn set_away(&self, is_away: bool) {
        if self.breaker.set_open(is_away) {
            self.close_idle();
        }
    }

    /// Closes what nobody uses: the next call connects anew.
    pub fn close_idle(&self) {
        self.pool.retain(|_, _| false);
    }

    /// Keeps calls out until [`Self::start`].
    pub fn hold(&self) {
        self.breaker.hold();
    }

    /// Lets calls in.
    pub fn start(&self) {
        self.breaker.start();
    }

    /// Waits for [`Self::start`], where it is still to come.
    pub async fn started(&self) {
        self.breaker.started().await;
    }

    /// Says whether the database takes our work, as health has just said.
    pub fn set_ready(&self, is_ready: bool) {
        self.is_ready.send_replace(Some(is_ready));
    }

    /// Whether the database takes our work, as health said last.
    pub fn is_ready(&self) -> bool {
        *self.is_ready.borrow() == Some(true)
    }

    /// Waits until health has said that the database takes our work.
    pub async fn ready(&self) {
        // An error would mean that the sender is gone, which is here.
        let _ = self.is_ready.subscribe().wait_for(|is_ready| *is_ready == Some(true)).await;
    }

    /// Where health has said that the database does not take our work: waits until it does. Whether that was so.
    pub async fn recovered(&self) -> bool {
        let was_unfit = *self.is_ready.borrow() == Some(false);
        if was_unfit {
            self.ready().await;
        }
        was_unfit
    }

    /// Which catalogs this process has changed, as far as that lasts.
    pub fn catalog_writes(&self) -> &CatalogWrites {
        &self.catalog_writes
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        let mut connection = self.connection().await?;
        connection.dirty = true;
        connection.answer(RECYCLE, connection.client()?.simple_query("SELECT 1")).await??;
        connection.dirty = false;
        Ok(())
    }

    /// Open connections, idle ones among them.
    pub fn connections(&self) -> usize {
        self.pool.status().size
    }

    /// Closes the pool: waiting calls fail, used connections close when they are given back.
    pub fn close(&self) {
        self.pool.close();
    }
}

/// Which server it is, to who looks at the database's sessions.
fn application_name() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    // PostgreSQL cuts off what is longer than 63 bytes.
    format!("lekalo@{host}").chars().filter(char::is_ascii).take(63).collect()
}

async fn close_excess_and_old(pool: Pool, keep: usize, max_lifetime: Duration) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        let mut excess = pool.status().size.saturating_sub(keep);
        pool.retain(|_, metrics| {
            let idle_since = metrics.recycled.unwrap_or(metrics.created);
            let is_excess = excess > 0 && idle_since.elapsed() > OVERFLOW_IDLE;
            let close = is_excess || metrics.created.elapsed() > max_lifetime;
            excess = excess.saturating_sub(usize::from(close));
            !close
        });
    }
}
