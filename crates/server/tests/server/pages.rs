//! Signing in and out, as a person without JavaScript does.

use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use countersign_model::{PasswordHashText, UserKind, UserStatus};

use crate::browser::{Browser, encode};
use crate::support::{App, PASSWORD, SHA_CRYPT};

#[tokio::test]
async fn a_person_signs_in_sees_the_account_and_signs_out() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);

    let page = browser.get("/account").await;
    assert_eq!((page.status, page.title()), (StatusCode::OK, "Sign in · Countersign"));
    let page = browser.submit(&page, &[("username", "Ada"), ("password", PASSWORD)]).await;
    assert!(page.shows("id=\"account-username\">ada<"), "{page:?}");

    let page = browser.get("/sign-out").await;
    let stay = browser.submit(&page, &[("decision", "no")]).await;
    assert!(stay.shows("account-username"));
    let page = browser.submit(&page, &[("decision", "yes")]).await;
    assert!(page.shows("You are signed out"));
    let kept: Vec<&str> = browser.cookies.keys().map(String::as_str).collect();
    assert_eq!(kept, ["__Host-countersign-known"], "it opens nothing");
    assert_eq!(browser.get("/account").await.title(), "Sign in · Countersign");
}

#[tokio::test]
async fn a_session_ends_at_the_server_too() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let stolen = browser.cookies.clone();
    let page = browser.get("/sign-out").await;
    browser.submit(&page, &[("decision", "yes")]).await;
    browser.cookies = stolen;
    assert_eq!(browser.get("/account").await.title(), "Sign in · Countersign");
}

#[tokio::test]
async fn a_session_ends_by_time() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    app.clock.advance(Duration::from_secs(12 * 3_600 + 1));
    assert_eq!(browser.get("/account").await.title(), "Sign in · Countersign");
}

#[tokio::test]
async fn signing_in_makes_a_new_session_whatever_cookie_was_planted() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    let planted = "A".repeat(43);
    browser.cookies.insert("__Host-countersign".to_owned(), planted.clone());
    browser.sign_in("ada").await;
    let first = browser.cookies["__Host-countersign"].clone();
    assert_ne!(first, planted);
    browser.sign_in("ada").await;
    assert_ne!(browser.cookies["__Host-countersign"], first);
    browser.cookies.insert("__Host-countersign".to_owned(), first);
    assert_eq!(browser.get("/account").await.title(), "Sign in · Countersign", "the former session ended");
}

