use countersign_model::*;
use countersign_oauth::ports::{
    Assertions as _, Interaction, Interactions as _, Origin, Proofs as _, PushedRequest, PushedRequests as _,
};

use crate::fresh::Fresh;
use crate::samples::*;

contract!(
    interactions_are_taken_once,
    a_pushed_request_is_taken_once_of_a_thousand,
    assertions_are_remembered,
    of_a_thousand_uses_of_a_proof_one_is_new,
    answers_while_open,
    tells_whether_it_keeps_what_is_written
);

async fn interactions_are_taken_once(fresh: Fresh) {
    let store = fresh.open().await;
    let interaction = Interaction {
        hash: hash("page"),
        browser: hash("cookie"),
        session: None,
        origin: Origin::default(),
        parameters: vec![("scope".into(), "read \u{1f600}".into()), ("scope".into(), String::new())],
        created_at: at(0),
        expires_at: at(100),
    };
    store.keep_interaction(&interaction).await.unwrap();
    assert_eq!(store.interaction(&hash("page"), at(1)).await.unwrap(), Some(interaction.clone()));
    assert_eq!(store.interaction(&hash("page"), at(100)).await.unwrap(), None);
    assert_eq!(store.consume_interaction(&hash("page"), at(100)).await.unwrap(), None);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.consume_interaction(&hash("page"), at(2)).await.unwrap() })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap());
    }
    assert_eq!(taken, [interaction]);
    assert_eq!(store.interaction(&hash("page"), at(3)).await.unwrap(), None);
}

async fn a_pushed_request_is_taken_once_of_a_thousand(fresh: Fresh) {
    let store = fresh.open().await;
    let request = PushedRequest {
        hash: hash("urn"),
        client: ClientId::new("app"),
        parameters: vec![("scope".into(), "read".into())],
        signed: true,
        created_at: at(0),
        expires_at: at(90),
        kept_until: at(1_890),
    };
    store.keep_pushed_request(&request).await.unwrap();
    assert_eq!(store.pushed_request(&hash("urn")).await.unwrap(), Some(request));
    assert_eq!(store.pushed_request(&hash("other")).await.unwrap(), None);
    let tasks: Vec<_> = (0..1_000)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.consume_pushed_request(&hash("urn")).await.unwrap() })
        })
        .collect();
    let mut taken = 0;
    for task in tasks {
        taken += usize::from(task.await.unwrap());
    }
    assert_eq!(taken, 1);
    assert_eq!(store.pushed_request(&hash("urn")).await.unwrap(), None);
}

async fn assertions_are_remembered(fresh: Fresh) {
    let store = fresh.open().await;
    let (one, two) = (ClientId::new("one"), ClientId::new("two"));
    assert!(store.remember_assertion(&one, "jti", at(10)).await.unwrap());
    assert!(!store.remember_assertion(&one, "jti", at(20)).await.unwrap());
    assert!(store.remember_assertion(&two, "jti", at(10)).await.unwrap());
    assert!(store.remember_assertion(&one, "other", at(10)).await.unwrap());
}

async fn of_a_thousand_uses_of_a_proof_one_is_new(fresh: Fresh) {
    let (one, two) = (fresh.open().await, fresh.open().await);
    let uses: Vec<_> = (0..1_000)
        .map(|number| {
            let store = if number % 2 == 0 { &one } else { &two }.clone();
            tokio::spawn(async move { store.remember_proof(&hash("proof"), at(70)).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for used in uses {
        new += usize::from(used.await.unwrap());
    }
    assert_eq!(new, 1);
    assert!(two.remember_proof(&hash("another"), at(70)).await.unwrap());
    // It is kept for as long as it could be used, and no longer.
    one.purge(at(69), 10).await.unwrap();
    assert!(!one.remember_proof(&hash("proof"), at(70)).await.unwrap());
    one.purge(at(70), 10).await.unwrap();
    assert!(one.remember_proof(&hash("proof"), at(140)).await.unwrap());
}

async fn answers_while_open(fresh: Fresh) {
    let store = fresh.open().await;
    store.ping().await.unwrap();
    assert!(!store.describe().contains("password"), "{}", store.describe());
    store.close().await;
    assert!(store.ping().await.is_err());
    assert!(store.create_user(&user("ada")).await.is_err());
    assert_eq!(store.subscribe().next().await, None);
}

async fn tells_whether_it_keeps_what_is_written(fresh: Fresh) {
    let store = fresh.open().await;
    store.is_writable(at(0)).await.unwrap();
    store.close().await;
    // Not at every question.
    store.is_writable(at(9)).await.unwrap();
    assert!(store.is_writable(at(10)).await.is_err());
    assert!(store.is_writable(at(10)).await.is_err());
}
