//! `request_uri` of a request object that the client publishes (RFC 9101 §5.2).

use countersign_model::Client;

use crate::ports::Ports;
use crate::{Engine, Error};

/// RFC 9101 §10.4: only what the client has registered, compared to the letter, is fetched; the fetch itself is guarded
/// against requests into private networks.
pub(super) async fn fetch<P: Ports>(engine: &Engine<P>, client: &Client, uri: &str) -> Result<String, Error> {
    if !client.authorization.request_uris.iter().any(|registered| registered == uri) {
        return Err(Error::InvalidRequestUri);
    }
    let document = engine.fetch.request_object(uri).await.map_err(|error| {
        tracing::warn!(client = %client.client_id, uri, %error, "a request object could not be fetched");
        Error::InvalidRequestUri
    })?;
    // RFC 9101 §5.2.3: the JWT itself; a line break at its end is what editors leave.
    let text = std::str::from_utf8(&document).map_err(|_| Error::InvalidRequestUri)?;
    Ok(text.trim_end().to_owned())
}
