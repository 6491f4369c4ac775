//! Names for requests.

use countersign_model::{Rng, Timestamp};
use http::HeaderValue;

/// Makes the names of one connection's requests: UUID version 7 (RFC 9562 §5.7) under `req_`, random once per
/// connection and counted on from there.
#[derive(Debug)]
pub(crate) struct RequestIds(u64);

impl RequestIds {
    pub(crate) fn new(rng: &dyn Rng) -> Self {
        Self(u64::from_le_bytes(rng.bytes::<8>()))
    }

    /// The name of the request of this number.
    pub(crate) fn name(&self, now: Timestamp, number: u64) -> HeaderValue {
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        let low = self.0.wrapping_add(number);
        let high = millis << 16 | 0x7000 | (low >> 52);
        let low = low & (u64::MAX >> 2) | 1 << 63;
        let mut text = *b"req_00000000000000000000000000000000";
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        for (pair, byte) in text.get_mut(4..).unwrap_or_default().chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[hex(byte >> 4), hex(byte & 15)]);
        }
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("req_0"))
    }
}

const fn hex(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

/// Whether a name made by somebody else may be used on: short, visible ASCII.
pub(crate) fn is_acceptable(value: &HeaderValue) -> bool {
    (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_model::SystemRng;

    #[test]
    fn names_differ_and_sort_by_time() {
        let ids = RequestIds::new(&SystemRng);
        let at = Timestamp::from_seconds;
        let (one, two, later) = (ids.name(at(1), 0), ids.name(at(1), 1), ids.name(at(2), 2));
        assert!(one != two && one.to_str().unwrap() < later.to_str().unwrap());
        assert_eq!(one.len(), 36);
        assert_eq!(&one.as_bytes()[16..17], b"7");
    }
}
