//! `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4).

use super::decoupled::{self, Polled};
use crate::ports::Ports;
use crate::token::TokenResponse;
use crate::{AuthenticatedClient, Engine, Error, Parameters};

pub(crate) async fn redeem<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    form: &Parameters<'_>,
) -> Result<TokenResponse, Error> {
    let device_code = form.one("device_code").ok_or(Error::Missing("device_code"))?;
    decoupled::redeem(engine, caller, form, Polled::Device { device_code }).await
}
