//! TLS of the gRPC port: who gets in, and how a certificate changes while the server runs.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lekalo::proto::lekalo::v1::ListTenantsRequest;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use nix::sys::signal::Signal;
use rcgen::{ExtendedKeyUsagePurpose, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tonic::Status;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::support::certificates::{Signed, authority, signed};
use crate::support::service::Service;
use crate::support::{LEKALO, database, folder, http};

const PATIENCE: Duration = Duration::from_secs(60);
const SERVER: ExtendedKeyUsagePurpose = ExtendedKeyUsagePurpose::ServerAuth;
const CLIENT: ExtendedKeyUsagePurpose = ExtendedKeyUsagePurpose::ClientAuth;
const HOST: &str = "127.0.0.1";

/// What a server is configured with, in this folder.
struct Files {
    folder: PathBuf,
}

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, Signed { certificate, key }: &Signed) {
        std::fs::write(self.path("tls.crt"), certificate).unwrap();
        std::fs::write(self.path("tls.key"), key).unwrap();
    }

    fn settings(&self, client_roots: bool) -> Vec<(&'static str, String)> {
        let path = |name| self.path(name).to_str().unwrap().to_owned();
        let mut settings = vec![("LEKALO_TLS_CERT", path("tls.crt")), ("LEKALO_TLS_KEY", path("tls.key"))];
        settings.extend(client_roots.then(|| ("LEKALO_TLS_CLIENT_CA", path("clients.pem"))));
        settings
    }
}

fn borrowed<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn server_of(issuer: &Issuer<'static, KeyPair>) -> Signed {
    signed(issuer, HOST, SERVER, |_| {})
}

/// A call over TLS, on a connection of its own.
async fn call(addr: SocketAddr, roots: &str, identity: Option<&Signed>) -> Result<Channel, String> {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(roots));
    if let Some(Signed { certificate, key }) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let endpoint = Endpoint::from_shared(format!("https://{addr}")).unwrap().tls_config(tls).unwrap();
    let channel = endpoint.connect().await.map_err(|error| format!("{error:?}"))?;
    list(&channel).await.map_err(|status| format!("{status:?}"))?;
    Ok(channel)
}

async fn list(channel: &Channel) -> Result<(), Status> {
    let tenants = TenantServiceClient::new(channel.clone()).list_tenants(ListTenantsRequest::default()).await?;
    assert!(!tenants.into_inner().tenants.is_empty());
    Ok(())
}

