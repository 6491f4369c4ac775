//! `id_token_hint` and `login_hint` (OpenID Connect Core §3.1.2.1): whom the client expects.

use countersign_model::Subject;
use serde::Deserialize;

use crate::ports::Ports;
use crate::{Engine, Error, Parameters};

#[derive(Deserialize)]
struct Hint {
    iss: String,
    sub: String,
}

/// The person an ID token of ours names. It may have expired: it hints, it proves nothing.
pub(super) fn subject<P: Ports>(engine: &Engine<P>, sent: &Parameters<'_>) -> Result<Option<Subject>, Error> {
    let Some(token) = sent.one("id_token_hint") else { return Ok(None) };
    let signed = engine.keys.verify("JWT", token, engine.now());
    let hint = signed.and_then(|signed| serde_json::from_slice::<Hint>(&signed.payload).ok());
    match hint {
        Some(hint) if hint.iss == engine.settings.issuer => Ok(Some(Subject::from(hint.sub))),
        Some(_) | None => Err(Error::Invalid("id_token_hint")),
    }
}

/// What the person may be called; only ever written into the name field.
pub(super) fn name(sent: &Parameters<'_>) -> Option<String> {
    sent.one("login_hint").filter(|hint| hint.len() <= 256).map(str::to_owned)
}
