//! What travels: how large it may be, what is no message, and what the server says of itself.

use std::collections::BTreeSet;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::StreamExt as _;
use lekalo::proto::FILE_DESCRIPTOR_SET;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use lekalo::proto::lekalo::v1::upload_import_request::Payload;
use prost::Message as _;
use prost_types::FileDescriptorProto;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::describe;
use super::requests::{Good, every_method};
use crate::support::TestServer;
use crate::support::wire::{Answer, Wire, encoded, framed};

const MIB: usize = 1 << 20;

fn metadata(answer: &Answer) -> std::collections::HashMap<String, String> {
    answer.status.get_error_details().error_info().unwrap().metadata.clone()
}

async fn send(wire: &Wire, path: &str, bytes: Bytes, headers: &[(&str, &str)]) -> Answer {
    let mut call = wire.begin(path, headers).await;
    call.bytes(bytes, true);
    call.answer().await.unwrap()
}

/// The message with a field that nobody knows, so that it has so many bytes.
fn padded(message: &[u8], length: usize) -> Vec<u8> {
    let mut padded = message.to_vec();
    padded.put_u16(0xC23E);
    // Its length takes four bytes.
    let rest = length - padded.len() - 4;
    prost::encoding::encode_varint(rest as u64, &mut padded);
    padded.resize(length, b'x');
    padded
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn every_service_takes_messages_of_four_mebibytes_and_no_method_more() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let wire = Wire::connect(server.addr).await;
    let mut services = BTreeSet::new();
    for good in good.iter().filter(|good| !good.writes && !good.method.is_server_streaming()) {
        if services.insert(good.method.parent_service().name().to_owned()) {
            let answer = send(&wire, &good.path, framed(&padded(&good.messages[0], 4 * MIB)), &[]).await;
            assert_eq!(answer.status.code(), Code::Ok, "{}: {:?}", good.path, answer.status);
        }
    }
    assert_eq!(services.len(), 10, "{services:?}");
    for good in &good {
        // It is refused by what it says of itself, before it has come.
        let mut head = BytesMut::new();
        head.put_u8(0);
        head.put_u32((4 * MIB + 1) as u32);
        let mut call = wire.begin(&good.path, &[]).await;
        call.bytes(head.freeze(), false);
        let answer = call.answer().await.unwrap();
        assert_eq!(
            describe(&good.path, &answer.status),
            (Code::InvalidArgument, "FIELD_TOO_LONG".into()),
            "{}",
            good.path
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_has_three_mebibytes_at_most() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let upload = good.iter().find(|good| good.method.is_client_streaming()).unwrap();
    let wire = Wire::connect(server.addr).await;
    let chunk = |length| encoded(&pb::UploadImportRequest { payload: Some(Payload::Chunk(vec![b','; length])) });
    let messages = |chunk: Bytes| [upload.messages[0].clone(), chunk];
    let taken = wire.send(&upload.path, &messages(chunk(3 * MIB)), &[]).await.answer().await.unwrap();
    assert_eq!(taken.status.code(), Code::Ok, "{:?}", taken.status);
    let refused = wire.send(&upload.path, &messages(chunk(3 * MIB + 1)), &[]).await.answer().await.unwrap();
    assert_eq!(describe(&upload.path, &refused.status), (Code::InvalidArgument, "FIELD_TOO_LONG".into()));
    assert!(refused.status.message().starts_with("chunk: "), "{:?}", refused.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_the_callers_error_in_every_method() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let wire = Wire::connect(server.addr).await;
    type Case = (&'static str, Bytes, &'static [(&'static str, &'static str)]);
    let garbage: [Case; 5] = [
        ("no protobuf", framed(b"\xff\xff\xff"), &[]),
        ("a text that is no UTF-8", framed(b"\x0a\x02\xc3\x28"), &[]),
        ("less than it says", framed(b"\x0a\x09evopoliki").slice(..9), &[]),
        ("a flag that means nothing", [b"\x02", &framed(b"")[1..]].concat().into(), &[]),
        ("compressed, it does not say how", [b"\x01", &framed(b"xyz")[1..]].concat().into(), &[]),
    ];
    for Good { path, method, .. } in &good {
        for (what, bytes, headers) in &garbage {
            // Where the first field is no text, this is a field of the wrong type.
            let answer = send(&wire, path, bytes.clone(), headers).await;
            let no_fields = method.input().fields().len() == 1 && *what == "a text that is no UTF-8";
            if !no_fields {
                let told = describe(path, &answer.status);
                assert_eq!(told, (Code::InvalidArgument, "MESSAGE_INVALID".into()), "{path}: {what}: {answer:?}");
            }
        }
        let packed = send(&wire, path, framed(b""), &[("grpc-encoding", "deflate")]).await;
        assert_eq!(describe(path, &packed.status), (Code::Unimplemented, "ENCODING_UNSUPPORTED".into()), "{path}");
        assert_eq!(metadata(&packed)["supported"], "identity,gzip,zstd");
        let noise = [b"\x01", &framed(b"neither")[1..]].concat();
        for encoding in ["gzip", "zstd"] {
            let answer = send(&wire, path, noise.clone().into(), &[("grpc-encoding", encoding)]).await;
            let told = describe(path, &answer.status);
            assert_eq!(told, (Code::InvalidArgument, "MESSAGE_INVALID".into()), "{path}: {encoding}");
        }
        let nothing = send(&wire, path, Bytes::new(), &[]).await;
        let reason = if method.is_client_streaming() { "UPLOAD_OUT_OF_ORDER" } else { "MESSAGE_INVALID" };
        assert_eq!(describe(path, &nothing.status), (Code::InvalidArgument, reason.into()), "{path}");
    }
    for path in ["/lekalo.v1.TenantService/Nothing", "/lekalo.v1.NoService/GetTenant", "/other.v1.Service/Method"] {
        let answer = send(&wire, path, framed(b""), &[]).await;
        assert_eq!(describe(path, &answer.status), (Code::Unimplemented, "METHOD_UNKNOWN".into()), "{path}");
        assert_eq!(metadata(&answer)["method"], path);
    }
    for content_type in ["text/plain", "application/json", "application/grpc-web+proto"] {
        let (path, body) = (&good[0].path, Bytes::from_static(b"{}"));
        let answer = send(&wire, path, body, &[("content-type", content_type)]).await;
        assert_eq!(describe(path, &answer.status).0, Code::InvalidArgument, "{content_type}");
    }
    // All of that on one connection, which may have this many calls under way.
    assert_eq!(wire.client.current_max_send_streams(), 256);
    let fine = send(&wire, &good[0].path, framed(&good[0].messages[0]), &[]).await;
    assert_eq!(fine.status.code(), Code::Ok);
}

/// A message as it is sent in an encoding.
fn packed(message: &[u8], encoding: &str) -> Bytes {
    let packed = match encoding {
        "gzip" => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut writer, message).unwrap();
            writer.finish().unwrap()
        }
        _ => zstd::bulk::compress(message, 1).unwrap(),
    };
    [b"\x01", &framed(&packed)[1..]].concat().into()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: `cargo test -- --include-ignored` has it"]
async fn every_method_reads_what_is_compressed_and_answers_as_if_it_were_not() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let text =
        pb::Text {
            key: "zz_long".into(), language: "ru".into(), value: "слово ".repeat(5000), ..Default::default()
        };
    let write = pb::UpsertTextsRequest { tenant: "evopoliki".into(), texts: vec![text], ..Default::default() };
    TextServiceClient::new(server.channel.clone()).upsert_texts(write).await.unwrap();
    let wire = Wire::connect(server.addr).await;
    for (turn, encoding) in ["gzip", "zstd"].into_iter().enumerate() {
        let headers = [("grpc-encoding", encoding)];
        for good in good.iter().filter(|good| !good.writes && !good.method.is_server_streaming()) {
            let answer = send(&wire, &good.path, packed(&good.messages[0], encoding), &headers).await;
            assert_eq!(answer.status.code(), Code::Ok, "{}: {encoding}: {:?}", good.path, answer.status);
        }
        // The largest cost: each method has them in one encoding.
        for good in good.iter().skip(turn).step_by(2) {
            if good.writes || good.method.is_server_streaming() {
                continue;
            }
            let whole = padded(&good.messages[0], 4 * MIB);
            let answer = send(&wire, &good.path, packed(&whole, encoding), &headers).await;
            assert_eq!(answer.status.code(), Code::Ok, "{}: {encoding}: {:?}", good.path, answer.status);
        }
        for good in good.iter().skip(turn).step_by(2) {
            let bomb = packed(&padded(&good.messages[0], 4 * MIB + 1), encoding);
            assert!(bomb.len() < 64 << 10, "{}", bomb.len());
            let answer = send(&wire, &good.path, bomb, &headers).await;
            let told = describe(&good.path, &answer.status);
            assert_eq!(told, (Code::InvalidArgument, "FIELD_TOO_LONG".into()), "{}: {encoding}", good.path);
            assert_eq!(metadata(&answer)["max"], (4 * MIB).to_string());
            assert_eq!(metadata(&answer)["field"], "message");
        }
        // An upload's messages are compressed one by one, or not.
        let upload = good.iter().find(|good| good.method.is_client_streaming()).unwrap();
        let messages = [packed(&upload.messages[0], encoding), framed(&upload.messages[1])].concat();
        let answer = send(&wire, &upload.path, messages.into(), &headers).await;
        assert_eq!(answer.status.code(), Code::Ok, "{:?}", answer.status);
        // Who needs no key has little unpacked.
        let check = "/grpc.health.v1.Health/Check";
        let named = |length: usize| encoded(&HealthCheckRequest { service: "x".repeat(length) });
        let answer = send(&wire, check, packed(&named(10_000), encoding), &headers).await;
        assert_eq!(answer.status.code(), Code::NotFound, "{:?}", answer.status);
        let answer = send(&wire, check, packed(&named(20_000), encoding), &headers).await;
        assert_eq!(describe(check, &answer.status), (Code::InvalidArgument, "FIELD_TOO_LONG".into()));
        let garbage = Bytes::from_static(b"\x01\0\0\0\x04what");
        let answer = send(&wire, check, garbage, &headers).await;
        assert_eq!(describe(check, &answer.status), (Code::InvalidArgument, "MESSAGE_INVALID".into()));
        // An answer is packed for who takes it, where it is long.
        let accepted = [("grpc-accept-encoding", &*format!("identity, {encoding}"))];
        for (page_size, is_packed) in [(1, false), (500, true)] {
            let list = pb::ListTextsRequest { tenant: "evopoliki".into(), page_size, ..Default::default() };
            let ask = framed(&encoded(&list));
            let path = "/lekalo.v1.TextService/ListTexts";
            let plain = send(&wire, path, ask.clone(), &[]).await.messages.remove(0);
            let mut answer = send(&wire, path, ask, &accepted).await;
            assert_eq!(answer.encoding, encoding, "what reads it");
            let answer = answer.messages.remove(0);
            assert_eq!(answer == plain, !is_packed, "{} bytes", plain.len());
            if is_packed {
                assert!(answer.len() < plain.len() / 2, "{} of {}", answer.len(), plain.len());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_comes_in_order() {
    let server = TestServer::start().await;
    let good = every_method(&server).await;
    let upload = good.iter().find(|good| good.method.is_client_streaming()).unwrap();
    let wire = Wire::connect(server.addr).await;
    let (header, chunk) = (upload.messages[0].clone(), upload.messages[1].clone());
    let empty = encoded(&pb::UploadImportRequest { payload: Some(Payload::Chunk(Vec::new())) });
    for (what, messages, reason) in [
        ("a chunk first", vec![chunk.clone()], "UPLOAD_OUT_OF_ORDER"),
        ("two headers", vec![header.clone(), header.clone()], "UPLOAD_OUT_OF_ORDER"),
        ("a header behind a chunk", vec![header.clone(), chunk.clone(), header.clone()], "UPLOAD_OUT_OF_ORDER"),
        ("neither of both first", vec![Bytes::new()], "UPLOAD_OUT_OF_ORDER"),
        ("neither of both later", vec![header.clone(), Bytes::new()], "UPLOAD_OUT_OF_ORDER"),
        ("no chunk", vec![header.clone()], "FIELD_REQUIRED"),
        ("chunks of nothing", vec![header.clone(), empty.clone(), empty], "FIELD_REQUIRED"),
    ] {
        let answer = wire.send(&upload.path, &messages, &[]).await.answer().await.unwrap();
        assert_eq!(describe(what, &answer.status), (Code::InvalidArgument, reason.into()), "{what}");
    }
}

#[tokio::test]
async fn both_reflections_show_every_service_and_the_details_of_errors() {
    let server = TestServer::start().await;
    let files = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let ours = files.file.iter().filter(|file| file.package() == "lekalo.v1").flat_map(|file| &file.service);
    let mut services: BTreeSet<String> = ours.map(|service| format!("lekalo.v1.{}", service.name())).collect();
    services.insert("grpc.health.v1.Health".into());
    assert_eq!(services.len(), 11);
    let symbols = ["google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo", "google.rpc.ResourceInfo"];
    let symbols: Vec<String> =
        services.iter().cloned().chain(symbols.map(String::from)).chain(["google.type.Money".to_owned()]).collect();

    macro_rules! shown {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            let ask = |question| ServerReflectionRequest { host: String::new(), message_request: Some(question) };
            let mut questions = vec![ask(MessageRequest::ListServices(String::new()))];
            questions.extend(symbols.iter().map(|symbol| ask(MessageRequest::FileContainingSymbol(symbol.clone()))));
            let mut client = ServerReflectionClient::new(server.channel.clone());
            let answers = client.server_reflection_info(futures::stream::iter(questions)).await.unwrap().into_inner();
            let answers: Vec<_> = answers.map(|answer| answer.unwrap().message_response.unwrap()).collect().await;
            let MessageResponse::ListServicesResponse(listed) = &answers[0] else { panic!("{:?}", answers[0]) };
            let listed: BTreeSet<String> = listed.service.iter().map(|service| service.name.clone()).collect();
            assert!(listed.is_superset(&services), "{listed:?}");
            assert_eq!(answers.len(), symbols.len() + 1);
            for (symbol, answer) in symbols.iter().zip(&answers[1..]) {
                let MessageResponse::FileDescriptorResponse(files) = answer else { panic!("{symbol}: {answer:?}") };
                let file = FileDescriptorProto::decode(files.file_descriptor_proto[0].as_slice()).unwrap();
                assert!(symbol.starts_with(file.package()) && !file.package().is_empty(), "{symbol}: {file:?}");
            }
        }};
    }
    shown!(v1);
    shown!(v1alpha);
}

#[tokio::test]
async fn health_is_watched_per_service_and_an_unknown_one_is_unknown() {
    let server = TestServer::start().await;
    let mut client = HealthClient::new(server.channel.clone());
    let ask = |service: &str| HealthCheckRequest { service: service.into() };
    for service in ["", "lekalo.v1.TenantService"] {
        let mut watch = client.watch(ask(service)).await.unwrap().into_inner();
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving, "{service:?}");
    }
    assert_eq!(client.watch(ask("lekalo.v1.Nothing")).await.unwrap_err().code(), Code::NotFound);
    server.stop().await;
}
