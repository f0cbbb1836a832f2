//! TLS to the database: each mode with each kind of server, and whether the session really is encrypted.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lekalo::db::check::RoleError;
use lekalo::db::{Db, Options, Query, check, migrations};
use lekalo_migrate::schema::Snapshot;
use lekalo_migrate::tls::Mode;
use rcgen::{
    CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyIdMethod, KeyPair,
    RevokedCertParams, SerialNumber, SigningKey as _, date_time_ymd,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio_postgres::{Client, Config};
use x509_cert::Version;
use x509_cert::der::asn1::BitString;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode as _, Encode as _, EncodePem as _};

use crate::support::certificates::authority;
use crate::support::{self, LEKALO, db_options};

mod addresses;

const PATIENCE: Duration = Duration::from_secs(30);

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Plain,
    Encrypted,
    /// With these words.
    Refused(&'static str),
}
use Outcome::{Encrypted, Plain, Refused};

/// The servers: what they are called, what certificate they have (none: no TLS), and what `verify-full` says.
const SERVERS: [(&str, Outcome); 9] = [
    ("none", Refused("server does not support TLS")),
    ("right", Encrypted),
    ("self-signed", Refused("UnknownIssuer")),
    ("foreign", Refused("UnknownIssuer")),
    ("misnamed", Refused("not valid for name")),
    ("expired", Refused("certificate expired")),
    ("early", Refused("certificate not valid yet")),
    // Good for anything but to be a server.
    ("client", Refused("invalid peer certificate")),
    // As `openssl x509 -req` makes them.
    ("version-1", Refused("invalid peer certificate")),
];

/// What the modes without trust make of them: with TLS, whatever the certificate.
fn expected(mode: Mode, server: &str) -> Outcome {
    match (mode, server) {
        (Mode::Disable, _) | (Mode::Prefer, "none") => Plain,
        (Mode::Require, "none") => Refused("server does not support TLS"),
        _ => Encrypted,
    }
}

/// The same without what version 3 has, signed by itself.
fn of_version_1(certificate: &[u8], key: &KeyPair) -> String {
    let mut made = x509_cert::Certificate::from_der(certificate).unwrap();
    (made.tbs_certificate.version, made.tbs_certificate.extensions) = (Version::V1, None);
    let signed = key.sign(&made.tbs_certificate.to_der().unwrap()).unwrap();
    made.signature = BitString::from_bytes(&signed).unwrap();
    made.to_pem(LineEnding::LF).unwrap()
}

/// A list of what this authority revoked.
fn revoked(issuer: &Issuer<'static, KeyPair>, serials: &[u64]) -> String {
    let (this_update, next_update) = (date_time_ymd(2024, 1, 1), date_time_ymd(2999, 1, 1));
    let revoked = |serial: &u64| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: this_update,
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update,
        next_update,
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(issuer).unwrap().pem().unwrap()
}

/// The serial number of the right server's certificate.
const RIGHT: u64 = 7;

