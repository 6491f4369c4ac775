//! Revocation lists (RFC 5280 §5).

use countersign_model::Timestamp;

/// A signed revocation list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crl {
    /// The list, DER.
    pub der: Vec<u8>,
    /// When it was made.
    pub this_update: Timestamp,
    /// When it stops being valid: publish the next one well before.
    pub next_update: Timestamp,
}

impl Crl {
    /// The list as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        todo!()
    }
}
