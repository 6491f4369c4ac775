//! Dynamic client registration (RFC 7591).

use countersign_jose::{Algorithm, JwkSet, SigningKey, jws};
use countersign_model::*;
use countersign_oauth::register::{RegistrationAccess, StatementIssuer, StatementKeys};
use countersign_oauth::{Error, RegisteredClient, RegistrationRefusal, Settings};
use serde_json::{Value, json};

use crate::support::*;

/// What anybody may register, with changes: null takes a member away.
pub(crate) fn metadata(changes: Value) -> Vec<u8> {
    let mut document = json!({
        "client_name": "An application",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid read",
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string().into_bytes()
}

pub(crate) fn open(settings: &mut Settings) {
    settings.registration.access = RegistrationAccess::Open;
    settings.registration.grant_types.insert(GrantType::ClientCredentials);
    settings.registration.scopes = scopes("openid profile offline_access read write");
}

pub(crate) async fn open_house() -> House {
    House::with(open, Algorithm::ES256).await
}

impl House {
    pub(crate) async fn register(&self, changes: Value) -> Result<RegisteredClient, Error> {
        self.engine.register(None, &metadata(changes)).await
    }
}

pub(crate) fn told(registered: &RegisteredClient) -> Value {
    serde_json::from_slice(&registered.to_json()).unwrap()
}

fn public_jwk(algorithm: Algorithm) -> Value {
    SigningKey::generate(algorithm).unwrap().public_jwk_value().unwrap()
}

/// MCP Authorization, "Step-Up Authorization Flow": who registered for what the first challenge named may ask for what
/// the second one names, and never for more than the operator lets such clients have.
#[tokio::test]
async fn where_the_profile_says_so_scopes_are_a_beginning() {
    let mcp = |settings: &mut Settings| {
        open(settings);
        settings.registration.profiles = vec![Profile::Mcp];
    };
    let house = House::with(mcp, Algorithm::ES256).await;
    let registered = house.register(json!({"scope": "read"})).await.unwrap();
    assert_eq!(registered.client.profile, Profile::Mcp);
    assert_eq!(registered.client.default_scopes, scopes("read"));
    assert_eq!(told(&registered)["scope"], "offline_access openid profile read write", "RFC 7591 §3.2.1");
    assert!(house.register(json!({"scope": "admin"})).await.is_err());
    let elsewhere = house.register(json!({"redirect_uris": ["com.example.app:/cb"]})).await;
    assert!(matches!(elsewhere, Err(Error::Registration(RegistrationRefusal::RedirectUri(_)))));

    let house = open_house().await;
    let registered = house.register(json!({"scope": "read"})).await.unwrap();
    assert_eq!(told(&registered)["scope"], "read");
}

#[tokio::test]
async fn a_client_registers_and_is_told_everything() {
    let house = open_house().await;
    let registered = house
        .register(json!({
            "token_endpoint_auth_method": "client_secret_basic",
            "client_name#de": "Eine Anwendung",
            "logo_uri": "https://app.example/logo.png",
            "client_uri": "https://app.example/",
            "policy_uri": "https://app.example/privacy",
            "tos_uri": "https://app.example/terms",
            "contacts": ["ada@app.example"],
            "software_id": "4NRB1-0XZABZI9E6-5SM3R",
            "software_version": "2.1",
            "jwks_uri": "https://app.example/jwks",
            "extension_nobody_knows": {"a": 1},
        }))
        .await
        .unwrap();
    let told = told(&registered);
    let sent: Value = serde_json::from_slice(&metadata(json!({}))).unwrap();
    for name in ["client_name", "redirect_uris", "grant_types", "response_types", "scope"] {
        assert_eq!(told[name], sent[name], "{name}");
    }
    assert_eq!(told["client_name#de"], "Eine Anwendung");
    assert_eq!(told["application_type"], "web");
    assert_eq!(told["contacts"], json!(["ada@app.example"]));
    assert_eq!(told["jwks_uri"], "https://app.example/jwks");
    assert_eq!(told["client_id_issued_at"], START);
    // RFC 7591 §3.2.1: needed with a secret.
    assert_eq!(told["client_secret_expires_at"], 0);
    let id = told["client_id"].as_str().unwrap();
    assert_eq!(told["registration_client_uri"], format!("{ISSUER}/register/{id}"));
    assert!(told["registration_access_token"].as_str().unwrap().starts_with("cst_rg_"));
    assert!(told.get("extension_nobody_knows").is_none(), "what is not understood is ignored");
    // Nothing but hashes is kept.
    let kept = house.memory.tables().clients[&ClientId::from(id)].clone();
    let text = serde_json::to_string(&*kept).unwrap();
    assert!(!text.contains(told["client_secret"].as_str().unwrap()));
    assert_eq!(kept.origin, ClientOrigin::Registration);
    assert!(!kept.first_party && !kept.may_introspect && kept.owner.is_none());
}

#[tokio::test]
async fn what_is_left_out_has_the_defaults_of_the_specification() {
    let house = open_house().await;
    let registered = house
        .engine
        .register(None, json!({"redirect_uris": [CALLBACK]}).to_string().as_bytes())
        .await
        .unwrap();
    let told = told(&registered);
    // RFC 7591 §2.
    assert_eq!(told["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(told["grant_types"], json!(["authorization_code"]));
    assert_eq!(told["response_types"], json!(["code"]));
    assert_eq!(told["client_name"], told["client_id"], "people are shown the client_id then");
    assert_eq!(told["scope"], "offline_access openid profile read write");
}

#[tokio::test]
async fn a_registered_client_goes_the_whole_way() {
    let house = open_house().await;
    let registered = house.register(json!({})).await.unwrap();
    let id = registered.client.client_id.to_string();
    let code = house.code(&request(&id, &[])).await;
    let tokens = house.token_public(&id, &redemption(&code)).await.unwrap();
    assert_eq!(tokens.scope, scopes("openid read"));
    assert!(tokens.refresh_token.is_some());
}

#[tokio::test]
async fn redirect_uris_that_are_refused() {
    let house = open_house().await;
    let cases = [
        // RFC 7591 §2, RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1.
        json!({"redirect_uris": null}),
        json!({"redirect_uris": []}),
        json!({"redirect_uris": "https://app.example/cb"}),
        json!({"redirect_uris": [1]}),
        json!({"redirect_uris": vec!["https://app.example/"; 17]}),
        json!({"redirect_uris": ["/cb"]}),
        json!({"redirect_uris": ["https://app.example/cb#f"]}),
        json!({"redirect_uris": ["https://*.app.example/cb"]}),
        json!({"redirect_uris": ["https://user@app.example/cb"]}),
        json!({"redirect_uris": ["https://app.example/c b"]}),
        json!({"redirect_uris": ["https://app.example\\@evil.example/"]}),
        json!({"redirect_uris": ["http://app.example/cb"]}),
        json!({"redirect_uris": ["http://192.0.2.1/cb"]}),
        json!({"redirect_uris": ["http://localhost.evil.example/cb"]}),
        json!({"redirect_uris": ["javascript:alert(1)"]}),
        json!({"redirect_uris": ["data:text/html,x"]}),
        json!({"redirect_uris": ["app:/cb"]}),
        json!({"redirect_uris": ["com.example.app:cb"]}),
        json!({"redirect_uris": ["com..app:/cb"]}),
        json!({"redirect_uris": ["com.example.app:/cb"], "application_type": "web"}),
        json!({"redirect_uris": ["http://127.0.0.1/cb"], "application_type": "web"}),
        json!({"redirect_uris": ["https://localhost/cb"], "application_type": "web"}),
    ];
    for changes in cases {
        let error = house.register(changes.clone()).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (400, "invalid_redirect_uri"), "{changes}: {error}");
        assert_eq!(error.section(), "RFC 7591 §3.2.2");
    }
    assert!(house.memory.tables().clients.is_empty(), "nothing of what was refused is kept");
}

#[tokio::test]
async fn every_other_refusal_has_its_code() {
    let house = open_house().await;
    let private = {
        let mut jwk = public_jwk(Algorithm::ES256);
        jwk["d"] = "AQ".into();
        json!({"keys": [jwk]})
    };
    let meta = "invalid_client_metadata";
    let cases = [
        (json!({"application_type": "desktop"}), meta),
        // RFC 7591 §2.1.
        (json!({"grant_types": ["implicit"]}), meta),
        (json!({"grant_types": ["password"]}), meta),
        (json!({"grant_types": []}), meta),
        (json!({"grant_types": ["refresh_token"]}), meta),
        (json!({"grant_types": "authorization_code"}), meta),
        (json!({"response_types": ["token"]}), meta),
        (json!({"response_types": ["code id_token"]}), meta),
        (json!({"response_types": []}), meta),
        (
            json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"}),
            meta,
        ),
        (json!({"grant_types": ["client_credentials"], "response_types": null}), meta),
        // OpenID Connect Registration §2, RFC 7591 §2.
        (json!({"token_endpoint_auth_method": "magic"}), meta),
        (json!({"token_endpoint_auth_method": 1}), meta),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), meta),
        (json!({"token_endpoint_auth_signing_alg": "none"}), meta),
        (json!({"token_endpoint_auth_signing_alg": "XX256"}), meta),
        (
            json!({"jwks": {"keys": [public_jwk(Algorithm::ES256)]}, "jwks_uri": "https://app.example/j"}),
            meta,
        ),
        (json!({"jwks": {"keys": []}}), meta),
        (json!({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}}), meta),
        (json!({"jwks": {"keys": [{"kty": "EC"}]}}), meta),
        (json!({"jwks": private}), meta),
        (json!({"jwks": "keys"}), meta),
        (json!({"jwks_uri": "http://app.example/jwks"}), meta),
        (json!({"jwks_uri": "https://user:pw@app.example/jwks"}), meta),
        (json!({"scope": "openid admin"}), meta),
        (json!({"scope": "a\"b"}), meta),
        (json!({"scope": ["openid"]}), meta),
        (json!({"scope": "offline_access", "grant_types": ["authorization_code"]}), meta),
        // RFC 7591 §2, §2.2.
        (json!({"client_name": "x".repeat(101)}), meta),
        (json!({"client_name": "  "}), meta),
        (json!({"client_name": "Bank\u{202e}"}), meta),
        (json!({"client_name#de": 1}), meta),
        (json!({"client_name#d e": "x"}), meta),
        (json!({"client_name#": "x"}), meta),
        (json!({"logo_uri#de": "javascript:alert(1)"}), meta),
        (json!({"logo_uri": "javascript:alert(1)"}), meta),
        (json!({"logo_uri": "data:image/png;base64,AA"}), meta),
        (json!({"logo_uri": "https://*/x.png"}), meta),
        (json!({"logo_uri#de": "https://*.app.example/x.png"}), meta),
        (json!({"client_uri": "https://%2A/"}), meta),
        (json!({"client_uri": "http://app.example"}), meta),
        (json!({"policy_uri": "https://app.example/\"><script>"}), meta),
        (json!({"tos_uri": 1}), meta),
        (json!({"contacts": "ada@app.example"}), meta),
        (json!({"contacts": vec!["a"; 9]}), meta),
        (json!({"software_id": "x".repeat(257)}), meta),
        (json!({"software_version": "1\u{0}"}), meta),
        // What is not offered is refused where having less would be a surprise.
        (json!({"id_token_encrypted_response_alg": "RSA-OAEP-256"}), meta),
        (json!({"id_token_signed_response_alg": "none"}), meta),
        (json!({"default_max_age": 60}), meta),
        (json!({"subject_type": "pairwise"}), meta),
        (json!({"require_auth_time": "yes"}), meta),
        // RFC 9701 §6.
        (json!({"introspection_signed_response_alg": "none"}), meta),
        (json!({"introspection_encrypted_response_alg": "RSA-OAEP-256"}), meta),
        (json!({"introspection_encrypted_response_alg": "dir", "jwks_uri": "https://app.example/j"}), meta),
        (json!({"introspection_encrypted_response_enc": "A128GCM"}), meta),
        // RFC 7591 §3.2.2.
        (json!({"software_statement": "x"}), "invalid_software_statement"),
        (json!({"software_statement": 1}), meta),
    ];
    for (changes, code) in cases {
        let error = house.register(changes.clone()).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (400, code), "{changes}: {error}");
        assert!(error.section().starts_with("RFC 7591"), "{changes}");
    }
    for body in ["", "[]", "{", "{\"scope\":\"openid\",\"scope\":\"read\"}", "null"] {
        let error = house.engine.register(None, body.as_bytes()).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (400, meta), "{body}");
    }
    let large = metadata(json!({"x": "x".repeat(40_000)}));
    assert_eq!(house.engine.register(None, &large).await.unwrap_err().code(), meta);
    assert!(house.memory.tables().clients.is_empty(), "nothing of what was refused is kept");
}

