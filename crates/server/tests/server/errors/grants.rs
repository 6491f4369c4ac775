//! Where grants become tokens: grants, codes, refresh tokens, and what others give.

use std::time::Duration;

use countersign_model::{Clock as _, GrantType, Profile, UserStatus};
use countersign_oauth::{Error, ExchangeRefusal, ForeignRefusal, GrantRefusal};
use serde_json::json;

use super::addresses::{self, Address, Kind};
use super::scene::{NOW, PARTNER, app, github, jkt, key, proof, redemption, sign, with_partner};
use super::{REQUEST, Table};
use crate::support::{Answer, App, ISSUER, basic};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const INVALID: (u16, &str, &str) = (400, "invalid_grant", "RFC 6749 §5.2");

impl Table {
    /// A grant that gives nothing.
    fn no_grant(&mut self, address: &'static Address, reason: GrantRefusal, answer: Answer) {
        self.refused(address, &Error::InvalidGrant(reason), INVALID, answer);
    }
}

pub(super) async fn rows(table: &mut Table) {
    let app = app().await;
    app.client_with("few", |client| client.grant_types = [GrantType::RefreshToken].into()).await;
    let both = "RFC 6749 §4.1.2.1, §5.2";
    for address in addresses::of_grants() {
        // GitHub's clients leave `grant_type` out; what they may not leave out is the code.
        let name = if address.kind == Kind::Github { "code" } else { "grant_type" };
        let nothing = address.of(&app, "web", &[]).await;
        table.refused(address, &Error::Missing(name), (400, REQUEST, both), nothing);
        let short = address.redeem(&app, "web", "x", &[("code_verifier", "short")]).await;
        table.refused(address, &Error::Invalid("code_verifier"), (400, REQUEST, both), short);
        let wire = (400, "unsupported_grant_type", "RFC 6749 §5.2");
        let password = address.of(&app, "web", &[("grant_type", "password")]).await;
        table.refused(address, &Error::UnsupportedGrantType, wire, password);
        let not_its_own = address.of(&app, "few", &[GRANT]).await;
        let wire = (400, "unauthorized_client", both);
        table.refused(address, &Error::UnauthorizedClient, wire, not_its_own);
        let admin = address.of(&app, "web", &[GRANT, ("scope", "admin")]).await;
        table.refused(address, &Error::InvalidScope, (400, "invalid_scope", both), admin);
        let elsewhere = address.of(&app, "web", &[GRANT, ("resource", "https://evil.example/")]).await;
        let wire = (400, "invalid_target", "RFC 8707 §2");
        table.refused(address, &Error::InvalidTarget, wire, elsewhere);
        let unknown = ("authorization_details", "[{\"type\":\"unknown\"}]");
        let details = address.of(&app, "web", &[GRANT, unknown]).await;
        let wire = (400, "invalid_authorization_details", "RFC 9396 §5");
        table.refused(address, &Error::InvalidAuthorizationDetails, wire, details);
    }
    for address in ["/revoke", "/introspect"].map(addresses::named) {
        let nothing = address.of(&app, "web", &[]).await;
        table.refused(address, &Error::Missing("token"), (400, REQUEST, both), nothing);
    }
}

pub(super) async fn codes(table: &mut Table) {
    for address in addresses::of_grants() {
        let app = app().await;
        app.client_with("other", |_| {}).await;
        app.client_with("oidc", |client| client.profile = Profile::Oidc).await;
        app.public("spa").await;
        let redeem = async |id: &str, code: &str, changes: &[(&str, &str)]| {
            address.redeem(&app, id, code, changes).await
        };
        table.no_grant(address, GrantRefusal::CodeUnknown, redeem("web", "x", &[]).await);
        let code = app.code("web", &[]).await;
        assert!(redeem("web", &code, &[]).await.json["access_token"].is_string());
        table.no_grant(address, GrantRefusal::CodeReplayed, redeem("web", &code, &[]).await);
        let foreign = redeem("other", &app.code("web", &[]).await, &[]).await;
        table.no_grant(address, GrantRefusal::CodeForeign, foreign);
        let elsewhere = [("redirect_uri", "https://app.example/other")];
        let differs = redeem("web", &app.code("web", &[]).await, &elsewhere).await;
        table.no_grant(address, GrantRefusal::RedirectUriDiffers, differs);
        let missing = redeem("web", &app.code("web", &[]).await, &[("code_verifier", "")]).await;
        table.no_grant(address, GrantRefusal::VerifierMissing, missing);
        let other = [("code_verifier", "a-verifier-of-somebody-elses-session-00000001")];
        let wrong = redeem("web", &app.code("web", &[]).await, &other).await;
        table.no_grant(address, GrantRefusal::VerifierWrong, wrong);
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        let unexpected = redeem("oidc", &app.code("oidc", &without).await, &[]).await;
        table.no_grant(address, GrantRefusal::VerifierUnexpected, unexpected);

        let (own, thief) = (key(), key());
        let code = app.code("spa", &[("dpop_jkt", &jkt(&own))]).await;
        let form = redemption(&code, &[("client_id", "spa")]);
        let stolen = address.post(&app, &[("dpop", &proof(&thief, "/token", "1"))], &form).await;
        table.no_grant(address, GrantRefusal::CodeKeyDiffers, stolen);

        let code = app.code("web", &[]).await;
        let late = app.code("web", &[]).await;
        let ada = "usr_ada".into();
        app.store.set_user_status(&ada, UserStatus::Disabled, app.clock.now()).await.unwrap();
        table.no_grant(address, GrantRefusal::AccountDisabled, redeem("web", &code, &[]).await);
        app.store.set_user_status(&ada, UserStatus::Enabled, app.clock.now()).await.unwrap();
        app.clock.advance(Duration::from_secs(61));
        table.no_grant(address, GrantRefusal::CodeExpired, redeem("web", &late, &[]).await);
    }
}

