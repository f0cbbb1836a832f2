//! What holds for every name in [`KNOWN`].

use super::names::{self, NUMBERS, PARTS, VALUES, expected, seen};
use super::*;

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn from_file(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let (_folder, path) = written(text);
    Config::read(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), &path)
}

#[test]
fn the_manual_lists_every_name_with_its_default() {
    let cell = |text: String| if text.is_empty() { text } else { text + " " };
    let quoted = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let row = |(name, default, meaning): &(&str, &str, &str)| {
        format!("| `{name}` | {}| {}|\n", cell(quoted(default)), cell((*meaning).to_owned()))
    };
    let table: String = KNOWN.iter().map(row).collect();
    let manual = crate::manual::keep("configuration.md", |manual| {
        let is_row = |line: &&str| line.starts_with("| `");
        let before: String = manual.split_inclusive('\n').take_while(|line| !is_row(line)).collect();
        let after = manual[before.len()..].split_inclusive('\n').skip_while(is_row);
        [&*before, &*table].into_iter().chain(after).collect()
    });
    let rows = manual.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let is_name = |name: &str| ["DB_", "LEKALO_", "DATABASE_URL"].iter().any(|start| name.starts_with(start));
        (line.starts_with("| `") && cells.len() == 5 && is_name(cells[1])).then(|| (cells[1], cells[2]))
    });
    let rows: BTreeMap<&str, &str> = rows.collect();
    assert_eq!(rows, KNOWN.iter().map(|(name, default, _)| (*name, *default)).collect());
    assert_eq!(
        VALUES.map(|(name, _, _)| name).into_iter().collect::<std::collections::BTreeSet<_>>(),
        rows.keys().copied().collect()
    );

    let config = read(&[]).unwrap();
    let mut defaults = seen(&config);
    assert_eq!(
        defaults.insert("DATABASE_URL", String::new()).unwrap(),
        "postgres://postgres:@localhost:5432/car_chatbot"
    );
    assert_eq!(defaults, rows.into_iter().map(|(name, default)| (name, default.to_owned())).collect());
    assert_eq!((config.uploads, config.extract), (upload::UploadLimits::default(), sandbox::SandboxLimits::default()));
}

#[test]
fn each_name_sets_its_own_thing_and_no_other_wherever_it_comes_from() {
    for (name, one, other) in VALUES {
        let line = format!("# a comment\n{name}=\"{one}\"\n");
        assert_eq!(seen(&read(&[(name, one)]).unwrap()), expected(&[(name, one)]), "{name}");
        assert_eq!(seen(&read(&[(name, other)]).unwrap()), expected(&[(name, other)]), "{name}");
        assert_eq!(seen(&read(&[(name, "")]).unwrap()), expected(&[]), "{name} is empty");
        if name == "LEKALO_PG_BIN" {
            let refused = from_file(&line, &[]).unwrap_err();
            assert!(refused.0.len() == 1 && refused.0[0].contains(name) && !refused.0[0].contains(one), "{refused}");
            continue;
        }
        assert_eq!(seen(&from_file(&line, &[]).unwrap()), expected(&[(name, one)]), "{name} in the file");
        assert_eq!(seen(&from_file(&line, &[(name, other)]).unwrap()), expected(&[(name, other)]), "{name} in both");
    }
    // All at once, but for those that a URL replaces.
    let all: Vec<_> = VALUES.iter().map(|(name, one, _)| (*name, *one)).collect();
    let parts: Vec<_> = all.iter().copied().filter(|(name, _)| *name != "DATABASE_URL").collect();
    let rest: Vec<_> = all.iter().copied().filter(|(name, _)| !PARTS.contains(name)).collect();
    assert_eq!(seen(&read(&parts).unwrap()), expected(&parts));
    assert_eq!(seen(&read(&all).unwrap()), expected(&rest), "a URL replaces the parts");
    assert!(read(&all).unwrap().warnings.is_empty());
}

