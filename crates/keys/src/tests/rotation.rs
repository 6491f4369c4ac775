use proptest::prelude::*;

use super::*;
use crate::{KeyState, KeysError, When};

#[test]
fn a_key_is_published_then_signs_then_retires_and_is_removed_when_its_last_token_has_expired() {
    block_on(async {
        let world = World::new();
        let ring = world.node(policy()).await;
        let old = signer(&ring.snapshot(), world.now());
        let state = |kid: &KeyId| ring.snapshot().key(kid).map(|key| key.state(world.now()));
        world.advance(hours(21));
        ring.tick().await.unwrap();
        assert_eq!(ring.snapshot().iter().count(), 1, "not yet");
        world.advance(hours(1));
        ring.tick().await.unwrap();
        let new = ring.snapshot().newest(Algorithm::ES256).unwrap().stored.id.clone();
        assert_ne!(old, new);
        assert_eq!((state(&old), state(&new)), (Some(KeyState::Active), Some(KeyState::Published)));
        world.advance(hours(2) - Duration::from_micros(1));
        assert_eq!(signer(&ring.snapshot(), world.now()), old);
        let last = sign(&ring.snapshot(), world.now());
        world.advance(Duration::from_micros(1));
        assert_eq!(signer(&ring.snapshot(), world.now()), new);
        assert_eq!((state(&old), state(&new)), (Some(KeyState::Retiring), Some(KeyState::Active)));
        world.advance(hours(1) - Duration::from_micros(1));
        assert!(verifies(&ring.snapshot().jwks(world.now()).body, &last));
        assert!(ring.snapshot().verifier(old.as_str(), world.now()).is_some());
        world.advance(Duration::from_micros(1));
        assert!(!verifies(&ring.snapshot().jwks(world.now()).body, &last));
        assert!(ring.snapshot().verifier(old.as_str(), world.now()).is_none());
        ring.tick().await.unwrap();
        assert_eq!(ring.snapshot().iter().count(), 1);
    });
}

#[test]
fn a_rotation_by_command_reaches_a_running_server() {
    block_on(async {
        let world = World::new();
        let server = world.node(policy()).await;
        let generation = server.snapshot().generation();
        let command = world.node(policy()).await;
        let kid = command.rotate(Algorithm::ES256, When::Published).await.unwrap();
        server.reload().await.unwrap();
        assert!(server.snapshot().verifier(kid.as_str(), world.now()).is_some());
        assert!(server.snapshot().generation() > generation);
        let generation = server.snapshot().generation();
        server.reload().await.unwrap();
        assert_eq!(server.snapshot().generation(), generation);
        world.advance(hours(2));
        assert_eq!(signer(&server.snapshot(), world.now()), kid);
    });
}

#[test]
fn a_successor_that_waits_is_not_joined_by_another() {
    block_on(async {
        let world = World::new();
        let ring = world.node(policy()).await;
        let next = ring.rotate(Algorithm::ES256, When::Published).await.unwrap();
        world.advance(Duration::from_secs(600));
        assert_eq!(world.node(policy()).await.rotate(Algorithm::ES256, When::Published).await.unwrap(), next);
        assert_eq!(world.memory.keys().len(), 2);
        // Once it signs, the next one is due.
        world.advance(hours(2));
        assert_ne!(ring.rotate(Algorithm::ES256, When::Published).await.unwrap(), next);
        assert_eq!(world.memory.keys().len(), 3);
    });
}

#[test]
fn a_node_that_missed_the_announcement_reads_again_by_itself() {
    block_on(async {
        let world = World::new();
        let deaf = world.node(policy()).await;
        let kid = world.node(policy()).await.rotate(Algorithm::ES256, When::Published).await.unwrap();
        world.advance(Duration::from_secs(61));
        deaf.tick().await.unwrap();
        assert!(deaf.snapshot().key(&kid).is_some());
    });
}

#[test]
fn in_an_emergency_the_new_key_signs_at_once_and_the_others_stop() {
    block_on(async {
        let world = World::new();
        let ring = world.node(policy()).await;
        let old = signer(&ring.snapshot(), world.now());
        let pending = ring.rotate(Algorithm::ES256, When::Published).await.unwrap();
        let new = ring.rotate(Algorithm::ES256, When::Now).await.unwrap();
        assert_eq!(signer(&ring.snapshot(), world.now()), new);
        world.advance(Duration::from_secs(1));
        for kid in [&old, &pending] {
            assert_eq!(ring.snapshot().key(kid).unwrap().state(world.now()), KeyState::Retiring);
        }
        world.advance(hours(3));
        assert_eq!(signer(&ring.snapshot(), world.now()), new);
    });
}

#[test]
fn two_nodes_rotate_at_once_and_agree_on_one_key() {
    block_on(async {
        let world = World::new();
        let (one, two) = (world.node(policy()).await, world.node(policy()).await);
        world.advance(hours(22));
        let (a, b) = tokio::join!(one.tick(), two.tick());
        a.unwrap();
        b.unwrap();
        one.tick().await.unwrap();
        two.tick().await.unwrap();
        assert_eq!(world.memory.keys().len(), 2);
        world.advance(hours(2));
        assert_eq!(signer(&one.snapshot(), world.now()), signer(&two.snapshot(), world.now()));
    });
}

