use countersign_access::ports::Accounts as _;
use countersign_model::*;
use countersign_oauth::ports::People as _;
use countersign_store::StoreError;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(
    kept_as_given,
    names_are_unique,
    listed_by_name,
    password_and_status,
    basic_sees_the_account,
    every_statement_is_understood
);

async fn every_statement_is_understood(fresh: Fresh) {
    let prepared = fresh.open().await.prepare_every_statement().await.unwrap();
    assert!(prepared > 60, "{prepared}");
}

async fn kept_as_given(fresh: Fresh) {
    let store = fresh.open().await;
    let ada = user("ada");
    store.create_user(&ada).await.unwrap();
    assert_eq!(store.user(&ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(store.user_by_name(&ada.username).await.unwrap(), Some(ada.clone()));
    assert_eq!(store.user(&UserId::new("nobody")).await.unwrap(), None);

    let plain = User { display_name: None, password: None, email: Some("a@b.example".into()), ..user("bob") };
    store.create_user(&plain).await.unwrap();
    assert_eq!(store.user(&plain.id).await.unwrap(), Some(plain));
}

async fn names_are_unique(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, bob) = (user("ada"), user("bob"));
    store.create_user(&ada).await.unwrap();
    store.create_user(&bob).await.unwrap();
    let twin = User { id: UserId::new("usr_2"), ..ada.clone() };
    let error = store.create_user(&twin).await.unwrap_err();
    assert!(
        matches!(error, StoreError::AlreadyExists { .. }) && error.to_string().contains("ada"),
        "{error}"
    );
    let renamed = User { username: ada.username.clone(), ..bob.clone() };
    assert!(matches!(store.update_user(&renamed, at(1)).await, Err(StoreError::AlreadyExists { .. })));
    assert_eq!(store.user(&bob.id).await.unwrap(), Some(bob.clone()));

    let renamed = User { username: "bert".parse().unwrap(), email: Some("b@b".into()), ..bob.clone() };
    assert!(store.update_user(&renamed, at(1)).await.unwrap());
    assert_eq!(store.user_by_name(&bob.username).await.unwrap(), None);
    assert_eq!(store.user(&bob.id).await.unwrap(), Some(renamed));
    assert!(!store.update_user(&user("carol"), at(1)).await.unwrap());
}

async fn listed_by_name(fresh: Fresh) {
    let store = fresh.open().await;
    for name in ["mallory", "ada", "bob"] {
        store.create_user(&user(name)).await.unwrap();
    }
    let names = |users: Vec<User>| users.iter().map(|user| user.username.to_string()).collect::<Vec<_>>();
    let first = store.users(None, 2).await.unwrap();
    assert_eq!(names(first.clone()), ["ada", "bob"]);
    assert_eq!(names(store.users(Some(&first[1].username), 2).await.unwrap()), ["mallory"]);
}

async fn password_and_status(fresh: Fresh) {
    let store = fresh.open().await;
    let ada = user("ada");
    store.create_user(&ada).await.unwrap();
    let new = PasswordHashText::new("new");
    assert!(store.set_password(&ada.id, Some(&new), at(50)).await.unwrap());
    assert!(store.set_user_status(&ada.id, UserStatus::Disabled, at(51)).await.unwrap());
    let found = store.user(&ada.id).await.unwrap().unwrap();
    assert_eq!(found.password, Some(new));
    assert_eq!(found.password_changed_at, at(50));
    assert!(!found.is_enabled());
    let nobody = UserId::new("nobody");
    assert!(!store.set_password(&nobody, None, at(1)).await.unwrap());
    assert!(!store.set_user_status(&nobody, UserStatus::Enabled, at(1)).await.unwrap());
}

async fn basic_sees_the_account(fresh: Fresh) {
    let store = fresh.open().await;
    let ada = user("ada");
    store.create_user(&ada).await.unwrap();
    let account = store.account(&ada.username).await.unwrap().unwrap();
    assert_eq!(account.subject.as_str(), ada.id.as_str());
    assert!(account.enabled && account.scopes == ada.scopes);

    // Only over the hash it was made for.
    let (old, new) = (ada.password.clone().unwrap(), PasswordHashText::new("better"));
    store.upgrade_password(&account, &PasswordHashText::new("other"), new.clone()).await.unwrap();
    assert_eq!(store.user(&ada.id).await.unwrap().unwrap().password, Some(old.clone()));
    store.upgrade_password(&account, &old, new.clone()).await.unwrap();
    let found = store.user(&ada.id).await.unwrap().unwrap();
    assert_eq!((found.password, found.password_changed_at), (Some(new), ada.password_changed_at));
    assert!(store.account(&"nobody".parse().unwrap()).await.unwrap().is_none());
}
