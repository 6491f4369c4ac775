//! A MUST of each of the standards that stand on OAuth, as it is over HTTP: those where a client would go wrong in silence.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::{AccessTokenFormat, CertificateName, ClientAuthentication, GrantType};
use countersign_oauth::{AcrClass, Settings};
use serde_json::{Value, json};

use crate::browser::{Browser, encode};
use crate::errors::addresses;
use crate::errors::scene::{NOW, Shown, app, everything, github, jkt, key, proof, redemption, shown, sign};
use crate::support::{Answer, App, ISSUER, REDIRECT, authorization, basic};

/// The claims of a signed token.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap_or_else(|| panic!("{token} is no JWT"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn token(app: &App, id: &str, form: &[(&str, &str)]) -> Answer {
    app.post("/token", Some(&basic(id)), form).await
}

#[tokio::test]
async fn rfc_8628_3_5_slow_down_is_for_good() {
    let app = app().await;
    app.client_with("tv", |client| client.grant_types = [GrantType::DeviceCode].into()).await;
    let begun = app.post("/device_authorization", Some(&basic("tv")), &[]).await;
    // §3.2: nobody may keep it, and what a device needs is in it.
    assert_eq!((begun.status, begun.header("cache-control")), (200, "no-store"));
    assert!(begun.text("verification_uri_complete").contains(begun.text("user_code")));
    assert_eq!((&begun.json["interval"], begun.json["expires_in"].is_u64()), (&json!(5), true));
    let code = begun.text("device_code").to_owned();
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    let poll = async |after: u64| {
        app.clock.advance(Duration::from_secs(after));
        token(&app, "tv", &[grant, ("device_code", &code)]).await.text("error").to_owned()
    };
    assert_eq!(poll(0).await, "authorization_pending");
    assert_eq!(poll(1).await, "slow_down");
    // Ten seconds from now on: six are too few, sixteen are enough for what that one made of it.
    assert_eq!(poll(6).await, "slow_down");
    assert_eq!(poll(16).await, "authorization_pending");
}

#[tokio::test]
async fn rfc_8693_2_2_1_the_answer_says_what_was_issued_or_there_is_none() {
    let change = |settings: &mut Settings| {
        everything(settings);
        settings.exchange_rules[0].scopes = "invoices:read".parse().unwrap();
    };
    let app = App::with(ISSUER, github(), change).await;
    app.person("ada").await;
    let both = |format: AccessTokenFormat| {
        move |client: &mut countersign_model::Client| {
            client.grant_types = [GrantType::AuthorizationCode, GrantType::TokenExchange].into();
            client.access_token_format = format;
        }
    };
    app.client_with("exchanger", both(AccessTokenFormat::Jwt)).await;
    let subject = app.access_token("exchanger", "openid invoices:read").await;
    let jwt = "urn:ietf:params:oauth:token-type:jwt";
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", subject.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("requested_token_type", jwt),
    ];
    let traded = token(&app, "exchanger", &form).await;
    assert_eq!((traded.text("issued_token_type"), traded.text("token_type")), (jwt, "Bearer"), "{traded:?}");
    assert_eq!((traded.text("scope"), traded.json.get("refresh_token")), ("invoices:read", None));
    // §4.1: who acts is in it, and for whom it is.
    let claims = claims(traded.text("access_token"));
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("usr_ada"), &json!("https://billing.example")));
    assert!(claims["act"]["sub"].is_string(), "{claims}");
}

#[tokio::test]
async fn rfc_9126_4_a_pushed_request_is_its_clients_and_answered_once() {
    let app = app().await;
    app.client_with("other", |_| {}).await;
    let query = authorization("web", &[]);
    let form = query.split_once('?').unwrap().1;
    let inside = format!("{form}&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Ax");
    let refused = app.post_raw("/par", Some(&basic("web")), &inside).await;
    assert_eq!((refused.status, refused.text("error")), (400, "invalid_request"), "§2.1, point 2");
    let pushed = app.post_raw("/par", Some(&basic("web")), form).await;
    assert_eq!((pushed.status, pushed.header("cache-control")), (201, "no-store"), "§2.2");
    let uri = pushed.text("request_uri").to_owned();
    let address = |id: &str| format!("/authorize?{}", encode([("client_id", id), ("request_uri", &uri)]));
    let stolen = Browser::new(&app).get(&address("other")).await;
    assert_eq!((stolen.status.as_u16(), stolen.location()), (400, None), "{stolen:?}");
    let mut browser = Browser::new(&app);
    assert!(browser.agree(&address("web")).await.answer("code").is_some());
    let again = browser.get(&address("web")).await;
    assert_eq!((again.status.as_u16(), again.location()), (400, None), "{again:?}");
}

