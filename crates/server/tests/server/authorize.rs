//! The authorization code flow, driven by forms.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use countersign_model::{Clock as _, TokenHash};

use crate::browser::{Browser, Page, encode};
use crate::support::{App, ISSUER, PASSWORD, REDIRECT, VERIFIER, authorization, basic, web_client};

/// From the client's link to the consent page.
async fn to_consent(browser: &mut Browser<'_>, address: &str) -> Page {
    let page = browser.get(address).await;
    assert_eq!(page.title(), "Sign in · Countersign", "{page:?}");
    browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await
}

async fn redeem(app: &App, code: &str) -> crate::support::Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    app.post("/token", Some(&basic("web")), &form).await
}

#[tokio::test]
async fn a_code_with_pkce_after_signing_in_and_agreeing() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);

    let page = browser.get(&authorization("web", &[])).await;
    assert!(page.address.starts_with("/sign-in?continue=") && page.shows("to continue to"));
    assert!(
        page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("form-action 'self' https://app.example;")
    );
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(page.address.starts_with("/consent?continue="), "{page:?}");
    assert!(
        page.shows("The web app") && page.shows("invoices:read") && page.shows("See your e-mail address")
    );
    assert!(page.shows("ada &#60;the first&#62;") && page.shows("<strong>https://app.example</strong>"));
    assert!(
        page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("form-action 'self' https://app.example;")
    );

    let back = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert!(back.location().unwrap().starts_with("https://app.example/callback?"));
    assert_eq!(back.answer("state").as_deref(), Some("s t&a=te"));
    assert_eq!(back.answer("iss").as_deref(), Some(ISSUER));

    let tokens = redeem(&app, &back.answer("code").unwrap()).await;
    assert_eq!((tokens.status, tokens.text("token_type")), (200, "Bearer"), "{tokens:?}");
    assert_eq!(tokens.text("scope"), "email invoices:read openid");
    assert!(tokens.text("id_token").split('.').count() == 3);
    assert_eq!((tokens.header("cache-control"), tokens.header("pragma")), ("no-store", "no-cache"));

    let replayed = redeem(&app, &back.answer("code").unwrap()).await;
    assert_eq!((replayed.status, replayed.text("error")), (400, "invalid_grant"));
}

#[tokio::test]
async fn what_was_agreed_to_is_not_asked_again() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let page = to_consent(&mut browser, &authorization("web", &[])).await;
    browser.submit(&page, &[("decision", "allow")]).await;

    let again = browser.get(&authorization("web", &[("scope", "openid")])).await;
    assert!(again.answer("code").is_some(), "a live session and consent: straight back");
    let more = browser.get(&authorization("web", &[("scope", "openid profile")])).await;
    assert!(more.address.starts_with("/consent?") && more.shows("See your name"));
}

#[tokio::test]
async fn no_is_an_answer() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let page = to_consent(&mut browser, &authorization("web", &[])).await;
    let back = browser.submit(&page, &[("decision", "deny")]).await;
    assert_eq!(back.answer("error").as_deref(), Some("access_denied"));
    assert_eq!(back.answer("state").as_deref(), Some("s t&a=te"));
    let again = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(again.title(), "This page has expired · Countersign", "one answer a request");
}

#[tokio::test]
async fn consent_takes_the_form_of_this_browser_and_session() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let page = to_consent(&mut browser, &authorization("web", &[])).await;
    let (_, form) = page.form(&[("decision", "allow")]);
    let interaction = page.address.strip_prefix("/consent?continue=").unwrap().to_owned();

    let bare = encode([("continue", interaction.as_str()), ("decision", "allow"), ("scope", "openid")]);
    let forged = browser.step(Method::POST, "/consent", Some(&bare), &[]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let cross =
        browser.step(Method::POST, "/consent", Some(&form), &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(cross.status, StatusCode::FORBIDDEN);

    let mut other = Browser::new(&app);
    other.sign_in("ada").await;
    let stolen = other.step(Method::POST, "/consent", Some(&form), &[]).await;
    assert_eq!(stolen.status, StatusCode::FORBIDDEN);
    let looked = other.get(&page.address).await;
    assert_eq!(looked.title(), "This page has expired · Countersign", "the address alone is worth nothing");

    browser.sign_in("ada").await;
    let changed = browser.step(Method::POST, "/consent", Some(&form), &[]).await;
    assert_eq!(changed.status, StatusCode::FORBIDDEN, "the session the page was shown in has ended");
    let page = browser.get(&page.address).await;
    let back = browser.submit(&page, &[("decision", "allow")]).await;
    assert!(back.answer("code").is_some());
}

#[tokio::test]
async fn scopes_can_not_be_added_at_the_consent_page() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let page = to_consent(&mut browser, &authorization("web", &[("scope", "openid")])).await;
    let more = [("decision", "allow"), ("scope", "openid email invoices:read")];
    let back = browser.submit(&page, &more).await;
    let tokens = redeem(&app, &back.answer("code").unwrap()).await;
    assert_eq!(tokens.text("scope"), "openid");
}

#[tokio::test]
async fn prompt_none_shows_no_page() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let quiet = authorization("web", &[("prompt", "none")]);
    assert_eq!(browser.get(&quiet).await.answer("error").as_deref(), Some("login_required"));
    browser.sign_in("ada").await;
    assert_eq!(browser.get(&quiet).await.answer("error").as_deref(), Some("consent_required"));
    let page = browser.get(&authorization("web", &[])).await;
    browser.submit(&page, &[("decision", "allow")]).await;
    assert!(browser.get(&quiet).await.answer("code").is_some());
}

