//! Connecting a device (RFC 8628), as a person without JavaScript does it.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use countersign_model::{Client, ClientId, ClientOrigin, Clock as _, GrantType, UserId};

use crate::browser::{Browser, Page};
use crate::support::{Answer, App, PASSWORD, read};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A server with ada and a television.
async fn app() -> App {
    let app = App::new().await;
    app.person("ada").await;
    let client = Client {
        client_name: "The <television>".to_owned(),
        grant_types: [GrantType::DeviceCode].into(),
        scopes: "openid email invoices:read".parse().unwrap(),
        ..Client::new(ClientId::from("tv"), app.clock.now())
    };
    app.store.create_client(&client).await.unwrap();
    app
}

async fn ask(app: &App) -> Answer {
    let form = [("client_id", "tv"), ("scope", "openid email")];
    let answer = app.post("/device_authorization", None, &form).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    answer
}

async fn poll(app: &App, asked: &Answer) -> Answer {
    let code = asked.text("device_code");
    let form = [("grant_type", DEVICE_CODE), ("client_id", "tv"), ("device_code", code)];
    app.post("/token", None, &form).await
}

/// A page that shows a form, filled in.
async fn type_code(browser: &mut Browser<'_>, code: &str) -> Page {
    let page = browser.get("/device").await;
    browser.submit(&page, &[("user_code", code)]).await
}

