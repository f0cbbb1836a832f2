//! Is the database there, and does it take our work? Asked past the pool, so that what callers do to the pool does not matter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{join, join_all, try_join};
use lekalo_migrate::connect::hosts;
use lekalo_migrate::tls;
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::advice::{advise, chain, place};
use super::circuit_breaker::CircuitBreaker;
use super::credentials::Credentials;
use super::pool::{APP_ROLE, CREATE, Options};
use super::session::Session;

/// A database that has not answered by then counts as silent.
const LIMIT: Duration = Duration::from_secs(1);

/// Then a session is replaced: it remembers all tables that it ever saw, and stays where its host's name once led.
const KEEP: Duration = Duration::from_secs(10);

/// What the service cannot do without.
const TABLES: [&str; 41] = [
    "admin_requests",
    "api_key_changes",
    "api_key_tenants",
    "api_keys",
    "application_events",
    "application_feeds",
    "applications",
    "audit_events",
    "body_types",
    "bot_texts",
    "brands",
    "category_aliases",
    "channel_claims",
    "customers",
    "document_versions",
    "documents",
    "import_changes",
    "import_files",
    "import_issues",
    "import_rows",
    "imports",
    "model_variants",
    "models",
    "option_values",
    "pattern_edits",
    "patterns",
    "prices",
    "product_categories",
    "product_options",
    "service_secrets",
    "shared_audit_events",
    "shared_texts",
    "tenant_categories",
    "tenant_channels",
    "tenant_contacts",
    "tenant_option_values",
    "tenant_options",
    "tenants",
    "vehicle_aliases",
    "vehicle_reference",
    "write_requests",
];

/// Those of them in which no row is ever changed.
const NEVER_UPDATED: [&str; 6] =
    ["api_key_tenants", "audit_events", "document_versions", "import_files", "pattern_edits", "shared_audit_events"];

/// Those that are only read.
const NEVER_WRITTEN: [&str; 1] = ["service_secrets"];

/// How the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// It answers, but the service cannot do its work.
    NotReady(String),
    /// It does not answer, not even on a connection that was open.
    Away(String),
    /// One of several hosts has fallen silent, another one answers: what is connected there had better go.
    Moved(String),
}

/// Somebody whose locks our statements wait for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Blocker {
    /// The server's process.
    pub pid: i32,
    /// Its program and its role.
    pub who: String,
    /// The tables that are waited for.
    pub what: String,
}

/// Asks how the database is, at each of its hosts.
pub struct Probe {
    hosts: Vec<HostProbe>,
    /// What was said of each host last.
    last: Vec<Health>,
}

/// Asks one host.
struct HostProbe {
    config: Config,
    credentials: Arc<Credentials>,
    tls: MakeRustlsConnect,
    role: String,
    /// Whether there are no others.
    is_alone: bool,
    kept: Option<Kept>,
}

/// A session of an earlier time: where there is no room for a new one, it shows whether the database still answers.
struct Kept {
    session: Session,
    since: Instant,
}

/// Why there was no answer.
enum ProbeError {
    /// None within the limit.
    Timeout,
    /// There is no room for another session.
    Crowded(String),
    Failed(String),
}

impl Probe {
    /// Of a service with these options.
    pub(super) fn of(options: &Options) -> anyhow::Result<Self> {
        let mut config = options.as_role();
        let tls = tls::connector(&options.tls, &mut config)?;
        let credentials = Arc::new(Credentials::new(options.read_password.clone()));
        Ok(Self::new(&config, credentials, tls, options.role().to_owned()))
    }

    pub(super) fn new(config: &Config, credentials: Arc<Credentials>, tls: MakeRustlsConnect, role: String) -> Self {
        let mut config = config.clone();
        config.application_name("lekalo probe").connect_timeout(CREATE);
        let configs = hosts(&config);
        let is_alone = configs.len() == 1;
        let (tls, role) = (&tls, &role);
        let host = |config| {
            let (credentials, tls, role) = (credentials.clone(), tls.clone(), role.clone());
            HostProbe { config, credentials, tls, role, is_alone, kept: None }
        };
        Self { hosts: configs.into_iter().map(host).collect(), last: Vec::new() }
    }

    /// Looks once; takes a second at most, two where a session is replaced, but for the first time. One host that takes our work is enough.
    pub(super) async fn check(&mut self, breaker: &CircuitBreaker) -> Health {
        let healths = join_all(self.hosts.iter_mut().map(|host| host.check(breaker))).await;
        let is_away = |health: &Health| matches!(health, Health::Away(_));
        let fell_silent = healths.iter().zip(&self.last).find(|(now, before)| is_away(now) && !is_away(before));
        let best = healths.iter().min_by_key(|health| match health {
            Health::Ready => 0,
            Health::NotReady(_) => 1,
            Health::Moved(_) | Health::Away(_) => 2,
        });
        let health = match (best, fell_silent) {
            (Some(Health::Ready), Some((Health::Away(problem), _))) => Health::Moved(problem.clone()),
            (Some(best), _) => best.clone(),
            (None, _) => Health::Away("no host is configured".to_owned()),
        };
        self.last = healths;
        health
    }

