//! Where the parameters of a request come from: the query or form itself, a pushed request (RFC 9126), or a request
//! object by value or by reference (RFC 9101). Settled here, once, before any of the checks: they see one set of
//! parameters and never ask how it came, except for the one check that a client's requests come as they must.

mod object;
mod pushed;
mod reference;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_access::Confirmation;
use countersign_model::{Client, TokenHash};

use super::{client, dpop_jkt};
use crate::ports::{Interaction, Origin, Ports};
use crate::profile::Rules;
use crate::{Engine, Error, Parameters};

pub(crate) use object::parameters;
pub(crate) use pushed::URN;

/// The parameters that count, whose they are and how they came. Nothing else of them has been checked.
#[derive(Debug)]
pub(crate) struct Settled<'a> {
    pub(super) client: Arc<Client>,
    pub(super) parameters: Parameters<'a>,
    pub(super) origin: Origin,
}

/// Finds the parameters that count. What goes wrong here is shown here: no redirect URI has been verified yet.
pub(super) async fn settle<'a, P: Ports>(
    engine: &Engine<P>,
    sent: &Parameters<'a>,
) -> Result<Settled<'a>, Error> {
    let client = client::known_and_enabled(engine, sent).await?;
    if sent.repeats("request") || sent.repeats("request_uri") {
        return Err(Error::DuplicateParameter);
    }
    match (sent.one("request"), sent.one("request_uri")) {
        // RFC 9101 §5: not both.
        (Some(_), Some(_)) => Err(Error::Invalid("request_uri")),
        (None, None) => Ok(Settled { client, parameters: sent.clone(), origin: Origin::default() }),
        (Some(text), None) => signed(engine, client, text).await,
        (None, Some(uri)) => match uri.strip_prefix(URN) {
            Some(name) => pushed::find(engine, client, name).await,
            None => {
                let text = reference::fetch(engine, &client, uri).await?;
                signed(engine, client, &text).await
            }
        },
    }
}

/// The parameters of a request object; those beside it are ignored (RFC 9101 §6.3).
pub(crate) async fn signed<P: Ports>(
    engine: &Engine<P>,
    client: Arc<Client>,
    text: &str,
) -> Result<Settled<'static>, Error> {
    let parameters = object::read(engine, &client, text).await?;
    Ok(Settled { client, parameters, origin: Origin { signed: true, pushed: None } })
}

impl<'a> Settled<'a> {
    /// Parameters that an authenticated client sent.
    pub(crate) fn of(client: Arc<Client>, parameters: Parameters<'a>) -> Self {
        Self { client, parameters, origin: Origin::default() }
    }

    /// The same, pushed under this name.
    pub(crate) fn pushed_as(mut self, name: TokenHash) -> Self {
        self.origin.pushed = Some(name);
        self
    }

    /// Whose they are.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The same, for this key (RFC 9449 §10.1): a request that names another contradicts itself.
    pub(crate) fn for_key(mut self, key: [u8; 32]) -> Result<Self, Error> {
        match dpop_jkt::thumbprint(&self.parameters)? {
            Some(named) if named != Confirmation::Key(key) => return Err(Error::Invalid("dpop_jkt")),
            Some(_) => {}
            None => self.parameters = self.parameters.with("dpop_jkt", URL_SAFE_NO_PAD.encode(key)),
        }
        Ok(self)
    }

    /// Whether the client signed them.
    pub(crate) fn is_signed(&self) -> bool {
        self.origin.signed
    }

    /// The parameters that are kept while a request waits.
    pub(crate) fn kept(&self) -> Vec<(String, String)> {
        let mut kept = self.parameters.to_pairs();
        kept.retain(|(name, _)| KEPT.contains(&name.as_str()) && name != "client_id");
        // A request object and a client that authenticated otherwise need not have named it.
        kept.push(("client_id".to_owned(), self.client.client_id.to_string()));
        kept
    }
}

/// A request that waited, its client looked at again, because it may have changed meanwhile.
pub(super) async fn waited<'a, P: Ports>(
    engine: &Engine<P>,
    waiting: &'a Interaction,
) -> Result<Settled<'a>, Error> {
    let pairs = waiting.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let parameters = Parameters::new(pairs);
    let client = client::known_and_enabled(engine, &parameters).await?;
    Ok(Settled { client, parameters, origin: waiting.origin.clone() })
}

/// A client that must push (RFC 9126 §5, §6) or sign (RFC 9101 §10.5) its requests is refused otherwise.
pub(super) fn came_as_it_must(
    client: &Client,
    settings: &crate::Settings,
    origin: &Origin,
) -> Result<(), Error> {
    let rules = Rules::of(client.profile);
    let own = &client.authorization;
    let must_push = settings.require_pushed_authorization_requests
        || own.require_pushed_authorization_requests
        || rules.pushed_requests;
    if must_push && origin.pushed.is_none() {
        return Err(Error::PushedRequestRequired);
    }
    let must_sign =
        settings.require_signed_request_object || own.require_signed_request_object || rules.signed_requests;
    if must_sign && !origin.signed {
        return Err(Error::SignedRequestRequired);
    }
    Ok(())
}

/// The parameters that are kept while a request waits; every other one was ignored.
const KEPT: [&str; 17] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "state",
    "scope",
    "resource",
    "authorization_details",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "nonce",
    "prompt",
    "acr_values",
    "max_age",
    "id_token_hint",
    "login_hint",
];
