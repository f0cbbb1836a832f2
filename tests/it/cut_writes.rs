//! A write whose connection is cut: nothing of it is there, the caller is told to try again, and the same `request_id`
//! again has its effect exactly once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use lekalo::proto::lekalo::v1::application_service_client::ApplicationServiceClient;
use lekalo::proto::lekalo::v1::document_service_client::DocumentServiceClient;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use lekalo::proto::lekalo::v1::tenant_service_client::TenantServiceClient;
use lekalo::proto::lekalo::v1::text_service_client::TextServiceClient;
use prost::Message as _;
use tokio_postgres::Client;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::applications::{create, created, order, reason, transition};
use crate::support::pricing::suv;
use crate::support::{TestServer, connect};

const ID: &str = "0198c0de-0000-7000-8000-00000000c0de";
const PATIENCE: Duration = Duration::from_secs(30);

/// A write with a `request_id`, whose answer comes as it was encoded.
type Write = Box<dyn Fn(Channel) -> BoxFuture<'static, Result<Vec<u8>, Status>>>;

macro_rules! write {
    ($client:ident, $call:ident, $request:expr) => {{
        let request = $request;
        let write: Write = Box::new(move |channel| {
            let request = request.clone();
            async move { Ok($client::new(channel).$call(request).await?.into_inner().encode_to_vec()) }.boxed()
        });
        (stringify!($call), write)
    }};
}

fn writes(application: &pb::Application) -> Vec<(&'static str, Write)> {
    let tenant = || "evopoliki".to_owned();
    let text = pb::Text { key: "note".into(), value: "Раз".into(), language: "ru".into(), ..Default::default() };
    let document =
        pb::Document { key: "faq".into(), language: "ru".into(), content: "Раз".into(), ..Default::default() };
    let shop = pb::Tenant { slug: "auto_style".into(), display_name: "Auto Style".into(), ..Default::default() };
    let renamed = pb::Tenant { slug: tenant(), display_name: "Другое имя".into(), ..Default::default() };
    let moved = transition(application, pb::ApplicationStatus::InProgress);
    vec![
        write!(
            ApplicationServiceClient,
            create_application,
            pb::CreateApplicationRequest { request_id: ID.into(), ..create(order()) }
        ),
        write!(
            ApplicationServiceClient,
            transition_application,
            pb::TransitionApplicationRequest { request_id: ID.into(), ..moved }
        ),
        write!(
            TextServiceClient,
            upsert_texts,
            pb::UpsertTextsRequest { tenant: tenant(), texts: vec![text], request_id: ID.into() }
        ),
        write!(
            TextServiceClient,
            delete_texts,
            pb::DeleteTextsRequest {
                tenant: tenant(),
                keys: vec!["note".into()],
                request_id: ID.into(),
                ..Default::default()
            }
        ),
        write!(
            DocumentServiceClient,
            put_document,
            pb::PutDocumentRequest {
                tenant: tenant(),
                document: Some(document),
                request_id: ID.into(),
                ..Default::default()
            }
        ),
        write!(
            DocumentServiceClient,
            delete_document,
            pb::DeleteDocumentRequest {
                tenant: tenant(),
                key: "faq".into(),
                request_id: ID.into(),
                ..Default::default()
            }
        ),
        write!(
            PricingServiceClient,
            set_prices,
            pb::SetPricesRequest { tenant: tenant(), prices: vec![suv(4321)], request_id: ID.into() }
        ),
        write!(
            TenantServiceClient,
            create_tenant,
            pb::CreateTenantRequest { tenant: Some(shop), request_id: ID.into() }
        ),
        write!(
            TenantServiceClient,
            update_tenant,
            pb::UpdateTenantRequest {
                tenant: Some(renamed),
                update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".into()] }),
                request_id: ID.into(),
                ..Default::default()
            }
        ),
        write!(
            AdminServiceClient,
            create_alias,
            pb::CreateAliasRequest {
                brand: "toyota".into(),
                model: "camry".into(),
                alias: "щщжка".into(),
                request_id: ID.into(),
            }
        ),
    ]
}

/// All that is in the database: a sum of each table's rows.
async fn content(owner: &Client) -> BTreeMap<String, String> {
    let sums = "SELECT string_agg(format(
                    'SELECT %L, coalesce(md5(string_agg(t::text, '','' ORDER BY t::text)), ''empty'') FROM %I t',
                    relname, relname), ' UNION ALL ')
                FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')";
    let sums: String = owner.query_one(sums, &[]).await.unwrap().get(0);
    let rows = owner.query(&sums, &[]).await.unwrap();
    assert!(rows.len() > 20);
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_cut_at_its_commit_has_no_effect_and_one_once_it_is_tried_again() {
    let server = TestServer::start().await;
    let (owner, holder) = (connect(&server.config).await, connect(&server.config).await);
    let application = created(&mut ApplicationServiceClient::new(server.channel.clone()), order()).await;
    // Whoever commits a write waits where it has done all of its work.
    let wait = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER wait AFTER INSERT OR UPDATE ON write_requests
                    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();
                CREATE CONSTRAINT TRIGGER wait AFTER INSERT OR UPDATE ON admin_requests
                    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();";
    owner.batch_execute(wait).await.unwrap();

    for (name, write) in writes(&application) {
        let before = content(&owner).await;
        holder.batch_execute("SELECT pg_advisory_lock(77)").await.unwrap();
        let cut = async {
            let waiting = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                           WHERE datname = current_database() AND wait_event = 'advisory' AND query = 'COMMIT'";
            let began = Instant::now();
            while owner.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                assert!(began.elapsed() < PATIENCE, "{name} never came to its commit");
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        };
        let (answer, ()) = tokio::join!(write(server.channel.clone()), cut);
        holder.batch_execute("SELECT pg_advisory_unlock(77)").await.unwrap();
        let status = answer.expect_err(name);
        assert_eq!(reason(&status), (Code::Unavailable, "DATABASE_UNAVAILABLE".into()), "{name}: {status:?}");
        assert!(status.get_error_details().retry_info().unwrap().retry_delay.is_some(), "{name}");
        assert_eq!(content(&owner).await, before, "{name} was cut and has left something");

        let answer = write(server.channel.clone()).await.expect(name);
        let after = content(&owner).await;
        let changed = after.iter().filter(|(table, sum)| before[*table] != **sum).count();
        assert!(changed >= 3, "{name} changed nothing but its own records");
        assert_eq!(write(server.channel.clone()).await.expect(name), answer, "{name} answers the same again");
        assert_eq!(content(&owner).await, after, "{name} was carried out twice");
    }
    server.stop().await;
}