#[tokio::test]
async fn rfc_9101_6_3_what_is_signed_counts_and_nothing_beside_it() {
    let app = app().await;
    let own = key();
    app.client_with("signer", |client| {
        client.jwks = Some(json!({ "keys": [own.public_jwk_value().unwrap()] }));
    })
    .await;
    let mut signed = json!({
        "iss": "signer", "aud": ISSUER, "client_id": "signer", "exp": NOW + 300, "nbf": NOW,
        "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid", "state": "signed",
        "code_challenge": crate::errors::scene::challenge(), "code_challenge_method": "S256",
    });
    let beside = [("scope", "openid email"), ("state", "beside"), ("redirect_uri", "https://evil.example/")];
    let address = |signed: &Value| {
        let object = sign("oauth-authz-req+jwt", signed, &own);
        let named = [("client_id", "signer"), ("request", object.as_str())];
        format!("/authorize?{}", encode(named.into_iter().chain(beside)))
    };
    let back = Browser::new(&app).agree(&address(&signed)).await;
    assert!(back.location().unwrap().starts_with(REDIRECT));
    assert_eq!(back.answer("state").as_deref(), Some("signed"));
    let code = back.answer("code").unwrap();
    let given = token(&app, "signer", &redemption(&code, &[])).await;
    assert_eq!(given.text("scope"), "openid");
    // §5: the name beside it and the one inside are the same, or it is nobody's request.
    signed["client_id"] = "web".into();
    let page = Browser::new(&app).get(&address(&signed)).await;
    assert!(page.location().is_none() && page.shows(">invalid_request_object<"), "{page:?}");
}

#[tokio::test]
async fn rfc_9396_7_what_was_agreed_to_comes_back_and_is_introspected() {
    let app = app().await;
    app.client_with("payer", |client| {
        client.authorization.authorization_details_types = ["payment".to_owned()].into();
    })
    .await;
    let asked = "[{\"type\":\"payment\"}]";
    let code = app.code("payer", &[("authorization_details", asked)]).await;
    let given = token(&app, "payer", &redemption(&code, &[])).await;
    let details: Value = serde_json::from_str(asked).unwrap();
    assert_eq!(given.json["authorization_details"], details);
    let access = given.text("access_token");
    assert_eq!(claims(access)["authorization_details"], details, "§9.1");
    let known = app.post("/introspect", Some(&basic("payer")), &[("token", access)]).await;
    assert_eq!(known.json["authorization_details"], details, "§9.2");
    // §5: a field that nobody registered refuses the whole.
    let more = [("authorization_details", "[{\"type\":\"payment\",\"amount\":1}]")];
    let back = Browser::new(&app).get(&authorization("payer", &more)).await;
    assert_eq!(back.answer("error").as_deref(), Some("invalid_authorization_details"));
}

#[tokio::test]
async fn rfc_9449_5_a_confidential_client_may_change_its_key_and_a_public_one_may_not() {
    let app = app().await;
    app.public("spa").await;
    for (id, may) in [("web", true), ("spa", false)] {
        let (first, second) = (key(), key());
        let authorization = basic(id);
        let ask = async |proof: String, form: &[(&str, &str)]| {
            let mut form = form.to_vec();
            let mut fields = vec![("dpop", proof.as_str())];
            if may {
                fields.push(("authorization", authorization.as_str()));
            } else {
                form.push(("client_id", id));
            }
            addresses::named("/token").post(&app, &fields, &form).await
        };
        let code = app.code(id, &[("scope", "openid offline_access")]).await;
        let given = ask(proof(&first, "/token", &format!("{id}1")), &redemption(&code, &[])).await;
        assert_eq!(given.text("token_type"), "DPoP");
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", given.text("refresh_token"))];
        let again = ask(proof(&second, "/token", &format!("{id}2")), &refresh).await;
        assert_eq!(again.status, if may { 200 } else { 400 }, "{again:?}");
        if may {
            assert_eq!(claims(again.text("access_token"))["cnf"]["jkt"], jkt(&second).as_str(), "§6.1");
        }
    }
}

#[tokio::test]
async fn rfc_8705_3_2_introspection_says_which_certificate() {
    let app = App::with(ISSUER, github(), everything).await;
    app.client_with("billing", |client| {
        client.authentication = ClientAuthentication::TlsClientAuth;
        client.certificate_name = Some(CertificateName::SanDns("billing.example".to_owned()));
        client.tls_client_certificate_bound_access_tokens = true;
    })
    .await;
    let ask = async |path: &str, form: &[(&str, &str)]| {
        let form = [form, &[("client_id", "billing")]].concat();
        let request = addresses::named(path).form(&[], &form);
        Answer::of(app.send(shown(request, Some(Shown::Vouched))).await).await
    };
    let given = ask("/token", &[("grant_type", "client_credentials")]).await;
    let access = given.text("access_token");
    let bound = claims(access)["cnf"]["x5t#S256"].as_str().unwrap().to_owned();
    assert_eq!((bound.len(), given.text("token_type")), (43, "Bearer"), "§3.1");
    let known = ask("/introspect", &[("token", access)]).await;
    assert_eq!(known.json["cnf"]["x5t#S256"], bound.as_str());
    // §3.3: and the metadata say that there are such tokens.
    let metadata = Request::get("/.well-known/oauth-authorization-server").body(Body::empty()).unwrap();
    let metadata = Answer::of(app.send(metadata).await).await;
    assert_eq!(metadata.json["tls_client_certificate_bound_access_tokens"], true);
}

