//! Random requests to every method: a bad request is the caller's error, never ours, and never another tenant's answer.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use lekalo::proto::FILE_DESCRIPTOR_SET;
use lekalo::proto::lekalo::v1 as pb;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, MethodDescriptor, Value,
};
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tracing::Level;

use crate::support::raw::Raw;
use crate::support::uploads::{header, upload_and_wait};
use crate::support::{SAMPLE_PDF, TestServer, connect};

/// How many requests each method gets.
const REQUESTS: usize = 14;
/// Stands in every text of the tenant that nobody asks for.
const CANARY: &str = "чужое-7d1f";

/// Values that mean something, and values that mean trouble.
fn text(field: &str) -> BoxedStrategy<String> {
    let known: Vec<&str> = match field {
        "tenant" => vec!["evopoliki"],
        "category" => vec!["eva_mats", "5d_mats", "mats_5d", "premium_covers"],
        "brand" => vec!["toyota", "honda", "mercedes-benz"],
        "model" => vec!["camry", "fit", "e-class"],
        "language" => vec!["ru", "ky", "en", "de"],
        "text" => vec!["камри 70", "rfvhb", "w212", "привет"],
        "body_type" => vec!["sedan", "suv", "minivan", "truck"],
        "option" => vec!["with_borders", "leather", "third_row", "trunk"],
        "value" => vec!["true", "press", "crocodile"],
        "currency_code" => vec!["KGS", "USD"],
        "key" | "keys" | "key_prefix" => vec!["welcome", "ask_name"],
        "phone" => vec!["0555 123 456", "+996555123456", "911"],
        "request_id" | "id" => vec!["0a4c0c5e-2f6e-4a9e-9d5b-3b0d4c0f1a11"],
        "update_mask" | "paths" => vec!["display_name", "categories", "*"],
        _ => vec!["Айбек", "1", "2026-01-01"],
    };
    let known = select(known).prop_map(str::to_owned);
    let trouble =
        select(vec!["", " ", "\0", "'; DROP TABLE tenants; --", "%", "\u{202e}x", "-1", "NaN", "💥", "five_deluxe2"]);
    let long = (60usize..5000).prop_map(|length| "я".repeat(length));
    prop_oneof![6 => known, 2 => trouble.prop_map(str::to_owned), 1 => ".{0,40}", 1 => long].boxed()
}

fn number() -> BoxedStrategy<i64> {
    prop_oneof![
        select(vec![0i64, 1, 2, 3, 7, 50, 2018, -1, i64::from(i32::MAX), i64::from(i32::MIN)]),
        any::<i32>().prop_map(i64::from)
    ]
    .boxed()
}

fn value(field: &FieldDescriptor, depth: u32) -> BoxedStrategy<Value> {
    match field.kind() {
        Kind::String => text(field.name()).prop_map(Value::String).boxed(),
        Kind::Bytes => any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Double => any::<f64>().prop_map(Value::F64).boxed(),
        Kind::Float => any::<f32>().prop_map(Value::F32).boxed(),
        Kind::Enum(_) => prop_oneof![4 => 0i32..6, 1 => any::<i32>()].prop_map(Value::EnumNumber).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => number().prop_map(|n| Value::I32(n as i32)).boxed(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => number().prop_map(Value::I64).boxed(),
        Kind::Uint32 | Kind::Fixed32 => number().prop_map(|n| Value::U32(n as u32)).boxed(),
        Kind::Uint64 | Kind::Fixed64 => number().prop_map(|n| Value::U64(n as u64)).boxed(),
        Kind::Message(message) => self::message(&message, depth + 1).prop_map(Value::Message).boxed(),
    }
}

fn message(descriptor: &MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    let fields: Vec<FieldDescriptor> = if depth > 4 { vec![] } else { descriptor.fields().collect() };
    let strategies: Vec<BoxedStrategy<Option<Value>>> = fields
        .iter()
        .map(|field| {
            let one = value(field, depth);
            let whole = if field.is_map() {
                Just(Value::Map(std::collections::HashMap::<MapKey, Value>::new())).boxed()
            } else if field.is_list() {
                prop::collection::vec(one, 0..3).prop_map(Value::List).boxed()
            } else {
                one
            };
            // Tenants are nearly always given, so that requests get past the first check.
            let given = if field.name() == "tenant" { 0.95 } else { 0.7 };
            prop::option::weighted(given, whole).boxed()
        })
        .collect();
    let descriptor = descriptor.clone();
    strategies
        .prop_map(move |values| {
            let mut message = DynamicMessage::new(descriptor.clone());
            for (field, value) in fields.iter().zip(values) {
                if let Some(value) = value {
                    message.set_field(field, value);
                }
            }
            message
        })
        .boxed()
}

/// What the server's threads log as an error.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, said: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(said)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_request_is_our_error_or_shows_another_tenants_rows() {
    let log = Log::default();
    let heard = log.clone();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().on_thread_start(move || {
        let log = heard.clone();
        let errors = tracing_subscriber::fmt().with_max_level(Level::ERROR).with_writer(move || log.clone()).finish();
        std::mem::forget(tracing::subscriber::set_default(errors));
    });
    runtime.build().unwrap().block_on(ask_all());
    let said = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert_eq!(said, "", "errors were logged");
}