#[tokio::test]
async fn prompt_login_and_max_age_ask_for_the_password_again() {
    let app = App::new().await;
    app.person("ada").await;
    let mut client = web_client("web", app.clock.now());
    client.first_party = true;
    app.store.create_client(&client).await.unwrap();
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    app.clock.advance(Duration::from_secs(60));
    for ask in [("prompt", "login"), ("max_age", "30")] {
        let page = browser.get(&authorization("web", &[ask])).await;
        assert!(page.address.starts_with("/sign-in?"), "{ask:?}");
        let reloaded = browser.get(&page.address.replace("sign-in", "consent")).await;
        assert!(reloaded.address.starts_with("/sign-in?"), "not talked around: {ask:?}");
        let back = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
        assert!(back.answer("code").is_some(), "{ask:?}: {back:?}");
        app.clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn somebody_else_can_sign_in_at_the_consent_page() {
    let app = App::new().await;
    app.person("ada").await;
    app.person("eve").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let page = to_consent(&mut browser, &authorization("web", &[])).await;
    let page = browser.get(&page.address.replace("/consent", "/sign-in")).await;
    assert_eq!(page.title(), "Sign in · Countersign");
    let page = browser.submit(&page, &[("username", "eve"), ("password", PASSWORD)]).await;
    assert!(page.shows("(eve)") && page.address.starts_with("/consent?"), "{page:?}");
}

#[tokio::test]
async fn nobody_is_ever_sent_to_an_address_that_is_not_the_clients() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    for uri in [
        "https://evil.example/callback",
        "https://app.example/callback/",
        "https://app.example/callback?x=1",
        "https://app.example/CALLBACK",
        "https://app.example@evil.example/callback",
        "https://app.example/callback/../evil",
        "http://app.example/callback",
        "//app.example/callback",
        "javascript:alert(1)",
    ] {
        for extra in [("state", "x"), ("response_type", "token"), ("prompt", "none")] {
            let page = browser.get(&authorization("web", &[("redirect_uri", uri), extra])).await;
            assert_eq!((page.status, page.location()), (StatusCode::BAD_REQUEST, None), "{uri}");
            assert!(page.shows("This link does not work") && page.shows("invalid_request"), "{uri}");
        }
    }
    let twice = format!("{}&redirect_uri={REDIRECT}", authorization("web", &[]));
    let page = browser.get(&twice).await;
    assert_eq!((page.status, page.location()), (StatusCode::BAD_REQUEST, None));
    for client in ["nobody", "WEB", ""] {
        let page = browser.get(&authorization(client, &[])).await;
        assert_eq!((page.status, page.location()), (StatusCode::BAD_REQUEST, None), "{client}");
    }
}

#[tokio::test]
async fn mistakes_of_a_client_go_back_to_it() {
    let app = App::new().await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    for (changed, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "openid admin"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
    ] {
        let back = browser.get(&authorization("web", &[changed])).await;
        assert_eq!(back.answer("error").as_deref(), Some(error), "{changed:?}");
        assert_eq!(back.answer("state").as_deref(), Some("s t&a=te"));
        assert_eq!(back.answer("iss").as_deref(), Some(ISSUER));
        assert!(back.location().unwrap().starts_with("https://app.example/callback?"));
    }
    let twice = format!("{}&scope=openid", authorization("web", &[]));
    assert_eq!(browser.get(&twice).await.answer("error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_request_object_that_can_not_be_read_is_answered_here() {
    let app = App::new().await;
    app.client("web").await;
    // RFC 9101 §6.3: what stands beside it does not count, the redirect URI neither.
    let page = Browser::new(&app).get(&authorization("web", &[("request", "x.y.z")])).await;
    assert_eq!((page.status, page.location()), (StatusCode::BAD_REQUEST, None));
    assert!(page.body.contains("invalid_request_object"), "{}", page.body);
}

#[tokio::test]
async fn an_authorization_request_may_come_by_post() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let address = authorization("web", &[]);
    let form = address.split_once('?').unwrap().1;
    let cross = [("sec-fetch-site", "cross-site"), ("origin", "https://app.example")];
    let page = browser.step(Method::POST, "/authorize", Some(form), &cross).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(page.location().unwrap().starts_with("/sign-in?continue="));
}

#[tokio::test]
async fn a_waiting_request_is_forgotten_after_a_while() {
    let app = App::new().await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let page = browser.get(&authorization("web", &[])).await;
    app.clock.advance(Duration::from_secs(1_801));
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(page.title(), "This page has expired · Countersign");
}

#[tokio::test]
async fn an_issuer_with_a_path_keeps_to_it() {
    let issuer = "https://auth.example/tenant";
    let app = App::at(issuer, Default::default()).await;
    app.person("ada").await;
    app.client("web").await;
    let mut browser = Browser::new(&app);
    let page = browser.get(&format!("/tenant{}", authorization("web", &[]))).await;
    assert!(page.address.starts_with("/tenant/sign-in?"), "{page:?}");
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    let back = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(back.answer("iss").as_deref(), Some(issuer));
    for path in ["/.well-known/oauth-authorization-server/tenant", "/tenant/.well-known/openid-configuration"]
    {
        assert!(browser.get(path).await.shows("\"issuer\":\"https://auth.example/tenant\""), "{path}");
    }
}

#[tokio::test]
async fn a_loopback_issuer_works_without_https() {
    let app = App::at("http://127.0.0.1:9000", Default::default()).await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    assert!(
        browser.cookies.contains_key("countersign")
            && !browser.cookies.keys().any(|name| name.contains("Host"))
    );
    assert_eq!(TokenHash::of(VERIFIER.as_bytes()).to_base64url().len(), 43);
}
