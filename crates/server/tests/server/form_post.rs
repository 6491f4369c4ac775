//! Pushed requests over HTTP, answers by form, and what RFC 9700 §4 asks of the pages.

use axum::http::StatusCode;

use crate::browser::{Browser, encode};
use crate::support::{App, PASSWORD, REDIRECT, VERIFIER, authorization, basic};

#[tokio::test]
async fn a_pushed_request_is_answered_by_a_form_that_works_without_scripts() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let query = authorization("web", &[("response_mode", "form_post")]);
    let (_, query) = query.split_once('?').unwrap();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let pushed = app.post("/par", Some(&basic("web")), &form).await;
    assert_eq!(pushed.status, 201, "RFC 9126 §2.2: {pushed:?}");
    assert_eq!((pushed.header("cache-control"), pushed.json["expires_in"].as_u64()), ("no-store", Some(90)));
    let uri = pushed.text("request_uri").to_owned();

    let mut browser = Browser::new(&app);
    let address = format!("/authorize?{}", encode([("client_id", "web"), ("request_uri", uri.as_str())]));
    let page = browser.get(&address).await;
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let page = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!((page.status, page.location()), (StatusCode::OK, None), "{page:?}");
    assert!(page.shows("<form method=\"post\" action=\"https://app.example/callback\" id=\"form-post\">"));
    assert!(page.shows("id=\"form-post-continue\""), "a button for browsers without scripts");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' https://app.example") && policy.contains("script-src 'self'")
    );
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    assert_eq!(
        (&page.headers["cache-control"], &page.headers["referrer-policy"]),
        (&"no-store".parse().unwrap(), &"no-referrer".parse().unwrap())
    );
    let field = |name: &str| {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = page.body.split_once(&start).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let code = field("code");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = app.post("/token", Some(&basic("web")), &form).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");

    // Answered once: the link is of no more use, and nobody is redirected.
    let page = browser.get(&address).await;
    assert_eq!((page.status, page.location()), (StatusCode::BAD_REQUEST, None));
    assert!(page.shows("invalid_request_uri"));
}

#[tokio::test]
async fn a_push_that_is_refused_says_why_to_the_client() {
    let app = App::new().await;
    app.client("web").await;
    let refused = app.post("/par", Some(&basic("web")), &[("response_type", "token")]).await;
    assert_eq!((refused.status, refused.text("error")), (400, "unsupported_response_type"));
    let refused = app.post("/par", None, &[("client_id", "web")]).await;
    assert_eq!((refused.status, refused.text("error")), (401, "invalid_client"));
}

/// RFC 9700 §4.12 and §4.16: no 307, and no page of ours in a frame.
#[tokio::test]
async fn every_redirect_is_a_303_and_no_page_can_be_framed() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let page = browser.get(&authorization("web", &[])).await;
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(page.headers["x-frame-options"], "DENY");
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    let back = browser.submit(&page, &[("decision", "deny")]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert_eq!(back.answer("error").as_deref(), Some("access_denied"));
}
