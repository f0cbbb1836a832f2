use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(variables, Path::new("/nonexistent/.env"))
}

#[test]
fn defaults_are_those_of_the_manual() {
    let config = read(&[]).unwrap();
    assert_eq!(describe(&config.database), "car_chatbot as postgres at localhost:5432");
    assert_eq!((config.pool_size, config.max_overflow, config.echo), (5, 10, false));
    assert!(config.db_options().switch_role);
    assert_eq!(
        (config.db_options().import_lease, config.import_lease),
        (Duration::from_secs(30), Duration::from_secs(30))
    );
    assert_eq!((config.uploads, config.extract), (upload::Limits::default(), child::Limits::default()));
}

#[test]
fn limits_on_files_are_settings() {
    let config = read(&[
        ("LEKALO_UPLOAD_MIB", "5"),
        ("LEKALO_UPLOADS", "6"),
        ("LEKALO_UPLOADS_PER_TENANT", "3"),
        ("LEKALO_EXTRACT_SECONDS", "7"),
        ("LEKALO_IMPORT_LEASE_SECONDS", "9"),
    ]);
    let config = config.unwrap();
    assert_eq!(config.uploads, upload::Limits { file_bytes: 5 << 20, at_once: 6, per_tenant: 3 });
    assert_eq!((config.extract.seconds, config.db_options().import_lease), (7, Duration::from_secs(9)));
    let error = read(&[("LEKALO_EXTRACT_MEMORY_MIB", "1"), ("LEKALO_UPLOADS", "0")]).unwrap_err();
    assert_eq!(error.0.len(), 2, "{error}");
    let config = read(&[("LEKALO_EXTRACT_MEMORY", "512")]).unwrap();
    assert!(config.warnings[0].contains("did you mean LEKALO_EXTRACT_MEMORY_MIB?"), "{:?}", config.warnings);
}

#[test]
fn a_url_replaces_the_parts() {
    let config =
        read(&[("DATABASE_URL", "postgresql+asyncpg://bot:s%40crt@db:6432/shop"), ("DB_HOST", "ignored")]).unwrap();
    assert_eq!(describe(&config.database), "shop as bot at db:6432");
    assert_eq!(config.database.get_password(), Some(&b"s@crt"[..]));
}

#[test]
fn the_urls_sslmode_goes_before_the_variable() {
    let url = "postgres://bot@db/shop?application_name=x&sslmode=verify-full";
    let config = read(&[("DATABASE_URL", url), ("DB_SSLMODE", "disable")]).unwrap();
    assert_eq!(config.tls, tls::Mode::VerifyFull);
    assert_eq!(describe(&config.database), "shop as bot at db:5432");
    assert!(read(&[("DATABASE_URL", "postgres://bot@db/shop?sslmode=maybe")]).is_err());
}

#[test]
fn all_errors_come_at_once_with_their_origin() {
    let error = read(&[
        ("DB_PORT", "tcp://10.0.0.1:5432"),
        ("DB_POOL_SIZE", "many"),
        ("LEKALO_ADDR", "here"),
        ("LEKALO_OWNER_DATABASE_URL", "mysql://x"),
    ])
    .unwrap_err();
    let text = error.to_string();
    assert_eq!(error.0.len(), 4, "{text}");
    assert!(text.contains("DB_POOL_SIZE=many (environment): must be a number"), "{text}");
    assert!(text.contains("Kubernetes"), "{text}");
}

#[test]
fn secrets_are_in_no_message() {
    let config = read(&[("DB_PASSWORD", "canary-1"), ("LEKALO_OWNER_DATABASE_URL", "postgres://o:canary-2@h/d")]);
    assert!(!format!("{config:?}").contains("canary"));
    let error = read(&[("DATABASE_URL", "postgres://u:canary-3@[bad/d")]).unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
    for misplaced in [("DATABASE_URL", "postgres://u:p@canary-4@h/d"), ("DB_HOST", "postgres://u:canary-5@h/d")] {
        let error = read(&[misplaced]).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn an_unknown_name_is_a_warning_with_the_nearest_known_one() {
    let config = read(&[("DB_POOLSIZE", "3"), ("LEKALO_PORT_50051_TCP", "tcp://x"), ("DBUS", "x")]).unwrap();
    assert_eq!(config.warnings.len(), 2);
    assert!(config.warnings[0].contains("did you mean DB_POOL_SIZE?"), "{:?}", config.warnings);
}
