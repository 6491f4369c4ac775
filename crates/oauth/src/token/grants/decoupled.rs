//! Tokens for what a person decided elsewhere, for a client that polls: the device flow (RFC 8628 §3.4, §3.5) and
//! backchannel authentication (OpenID Connect CIBA §10.1, §11).

use countersign_model::TokenHash;

use crate::device::SLOWER;
use crate::ports::{DecoupledKind, Poll, PollRequest, Ports};
use crate::token::family::Family;
use crate::token::{TokenResponse, narrowed_resources};
use crate::{
    AuthenticatedClient, AuthorizationDetails, Engine, Error, GrantRefusal, Parameters, authorization_details,
};

/// What a client polls with: `device_code` (RFC 8628 §3.4) or `auth_req_id` (CIBA §10.1).
#[derive(Clone, Copy)]
pub(super) enum Polled<'a> {
    Device { device_code: &'a str },
    Backchannel { auth_req_id: &'a str },
}

/// One poll; tokens when the person has agreed.
pub(super) async fn redeem<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    form: &Parameters<'_>,
    polled: Polled<'_>,
) -> Result<TokenResponse, Error> {
    let (kind, secret, unknown, auth_req_id) = match polled {
        Polled::Device { device_code } => {
            (DecoupledKind::Device, device_code, GrantRefusal::DeviceCodeUnknown, None)
        }
        // CIBA §10.3.1: the ID token names it.
        Polled::Backchannel { auth_req_id } => {
            (DecoupledKind::Backchannel, auth_req_id, GrantRefusal::AuthReqIdUnknown, Some(auth_req_id))
        }
    };
    let poll = PollRequest {
        kind,
        hash: TokenHash::of(secret.as_bytes()),
        client: caller.client().client_id.clone(),
        slower: SLOWER,
        now: engine.now(),
    };
    let (request, approval) = match engine.ports.poll_decoupled(poll).await? {
        Poll::Approved(approved) => *approved,
        // RFC 8628 §3.5 and CIBA §11, one line each.
        Poll::Pending => return Err(Error::AuthorizationPending),
        Poll::TooFast => return Err(Error::SlowDown),
        Poll::Denied => return Err(Error::AccessDenied),
        Poll::Expired => return Err(Error::ExpiredToken),
        // Issued to this client. Another one's is unknown here, and stays what it was.
        Poll::Unknown => return Err(Error::InvalidGrant(unknown)),
    };
    // The person may have been disabled since.
    if !engine.ports.user(&approval.user).await?.is_some_and(|user| user.is_enabled()) {
        return Err(Error::InvalidGrant(GrantRefusal::AccountDisabled));
    }
    let resources = narrowed_resources(engine, caller, &request.resources, form)?;
    // RFC 9396: these flows carry none, so none can be asked for here.
    let none = AuthorizationDetails::default();
    let types = &engine.settings.authorization_details_types;
    let details = authorization_details::narrowed(caller.client(), types, &none, form)?;
    let family = Family {
        grant: &approval.grant,
        user: &approval.user,
        session: approval.session.as_ref(),
        authentication: &approval.authentication,
        nonce: None,
        auth_req_id,
        scopes: &approval.scopes,
        resources: &request.resources,
        details: &none,
    };
    engine.begin_family(caller, &family, (&resources, &details)).await
}
