use super::*;
use crate::{KeyState, KeysError, When};

#[test]
fn a_key_that_others_know_is_withdrawn_with_its_tokens_and_another_signs() {
    block_on(async {
        let world = World::new();
        let ring = world.node(policy()).await;
        let leaked = signer(&ring.snapshot(), world.now());
        let token = sign(&ring.snapshot(), world.now());
        ring.retire(&leaked, When::Now).await.unwrap();
        assert!(ring.snapshot().verifier(leaked.as_str(), world.now()).is_none());
        assert!(!verifies(&ring.snapshot().jwks(world.now()).body, &token));
        assert_ne!(signer(&ring.snapshot(), world.now()), leaked);
        // It stays so after a start.
        let again = world.node(policy()).await;
        assert!(again.snapshot().verifier(leaked.as_str(), world.now()).is_none());
        assert_eq!(signer(&again.snapshot(), world.now()), signer(&ring.snapshot(), world.now()));
    });
}

#[test]
fn a_key_that_does_not_sign_yet_is_withdrawn_and_its_predecessor_stays_until_there_is_another() {
    for when in [When::Published, When::Now] {
        block_on(async {
            let world = World::new();
            let ring = world.node(policy()).await;
            let old = signer(&ring.snapshot(), world.now());
            let next = ring.rotate(Algorithm::ES256, When::Published).await.unwrap();
            world.advance(hours(1));
            ring.retire(&next, when).await.unwrap();
            world.advance(hours(1));
            assert_eq!(signer(&ring.snapshot(), world.now()), old, "its end has moved");
            world.advance(hours(1));
            let third = signer(&ring.snapshot(), world.now());
            assert!(third != old && third != next);
            let state = ring.snapshot().key(&old).unwrap().state(world.now());
            assert_eq!(state, KeyState::Retiring);
        });
    }
}

#[test]
fn a_key_that_retires_already_is_withdrawn_at_once_and_nothing_follows() {
    block_on(async {
        let world = World::new();
        let ring = world.node(policy()).await;
        let old = signer(&ring.snapshot(), world.now());
        let new = ring.rotate(Algorithm::ES256, When::Now).await.unwrap();
        ring.retire(&old, When::Published).await.unwrap();
        assert!(ring.snapshot().verifier(old.as_str(), world.now()).is_some());
        ring.retire(&old, When::Now).await.unwrap();
        assert!(ring.snapshot().verifier(old.as_str(), world.now()).is_none());
        assert_eq!(world.memory.keys().len(), 2);
        assert_eq!(signer(&ring.snapshot(), world.now()), new);
        ring.retire(&old, When::Now).await.unwrap();
    });
}

#[test]
fn a_key_of_an_algorithm_that_is_no_longer_configured_ends_without_a_successor() {
    block_on(async {
        let world = World::new();
        world.node(Policy { algorithms: vec![Algorithm::EdDSA], ..policy() }).await;
        let ring = world.node(policy()).await;
        let kid = ring.snapshot().newest(Algorithm::EdDSA).unwrap().stored.id.clone();
        ring.retire(&kid, When::Published).await.unwrap();
        assert_eq!(ring.snapshot().key(&kid).unwrap().state(world.now()), KeyState::Retiring);
        assert_eq!(world.memory.keys().len(), 2);
    });
}

#[test]
fn an_unknown_key_is_said_to_be_unknown() {
    block_on(async {
        let refused = World::new().node(policy()).await.retire(&KeyId::from("x"), When::Now).await;
        assert!(matches!(refused, Err(KeysError::NoSuchKey(_))));
    });
}
