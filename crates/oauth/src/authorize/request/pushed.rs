//! `request_uri` of a pushed request (RFC 9126 §4).

use std::sync::Arc;

use countersign_model::{Client, TokenHash};

use super::Settled;
use crate::ports::{Origin, Ports};
use crate::{Engine, Error, Parameters};

/// What precedes the name of a pushed request (RFC 9126 §2.2).
pub(crate) const URN: &str = "urn:ietf:params:oauth:request_uri:";
/// Longest name that is looked up.
const LONGEST: usize = 128;

/// Looks, and does not take: the person may load the page twice. It is taken when the request is answered.
pub(super) async fn find<P: Ports>(
    engine: &Engine<P>,
    client: Arc<Client>,
    name: &str,
) -> Result<Settled<'static>, Error> {
    if name.is_empty() || name.len() > LONGEST {
        return Err(Error::InvalidRequestUri);
    }
    let hash = TokenHash::of(name.as_bytes());
    let found = engine.ports.pushed_request(&hash).await?.ok_or(Error::InvalidRequestUri)?;
    // RFC 9126 §2.2: bound to the client that pushed it. §4: an expired one is refused.
    if found.client != client.client_id || engine.now() >= found.expires_at {
        return Err(Error::InvalidRequestUri);
    }
    let parameters = Parameters::new(found.parameters);
    Ok(Settled { client, parameters, origin: Origin { pushed: Some(hash), signed: found.signed } })
}