async fn ask_all() {
    let server = TestServer::start().await;
    upload_and_wait(&server, SAMPLE_PDF, header()).await;
    let others = pb::ImportHeader { tenant: "five_deluxe".into(), category: "5d_mats".into(), ..header() };
    upload_and_wait(&server, SAMPLE_PDF, others).await;
    let owner = connect(&server.config).await;
    owner
        .batch_execute(&format!(
            "UPDATE patterns SET notes = notes || '{CANARY}' || patterns.id FROM tenants t
             WHERE t.id = tenant_id AND t.slug = 'five_deluxe';
             UPDATE imports SET file_name = '{CANARY}' FROM tenants t WHERE t.id = tenant_id AND t.slug = 'five_deluxe';
             INSERT INTO bot_texts (tenant_id, key, language, value)
             SELECT id, 'welcome', 'ru', '{CANARY}' FROM tenants WHERE slug = 'five_deluxe'"
        ))
        .await
        .unwrap();

    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut runner = TestRunner::new(Config::default());
    let mut asked = JoinSet::new();
    for service in pool.services().filter(|service| service.full_name().starts_with("lekalo.v1.")) {
        for method in service.methods() {
            let requests = message(&method.input(), 0);
            let mut next = || requests.new_tree(&mut runner).unwrap().current();
            let requests: Vec<DynamicMessage> = (0..REQUESTS).map(|_| next()).collect();
            let channel = server.channel.clone();
            asked.spawn(async move {
                for request in &requests {
                    check(&channel, &method, request).await;
                }
            });
        }
    }
    assert_eq!(asked.len(), 69);
    while let Some(done) = asked.join_next().await {
        done.unwrap();
    }
    server.stop().await;
}

async fn check(channel: &Channel, method: &MethodDescriptor, request: &DynamicMessage) {
    let path = &format!("/{}/{}", method.parent_service().full_name(), method.name());
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut call = Request::new(Bytes::from(request.encode_to_vec()));
    // A watch that has nothing to say would wait for ever.
    if method.is_server_streaming() {
        call.set_timeout(Duration::from_millis(300));
    }
    let answer = client.server_streaming(call, path.parse().unwrap(), Raw).await;
    let text = match answer {
        Ok(stream) => {
            let first = stream.into_inner().message().await;
            match first {
                Ok(message) => String::from_utf8_lossy(&message.unwrap_or_default()).into_owned(),
                Err(status) => checked(path, request, &status),
            }
        }
        Err(status) => checked(path, request, &status),
    };
    // Methods for operators show all tenants.
    let for_one_tenant = request.has_field_by_name("tenant") && !path.contains("AdminService");
    assert!(!for_one_tenant || !text.contains(CANARY), "{path} showed another tenant's rows for {request:?}");
}

/// The status's text, after making sure that it is none of ours.
fn checked(path: &str, request: &DynamicMessage, status: &Status) -> String {
    let ours = [Code::Internal, Code::Unknown, Code::DataLoss, Code::Unavailable];
    assert!(!ours.contains(&status.code()), "{path} answered {status:?} to {request:?}");
    status.message().to_owned()
}
