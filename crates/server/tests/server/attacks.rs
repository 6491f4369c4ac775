//! RFC 9700 §4, attack by attack, where HTTP is what stops it. The rest is in the engine's tests of the same name.

use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::{Algorithm, SigningKey};
use countersign_model::{CertificateName, Client, ClientAuthentication, ClientId, Clock as _, GrantType};
use countersign_server::ServerSettings;
use serde_json::json;

use crate::browser::{Browser, encode};
use crate::support::{Answer, App, ISSUER, PASSWORD, REDIRECT, VERIFIER, authorization};

/// A public client whose tokens are bound to a key where it proves one.
async fn app() -> App {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let client = Client {
        redirect_uris: vec![REDIRECT.to_owned()],
        grant_types: [GrantType::AuthorizationCode].into(),
        scopes: "openid email invoices:read".parse().unwrap(),
        first_party: true,
        ..Client::new(ClientId::from("spa"), app.clock.now())
    };
    app.store.create_client(&client).await.unwrap();
    app
}

fn proof(key: &SigningKey, method: &str, path: &str, more: serde_json::Value) -> String {
    let mut claims = json!({
        "jti": format!("{method} {path}"), "htm": method, "htu": format!("{ISSUER}{path}"), "iat": 1_790_000_000,
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.public_jwk_value().unwrap() });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&header), part(&claims));
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap()))
}

/// §4.2 and §4.3: no page tells another site where it came from, and nothing that holds a secret is kept in a cache.
#[tokio::test]
async fn section_4_2_and_4_3_no_referrer_and_no_copy() {
    let app = app().await;
    let mut browser = Browser::new(&app);
    let sign_in = browser.get(&authorization("web", &[])).await;
    let consent = browser.submit(&sign_in, &[("username", "ada"), ("password", PASSWORD)]).await;
    let back = browser.submit(&consent, &[("decision", "allow")]).await;
    for page in [&sign_in, &consent, &back] {
        assert_eq!(page.headers["referrer-policy"], "no-referrer", "{}", page.address);
        assert_eq!(page.headers["cache-control"], "no-store", "{}", page.address);
    }
    // §4.2.3: nothing foreign is loaded by a page that has a request in its address.
    let policy = consent.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("img-src *"), "{policy}");
}

/// §4.10: a stolen access token that is bound to a key opens nothing without it, at our own resource too.
#[tokio::test]
async fn section_4_10_a_stolen_token_is_bound() {
    let app = app().await;
    let (own, thief) =
        (SigningKey::generate(Algorithm::ES256).unwrap(), SigningKey::generate(Algorithm::ES256).unwrap());
    let back = Browser::new(&app).agree(&authorization("spa", &[])).await;
    let form = encode([
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", &back.answer("code").unwrap()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]);
    let request = Request::post("/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("dpop", proof(&own, "POST", "/token", json!({})));
    let tokens = Answer::of(app.send(request.body(Body::from(form)).unwrap()).await).await;
    assert_eq!((tokens.status, tokens.text("token_type")), (200, "DPoP"), "{tokens:?}");
    let token = tokens.text("access_token");
    let ath = countersign_model::TokenHash::of(token.as_bytes()).to_base64url();
    let ask = async |scheme: &str, proof: Option<String>| {
        let mut request =
            Request::get("/userinfo").header(header::AUTHORIZATION, format!("{scheme} {token}"));
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        app.send(request.body(Body::empty()).unwrap()).await.status().as_u16()
    };
    let with = |key: &SigningKey| Some(proof(key, "GET", "/userinfo", json!({ "ath": ath })));
    assert_eq!(ask("Bearer", None).await, 401);
    assert_eq!(ask("DPoP", None).await, 401);
    assert_eq!(ask("DPoP", with(&thief)).await, 401);
    assert_eq!(ask("DPoP", with(&own)).await, 200);
    assert_eq!(ask("DPoP", with(&own)).await, 401, "and a proof counts once");
}

/// §4.13: behind a reverse proxy that ends TLS. What a proxy would say of a certificate is not believed of anybody else, so
/// nobody becomes a client by a header.
#[tokio::test]
async fn section_4_13_no_client_by_a_header() {
    let app = App::with(ISSUER, ServerSettings::default(), |settings| {
        settings.mtls_url = Some("https://mtls.auth.example".to_owned());
    })
    .await;
    let client = Client {
        authentication: ClientAuthentication::TlsClientAuth,
        certificate_name: Some(CertificateName::SanDns("billing.example".to_owned())),
        grant_types: [GrantType::ClientCredentials].into(),
        ..Client::new(ClientId::from("billing"), app.clock.now())
    };
    app.store.create_client(&client).await.unwrap();
    let form = encode([("grant_type", "client_credentials"), ("client_id", "billing")]);
    for (name, value) in [
        ("client-cert", ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6:"),
        ("x-forwarded-client-cert", "By=spiffe://x;Subject=\"CN=billing\";DNS=billing.example"),
        ("x-ssl-client-cert", "-----BEGIN%20CERTIFICATE-----"),
        ("x-ssl-client-verify", "SUCCESS"),
        ("ssl-client-s-dn", "CN=billing"),
    ] {
        let request = Request::post("/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(name, value);
        let answer = Answer::of(app.send(request.body(Body::from(form.clone())).unwrap()).await).await;
        assert_eq!((answer.status, answer.text("error")), (401, "invalid_client"), "{name}");
    }
}

/// §4.16: clickjacking. Every page says that it stands in no frame, errors included.
#[tokio::test]
async fn section_4_16_no_page_in_a_frame() {
    let app = app().await;
    for address in
        ["/", "/sign-in", "/device", "/account", "/sign-out", "/authorize", "/nowhere", "/consent?continue=x"]
    {
        let page = Browser::new(&app).get(address).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("frame-ancestors 'none'"), "{address}: {policy}");
        assert_eq!(page.headers["x-frame-options"], "DENY", "{address}");
    }
}

/// §4.17: communication within the browser. No answer is handed to another window by script: there is no such response
/// mode, no script of ours that could, and no page lets others run.
#[tokio::test]
async fn section_4_17_nothing_is_posted_to_other_windows() {
    let app = app().await;
    let metadata = Request::get("/.well-known/openid-configuration").body(Body::empty()).unwrap();
    let metadata = Answer::of(app.send(metadata).await).await;
    let modes = metadata.json["response_modes_supported"].as_array().unwrap();
    assert!(!modes.iter().any(|mode| mode.as_str().unwrap().contains("web_message")), "{modes:?}");
    let back = Browser::new(&app).get(&authorization("spa", &[("response_mode", "web_message")])).await;
    assert_eq!(back.answer("error").as_deref(), Some("invalid_request"));
    assert!(back.answer("code").is_none());
    for script in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/scripts")).unwrap() {
        let text = std::fs::read_to_string(script.unwrap().path()).unwrap();
        assert!(
            !text.contains("postMessage") && !text.contains("opener") && !text.contains("BroadcastChannel")
        );
    }
    let page = Browser::new(&app).get(&authorization("web", &[])).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"), "{policy}");
    assert_eq!(page.headers["cross-origin-opener-policy"], "same-origin");
}
