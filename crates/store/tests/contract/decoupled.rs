use std::time::Duration;

use countersign_model::*;
use countersign_oauth::ports::{
    Approval, AuthenticationEvent, Basis, DecoupledKind, DecoupledRequest, DecoupledRequests as _,
    Grants as _, Poll, PollRequest,
};
use countersign_store::Store;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(lives_from_asking_to_redeeming, polls_keep_their_pace, of_a_thousand_polls_one_wins, decided_once);

const PACE: Duration = Duration::from_secs(5);

fn request(name: &str) -> DecoupledRequest {
    DecoupledRequest {
        hash: hash(&format!("device {name}")),
        handle: hash(&format!("user {name}")),
        kind: DecoupledKind::Device,
        client: ClientId::new("app"),
        scopes: scopes("openid read"),
        resources: vec!["https://api.example".into()],
        address: Some("2001:db8::7".parse().unwrap()),
        backchannel: None,
        created_at: at(0),
        expires_at: at(600),
    }
}

fn approval(grant: &GrantId, user: &User) -> Approval {
    Approval {
        grant: grant.clone(),
        user: user.id.clone(),
        session: Some(SessionId::new("ses_1")),
        authentication: AuthenticationEvent { auth_time: at(0), amr: vec!["pwd".into()], acr: None },
        scopes: scopes("read"),
    }
}

async fn poll(store: &Store, request: &DecoupledRequest, seconds: i64) -> Poll {
    let poll = PollRequest {
        kind: DecoupledKind::Device,
        hash: request.hash,
        client: request.client.clone(),
        slower: Duration::from_secs(5),
        now: at(seconds),
    };
    store.poll_decoupled(poll).await.unwrap()
}

/// A request that ada has approved.
async fn approved(store: &Store, name: &str) -> (DecoupledRequest, Approval) {
    let (ada, app) = (user("ada"), client("app"));
    // The second time it is there already.
    let _ = store.create_client(&app).await;
    let request = request(name);
    assert!(store.begin_decoupled(&request, PACE).await.unwrap());
    let grant = grant(&format!("grt_{name}"), &ada, &app);
    let approval = approval(&grant.id, &ada);
    assert!(
        store.approve_decoupled(&request.handle, (&grant, Basis::Voucher), &approval, at(1)).await.unwrap()
    );
    (request, approval)
}

async fn lives_from_asking_to_redeeming(fresh: Fresh) {
    let store = fresh.open().await;
    let (asked, other) = (request("a"), request("b"));
    assert!(store.begin_decoupled(&asked, PACE).await.unwrap());
    // A user code that is taken is drawn again.
    assert!(
        !store.begin_decoupled(&DecoupledRequest { hash: hash("x"), ..request("a") }, PACE).await.unwrap()
    );
    assert_eq!(poll(&store, &other, 1).await, Poll::Unknown);
    assert_eq!(
        poll(&store, &DecoupledRequest { client: "else".into(), ..request("a") }, 1).await,
        Poll::Unknown
    );
    assert_eq!(poll(&store, &asked, 1).await, Poll::Pending);
    assert_eq!(store.look_up_decoupled(&asked.handle, 2, at(2)).await.unwrap(), Some(asked.clone()));
    assert_eq!(store.look_up_decoupled(&asked.handle, 2, at(2)).await.unwrap(), Some(asked.clone()));
    assert_eq!(store.look_up_decoupled(&asked.handle, 2, at(2)).await.unwrap(), None);
    assert_eq!(store.waiting_decoupled(&asked.handle, at(2)).await.unwrap(), Some(asked.clone()));
    assert_eq!(store.waiting_decoupled(&asked.handle, at(600)).await.unwrap(), None);
    assert_eq!(poll(&store, &asked, 600).await, Poll::Expired);

    let (fetched, approval) = approved(&store, "c").await;
    assert_eq!(store.waiting_decoupled(&fetched.handle, at(2)).await.unwrap(), None);
    assert!(store.grant(&approval.grant).await.unwrap().is_some());
    assert_eq!(poll(&store, &fetched, 2).await, Poll::Approved(Box::new((fetched.clone(), approval))));
    assert_eq!(poll(&store, &fetched, 3).await, Poll::Unknown);
    let (late, _) = approved(&store, "d").await;
    assert_eq!(poll(&store, &late, 600).await, Poll::Expired);
    // What has ended is told for a while, and then forgotten.
    while store.purge(at(600 + 599), 10).await.unwrap() > 0 {}
    assert_eq!(poll(&store, &asked, 1_199).await, Poll::Expired);
    while store.purge(at(600 + 600), 10).await.unwrap() > 0 {}
    assert_eq!(poll(&store, &asked, 1_200).await, Poll::Unknown);
}

async fn polls_keep_their_pace(fresh: Fresh) {
    let store = fresh.open().await;
    let asked = request("a");
    store.begin_decoupled(&asked, PACE).await.unwrap();
    let paces = [(0, Poll::Pending), (5, Poll::Pending), (9, Poll::TooFast), (18, Poll::TooFast)];
    for (seconds, expected) in paces.into_iter().chain([(33, Poll::Pending), (47, Poll::TooFast)]) {
        assert_eq!(poll(&store, &asked, seconds).await, expected, "at {seconds}");
    }
}

async fn of_a_thousand_polls_one_wins(fresh: Fresh) {
    let (one, two) = (fresh.open().await, fresh.open().await);
    let (request, approval) = approved(&one, "a").await;
    let polls: Vec<_> = (0..1_000)
        .map(|number| {
            let (store, request) = (if number % 2 == 0 { &one } else { &two }.clone(), request.clone());
            tokio::spawn(async move { poll(&store, &request, 2).await })
        })
        .collect();
    let mut won = Vec::new();
    for poll in polls {
        match poll.await.unwrap() {
            Poll::Approved(found) => won.push(*found),
            Poll::Unknown => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(won, [(request, approval)]);
}

async fn decided_once(fresh: Fresh) {
    let store = fresh.open().await;
    let (ada, app) = (user("ada"), client("app"));
    store.create_client(&app).await.unwrap();
    let asked = request("a");
    store.begin_decoupled(&asked, PACE).await.unwrap();
    let decisions: Vec<_> = (0..100)
        .map(|number| {
            let (store, handle) = (store.clone(), asked.handle);
            let grant = grant(&format!("grt_{number}"), &ada, &app);
            let approval = approval(&grant.id, &ada);
            tokio::spawn(async move {
                match number % 2 {
                    0 => store
                        .approve_decoupled(&handle, (&grant, Basis::Voucher), &approval, at(1))
                        .await
                        .unwrap(),
                    _ => store.deny_decoupled(&handle, at(1)).await.unwrap(),
                }
            })
        })
        .collect();
    let mut decided = 0;
    for decision in decisions {
        decided += usize::from(decision.await.unwrap());
    }
    assert_eq!(decided, 1);
    assert!(!store.deny_decoupled(&asked.handle, at(2)).await.unwrap());
    // Only the grant that was given exists.
    let given = store.grants(&ada.id, at(2)).await.unwrap().len();
    assert_eq!(given, usize::from(poll(&store, &asked, 2).await != Poll::Denied));
    let late = request("b");
    store.begin_decoupled(&late, PACE).await.unwrap();
    assert!(!store.deny_decoupled(&late.handle, at(600)).await.unwrap());
}
