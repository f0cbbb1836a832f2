//! Configuration: flags over environment over `.env` over defaults, checked all at once. Secrets never appear in Debug.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use lekalo_migrate::tls;

use crate::catalog;
use crate::import::{sandbox, upload};
use crate::jwt;
use crate::logs;
use crate::tls_server;

pub mod address;
mod source;

use source::{Source, boolean, count, retention, stale, whole};

/// Every setting: its name, its default, and what it means, as `docs/configuration.md` has it (a test writes the table there
/// when it is run with `LEKALO_TEST_WRITE=1`).
#[rustfmt::skip] // two lines for each read like a table
const KNOWN: &[(&str, &str, &str)] = &[
    ("DATABASE_URL", "",
     "`postgres://USER:PASSWORD@HOST:PORT/NAME` (also `postgresql://`, and with a driver as in `+asyncpg`), or libpq's `host=… dbname=…`; host, port, name, user and password below are then ignored; or `DATABASE_URL_FILE`, a file with it"),
    ("DB_HOST", "localhost",
     "host, or the folder of a unix socket"),
    ("DB_PORT", "5432",
     ""),
    ("DB_NAME", "car_chatbot",
     ""),
    ("DB_USER", "postgres",
     ""),
    ("DB_PASSWORD", "",
     "or `DB_PASSWORD_FILE`, a file with it"),
    ("DB_SSLMODE", "prefer",
     "where an address has no `sslmode` of its own: `disable`; `prefer`: encrypt if the server can; `require`: encrypt; `verify-ca`: encrypt, and the certificate must be trusted; `verify-full`: it must also name the host"),
    ("DB_POOL_SIZE", "5",
     "connections kept open, 1 to 1000"),
    ("DB_MAX_OVERFLOW", "10",
     "connections beyond those in a burst, closed when idle, 0 to 1000"),
    ("DB_POOL_TIMEOUT", "5",
     "seconds that a call waits for a free connection before it is answered `OVERLOADED`, 1 to 3600"),
    ("DB_POOL_MAX_LIFETIME", "1800",
     "seconds after which an idle connection is replaced, so that a moved database is followed, 1 to 86400"),
    ("DB_ECHO", "false",
     "log each statement's name and time, never its values"),
    ("DB_SLOW_STATEMENT_MS", "1000",
     "milliseconds from which on a statement's name and time are logged as slow; 0 for none"),
    ("LEKALO_OWNER_DATABASE_URL", "",
     "the role that migrates; without it the credentials above migrate; or `LEKALO_OWNER_DATABASE_URL_FILE`, a file with it"),
    ("LEKALO_SWITCH_ROLE", "auto",
     "whether the service turns to the role `lekalo_app` as it connects: `never`, where its own is a member of it (a pooler lets no role switch), `always`, or `auto`: where there is no `LEKALO_OWNER_DATABASE_URL`"),
    ("LEKALO_ADDR", "127.0.0.1:50051",
     "where `serve` listens"),
    ("LEKALO_TLS_CERT", "",
     "a PEM file with the certificate that `serve` shows, and those who signed it after it; read again when it changes; without it the port speaks plain HTTP/2"),
    ("LEKALO_TLS_KEY", "",
     "a PEM file with that certificate's key"),
    ("LEKALO_TLS_CLIENT_CA", "",
     "a PEM file with those who sign clients' certificates: only such clients get in; without it, whoever comes"),
    ("LEKALO_ADMIN_ADDR", "127.0.0.1:50052",
     "where `serve` has its admin port, with metrics and health over HTTP; `off` for none"),
    ("LEKALO_CALLS_PER_SECOND", "0",
     "calls a second that an API key, unless it says so itself, or a JWT's subject may make on each server; beyond, they are answered `RATE_LIMITED`; 0 for any number"),
    ("LEKALO_JWT_ISSUER", "",
     "who must have issued the JWTs that callers may show instead of API keys: their `iss`; set with the next two, or none of them"),
    ("LEKALO_JWT_AUDIENCE", "",
     "whom they must be meant for: one of these, which are comma-separated, must be in their `aud`"),
    ("LEKALO_JWT_JWKS", "",
     "the issuer's keys, a JSON Web Key Set: a file's absolute path, looked at each second, or a URL, fetched every 10 minutes and when a JWT names a new key; `https://…`, or `http://…` on this machine"),
    ("LEKALO_JWT_ROLE_CLAIM", "lekalo_role",
     "the claim with the caller's role: `chatbot`, `manager` or `admin`; of several the greatest counts"),
    ("LEKALO_JWT_TENANTS_CLAIM", "lekalo_tenants",
     "the claim with the slugs of the tenants that a JWT is for, or `*` for every one"),
    ("LEKALO_REFLECTION", "true",
     "whether the contract is told to whoever asks, as grpcurl and `buf curl` do, without an API key"),
    ("LEKALO_LOG", "info",
     "what is logged to stderr: `warn`, `debug`, `info,lekalo=debug` …"),
    ("LEKALO_LOG_FORMAT", "text",
     "`text`, or `json`: a line is an object"),
    ("LEKALO_LOG_CALLS", "50",
     "calls a second that have a line each, and as many that failed; the others are counted, 0 to 1000"),
    ("LEKALO_DRAIN_SECONDS", "6",
     "how long a server that is told to stop lets calls and imports go on, 1 to 3600; what stops it must wait 4 s longer before it kills"),
    ("LEKALO_MAX_CONNECTION_AGE_SECONDS", "1800",
     "how old a connection may become, a tenth more or less, before its client is to open another one, perhaps to a newer server; calls under way go on; 0 for any age, at most 86400"),
    ("LEKALO_MAX_CONNECTIONS", "1000",
     "connections of clients at once; the next one is turned away, 1 to 100000"),
    ("LEKALO_MEMORY_MIB", "512",
     "what the server's own process may take of the memory whatever clients send and do not take, 128 or more; an eighth of it is for requests and answers under way, beyond that calls are answered `OVERLOADED`"),
    ("LEKALO_CATALOG_MIB", "128",
     "what the catalogs that bots are answered from may take of the memory, beside the above; those not read for longest go first; 0: none is kept, each read asks the database"),
    ("LEKALO_MAX_STALE", "1h",
     "how long they answer on while the database is away, 0s to 7d"),
    ("LEKALO_PG_BIN", "",
     "folder of `postgres` and `initdb` for the private server, instead of looking for them"),
    ("LEKALO_UPLOAD_MIB", "128",
     "the largest file `UploadImport` takes"),
    ("LEKALO_UPLOADS", "16",
     "files that arrive or wait to be read at once; times the size above, that is what they take of the disk"),
    ("LEKALO_UPLOADS_PER_TENANT", "8",
     "of these, one tenant's; beyond either, uploads are answered `OVERLOADED`"),
    ("LEKALO_IMPORT_LEASE_SECONDS", "30",
     "how long an import may go without a sign of life before another server takes it over, 2 or more; the same for all servers of a database"),
    ("LEKALO_EXTRACT_MEMORY_MIB", "1024",
     "address space of the process that reads an uploaded file, 128 or more; what its container has left may be less, and then holds"),
    ("LEKALO_EXTRACT_SECONDS", "60",
     "processor time of that process, and half of the time that it may be waited for"),
    ("LEKALO_EXTRACT_INFLATED_MIB", "256",
     "what the compressed parts of a file may inflate to in all"),
    ("LEKALO_EXTRACT_ANSWER_MIB", "256",
     "text of all rows of a file; the server reads it as it writes the rows, little of it is in memory at once"),
    ("LEKALO_AUDIT_RETENTION", "400d",
     "how long audit events are kept, 30d to 36500d; 0: for ever"),
    ("LEKALO_ENV", "development",
     "`production` on the real thing: `lekalo reset` is refused there"),
];

