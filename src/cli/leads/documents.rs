//! Leads as JSON; a field is added here.

use serde_json::{Value, json};

use crate::cli::imports::documents::time;
use crate::domain::application::{Application, Event, Status};
use crate::domain::price;

/// A lead as JSON.
pub fn document(lead: &Application) -> Value {
    let (wish, contact) = (&lead.wish, &lead.customer);
    json!({
        "id": lead.id, "number": lead.number(), "kind": wish.kind.word(), "status": lead.status.word(),
        "assignee": lead.assignee, "category": wish.category, "brand": wish.brand, "model": wish.model,
        "generation": wish.generation, "year": wish.year, "vehicle_text": wish.vehicle_text,
        "selections": wish.selections.iter().map(|chosen| json!({ "option": chosen.option, "value": chosen.value }))
            .collect::<Vec<_>>(),
        "quoted": quoted(lead), "message": wish.message,
        "external_refs": wish.external_refs.iter()
            .map(|known| json!({ "system": known.system, "id": known.id, "url": known.url })).collect::<Vec<_>>(),
        "customer": {
            "id": contact.id, "channel": contact.channel, "external_id": contact.external_id, "name": contact.name,
            "phone": contact.phone, "username": contact.username,
            "language": contact.language.map(|language| language.word()),
        },
        "customer_deleted": lead.is_erased(), "etag": lead.revision.to_string(),
        "created_at": time(lead.created_at), "updated_at": time(lead.updated_at),
    })
}

/// What happened to a lead as JSON.
pub fn event_document(event: &Event) -> Value {
    json!({
        "kind": event.kind.word(), "from": event.from.map(Status::word), "to": event.to.word(), "actor": event.actor,
        "note": event.note, "fields": event.fields, "occurred_at": time(event.occurred_at),
    })
}

/// What its customer was quoted.
pub fn quoted(lead: &Application) -> String {
    let Some((amount, currency)) = &lead.wish.quoted else { return String::new() };
    match amount {
        price::Amount::Fixed(total) => format!("{total} {currency}"),
        price::Amount::From(least) => format!("from {least} {currency}"),
        price::Amount::Range(least, most) => format!("{least} to {most} {currency}"),
    }
}
