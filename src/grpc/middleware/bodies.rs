//! The bodies of a call: what comes is counted and has to come in time, what goes ends with the call.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::body::Body;
use tonic::{Code, Status};

use super::InFlight;
use crate::domain::Error;
use crate::grpc::MAX_REQUEST_BYTES;
use crate::grpc::call::Call;
use crate::grpc::peers::Allowance;
use crate::grpc::refusals::Refusal;

/// The body of a question: where it breaks off it has failed. tonic takes a caller's cancelling for the regular end of what
/// was sent, and half a file would be imported as if it were the whole.
///
/// It has to come to its end in time: that of an upload is the handler's to say, that of a dialogue begins anew with each message.
pub struct QuestionBody {
    body: Body,
    call: Arc<Call>,
    allowance: Option<Arc<Allowance>>,
    /// How much of it has been counted.
    counted: usize,
    time: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// A message at most is in memory of what is taken message by message, and no more than that is ever taken of others.
const MOST_IN_MEMORY: usize = MAX_REQUEST_BYTES;

impl QuestionBody {
    pub(super) fn new(body: Body, in_flight: &InFlight, time: Option<Duration>) -> Self {
        let (call, allowance) = (in_flight.call.clone(), in_flight.allowance.clone());
        let time = time.filter(|_| call.method.grpc_type != "client_stream");
        Self { body, call, allowance, counted: 0, time, sleep: None }
    }

    /// More of it has come.
    fn note(&mut self, bytes: usize) -> Result<(), Status> {
        self.call.received.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.call.method.grpc_type == "bidi_stream" {
            self.sleep = None;
        }
        let more = bytes.min(MOST_IN_MEMORY - self.counted);
        self.counted += more;
        self.allowance.as_ref().map_or(Ok(()), |allowance| allowance.grow(more)).map_err(Status::from)
    }

    /// Until it is late.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        let Some(time) = self.time else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + time)));
        ready!(sleep.as_mut().poll(context));
        if let Some(allowance) = &self.allowance {
            allowance.count(Refusal::Request);
        }
        Poll::Ready(Error::DeadlineExceeded.into())
    }

    /// There is no more of it.
    fn fail(&mut self, status: Status) -> Poll<Option<Result<Frame<bytes::Bytes>, Status>>> {
        self.body = Body::empty();
        Poll::Ready(Some(Err(status)))
    }
}

impl HttpBody for QuestionBody {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            let status = ready!(self.poll_late(context));
            return self.fail(status);
        };
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && let Err(status) = self.note(data.len())
        {
            return self.fail(status);
        }
        Poll::Ready(frame.map(|frame| {
            frame.map_err(|status| match status.code() {
                Code::Cancelled => Status::aborted("the request broke off"),
                _ => status,
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer: it ends at the deadline, and with it the call.
pub struct AnswerBody {
    body: Body,
    sleep: Option<Pin<Box<Sleep>>>,
    in_flight: InFlight,
}

impl AnswerBody {
    pub(super) fn new(body: Body, deadline: Option<Instant>, in_flight: InFlight) -> Self {
        let sleep = deadline.map(|deadline| Box::pin(sleep_until(deadline)));
        Self { body, sleep, in_flight }
    }

    /// A part of the answer on its way out: it counts until the transport has sent it.
    fn pass(&mut self, frame: Frame<bytes::Bytes>) -> Frame<bytes::Bytes> {
        let InFlight { call, allowance, .. } = &self.in_flight;
        match frame.into_data() {
            Ok(data) => {
                call.sent.fetch_add(data.len() as u64, Ordering::Relaxed);
                match allowance.as_ref().map_or(Ok(data.clone()), |allowance| allowance.answer(data)) {
                    Ok(data) => Frame::data(data),
                    Err(error) => self.end(error),
                }
            }
            Err(mut frame) => {
                if let Some(trailers) = frame.trailers_mut() {
                    call.end(trailers);
                }
                frame
            }
        }
    }

    /// Ends it here, with an error in its trailers.
    fn end(&mut self, error: Error) -> Frame<bytes::Bytes> {
        (self.sleep, self.body) = (None, Body::empty());
        let mut trailers = HeaderMap::new();
        // The status of such an error always fits into trailers.
        let _ = Status::from(error).add_header(&mut trailers);
        self.in_flight.call.end(&mut trailers);
        Frame::trailers(trailers)
    }
}

impl HttpBody for AnswerBody {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map(|frame| self.pass(frame))));
        }
        let Some(sleep) = self.sleep.as_mut() else { return Poll::Pending };
        if sleep.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(self.end(Error::DeadlineExceeded))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
