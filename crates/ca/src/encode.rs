//! Small conversions: time, hexadecimal, PEM, serial numbers.

use base64::Engine as _;
use countersign_model::{CertificateSerial, Rng, Timestamp};
use time::OffsetDateTime;

/// A moment as rcgen wants it, in whole seconds: certificates know nothing finer (RFC 5280 §4.1.2.5).
pub(crate) fn date_time(moment: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(moment.seconds()).ok()
}

/// The moment without its fraction of a second.
pub(crate) const fn whole_seconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_seconds(moment.seconds())
}

/// A random serial number: 20 octets, positive, 158 random bits (RFC 5280 §4.1.2.2: at most 20 octets, unpredictable
/// so that nobody can prepare a collision).
pub(crate) fn random_serial(rng: &dyn Rng) -> Vec<u8> {
    let mut bytes = rng.bytes::<20>();
    bytes[0] = (bytes[0] & 0x3f) | 0x40;
    bytes.to_vec()
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn serial_text(bytes: &[u8]) -> CertificateSerial {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    CertificateSerial::from(text)
}

/// The bytes of a serial number, or `None` when it is no even-length hexadecimal text.
pub(crate) fn serial_bytes(serial: &CertificateSerial) -> Option<Vec<u8>> {
    let text = serial.as_str();
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// DER as PEM (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let mut body = base64::engine::general_purpose::STANDARD.encode(der);
    let mut text = String::with_capacity(body.len() * 65 / 64 + 2 * label.len() + 40);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = next;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    zeroize::Zeroize::zeroize(&mut body);
    text
}