/// What may be in a file of its own, whose path is set under the same name with `_FILE`: an orchestrator's secrets are files.
const SECRETS: [&str; 3] = ["DATABASE_URL", "DB_PASSWORD", "LEKALO_OWNER_DATABASE_URL"];

/// The whole configuration.
#[derive(Clone)]
pub struct Config {
    /// The service's own credentials.
    pub database: tokio_postgres::Config,
    /// The migrating role's, where they differ.
    pub owner: Option<tokio_postgres::Config>,
    /// Whether the service turns to the app's role; none: where there are no other credentials that migrate.
    pub switch_role: Option<bool>,
    /// The service's way to encrypt, and the migrating role's.
    pub tls: tls::Tls,
    pub owner_tls: tls::Tls,
    pub pool_size: usize,
    pub max_overflow: usize,
    /// How long a call waits for a connection.
    pub pool_timeout: Duration,
    /// How old a connection may become.
    pub max_lifetime: Duration,
    pub echo: bool,
    /// From when on a statement is slow.
    pub slow_statement: Option<Duration>,
    pub addr: SocketAddr,
    /// What the server encrypts with; none: it speaks plain HTTP/2.
    pub tls_server: Option<tls_server::Files>,
    pub admin: AdminAddr,
    /// How many calls a second an API key or a JWT's subject may make.
    pub calls_per_second: Option<NonZeroU32>,
    /// What is asked of JWTs.
    pub jwt: jwt::Settings,
    /// Whether the contract is told to whoever asks.
    pub reflection: bool,
    pub log: String,
    pub log_format: logs::Format,
    /// How many calls a second have a line.
    pub log_calls: u32,
    /// How long calls and imports may go on once it is told to stop.
    pub drain: Duration,
    /// How old a connection may become.
    pub max_connection_age: Option<Duration>,
    /// How many connections of clients there may be.
    pub max_connections: usize,
    /// What the server's own process may take of the memory.
    pub memory_bytes: u64,
    /// What is kept of catalogs, and how long it answers.
    pub catalogs: catalog::Limits,
    pub pg_bin: Option<PathBuf>,
    pub environment: String,
    /// What uploaded files may take of the disk.
    pub uploads: upload::UploadLimits,
    /// What reading one of them may cost.
    pub extract: sandbox::SandboxLimits,
    /// How long an import may go without a sign of life.
    pub import_lease: Duration,
    /// How long audit events are kept; none: for ever.
    pub audit_retention: Option<Duration>,
    /// Every setting's value with where it came from; no secret.
    pub shown: BTreeMap<&'static str, Shown>,
    /// What is odd but not wrong, to be told once.
    pub warnings: Vec<String>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("database", &describe(&self.database))
            .field("owner", &self.owner.as_ref().map(describe))
            .field("tls", &self.tls)
            .field("owner_tls", &self.owner_tls)
            .field("pool_size", &self.pool_size)
            .field("max_overflow", &self.max_overflow)
            .field("pool_timeout", &self.pool_timeout)
            .field("max_lifetime", &self.max_lifetime)
            .field("echo", &self.echo)
            .field("addr", &self.addr)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

/// Where a database is and as whom, without the password.
pub fn describe(config: &tokio_postgres::Config) -> String {
    format!(
        "{} as {} at {}",
        config.get_dbname().unwrap_or("?"),
        config.get_user().unwrap_or("?"),
        crate::db::advice::place(config)
    )
}

/// Everything that is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
#[error("the configuration has {} {}:\n{}", .0.len(), if .0.len() == 1 { "error" } else { "errors" }, .0.iter().map(|error| format!("  {error}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Reads the process's environment and `.env` in the working directory; real variables win.
    ///
    /// # Errors
    /// Lists every wrong value, each with where it came from.
    pub fn load() -> Result<Self, ConfigError> {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self::read(std::env::vars_os().filter_map(text), Path::new(".env"))
    }

