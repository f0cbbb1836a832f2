//! Compressed messages: requests are unpacked before the rest of the server sees them, answers packed behind it.
//!
//! It is done here and not by tonic, so that what a message becomes in memory counts with its peer, each one gives way to other
//! calls, and only answers are packed that are the sooner there for it.

use std::io::{self, Read, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use super::MAX_REQUEST_BYTES;
use super::peers::Allowance;

/// How requests may be compressed, as `grpc-accept-encoding` says it.
pub const ENCODINGS: &str = "identity,gzip,zstd";
/// What goes before each message: whether it is compressed, and its length.
const HEAD: usize = 5;
/// Smaller answers are there within the first round trip as they are.
const WORTH_IT: usize = 14 << 10;
/// How far a zstd message may look back, as a power of two: what RFC 8878 asks of every reader.
const ZSTD_WINDOW: u32 = 23;
/// The quickest: answers are packed between other calls.
const LEVEL: u8 = 1;

/// A way to compress messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Gzip,
    Zstd,
}

impl Encoding {
    fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"gzip" => Some(Self::Gzip),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// How the messages of a request are compressed. From here on they are not, and its headers do not say so.
    pub fn taken_from(headers: &mut HeaderMap) -> Option<Self> {
        let encoding = Self::named(headers.get("grpc-encoding")?.as_bytes())?;
        headers.remove("grpc-encoding");
        Some(encoding)
    }

    /// How an answer may be compressed: the first that the client takes.
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let accepted = headers.get("grpc-accept-encoding")?.as_bytes();
        accepted.split(|byte| *byte == b',').find_map(|name| Self::named(name.trim_ascii()))
    }

    pub fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }

    /// The message behind its head, if it is no longer than a message may be.
    fn unpack(self, packed: &[u8]) -> Result<Vec<u8>, Status> {
        let most = MAX_REQUEST_BYTES as u64 + 1;
        let mut message = vec![0; HEAD];
        let unpacked = match self {
            Self::Gzip => GzDecoder::new(packed).take(most).read_to_end(&mut message),
            Self::Zstd => unzstd(packed).and_then(|reader| reader.take(most).read_to_end(&mut message)),
        };
        let length = unpacked.map_err(|error| Status::internal(format!("the message cannot be unpacked: {error}")))?;
        if length > MAX_REQUEST_BYTES {
            return Err(Status::out_of_range("unpacked, the message is too large"));
        }
        message[1..HEAD].copy_from_slice(&(length as u32).to_be_bytes());
        Ok(message)
    }

    /// The message packed, if that is smaller.
    fn pack(self, message: &[u8]) -> Option<Vec<u8>> {
        let packed = match self {
            Self::Gzip => {
                let mut writer = GzEncoder::new(Vec::new(), Compression::new(LEVEL.into()));
                writer.write_all(message).and_then(|()| writer.finish())
            }
            Self::Zstd => zstd::bulk::compress(message, LEVEL.into()),
        };
        packed.ok().filter(|packed| packed.len() < message.len())
    }
}

fn unzstd(packed: &[u8]) -> io::Result<impl Read> {
    let mut reader = zstd::stream::read::Decoder::with_buffer(packed)?;
    reader.window_log_max(ZSTD_WINDOW)?;
    Ok(reader)
}

/// Whether it is compressed, and how long it is.
fn head(bytes: &[u8]) -> Option<(u8, usize)> {
    let (flag, length) = bytes.split_first()?;
    let length = u32::from_be_bytes(*length.first_chunk()?);
    Some((*flag, usize::try_from(length).unwrap_or(usize::MAX)))
}

fn framed(flag: u8, message: &[u8], into: &mut BytesMut) {
    into.reserve(HEAD + message.len());
    into.put_u8(flag);
    into.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    into.put_slice(message);
}

/// The body of a request with its messages unpacked.
pub struct Unpacked<B> {
    body: B,
    encoding: Encoding,
    /// Whether more than one message may come.
    is_stream: bool,
    allowance: Option<Arc<Allowance>>,
    waiting: BytesMut,
    /// The longest that one became, which counts.
    counted: usize,
    messages: usize,
    /// One was unpacked since others had their turn.
    is_at_work: bool,
    /// What cannot be understood goes on as it is, and is refused there.
    is_over: bool,
}

impl<B> Unpacked<B> {
    pub fn new(body: B, encoding: Encoding, is_stream: bool, allowance: Option<Arc<Allowance>>) -> Self {
        let (waiting, counted, messages) = (BytesMut::new(), 0, 0);
        Self { body, encoding, is_stream, allowance, waiting, counted, messages, is_at_work: false, is_over: false }
    }

    /// The next message, if it is there whole; `Pending` where others are to go first.
    fn next(&mut self, context: &Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        let Some((flag, length)) = head(&self.waiting) else { return Poll::Ready(None) };
        if flag > 1 || length > MAX_REQUEST_BYTES {
            self.is_over = true;
            return Poll::Ready(Some(Ok(self.waiting.split().freeze())));
        }
        if self.waiting.len() < HEAD + length {
            return Poll::Ready(None);
        }
        if std::mem::take(&mut self.is_at_work) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.messages > 0 && !self.is_stream {
            return Poll::Ready(Some(Err(Status::internal("there is more than one message"))));
        }
        self.messages += 1;
        let mut message = self.waiting.split_to(HEAD + length);
        if flag == 0 {
            return Poll::Ready(Some(Ok(message.freeze())));
        }
        message.advance(HEAD);
        self.is_at_work = true;
        Poll::Ready(Some(self.unpack(&message)))
    }

    fn unpack(&mut self, packed: &[u8]) -> Result<Bytes, Status> {
        let message = self.encoding.unpack(packed)?;
        let more = message.len().saturating_sub(self.counted);
        self.counted += more;
        self.allowance.as_ref().map_or(Ok(()), |allowance| allowance.grow(more))?;
        Ok(message.into())
    }
}

impl<B: HttpBody<Data = Bytes, Error = Status> + Unpin> HttpBody for Unpacked<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if !self.is_over
                && let Some(message) = ready!(self.next(context))
            {
                return Poll::Ready(Some(message.map(Frame::data)));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if self.is_over => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Ok(data) => self.waiting.extend_from_slice(&data),
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                // It broke off within a message, which whoever reads it will notice.
                None if !self.waiting.is_empty() => {
                    self.is_over = true;
                    return Poll::Ready(Some(Ok(Frame::data(self.waiting.split().freeze()))));
                }
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_empty() && self.body.is_end_stream()
    }
}

/// The body of an answer with those of its messages packed for which it is worth it.
pub struct Packed {
    body: Body,
    encoding: Encoding,
}

impl Packed {
    pub fn new(body: Body, encoding: Encoding) -> Self {
        Self { body, encoding }
    }

    /// What tonic hands out at once, which are whole messages.
    fn pack(&self, data: Bytes) -> Bytes {
        if data.len() < WORTH_IT {
            return data;
        }
        let (mut rest, mut packed) = (&data[..], BytesMut::new());
        while let Some((flag, length)) = head(rest) {
            let Some(message) = rest.get(HEAD..HEAD.saturating_add(length)) else { return data };
            let smaller = (flag == 0 && length >= WORTH_IT).then(|| self.encoding.pack(message)).flatten();
            match smaller {
                Some(smaller) => framed(1, &smaller, &mut packed),
                None => framed(flag, message, &mut packed),
            }
            rest = &rest[HEAD + length..];
        }
        if rest.is_empty() { packed.freeze() } else { data }
    }
}

impl HttpBody for Packed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|data| self.pack(data)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests;
