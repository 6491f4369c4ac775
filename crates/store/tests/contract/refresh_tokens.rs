use countersign_model::*;
use countersign_oauth::ports::{
    AccessTokens as _, Basis, Codes as _, FoundRefreshToken, Grant, Grants as _, RefreshTokens as _, Rotation,
};
use countersign_store::Store;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(
    rotated_and_replayed,
    grace_for_a_lost_answer,
    other_lines_end,
    without_grace_the_first_wins_whatever_the_clocks_say,
    of_a_thousand_one_wins,
    many_in_grace_leave_one,
    dies_with_grant_client_and_person
);

async fn begin(store: &Store) -> (User, Client, Grant) {
    let (ada, app, grant) = with_grant(store).await;
    let token = access("tok_0", &app.client_id, Some(&grant));
    store.record_issuance(&token, Some(&refresh("r0", &grant))).await.unwrap();
    (ada, app, grant)
}

async fn rotate(store: &Store, grant: &Grant, step: (&str, &str), grace_began: i64, now: i64) -> Rotation {
    let (from, to) = step;
    let token = access(&format!("tok_{to}"), &grant.client, Some(grant));
    let next = refresh(to, grant);
    store.rotate_refresh_token(&hash(from), at(grace_began), &next, &token, at(now)).await.unwrap()
}

async fn spent(store: &Store, text: &str) -> Option<Timestamp> {
    store.refresh_token(&hash(text)).await.unwrap().unwrap().rotated_at
}

async fn rotated_and_replayed(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, _, grant) = begin(&store).await;
    let found = store.refresh_token(&hash("r0")).await.unwrap();
    let expected = FoundRefreshToken { token: refresh("r0", &grant), rotated_at: None, grant_is_live: true };
    assert_eq!(found, Some(expected));
    assert!(store.refresh_token(&hash("unknown")).await.unwrap().is_none());

    assert_eq!(rotate(&store, &grant, ("r0", "r1"), 0, 10).await, Rotation::Rotated);
    assert_eq!(spent(&store, "r0").await, Some(at(10)));
    assert!(store.access_token(&TokenId::new("tok_r1")).await.unwrap().unwrap().is_live);
    assert_eq!(rotate(&store, &grant, ("r1", "r2"), 10, 20).await, Rotation::Rotated);
    // Spent at the very moment the grace began, or before: a replay.
    assert_eq!(rotate(&store, &grant, ("r0", "bad"), 10, 30).await, Rotation::Replayed);
    assert!(store.refresh_token(&hash("bad")).await.unwrap().is_none());
    assert!(store.access_token(&TokenId::new("tok_bad")).await.unwrap().is_none());
    assert_eq!(store.grant(&grant.id).await.unwrap().unwrap().revoked_at, Some(at(30)));
    assert_eq!(rotate(&store, &grant, ("r2", "r3"), 20, 40).await, Rotation::Revoked);
    assert_eq!(rotate(&store, &grant, ("unknown", "r3"), 20, 40).await, Rotation::Revoked);
}

async fn grace_for_a_lost_answer(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, _, grant) = begin(&store).await;
    assert_eq!(rotate(&store, &grant, ("r0", "lost"), 0, 10).await, Rotation::Rotated);
    assert_eq!(rotate(&store, &grant, ("r0", "again"), 5, 15).await, Rotation::Rotated);
    assert_eq!((spent(&store, "lost").await, spent(&store, "again").await), (Some(at(15)), None));
    // Coming again does not make the grace longer: it counts from the first time.
    assert_eq!(spent(&store, "r0").await, Some(at(10)));
    assert_eq!(rotate(&store, &grant, ("again", "next"), 20, 25).await, Rotation::Rotated);
    assert_eq!(rotate(&store, &grant, ("lost", "thief"), 20, 30).await, Rotation::Replayed);
}

