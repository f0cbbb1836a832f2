//! The admin port: what operators and their tools look at, over plain HTTP, apart from what callers may reach.
//!
//! # The next page
//! A handler here and its line in `PAGES`. Nothing on them is a secret or about a person.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::{logs, metrics};

mod profile;

/// How many connections may be open; more wait.
const MAX_CONNECTIONS: usize = 64;
/// How long a peer may take for a request's headers, and for its body.
const READ: Duration = Duration::from_secs(5);
/// How long a connection may serve, and how long after that its last answer may take to leave: who reads nothing goes.
const LIFETIME: Duration = Duration::from_secs(120);
const LAST_ANSWER: Duration = Duration::from_secs(70);
/// The longest request body, which is a log filter.
const MAX_BODY: usize = 4096;
/// The pause after a connection could not be taken, which is for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

const PAGES: &str = "\
/metrics            metrics for Prometheus (OpenMetrics where it is asked for)
/livez              200 as long as the process answers
/readyz             200 while the database takes our work or bots are answered out of memory, else 503
/version            version of the program and of its schema, as JSON
/debug/config       the settings in force and where each comes from, without secrets
/debug/log          the log's filter; PUT one to change it: curl -X PUT -d info,lekalo=debug …/debug/log
/debug/profile      where the processor's time goes, as folded stacks: ?seconds=10
";

/// What the pages tell of.
pub struct Admin {
    pub registry: Registry,
    pub is_ready: Box<dyn Fn() -> bool + Send + Sync>,
    pub version: serde_json::Value,
    pub config: serde_json::Value,
}

/// Answers on `listener` until it is dropped.
pub async fn serve(listener: TcpListener, admin: Admin) -> Infallible {
    let router = router(admin);
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let permit = connections.clone().acquire_owned().await;
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            answer(stream, router).await;
            drop(permit);
        });
    }
}

/// Answers one connection.
async fn answer(stream: TcpStream, router: Router) {
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = pin!(serving);
    // What goes wrong with it is its peer's to know.
    if tokio::time::timeout(LIFETIME, serving.as_mut()).await.is_err() {
        serving.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(LAST_ANSWER, serving).await;
    }
}

fn router(admin: Admin) -> Router {
    Router::new()
        .route("/", get(PAGES))
        .route("/metrics", get(metrics_page))
        .route("/livez", get("ok\n"))
        .route("/readyz", get(readiness))
        .route("/version", get(async |State(admin): State<Arc<Admin>>| axum::Json(admin.version.clone())))
        .route("/debug/config", get(async |State(admin): State<Arc<Admin>>| axum::Json(admin.config.clone())))
        .route("/debug/log", get(async || logs::filter() + "\n").put(set_log))
        .route("/debug/profile", get(profile::page))
        .fallback(async || (StatusCode::NOT_FOUND, format!("there is no such page; these are:\n{PAGES}")))
        .with_state(Arc::new(admin))
}

async fn metrics_page(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    const OPEN: &str = "application/openmetrics-text";
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let (written, content_type) = if accepted.contains(OPEN) {
        (metrics::open_metrics(&admin.registry), "application/openmetrics-text; version=1.0.0; charset=utf-8")
    } else {
        (metrics::prometheus(&admin.registry), "text/plain; version=0.0.4; charset=utf-8")
    };
    match written {
        Ok(text) => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn readiness(State(admin): State<Arc<Admin>>) -> (StatusCode, &'static str) {
    if (admin.is_ready)() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready; the log says why, and so does `lekalo check`\n")
    }
}

async fn set_log(body: Body) -> (StatusCode, String) {
    let read = tokio::time::timeout(READ, axum::body::to_bytes(body, MAX_BODY)).await;
    let directives = match read {
        Ok(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(Err(_)) => return (StatusCode::PAYLOAD_TOO_LARGE, format!("a filter has at most {MAX_BODY} bytes\n")),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the filter did not come\n".to_owned()),
    };
    match logs::set_filter(directives.trim()) {
        Ok(()) => {
            tracing::info!(filter = directives.trim(), "the log's filter was changed");
            (StatusCode::OK, logs::filter() + "\n")
        }
        Err(error) => {
            let mut text = String::new();
            let _ = writeln!(text, "that is no filter: {error}; such as: info, debug, info,lekalo=debug");
            (StatusCode::BAD_REQUEST, text)
        }
    }
}
