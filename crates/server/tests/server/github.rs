//! What clients written for GitHub ask, over HTTP: who somebody is.

use axum::body::Body;
use axum::http::{Request, header};
use countersign_model::{Client, Clock as _, Profile};
use countersign_server::ServerSettings;

use crate::browser::Browser;
use crate::support::*;

/// What `GET /user` says to a token that ada gave for these scopes.
async fn told(profile: Profile, scope: &str) -> Answer {
    let app = App::at(ISSUER, ServerSettings { github: true, ..ServerSettings::default() }).await;
    app.person("ada").await;
    let client = Client { profile, ..web_client("web", app.clock.now()) };
    app.store.create_client(&client).await.unwrap();
    let mut browser = Browser::new(&app);
    let page = browser.agree(&authorization("web", &[("scope", scope)])).await;
    let code = page.answer("code").unwrap_or_else(|| panic!("no code: {page:?}"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = app.post("/token", Some(&basic("web")), &form).await;
    let token = tokens.text("access_token");
    let request = Request::get("/user").header(header::AUTHORIZATION, format!("Bearer {token}"));
    Answer::of(app.send(request.body(Body::empty()).unwrap()).await).await
}

#[tokio::test]
async fn who_somebody_is_is_told_to_clients_that_asked_for_it() {
    for scope in ["", "email"] {
        let refused = told(Profile::OAuth21, scope).await;
        assert_eq!(refused.status, 403, "{scope}: {}", refused.json);
        assert!(!refused.json.to_string().contains("ada"), "{scope}: {}", refused.json);
    }
    for (profile, scope) in [(Profile::OAuth21, "openid profile"), (Profile::Github, "")] {
        assert_eq!(told(profile, scope).await.text("login"), "ada", "{scope}");
    }
    let who = told(Profile::OAuth21, "openid").await;
    assert_eq!((who.status, who.text("node_id")), (200, "usr_ada"));
    for member in ["login", "name", "email", "created_at"] {
        assert!(who.json[member].is_null(), "{member}: {}", who.json);
    }
}
