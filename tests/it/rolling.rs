//! A rolling restart loses nothing: servers stop and start one after the other under load, and no client that tries again on
//! UNAVAILABLE, as gRPC clients do, sees a call fail; what was acknowledged is there, and each import ends as if nothing had been.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future;
use hyper_util::rt::TokioIo;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use nix::sys::signal::Signal;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

use crate::support::applications::{self, create, order};
use crate::support::service::{Service, is_unavailable};
use crate::support::uploads::{ended, file, header, upload_to};
use crate::support::{self, connect, folder, is_long};

const SERVERS: usize = 4;
/// How long a client tries again.
const PATIENCE: Duration = Duration::from_secs(20);

/// A free port for each server, which it gets again when it starts anew.
fn addresses() -> [SocketAddr; SERVERS] {
    let listeners: [TcpListener; SERVERS] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

async fn start(folder: &Path, config: &Config, addr: SocketAddr) -> Service {
    let Host::Unix(socket_dir) = &config.get_hosts()[0] else { panic!("{config:?}") };
    let variables = [
        ("DB_HOST", socket_dir.to_str().unwrap()),
        ("DB_NAME", config.get_dbname().unwrap()),
        ("LEKALO_ADMIN_ADDR", "off"),
        ("LEKALO_MAX_CONNECTION_AGE_SECONDS", "1"),
        // However slow the machine is, nobody is told that there are too many.
        ("LEKALO_UPLOADS", "500"),
        ("LEKALO_UPLOADS_PER_TENANT", "500"),
    ];
    let mut service = Service::run(folder, &["--addr", &addr.to_string()], &variables);
    service.addr().await;
    service
}

/// One that takes turns at all servers.
fn balanced(addresses: &[SocketAddr]) -> Channel {
    let endpoint = |addr: &SocketAddr| Endpoint::from_shared(format!("http://{addr}")).unwrap();
    Channel::balance_list(addresses.iter().map(endpoint))
}

/// One that has one connection, to the first server that lets it in, as gRPC's `pick_first` does.
fn single(addresses: &[SocketAddr]) -> Channel {
    let addresses = addresses.to_vec();
    let connector = tower::service_fn(move |_| {
        let addresses = addresses.clone();
        async move {
            let mut last = None;
            for addr in addresses {
                match TcpStream::connect(addr).await {
                    Ok(stream) => return Ok(TokioIo::new(stream)),
                    Err(error) => last = Some(error),
                }
            }
            Err(last.unwrap())
        }
    });
    Endpoint::from_static("http://lekalo").connect_with_connector_lazy(connector)
}

/// Tries again while nobody is there to answer.
async fn patiently<T>(mut call: impl AsyncFnMut() -> Result<T, Status>) -> T {
    let began = Instant::now();
    loop {
        let status = match call().await {
            Ok(answer) => return answer,
            Err(status) => status,
        };
        assert!(is_unavailable(&status), "{status:?}");
        assert!(began.elapsed() < PATIENCE, "{status:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn read(channel: Channel, done: &AtomicBool) -> usize {
    let mut calls = 0;
    while !done.load(Ordering::Relaxed) {
        let request =
            pb::ListBrandsRequest { tenant: "evopoliki".into(), category: "eva_mats".into(), ..Default::default() };
        let client = CatalogServiceClient::new(channel.clone());
        patiently(async || client.clone().list_brands(request.clone()).await).await;
        calls += 1;
        sleep(Duration::from_millis(10)).await;
    }
    calls
}

/// The ids of the applications that were acknowledged.
async fn write(channel: Channel, done: &AtomicBool) -> Vec<String> {
    let mut ids = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let request = create(order());
        let client = applications::Client::new(channel.clone());
        let answer = patiently(async || client.clone().create_application(request.clone()).await).await;
        ids.push(answer.into_inner().application.unwrap().id);
        sleep(Duration::from_millis(30)).await;
    }
    ids
}

/// The ids of the imports that were acknowledged.
async fn upload(channel: Channel, category: &str, done: &AtomicBool) -> Vec<String> {
    let cars = ["Тойота,Камри", "Киа,Рио", "Киа,Сид", "Тойота,Королла"];
    let mut ids = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let (request_id, category) = (Uuid::now_v7().to_string(), category.to_owned());
        let header = pb::ImportHeader { request_id, category, ..header() };
        let file = file(cars[ids.len() % cars.len()]);
        let import = patiently(async || upload_to(channel.clone(), &file, header.clone()).await).await;
        ids.push(import.id);
        sleep(Duration::from_millis(500)).await;
    }
    ids
}

/// Every application that is told of, once each, however often the watch has to be begun again; until `all` are.
async fn watch(channel: Channel, all: &tokio::sync::watch::Receiver<Option<usize>>) -> Vec<String> {
    let (mut seen, mut after) = (Vec::new(), String::new());
    let is_all = |seen: &Vec<String>| *all.borrow() == Some(seen.len());
    while !is_all(&seen) {
        let request =
            pb::WatchApplicationsRequest { tenant: "evopoliki".into(), after: after.clone(), ..Default::default() };
        let client = applications::Client::new(channel.clone());
        let mut events =
            patiently(async || client.clone().watch_applications(request.clone()).await).await.into_inner();
        while !is_all(&seen) {
            match timeout(Duration::from_millis(200), events.message()).await {
                Err(_) => {}
                Ok(Ok(message)) => {
                    let event = message.unwrap().event.unwrap();
                    after = event.cursor;
                    seen.push(event.application.unwrap().id);
                }
                Ok(Err(status)) => {
                    assert!(is_unavailable(&status), "{status:?}");
                    break;
                }
            }
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn servers_restart_one_after_the_other_and_nothing_is_lost() {
    let config = support::database().await;
    let owner = connect(&config).await;
    let (folder, addresses) = (folder(), addresses());
    let mut services = future::join_all(addresses.map(|addr| start(folder.path(), &config, addr))).await;
    let (balanced, single) = (balanced(&addresses), single(&addresses));
    let done = AtomicBool::new(false);
    let (tell_all, all) = tokio::sync::watch::channel(None);

    let restarts = async {
        let began = Instant::now();
        let rounds = if is_long() { 30 } else { 3 };
        for _ in 0..rounds {
            for (service, addr) in services.iter_mut().zip(addresses) {
                service.signal(Signal::SIGTERM);
                let next = async {
                    // The port is free when the old one has ended.
                    timeout(Duration::from_secs(10), service.process.wait()).await.expect("it does not stop").unwrap()
                };
                assert!(next.await.success());
                *service = start(folder.path(), &config, addr).await;
            }
        }
        println!("{rounds} rounds took {:?}", began.elapsed());
        done.store(true, Ordering::Relaxed);
    };
    let load = async {
        let calls = future::join(
            future::join(read(balanced.clone(), &done), read(single.clone(), &done)),
            future::join(write(balanced.clone(), &done), write(single.clone(), &done)),
        );
        let uploads =
            future::join(upload(balanced.clone(), "eva_mats", &done), upload(single.clone(), "trunk_mats", &done));
        let ((reads, writes), uploads) = Box::pin(future::join(calls, uploads)).await;
        let (writes, imports) = ([writes.0, writes.1].concat(), [uploads.0, uploads.1].concat());
        tell_all.send(Some(writes.len())).unwrap();
        (reads, writes, imports)
    };
    let (seen, ((), (reads, writes, imports))) =
        Box::pin(future::join(watch(balanced.clone(), &all), future::join(restarts, load))).await;
    println!("{reads:?} reads, {} writes, {} imports; no failure", writes.len(), imports.len());
    assert!(reads.0 > 30 && reads.1 > 30 && writes.len() > 20 && imports.len() > 5);

    for id in &imports {
        let import = ended(addresses[0], id).await;
        assert_eq!(import.state(), pb::ImportState::Succeeded, "{:?}", import.error);
    }
    let ids = owner.query("SELECT id::text FROM applications", &[]).await.unwrap();
    let stored: BTreeSet<String> = ids.iter().map(|row| row.get(0)).collect();
    let acknowledged: BTreeSet<String> = writes.iter().cloned().collect();
    assert_eq!(acknowledged.len(), writes.len(), "an application is there twice");
    assert_eq!(stored, acknowledged);
    assert_eq!(seen.len(), stored.len(), "each is told of once");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), stored);
    let left = "SELECT (SELECT count(*) FROM imports WHERE state <> 'succeeded') + (SELECT count(*) FROM import_files)";
    assert_eq!(owner.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
}