/// The certificate that a new connection is shown.
async fn shown(addr: SocketAddr, roots: &str) -> CertificateDer<'static> {
    let mut store = RootCertStore::empty();
    store.add(CertificateDer::from_pem_slice(roots.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(store).with_no_client_auth();
    let stream = TcpStream::connect(addr).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::from(addr.ip()), stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// What `lekalo health` says, with nothing but these variables.
async fn health(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(LEKALO);
    command.arg("health").args(args).args(["--timeout", "20s"]).env_clear().envs(variables.iter().copied());
    timeout(PATIENCE, command.kill_on_drop(true).output()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn only_clients_with_a_good_certificate_get_in_and_nobody_holds_them_up() {
    let (folder, config) = (folder(), database().await);
    let files = Files { folder: folder.path().to_owned() };
    let ((roots, issuer), (clients, client_issuer), (foreign_roots, foreign)) =
        (authority("servers"), authority("clients"), authority("foreign"));
    files.write(&server_of(&issuer));
    std::fs::write(files.path("clients.pem"), &clients).unwrap();
    let settings = [files.settings(true), vec![("LEKALO_LOG_FORMAT", "json".to_owned())]].concat();
    let mut service = Service::with(folder.path(), &config, &borrowed(&settings));
    // The line is an object here.
    let addr = service.addr().await;

    let good = signed(&client_issuer, "bot", CLIENT, |_| {});
    let bad = [
        ("expired", signed(&client_issuer, "bot", CLIENT, |it| it.not_after = date_time_ymd(2020, 1, 1))),
        ("early", signed(&client_issuer, "bot", CLIENT, |it| it.not_before = date_time_ymd(2999, 1, 1))),
        ("foreign", signed(&foreign, "bot", CLIENT, |_| {})),
        ("the servers'", signed(&issuer, "bot", CLIENT, |_| {})),
        ("a server's", signed(&client_issuer, "bot", SERVER, |_| {})),
    ];
    call(addr, &roots, Some(&good)).await.unwrap();
    for (what, identity) in &bad {
        call(addr, &roots, Some(identity)).await.expect_err(what);
    }
    call(addr, &roots, None).await.expect_err("no certificate");
    let error = call(addr, &foreign_roots, Some(&good)).await.expect_err("not our server");
    assert!(error.contains("UnknownIssuer"), "{error}");

    who_speaks_no_tls_is_sent_away(addr).await;
    nobody_waits_for_silent_peers(addr, &roots, &good).await;
    a_probe_comes_in_as_any_client_does(addr, &files, &good, [&roots, &foreign_roots]).await;

    service.signal(Signal::SIGTERM);
    let (status, log) = service.ended(PATIENCE).await;
    assert!(status.success(), "{log}");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let calls: Vec<Value> = lines.filter(|line| line["target"] == "lekalo::calls").collect();
    assert!(!calls.is_empty(), "{log}");
    for call in calls {
        assert!(call.to_string().contains("\"127.0.0.1:"), "its caller's address is not there: {call}");
    }
}

/// At once, be it HTTP/2 or anything else.
async fn who_speaks_no_tls_is_sent_away(addr: SocketAddr) {
    for words in [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(words).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("a plain peer is not sent away");
        assert!(answer.len() < 64, "{answer:?}");
    }
}

/// More of them than there may be handshakes; they are not waited for either.
async fn nobody_waits_for_silent_peers(addr: SocketAddr, roots: &str, good: &Signed) {
    let began = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(addr).await.unwrap());
    }
    let channel = call(addr, roots, Some(good)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for stream in &mut silent {
        let _ = timeout(PATIENCE, stream.read(&mut [0])).await.expect("a silent peer is not sent away");
    }
    list(&channel).await.unwrap();
}

async fn a_probe_comes_in_as_any_client_does(addr: SocketAddr, files: &Files, good: &Signed, roots: [&str; 2]) {
    let [roots, foreign_roots] = roots;
    let (addr, path) = (addr.to_string(), |name: &str, text: &str| {
        let path = files.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let (ca, cert, key) = (path("ca.pem", roots), path("client.crt", &good.certificate), path("client.key", &good.key));
    let others = path("others.pem", foreign_roots);
    let known = ["--tls-cert", &cert, "--tls-key", &key];
    let at = |args: &[&str]| [&["--addr", &addr], args].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    for (args, expected) in [
        (at(&[&["--tls-ca", &ca], &known[..]].concat()), Ok(())),
        (at(&[&["--tls"], &known[..]].concat()), Ok(())),
        (at(&known), Ok(())),
        (at(&[&["--tls-ca", &others], &known[..]].concat()), Err("UnknownIssuer")),
        (at(&[&["--tls-ca", &ca, "--tls-name", "lekalo.example"], &known[..]].concat()), Err("not valid for name")),
        (at(&["--tls"]), Err("--tls-cert")),
        (at(&[]), Err("a server with TLS is asked with --tls")),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let said = health(&args, &[]).await;
        let stderr = String::from_utf8(said.stderr).unwrap();
        match expected {
            Ok(()) => assert_eq!(said.stdout, b"SERVING\n", "{args:?}: {stderr}"),
            Err(words) => assert!(said.status.code() == Some(2) && stderr.contains(words), "{args:?}: {stderr}"),
        }
    }
}

/// Replaces what `..data` leads to, as Kubernetes does.
fn turn(folder: &Path, version: &str, signed: &Signed) {
    let target = folder.join(version);
    std::fs::create_dir(&target).unwrap();
    Files { folder: target }.write(signed);
    symlink(version, folder.join("..new")).unwrap();
    std::fs::rename(folder.join("..new"), folder.join("..data")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_certificate_is_replaced_while_the_server_runs_and_a_broken_one_changes_nothing() {
    let (folder, config) = (folder(), database().await);
    let (roots, issuer) = authority("servers");
    let [first, second, third] = [(); 3].map(|()| server_of(&issuer));
    turn(folder.path(), "1", &first);
    for name in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
    }
    let files = Files { folder: folder.path().to_owned() };
    let settings = [files.settings(false), vec![("LEKALO_ADMIN_ADDR", "127.0.0.1:0".to_owned())]].concat();
    let mut service = Service::with(folder.path(), &config, &borrowed(&settings));
    let addr = service.addr().await;
    let (_, metrics) = http::get(service.admin.unwrap(), "/metrics").await;
    let expires =
        metrics.lines().find_map(|line| line.strip_prefix("lekalo_tls_certificate_expiry_timestamp_seconds "));
    let at: f64 = expires.unwrap().parse().unwrap();
    assert!(at == date_time_ymd(4096, 1, 1).unix_timestamp() as f64, "{at}");
    let der = |it: &Signed| CertificateDer::from_pem_slice(it.certificate.as_bytes()).unwrap();
    assert_eq!(shown(addr, &roots).await, der(&first));
    let old = call(addr, &roots, None).await.unwrap();

    let becomes = async |expected: &Signed| {
        let began = Instant::now();
        while shown(addr, &roots).await != der(expected) {
            assert!(began.elapsed() < PATIENCE, "the new certificate is not used");
            sleep(Duration::from_millis(50)).await;
        }
    };
    turn(folder.path(), "2", &second);
    becomes(&second).await;
    list(&old).await.unwrap();
    // A probe of the server's own settings needs no more than these.
    let said =
        health(&[], &[&borrowed(&files.settings(false))[..], &[("LEKALO_ADDR", &addr.to_string())]].concat()).await;
    assert_eq!(said.stdout, b"SERVING\n", "{}", String::from_utf8_lossy(&said.stderr));

    // Each is said once, and the one in use stays.
    let broken = [
        ("does not fit", Signed { key: first.key.clone(), ..third.clone() }),
        ("expired at 2020-01-01", signed(&issuer, HOST, SERVER, |it| it.not_after = date_time_ymd(2020, 1, 1))),
        ("no private key", Signed { key: String::new(), ..third.clone() }),
        ("no certificate that could be read", Signed { certificate: "garbage".into(), ..third.clone() }),
    ];
    for (at, (words, broken)) in broken.iter().enumerate() {
        turn(folder.path(), &format!("broken-{at}"), broken);
        let line = service.line("new connections get the certificate as it was").await;
        assert!(line.contains(words), "{line}");
        assert_eq!(shown(addr, &roots).await, der(&second), "{words}");
    }
    std::fs::remove_file(folder.path().join("..data")).unwrap();
    let line = service.line("new connections get the certificate as it was").await;
    assert!(line.contains("cannot be read") && line.contains("LEKALO_TLS_CERT"), "{line}");
    assert_eq!(shown(addr, &roots).await, der(&second));

    turn(folder.path(), "3", &third);
    becomes(&third).await;
    list(&old).await.unwrap();
    service.signal(Signal::SIGTERM);
    let (_, log) = service.ended(PATIENCE).await;
    assert!(!log.contains("as it was"), "said twice: {log}");
}

#[tokio::test]
async fn a_server_does_not_start_with_a_certificate_that_is_of_no_use() {
    let folder = folder();
    let files = Files { folder: folder.path().to_owned() };
    let (_, issuer) = authority("servers");
    let good = server_of(&issuer);
    let other = server_of(&issuer);
    let early = signed(&issuer, HOST, SERVER, |it| it.not_before = date_time_ymd(2999, 1, 1));
    let expired = signed(&issuer, HOST, SERVER, |it| it.not_after = date_time_ymd(2020, 1, 1));
    let text = |text: &str| text.to_owned();
    std::fs::write(files.path("clients.pem"), "garbage").unwrap();
    for (problem, remedy, signed, client_roots) in [
        ("does not fit the certificate", "made together", Signed { key: other.key.clone(), ..good.clone() }, false),
        ("expired at 2020-01-01T00:00:00Z", "renew it", expired, false),
        ("not valid before 2999-01-01T00:00:00Z", "clock", early, false),
        ("has no private key", "openssl pkey", Signed { key: text("garbage"), ..good.clone() }, false),
        ("tls.crt has no certificate", "PEM", Signed { certificate: text(""), ..good.clone() }, false),
        ("clients.pem has no certificate", "PEM", good.clone(), true),
    ] {
        files.write(&signed);
        refused(&files.settings(client_roots), problem, remedy).await;
    }
    files.write(&good);
    let (_, said) = told(&["check"], &files.settings(false)).await;
    assert!(said.contains("✓ TLS: the certificate in") && said.contains("tls.crt holds until 4"), "{said}");
    let [certificate, key] = &files.settings(false)[..] else { panic!() };
    for (alone, other) in [(certificate, "LEKALO_TLS_KEY"), (key, "LEKALO_TLS_CERT")] {
        refused(std::slice::from_ref(alone), &format!("{other} is not set"), "set the other one, or neither").await;
    }
    std::fs::remove_file(files.path("tls.key")).unwrap();
    refused(&files.settings(false), "tls.key cannot be read: No such file", "this user may read").await;
}

/// With these settings it does not start, and says this; so does `lekalo check`.
async fn refused(settings: &[(&'static str, String)], problem: &str, remedy: &str) {
    for command in [&["serve", "--addr", "127.0.0.1:0"][..], &["check"]] {
        let (code, said) = told(command, settings).await;
        assert!(code == Some(1) && said.contains(problem) && said.contains(remedy), "{problem}: {said}");
        assert!(!said.contains("PRIVATE"), "{said}");
    }
}

/// How a command ends and what it says with these settings and no database.
async fn told(args: &[&str], settings: &[(&'static str, String)]) -> (Option<i32>, String) {
    let nowhere = [("DB_HOST", "/nowhere"), ("LEKALO_ADMIN_ADDR", "off")];
    let mut command = Command::new(LEKALO);
    command.args(args).env_clear().envs(nowhere).envs(borrowed(settings));
    let said = timeout(PATIENCE, command.kill_on_drop(true).output()).await.expect("it starts").unwrap();
    (said.status.code(), String::from_utf8([said.stdout, said.stderr].concat()).unwrap())
}
