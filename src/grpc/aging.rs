//! How old connections and streams may become. A client keeps its connection, so after a rollout all of them would stay with the
//! servers that came first; a connection that has its age is said goodbye to, and the client's next call opens another one.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};

use super::connection::Connection;

/// A tenth more or less, so that clients that came at once do not go at once. A server of tonic has one age for all its
/// connections: there is one for each of these.
const SHARES: [f64; 11] = [0.90, 0.92, 0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08, 1.10];

/// The ages that connections may reach, if they grow old at all.
pub fn ages(age: Option<Duration>) -> Vec<Option<Duration>> {
    match age {
        None => vec![None],
        Some(age) => SHARES.iter().map(|share| Some(age.mul_f64(*share))).collect(),
    }
}

/// How long a stream may go on; longer than the connection that it came with, so that whoever comes again finds a new one.
pub fn of_stream(age: Duration) -> Duration {
    age.mul_f64(1.2 + fastrand::f64() / 10.0)
}

/// What a server is given to serve.
pub type Connections = ReceiverStream<io::Result<Connection>>;

/// Hands each connection to one of the servers, by chance.
pub struct Dispatcher(Vec<mpsc::Sender<io::Result<Connection>>>);

impl Dispatcher {
    /// For so many servers, each with what comes to it.
    pub fn new(servers: usize) -> (Self, Vec<Connections>) {
        let (senders, receivers) = (0..servers).map(|_| mpsc::channel(1)).unzip::<_, _, Vec<_>, Vec<_>>();
        (Self(senders), receivers.into_iter().map(ReceiverStream::new).collect())
    }

    /// Until the listener fails.
    pub async fn accept(self, incoming: impl Stream<Item = Connection> + Send) {
        let mut incoming = pin!(incoming);
        while let Some(connection) = incoming.next().await {
            // One that has ended serves nobody; all end at once.
            let _ = self.0[fastrand::usize(..self.0.len())].send(Ok(connection)).await;
        }
    }
}
