//! TLS handshakes, beside one another and beside taking connections: a peer that says nothing holds nobody up.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::connection::Connection;
use super::peers::{Peers, Place};
use super::refusals::Refusal;
use crate::tls_server::Certificates;

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many may be under way; where there are more, the oldest ends, which is the likeliest to be of no use.
const AT_ONCE: usize = 256;

/// Those that are under way.
struct Handshakes {
    peers: Peers,
    certificates: Arc<Certificates>,
    under_way: JoinSet<Option<Connection>>,
    /// The same in the order in which they began.
    order: VecDeque<AbortHandle>,
}

/// Connections once they are encrypted.
pub(super) fn encrypted(
    incoming: impl Stream<Item = (TcpStream, Place)> + Send,
    peers: Peers,
    certificates: Arc<Certificates>,
) -> impl Stream<Item = Connection> + Send {
    let handshakes = Handshakes { peers, certificates, under_way: JoinSet::new(), order: VecDeque::new() };
    stream::unfold((Box::pin(incoming), handshakes), async |(mut incoming, mut handshakes)| {
        let connection = handshakes.next(incoming.as_mut()).await?;
        Some((connection, (incoming, handshakes)))
    })
}

impl Handshakes {
    async fn next(&mut self, mut incoming: Pin<&mut impl Stream<Item = (TcpStream, Place)>>) -> Option<Connection> {
        loop {
            tokio::select! {
                taken = incoming.next() => {
                    let (stream, place) = taken?;
                    self.begin(stream, place);
                }
                Some(ended) = self.under_way.join_next() => {
                    match ended {
                        Ok(Some(connection)) => return Some(connection),
                        _ => self.peers.count(Refusal::Handshake),
                    }
                }
            }
        }
    }

    fn begin(&mut self, stream: TcpStream, place: Place) {
        self.order.retain(|handshake| !handshake.is_finished());
        if self.order.len() >= AT_ONCE
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        let certificates = self.certificates.clone();
        self.order.push_back(self.under_way.spawn(async move {
            let peer = place.peer.addr();
            match timeout(PATIENCE, certificates.accept(stream)).await {
                Ok(Ok(stream)) => return Some(Connection::encrypted(stream, place)),
                Ok(Err(error)) => tracing::debug!(?peer, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(?peer, "a TLS handshake took longer than {PATIENCE:?}"),
            }
            None
        }));
    }
}
