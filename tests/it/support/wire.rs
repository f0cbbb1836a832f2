//! A client that does what no library does: it keeps no time of its own, reads when it likes, sends what is no message, and
//! vanishes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::RecvStream;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::HeaderMap;
use prost::Message;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::Status;

/// What a loaded machine may need for an answer.
const PATIENCE: Duration = Duration::from_secs(90);

/// One HTTP/2 connection.
pub struct Wire {
    addr: SocketAddr,
    pub client: SendRequest<Bytes>,
    connection: JoinHandle<()>,
    frozen: Arc<AtomicBool>,
}

impl Wire {
    pub async fn connect(addr: SocketAddr) -> Self {
        Self::with(addr, &h2::client::Builder::new()).await
    }

    /// With these windows.
    pub async fn with(addr: SocketAddr, settings: &h2::client::Builder) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        let (client, connection) = settings.handshake(stream).await.unwrap();
        let frozen = Arc::<AtomicBool>::default();
        let (stop, mut connection) = (frozen.clone(), Box::pin(connection));
        let connection = tokio::spawn(std::future::poll_fn(move |context| {
            if stop.load(Ordering::SeqCst) { Poll::Pending } else { connection.as_mut().poll(context).map(|_| ()) }
        }));
        Self { addr, client, connection, frozen }
    }

    /// Begins a call; further headers as the gRPC protocol has them.
    pub async fn begin(&self, path: &str, headers: &[(&str, &str)]) -> Call {
        let mut head = http::Request::post(format!("http://{}{path}", self.addr)).header("te", "trailers");
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            head = head.header("content-type", "application/grpc");
        }
        for (name, value) in headers {
            head = head.header(*name, *value);
        }
        let mut client = timeout(PATIENCE, self.client.clone().ready()).await.unwrap().unwrap();
        let (answer, body) = client.send_request(head.body(()).unwrap(), false).unwrap();
        Call { path: path.to_owned(), answer, body: Some(body) }
    }

    /// A call of these messages with no more to come.
    pub async fn send(&self, path: &str, messages: &[Bytes], headers: &[(&str, &str)]) -> Call {
        let mut call = self.begin(path, headers).await;
        for message in messages {
            call.message(message);
        }
        call.bytes(Bytes::new(), true);
        call
    }

    /// Neither reads nor writes any more, but keeps the connection open.
    pub fn freeze(&self) {
        self.frozen.store(true, Ordering::SeqCst);
    }

    /// Closes the connection without a word.
    pub fn vanish(self) {
        self.connection.abort();
    }
}

/// A message as it travels.
pub fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.extend_from_slice(message);
    frame.freeze()
}

/// One call.
pub struct Call {
    path: String,
    answer: ResponseFuture,
    /// None once somebody else sends.
    body: Option<SendStream<Bytes>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Answer {
    pub status: Status,
    pub messages: Vec<Bytes>,
    /// How its messages are compressed, as its headers say; empty where they do not.
    pub encoding: String,
}

impl Call {
    pub fn message(&mut self, message: &[u8]) {
        self.bytes(framed(message), false);
    }

    /// These bytes, whatever they are.
    pub fn bytes(&mut self, bytes: Bytes, last: bool) {
        // The server may have answered, and then takes no more.
        let _ = self.body.as_mut().unwrap().send_data(bytes, last);
    }

    /// Sends this message again and again.
    pub fn trickle(&mut self, message: Bytes, every: Duration) -> JoinHandle<()> {
        let mut body = self.body.take().unwrap();
        tokio::spawn(async move {
            while body.send_data(framed(&message), false).is_ok() {
                tokio::time::sleep(every).await;
            }
        })
    }

    /// Gives the call up, and tells the server so.
    pub fn reset(mut self) {
        self.body.as_mut().unwrap().send_reset(Reason::CANCEL);
    }

    /// The answer's beginning.
    pub async fn begun(self) -> Result<Begun, h2::Error> {
        let answer = timeout(PATIENCE, self.answer).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer came to {}", self.path));
        let (head, body) = answer?.into_parts();
        Ok(Begun { head, body, sending: self.body, rest: BytesMut::new() })
    }

    /// The whole answer.
    pub async fn answer(self) -> Result<Answer, h2::Error> {
        self.begun().await?.answer().await
    }
}

/// An answer on its way.
pub struct Begun {
    head: http::response::Parts,
    body: RecvStream,
    /// Dropped, it would end the call.
    sending: Option<SendStream<Bytes>>,
    rest: BytesMut,
}

impl Begun {
    /// Whether that is all: an error before the first message.
    pub fn is_over(&self) -> bool {
        self.head.headers.contains_key("grpc-status")
    }

    /// The next message; none at the end.
    pub async fn message(&mut self) -> Result<Option<Bytes>, h2::Error> {
        loop {
            if self.rest.len() >= 5 {
                let length = u32::from_be_bytes(self.rest[1..5].try_into().unwrap()) as usize;
                if self.rest.len() >= 5 + length {
                    return Ok(Some(self.rest.split_to(5 + length).freeze().slice(5..)));
                }
            }
            let Some(data) = timeout(PATIENCE, self.body.data()).await.expect("nothing more came") else {
                return Ok(None);
            };
            let data = data?;
            self.body.flow_control().release_capacity(data.len())?;
            self.rest.extend_from_slice(&data);
        }
    }

    /// What comes until the end.
    pub async fn answer(mut self) -> Result<Answer, h2::Error> {
        let mut messages = Vec::new();
        while let Some(message) = self.message().await? {
            messages.push(message);
        }
        let trailers: Option<HeaderMap> = timeout(PATIENCE, self.body.trailers()).await.expect("no trailers came")?;
        drop(self.sending);
        let encoding = self.head.headers.get("grpc-encoding").map(|name| name.to_str().unwrap().to_owned());
        let status = Status::from_header_map(&trailers.unwrap_or(self.head.headers));
        let status = status.unwrap_or_else(|| Status::unknown("there was no grpc-status"));
        Ok(Answer { status, messages, encoding: encoding.unwrap_or_default() })
    }
}

/// A message's bytes.
pub fn encoded(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}
