//! Applications: good ones, and what is asked and answered about them.

use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::TestServer;

pub type Client = ApplicationServiceClient<Channel>;

pub async fn served() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let client = Client::new(server.channel.clone());
    (server, client)
}

pub fn customer() -> pb::Customer {
    pb::Customer {
        channel: pb::Channel::Telegram.into(),
        external_id: "7012345678901".into(),
        name: "Айбек".into(),
        phone: "0555 123 456".into(),
        username: "@aibek".into(),
        ..Default::default()
    }
}

pub fn order() -> pb::Application {
    pb::Application {
        kind: pb::ApplicationKind::Order.into(),
        customer: Some(customer()),
        category: "mats_5d".into(),
        brand: "toyota".into(),
        model: "camry".into(),
        year: 2018,
        selections: vec![
            pb::Selection { option: "leather".into(), value: "stitched".into() },
            pb::Selection { option: "trunk".into(), value: String::new() },
        ],
        quoted_total: Some(Money { units: 16_500, nanos: 500_000_000, ..Default::default() }),
        message: "Хочу к пятнице".into(),
        ..Default::default()
    }
}

pub fn callback(phone: &str) -> pb::Application {
    let customer = pb::Customer { phone: phone.into(), ..customer() };
    pb::Application { kind: pb::ApplicationKind::Callback.into(), customer: Some(customer), ..Default::default() }
}

pub fn create(application: pb::Application) -> pb::CreateApplicationRequest {
    pb::CreateApplicationRequest {
        tenant: "evopoliki".into(),
        application: Some(application),
        request_id: Uuid::now_v7().to_string(),
    }
}

pub async fn created(client: &mut Client, application: pb::Application) -> pb::Application {
    client.create_application(create(application)).await.unwrap().into_inner().application.unwrap()
}

pub fn transition(application: &pb::Application, to: pb::ApplicationStatus) -> pb::TransitionApplicationRequest {
    pb::TransitionApplicationRequest {
        tenant: "evopoliki".into(),
        id: application.id.clone(),
        to: to.into(),
        actor: "Нурлан".into(),
        note: "созвонились".into(),
        etag: application.etag.clone(),
        ..Default::default()
    }
}

pub fn note(application: &pb::Application, note: &str) -> pb::AddApplicationNoteRequest {
    pb::AddApplicationNoteRequest {
        tenant: "evopoliki".into(),
        id: application.id.clone(),
        actor: "Нурлан".into(),
        note: note.into(),
        ..Default::default()
    }
}

/// Writes these fields of an application as they are in `to`.
pub fn application_update(
    application: &pb::Application,
    to: pb::Application,
    fields: &[&str],
) -> pb::UpdateApplicationRequest {
    pb::UpdateApplicationRequest {
        tenant: "evopoliki".into(),
        id: application.id.clone(),
        application: Some(to),
        update_mask: Some(mask(fields)),
        actor: "Нурлан".into(),
        ..Default::default()
    }
}

/// The same of a customer.
pub fn customer_update(id: &str, to: pb::Customer, fields: &[&str]) -> pb::UpdateCustomerRequest {
    pb::UpdateCustomerRequest {
        tenant: "evopoliki".into(),
        id: id.into(),
        customer: Some(to),
        update_mask: Some(mask(fields)),
        ..Default::default()
    }
}

pub fn mask(fields: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() }
}

pub fn external_ref(system: &str, id: &str) -> pb::ExternalRef {
    pb::ExternalRef { system: system.into(), id: id.into(), url: format!("https://{system}.example/{id}") }
}

/// Who asked for it, as the customer is by now.
pub fn customer_id(application: &pb::Application) -> String {
    application.customer.as_ref().unwrap().id.clone()
}

pub async fn moved(client: &mut Client, application: &pb::Application, to: pb::ApplicationStatus) -> pb::Application {
    client.transition_application(transition(application, to)).await.unwrap().into_inner().application.unwrap()
}

pub fn violations(status: &Status) -> Vec<(String, String)> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    violations.iter().map(|violation| (violation.field.clone(), violation.reason.clone())).collect()
}

pub fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(field, reason)| (field.to_owned(), reason.to_owned())).to_vec()
}

pub fn reason(status: &Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
}

pub const SOME_APPLICATIONS: &str = "WITH c AS (
        INSERT INTO customers (tenant_id, channel, external_id)
        SELECT id, 'telegram', 'paging' FROM tenants WHERE slug = 'evopoliki'
        RETURNING tenant_id, id)
    INSERT INTO applications (tenant_id, id, request_id, request_sha256, customer_id, kind, created_at)
    SELECT c.tenant_id, gen_random_uuid(), gen_random_uuid(), sha256('x'), c.id, 'callback', now() - n * interval '1 second'
    FROM c, generate_series(1, 60) AS n";
