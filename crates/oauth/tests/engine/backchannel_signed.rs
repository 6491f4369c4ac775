//! Signed authentication requests (OpenID Connect CIBA §7.1.1).

use countersign_jose::Algorithm;
use countersign_model::{GrantType, Profile, UserId};
use countersign_oauth::{BackchannelResponse, ClientCall, Error, RequestObjectRefusal};
use serde_json::{Value, json};

use crate::support::*;

async fn house() -> (House, ClientKey) {
    let (house, key) = (House::new().await, ClientKey::new(Algorithm::ES256));
    house.client("bank", |client| {
        key.give_to(client);
        client.grant_types = [GrantType::Ciba].into();
        client.backchannel.authentication_request_signing_alg = Some("ES256".to_owned());
    });
    (house, key)
}

/// A good signed request, once for each `jti`, with changes.
fn signed(key: &ClientKey, jti: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "iss": "bank", "aud": ISSUER, "exp": START + 300, "nbf": START, "iat": START, "jti": jti,
        "scope": "openid read", "login_hint": "alice", "binding_message": "W4SCT", "requested_expiry": 60,
    });
    change(&mut claims);
    key.sign("JWT", &claims)
}

async fn send(house: &House, key: &ClientKey, form: &[(&str, &str)]) -> Result<BackchannelResponse, Error> {
    let jti = format!("assertion {}", form.iter().map(|(_, value)| *value).collect::<String>());
    let jti = &countersign_model::TokenHash::of(jti.as_bytes()).to_base64url();
    let proof = key.assertion("bank", ISSUER, jti);
    let mut all = form.to_vec();
    all.extend(proof.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    house.engine.backchannel_authentication(&ClientCall::new(&parameters(&all)), None).await
}

async fn refusal(house: &House, key: &ClientKey, object: &str) -> RequestObjectRefusal {
    match send(house, key, &[("request", object)]).await {
        Err(error @ Error::InvalidSignedRequest(_)) => {
            assert_eq!((error.status(), error.code()), (400, "invalid_request"), "CIBA §13");
            let Error::InvalidSignedRequest(refusal) = error else { unreachable!() };
            refusal
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_signed_is_what_the_person_is_asked() {
    let (house, key) = house().await;
    let answer = send(&house, &key, &[("request", &signed(&key, "1", |_| {}))]).await.unwrap();
    assert_eq!(answer.expires_in, 60, "a number or a text");
    let waiting = house.engine.approvals(&UserId::from("usr_alice")).await.unwrap();
    assert_eq!(waiting[0].binding_message.as_deref(), Some("W4SCT"));
    assert_eq!(waiting[0].scopes, scopes("openid read"));
}

#[tokio::test]
async fn nothing_of_the_request_stands_beside_it_and_it_counts_once() {
    let (house, key) = house().await;
    for beside in ["scope", "login_hint", "binding_message", "requested_expiry", "client_notification_token"]
    {
        let object = signed(&key, "1", |_| {});
        let refused = send(&house, &key, &[("request", &object), (beside, "openid")]).await.unwrap_err();
        assert_eq!((refused.code(), refused.status()), ("invalid_request", 400), "{beside}");
    }
    send(&house, &key, &[("request", &signed(&key, "1", |_| {}))]).await.unwrap();
    let again = signed(&key, "1", |claims| claims["binding_message"] = json!("again"));
    assert_eq!(refusal(&house, &key, &again).await, RequestObjectRefusal::Replayed);
}

#[tokio::test]
async fn each_fault_has_its_refusal() {
    let (house, key) = house().await;
    let refused = async |change: fn(&mut Value)| refusal(&house, &key, &signed(&key, "1", change)).await;
    let wrong = RequestObjectRefusal::Claims;
    // CIBA §7.1.1: each of them is there.
    for member in ["iss", "aud", "exp", "iat", "nbf", "jti"] {
        let object = signed(&key, "1", |claims| drop(claims.as_object_mut().unwrap().remove(member)));
        assert_eq!(refusal(&house, &key, &object).await, wrong, "{member}");
    }
    assert_eq!(refused(|claims| claims["aud"] = json!("https://other.example")).await, wrong);
    assert_eq!(refused(|claims| claims["iss"] = json!("other")).await, wrong);
    assert_eq!(refused(|claims| claims["client_id"] = json!("other")).await, wrong);
    assert_eq!(refused(|claims| claims["sub"] = json!("bank")).await, wrong, "a client assertion is none");
    assert_eq!(refused(|claims| claims["exp"] = json!(START - 11)).await, wrong);
    assert_eq!(refused(|claims| claims["exp"] = json!(START + 3_700)).await, wrong, "an hour at most");
    assert_eq!(refused(|claims| claims["nbf"] = json!(START - 3_700)).await, wrong, "an hour at most");
    assert_eq!(refused(|claims| claims["nbf"] = json!(START + 60)).await, wrong);
    assert_eq!(refused(|claims| claims["request"] = json!("x.y.z")).await, wrong);
    let other = signed(&ClientKey::new(Algorithm::ES256), "1", |_| {});
    assert_eq!(refusal(&house, &key, &other).await, RequestObjectRefusal::Signature);
    // Another key under the name of the client's own.
    let own = signed(&key, "1", |_| {});
    let forged = format!("{}.{}", own.split('.').next().unwrap(), other.split_once('.').unwrap().1);
    assert_eq!(refusal(&house, &key, &forged).await, RequestObjectRefusal::Signature);
    let other = signed(&ClientKey::new(Algorithm::EdDSA), "1", |_| {});
    assert_eq!(
        refusal(&house, &key, &other).await,
        RequestObjectRefusal::Algorithm,
        "not the registered one"
    );
    assert_eq!(refusal(&house, &key, "x.y.z").await, RequestObjectRefusal::Malformed);
    assert_eq!(refusal(&house, &key, &"x".repeat(17_000)).await, RequestObjectRefusal::Malformed);
    // None of these used up the name.
    send(&house, &key, &[("request", &signed(&key, "1", |_| {}))]).await.unwrap();
}

#[tokio::test]
async fn who_said_that_it_signs_always_signs() {
    let (house, key) = house().await;
    let plain = [("scope", "openid"), ("login_hint", "alice")];
    assert!(matches!(send(&house, &key, &plain).await, Err(Error::SignedRequestRequired)));
    house.client("bank", |client| {
        key.give_to(client);
        client.grant_types = [GrantType::Ciba].into();
        client.profile = Profile::Fapi2MessageSigning;
    });
    let plain = [("scope", "openid"), ("login_hint", "alice"), ("binding_message", "x")];
    assert!(
        matches!(send(&house, &key, &plain).await, Err(Error::SignedRequestRequired)),
        "FAPI CIBA §5.2.2"
    );
    send(&house, &key, &[("request", &signed(&key, "1", |_| {}))]).await.unwrap();
}
