//! Why a request was refused: one word for the log, and what may be said of it outside.

use http::StatusCode;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal => $outside:ident,)*) => {
        /// Why a request was refused. The word is for the log and for metrics, never for the caller.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason, for metrics that are registered once.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// One word for the log and for metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What the caller is told.
            pub(crate) const fn outside(self) -> Outside {
                match self {
                    $(Self::$name => Outside::$outside,)*
                }
            }
        }
    };
}

reasons! {
    // What was presented.
    /// The rule wants a credential and there is none.
    MissingCredential = "missing_credential" => NoCredential,
    /// Two credentials in one request (RFC 6750 §2), or one twice.
    SeveralCredentials = "several_credentials" => InvalidRequest,
    /// The credential's field is larger than any credential.
    CredentialTooLarge = "credential_too_large" => InvalidRequest,
    /// The field can't be read: no scheme, white space or control characters inside.
    MalformedCredential = "malformed_credential" => InvalidRequest,
    /// A scheme of `Authorization` that is not one of ours.
    UnknownScheme = "unknown_scheme" => InvalidCredential,
    /// A method that the rule does not accept.
    MethodNotAccepted = "method_not_accepted" => InvalidCredential,
    /// Basic on a connection everyone on the way can read (RFC 7617 §4).
    BasicOverHttp = "basic_over_http" => InsecureTransport,

    // Tokens (RFC 8725 §3).
    /// Not three parts of base64url around JSON.
    TokenMalformed = "token_malformed" => InvalidCredential,
    /// Larger than a token may be.
    TokenTooLarge = "token_too_large" => InvalidCredential,
    /// `alg: none`, or an algorithm the issuer may not use, or one that does not fit the key.
    TokenAlgorithm = "token_algorithm_not_allowed" => InvalidCredential,
    /// The token says with which key it wants to be verified (`jwk`, `jku`, `x5u`, `x5c`).
    TokenEmbeddedKey = "token_embedded_key" => InvalidCredential,
    /// The header demands an extension we don't know (RFC 7515 §4.1.11).
    TokenCritical = "token_unknown_critical" => InvalidCredential,
    /// A member twice.
    TokenDuplicateMember = "token_duplicate_member" => InvalidCredential,
    /// Base64url that is not strict.
    TokenBase64 = "token_illegal_base64" => InvalidCredential,
    /// The signature is missing or wrong.
    TokenSignature = "token_bad_signature" => InvalidCredential,
    /// No key of the issuer has this `kid`.
    TokenUnknownKey = "token_unknown_key" => InvalidCredential,
    /// Nobody we know issued it.
    TokenIssuer = "token_unknown_issuer" => InvalidCredential,
    /// Somebody we know issued it, but not for this route.
    TokenIssuerNotAccepted = "token_issuer_not_accepted" => InvalidCredential,
    /// It was made for somebody else.
    TokenAudience = "token_wrong_audience" => InvalidCredential,
    /// Another kind of JWT.
    TokenType = "token_wrong_type" => InvalidCredential,
    /// It has ended.
    TokenExpired = "token_expired" => InvalidCredential,
    /// It has not begun, or was made in the future.
    TokenNotYetValid = "token_not_yet_valid" => InvalidCredential,
    /// A claim is missing or of the wrong kind.
    TokenClaim = "token_invalid_claim" => InvalidCredential,
    /// It, its grant, its client or its subject was revoked; of an API key: its owner.
    TokenRevoked = "token_revoked" => InvalidCredential,
    /// Nobody knows this reference token, or it has ended.
    TokenUnknown = "token_unknown" => InvalidCredential,
    /// It is bound to a key that was not proved with this request (RFC 8705 §3, RFC 9449 §7.1), or to none, and was
    /// presented as if it were.
    TokenBinding = "token_binding_mismatch" => InvalidCredential,
    /// It came as `DPoP` without exactly one proof (RFC 9449 §4.3).
    ProofMissing = "dpop_proof_missing" => InvalidProof,
    /// The proof is none, or for another request or token (RFC 9449 §4.3).
    ProofInvalid = "dpop_proof_invalid" => InvalidProof,
    /// The proof was used before (RFC 9449 §11.1).
    ProofReplayed = "dpop_proof_replayed" => InvalidProof,
    /// The proof has not the nonce that the rule asks for (RFC 9449 §9).
    ProofNonce = "dpop_nonce_needed" => UseNonce,
    /// There is no room to remember the proof.
    ProofsFull = "dpop_memory_full" => Unavailable,
    /// It is bound in a way we can't check (`cnf` with something else than one of `x5t#S256` and `jkt`).
    TokenBindingUnsupported = "token_binding_unsupported" => InvalidCredential,
    /// The issuer's keys can't be had.
    IssuerUnavailable = "issuer_unavailable" => Unavailable,

    // Basic.
    /// No such account, no password of its own, disabled, or the wrong password.
    WrongPassword = "wrong_password" => InvalidCredential,
    /// Too many wrong passwords from there.
    PasswordBackOff = "password_back_off" => TooManyRequests,
    /// Too many passwords are being checked.
    PasswordsBusy = "passwords_busy" => Unavailable,

    // API keys.
    /// Not one of our keys: form or checksum.
    ApiKeyMalformed = "api_key_malformed" => InvalidCredential,
    /// Nobody knows this key.
    ApiKeyUnknown = "api_key_unknown" => InvalidCredential,
    /// It was revoked.
    ApiKeyRevoked = "api_key_revoked" => InvalidCredential,
    /// It has ended.
    ApiKeyExpired = "api_key_expired" => InvalidCredential,
    /// Not from there.
    ApiKeyAddress = "api_key_address_not_allowed" => InvalidCredential,
    /// Not on this route.
    ApiKeyRoute = "api_key_route_not_allowed" => Forbidden,
    /// More requests a minute than it may make.
    ApiKeyRate = "api_key_rate" => TooManyRequests,

    // Certificates.
    /// It has ended, or not begun; the connection may be older than that.
    CertificateTime = "certificate_not_valid_now" => InvalidCredential,
    /// It was revoked.
    CertificateRevoked = "certificate_revoked" => InvalidCredential,
    /// Its trust bundle is not one of those the rule accepts.
    CertificateBundle = "certificate_bundle_not_accepted" => InvalidCredential,
    /// Its SPIFFE ID is of a trust domain for which another bundle vouches, or none.
    CertificateTrustDomain = "certificate_foreign_trust_domain" => InvalidCredential,
    /// It has no name that could be a subject.
    CertificateNameless = "certificate_without_name" => InvalidCredential,

    // Policy.
    /// The subject is not one of those the rule admits.
    SubjectNotAdmitted = "subject_not_admitted" => Forbidden,
    /// No name of the certificate is one the rule admits.
    CertificateNotAdmitted = "certificate_not_admitted" => Forbidden,
    /// A scope is missing.
    InsufficientScope = "insufficient_scope" => InsufficientScope,
    /// The person behind the token did not sign in as the rule asks, or too long ago (RFC 9470 §3).
    InsufficientUserAuthentication = "insufficient_user_authentication" => InsufficientUserAuthentication,
    /// The policy can't be read.
    PolicyBroken = "policy_broken" => Unavailable,
    /// What is needed to check the credential could not be looked up.
    LookupFailed = "lookup_failed" => Unavailable,
}

