//! What every call goes through: its deadline, a net under panics, and a count of calls in flight for a graceful end.

mod bodies;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{FutureExt as _, future};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use self::bodies::{AnswerBody, QuestionBody};
use super::call::{Call, Observers};
use super::compression::{Encoding, Packed, Unpacked};
use super::peers::{Allowance, Peer};
use super::status::{encoding_unsupported, from_transport, method_unknown, shutting_down};
use crate::db::{bulkhead, catalog_writes, deadline};
use crate::domain::Error;

/// How long a compressed message of whoever shows no key may be, unpacked.
const MOST_WITHOUT_A_KEY: usize = 16 << 10;

/// How many calls are in flight, and who is told of each.
#[derive(Clone, Default)]
pub struct Calls {
    shared: Arc<Shared>,
    observers: Observers,
    /// How long a whole request may take to come, if there is a limit.
    request_time: Option<Duration>,
}

#[derive(Default)]
struct Shared {
    in_flight: AtomicUsize,
    ended: Notify,
    cut_off: CancellationToken,
}

impl Calls {
    pub fn new(observers: Observers, request_time: Duration) -> Self {
        Self { shared: Arc::default(), observers, request_time: Some(request_time) }
    }

    /// Waits until no call is in flight.
    pub async fn idle(&self) {
        loop {
            let ended = self.shared.ended.notified();
            if self.shared.in_flight.load(Ordering::SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Answers UNAVAILABLE to the calls in flight and stops their queries.
    pub fn cut_off(&self) {
        self.shared.cut_off.cancel();
    }

    /// Begins a call, with what it may take or why there is nothing left for it.
    fn begin(&self, request: &Request<Body>) -> (InFlight, Result<(), Error>) {
        let call = Call::begin(&self.observers, request);
        let is_awaited = !call.method.is_health_watch();
        self.shared.in_flight.fetch_add(usize::from(is_awaited), Ordering::SeqCst);
        let peer = request.extensions().get::<Peer>();
        let (allowance, begun) = match peer.map(|peer| peer.begin_call(request.headers())).transpose() {
            Ok(allowance) => (allowance.map(Arc::new), Ok(())),
            Err(error) => (None, Err(error)),
        };
        (InFlight { shared: self.shared.clone(), call, is_awaited, allowance }, begun)
    }
}

/// One call in flight, until its answer has been sent or given up.
struct InFlight {
    shared: Arc<Shared>,
    call: Arc<Call>,
    is_awaited: bool,
    /// None for who is no peer, or was refused.
    allowance: Option<Arc<Allowance>>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.call.given_up()
            && let Some(allowance) = &self.allowance
        {
            allowance.given_up();
        }
        if self.is_awaited {
            self.shared.in_flight.fetch_sub(1, Ordering::SeqCst);
            self.shared.ended.notify_waiters();
        }
    }
}

impl<S> Layer<S> for Calls {
    type Service = CallService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallService { inner, calls: self.clone() }
    }
}

/// A service behind [`Calls`].
#[derive(Clone)]
pub struct CallService<S> {
    inner: S,
    calls: Calls,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S> Service<Request<Body>> for CallService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path().to_owned();
        let packed = Encoding::taken_from(request.headers_mut());
        let accepted = Encoding::accepted(request.headers());
        let encoding = unknown_encoding(request.headers());
        let (in_flight, begun) = self.calls.begin(&request);
        let call = in_flight.call.clone();
        let deadline = requested_timeout(request.headers()).map(|timeout| Instant::now() + timeout);
        let answer = match begun {
            Ok(()) => {
                let question = |body| {
                    let question = QuestionBody::new(body, &in_flight, self.calls.request_time);
                    let Some(encoding) = packed else { return Body::new(question) };
                    let is_stream = matches!(call.method.grpc_type, "client_stream" | "bidi_stream");
                    // Health and reflection are asked without a key, and in few words.
                    let most = if path.starts_with("/grpc.") { MOST_WITHOUT_A_KEY } else { super::MAX_REQUEST_BYTES };
                    Body::new(Unpacked::new(question, encoding, most, is_stream, in_flight.allowance.clone()))
                };
                self.inner.call(request.map(question)).left_future()
            }
            Err(error) => future::ready(Ok(Status::from(error).into_http())).right_future(),
        };
        let shared = self.calls.shared.clone();
        let method = call.method;
        Box::pin(call.clone().scope(async move {
            let answer = catalog_writes::told(call.made_version.clone(), answer);
            let answer = AssertUnwindSafe(bulkhead::of_method(&path, answer)).catch_unwind();
            let answer = async {
                match deadline {
                    None => Ok(answer.await),
                    Some(deadline) => timeout_at(deadline, deadline::scope(deadline, answer))
                        .await
                        .map_err(|_| Error::DeadlineExceeded.into()),
                }
            };
            let answer = tokio::select! {
                // First: the end of the database that follows is no answer.
                biased;
                () = shared.cut_off.cancelled() => Err(shutting_down()),
                answer = answer => answer,
            };
            let of_transport = |code| match (code, &encoding) {
                (Code::Unimplemented, _) if method.is_unknown() => method_unknown(&path),
                (Code::Unimplemented, Some(encoding)) => encoding_unsupported(encoding),
                _ => from_transport(code),
            };
            let mut response = match answer {
                // It is no gRPC, as its content-type says.
                Ok(Ok(Ok(response))) if response.status() != StatusCode::OK => {
                    let mut told = of_transport(Code::Internal).into_http();
                    *told.status_mut() = response.status();
                    told
                }
                Ok(Ok(Ok(response))) => match transport_error(response.headers()) {
                    Some(code) if !path.starts_with("/grpc.") || is_of_the_message(code) => {
                        of_transport(code).into_http()
                    }
                    _ => response,
                },
                Ok(Ok(Err(error))) => return Err(error),
                Ok(Err(_)) => Status::from(Error::internal(format!("the handler of {path} panicked"))).into_http(),
                Err(status) => status.into_http(),
            };
            // What failed before its first message has its status here.
            if response.headers().contains_key("grpc-status") {
                call.end(response.headers_mut());
            } else if let Some(encoding) = accepted {
                response.headers_mut().insert("grpc-encoding", encoding.header());
                response = response.map(|body| Body::new(Packed::new(body, encoding)));
            }
            Ok(response.map(|body| Body::new(AnswerBody::new(body, deadline, in_flight))))
        }))
    }
}

