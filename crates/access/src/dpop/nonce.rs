//! Nonces for DPoP proofs (RFC 9449 §8, §9): made of the time and a key, so that nothing is kept and every node that
//! has the key knows them.

use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::{SecretBytes, Timestamp};

/// A nonce is given out for so long, and is taken for as long again.
const PERIOD: Duration = Duration::from_secs(60);
/// Bytes of the tag in a nonce.
const LENGTH: usize = 18;

/// Makes nonces and knows them again. Clones share the key.
#[derive(Clone)]
pub struct Nonces(hmac::Key);

/// What a nonce is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// The one that is given out now.
    Current,
    /// The one before: taken, but not for long.
    Previous,
    /// None of ours, or too old.
    Unknown,
}

impl Nonces {
    /// Nonces under this key.
    #[must_use]
    pub fn new(key: &SecretBytes) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// The nonce that is given out now.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> String {
        self.of(period(now))
    }

    pub(super) fn standing(&self, nonce: &str, now: Timestamp) -> Standing {
        let is = |period: i64| {
            let known = self.of(period);
            constant_time::verify_slices_are_equal(known.as_bytes(), nonce.as_bytes()).is_ok()
        };
        let now = period(now);
        if is(now) {
            Standing::Current
        } else if is(now - 1) {
            Standing::Previous
        } else {
            Standing::Unknown
        }
    }

    fn of(&self, period: i64) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"countersign dpop nonce");
        context.update(&period.to_be_bytes());
        let tag = context.sign();
        URL_SAFE_NO_PAD.encode(tag.as_ref().get(..LENGTH).unwrap_or_default())
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}

fn period(now: Timestamp) -> i64 {
    now.seconds().div_euclid(i64::try_from(PERIOD.as_secs()).unwrap_or(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_lives_for_its_period_and_the_next_under_its_key_alone() {
        let nonces = Nonces::new(&SecretBytes::new(vec![1; 32]));
        let at = |seconds: i64| Timestamp::from_seconds(1_700_000_040 + seconds);
        let nonce = nonces.current(at(0));
        assert_eq!(nonces.current(at(59)), nonce);
        assert_eq!(nonces.standing(&nonce, at(59)), Standing::Current);
        assert_eq!(nonces.standing(&nonce, at(60)), Standing::Previous);
        assert_eq!(nonces.standing(&nonce, at(119)), Standing::Previous);
        assert_eq!(nonces.standing(&nonce, at(120)), Standing::Unknown);
        assert_eq!(nonces.standing(&nonce, at(-1)), Standing::Unknown);
        assert_eq!(Nonces::new(&SecretBytes::new(vec![2; 32])).standing(&nonce, at(0)), Standing::Unknown);
        for other in ["", "x", &nonce[1..]] {
            assert_eq!(nonces.standing(other, at(0)), Standing::Unknown);
        }
        // RFC 9449 §8.1: characters that need no quoting.
        assert!(nonce.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
    }
}
