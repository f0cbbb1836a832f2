use super::*;

mod laws;
mod names;

/// With nothing but these variables.
fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(variables, Path::new("/nonexistent/.env"))
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
    let url = "postgres://bot@db/shop?options=-crole%3Dx&sslmode=verify-full";
    let config = read(&[("DATABASE_URL", url), ("DB_SSLMODE", "disable")]).unwrap();
    assert_eq!(config.tls, tls::Mode::VerifyFull.into());
    assert_eq!(describe(&config.database), "shop as bot at db:5432");
    assert!(read(&[("DATABASE_URL", "postgres://bot@db/shop?sslmode=maybe")]).is_err());
}

#[test]
fn each_url_has_its_own_encryption() {
    let (bot, owner) = ("postgres://bot@db/shop", "postgres://owner@db/shop");
    let set = |bot: String, owner: String| {
        let config =
            read(&[("DATABASE_URL", &bot), ("LEKALO_OWNER_DATABASE_URL", &owner), ("DB_SSLMODE", "require")]).unwrap();
        assert_eq!(
            (config.db_options().tls, config.owner_options().tls),
            (config.tls.clone(), config.owner_tls.clone())
        );
        [config.tls.mode, config.owner_tls.mode].map(tls::Mode::word)
    };
    let with = |url: &str, mode: &str| format!("{url}?sslmode={mode}");
    assert_eq!(set(with(bot, "verify-full"), with(owner, "disable")), ["verify-full", "disable"]);
    assert_eq!(set(with(bot, "disable"), with(owner, "verify-full")), ["disable", "verify-full"]);
    assert_eq!(set(with(bot, "verify-ca"), owner.into()), ["verify-ca", "require"]);
    assert_eq!(set(bot.into(), with(owner, "verify-ca")), ["require", "verify-ca"]);
    // Without an owner's the service's is its.
    let config = read(&[("DATABASE_URL", &with(bot, "verify-full"))]).unwrap();
    assert_eq!(config.owner_tls, tls::Mode::VerifyFull.into());
}

#[test]
fn what_is_of_no_effect_is_one_warning_for_each_url() {
    let url = "postgres://bot@db/shop?connect_timeout=10&connection_limit=5&sslmode=require";
    let config = read(&[("DATABASE_URL", url), ("LEKALO_OWNER_DATABASE_URL", url)]).unwrap();
    let ignored = "of no effect: connect_timeout, connection_limit (DB_POOL_SIZE has that)";
    assert_eq!(
        config.warnings,
        ["DATABASE_URL", "LEKALO_OWNER_DATABASE_URL"].map(|name| format!("{name} (environment): {ignored}"))
    );
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
