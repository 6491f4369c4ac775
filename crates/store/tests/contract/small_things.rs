use countersign_model::*;
use countersign_oauth::ports::{Assertions as _, Interaction, Interactions as _};

use crate::fresh::Fresh;
use crate::samples::*;

contract!(interactions_are_taken_once, assertions_are_remembered, answers_while_open);

async fn interactions_are_taken_once(fresh: Fresh) {
    let store = fresh.open().await;
    let interaction = Interaction {
        hash: hash("page"),
        browser: hash("cookie"),
        session: None,
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

async fn assertions_are_remembered(fresh: Fresh) {
    let store = fresh.open().await;
    let (one, two) = (ClientId::new("one"), ClientId::new("two"));
    assert!(store.remember_assertion(&one, "jti", at(10)).await.unwrap());
    assert!(!store.remember_assertion(&one, "jti", at(20)).await.unwrap());
    assert!(store.remember_assertion(&two, "jti", at(10)).await.unwrap());
    assert!(store.remember_assertion(&one, "other", at(10)).await.unwrap());
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