#[tokio::test]
async fn what_native_applications_may_have() {
    let house = open_house().await;
    let uris = json!([
        "http://127.0.0.1/cb",
        "http://[::1]/cb",
        "http://localhost:3000/cb",
        "com.example.app:/cb",
        "https://app.example/cb"
    ]);
    for kind in [json!(null), json!("native")] {
        let registered =
            house.register(json!({"redirect_uris": uris, "application_type": kind})).await.unwrap();
        assert_eq!(told(&registered)["application_type"], "native");
    }
}

#[tokio::test]
async fn null_and_empty_count_as_absent() {
    let house = open_house().await;
    let registered =
        house.register(json!({"logo_uri": "", "client_uri": null, "software_id": ""})).await.unwrap();
    let told = told(&registered);
    assert!(told.get("logo_uri").is_none() && told.get("client_uri").is_none());
}

#[tokio::test]
async fn by_an_initial_access_token_only() {
    let closed = |settings: &mut Settings| {
        open(settings);
        settings.registration.access = RegistrationAccess::InitialAccessToken;
    };
    let house = House::with(closed, Algorithm::ES256).await;
    let token = countersign_oauth::text::initial_access_token(&SystemRng);
    house.memory.tables().initial.insert(token.hash(), (1, Timestamp::from_seconds(START + 10)));
    let error = house.register(json!({})).await.unwrap_err();
    assert_eq!((error.status(), error.challenge()), (401, Some("Bearer")));
    let refused = async |bearer: &str| {
        let error = house.engine.register(Some(bearer), &metadata(json!({}))).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (401, "invalid_token"), "{bearer}");
        assert_eq!(error.challenge(), Some("Bearer error=\"invalid_token\""));
    };
    refused("x").await;
    refused(countersign_oauth::text::initial_access_token(&SystemRng).expose()).await;
    // A refused document takes no use.
    let error = house.engine.register(Some(token.expose()), &metadata(json!({"scope": "admin"}))).await;
    assert_eq!(error.unwrap_err().code(), "invalid_client_metadata");
    house.engine.register(Some(token.expose()), &metadata(json!({}))).await.unwrap();
    refused(token.expose()).await;
    let late = countersign_oauth::text::initial_access_token(&SystemRng);
    house.memory.tables().initial.insert(late.hash(), (9, Timestamp::from_seconds(START + 10)));
    house.advance(10);
    refused(late.expose()).await;
}

