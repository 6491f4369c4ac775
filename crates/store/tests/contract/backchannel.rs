use std::time::Duration;

use countersign_model::*;
use countersign_oauth::ports::{
    Approval, AuthenticationEvent, BackchannelLimits, BackchannelRequest, BackchannelRequests as _, Basis,
    BegunBackchannel, DecoupledKind, DecoupledRequest, DecoupledRequests as _, Poll, PollRequest,
};
use countersign_store::Store;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(
    waits_for_its_person_alone,
    counts_what_waits,
    strangers_keep_nobody_out,
    of_many_at_once_the_limit_holds,
    of_a_thousand_fetches_one_wins,
    pings_what_was_decided,
    of_many_nodes_one_pings
);

const PACE: Duration = Duration::from_secs(5);
const MANY: BackchannelLimits =
    BackchannelLimits { person: 1_000, strangers: 1_000, pair: 1_000, client: 1_000 };

fn request(name: &str, user: &User, client: &str) -> DecoupledRequest {
    DecoupledRequest {
        hash: hash(&format!("auth_req_id {name}")),
        handle: hash(&format!("name {name}")),
        kind: DecoupledKind::Backchannel,
        client: ClientId::new(client),
        scopes: scopes("openid read"),
        resources: vec![],
        address: None,
        backchannel: Some(BackchannelRequest {
            id: name.to_owned(),
            user: user.id.clone(),
            binding_message: Some("W4SCT".into()),
            acr_values: vec![],
            by_stranger: false,
            ping: None,
        }),
        created_at: at(0),
        expires_at: at(300),
    }
}

async fn people(store: &Store) -> (User, User) {
    let (ada, bob) = (user("ada"), user("bob"));
    store.create_user(&ada).await.unwrap();
    store.create_user(&bob).await.unwrap();
    store.create_client(&client("app")).await.unwrap();
    (ada, bob)
}

async fn begin(store: &Store, request: &DecoupledRequest, limits: BackchannelLimits) -> bool {
    store.begin_backchannel(request, PACE, limits).await.unwrap() == BegunBackchannel::Kept
}

async fn poll(store: &Store, kind: DecoupledKind, request: &DecoupledRequest) -> Poll {
    let (hash, client) = (request.hash, request.client.clone());
    store.poll_decoupled(PollRequest { kind, hash, client, slower: PACE, now: at(2) }).await.unwrap()
}

async fn approve(store: &Store, request: &DecoupledRequest, user: &User) -> Approval {
    let given = grant(&format!("grt_{}", request.backchannel.as_ref().unwrap().id), user, &client("app"));
    let approval = Approval {
        grant: given.id.clone(),
        user: user.id.clone(),
        session: None,
        authentication: AuthenticationEvent { auth_time: at(0), amr: vec!["pwd".into()], acr: None },
        scopes: scopes("openid"),
    };
    assert!(
        store.approve_decoupled(&request.handle, (&given, Basis::Voucher), &approval, at(1)).await.unwrap()
    );
    approval
}

async fn waits_for_its_person_alone(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, bob) = people(&store).await;
    let (one, two) = (request("one", &ada, "app"), request("two", &ada, "app"));
    assert!(begin(&store, &one, MANY).await && begin(&store, &two, MANY).await);
    let waiting = store.waiting_backchannel(&ada.id, at(1)).await.unwrap();
    assert!(waiting.len() == 2 && waiting.contains(&one) && waiting.contains(&two));
    assert!(store.waiting_backchannel(&bob.id, at(1)).await.unwrap().is_empty());
    assert_eq!(store.waiting_decoupled(&one.handle, at(1)).await.unwrap(), Some(one.clone()));
    // What one flow gave out is nothing in the other.
    assert_eq!(poll(&store, DecoupledKind::Device, &one).await, Poll::Unknown);
    assert_eq!(poll(&store, DecoupledKind::Backchannel, &one).await, Poll::Pending);
    let approval = approve(&store, &one, &ada).await;
    assert_eq!(store.waiting_backchannel(&ada.id, at(1)).await.unwrap(), std::slice::from_ref(&two));
    let expected = Poll::Approved(Box::new((one.clone(), approval)));
    assert_eq!(poll(&store, DecoupledKind::Backchannel, &one).await, expected);
    assert!(store.waiting_backchannel(&ada.id, at(300)).await.unwrap().is_empty(), "it has ended");
    while store.purge(at(300 + 600), 10).await.unwrap() > 0 {}
    assert_eq!(poll(&store, DecoupledKind::Backchannel, &two).await, Poll::Unknown);
}

async fn counts_what_waits(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, bob) = people(&store).await;
    let limits = BackchannelLimits { person: 3, pair: 2, client: 3, ..MANY };
    let ask = async |name: &str, user: &User, client: &str| {
        begin(&store, &request(name, user, client), limits).await
    };
    assert!(ask("1", &ada, "app").await && ask("2", &ada, "app").await);
    assert!(!ask("3", &ada, "app").await, "two of one client to one person");
    assert!(ask("4", &ada, "shop").await);
    assert!(!ask("5", &ada, "shop").await, "three for one person");
    assert!(ask("6", &bob, "app").await);
    assert!(!ask("7", &bob, "app").await, "three of one client");
    // What was refused still counts between the two; what was granted does not.
    assert!(store.deny_decoupled(&hash("name 1"), at(1)).await.unwrap());
    assert!(!ask("8", &ada, "app").await);
    approve(&store, &request("2", &ada, "app"), &ada).await;
    assert!(ask("9", &ada, "app").await);
    // What has ended does not.
    let late = DecoupledRequest { created_at: at(300), expires_at: at(600), ..request("10", &ada, "app") };
    assert!(begin(&store, &late, BackchannelLimits { person: 1, pair: 1, client: 1, ..MANY }).await);
}

