//! What peers may take of the server, so that it stays well whatever one of them does: connections, calls and bytes under way
//! are counted, of each connection and of all; with whoever is silent or takes no answer, it parts.
//!
//! Calls and bytes are shared by one rule: a connection may have as much as is still free, and a little in any case. One alone
//! gets half, ten get an eleventh each, and there is always something left for who comes next.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use prometheus_client::registry::Registry;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Patience;
use super::refusals::{Refusal, Refusals};
use crate::domain::Error;
use crate::metrics::read_gauge;

/// How often it is looked whom to part with.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What HTTP/2 begins with.
const PREFACE: u64 = 24;
/// What a call takes beside its headers before it has said or been told anything.
const CALL_BYTES: usize = 8 << 10;
/// What a connection may have in any case.
const OWN_CALLS: usize = 4;
const OWN_BYTES: usize = 64 << 10;
/// So many calls may be given up between two reads of a connection; each one more holds the next read up for so long.
const GIVEN_UP: u32 = 32;
const GIVEN_UP_COSTS: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// When who was refused may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What all peers together may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub connections: usize,
    /// Calls under way.
    pub calls: usize,
    /// Bytes of questions and answers in memory.
    pub bytes: usize,
}

impl Limits {
    /// For a process that is to stay below so many bytes: an eighth is for what peers send and do not take. The rest is for
    /// what is made of it, for the program itself, and for what the allocator does not give back.
    pub fn within(memory: u64, connections: usize) -> Self {
        Self { connections, calls: 1024, bytes: usize::try_from(memory / 8).unwrap_or(usize::MAX) }
    }
}

impl Default for Limits {
    /// 1000 connections, 512 MiB.
    fn default() -> Self {
        Self::within(512 << 20, 1000)
    }
}

/// Something of which there is only so much for all.
struct Share {
    limit: usize,
    /// What each may have in any case.
    least: usize,
    taken: AtomicUsize,
}

impl Share {
    fn new(limit: usize, least: usize) -> Self {
        Self { limit, least, taken: AtomicUsize::new(0) }
    }

    /// Takes an amount for one who has `own` already, unless that would be more than is free.
    fn take(&self, own: &AtomicUsize, amount: usize) -> bool {
        let wanted = own.load(Ordering::Relaxed).saturating_add(amount);
        // Nobody sees what is not taken in the end.
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |all| {
            let is_fair = wanted <= self.least || wanted <= self.limit.saturating_sub(all);
            is_fair.then(|| all.saturating_add(amount))
        });
        if taken.is_ok() {
            own.fetch_add(amount, Ordering::Relaxed);
        }
        taken.is_ok()
    }

    fn give_back(&self, own: &AtomicUsize, amount: usize) {
        own.fetch_sub(amount, Ordering::Relaxed);
        self.taken.fetch_sub(amount, Ordering::Relaxed);
    }
}

/// All peers of a server.
#[derive(Clone)]
pub struct Peers(Arc<Shared>);

struct Shared {
    limit: usize,
    calls: Share,
    bytes: Share,
    refusals: Refusals,
    /// Those who are connected, by their number.
    connected: Mutex<HashMap<u64, Peer>>,
    next: AtomicU64,
}

impl Peers {
    pub fn new(limits: &Limits) -> Self {
        Self(Arc::new(Shared {
            limit: limits.connections,
            calls: Share::new(limits.calls, OWN_CALLS),
            bytes: Share::new(limits.bytes, OWN_BYTES),
            refusals: Refusals::default(),
            connected: Mutex::default(),
            next: AtomicU64::new(0),
        }))
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        self.0.refusals.register(registry);
        let peers = self.clone();
        read_gauge(registry, "lekalo_connections", "Connections to the gRPC port", move || {
            peers.connected().len() as f64
        });
        let peers = self.clone();
        read_gauge(
            registry,
            "lekalo_pending_bytes",
            "Bytes of requests that are not answered and of answers that are not taken",
            move || peers.0.bytes.taken.load(Ordering::Relaxed) as f64,
        );
    }

    pub fn count(&self, refusal: Refusal) {
        self.0.refusals.count(refusal);
    }

    /// A place for a connection that has come; none where there are as many as may be.
    pub fn admit(&self, addr: Option<SocketAddr>) -> Option<Place> {
        let mut connected = self.connected();
        if connected.len() >= self.0.limit {
            drop(connected);
            self.count(Refusal::Connections);
            return None;
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let peer = Peer(Arc::new(Connected {
            addr,
            since: Instant::now(),
            peers: self.clone(),
            received: AtomicU64::new(0),
            has_asked: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            given_up: AtomicU32::new(0),
            untaken: Mutex::default(),
            parted: CancellationToken::new(),
        }));
        connected.insert(number, peer.clone());
        Some(Place { number, peer })
    }

    /// Parts with those who are silent or take no answer, for as long as it is polled.
    pub async fn watch(&self, patience: &Patience) {
        loop {
            sleep(LOOK_EVERY).await;
            let peers: Vec<Peer> = self.connected().values().cloned().collect();
            for peer in peers {
                if let Some(refusal) = peer.is_overdue(patience) {
                    peer.part(refusal);
                }
            }
        }
    }

    fn connected(&self) -> MutexGuard<'_, HashMap<u64, Peer>> {
        self.0.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place among all, until it is dropped.
pub struct Place {
    number: u64,
    pub peer: Peer,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.peer.0.peers.connected().remove(&self.number);
    }
}

/// Who is on the other side of a connection; each of its calls has it.
#[derive(Clone)]
pub struct Peer(Arc<Connected>);

struct Connected {
    addr: Option<SocketAddr>,
    since: Instant,
    peers: Peers,
    /// Bytes that came, whatever they are.
    received: AtomicU64,
    has_asked: AtomicBool,
    calls: AtomicUsize,
    bytes: AtomicUsize,
    /// Calls that it gave up since it was last read from.
    given_up: AtomicU32,
    /// Since when messages wait to be taken, in the order in which they do.
    untaken: Mutex<BTreeSet<(Instant, u64)>>,
    parted: CancellationToken,
}

impl Peer {
    pub fn addr(&self) -> Option<SocketAddr> {
        self.0.addr
    }

