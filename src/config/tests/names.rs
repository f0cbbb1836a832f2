//! Every name in [`KNOWN`] with values to try, and what each came to.

use tokio_postgres::config::Host;

use super::*;

/// Each name with two values that are not its default.
pub(super) const VALUES: [(&str, &str, &str); 47] = [
    ("DATABASE_URL", "postgres://bot:pw@db.example:6432/shop", "postgres://other:word@db2.example:6433/shop2"),
    ("DB_HOST", "db.example", "/run/postgresql"),
    ("DB_PORT", "6432", "1"),
    ("DB_NAME", "shop", "other"),
    ("DB_USER", "bot", "other"),
    ("DB_PASSWORD", "p w", "other"),
    ("DB_ECHO", "true", "false"),
    ("DB_SLOW_STATEMENT_MS", "0", "250"),
    ("DB_POOL_SIZE", "7", "8"),
    ("DB_MAX_OVERFLOW", "0", "9"),
    ("DB_POOL_TIMEOUT", "6", "30"),
    ("DB_POOL_MAX_LIFETIME", "60", "3600"),
    ("DB_SSLMODE", "require", "verify-full"),
    (
        "LEKALO_OWNER_DATABASE_URL",
        "postgres://owner:pw@db.example:6432/shop",
        "postgres://o2:pw@db2.example:6432/shop2",
    ),
    ("LEKALO_SWITCH_ROLE", "never", "always"),
    ("LEKALO_ADDR", "0.0.0.0:1234", "[::1]:50051"),
    ("LEKALO_TLS_CERT", "/etc/lekalo/tls.crt", "tls.pem"),
    ("LEKALO_TLS_KEY", "/etc/lekalo/tls.key", "tls.pem"),
    ("LEKALO_TLS_CLIENT_CA", "/etc/lekalo/clients.pem", "ca.pem"),
    ("LEKALO_ADMIN_ADDR", "off", "0.0.0.0:9000"),
    ("LEKALO_CALLS_PER_SECOND", "100", "1"),
    ("LEKALO_JWT_ISSUER", "https://id.example/realms/shops", "id"),
    ("LEKALO_JWT_AUDIENCE", "lekalo", "lekalo,panel"),
    ("LEKALO_JWT_JWKS", "https://id.example/jwks", "/etc/lekalo/jwks.json"),
    ("LEKALO_JWT_ROLE_CLAIM", "role", "https://shop.example/role"),
    ("LEKALO_JWT_TENANTS_CLAIM", "shops", "tenants"),
    ("LEKALO_REFLECTION", "false", "true"),
    ("LEKALO_LOG", "warn", "info,lekalo=debug"),
    ("LEKALO_LOG_FORMAT", "json", "text"),
    ("LEKALO_LOG_CALLS", "0", "7"),
    ("LEKALO_DRAIN_SECONDS", "1", "45"),
    ("LEKALO_MAX_CONNECTION_AGE_SECONDS", "0", "60"),
    ("LEKALO_MAX_CONNECTIONS", "7", "2000"),
    ("LEKALO_MEMORY_MIB", "256", "2048"),
    ("LEKALO_CATALOG_MIB", "0", "64"),
    ("LEKALO_MAX_STALE", "0s", "30m"),
    ("LEKALO_PG_BIN", "/opt/pg/bin", "/usr/bin"),
    ("LEKALO_ENV", "production", "staging"),
    ("LEKALO_UPLOAD_MIB", "5", "6"),
    ("LEKALO_UPLOADS", "3", "4"),
    ("LEKALO_UPLOADS_PER_TENANT", "2", "5"),
    ("LEKALO_IMPORT_LEASE_SECONDS", "2", "60"),
    ("LEKALO_AUDIT_RETENTION", "0", "30d"),
    ("LEKALO_EXTRACT_MEMORY_MIB", "512", "2048"),
    ("LEKALO_EXTRACT_SECONDS", "7", "70"),
    ("LEKALO_EXTRACT_INFLATED_MIB", "11", "12"),
    ("LEKALO_EXTRACT_ANSWER_MIB", "13", "14"),
];

