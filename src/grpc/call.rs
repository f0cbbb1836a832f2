//! One call, from its first byte to its last: who asked for what and under which id, and how it ended, which is counted and
//! told in one line. What a caller sent is in neither, but for the tenant's name.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use opentelemetry::trace::SpanContext;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::call_log::CallLog;
use super::call_metrics::{CallMetrics, Method, method};
use super::peers::Peer;
use crate::catalog::Current;
use crate::db::{audit, bulkhead};
use crate::domain::api_key::Caller;
use crate::domain::audit::Origin;
use crate::domain::error::{Error, Result};
use crate::traces::{self, TARGET};

/// Which version of a catalog an answer is out of, or a write has made; how long ago it was last known to be the newest; and which
/// one a caller wants at least.
const CATALOG_VERSION: HeaderName = HeaderName::from_static("lekalo-catalog-version");
const STALE_SECONDS: HeaderName = HeaderName::from_static("lekalo-stale-seconds");
const MIN_CATALOG_VERSION: HeaderName = HeaderName::from_static("lekalo-min-catalog-version");
/// What was looked at so lately is not stale.
const LATELY: Duration = Duration::from_secs(2);

/// The id of a call, its caller's or our own: in its line, in its trailers, and in what an internal error says.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that is taken from a caller.
const MAX_REQUEST_ID: usize = 128;

tokio::task_local! {
    static CALL: Arc<Call>;
}

/// What is known of a call.
pub struct Call {
    pub method: Method,
    pub request_id: HeaderValue,
    pub peer: Option<SocketAddr>,
    /// Where in which trace it is, if in any.
    pub place: SpanContext,
    span: Span,
    pub began: Instant,
    pub tenant: OnceLock<String>,
    /// Who asks, once that is known.
    pub caller: OnceLock<Arc<Caller>>,
    /// The version and the age of the catalog that it is answered from, if any.
    answered_from: Mutex<Option<(i64, Duration)>>,
    /// The version of a catalog that it has made; 0: none.
    pub made_version: Arc<AtomicI64>,
    /// The version of a catalog that it wants at least, as it says so.
    min_version: Option<HeaderValue>,
    /// Bytes of the request and of the answer.
    pub received: AtomicU64,
    pub sent: AtomicU64,
    has_ended: AtomicBool,
    observers: Observers,
}

/// Who is told of calls.
#[derive(Clone, Default)]
pub struct Observers {
    pub metrics: CallMetrics,
    pub log: Arc<CallLog>,
}

impl Call {
    pub fn begin(observers: &Observers, request: &Request<Body>) -> Arc<Self> {
        let asked = request.headers().get(REQUEST_ID).filter(|id| is_plain(id)).cloned();
        let (method, request_id) = (method(request.uri().path()), asked.unwrap_or_else(new_request_id));
        let span = tracing::info_span!(
            target: TARGET, "call",
            otel.name = %format_args!("{}/{}", method.grpc_service, method.grpc_method), otel.kind = "server",
            otel.status_code = Empty, rpc.system = "grpc", rpc.service = method.grpc_service,
            rpc.method = method.grpc_method, rpc.grpc.status_code = Empty, request_id = ?request_id, tenant = Empty,
            reason = Empty,
        );
        let call = Self {
            method,
            request_id,
            place: traces::join(&span, request.headers()),
            span,
            peer: request.extensions().get::<Peer>().and_then(Peer::addr),
            began: Instant::now(),
            tenant: OnceLock::new(),
            caller: OnceLock::new(),
            answered_from: Mutex::default(),
            made_version: Arc::default(),
            min_version: request.headers().get(MIN_CATALOG_VERSION).cloned(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            has_ended: AtomicBool::new(false),
            observers: observers.clone(),
        };
        call.observers.metrics.begin(&call.method);
        Arc::new(call)
    }

    /// What goes on on the call's behalf.
    pub async fn scope<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        let span = self.span.clone();
        CALL.scope(self, work.instrument(span)).await
    }

    /// It has ended as these trailers say, which get its id.
    pub fn end(&self, trailers: &mut HeaderMap) {
        trailers.insert(REQUEST_ID, self.request_id.clone());
        match self.made_version.load(Ordering::Relaxed) {
            0 => {}
            version => _ = trailers.insert(CATALOG_VERSION, HeaderValue::from(version)),
        }
        if let Some((version, age)) = *self.answered_from.lock().unwrap_or_else(PoisonError::into_inner) {
            trailers.insert(CATALOG_VERSION, HeaderValue::from(version));
            if age > LATELY {
                trailers.insert(STALE_SECONDS, HeaderValue::from(age.as_secs()));
            }
        }
        if !self.span.is_disabled()
            && self.place.is_valid()
            && let Ok(place) = traces::traceparent(&self.place).try_into()
        {
            trailers.insert("traceparent", place);
        }
        let code = trailers.get(Status::GRPC_STATUS).map_or(Code::Unknown, |code| Code::from_bytes(code.as_bytes()));
        // What went well is most of them, and has no details to read.
        let status = if code == Code::Ok { None } else { Status::from_header_map(trailers) };
        let info = status.as_ref().and_then(StatusExt::get_details_error_info);
        self.ended(code, &info.map(|info| info.reason).unwrap_or_default());
    }

