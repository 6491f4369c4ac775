//! The device flow (RFC 8628 §3.5).

use std::time::Duration;

use countersign_model::GrantType;
use countersign_oauth::{Error, GrantRefusal};

use super::scene::app;
use super::{Table, addresses};

pub(super) async fn rows(table: &mut Table) {
    let app = app().await;
    app.client_with("tv", |client| client.grant_types = [GrantType::DeviceCode].into()).await;
    let section = "RFC 8628 §3.5";
    let both = "RFC 6749 §4.1.2.1, §5.2";
    for address in ["/device_authorization", "/login/device/code"].map(addresses::named) {
        let not_its_own = address.of(&app, "web", &[]).await;
        let wire = (400, "unauthorized_client", both);
        table.refused(address, &Error::UnauthorizedClient, wire, not_its_own);
        let admin = address.of(&app, "tv", &[("scope", "admin")]).await;
        table.refused(address, &Error::InvalidScope, (400, "invalid_scope", both), admin);
        let elsewhere = address.of(&app, "tv", &[("resource", "https://evil.example/")]).await;
        let wire = (400, "invalid_target", "RFC 8707 §2");
        table.refused(address, &Error::InvalidTarget, wire, elsewhere);
        let details = address.of(&app, "tv", &[("authorization_details", "[{\"type\":\"payment\"}]")]).await;
        let wire = (400, "invalid_authorization_details", "RFC 9396 §5");
        table.refused(address, &Error::InvalidAuthorizationDetails, wire, details);
    }
    let begin = async || {
        let begun = addresses::named("/device_authorization").of(&app, "tv", &[("scope", "openid")]).await;
        begun.text("device_code").to_owned()
    };
    for address in addresses::of_grants() {
        let poll = async |code: &str| {
            let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
            address.of(&app, "tv", &[grant, ("device_code", code)]).await
        };
        let unknown = Error::InvalidGrant(GrantRefusal::DeviceCodeUnknown);
        table.refused(address, &unknown, (400, "invalid_grant", "RFC 6749 §5.2"), poll("x").await);
        let code = begin().await;
        let wire = (400, "authorization_pending", section);
        table.refused(address, &Error::AuthorizationPending, wire, poll(&code).await);
        table.refused(address, &Error::SlowDown, (400, "slow_down", section), poll(&code).await);
        app.clock.advance(Duration::from_secs(601));
        table.refused(address, &Error::ExpiredToken, (400, "expired_token", section), poll(&code).await);
    }
}
