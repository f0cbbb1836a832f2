use lekalo_migrate::tls::Mode;
use proptest::prelude::*;
use tokio_postgres::config::{ChannelBinding, SslMode, TargetSessionAttrs};

use super::*;

fn good(text: &str) -> Address {
    read(text, Mode::Prefer).unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

fn wrong(text: &str) -> String {
    read(text, Mode::Prefer).expect_err(text)
}

/// Where it leads, in short.
fn place(address: &Address) -> String {
    let (config, password) = (&address.config, address.config.get_password().unwrap_or_default());
    let (user, database) = (config.get_user().unwrap_or("-"), config.get_dbname().unwrap_or("-"));
    format!("{user}:{}@{}/{database}", String::from_utf8_lossy(password), crate::db::advice::place(config))
}

#[test]
fn addresses_lead_where_libpq_goes() {
    for (text, expected) in [
        ("postgres://u:p@db:6432/shop", "u:p@db:6432/shop"),
        ("postgresql+psycopg://u@db/shop", "u:@db:5432/shop"),
        ("postgres://u:a%40b%2Fc@[::1]:7/s%20hop", "u:a@b/c@::1:7/s hop"),
        ("postgres://u@one:1,two/shop", "u:@one:1, two:5432/shop"),
        ("postgres://u@%2Frun%2Fpg/shop", "u:@/run/pg/.s.PGSQL.5432/shop"),
        // The parameters go before the rest.
        ("postgres://u@localhost/shop?host=/cloudsql/p:r:i", "u:@/cloudsql/p:r:i/.s.PGSQL.5432/shop"),
        ("postgres://u@localhost:6432/shop?host=db", "u:@db:6432/shop"),
        ("postgres://u@db:6432/shop?port=7&user=v&dbname=other", "v:@db:7/other"),
        ("postgres:///shop?host=one,two&port=1,2&user=u&password=p%26", "u:p&@one:1, two:2/shop"),
        ("postgres://u@/shop", "u:@localhost:5432/shop"),
        ("postgres://u@:6432/shop", "u:@localhost:6432/shop"),
        ("postgres://u:p?x@db/shop", "u:p?x@db:5432/shop"),
        ("postgres://u:p/x@db/shop?sslmode=disable", "u:p/x@db:5432/shop"),
        ("postgres://db/shop?user=u&options=a@b", "u:@db:5432/shop"),
        ("host=db port=6432 dbname=shop user=u password=p", "u:p@db:6432/shop"),
        (" host = db  user='u v' password='it\\'s \\\\' dbname=s\\ hop", "u v:it's \\@db:5432/s hop"),
        ("host=one,/run/pg port=1,2 user=u dbname=shop password=''", "u:@one:1, /run/pg/.s.PGSQL.2/shop"),
        ("user=u password=postgres://x dbname=shop", "u:postgres://x@localhost:5432/shop"),
    ] {
        assert_eq!(place(&good(text)), expected, "{text}");
    }
}

#[test]
fn what_managed_databases_tell_people_to_write_is_understood() {
    let full = Tls::new(Mode::VerifyFull);
    let mode = |mode| Tls { ..Tls::new(mode) };
    for (parameters, tls, ignored) in [
        ("sslmode=require&channel_binding=require", mode(Mode::Require), ""),
        ("ssl=true", mode(Mode::Require), ""),
        ("ssl=false", mode(Mode::Disable), ""),
        ("ssl=verify-ca", mode(Mode::VerifyCa), ""),
        ("sslmode=no-verify", mode(Mode::Require), ""),
        ("sslmode=verify-full&sslrootcert=/ca.pem", Tls { roots: Some("/ca.pem".into()), ..full.clone() }, ""),
        ("sslmode=verify-full&sslrootcert=system", full.clone(), ""),
        ("sslrootcert=system", full.clone(), ""),
        ("sslmode=require&sslrootcert=ca.pem", Tls { roots: Some("ca.pem".into()), ..mode(Mode::VerifyCa) }, ""),
        (
            "sslrootcert=ca.pem",
            Tls { roots: Some("ca.pem".into()), ..mode(Mode::Prefer) },
            "sslrootcert (with sslmode=prefer nobody is verified)",
        ),
        (
            "sslmode=verify-ca&sslcrl=/crl.pem&sslcert=/me.pem&sslkey=/me.key&sslsni=0&ssl_min_protocol_version=TLSv1.3",
            Tls {
                mode: Mode::VerifyCa,
                roots: None,
                revoked: Some("/crl.pem".into()),
                identity: Some(lekalo_migrate::tls::Identity { certificate: "/me.pem".into(), key: "/me.key".into() }),
                only_1_3: true,
                hides_host: true,
            },
            "",
        ),
        (
            "pgbouncer=true&connection_limit=1&schema=public",
            mode(Mode::Prefer),
            "connection_limit (DB_POOL_SIZE has that)",
        ),
        ("gssencmode=disable&application_name=x&supa=base-pooler.x", mode(Mode::Prefer), "application_name, supa"),
        ("sslmode=require&sslnegotiation=direct&target_session_attrs=primary", mode(Mode::Require), ""),
        (
            "keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3",
            mode(Mode::Prefer),
            "keepalives_idle",
        ),
    ] {
        let in_url = good(&format!("postgres://u@db/shop?{parameters}"));
        let in_pairs = good(&format!("user=u host=db dbname=shop {}", parameters.replace('&', " ")));
        for address in [&in_url, &in_pairs] {
            assert_eq!((&address.tls, address.ignored.join(", ").as_str()), (&tls, ignored), "{parameters}");
        }
        assert_eq!(in_url.config, in_pairs.config, "{parameters}");
    }
    let config =
        good("postgres://u@db/?channel_binding=require&target_session_attrs=primary&keepalives_count=3").config;
    assert_eq!(config.get_channel_binding(), ChannelBinding::Require);
    assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    assert_eq!((config.get_keepalives_retries(), config.get_ssl_mode()), (Some(3), SslMode::Prefer));
}

#[test]
fn what_will_not_do_is_named_with_what_to_do() {
    for (parameters, words) in [
        ("sslmod=require", "`sslmod` is not a parameter of a database; did you mean `sslmode`?"),
        ("sslrootcrt=x", "did you mean `sslrootcert`?"),
        ("frobnicate=1", "`frobnicate` is not a parameter of a database that is known here: remove it"),
        ("sslrootcert=system&sslmode=require", "sslrootcert=system: needs sslmode=verify-full"),
        ("sslcert=/me.pem", "sslcert: needs its key in sslkey"),
        ("sslkey=/me.key", "sslkey: needs its certificate in sslcert"),
        ("sslnegotiation=direct", "sslnegotiation=direct: needs sslmode=require"),
        ("gssencmode=require", "gssencmode must be disable"),
        ("schema=shop", "schema must be public"),
        ("client_encoding=LATIN1", "client_encoding must be UTF8"),
        ("ssl=maybe", "ssl must be true, false or what sslmode may be"),
        ("service=shop", "service: service files are not read"),
        ("requirepeer=postgres", "requirepeer: "),
        ("sslpassword=canary", "sslpassword: encrypted keys are not read"),
        ("channel_binding=canary", "invalid value for option `channel_binding`"),
        ("port=canary", "invalid value for option `port`"),
        ("host=a+canary", "host: must be a host's name"),
        ("ca+nary=1", texts::NO_URL),
    ] {
        let in_url = wrong(&format!("postgres://u@db/shop?{}", parameters.replace('+', "%20")));
        assert!(in_url.contains(words) && !in_url.contains("canary"), "{parameters}: {in_url}");
        if !parameters.contains('+') {
            let in_pairs = wrong(&format!("host=db {}", parameters.replace('&', " ")));
            assert_eq!(in_pairs, in_url, "{parameters}");
        }
    }
    for text in
        ["postgres://db/shop?user=canary%0Aforged", "postgres://db/canary%0Aforged", "host=db user='canary\nforged'"]
    {
        assert_eq!(wrong(text), "user and database must be plain text", "{text}");
    }
    for text in ["host=db user", "host='db", "host='d'b", "=x", "host=db  =x"] {
        assert!(wrong(text).contains("name=value") || wrong(text).contains("must begin with"), "{text}");
    }
    // A password that is not encoded may be anywhere.
    for text in [
        "postgres://u:12/cr?canary=x@h/d",
        "postgres://u:se/cr?canary=x@h/d",
        "postgres://u:p@canary/x@db/shop",
        "postgres://u:p@q@canary/x",
    ] {
        assert!(!wrong(text).contains("canary"), "{}", wrong(text));
    }
}

proptest! {
    /// However it is written, the same is meant.
    #[test]
    fn a_url_and_its_parameters_lead_to_the_same(
        user in "\\PC{1,12}", password in "\\PC{1,16}", database in "\\PC{1,12}", options in "\\PC{0,16}",
        host in "(/[a-z]{1,8}(/[a-z.]{1,8})?|[a-z][a-z0-9.-]{0,12})", port in 1u16.., encrypts in any::<bool>(),
    ) {
        let mode = if encrypts { "require" } else { "disable" };
        let url = format!(
            "postgres://{}:{}@{}:{port}/{}?sslmode={mode}&options={}",
            texts::encoded(&user), texts::encoded(&password), texts::encoded(&host), texts::encoded(&database),
            texts::encoded(&options),
        );
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        let pairs = format!(
            "options={} sslmode={mode} dbname={} password={} user = {} host={host} port={port}",
            quoted(&options), quoted(&database), quoted(&password), quoted(&user),
        );
        let (one, other) = (good(&url), good(&pairs));
        prop_assert_eq!(&one.config, &other.config);
        prop_assert_eq!(&one.tls, &other.tls);
        prop_assert_eq!(one.config.get_password(), Some(password.as_bytes()));
        prop_assert_eq!(one.config.get_user(), Some(user.as_str()));
        prop_assert_eq!(one.config.get_dbname(), Some(database.as_str()));
    }

    /// Nothing that people can write makes it fall over.
    #[test]
    fn any_text_is_read_or_refused(text in "(postgres://|host=)?\\PC{0,60}") {
        let _ = read(&text, Mode::Prefer);
    }
}
