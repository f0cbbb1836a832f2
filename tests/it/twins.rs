//! Two tenants of whom one is the other's twin: it has the same rows under the same ids, with other words and amounts.
//! Whatever a statement does not ask its own tenant for, it finds twice, or finds the twin's.
//!
//! Each method is called for one of them: before there is a twin, and beside it by a role that row-level security does not
//! hold for. The answers must be the same: each statement says `tenant_id = …` itself. And no row of the twin may change.

mod foreign;
mod steps;
mod world;

use bytes::Bytes;
use lekalo::db::Options;
use lekalo::proto::lekalo::v1 as pb;
use prost_reflect::{DynamicMessage, MethodDescriptor, ReflectMessage as _, Value};
use tokio_postgres::Client;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::support::methods::methods;
use crate::support::raw::{call, encoded};
use crate::support::uploads::imports_end;
use crate::support::{TestServer, connect, db_options};
use steps::{Step, once, reads, writes};
use world::{prepare, rows_of};

/// An answer to read and to compare: ids that were made just now are numbered, times are left out.
fn told(value: &Value, ids: &mut Vec<String>) -> String {
    let mut number = |text: &str| {
        if uuid::Uuid::parse_str(text).is_err() {
            // An application's number is the end of its id.
            let of = ids.iter().position(|id| text.len() == 8 && id.to_uppercase().ends_with(text));
            return of.map_or_else(|| format!("{text:?}"), |known| format!("number {known}"));
        }
        let known = ids.iter().position(|id| id == text).unwrap_or_else(|| {
            ids.push(text.to_owned());
            ids.len() - 1
        });
        format!("id {known}")
    };
    match value {
        Value::String(text) => number(text),
        Value::Message(message) if message.descriptor().full_name() == "google.protobuf.Timestamp" => "a time".into(),
        Value::Message(message) => {
            let fields: Vec<String> =
                message.fields().map(|(field, value)| format!("{}: {}", field.name(), told(value, ids))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::List(list) => list.iter().map(|value| told(value, ids)).collect::<Vec<_>>().join("; "),
        other => format!("{other:?}"),
    }
}

fn answer_of(method: &MethodDescriptor, answer: Bytes, ids: &mut Vec<String>) -> String {
    told(&Value::Message(DynamicMessage::decode(method.output(), answer).unwrap()), ids)
}

fn refusal_of(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    let mut metadata: Vec<_> = info.metadata.iter().collect();
    metadata.sort();
    format!("{:?} {} {:?} {}", status.code(), info.reason, metadata, status.message())
}

/// Takes every step, which must succeed; what was answered.
async fn answers(
    server: &TestServer,
    owner: &Client,
    steps: Vec<Step>,
    ids: &mut Vec<String>,
) -> Vec<(String, String)> {
    let methods = methods();
    let mut answers = Vec::new();
    for Step { method, messages } in steps {
        let answer =
            call(&server.channel, method, messages).await.unwrap_or_else(|error| panic!("{method}: {error:?}"));
        if method == "ImportService/UploadImport" {
            imports_end(owner).await;
        }
        answers.push((method.to_owned(), answer_of(&methods[method], answer, ids)));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn each_statement_asks_for_its_tenant_and_touches_no_row_of_another() {
    let world = prepare().await;
    let mut all = Vec::new();
    for (config, switch_role) in [(&world.alone, true), (&world.config, false)] {
        let options = Options { switch_role, ..db_options(config) };
        let server = TestServer::through(options, config.clone()).await;
        let owner = connect(config).await;
        let before = rows_of(&owner, world.twin).await;
        // Sweeping is for all tenants: it finds the twin's interrupted import held.
        let holder = connect(config).await;
        holder.batch_execute("BEGIN; SELECT FROM imports WHERE file_name = 'interrupted' FOR UPDATE").await.unwrap();
        let mut ids = Vec::new();
        let mut answered = answers(&server, &owner, once(), &mut ids).await;
        answered.extend(answers(&server, &owner, reads(&world), &mut ids).await);
        answered.extend(answers(&server, &owner, writes(&world), &mut ids).await);
        answered.extend(answers(&server, &owner, reads(&world), &mut ids).await);
        // What it would do depends on the other tenant, too; it does nothing.
        let look = encoded(&pb::ApplySeedRequest { validate_only: true });
        call(&server.channel, "AdminService/ApplySeed", vec![look]).await.unwrap();
        let after = rows_of(&owner, world.twin).await;
        for (table, rows) in &before {
            assert!(*rows == after[table], "the other tenant's {table} changed");
        }
        if !switch_role {
            let bare: Vec<_> = before.iter().filter(|(_, rows)| rows.is_empty()).collect();
            assert!(bare.is_empty(), "the twin has no row of {bare:?} to change");
        }
        all.push(answered);
        server.stop().await;
    }
    let [alone, beside] = <[_; 2]>::try_from(all).unwrap();
    assert_eq!(alone.len(), beside.len());
    for (alone, beside) in alone.iter().zip(&beside) {
        assert_eq!(alone, beside, "beside a twin, and past row-level security, the answer is another one");
    }

    // Every method was called that exists and that works on a tenant's rows.
    let called: std::collections::BTreeSet<&str> = alone.iter().map(|(method, _)| method.as_str()).collect();
    let left: Vec<String> = methods().into_keys().filter(|method| !called.contains(method.as_str())).collect();
    // Keys are no tenant's: `calls/keys.rs` has them.
    let of_no_tenant =
        ["AdminService/ApplySeed", "AdminService/IssueApiKey", "AdminService/ListApiKeys", "AdminService/RevokeApiKey"];
    assert_eq!(left, of_no_tenant);
}
