//! Stopping a statement that nobody waits for any more: a client that disconnects or gives up drops its call, and
//! `connection.rs` then cancels what the connection still runs.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use lekalo_migrate::connect::hosts;

/// How long a host may take to hear of it: a silent standby must not hold the others up.
const LIMIT: Duration = Duration::from_secs(1);

/// Asks the server to stop what runs on a connection, and waits until it has heard. Which of several hosts the connection
/// leads to is not known; to the others the request means nothing.
pub(super) async fn cancel(config: &Config, token: &CancelToken, tls: &MakeRustlsConnect) {
    let requests = hosts(config).into_iter().map(|host| async move {
        // An error here means that the connection is gone, which whoever uses it finds out too.
        let _ = timeout(LIMIT, request(&host, token, tls.clone())).await;
    });
    join_all(requests).await;
}

async fn request(config: &Config, token: &CancelToken, tls: MakeRustlsConnect) -> anyhow::Result<()> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match (config.get_hostaddrs(), config.get_hosts()) {
        ([], [Host::Unix(folder)]) => {
            let stream = UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await?;
            send(stream, "", token, tls).await
        }
        ([address, ..], names) => {
            let name = names.iter().find_map(name).map_or_else(|| address.to_string(), str::to_owned);
            send(TcpStream::connect((*address, port)).await?, &name, token, tls).await
        }
        ([], names) => {
            let name = names.iter().find_map(name).unwrap_or("localhost");
            send(TcpStream::connect((name, port)).await?, name, token, tls).await
        }
    }
}

fn name(host: &Host) -> Option<&str> {
    match host {
        Host::Tcp(name) => Some(name),
        Host::Unix(_) => None,
    }
}

async fn send<S>(stream: S, name: &str, token: &CancelToken, mut tls: MakeRustlsConnect) -> anyhow::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let tls = MakeTlsConnect::<UntilClosed<S>>::make_tls_connect(&mut tls, name)?;
    Ok(token.cancel_query_raw(UntilClosed(stream), tls).await?)
}

/// A stream that is shut down by the other side: PgBouncer 1.18 ends, for everybody, where the one who cancels hangs up
/// first; PostgreSQL hangs up once it has signalled.
struct UntilClosed<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for UntilClosed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UntilClosed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut rest = [0; 64];
        loop {
            let mut buf = ReadBuf::new(&mut rest);
            let read = ready!(Pin::new(&mut self.0).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
