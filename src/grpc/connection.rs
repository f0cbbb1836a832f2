//! A connection as the server has it: plain or encrypted, in its peer's place, and ended when the server parts with that.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::peers::{Peer, Place};

/// What comes in and goes out over it.
pub struct Connection {
    stream: Either<TcpStream, Box<TlsStream<TcpStream>>>,
    place: Place,
    parted: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Until when it is not read from.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    pub fn plain(stream: TcpStream, place: Place) -> Self {
        Self::of(Either::Left(stream), place)
    }

    pub fn encrypted(stream: TlsStream<TcpStream>, place: Place) -> Self {
        Self::of(Either::Right(Box::new(stream)), place)
    }

    fn of(stream: Either<TcpStream, Box<TlsStream<TcpStream>>>, place: Place) -> Self {
        let parted = Box::pin(place.peer.parted().cancelled_owned());
        Self { stream, place, parted, pause: None }
    }

    /// An error once the server has parted with the peer, whatever the connection waits for.
    fn is_open(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.parted.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.place.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_open(context)?;
        if let Some(pause) = self.place.peer.pause() {
            self.pause = Some(Box::pin(sleep(pause)));
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.place.peer.received(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_open(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.is_open(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_open(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_open(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
