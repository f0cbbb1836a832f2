//! The connection pool: a fixed size, an overflow that closes when idle, and timeouts on every step.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::{ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime};
use lekalo_migrate::tls;
use tokio::sync::OnceCell;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::task::AbortOnDropHandle;

use super::deadline::DEFAULT_STATEMENT_TIMEOUT;
use super::write_limit::WriteLimit;
use crate::domain::error::{Error, Result};

/// The role the service works as: it owns nothing and row-level security holds for it.
pub const APP_ROLE: &str = "lekalo_app";

/// How long connecting may take.
const CREATE: Duration = Duration::from_secs(5);
/// How long checking a used connection may take.
const RECYCLE: Duration = Duration::from_secs(2);
/// How long a TCP peer may be silent before the connection counts as lost.
const SILENT_PEER: Duration = Duration::from_secs(10);
/// How long a connection beyond the pool size may be idle.
const OVERFLOW_IDLE: Duration = Duration::from_secs(2);
/// A cancel request has no answer: one that arrives late must not hit the connection's next user.
const LATE_CANCEL: Duration = Duration::from_millis(50);
/// How long a cancelled query may take to stop before its connection is closed.
const CANCEL: Duration = Duration::from_secs(5);

/// How to reach the database.
#[derive(Clone)]
pub struct Options {
    pub config: tokio_postgres::Config,
    pub tls: tls::Mode,
    /// Switch to [`APP_ROLE`] on connecting; off where the credentials are already those of a restricted role.
    pub switch_role: bool,
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
    /// How long an import may go without a sign of life before it counts as interrupted.
    pub import_lease: Duration,
}

impl Options {
    /// The usual ones.
    pub fn new(config: tokio_postgres::Config) -> Self {
        Self {
            config,
            tls: tls::Mode::default(),
            switch_role: true,
            pool_size: 5,
            max_overflow: 10,
            pool_timeout: Duration::from_secs(5),
            statement_timeout: DEFAULT_STATEMENT_TIMEOUT,
            echo: false,
            import_lease: Duration::from_secs(30),
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
    pool: Pool,
    tls: MakeRustlsConnect,
    pub(super) echo: bool,
    pub(super) pool_timeout: Duration,
    pub(super) import_lease: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) write_limit: Arc<WriteLimit>,
    /// The time zones that PostgreSQL knows.
    pub(super) time_zones: Arc<OnceCell<HashSet<String>>>,
    /// Closes idle overflow connections as long as there is a [`Db`].
    _overflow: Arc<AbortOnDropHandle<()>>,
}

impl Db {
    /// Sets the pool up; connects only when first used.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(options: &Options) -> anyhow::Result<Self> {
        let mut config = options.as_role();
        config
            .application_name("lekalo")
            .connect_timeout(CREATE)
            .tcp_user_timeout(SILENT_PEER)
            .keepalives_idle(SILENT_PEER);
        let tls = tls::connector(options.tls, &mut config)?;
        let manager = deadpool_postgres::Manager::from_config(
            config,
            tls.clone(),
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
        let overflow = tokio::spawn(close_idle_overflow(pool.clone(), options.pool_size.max(1)));
        Ok(Self {
            pool,
            tls,
            echo: options.echo,
            pool_timeout: options.pool_timeout,
            import_lease: options.import_lease,
            statement_timeout: options.statement_timeout,
            write_limit: Arc::new(WriteLimit::of(connections)),
            time_zones: Arc::default(),
            _overflow: Arc::new(AbortOnDropHandle::new(overflow)),
        })
    }

    /// A connection of one's own until it is dropped.
    pub(super) async fn connection(&self) -> Result<Connection> {
        let object = self.pool.get().await?;
        Ok(Connection { object: Some(object), tls: self.tls.clone(), dirty: false, running: AtomicBool::new(false) })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        let mut connection = self.connection().await?;
        connection.dirty = true;
        let answer =
            tokio::time::timeout(RECYCLE, connection.answer(connection.client()?.simple_query("SELECT 1"))).await;
        connection.dirty = answer.is_err();
        answer.map_err(|_| Error::DeadlineExceeded)??;
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

async fn close_idle_overflow(pool: Pool, keep: usize) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        let mut excess = pool.status().size.saturating_sub(keep);
        if excess == 0 {
            continue;
        }
        pool.retain(|_, metrics| {
            let idle_since = metrics.recycled.unwrap_or(metrics.created);
            let close = excess > 0 && Instant::now().duration_since(idle_since) > OVERFLOW_IDLE;
            excess -= usize::from(close);
            !close
        });
    }
}

/// A checked-out connection. Dropped while `dirty` (a transaction is open) it is rolled back, while `running` (a
/// statement has not answered) it is cancelled first; it goes back to the pool only once it has answered.
pub(super) struct Connection {
    object: Option<Object>,
    tls: MakeRustlsConnect,
    pub(super) dirty: bool,
    pub(super) running: AtomicBool,
}

impl Connection {
    /// The client to send statements with.
    pub(super) fn client(&self) -> Result<&Object> {
        self.object.as_ref().ok_or_else(|| Error::internal("connection used after it was given back"))
    }
}

impl Connection {
    /// Waits for a statement's answer; if that is given up, the connection knows that the statement still runs.
    pub(super) async fn answer<T>(&self, statement: impl Future<Output = T>) -> T {
        self.running.store(true, Ordering::Relaxed);
        let answer = statement.await;
        self.running.store(false, Ordering::Relaxed);
        answer
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(object) = self.object.take().filter(|_| self.dirty) else { return };
        let tls = self.tls.clone();
        let running = self.running.load(Ordering::Relaxed);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            drop(Object::take(object));
            return;
        };
        runtime.spawn(async move {
            let stop = async {
                if !running {
                    return object.batch_execute("ROLLBACK").await;
                }
                let mut rollback = std::pin::pin!(object.batch_execute("ROLLBACK"));
                // A cancel that arrives between two statements of a pipeline stops neither: again, until all have ended.
                loop {
                    // An error here means the connection is gone, which ROLLBACK will find out too.
                    let _ = object.cancel_token().cancel_query(tls.clone()).await;
                    let waited = tokio::time::timeout(LATE_CANCEL, rollback.as_mut()).await;
                    if let Ok(stopped) = waited {
                        tokio::time::sleep(LATE_CANCEL).await;
                        return stopped;
                    }
                }
            };
            if !matches!(tokio::time::timeout(CANCEL, stop).await, Ok(Ok(()))) {
                drop(Object::take(object));
            }
        });
    }
}