pub(super) async fn refresh_tokens(table: &mut Table) {
    for address in addresses::of_grants() {
        let app = app().await;
        app.client_with("other", |_| {}).await;
        app.public("spa").await;
        let refresh = async |id: &str, token: &str| address.refresh(&app, id, token).await;
        table.no_grant(address, GrantRefusal::RefreshUnknown, refresh("web", "x").await);
        let token = app.refresh_token("web").await;
        table.no_grant(address, GrantRefusal::RefreshForeign, refresh("other", &token).await);
        app.post("/revoke", Some(&basic("web")), &[("token", &token)]).await;
        table.no_grant(address, GrantRefusal::Revoked, refresh("web", &token).await);

        let (own, thief) = (key(), key());
        let code = app.code("spa", &[("scope", "openid offline_access")]).await;
        let form = redemption(&code, &[("client_id", "spa")]);
        let given = address.post(&app, &[("dpop", &proof(&own, "/token", "1"))], &form).await;
        let bound = given.text("refresh_token").to_owned();
        let form = [("grant_type", "refresh_token"), ("refresh_token", &*bound), ("client_id", "spa")];
        let stolen = address.post(&app, &[("dpop", &proof(&thief, "/token", "1"))], &form).await;
        table.no_grant(address, GrantRefusal::RefreshKeyDiffers, stolen);

        let token = app.refresh_token("web").await;
        assert!(refresh("web", &token).await.json["access_token"].is_string());
        app.clock.advance(Duration::from_secs(60));
        table.no_grant(address, GrantRefusal::RefreshReplayed, refresh("web", &token).await);
        let token = app.refresh_token("web").await;
        app.clock.advance(Duration::from_secs(31 * 86_400));
        table.no_grant(address, GrantRefusal::RefreshExpired, refresh("web", &token).await);
    }
}

/// Token exchange (RFC 8693) and JWT bearer grants (RFC 7523).
pub(super) async fn of_others(table: &mut Table) {
    let partner = key();
    let app = App::with(ISSUER, github(), with_partner(&partner)).await;
    app.person("ada").await;
    app.client_with("bearer", |client| client.grant_types = [GrantType::JwtBearer].into()).await;
    app.client_with("exchanger", |client| client.grant_types = [GrantType::TokenExchange].into()).await;
    for address in addresses::of_grants() {
        let bring = async |assertion: &str| {
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", assertion),
                ("scope", "invoices:read"),
            ];
            address.of(&app, "bearer", &form).await
        };
        let unreadable = GrantRefusal::Assertion(ForeignRefusal::Malformed);
        table.no_grant(address, unreadable, bring("x").await);
        let claims = json!({
            "iss": PARTNER, "sub": "ada", "aud": ISSUER, "iat": NOW, "exp": NOW + 300, "jti": address.path,
        });
        let assertion = sign("JWT", &claims, &partner);
        let first = bring(&assertion).await;
        assert!(first.json["access_token"].is_string(), "{first:?}");
        table.no_grant(address, GrantRefusal::AssertionReplayed, bring(&assertion).await);
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", "x"),
            ("subject_token_type", "urn:x"),
        ];
        let kind = address.of(&app, "exchanger", &form).await;
        let wire = (400, REQUEST, "RFC 8693 §2.2.2");
        table.refused(address, &Error::Exchange(ExchangeRefusal::TokenType), wire, kind);
    }
}
