//! Audit events.

use super::timestamp;
use crate::domain::audit::{ActorKind, Change, Event, Origin};
use crate::proto::lekalo::v1 as pb;

impl From<Event> for pb::AuditEvent {
    fn from(event: Event) -> Self {
        let Event { change: Change { kind, resource, summary }, origin, .. } = event;
        let Origin { method, actor, peer, request_id } = origin;
        let who = match actor.kind {
            ActorKind::ApiKey => pb::AuditActor::ApiKey,
            ActorKind::Jwt => pb::AuditActor::Jwt,
            ActorKind::NoKey => pb::AuditActor::NoKey,
            ActorKind::CommandLine => pb::AuditActor::CommandLine,
            ActorKind::System => pb::AuditActor::System,
        };
        Self {
            id: event.id.to_string(),
            tenant: event.tenant.unwrap_or_default(),
            occurred_at: Some(timestamp(event.occurred_at)),
            method,
            resource_kind: kind.word().to_owned(),
            resource,
            summary,
            actor: who.into(),
            key_prefix: actor.key_prefix.unwrap_or_default(),
            actor_name: actor.name,
            peer: peer.map(|peer| peer.to_string()).unwrap_or_default(),
            request_id,
        }
    }
}
