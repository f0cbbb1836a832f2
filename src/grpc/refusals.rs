//! What peers were refused, and with whom the server parted.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// A connection: there are as many as may be.
    Connections,
    /// A connection: its TLS handshake failed or took too long.
    Handshake,
    /// A connection that said nothing, or asked nothing.
    Silence,
    /// A connection that did not take what it had asked for.
    Untaken,
    /// A call: there are as many as may be.
    Calls,
    /// A call: as many bytes are in memory as may be.
    Bytes,
    /// A call whose request did not come to its end.
    Request,
}

impl Refusal {
    const ALL: [Self; 7] =
        [Self::Connections, Self::Handshake, Self::Silence, Self::Untaken, Self::Calls, Self::Bytes, Self::Request];

    fn label(self) -> Reason {
        let reason = match self {
            Self::Connections => "connections",
            Self::Handshake => "handshake",
            Self::Silence => "silence",
            Self::Untaken => "untaken",
            Self::Calls => "calls",
            Self::Bytes => "bytes",
            Self::Request => "request",
        };
        Reason { reason }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// How many of each.
#[derive(Clone, Default)]
pub struct Refusals(Family<Reason, Counter>);

impl Refusals {
    /// What has not happened yet is 0, not nothing.
    pub fn register(&self, registry: &mut Registry) {
        for refusal in Refusal::ALL {
            _ = self.0.get_or_create(&refusal.label());
        }
        registry.register(
            "lekalo_refusals",
            "Connections and calls that were refused or ended for the others' sake",
            self.0.clone(),
        );
    }

    pub fn count(&self, refusal: Refusal) {
        self.0.get_or_create(&refusal.label()).inc();
    }
}