/// The numbers, each with the least and the most that it may be.
pub(super) const NUMBERS: [(&str, u64, u64); 21] = [
    ("DB_PORT", 1, 65_535),
    ("DB_POOL_SIZE", 1, 1000),
    ("DB_MAX_OVERFLOW", 0, 1000),
    ("DB_POOL_TIMEOUT", 1, 3600),
    ("DB_POOL_MAX_LIFETIME", 1, 86_400),
    ("DB_SLOW_STATEMENT_MS", 0, 3_600_000),
    ("LEKALO_CALLS_PER_SECOND", 0, 1_000_000),
    ("LEKALO_LOG_CALLS", 0, 1000),
    ("LEKALO_DRAIN_SECONDS", 1, 3600),
    ("LEKALO_MAX_CONNECTION_AGE_SECONDS", 0, 86_400),
    ("LEKALO_MAX_CONNECTIONS", 1, 100_000),
    ("LEKALO_MEMORY_MIB", 128, 65_536),
    ("LEKALO_CATALOG_MIB", 0, 65_536),
    ("LEKALO_UPLOAD_MIB", 1, 65_536),
    ("LEKALO_UPLOADS", 1, 1000),
    ("LEKALO_UPLOADS_PER_TENANT", 1, 1000),
    ("LEKALO_IMPORT_LEASE_SECONDS", 2, 3600),
    ("LEKALO_EXTRACT_MEMORY_MIB", 128, 65_536),
    ("LEKALO_EXTRACT_SECONDS", 1, 3600),
    ("LEKALO_EXTRACT_INFLATED_MIB", 1, 65_536),
    ("LEKALO_EXTRACT_ANSWER_MIB", 1, 65_536),
];

pub(super) fn url(config: &tokio_postgres::Config) -> String {
    let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
    let (user, name) = (config.get_user().unwrap(), config.get_dbname().unwrap());
    format!("postgres://{user}:{password}@{}/{name}", crate::db::advice::place(config))
}

