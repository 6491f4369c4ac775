//! What the pipeline is told at start and at every reload.

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::Algorithm;
use countersign_model::{Env, Issuer, ScopeSet, SecretBytes};
use countersign_passwords::Hasher;

use crate::ports::{Accounts, ApiKeys, JwksFetch, KeySource, KeyUse, ReferenceTokens, RevocationList};

/// What may be changed while the pipeline runs.
#[derive(Clone)]
pub struct Settings {
    /// The issuer named in identities that no token vouches for: Basic, API keys, certificates without a trust domain.
    pub local_issuer: Issuer,
    /// Whose tokens are accepted.
    pub issuers: Vec<IssuerSettings>,
    /// Whether the common name names the subject of a certificate that has no SPIFFE ID and no DNS name.
    pub subject_from_common_name: bool,
    /// What callers with a certificate may do, by its names; they have every scope of every line that fits.
    pub certificate_scopes: Vec<CertificateScopes>,
    /// The trust bundle that vouches for each SPIFFE trust domain; a SPIFFE ID of any other is not believed.
    pub trust_domains: Vec<TrustDomain>,
    /// How much is remembered.
    pub limits: Limits,
}

/// Scopes for certificates of one name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateScopes {
    /// The trust bundle that vouches for them: [`crate::OWN`] or another.
    pub bundle: String,
    /// SPIFFE ID or DNS name; `*` at the end stands for any rest.
    pub name: String,
    /// What they may do.
    pub scopes: ScopeSet,
}

/// Who vouches for a SPIFFE trust domain (SPIFFE Trust Domain and Bundle §4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustDomain {
    /// The domain, such as `example.com`.
    pub name: String,
    /// The trust bundle: [`crate::OWN`] or another.
    pub bundle: String,
}

/// What in the settings can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{issuer}: {problem}")]
pub struct InvalidSettings {
    /// The issuer's name, or the pattern.
    pub issuer: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// How much is remembered, and for how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Verified tokens (JWT and reference).
    pub tokens: usize,
    /// API keys.
    pub api_keys: usize,
    /// How long an API key is used without asking again; changes come sooner by announcement.
    pub api_key_life: Duration,
    /// Verified Basic pairs.
    pub basic_pairs: usize,
    /// How long a verified pair is remembered.
    pub basic_life: Duration,
    /// DPoP proofs that were used and are not too old: more a minute than this are not taken.
    pub dpop_proofs: usize,
    /// How long the answer "no such key, no such token" is remembered.
    pub unknown_life: Duration,
    /// Clock difference allowed for `exp`, `nbf`, `iat`.
    pub leeway: Duration,
    /// How old fetched keys may grow before they are fetched again.
    pub jwks_fresh: Duration,
    /// How long the last good keys are used while they can't be fetched.
    pub jwks_stale: Duration,
    /// The least time between two fetches because of an unknown `kid`.
    pub jwks_refetch: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tokens: 65_536,
            api_keys: 131_072,
            api_key_life: Duration::from_secs(300),
            basic_pairs: 16_384,
            basic_life: Duration::from_secs(300),
            dpop_proofs: 1 << 20,
            unknown_life: Duration::from_secs(2),
            leeway: Duration::from_secs(5),
            jwks_fresh: Duration::from_secs(300),
            jwks_stale: Duration::from_secs(86_400),
            jwks_refetch: Duration::from_secs(30),
        }
    }
}

/// One issuer of tokens.
#[derive(Clone)]
pub struct IssuerSettings {
    /// Its name in rules: [`crate::OWN`], or a key of `[issuers]`.
    pub name: String,
    /// Its `iss`, compared exactly.
    pub issuer: Issuer,
    /// Where its keys come from.
    pub keys: KeyOrigin,
    /// Algorithms it may use (RFC 8725 §3.1). Where HS256 is one of our own issuer's, tokens signed so are looked up among
    /// its reference tokens: whoever shares the secret could have made them.
    pub algorithms: Vec<Algorithm>,
    /// The audience its tokens must name; `None`: the rule's.
    pub audience: Option<String>,
    /// Media types its tokens may have (`typ`, RFC 8725 §3.11); an empty text allows a token without.
    pub types: Vec<String>,
    /// Claims that hold scopes, each a space-separated text or an array of texts.
    pub scope_claims: Vec<String>,
    /// Who knows its reference tokens, when it has any.
    pub reference_tokens: Option<Arc<dyn ReferenceTokens>>,
}

/// Where an issuer's keys come from.
#[derive(Clone)]
pub enum KeyOrigin {
    /// Our own key ring, in this process.
    InProcess(Arc<dyn KeySource>),
    /// Discovery (RFC 8414, OpenID Connect Discovery §4).
    Discovery,
    /// A JWK Set at this URL.
    JwksUri(String),
    /// This JWK Set, as JSON.
    Static(String),
    /// A shared secret, for HS256.
    Secret(SecretBytes),
    /// It has none: only reference tokens.
    None,
}

/// Where the pipeline looks things up.
#[derive(Clone)]
pub struct Sources {
    /// Accounts for Basic, asked in order.
    pub accounts: Vec<Arc<dyn Accounts>>,
    /// API keys.
    pub api_keys: Option<Arc<dyn ApiKeys>>,
    /// Revocations, for the own issuer.
    pub revocations: Option<Arc<dyn RevocationList>>,
    /// Fetches documents of external issuers.
    pub fetch: Option<Arc<dyn JwksFetch>>,
    /// Is told that a key was used.
    pub key_use: Option<Arc<dyn KeyUse>>,
    /// Checks passwords.
    pub hasher: Arc<Hasher>,
    /// Randomness for the keys of the caches.
    pub env: Env,
}
