//! Compressed messages: requests are unpacked before the rest of the server sees them, answers packed behind it.
//!
//! It is done here and not by tonic, so that what a message becomes in memory counts with its peer, each one gives way to other
//! calls, and only answers are packed that are the sooner there for it.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::{GzEncoder, MultiGzDecoder};
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use zstd::stream::{raw, zio};
use zstd::zstd_safe::DParameter;

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
/// How much of a message is unpacked before others have their turn: little may become much, and much nothing at all.
const PIECE: usize = 16 << 10;
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

/// A message that is being unpacked.
struct Unpacking {
    packed: Bytes,
    unpacker: Unpacker,
}

enum Unpacker {
    Gzip(Box<MultiGzDecoder<Message>>),
    Zstd(Box<zio::Writer<Message, raw::Decoder<'static>>>),
}

impl Unpacking {
    fn begin(encoding: Encoding, packed: Bytes, most: usize) -> io::Result<Self> {
        let message = Message { bytes: vec![0; HEAD], most: HEAD + most };
        let unpacker = match encoding {
            Encoding::Gzip => Unpacker::Gzip(Box::new(MultiGzDecoder::new(message))),
            Encoding::Zstd => {
                let mut decoder = raw::Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW))?;
                Unpacker::Zstd(Box::new(zio::Writer::new(message, decoder)))
            }
        };
        Ok(Self { packed, unpacker })
    }

    /// Unpacks a piece of it, and the message if that was the last one.
    fn go_on(&mut self) -> io::Result<Option<Vec<u8>>> {
        let piece = self.packed.split_to(self.packed.len().min(PIECE));
        match &mut self.unpacker {
            Unpacker::Gzip(writer) => writer.write_all(&piece)?,
            Unpacker::Zstd(writer) => writer.write_all(&piece)?,
        }
        if !self.packed.is_empty() {
            return Ok(None);
        }
        match &mut self.unpacker {
            Unpacker::Gzip(writer) => writer.try_finish()?,
            Unpacker::Zstd(writer) => writer.finish()?,
        }
        Ok(Some(std::mem::take(&mut self.message().bytes)))
    }

    fn message(&mut self) -> &mut Message {
        match &mut self.unpacker {
            Unpacker::Gzip(writer) => writer.get_mut(),
            Unpacker::Zstd(writer) => writer.writer_mut(),
        }
    }
}

/// What a message becomes, behind its head, and no longer than it may be.
struct Message {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Message {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refused(error: &io::Error) -> Status {
    match error.kind() {
        io::ErrorKind::FileTooLarge => too_large(),
        _ => Status::internal(format!("the message cannot be unpacked: {error}")),
    }
}

fn too_large() -> Status {
    Status::out_of_range("unpacked, the message is too large")
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
    /// How long a message may be.
    most: usize,
    /// Whether more than one message may come.
    is_stream: bool,
    allowance: Option<Arc<Allowance>>,
    waiting: BytesMut,
    unpacking: Option<Unpacking>,
    /// The longest that one became, which counts.
    counted: usize,
    messages: usize,
    /// One was unpacked since others had their turn.
    is_at_work: bool,
    /// What cannot be understood goes on as it is, and is refused there.
    is_over: bool,
}

impl<B> Unpacked<B> {
    pub fn new(body: B, encoding: Encoding, most: usize, is_stream: bool, allowance: Option<Arc<Allowance>>) -> Self {
        Self {
            body,
            encoding,
            most,
            is_stream,
            allowance,
            waiting: BytesMut::new(),
            unpacking: None,
            counted: 0,
            messages: 0,
            is_at_work: false,
            is_over: false,
        }
    }

    /// The next message, if it is there whole; `Pending` where others are to go first.
    fn next(&mut self, context: &Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        if self.unpacking.is_some() {
            return self.unpack(context).map(Some);
        }
        let Some((flag, length)) = head(&self.waiting) else { return Poll::Ready(None) };
        // What cannot be made smaller is longer when it is packed: by an eighth, where each byte takes nine bits.
        if flag == 1 && length > self.most + self.most / 8 + 1024 {
            return Poll::Ready(Some(Err(too_large())));
        }
        if flag > 1 || flag == 0 && length > MAX_REQUEST_BYTES {
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
        let mut message = self.waiting.split_to(HEAD + length).freeze();
        if flag == 0 {
            return Poll::Ready(Some(Ok(message)));
        }
        message.advance(HEAD);
        match Unpacking::begin(self.encoding, message, self.most) {
            Ok(unpacking) => self.unpacking = Some(unpacking),
            Err(error) => return Poll::Ready(Some(Err(refused(&error)))),
        }
        self.unpack(context).map(Some)
    }

    /// Unpacks a piece of the message; `Pending` if there are more.
    fn unpack(&mut self, context: &Context<'_>) -> Poll<Result<Bytes, Status>> {
        let Some(mut unpacking) = self.unpacking.take() else { return Poll::Pending };
        let message = unpacking.go_on().map_err(|error| refused(&error))?;
        self.count(message.as_ref().unwrap_or(&unpacking.message().bytes).len())?;
        let Some(mut message) = message else {
            self.unpacking = Some(unpacking);
            context.waker().wake_by_ref();
            return Poll::Pending;
        };
        let length = u32::try_from(message.len() - HEAD).map_err(|_| too_large())?;
        message[1..HEAD].copy_from_slice(&length.to_be_bytes());
        self.is_at_work = true;
        Poll::Ready(Ok(message.into()))
    }

    /// A message is so long by now.
    fn count(&mut self, length: usize) -> Result<(), Status> {
        let more = length.saturating_sub(self.counted);
        self.counted += more;
        self.allowance.as_ref().map_or(Ok(()), |allowance| allowance.grow(more)).map_err(Status::from)
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
