//! Applications that people register on pages of their own.

use axum::http::{Method, StatusCode};
use countersign_model::{
    Ceiling, Client, ClientAuthentication, ClientId, ClientStatus, GrantType, OptionalScopes, Profile,
    UserId, UserStatus,
};
use countersign_oauth::ports::Clients as _;
use countersign_oauth::register::PeoplePolicy;
use countersign_server::ServerSettings;

use crate::browser::{Browser, Page};
use crate::support::*;

async fn house(most_per_person: u32) -> App {
    let app = App::with(ISSUER, ServerSettings::default(), |settings| {
        settings.registration.people = Some(PeoplePolicy { most_per_person });
        settings.registration.grant_types.insert(GrantType::DeviceCode);
    })
    .await;
    app.person("ada").await;
    app.person("eve").await;
    app
}

async fn register(browser: &mut Browser<'_>, typed: &[(&str, &str)]) -> Page {
    let page = browser.get("/applications/new").await;
    let mut fields =
        vec![("name", "Ada\u{2019}s <invoices>"), ("redirect_uris", "https://app.example/callback")];
    fields.retain(|(name, _)| !typed.iter().any(|(other, _)| other == name));
    fields.extend_from_slice(typed);
    browser.submit(&page, &fields).await
}

fn code(page: &Page, id: &str) -> String {
    let (_, rest) =
        page.body.split_once(&format!("<code id=\"{id}\">")).unwrap_or_else(|| panic!("no {id}: {page:?}"));
    rest.split_once("</code>").unwrap().0.to_owned()
}

#[tokio::test]
async fn an_application_is_registered_used_changed_and_ended() {
    let app = house(5).await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let made = register(&mut browser, &[("client_uri", "https://app.example"), ("scope:email", "")]).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let (id, secret) = (code(&made, "client-id"), code(&made, "client-secret"));
    let client = app.store.client(&ClientId::from(id.as_str())).await.unwrap().unwrap();
    assert_eq!(client.owner.as_ref().map(|owner| owner.as_str()), Some("usr_ada"));
    assert_eq!(client.scopes.to_string(), "openid profile");
    assert_eq!(client.optional_scopes, OptionalScopes::AllButOpenid);
    assert_eq!(client.authentication, ClientAuthentication::ClientSecretBasic);
    assert_eq!(client.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken].into());

    // Eve lets it in, without her name.
    let mut eve = Browser::new(&app);
    eve.sign_in("eve").await;
    let asked = eve.get(&authorization(&id, &[("scope", "openid profile")])).await;
    assert!(asked.shows("Ada\u{2019}s &#60;invoices&#62;") && asked.shows("consent-owner"), "{asked:?}");
    let back = eve.submit(&asked, &[("decision", "allow"), ("scope:profile", "")]).await;
    let credentials =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{id}:{secret}"));
    let basic = format!("Basic {credentials}");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &back.answer("code").unwrap()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = app.post("/token", Some(&basic), &form).await;
    assert_eq!(tokens.text("scope"), "openid");

    // A new secret beside the old one, and then the old one's end.
    let show = browser.get(&format!("/applications/{id}/secret")).await;
    let renewed = browser.submit(&show, &[("decision", "new")]).await;
    let newer = code(&renewed, "client-secret");
    assert_ne!(newer, secret);
    for known in [&secret, &newer] {
        assert!(known.starts_with("cst_cs_"), "a leaked one can be found");
    }
    let introspect = async |secret: &str| {
        let form = [("client_id", id.as_str()), ("token", tokens.text("access_token"))];
        let credentials =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{id}:{secret}"));
        app.post("/introspect", Some(&format!("Basic {credentials}")), &form).await.status
    };
    assert_eq!((introspect(&secret).await, introspect(&newer).await), (200, 200));
    let show = browser.get(&format!("/applications/{id}/secret")).await;
    let ended = browser.submit(&show, &[("decision", "end_old")]).await;
    assert!(ended.shows("Older secrets have ended"), "{ended:?}");
    assert_eq!((introspect(&secret).await, introspect(&newer).await), (401, 200));

    // What was saved is what is asked with.
    let page = browser.get(&format!("/applications/{id}")).await;
    let saved = browser.submit(&page, &[("name", "Another"), ("device", "yes")]).await;
    assert!(saved.shows("Saved") && saved.shows("value=\"Another\""), "{saved:?}");
    assert!(!saved.shows(&newer) && !page.shows(&secret), "a secret is shown once");
    let client = app.store.client(&client.client_id).await.unwrap().unwrap();
    assert!(client.grant_types.contains(&GrantType::DeviceCode) && client.client_name == "Another");
    assert_eq!(client.secrets.len(), 1);

    let ask = browser.get(&format!("/applications/{id}/delete")).await;
    let kept = browser.submit(&ask, &[("decision", "keep")]).await;
    assert!(kept.address.ends_with(&id));
    let gone = browser.submit(&ask, &[("decision", "delete")]).await;
    assert!(gone.shows("id=\"deleted\"") && gone.shows("applications-none"), "{gone:?}");
    assert_eq!(introspect(&newer).await, 401);
    assert!(eve.get("/account/authorizations").await.shows("authorizations-none"));
}

