//! What addresses ask for, from real servers: whom to trust, who one is, and each address for itself.

use lekalo::config::{Config, address};
use lekalo::db::advice::chain;
use lekalo_migrate::connect::connect;
use lekalo_migrate::tls::{Tls, connector};

use super::*;

/// Whether the session of this address is encrypted.
async fn enter(mut config: tokio_postgres::Config, tls: &Tls) -> Result<bool, String> {
    let connector = connector(tls, &mut config).map_err(|error| format!("{error:#}"))?;
    let (client, driver) = connect(&config, &connector).await.map_err(|error| chain(&error))?;
    let row = client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
    driver.abort();
    Ok(row.get(0))
}

impl Server {
    /// A URL of it; `DIR` is where its certificates are.
    fn url(&self, user: &str, parameters: &str) -> String {
        let parameters = parameters.replace("DIR", &self.data().display().to_string());
        format!("postgres://{user}@127.0.0.1:{}/car_chatbot?{parameters}", self.port)
    }

    /// By a URL and by its parameters.
    async fn enter(&self, user: &str, parameters: &str) -> Result<bool, String> {
        let url = self.url(user, parameters);
        let (user, password) = user.split_once(':').unwrap_or((user, "''"));
        let pairs = url.split_once('?').unwrap().1.replace('&', " ");
        let pairs =
            format!("host=127.0.0.1 port={} dbname=car_chatbot user={user} password={password} {pairs}", self.port);
        let mut outcomes = Vec::new();
        for address in [url, pairs] {
            let read = address::read(&address, Mode::Prefer).unwrap();
            assert_eq!(read.ignored, [""; 0]);
            // A second may pass between the two.
            let timeless = |error: String| error.split(": verification time").next().unwrap().to_owned();
            outcomes.push(enter(read.config, &read.tls).await.map_err(timeless));
        }
        assert_eq!(outcomes[0], outcomes[1], "{user} {parameters}");
        outcomes.remove(0)
    }

