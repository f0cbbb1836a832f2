//! What customers say of themselves, and passwords, are in no log and no error, however much is logged.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio_postgres::config::Host;
use tonic::transport::Channel;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::collector::Collector;
use crate::support::http::get;
use crate::support::{LEKALO, connect, database};

const NAME: &str = "Canary-Name-7f3a";
const MESSAGE: &str = "canary-message-91bd";
const NOTE: &str = "canary-note-55e0";
const PASSWORD: &str = "canary-password-c4d2";
const API_KEY: &str = "canary-key-0b8e";
const USERNAME: &str = "canary_username_2f6c";
const VEHICLE: &str = "canary-vehicle-a913";
const TYPED: &str = "canary-typed-37d0";
const TEXT: &str = "canary-text-6ac5";
/// As typed; the last six digits tell it in any spelling.
const PHONE: &str = "0555 190273";
const SECRETS: [&str; 10] = [NAME, MESSAGE, NOTE, PASSWORD, API_KEY, USERNAME, VEHICLE, TYPED, TEXT, "190273"];

/// Panics where a secret is in a text.
fn assert_clean(what: &str, text: &str) {
    for secret in SECRETS {
        if let Some(line) = text.lines().find(|line| line.contains(secret)) {
            panic!("{what} has {secret}: {line}");
        }
    }
}