#[test]
fn a_file_that_others_may_write_or_own_is_refused_unread() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = written("DB_NAME=trap\nDB_PASSWORD=canary\n");
    for (mode, is_read) in [(0o600, true), (0o644, true), (0o400, true), (0o664, false), (0o646, false), (0o622, false)]
    {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let read = Config::read(std::iter::empty(), &path);
        assert_eq!(read.is_ok(), is_read, "{mode:o}");
        if let Err(error) = read {
            assert!(error.0.len() == 1 && error.0[0].contains("chmod go-w"), "{error}");
        }
    }
    // A link is as good as what it leads to and whose it is.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let link = path.with_file_name("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(Config::read(std::iter::empty(), &link).is_ok());
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::lchown(&link, Some(65_534), None).unwrap();
        assert!(Config::read(std::iter::empty(), &link).is_err(), "somebody else chose it");
    }
    // Only root can give a file away.
    if nix::unistd::geteuid().is_root() {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        let error = Config::read(std::iter::empty(), &path).unwrap_err();
        assert!(error.0.len() == 1 && error.0[0].contains("belongs to the user 65534"), "{error}");
    }
}

/// The only error, which names the setting and where its value came from.
fn refused(name: &str, value: &str) -> String {
    let error = read(&[(name, value)]).expect_err(name);
    assert_eq!(error.0.len(), 1, "{error}");
    assert!(error.0[0].starts_with(name) && error.0[0].contains("(environment): "), "{error}");
    assert_eq!(error.to_string(), format!("the configuration has 1 error:\n  {}", error.0[0]));

    let (_folder, path) = written(&format!("{name}='{value}'\n"));
    let in_file = Config::read(std::iter::empty(), &path).expect_err(name);
    assert_eq!(in_file.0, [error.0[0].replace("(environment)", &format!("({})", path.display()))]);
    error.0[0].clone()
}

#[test]
fn numbers_have_bounds() {
    for (name, least, most) in NUMBERS {
        for value in [least, most] {
            let value = value.to_string();
            assert_eq!(seen(&read(&[(name, &value)]).unwrap()), expected(&[(name, &value)]), "{name}={value}");
        }
        let below = least.checked_sub(1).map_or_else(|| "-1".to_owned(), |below| below.to_string());
        for value in [&below, &(most + 1).to_string(), "many", "1.5", "0x10", "99999999999999999999999"] {
            let error = refused(name, value);
            let bounds = if name == "DB_PORT" {
                "a port number, 1 to 65535"
            } else {
                &format!("a number from {least} to {most}")
            };
            assert_eq!(error, format!("{name}={value} (environment): must be {bounds}"));
        }
    }
}

#[test]
fn what_is_no_value_is_refused_by_name() {
    for (name, values, problem) in [
        ("DB_ECHO", &["ja", "2", "truee"][..], "must be true or false"),
        ("DB_SSLMODE", &["maybe", "VERIFY"], "must be disable, prefer, require, verify-ca or verify-full"),
        ("LEKALO_ADDR", &["here", "localhost:50051", "127.0.0.1", "127.0.0.1:65536"], "must be ADDRESS:PORT"),
        ("LEKALO_SWITCH_ROLE", &["true", "Never", "lekalo_app"], "must be auto, always or never"),
        (
            "LEKALO_JWT_JWKS",
            &["jwks.json", "http://id.example/jwks", "https://a:b@id.example/jwks"],
            "must be a file's absolute path, or a URL",
        ),
        ("LEKALO_AUDIT_RETENTION", &["400", "29d", "36501d", "-1d", "never"], "must be a time from 30d to 36500d"),
        ("LEKALO_MAX_STALE", &["60", "8d", "-1s", "never"], "must be a time from 0s to 7d"),
        ("DB_PORT", &["tcp://10.0.0.1:5432"], "is a service address that Kubernetes injects"),
        ("DB_HOST", &["postgres://db", "a b"], "must be a host's name or address"),
        ("DATABASE_URL", &["mysql://db/x", "db.example"], "must begin with postgres://"),
        (
            "DATABASE_URL",
            &["postgres://u:p@db:port/x", "postgres://u:p@[db/x", "postgres://u:p@q@db/x"],
            "is not a database URL",
        ),
        (
            "DATABASE_URL",
            &["postgres://db/x?sslmode=maybe"],
            "sslmode must be disable, prefer, require, verify-ca or verify-full",
        ),
        ("LEKALO_OWNER_DATABASE_URL", &["db.example"], "must begin with postgres://"),
        ("LEKALO_OWNER_DATABASE_URL", &["postgres://u:p@db:port/x"], "is not a database URL"),
    ] {
        for value in values {
            let error = refused(name, value);
            assert!(error.contains(&format!("(environment): {problem}")), "{error}");
        }
    }
    for (word, echo) in [
        ("TRUE", true),
        ("1", true),
        ("Yes", true),
        ("on", true),
        (" true ", true),
        ("0", false),
        ("NO", false),
        ("off", false),
        ("False", false),
    ] {
        assert_eq!(read(&[("DB_ECHO", word)]).unwrap().echo, echo, "{word}");
    }
}

