use std::convert::Infallible;

use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::time::{sleep, timeout};
use tonic_types::StatusExt as _;
use tower::{ServiceExt as _, service_fn};

use super::*;
use crate::db::deadline::statement_timeout_ms;

const GET: &str = "/lekalo.v1.TenantService/GetTenant";
const SOON: Duration = Duration::from_secs(10);

fn request(path: &str, grpc_timeout: Option<&str>) -> Request<Body> {
    let mut request = Request::post(path);
    if let Some(value) = grpc_timeout {
        request = request.header("grpc-timeout", value);
    }
    request.body(Body::empty()).unwrap()
}

/// The answer of a handler that does this.
async fn answer<F>(calls: &Calls, request: Request<Body>, handler: impl Fn() -> F) -> Response<Body>
where
    F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
{
    let service = calls.layer(service_fn(move |_| handler()));
    timeout(SOON, service.oneshot(request)).await.expect("it does not end").unwrap()
}

/// A body of this many messages, one every 20 ms, then a good end.
fn messages(count: usize) -> Body {
    let frames = stream::unfold(0, move |sent| async move {
        if sent > count {
            return None;
        }
        sleep(Duration::from_millis(20)).await;
        let frame = if sent == count { Frame::trailers(ok()) } else { Frame::data(bytes::Bytes::from_static(b"x")) };
        Some((Ok::<_, Status>(frame), sent + 1))
    });
    Body::new(StreamBody::new(Box::pin(frames)))
}

fn ok() -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), http::HeaderValue::from_static("0"))])
}

/// How many messages came, and the status, which stands in the trailers or at once in the head.
async fn read(response: Response<Body>) -> (usize, Status) {
    let (head, body) = response.into_parts();
    let collected = timeout(SOON, body.collect()).await.expect("the body does not end").unwrap();
    let trailers = collected.trailers().cloned();
    let status = Status::from_header_map(&trailers.unwrap_or(head.headers)).expect("there is no status");
    (collected.to_bytes().len(), status)
}

fn describe(status: &Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default())
}

fn in_flight(calls: &Calls) -> usize {
    calls.shared.in_flight.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_panic_is_an_internal_error_with_an_id_and_the_call_is_over() {
    let calls = Calls::default();
    for grpc_timeout in [None, Some("10S")] {
        let response = answer(&calls, request(GET, grpc_timeout), || async { panic!("a secret") }).await;
        let (_, status) = read(response).await;
        assert_eq!(describe(&status), (Code::Internal, "INTERNAL".into()));
        let details = status.get_error_details();
        assert!(!details.error_info().unwrap().metadata["error_id"].is_empty());
        assert!(!format!("{status:?}").contains("secret"), "{status:?}");
        assert_eq!(in_flight(&calls), 0);
    }
    timeout(SOON, calls.idle()).await.unwrap();
}

#[tokio::test]
async fn a_call_is_in_flight_until_its_body_has_been_sent_or_given_up() {
    let calls = Calls::default();
    let response = answer(&calls, request(GET, None), || async { Ok(Response::new(messages(2))) }).await;
    assert_eq!(in_flight(&calls), 1);
    let idle = tokio::spawn({
        let calls = calls.clone();
        async move { calls.idle().await }
    });
    let (count, status) = read(response).await;
    assert_eq!((count, status.code()), (2, Code::Ok));
    assert_eq!(in_flight(&calls), 0);
    timeout(SOON, idle).await.expect("nobody says that the last call is over").unwrap();

    // Given up while the handler works, and while the body is on its way.
    let pending = calls.layer(service_fn(|_| std::future::pending::<Result<Response<Body>, Infallible>>()));
    assert!(timeout(Duration::from_millis(20), pending.oneshot(request(GET, None))).await.is_err());
    assert_eq!(in_flight(&calls), 0);
    drop(answer(&calls, request(GET, None), || async { Ok(Response::new(messages(2))) }).await);
    assert_eq!(in_flight(&calls), 0);

    // Health watches last for ever: nobody waits for one, but for every other call, of whatever service.
    for (path, counts) in
        [("/grpc.health.v1.Health/Watch", 0), ("/grpc.health.v1.Health/Check", 1), ("/lekalo.v1.X/Watch", 1)]
    {
        let _response = answer(&calls, request(path, None), || async { Ok(Response::new(messages(1))) }).await;
        assert_eq!(in_flight(&calls), counts, "{path}");
    }
}

#[tokio::test]
async fn a_deadline_ends_the_handler_and_the_body_and_queries_know_it() {
    let calls = Calls::default();
    let response = answer(&calls, request(GET, Some("100m")), std::future::pending).await;
    assert_eq!(describe(&read(response).await.1), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into()));

    // A stream that never ends: idle, and with messages all the time.
    for (body, least) in [(None, 0), (Some(10_000), 2)] {
        let response = answer(&calls, request(GET, Some("300m")), move || async move {
            Ok(Response::new(body.map_or_else(
                || Body::new(StreamBody::new(stream::pending::<Result<Frame<bytes::Bytes>, Status>>())),
                messages,
            )))
        })
        .await;
        let began = Instant::now();
        let (count, status) = read(response).await;
        assert_eq!(describe(&status), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into()));
        assert!(count >= least && began.elapsed() < Duration::from_secs(5), "{count} in {:?}", began.elapsed());
        assert_eq!(in_flight(&calls), 0);
    }

    // What ends in time is not touched, and a query gets what is left.
    let left = |response: Response<Body>| response.headers()["left"].to_str().unwrap().parse::<u64>().unwrap();
    let tells = || async {
        let ms = statement_timeout_ms(Duration::from_secs(30)).to_string();
        Ok(Response::builder().header("left", ms).body(messages(1)).unwrap())
    };
    let ms = left(answer(&calls, request(GET, Some("5S")), tells).await);
    assert!((3_000..=4_980).contains(&ms), "{ms}");
    assert_eq!(left(answer(&calls, request(GET, Some("1H")), tells).await), 30_000);
    assert_eq!(left(answer(&calls, request(GET, None), tells).await), 30_000);
    let (count, status) = read(answer(&calls, request(GET, Some("5S")), tells).await).await;
    assert_eq!((count, status.code()), (1, Code::Ok));
}

