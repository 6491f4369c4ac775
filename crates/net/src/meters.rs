//! What is counted of a listener's connections.

use std::io;
use std::net::IpAddr;

use metrics::{Gauge, counter, gauge};

/// The handles of one listener.
#[derive(Clone, Debug)]
pub(crate) struct Meters {
    surface: &'static str,
    open: Gauge,
}

/// Why a connection was not served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotServed {
    /// Its address has enough.
    AddressLimit,
    /// The TLS handshake took too long.
    HandshakeTimedOut,
    /// The client's certificate is not believed.
    Certificate,
    /// The TLS handshake failed in any other way.
    Handshake,
}

impl NotServed {
    /// The reason in one word.
    const fn as_str(self) -> &'static str {
        match self {
            Self::AddressLimit => "address_limit",
            Self::HandshakeTimedOut => "handshake_timed_out",
            Self::Certificate => "client_certificate",
            Self::Handshake => "handshake",
        }
    }

    /// Why this handshake failed.
    pub(crate) fn of(error: &io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            Some(
                rustls::Error::InvalidCertificate(_)
                | rustls::Error::InvalidCertRevocationList(_)
                | rustls::Error::NoCertificatesPresented,
            ) => Self::Certificate,
            Some(_) | None if error.kind() == io::ErrorKind::TimedOut => Self::HandshakeTimedOut,
            Some(_) | None => Self::Handshake,
        }
    }
}

impl Meters {
    /// Install the recorder first: handles are made here, once.
    pub(crate) fn new(surface: &'static str) -> Self {
        Self { surface, open: gauge!("countersign_connections_open", "surface" => surface) }
    }

    pub(crate) fn opened(&self) {
        self.open.increment(1.0);
    }

    pub(crate) fn closed(&self) {
        self.open.decrement(1.0);
    }

    /// Counts a connection that is not served; tells the audit trail when it was refused for who it is.
    pub(crate) fn not_served(&self, why: NotServed, remote: IpAddr, error: Option<&io::Error>) {
        let (surface, reason) = (self.surface, why.as_str());
        counter!("countersign_connections_refused_total", "surface" => surface, "reason" => reason)
            .increment(1);
        let error = error.map(tracing::field::display);
        match why {
            NotServed::Certificate => {
                tracing::info!(target: "audit", event = "refused", reason, surface, client = %remote, error,
                    "connection refused");
            }
            NotServed::AddressLimit | NotServed::HandshakeTimedOut | NotServed::Handshake => {
                tracing::debug!(reason, surface, client = %remote, error, "connection not served");
            }
        }
    }
}
