use countersign_model::*;
use countersign_oauth::ports::People as _;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(lives_and_ends, dies_with_the_account);

async fn lives_and_ends(fresh: Fresh) {
    let store = fresh.open().await;
    let ada = user("ada");
    store.create_user(&ada).await.unwrap();
    let session = session(&ada, "one");
    store.begin_session(&session).await.unwrap();
    assert_eq!(store.session(&session.secret, at(20)).await.unwrap(), Some(session.clone()));
    assert_eq!(store.session(&session.secret, at(1_000)).await.unwrap(), None);
    assert_eq!(store.session(&hash("other"), at(20)).await.unwrap(), None);
    store.end_session(&session.id).await.unwrap();
    store.end_session(&session.id).await.unwrap();
    assert_eq!(store.session(&session.secret, at(20)).await.unwrap(), None);
}

async fn dies_with_the_account(fresh: Fresh) {
    let store = fresh.open().await;
    let ada = user("ada");
    store.create_user(&ada).await.unwrap();
    let (one, two) = (session(&ada, "one"), Session { auth_time: at(40), ..session(&ada, "two") });
    store.begin_session(&one).await.unwrap();
    store.begin_session(&two).await.unwrap();
    // A changed password voids what was signed in before.
    store.set_password(&ada.id, None, at(30)).await.unwrap();
    assert_eq!(store.session(&one.secret, at(50)).await.unwrap(), None);
    assert!(store.session(&two.secret, at(50)).await.unwrap().is_some());
    store.set_user_status(&ada.id, UserStatus::Disabled, at(60)).await.unwrap();
    assert_eq!(store.session(&two.secret, at(70)).await.unwrap(), None);
    // Enabling the account again does not bring its sessions back.
    store.set_user_status(&ada.id, UserStatus::Enabled, at(80)).await.unwrap();
    assert_eq!(store.session(&two.secret, at(90)).await.unwrap(), None);
}
