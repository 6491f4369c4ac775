//! Who is calling: the one shape every method ends in.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_model::{
    ApiKeyId, Assurance, ClientId, GrantId, Issuer, Method, ScopeSet, SessionId, Subject, Timestamp, TokenId,
};
use serde::{Deserialize, Serialize};

/// Who is calling, by which method, how strongly, and until when we may believe it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Whom the credential speaks of, unique within the issuer.
    pub subject: Subject,
    /// Who vouches for the subject.
    pub issuer: Issuer,
    /// The name under which the configuration knows the issuer: `own`, or a key of `[issuers]`.
    pub issuer_name: Box<str>,
    /// How the caller proved who it is.
    pub method: Method,
    /// How strong the proof was.
    pub assurance: Assurance,
    /// The authentication context class (RFC 9068 §2.2.1).
    pub acr: Option<Box<str>>,
    /// The authentication methods of the person behind the token (RFC 8176).
    pub amr: Vec<Box<str>>,
    /// When that person last proved who they are.
    pub auth_time: Option<Timestamp>,
    /// What the caller may do.
    pub scopes: ScopeSet,
    /// For whom the token was made (RFC 7519 §4.1.3).
    pub audience: Vec<Box<str>>,
    /// The OAuth client that calls (RFC 9068 §2.2).
    pub client: Option<ClientId>,
    /// Who acts on the subject's behalf, nearest first (RFC 8693 §4.1).
    pub actor: Vec<Actor>,
    /// The key the credential is bound to, which this connection proved to hold.
    pub confirmation: Option<Confirmation>,
    /// The end of the credential; [`Timestamp::MAX`] when it has none.
    pub expires_at: Timestamp,
    /// The token's `jti`.
    pub token: Option<TokenId>,
    /// The grant the token belongs to.
    pub grant: Option<GrantId>,
    /// The sign-in session the token was made in (`sid`).
    pub session: Option<SessionId>,
    /// The API key's public name.
    pub api_key: Option<ApiKeyId>,
    /// The audience that the settings of its issuer ask for, instead of the rule's.
    pub(crate) issuer_audience: Option<Box<str>>,
    cache_key: u64,
}

/// Somebody who acts for the subject (RFC 8693 §4.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// Who.
    pub subject: Subject,
    /// Who vouches for the actor, when that is said.
    pub issuer: Option<Issuer>,
}

/// A proof-of-possession key (RFC 7800 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Confirmation {
    /// `x5t#S256`: SHA-256 of a certificate (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256", with = "base64url")]
    Certificate([u8; 32]),
    /// `jkt`: the JWK thumbprint of a key that DPoP proofs are made with (RFC 9449 §6.1).
    #[serde(rename = "jkt", with = "base64url")]
    Key([u8; 32]),
}

/// Hashes as the standards write them.
mod base64url {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| D::Error::custom("no SHA-256 in base64url"))
    }
}

impl Identity {
    /// An identity of which only the essentials are known; the other fields are empty and it never expires.
    #[must_use]
    pub fn new(subject: Subject, issuer: Issuer, method: Method, assurance: Assurance) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            subject,
            issuer,
            issuer_name: OWN.into(),
            method,
            assurance,
            acr: None,
            amr: Vec::new(),
            auth_time: None,
            scopes: ScopeSet::empty(),
            audience: Vec::new(),
            client: None,
            actor: Vec::new(),
            confirmation: None,
            expires_at: Timestamp::MAX,
            token: None,
            grant: None,
            session: None,
            api_key: None,
            issuer_audience: None,
            cache_key: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// A number no other identity verified by this process has: the same as long as the verified credential is
    /// remembered. What is derived from an identity (the identity token) may be kept under it.
    #[must_use]
    pub fn cache_key(&self) -> u64 {
        self.cache_key
    }
}

/// The name of our own issuer in [`crate::RuleSettings::issuers`].
pub const OWN: &str = "own";