/// The program with nothing but these variables, in a folder without `.env`.
fn lekalo(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(LEKALO);
    command.args(arguments).env_clear().envs(variables.iter().copied()).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running server and what it has logged until it listened.
struct Serving {
    child: Child,
    stderr: Option<BufReader<std::process::ChildStderr>>,
    log: String,
    addr: String,
}

impl Serving {
    fn start(folder: &Path, url: &str, collector: &str) -> Self {
        let everything =
            [("DB_ECHO", "true"), ("DB_SLOW_STATEMENT_MS", "1"), ("LEKALO_LOG", "trace"), ("LEKALO_LOG_CALLS", "1000")];
        let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
        let variables =
            [&[collector, ("DATABASE_URL", url), ("LEKALO_ADMIN_ADDR", "127.0.0.1:0")], &everything[..]].concat();
        let child = lekalo(folder, &["serve", "--addr", "127.0.0.1:0"], &variables).spawn().unwrap();
        let mut serving = Self { child, stderr: None, log: String::new(), addr: String::new() };
        let mut stderr = BufReader::new(serving.child.stderr.take().unwrap());
        while serving.addr.is_empty() {
            let begin = serving.log.len();
            assert!(stderr.read_line(&mut serving.log).unwrap() > 0, "the server ended: {}", serving.log);
            let addr = serving.log[begin..].strip_prefix("listening on ").unwrap_or_default();
            serving.addr = addr.trim().to_owned();
        }
        serving.stderr = Some(stderr);
        serving
    }

    /// Stops it; all that it has logged.
    fn stop(mut self, rest: std::thread::JoinHandle<String>) -> String {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        std::mem::take(&mut self.log) + &rest.join().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Ended already if all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn create(name: &str, phone: &str, message: &str) -> pb::CreateApplicationRequest {
    pb::CreateApplicationRequest {
        tenant: "evopoliki".into(),
        application: Some(pb::Application {
            kind: pb::ApplicationKind::Callback.into(),
            customer: Some(pb::Customer {
                channel: pb::Channel::Whatsapp.into(),
                external_id: "996555190273".into(),
                name: name.into(),
                phone: phone.into(),
                username: USERNAME.into(),
                ..Default::default()
            }),
            vehicle_text: VEHICLE.into(),
            message: message.into(),
            ..Default::default()
        }),
        request_id: Uuid::now_v7().to_string(),
    }
}

fn assert_clean_error(status: &Status, code: Code) {
    assert_eq!(status.code(), code, "{status:?}");
    assert_clean("the error", &format!("{status:?} {status} {}", String::from_utf8_lossy(status.details())));
}

#[tokio::test]
async fn nothing_a_customer_says_is_in_the_log_of_a_server_that_logs_everything() {
    let folder = tempfile::tempdir().unwrap();
    let config = database().await;
    let Host::Unix(socket) = &config.get_hosts()[0] else { panic!("the test cluster listens on a socket") };
    let (user, name) = (config.get_user().unwrap(), config.get_dbname().unwrap());
    let socket = socket.to_str().unwrap().replace('/', "%2F");
    let url = format!("postgres://{user}:{PASSWORD}@/{name}?host={socket}");
    let (collector, otlp) = Collector::start().await;
    let (path, started) = (folder.path().to_owned(), url.clone());
    let mut serving = tokio::task::spawn_blocking(move || Serving::start(&path, &started, &otlp)).await.unwrap();
    // A pipe that nobody empties stops the server.
    let mut stderr = serving.stderr.take().unwrap();
    let rest = std::thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        log
    });

    let channel = Channel::from_shared(format!("http://{}", serving.addr)).unwrap().connect().await.unwrap();
    let known = format!(
        "INSERT INTO api_keys (id, prefix, secret_sha256, role, all_tenants)
         VALUES (gen_random_uuid(), 'lk_bot', sha256('{API_KEY}'), 'admin', true);
         UPDATE api_key_changes SET version = version + 1"
    );
    connect(&config).await.batch_execute(&known).await.unwrap();
    let with_key = |mut request: tonic::Request<()>| {
        let key = format!("Bearer lk_bot_{API_KEY}").parse().unwrap();
        request.metadata_mut().insert("authorization", key);
        Ok(request)
    };
    let mut texts = TextServiceClient::with_interceptor(channel.clone(), with_key);
    let mut catalog = CatalogServiceClient::with_interceptor(channel.clone(), with_key);
    let mut client = ApplicationServiceClient::with_interceptor(channel, with_key);
    let request = create(NAME, PHONE, MESSAGE);
    let created = client.create_application(request.clone()).await.unwrap().into_inner().application.unwrap();
    assert_eq!(created.customer.clone().unwrap().phone, "+996555190273");
    client.create_application(request.clone()).await.unwrap();
    let list = pb::ListApplicationsRequest { tenant: "evopoliki".into(), ..Default::default() };
    assert_eq!(client.list_applications(list).await.unwrap().into_inner().applications, std::slice::from_ref(&created));
    let watch = pb::WatchApplicationsRequest { tenant: "evopoliki".into(), ..Default::default() };
    let mut events = client.watch_applications(watch).await.unwrap().into_inner();
    events.message().await.unwrap().unwrap();
    drop(events);
    let transition = pb::TransitionApplicationRequest {
        tenant: "evopoliki".into(),
        id: created.id,
        to: pb::ApplicationStatus::InProgress.into(),
        actor: NAME.into(),
        note: NOTE.into(),
        ..Default::default()
    };
    // Who has it is told to who comes too late; what else is said is not.
    let claim = pb::TransitionApplicationRequest { actor: "manager-1".into(), ..transition.clone() };
    client.transition_application(claim).await.unwrap();

    // Every kind of refusal.
    let refused = client.transition_application(transition).await.unwrap_err();
    assert_clean_error(&refused, Code::FailedPrecondition);
    let other = pb::CreateApplicationRequest { request_id: request.request_id, ..create(NAME, PHONE, NOTE) };
    assert_clean_error(&client.create_application(other).await.unwrap_err(), Code::AlreadyExists);
    for bad in [
        create(NAME, &format!("{PHONE}{PHONE}"), MESSAGE),
        create(NAME, "190273", MESSAGE),
        create(&NAME.repeat(20), "+000190273", &MESSAGE.repeat(500)),
        create(&format!("{NAME}\0"), PHONE, &format!("{MESSAGE}\0")),
    ] {
        assert_clean_error(&client.create_application(bad).await.unwrap_err(), Code::InvalidArgument);
    }
    // What shops write and what customers type.
    let upsert = |key: &str, value: &str| pb::UpsertTextsRequest {
        tenant: "evopoliki".into(),
        texts: vec![pb::Text { key: key.into(), value: value.into(), language: "ru".into(), ..Default::default() }],
        ..Default::default()
    };
    texts.upsert_texts(upsert("canary", TEXT)).await.unwrap();
    let keys =
        pb::BatchGetTextsRequest { tenant: "evopoliki".into(), keys: vec!["canary".into()], ..Default::default() };
    assert_eq!(texts.batch_get_texts(keys).await.unwrap().into_inner().texts[0].value, TEXT);
    for wrong in [upsert("canary", &format!("{TEXT} {{")), upsert("welcome", &format!("{TEXT} {{other}}"))] {
        assert_clean_error(&texts.upsert_texts(wrong).await.unwrap_err(), Code::InvalidArgument);
    }
    let resolve = |text: &str| pb::ResolveVehicleRequest {
        tenant: "evopoliki".into(),
        category: "eva_mats".into(),
        text: text.into(),
        ..Default::default()
    };
    catalog.resolve_vehicle(resolve(&format!("toyota camry {TYPED}"))).await.unwrap();
    catalog.resolve_vehicle(resolve(TYPED)).await.unwrap();
    let (_, admin) = serving.log.split_once("more at http://").unwrap();
    let admin = admin.split('/').next().unwrap().parse().unwrap();
    for page in ["/", "/metrics", "/version", "/debug/config", "/debug/log", "/readyz"] {
        let (status, text) = get(admin, page).await;
        assert!(status == 200 && text.len() > 4, "{page}: {status} {text}");
        assert_clean(page, &text);
    }
    let long = catalog.resolve_vehicle(resolve(&TYPED.repeat(200))).await.unwrap_err();
    assert_clean_error(&long, Code::InvalidArgument);

    // PostgreSQL's own words for this repeat the whole row.
    let owner = connect(&config).await;
    let broken = format!("ALTER TABLE customers ADD CONSTRAINT broken CHECK (name <> '{NAME}-2')");
    owner.batch_execute(&broken).await.unwrap();
    let fault = client.create_application(create(&format!("{NAME}-2"), PHONE, MESSAGE)).await.unwrap_err();
    assert_clean_error(&fault, Code::Internal);

    drop((client, texts, catalog));
    let log = tokio::task::spawn_blocking(move || serving.stop(rest)).await.unwrap();
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.name == "create_application" || span.name.contains("CreateApplication")));
    for span in spans {
        assert_clean("a span", &format!("{span:?}"));
    }
    for expected in
        ["query=\"create_application\"", "query=\"upsert_customer\"", "violates check constraint \"broken\""]
    {
        assert!(log.contains(expected), "the log has no {expected}");
    }
    assert!(log.contains(" DEBUG ") && log.contains(" TRACE "), "the log has everything there is");
    assert_clean("the log", &log);
}

