//! What is given at the very instant that what it rests on is revoked: it is refused, or it is revoked with the rest.

use countersign_model::*;
use countersign_oauth::ports::{
    AccessTokens as _, Basis, Clients as _, Codes as _, Grant, Grants as _, Offline, People as _, Recorded,
    RefreshTokens as _, Rotation,
};
use countersign_store::{Store, WhichSessions};
use tokio::task::JoinHandle;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(
    no_code_outlives_its_session,
    no_code_outlives_the_sessions_of_its_person,
    no_code_outlives_an_answer_that_is_taken_back,
    no_code_outlives_its_client,
    no_token_of_a_client_outlives_it,
    no_token_outlives_the_session_of_its_grant,
    nobody_is_signed_in_by_an_account_that_is_disabled,
    of_a_thousand_resets_one_wins,
    of_two_who_change_a_client_neither_undoes_the_other,
);

/// Rounds of a race, and how many give something in each.
const ROUNDS: usize = 25;
const GIVERS: usize = 40;

/// Two processes at one database, with ada, her session `ses_N` of this round, the client, and what she answered it.
struct Race {
    stores: [Store; 2],
    ada: User,
    app: Client,
}

impl Race {
    async fn new(fresh: &Fresh) -> Self {
        let stores = [fresh.open().await, fresh.open().await];
        let race = Self { stores, ada: user("ada"), app: client("app") };
        race.stores[0].create_user(&race.ada).await.unwrap();
        race
    }

    /// What each round begins with.
    async fn prepare(&self, round: usize) -> Session {
        let store = &self.stores[0];
        // Where the last round left it.
        let _ = store.create_client(&self.app).await;
        store.remember_consent(&self.ada.id, &self.app.client_id, &agreed("read"), at(11)).await.unwrap();
        let session = session(&self.ada, &round.to_string());
        assert!(store.begin_session(&session, &self.ada).await.unwrap());
        session
    }

    /// So many give at the same time, and one among them revokes; what was given, and whether it was kept.
    async fn run<T: Send + 'static>(
        &self,
        give: impl Fn(Store, usize) -> JoinHandle<T>,
        revoke: impl Fn(Store) -> JoinHandle<()>,
    ) -> Vec<T> {
        let mut givers = Vec::new();
        let mut revoking = None;
        for number in 0..GIVERS {
            if number == GIVERS / 2 {
                revoking = Some(revoke(self.stores[1].clone()));
            }
            givers.push(give(self.stores[number % 2].clone(), number));
        }
        revoking.unwrap().await.unwrap();
        let mut given = Vec::new();
        for giver in givers {
            given.push(giver.await.unwrap());
        }
        given
    }

    /// Codes against a revocation: every one that was kept is revoked, and none comes after it.
    async fn of_codes(&self, basis: Basis, revoke: impl Fn(Store, Session) -> JoinHandle<()>) {
        for round in 0..ROUNDS {
            let session = self.prepare(round).await;
            let grant = |number: usize| Grant {
                session: Some(session.id.clone()),
                created_at: at(20),
                ..grant(&format!("grt_{round}_{number}"), &self.ada, &self.app)
            };
            let give = |store: Store, number| {
                let grant = grant(number);
                tokio::spawn(async move {
                    let kept =
                        store.store_code(&grant, basis, &code(grant.id.as_str(), &grant)).await.unwrap();
                    kept.then_some(grant.id)
                })
            };
            let given = self.run(&give, |store| revoke(store, session.clone())).await;
            for kept in given.into_iter().flatten() {
                let found = self.stores[0].grant(&kept).await.unwrap().unwrap();
                assert!(found.revoked_at.is_some(), "{kept} is alive");
            }
            assert_eq!(give(self.stores[0].clone(), GIVERS).await.unwrap(), None, "after the revocation");
        }
    }
}

async fn no_code_outlives_its_session(fresh: Fresh) {
    let race = Race::new(&fresh).await;
    let revoke = |store: Store, session: Session| {
        tokio::spawn(async move { store.revoke_session(&session.id, Offline::Ended, at(30)).await.unwrap() })
    };
    race.of_codes(Basis::Session, revoke).await;
}