#[tokio::test]
async fn what_registration_refuses_is_refused_and_shown_again() {
    let app = house(5).await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    for (typed, words) in [
        (("name", ""), "Name:"),
        (("redirect_uris", ""), "Redirect addresses:"),
        (("redirect_uris", "https://app.example/*"), "Redirect addresses:"),
        (("redirect_uris", "http://app.example/callback"), "Redirect addresses:"),
        (("redirect_uris", "javascript:alert(1)"), "Redirect addresses:"),
        (("logo_uri", "http://app.example/logo.png"), "Logo:"),
        (("client_uri", "javascript:alert(1)"), "Website:"),
        (("authentication", "private_key_jwt"), "jwks"),
        (("authentication", "tls_client_auth"), "can\u{2019}t be kept"),
        (("scope:admin", "yes"), "Permissions:"),
    ] {
        let page = register(&mut browser, &[typed]).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{typed:?}: {page:?}");
        assert!(page.shows("role=\"alert\"") && page.shows(words), "{typed:?}: {page:?}");
        if typed.0 == "redirect_uris" {
            assert!(
                page.shows("value=\"Ada\u{2019}s &#60;invoices&#62;\""),
                "what was typed is still there: {page:?}"
            );
        }
    }
    assert!(browser.get("/applications").await.shows("applications-none"));
}

#[tokio::test]
async fn an_application_with_no_box_ticked_may_do_nothing() {
    let app = house(5).await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let none = [("scope:openid", ""), ("scope:profile", ""), ("scope:email", "")];
    let made = register(&mut browser, &none).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let id = code(&made, "client-id");
    let client = app.store.client(&ClientId::from(id.as_str())).await.unwrap().unwrap();
    assert!(client.scopes.is_empty() && client.default_scopes.is_empty(), "{client:?}");
    let page = browser.get(&format!("/applications/{id}")).await;
    assert!(page.shows("name=\"scope:openid\"") && !page.shows("value=\"yes\" checked"), "{page:?}");
    let back = browser.get(&authorization(&id, &[("scope", "openid")])).await;
    assert_eq!(back.answer("error").as_deref(), Some("invalid_scope"), "{back:?}");
}

#[tokio::test]
async fn the_form_shows_what_was_ticked_in_profiles_that_let_a_client_ask_for_more() {
    let app = App::with(ISSUER, ServerSettings::default(), |settings| {
        settings.registration.people = Some(PeoplePolicy { most_per_person: 5 });
        settings.registration.profiles = vec![Profile::Mcp];
    })
    .await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let id = code(&register(&mut browser, &[("scope:email", "")]).await, "client-id");
    let known = async || app.store.client(&ClientId::from(id.as_str())).await.unwrap().unwrap();
    assert_eq!(known().await.default_scopes.to_string(), "openid profile");
    let page = browser.get(&format!("/applications/{id}")).await;
    let saved = browser.submit(&page, &[("name", "Another"), ("redirect_uris", REDIRECT)]).await;
    assert!(saved.shows("Saved"), "{saved:?}");
    assert_eq!(known().await.default_scopes.to_string(), "openid profile", "saving ticks nothing");
}

#[tokio::test]
async fn a_person_has_so_many_and_sees_only_their_own() {
    let app = house(1).await;
    let mut ada = Browser::new(&app);
    ada.sign_in("ada").await;
    let made =
        register(&mut ada, &[("authentication", "none"), ("redirect_uris", "http://127.0.0.1/cb")]).await;
    let id = code(&made, "client-id");
    assert!(!made.shows("client-secret"), "a public client has none: {made:?}");
    let list = ada.get("/applications").await;
    assert!(list.shows(&id) && list.shows("applications-full"), "{list:?}");
    let refused = register(&mut ada, &[]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.shows("as many applications as one person may"), "{refused:?}");
    assert_eq!(ada.get(&format!("/applications/{id}/secret")).await.status, StatusCode::NOT_FOUND);

    let mut eve = Browser::new(&app);
    eve.sign_in("eve").await;
    assert!(register(&mut eve, &[]).await.shows("client-secret"), "counted for each");
    for page in ["", "/secret", "/delete"] {
        let address = format!("/applications/{id}{page}");
        assert_eq!(eve.get(&address).await.status, StatusCode::NOT_FOUND, "{page}");
        let (_, form) = ada.get(&format!("/applications/{id}/delete")).await.form(&[("decision", "delete")]);
        let forged = eve.step(Method::POST, &address, Some(&form), &[]).await;
        assert!(matches!(forged.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), "{page}: {forged:?}");
    }
    // The operator's own clients are nobody's.
    app.client("web").await;
    assert_eq!(ada.get("/applications/web").await.status, StatusCode::NOT_FOUND);
    app.store
        .set_client_status(
            &ClientId::from(id.as_str()),
            ClientStatus::Disabled,
            countersign_model::Timestamp::EPOCH,
        )
        .await
        .unwrap();
    assert!(ada.get(&format!("/applications/{id}")).await.shows("application-disabled"));
}

