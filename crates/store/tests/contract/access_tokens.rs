use std::time::Duration;

use countersign_access::ports::{Change, RevocationList as _};
use countersign_model::*;
use countersign_oauth::ports::{
    AccessToken, AccessTokens as _, FoundAccessToken, Grant, Grants as _, MOST_ENDLESS_TOKENS, Recorded,
};

use crate::fresh::Fresh;
use crate::samples::*;

contract!(
    kept_as_given,
    revoked,
    dies_with_its_person,
    claims_behind_a_reference,
    revocations_at_start,
    tokens_without_an_end,
    tokens_without_an_end_do_not_heap_up
);

async fn kept_as_given(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, app, grant) = with_grant(&store).await;
    let own = access("tok_own", &app.client_id, None);
    let given = reference("ref", &app.client_id, Some(&grant));
    for token in [&own, &given] {
        assert_eq!(store.record_issuance(token, None).await.unwrap(), Recorded::Kept);
        let found = Some(FoundAccessToken { token: token.clone(), is_live: true });
        assert_eq!(store.access_token(&token.id).await.unwrap(), found);
    }
    let found = countersign_oauth::ports::AccessTokens::reference_token(&store, &hash("ref")).await.unwrap();
    assert_eq!(found, Some(FoundAccessToken { token: given, is_live: true }));
    assert!(store.access_token(&TokenId::new("x")).await.unwrap().is_none());
    let orphan = AccessToken { grant: Some(GrantId::new("none")), ..access("tok_o", &app.client_id, None) };
    assert_eq!(store.record_issuance(&orphan, None).await.unwrap(), Recorded::Revoked);
}

async fn revoked(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, app, _) = with_grant(&store).await;
    let token = access("tok_own", &app.client_id, None);
    store.record_issuance(&token, None).await.unwrap();
    store.revoke_access_token(&token.id, at(5)).await.unwrap();
    store.revoke_access_token(&token.id, at(6)).await.unwrap();
    store.revoke_access_token(&TokenId::new("x"), at(6)).await.unwrap();
    assert!(!store.access_token(&token.id).await.unwrap().unwrap().is_live);
}

async fn dies_with_its_person(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, grant) = with_grant(&store).await;
    let token = access("tok", &app.client_id, Some(&grant));
    store.record_issuance(&token, None).await.unwrap();
    let minted =
        AccessToken { subject: Subject::new(ada.id.as_str()), ..access("tok_m", &app.client_id, None) };
    store.record_issuance(&minted, None).await.unwrap();
    for token in [&token, &minted] {
        assert!(store.access_token(&token.id).await.unwrap().unwrap().is_live);
    }
    store.set_user_status(&ada.id, UserStatus::Disabled, at(1)).await.unwrap();
    for token in [&token, &minted] {
        assert!(!store.access_token(&token.id).await.unwrap().unwrap().is_live, "{token:?}");
    }
}

async fn claims_behind_a_reference(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, app, grant) = with_grant(&store).await;
    let token = reference("the text", &app.client_id, Some(&grant));
    store.record_issuance(&token, None).await.unwrap();
    let ask = async |now| {
        countersign_access::ports::ReferenceTokens::reference_token(&store, "the text", now).await.unwrap()
    };
    let found = ask(at(1)).await.unwrap();
    assert_eq!(Some(found.claims), token.claims);
    assert_eq!(found.fresh_until, at(1).plus(Duration::from_secs(30)));
    assert_eq!(ask(at(590)).await.unwrap().fresh_until, token.expires_at);
    assert!(ask(at(600)).await.is_none());
    store.revoke_grant(&grant.id, at(2)).await.unwrap();
    assert!(ask(at(3)).await.is_none());
}

async fn revocations_at_start(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, grant) = with_grant(&store).await;
    let (own, given) =
        (access("tok_own", &app.client_id, None), access("tok_g", &app.client_id, Some(&grant)));
    store.record_issuance(&own, None).await.unwrap();
    store.record_issuance(&given, None).await.unwrap();
    assert_eq!(store.live_revocations(at(1)).await.unwrap(), []);
    store.revoke_access_token(&own.id, at(5)).await.unwrap();
    store.revoke_grant(&grant.id, at(5)).await.unwrap();
    let expected = [Change::TokenRevoked(own.id, at(600)), Change::GrantRevoked(grant.id, at(600))];
    assert_eq!(store.live_revocations(at(6)).await.unwrap(), expected);
    assert_eq!(store.live_revocations(at(600)).await.unwrap(), []);

    store.set_user_status(&ada.id, UserStatus::Disabled, at(7)).await.unwrap();
    store.set_client_status(&app.client_id, ClientStatus::Disabled, at(7)).await.unwrap();
    let list = store.revocations(at(8)).await.unwrap();
    assert_eq!((list.tokens.len(), list.grants.len()), (1, 1));
    assert_eq!(
        (list.disabled_clients, list.disabled_users),
        (vec![app.client_id.clone()], vec![ada.id.clone()])
    );
    assert!(!store.client_is_enabled(&app.client_id).await.unwrap());
    assert!(!store.user_is_enabled(&ada.id).await.unwrap());
}