    async fn set(&self, setting: &str, value: &str) {
        let owner = self.owner().await;
        owner.batch_execute(&format!("ALTER SYSTEM SET {setting} = '{value}'")).await.unwrap();
        owner.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let began = Instant::now();
        let shown =
            async || -> String { self.owner().await.query_one(&format!("SHOW {setting}"), &[]).await.unwrap().get(0) };
        while shown().await != value {
            assert!(began.elapsed() < PATIENCE, "{setting} does not become {value}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_says_whom_to_trust() {
    let server = Server::start().await;
    let (roots, others) = ("sslrootcert=DIR/roots.pem", "sslrootcert=DIR/others.pem");
    for (name, parameters, expected) in [
        ("right", format!("sslmode=verify-full&{roots}"), Encrypted),
        ("right", format!("sslmode=verify-full&{others}"), Refused("UnknownIssuer")),
        ("right", format!("sslmode=verify-ca&{others}"), Refused("UnknownIssuer")),
        // As libpq has it: who names a root wants it checked.
        ("right", format!("sslmode=require&{others}"), Refused("UnknownIssuer")),
        ("right", format!("ssl=true&{roots}"), Encrypted),
        ("right", "sslrootcert=system".into(), Refused("UnknownIssuer")),
        ("right", "sslmode=verify-full&sslrootcert=DIR/away.pem".into(), Refused("away.pem cannot be read")),
        ("right", format!("sslmode=verify-full&{roots}&sslcrl=DIR/nothing-revoked.pem"), Encrypted),
        ("right", format!("sslmode=verify-full&{roots}&sslcrl=DIR/revoked.pem"), Refused("Revoked")),
        ("right", format!("sslmode=verify-ca&{roots}&sslcrl=DIR/revoked.pem"), Refused("Revoked")),
        ("misnamed", format!("sslmode=verify-full&{roots}"), Refused("not valid for name")),
        ("misnamed", format!("sslmode=verify-ca&{roots}"), Encrypted),
        ("misnamed", format!("sslmode=require&{roots}"), Encrypted),
        ("expired", format!("sslmode=verify-ca&{roots}"), Refused("certificate expired")),
        ("client", format!("sslmode=verify-ca&{roots}"), Refused("invalid peer certificate")),
    ] {
        server.turn_into(name).await;
        let outcome = server.enter("sealed", &parameters).await;
        // None of these mends itself: it is told at once.
        let read = address::read(&server.url("sealed", &parameters), Mode::Prefer).unwrap();
        let options = Options { tls: read.tls, ..db_options(&read.config) };
        assert!(check::absence(&options).await.is_none(), "{parameters} with {name}");
        let case = format!("{parameters} with {name}: {outcome:?}");
        match expected {
            Encrypted => assert_eq!(outcome, Ok(true), "{case}"),
            Plain => assert_eq!(outcome, Ok(false), "{case}"),
            Refused(words) => assert!(outcome.unwrap_err().contains(words), "{case}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_version_1_stops_only_who_wants_to_know_the_server() {
    let server = Server::start().await;
    server.turn_into("version-1").await;
    let certificate = std::fs::read_to_string(server.data().join("version-1.crt")).unwrap();
    std::fs::write(server.data().join("itself.pem"), certificate).unwrap();
    for newest in ["TLSv1.2", "TLSv1.3"] {
        server.set("ssl_max_protocol_version", newest).await;
        for mode in ["prefer", "require"] {
            assert_eq!(server.enter("sealed", &format!("sslmode={mode}")).await, Ok(true), "{mode} {newest}");
        }
        let bound = server.enter("bound:word", "sslmode=require&channel_binding=require").await;
        assert_eq!(bound, Ok(true), "{newest}");
        for mode in ["verify-ca", "verify-full"] {
            let outcome = server.enter("sealed", &format!("sslmode={mode}&sslrootcert=DIR/itself.pem")).await;
            assert!(outcome.unwrap_err().contains("invalid peer certificate"), "{mode} {newest}");
        }
    }
    // Who asks for the newest gets it or nothing.
    server.set("ssl_max_protocol_version", "TLSv1.2").await;
    let outcome = server.enter("sealed", "sslmode=require&ssl_min_protocol_version=TLSv1.3").await;
    assert!(outcome.unwrap_err().to_lowercase().contains("protocol"), "TLS 1.2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_shows_its_certificate_and_that_it_knows_the_same_server() {
    let server = Server::start().await;
    server.turn_into("right").await;
    let shown = "sslcert=DIR/shown.crt&sslkey=DIR/shown.key";
    assert_eq!(server.enter("shown", &format!("sslmode=require&{shown}")).await, Ok(true));
    let full = format!("sslmode=verify-full&sslrootcert=DIR/roots.pem&{shown}");
    assert_eq!(server.enter("shown", &full).await, Ok(true));
    let without = server.enter("shown", "sslmode=require").await.unwrap_err();
    assert!(without.contains("certificate"), "{without}");
    let anothers = server.enter("shown", "sslmode=require&sslcert=DIR/client.crt&sslkey=DIR/client.key").await;
    assert!(anothers.unwrap_err().contains("certificate authentication failed"));
    let mixed = server.enter("shown", "sslmode=require&sslcert=DIR/shown.crt&sslkey=DIR/client.key").await;
    assert!(mixed.unwrap_err().contains("are no certificate and its key"));

    assert_eq!(server.enter("bound:word", "sslmode=require&channel_binding=require").await, Ok(true));
    assert_eq!(server.enter("bound:word", "sslmode=disable").await, Ok(false));
    let unbound = server.enter("bound:word", "sslmode=disable&channel_binding=require").await.unwrap_err();
    assert!(unbound.contains("channel binding"), "{unbound}");

    // PostgreSQL 17 and newer need not be asked first.
    let major = "SELECT current_setting('server_version_num')::int / 10000 AS major";
    let major: i32 = server.owner().await.query_one(major, &[]).await.unwrap().get(0);
    let direct = server.enter("sealed", "sslmode=require&sslnegotiation=direct").await;
    assert_eq!(direct.is_ok(), major >= 17, "PostgreSQL {major}: {direct:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_address_has_its_own_encryption() {
    let server = Server::start().await;
    server.turn_into("right").await;
    let (sealed, open) = ("sslmode=verify-full&sslrootcert=DIR/roots.pem", "sslmode=disable");
    for (service, owner) in [(("open", open), ("sealed", sealed)), (("sealed", sealed), ("open", open))] {
        let urls = [
            ("DATABASE_URL", server.url(service.0, service.1)),
            ("LEKALO_OWNER_DATABASE_URL", server.url(owner.0, owner.1)),
        ];
        let urls = urls.map(|(name, url)| (name.to_owned(), url));
        let config = Config::read(urls.clone().into_iter(), Path::new("/nonexistent")).unwrap();
        let (options, as_owner) = (config.db_options(), config.owner_options());
        assert_eq!(enter(options.config, &options.tls).await, Ok(service.0 == "sealed"));
        assert_eq!(enter(as_owner.config, &as_owner.tls).await, Ok(owner.0 == "sealed"));
        // Migrations go by the owner's, and what serves by its own: each role gets in one way only.
        let lekalo = async |command: &[&str]| {
            let mut lekalo = Command::new(LEKALO);
            lekalo.args(command).env_clear().envs(urls.clone()).current_dir(server.folder.path()).kill_on_drop(true);
            tokio::time::timeout(PATIENCE, lekalo.output()).await.unwrap().unwrap()
        };
        let up = lekalo(&["migrate", "up"]).await;
        assert!(up.status.success(), "{up:?}");
        let report: Value = serde_json::from_slice(&lekalo(&["check", "--json"]).await.stdout).unwrap();
        let role = report["findings"].as_array().unwrap().iter().find(|finding| finding["what"] == "role").unwrap();
        assert!(role["detail"].as_str().unwrap().contains("it is a superuser"), "{report}");
    }
}