    /// It has ended, unless it had before: whoever gives it up does not know.
    fn ended(&self, code: Code, reason: &str) {
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            self.span.record("rpc.grpc.status_code", i32::from(code));
            self.span.record("reason", reason);
            if is_ours(code) {
                self.span.record("otel.status_code", "ERROR");
            }
            self.observers.metrics.end(&self.method, code, self.began.elapsed());
            self.observers.log.call(self, code, reason);
        }
    }

    /// Its caller is gone, if it had not ended; whether it had not.
    pub fn given_up(&self) -> bool {
        let is_so = !self.has_ended.load(Ordering::Relaxed);
        self.ended(Code::Cancelled, "");
        is_so
    }
}

/// The call at hand is about this tenant, which there is.
pub fn is_about(tenant: &str) {
    let _ = CALL.try_with(|call| {
        call.span.record("tenant", tenant);
        call.tenant.set(tenant.to_owned())
    });
}

/// The call at hand is answered out of memory.
pub fn is_answered_from(current: &Current) {
    let (version, age) = (current.catalog.versions.own, current.age);
    let _ =
        CALL.try_with(|call| *call.answered_from.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, age)));
}

/// The version of a catalog that the call at hand wants at least; 0: any.
///
/// # Errors
/// `Invalid` where it says what is none.
pub fn min_catalog_version() -> Result<i64> {
    let wanted = CALL.try_with(|call| call.min_version.clone()).ok().flatten();
    let Some(wanted) = wanted else { return Ok(0) };
    // As it was told, and no other way to write it.
    let as_told = |text: &str| text.parse().ok().filter(|version: &i64| *version > 0 && version.to_string() == text);
    let version = wanted.to_str().ok().and_then(as_told);
    version.ok_or_else(|| {
        let problem = "must be a version that an answer had in `lekalo-catalog-version`, a whole number from 1";
        Error::invalid(MIN_CATALOG_VERSION.as_str(), "FIELD_INVALID", problem)
    })
}

/// The call at hand is by this caller.
pub fn is_by(caller: Arc<Caller>) {
    let _ = CALL.try_with(|call| call.caller.set(caller));
}

/// As what the call at hand is recorded where it changes something.
///
/// # Errors
/// `Internal` outside of a call.
pub fn origin(caller: &Caller) -> Result<Origin> {
    let origin = CALL.try_with(|call| Origin {
        method: format!("{}/{}", call.method.grpc_service, call.method.grpc_method),
        actor: caller.into(),
        peer: call.peer.map(|peer| peer.ip().to_canonical()),
        request_id: call.request_id.to_str().unwrap_or_default().to_owned(),
    });
    origin.map_err(|_| Error::internal("there is no call"))
}

/// Who has made the call at hand.
///
/// # Errors
/// `Internal` where that was never checked: nobody may do anything then.
pub fn caller() -> Result<Arc<Caller>> {
    let caller = CALL.try_with(|call| call.caller.get().cloned()).ok().flatten();
    caller.ok_or_else(|| Error::internal("a call whose caller nobody has checked"))
}

/// How many bytes of the call at hand have come.
pub fn received() -> u64 {
    CALL.try_with(|call| call.received.load(Ordering::Relaxed)).unwrap_or_default()
}

/// The id of the call at hand.
pub fn request_id() -> Option<String> {
    CALL.try_with(|call| call.request_id.to_str().ok().map(str::to_owned)).ok().flatten()
}

/// What goes on on behalf of the call at hand in a task of its own.
pub fn in_task<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let (call, work) = (CALL.try_with(Arc::clone).ok(), audit::in_task(bulkhead::in_task(work)));
    async move {
        match call {
            Some(call) => call.scope(work).await,
            None => work.await,
        }
    }
}

/// Whether what went wrong is the server's, rather than its caller's.
pub fn is_ours(code: Code) -> bool {
    matches!(code, Code::Unknown | Code::Internal | Code::DataLoss | Code::Unavailable)
}

/// Whether it can stand in a line and in a header.
fn is_plain(id: &HeaderValue) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=/+".contains(byte);
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.as_bytes().iter().all(is_plain)
}

fn new_request_id() -> HeaderValue {
    // A UUID is always a header's value.
    HeaderValue::from_str(&uuid::Uuid::now_v7().to_string()).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_break_a_line_are_not_taken() {
        let long = "x".repeat(MAX_REQUEST_ID + 1);
        let taken = |id: &str| {
            let request = Request::post("/x").header(REQUEST_ID, id).body(Body::empty()).unwrap();
            Call::begin(&Observers::default(), &request).request_id.to_str().unwrap().to_owned()
        };
        for good in ["a", "Root=1-67891233-abcdef012345678912345678", "7f:b/1+2_3.4", &long[1..]] {
            assert_eq!(taken(good), good);
        }
        for bad in ["", "a b", "a\"b", "a;b", &long] {
            let made = taken(bad);
            assert_eq!(made.parse::<uuid::Uuid>().unwrap().get_version_num(), 7, "{bad}: {made}");
        }
    }
}
