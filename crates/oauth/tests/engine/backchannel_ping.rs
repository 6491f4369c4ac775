//! Ping mode (OpenID Connect CIBA §5, §10.2): a client is told that there is an answer, and fetches it.

use countersign_jose::Algorithm;
use countersign_keys::MasterKey;
use countersign_model::{ClientStatus, GrantType, SystemRng, TokenDeliveryMode, UserId};
use countersign_oauth::{Approver, Authorization, BackchannelResponse, ClientCall, Error, Ping};
use serde_json::Value;

use crate::support::*;

const ENDPOINT: &str = "https://bank.example/ping";
const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";

async fn house() -> House {
    let master = MasterKey::generate(&SystemRng).unwrap();
    let house = House::with(|settings| settings.master_key = Some(master), Algorithm::ES256).await;
    bank(&house);
    house
}

fn bank(house: &House) {
    house.client("bank", |client| {
        client.grant_types = [GrantType::Ciba].into();
        client.backchannel.token_delivery_mode = TokenDeliveryMode::Ping;
        client.backchannel.client_notification_endpoint = Some(ENDPOINT.to_owned());
    });
}

async fn ask(house: &House, token: &str) -> Result<BackchannelResponse, Error> {
    let mut form = vec![("scope", "openid"), ("login_hint", "alice")];
    change(&mut form, &[("client_notification_token", token)]);
    let (form, secret) = (parameters(&form), secret("bank"));
    let authorization = Authorization::Basic { name: "bank", secret: &secret };
    let call = ClientCall { authorization, ..ClientCall::new(&form) };
    house.engine.backchannel_authentication(&call, None).await
}

async fn decide(house: &House, approve: bool) {
    let (session, alice) = (house.sign_in("alice").await, UserId::from("usr_alice"));
    let id = house.engine.approvals(&alice).await.unwrap().remove(0).id;
    if approve {
        let approver = Approver::Session(&session);
        house.engine.approve_backchannel(&id, approver, &scopes("openid")).await.unwrap();
    } else {
        house.engine.deny_backchannel(&id, &alice).await.unwrap();
    }
}

async fn due(house: &House) -> Vec<Ping> {
    house.engine.due_pings(10).await.unwrap()
}

#[tokio::test]
async fn a_client_is_told_once_of_a_yes_and_of_a_no() {
    let house = house().await;
    for approve in [true, false] {
        let begun = ask(&house, TOKEN).await.unwrap();
        assert!(due(&house).await.is_empty(), "nothing to tell yet");
        decide(&house, approve).await;
        let mut pings = due(&house).await;
        let ping = pings.pop().unwrap();
        assert_eq!((pings.len(), ping.endpoint.as_str()), (0, ENDPOINT));
        assert!(ping.client_notification_token.ct_eq(TOKEN.as_bytes()));
        let body: Value = serde_json::from_slice(&ping.to_json()).unwrap();
        assert_eq!(body, serde_json::json!({ "auth_req_id": begun.auth_req_id }), "CIBA §10.2");
        let printed = format!("{ping:?}");
        assert!(!printed.contains(TOKEN) && !printed.contains(&begun.auth_req_id), "{printed}");
        house.engine.pinged(&ping).await.unwrap();
        house.advance(60);
        assert!(due(&house).await.is_empty());
        // What it was pinged with is what it fetches with.
        let form = [("grant_type", crate::backchannel::CIBA), ("auth_req_id", begun.auth_req_id.as_str())];
        assert_eq!(house.token("bank", &form).await.is_ok(), approve);
    }
}

#[tokio::test]
async fn what_did_not_arrive_is_sent_again_and_not_for_ever() {
    let house = house().await;
    ask(&house, TOKEN).await.unwrap();
    decide(&house, true).await;
    let mut sent = 0;
    for _ in 0..300 {
        sent += due(&house).await.len();
        house.advance(1);
    }
    assert_eq!(sent, 4, "at once, and after 10, 50 and 140 seconds");
    assert!(due(&house).await.is_empty(), "it has ended");
}

#[tokio::test]
async fn the_token_is_one_that_can_be_sent() {
    let house = house().await;
    let longest = "x".repeat(1_024);
    for good in [TOKEN, "abcdefghijklmnopqrst-._~+/==", &longest] {
        ask(&house, good).await.unwrap();
        decide(&house, true).await;
    }
    let too_long = "x".repeat(1_025);
    let wrong = [
        "",
        "short",
        "abcdefghijklmnop qrstuvwxyz",
        "abcdefghijk=lmnopqrstuvwxyz",
        "ü bcdefghijklmnopqrstuvw",
    ];
    for bad in wrong.into_iter().chain(["a\r\nx: yabcdefghijklmnopqrst", &too_long]) {
        assert_eq!(ask(&house, bad).await.unwrap_err().code(), "invalid_request", "{bad:?}");
    }
}

#[tokio::test]
async fn nothing_in_the_store_is_the_token_or_the_identifier() {
    let house = house().await;
    let begun = ask(&house, TOKEN).await.unwrap();
    let kept = house.memory.tables().decoupled_documents();
    assert!(
        kept.contains("\"ping\":") && !kept.contains(TOKEN) && !kept.contains(&begun.auth_req_id),
        "{kept}"
    );
    // What was sealed for one request does not open in another's place.
    ask(&house, "another-token-of-the-same-client").await.unwrap();
    house.memory.tables().swap_pings();
    decide(&house, true).await;
    decide(&house, true).await;
    assert!(due(&house).await.is_empty());
}

#[tokio::test]
async fn who_is_gone_is_not_told() {
    let house = house().await;
    ask(&house, TOKEN).await.unwrap();
    decide(&house, true).await;
    house.client("bank", |client| client.status = ClientStatus::Disabled);
    assert!(due(&house).await.is_empty());
    bank(&house);
    house.advance(60);
    assert!(due(&house).await.is_empty(), "and it was forgotten");
    let metadata: Value = serde_json::from_slice(&house.engine.metadata()).unwrap();
    let modes = &metadata["backchannel_token_delivery_modes_supported"];
    assert_eq!(*modes, serde_json::json!(["poll", "ping"]), "CIBA §4");
}
