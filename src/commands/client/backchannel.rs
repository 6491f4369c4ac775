//! What a client registers about backchannel authentication (OpenID Connect CIBA §4).

use countersign_jose::Algorithm;
use countersign_model::{BackchannelMetadata, Client, GrantType, TokenDeliveryMode};
use countersign_oauth::profile::Rules;
use serde_json::{Value, json};
use url::Url;

use crate::output::Failure;

#[derive(Clone, Debug, clap::Args)]
#[group(id = "backchannel-options")]
pub(super) struct Options {
    /// How it learns that the person has decided: poll or ping. Default: poll.
    #[arg(long, value_name = "MODE")]
    backchannel_token_delivery_mode: Option<TokenDeliveryMode>,
    /// Where it is pinged: an https URL.
    #[arg(long, value_name = "URL")]
    backchannel_client_notification_endpoint: Option<Url>,
    /// The one algorithm it signs its requests with; from then on it must. Default: it need not sign.
    #[arg(long, value_name = "ALG")]
    backchannel_request_signing_alg: Option<Algorithm>,
}

impl Options {
    /// Writes what was asked for into the client; what was not asked for stays.
    pub(super) fn onto(self, client: &mut Client) {
        let own = &mut client.backchannel;
        if let Some(mode) = self.backchannel_token_delivery_mode {
            own.token_delivery_mode = mode;
            own.client_notification_endpoint =
                own.client_notification_endpoint.take().filter(|_| mode == TokenDeliveryMode::Ping);
        }
        if let Some(endpoint) = self.backchannel_client_notification_endpoint {
            own.client_notification_endpoint = Some(endpoint.into());
        }
        if let Some(algorithm) = self.backchannel_request_signing_alg {
            own.authentication_request_signing_alg = Some(algorithm.to_string());
        }
    }
}

/// What would never work is refused now rather than at the first request.
pub(super) fn check(client: &Client) -> Result<(), Failure> {
    let own = &client.backchannel;
    let endpoint = own.client_notification_endpoint.as_deref();
    let may = client.grant_types.contains(&GrantType::Ciba);
    if !may && *own != BackchannelMetadata::default() {
        return Err("the --backchannel-… options are for clients with --grant ciba".into());
    }
    if may && !client.is_confidential() {
        return Err(
            "ciba is for clients that can prove who they are (CIBA §7.1): choose another --auth".into()
        );
    }
    // CIBA §4: there in ping mode, https, and without it there is nothing to ping.
    let pings = own.token_delivery_mode == TokenDeliveryMode::Ping;
    if pings != endpoint.is_some() {
        return Err(
            "ping mode needs --backchannel-client-notification-endpoint, and nothing else does".into()
        );
    }
    if endpoint.is_some_and(|endpoint| !endpoint.starts_with("https://")) {
        return Err("--backchannel-client-notification-endpoint must be an https URL (CIBA §4)".into());
    }
    let Some(name) = own.authentication_request_signing_alg.as_deref() else { return Ok(()) };
    if client.jwks.is_none() && client.jwks_uri.is_none() {
        return Err("--backchannel-request-signing-alg needs --jwks-file or --jwks-uri".into());
    }
    if !Rules::of(client.profile).algorithms.iter().any(|known| known.as_str() == name) {
        return Err(format!(
            "--backchannel-request-signing-alg {name}: not one of this profile (never HMAC, CIBA §4)"
        )
        .into());
    }
    Ok(())
}

/// The members of a client's document; none where it has nothing to do with this.
pub(super) fn members(client: &Client) -> Value {
    if !client.grant_types.contains(&GrantType::Ciba) {
        return json!({});
    }
    let own = &client.backchannel;
    json!({
        "backchannel_token_delivery_mode": own.token_delivery_mode,
        "backchannel_client_notification_endpoint": own.client_notification_endpoint,
        "backchannel_authentication_request_signing_alg": own.authentication_request_signing_alg,
    })
}
