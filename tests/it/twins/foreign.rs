//! What is another tenant's is unknown: an id of the twin's gets the answer of one that never was, and where a list of the
//! twin's goes on says nothing about this tenant's.

use std::collections::BTreeSet;

use bytes::Bytes;
use lekalo::db::Options;
use lekalo::proto::lekalo::v1 as pb;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};

use super::refusal_of;
use super::steps::reads;
use super::world::{OWN, TWIN, World, prepare, rows_of};
use crate::support::applications::{application_update, customer_update};
use crate::support::methods::methods;
use crate::support::raw::{call, encoded};
use crate::support::{TestServer, connect, copy_of, db_options};

/// The fields that name a tenant's row, and which of the twin's rows are tried there.
fn named(world: &World) -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let imports = vec![world.others.succeeded, world.others.validated];
    vec![
        ("ApplicationService/GetApplication", "id", vec![world.others.application]),
        ("ApplicationService/TransitionApplication", "id", vec![world.others.application]),
        ("ApplicationService/UpdateApplication", "id", vec![world.others.application]),
        ("ApplicationService/AddApplicationNote", "id", vec![world.others.application]),
        ("ApplicationService/GetCustomer", "id", vec![world.others.customer]),
        ("ApplicationService/UpdateCustomer", "id", vec![world.others.customer]),
        ("ApplicationService/DeleteCustomer", "id", vec![world.others.customer]),
        ("ImportService/ApplyImport", "id", imports.clone()),
        ("ImportService/CancelImport", "id", imports.clone()),
        ("ImportService/DeleteImport", "id", imports.clone()),
        ("ImportService/GetImport", "id", imports.clone()),
        ("ImportService/ListImportRows", "id", imports.clone()),
        ("ImportService/ListPatternRows", "pattern_id", vec![world.others.pattern]),
        ("ImportService/ListWithdrawnPatterns", "id", imports.clone()),
        ("ImportService/RevertImport", "id", imports.clone()),
        ("ImportService/WatchImport", "id", imports.clone()),
        ("PatternService/DeletePattern", "id", vec![world.others.pattern]),
        ("PatternService/GetPattern", "id", vec![world.others.pattern]),
        ("PatternService/ListPatterns", "import_id", imports),
        ("PatternService/UpdatePattern", "id", vec![world.others.pattern]),
    ]
}

/// An id that nobody ever had, in the form of this one.
fn unknown(id: &str) -> &'static str {
    if id.contains('-') { "0192aaaa-0000-7000-8000-0000000000ff" } else { "980001" }
}

fn set(request: &mut DynamicMessage, field: &str, value: &str) {
    request.set_field_by_name(field, Value::String(value.to_owned()));
}

/// The refusal of a request in which this field has this value; the value itself is not told.
async fn refused(server: &TestServer, method: &str, mut request: DynamicMessage, field: &str, value: &str) -> String {
    set(&mut request, field, value);
    let answer = call(&server.channel, method, vec![encoded(&request)]).await;
    let refusal = answer.expect_err(&format!("{method} with {field} {value}"));
    refusal_of(&refusal).replace(value, "…")
}

