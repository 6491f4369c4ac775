//! `authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.5).

use countersign_model::TokenHash;

use crate::ports::{AuthorizationCode, ConsumedCode, Ports};
use crate::profile::Rules;
use crate::token::family::Family;
use crate::token::{TokenResponse, narrowed_resources, text};
use crate::{AuthenticatedClient, Engine, Error, GrantRefusal, Parameters, authorization_details};

/// The request (RFC 6749 §4.1.3).
struct CodeRequest<'a> {
    code: &'a str,
    redirect_uri: Option<&'a str>,
    code_verifier: Option<&'a str>,
}

impl<'a> CodeRequest<'a> {
    fn read(form: &'a Parameters<'_>) -> Result<Self, Error> {
        Ok(Self {
            code: form.one("code").ok_or(Error::Missing("code"))?,
            redirect_uri: form.one("redirect_uri"),
            code_verifier: verifier(form)?,
        })
    }
}

pub(crate) async fn redeem<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    form: &Parameters<'_>,
) -> Result<TokenResponse, Error> {
    let request = CodeRequest::read(form)?;
    let client = caller.client();
    let now = engine.now();
    // RFC 6749 §4.1.2: once. Taken before anything else is looked at, so a failed attempt spends it as well, and of
    // two callers one gets it; a second use revokes what the first one gave (RFC 9700 §4.2.4).
    let code = match engine.ports.consume_code(&text::code_hash(request.code), now).await? {
        ConsumedCode::Fresh(code) => code,
        ConsumedCode::Replayed(grant) => {
            tracing::warn!(client = %client.client_id, %grant, "an authorization code came twice");
            return Err(refused(GrantRefusal::CodeReplayed));
        }
        ConsumedCode::Unknown => return Err(refused(GrantRefusal::CodeUnknown)),
    };
    // RFC 6749 §4.1.3: issued to this client.
    if code.client != client.client_id {
        return Err(refused(GrantRefusal::CodeForeign));
    }
    // RFC 6749 §4.1.2: not expired.
    if now >= code.expires_at {
        return Err(refused(GrantRefusal::CodeExpired));
    }
    redirect_uri_repeats(&code, request.redirect_uri, Rules::of(client.profile))?;
    verifier_fits(&code, request.code_verifier)?;
    key_fits(&code, caller)?;
    // The person may have been disabled since.
    let user = engine.ports.user(&code.user).await?;
    if !user.is_some_and(|user| user.is_enabled()) {
        return Err(refused(GrantRefusal::AccountDisabled));
    }
    let resources = narrowed_resources(engine, caller, &code.resources, form)?;
    let types = &engine.settings.authorization_details_types;
    let details = authorization_details::narrowed(client, types, &code.authorization_details, form)?;
    let family = Family {
        grant: &code.grant,
        user: &code.user,
        session: code.session.as_ref(),
        authentication: &code.authentication,
        nonce: code.nonce.as_deref(),
        auth_req_id: None,
        scopes: &code.scopes,
        resources: &code.resources,
        details: &code.authorization_details,
    };
    engine.begin_family(caller, &family, (&resources, &details)).await
}

/// RFC 6749 §4.1.3: if the authorization request named it, the token request must, and in the same letters, unless the
/// profile has it that exact comparison at the authorization endpoint will do. One that is repeated all the same must be
/// the one that was used.
fn redirect_uri_repeats(code: &AuthorizationCode, sent: Option<&str>, rules: &Rules) -> Result<(), Error> {
    let repeats = match sent {
        Some(sent) => sent == code.redirect_uri,
        None => !code.redirect_uri_was_sent || !rules.redirect_uri_repeated,
    };
    if repeats { Ok(()) } else { Err(refused(GrantRefusal::RedirectUriDiffers)) }
}

/// RFC 7636 §4.6, and RFC 9700 §4.8.2 against downgrades: a challenge needs its verifier, and a verifier needs its
/// challenge, else somebody took the challenge out of the authorization request.
fn verifier_fits(code: &AuthorizationCode, sent: Option<&str>) -> Result<(), Error> {
    match (&code.code_challenge, sent) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(refused(GrantRefusal::VerifierUnexpected)),
        (Some(_), None) => Err(refused(GrantRefusal::VerifierMissing)),
        (Some(challenge), Some(verifier)) => {
            let hash =
                countersign_model::SecretString::new(TokenHash::of(verifier.as_bytes()).to_base64url());
            if hash.ct_eq(challenge.as_bytes()) { Ok(()) } else { Err(refused(GrantRefusal::VerifierWrong)) }
        }
    }
}

/// RFC 9449 §10: a code for a key needs a proof of that key.
fn key_fits(code: &AuthorizationCode, caller: &AuthenticatedClient) -> Result<(), Error> {
    if code.dpop_jkt.is_none() || code.dpop_jkt == caller.confirmation() {
        Ok(())
    } else {
        Err(refused(GrantRefusal::CodeKeyDiffers))
    }
}

/// RFC 7636 §4.1: 43 to 128 unreserved characters.
fn verifier<'a>(form: &'a Parameters<'_>) -> Result<Option<&'a str>, Error> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    match form.one("code_verifier") {
        Some(text) if !(43..=128).contains(&text.len()) || !text.bytes().all(unreserved) => {
            Err(Error::Invalid("code_verifier"))
        }
        verifier => Ok(verifier),
    }
}

const fn refused(refusal: GrantRefusal) -> Error {
    Error::InvalidGrant(refusal)
}
