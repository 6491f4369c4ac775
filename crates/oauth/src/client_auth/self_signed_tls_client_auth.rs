//! `self_signed_tls_client_auth` (RFC 8705 §2.2): a certificate the client made, known by what it registered. Nothing
//! in the certificate is believed, its names and dates included: it is compared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_jose::Jwk;
use countersign_model::{Client, TokenHash};
use serde_json::Value;

use crate::ports::Ports;
use crate::{ClientCertificate, ClientRefusal, Engine};

/// Most keys of a set that are looked at.
const MOST_TRIED: usize = 100;

pub(super) async fn check<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    shown: Option<ClientCertificate<'_>>,
) -> Result<(), ClientRefusal> {
    // RFC 8705 §2.2: the authority does not matter, so one that is trusted here may have signed it too.
    let shown = shown.ok_or(ClientRefusal::CertificateAbsent)?;
    if let Some(jwks) = &client.jwks {
        return if registered(jwks, shown) { Ok(()) } else { Err(ClientRefusal::CertificateUnknown) };
    }
    let url = client.jwks_uri.as_deref().ok_or(ClientRefusal::KeysUnavailable)?;
    for fresh in [false, true] {
        let document = engine.key_document(url, fresh).await.map_err(|_| ClientRefusal::KeysUnavailable)?;
        let set: Value = serde_json::from_slice(&document).map_err(|_| ClientRefusal::KeysUnavailable)?;
        if registered(&set, shown) {
            return Ok(());
        }
    }
    Err(ClientRefusal::CertificateUnknown)
}

/// RFC 8705 §2.2.2: a key of the set with `x5c` stands for that certificate, and for it alone; one without, for every
/// certificate of that key.
fn registered(set: &Value, shown: ClientCertificate<'_>) -> bool {
    let keys = set.get("keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    keys.iter().take(MOST_TRIED).filter_map(Value::as_object).any(|jwk| match jwk.get("x5c") {
        Some(chain) => {
            // RFC 7517 §4.7: base64 of the DER, the key's own certificate first.
            let leaf = chain.get(0).and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
            leaf.is_some_and(|leaf| TokenHash::of(&leaf).as_bytes() == shown.thumbprint())
        }
        None => Jwk::from_map(jwk)
            .ok()
            // A key whose private half was published beside it proves nothing.
            .filter(|jwk| !jwk.has_private_members)
            .and_then(|jwk| jwk.to_spki_der())
            .is_some_and(|key| key == shown.public_key()),
    })
}
