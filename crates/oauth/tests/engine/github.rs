//! The profile of clients written for GitHub, and what an application may ask of its tokens.

use countersign_jose::Algorithm;
use countersign_model::{
    AccessTokenFormat, ClientAuthentication, GrantType, Lifetimes, Profile, Timestamp, TokenLife,
};
use countersign_oauth::{
    ApplicationToken, Authorization, ClientCall, ClientRefusal, DpopField, Error, ExchangeRule, GithubUser,
    GrantRefusal, OWN_ISSUER, Parameters, TokenResponse,
};
use serde_json::json;

use crate::dpop::Prover;
use crate::support::*;

async fn house() -> House {
    let house = House::with(|_| {}, Algorithm::ES256).await;
    for (id, format) in [("app", AccessTokenFormat::Reference), ("jwt", AccessTokenFormat::Jwt)] {
        house.client(id, |client| {
            client.profile = Profile::Github;
            client.access_token_format = format;
            client.scopes = scopes("read:user user:email read");
        });
    }
    house.client("strict", |_| {});
    house
}

/// What clients for GitHub send: neither PKCE nor `openid`.
fn plain<'a>(id: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut query = request(id, &[("code_challenge", ""), ("code_challenge_method", ""), ("nonce", "")]);
    change(&mut query, &[("scope", "read:user read")]);
    change(&mut query, changes);
    query
}

async fn give(house: &House, id: &str) -> String {
    let code = house.code(&plain(id, &[])).await;
    let form = [("grant_type", "authorization_code"), ("code", code.as_str())];
    house.token(id, &form).await.unwrap().access_token
}

fn basic<'a>(name: &'a str, secret: &'a str, form: &'a Parameters<'a>) -> ClientCall<'a> {
    ClientCall { authorization: Authorization::Basic { name, secret }, ..ClientCall::new(form) }
}

#[tokio::test]
async fn a_confidential_client_may_go_without_pkce_and_a_public_one_may_not() {
    let house = house().await;
    assert!(give(&house, "app").await.starts_with("cst_at_"));
    let session = house.sign_in("alice").await;
    house.client("page", |client| {
        client.profile = Profile::Github;
        client.authentication = ClientAuthentication::None;
        client.scopes = scopes("read:user read");
    });
    for id in ["page", "strict"] {
        let step = house.begin(&plain(id, &[("scope", "")]), Some(&session)).await.unwrap();
        assert_eq!(answered(&respond(step), "error").as_deref(), Some("invalid_request"), "{id}");
    }
    // RFC 9700 §4.8.2: what is sent counts, in both directions.
    let pkce = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let code = house.code(&plain("app", &pkce)).await;
    let form = [("grant_type", "authorization_code"), ("code", code.as_str())];
    let refused = house.token("app", &form).await;
    assert!(matches!(refused, Err(Error::InvalidGrant(GrantRefusal::VerifierMissing))));
    let code = house.code(&plain("app", &[])).await;
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let refused = house.token("app", &form).await;
    assert!(matches!(refused, Err(Error::InvalidGrant(GrantRefusal::VerifierUnexpected))));
}

#[tokio::test]
async fn a_redirect_uri_need_not_be_named_twice_but_is_never_another() {
    let house = house().await;
    let code = house.code(&plain("app", &[])).await;
    let other = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "https://evil.example/"),
    ];
    let refused = house.token("app", &other).await;
    assert!(matches!(refused, Err(Error::InvalidGrant(GrantRefusal::RedirectUriDiffers))));
    // Everybody else repeats it.
    let code = house.code(&request("strict", &[])).await;
    let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)];
    let refused = house.token("strict", &form).await;
    assert!(matches!(refused, Err(Error::InvalidGrant(GrantRefusal::RedirectUriDiffers))));
}

