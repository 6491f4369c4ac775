//! The token endpoint's own: grants, codes, refresh tokens, and what others give.

use std::time::Duration;

use countersign_model::{Clock as _, GrantType, Profile, UserStatus};
use countersign_oauth::{Error, ExchangeRefusal, ForeignRefusal, GrantRefusal};
use countersign_server::ServerSettings;
use serde_json::json;

use super::scene::{NOW, PARTNER, everything, jkt, key, proof, redemption, sign, with_partner};
use super::{Table, post_with};
use crate::support::{App, ISSUER, basic};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const REQUEST: &str = "invalid_request";
const INVALID: (u16, &str, &str) = (400, "invalid_grant", "RFC 6749 §5.2");

async fn app() -> App {
    let app = App::with(ISSUER, ServerSettings::default(), everything).await;
    app.person("ada").await;
    app.client_with("web", |_| {}).await;
    app
}

pub(super) async fn rows(table: &mut Table) {
    let app = app().await;
    app.client_with("few", |client| client.grant_types = [GrantType::RefreshToken].into()).await;
    let token = async |form: &[(&str, &str)]| app.post("/token", Some(&basic("web")), form).await;
    let both = "RFC 6749 §4.1.2.1, §5.2";
    let twice = app.post_raw("/token", Some(&basic("web")), "scope=a&scope=b").await;
    table.row("/token", &Error::DuplicateParameter, (400, REQUEST, "RFC 6749 §3.1, §3.2"), twice);
    table.row("/token", &Error::Missing("grant_type"), (400, REQUEST, both), token(&[]).await);
    let short = token(&redemption("x", &[("code_verifier", "short")])).await;
    table.row("/token", &Error::Invalid("code_verifier"), (400, REQUEST, both), short);
    let wire = (400, "unsupported_grant_type", "RFC 6749 §5.2");
    table.row("/token", &Error::UnsupportedGrantType, wire, token(&[("grant_type", "password")]).await);
    let not_its_own = app.post("/token", Some(&basic("few")), &[GRANT]).await;
    table.row("/token", &Error::UnauthorizedClient, (400, "unauthorized_client", both), not_its_own);
    let admin = token(&[GRANT, ("scope", "admin")]).await;
    table.row("/token", &Error::InvalidScope, (400, "invalid_scope", both), admin);
    let elsewhere = token(&[GRANT, ("resource", "https://evil.example/")]).await;
    table.row("/token", &Error::InvalidTarget, (400, "invalid_target", "RFC 8707 §2"), elsewhere);
    let details = token(&[GRANT, ("authorization_details", "[{\"type\":\"unknown\"}]")]).await;
    let wire = (400, "invalid_authorization_details", "RFC 9396 §5");
    table.row("/token", &Error::InvalidAuthorizationDetails, wire, details);
    for path in ["/revoke", "/introspect"] {
        let nothing = app.post(path, Some(&basic("web")), &[]).await;
        table.row(path, &Error::Missing("token"), (400, REQUEST, both), nothing);
    }
}

pub(super) async fn codes(table: &mut Table) {
    let app = app().await;
    app.client_with("other", |_| {}).await;
    app.client_with("oidc", |client| client.profile = Profile::Oidc).await;
    app.public("spa").await;
    let refused = |reason| Error::InvalidGrant(reason);
    let unknown = app.redeem("web", "x", &[]).await;
    table.row("/token", &refused(GrantRefusal::CodeUnknown), INVALID, unknown);
    let code = app.code("web", &[]).await;
    assert_eq!(app.redeem("web", &code, &[]).await.status, 200);
    let again = app.redeem("web", &code, &[]).await;
    table.row("/token", &refused(GrantRefusal::CodeReplayed), INVALID, again);
    let foreign = app.redeem("other", &app.code("web", &[]).await, &[]).await;
    table.row("/token", &refused(GrantRefusal::CodeForeign), INVALID, foreign);
    let elsewhere = [("redirect_uri", "https://app.example/other")];
    let differs = app.redeem("web", &app.code("web", &[]).await, &elsewhere).await;
    table.row("/token", &refused(GrantRefusal::RedirectUriDiffers), INVALID, differs);
    let missing = app.redeem("web", &app.code("web", &[]).await, &[("code_verifier", "")]).await;
    table.row("/token", &refused(GrantRefusal::VerifierMissing), INVALID, missing);
    let other = [("code_verifier", "a-verifier-of-somebody-elses-session-00000001")];
    let wrong = app.redeem("web", &app.code("web", &[]).await, &other).await;
    table.row("/token", &refused(GrantRefusal::VerifierWrong), INVALID, wrong);
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let unexpected = app.redeem("oidc", &app.code("oidc", &without).await, &[]).await;
    table.row("/token", &refused(GrantRefusal::VerifierUnexpected), INVALID, unexpected);

    let (own, thief) = (key(), key());
    let code = app.code("spa", &[("dpop_jkt", &jkt(&own))]).await;
    let form = redemption(&code, &[("client_id", "spa")]);
    let stolen = post_with(&app, "/token", &[("dpop", &proof(&thief, "/token", "1"))], &form).await;
    table.row("/token", &refused(GrantRefusal::CodeKeyDiffers), INVALID, stolen);

    let code = app.code("web", &[]).await;
    let late = app.code("web", &[]).await;
    let ada = "usr_ada".into();
    app.store.set_user_status(&ada, UserStatus::Disabled, app.clock.now()).await.unwrap();
    let disabled = app.redeem("web", &code, &[]).await;
    table.row("/token", &refused(GrantRefusal::AccountDisabled), INVALID, disabled);
    app.store.set_user_status(&ada, UserStatus::Enabled, app.clock.now()).await.unwrap();
    app.clock.advance(Duration::from_secs(61));
    let expired = app.redeem("web", &late, &[]).await;
    table.row("/token", &refused(GrantRefusal::CodeExpired), INVALID, expired);
}

