//! `urn:openid:params:grant-type:ciba` (OpenID Connect CIBA §10.1).

use super::decoupled::{self, Polled};
use crate::ports::Ports;
use crate::token::TokenResponse;
use crate::{AuthenticatedClient, Engine, Error, Parameters};

pub(crate) async fn redeem<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    form: &Parameters<'_>,
) -> Result<TokenResponse, Error> {
    let auth_req_id = form.one("auth_req_id").ok_or(Error::Missing("auth_req_id"))?;
    decoupled::redeem(engine, caller, form, Polled::Backchannel { auth_req_id }).await
}
