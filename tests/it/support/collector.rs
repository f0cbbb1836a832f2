//! Who takes traces: spans as they come over OTLP.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
pub struct Collector {
    taken: Arc<Mutex<Vec<(Resource, Span)>>>,
}

impl Collector {
    /// One that listens, and where.
    pub async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(TraceServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, url)
    }

    pub fn spans(&self) -> Vec<Span> {
        self.taken.lock().unwrap().iter().map(|(_, span)| span.clone()).collect()
    }

    pub fn resources(&self) -> Vec<Resource> {
        self.taken.lock().unwrap().iter().map(|(resource, _)| resource.clone()).collect()
    }

    /// Waits until it has as many spans of that name.
    pub async fn has(&self, name: &str, count: usize) -> Vec<Span> {
        let began = Instant::now();
        loop {
            let spans: Vec<_> = self.spans().into_iter().filter(|span| span.name == name).collect();
            if spans.len() >= count {
                return spans;
            }
            let names: Vec<_> = self.spans().into_iter().map(|span| span.name).collect();
            assert!(began.elapsed() < Duration::from_secs(30), "no {name} among {names:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// An attribute's value, as text.
pub fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.clone()) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for of_resource in request.into_inner().resource_spans {
            let resource = of_resource.resource.unwrap_or_default();
            for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.taken.lock().unwrap().push((resource.clone(), span));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