async fn strangers_keep_nobody_out(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, bob) = people(&store).await;
    let limits = BackchannelLimits { person: 2, strangers: 3, ..MANY };
    let ask = async |name: &str, user: &User, by_stranger: bool| {
        let mut request = request(name, user, name);
        request.backchannel.as_mut().unwrap().by_stranger = by_stranger;
        begin(&store, &request, limits).await
    };
    for name in ["1", "2", "3"] {
        assert!(ask(name, &ada, true).await, "{name}");
    }
    assert!(!ask("4", &ada, true).await, "three of all strangers together");
    assert!(ask("5", &bob, true).await);
    assert!(ask("6", &ada, false).await && ask("7", &ada, false).await, "the bank's are counted apart");
    assert!(!ask("8", &ada, false).await);
    // What was refused of the bank's makes room for another; a stranger's next name is no other try.
    assert!(store.deny_decoupled(&hash("name 6"), at(1)).await.unwrap());
    assert!(ask("9", &ada, false).await);
    assert!(store.deny_decoupled(&hash("name 1"), at(1)).await.unwrap());
    assert!(!ask("10", &ada, true).await);
}

async fn of_many_at_once_the_limit_holds(fresh: Fresh) {
    let (one, two) = (fresh.open().await, fresh.open().await);
    let (ada, _) = people(&one).await;
    let limits = BackchannelLimits { pair: 4, ..MANY };
    let begun: Vec<_> = (0..100)
        .map(|number| {
            let store = if number % 2 == 0 { &one } else { &two }.clone();
            let request = request(&number.to_string(), &ada, "app");
            tokio::spawn(async move { begin(&store, &request, limits).await })
        })
        .collect();
    let mut kept = 0;
    for begun in begun {
        kept += usize::from(begun.await.unwrap());
    }
    assert_eq!(kept, 4);
}

async fn of_a_thousand_fetches_one_wins(fresh: Fresh) {
    let (one, two) = (fresh.open().await, fresh.open().await);
    let (ada, _) = people(&one).await;
    let asked = request("one", &ada, "app");
    assert!(begin(&one, &asked, MANY).await);
    let approval = approve(&one, &asked, &ada).await;
    let fetches: Vec<_> = (0..1_000)
        .map(|number| {
            let (store, asked) = (if number % 2 == 0 { &one } else { &two }.clone(), asked.clone());
            tokio::spawn(async move { poll(&store, DecoupledKind::Backchannel, &asked).await })
        })
        .collect();
    let mut won = Vec::new();
    for fetch in fetches {
        match fetch.await.unwrap() {
            Poll::Approved(found) => won.push(*found),
            Poll::Unknown => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(won, [(asked, approval)]);
}

/// A request of a client that wants to be pinged.
fn pinged(name: &str, user: &User) -> DecoupledRequest {
    let mut request = request(name, user, "app");
    request.backchannel.as_mut().unwrap().ping = Some("sealed".into());
    request
}

async fn due(store: &Store, seconds: i64) -> Vec<String> {
    let due = store.take_pings(at(seconds), Duration::from_secs(10), 3, 10).await.unwrap();
    let mut due: Vec<_> = due.into_iter().map(|request| request.backchannel.unwrap().id).collect();
    due.sort();
    due
}

async fn pings_what_was_decided(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, _) = people(&store).await;
    let nothing: [&str; 0] = [];
    for (name, pings) in [("yes", true), ("no", true), ("open", true), ("poll", false)] {
        let request = if pings { pinged(name, &ada) } else { request(name, &ada, "app") };
        assert!(begin(&store, &request, MANY).await);
    }
    assert_eq!(due(&store, 1).await, nothing);
    approve(&store, &pinged("yes", &ada), &ada).await;
    approve(&store, &request("poll", &ada, "app"), &ada).await;
    assert!(store.deny_decoupled(&hash("name no"), at(1)).await.unwrap());
    // What was decided is told also by whoever opens the database anew.
    let store = fresh.open().await;
    assert_eq!(due(&store, 2).await, ["no", "yes"]);
    assert_eq!(due(&store, 2).await, nothing, "they are on their way");
    store.forget_ping(&hash("auth_req_id no")).await.unwrap();
    assert_eq!(due(&store, 11).await, nothing);
    assert_eq!(due(&store, 12).await, ["yes"], "ten seconds later");
    assert_eq!(due(&store, 51).await, nothing);
    assert_eq!(due(&store, 52).await, ["yes"], "and forty");
    assert_eq!(due(&store, 299).await, nothing, "three times is enough");
    assert!(begin(&store, &pinged("late", &ada), MANY).await);
    approve(&store, &pinged("late", &ada), &ada).await;
    assert_eq!(due(&store, 300).await, nothing, "it has ended");
}

async fn of_many_nodes_one_pings(fresh: Fresh) {
    let (one, two) = (fresh.open().await, fresh.open().await);
    let (ada, _) = people(&one).await;
    for number in 0..20 {
        let request = pinged(&number.to_string(), &ada);
        assert!(begin(&one, &request, MANY).await);
        approve(&one, &request, &ada).await;
    }
    let takes: Vec<_> = (0..50)
        .map(|number| {
            let store = if number % 2 == 0 { &one } else { &two }.clone();
            tokio::spawn(async move { due(&store, 2).await })
        })
        .collect();
    let mut taken = Vec::new();
    for take in takes {
        taken.extend(take.await.unwrap());
    }
    let mut expected: Vec<_> = (0..20).map(|number: i32| number.to_string()).collect();
    taken.sort();
    expected.sort();
    assert_eq!(taken, expected, "each once");
}
