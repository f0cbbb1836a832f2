//! Is the database fit for service? For `lekalo check`, and in short for `lekalo serve`, which refuses a wrong role.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use lekalo_migrate::connect::connect as connect_to;
use lekalo_migrate::{MigrateError, Position, tls};
use tokio_postgres::Client;

use super::advice::{advise, chain, has_tls_cause, place};
use super::circuit_breaker::CircuitBreaker;
use super::error::has_io_cause;
use super::migrations::{self, shipped};
use super::pool::{APP_ROLE, Options};
use super::probe::{Health, Probe};

/// The oldest PostgreSQL whose features the schema uses (UNIQUE NULLS NOT DISTINCT).
const OLDEST_SERVER: i32 = 15;
/// `lekalo check` answers within 2 s, reachable or not.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub ok: bool,
    pub what: &'static str,
    pub detail: String,
    /// What to do about it; empty where it is well.
    pub remedy: String,
}

pub fn well(what: &'static str, detail: impl Into<String>) -> Finding {
    Finding { ok: true, what, detail: detail.into(), remedy: String::new() }
}

pub fn wrong(what: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { ok: false, what, detail: detail.into(), remedy: remedy.into() }
}

/// Why the service must not run as this role.
#[derive(Debug, thiserror::Error)]
#[error("the role `{role}` must not serve: {problem}; {remedy}")]
pub struct RoleError {
    role: String,
    problem: String,
    remedy: String,
}

/// Makes sure that row-level security holds for the role the service works as.
///
/// # Errors
/// [`RoleError`], or the database cannot be reached.
pub async fn role(options: &Options) -> anyhow::Result<()> {
    let client = connect(options).await?;
    match role_problem(&client).await? {
        None => Ok(()),
        Some(error) => Err(error.into()),
    }
}

/// Why the server cannot be reached, where it may be by and by: nothing listens, nothing answers, it is starting or full.
pub async fn absence(options: &Options) -> Option<anyhow::Error> {
    // A file that is missing here is not waited for.
    tls::connector(&options.tls, &mut options.config.clone()).ok()?;
    let error = connect(options).await.err()?;
    let is_refusal = error.downcast_ref::<tokio_postgres::Error>().is_some_and(|error| match error.code() {
        // PgBouncer says 08P01 of a server that is away, and of what it does not take.
        Some(state) if state.code() == "08P01" => chain(error).contains("startup parameter"),
        Some(state) => !matches!(state.code(), "53300" | "57P03"),
        // Something is wrong with what it was asked with: a password is missing, a certificate is not trusted.
        None => has_tls_cause(error) || !(error.is_closed() || has_io_cause(error)),
    });
    (!is_refusal).then_some(error)
}

/// Looks at everything; never fails, a failure is a finding.
pub async fn report(options: &Options, as_owner: &Options) -> Vec<Finding> {
    let (started, owner) = (Instant::now(), &as_owner.config);
    let owner_client = match connect(&Options { switch_role: false, ..as_owner.clone() }).await {
        Ok(client) => client,
        Err(error) => {
            let advice = advise(error.as_ref(), owner, owner.get_user().unwrap_or("postgres"));
            let (detail, remedy) =
                advice.map_or_else(|| (chain(error.as_ref()), String::new()), |advice| (advice.problem, advice.remedy));
            return vec![wrong("server", detail, remedy)];
        }
    };
    let mut findings = vec![server(&owner_client, owner, started.elapsed()).await, letters(&owner_client).await];
    let version = schema(as_owner).await;
    let migrated = version.ok;
    findings.push(version);
    if migrated {
        match connect(options).await {
            Err(error) => {
                let advice = advise(error.as_ref(), &options.config, options.role());
                findings.push(wrong(
                    "role",
                    advice.as_ref().map_or_else(|| chain(error.as_ref()), |advice| advice.problem.clone()),
                    advice.map(|advice| advice.remedy).unwrap_or_default(),
                ));
            }
            Ok(client) => {
                findings.push(role_finding(&client).await);
                findings.push(readiness(options).await);
                findings.push(pooler(options, &client).await);
            }
        }
        findings.push(row_level_security(&owner_client).await);
        findings.push(api_keys(&owner_client).await);
    }
    findings.push(pool(options, &owner_client).await);
    findings
}

async fn connect(options: &Options) -> anyhow::Result<Client> {
    let mut config = options.as_role();
    config.application_name("lekalo check").connect_timeout(CONNECT_TIMEOUT);
    let connector = tls::connector(&options.tls, &mut config)?;
    let (client, _) = tokio::time::timeout(CONNECT_TIMEOUT, connect_to(&config, &connector))
        .await
        .with_context(|| format!("the server at {} accepts the connection but does not answer", place(&config)))??;
    Ok(client)
}

