//! What one tenant's writes wait for is no other tenant's business.

use std::time::{Duration, Instant};

use futures::future::join_all;
use lekalo::db::{Db, Options};
use lekalo::domain::error::Error;
use lekalo::proto::lekalo::v1 as pb;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::applications::{Client, create, created, customer, order, reason};
use crate::support::pricing::{self, ask};
use crate::support::{TestServer, connect, database, db_options};

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_writes_are_blocked_keeps_no_other_from_the_pool() {
    let config = database().await;
    let options = Options { pool_timeout: Duration::from_secs(1), ..db_options(&config) };
    let server = TestServer::through(options, config).await;
    let mut client = Client::new(server.channel.clone());
    let held = created(&mut client, order()).await;
    let owner = connect(&server.config).await;
    // Somebody holds the row under which this tenant's events are appended.
    owner.batch_execute("BEGIN; SELECT last_place FROM application_feeds FOR UPDATE").await.unwrap();

    let began = Instant::now();
    let burst: Vec<_> = (0..30)
        .map(|number| {
            let mut client = client.clone();
            let customer = pb::Customer { external_id: format!("customer-{number}"), ..customer() };
            tokio::spawn(async move {
                client.create_application(create(pb::Application { customer: Some(customer), ..order() })).await
            })
        })
        .collect();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let observer = connect(&server.config).await;
    while observer.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing waits for the row");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    // The other tenant reads and writes as ever; so does this one read.
    let mut prices = pricing::Client::new(server.channel.clone());
    let other = pb::Application { category: String::new(), selections: Vec::new(), ..order() };
    let other = pb::Application { kind: pb::ApplicationKind::IndividualMeasure.into(), ..other };
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let asked = Instant::now();
        let request = pb::CreateApplicationRequest { tenant: "five_deluxe".into(), ..create(other.clone()) };
        client.create_application(request).await.unwrap();
        prices.quote_price(ask("five_deluxe/5d_mats", "suv", "")).await.unwrap();
        let get = pb::GetApplicationRequest { tenant: "evopoliki".into(), id: held.id.clone(), ..Default::default() };
        client.get_application(get).await.unwrap();
        slowest = slowest.max(asked.elapsed());
    }
    println!("the slowest round of the other tenant: {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert!(burst.iter().any(|call| !call.is_finished()), "the burst still waits");

    for answer in join_all(burst).await {
        let status = answer.unwrap().unwrap_err();
        assert_eq!(reason(&status), (Code::ResourceExhausted, "OVERLOADED".into()));
        assert!(status.get_error_details().retry_info().unwrap().retry_delay.is_some());
    }
    println!("the burst was answered after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    owner.batch_execute("COMMIT").await.unwrap();
    created(&mut client, order()).await;
}

/// A way to the test cluster that falls silent when told to.
async fn silenceable(config: &Config) -> (Config, watch::Sender<bool>) {
    let Host::Unix(folder) = &config.get_hosts()[0] else { panic!("the test cluster listens on a socket") };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let socket = folder.join(format!(".s.PGSQL.{port}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut through = Config::new();
    through.host("127.0.0.1").port(listener.local_addr().unwrap().port());
    through.user(config.get_user().unwrap()).dbname(config.get_dbname().unwrap());
    let (silence, silent) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = UnixStream::connect(&socket).await.unwrap();
            let mut silent = silent.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => return,
                    _ = silent.wait_for(|silent| *silent) => {}
                }
                // Open and without a word.
                std::future::pending::<()>().await;
            });
        }
    });
    (through, silence)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_within_a_transaction_is_not_waited_for() {
    let config = database().await;
    let (through, silence) = silenceable(&config).await;
    let db = Db::new(&db_options(&through)).unwrap();
    let tenant = db.find_tenant("evopoliki").await.unwrap().id;
    let transaction = async || db.tenant(tenant).transaction(Duration::from_millis(200)).await.unwrap();
    let (reading, committing) = (transaction().await, transaction().await);
    committing.changes_nothing();
    silence.send(true).unwrap();

    let began = Instant::now();
    let within = Duration::from_secs(20);
    let (read, committed) = tokio::time::timeout(within, async {
        tokio::join!(reading.get_application(uuid::Uuid::nil()), committing.commit())
    })
    .await
    .expect("waited for a silent server");
    println!("gave up after {:?}", began.elapsed());
    assert!(matches!(read, Err(Error::Unavailable { .. })), "{read:?}");
    assert!(matches!(committed, Err(Error::Unavailable { .. })), "{committed:?}");
}