async fn registration(
    app: &App,
    method: Method,
    path: &str,
    bearer: Option<&str>,
    document: &Value,
) -> Answer {
    let mut request =
        Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    }
    Answer::of(app.send(request.body(Body::from(document.to_string())).unwrap()).await).await
}

#[tokio::test]
async fn rfc_7591_3_2_1_everything_that_was_registered_is_told_and_nothing_else_was() {
    let app = app().await;
    let asked = json!({
        "redirect_uris": [REDIRECT], "client_name": "Invoices", "scope": "openid", "contacts": ["a@app.example"],
        "client_name#de": "Rechnungen", "unheard_of": { "x": 1 },
    });
    let made = registration(&app, Method::POST, "/register", None, &asked).await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{made:?}");
    for name in ["redirect_uris", "client_name", "scope", "contacts", "client_name#de"] {
        assert_eq!(made.json[name], asked[name], "{name}");
    }
    assert!(made.json.get("unheard_of").is_none(), "§2: what is not understood is ignored");
    assert_eq!(made.json["client_secret_expires_at"], 0, "there whenever a secret is");
    for name in ["grant_types", "response_types", "token_endpoint_auth_method", "client_id_issued_at"] {
        assert!(!made.json[name].is_null(), "{name}: what was filled in is told too");
    }
}

#[tokio::test]
async fn rfc_7592_2_2_a_replacement_is_whole_and_only_the_clients_own() {
    let app = app().await;
    let first = json!({ "redirect_uris": [REDIRECT], "client_name": "Invoices", "client_uri": "https://app.example/" });
    let made = registration(&app, Method::POST, "/register", None, &first).await;
    let (id, bearer) = (made.text("client_id").to_owned(), made.text("registration_access_token").to_owned());
    let own = format!("/register/{id}");
    assert_eq!(made.text("registration_client_uri"), format!("{ISSUER}{own}"), "§3");
    let replace =
        async |document: Value| registration(&app, Method::PUT, &own, Some(&bearer), &document).await;
    for wrong in [
        json!({ "redirect_uris": [REDIRECT] }),
        json!({ "redirect_uris": [REDIRECT], "client_id": "web" }),
        json!({ "redirect_uris": [REDIRECT], "client_id": id, "client_secret": "of-my-own-choice-of-my-own-choice" }),
        json!({ "redirect_uris": [REDIRECT], "client_id": id, "registration_access_token": bearer }),
        json!({ "redirect_uris": [REDIRECT], "client_id": id, "client_id_issued_at": 1 }),
    ] {
        let refused = replace(wrong.clone()).await;
        assert_eq!((refused.status, refused.text("error")), (400, "invalid_client_metadata"), "{wrong}");
    }
    let after = replace(json!({ "redirect_uris": [REDIRECT], "client_id": id })).await;
    assert_eq!((after.status, after.json.get("client_uri")), (200, None), "what is left out is taken away");
    let bearer = after.text("registration_access_token").to_owned();
    let gone = registration(&app, Method::DELETE, &own, Some(&bearer), &json!({})).await;
    assert_eq!(gone.status, 204, "§2.3");
    assert_eq!(registration(&app, Method::GET, &own, Some(&bearer), &json!({})).await.status, 401, "§2.1");
}

#[tokio::test]
async fn rfc_9470_5_a_token_says_how_and_when_somebody_signed_in_and_a_refreshed_one_the_same() {
    let change = |settings: &mut Settings| {
        everything(settings);
        let plain = AcrClass { acr: "plain".to_owned(), amr: vec!["pwd".to_owned()], within: None };
        settings.acr_classes.push(plain);
    };
    let app = App::with(ISSUER, github(), change).await;
    app.person("ada").await;
    app.client_with("web", |_| {}).await;
    let changes = [("acr_values", "plain"), ("scope", "openid offline_access")];
    let code = app.code("web", &changes).await;
    let given = token(&app, "web", &redemption(&code, &[])).await;
    let said = |token: &str| {
        let claims = claims(token);
        (claims["acr"].clone(), claims["auth_time"].clone())
    };
    let first = said(given.text("access_token"));
    assert_eq!(first, (json!("plain"), json!(NOW)));
    assert_eq!(said(given.text("id_token")), first);
    app.clock.advance(Duration::from_secs(300));
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", given.text("refresh_token"))];
    let again = token(&app, "web", &refresh).await;
    assert_eq!(said(again.text("access_token")), first);
}