    /// Who holds what our statements have waited for, for a second or more; nobody where that cannot be asked.
    pub async fn blockers(&self) -> Vec<Blocker> {
        let asked = self.hosts.iter().map(HostProbe::blockers);
        join_all(asked).await.into_iter().flatten().collect()
    }
}

impl HostProbe {
    /// On a new session, which shows that one can be had, and on the kept one, which knows the catalogs already.
    async fn check(&mut self, breaker: &CircuitBreaker) -> Health {
        let kept = async {
            let Kept { session, .. } = self.kept.as_ref()?;
            Some(timeout(LIMIT, self.look(session)).await.unwrap_or(Err(ProbeError::Timeout)))
        };
        let fresh = async {
            let session = self.open().await?;
            let problem = self.look_at_server(&session).await?;
            Ok((session, problem))
        };
        // The first session has the time that a call's has: a way of many round trips is no outage.
        let limit = if self.kept.is_some() { LIMIT } else { CREATE };
        let fresh = async { timeout(limit, fresh).await.unwrap_or(Err(ProbeError::Timeout)) };
        let (kept, fresh) = join(kept, fresh).await;
        let is_young = self.kept.as_ref().is_some_and(|kept| kept.since.elapsed() < KEEP);
        let looked = match (fresh, kept) {
            (Ok((_, Some(problem))), Some(Ok(_))) => Ok(Some(problem)),
            (Ok((_, None)), Some(Ok(problem))) if is_young => Ok(problem),
            (Ok((session, problem)), _) => {
                let tables = timeout(limit, self.look_at_tables(&session)).await.unwrap_or(Err(ProbeError::Timeout));
                self.kept = Some(Kept { session, since: Instant::now() });
                tables.map(|of_tables| problem.or(of_tables))
            }
            (Err(ProbeError::Timeout | ProbeError::Crowded(_)), Some(Ok(problem))) => Ok(problem),
            (Err(ProbeError::Failed(problem)), Some(Ok(_))) => Ok(Some(problem)),
            // A queue of callers before a pooler is no outage.
            (Err(_), Some(Err(ProbeError::Timeout))) if self.is_alone && breaker.has_answered_within(LIMIT) => Ok(None),
            (Err(error), kept) => {
                if !matches!(kept, Some(Err(ProbeError::Timeout))) {
                    self.kept = None;
                }
                Err(error)
            }
        };
        match looked {
            Ok(problem) => problem.map_or(Health::Ready, Health::NotReady),
            Err(ProbeError::Timeout) => Health::Away(format!(
                "the PostgreSQL server at {} does not answer within {} s",
                place(&self.config),
                limit.as_secs()
            )),
            Err(ProbeError::Crowded(problem)) => Health::NotReady(problem),
            Err(ProbeError::Failed(problem)) => Health::Away(problem),
        }
    }

    async fn open(&self) -> Result<Session, ProbeError> {
        let opened = Session::open(&self.config, &self.credentials, &self.tls).await;
        opened.map_err(|error| self.probe_error(&error))
    }

    /// What is wrong, if anything.
    async fn look(&self, session: &Session) -> Result<Option<String>, ProbeError> {
        let (of_server, of_tables) = try_join(self.look_at_server(session), self.look_at_tables(session)).await?;
        Ok(of_server.or(of_tables))
    }

    /// Whether the server takes writes; it reads no table for that, since a session's first reading is what costs.
    async fn look_at_server(&self, session: &Session) -> Result<Option<String>, ProbeError> {
        let sql = "-- readiness
            SELECT pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only')::bool AS is_read_only";
        let row = session.client.query_typed_one(sql, &[]).await.map_err(|error| self.probe_error(&error))?;
        let flag = |name| row.try_get::<_, bool>(name).unwrap_or_default();
        if flag("is_standby") {
            return Ok(Some(format!("the server at {} is a standby: it takes no writes", place(&self.config))));
        }
        if !flag("is_read_only") {
            return Ok(None);
        }
        let sql = "-- read_only_setting
            SELECT CASE source
                       WHEN 'database' THEN format('ALTER DATABASE %I', current_database())
                       WHEN 'user' THEN format('ALTER ROLE %I', session_user)
                       WHEN 'database user' THEN format('ALTER ROLE %I IN DATABASE %I', session_user, current_database())
                       WHEN 'configuration file' THEN 'ALTER SYSTEM'
                   END || ' RESET default_transaction_read_only'
                       || CASE source WHEN 'configuration file' THEN '; SELECT pg_reload_conf()' ELSE '' END AS writable
            FROM pg_settings
            WHERE name = 'default_transaction_read_only'";
        let row = session.client.query_typed_one(sql, &[]).await.map_err(|error| self.probe_error(&error))?;
        let writable = row.try_get::<_, Option<String>>("writable").ok().flatten();
        let mend = writable.map(|sql| format!("; a superuser or the owner may run: {sql}"));
        Ok(Some(format!("the database is read-only (default_transaction_read_only){}", mend.unwrap_or_default())))
    }

