//! Writes that come twice.

use lekalo::proto::FILE_DESCRIPTOR_SET;
use lekalo::proto::lekalo::v1 as pb;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use prost_types::FieldMask;
use tonic::Code;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::requests::Method;
use crate::support::{TestServer, connect};

/// A write by `request_id`, and how to tell that it was done once more.
struct Write {
    name: &'static str,
    request: DynamicMessage,
    /// The same with something else in it.
    other: DynamicMessage,
    /// Rows that a second time would add.
    count: &'static str,
}

fn writes() -> Vec<Write> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let write = |name: &'static str, request: Vec<u8>, other: Vec<u8>, count| {
        let message =
            pool.get_message_by_name(&format!("lekalo.v1.{}Request", name.split('/').nth(1).unwrap())).unwrap();
        let read = |encoded: Vec<u8>| DynamicMessage::decode(message.clone(), encoded.as_slice()).unwrap();
        Write { name, request: read(request), other: read(other), count }
    };
    let prices = |amount| pb::SetPricesRequest {
        tenant: "evopoliki".into(),
        prices: vec![crate::support::pricing::suv(amount)],
        ..Default::default()
    };
    let texts = |value: &str| pb::UpsertTextsRequest {
        tenant: "evopoliki".into(),
        texts: vec![pb::Text { key: "note".into(), value: value.into(), language: "ru".into(), ..Default::default() }],
        ..Default::default()
    };
    let document = |content: &str| pb::PutDocumentRequest {
        tenant: "evopoliki".into(),
        document: Some(pb::Document {
            key: "faq".into(),
            language: "ru".into(),
            content: content.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let tenant = |name: &str| pb::Tenant { slug: "zz".into(), display_name: name.into(), ..Default::default() };
    let new = |name| pb::CreateTenantRequest { tenant: Some(tenant(name)), ..Default::default() };
    let mask = || Some(FieldMask { paths: vec!["display_name".into()] });
    let named =
        |name| pb::UpdateTenantRequest { tenant: Some(tenant(name)), update_mask: mask(), ..Default::default() };
    let asked = |text: &str| pb::CreateApplicationRequest {
        application: Some(pb::Application { message: text.into(), ..crate::support::applications::order() }),
        tenant: "evopoliki".into(),
        request_id: String::new(),
    };
    let alias =
        |alias: &str| pb::CreateAliasRequest { brand: "toyota".into(), alias: alias.into(), ..Default::default() };
    vec![
        write(
            "PricingService/SetPrices",
            prices(1).encode_to_vec(),
            prices(2).encode_to_vec(),
            "SELECT count(*) FROM prices",
        ),
        write(
            "TextService/UpsertTexts",
            texts("Раз").encode_to_vec(),
            texts("Два").encode_to_vec(),
            "SELECT count(*) FROM bot_texts",
        ),
        write(
            "TextService/DeleteTexts",
            pb::DeleteTextsRequest { tenant: "evopoliki".into(), keys: vec!["note".into()], ..Default::default() }
                .encode_to_vec(),
            pb::DeleteTextsRequest { tenant: "evopoliki".into(), keys: vec!["other".into()], ..Default::default() }
                .encode_to_vec(),
            "SELECT count(*) FROM bot_texts",
        ),
        write(
            "DocumentService/PutDocument",
            document("Раз").encode_to_vec(),
            document("Два").encode_to_vec(),
            "SELECT count(*) FROM document_versions",
        ),
        write(
            "DocumentService/DeleteDocument",
            pb::DeleteDocumentRequest { tenant: "evopoliki".into(), key: "faq".into(), ..Default::default() }
                .encode_to_vec(),
            pb::DeleteDocumentRequest { tenant: "evopoliki".into(), key: "rules".into(), ..Default::default() }
                .encode_to_vec(),
            "SELECT count(*) FROM document_versions",
        ),
        write(
            "TenantService/CreateTenant",
            new("One").encode_to_vec(),
            new("Two").encode_to_vec(),
            "SELECT count(*) FROM tenants",
        ),
        write(
            "TenantService/UpdateTenant",
            named("Three").encode_to_vec(),
            named("Four").encode_to_vec(),
            "SELECT revision FROM tenants WHERE slug = 'zz'",
        ),
        write(
            "ApplicationService/CreateApplication",
            asked("Раз").encode_to_vec(),
            asked("Два").encode_to_vec(),
            "SELECT count(*) FROM applications",
        ),
        write(
            "AdminService/CreateAlias",
            alias("тойотка").encode_to_vec(),
            alias("тоётка").encode_to_vec(),
            "SELECT count(*) FROM vehicle_aliases",
        ),
    ]
}

#[tokio::test]
async fn a_write_that_comes_twice_is_done_once_however_its_id_is_spelled() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut all = writes();
    // One that there is, to be moved.
    let mut client = crate::support::applications::Client::new(server.channel.clone());
    let application = crate::support::applications::created(&mut client, crate::support::applications::order()).await;
    let moving = |note: &str| {
        let to = pb::ApplicationStatus::InProgress;
        let request = pb::TransitionApplicationRequest {
            note: note.into(),
            ..crate::support::applications::transition(&application, to)
        };
        let message = pool.get_message_by_name("lekalo.v1.TransitionApplicationRequest").unwrap();
        DynamicMessage::decode(message, request.encode_to_vec().as_slice()).unwrap()
    };
    all.push(Write {
        name: "ApplicationService/TransitionApplication",
        request: moving("Раз"),
        other: moving("Два"),
        count: "SELECT count(*) FROM application_events",
    });
    // The same id is another's in another method.
    let id = Uuid::from_u128(0x0a4c_0c5e_2f6e_4a9e_9d5b_3b0d_4c0f_1abc);
    for write in all {
        let (service, method) = write.name.split_once('/').unwrap();
        let service = pool.get_service_by_name(&format!("lekalo.v1.{service}")).unwrap();
        let descriptor = service.methods().find(|known| known.name() == method).unwrap();
        let method = Method { name: write.name.into(), descriptor, good: write.request.clone() };
        let with = |request: &DynamicMessage, id: &str| {
            let mut request = request.clone();
            request.set_field_by_name("request_id", Value::String(id.into()));
            request
        };
        let first = method.call(&server, &with(&write.request, &id.to_string())).await.unwrap();
        let count = async || owner.query_one(write.count, &[]).await.unwrap().get::<_, i64>(0);
        let done = count().await;
        for spelled in [
            id.to_string(),
            id.to_string().to_uppercase(),
            id.simple().to_string(),
            id.braced().to_string(),
            id.urn().to_string(),
            format!(" {id}\n"),
        ] {
            let again = method.call(&server, &with(&write.request, &spelled)).await;
            let again = again.unwrap_or_else(|status| panic!("{} {spelled}: {status:?}", write.name));
            assert!(again == first, "{} {spelled}: another answer", write.name);
            let status = method.call(&server, &with(&write.other, &spelled)).await.unwrap_err();
            let reason = status.get_error_details().error_info().unwrap().reason.clone();
            let case = format!("{} {spelled}", write.name);
            assert_eq!((status.code(), reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"), "{case}");
        }
        assert_eq!(count().await, done, "{}: done once", write.name);
    }
}