#[test]
fn an_algorithm_that_is_not_configured_is_not_rotated() {
    block_on(async {
        let ring = World::new().node(policy()).await;
        let refused = ring.rotate(Algorithm::RS256, When::Now).await;
        assert!(matches!(refused, Err(KeysError::NotConfigured(Algorithm::RS256))));
    });
}

#[test]
fn the_set_may_be_cached_for_less_than_a_key_is_published_beforehand() {
    let cache = |prepublish| Policy { prepublish, ..policy() }.cache_life();
    assert_eq!(cache(hours(2)), Duration::from_secs(300));
    assert_eq!(cache(Duration::from_secs(60)), Duration::from_secs(30));
    assert_eq!(cache(Duration::ZERO), Duration::ZERO);
    block_on(async {
        let world = World::new();
        let set = world.node(policy()).await.snapshot().jwks(world.now());
        assert_eq!((set.max_age, &*set.cache_control), (Duration::from_secs(300), "public, max-age=300"));
    });
}

/// What happens next in a run.
#[derive(Clone, Copy, Debug)]
enum Event {
    Wait(u64),
    Tick(usize),
    Reload(usize),
    Rotate(usize),
    RetireSigner(usize),
    RetireNext(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let node = 0..2_usize;
    prop_oneof![
        6 => (1..90_u64).prop_map(Event::Wait),
        4 => node.clone().prop_map(Event::Tick),
        1 => node.clone().prop_map(Event::Reload),
        1 => node.clone().prop_map(Event::Rotate),
        1 => node.clone().prop_map(Event::RetireSigner),
        1 => node.prop_map(Event::RetireNext),
    ]
}

fn kids(jwks: &[u8]) -> Vec<KeyId> {
    JwkSet::from_json(jwks).unwrap().keys.into_iter().filter_map(|jwk| jwk.kid).collect()
}

/// A token that was signed, and a JWK Set that somebody fetched.
struct Seen<T> {
    at: Timestamp,
    what: T,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 100, ..ProptestConfig::default() })]

    /// Tokens and sets are told by their `kid`s here; that these verify is shown elsewhere.
    ///
    /// Two nodes under a moved clock, with rotations by schedule and by command: whoever keeps the set of any node for
    /// no longer than he may verifies every token that any node has just signed, and a fresh set verifies every token
    /// that is alive.
    #[test]
    fn no_cached_set_ever_misses_the_key_of_a_token(events in prop::collection::vec(event(), 20..80)) {
        block_on(async {
            let world = World::new();
            // Shorter than a node may be behind: what is announced comes within a minute, as the wait below says.
            let policy = Policy { rotate_after: hours(6), prepublish: hours(1), ..policy() };
            let nodes = [world.node(policy.clone()).await, world.node(policy.clone()).await];
            let mut tokens: Vec<Seen<KeyId>> = Vec::new();
            let mut sets: Vec<Seen<Vec<KeyId>>> = Vec::new();
            for event in events {
                match event {
                    Event::Wait(minutes) => {
                        for _ in 0..minutes {
                            world.advance(Duration::from_secs(60));
                            for node in &nodes {
                                node.tick().await.unwrap();
                            }
                            let now = world.now();
                            sets.retain(|set| now.since(set.at) <= policy.cache_life());
                            tokens.retain(|token| now.since(token.at) < policy.token_life);
                            for node in &nodes {
                                let keys = node.snapshot();
                                let fresh = keys.jwks(now);
                                assert!(fresh.max_age <= policy.cache_life());
                                let fresh = kids(&fresh.body);
                                let kid = signer(&keys, now);
                                assert!(sets.iter().all(|set| set.what.contains(&kid)), "a cached set misses {kid}");
                                tokens.push(Seen { at: now, what: kid });
                                assert!(tokens.iter().all(|token| fresh.contains(&token.what)), "a token is forgotten");
                                sets.push(Seen { at: now, what: fresh });
                            }
                        }
                    }
                    Event::Tick(node) => nodes[node].tick().await.unwrap(),
                    Event::Reload(node) => nodes[node].reload().await.unwrap(),
                    Event::Rotate(node) => {
                        nodes[node].rotate(Algorithm::ES256, When::Published).await.unwrap();
                    }
                    Event::RetireSigner(node) => {
                        let kid = signer(&nodes[node].snapshot(), world.now());
                        nodes[node].retire(&kid, When::Published).await.unwrap();
                    }
                    Event::RetireNext(node) => {
                        let kid = nodes[node].snapshot().newest(Algorithm::ES256).unwrap().stored.id.clone();
                        nodes[node].retire(&kid, When::Published).await.unwrap();
                    }
                }
            }
        });
    }
}
