//! Identifiers, one type each, so that none is passed for another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Rng, Timestamp};

/// A time-ordered identifier: UUID version 7 (RFC 9562 §5.7) without hyphens, under a prefix that says what it names.
fn generate(prefix: &str, now: Timestamp, rng: &dyn Rng) -> String {
    let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &rng.bytes::<10>()).into_uuid();
    format!("{prefix}{}", uuid.simple())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident $(, $prefix:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes an identifier that came from the store, a token or a request.
            #[must_use]
            pub fn new(text: impl Into<Box<str>>) -> Self {
                Self(text.into())
            }

            $(
            /// Makes a fresh, time-ordered identifier.
            #[must_use]
            pub fn generate(now: Timestamp, rng: &dyn Rng) -> Self {
                Self(generate($prefix, now, rng).into())
            }
            )?

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// A person or service account.
    UserId, "usr_");
id!(
    /// An OAuth client (RFC 6749 §2.2). Chosen by the operator or generated.
    ClientId, "cli_");
id!(
    /// An API key's public name; the secret is another thing.
    ApiKeyId, "key_");
id!(
    /// A sign-in session; the cookie's secret is another thing.
    SessionId, "ses_");
id!(
    /// What a person gave to a client in one authorization: the family every code and token of it belongs to.
    GrantId, "grt_");
id!(
    /// One issued token: the `jti` of a JWT (RFC 7519 §4.1.7).
    TokenId, "tok_");
id!(
    /// An initial access token's public name (RFC 7591 §1.2); the secret is another thing.
    RegistrationTokenId, "rgt_");
id!(
    /// A request, as it appears in logs, problem documents and the `X-Request-Id` header.
    RequestId, "req_");
id!(
    /// A signing key: the `kid` of a JWK (RFC 7517 §4.5).
    KeyId);
id!(
    /// Whom a credential speaks of: the `sub` of a JWT (RFC 7519 §4.1.2), unique within its issuer.
    Subject);
id!(
    /// Who vouches for a subject: the `iss` of a JWT (RFC 7519 §4.1.1), compared as text.
    Issuer);
id!(
    /// A certificate's serial number in lower-case hexadecimal (RFC 5280 §4.1.2.2).
    CertificateSerial);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRng;

    #[test]
    fn generated_identifiers_sort_by_time() {
        let early = GrantId::generate(Timestamp::from_seconds(1_000), &SystemRng);
        let late = GrantId::generate(Timestamp::from_seconds(2_000), &SystemRng);
        assert!(early < late && early.as_str().starts_with("grt_") && early.as_str().len() == 36);
    }
}
