//! `login_hint`, `login_hint_token`, `id_token_hint` (CIBA §7.1): who is asked.

use countersign_model::{Client, User, UserId, UserKind};
use serde::Deserialize;

use crate::ports::Ports;
use crate::{Engine, Error, Parameters};

const HINTS: [&str; 3] = ["login_hint", "login_hint_token", "id_token_hint"];
/// Longest name.
const LONGEST_NAME: usize = 256;

#[derive(Deserialize)]
struct Hint {
    iss: String,
    sub: String,
    aud: String,
}

/// CIBA §7.1, §13: one of them, and not more.
pub(super) fn exactly_one(sent: &Parameters<'_>) -> Result<(), Error> {
    let there = HINTS.into_iter().filter(|name| sent.one(name).is_some()).count();
    if there == 1 { Ok(()) } else { Err(Error::HintCount) }
}

/// The person the hint names (CIBA §7.2, point 4). A name that is nobody's, a program's and that of somebody who may not
/// sign in are the same to the client.
pub(super) async fn person<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    sent: &Parameters<'_>,
) -> Result<User, Error> {
    // No issuer of such tokens is agreed on with anybody.
    if sent.one("login_hint_token").is_some() {
        return Err(Error::Invalid("login_hint_token"));
    }
    let found = match (sent.one("login_hint"), sent.one("id_token_hint")) {
        (Some(name), _) if name.len() > LONGEST_NAME => None,
        (Some(name), _) => engine.person(name).await?,
        (None, Some(token)) => {
            let user = engine.ports.user(&subject(engine, client, token)?).await?;
            user.filter(|user| user.is_enabled() && user.kind == UserKind::Person)
        }
        (None, None) => return Err(Error::HintCount),
    };
    found.ok_or(Error::UnknownPerson)
}

/// CIBA §7.1: an ID token that this server gave to this client. It may have expired: it hints, it proves nothing.
fn subject<P: Ports>(engine: &Engine<P>, client: &Client, token: &str) -> Result<UserId, Error> {
    let signed = engine.keys.verify("JWT", token, engine.now());
    let hint = signed.and_then(|signed| serde_json::from_slice::<Hint>(&signed.payload).ok());
    let is_for = |hint: &Hint| hint.iss == engine.settings.issuer && hint.aud == client.client_id.as_str();
    match hint {
        Some(hint) if is_for(&hint) => Ok(UserId::from(hint.sub)),
        Some(_) | None => Err(Error::Invalid("id_token_hint")),
    }
}
