use super::*;
use crate::{KeyState, KeysError, OpenError};

#[test]
fn the_first_start_makes_a_key_of_each_algorithm_and_the_next_finds_them() {
    block_on(async {
        let world = World::new();
        let policy = Policy { algorithms: vec![Algorithm::ES256, Algorithm::EdDSA], ..policy() };
        let first = world.node(policy.clone()).await;
        let keys = first.snapshot();
        assert_eq!(keys.iter().count(), 2);
        assert!(keys.iter().all(|key| key.state(world.now()) == KeyState::Active));
        assert_eq!(keys.default_algorithm(), Some(Algorithm::ES256));
        let second = world.node(policy).await;
        assert_eq!(world.memory.keys().len(), 2);
        assert_eq!(signer(&first.snapshot(), world.now()), signer(&second.snapshot(), world.now()));
        assert!(verifies(&second.snapshot().jwks(world.now()).body, &sign(&keys, world.now())));
    });
}

#[test]
fn an_algorithm_that_is_added_later_gets_its_key() {
    block_on(async {
        let world = World::new();
        world.node(policy()).await;
        let more = Policy { algorithms: vec![Algorithm::EdDSA, Algorithm::ES256], ..policy() };
        let ring = world.node(more).await;
        assert_eq!(ring.snapshot().iter().count(), 2);
        assert!(ring.snapshot().signer(Algorithm::EdDSA, world.now()).is_some());
        assert!(ring.snapshot().signer(Algorithm::RS256, world.now()).is_none());
    });
}

#[test]
fn another_master_key_is_refused_before_anything_is_made() {
    block_on(async {
        let world = World::new();
        world.node(policy()).await;
        let other = MasterKey::generate(&SystemRng).unwrap();
        let opened = KeyRing::open(world.memory.clone(), other, world.env(), policy()).await;
        let error = opened.unwrap_err();
        assert!(matches!(error, KeysError::Sealed(OpenError::WrongMasterKey { .. })));
        assert!(error.to_string().contains("keys.master_key_file"), "{error}");
        assert_eq!(world.memory.keys().len(), 1);
    });
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    block_on(async {
        let world = World::new();
        for (policy, wanted) in [
            (Policy { algorithms: vec![], ..policy() }, "no algorithm"),
            (Policy { algorithms: vec![Algorithm::HS256], ..policy() }, "shared secret"),
            (Policy { rotate_after: hours(2), ..policy() }, "must be longer"),
        ] {
            let opened = KeyRing::open(world.memory.clone(), world.master.clone(), world.env(), policy).await;
            assert!(opened.unwrap_err().to_string().contains(wanted));
        }
        assert!(world.memory.keys().is_empty());
    });
}

#[test]
fn whoever_writes_to_the_store_can_slip_in_no_key_and_exchange_none() {
    block_on(async {
        let world = World::new();
        let ring = world.node(policy()).await;
        let good = world.memory.keys().clone();
        let token = sign(&ring.snapshot(), world.now());
        let foreign = World::new();
        let foreign_ring = foreign.node(policy()).await;
        let other = foreign.memory.keys()[0].clone();

        // A public key of his own beside our private key: the published one is ours.
        world.memory.keys()[0].public_jwk = other.public_jwk.clone();
        let reopened = world.node(policy()).await;
        assert!(verifies(&reopened.snapshot().jwks(world.now()).body, &token));
        let forged = sign(&foreign_ring.snapshot(), world.now());
        assert!(!verifies(&reopened.snapshot().jwks(world.now()).body, &forged));

        let faults: [fn(&mut StoredKey, &StoredKey); 5] = [
            |key, other| key.sealed = other.sealed.clone(),
            |key, _| *key.sealed.last_mut().unwrap() ^= 1,
            |key, _| key.sealed.truncate(20),
            |key, _| key.algorithm = "EdDSA".to_owned(),
            |key, other| key.id = other.id.clone(),
        ];
        for fault in faults {
            *world.memory.keys() = good.clone();
            fault(&mut world.memory.keys()[0], &other);
            assert!(ring.reload().await.is_err());
            // Those from before stay in use.
            assert!(verifies(&ring.snapshot().jwks(world.now()).body, &token));
            let opened =
                KeyRing::open(world.memory.clone(), world.master.clone(), world.env(), policy()).await;
            assert!(opened.is_err());
        }
    });
}

#[test]
fn keys_are_used_on_while_the_store_is_down() {
    block_on(async {
        let world = World::new();
        let ring = world.node(policy()).await;
        world.memory.0.is_down.store(true, Ordering::SeqCst);
        world.advance(hours(30));
        assert!(matches!(ring.tick().await, Err(KeysError::Store(_))));
        assert!(verifies(&ring.snapshot().jwks(world.now()).body, &sign(&ring.snapshot(), world.now())));
        world.memory.0.is_down.store(false, Ordering::SeqCst);
        ring.tick().await.unwrap();
        assert_eq!(ring.snapshot().iter().count(), 2);
    });
}