#[test]
fn every_error_is_told_and_none_hides_another() {
    let bad: Vec<_> =
        NUMBERS.iter().map(|(name, _, _)| (*name, "x")).chain([("DB_ECHO", "x"), ("DB_SSLMODE", "x")]).collect();
    let error = read(&bad).unwrap_err();
    assert_eq!(error.0.len(), bad.len(), "{error}");
    for (name, _) in bad {
        assert_eq!(error.0.iter().filter(|line| line.starts_with(&format!("{name}=x (environment): "))).count(), 1);
    }
    assert!(error.to_string().starts_with(&format!("the configuration has {} errors:\n  ", error.0.len())), "{error}");
}

#[test]
fn a_url_says_how_to_encrypt_and_keeps_what_else_it_says() {
    for name in ["DATABASE_URL", "LEKALO_OWNER_DATABASE_URL"] {
        for (parameters, mode, options) in [
            ("", "disable", None),
            ("?sslmode=require", "require", None),
            ("?options=x&sslmode=verify-full", "verify-full", Some("x")),
            ("?sslmode=prefer&options=x", "prefer", Some("x")),
            ("?options=x", "disable", Some("x")),
        ] {
            let url = format!("postgresql+asyncpg://bot:p%40@db/shop{parameters}");
            let config = read(&[(name, &url), ("DB_SSLMODE", "disable")]).unwrap();
            let (database, tls) = match name {
                "DATABASE_URL" => (&config.database, &config.tls),
                _ => (config.owner(), &config.owner_tls),
            };
            assert_eq!(tls.mode.word(), mode, "{url}");
            assert_eq!(database.get_options(), options, "{url}");
            assert_eq!(names::url(database), "postgres://bot:p@@db:5432/shop");
        }
    }
}

