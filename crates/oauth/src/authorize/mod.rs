//! The authorization endpoint (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2).
//!
//! ```text
//! begin ─┬─▶ SignIn ──(person signs in)──▶ resume ─┐
//!        ├─▶ Consent ◀─────────────────────────────┤
//!        │      └──▶ consent_given / denied ──▶ Respond
//!        └─▶ Respond ◀─────────────────────────────┘
//! ```
//!
//! `checks` below is the table: one line a check, one file a check, in the order in which they are made.

mod acr_values;
mod client;
mod decide;
mod flow;
mod hint;
mod max_age;
mod pkce;
mod prompt;
mod redirect_uri;
mod request_object;
pub(crate) mod resource;
mod response;
mod response_type;
pub(crate) mod scope;

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Client, ScopeSet, SecretString, Subject};

use crate::ports::Ports;
use crate::{AuthorizationDetails, Engine, Error, Parameters, authorization_details};

pub(crate) use client::LONGEST_ID;
pub use redirect_uri::CheckedRedirectUri;
pub use response::AuthorizationResponse;

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
    client: Arc<Client>,
    redirect_uri: CheckedRedirectUri,
    state: Option<String>,
    scopes: ScopeSet,
    resources: Vec<String>,
    details: AuthorizationDetails,
    code_challenge: Option<String>,
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
enum Refused {
    /// Shown here, never sent anywhere (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
    Here(Error),
    /// Sent back to the client.
    Back(CheckedRedirectUri, Option<String>, Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}

/// Every check of an authorization request, in order.
async fn checks<P: Ports>(engine: &Engine<P>, sent: &Parameters<'_>) -> Result<CheckedRequest, Refused> {
    let client = client::known_and_enabled(engine, sent).await?;
    let redirect_uri = redirect_uri::registered(&client, sent)?;

    // From here on there is somebody to answer.
    let state = if sent.repeats("state") { None } else { sent.one("state").map(str::to_owned) };
    let types = &engine.settings.authorization_details_types;
    let rest = || {
        sent.refuse_duplicates()?;
        request_object::absent(sent)?;
        response_type::is_code(sent)?;
        response_type::goes_by_query(sent)?;
        client::may_ask_for_codes(&client)?;
        let code_challenge = pkce::challenge(&client, &engine.settings, sent)?;
        let scopes = scope::within_the_clients(&client, sent)?;
        let resources = resource::allowed(&client, &engine.settings, sent)?;
        let details = authorization_details::asked(&client, types, sent)?;
        let nonce = scope::nonce(sent)?;
        let prompt = prompt::understood(sent)?;
        let step_up = StepUp {
            acr_values: acr_values::known(&engine.settings, sent)?,
            max_age: max_age::in_seconds(sent)?,
        };
        let hinted = hint::subject(engine, sent)?;
        let login_hint = hint::name(sent);
        Ok((code_challenge, scopes, resources, details, nonce, prompt, step_up, hinted, login_hint))
    };
    match rest() {
        Ok((code_challenge, scopes, resources, details, nonce, prompt, step_up, hinted, login_hint)) => {
            Ok(CheckedRequest {
                client,
                redirect_uri,
                state,
                scopes,
                resources,
                details,
                code_challenge,
                nonce,
                prompt,
                step_up,
                login_hint,
                hinted,
            })
        }
        Err(error) => Err(Refused::Back(redirect_uri, state, error)),
    }
}
