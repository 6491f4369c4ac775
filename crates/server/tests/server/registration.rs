//! Client registration and management over HTTP (RFC 7591, RFC 7592), and the document that describes them.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use countersign_model::GrantType;
use countersign_oauth::register::{ClientDocumentPolicy, RegistrationAccess};
use countersign_server::{RegistrationsPerHour, ServerSettings};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::support::{Answer, App, ISSUER, REDIRECT, authorization};

async fn open(per_hour: u32) -> App {
    let settings = ServerSettings {
        registrations_per_hour: RegistrationsPerHour(per_hour),
        ..ServerSettings::default()
    };
    App::with(ISSUER, settings, |settings| {
        settings.registration.access = RegistrationAccess::Open;
        settings.client_documents = Some(ClientDocumentPolicy::default());
        settings.mtls_url = Some("https://mtls.auth.example".to_owned());
        settings.registration.profiles = countersign_model::Profile::ALL.to_vec();
        settings.registration.authorization_details_types.insert("payment".to_owned());
        settings.registration.grant_types.insert(GrantType::Ciba);
    })
    .await
}

fn metadata(changes: &Value) -> Value {
    let mut document = json!({
        "client_name": "An application",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
        "scope": "openid",
    });
    for (name, value) in changes.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

impl App {
    async fn json(&self, method: Method, path: &str, bearer: Option<&str>, body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))
                .unwrap(),
            None => request.body(Body::empty()).unwrap(),
        };
        Answer::of(self.send(request).await).await
    }

    async fn register(&self, changes: &Value) -> Answer {
        self.json(Method::POST, "/register", None, Some(&metadata(changes))).await
    }
}

#[tokio::test]
async fn from_registration_to_its_end() {
    let app = open(60).await;
    let registered = app.register(&json!({})).await;
    assert_eq!(registered.status, 201);
    assert_eq!(registered.header("cache-control"), "no-store");
    assert_eq!(registered.header("access-control-allow-origin"), "*");
    let address = registered.text("registration_client_uri").strip_prefix(ISSUER).unwrap().to_owned();
    let token = registered.text("registration_access_token").to_owned();
    let id = registered.text("client_id").to_owned();

    let read = app.json(Method::GET, &address, Some(&token), None).await;
    assert_eq!((read.status, &read.json), (200, &registered.json));
    let document = metadata(&json!({"client_id": id, "client_name": "Renamed"}));
    let replaced = app.json(Method::PUT, &address, Some(&token), Some(&document)).await;
    assert_eq!((replaced.status, replaced.text("client_name")), (200, "Renamed"));
    let next = replaced.text("registration_access_token").to_owned();
    let old = app.json(Method::GET, &address, Some(&token), None).await;
    assert_eq!((old.status, old.text("error")), (401, "invalid_token"));
    assert_eq!(old.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    let deleted = app.json(Method::DELETE, &address, Some(&next), None).await;
    assert_eq!((deleted.status, deleted.json), (204, Value::Null));
    assert_eq!(app.json(Method::GET, &address, Some(&next), None).await.status, 401);
}

#[tokio::test]
async fn who_has_no_token_learns_nothing() {
    let app = open(60).await;
    let registered = app.register(&json!({})).await;
    let address = registered.text("registration_client_uri").strip_prefix(ISSUER).unwrap();
    for path in [address, "/register/nobody", "/register/%ff", "/register/a%2Fb"] {
        let answer = app.json(Method::GET, path, None, None).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{path}");
        for field in ["Basic YTpi", "Bearer", "Bearer a b", "bearer x\u{e9}"] {
            let request = Request::get(path).header(header::AUTHORIZATION, field.as_bytes());
            let answer = Answer::of(app.send(request.body(Body::empty()).unwrap()).await).await;
            assert_eq!((answer.status, answer.text("error")), (401, "invalid_token"), "{path} {field}");
        }
    }
}

#[tokio::test]
async fn only_json_of_a_size() {
    let app = open(60).await;
    for (content_type, body, status) in [
        (Some("text/plain"), "{}".to_owned(), 400),
        (None, "{}".to_owned(), 400),
        (Some("application/x-www-form-urlencoded"), "a=b".to_owned(), 400),
        (Some("application/json"), "[".to_owned(), 400),
        (Some("application/json; charset=utf-8"), "{}".to_owned(), 400),
        (Some("application/json"), format!("{{\"x\":\"{}\"}}", "x".repeat(33_000)), 413),
    ] {
        let mut request = Request::post("/register");
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let answer = Answer::of(app.send(request.body(Body::from(body)).unwrap()).await).await;
        assert_eq!(answer.status, status, "{content_type:?} {answer:?}");
        assert!(answer.text("error").starts_with("invalid_"), "{answer:?}");
    }
}

#[tokio::test]
async fn an_address_registers_at_a_pace() {
    let app = open(60).await;
    for _ in 0..20 {
        assert_eq!(app.register(&json!({})).await.status, 201);
    }
    let answer = app.register(&json!({})).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "60"));
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(app.register(&json!({})).await.status, 201);
}

#[tokio::test]
async fn off_there_is_nothing() {
    let app = App::new().await;
    assert_eq!(app.register(&json!({})).await.status, 404);
    assert_eq!(app.json(Method::GET, "/register/x", None, None).await.status, 404);
    assert_eq!(app.json(Method::GET, "/openapi.json", None, None).await.status, 404);
}

#[tokio::test]
async fn people_are_told_who_speaks_for_a_client() {
    let app = open(60).await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let registered = app.register(&json!({"client_name": "Your Bank"})).await;
    let page = browser.get(&authorization(registered.text("client_id"), &[("scope", "openid")])).await;
    assert!(page.shows("consent-unvouched") && page.shows("Your Bank"), "{page:?}");
    let url = "https://evil.example:8443/client.json";
    let page = browser.get(&authorization(url, &[("scope", "openid")])).await;
    assert!(page.shows("<strong>evil.example:8443</strong>") && !page.shows("consent-unvouched"), "{page:?}");
}

