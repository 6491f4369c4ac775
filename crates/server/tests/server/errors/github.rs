//! What GitHub's API says in its own words, where they are true and of nothing else.

use axum::http::Method;
use countersign_access::TokenKind;
use countersign_model::{Profile, SystemRng};
use countersign_oauth::Error;

use super::Table;
use super::addresses::{self, Kind};
use super::others::send;
use super::scene::{app, only};
use crate::support::{Answer, basic};

#[tokio::test]
async fn a_credential_is_called_bad_only_if_it_is() {
    let app = app().await;
    let get = async |token: Option<&str>| send(&app, Method::GET, "/user", token, "").await;
    let bad = get(Some("x")).await;
    assert_eq!((bad.status, bad.text("message")), (401, "Bad credentials"));
    let bare = get(None).await;
    assert_eq!((bare.status, bare.text("message")), (401, "Requires authentication"));
    app.store.close().await;
    let token = TokenKind::AccessToken.generate(&SystemRng);
    let lost = get(Some(token.expose())).await;
    assert_eq!((lost.status, lost.header("retry-after").is_empty()), (503, false), "{lost:?}");
    assert_eq!(lost.text("message"), "The credential can't be checked right now.");
}

/// GitHub's API about tokens.
pub(super) async fn rows(table: &mut Table) {
    let app = app().await;
    app.client_with("octo", |client| client.profile = Profile::Github).await;
    let authorization = basic("octo");
    for address in addresses::of(&[Kind::Api]) {
        let mut request = address.form(&[("authorization", &authorization)], &[]);
        *request.uri_mut() = address.concrete("octo").parse().unwrap();
        *request.body_mut() = "{}".into();
        let answer = Answer::of(app.send(only(request, "content-type", "application/json")).await).await;
        // In words of its own.
        let told = (answer.status, answer.text("message"), answer.header("cache-control"));
        assert_eq!(told, (422, "access_token is missing", "no-store"), "{address:?}");
        table.met(address.path, &Error::Missing("access_token"));
    }
}

#[tokio::test]
async fn a_token_that_is_none_of_the_callers_is_not_there() {
    let app = app().await;
    app.client_with("octo", |client| client.profile = Profile::Github).await;
    let authorization = basic("octo");
    for address in addresses::of(&[Kind::Api]) {
        for method in address.methods() {
            let ask = async |body: &'static str| {
                let mut request = address.form(&[("authorization", &authorization)], &[]);
                *request.method_mut() = method.clone();
                *request.uri_mut() = address.concrete("octo").parse().unwrap();
                *request.body_mut() = body.into();
                let request = only(request, "content-type", "application/json");
                let answer = Answer::of(app.send(request).await).await;
                (answer.status, answer.text("message").to_owned(), answer.header("cache-control").to_owned())
            };
            let said = |status: u16, words: &str| (status, words.to_owned(), "no-store".to_owned());
            assert_eq!(ask("{\"access_token\": \"x\"}").await, said(404, "Not Found"), "{address:?}");
            assert_eq!(ask("{}").await, said(422, "access_token is missing"), "{address:?}");
        }
    }
}
