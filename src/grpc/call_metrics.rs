//! What calls come to, by the names that the gRPC ecosystem's dashboards know.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use tonic::Code;

use super::status::names;
use crate::metrics::{Histograms, seconds};
use crate::proto::FILE_DESCRIPTOR_SET;
use lekalo_vehicles::resolve::Decision;

/// Which method a call is of: one of a contract's, or none. What strangers ask for besides makes no label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Method {
    pub grpc_type: &'static str,
    pub grpc_service: &'static str,
    pub grpc_method: &'static str,
}

impl Method {
    /// Open for as long as its client lives: nobody waits for it, and it is no work.
    pub fn is_health_watch(&self) -> bool {
        (self.grpc_service, self.grpc_method) == ("grpc.health.v1.Health", "Watch")
    }

    /// One that no contract has.
    pub fn is_unknown(&self) -> bool {
        *self == UNKNOWN
    }

    fn ended(&self, code: Code) -> Handled {
        let &Self { grpc_type, grpc_service, grpc_method } = self;
        Handled { grpc_type, grpc_service, grpc_method, grpc_code: names(code).1 }
    }
}

const UNKNOWN: Method = Method { grpc_type: "unary", grpc_service: "unknown", grpc_method: "unknown" };

static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(methods);

/// The method at this path.
pub fn method(path: &str) -> Method {
    METHODS.get(path).copied().unwrap_or(UNKNOWN)
}

/// Every method that is served. Their names live as long as the process.
fn methods() -> HashMap<String, Method> {
    let contracts = [
        FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let mut methods = HashMap::new();
    // The compiler wrote them.
    for file in contracts.iter().filter_map(|set| FileDescriptorSet::decode(*set).ok()).flat_map(|set| set.file) {
        for service in file.service {
            let name: &'static str =
                format!("{}.{}", file.package.as_deref().unwrap_or_default(), service.name()).leak();
            for method in service.method {
                let labels = Method {
                    grpc_type: kind(&method),
                    grpc_service: name,
                    grpc_method: method.name().to_owned().leak(),
                };
                methods.insert(format!("/{name}/{}", labels.grpc_method), labels);
            }
        }
    }
    methods
}

fn kind(method: &MethodDescriptorProto) -> &'static str {
    match (method.client_streaming(), method.server_streaming()) {
        (false, false) => "unary",
        (true, false) => "client_stream",
        (false, true) => "server_stream",
        (true, true) => "bidi_stream",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handled {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
    grpc_code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    decision: &'static str,
}

impl From<Decision> for Decided {
    fn from(decision: Decision) -> Self {
        let decision = match decision {
            Decision::Accept => "accept",
            Decision::Choose => "choose",
            Decision::None => "none",
        };
        Self { decision }
    }
}

/// Counters of one server's calls.
#[derive(Clone)]
pub struct CallMetrics {
    started: Family<Method, Counter>,
    handled: Family<Handled, Counter>,
    handling: Histograms<Method>,
    in_flight: Gauge,
    decisions: Family<Decided, Counter>,
}

impl Default for CallMetrics {
    fn default() -> Self {
        Self {
            started: Family::default(),
            handled: Family::default(),
            handling: Family::new_with_constructor(seconds),
            in_flight: Gauge::default(),
            decisions: Family::default(),
        }
    }
}

impl CallMetrics {
    /// What has not happened yet is 0, not nothing: a rate sees the first time too.
    pub(super) fn register(&self, registry: &mut Registry) {
        for method in METHODS.values() {
            _ = self.started.get_or_create(method);
            for code in [Code::Ok, Code::Internal, Code::Unavailable] {
                _ = self.handled.get_or_create(&method.ended(code));
            }
        }
        for decision in [Decision::Accept, Decision::Choose, Decision::None] {
            _ = self.decisions.get_or_create(&Decided::from(decision));
        }
        registry.register("grpc_server_started", "Calls that began", self.started.clone());
        registry.register("grpc_server_handled", "Calls that ended, by their code", self.handled.clone());
        registry.register_with_unit(
            "grpc_server_handling",
            "How long calls took, to the last byte of their answer",
            Unit::Seconds,
            self.handling.clone(),
        );
        registry.register("grpc_server_in_flight", "Calls in flight", self.in_flight.clone());
        registry.register(
            "lekalo_resolver_decisions",
            "What ResolveVehicle said of customers' texts",
            self.decisions.clone(),
        );
    }

    pub(super) fn begin(&self, method: &Method) {
        self.started.get_or_create(method).inc();
        self.in_flight.inc_by(i64::from(!method.is_health_watch()));
    }

    pub(super) fn end(&self, method: &Method, code: Code, took: Duration) {
        self.handled.get_or_create(&method.ended(code)).inc();
        self.handling.get_or_create(method).observe(took.as_secs_f64());
        self.in_flight.dec_by(i64::from(!method.is_health_watch()));
    }

    /// A customer's text was resolved.
    pub(super) fn decided(&self, decision: Decision) {
        self.decisions.get_or_create(&Decided::from(decision)).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_those_that_are_served() {
        let find = method("/lekalo.v1.CatalogService/FindPatterns");
        assert_eq!((find.grpc_service, find.grpc_method), ("lekalo.v1.CatalogService", "FindPatterns"));
        let kinds = ["CatalogService/ListBrands", "ImportService/UploadImport", "ImportService/WatchImport"];
        let kinds = kinds.map(|path| method(&format!("/lekalo.v1.{path}")).grpc_type);
        assert_eq!(kinds, ["unary", "client_stream", "server_stream"]);
        assert_eq!(method("/grpc.health.v1.Health/Watch").grpc_type, "server_stream");
        assert_eq!(method("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo").grpc_type, "bidi_stream");
        for none in ["", "/", "/lekalo.v1.CatalogService/Nothing", "lekalo.v1.CatalogService/FindPatterns"] {
            assert_eq!(method(none), UNKNOWN);
        }
    }
}