/// What a member needs beside it to be looked at.
fn beside(member: &str) -> Value {
    if member.starts_with("tls_client_auth_") {
        json!({ "token_endpoint_auth_method": "tls_client_auth" })
    } else if member.starts_with("backchannel_") {
        json!({
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": [GrantType::Ciba.as_str()],
            "response_types": [],
            "redirect_uris": [],
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": "https://app.example/ping",
        })
    } else {
        json!({})
    }
}

/// What the description says of members is what the engine does with them.
#[tokio::test]
async fn the_description_is_true() {
    let app = open(100_000).await;
    let described = app.json(Method::GET, "/openapi.json", None, None).await;
    assert_eq!((described.status, described.header("content-type")), (200, "application/json"));
    assert_eq!(described.json["servers"][0]["url"], ISSUER);
    let schemas = &described.json["components"]["schemas"];
    let members = |schema: &Value| -> BTreeSet<String> {
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let metadata_members = members(&schemas["ClientMetadata"]);
    let own = &schemas["ClientInformation"]["allOf"][1];
    // Everything that is told is described.
    let everything = json!({
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token", "implicit"],
        "response_types": ["code", "code id_token"],
        "countersign_profile": "oidc",
        "dpop_bound_access_tokens": true,
        "require_pushed_authorization_requests": true,
        "require_signed_request_object": true,
        "request_object_signing_alg": "ES256",
        "request_object_encryption_alg": "ECDH-ES",
        "request_object_encryption_enc": "A256GCM",
        "request_uris": ["https://app.example/request"],
        "authorization_signed_response_alg": "ES256",
        "authorization_encrypted_response_alg": "ECDH-ES",
        "authorization_encrypted_response_enc": "A256GCM",
        "authorization_details_types": ["payment"],
        "application_type": "web",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks_uri": "https://app.example/jwks",
        "logo_uri": "https://app.example/l",
        "client_uri": "https://app.example/",
        "policy_uri": "https://app.example/p",
        "tos_uri": "https://app.example/t",
        "contacts": ["ada@app.example"],
        "software_id": "x",
        "software_version": "1",
        "introspection_signed_response_alg": "ES256",
        "introspection_encrypted_response_alg": "ECDH-ES",
        "introspection_encrypted_response_enc": "A256GCM",
    });
    let registered = app.register(&everything).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let names =
        |answer: &Answer| -> BTreeSet<String> { answer.json.as_object().unwrap().keys().cloned().collect() };
    let mut told = names(&registered);
    // Of the names of a certificate there is one at a time.
    for (member, value) in [
        ("tls_client_auth_subject_dn", "CN=app"),
        ("tls_client_auth_san_dns", "app.example"),
        ("tls_client_auth_san_uri", "spiffe://example/app"),
        ("tls_client_auth_san_ip", "192.0.2.7"),
        ("tls_client_auth_san_email", "app@example.org"),
    ] {
        let changes = json!({
            "token_endpoint_auth_method": "tls_client_auth", member: value,
            "tls_client_certificate_bound_access_tokens": true,
        });
        told.extend(names(&app.register(&changes).await));
    }
    let mut backchannel = beside("backchannel_");
    backchannel["jwks_uri"] = "https://app.example/jwks".into();
    backchannel["backchannel_authentication_request_signing_alg"] = "ES256".into();
    told.extend(names(&app.register(&backchannel).await));
    let known: BTreeSet<String> = metadata_members.union(&members(own)).cloned().collect();
    assert!(told.is_subset(&known), "told and not described: {:?}", told.difference(&known));
    // Nothing is described that can't be told: these depend on keys and on issuers of statements, or can only be false.
    let elsewhere = ["jwks", "software_statement", "backchannel_user_code_parameter"];
    let elsewhere = BTreeSet::from(elsewhere.map(str::to_owned));
    let untold: BTreeSet<String> = known.difference(&told).cloned().collect();
    assert_eq!(untold, elsewhere);
    for name in own["required"].as_array().unwrap() {
        assert!(told.contains(name.as_str().unwrap()), "{name}");
    }
    // Every described member is looked at: a value of another kind is refused.
    for member in &metadata_members {
        let mut changes = beside(member);
        changes[member] = json!({"of": "another kind"});
        let answer = app.register(&changes).await;
        assert_eq!(answer.status, 400, "{member}");
        let codes = schemas["Refusal"]["properties"]["error"]["enum"].as_array().unwrap();
        assert!(codes.contains(&answer.json["error"]), "{member}");
    }
    // Its limits are the engine's.
    for (member, schema) in schemas["ClientMetadata"]["properties"].as_object().unwrap() {
        if let Some(most) = schema["maxLength"].as_u64() {
            let text = |length: u64| {
                let length = usize::try_from(length).unwrap();
                let prefix = match member.as_str() {
                    name if name.ends_with("_uri") || name.ends_with("_endpoint") => "https://a.example/",
                    "tls_client_auth_subject_dn" => "CN=",
                    "tls_client_auth_san_email" => "a@",
                    _ => "",
                };
                format!("{prefix}{}", "x".repeat(length - prefix.len()))
            };
            let with = |text: String| {
                let mut changes = beside(member);
                changes[member] = text.into();
                changes
            };
            assert_eq!(app.register(&with(text(most))).await.status, 201, "{member}");
            assert_eq!(app.register(&with(text(most + 1))).await.status, 400, "{member}");
        }
    }
}
