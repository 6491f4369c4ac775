//! The extensions, from the browser's link to the token, over HTTP: clients known by a document, request objects by reference,
//! encrypted answers, signed introspection.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::jwe::{self, ContentEncryption, DecryptionKey};
use countersign_jose::{Algorithm, SigningKey, jws};
use countersign_model::{
    Ceiling, Client, ClientId, ClientOrigin, Clock as _, GrantType, SecretBytes, TokenHash,
};
use countersign_oauth::ports::Clients as _;
use countersign_oauth::register::ClientDocumentPolicy;
use countersign_server::ServerSettings;
use serde_json::{Value, json};

use crate::browser::{Browser, encode};
use crate::support::{Answer, App, ISSUER, REDIRECT, VERIFIER, authorization, basic, web_client};

const NOW: i64 = 1_790_000_000;

fn claims(jwt: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn header_of(jwt: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap()).unwrap()
}

fn redemption(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]
}

/// OAuth Client ID Metadata Document: a client that nobody registered goes the whole way under its URL.
#[tokio::test]
async fn a_client_known_by_its_document() {
    let app = App::with(ISSUER, ServerSettings::default(), |settings| {
        settings.client_documents = Some(ClientDocumentPolicy::default());
    })
    .await;
    app.person("ada").await;
    let metadata = Request::get("/.well-known/oauth-authorization-server").body(Body::empty()).unwrap();
    let metadata = Answer::of(app.send(metadata).await).await;
    assert_eq!(metadata.json["client_id_metadata_document_supported"], true);
    let id = "https://bank.example/client.json";
    let back = Browser::new(&app).agree(&authorization(id, &[("scope", "openid email")])).await;
    let code = back.answer("code").unwrap();
    let mut form = redemption(&code).to_vec();
    form.push(("client_id", id));
    let tokens = app.post("/token", None, &form).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert_eq!(claims(tokens.text("access_token"))["client_id"], id);
    assert_eq!(claims(tokens.text("id_token"))["aud"], id);
    let bearer = format!("Bearer {}", tokens.text("access_token"));
    let who = Request::get("/userinfo").header(header::AUTHORIZATION, bearer).body(Body::empty()).unwrap();
    assert_eq!(Answer::of(app.send(who).await).await.text("email"), "ada@example.org");

    // What is no metadata that can be used is shown here, and nobody is sent anywhere.
    for name in ["another", "secret", "greedy", "gone"] {
        let id = format!("https://bank.example/{name}");
        let page = Browser::new(&app).get(&authorization(&id, &[])).await;
        assert_eq!((page.status.as_u16(), page.location()), (400, None), "{name}");
        assert!(page.shows("invalid_client"), "{page:?}");
    }
    for id in ["http://bank.example/client", "https://bank.example", "https://bank.example/a#b"] {
        let page = Browser::new(&app).get(&authorization(id, &[])).await;
        assert_eq!((page.status.as_u16(), page.location()), (400, None), "{id}");
    }
}

/// The document says what it likes; what the operator took away is not given back with the next look at it.
#[tokio::test]
async fn a_document_brings_back_nothing_that_the_operator_took_away() {
    let app = App::with(ISSUER, ServerSettings::default(), |settings| {
        settings.client_documents = Some(ClientDocumentPolicy::default());
    })
    .await;
    app.person("ada").await;
    let id = "https://bank.example/client.json";
    let key = ClientId::from(id);
    let ask = async |scope: &str| {
        let mut browser = Browser::new(&app);
        browser.agree(&authorization(id, &[("scope", scope), ("prompt", "consent")])).await
    };
    let known = async || app.store.client(&key).await.unwrap().unwrap();
    assert!(ask("openid email").await.answer("code").is_some());
    // As `client update --scopes openid --grant authorization_code` has it.
    let (before, grants) = (known().await, BTreeSet::from([GrantType::AuthorizationCode]));
    let mut after = Client::clone(&before);
    after.ceiling = Ceiling { grant_types: Some(grants), scopes: Some("openid".parse().unwrap()) };
    assert!(app.store.change_client(&before, &after.within_ceiling(), app.clock.now()).await.unwrap());
    for days in [0, 2] {
        app.clock.advance(Duration::from_secs(days * 86_400));
        let refused = ask("openid email").await;
        assert_eq!(refused.answer("error").as_deref(), Some("invalid_scope"), "{refused:?}");
        assert!(ask("openid").await.answer("code").is_some());
    }
    let ClientOrigin::MetadataDocument { fresh_until } = known().await.origin else { panic!("it is one") };
    assert!(fresh_until > app.clock.now(), "it was fetched again");
    assert_eq!(known().await.grant_types, BTreeSet::from([GrantType::AuthorizationCode]));
}