/// What the caller is told; one of few, so that nothing can be learnt by trying.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outside {
    /// RFC 6750 §3.1 `invalid_request`.
    InvalidRequest,
    /// RFC 9110 §15.5.2: nothing was presented, so no error is named (RFC 6750 §3.1).
    NoCredential,
    /// RFC 6750 §3.1 `invalid_token`, and its like of the other methods.
    InvalidCredential,
    /// RFC 9449 §7.1 `invalid_dpop_proof`.
    InvalidProof,
    /// RFC 9449 §9 `use_dpop_nonce`.
    UseNonce,
    /// RFC 6750 §3.1 `insufficient_scope`.
    InsufficientScope,
    /// RFC 9470 §3 `insufficient_user_authentication`.
    InsufficientUserAuthentication,
    /// RFC 9110 §15.5.4.
    Forbidden,
    /// The credential may not travel like this.
    InsecureTransport,
    /// RFC 6585 §4.
    TooManyRequests,
    /// RFC 9110 §15.6.4.
    Unavailable,
}

impl Outside {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::NoCredential
            | Self::InvalidCredential
            | Self::InvalidProof
            | Self::UseNonce
            | Self::InsufficientUserAuthentication => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope | Self::Forbidden | Self::InsecureTransport => StatusCode::FORBIDDEN,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The error code of RFC 6750 §3.1, where there is one.
    pub(crate) const fn code(self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest => Some("invalid_request"),
            Self::InvalidCredential => Some("invalid_token"),
            Self::InvalidProof => Some("invalid_dpop_proof"),
            Self::UseNonce => Some("use_dpop_nonce"),
            Self::InsufficientScope => Some("insufficient_scope"),
            Self::InsufficientUserAuthentication => Some("insufficient_user_authentication"),
            Self::NoCredential
            | Self::Forbidden
            | Self::InsecureTransport
            | Self::TooManyRequests
            | Self::Unavailable => None,
        }
    }

    /// One sentence for people.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::InvalidRequest => {
                "The request carries more than one credential, or one that can't be read."
            }
            Self::NoCredential => "This needs a credential; WWW-Authenticate says which kinds are accepted.",
            Self::InvalidCredential => "The credential is not valid here.",
            Self::InvalidProof => "The DPoP proof is missing, was used before, or is not for this request.",
            Self::UseNonce => {
                "The DPoP proof needs the nonce that the DPoP-Nonce field of this answer brings."
            }
            Self::InsufficientScope => "The credential lacks a scope that this needs.",
            Self::InsufficientUserAuthentication => {
                "This needs a person who signed in more strongly or more recently; WWW-Authenticate says how."
            }
            Self::Forbidden => "The credential is valid, but not for this.",
            Self::InsecureTransport => "A password may not be sent over a connection that is not encrypted.",
            Self::TooManyRequests => "Too many requests; Retry-After says when to come back.",
            Self::Unavailable => "The credential can't be checked right now.",
        }
    }
}