/// Writes `NAME.crt` and `NAME.key` for each server that has TLS and for a client, `roots.pem` with the root that is trusted
/// and `others.pem` with the one that is not, and two lists of what is revoked: that of the right server, and nothing.
fn make_certificates(folder: &Path) {
    let (trusted, issuer) = authority("trusted");
    let (others, foreign) = authority("foreign");
    for (name, pem) in [
        ("roots.pem", trusted),
        ("others.pem", others),
        ("revoked.pem", revoked(&issuer, &[RIGHT])),
        ("nothing-revoked.pem", revoked(&issuer, &[])),
    ] {
        std::fs::write(folder.join(name), pem).unwrap();
    }
    for name in SERVERS.iter().map(|(name, _)| *name).filter(|name| *name != "none").chain(["shown"]) {
        let name = &name;
        let host = if *name == "misnamed" { "db.example" } else { "127.0.0.1" };
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, *name);
        let is_client = ["client", "shown"].contains(name);
        let usage = if is_client { ExtendedKeyUsagePurpose::ClientAuth } else { ExtendedKeyUsagePurpose::ServerAuth };
        params.extended_key_usages.push(usage);
        match *name {
            "right" => params.serial_number = Some(SerialNumber::from(RIGHT)),
            "expired" => params.not_after = date_time_ymd(2020, 1, 1),
            "early" => params.not_before = date_time_ymd(2999, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate().unwrap();
        let certificate = match *name {
            "self-signed" | "version-1" => params.self_signed(&key),
            "foreign" => params.signed_by(&key, &foreign),
            _ => params.signed_by(&key, &issuer),
        };
        let certificate = certificate.unwrap();
        let pem = if *name == "version-1" { of_version_1(certificate.der(), &key) } else { certificate.pem() };
        std::fs::write(folder.join(format!("{name}.crt")), pem).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// A PostgreSQL that listens on TCP as well, which the embedded one never does.
struct Server {
    _process: Child,
    folder: TempDir,
    port: u16,
}

impl Server {
    async fn start() -> Self {
        let folder = support::folder();
        let data = folder.path().join("data");
        support::copy_cluster(&data).await;
        let cluster = data.join("pgdata");
        make_certificates(&data);
        // Who may come how: this is what tells whether a session is encrypted.
        let rules = "local all all trust\nhostssl all sealed 127.0.0.1/32 trust\nhostnossl all open 127.0.0.1/32 trust\n\
                     hostssl all shown 127.0.0.1/32 cert\nhost all bound 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(data.join("hba.conf"), rules).unwrap();
        let account = std::fs::metadata(&cluster).unwrap();
        for entry in data.read_dir().unwrap().map(|entry| entry.unwrap().path()).chain([data.clone()]) {
            chown(&entry, Some(account.uid()), Some(account.gid())).unwrap();
            if entry.extension().is_some_and(|extension| extension == "key") {
                std::fs::set_permissions(&entry, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        let here = support::connect(&support::empty_database().await).await;
        let programs = "SELECT setting FROM pg_config WHERE name = 'BINDIR'";
        let programs: String = here.query_one(programs, &[]).await.unwrap().get(0);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(PathBuf::from(programs).join("postgres"));
        command.arg("-D").arg(&cluster);
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", data.display()),
            format!("hba_file={}", data.join("hba.conf").display()),
            format!("ssl_ca_file={}", data.join("roots.pem").display()),
            "shared_buffers=16MB".to_owned(),
            "fsync=off".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        if nix::unistd::Uid::current().is_root() {
            command.uid(account.uid()).gid(account.gid());
        }
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = command.current_dir("/").stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true).spawn();
        let server = Self { _process: process.unwrap(), folder, port };
        let owner = server.owner().await;
        let roles = "CREATE ROLE sealed LOGIN SUPERUSER; CREATE ROLE open LOGIN SUPERUSER; CREATE ROLE shown LOGIN;
                     CREATE ROLE bound LOGIN PASSWORD 'word'";
        owner.batch_execute(roles).await.unwrap();
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A new connection past TCP.
    async fn owner(&self) -> Client {
        let mut config = Config::new();
        config.host_path(self.data()).port(self.port).user("postgres").dbname("car_chatbot");
        let began = Instant::now();
        loop {
            match config.connect(tokio_postgres::NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return client;
                }
                Err(error) => {
                    let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                    assert!(began.elapsed() < PATIENCE, "{error:?}: {}", log());
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Gives it another certificate, or none.
    async fn turn_into(&self, name: &str) {
        let owner = self.owner().await;
        let file = |kind: &str| self.data().join(format!("{name}.{kind}")).display().to_string();
        let (on, certificate) = (name != "none", file("crt"));
        owner.batch_execute(&format!("ALTER SYSTEM SET ssl = {on}")).await.unwrap();
        if on {
            owner.batch_execute(&format!("ALTER SYSTEM SET ssl_cert_file = '{certificate}'")).await.unwrap();
            owner.batch_execute(&format!("ALTER SYSTEM SET ssl_key_file = '{}'", file("key"))).await.unwrap();
        }
        owner.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let began = Instant::now();
        loop {
            let settings = "SELECT current_setting('ssl')::bool, current_setting('ssl_cert_file')";
            let row = self.owner().await.query_one(settings, &[]).await.unwrap();
            if row.get::<_, bool>(0) == on && (!on || row.get::<_, &str>(1) == certificate) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "it does not become {name}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// As this role, by TCP.
    fn options(&self, mode: Mode, user: &str) -> Options {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(user).dbname("car_chatbot");
        Options { tls: mode.into(), switch_role: false, pool_size: 1, max_overflow: 0, ..db_options(&config) }
    }

    /// Whether a connection in this mode is plain or encrypted, by whom the server lets in.
    async fn by_whom<F: Future<Output = Result<(), String>>>(
        &self,
        mode: Mode,
        connect: impl Fn(Options) -> F,
    ) -> Result<bool, String> {
        match (connect(self.options(mode, "sealed")).await, connect(self.options(mode, "open")).await) {
            (Ok(()), Err(_)) => Ok(true),
            (Err(_), Ok(())) => Ok(false),
            (Err(error), Err(_)) => Err(error),
            (Ok(()), Ok(())) => panic!("both at once"),
        }
    }
}

/// What becomes of the pool's connections, or of each of the ways by which the program connects.
async fn outcomes(server: &Server, mode: Mode, every_way: bool) -> Vec<(&'static str, Result<bool, String>)> {
    let pool = async |options: Options| {
        let db = Db::new(&options).map_err(|error| error.to_string())?;
        let encrypted = "-- encrypted\nSELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let [rows] = db.read([Query::new(encrypted)]).await.map_err(|error| error.to_string())?;
        assert_eq!(rows[0].get::<_, bool>(0), options.config.get_user() == Some("sealed"), "as the server sees it");
        Ok(())
    };
    let role = async |options: Options| match check::role(&options).await {
        Err(error) if error.is::<RoleError>() => Ok(()),
        Err(error) => Err(lekalo::db::advice::chain(error.as_ref())),
        Ok(()) => panic!("a superuser serves"),
    };
    let migrating = async |options: Options| {
        let position = migrations::current(&options.config, &options.tls).await;
        position.map(|_| ()).map_err(|error| lekalo::db::advice::chain(&error))
    };
    let reading = async |options: Options| {
        let read = Snapshot::of(&options.config, &options.tls, migrations::PROGRAM).await;
        read.map(|_| ()).map_err(|error| lekalo::db::advice::chain(error.as_ref()))
    };
    let mut outcomes = vec![("pool", server.by_whom(mode, pool).await)];
    if every_way {
        outcomes.push(("role", server.by_whom(mode, role).await));
        outcomes.push(("migrations", server.by_whom(mode, migrating).await));
        outcomes.push(("schema", server.by_whom(mode, reading).await));
    }
    outcomes
}

/// What `lekalo check` says of the server, as a process of its own that trusts these roots alone.
async fn checked(server: &Server, mode: &str, roots: &Path) -> (bool, String, String) {
    let mut command = Command::new(LEKALO);
    command.args(["check", "--json"]).env_clear().env("SSL_CERT_FILE", roots).env("DB_SSLMODE", mode);
    command.env("DB_HOST", "127.0.0.1").env("DB_PORT", server.port.to_string()).env("DB_USER", "sealed");
    let output = command.current_dir(server.folder.path()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    // Its schema is none; what failed is in the exit code, too.
    assert_eq!((report["ok"].as_bool(), output.status.code()), (Some(false), Some(1)), "{output:?}");
    let finding = &report["findings"][0];
    assert_eq!(finding["what"], "server", "{report}");
    let text = |name: &str| finding[name].as_str().unwrap().to_owned();
    (finding["ok"].as_bool().unwrap(), text("detail"), text("remedy"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn each_mode_keeps_what_it_promises_with_each_kind_of_server() {
    let server = Server::start().await;
    let roots = server.data().join("roots.pem");
    for (name, verified) in SERVERS {
        server.turn_into(name).await;
        for mode in [Mode::Disable, Mode::Prefer, Mode::Require] {
            for (way, outcome) in outcomes(&server, mode, ["none", "right"].contains(&name)).await {
                let case = format!("{mode:?} with {name} by {way}: {outcome:?}");
                match expected(mode, name) {
                    Plain => assert_eq!(outcome, Ok(false), "{case}"),
                    Encrypted => assert_eq!(outcome, Ok(true), "{case}"),
                    // A caller is not told why.
                    Refused(_) if way == "pool" => assert!(outcome.unwrap_err().contains("out of reach"), "{case}"),
                    Refused(words) => assert!(outcome.clone().unwrap_err().contains(words), "{case}"),
                }
            }
        }
        let (ok, detail, remedy) = checked(&server, "verify-full", &roots).await;
        let case = format!("verify-full with {name}: {detail} → {remedy}");
        match verified {
            Plain => panic!("{case}"),
            Encrypted => assert!(ok && detail.starts_with("PostgreSQL "), "{case}"),
            Refused(words) => {
                assert!(!ok && detail.contains(words), "{case}");
                assert_eq!(remedy.contains("SSL_CERT_FILE"), name != "none", "{case}");
            }
        }
    }
    // A machine that trusts nobody has nobody to trust.
    server.turn_into("right").await;
    let empty = server.folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let (ok, detail, _) = checked(&server, "verify-full", &empty).await;
    assert!(!ok && detail.contains("verify-full needs root certificates"), "{detail}");
    let (ok, detail, _) = checked(&server, "require", &empty).await;
    assert!(ok, "{detail}");
}