#[test]
fn a_secret_is_nowhere_wherever_it_was_put() {
    let secret = "postgres://bot:canary@@db.example/shop";
    let free = ["DB_NAME", "DB_USER", "DB_PASSWORD", "LEKALO_LOG", "LEKALO_PG_BIN", "LEKALO_ENV"];
    let is_free = |name: &str| {
        let names_file_or_claim = name.starts_with("LEKALO_TLS_") || name.starts_with("LEKALO_JWT_");
        free.contains(&name) || names_file_or_claim && name != "LEKALO_JWT_JWKS"
    };
    for (name, _, _) in VALUES.into_iter().filter(|(name, _, _)| !is_free(name)) {
        let error = refused(name, secret);
        assert!(!error.contains("canary"), "{error}");
    }
    let set =
        [("DB_PASSWORD", "canary"), ("LEKALO_OWNER_DATABASE_URL", "postgres://o:canary@h/d"), ("DB_PASWORD", "canary")];
    let config = read(&set).unwrap();
    assert_eq!(config.warnings, ["DB_PASWORD is not a setting of this program; did you mean DB_PASSWORD?"]);
    let config = format!("{config:?} {}", describe(&config.database));
    assert!(config.contains("localhost") && config.contains("h:5432") && !config.contains("canary"), "{config}");
    // A line that is none is not repeated; the rest of the file is not read as if it had been right.
    for text in ["DB_PASSWORD canary\n", "DB_PASSWORD='canary\n", "DB_NAME=x\n= canary\n"] {
        let (_folder, path) = written(text);
        let error = Config::read(std::iter::empty(), &path).unwrap_err();
        assert_eq!(error.0, [format!("{}: a line is not NAME=value", path.display())]);
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Config::read(std::iter::empty(), folder.path()).unwrap_err();
    assert!(error.0[0].starts_with(&folder.path().display().to_string()), "{error}");
    assert!(Config::read(std::iter::empty(), &folder.path().join(".env")).is_ok(), "no file is no error");
}

#[test]
fn no_setting_is_seen_by_programs_that_are_not_ours() {
    let names = KNOWN.iter().map(|(name, ..)| (*name).to_owned());
    for name in names.chain(SECRETS.map(|name| format!("{name}_FILE"))).chain(["OTEL_EXPORTER_OTLP_HEADERS".into()]) {
        assert!(lekalo_postgres::is_setting(&name), "{name}");
    }
    for name in ["HOME", "PATH", "LANG", "LC_ALL", "https_proxy", "NO_PROXY", "npm_config_registry", "NODE_OPTIONS"] {
        assert!(!lekalo_postgres::is_setting(name), "{name}");
    }
}

#[test]
fn a_name_with_a_typo_is_told_with_the_right_one() {
    for (name, ..) in KNOWN.iter().filter(|(name, ..)| *name != "DATABASE_URL") {
        let typo = &name[..name.len() - 1];
        let config = read(&[(typo, "x"), ("PATH", "/bin"), ("DBX", "x"), ("MY_DB_HOST", "x")]).unwrap();
        assert_eq!(config.warnings, [format!("{typo} is not a setting of this program; did you mean {name}?")]);
    }
}

#[test]
fn a_secret_may_be_in_a_file_of_its_own_and_is_told_by_its_path_alone() {
    for name in SECRETS {
        let (_, one, _) = VALUES.iter().find(|(known, ..)| *known == name).unwrap();
        let (_folder, path) = written(&format!("{one}\n"));
        let file_name = format!("{name}_FILE");
        let config = read(&[(&file_name, path.to_str().unwrap())]).unwrap();
        assert_eq!(seen(&config), expected(&[(name, one)]), "{name}");
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        assert_eq!(seen(&read(&[(&file_name, "")]).unwrap()), expected(&[]), "{file_name} is empty");

        let both = read(&[(&file_name, path.to_str().unwrap()), (name, one)]).unwrap_err();
        assert_eq!(both.0, [format!("{file_name} (environment): {name} is set too; unset one of them")]);
        let missing = read(&[(&file_name, "/nowhere/secret")]).unwrap_err();
        assert_eq!(missing.0.len(), 1);
        assert!(
            missing.0[0].starts_with(&format!("{file_name} (environment): /nowhere/secret cannot be read: ")),
            "{missing}"
        );
    }
    let (_folder, path) = written("\n");
    let empty = read(&[("DB_PASSWORD_FILE", path.to_str().unwrap())]).unwrap_err();
    assert_eq!(empty.0, [format!("DB_PASSWORD_FILE (environment): {} is empty", path.display())]);
    std::fs::write(&path, "canary\nforged line\n").unwrap();
    let two = read(&[("DB_PASSWORD_FILE", path.to_str().unwrap())]).unwrap_err();
    assert_eq!(two.0, [format!("DB_PASSWORD_FILE (environment): {} has more than one line", path.display())]);
    let (_folder, path) = written("mysql://canary@h/d");
    let error = read(&[("DATABASE_URL_FILE", path.to_str().unwrap())]).unwrap_err();
    assert!(error.0[0].starts_with(&format!("DATABASE_URL ({}): ", path.display())), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}

/// What the admin port shows of the settings.
#[test]
fn no_secret_is_shown_and_all_else_is() {
    let all: Vec<_> = VALUES.iter().map(|(name, one, _)| (*name, *one)).collect();
    let shown = read(&all).unwrap().shown;
    for (name, value) in all {
        let expected = if SECRETS.contains(&name) { "(secret)" } else { value };
        assert_eq!((shown[name].value.as_str(), shown[name].from.as_str()), (expected, "environment"), "{name}");
    }
    assert_eq!(read(&[]).unwrap().shown["DB_PORT"], Shown { value: "5432".into(), from: "default".into() });
}