    /// Resolves once the connection is to end.
    pub fn parted(&self) -> CancellationToken {
        self.0.parted.clone()
    }

    pub fn received(&self, bytes: usize) {
        self.0.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// How long it is not to be read from: who gives up one call after the other keeps the server from the others' work.
    pub fn pause(&self) -> Option<Duration> {
        let given_up = self.0.given_up.swap(0, Ordering::Relaxed);
        let beyond = given_up.checked_sub(GIVEN_UP).filter(|beyond| *beyond > 0)?;
        Some((GIVEN_UP_COSTS * beyond).min(LONGEST_PAUSE))
    }

    fn part(&self, refusal: Refusal) {
        if !self.0.parted.is_cancelled() {
            self.0.peers.count(refusal);
            tracing::debug!(peer = ?self.0.addr, ?refusal, "a connection was ended");
            self.0.parted.cancel();
        }
    }

    fn is_overdue(&self, patience: &Patience) -> Option<Refusal> {
        let age = self.0.since.elapsed();
        let is_silent = age > patience.preface && self.0.received.load(Ordering::Relaxed) < PREFACE
            || age > patience.first_call && !self.0.has_asked.load(Ordering::Relaxed);
        if is_silent {
            return Some(Refusal::Silence);
        }
        let oldest = self.untaken().first().map(|(since, _)| *since);
        oldest.filter(|since| since.elapsed() > patience.answer).map(|_| Refusal::Untaken)
    }

    fn untaken(&self) -> MutexGuard<'_, BTreeSet<(Instant, u64)>> {
        self.0.untaken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call.
    ///
    /// # Errors
    /// `ResourceExhausted` where the connection has its share of what there is.
    pub fn begin_call(&self, headers: &HeaderMap) -> Result<Allowance, Error> {
        self.0.has_asked.store(true, Ordering::Relaxed);
        if !self.0.peers.0.calls.take(&self.0.calls, 1) {
            self.0.peers.count(Refusal::Calls);
            return Err(overloaded("as many calls are under way as may be"));
        }
        let call = Allowance { peer: self.clone(), bytes: AtomicUsize::new(0) };
        let headers: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        call.grow(CALL_BYTES + headers)?;
        Ok(call)
    }

    fn take_bytes(&self, bytes: usize) -> Result<(), Error> {
        if self.0.peers.0.bytes.take(&self.0.bytes, bytes) {
            return Ok(());
        }
        self.0.peers.count(Refusal::Bytes);
        Err(overloaded("as much waits to be read and taken as may be"))
    }
}

fn overloaded(what: &str) -> Error {
    let message = format!("{what}; try again, and take the answers that are there");
    Error::ResourceExhausted { reason: "OVERLOADED", message, retry_after: RETRY_AFTER }
}

/// What a call has of what there is, until it is dropped.
pub struct Allowance {
    peer: Peer,
    bytes: AtomicUsize,
}

impl Allowance {
    /// More of its question is in memory.
    ///
    /// # Errors
    /// As [`Peer::begin_call`].
    pub fn grow(&self, bytes: usize) -> Result<(), Error> {
        self.peer.take_bytes(bytes)?;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    pub fn count(&self, refusal: Refusal) {
        self.peer.0.peers.count(refusal);
    }

    /// Its caller has given it up.
    pub fn given_up(&self) {
        self.peer.0.given_up.fetch_add(1, Ordering::Relaxed);
    }

    /// A part of its answer, which counts until the transport has sent it, wherever it waits until then.
    ///
    /// # Errors
    /// As [`Peer::begin_call`].
    pub fn answer(&self, bytes: Bytes) -> Result<Bytes, Error> {
        self.peer.take_bytes(bytes.len())?;
        let number = self.peer.0.peers.0.next.fetch_add(1, Ordering::Relaxed);
        let waits = (Instant::now(), number);
        self.peer.untaken().insert(waits);
        Ok(Bytes::from_owner(Untaken { bytes, waits, peer: self.peer.clone() }))
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        let Peer(connected) = &self.peer;
        connected.peers.0.calls.give_back(&connected.calls, 1);
        connected.peers.0.bytes.give_back(&connected.bytes, self.bytes.load(Ordering::Relaxed));
    }
}

/// A part of an answer on its way.
struct Untaken {
    bytes: Bytes,
    waits: (Instant, u64),
    peer: Peer,
}

impl AsRef<[u8]> for Untaken {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        let Peer(connected) = &self.peer;
        connected.peers.0.bytes.give_back(&connected.bytes, self.bytes.len());
        self.peer.untaken().remove(&self.waits);
    }
}
