use countersign_oauth::Consent;
use countersign_oauth::ports::{
    AccessToken, AccessTokens as _, Basis, Codes as _, ConsumedCode, Grants as _, Recorded,
    RefreshTokens as _,
};

use countersign_store::AuthorizedClient;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(
    consumed_once,
    of_a_thousand_one_wins,
    consent_is_remembered,
    what_was_left_out_is_remembered,
    grants_are_listed_and_withdrawn,
    authorized_clients_are_listed
);

async fn consumed_once(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, app, grant) = with_grant(&store).await;
    assert_eq!(store.grant(&grant.id).await.unwrap(), Some(grant.clone()));
    assert_eq!(store.consume_code(&hash("other"), at(1)).await.unwrap(), ConsumedCode::Unknown);
    let fresh_code = ConsumedCode::Fresh(Box::new(code("code", &grant)));
    assert_eq!(store.consume_code(&hash("code"), at(1)).await.unwrap(), fresh_code);
    let (token, next) = (access("tok_1", &app.client_id, Some(&grant)), refresh("r1", &grant));
    assert_eq!(store.record_issuance(&token, Some(&next)).await.unwrap(), Recorded::Kept);
    // The replay takes everything with it.
    let replayed = ConsumedCode::Replayed(grant.id.clone());
    assert_eq!(store.consume_code(&hash("code"), at(2)).await.unwrap(), replayed);
    assert_eq!(store.grant(&grant.id).await.unwrap().unwrap().revoked_at, Some(at(2)));
    assert!(!store.access_token(&token.id).await.unwrap().unwrap().is_live);
    assert!(!store.refresh_token(&next.hash).await.unwrap().unwrap().grant_is_live);
    let late = access("tok_2", &app.client_id, Some(&grant));
    assert_eq!(store.record_issuance(&late, None).await.unwrap(), Recorded::Revoked);
    assert!(store.access_token(&late.id).await.unwrap().is_none());
    // It stays revoked since the first time.
    store.revoke_grant(&grant.id, at(9)).await.unwrap();
    assert_eq!(store.grant(&grant.id).await.unwrap().unwrap().revoked_at, Some(at(2)));
}

async fn of_a_thousand_one_wins(fresh: Fresh) {
    let (one, two) = (fresh.open().await, fresh.open().await);
    let (ada, app, _) = with_grant(&one).await;
    for round in 0..3 {
        let grant = grant(&format!("grt_round_{round}"), &ada, &app);
        let text = format!("code {round}");
        one.store_code(&grant, Basis::Voucher, &code(&text, &grant)).await.unwrap();
        let tasks: Vec<_> = (0..1_000)
            .map(|number| {
                let (store, hash) = (if number % 2 == 0 { &one } else { &two }.clone(), hash(&text));
                tokio::spawn(async move { store.consume_code(&hash, at(1)).await.unwrap() })
            })
            .collect();
        let (mut won, mut lost) = (0, 0);
        for task in tasks {
            match task.await.unwrap() {
                ConsumedCode::Fresh(_) => won += 1,
                ConsumedCode::Replayed(_) => lost += 1,
                ConsumedCode::Unknown => panic!("unknown"),
            }
        }
        assert_eq!((won, lost), (1, 999));
        assert!(one.grant(&grant.id).await.unwrap().unwrap().revoked_at.is_some());
    }
}

async fn consent_is_remembered(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, _) = with_grant(&store).await;
    assert_eq!(store.consent(&ada.id, &app.client_id).await.unwrap(), None);
    let all: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let tasks: Vec<_> = all
        .iter()
        .map(|scope| {
            let (store, user, client, scope) =
                (store.clone(), ada.id.clone(), app.client_id.clone(), agreed(scope));
            tokio::spawn(async move { store.remember_consent(&user, &client, &scope, at(1)).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.consent(&ada.id, &app.client_id).await.unwrap(), Some(agreed(&all.join(" "))));
}

async fn grants_are_listed_and_withdrawn(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, first) = with_grant(&store).await;
    let other = client("other");
    store.create_client(&other).await.unwrap();
    let second = grant("grt_2", &ada, &other);
    store.store_code(&second, Basis::Voucher, &code("second", &second)).await.unwrap();
    store.remember_consent(&ada.id, &app.client_id, &agreed("read"), at(0)).await.unwrap();
    assert_eq!(store.grants(&ada.id, at(1)).await.unwrap(), [first, second.clone()]);
    store.withdraw_consent(&ada.id, &app.client_id, at(2)).await.unwrap();
    assert_eq!(store.grants(&ada.id, at(3)).await.unwrap(), [second]);
    assert_eq!(store.consent(&ada.id, &app.client_id).await.unwrap(), None);
    assert_eq!(store.grants(&ada.id, at(100)).await.unwrap(), []);
}

async fn what_was_left_out_is_remembered(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, _) = with_grant(&store).await;
    let answer =
        |granted: &str, declined: &str| Consent { granted: scopes(granted), declined: scopes(declined) };
    store.remember_consent(&ada.id, &app.client_id, &answer("a b", "c"), at(1)).await.unwrap();
    assert_eq!(store.consent(&ada.id, &app.client_id).await.unwrap(), Some(answer("a b", "c")));
    store.remember_consent(&ada.id, &app.client_id, &answer("c d", "b"), at(2)).await.unwrap();
    assert_eq!(store.consent(&ada.id, &app.client_id).await.unwrap(), Some(answer("a c d", "b")));
}

async fn authorized_clients_are_listed(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, grant) = with_grant(&store).await;
    let listed = async |now| store.authorized_clients(&ada.id, now).await.unwrap();
    let expected = |given: &str, since, used_at| AuthorizedClient {
        client: app.client_id.clone(),
        scopes: scopes(given),
        since,
        used_at,
    };
    assert_eq!(listed(at(1)).await, [expected("read", at(0), None)]);
    let token = AccessToken { issued_at: at(7), ..access("tok", &app.client_id, Some(&grant)) };
    store.record_issuance(&token, None).await.unwrap();
    store.remember_consent(&ada.id, &app.client_id, &agreed("read write"), at(3)).await.unwrap();
    assert_eq!(listed(at(8)).await, [expected("read write", at(0), Some(at(7)))]);
    // What it may ask for without a question outlives what it was given.
    assert_eq!(listed(at(100_000)).await, [expected("read write", at(3), None)]);
    let nobody = user("nobody");
    assert_eq!(store.authorized_clients(&nobody.id, at(8)).await.unwrap(), []);
    store.withdraw_consent(&ada.id, &app.client_id, at(9)).await.unwrap();
    assert_eq!(listed(at(9)).await, []);
    assert!(!store.access_token(&token.id).await.unwrap().unwrap().is_live);
}