#[tokio::test]
async fn whoever_is_cut_off_is_told_that_the_server_stops() {
    for grpc_timeout in [None, Some("1H")] {
        let calls = Calls::default();
        let waiting = answer(&calls, request(GET, grpc_timeout), std::future::pending);
        let cut = async {
            sleep(Duration::from_millis(20)).await;
            assert_eq!(in_flight(&calls), 1);
            calls.cut_off();
        };
        let (response, ()) = tokio::join!(waiting, cut);
        let (_, status) = read(response).await;
        assert_eq!(describe(&status), (Code::Unavailable, "SHUTTING_DOWN".into()));
        assert!(status.get_error_details().retry_info().unwrap().retry_delay.is_some());
        assert_eq!(in_flight(&calls), 0);
        // One that comes even later is told the same.
        let late = answer(&calls, request(GET, None), std::future::pending).await;
        assert_eq!(describe(&read(late).await.1), (Code::Unavailable, "SHUTTING_DOWN".into()));
    }
}

#[tokio::test]
async fn an_error_of_the_transport_gets_details_and_one_of_ours_stays_as_it_is() {
    let calls = Calls::default();
    let with = async |path: &str, status: Status| {
        let handler = move || {
            let status = status.clone();
            async move { Ok(status.into_http()) }
        };
        read(answer(&calls, request(path, None), handler).await).await.1
    };
    for (code, reason, becomes) in [
        (Code::Unimplemented, "UNIMPLEMENTED", Code::Unimplemented),
        (Code::Internal, "MESSAGE_INVALID", Code::InvalidArgument),
        (Code::OutOfRange, "FIELD_TOO_LONG", Code::InvalidArgument),
        (Code::Cancelled, "TRANSPORT", Code::Cancelled),
    ] {
        let status = with(GET, Status::new(code, "h2 said so")).await;
        assert_eq!(describe(&status), (becomes, reason.into()));
        assert!(!status.message().contains("h2"), "{status:?}");
        let of_others = with("/grpc.health.v1.Health/Check", Status::new(code, "theirs")).await;
        if becomes == Code::InvalidArgument {
            assert_eq!(describe(&of_others), (becomes, reason.into()));
        } else {
            assert_eq!((of_others.code(), of_others.message()), (code, "theirs"));
        }
    }
    let ours = with(GET, Error::internal("x").into()).await;
    assert_eq!(describe(&ours), (Code::Internal, "INTERNAL".into()));
}

#[test]
fn timeouts_are_read_as_the_protocol_writes_them() {
    let read = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", value.parse().unwrap());
        requested_timeout(&headers)
    };
    // A twentieth earlier, 20 ms at most: the answer must be there before the caller's own clock.
    for (value, timeout) in [
        ("100m", Duration::from_millis(95)),
        ("400m", Duration::from_millis(380)),
        ("1S", Duration::from_millis(980)),
        ("2M", Duration::from_millis(119_980)),
        ("1H", Duration::from_millis(3_599_980)),
        ("200u", Duration::from_micros(190)),
        ("200n", Duration::from_nanos(190)),
        ("0S", Duration::ZERO),
        ("99999999m", Duration::from_secs(24 * 3600)),
        ("99999999H", Duration::from_secs(24 * 3600)),
    ] {
        assert_eq!(read(value), Some(timeout), "{value}");
    }
    for wrong in ["", "S", "1", "123456789S", "1x", "-1S", "é", "1s", "1.5S", " 1S"] {
        assert_eq!(read(wrong), None, "{wrong:?}");
    }
    assert_eq!(requested_timeout(&HeaderMap::new()), None);
}
