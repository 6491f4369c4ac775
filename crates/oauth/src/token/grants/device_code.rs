//! `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4, §3.5).

use countersign_model::TokenHash;

use crate::device::SLOWER;
use crate::ports::{DecoupledKind, Poll, Ports};
use crate::token::family::Family;
use crate::token::{TokenResponse, narrowed_resources};
use crate::{
    AuthenticatedClient, AuthorizationDetails, Engine, Error, GrantRefusal, Parameters, authorization_details,
};

pub(crate) async fn redeem<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    form: &Parameters<'_>,
) -> Result<TokenResponse, Error> {
    let device_code = form.one("device_code").ok_or(Error::Missing("device_code"))?;
    let hash = TokenHash::of(device_code.as_bytes());
    let client = &caller.client().client_id;
    let now = engine.now();
    let poll = engine.ports.poll_decoupled(DecoupledKind::Device, &hash, client, SLOWER, now).await?;
    let (request, approval) = match poll {
        Poll::Approved(approved) => *approved,
        // RFC 8628 §3.5, one line each.
        Poll::Pending => return Err(Error::AuthorizationPending),
        Poll::TooFast => return Err(Error::SlowDown),
        Poll::Denied => return Err(Error::AccessDenied),
        Poll::Expired => return Err(Error::ExpiredToken),
        // RFC 8628 §3.4: issued to this client. Another one's is unknown here, and stays what it was.
        Poll::Unknown => return Err(Error::InvalidGrant(GrantRefusal::DeviceCodeUnknown)),
    };
    // The person may have been disabled since.
    if !engine.ports.user(&approval.user).await?.is_some_and(|user| user.is_enabled()) {
        return Err(Error::InvalidGrant(GrantRefusal::AccountDisabled));
    }
    let resources = narrowed_resources(engine, caller, &request.resources, form)?;
    // RFC 9396: the device flow carries none, so none can be asked for here.
    let none = AuthorizationDetails::default();
    let types = &engine.settings.authorization_details_types;
    let details = authorization_details::narrowed(caller.client(), types, &none, form)?;
    let family = Family {
        grant: &approval.grant,
        user: &approval.user,
        session: approval.session.as_ref(),
        authentication: &approval.authentication,
        nonce: None,
        auth_req_id: None,
        scopes: &approval.scopes,
        resources: &request.resources,
        details: &none,
    };
    engine.begin_family(caller, &family, (&resources, &details)).await
}
