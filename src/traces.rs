//! Traces: spans of calls, statements and imports go to a collector (OTLP over gRPC) where `OTEL_EXPORTER_OTLP_ENDPOINT` names
//! one; the other `OTEL_…` variables mean what OpenTelemetry says. A call goes on the trace that its caller is in.
//!
//! Spans have the target `lekalo::span` and are made where the work is done. Without a collector they cost nothing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The target of all spans.
pub const TARGET: &str = "lekalo::span";

/// How long the last spans may take to leave at the end.
const FLUSH: Duration = Duration::from_secs(1);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// What makes spans of this process, where a collector is named. Needs a runtime.
///
/// # Errors
/// When the collector's address or another variable is wrong, or asks for what is not spoken here.
pub fn tracer() -> Result<Option<SdkTracer>, String> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| given("OTEL_EXPORTER_OTLP_ENDPOINT"));
    let is_off = given("OTEL_SDK_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true"))
        || given("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter == "none");
    if endpoint.is_none() || is_off {
        return Ok(None);
    }
    let protocol = given("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| given("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if let Some(protocol) = protocol.filter(|protocol| protocol != "grpc") {
        return Err(format!(
            "OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}, and spans leave by grpc alone: unset it, and name the collector's \
             port for gRPC, mostly 4317"
        ));
    }
    let exporter = SpanExporter::builder().with_tonic().build().map_err(|error| error.to_string())?;
    let exporter = Told { exporter, is_failing: AtomicBool::new(false) };
    let resource = Resource::builder();
    // Whoever names it otherwise is heard.
    let is_named = given("OTEL_SERVICE_NAME").is_some()
        || given("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|attributes| attributes.contains("service.name="));
    let resource = if is_named { resource } else { resource.with_service_name("lekalo") };
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.with_attribute(version).build())
        .build();
    let tracer = provider.tracer("lekalo");
    let _ = PROVIDER.set(provider);
    Ok(Some(tracer))
}

/// Lets the last spans leave.
pub fn flush() {
    if let Some(provider) = PROVIDER.get() {
        // A collector that is away has been told of.
        let _ = provider.shutdown_with_timeout(FLUSH);
    }
}

/// Says once that the collector is away, and once that it is back.
#[derive(Debug)]
struct Told {
    exporter: SpanExporter,
    is_failing: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = opentelemetry_sdk::trace::SpanExporter::export(&self.exporter, batch).await;
        let was_failing = self.is_failing.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !was_failing => tracing::warn!(%error, "traces are lost: the collector does not take them"),
            Ok(()) if was_failing => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

/// Has a call's span go on the trace that its caller is in. Returns where in which trace it is, or its caller.
pub fn join(span: &Span, headers: &HeaderMap) -> SpanContext {
    if span.is_disabled() && !headers.contains_key("traceparent") {
        return SpanContext::NONE;
    }
    let caller = TraceContextPropagator::new().extract(&Headers(headers));
    let from = caller.span().span_context().clone();
    if from.is_valid() {
        // Refused where there is nobody who takes spans.
        let _ = span.set_parent(caller);
    }
    let own = span.context().span().span_context().clone();
    if own.is_valid() { own } else { from }
}

/// Has a span go on the trace of the one at hand, which need not wait for it.
pub fn follow(span: &Span) {
    // Refused where there is nobody who takes spans.
    let _ = span.set_parent(Span::current().context());
}

/// As W3C's `traceparent` has it.
pub fn traceparent(place: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", place.trace_id(), place.span_id(), place.trace_flags().to_u8())
}