/// Whether a message that could not be read is meant; Health and reflection have other errors of their own.
fn is_of_the_message(code: Code) -> bool {
    matches!(code, Code::Internal | Code::OutOfRange)
}

/// How the request is compressed, if that is not understood.
fn unknown_encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = headers.get("grpc-encoding").filter(|encoding| *encoding != "identity")?;
    Some(String::from_utf8_lossy(encoding.as_bytes()).into_owned())
}

/// The code of an error that no handler made: ours always have details.
fn transport_error(headers: &HeaderMap) -> Option<Code> {
    let code = Code::from_bytes(headers.get("grpc-status")?.as_bytes());
    (code != Code::Ok && !headers.contains_key("grpc-status-details-bin")).then_some(code)
}

/// The caller's `grpc-timeout`, shortened a little: the transport answers it with CANCELLED, so ours must come first.
fn requested_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    let timeout = match unit {
        "H" => Duration::from_secs(amount.checked_mul(3600)?),
        "M" => Duration::from_secs(amount.checked_mul(60)?),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    };
    let margin = (timeout / 20).min(Duration::from_millis(20));
    // Far enough to mean none, near enough for a clock.
    Some((timeout - margin).min(Duration::from_secs(24 * 3600)))
}

#[cfg(test)]
mod tests;