    /// Whether our tables are there and ours to use.
    async fn look_at_tables(&self, session: &Session) -> Result<Option<String>, ProbeError> {
        let sql = "-- missing_rights
            WITH needed AS (
                SELECT name, to_regclass('public.' || name) AS id FROM unnest($1::text[] /* tables */) AS name
            ), denied AS (
                SELECT name, string_agg(privilege, ', ') AS rights
                FROM needed, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS privilege
                -- Of some tables only some columns are changed.
                WHERE NOT CASE privilege WHEN 'UPDATE' THEN has_any_column_privilege(id, privilege)
                                         ELSE has_table_privilege(id, privilege) END
                    AND (privilege <> 'UPDATE' OR name <> ALL ($3::text[] /* never_updated */))
                    AND (privilege = 'SELECT' OR name <> ALL ($4::text[] /* never_written */))
                GROUP BY name
            ), alike AS (
                SELECT rights, string_agg(name, ', ' ORDER BY name) AS names FROM denied GROUP BY rights
            )
            SELECT (SELECT string_agg(name, ', ') FROM needed WHERE id IS NULL) AS missing,
                   (SELECT string_agg(format('%s on %s', rights, names), '; ' ORDER BY names) FROM alike) AS denied,
                   (SELECT string_agg(format('GRANT %s ON %s TO %s', rights, names, $2 /* role */), '; ' ORDER BY names)
                    FROM alike) AS grants";
        let (tables, never_updated, never_written) =
            (TABLES.as_slice(), NEVER_UPDATED.as_slice(), NEVER_WRITTEN.as_slice());
        let params: [(&(dyn ToSql + Sync), Type); 4] = [
            (&tables, Type::TEXT_ARRAY),
            (&APP_ROLE, Type::TEXT),
            (&never_updated, Type::TEXT_ARRAY),
            (&never_written, Type::TEXT_ARRAY),
        ];
        let row = session.client.query_typed_one(sql, &params).await;
        let row = row.map_err(|error| self.probe_error(&error))?;
        let list = |name| row.try_get::<_, Option<String>>(name).ok().flatten();
        Ok(if let Some(tables) = list("missing") {
            Some(format!("these tables are missing: {tables}; `lekalo migrate check` says what else differs"))
        } else {
            let mend = list("grants").unwrap_or_default();
            list("denied").map(|rights| format!("the role `{}` lacks {rights}; as the owner run: {mend}", self.role))
        })
    }

    async fn blockers(&self) -> Vec<Blocker> {
        let sql = "-- list_blockers
            SELECT b.pid, format('%s, role %s', coalesce(nullif(b.application_name, ''), 'no name'), b.usename) AS who,
                   string_agg(DISTINCT coalesce(c.relname::text, 'a row'), ', ') AS what
            FROM pg_stat_activity w
            JOIN pg_locks l ON l.pid = w.pid AND NOT l.granted AND l.waitstart < clock_timestamp() - interval '1 second'
            CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocking (pid)
            JOIN pg_stat_activity b ON b.pid = blocking.pid
            LEFT JOIN pg_class c ON c.oid = l.relation
            WHERE starts_with(w.application_name, 'lekalo@') AND w.datname = current_database()
                AND NOT starts_with(b.application_name, 'lekalo@')
            GROUP BY b.pid, b.application_name, b.usename
            ORDER BY b.pid";
        let Some(Kept { session, .. }) = &self.kept else { return Vec::new() };
        let rows = timeout(LIMIT, session.client.query_typed(sql, &[])).await;
        let rows = rows.ok().and_then(Result::ok).unwrap_or_default();
        let blocker = |row: &tokio_postgres::Row| {
            Some(Blocker {
                pid: row.try_get("pid").ok()?,
                who: row.try_get("who").ok()?,
                what: row.try_get("what").ok()?,
            })
        };
        rows.iter().filter_map(blocker).collect()
    }

    fn probe_error(&self, error: &tokio_postgres::Error) -> ProbeError {
        let problem = advise(error, &self.config, &self.role).map_or_else(|| chain(error), |advice| advice.problem);
        match error.code() {
            Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => ProbeError::Crowded(problem),
            _ => ProbeError::Failed(problem),
        }
    }
}
