//! The endpoints for programs.

use axum::body::Body;
use axum::http::{Request, header};
use countersign_model::{AccessTokenFormat, ClientAuthentication, Clock as _};

use crate::browser::Browser;
use crate::support::{Answer, App, PASSWORD, REDIRECT, SECRET, VERIFIER, authorization, basic, web_client};

/// Tokens of a person, with a refresh token.
async fn tokens(app: &App) -> Answer {
    app.person("ada").await;
    let mut client = web_client("web", app.clock.now());
    client.first_party = true;
    app.store.create_client(&client).await.unwrap();
    let mut browser = Browser::new(app);
    let page = browser.get(&authorization("web", &[("scope", "openid email offline_access")])).await;
    let back = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let code = back.answer("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let answer = app.post("/token", Some(&basic("web")), &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn userinfo(app: &App, token: &str) -> Answer {
    let request = Request::get("/userinfo").header(header::AUTHORIZATION, format!("Bearer {token}"));
    Answer::of(app.send(request.body(Body::empty()).unwrap()).await).await
}

#[tokio::test]
async fn client_credentials_by_each_secret_method() {
    let app = App::new().await;
    app.client("web").await;
    let mut posting = web_client("posting", app.clock.now());
    posting.authentication = ClientAuthentication::ClientSecretPost;
    app.store.create_client(&posting).await.unwrap();
    let grant = ("grant_type", "client_credentials");
    let by_header = app.post("/token", Some(&basic("web")), &[grant, ("scope", "invoices:read")]).await;
    let in_form = [grant, ("client_id", "posting"), ("client_secret", SECRET), ("scope", "invoices:read")];
    let by_form = app.post("/token", None, &in_form).await;
    for answer in [by_header, by_form] {
        assert_eq!((answer.status, answer.text("scope")), (200, "invoices:read"), "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.json.get("refresh_token").is_none());
    }
}

#[tokio::test]
async fn refusals_are_those_of_the_rfc() {
    let app = App::new().await;
    app.client("web").await;
    let grant = ("grant_type", "client_credentials");

    let unknown = app.post("/token", Some(&basic("nobody")), &[grant]).await;
    assert_eq!((unknown.status, unknown.text("error")), (401, "invalid_client"));
    assert!(unknown.header("www-authenticate").starts_with("Basic realm="));
    let in_form = [grant, ("client_id", "web"), ("client_secret", "wrong")];
    let wrong = app.post("/token", None, &in_form).await;
    assert_eq!((wrong.status, wrong.text("error")), (401, "invalid_client"));
    let none = app.post("/token", None, &[grant]).await;
    assert_eq!((none.status, none.text("error")), (401, "invalid_client"));
    let two = app.post("/token", Some(&basic("web")), &[grant, ("client_secret", SECRET)]).await;
    assert_eq!((two.status, two.text("error")), (400, "invalid_request"));
    let bearer = app.post("/token", Some("Bearer x"), &[grant]).await;
    assert_eq!((bearer.status, bearer.text("error")), (401, "invalid_client"));

    for (form, error) in [
        (&[("grant_type", "password")][..], "unsupported_grant_type"),
        (&[("scope", "openid")][..], "invalid_request"),
        (&[grant, ("scope", "admin")][..], "invalid_scope"),
        (
            &[("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", REDIRECT)][..],
            "invalid_grant",
        ),
        (&[("grant_type", "refresh_token"), ("refresh_token", "x")][..], "invalid_grant"),
    ] {
        let answer = app.post("/token", Some(&basic("web")), form).await;
        assert_eq!((answer.status, answer.text("error")), (400, error), "{form:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn refresh_rotates_and_a_replay_ends_everything() {
    let app = App::new().await;
    let first = tokens(&app).await;
    let refresh = |token: String| {
        let app = &app;
        async move {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
            app.post("/token", Some(&basic("web")), &form).await
        }
    };
    let old = first.text("refresh_token").to_owned();
    let second = refresh(old.clone()).await;
    assert_eq!(second.status, 200, "{second:?}");
    let new = second.text("refresh_token").to_owned();
    assert_ne!(new, old);
    app.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(refresh(old).await.text("error"), "invalid_grant");
    assert_eq!(refresh(new).await.text("error"), "invalid_grant", "the family is gone");
}

#[tokio::test]
async fn introspection_and_revocation() {
    let app = App::new().await;
    let tokens = tokens(&app).await;
    let mut resource = web_client("api", app.clock.now());
    resource.may_introspect = true;
    app.store.create_client(&resource).await.unwrap();
    let access = tokens.text("access_token").to_owned();

    let active = app.post("/introspect", Some(&basic("api")), &[("token", &access)]).await;
    assert_eq!((active.status, &active.json["active"]), (200, &true.into()), "{active:?}");
    assert_eq!((active.text("client_id"), active.text("sub")), ("web", "usr_ada"));
    assert_eq!(active.header("cache-control"), "no-store");
    let unknown = app.post("/introspect", Some(&basic("api")), &[("token", "x")]).await;
    assert_eq!(unknown.json, serde_json::json!({ "active": false }));
    let anonymous = app.post("/introspect", None, &[("token", &access)]).await;
    assert_eq!(anonymous.status, 401);

    let revoked = app.post("/revoke", Some(&basic("web")), &[("token", tokens.text("refresh_token"))]).await;
    assert_eq!(revoked.status, 200);
    assert_eq!(app.post("/revoke", Some(&basic("web")), &[("token", "x")]).await.status, 200);
    let after = app.post("/introspect", Some(&basic("api")), &[("token", &access)]).await;
    assert_eq!(after.json, serde_json::json!({ "active": false }), "the grant died with its refresh token");
}

#[tokio::test]
async fn userinfo_tells_what_the_scopes_allow() {
    let app = App::new().await;
    let tokens = tokens(&app).await;
    let claims = userinfo(&app, tokens.text("access_token")).await;
    assert_eq!((claims.status, claims.text("sub")), (200, "usr_ada"), "{claims:?}");
    assert_eq!(claims.text("email"), "ada@example.org");
    assert!(claims.json.get("name").is_none());
    assert_eq!(claims.header("access-control-allow-origin"), "*");

    let forged = userinfo(&app, &tokens.text("access_token").replacen('.', ".x", 1)).await;
    assert_eq!(forged.status, 401);
    assert!(forged.header("www-authenticate").contains("error=\"invalid_token\""), "{forged:?}");
    let id_token = userinfo(&app, tokens.text("id_token")).await;
    assert_eq!(id_token.status, 401, "an ID token opens no door");
    let none = Answer::of(app.send(Request::get("/userinfo").body(Body::empty()).unwrap()).await).await;
    assert_eq!(none.status, 401);
    assert!(
        none.header("www-authenticate").starts_with("Bearer")
            && !none.header("www-authenticate").contains("error")
    );
    assert_eq!(none.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn reference_tokens_work_at_userinfo_too() {
    let app = App::new().await;
    app.person("ada").await;
    let mut client = web_client("web", app.clock.now());
    client.first_party = true;
    client.access_token_format = AccessTokenFormat::Reference;
    app.store.create_client(&client).await.unwrap();
    let mut browser = Browser::new(&app);
    let page = browser.get(&authorization("web", &[("scope", "openid")])).await;
    let back = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &back.answer("code").unwrap()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = app.post("/token", Some(&basic("web")), &form).await;
    assert!(tokens.text("access_token").starts_with("cst_at_"), "{tokens:?}");
    assert_eq!(userinfo(&app, tokens.text("access_token")).await.text("sub"), "usr_ada");
}

#[tokio::test]
async fn discovery_and_keys_are_cached_and_tell_where_everything_is() {
    let app = App::new().await;
    let get = |path: &'static str, tag: Option<String>| {
        let mut request = Request::get(path);
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        app.send(request.body(Body::empty()).unwrap())
    };
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks"] {
        let first = Answer::of(get(path, None).await).await;
        assert_eq!(first.status, 200, "{path}");
        assert!(first.header("cache-control").contains("max-age="));
        assert_eq!(get(path, Some(first.header("etag").to_owned())).await.status(), 304, "{path}");
    }
    let metadata = Answer::of(get("/.well-known/openid-configuration", None).await).await;
    assert_eq!(metadata.text("issuer"), "https://auth.example");
    let keys = Answer::of(get("/jwks", None).await).await;
    let key = &keys.json["keys"][0];
    assert!(key["kid"].is_string() && key["alg"] == "ES256" && key.get("d").is_none(), "{keys:?}");
    for endpoint in ["token_endpoint", "revocation_endpoint", "introspection_endpoint"] {
        let path = metadata.text(endpoint).strip_prefix("https://auth.example").unwrap().to_owned();
        assert_eq!(app.post(&path, None, &[]).await.status, 401, "{endpoint}");
    }
}