#[tokio::test]
async fn the_secret_may_be_in_either_place_and_never_in_none() {
    let house = house().await;
    let code = "x";
    let form = |id: &'static str, secret: Option<&'static str>| {
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("client_id", id)];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        parameters(&form)
    };
    // Registered for Basic, sent in the form: let in, and told about the code; nobody else is.
    let sent = form("app", Some("secret-of-app"));
    let answer = house.engine.token(&ClientCall::new(&sent)).await;
    assert!(matches!(answer, Err(Error::InvalidGrant(GrantRefusal::CodeUnknown))));
    let refused = [
        ("strict", Some("secret-of-strict"), ClientRefusal::WrongMethod),
        ("app", Some("wrong"), ClientRefusal::WrongSecret),
        ("app", None, ClientRefusal::WrongMethod),
    ];
    for (id, secret, why) in refused {
        let sent = form(id, secret);
        match house.engine.token(&ClientCall::new(&sent)).await {
            Err(Error::InvalidClient { reason }) => assert_eq!(reason, why, "{id}"),
            other => panic!("{id}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_token_tells_who_gave_it_without_openid() {
    let house = house().await;
    let token = give(&house, "jwt").await;
    let (_, claims) = read_jwt(&token);
    assert_eq!(claims["aud"], ISSUER, "the default, which is the server itself");
    let user = house.user("alice");
    let told = |granted: &str| GithubUser::of(&user, Some(Profile::Github), &scopes(granted));
    assert_eq!(
        (told("read").login.as_deref(), told("read").name, told("read").email),
        (Some("alice"), None, None)
    );
    let all = told("read:user user:email");
    assert_eq!(
        (all.name.as_deref(), all.email.as_deref()),
        (Some("alice Example"), Some("alice@example.org"))
    );
    let unproven = countersign_model::User { email_verified: false, ..user.clone() };
    assert_eq!(GithubUser::of(&unproven, None, &scopes("user:email")).email, None);
}

#[tokio::test]
async fn who_somebody_is_is_told_to_clients_that_asked_for_it() {
    let house = house().await;
    let alice = countersign_model::Subject::from("usr_alice");
    let ask = async |client: &str, granted: &str| {
        let client = (!client.is_empty()).then(|| countersign_model::ClientId::from(client));
        house.engine.github_user(&alice, client.as_ref(), &scopes(granted)).await
    };
    house.user("alice");
    assert_eq!(ask("app", "").await.unwrap().login.as_deref(), Some("alice"), "written for GitHub");
    for (client, granted) in [("strict", ""), ("strict", "read email user:email"), ("gone", "read"), ("", "")]
    {
        let refused = ask(client, granted).await;
        assert!(matches!(refused, Err(Error::InsufficientScope)), "{client}: {granted}");
    }
    for granted in ["profile", "user", "read:user"] {
        let told = ask("strict", granted).await.unwrap();
        assert_eq!(told.login.as_deref(), Some("alice"), "{granted}");
        assert!(told.name.is_some() && told.created_at.is_some(), "{granted}");
    }
    // OpenID Connect Core §5.4: `openid` alone asks for `sub`.
    for granted in ["openid", "openid email read"] {
        let told = ask("strict", granted).await.unwrap();
        assert_eq!((told.login, told.name, told.created_at), (None, None, None), "{granted}");
        assert_eq!(told.node_id, "usr_alice", "{granted}");
    }
}

#[tokio::test]
async fn an_application_sees_its_own_tokens_only() {
    let house = house().await;
    let none = parameters(&[]);
    for id in ["app", "jwt"] {
        let token = give(&house, id).await;
        let secret_of = secret(id);
        let own = basic(id, &secret_of, &none);
        let found = house.engine.check_token(&own, id, &token).await.unwrap().unwrap();
        assert_eq!(found.scopes, scopes("read:user read"));
        assert_eq!(found.user.unwrap().username.as_str(), "alice");
        // Under another's name it is refused; in its own name, another's token is unknown.
        let refused = house.engine.check_token(&own, "strict", &token).await;
        assert!(matches!(refused, Err(Error::InvalidClient { reason: ClientRefusal::OtherClient })));
        let other = if id == "app" { "jwt" } else { "app" };
        let strangers_secret = secret(other);
        let stranger = basic(other, &strangers_secret, &none);
        assert!(house.engine.check_token(&stranger, other, &token).await.unwrap().is_none());
        assert!(house.engine.reset_token(&stranger, other, &token).await.unwrap().is_none());
        assert!(!house.engine.delete_token(&stranger, other, &token).await.unwrap());
        assert!(house.is_active(id, &token).await);
        assert!(house.engine.delete_token(&own, id, &token).await.unwrap());
        assert!(house.engine.check_token(&own, id, &token).await.unwrap().is_none());
        assert!(!house.engine.delete_token(&own, id, &token).await.unwrap());
    }
}

#[tokio::test]
async fn of_two_resets_one_wins() {
    let house = house().await;
    let none = parameters(&[]);
    for id in ["app", "jwt"] {
        let token = give(&house, id).await;
        let secret_of = secret(id);
        let own = basic(id, &secret_of, &none);
        let both = tokio::join!(
            house.engine.reset_token(&own, id, &token),
            house.engine.reset_token(&own, id, &token)
        );
        let fresh: Vec<_> = [both.0, both.1].into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(fresh.len(), 1, "{id}");
        let (_, response) = &fresh[0];
        assert!(!house.is_active(id, &token).await && house.is_active(id, &response.access_token).await);
        let before = house.introspect(id, &response.access_token).await;
        assert_eq!(before["scope"], "read read:user");
        // Its grant is the same: it ends with it.
        let grant = fresh[0].0.record.grant.clone().unwrap();
        let now = countersign_model::Timestamp::from_seconds(START);
        countersign_oauth::ports::Grants::revoke_grant(&*house.memory, &grant, now).await.unwrap();
        assert!(!house.is_active(id, &response.access_token).await);
        assert!(house.engine.reset_token(&own, id, &response.access_token).await.unwrap().is_none());
    }
}

async fn reset(house: &House, id: &str, token: &str) -> Option<(ApplicationToken, TokenResponse)> {
    let (none, secret) = (parameters(&[]), secret(id));
    house.engine.reset_token(&basic(id, &secret, &none), id, token).await.unwrap()
}

async fn is_known(house: &House, id: &str, token: &str) -> bool {
    let (none, secret) = (parameters(&[]), secret(id));
    house.engine.check_token(&basic(id, &secret, &none), id, token).await.unwrap().is_some()
}

#[tokio::test]
async fn a_reset_changes_neither_the_end_nor_whom_and_what_a_token_is_for() {
    for id in ["app", "jwt"] {
        let house = house().await;
        let code = house.code(&plain(id, &[])).await;
        let form = parameters(&[("grant_type", "authorization_code"), ("code", &code)]);
        let (secret, proof) = (secret(id), Prover::new().proof(id, &json!({})));
        let call = ClientCall { dpop: DpopField::Proof(&proof), ..basic(id, &secret, &form) };
        let mut token = house.engine.token(&call).await.unwrap().access_token;
        let before = house.introspect(id, &token).await;
        assert!(before["cnf"]["jkt"].is_string(), "{before}");
        // As often as it likes: the hour stays an hour.
        for _ in 0..3 {
            house.advance(7);
            token = reset(&house, id, &token).await.unwrap().1.access_token;
            let after = house.introspect(id, &token).await;
            for same in ["exp", "cnf", "aud", "sub", "scope", "sid", "auth_time", "acr", "amr", "token_type"]
            {
                assert_eq!(after[same], before[same], "{id}: {same}");
            }
        }
        house.advance(before["exp"].as_i64().unwrap() - before["iat"].as_i64().unwrap() - 21);
        assert!(reset(&house, id, &token).await.is_none(), "{id}");
    }
}

#[tokio::test]
async fn a_reset_brings_back_nothing_that_was_taken_from_the_client() {
    let house = house().await;
    let endless = |client: &mut countersign_model::Client| {
        client.profile = Profile::Github;
        client.access_token_format = AccessTokenFormat::Reference;
        client.scopes = scopes("read:user read");
        client.lifetimes =
            Lifetimes { access_token: Some(TokenLife::UntilWithdrawn), ..Lifetimes::default() };
    };
    // One with an end gets none without, whatever the client's tokens are by now.
    let ends = give(&house, "app").await;
    house.client("app", endless);
    let (found, response) = reset(&house, "app", &ends).await.unwrap();
    assert_ne!(found.record.expires_at, Timestamp::MAX);
    assert!(response.expires_in.is_some());
    // One without keeps to that as long as the client's may be so.
    let token = give(&house, "app").await;
    let (found, response) = reset(&house, "app", &token).await.unwrap();
    assert_eq!((found.record.expires_at, response.expires_in), (Timestamp::MAX, None));
    house.client("app", |client| {
        endless(client);
        client.lifetimes.access_token = Some(TokenLife::Seconds(600));
        client.scopes = scopes("read:user");
    });
    let (found, response) = reset(&house, "app", &response.access_token).await.unwrap();
    assert_eq!(response.expires_in, Some(600));
    assert_eq!((response.scope, found.scopes), (scopes("read:user"), scopes("read:user")));
    house.disable_user("alice");
    assert!(reset(&house, "app", &response.access_token).await.is_none());
}

#[tokio::test]
async fn a_token_that_was_exchanged_is_not_renewed() {
    let rule = ExchangeRule {
        client: "app".into(),
        subject_issuers: [OWN_ISSUER.to_owned()].into(),
        subject_clients: None,
        subject_audiences: [ISSUER.to_owned()].into(),
        audiences: vec!["https://billing.example".to_owned()],
        scopes: scopes("read"),
        impersonation: false,
    };
    let house = House::with(|settings| settings.exchange_rules = vec![rule], Algorithm::ES256).await;
    house.client("web", |_| {});
    house.client("app", |client| {
        client.profile = Profile::Github;
        client.grant_types = [GrantType::TokenExchange].into();
    });
    let subject = house.tokens("web", "read openid").await.access_token;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", subject.as_str()),
    ];
    let token = house.token("app", &form).await.unwrap().access_token;
    assert!(read_jwt(&token).1["act"].is_object());
    assert!(reset(&house, "app", &token).await.is_none());
    assert!(is_known(&house, "app", &token).await, "and it is not spent");
}

#[tokio::test]
async fn clients_of_other_profiles_have_no_such_calls() {
    let house = house().await;
    let token = house.tokens("strict", "read").await.access_token;
    let (none, secret) = (parameters(&[]), secret("strict"));
    let own = basic("strict", &secret, &none);
    assert!(!is_known(&house, "strict", &token).await);
    assert!(reset(&house, "strict", &token).await.is_none());
    assert!(!house.engine.delete_token(&own, "strict", &token).await.unwrap());
    assert!(house.is_active("strict", &token).await);
}
