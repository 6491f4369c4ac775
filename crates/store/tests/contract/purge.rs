use countersign_model::*;
use countersign_oauth::ports::{
    AccessTokens as _, Assertions as _, Basis, Codes as _, ConsumedCode, Grants as _, Interaction,
    Interactions as _, Origin, People as _, PushedRequest, PushedRequests as _, RefreshTokens as _,
};
use countersign_store::Store;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(expired_things_go, small_steps);

async fn all(store: &Store, now: Timestamp) -> u64 {
    let mut removed = 0;
    loop {
        match store.purge(now, 3).await.unwrap() {
            0 => return removed,
            some => removed += some,
        }
    }
}

async fn expired_things_go(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, grant) = with_grant(&store).await;
    let session = session(&ada, "s");
    store.begin_session(&session, &ada).await.unwrap();
    let interaction = Interaction {
        hash: hash("page"),
        browser: hash("cookie"),
        session: None,
        origin: Origin::default(),
        parameters: vec![],
        created_at: at(0),
        expires_at: at(70),
    };
    store.keep_interaction(&interaction).await.unwrap();
    store.remember_assertion(&app.client_id, "jti", at(70)).await.unwrap();
    let pushed = PushedRequest {
        hash: hash("urn"),
        client: app.client_id.clone(),
        parameters: vec![],
        signed: false,
        created_at: at(0),
        expires_at: at(10),
        kept_until: at(70),
    };
    store.keep_pushed_request(&pushed).await.unwrap();
    store.consume_code(&hash("code"), at(1)).await.unwrap();
    let token = access("tok", &app.client_id, Some(&grant));
    store.record_issuance(&token, Some(&refresh("r", &grant))).await.unwrap();
    let unused = crate::samples::grant("grt_unused", &ada, &app);
    store.store_code(&unused, Basis::Voucher, &code("unused", &unused)).await.unwrap();

    assert_eq!(all(&store, at(59)).await, 0);
    // The unused code, the interaction, the pushed request, the assertion.
    assert_eq!(all(&store, at(80)).await, 4);
    assert!(store.remember_assertion(&app.client_id, "jti", at(70)).await.unwrap());
    // The used code is known as long as its grant lives: a replay still revokes.
    assert!(store.access_token(&token.id).await.unwrap().is_some());
    // The session, the access token, the assertion again, and the grant of the unused code.
    assert_eq!(all(&store, at(1_000)).await, 4);
    assert!(store.access_token(&token.id).await.unwrap().is_none());
    assert!(store.refresh_token(&hash("r")).await.unwrap().is_some());
    assert!(store.session(&session.secret, at(20)).await.unwrap().is_none());
    let replayed = ConsumedCode::Replayed(grant.id.clone());
    assert_eq!(store.consume_code(&hash("code"), at(1_001)).await.unwrap(), replayed);
    // In the end everything but accounts and clients is gone, the changes included.
    assert!(all(&store, at(20_000)).await > 2);
    assert!(store.grant(&grant.id).await.unwrap().is_none());
    assert_eq!(store.consume_code(&hash("code"), at(1_002)).await.unwrap(), ConsumedCode::Unknown);
    assert!(store.user(&ada.id).await.unwrap().is_some());
}

async fn small_steps(fresh: Fresh) {
    let store = fresh.open().await;
    for number in 0..10 {
        let client = ClientId::new("app");
        store.remember_assertion(&client, &number.to_string(), at(number)).await.unwrap();
    }
    assert_eq!(store.purge(at(100), 4).await.unwrap(), 4);
    assert_eq!(store.purge(at(100), 4).await.unwrap(), 4);
    assert_eq!(store.purge(at(100), 4).await.unwrap(), 2);
    assert_eq!(store.purge(at(100), 4).await.unwrap(), 0);
}