async fn no_code_outlives_the_sessions_of_its_person(fresh: Fresh) {
    let race = Race::new(&fresh).await;
    let revoke = |store: Store, session: Session| {
        tokio::spawn(async move {
            let which = WhichSessions::OfPerson(session.user);
            store.revoke_sessions(&which, Offline::Ended, at(30)).await.map(drop).unwrap();
        })
    };
    race.of_codes(Basis::Session, revoke).await;
}

async fn no_code_outlives_an_answer_that_is_taken_back(fresh: Fresh) {
    let race = Race::new(&fresh).await;
    let app = race.app.client_id.clone();
    let revoke = |store: Store, session: Session| {
        let app = app.clone();
        tokio::spawn(async move { store.withdraw_consent(&session.user, &app, at(30)).await.unwrap() })
    };
    race.of_codes(Basis::Consent, revoke).await;
}

async fn no_code_outlives_its_client(fresh: Fresh) {
    let race = Race::new(&fresh).await;
    let app = race.app.client_id.clone();
    let revoke = |store: Store, _| {
        let app = app.clone();
        tokio::spawn(async move { assert!(store.delete_client(&app, at(30)).await.unwrap()) })
    };
    race.of_codes(Basis::Session, revoke).await;
}

async fn no_token_of_a_client_outlives_it(fresh: Fresh) {
    let race = Race::new(&fresh).await;
    for round in 0..ROUNDS {
        race.stores[0].create_client(&race.app).await.unwrap();
        let id = |number: usize| format!("tok_{round}_{number}");
        let give = |store: Store, number| {
            let token = access(&id(number), &race.app.client_id, None);
            tokio::spawn(async move { (store.record_issuance(&token, None).await.unwrap(), token.id) })
        };
        let app = race.app.client_id.clone();
        let remove = |store: Store| {
            let app = app.clone();
            tokio::spawn(async move { assert!(store.delete_client(&app, at(30)).await.unwrap()) })
        };
        let given = race.run(give, remove).await;
        // A client of the same name does not bring them back.
        race.stores[0].create_client(&race.app).await.unwrap();
        for (recorded, id) in given {
            let found = race.stores[0].access_token(&id).await.unwrap();
            assert_eq!(found.is_some(), recorded == Recorded::Kept, "{id}");
            assert!(found.is_none_or(|found| !found.is_live), "{id} is alive");
        }
        assert!(race.stores[0].delete_client(&race.app.client_id, at(31)).await.unwrap());
    }
}

async fn no_token_outlives_the_session_of_its_grant(fresh: Fresh) {
    let race = Race::new(&fresh).await;
    for round in 0..ROUNDS {
        let session = race.prepare(round).await;
        let store = &race.stores[0];
        let grants: Vec<Grant> = (0..GIVERS)
            .map(|number| Grant {
                session: Some(session.id.clone()),
                ..grant(&format!("grt_{round}_{number}"), &race.ada, &race.app)
            })
            .collect();
        let name = |number: usize, turn| format!("{round} {number} {turn}");
        for (number, one) in grants.iter().enumerate() {
            assert!(store.begin_grant(one, at(20)).await.unwrap());
            let token = access(&format!("tok_{round}_{number}"), &one.client, Some(one));
            let first = refresh(&name(number, 0), one);
            assert_eq!(store.record_issuance(&token, Some(&first)).await.unwrap(), Recorded::Kept);
        }
        let give = |store: Store, number: usize| {
            let one = grants[number].clone();
            let token = access(&format!("tok_again_{round}_{number}"), &one.client, Some(&one));
            let (presented, next) = (hash(&name(number, 0)), refresh(&name(number, 1), &one));
            tokio::spawn(async move {
                let turned =
                    store.rotate_refresh_token(&presented, at(0), &next, &token, at(30)).await.unwrap();
                (turned, token.id, next.hash)
            })
        };
        let id = session.id.clone();
        let revoke = |store: Store| {
            let id = id.clone();
            tokio::spawn(async move { store.revoke_session(&id, Offline::Ended, at(30)).await.unwrap() })
        };
        for (turned, id, next) in race.run(give, revoke).await {
            let (token, next) =
                (store.access_token(&id).await.unwrap(), store.refresh_token(&next).await.unwrap());
            let kept = turned == Rotation::Rotated;
            assert_eq!((token.is_some(), next.is_some()), (kept, kept), "{id}: {turned:?}");
            assert!(token.is_none_or(|token| !token.is_live), "{id} is alive");
            assert!(next.is_none_or(|next| !next.grant_is_live), "its successor is alive");
        }
    }
}