#[tokio::test]
async fn off_is_off_and_full_is_full() {
    let house = House::new().await;
    assert_eq!(house.register(json!({})).await.unwrap_err().status(), 401);
    assert!(!String::from_utf8_lossy(&house.engine.metadata()).contains("registration_endpoint"));
    let few = |settings: &mut Settings| {
        open(settings);
        settings.registration.most_clients = 1;
    };
    let house = House::with(few, Algorithm::ES256).await;
    assert!(String::from_utf8_lossy(&house.engine.metadata()).contains("https://id.example/register"));
    house.register(json!({})).await.unwrap();
    let error = house.register(json!({})).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (503, "temporarily_unavailable"));
}

fn statement(key: &SigningKey, claims: &Value) -> String {
    jws::sign_compact(None, claims.to_string().as_bytes(), key).unwrap()
}

#[tokio::test]
async fn a_trusted_statement_prevails() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let jwks = json!({"keys": [key.public_jwk_value().unwrap()]});
    let trusting = |settings: &mut Settings| {
        open(settings);
        settings.registration.require_statement = true;
        settings.registration.statement_issuers = vec![StatementIssuer {
            issuer: "https://store.example".to_owned(),
            keys: StatementKeys::Known(JwkSet::from_map(jwks.as_object().unwrap()).unwrap()),
            algorithms: StatementIssuer::default_algorithms(),
        }];
    };
    let house = House::with(trusting, Algorithm::ES256).await;
    let good = json!({
        "iss": "https://store.example", "client_name": "Approved", "software_id": "s1", "scope": "openid",
        "exp": START + 60,
    });
    let signed = statement(&key, &good);
    let registered =
        house.register(json!({"software_statement": signed, "client_name": "Liar"})).await.unwrap();
    let told = told(&registered);
    // RFC 7591 §2.3: the statement's word, and §3.2.1: the statement comes back as it was.
    assert_eq!((told["client_name"].as_str(), told["scope"].as_str()), (Some("Approved"), Some("openid")));
    assert_eq!(told["software_statement"], signed);

    let changed = |changes: Value| {
        let mut claims = good.clone();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let stranger = SigningKey::generate(Algorithm::ES256).unwrap();
    let (invalid, unapproved) = ("invalid_software_statement", "unapproved_software_statement");
    let typed = jws::sign_compact(Some("at+jwt"), good.to_string().as_bytes(), &key).unwrap();
    let cases = [
        (Value::Null, unapproved),
        (json!(statement(&key, &changed(json!({"iss": "https://other.example"})))), unapproved),
        (json!(statement(&stranger, &good)), invalid),
        (json!(statement(&key, &changed(json!({"iss": 1})))), invalid),
        (json!(statement(&key, &changed(json!({"exp": START - 60})))), invalid),
        (json!(statement(&key, &changed(json!({"exp": "soon"})))), invalid),
        (json!(statement(&key, &changed(json!({"nbf": START + 60})))), invalid),
        (json!(statement(&key, &changed(json!({"aud": "https://other.example"})))), invalid),
        (json!(statement(&key, &changed(json!({"aud": ["https://other.example"]})))), invalid),
        (json!(typed), invalid),
        (json!("a.b.c"), invalid),
        (json!(format!("{signed}x")), invalid),
        (json!(statement(&key, &json!([1]))), invalid),
        // What it vouches for must still be metadata that is taken.
        (json!(statement(&key, &changed(json!({"scope": "admin"})))), "invalid_client_metadata"),
        (
            json!(statement(&key, &changed(json!({"redirect_uris": ["http://evil.example"]})))),
            "invalid_redirect_uri",
        ),
    ];
    for (statement, code) in cases {
        let error = house.register(json!({"software_statement": statement})).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (400, code), "{statement}: {error}");
    }
    for aud in [json!(ISSUER), json!(["https://other.example", format!("{ISSUER}/register")])] {
        let signed = statement(&key, &changed(json!({"aud": aud})));
        house.register(json!({"software_statement": signed})).await.unwrap();
    }
}

