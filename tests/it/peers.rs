//! Peers that mean harm, with frames that no library sends: each is kept within bounds, and the others do not feel it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::http::Request;
use bytes::Bytes;
use futures::future::join_all;
use h2::client::SendRequest;
use h2::{Reason, SendStream};
use lekalo::grpc::{Limits, Patience, Peers, Services};
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::catalog_service_client::CatalogServiceClient;
use lekalo::proto::lekalo::v1::upload_import_request::Payload;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_types::StatusExt as _;

use crate::support::service::{Service, channel};
use crate::support::uploads::{header, upload_to};
use crate::support::wire::{Wire, encoded, framed};
use crate::support::{self, TestServer, database, folder, http, is_long};

const PATIENCE: Duration = Duration::from_secs(60);
/// What the setting promises when nobody sets it.
const MOST_MEMORY: u64 = 512 << 20;

/// Within which another client has 99 of 100 answers; a loaded machine is slow for its own reasons.
const USUAL: Duration = Duration::from_secs(10);

const BRANDS: &str = "/lekalo.v1.CatalogService/ListBrands";
const UPLOAD: &str = "/lekalo.v1.ImportService/UploadImport";
const WATCH: &str = "/lekalo.v1.ApplicationService/WatchApplications";
const SET_PRICES: &str = "/lekalo.v1.PricingService/SetPrices";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

fn brands() -> pb::ListBrandsRequest {
    pb::ListBrandsRequest { tenant: "evopoliki".into(), category: "eva_mats".into(), ..Default::default() }
}

/// A question of a few bytes whose answer has a hundred thousand.
fn whole_contract() -> Bytes {
    let message_request = Some(MessageRequest::FileContainingSymbol("lekalo.v1.CatalogService".into()));
    framed(&encoded(&ServerReflectionRequest { host: String::new(), message_request }))
}

/// A server that is attacked, and another client, which asks all the while.
struct Attacked {
    service: Service,
    addr: SocketAddr,
    neighbour: JoinHandle<Vec<Duration>>,
    /// How many answers the other client has had.
    answers: Arc<AtomicUsize>,
    over: CancellationToken,
    _folder: TempDir,
}

impl Attacked {
    async fn begin(settings: &[(&str, &str)]) -> Self {
        let (folder, config) = (folder(), database().await);
        let settings = [&[("LEKALO_ADMIN_ADDR", "127.0.0.1:0"), ("LEKALO_LOG", "warn")], settings].concat();
        let mut service = Service::with(folder.path(), &config, &settings);
        let addr = service.addr().await;
        let (answers, over) = (Arc::<AtomicUsize>::default(), CancellationToken::new());
        let (channel, counted, ending) = (channel(addr).await, answers.clone(), over.clone());
        let neighbour = tokio::spawn(async move {
            let (mut client, mut took) = (CatalogServiceClient::new(channel), Vec::new());
            while !ending.is_cancelled() {
                let began = Instant::now();
                client.list_brands(brands()).await.unwrap();
                took.push(began.elapsed());
                counted.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(10)).await;
            }
            took
        });
        Self { service, addr, neighbour, answers, over, _folder: folder }
    }

    /// Whether the other client has been served long enough to judge by.
    fn is_judged(&self) -> bool {
        self.answers.load(Ordering::Relaxed) >= if is_long() { 500 } else { 100 }
    }

    /// Waits until a metric is so.
    async fn until(&self, sample: &str, is_so: impl Fn(f64) -> bool) {
        let began = Instant::now();
        loop {
            let (_, metrics) = http::get(self.service.admin.unwrap(), "/metrics").await;
            let value = metrics.lines().find_map(|line| line.strip_prefix(sample)?.parse().ok());
            let value = value.unwrap_or_else(|| panic!("{sample} is not in {metrics}"));
            if is_so(value) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{sample}{value}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn refuses(&self, reason: &str, times: f64) {
        self.until(&format!("lekalo_refusals_total{{reason=\"{reason}\"}} "), |refused| refused >= times).await;
    }

    /// The other client was served all the while, and memory stayed below the bound.
    async fn ends_well(self, attack: &str, bound: Duration) {
        let began = Instant::now();
        while !self.is_judged() {
            assert!(began.elapsed() < PATIENCE, "{attack}: {:?} answers only", self.answers);
            sleep(Duration::from_millis(20)).await;
        }
        self.over.cancel();
        let mut took = timeout(PATIENCE, self.neighbour).await.expect("the other client has no answer").unwrap();
        took.sort();
        let [half, most, all] = [50, 99, 100].map(|share| took[(took.len() - 1) * share / 100]);
        let memory = self.service.most_memory();
        println!(
            "{attack}: at most {} MiB; another client's {} answers within {half:?} (p50), {most:?} (p99), {all:?} (all)",
            memory >> 20,
            took.len()
        );
        assert!(memory < MOST_MEMORY, "{attack}: {} MiB", memory >> 20);
        assert!(most < bound, "{attack}: {most:?}");
    }
}

/// A connection whose peer never takes a byte of an answer.
async fn taking_nothing(addr: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (client, connection) =
        h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream).await.unwrap();
    tokio::spawn(connection);
    client
}

