//! WatchApplications: the feed of what happens to a tenant's applications. Who waits for it is woken by [`crate::feeds`].

use tonic::Status;
use tonic::codegen::BoxStream;

use crate::db::Db;
use crate::domain::Result;
use crate::domain::application::read_cursor;
use crate::domain::error::Error;
use crate::domain::tenant::Tenant;
use crate::feeds::Watcher;
use crate::grpc::Services;
use crate::grpc::convert;
use crate::grpc::scope::Scope;
use crate::grpc::streams::{Sender, stream};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

/// The longest cursor.
const MAX_CURSOR: usize = 128;
/// How many events are read at once.
const EVENTS_AT_ONCE: i64 = 100;

pub async fn watch_applications(
    services: &Services,
    request: pb::WatchApplicationsRequest,
) -> Result<BoxStream<pb::WatchApplicationsResponse>> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let after = check.text("after", request.after, MAX_CURSOR);
    let from_now = request.from_now;
    if from_now && !after.is_empty() {
        check.refuse("from_now", "FIELD_INVALID", "must not be given with after");
    }

    let scope = services.scope(check, &tenant).await?;
    let after = match from_now {
        true => scope.own.last_application_event().await?,
        false => resume(&scope, &after).await?,
    };
    let watcher = services.feeds.watch(scope.tenant.id)?;
    let db = services.db.clone();
    Ok(stream(services, |sender| follow(db, scope.tenant, after, watcher, sender)))
}

/// The place in the tenant's feed to go on behind.
async fn resume(scope: &Scope<'_>, cursor: &str) -> Result<i64> {
    if cursor.is_empty() {
        return Ok(0);
    }
    // Ahead of the feed is a cursor from before a restored backup: to wait for it would lose what comes until then.
    match read_cursor(scope.tenant.id, cursor) {
        Some(place) if place <= scope.own.last_application_event().await? => Ok(place),
        _ => {
            let description = "is not a cursor of this tenant's events; pass one as it came, or none to begin anew";
            Err(Error::invalid("after", "CURSOR_INVALID", description))
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