#[test]
fn a_wrong_database_url_does_not_tell_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let at = |rest: &str| format!("postgres://bot:{PASSWORD}{rest}");
    for url in [
        at("@127.0.0.1:1/shop"),
        at("@no-such-host.invalid/shop"),
        at("@[::1/shop"),
        at("@127.0.0.1:port/shop"),
        at("@127.0.0.1:1/shop?no_such_option=1"),
        at("%ff%@127.0.0.1:1/shop"),
        format!("postgres://bot:half@{PASSWORD}@127.0.0.1:1/shop"),
        format!("mysql://bot:{PASSWORD}@127.0.0.1/shop"),
        format!("bot:{PASSWORD}"),
    ] {
        for command in [&["check"][..], &["serve", "--addr", "127.0.0.1:0", "--wait", "0s"], &["stats"]] {
            let variables = [("DATABASE_URL", url.as_str()), ("DB_ECHO", "true"), ("LEKALO_LOG", "trace")];
            let output = lekalo(folder.path(), command, &variables).output().unwrap();
            let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(!output.status.success(), "{command:?} with {url}");
            assert_clean(&format!("{command:?}"), &format!("{stdout}\n{stderr}"));
        }
    }
    // The other places where a URL may end up by mistake.
    for name in ["DB_HOST", "DB_PORT", "DB_SSLMODE", "DB_POOL_SIZE", "LEKALO_ADDR", "LEKALO_OWNER_DATABASE_URL"] {
        let url = format!("postgresql://bot:{PASSWORD}@@db/shop");
        let output = lekalo(folder.path(), &["check"], &[(name, &url)]).output().unwrap();
        assert!(!output.status.success(), "{name}");
        assert_clean(name, &String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
    }
}
