//! `client_secret_basic` (RFC 6749 §2.3.1).

use std::borrow::Cow;
use std::sync::Arc;

use countersign_model::{Client, ClientAuthentication};

use super::secret;
use crate::ports::Ports;
use crate::{ClientRefusal, Engine, Error};

pub(super) async fn verify<P: Ports>(
    engine: &Engine<P>,
    name: &str,
    presented: &str,
) -> Result<Result<Arc<Client>, ClientRefusal>, Error> {
    let (Some(name), Some(presented)) = (form_decoded(name), form_decoded(presented)) else {
        return Ok(Err(ClientRefusal::Malformed));
    };
    let found = engine.registered_for(&name, ClientAuthentication::ClientSecretBasic).await?;
    Ok(secret::check(found, &presented))
}

/// RFC 6749 §2.3.1: name and secret are form-encoded before they are joined by a colon. Read in no other way: a
/// secret that means two things can be guessed twice. Secrets made here hold no character that the encoding changes,
/// so clients that forget to encode work all the same.
pub(super) fn form_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => nibble(bytes.next()?)? << 4 | nibble(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decoding_is_strict() {
        assert_eq!(form_decoded("a%3Ab+c%C3%A4").as_deref(), Some("a:b cä"));
        assert_eq!(form_decoded("plain-_.~").as_deref(), Some("plain-_.~"));
        for text in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(form_decoded(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_was_encoded_comes_back(text in ".{0,40}") {
            let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let decoded = form_decoded(&encoded);
            prop_assert_eq!(decoded.as_deref(), Some(text.as_str()));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = form_decoded(&text);
        }
    }
}