async fn nobody_is_signed_in_by_an_account_that_is_disabled(fresh: Fresh) {
    let race = Race::new(&fresh).await;
    let ada = &race.ada;
    for round in 0..ROUNDS {
        let give = |store: Store, number| {
            let (session, ada) = (session(ada, &format!("{round} {number}")), ada.clone());
            tokio::spawn(async move {
                store.begin_session(&session, &ada).await.unwrap();
                session.secret
            })
        };
        let disable = |store: Store| {
            let id = ada.id.clone();
            tokio::spawn(async move {
                assert!(store.set_user_status(&id, UserStatus::Disabled, at(30)).await.unwrap());
            })
        };
        let given = race.run(give, disable).await;
        // Enabling the account again does not bring its sessions back.
        assert!(race.stores[0].set_user_status(&ada.id, UserStatus::Enabled, at(31)).await.unwrap());
        for secret in given {
            assert_eq!(race.stores[0].session(&secret, at(32)).await.unwrap(), None);
        }
    }
}

async fn of_a_thousand_resets_one_wins(fresh: Fresh) {
    let race = Race::new(&fresh).await;
    let (_, app, grant) = with_grant_of(&race).await;
    let old = reference("old", &app, Some(&grant));
    race.stores[0].record_issuance(&old, None).await.unwrap();
    let tasks: Vec<_> = (0..1_000)
        .map(|number| {
            let (store, old) = (race.stores[number % 2].clone(), old.id.clone());
            let next = reference(&format!("next {number}"), &app, Some(&grant));
            tokio::spawn(
                async move { (store.replace_access_token(&old, &next, at(2)).await.unwrap(), next.id) },
            )
        })
        .collect();
    let mut kept = Vec::new();
    for task in tasks {
        let (recorded, id) = task.await.unwrap();
        let found = race.stores[0].access_token(&id).await.unwrap();
        assert_eq!(found.is_some(), recorded == Recorded::Kept, "{id}");
        kept.extend(found);
    }
    assert!(kept.len() == 1 && kept[0].is_live, "{kept:?}");
    assert!(!race.stores[0].access_token(&old.id).await.unwrap().unwrap().is_live);
    // Nothing takes the place of what was taken back.
    let latest = &kept[0].token.id;
    race.stores[0].revoke_grant(&grant.id, at(3)).await.unwrap();
    let late = reference("late", &app, Some(&grant));
    assert_eq!(race.stores[0].replace_access_token(latest, &late, at(4)).await.unwrap(), Recorded::Revoked);
    assert!(race.stores[0].access_token(&late.id).await.unwrap().is_none());
}

/// `client update` and `client secret --drop-old` at the same instant: whoever comes second is told, and a secret that was
/// ended stays so.
async fn of_two_who_change_a_client_neither_undoes_the_other(fresh: Fresh) {
    let race = Race::new(&fresh).await;
    for round in 0..ROUNDS {
        let before = Client { secrets: vec![hash("old")], ..client(&format!("app {round}")) };
        race.stores[0].create_client(&before).await.unwrap();
        let renamed = Client { client_name: "Renamed".into(), ..before.clone() };
        let ended = Client { secrets: vec![hash("new")], ..before.clone() };
        let change = |store: &Store, after: &Client| {
            let (store, before, after) = (store.clone(), before.clone(), after.clone());
            tokio::spawn(async move { store.change_client(&before, &after, at(1)).await.unwrap() })
        };
        let mut tasks = Vec::new();
        for number in 0..GIVERS {
            let after = if number % 2 == 0 { &renamed } else { &ended };
            tasks.push((change(&race.stores[number / 2 % 2], after), after.clone()));
        }
        let mut won = Vec::new();
        for (task, after) in tasks {
            if task.await.unwrap() {
                won.push(after);
            }
        }
        let kept = race.stores[0].client(&before.client_id).await.unwrap().unwrap();
        assert!(won.len() == 1 && *kept == won[0], "{won:?}");
    }
}

async fn with_grant_of(race: &Race) -> (User, ClientId, Grant) {
    race.prepare(0).await;
    let given = grant("grt_reset", &race.ada, &race.app);
    assert!(race.stores[0].begin_grant(&given, at(1)).await.unwrap());
    (race.ada.clone(), race.app.client_id.clone(), given)
}
