//! Applications on the wire.

use super::price::priced;
use super::{count, timestamp, wire_channel, year};
use crate::domain::application::stats::Count;
use crate::domain::application::{Application, Customer, Event, EventKind, ExternalRef, Kind, Status, cursor};
use crate::domain::customer;
use crate::domain::price::Named;
use crate::domain::tenant::TenantId;
use crate::proto::lekalo::v1 as pb;

/// None where it is not given.
pub fn application_kind(kind: pb::ApplicationKind) -> Option<Kind> {
    match kind {
        pb::ApplicationKind::Unspecified => None,
        pb::ApplicationKind::Order => Some(Kind::Order),
        pb::ApplicationKind::IndividualMeasure => Some(Kind::IndividualMeasure),
        pb::ApplicationKind::Callback => Some(Kind::Callback),
        pb::ApplicationKind::Complaint => Some(Kind::Complaint),
    }
}

/// None where it is not given.
pub fn application_status(status: pb::ApplicationStatus) -> Option<Status> {
    match status {
        pb::ApplicationStatus::Unspecified => None,
        pb::ApplicationStatus::New => Some(Status::New),
        pb::ApplicationStatus::InProgress => Some(Status::InProgress),
        pb::ApplicationStatus::Completed => Some(Status::Completed),
        pb::ApplicationStatus::Cancelled => Some(Status::Cancelled),
    }
}

impl From<Kind> for pb::ApplicationKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Order => Self::Order,
            Kind::IndividualMeasure => Self::IndividualMeasure,
            Kind::Callback => Self::Callback,
            Kind::Complaint => Self::Complaint,
        }
    }
}

impl From<Status> for pb::ApplicationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::New => Self::New,
            Status::InProgress => Self::InProgress,
            Status::Completed => Self::Completed,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

impl From<Customer> for pb::Customer {
    fn from(customer: Customer) -> Self {
        Self {
            channel: wire_channel(&customer.channel).into(),
            external_id: customer.external_id,
            name: customer.name,
            phone: customer.phone,
            username: customer.username,
            language: customer.language.map(|language| language.word().to_owned()).unwrap_or_default(),
            id: customer.id.map(|id| id.to_string()).unwrap_or_default(),
            ..Self::default()
        }
    }
}

impl From<customer::Record> for pb::Customer {
    fn from(record: customer::Record) -> Self {
        Self {
            etag: record.revision.to_string(),
            created_at: Some(timestamp(record.created_at)),
            updated_at: Some(timestamp(record.updated_at)),
            application_count: count(record.application_count),
            ..record.customer.into()
        }
    }
}

impl From<ExternalRef> for pb::ExternalRef {
    fn from(ExternalRef { system, id, url }: ExternalRef) -> Self {
        Self { system, id, url }
    }
}

impl From<Count> for pb::ApplicationCount {
    fn from(counted: Count) -> Self {
        Self {
            day: counted.day,
            status: pb::ApplicationStatus::from(counted.status).into(),
            category: counted.category,
            channel: wire_channel(&counted.channel).into(),
            kind: pb::ApplicationKind::from(counted.kind).into(),
            count: count(counted.count),
        }
    }
}

impl From<Application> for pb::Application {
    fn from(application: Application) -> Self {
        let (number, customer_deleted) = (application.number(), application.is_erased());
        let wish = application.wish;
        let (quoted_kind, quoted_total, quoted_total_max) =
            wish.quoted.map(|(amount, currency)| priced(amount, &currency)).unwrap_or_default();
        Self {
            id: application.id.to_string(),
            kind: pb::ApplicationKind::from(wish.kind).into(),
            status: pb::ApplicationStatus::from(application.status).into(),
            customer: Some(application.customer.into()),
            category: wish.category,
            brand: wish.brand,
            model: wish.model,
            generation: wish.generation,
            year: year(wish.year),
            vehicle_text: wish.vehicle_text,
            selections: wish
                .selections
                .into_iter()
                .map(|Named { option, value }| pb::Selection { option, value })
                .collect(),
            quoted_total,
            message: wish.message,
            created_at: Some(timestamp(application.created_at)),
            updated_at: Some(timestamp(application.updated_at)),
            etag: application.revision.to_string(),
            quoted_total_max,
            quoted_kind,
            assignee: application.assignee,
            number,
            external_refs: wish.external_refs.into_iter().map(Into::into).collect(),
            customer_deleted,
        }
    }
}

/// An event of that tenant's feed.
pub fn application_event(tenant: TenantId, event: Event) -> pb::ApplicationEvent {
    let kind = match event.kind {
        EventKind::Created => pb::ApplicationEventKind::Created,
        EventKind::Transitioned => pb::ApplicationEventKind::Transitioned,
        EventKind::Noted => pb::ApplicationEventKind::Noted,
        EventKind::Updated => pb::ApplicationEventKind::Updated,
        EventKind::CustomerDeleted => pb::ApplicationEventKind::CustomerDeleted,
    };
    pb::ApplicationEvent {
        cursor: cursor(tenant, event.place),
        kind: kind.into(),
        application: Some(event.application.into()),
        from: event.from.map_or(pb::ApplicationStatus::Unspecified, Into::into).into(),
        to: pb::ApplicationStatus::from(event.to).into(),
        actor: event.actor,
        note: event.note,
        occurred_at: Some(timestamp(event.occurred_at)),
        fields: event.fields,
    }
}