#[tokio::test]
async fn a_person_connects_a_device() {
    let app = app().await;
    let asked = ask(&app).await;
    assert_eq!(asked.text("verification_uri"), "https://auth.example/device");
    assert_eq!(poll(&app, &asked).await.text("error"), "authorization_pending");

    let mut browser = Browser::new(&app);
    let page = browser.get("/device").await;
    assert!(page.title().starts_with("Sign in") && page.shows("to connect a device"), "{page:?}");
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(page.shows("id=\"user-code\"") && page.shows("id=\"device-continue\""), "{page:?}");
    let typed = asked.text("user_code").to_lowercase().replace('-', " ");
    let page = browser.submit(&page, &[("user_code", &typed)]).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(page.shows("The &#60;television&#62;") && page.shows("See your e-mail address"), "{page:?}");
    assert!(page.shows(asked.text("user_code")) && page.shows("id=\"device-elsewhere\""), "{page:?}");
    let page = browser.submit(&page, &[("decision", "allow")]).await;
    assert!(page.shows("Your device is connected"), "{page:?}");

    let tokens = poll(&app, &asked).await;
    assert_eq!((tokens.status, tokens.text("scope")), (200, "email openid"));
    let authorization = format!("Bearer {}", tokens.text("access_token"));
    let request = Request::get("/userinfo").header(header::AUTHORIZATION, authorization);
    let who = Answer::of(app.send(request.body(Body::empty()).unwrap()).await).await;
    assert_eq!(who.text("sub"), "usr_ada");
    assert_eq!(poll(&app, &asked).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn the_page_says_who_stands_behind_the_name() {
    let cases = [
        (ClientOrigin::Operator, None, "device-operator", "the people who run"),
        (ClientOrigin::Registration, None, "device-unvouched", "Nobody here has checked its name"),
        (ClientOrigin::Operator, Some("usr_eve"), "device-owner", "eve &#60;the first&#62; (eve)"),
    ];
    for (number, (origin, owner, mark, words)) in cases.into_iter().enumerate() {
        let app = app().await;
        app.person("eve").await;
        let id = format!("tv{number}");
        let client = Client {
            client_name: "Your bank".to_owned(),
            grant_types: [GrantType::DeviceCode].into(),
            origin,
            owner: owner.map(UserId::from),
            ..Client::new(ClientId::from(id.as_str()), app.clock.now())
        };
        app.store.create_client(&client).await.unwrap();
        let asked = app.post("/device_authorization", None, &[("client_id", &id)]).await;
        let mut browser = Browser::new(&app);
        browser.sign_in("ada").await;
        let page = type_code(&mut browser, asked.text("user_code")).await;
        assert!(page.shows(&format!("id=\"{mark}\"")) && page.shows(words), "{mark}: {page:?}");
        // It asks for no scope: what it learns all the same is said.
        assert!(page.shows("learns an identifier of yours"), "{page:?}");
    }
}

#[tokio::test]
async fn a_link_with_the_code_in_it_still_asks() {
    let app = app().await;
    let asked = ask(&app).await;
    let complete = asked.text("verification_uri_complete").strip_prefix("https://auth.example").unwrap();
    let mut browser = Browser::new(&app);
    let page = browser.get(complete).await;
    // The code comes along through the sign-in.
    let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(page.shows(&format!("value=\"{}\"", asked.text("user_code"))), "{page:?}");
    assert!(page.shows("Does your device show this code?") && page.shows("/device/qr?user_code="));
    assert_eq!(poll(&app, &asked).await.text("error"), "authorization_pending");
    let page = browser.submit(&page, &[]).await;
    assert!(page.shows("id=\"device-allow\"") && page.shows("id=\"device-deny\""), "{page:?}");
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(poll(&app, &asked).await.text("error"), "authorization_pending");
    let page = browser.submit(&page, &[("decision", "deny")]).await;
    assert!(page.shows("The device was refused"));
    assert_eq!(poll(&app, &asked).await.text("error"), "access_denied");
}

#[tokio::test]
async fn nothing_but_a_code_page_fills_the_field() {
    let app = app().await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let page = browser.get("/device?user_code=%22%3E%3Cscript%3E").await;
    assert!(page.shows("value=\"\"") && !page.shows("<script"), "{page:?}");
    // Signing in leads to pages of ours only.
    for to in ["https://evil.example", "//evil.example", "authorize"] {
        let mut browser = Browser::new(&app);
        let page = browser.get(&format!("/sign-in?to={to}")).await;
        let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
        assert!(page.shows("account-username"), "{page:?}");
    }
}

#[tokio::test]
async fn guesses_are_few() {
    let app = app().await;
    let asked = ask(&app).await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let page = type_code(&mut browser, "not a code").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    for _ in 0..4 {
        let page = type_code(&mut browser, "BCDF-GHJK").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(page.shows("That code is not known"), "{page:?}");
    }
    // Moving to another address, or having a good code, does not help.
    browser.address = "203.0.113.9".parse().unwrap();
    let page = type_code(&mut browser, asked.text("user_code")).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(page.headers[header::RETRY_AFTER], "2");
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(type_code(&mut browser, "BCDF-GHJK").await.status, StatusCode::NOT_FOUND);
    app.clock.advance(Duration::from_secs(3));
    let page = type_code(&mut browser, "BCDF-GHJK").await;
    assert_eq!(page.headers[header::RETRY_AFTER], "1", "waits double");
    app.clock.advance(Duration::from_secs(1));
    let page = type_code(&mut browser, asked.text("user_code")).await;
    assert_eq!(page.status, StatusCode::OK);
    // The right one cleared nothing: after it the waits go on where they were.
    assert_eq!(type_code(&mut browser, "BCDF-GHJK").await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_code_is_shown_to_a_few_and_an_address_tries_a_few() {
    let app = app().await;
    let asked = ask(&app).await;
    for n in 0..12_u8 {
        let name = format!("person{n}");
        app.person(&name).await;
        let mut browser = Browser::new(&app);
        browser.address = std::net::IpAddr::from([198, 51, 100, n]);
        browser.sign_in(&name).await;
        let page = type_code(&mut browser, asked.text("user_code")).await;
        let expected = if n < 10 { StatusCode::OK } else { StatusCode::NOT_FOUND };
        assert_eq!(page.status, expected, "person {n}");
    }
}

#[tokio::test]
async fn decisions_come_from_the_page_that_was_shown() {
    let app = app().await;
    app.person("eve").await;
    let asked = ask(&app).await;
    let mut ada = Browser::new(&app);
    ada.sign_in("ada").await;
    let shown = type_code(&mut ada, asked.text("user_code")).await;
    let (action, fields) = shown.form(&[("decision", "allow")]);
    assert_eq!(action, "/device/confirm");
    // Another browser, another session, another site, another code: none of them may decide.
    let mut eve = Browser::new(&app);
    eve.sign_in("eve").await;
    let post = axum::http::Method::POST;
    let forged = eve.step(post.clone(), &action, Some(&fields), &[]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let site = [("sec-fetch-site", "cross-site")];
    assert_eq!(ada.step(post.clone(), &action, Some(&fields), &site).await.status, StatusCode::FORBIDDEN);
    let other = ask(&app).await;
    let swapped = fields.replace(asked.text("user_code"), other.text("user_code"));
    assert_eq!(ada.step(post.clone(), &action, Some(&swapped), &[]).await.status, StatusCode::FORBIDDEN);
    let nobody = Browser::new(&app).step(post.clone(), &action, Some(&fields), &[]).await;
    assert!(nobody.location().unwrap().starts_with("/sign-in?to=device"));
    assert_eq!(poll(&app, &asked).await.text("error"), "authorization_pending");
    assert_eq!(ada.step(post, &action, Some(&fields), &[]).await.status, StatusCode::OK);
    assert_eq!(poll(&app, &asked).await.status, 200);
}

#[tokio::test]
async fn the_picture_leads_here_and_nowhere_else() {
    let app = app().await;
    let get = |address: &'static str| Request::get(address).body(Body::empty()).unwrap();
    let response = app.send(get("/device/qr?user_code=bcdfghjk")).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "image/svg+xml");
    assert_eq!(response.headers()["content-security-policy"], "default-src 'none'; sandbox");
    let svg = read(response).await;
    assert!(svg.starts_with("<svg") && !svg.contains("<script"), "{svg}");
    assert_eq!(app.send(get("/device/qr?user_code=https://evil.example")).await.status(), 404);
    assert_eq!(app.send(get("/device/qr")).await.status(), 404);
}

#[tokio::test]
async fn programs_are_told_what_is_wrong() {
    let app = app().await;
    app.client("web").await;
    let answer = app.post("/device_authorization", None, &[("client_id", "web")]).await;
    assert_eq!((answer.status, answer.text("error")), (401, "invalid_client"));
    let answer = app.post("/device_authorization", None, &[("client_id", "tv"), ("scope", "x y")]).await;
    assert_eq!((answer.status, answer.text("error")), (400, "invalid_scope"));
    let form = [("grant_type", DEVICE_CODE), ("client_id", "tv"), ("device_code", "made-up")];
    let answer = app.post("/token", None, &form).await;
    assert_eq!((answer.status, answer.text("error")), (400, "invalid_grant"));
    let metadata = Request::get("/.well-known/oauth-authorization-server").body(Body::empty()).unwrap();
    let metadata = Answer::of(app.send(metadata).await).await;
    assert_eq!(metadata.text("device_authorization_endpoint"), "https://auth.example/device_authorization");
}
