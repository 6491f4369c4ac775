use std::collections::BTreeSet;

use countersign_access::ports::Change;
use countersign_ca::ports::{CertificateRecord, Certificates, RevocationReason};
use countersign_keys::ports::{SigningKeys as _, StoredKey};
use countersign_model::*;
use countersign_oauth::ports::{AccessTokens, Grants as _};
use countersign_store::{Announcement, Store};

use crate::fresh::{Fresh, next};
use crate::samples::*;

contract!(
    told_here_at_once_and_there_soon,
    nothing_is_lost_among_many,
    failed_work_announces_nothing,
    who_was_away_too_long_starts_afresh,
    gaps_and_riddles_mean_starting_afresh
);

/// Does one of everything that is announced; returns what must be.
async fn one_of_each(store: &Store) -> Vec<Change> {
    let (ada, app, grant) = with_grant(store).await;
    let key = api_key("one", ada.id.as_str());
    store.create_api_key(&key).await.unwrap();
    let token = access("tok", &app.client_id, None);
    AccessTokens::record_issuance(store, &token, None).await.unwrap();
    store.revoke_access_token(&token.id, at(1)).await.unwrap();
    store.revoke_grant(&grant.id, at(1)).await.unwrap();
    store.set_password(&ada.id, None, at(1)).await.unwrap();
    let renamed = User { username: "eve".parse().unwrap(), ..ada.clone() };
    store.update_user(&renamed, at(1)).await.unwrap();
    store.set_client_status(&app.client_id, ClientStatus::Disabled, at(1)).await.unwrap();
    store.revoke_api_key(&key.id, at(1)).await.unwrap();
    let signing = StoredKey {
        id: KeyId::new("k"),
        algorithm: "ES256".into(),
        public_jwk: serde_json::json!({}),
        sealed: vec![],
        published_at: at(0),
        active_from: at(0),
        retired_at: None,
        removed_at: None,
    };
    store.introduce_signing_key(&signing, None, at(0), at(0)).await.unwrap();
    let certificate = CertificateRecord {
        serial: CertificateSerial::new("01"),
        profile: "client".into(),
        subject: Subject::new("x"),
        names: vec![],
        certificate: vec![],
        not_before: at(0),
        not_after: at(1),
        revoked: None,
    };
    Certificates::record_issuance(store, &certificate).await.unwrap();
    store.revoke_certificate(&certificate.serial, RevocationReason::Unspecified, at(1)).await.unwrap();
    let client = || Change::Client(app.client_id.clone());
    let named = |name: &Username| Change::User(ada.id.clone(), name.clone());
    vec![
        named(&ada.username),
        client(),
        Change::ApiKey(key.hash),
        Change::TokenRevoked(token.id, at(600)),
        Change::GrantRevoked(grant.id, Timestamp::EPOCH),
        named(&ada.username),
        named(&ada.username),
        Change::ApiKey(key.hash),
        named(&renamed.username),
        client(),
        Change::ApiKey(key.hash),
        Change::SigningKeys,
        Change::Certificates,
    ]
}

async fn told_here_at_once_and_there_soon(fresh: Fresh) {
    let (here, there) = (fresh.open().await, fresh.open().await);
    let (mut heard_here, mut heard_there) = (here.subscribe(), there.subscribe());
    let expected = one_of_each(&here).await;
    for change in expected {
        assert_eq!(next(&mut heard_here).await, Announcement::Change(change.clone()));
        assert_eq!(next(&mut heard_there).await, Announcement::Change(change));
    }
    // The other way round.
    there.set_user_status(&UserId::new("usr_ada"), UserStatus::Enabled, at(3)).await.unwrap();
    let change = Change::User(UserId::new("usr_ada"), "eve".parse().unwrap());
    assert_eq!(next(&mut heard_there).await, Announcement::Change(change.clone()));
    assert_eq!(next(&mut heard_here).await, Announcement::Change(change));
}

async fn nothing_is_lost_among_many(fresh: Fresh) {
    let (one, two, reader) = (fresh.open().await, fresh.open().await, fresh.open().await);
    let mut heard = reader.subscribe();
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let store = if number % 2 == 0 { &one } else { &two }.clone();
            tokio::spawn(async move {
                store.create_client(&client(&format!("c{number}"))).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut missing: BTreeSet<String> = (0..200).map(|number| format!("c{number}")).collect();
    while !missing.is_empty() {
        match next(&mut heard).await {
            Announcement::Change(Change::Client(id)) => assert!(missing.remove(id.as_str()), "{id} twice"),
            other => panic!("{other:?}"),
        }
    }
}

async fn failed_work_announces_nothing(fresh: Fresh) {
    let store = fresh.open().await;
    let mut heard = store.subscribe();
    store.create_user(&user("ada")).await.unwrap();
    assert!(store.create_user(&user("ada")).await.is_err());
    assert!(!store.set_password(&UserId::new("nobody"), None, at(1)).await.unwrap());
    store.create_user(&user("bob")).await.unwrap();
    for name in ["ada", "bob"] {
        let change = Change::User(user(name).id, user(name).username);
        assert_eq!(next(&mut heard).await, Announcement::Change(change));
    }
}

/// Announces by hand what the store would hardly announce in a test.
async fn by_hand(fresh: &Fresh, count: usize, document: &str) {
    let sql = format!(
        "BEGIN; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO changes (seq, at, document) \
         SELECT i + (SELECT value FROM counters WHERE name = 'changes'), 0, '{document}' FROM n; \
         UPDATE counters SET value = value + {count} WHERE name = 'changes'; COMMIT"
    );
    fresh.tamper(&sql).await;
}

async fn who_was_away_too_long_starts_afresh(fresh: Fresh) {
    let store = fresh.open().await;
    let mut slow = store.subscribe();
    by_hand(&fresh, 5_000, r#"{"kind":"signing_keys"}"#).await;
    // When this is answered, it and everything before was told.
    store.create_user(&user("ada")).await.unwrap();
    assert_eq!(next(&mut slow).await, Announcement::Resync);
    let mut last = next(&mut slow).await;
    while last == Announcement::Change(Change::SigningKeys) {
        last = next(&mut slow).await;
    }
    assert_eq!(last, Announcement::Change(Change::User(user("ada").id, user("ada").username)));
}

async fn gaps_and_riddles_mean_starting_afresh(fresh: Fresh) {
    let store = fresh.open().await;
    let mut heard = store.subscribe();
    // A newer version's.
    by_hand(&fresh, 1, r#"{"kind":"something new"}"#).await;
    assert_eq!(next(&mut heard).await, Announcement::Resync);
    // Removed before it was read.
    fresh.tamper("UPDATE counters SET value = value + 7 WHERE name = 'changes'").await;
    assert_eq!(next(&mut heard).await, Announcement::Resync);
    // Restored from a backup.
    fresh.tamper("DELETE FROM changes; UPDATE counters SET value = 1 WHERE name = 'changes'").await;
    assert_eq!(next(&mut heard).await, Announcement::Resync);
    store.create_user(&user("ada")).await.unwrap();
    let change = Change::User(user("ada").id, user("ada").username);
    assert_eq!(next(&mut heard).await, Announcement::Change(change));
}