fn head(addr: SocketAddr, path: &str) -> Request<()> {
    let head = Request::post(format!("http://{addr}{path}"));
    head.header("te", "trailers").header("content-type", "application/grpc").body(()).unwrap()
}

/// What keeps a call open.
type Held = (h2::client::ResponseFuture, SendStream<Bytes>);

/// Asks over a connection as often as it is let, up to so many times; holds every call.
async fn ask(
    mut client: SendRequest<Bytes>,
    head: &Request<()>,
    question: &Bytes,
    is_whole: bool,
    times: usize,
) -> Vec<Held> {
    let mut held = Vec::new();
    while held.len() < times {
        match timeout(Duration::from_secs(2), client.ready()).await {
            Ok(Ok(ready)) => client = ready,
            // As many calls are open as may be, or the server has parted with us.
            _ => break,
        }
        let Ok((answer, mut sending)) = client.send_request(head.clone(), false) else { break };
        let _ = sending.send_data(question.clone(), is_whole);
        held.push((answer, sending));
    }
    held
}

/// Many answers of this method that nobody reads; returns what holds them.
async fn take_nothing(attacked: &Attacked, path: &str, question: Bytes) -> Vec<Vec<Held>> {
    let (addr, head) = (attacked.addr, head(attacked.addr, path));
    let (peers, times) = if is_long() { (40, 500) } else { (20, 200) };
    let asking = (0..peers).map(async |_| ask(taking_nothing(addr).await, &head, &question, true, times).await);
    let calls = timeout(PATIENCE, join_all(asking)).await.expect("the server does not answer");
    let count: usize = calls.iter().map(Vec::len).sum();
    println!("{count} calls of {path}, of which nobody reads the answer");
    assert!(count > 2000, "{count}");
    attacked.refuses("calls", 1.0).await;
    calls
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn answers_that_nobody_reads_stay_within_their_share() {
    let attacked = Attacked::begin(&[]).await;
    let _held = take_nothing(&attacked, REFLECTION, whole_contract()).await;
    attacked.ends_well("answers that nobody reads", USUAL).await;
}

/// Until they are refused, such calls wait for the database's connections like any other, and others behind them.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn answers_out_of_the_database_that_nobody_reads_stay_within_their_share() {
    let attacked = Attacked::begin(&[]).await;
    let _held = take_nothing(&attacked, BRANDS, framed(&encoded(&brands()))).await;
    attacked.ends_well("answers out of the database that nobody reads", Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_its_socket_is_bounded_too() {
    let attacked = Attacked::begin(&[]).await;
    let (addr, question) = (attacked.addr, whole_contract());
    let head = head(addr, REFLECTION);
    let mut wide = h2::client::Builder::new();
    wide.initial_window_size((1 << 31) - 1).initial_connection_window_size((1 << 31) - 1);
    let mut held = Vec::new();
    for _ in 0..20 {
        let wire = Wire::with(addr, &wide).await;
        held.push(ask(wire.client.clone(), &head, &question, true, 200).await);
        // It is still open, with all windows, and nobody reads.
        wire.freeze();
    }
    attacked.ends_well("a socket that nobody reads", USUAL).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn questions_that_never_end_stay_within_their_share() {
    let attacked = Attacked::begin(&[]).await;
    let addr = attacked.addr;
    // All but the last byte of the largest message there may be.
    let mut question = vec![b'x'; 4 << 20];
    question[..5].copy_from_slice(&[0, 0, 0x40, 0, 0]);
    let question = Bytes::from(question);
    let head = head(addr, "/lekalo.v1.TextService/UpsertTexts");
    let asking = (0..8).map(async |_| ask(Wire::connect(addr).await.client, &head, &question, false, 400).await);
    let held = timeout(PATIENCE, join_all(asking)).await.expect("the server does not answer");
    println!("{} questions that do not end", held.iter().map(Vec::len).sum::<usize>());
    attacked.refuses("bytes", 1.0).await;
    attacked.ends_well("questions that never end", USUAL).await;
}

/// A message of a few bytes each that are large once they are read.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn a_message_that_grows_when_it_is_read_stays_within_its_share() {
    let attacked = Attacked::begin(&[]).await;
    let addr = attacked.addr;
    let question = framed(&[0x12, 0].repeat((4 << 20) / 2 - 8));
    let head = head(addr, SET_PRICES);
    let asking = (0..8).map(async |_| {
        let held = ask(Wire::connect(addr).await.client, &head, &question, true, 20).await;
        for (answer, _sending) in held {
            let _ = timeout(PATIENCE, answer).await;
        }
    });
    timeout(PATIENCE, join_all(asking)).await.expect("the server does not answer");
    let status =
        Wire::connect(addr).await.send(SET_PRICES, &[question.slice(5..)], &[]).await.answer().await.unwrap().status;
    let reason = status.get_error_details().error_info().unwrap().reason.clone();
    assert_eq!((status.code(), reason.as_str()), (Code::InvalidArgument, "MESSAGE_INVALID"), "{status:?}");
    attacked.ends_well("messages that grow", USUAL).await;
}

/// 1 GiB of zeros in one message, and messages of 4 MiB, as large as they may be, one after the other.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn messages_that_grow_when_they_are_unpacked_stay_within_their_share() {
    let packed = |length: u64, encoding: &str| -> Bytes {
        let mut zeros = std::io::Read::take(std::io::repeat(0), length);
        let packed = match encoding {
            "gzip" => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                std::io::copy(&mut zeros, &mut writer).unwrap();
                writer.finish().unwrap()
            }
            _ => zstd::stream::encode_all(zeros, 1).unwrap(),
        };
        [b"\x01", &framed(&packed)[1..]].concat().into()
    };
    let attacked = Attacked::begin(&[]).await;
    let mut held = Vec::new();
    for encoding in ["gzip", "zstd"] {
        let (bomb, whole) = (packed(1 << 30, encoding), packed(4 << 20, encoding));
        assert!(bomb.len() < 5 << 20, "{}", bomb.len());
        let many: Bytes = whole.repeat((4 << 20) / whole.len()).into();
        for (path, bytes) in [(BRANDS, bomb.clone()), (BRANDS, many.clone()), (UPLOAD, bomb), (UPLOAD, many)] {
            let mut head = head(attacked.addr, path);
            head.headers_mut().insert("grpc-encoding", encoding.parse().unwrap());
            for _ in 0..4 {
                let stream = TcpStream::connect(attacked.addr).await.unwrap();
                let (client, connection) = h2::client::handshake(stream).await.unwrap();
                tokio::spawn(connection);
                held.push(ask(client, &head, &bytes, false, 8).await);
            }
        }
    }
    attacked.ends_well("messages that grow when they are unpacked", USUAL).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn resets_over_and_over_leave_the_others_alone() {
    let attacked = Attacked::begin(&[]).await;
    let (addr, question) = (attacked.addr, framed(&encoded(&brands())));
    let (head, began) = (head(addr, BRANDS), Instant::now());
    let resetting = (0..4).map(async |_| {
        let mut calls = 0;
        while began.elapsed() < Duration::from_secs(5) || !attacked.is_judged() {
            // The server may have parted with us: then over another one.
            let wire = Wire::connect(addr).await;
            let mut is_open = true;
            while is_open && (began.elapsed() < Duration::from_secs(5) || !attacked.is_judged()) {
                for _ in 0..64 {
                    let Ok(mut client) = wire.client.clone().ready().await else { break };
                    let Ok((_answer, mut sending)) = client.send_request(head.clone(), false) else { break };
                    let _ = sending.send_data(question.clone(), true);
                    sending.send_reset(Reason::CANCEL);
                    calls += 1;
                }
                // So it sends no faster than it is read from.
                let mut whole = ask(wire.client.clone(), &head, &question, true, 1).await;
                is_open = match whole.pop() {
                    Some((answer, _sending)) => timeout(PATIENCE, answer).await.is_ok_and(|answer| answer.is_ok()),
                    None => false,
                };
            }
        }
        calls
    });
    let calls: usize = join_all(resetting).await.into_iter().sum();
    println!("{calls} calls were reset");
    attacked.ends_well("resets", USUAL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_dribble_keep_nobody_from_uploading() {
    let attacked = Attacked::begin(&[]).await;
    let wire = Wire::connect(attacked.addr).await;
    let mut dribbling = Vec::new();
    let message = |payload| encoded(&pb::UploadImportRequest { payload: Some(payload) });
    for tenant in ["evopoliki", "five_deluxe"].repeat(16) {
        let category = if tenant == "evopoliki" { "eva_mats" } else { "5d_mats" };
        let header = pb::ImportHeader { tenant: tenant.into(), category: category.into(), ..header() };
        let mut call = wire.begin(UPLOAD, &[]).await;
        call.message(&message(Payload::Header(header)));
        dribbling.push(call.trickle(message(Payload::Chunk(b"x".to_vec())), Duration::from_millis(500)));
    }
    // They have all places at first, for as long as they may stand still.
    let channel = channel(attacked.addr).await;
    let (file, began) = ("Марка,Модель\nТойота,Камри\n".as_bytes(), Instant::now());
    let mut uploaded = 0;
    while uploaded < 10 {
        match upload_to(channel.clone(), file, header()).await {
            Ok(_) => uploaded += 1,
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}"),
        }
        assert!(began.elapsed() < Duration::from_secs(60), "only {uploaded} files were taken");
        sleep(Duration::from_millis(50)).await;
    }
    println!("ten files were taken within {:?}", began.elapsed());
    attacked.ends_well("dribbled uploads", USUAL).await;
    drop(dribbling);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_those_that_may_be_are_told_so_and_silent_ones_cost_next_to_nothing() {
    let attacked = Attacked::begin(&[("LEKALO_MAX_CONNECTIONS", "300")]).await;
    let mut streams = Vec::new();
    for _ in 0..600 {
        let mut stream = TcpStream::connect(attacked.addr).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        streams.push(stream);
    }
    attacked.refuses("connections", 301.0).await;
    // The neighbour has one of them.
    let (mut told, mut closed) = (0, 0);
    for mut stream in streams.drain(299..) {
        let mut said = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("the connection is not closed");
        closed += 1;
        told += usize::from(said.ends_with(b"\0\0\0\x0btoo many connections"));
    }
    println!("{told} of {closed} were told why");
    assert!(told > 100, "{told} of {closed}");
    // A place that comes free is the next one's.
    drop(streams);
    attacked.until("lekalo_connections ", |connections| connections < 300.0).await;
    let wire = Wire::connect(attacked.addr).await;
    let answer = wire.send(BRANDS, &[encoded(&brands())], &[]).await.answer().await.unwrap();
    assert_eq!(answer.status.code(), Code::Ok);
    attacked.ends_well("600 connections", USUAL).await;
}

/// A server of this process with these limits.
async fn limited(patience: Patience, limits: Limits) -> TestServer {
    let config = database().await;
    let adjust = |services| Services { patience, peers: Peers::new(&limits), ..services };
    TestServer::with(support::db_options(&config), config, adjust).await
}

fn overloaded(status: &Status) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.as_str());
    assert_eq!((status.code(), reason), (Code::ResourceExhausted, Some("OVERLOADED")), "{status:?}");
    assert!(details.retry_info().unwrap().retry_delay.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_at_most_as_many_calls_as_are_free_and_there_is_one_for_each_that_comes() {
    let limits = Limits { calls: 64, ..Limits::default() };
    let server = limited(Patience::default(), limits).await;
    let watch = pb::WatchApplicationsRequest { tenant: "evopoliki".into(), ..Default::default() };
    let mut held = Vec::new();
    for expected in [32, 16, 8, 4, 4, 4] {
        let wire = Wire::connect(server.addr).await;
        let before = held.len();
        loop {
            let begun = wire.send(WATCH, &[encoded(&watch)], &[]).await.begun().await.unwrap();
            if begun.is_over() {
                overloaded(&begun.answer().await.unwrap().status);
                break;
            }
            held.push(begun);
        }
        assert_eq!(held.len() - before, expected);
    }
    drop(held);
    let began = Instant::now();
    while CatalogServiceClient::new(server.channel.clone()).list_brands(brands()).await.is_err() {
        assert!(began.elapsed() < PATIENCE, "calls that ended are still counted");
        sleep(Duration::from_millis(10)).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_at_most_as_many_bytes_as_are_free_and_gives_them_back() {
    let server = limited(Patience::default(), Limits { bytes: 1 << 20, ..Limits::default() }).await;
    let (addr, question) = (server.addr, whole_contract());
    let sent = Wire::connect(addr).await.send(REFLECTION, &[question.slice(5..)], &[]).await.answer().await.unwrap();
    let size: usize = sent.messages.iter().map(Bytes::len).sum();
    assert!(size > 16 << 10, "{size}");
    let mut held = Vec::new();
    // Half of it, half of the rest, and so on, whoever comes first.
    for most in [512 << 10, 256 << 10, 128 << 10] {
        let client = taking_nothing(addr).await;
        let mut answers = Vec::new();
        let refused = loop {
            let (answer, sending) =
                ask(client.clone(), &head(addr, REFLECTION), &question, true, 1).await.pop().unwrap();
            let (head, mut body) = timeout(PATIENCE, answer).await.unwrap().unwrap().into_parts();
            if let Some(status) = Status::from_header_map(&head.headers) {
                break status;
            }
            // One that waits to be taken has nothing more to say.
            if let Ok(said) = timeout(Duration::from_millis(100), body.data()).await {
                assert!(said.is_none(), "it was not to be taken");
                break Status::from_header_map(&body.trailers().await.unwrap().unwrap()).unwrap();
            }
            answers.push((body, sending));
        };
        overloaded(&refused);
        println!("{} answers of {size} bytes", answers.len());
        assert!((1..=(most + (64 << 10)) / size).contains(&answers.len()), "{} of {most}", answers.len());
        held.push((client, answers));
    }
    // Of a question as well.
    let mut call = Wire::connect(addr).await.begin(BRANDS, &[]).await;
    let mut question_of_much = vec![b'x'; 300 << 10];
    question_of_much[..5].copy_from_slice(&[0, 0, 8, 0, 0]);
    call.bytes(question_of_much.into(), false);
    overloaded(&call.answer().await.unwrap().status);
    // And of one that is short until it is unpacked.
    let packed = framed(&zstd::bulk::compress(&vec![0; 300 << 10], 1).unwrap());
    let mut call = Wire::connect(addr).await.begin(BRANDS, &[("grpc-encoding", "zstd")]).await;
    call.bytes([b"\x01", &packed[1..]].concat().into(), true);
    overloaded(&call.answer().await.unwrap().status);
    let answer = CatalogServiceClient::new(server.channel.clone()).list_brands(brands()).await;
    assert!(answer.is_ok(), "{answer:?}");
    drop(held);
    let began = Instant::now();
    loop {
        let all = ask(Wire::connect(addr).await.client, &head(addr, REFLECTION), &question, true, 10).await;
        let all = join_all(all.into_iter().map(|(answer, _)| answer)).await;
        if all.iter().all(|answer| !answer.as_ref().unwrap().headers().contains_key("grpc-status")) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "what went with its connection is still counted");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_nothing_or_takes_nothing_is_parted_with_in_time() {
    let short = Duration::from_secs(1);
    let patience =
        Patience { preface: short, first_call: short * 2, request: short, answer: short, ..Patience::default() };
    let server = limited(patience, Limits::default()).await;
    let addr = server.addr;
    let closes = async |mut stream: TcpStream| {
        let began = Instant::now();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("it is not closed");
        began.elapsed()
    };
    // Not a word, not all of the preface, and never a call.
    let silent = TcpStream::connect(addr).await.unwrap();
    let mut dribbling = TcpStream::connect(addr).await.unwrap();
    dribbling.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let mut idle = TcpStream::connect(addr).await.unwrap();
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let [silent, dribbling, idle] = [closes(silent).await, closes(dribbling).await, closes(idle).await];
    println!("closed {silent:?}, {dribbling:?} and {idle:?} later");

    // A request that does not come to its end is answered; the connection goes on.
    let wire = Wire::connect(addr).await;
    let mut call = wire.begin(BRANDS, &[]).await;
    call.bytes(Bytes::from_static(b"\0\0\0\0\x20half"), false);
    let began = Instant::now();
    let status = call.answer().await.unwrap().status;
    let reason = status.get_error_details().error_info().unwrap().reason.clone();
    assert_eq!((status.code(), reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"), "{status:?}");
    assert!(began.elapsed() >= short, "{:?}", began.elapsed());
    let answer = wire.send(BRANDS, &[encoded(&brands())], &[]).await.answer().await.unwrap();
    assert_eq!(answer.status.code(), Code::Ok);

    // An answer that nobody takes ends the connection; who takes it has his time anew with each.
    let mut held = ask(taking_nothing(addr).await, &head(addr, BRANDS), &framed(&encoded(&brands())), true, 1).await;
    let (answer, _sending) = held.pop().unwrap();
    let mut body = timeout(PATIENCE, answer).await.unwrap().unwrap().into_body();
    let ended = timeout(PATIENCE, body.data()).await.expect("nobody parts with it");
    assert!(ended.unwrap().is_err());
    for _ in 0..4 {
        sleep(short / 2).await;
        let answer = wire.send(BRANDS, &[encoded(&brands())], &[]).await.answer().await.unwrap();
        assert_eq!(answer.status.code(), Code::Ok);
    }
    server.stop().await;
}
