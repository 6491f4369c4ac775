//! The device flow (RFC 8628 §3.5).

use std::time::Duration;

use countersign_model::GrantType;
use countersign_oauth::{Error, GrantRefusal};
use countersign_server::ServerSettings;

use super::Table;
use super::scene::everything;
use crate::browser::Browser;
use crate::support::{App, ISSUER, basic};

pub(super) async fn rows(table: &mut Table) {
    let app = App::with(ISSUER, ServerSettings::default(), everything).await;
    app.person("ada").await;
    app.client_with("tv", |client| client.grant_types = [GrantType::DeviceCode].into()).await;
    app.client("web").await;
    let section = "RFC 8628 §3.5";
    let begin =
        async |form: &[(&str, &str)]| app.post("/device_authorization", Some(&basic("tv")), form).await;
    let poll = async |code: &str| {
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code)];
        app.post("/token", Some(&basic("tv")), &form).await
    };
    let wire = (400, "unauthorized_client", "RFC 6749 §4.1.2.1, §5.2");
    let not_its_own = app.post("/device_authorization", Some(&basic("web")), &[]).await;
    table.row("/device_authorization", &Error::UnauthorizedClient, wire, not_its_own);
    let wire = (400, "invalid_scope", "RFC 6749 §4.1.2.1, §5.2");
    table.row("/device_authorization", &Error::InvalidScope, wire, begin(&[("scope", "admin")]).await);

    let asked = begin(&[("scope", "openid")]).await;
    let code = asked.text("device_code");
    let wire = (400, "authorization_pending", section);
    table.row("/token", &Error::AuthorizationPending, wire, poll(code).await);
    table.row("/token", &Error::SlowDown, (400, "slow_down", section), poll(code).await);
    app.clock.advance(Duration::from_secs(601));
    table.row("/token", &Error::ExpiredToken, (400, "expired_token", section), poll(code).await);
    let unknown = Error::InvalidGrant(GrantRefusal::DeviceCodeUnknown);
    table.row("/token", &unknown, (400, "invalid_grant", "RFC 6749 §5.2"), poll("x").await);

    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let asked = begin(&[("scope", "openid")]).await;
    let page = browser.get("/device").await;
    let page = browser.submit(&page, &[("user_code", asked.text("user_code"))]).await;
    assert!(page.shows("id=\"device-elsewhere\"") || page.shows("decision"), "{page:?}");
    browser.submit(&page, &[("decision", "deny")]).await;
    let wire = (400, "access_denied", "RFC 6749 §4.1.2.1, RFC 8628 §3.5, CIBA §11");
    table.row("/token", &Error::AccessDenied, wire, poll(asked.text("device_code")).await);
    // The same page a second time: nothing waits under its code any more.
    let gone = browser.submit(&page, &[("decision", "allow")]).await;
    table.row("/device", &Error::UnknownUserCode, (400, "invalid_request", "RFC 8628 §3.3"), gone);
}
