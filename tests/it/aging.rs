//! Connections grow old: clients open new ones, perhaps to newer servers, and nobody's call fails for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future;
use hyper_util::rt::TokioIo;
use lekalo::grpc::{Patience, Services};
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo::proto::lekalo::v1::{ListTenantsRequest, WatchApplicationsRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt as _;

use crate::support::service::never_left;
use crate::support::{self, TestServer, connect};

const AGE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(30);

async fn server(connection_age: Option<Duration>) -> TestServer {
    let config = support::database().await;
    let patience = Patience { connection_age, ..Patience::default() };
    TestServer::with(support::db_options(&config), config, |services| Services { patience, ..services }).await
}

/// A channel, as a client has it, that counts its connections.
fn counted(server: &TestServer) -> (Channel, Arc<AtomicUsize>) {
    let (addr, count) = (server.addr, Arc::new(AtomicUsize::new(0)));
    let counting = count.clone();
    let connector = tower::service_fn(move |_| {
        counting.fetch_add(1, Ordering::Relaxed);
        async move { TcpStream::connect(addr).await.map(TokioIo::new) }
    });
    (Endpoint::from_shared(format!("http://{addr}")).unwrap().connect_with_connector_lazy(connector), count)
}

/// Calls one after the other for as long as that; none fails.
async fn call_for(channel: &Channel, long: Duration) -> usize {
    let (began, mut calls) = (Instant::now(), 0);
    while began.elapsed() < long {
        match TenantServiceClient::new(channel.clone()).list_tenants(ListTenantsRequest::default()).await {
            Ok(_) => calls += 1,
            Err(status) => assert!(never_left(&status), "{status:?}"),
        }
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn calls_go_on_over_connections_that_grow_old_without_a_failure() {
    let server = server(Some(AGE)).await;
    let (channel, connections) = counted(&server);
    let calls = future::join_all((0..4).map(|_| call_for(&channel, AGE * 4))).await;
    assert!(calls.iter().all(|calls| *calls > 20), "{calls:?}");
    // Each serves for a second, a tenth more or less.
    let connections = connections.load(Ordering::Relaxed);
    assert!((3..=5).contains(&connections), "{connections} connections in {:?}", AGE * 4);

    let ageless = self::server(None).await;
    let (channel, connections) = counted(&ageless);
    call_for(&channel, AGE * 3 / 2).await;
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_way_ends_well_however_old_its_connection_is() {
    let server = server(Some(AGE)).await;
    let locker = connect(&server.config).await;
    locker.batch_execute("BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let (channel, connections) = counted(&server);
    let call = async { TenantServiceClient::new(channel.clone()).list_tenants(ListTenantsRequest::default()).await };
    let unlock = async {
        sleep(AGE * 3 / 2).await;
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        locker.batch_execute("COMMIT").await.unwrap();
    };
    let (answer, ()) = timeout(PATIENCE, future::join(call, unlock)).await.unwrap();
    assert!(!answer.unwrap().into_inner().tenants.is_empty());
    call_for(&channel, AGE / 10).await;
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_outlives_its_connections_age_by_a_grace_and_is_told_to_come_again() {
    let server = server(Some(AGE)).await;
    let began = Instant::now();
    let request = WatchApplicationsRequest { tenant: "evopoliki".into(), ..Default::default() };
    let mut watch = ApplicationServiceClient::new(counted(&server).0).watch_applications(request).await.unwrap();
    let ended = timeout(PATIENCE, watch.get_mut().message()).await.unwrap().unwrap_err();
    let lived = began.elapsed();
    assert!(lived >= AGE * 12 / 10, "it ended after {lived:?}");
    assert_eq!(ended.code(), Code::Unavailable, "{ended:?}");
    assert_eq!(ended.get_details_error_info().unwrap().reason, "SHUTTING_DOWN");
    assert!(ended.get_details_retry_info().unwrap().retry_delay.is_some());
    assert!(ended.message().contains("a new one will answer"), "{ended:?}");
}

/// When the server says goodbye to a connection of a client that only opens it: the first GOAWAY.
async fn goodbye(server: &TestServer) -> Duration {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let began = Instant::now();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    loop {
        let mut head = [0; 9];
        timeout(PATIENCE, stream.read_exact(&mut head)).await.unwrap().unwrap();
        if head[3] == 7 {
            return began.elapsed();
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_came_at_once_do_not_go_at_once() {
    let server = server(Some(AGE * 2)).await;
    let goodbyes = future::join_all((0..40).map(|_| goodbye(&server))).await;
    let (first, last) = (*goodbyes.iter().min().unwrap(), *goodbyes.iter().max().unwrap());
    assert!(first >= AGE * 18 / 10 - Duration::from_millis(20), "{first:?}");
    assert!(last - first >= AGE / 5, "{first:?} to {last:?}");
    assert!(first < AGE * 2, "{first:?}: some go before the age, some after it");
}
