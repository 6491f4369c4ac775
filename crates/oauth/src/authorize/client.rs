//! `client_id`: a client we know and that may be used.

use std::sync::Arc;

use countersign_model::{Client, ClientId};

use crate::ports::Ports;
use crate::register::Fallback;
use crate::{Engine, Error, Parameters};

/// Longest name of a client that is looked up.
pub(crate) const LONGEST_ID: usize = 256;

pub(super) async fn known_and_enabled<P: Ports>(
    engine: &Engine<P>,
    sent: &Parameters<'_>,
) -> Result<Arc<Client>, Error> {
    // A request that names two clients could be read in two ways: it is answered to neither.
    if sent.repeats("client_id") {
        return Err(Error::DuplicateParameter);
    }
    let id = sent.one("client_id").ok_or(Error::Missing("client_id"))?;
    if id.len() > LONGEST_ID {
        return Err(Error::UnknownClient);
    }
    let client = engine.known_client(&ClientId::from(id), Fallback::Refused).await?;
    let client = client.ok_or(Error::UnknownClient)?;
    if client.is_enabled() { Ok(client) } else { Err(Error::DisabledClient) }
}
