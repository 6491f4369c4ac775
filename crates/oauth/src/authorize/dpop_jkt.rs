//! `dpop_jkt` (RFC 9449 §10): the key that the code is bound to, named before it is given out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_access::Confirmation;

use crate::{Error, Parameters};

/// A JWK thumbprint: SHA-256 in base64url (RFC 7638).
pub(super) fn thumbprint(sent: &Parameters<'_>) -> Result<Option<Confirmation>, Error> {
    let read = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Confirmation::Key).ok_or(Error::Invalid("dpop_jkt"))
    };
    sent.one("dpop_jkt").map(read).transpose()
}
