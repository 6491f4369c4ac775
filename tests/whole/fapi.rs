//! FAPI 2.0 Security Profile in the whole product: a pushed request, PKCE, `private_key_jwt` and a DPoP key, from the form
//! to the service behind the gateway.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::{Algorithm, SigningKey};
use countersign_model::{Client, ClientAuthentication, ClientId, GrantType, Profile, TokenHash};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Answer, House, ISSUER, REDIRECT, START, scopes};

const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more-0123";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A compact JWS.
fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}

/// The application: its keys, and the house it calls.
struct App {
    house: House,
    key: SigningKey,
    dpop: SigningKey,
}

impl App {
    async fn new() -> Self {
        let (house, key) = (House::new().await, SigningKey::generate(Algorithm::ES256).unwrap());
        let client = Client {
            profile: Profile::Fapi2Security,
            authentication: ClientAuthentication::PrivateKeyJwt,
            jwks: Some(json!({ "keys": [key.public_jwk_value().unwrap()] })),
            dpop_bound_access_tokens: true,
            redirect_uris: vec![REDIRECT.to_owned()],
            grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
            scopes: scopes("openid offline_access orders.read"),
            ..Client::new(ClientId::from("bank"), house.bench.now())
        };
        house.store().create_client(&client).await.unwrap();
        Self { house, key, dpop: SigningKey::generate(Algorithm::ES256).unwrap() }
    }

    fn now(&self) -> i64 {
        self.house.bench.now().seconds()
    }

    /// RFC 7523 §3. FAPI 2.0 Security Profile §5.3.2.1, point 8: for the issuer, and for nothing else.
    fn assertion(&self, audience: &str, jti: &str) -> String {
        let (header, now) = (json!({ "alg": "ES256" }), self.now());
        let claims =
            json!({ "iss": "bank", "sub": "bank", "aud": audience, "jti": jti, "iat": now, "exp": now + 60 });
        signed(&self.key, &header, &claims)
    }