async fn tokens_without_an_end(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, app, grant) = with_grant(&store).await;
    let endless = |text: &str, grant| AccessToken {
        expires_at: Timestamp::MAX,
        ..reference(text, &app.client_id, grant)
    };
    let (given, own) = (endless("given", Some(&grant)), endless("own", None));
    for token in [&given, &own] {
        assert_eq!(store.record_issuance(token, None).await.unwrap(), Recorded::Kept);
    }
    let years = at(10 * 365 * 86_400);
    let purge = async |now| while store.purge(now, 100).await.unwrap() > 0 {};
    purge(years).await;
    for token in [&given, &own] {
        assert!(store.access_token(&token.id).await.unwrap().unwrap().is_live, "it outlives every purge");
    }
    assert_eq!(store.live_revocations(years).await.unwrap(), []);
    store.revoke_grant(&grant.id, years).await.unwrap();
    store.revoke_access_token(&own.id, years).await.unwrap();
    for token in [&given, &own] {
        assert!(!store.access_token(&token.id).await.unwrap().unwrap().is_live);
    }
    // Known for as long as the last signed token of the grant could live, and then cleared away.
    let end = years.plus(Duration::from_secs(31 * 86_400));
    let expected = [Change::TokenRevoked(own.id.clone(), end), Change::GrantRevoked(grant.id.clone(), end)];
    assert_eq!(store.live_revocations(years).await.unwrap(), expected);
    purge(end.plus(Duration::from_secs(600))).await;
    for token in [&given, &own] {
        assert!(store.access_token(&token.id).await.unwrap().is_none());
    }
    assert!(store.grant(&grant.id).await.unwrap().is_none());
}

/// Beyond so many of one person and client the oldest is given up, with the grant it was given on.
async fn tokens_without_an_end_do_not_heap_up(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, _) = with_grant(&store).await;
    let other = client("other");
    store.create_client(&other).await.unwrap();
    let most = usize::try_from(MOST_ENDLESS_TOKENS).unwrap();
    let endless = |name: String, number: usize, given: &Grant| AccessToken {
        issued_at: at(i64::try_from(number).unwrap()),
        expires_at: Timestamp::MAX,
        ..reference(&name, &given.client, Some(given))
    };
    let live = async |name: &str| {
        store.access_token(&TokenId::new(format!("tok_{name}"))).await.unwrap().unwrap().is_live
    };
    let give = async |name: String, number: usize, app: &Client| {
        let given = grant(&format!("grt_endless {name}"), &ada, app);
        assert!(store.begin_grant(&given, at(0)).await.unwrap());
        let token = endless(name, number, &given);
        assert_eq!(store.record_issuance(&token, None).await.unwrap(), Recorded::Kept);
        given
    };
    give("elsewhere".into(), 0, &other).await;
    for number in 0..most {
        give(number.to_string(), number, &app).await;
    }
    assert!(live("0").await && live("elsewhere").await);
    let last = give("last".into(), most, &app).await;
    assert!(!live("0").await && live("1").await && live("last").await && live("elsewhere").await);
    assert!(store.grant(&GrantId::new("grt_endless 0")).await.unwrap().unwrap().revoked_at.is_some());
    // Those of one grant go one by one: it is the grant of the newest, too.
    for number in 0..most {
        let token = endless(format!("again {number}"), most + 1 + number, &last);
        assert_eq!(store.record_issuance(&token, None).await.unwrap(), Recorded::Kept);
    }
    assert!(!live("9").await && !live("last").await && live("again 0").await && live("elsewhere").await);
    assert!(store.grant(&last.id).await.unwrap().unwrap().revoked_at.is_none());
    // Tokens that end are as many as they like, and push nothing out.
    for number in 0..2 * most {
        let token = access(&format!("tok_short {number}"), &app.client_id, Some(&last));
        store.record_issuance(&token, None).await.unwrap();
    }
    assert!(live("again 0").await);
}