/// Names are found and sorted by their lower-case letters, Cyrillic ones too: the database has to know them.
async fn letters(client: &Client) -> Finding {
    // Whose locale it is (libc's, ICU's, PostgreSQL's own) has another column in nearly every version.
    let row = client
        .query_one(
            "SELECT lower('Ё') = 'ё', coalesce(d.j ->> 'datlocale', d.j ->> 'daticulocale', d.j ->> 'datctype')
             FROM (SELECT to_jsonb(b) AS j FROM pg_database b WHERE datname = current_database()) d",
            &[],
        )
        .await;
    match row.map(|row| (row.get::<_, bool>(0), row.get::<_, String>(1))) {
        Ok((true, locale)) => well("letters", format!("Cyrillic case is known (locale {locale})")),
        Ok((false, locale)) => wrong(
            "letters",
            format!("Cyrillic case is unknown with the locale {locale}: names are not found whatever their case"),
            "make the database anew with UTF-8 letters: CREATE DATABASE … TEMPLATE template0 LC_CTYPE 'C.UTF-8'",
        ),
        Err(error) => wrong("letters", chain(&error), ""),
    }
}

async fn server(client: &Client, config: &tokio_postgres::Config, elapsed: Duration) -> Finding {
    let version = client.query_one("SELECT current_setting('server_version_num')::int / 10000", &[]).await;
    let milliseconds = elapsed.as_millis();
    match version.map(|row| row.get::<_, i32>(0)) {
        Ok(major) if major >= OLDEST_SERVER => {
            well("server", format!("PostgreSQL {major} at {}, connected in {milliseconds} ms", place(config)))
        }
        Ok(major) => wrong(
            "server",
            format!("PostgreSQL {major} at {} is too old", place(config)),
            format!("upgrade to PostgreSQL {OLDEST_SERVER} or newer"),
        ),
        Err(error) => wrong("server", chain(&error), ""),
    }
}

async fn schema(as_owner: &Options) -> Finding {
    let (shipped, owner, tls) = (shipped(), &as_owner.config, &as_owner.tls);
    let looked = async {
        let position = migrations::current(owner, tls).await?;
        shipped.verify(&shipped.history(owner, tls).await?)?;
        Ok::<_, MigrateError>(position)
    };
    match looked.await {
        Ok(Position { current, latest }) if current == latest => well("schema", format!("version {current}")),
        Ok(Position { current, latest }) if current > latest => {
            well("schema", format!("version {current}, newer than this program's {latest}, as in a rollout"))
        }
        Ok(Position { current, latest }) => {
            wrong("schema", format!("version {current}, this program needs {latest}"), "run `lekalo migrate up`")
        }
        Err(error) => {
            let remedy = migrations::hint(&error).unwrap_or("make sure that the role may read refinery_schema_history");
            wrong("schema", chain(&error), remedy)
        }
    }
}

async fn role_finding(client: &Client) -> Finding {
    match role_problem(client).await {
        Ok(None) => {
            let role =
                client.query_typed_one("SELECT current_user::text", &[]).await.map(|row| row.get::<_, String>(0));
            well(
                "role",
                role.map_or_else(|error| chain(&error), |role| format!("serves as {role}, which owns nothing")),
            )
        }
        Ok(Some(error)) => wrong("role", format!("{}: {}", error.role, error.problem), error.remedy),
        Err(error) => wrong("role", chain(&error), ""),
    }
}

async fn role_problem(client: &Client) -> Result<Option<RoleError>, tokio_postgres::Error> {
    // Unnamed: a prepared statement may not find its way through a pooler.
    let row = client
        .query_typed_one(
            "SELECT r.rolname::text, r.rolsuper, r.rolbypassrls,
                    EXISTS (SELECT FROM pg_class c
                            WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p')
                              AND pg_has_role(r.oid, c.relowner, 'USAGE')) AS owns_tables,
                    -- Of several privileges in one question, one would do.
                    coalesce(has_table_privilege(r.oid, to_regclass('patterns'), 'SELECT')
                             AND has_table_privilege(r.oid, to_regclass('patterns'), 'INSERT')
                             AND has_table_privilege(r.oid, to_regclass('patterns'), 'UPDATE'), true) AS granted
             FROM pg_roles r
             WHERE r.rolname = current_user",
            &[],
        )
        .await?;
    let separate = format!(
        "give the service a role of its own (CREATE ROLE bot LOGIN PASSWORD '…' IN ROLE {APP_ROLE}), put it into \
         DATABASE_URL and the owner into LEKALO_OWNER_DATABASE_URL"
    );
    let role: String = row.get(0);
    let problem = if row.get(1) {
        Some(("it is a superuser, for whom row-level security does not hold", separate))
    } else if row.get(2) {
        Some(("it has BYPASSRLS", format!("ALTER ROLE {role} NOBYPASSRLS")))
    } else if row.get("owns_tables") {
        Some(("it owns tables, and an owner can switch row-level security off", separate))
    } else if !row.get::<_, bool>("granted") {
        let remedy = if role == APP_ROLE {
            "`lekalo migrate check` names the rights that are missing; give them back as the owner: GRANT … ON … TO \
             lekalo_app"
                .to_owned()
        } else {
            format!("as the owner run: GRANT {APP_ROLE} TO {role}")
        };
        Some(("it may not use the tables", remedy))
    } else {
        None
    };
    Ok(problem.map(|(problem, remedy)| RoleError { role, problem: problem.to_owned(), remedy }))
}

