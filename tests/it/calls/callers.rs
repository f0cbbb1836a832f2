//! Calls with something shown, and what they are answered.

use bytes::Bytes;
use prost_reflect::{DynamicMessage, Value};
use tonic::{Code, Status};

use super::describe;
use crate::support::wire::{Answer, Wire};

/// A tenant that there is, and one that there is not.
pub const FOREIGN: &str = "five_deluxe";
pub const NOBODY: &str = "six_deluxe";

pub async fn ask(wire: &Wire, path: &str, messages: &[Bytes], key: Option<&str>) -> Status {
    answered(wire, path, messages, key).await.status
}

/// The answer; of a stream what comes until its first message, which is all that these calls are about.
pub async fn answered(wire: &Wire, path: &str, messages: &[Bytes], key: Option<&str>) -> Answer {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    // Nothing may ever happen to what is watched: that it is not refused in a while is an answer, too.
    let is_watch = path.contains("/Watch");
    let headers = [&headers[..], &[("grpc-timeout", if is_watch { "3S" } else { "20S" })]].concat();
    let call = wire.send(path, messages, &headers).await;
    if !is_watch {
        return call.answer().await.unwrap();
    }
    let mut begun = call.begun().await.unwrap();
    match begun.message().await.unwrap() {
        Some(message) => Answer { status: Status::ok(""), messages: vec![message], encoding: String::new() },
        None => begun.answer().await.unwrap(),
    }
}

pub fn told(status: &Status) -> (Code, String) {
    if status.code() == Code::Ok { (Code::Ok, String::new()) } else { describe("", status) }
}

/// The status without its encoded details and its own id, which differ.
pub fn without_details(status: &Status) -> Status {
    Status::new(status.code(), status.message())
}

/// Sets the tenant that a request names, where it names one.
pub fn set_tenant(message: &mut DynamicMessage, slug: &str) -> Option<()> {
    let descriptor = prost_reflect::ReflectMessage::descriptor(message);
    for (outer, inner) in [("header", "tenant"), ("tenant", "slug")] {
        let Some(field) = descriptor.get_field_by_name(outer).filter(|field| field.kind().as_message().is_some())
        else {
            continue;
        };
        if !message.has_field(&field) || descriptor.name() == "CreateTenantRequest" {
            return None;
        }
        let Value::Message(mut nested) = message.get_field(&field).into_owned() else { return None };
        nested.set_field_by_name(inner, Value::String(slug.to_owned()));
        message.set_field(&field, Value::Message(nested));
        return Some(());
    }
    if let Some(field) = descriptor.get_field_by_name("tenants") {
        message.set_field(&field, Value::List(vec![Value::String(slug.to_owned())]));
        return Some(());
    }
    let field = descriptor.get_field_by_name("tenant")?;
    message.set_field(&field, Value::String(slug.to_owned()));
    Some(())
}