/// RFC 9101 §5.2: the request object is at a URL that the client registered.
#[tokio::test]
async fn a_request_object_by_reference() {
    let app = App::new().await;
    app.person("ada").await;
    let (key, url) = (SigningKey::generate(Algorithm::ES256).unwrap(), "https://app.example/request.jwt");
    let mut client = web_client("web", app.clock.now());
    client.jwks = Some(json!({ "keys": [key.public_jwk_value().unwrap()] }));
    client.authorization.request_uris = vec![url.to_owned()];
    app.store.create_client(&client).await.unwrap();
    let challenge = TokenHash::of(VERIFIER.as_bytes()).to_base64url();
    let object = |key: &SigningKey| {
        let claims = json!({
            "iss": "web", "aud": ISSUER, "client_id": "web", "exp": NOW + 300, "nbf": NOW, "response_type": "code",
            "redirect_uri": REDIRECT, "scope": "openid", "state": "signed", "code_challenge": challenge,
            "code_challenge_method": "S256",
        });
        jws::sign_compact(Some("oauth-authz-req+jwt"), claims.to_string().as_bytes(), key).unwrap()
    };
    app.published.put(url, format!("{}\n", object(&key)));
    let by = |uri: &str| {
        format!(
            "/authorize?{}",
            encode([("client_id", "web"), ("request_uri", uri), ("scope", "openid email")])
        )
    };
    let back = Browser::new(&app).agree(&by(url)).await;
    assert_eq!(back.answer("state").as_deref(), Some("signed"));
    let tokens = app.post("/token", Some(&basic("web")), &redemption(&back.answer("code").unwrap())).await;
    assert_eq!(
        (tokens.status, tokens.text("scope")),
        (200, "openid"),
        "RFC 9101 §6.3: what is beside it does not count"
    );

    // RFC 9101 §10.4: nothing else is fetched, and what is there must be the client's.
    let refused = async |uri: &str| {
        let page = Browser::new(&app).get(&by(uri)).await;
        assert_eq!((page.status.as_u16(), page.location()), (400, None), "{uri}");
        page
    };
    app.published.put("https://app.example/other.jwt", object(&key));
    for uri in [
        "https://app.example/other.jwt",
        "https://app.example/request.jwt?x",
        "http://169.254.169.254/latest",
    ] {
        assert!(refused(uri).await.shows("invalid_request_uri"), "{uri}");
    }
    app.published.put(url, object(&SigningKey::generate(Algorithm::ES256).unwrap()));
    assert!(refused(url).await.shows("invalid_request_object"));
    app.published.put(url, "<html>");
    assert!(refused(url).await.shows("invalid_request_object"));
}

/// JARM §2.2: signed by the server, then encrypted to the client's key, in each mode.
#[tokio::test]
async fn an_answer_that_is_signed_and_encrypted() {
    let app = App::new().await;
    app.person("ada").await;
    let (own, jwk) = DecryptionKey::from_p256_number(&SecretBytes::new(vec![9; 32])).unwrap();
    let mut client = web_client("web", app.clock.now());
    client.jwks = Some(json!({ "keys": [jwk] }));
    client.authorization.authorization_encrypted_response_alg = Some("ECDH-ES".to_owned());
    client.authorization.authorization_encrypted_response_enc = Some("A256GCM".to_owned());
    app.store.create_client(&client).await.unwrap();
    let open = |sealed: &str| {
        let opened = jwe::parse(sealed).unwrap().decrypt(&own, &[ContentEncryption::A256Gcm]).unwrap();
        String::from_utf8(opened.expose().clone()).unwrap()
    };
    let mut browser = Browser::new(&app);
    for mode in ["jwt", "query.jwt"] {
        let back = browser.agree(&authorization("web", &[("response_mode", mode)])).await;
        assert!(back.answer("code").is_none() && back.answer("state").is_none(), "nothing beside it");
        let signed = open(&back.answer("response").unwrap());
        let answer = claims(&signed);
        assert_eq!((&answer["iss"], &answer["aud"]), (&json!(ISSUER), &json!("web")));
        let tokens =
            app.post("/token", Some(&basic("web")), &redemption(answer["code"].as_str().unwrap())).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
    }
    let page = browser.get(&authorization("web", &[("response_mode", "form_post.jwt")])).await;
    let (action, fields) = page.form(&[]);
    assert_eq!(action, REDIRECT);
    let sealed =
        url::form_urlencoded::parse(fields.as_bytes()).find(|(name, _)| name == "response").unwrap().1;
    assert!(claims(&open(&sealed))["code"].is_string());
    // Errors go the same way.
    let back = browser.get(&authorization("web", &[("response_mode", "jwt"), ("scope", "admin")])).await;
    assert_eq!(claims(&open(&back.answer("response").unwrap()))["error"], "invalid_scope");
}

/// RFC 9701 §4: `Accept` asks for the signature.
#[tokio::test]
async fn introspection_is_signed_for_who_asks() {
    let app = App::new().await;
    app.client("web").await;
    let mut api = web_client("api", app.clock.now());
    api.may_introspect = true;
    app.store.create_client(&api).await.unwrap();
    let grant = [("grant_type", "client_credentials"), ("scope", "invoices:read")];
    let token = app.post("/token", Some(&basic("web")), &grant).await.text("access_token").to_owned();
    let ask = async |accept: &str, authorization: Option<String>| {
        let mut request = Request::post("/introspect")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, accept);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        app.send(request.body(Body::from(encode([("token", token.as_str())]))).unwrap()).await
    };
    let signed = "application/token-introspection+jwt";
    for accept in [signed, "application/json;q=0.5, application/token-introspection+jwt"] {
        let answer = ask(accept, Some(basic("api"))).await;
        assert_eq!(answer.headers()[header::CONTENT_TYPE], signed, "{accept}");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        let jwt = crate::support::read(answer).await;
        assert_eq!(header_of(&jwt)["typ"], "token-introspection+jwt");
        assert_eq!(claims(&jwt)["aud"], "api");
        assert_eq!(claims(&jwt)["token_introspection"]["active"], true);
        assert_eq!(claims(&jwt)["token_introspection"]["scope"], "invoices:read");
    }
    for accept in ["application/json", "*/*", "application/token-introspection+jwt;q=0"] {
        let answer = Answer::of(ask(accept, Some(basic("api"))).await).await;
        assert_eq!(
            (answer.header("content-type"), &answer.json["active"]),
            ("application/json", &json!(true)),
            "{accept}"
        );
    }
    let refused = Answer::of(ask(signed, None).await).await;
    assert_eq!((refused.status, refused.text("error")), (401, "invalid_client"));
    assert_eq!(refused.header("content-type"), "application/json");
}