#[tokio::test]
async fn every_refusal_looks_the_same() {
    let app = App::new().await;
    app.person("ada").await;
    app.user("printer", UserKind::Service).await;
    app.disabled_person("eve").await;
    let mut bodies = Vec::new();
    for (name, password) in [("ada", "wrong"), ("nobody", PASSWORD), ("printer", PASSWORD), ("eve", PASSWORD)]
    {
        let mut browser = Browser::new(&app);
        let page = browser.get("/sign-in").await;
        let page = browser.submit(&page, &[("username", name), ("password", password)]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{name}");
        assert!(page.shows("The user name or the password is not right") && page.shows("aria-invalid"));
        assert!(!page.shows(PASSWORD) && !browser.cookies.contains_key("__Host-countersign"));
        let token = page.form(&[]).1;
        let token = token.split('&').next().unwrap().trim_start_matches("csrf=").to_owned();
        bodies.push(page.body.replace(name, "NAME").replace(&token, "TOKEN"));
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn guessing_is_slowed_down_but_not_for_others() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-in").await;
    for _ in 0..4 {
        let refused = browser.submit(&page, &[("username", "ada"), ("password", "wrong")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let refused = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers[header::RETRY_AFTER], "2");
    assert!(refused.shows("Try again in 2 seconds"));

    let mut elsewhere = Browser::new(&app);
    elsewhere.address = "198.51.100.7".parse().unwrap();
    elsewhere.sign_in("ada").await;

    app.clock.advance(Duration::from_secs(2));
    let welcome = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
    assert!(welcome.shows("account-username"));
}

#[tokio::test]
async fn whoever_guesses_beside_the_owner_does_not_lock_them_out() {
    let app = App::new().await;
    let ada = app.person("ada").await;
    app.person("eve").await;
    let (mut owner, mut thief) = (Browser::new(&app), Browser::new(&app));
    owner.sign_in("ada").await;
    let page = owner.get("/sign-out").await;
    owner.submit(&page, &[("decision", "yes")]).await;
    // The thief has an account too, sits at the same address, and never stops.
    thief.sign_in("eve").await;
    let attempt = async |browser: &mut Browser<'_>, password: &str| {
        let page = browser.get("/sign-in").await;
        browser.submit(&page, &[("username", "ada"), ("password", password)]).await.status
    };
    for _ in 0..60 {
        attempt(&mut thief, "guess").await;
    }
    assert_eq!(attempt(&mut thief, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    owner.sign_in("ada").await;
    // A browser of the owner's that was stolen has a few guesses of its own, and no more.
    let mut stolen = Browser::new(&app);
    stolen
        .cookies
        .insert("__Host-countersign-known".to_owned(), owner.cookies["__Host-countersign-known"].clone());
    let mut guesses = Vec::new();
    for _ in 0..6 {
        guesses.push(attempt(&mut stolen, "guess").await.as_u16());
    }
    assert_eq!(guesses, [403, 403, 403, 403, 429, 429]);
    // With the password the mark is void.
    let changed = app.hasher.hash(&PASSWORD.into()).await.unwrap();
    app.store
        .set_password(&ada.id, Some(&changed), countersign_model::Clock::now(&*app.clock))
        .await
        .unwrap();
    assert_eq!(attempt(&mut owner, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn forms_from_elsewhere_are_refused() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    let page = browser.get("/sign-in").await;
    let (_, good) = page.form(&[("username", "ada"), ("password", PASSWORD)]);
    let bare = encode([("username", "ada"), ("password", PASSWORD)]);
    let forged = encode([("csrf", "x"), ("username", "ada"), ("password", PASSWORD)]);
    for form in [&bare, &forged] {
        let page = browser.step(Method::POST, "/sign-in", Some(form), &[]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.shows("This form is out of date"));
    }
    for extra in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let page = browser.step(Method::POST, "/sign-in", Some(&good), &[extra]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{extra:?}");
    }
    let mut other = Browser::new(&app);
    other.get("/sign-in").await;
    let page = other.step(Method::POST, "/sign-in", Some(&good), &[]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "another browser's token");
    let mut none = Browser::new(&app);
    let page = none.step(Method::POST, "/sign-in", Some(&good), &[]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "no cookie");

    let page =
        browser.step(Method::POST, "/sign-in", Some(&good), &[("origin", "https://auth.example")]).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, Some("/account")));
}

#[tokio::test]
async fn signing_out_takes_a_form_of_this_session() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let page = browser.step(Method::POST, "/sign-out", Some("decision=yes"), &[]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(browser.get("/account").await.shows("account-username"));
}

#[tokio::test]
async fn continue_leads_nowhere_but_to_waiting_requests() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    for target in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "x",
        &"A".repeat(43),
    ] {
        let page = browser.get(&format!("/sign-in?{}", encode([("continue", target)]))).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{target}");
        assert!(page.shows("This page has expired") && !page.shows("evil"));
    }
    let page = browser.get("/sign-in").await;
    let (_, form) = page.form(&[("username", "ada"), ("password", PASSWORD)]);
    let form = format!("{form}&{}", encode([("continue", "https://evil.example")]));
    let page = browser.step(Method::POST, "/sign-in", Some(&form), &[]).await;
    assert!(page.status.is_client_error() && page.location().is_none());
}

#[tokio::test]
async fn a_weak_hash_is_replaced_when_its_owner_signs_in() {
    let app = App::new().await;
    let user =
        app.user_with("ada", UserKind::Person, UserStatus::Enabled, PasswordHashText::new(SHA_CRYPT)).await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let hash = app.stored_hash(&user).await;
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    browser.sign_in("ada").await;
}