#[tokio::test]
async fn keys_of_statements_may_be_at_a_url() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let trusting = |settings: &mut Settings| {
        open(settings);
        settings.registration.statement_issuers = vec![StatementIssuer {
            issuer: "https://store.example".to_owned(),
            keys: StatementKeys::Url("https://store.example/jwks".to_owned()),
            algorithms: StatementIssuer::default_algorithms(),
        }];
    };
    let house = House::with(trusting, Algorithm::ES256).await;
    let old = json!({"keys": [public_jwk(Algorithm::ES256)]}).to_string();
    let new = json!({"keys": [key.public_jwk_value().unwrap()]}).to_string();
    *house.fetch.documents.lock().unwrap() = vec![Ok(old.clone()), Ok(new), Ok(old)];
    let signed = statement(&key, &json!({"iss": "https://store.example"}));
    house.register(json!({"software_statement": signed})).await.unwrap();
    assert_eq!(*house.fetch.asked.lock().unwrap(), [false, true], "a fresh look when no key fits");
    let error = house.register(json!({"software_statement": signed})).await.unwrap_err();
    assert_eq!(error.code(), "invalid_software_statement");
}

#[tokio::test]
async fn a_client_is_held_to_the_algorithm_it_named() {
    let house = open_house().await;
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let registered = house
        .register(json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES384",
            "grant_types": ["client_credentials"],
            "response_types": [],
            "redirect_uris": [],
            "jwks": {"keys": [key.public_jwk_value().unwrap()]},
        }))
        .await
        .unwrap();
    assert_eq!(told(&registered)["token_endpoint_auth_signing_alg"], "ES384");
    let id = registered.client.client_id.as_str();
    let claims = json!({"iss": id, "sub": id, "aud": ISSUER, "jti": "1", "exp": START + 60});
    let assertion = jws::sign_compact(None, claims.to_string().as_bytes(), &key).unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
        ("client_id", id),
    ];
    let error = house.token_public(id, &form[..3]).await.unwrap_err();
    assert_eq!(error.code(), "invalid_client");
}