    /// RFC 9449 §4.2.
    fn proof(&self, key: &SigningKey, (method, url): (&str, &str), jti: &str, token: Option<&str>) -> String {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.public_jwk_value().unwrap() });
        let mut claims = json!({ "jti": jti, "htm": method, "htu": url, "iat": self.now() });
        if let Some(token) = token {
            claims["ath"] = TokenHash::of(token.as_bytes()).to_base64url().into();
        }
        signed(key, &header, &claims)
    }

    async fn post(
        &self,
        target: &str,
        assertion: &str,
        proof: Option<&str>,
        form: &[(&str, &str)],
    ) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .extend_pairs([("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)])
            .finish();
        let headers: Vec<_> = proof.map(|proof| ("dpop", proof)).into_iter().collect();
        self.house.server(Method::POST, target, &headers, Some(form)).await
    }

    async fn push(&self, assertion: &str, changes: &[(&str, &str)]) -> Answer {
        let challenge = TokenHash::of(VERIFIER.as_bytes()).to_base64url();
        let mut form = vec![
            ("response_type", "code"),
            ("client_id", "bank"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid offline_access orders.read"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        form.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        form.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        self.post("/par", assertion, None, &form).await
    }

    /// A code, by way of the pages.
    async fn code(&self, jti: &str) -> String {
        let pushed = self.push(&self.assertion(ISSUER, jti), &[]).await;
        assert_eq!(pushed.status, StatusCode::CREATED, "{pushed:?}");
        let request = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", "bank"), ("request_uri", &pushed.text("request_uri"))])
            .finish();
        let back = self.house.browser().authorize(&format!("/authorize?{request}"), "alice").await;
        let back = url::Url::parse(&back).unwrap();
        let find = |name: &str| back.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value);
        // RFC 9207 §2.
        assert_eq!(find("iss").as_deref(), Some(ISSUER), "{back}");
        find("code").unwrap_or_else(|| panic!("no code: {back}")).into_owned()
    }

    async fn redeem(&self, code: &str, assertion: &str, proof: Option<&str>) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.post("/token", assertion, proof, &form).await
    }

    /// A proof for the token endpoint.
    fn token_proof(&self, jti: &str) -> String {
        self.proof(&self.dpop, ("POST", &format!("{ISSUER}/token")), jti, None)
    }

    async fn call(&self, scheme: &str, token: &str, proof: &str) -> Answer {
        let authorization = format!("{scheme} {token}");
        self.house.gateway("/orders", &[("authorization", &authorization), ("dpop", proof)]).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_pushed_request_to_the_service() {
    let app = App::new().await;
    let code = app.code("push").await;
    let tokens = app.redeem(&code, &app.assertion(ISSUER, "redeem"), Some(&app.token_proof("redeem"))).await;
    assert_eq!((tokens.status, tokens.text("token_type").as_str()), (StatusCode::OK, "DPoP"), "{tokens:?}");
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));

    let orders = ("GET", "http://localhost/orders");
    let proof = |key: &SigningKey, jti: &str| app.proof(key, orders, jti, Some(&access));
    let first = proof(&app.dpop, "first");
    let answer = app.call("DPoP", &access, &first).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.seen("countersign-subject").as_deref(), Some("usr_alice"));
    assert_eq!(answer.seen("countersign-client").as_deref(), Some("bank"));
    assert_eq!(answer.seen("dpop"), None, "the proof was for the gateway");

    // The proof again; a proof by another key, for another address, of another token; none by its name.
    let stranger = SigningKey::generate(Algorithm::ES256).unwrap();
    let elsewhere = app.proof(&app.dpop, ("GET", "http://localhost/"), "elsewhere", Some(&access));
    let other_token = app.proof(&app.dpop, orders, "other", Some("another token"));
    for (scheme, proof) in [
        ("DPoP", first),
        ("DPoP", proof(&stranger, "stranger")),
        ("DPoP", elsewhere),
        ("DPoP", other_token),
        ("Bearer", proof(&app.dpop, "bearer")),
    ] {
        let answer = app.call(scheme, &access, &proof).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{scheme}: {answer:?}");
    }

    // FAPI 2.0 Security Profile §5.3.2.1, point 9: the refresh token stays, and is of use with its key alone.
    app.house.bench.pass(Duration::from_secs(120));
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let renewed =
        app.post("/token", &app.assertion(ISSUER, "renew"), Some(&app.token_proof("renew")), &form).await;
    assert_eq!(renewed.status, StatusCode::OK, "{renewed:?}");
    assert_eq!(renewed.json()["refresh_token"].as_str().unwrap_or(&refresh), refresh);
    let access = renewed.text("access_token");
    let proof = app.proof(&app.dpop, orders, "renewed", Some(&access));
    assert_eq!(app.call("DPoP", &access, &proof).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_profile_refuses() {
    let app = App::new().await;
    // §5.3.2.2, point 2 and 3: nothing but pushed requests, and from clients that prove who they are.
    let request = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", "bank"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid"),
            ("code_challenge", &TokenHash::of(VERIFIER.as_bytes()).to_base64url()),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let back = app.house.browser().authorize(&format!("/authorize?{request}"), "alice").await;
    assert!(back.starts_with(REDIRECT) && back.contains("error=invalid_request"), "{back}");

    // §5.3.2.2, point 5: PKCE by S256. §5.3.2.1, point 8: an assertion for the issuer. Each counts once.
    let pushed = app.push(&app.assertion(ISSUER, "a"), &[("code_challenge", "")]).await;
    assert_eq!(pushed.text("error"), "invalid_request", "{pushed:?}");
    for audience in [format!("{ISSUER}/par"), format!("{ISSUER}/token")] {
        let pushed = app.push(&app.assertion(&audience, "b"), &[]).await;
        assert_eq!(
            (pushed.status, pushed.text("error").as_str()),
            (StatusCode::UNAUTHORIZED, "invalid_client")
        );
    }
    let once = app.assertion(ISSUER, "c");
    assert_eq!(app.push(&once, &[]).await.status, StatusCode::CREATED);
    assert_eq!(app.push(&once, &[]).await.text("error"), "invalid_client");

    // §5.3.2.1, point 5: no token without a key.
    let code = app.code("d").await;
    let refused = app.redeem(&code, &app.assertion(ISSUER, "e"), None).await;
    assert_eq!(refused.text("error"), "invalid_request", "{refused:?}");
    assert_eq!(app.now(), START, "all at once");
}
