//! The wire contract: what `build.rs` makes of `proto/`.
//!
//! Messages, and for each service `<name>_client` and `<name>_server`; [`FILE_DESCRIPTOR_SET`] is what
//! reflection serves. To add a field or a method, edit the `.proto` file: it is here with the next build.
//! Only `grpc` converts between these types and the domain's.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    rustdoc::all,
    reason = "generated code answers to its generator"
)]

mod codec;

/// The service's own packages.
pub mod lekalo {
    /// Version 1, stable: fields and methods are added, never renamed or dropped.
    pub mod v1 {
        tonic::include_proto!("lekalo.v1");
    }
}

/// Google's common types, as far as the contract uses them.
pub mod google {
    /// `google.type`: Money.
    pub mod r#type {
        tonic::include_proto!("google.r#type");
    }
}

/// The encoded `FileDescriptorSet` of the contract with all it imports, comments included.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("lekalo");

/// A request that its client may send again under the same `request_id`: that of every method whose request has one.
pub trait Retried: prost::Message {
    /// `Service/Method`.
    const METHOD: &'static str;

    /// The client's id, as it is spelled.
    fn request_id(&mut self) -> &mut String;
}

include!(concat!(env!("OUT_DIR"), "/retried.rs"));
