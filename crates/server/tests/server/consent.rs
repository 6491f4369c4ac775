//! What people see of an application that asks, and what they can leave out.

use std::time::Duration;

use countersign_model::{Client, ClientOrigin, Clock as _, OptionalScopes, UserId};
use countersign_oauth::register::ClientDocumentPolicy;
use countersign_server::ServerSettings;

use crate::browser::{Browser, Page};
use crate::support::*;

async fn asked(browser: &mut Browser<'_>, parameters: &[(&str, &str)]) -> Page {
    let page = browser.get(&authorization("web", parameters)).await;
    if page.address.starts_with("/consent?") {
        return page;
    }
    browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await
}

async fn with_client(change: impl FnOnce(&mut Client)) -> App {
    let app = App::new().await;
    app.person("ada").await;
    let mut client = web_client("web", app.clock.now());
    change(&mut client);
    app.store.create_client(&client).await.unwrap();
    app
}

async fn redeem(app: &App, page: &Page) -> Answer {
    let code = page.answer("code").unwrap_or_else(|| panic!("no code: {page:?}"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    app.post("/token", Some(&basic("web")), &form).await
}

#[tokio::test]
async fn a_box_that_was_unticked_is_not_given() {
    let app = with_client(|client| {
        client.optional_scopes = OptionalScopes::Named("email".parse().unwrap());
    })
    .await;
    let mut browser = Browser::new(&app);
    let page = asked(&mut browser, &[]).await;
    assert!(page.shows(r#"name="scope:email" value="yes" checked"#), "{page:?}");
    assert!(!page.shows(r#"name="scope:invoices:read""#) && page.shows("invoices:read"), "{page:?}");
    let back = browser.submit(&page, &[("decision", "allow"), ("scope:email", "")]).await;
    let tokens = redeem(&app, &back).await;
    assert_eq!(tokens.text("scope"), "invoices:read openid");
    // Asked in so many words, the page remembers.
    let again = asked(&mut browser, &[("prompt", "consent")]).await;
    assert!(again.shows(r#"name="scope:email" value="yes">"#), "{again:?}");
    let back = browser.submit(&again, &[("decision", "allow"), ("scope:email", "yes")]).await;
    assert_eq!(redeem(&app, &back).await.text("scope"), "email invoices:read openid");
}

#[tokio::test]
async fn a_form_that_leaves_out_what_it_can_not_is_asked_again() {
    let app = with_client(|client| {
        client.optional_scopes = OptionalScopes::Named("email".parse().unwrap());
    })
    .await;
    let mut browser = Browser::new(&app);
    let page = asked(&mut browser, &[]).await;
    for forged in ["", "openid", "openid email", "openid admin"] {
        let again = browser.submit(&page, &[("decision", "allow"), ("scope", forged)]).await;
        assert!(
            again.address.starts_with("/consent?") && again.shows("consent-allow"),
            "{forged}: {again:?}"
        );
    }
    // What was not asked for is not given, whatever box was added.
    let more = [("decision", "allow"), ("scope:profile", "yes"), ("scope:admin", "yes")];
    let back = browser.submit(&page, &more).await;
    assert_eq!(redeem(&app, &back).await.text("scope"), "email invoices:read openid");
}

#[tokio::test]
async fn a_box_with_no_scope_is_no_form() {
    let app = with_client(|_| {}).await;
    let mut browser = Browser::new(&app);
    let page = asked(&mut browser, &[]).await;
    let bad = browser.submit(&page, &[("decision", "allow"), ("scope:\"x", "yes")]).await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn the_page_says_who_stands_behind_it() {
    let operator = with_client(|_| {}).await;
    let mut browser = Browser::new(&operator);
    assert!(asked(&mut browser, &[]).await.shows("consent-operator"));

    let person = with_client(|client| client.owner = Some(UserId::from("usr_eve"))).await;
    person.person("eve").await;
    let mut browser = Browser::new(&person);
    let page = asked(&mut browser, &[]).await;
    assert!(page.shows("consent-owner") && page.shows("eve &#60;the first&#62; (eve)"), "{page:?}");

    let own = with_client(|client| client.origin = ClientOrigin::Registration).await;
    let mut browser = Browser::new(&own);
    assert!(asked(&mut browser, &[]).await.shows("consent-unvouched"));
}

#[tokio::test]
async fn a_logo_is_shown_from_its_own_origin_and_only_by_https() {
    let policy = |page: &Page| {
        let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap().to_owned();
        policy.split("; ").find(|directive| directive.starts_with("img-src")).unwrap().to_owned()
    };
    let with_logo = async |logo: &str| {
        let app = with_client(|client| {
            client.information.logo_uri = Some(logo.to_owned());
            client.information.tos_uri = Some("https://app.example/terms".to_owned());
            client.information.client_uri = Some("javascript:alert(1)".to_owned());
        })
        .await;
        let mut browser = Browser::new(&app);
        asked(&mut browser, &[]).await
    };
    let page = with_logo("https://cdn.app.example/logo.png?a=1&b=2").await;
    assert_eq!(policy(&page), "img-src 'self' https://cdn.app.example");
    assert!(page.shows(r#"<img class="logo" src="https://cdn.app.example/logo.png?a=1"#), "{page:?}");
    assert!(page.shows(r#"referrerpolicy="no-referrer""#));
    assert!(page.shows("https://app.example/terms") && !page.shows("javascript:"), "{page:?}");
    for unsafe_logo in ["http://app.example/logo.png", "data:image/svg+xml,x", "https://192.0.2.1/x.png"] {
        let page = with_logo(unsafe_logo).await;
        assert_eq!(policy(&page), "img-src 'self'", "{unsafe_logo}");
        assert!(!page.shows("<img"), "{unsafe_logo}: {page:?}");
    }
}

#[tokio::test]
async fn nobody_shows_the_pictures_and_pages_of_somebody_else() {
    let shown = async |changes: &dyn Fn(&mut Client), host: &str| {
        let app = with_client(|client| {
            client.client_name = "GitHub".to_owned();
            client.information.logo_uri = Some(format!("https://{host}/logo.png"));
            client.information.client_uri = Some(format!("https://{host}/"));
            client.information.tos_uri = Some(format!("https://{host}/terms"));
            // Written down as easily as a name.
            client.redirect_uris.push("https://github.example/callback".to_owned());
            changes(client);
        })
        .await;
        app.person("eve").await;
        let page = asked(&mut Browser::new(&app), &[]).await;
        assert!(page.shows("consent-allow"), "{page:?}");
        let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
        let picture = policy.contains(&format!("img-src 'self' https://{host}"));
        assert_eq!((picture, picture), (page.shows("<img"), page.shows("consent-links")), "{page:?}");
        picture
    };
    let itself = |client: &mut Client| client.origin = ClientOrigin::Registration;
    let person = |client: &mut Client| client.owner = Some(UserId::from("usr_eve"));
    for unvouched in [&itself as &dyn Fn(&mut Client), &person] {
        for other in ["github.example", "www.app.example", "app.example.evil.example"] {
            assert!(!shown(unvouched, other).await, "{other}");
        }
        assert!(shown(unvouched, "app.example").await);
    }
    assert!(shown(&|_| {}, "github.example").await, "the operator knows");
}

/// Client ID Metadata Document: it speaks for the host it is on, and for the host that gets the answer.
#[tokio::test]
async fn a_metadata_document_shows_pictures_and_pages_of_its_own_hosts() {
    const DOCUMENT: &str = "https://docs.example/client.json";
    let shown = async |host: &str| {
        let app = App::with(ISSUER, ServerSettings::default(), |settings| {
            settings.client_documents = Some(ClientDocumentPolicy::default());
        })
        .await;
        app.person("ada").await;
        let mut client = web_client(DOCUMENT, app.clock.now());
        let fresh_until = app.clock.now().plus(Duration::from_secs(600));
        client.origin = ClientOrigin::MetadataDocument { fresh_until };
        client.information.logo_uri = Some(format!("https://{host}/logo.png"));
        client.information.client_uri = Some(format!("https://{host}/"));
        app.store.create_client(&client).await.unwrap();
        let mut browser = Browser::new(&app);
        let page = browser.get(&authorization(DOCUMENT, &[])).await;
        let page = browser.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
        assert!(page.shows("consent-host") && page.shows("docs.example"), "{page:?}");
        let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
        let picture = policy.ends_with(&format!("img-src 'self' https://{host}"));
        assert_eq!((picture, picture), (page.shows("<img"), page.shows("consent-links")), "{page:?}");
        picture
    };
    assert!(shown("docs.example").await && shown("app.example").await);
    for other in ["github.example", "cdn.docs.example", "docs.example.evil.example", "example"] {
        assert!(!shown(other).await, "{other}");
    }
}