    /// Reads the given variables and file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read(variables: impl Iterator<Item = (String, String)>, dotenv: &Path) -> Result<Self, ConfigError> {
        let mut source = Source::default();
        source.read_file(dotenv);
        for (name, value) in variables {
            source.values.insert(name, (value, "environment".to_owned()));
        }
        source.read_secrets();
        source.warn_of_unknown_names();

        let mode: tls::Mode = source.parse("DB_SSLMODE", |value| value.parse());
        let (database, tls) = match source.database("DATABASE_URL", mode) {
            Some(database) => database,
            None => (source.database_parts(), mode.into()),
        };
        let (owner, owner_tls) = match source.database("LEKALO_OWNER_DATABASE_URL", mode) {
            Some((owner, owner_tls)) => (Some(owner), owner_tls),
            None => (None, tls.clone()),
        };
        let config = Self {
            database,
            owner,
            switch_role: source.parse("LEKALO_SWITCH_ROLE", |value| match value {
                "auto" => Ok(None),
                "always" => Ok(Some(true)),
                "never" => Ok(Some(false)),
                _ => Err("must be auto, always or never".to_owned()),
            }),
            tls,
            owner_tls,
            pool_size: source.parse("DB_POOL_SIZE", |value| count(value, 1)),
            max_overflow: source.parse("DB_MAX_OVERFLOW", |value| count(value, 0)),
            pool_timeout: Duration::from_secs(source.parse("DB_POOL_TIMEOUT", |value| whole(value, 1, 3600))),
            max_lifetime: Duration::from_secs(source.parse("DB_POOL_MAX_LIFETIME", |value| whole(value, 1, 86_400))),
            echo: source.parse("DB_ECHO", boolean),
            slow_statement: match source.parse("DB_SLOW_STATEMENT_MS", |value| whole(value, 0, 3_600_000)) {
                0 => None,
                ms => Some(Duration::from_millis(ms)),
            },
            addr: source.parse_or("LEKALO_ADDR", SocketAddr::from(([127, 0, 0, 1], 50051)), |value| {
                value.parse().map_err(|_| "must be ADDRESS:PORT, such as 127.0.0.1:50051".to_owned())
            }),
            tls_server: source.tls_server(),
            admin: source.parse("LEKALO_ADMIN_ADDR", |value| value.parse()),
            calls_per_second: NonZeroU32::new(
                source.parse("LEKALO_CALLS_PER_SECOND", |value| whole(value, 0, 1_000_000)),
            ),
            jwt: source.jwt(),
            reflection: source.parse("LEKALO_REFLECTION", boolean),
            log: source.parse("LEKALO_LOG", |value| logs::parse(value).map(|_| value.to_owned())),
            log_format: source.parse("LEKALO_LOG_FORMAT", |value| value.parse()),
            log_calls: source.parse("LEKALO_LOG_CALLS", |value| whole(value, 0, 1000)),
            drain: Duration::from_secs(source.parse("LEKALO_DRAIN_SECONDS", |value| whole(value, 1, 3600))),
            max_connection_age: match source.parse("LEKALO_MAX_CONNECTION_AGE_SECONDS", |value| whole(value, 0, 86_400))
            {
                0 => None,
                seconds => Some(Duration::from_secs(seconds)),
            },
            max_connections: source.parse("LEKALO_MAX_CONNECTIONS", |value| whole(value, 1, 100_000)),
            memory_bytes: source.mebibytes("LEKALO_MEMORY_MIB", 128),
            catalogs: catalog::Limits {
                bytes: source.mebibytes("LEKALO_CATALOG_MIB", 0),
                max_stale: source.parse("LEKALO_MAX_STALE", stale),
            },
            pg_bin: Some(source.text("LEKALO_PG_BIN")).filter(|path| !path.is_empty()).map(PathBuf::from),
            environment: source.text("LEKALO_ENV"),
            uploads: source.uploads(),
            extract: source.extract(),
            // With less, a moment's load would end it.
            import_lease: Duration::from_secs(
                source.parse("LEKALO_IMPORT_LEASE_SECONDS", |value| whole(value, 2, 3600)),
            ),
            audit_retention: source.parse("LEKALO_AUDIT_RETENTION", retention),
            shown: source.shown(),
            warnings: std::mem::take(&mut source.warnings),
        };
        if source.errors.is_empty() { Ok(config) } else { Err(ConfigError(source.errors)) }
    }

    /// The role that migrates.
    pub fn owner(&self) -> &tokio_postgres::Config {
        self.owner.as_ref().unwrap_or(&self.database)
    }

    /// How the service connects.
    pub fn db_options(&self) -> crate::db::Options {
        crate::db::Options {
            tls: self.tls.clone(),
            switch_role: self.switch_role.unwrap_or(self.owner.is_none()),
            pool_size: self.pool_size,
            max_overflow: self.max_overflow,
            pool_timeout: self.pool_timeout,
            max_lifetime: self.max_lifetime,
            echo: self.echo,
            slow_statement: self.slow_statement,
            read_password: Some(Arc::new(|| Some(Self::load().ok()?.database.get_password()?.to_vec()))),
            import_lease: self.import_lease,
            audit_retention: self.audit_retention,
            ..crate::db::Options::new(self.database.clone())
        }
    }

    /// How whoever migrates connects.
    pub fn owner_options(&self) -> crate::db::Options {
        let (config, tls) = (self.owner().clone(), self.owner_tls.clone());
        crate::db::Options { config, tls, switch_role: false, read_password: None, ..self.db_options() }
    }
}

/// A setting as it may be told.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    pub value: String,
    pub from: String,
}

/// Where the admin port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminAddr {
    Off,
    At(SocketAddr),
}

impl fmt::Display for AdminAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(addr) => addr.fmt(f),
        }
    }
}

impl Default for AdminAddr {
    fn default() -> Self {
        Self::At(SocketAddr::from(([127, 0, 0, 1], 50052)))
    }
}

impl FromStr for AdminAddr {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        match value {
            "off" => Ok(Self::Off),
            _ => value
                .parse()
                .map(Self::At)
                .map_err(|_| "must be ADDRESS:PORT, such as 127.0.0.1:50052, or off".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
