//! The base64 of the crypt family: its own alphabet, low bits first.

pub(super) const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writes `count` characters of the 24 bits `high`, `middle`, `low`.
pub(super) fn push(text: &mut String, high: u8, middle: u8, low: u8, count: usize) {
    let mut bits = u32::from_be_bytes([0, high, middle, low]);
    for _ in 0..count {
        let index = usize::try_from(bits & 0x3f).unwrap_or(0);
        text.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'.')));
        bits >>= 6;
    }
}
