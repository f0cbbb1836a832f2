//! Taking connections, also when none can be taken: for want of file descriptors that would fail at once, over and over.

use std::io;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt as _, stream};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tonic::transport::server::TcpIncoming;

use super::peers::{Peers, Place};

/// The pause after a connection could not be taken: those who wait for it wait in the system's queue.
const PAUSE: Duration = Duration::from_millis(100);
/// How often there is a line about it.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Connections as they come, for as long as the server runs.
pub(super) fn connections(listener: TcpListener, keepalive: Duration) -> impl Stream<Item = TcpStream> + Send {
    // The builder's socket options hold only for sockets it binds itself; without nodelay an answer waits 40 ms.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(keepalive));
    stream::unfold((incoming, None), |(mut incoming, mut told): (_, Option<Instant>)| async move {
        loop {
            let error = match incoming.next().await? {
                Ok(taken) => return Some((taken, (incoming, told))),
                Err(error) if is_of_peer(&error) => continue,
                Err(error) => error,
            };
            if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                told = Some(Instant::now());
                tracing::error!(%error, "{}", advice(&error));
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
}

/// Gives each connection its place; those for which there is none are told so, `in_plain` HTTP/2 if they speak that.
pub(super) fn admitted(
    incoming: impl Stream<Item = TcpStream> + Send,
    peers: Peers,
    in_plain: bool,
) -> impl Stream<Item = (TcpStream, Place)> + Send {
    incoming.filter_map(move |stream| {
        let admitted = match peers.admit(stream.peer_addr().ok()) {
            Some(place) => Some((stream, place)),
            None => {
                refuse(stream, in_plain);
                None
            }
        };
        std::future::ready(admitted)
    })
}

/// An empty SETTINGS, and a GOAWAY with ENHANCE_YOUR_CALM and these words.
const GOODBYE: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x1c\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo many connections";
/// How many may be said goodbye to at once, and for how long; the others are closed without a word.
static GOODBYES: Semaphore = Semaphore::const_new(256);
const GOODBYE_TIME: Duration = Duration::from_secs(1);

/// Closes a connection. What its peer has sent already is read, else the system would take back the words as well.
fn refuse(mut stream: TcpStream, in_plain: bool) {
    let Some(permit) = GOODBYES.try_acquire().ok().filter(|_| in_plain) else { return };
    tokio::spawn(tokio::time::timeout(GOODBYE_TIME, async move {
        let _permit = permit;
        stream.write_all(GOODBYE).await?;
        stream.shutdown().await?;
        let mut heard = [0; 512];
        while stream.read(&mut heard).await? > 0 {}
        io::Result::Ok(())
    }));
}

/// Whether only this one connection is concerned: its peer has gone before it was taken.
fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// What stands in the way of new connections, and what to do.
fn advice(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE) => {
            let most =
                getrlimit(Resource::RLIMIT_NOFILE).map_or_else(|_| "the".to_owned(), |(soft, _)| soft.to_string());
            format!(
                "new connections wait: all {most} files that this process may have open are; raise its hard limit \
                 (`ulimit -n`, LimitNOFILE= of systemd, --ulimit nofile= of docker)"
            )
        }
        Some(Errno::ENFILE) => {
            "new connections wait: the machine has as many files open as it may; raise fs.file-max (sysctl)".to_owned()
        }
        _ => "new connections wait: none can be taken".to_owned(),
    }
}
