//! The authorization endpoint (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2).
//!
//! ```text
//! begin ─┬─▶ SignIn ──(person signs in)──▶ resume ─┐
//!        ├─▶ Consent ◀─────────────────────────────┤
//!        │      └──▶ consent_given / denied ──▶ Respond
//!        └─▶ Respond ◀─────────────────────────────┘
//! ```
//!
//! `checks` below is the table: one line a check, one file a check, in the order in which they are made. `request`
//! settles before it where the parameters come from: the query, a pushed request or a request object.

pub(crate) mod acr_values;
mod answer;
mod client;
mod decide;
mod dpop_jkt;
mod flow;
mod hint;
mod max_age;
mod pkce;
mod prompt;
mod redirect_uri;
mod registration;
pub(crate) mod request;
pub(crate) mod resource;
mod response;
mod response_mode;
mod response_type;
pub(crate) mod scope;

use std::sync::Arc;
use std::time::Duration;

use countersign_access::Confirmation;
use countersign_model::{Client, ResponseMode, ResponseType, ScopeSet, SecretString, Subject};

use crate::ports::{Origin, Ports};
use crate::{AuthorizationDetails, Engine, Error, authorization_details};

pub(crate) use client::LONGEST_ID;
pub use redirect_uri::CheckedRedirectUri;
use request::Settled;
pub use response::{AuthorizationResponse, Delivery};

/// What the person's browser should see next.
#[derive(Debug)]
pub enum Step {
    /// The sign-in page.
    SignIn(SignInRequest),
    /// The consent page.
    Consent(ConsentRequest),
    /// Back to the client, with a code or with an error.
    Respond(AuthorizationResponse),
}

/// What the sign-in page needs.
#[derive(Debug)]
pub struct SignInRequest {
    /// Names the waiting request in the page's address.
    pub interaction: SecretString,
    /// Who asks.
    pub client: Arc<Client>,
    /// What to write into the name field (OpenID Connect Core §3.1.2.1, `login_hint`).
    pub login_hint: Option<String>,
}

/// What the consent page needs.
#[derive(Debug)]
pub struct ConsentRequest {
    /// Names the waiting request in the page's address.
    pub interaction: SecretString,
    /// Who asks.
    pub client: Arc<Client>,
    /// Everything it asks for.
    pub scopes: ScopeSet,
    /// The part of it that was agreed to earlier.
    pub granted: ScopeSet,
    /// The part of it that the person may leave out.
    pub optional: ScopeSet,
    /// The part of that which they left out before.
    pub left_out: ScopeSet,
    /// What it asks for in more words (RFC 9396): all of it is agreed to or none.
    pub details: Vec<DetailRequest>,
    /// Where the answer goes.
    pub redirect_uri: CheckedRedirectUri,
}

/// One authorization detail, for people.
#[derive(Debug)]
pub struct DetailRequest {
    /// The sentence of its type.
    pub words: String,
    /// Every field and its value.
    pub fields: Vec<(String, String)>,
}

/// An authorization request that passed every check. Only [`checks`] makes one.
#[derive(Debug)]
pub(crate) struct CheckedRequest {
    reply: Reply,
    wanted: Wanted,
}

/// Whom the answer goes to, and how.
#[derive(Debug)]
pub(crate) struct Reply {
    client: Arc<Client>,
    redirect_uri: CheckedRedirectUri,
    state: Option<String>,
    mode: ResponseMode,
    /// How the request came: a pushed one is spent by its answer.
    origin: Origin,
}

/// What is asked for.
#[derive(Debug)]
struct Wanted {
    response_type: ResponseType,
    scopes: ScopeSet,
    resources: Vec<String>,
    details: AuthorizationDetails,
    code_challenge: Option<String>,
    dpop_jkt: Option<Confirmation>,
    nonce: Option<String>,
    prompt: prompt::Prompt,
    step_up: StepUp,
    login_hint: Option<String>,
    hinted: Option<Subject>,
}

/// How the person shall have signed in (RFC 9470 §4).
#[derive(Debug)]
struct StepUp {
    /// Classes, one of which it must be; those the client likes best first.
    acr_values: Vec<String>,
    /// How long ago at most.
    max_age: Option<Duration>,
}

/// Where a request failed: before or after there was a redirect URI to be trusted.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Shown here, never sent anywhere (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
    Here(Error),
    /// Sent back to the client.
    Back(Box<Reply>, Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}

/// Every check of an authorization request, in order. Where its parameters come from was settled before.
pub(crate) fn checks<P: Ports>(engine: &Engine<P>, settled: &Settled<'_>) -> Result<CheckedRequest, Refused> {
    let Settled { client, parameters: sent, origin } = settled;
    let settings = &engine.settings;
    let redirect_uri = redirect_uri::registered(client, sent)?;

    // From here on there is somebody to answer.
    let state = if sent.repeats("state") { None } else { sent.one("state").map(str::to_owned) };
    let (mode, has_its_mode) = response_mode::resolved(client, sent);
    let reply = Reply { client: Arc::clone(client), redirect_uri, state, mode, origin: origin.clone() };
    let rest = || {
        sent.refuse_duplicates()?;
        request::came_as_it_must(client, settings, origin)?;
        registration::absent(sent)?;
        let response_type = response_type::registered(client, sent)?;
        has_its_mode?;
        let code_challenge = pkce::challenge(client, settings, response_type, sent)?;
        let dpop_jkt = dpop_jkt::thumbprint(sent)?;
        let scopes = scope::within_the_clients(client, sent)?;
        let resources = resource::allowed(client, settings, sent)?;
        resource::named_where_it_must(client, &resources)?;
        let details = authorization_details::asked(client, &settings.authorization_details_types, sent)?;
        let nonce = scope::nonce(sent)?;
        scope::nonce_or_state(client, &scopes, sent)?;
        response_type::is_openid_where_it_must(response_type, &scopes, nonce.as_deref())?;
        let prompt = prompt::understood(sent)?;
        let step_up =
            StepUp { acr_values: acr_values::known(settings, sent)?, max_age: max_age::in_seconds(sent)? };
        let hinted = hint::subject(engine, sent)?;
        let login_hint = hint::name(sent);
        Ok(Wanted {
            response_type,
            scopes,
            resources,
            details,
            code_challenge,
            dpop_jkt,
            nonce,
            prompt,
            step_up,
            login_hint,
            hinted,
        })
    };
    match rest() {
        Ok(wanted) => Ok(CheckedRequest { reply, wanted }),
        Err(error) => Err(Refused::Back(Box::new(reply), error)),
    }
}