async fn other_lines_end(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, _, grant) = begin(&store).await;
    rotate(&store, &grant, ("r0", "r1"), 0, 10).await;
    rotate(&store, &grant, ("r1", "r2"), 0, 11).await;
    // The first token again, in its grace, though its successor was used: whoever holds r2 is found out later.
    assert_eq!(rotate(&store, &grant, ("r0", "r3"), 0, 12).await, Rotation::Rotated);
    assert_eq!(spent(&store, "r2").await, Some(at(12)));
    assert_eq!(spent(&store, "r3").await, None);
}

async fn without_grace_the_first_wins_whatever_the_clocks_say(fresh: Fresh) {
    let store = fresh.open().await;
    let (_, _, grant) = begin(&store).await;
    assert_eq!(rotate(&store, &grant, ("r0", "r1"), 10, 10).await, Rotation::Rotated);
    // It looked at its clock before the winner did, and came after it.
    assert_eq!(rotate(&store, &grant, ("r0", "late"), 9, 9).await, Rotation::Replayed);
    assert!(store.refresh_token(&hash("late")).await.unwrap().is_none());
}

async fn of_a_thousand_one_wins(fresh: Fresh) {
    let (one, two) = (fresh.open().await, fresh.open().await);
    let (ada, app, _) = begin(&one).await;
    for round in 0..3 {
        let grant = grant(&format!("grt_{round}_"), &ada, &app);
        one.store_code(&grant, Basis::Voucher, &code(&format!("c{round}"), &grant)).await.unwrap();
        let first = format!("first {round}");
        let token = access(&format!("tok_first_{round}"), &app.client_id, Some(&grant));
        one.record_issuance(&token, Some(&refresh(&first, &grant))).await.unwrap();
        let rotations = many(1_000, &[&one, &two], &grant, (&first, 10)).await;
        assert_eq!(rotations.len(), 1_000);
        assert_eq!(rotations.iter().filter(|rotation| **rotation == Rotation::Rotated).count(), 1);
        assert!(one.grant(&grant.id).await.unwrap().unwrap().revoked_at.is_some());
    }
}

async fn many_in_grace_leave_one(fresh: Fresh) {
    let (one, two) = (fresh.open().await, fresh.open().await);
    let (_, _, grant) = begin(&one).await;
    let rotations = many(200, &[&one, &two], &grant, ("r0", 0)).await;
    assert!(rotations.iter().all(|rotation| *rotation == Rotation::Rotated));
    let mut unspent = 0;
    for number in 0..200 {
        unspent += usize::from(spent(&one, &format!("r0 {number}")).await.is_none());
    }
    assert_eq!(unspent, 1);
}

/// The same token rotated so many times at once.
async fn many(
    count: usize,
    stores: &[&Store],
    grant: &Grant,
    (from, grace_began): (&str, i64),
) -> Vec<Rotation> {
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let (store, grant, from) =
                (stores[number % stores.len()].clone(), grant.clone(), from.to_owned());
            tokio::spawn(async move {
                rotate(&store, &grant, (&from, &format!("{from} {number}")), grace_began, 10).await
            })
        })
        .collect();
    let mut rotations = Vec::new();
    for task in tasks {
        rotations.push(task.await.unwrap());
    }
    rotations
}

async fn dies_with_grant_client_and_person(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app, grant) = begin(&store).await;
    let live = async || store.refresh_token(&hash("r0")).await.unwrap().unwrap().grant_is_live;
    assert!(live().await);
    store.set_user_status(&ada.id, UserStatus::Disabled, at(1)).await.unwrap();
    assert!(!live().await);
    store.set_user_status(&ada.id, UserStatus::Enabled, at(2)).await.unwrap();
    store.set_client_status(&app.client_id, ClientStatus::Disabled, at(3)).await.unwrap();
    assert!(!live().await);
    store.set_client_status(&app.client_id, ClientStatus::Enabled, at(4)).await.unwrap();
    assert!(live().await);
    store.revoke_grant(&grant.id, at(5)).await.unwrap();
    assert!(!live().await);
}