pub(super) async fn refresh_tokens(table: &mut Table) {
    let app = app().await;
    app.client_with("other", |_| {}).await;
    app.public("spa").await;
    let refused = |reason| Error::InvalidGrant(reason);
    table.row("/token", &refused(GrantRefusal::RefreshUnknown), INVALID, app.refresh("web", "x").await);
    let token = app.refresh_token("web").await;
    table.row("/token", &refused(GrantRefusal::RefreshForeign), INVALID, app.refresh("other", &token).await);
    app.post("/revoke", Some(&basic("web")), &[("token", &token)]).await;
    table.row("/token", &refused(GrantRefusal::Revoked), INVALID, app.refresh("web", &token).await);

    let (own, thief) = (key(), key());
    let code = app.code("spa", &[("scope", "openid offline_access")]).await;
    let form = redemption(&code, &[("client_id", "spa")]);
    let given = post_with(&app, "/token", &[("dpop", &proof(&own, "/token", "1"))], &form).await;
    let bound = given.text("refresh_token").to_owned();
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*bound), ("client_id", "spa")];
    let stolen = post_with(&app, "/token", &[("dpop", &proof(&thief, "/token", "1"))], &form).await;
    table.row("/token", &refused(GrantRefusal::RefreshKeyDiffers), INVALID, stolen);

    let token = app.refresh_token("web").await;
    assert_eq!(app.refresh("web", &token).await.status, 200);
    app.clock.advance(Duration::from_secs(60));
    table.row("/token", &refused(GrantRefusal::RefreshReplayed), INVALID, app.refresh("web", &token).await);
    let token = app.refresh_token("web").await;
    app.clock.advance(Duration::from_secs(31 * 86_400));
    table.row("/token", &refused(GrantRefusal::RefreshExpired), INVALID, app.refresh("web", &token).await);
}

/// Token exchange (RFC 8693) and JWT bearer grants (RFC 7523).
pub(super) async fn of_others(table: &mut Table) {
    let partner = key();
    let app = App::with(ISSUER, ServerSettings::default(), with_partner(&partner)).await;
    app.person("ada").await;
    app.client_with("bearer", |client| client.grant_types = [GrantType::JwtBearer].into()).await;
    app.client_with("exchanger", |client| client.grant_types = [GrantType::TokenExchange].into()).await;
    let bring = async |assertion: &str| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion),
            ("scope", "invoices:read"),
        ];
        app.post("/token", Some(&basic("bearer")), &form).await
    };
    let unreadable = Error::InvalidGrant(GrantRefusal::Assertion(ForeignRefusal::Malformed));
    table.row("/token", &unreadable, INVALID, bring("x").await);
    let claims = json!({
        "iss": PARTNER, "sub": "ada", "aud": ISSUER, "iat": NOW, "exp": NOW + 300, "jti": "1",
    });
    let assertion = sign("JWT", &claims, &partner);
    let first = bring(&assertion).await;
    assert_eq!(first.status, 200, "{first:?}");
    let again = Error::InvalidGrant(GrantRefusal::AssertionReplayed);
    table.row("/token", &again, INVALID, bring(&assertion).await);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "x"),
        ("subject_token_type", "urn:x"),
    ];
    let kind = app.post("/token", Some(&basic("exchanger")), &form).await;
    let wire = (400, REQUEST, "RFC 8693 §2.2.2");
    table.row("/token", &Error::Exchange(ExchangeRefusal::TokenType), wire, kind);
}
