use countersign_access::ports::Change;
use countersign_model::*;
use countersign_oauth::ports::{AccessTokens as _, Grant, Grants as _, Offline, People as _};
use countersign_store::{Announcement, RevokedSessions, WhichSessions};

use crate::fresh::Fresh;
use crate::samples::*;

contract!(
    lives_and_ends,
    dies_with_the_account,
    are_listed,
    takes_along_what_was_given_in_it,
    all_of_a_person
);

async fn lives_and_ends(fresh: Fresh) {
    let store = fresh.open().await;
    let ada = user("ada");
    store.create_user(&ada).await.unwrap();
    let session = session(&ada, "one");
    store.begin_session(&session, &ada).await.unwrap();
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
    store.begin_session(&one, &ada).await.unwrap();
    store.begin_session(&two, &ada).await.unwrap();
    // A changed password voids what was signed in before.
    store.set_password(&ada.id, None, at(30)).await.unwrap();
    assert_eq!(store.session(&one.secret, at(50)).await.unwrap(), None);
    assert!(store.session(&two.secret, at(50)).await.unwrap().is_some());
    // Nor does one begin by a password that was changed while it was compared.
    let late = Session { auth_time: at(40), ..session(&ada, "late") };
    assert!(!store.begin_session(&late, &ada).await.unwrap());
    assert_eq!(store.session(&late.secret, at(50)).await.unwrap(), None);
    store.set_user_status(&ada.id, UserStatus::Disabled, at(60)).await.unwrap();
    assert_eq!(store.session(&two.secret, at(70)).await.unwrap(), None);
    // Enabling the account again does not bring its sessions back.
    store.set_user_status(&ada.id, UserStatus::Enabled, at(80)).await.unwrap();
    assert_eq!(store.session(&two.secret, at(90)).await.unwrap(), None);
}

async fn are_listed(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, bob) = (user("ada"), user("bob"));
    for (user, names) in [(&ada, &["1", "3"][..]), (&bob, &["2"][..])] {
        store.create_user(user).await.unwrap();
        for name in names {
            store.begin_session(&session(user, name), user).await.unwrap();
        }
    }
    let list = async |user: Option<&UserId>, after: Option<&SessionId>, now| {
        let listed = store.sessions(user, after, (2, now)).await.unwrap();
        listed
            .into_iter()
            .map(|listed| (listed.session.id.to_string(), listed.username.to_string()))
            .collect::<Vec<_>>()
    };
    let line = |id: &str, name: &str| (format!("ses_{id}"), name.to_owned());
    assert_eq!(list(None, None, at(20)).await, [line("1", "ada"), line("2", "bob")]);
    assert_eq!(list(None, Some(&"ses_2".into()), at(20)).await, [line("3", "ada")]);
    assert_eq!(list(Some(&ada.id), None, at(20)).await, [line("1", "ada"), line("3", "ada")]);
    assert_eq!(list(None, None, at(1_000)).await, []);
}

/// Ada's session with a grant for while she is there and one for while she is away, each with an access token.
async fn with_two_grants(fresh: &Fresh) -> (countersign_store::Store, User) {
    let store = fresh.open().await;
    let (ada, app) = (user("ada"), client("app"));
    store.create_user(&ada).await.unwrap();
    store.create_client(&app).await.unwrap();
    store.begin_session(&session(&ada, "s"), &ada).await.unwrap();
    for (id, given) in [("grt_online", "read xoffline_access"), ("grt_offline", "offline_access read")] {
        let given = Grant { session: Some("ses_s".into()), scopes: scopes(given), ..grant(id, &ada, &app) };
        store.begin_grant(&given, at(10)).await.unwrap();
        let token = access(&id.replace("grt", "tok"), &app.client_id, Some(&given));
        store.record_issuance(&token, None).await.unwrap();
    }
    (store, ada)
}

async fn counts(store: &countersign_store::Store) -> [bool; 2] {
    let mut counts = [false; 2];
    for (place, id) in ["tok_online", "tok_offline"].into_iter().enumerate() {
        counts[place] = store.access_token(&id.into()).await.unwrap().unwrap().is_live;
    }
    counts
}

async fn takes_along_what_was_given_in_it(fresh: Fresh) {
    let (store, ada) = with_two_grants(&fresh).await;
    let listed = store.sessions(Some(&ada.id), None, (10, at(20))).await.unwrap();
    assert_eq!(listed.iter().map(|listed| listed.grants).collect::<Vec<_>>(), [2]);
    let mut changes = store.subscribe();
    let revoke = async |offline| {
        store.revoke_sessions(&WhichSessions::One("ses_s".into()), offline, at(20)).await.unwrap()
    };
    assert_eq!(revoke(Offline::Kept).await, RevokedSessions { sessions: 1, grants: 1, left: 1 });
    assert_eq!(store.session(&hash("s"), at(20)).await.unwrap(), None);
    assert_eq!(counts(&store).await, [false, true]);
    let told = changes.next().await;
    assert!(
        matches!(&told, Some(Announcement::Change(Change::GrantRevoked(id, _))) if id.as_str() == "grt_online"),
        "{told:?}"
    );
    // The session is gone; what is left of it is found all the same.
    assert_eq!(revoke(Offline::Ended).await, RevokedSessions { sessions: 0, grants: 1, left: 0 });
    assert_eq!(counts(&store).await, [false, false]);
    assert_eq!(revoke(Offline::Ended).await, RevokedSessions { sessions: 0, grants: 0, left: 0 });
}

async fn all_of_a_person(fresh: Fresh) {
    let (store, ada) = with_two_grants(&fresh).await;
    let bob = user("bob");
    store.create_user(&bob).await.unwrap();
    store.begin_session(&session(&bob, "bobs"), &bob).await.unwrap();
    store.begin_session(&session(&ada, "another"), &ada).await.unwrap();
    let which = WhichSessions::OfPerson(ada.id.clone());
    let revoked = store.revoke_sessions(&which, Offline::Kept, at(20)).await.unwrap();
    assert_eq!(revoked, RevokedSessions { sessions: 2, grants: 1, left: 1 });
    let revoked = store.revoke_sessions(&which, Offline::Ended, at(20)).await.unwrap();
    assert_eq!(revoked, RevokedSessions { sessions: 0, grants: 1, left: 0 });
    assert_eq!(counts(&store).await, [false, false]);
    assert!(store.session(&hash("bobs"), at(20)).await.unwrap().is_some());
}