async fn check_ids(server: &TestServer, world: &World) {
    let methods = methods();
    let named = named(world);
    // Nothing that names a row is left out. A bot's id is looked up before its tenant is known; request ids are each
    // tenant's own, which `retries.rs` sees to.
    let fields = methods.iter().flat_map(|(name, method)| {
        let fields = method.input().fields().map(|field| field.name().to_owned()).collect::<Vec<_>>();
        fields.into_iter().map(move |field| (name.clone(), field))
    });
    let fields: BTreeSet<(String, String)> = fields
        .filter(|(_, field)| field == "id" || field.ends_with("_id"))
        .filter(|(_, field)| !["external_id", "external_ref_id", "request_id"].contains(&field.as_str()))
        .collect();
    let known = named.iter().map(|(method, field, _)| ((*method).to_owned(), (*field).to_owned()));
    assert_eq!(fields, known.collect());

    for (method, field, ids) in &named {
        for id in ids {
            let mut request = DynamicMessage::new(methods[*method].input());
            set(&mut request, "tenant", OWN);
            if *method == "ApplicationService/TransitionApplication" {
                request.set_field_by_name("to", Value::EnumNumber(pb::ApplicationStatus::InProgress.into()));
                set(&mut request, "actor", "Нурлан");
            }
            if *method == "ApplicationService/AddApplicationNote" {
                set(&mut request, "actor", "Нурлан");
                set(&mut request, "note", "Перезвонить");
            }
            if *method == "ApplicationService/UpdateApplication" {
                let update = application_update(&pb::Application::default(), pb::Application::default(), &["message"]);
                request = DynamicMessage::decode(methods[*method].input(), encoded(&update)).unwrap();
            }
            if *method == "ApplicationService/UpdateCustomer" {
                let update = customer_update("", pb::Customer::default(), &["name"]);
                request = DynamicMessage::decode(methods[*method].input(), encoded(&update)).unwrap();
            }
            if *method == "PatternService/UpdatePattern" {
                let update = pb::UpdatePatternRequest {
                    tenant: OWN.into(),
                    pattern: Some(pb::Pattern::default()),
                    update_mask: Some(prost_types::FieldMask { paths: vec!["notes".into()] }),
                    ..Default::default()
                };
                request = DynamicMessage::decode(methods[*method].input(), encoded(&update)).unwrap();
            }
            let foreign = refused(server, method, request.clone(), field, id).await;
            let never = refused(server, method, request.clone(), field, unknown(id)).await;
            assert_eq!(foreign, never, "{method}");
            assert!(
                foreign.starts_with("Some requested entity was not found") || foreign.starts_with("NotFound"),
                "{foreign}"
            );
            // Its owner has it, so that it is its being another's that hides it.
            if !["Apply", "Revert", "Cancel", "Delete", "Transition", "Update", "Add"]
                .iter()
                .any(|write| method.contains(write))
            {
                set(&mut request, "tenant", TWIN);
                set(&mut request, field, id);
                call(&server.channel, method, vec![encoded(&request)]).await.unwrap();
            }
        }
    }
}

/// Where a list goes on, as the twin was told.
async fn check_tokens(server: &TestServer, world: &World) {
    let methods = methods();
    let mut tried = BTreeSet::new();
    for step in reads(world) {
        let method = &methods[step.method];
        let request = DynamicMessage::decode(method.input(), step.messages[0].clone()).unwrap();
        if !request.has_field_by_name("tenant") {
            continue;
        }
        for (field, answer, reason) in
            [("page_token", "next_page_token", "PAGE_TOKEN_INVALID"), ("after", "", "CURSOR_INVALID")]
        {
            if method.input().get_field_by_name(field).is_none() {
                continue;
            }
            let mut twins = request.clone();
            set(&mut twins, "tenant", TWIN);
            if field == "page_token" {
                twins.set_field_by_name("page_size", Value::I32(1));
            }
            let first: Bytes = call(&server.channel, step.method, vec![encoded(&twins)]).await.unwrap();
            let token = if answer.is_empty() {
                pb::WatchApplicationsResponse::decode(first).unwrap().event.unwrap().cursor
            } else {
                let first = DynamicMessage::decode(method.output(), first).unwrap();
                first.get_field_by_name(answer).unwrap().as_str().unwrap().to_owned()
            };
            if token.is_empty() {
                continue;
            }
            set(&mut twins, field, &token);
            call(&server.channel, step.method, vec![encoded(&twins)]).await.unwrap();
            let foreign = refused(server, step.method, request.clone(), field, &token).await;
            assert!(foreign.contains(reason), "{foreign}");
            tried.insert(format!("{} {field}", step.method));
        }
    }
    let of_tenants = methods.iter().filter(|(_, method)| method.input().get_field_by_name("tenant").is_some());
    let lists: BTreeSet<String> = of_tenants
        .flat_map(|(name, method)| {
            let paged =
                ["page_token", "after"].into_iter().filter(|field| method.input().get_field_by_name(field).is_some());
            paged.map(move |field| format!("{name} {field}")).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(tried, lists, "each list has two pages");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_tenants_is_unknown() {
    let world = prepare().await;
    for switch_role in [true, false] {
        let config = copy_of(&world.config).await;
        // Sweeping is for all tenants: it finds the twin's interrupted import held.
        let holder = connect(&config).await;
        holder.batch_execute("BEGIN; SELECT FROM imports WHERE file_name = 'interrupted' FOR UPDATE").await.unwrap();
        let server = TestServer::through(Options { switch_role, ..db_options(&config) }, config).await;
        let owner = connect(&server.config).await;
        let before = rows_of(&owner, world.twin).await;
        check_ids(&server, &world).await;
        check_tokens(&server, &world).await;
        let after = rows_of(&owner, world.twin).await;
        for (table, rows) in before {
            assert_eq!(rows, after[&table], "a row of the twin's {table} changed (row security: {switch_role})");
        }
        server.stop().await;
    }
}