/// What health would say.
async fn readiness(options: &Options) -> Finding {
    let mut probe = match Probe::of(options) {
        Ok(probe) => probe,
        Err(error) => return wrong("readiness", chain(error.as_ref()), ""),
    };
    match probe.check(&CircuitBreaker::new()).await {
        Health::Ready => well("readiness", "takes writes, with every table and right"),
        Health::NotReady(problem) | Health::Away(problem) | Health::Moved(problem) => {
            wrong("readiness", problem, "as long as it is so, health says NOT_SERVING")
        }
    }
}

/// Who could call. That there is nobody yet is no mistake.
async fn api_keys(client: &Client) -> Finding {
    let sql = "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND coalesce(expires_at > now(), true)";
    match client.query_one(sql, &[]).await.map(|row| row.get::<_, i64>(0)) {
        Ok(0) => well("API keys", "none works yet; `lekalo key issue --role admin` issues one"),
        Ok(1) => well("API keys", "1 works"),
        Ok(count) => well("API keys", format!("{count} work")),
        Err(error) => wrong("API keys", chain(&error), ""),
    }
}

/// Every table of ours with a tenant_id must have row-level security enabled and forced, with a policy.
async fn row_level_security(client: &Client) -> Finding {
    let rows = client
        .query(
            "SELECT c.relname::text,
                    c.relrowsecurity AND c.relforcerowsecurity
                        AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) AS safe
             FROM pg_class c
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
             WHERE c.relnamespace = to_regnamespace('public') AND c.relkind IN ('r', 'p')
             ORDER BY 1",
            &[],
        )
        .await;
    match rows {
        Err(error) => wrong("row-level security", chain(&error), ""),
        Ok(rows) => {
            let open: Vec<String> =
                rows.iter().filter(|row| !row.get::<_, bool>(1)).map(|row| row.get::<_, String>(0)).collect();
            if open.is_empty() {
                well("row-level security", format!("in force on {} tenant tables", rows.len()))
            } else {
                wrong(
                    "row-level security",
                    format!("not in force on {}", open.join(", ")),
                    "ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; or `lekalo migrate up` on a \
                     fresh database",
                )
            }
        }
    }
}

async fn pool(options: &Options, client: &Client) -> Finding {
    let limits = client
        .query_one(
            // PostgreSQL 16 and newer may also reserve some for a role that ours need not have.
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                    - coalesce(current_setting('reserved_connections', true)::int, 0),
                    (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend')",
            &[],
        )
        .await;
    let wanted = options.pool_size + options.max_overflow;
    let sizes = format!("{} connections + {} in bursts", options.pool_size, options.max_overflow);
    match limits.map(|row| (row.get::<_, i32>(0), row.get::<_, i32>(1))) {
        Err(error) => wrong("pool", chain(&error), ""),
        Ok((allowed, used)) if wanted > usize::try_from(allowed).unwrap_or(0) => wrong(
            "pool",
            format!("{sizes}, but the server allows only {allowed}"),
            "lower DB_POOL_SIZE or DB_MAX_OVERFLOW, or raise max_connections",
        )
        .with_use(used),
        Ok((allowed, used)) => well("pool", format!("{sizes}; the server allows {allowed}, {used} in use")),
    }
}

impl Finding {
    fn with_use(mut self, used: i32) -> Self {
        self.detail.push_str(&format!(", {used} in use"));
        self
    }
}

/// Two open connections that share one backend: a pooler in transaction mode hands it around.
async fn pooler(options: &Options, client: &Client) -> Finding {
    let backend =
        async |client: &Client| client.query_typed_one("SELECT pg_backend_pid()", &[]).await.map(|row| row.get(0));
    let Ok(second) = connect(options).await else {
        return wrong("pooler", "a second connection was refused", "raise the pooler's or the server's limit");
    };
    match (backend(client).await, backend(&second).await) {
        (Ok::<i32, _>(one), Ok(two)) if one == two => {
            well("pooler", "a pooler in transaction mode; migrations must go past it: LEKALO_OWNER_DATABASE_URL")
        }
        (Ok(_), Ok(_)) => well("pooler", "none, or one in session mode"),
        (Err(error), _) | (_, Err(error)) => wrong("pooler", chain(&error), ""),
    }
}
