//! ApplicationService: leads, and the feed of what happens to them. Its writes are in [`super::application_writes`].

use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Services;
use super::convert::{self, count};
use super::streams::{Sender, stream};
use super::validation::Validator;
use crate::db::Db;
use crate::domain::application::{Filter, read_cursor};
use crate::domain::error::{Error, Kind};
use crate::domain::tenant::Tenant;
use crate::feeds::Watcher;
use crate::proto::lekalo::v1 as pb;
use crate::proto::lekalo::v1::application_service_server::ApplicationService;

/// The longest cursor.
const MAX_CURSOR: usize = 128;
/// How many events are read at once.
const EVENTS_AT_ONCE: i64 = 100;

#[tonic::async_trait]
impl ApplicationService for Services {
    async fn create_application(
        &self,
        request: Request<pb::CreateApplicationRequest>,
    ) -> Result<Response<pb::CreateApplicationResponse>, Status> {
        Ok(Response::new(self.create_application(request.into_inner()).await?))
    }

    async fn get_application(
        &self,
        request: Request<pb::GetApplicationRequest>,
    ) -> Result<Response<pb::GetApplicationResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let tenant = check.name("tenant", request.tenant);
        let id = check.name("id", request.id);
        check.done()?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let application = self.db.tenant(tenant.id).get_application(application_id(&id)?).await?;
        Ok(Response::new(pb::GetApplicationResponse { application: Some(application.into()) }))
    }

    async fn list_applications(
        &self,
        request: Request<pb::ListApplicationsRequest>,
    ) -> Result<Response<pb::ListApplicationsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let status: pb::ApplicationStatus = check.enumeration("status", request.status);
        let kind: pb::ApplicationKind = check.enumeration("kind", request.kind);
        let filter = Filter {
            status: convert::application_status(status),
            kind: convert::application_kind(kind),
            created_after: check.any_time("created_after", request.created_after),
            created_before: check.any_time("created_before", request.created_before),
        };
        if let (Some(after), Some(before)) = (filter.created_after, filter.created_before)
            && before <= after
        {
            check.refuse("created_before", "FIELD_OUT_OF_RANGE", "must be after created_after");
        }
        let page = check.page(
            request.page_size,
            &request.page_token,
            request.skip,
            &["list_applications", &request.tenant, &format!("{filter:?}")],
        );
        let tenant = check.name("tenant", request.tenant);
        let page = check.done_with(page)?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let found = self.db.tenant(tenant.id).list_applications(&filter, &page).await?;
        Ok(Response::new(pb::ListApplicationsResponse {
            applications: found.items.into_iter().map(Into::into).collect(),
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }

    async fn transition_application(
        &self,
        request: Request<pb::TransitionApplicationRequest>,
    ) -> Result<Response<pb::TransitionApplicationResponse>, Status> {
        Ok(Response::new(self.transition_application(request.into_inner()).await?))
    }

    async fn watch_applications(
        &self,
        request: Request<pb::WatchApplicationsRequest>,
    ) -> Result<Response<BoxStream<pb::WatchApplicationsResponse>>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let tenant = check.name("tenant", request.tenant);
        let after = check.text("after", request.after, MAX_CURSOR);
        check.done()?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let after = self.resume(&tenant, &after).await?;
        let watcher = self.feeds.watch(tenant.id)?;
        let db = self.db.clone();
        Ok(Response::new(stream(&self.stopping, |sender| follow(db, tenant, after, watcher, sender))))
    }
}

impl Services {
    /// The place in the tenant's feed to go on behind.
    async fn resume(&self, tenant: &Tenant, cursor: &str) -> Result<i64, Error> {
        if cursor.is_empty() {
            return Ok(0);
        }
        // Ahead of the feed is a cursor from before a restored backup: to wait for it would lose what comes until then.
        match read_cursor(tenant.id, cursor) {
            Some(place) if place <= self.db.tenant(tenant.id).last_application_event().await? => Ok(place),
            _ => {
                let description = "is not a cursor of this tenant's events; pass one as it came, or none to begin anew";
                Err(Error::invalid("after", "CURSOR_INVALID", description))
            }
        }
    }
}

/// Sends the tenant's feed from behind `after` on, event after event, until it cannot go on.
async fn follow(
    db: Db,
    tenant: Tenant,
    mut after: i64,
    mut watcher: Watcher,
    sender: Sender<pb::WatchApplicationsResponse>,
) -> Result<(), Status> {
    let own = db.tenant(tenant.id);
    loop {
        watcher.begin();
        let events = own.list_application_events(after, EVENTS_AT_ONCE).await?;
        if events.is_empty() {
            watcher.woken().await?;
        }
        for event in events {
            after = event.place;
            let event = convert::application_event(tenant.id, event);
            sender.send(pb::WatchApplicationsResponse { event: Some(event) }).await;
        }
    }
}

/// What is not a UUID is no application of ours.
pub(super) fn application_id(id: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(id).map_err(|_| Error::not_found(Kind::Application, id))
}