#[tokio::test]
async fn there_is_nothing_where_the_operator_lets_nobody() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    let account = browser.sign_in("ada").await;
    assert!(!account.shows("applications-link"));
    for address in ["/applications", "/applications/new", "/applications/x"] {
        assert_eq!(browser.get(address).await.status, StatusCode::NOT_FOUND, "{address}");
    }
}

#[tokio::test]
async fn an_application_stops_with_its_owner() {
    let app = house(5).await;
    let mut ada = Browser::new(&app);
    ada.sign_in("ada").await;
    let made = register(&mut ada, &[("authentication", "none")]).await;
    let id = code(&made, "client-id");
    let mut eve = Browser::new(&app);
    eve.sign_in("eve").await;
    let asked = eve.get(&authorization(&id, &[("scope", "openid profile")])).await;
    let back = eve.submit(&asked, &[("decision", "allow")]).await;
    let code = back.answer("code").unwrap();
    let set = async |status| {
        let (user, now) = (UserId::new("usr_ada"), countersign_model::Timestamp::EPOCH);
        assert!(app.store.set_user_status(&user, status, now).await.unwrap());
    };
    set(UserStatus::Disabled).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &id),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let refused = app.post("/token", None, &form).await;
    assert_eq!((refused.status, refused.text("error")), (401, "invalid_client"));
    let asked = eve.get(&authorization(&id, &[("scope", "openid profile email")])).await;
    assert!(!asked.shows("consent-owner") && asked.status == StatusCode::BAD_REQUEST, "{asked:?}");
    set(UserStatus::Enabled).await;
    let asked = eve.get(&authorization(&id, &[("scope", "openid profile email")])).await;
    assert!(asked.shows("consent-owner"), "{asked:?}");
}

#[tokio::test]
async fn what_the_operator_decided_stays_whatever_the_owner_saves() {
    let app = house(5).await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    let id = code(&register(&mut browser, &[("device", "yes")]).await, "client-id");
    let key = ClientId::from(id.as_str());
    let known = async || app.store.client(&key).await.unwrap().unwrap();
    // As `client update --grant authorization_code --scopes openid` leaves it, and what else the form does not name.
    let mut decided = Client::clone(&*known().await);
    decided.grant_types = [GrantType::AuthorizationCode].into();
    decided.scopes = "openid".parse().unwrap();
    decided.ceiling =
        Ceiling { grant_types: Some(decided.grant_types.clone()), scopes: Some(decided.scopes.clone()) };
    decided.dpop_bound_access_tokens = true;
    decided.authorization.require_pushed_authorization_requests = true;
    decided.authorization.require_signed_request_object = true;
    decided.authorization.authorization_details_types = ["payment".to_owned()].into();
    decided.jwks = Some(serde_json::json!({"keys": []}));
    decided.information.policy_uri = Some("https://app.example/policy".to_owned());
    let now = countersign_model::Timestamp::EPOCH;
    assert!(app.store.change_client(&*known().await, &decided, now).await.unwrap());

    // The addresses are in a box of many lines.
    let typed = |fields: &[(&'static str, &'static str)]| [fields, &[("redirect_uris", REDIRECT)]].concat();
    let stale = browser.get(&format!("/applications/{id}")).await;
    assert!(!stale.shows("scope:profile") && !stale.shows("name=\"device\""), "{stale:?}");
    let saved = browser.submit(&stale, &typed(&[("name", "Another"), ("device", "yes")])).await;
    assert!(saved.shows("Saved"), "{saved:?}");
    assert_eq!(*known().await, Client { client_name: "Another".to_owned(), ..decided.clone() });
    let refused = browser.submit(&saved, &typed(&[("scope:profile", "yes")])).await;
    assert!(refused.status == StatusCode::BAD_REQUEST && refused.shows("Permissions:"), "{refused:?}");

    // What the operator gave beyond what the form offers stays too.
    decided.grant_types = [GrantType::AuthorizationCode, GrantType::ClientCredentials].into();
    decided.scopes = "openid reports".parse().unwrap();
    decided.ceiling = Ceiling::default();
    assert!(app.store.change_client(&*known().await, &decided, now).await.unwrap());
    let page = browser.get(&format!("/applications/{id}")).await;
    let saved = browser
        .submit(&page, &typed(&[("scope:openid", ""), ("scope:email", "yes"), ("device", "yes")]))
        .await;
    assert!(saved.shows("Saved"), "{saved:?}");
    let after = known().await;
    assert_eq!(after.scopes.to_string(), "email reports");
    let mut grants = decided.grant_types;
    grants.insert(GrantType::DeviceCode);
    assert_eq!(after.grant_types, grants);
    let page = browser.get(&format!("/applications/{id}")).await;
    let public = browser.submit(&page, &typed(&[("authentication", "none")])).await;
    assert!(public.status == StatusCode::BAD_REQUEST && public.shows("Secret:"), "{public:?}");
}