/// What each name came to where it acts, spelled as it would be set.
pub(super) fn seen(config: &Config) -> BTreeMap<&'static str, String> {
    let (options, owner) = (config.db_options(), config.owner.as_ref().map(url));
    let switches = config.switch_role.unwrap_or(owner.is_none());
    assert_eq!(options.switch_role, switches, "one role for all switches to the app's");
    assert_eq!(url(config.owner()), owner.clone().unwrap_or_else(|| url(&config.database)));
    let host = match &options.config.get_hosts()[0] {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    };
    let mebibytes = |bytes: u64| {
        assert_eq!(bytes % (1 << 20), 0);
        (bytes >> 20).to_string()
    };
    let days = |time: Duration| format!("{}d", time.as_secs() / (24 * 3600));
    let (tls, path) = (config.tls_server.clone().unwrap_or_default(), |path: &Path| path.display().to_string());
    BTreeMap::from([
        ("DATABASE_URL", url(&options.config)),
        ("DB_HOST", host),
        ("DB_PORT", options.config.get_ports()[0].to_string()),
        ("DB_NAME", options.config.get_dbname().unwrap().to_owned()),
        ("DB_USER", options.config.get_user().unwrap().to_owned()),
        ("DB_PASSWORD", String::from_utf8(options.config.get_password().unwrap_or_default().to_vec()).unwrap()),
        ("DB_ECHO", options.echo.to_string()),
        ("DB_SLOW_STATEMENT_MS", options.slow_statement.map_or(0, |slow| slow.as_millis()).to_string()),
        ("DB_POOL_SIZE", options.pool_size.to_string()),
        ("DB_MAX_OVERFLOW", options.max_overflow.to_string()),
        ("DB_POOL_TIMEOUT", options.pool_timeout.as_secs().to_string()),
        ("DB_POOL_MAX_LIFETIME", options.max_lifetime.as_secs().to_string()),
        ("DB_SSLMODE", options.tls.mode.word().to_owned()),
        ("LEKALO_OWNER_DATABASE_URL", owner.unwrap_or_default()),
        ("LEKALO_SWITCH_ROLE", config.switch_role.map_or("auto", |on| if on { "always" } else { "never" }).to_owned()),
        ("LEKALO_ADDR", config.addr.to_string()),
        ("LEKALO_TLS_CERT", path(&tls.certificate)),
        ("LEKALO_TLS_KEY", path(&tls.key)),
        ("LEKALO_TLS_CLIENT_CA", tls.client_roots.as_deref().map(path).unwrap_or_default()),
        ("LEKALO_ADMIN_ADDR", config.admin.to_string()),
        ("LEKALO_CALLS_PER_SECOND", config.calls_per_second.map_or(0, u32::from).to_string()),
        ("LEKALO_JWT_ISSUER", config.jwt.issuer.clone()),
        ("LEKALO_JWT_AUDIENCE", config.jwt.audiences.join(",")),
        ("LEKALO_JWT_JWKS", config.jwt.keys.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("LEKALO_JWT_ROLE_CLAIM", config.jwt.role_claim.clone()),
        ("LEKALO_JWT_TENANTS_CLAIM", config.jwt.tenants_claim.clone()),
        ("LEKALO_REFLECTION", config.reflection.to_string()),
        ("LEKALO_LOG", config.log.clone()),
        ("LEKALO_LOG_FORMAT", format!("{:?}", config.log_format).to_lowercase()),
        ("LEKALO_LOG_CALLS", config.log_calls.to_string()),
        ("LEKALO_DRAIN_SECONDS", config.drain.as_secs().to_string()),
        ("LEKALO_MAX_CONNECTION_AGE_SECONDS", config.max_connection_age.map_or(0, |age| age.as_secs()).to_string()),
        ("LEKALO_MAX_CONNECTIONS", config.max_connections.to_string()),
        ("LEKALO_MEMORY_MIB", mebibytes(config.memory_bytes)),
        ("LEKALO_CATALOG_MIB", mebibytes(config.catalogs.bytes)),
        ("LEKALO_MAX_STALE", humantime::format_duration(config.catalogs.max_stale).to_string()),
        ("LEKALO_PG_BIN", config.pg_bin.as_ref().map(|path| path.display().to_string()).unwrap_or_default()),
        ("LEKALO_ENV", config.environment.clone()),
        ("LEKALO_UPLOAD_MIB", mebibytes(config.uploads.file_bytes)),
        ("LEKALO_UPLOADS", config.uploads.at_once.to_string()),
        ("LEKALO_UPLOADS_PER_TENANT", config.uploads.per_tenant.to_string()),
        ("LEKALO_IMPORT_LEASE_SECONDS", options.import_lease.as_secs().to_string()),
        ("LEKALO_AUDIT_RETENTION", options.audit_retention.map_or("0".to_owned(), days)),
        ("LEKALO_EXTRACT_MEMORY_MIB", mebibytes(config.extract.memory_bytes)),
        ("LEKALO_EXTRACT_SECONDS", config.extract.seconds.to_string()),
        ("LEKALO_EXTRACT_INFLATED_MIB", mebibytes(config.extract.inflated_bytes)),
        ("LEKALO_EXTRACT_ANSWER_MIB", mebibytes(config.extract.answer_bytes)),
    ])
}

/// The parts that a URL stands for.
pub(super) const PARTS: [&str; 5] = ["DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"];

/// What is seen once these names have these values and all others their default.
pub(super) fn expected(set: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
    let mut all = seen(&read(&[]).unwrap());
    for (name, value) in set {
        if *name == "DATABASE_URL" {
            let of_url = seen(&Config { database: value.parse().unwrap(), ..read(&[]).unwrap() });
            all.extend(of_url.into_iter().filter(|(name, _)| PARTS.contains(name)));
        }
        all.insert(name, (*value).to_owned());
    }
    let part = |name| all[name].clone();
    let [host, port, name, user, password] = PARTS.map(part);
    let place = if host.starts_with('/') { format!("{host}/.s.PGSQL.{port}") } else { format!("{host}:{port}") };
    all.insert("DATABASE_URL", format!("postgres://{user}:{password}@{place}/{name}"));
    all
}
