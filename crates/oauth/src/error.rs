//! Everything that can go wrong, and the one place that says what each is on the wire.

use countersign_access::dpop::DpopRefusal;

use crate::ports::Unavailable;
use crate::register::RegistrationRefusal;
use crate::trusted_issuer::ForeignRefusal;
use crate::{ExchangeRefusal, SigningFailed};

/// Why a request was refused. [`Error::code`], [`Error::status`] and [`Error::description`] are for the answer;
/// [`Error::reason`] is for the log alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A parameter came twice.
    #[error("a parameter is given more than once")]
    DuplicateParameter,
    /// A parameter is not there.
    #[error("missing parameter: {0}")]
    Missing(&'static str),
    /// A parameter's value can't be used.
    #[error("the value of this parameter can't be used: {0}")]
    Invalid(&'static str),

    // Client authentication.
    /// The client did not prove who it is.
    #[error("client authentication failed: {reason}")]
    InvalidClient {
        /// Why, for the log.
        reason: ClientRefusal,
    },
    /// RFC 8705 §3.4: its tokens are bound to a certificate, and the connection shows none.
    #[error("this client's tokens are bound to a certificate: show it on the connection")]
    CertificateMissing,
    /// RFC 9449 §5.2: every token request of this client needs a proof.
    #[error("this client's token requests need a DPoP proof")]
    ProofMissing,
    /// RFC 9449 §5: the proof does not hold.
    #[error("the DPoP proof does not hold: {0}")]
    InvalidDpopProof(DpopRefusal),
    /// RFC 9449 §8: the proof needs this nonce.
    #[error("the DPoP proof needs the nonce of the field DPoP-Nonce")]
    UseDpopNonce(String),
    /// A certificate that tokens are bound to, and a proof.
    #[error("this client's tokens are bound to its certificate: a DPoP proof has no place beside it")]
    TwoKeys,
    /// More than one way of authentication in one request.
    #[error("a client must use one method of authentication in a request")]
    TwoMethods,

    // Token endpoint.
    /// Nobody here knows this grant type.
    #[error("this grant type is not supported")]
    UnsupportedGrantType,
    /// The client is not registered for it.
    #[error("the client may not use this grant type")]
    UnauthorizedClient,
    /// Code or refresh token, or what must fit them.
    #[error("{0}")]
    InvalidGrant(GrantRefusal),
    /// Malformed, or more than may be had.
    #[error("the scope is malformed or more than may be given")]
    InvalidScope,
    /// The profile wants tokens bound to a key, and the call proved none.
    #[error("tokens of this client are bound to a key: show a certificate or a DPoP proof")]
    UnboundToken,
    /// RFC 9396 §5.
    #[error("the authorization details are malformed, of an unknown type, or more than may be had")]
    InvalidAuthorizationDetails,
    /// RFC 8693 §2.2.2.
    #[error("the tokens can not be exchanged")]
    Exchange(#[source] ExchangeRefusal),
    /// RFC 8707 §2.
    #[error("the resource is malformed or not one the client may ask for")]
    InvalidTarget,

    // Authorization endpoint, shown to the person: there is no redirect URI that may be trusted.
    /// No such client.
    #[error("client_id names no client of this server")]
    UnknownClient,
    /// The client's name is a URL, and what is there is no metadata that can be used.
    #[error("the metadata document of this client can't be used: {0}")]
    ClientDocument(&'static str),
    /// It may not be used.
    #[error("this client is disabled")]
    DisabledClient,
    /// RFC 6749 §3.1.2.3: several are registered, or none, and none is named. OpenID Connect Core §3.1.2.1: an OpenID
    /// request names one.
    #[error("redirect_uri is missing")]
    RedirectUriMissing,
    /// RFC 9700 §2.1.
    #[error("redirect_uri is not registered for this client")]
    RedirectUriUnregistered,
    /// The waiting request is gone, answered, or another browser's.
    #[error("no request waits here for this browser")]
    UnknownInteraction,

    // Authorization endpoint, sent to the client.
    /// RFC 6749 §4.1.2.1: none of this server's, or not one of the client's.
    #[error("the client may not ask for this response_type")]
    UnsupportedResponseType,
    /// None of this server's, or not one of the client's.
    #[error("the client may not have its answer in this response_mode")]
    UnsupportedResponseMode,
    /// RFC 7636 §4.4.1.
    #[error("code_challenge is missing: PKCE is required")]
    ChallengeMissing,
    /// RFC 7636 §4.2: 43 characters of base64url.
    #[error("code_challenge is malformed")]
    ChallengeMalformed,
    /// RFC 7636 §4.4.1.
    #[error("code_challenge_method must be S256")]
    ChallengeMethod,
    /// RFC 9101 §7.
    #[error("{0}")]
    InvalidRequestObject(RequestObjectRefusal),
    /// RFC 9101 §7, RFC 9126 §4: not registered, not to be had, unknown, expired, another client's or answered.
    #[error("request_uri is unknown, has expired, was used before or can't be fetched")]
    InvalidRequestUri,
    /// RFC 9126 §5.
    #[error("requests of this client must be pushed first")]
    PushedRequestRequired,
    /// RFC 9101 §10.5.
    #[error("requests of this client must be signed request objects")]
    SignedRequestRequired,
    /// JARM §3.
    #[error("the client has no key to encrypt the response to")]
    ResponseKeyUnavailable,
    /// OpenID Connect Core §7.2.1.
    #[error("the registration parameter is not supported")]
    RegistrationNotSupported,
    /// `prompt=none`, and somebody would have to sign in.
    #[error("nobody is signed in, or not recently enough")]
    LoginRequired,
    /// `prompt=none`, and somebody would have to agree.
    #[error("the person has not agreed yet")]
    ConsentRequired,
    /// RFC 9470 §5: nobody can sign in as the request asks.
    #[error("the sign-in is not of a class that acr_values asks for")]
    UnmetAuthentication,
    /// The person said no.
    #[error("the person did not agree")]
    AccessDenied,

    // The device flow.
    /// The person has not decided yet.
    #[error("the person has not decided yet")]
    AuthorizationPending,
    /// The person has not decided yet, and the client asks too often.
    #[error("the person has not decided yet: wait longer between two requests")]
    SlowDown,
    /// Nobody decided in time.
    #[error("the code has expired: start again")]
    ExpiredToken,
    /// Nothing waits under the code that a person typed.
    #[error("no device waits under this code")]
    UnknownUserCode,

    // Backchannel authentication.
    /// CIBA §7.1: none of the hints, or several.
    #[error("exactly one of login_hint, login_hint_token and id_token_hint says who is asked")]
    HintCount,
    /// CIBA §13.
    #[error("nobody is known by this hint")]
    UnknownPerson,
    /// CIBA §13.
    #[error("binding_message must be short and plain: 100 letters, digits and signs at most")]
    InvalidBindingMessage,
    /// CIBA §7.1.1.
    #[error("{0}")]
    InvalidSignedRequest(RequestObjectRefusal),
    /// CIBA §13: the server decided against it before anybody was asked.
    #[error("as many requests as may wait for this person, or of this client, wait already")]
    TooManyWaiting,
    /// Nothing waits for this person under the name that they answer.
    #[error("nothing waits for this person under this name")]
    UnknownApproval,

    // Protected resources of our own.
    /// RFC 6750 §3.1.
    #[error("the access token does not count, or not here")]
    InvalidToken,
    /// RFC 6750 §3.1.
    #[error("the access token lacks the scope openid")]
    InsufficientScope,

    // Registration.
    /// RFC 7591 §3.2.2, RFC 7592 §2.
    #[error(transparent)]
    Registration(#[from] RegistrationRefusal),

    // Our own fault.
    /// The store.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The keys.
    #[error(transparent)]
    Signing(#[from] SigningFailed),
}

/// Why a request object was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum RequestObjectRefusal {
    #[error("the request object is too long or no compact JWS or JWE")]
    Malformed,
    #[error("the request object can't be decrypted")]
    Undecryptable,
    #[error("the request object's algorithm is not one this client may use")]
    Algorithm,
    #[error("the client's keys are not there")]
    KeysUnavailable,
    #[error("no key of the client signed the request object")]
    Signature,
    #[error("a claim of the request object is missing or wrong")]
    Claims,
    #[error("the request object was used before")]
    Replayed,
}

/// Why a client was not believed. Outside all are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum ClientRefusal {
    #[error("no client authentication")]
    Absent,
    #[error("the Authorization field can't be read as client credentials")]
    Malformed,
    #[error("unknown client")]
    Unknown,
    #[error("the metadata document that the client is known by can't be had or can't be used")]
    Document,
    #[error("disabled client")]
    Disabled,
    #[error("not the method the client is registered for")]
    WrongMethod,
    #[error("wrong secret")]
    WrongSecret,
    #[error("client_id differs from the client that authenticated")]
    OtherClient,
    #[error("a public client can't use this endpoint")]
    Public,
    #[error("the connection shows no certificate")]
    CertificateAbsent,
    #[error("nobody vouches for the certificate")]
    CertificateUnvouched,
    #[error("the certificate has not the name that is registered for the client")]
    CertificateName,
    #[error("the certificate is not one that the client registered")]
    CertificateUnknown,
    #[error("malformed assertion")]
    AssertionMalformed,
    #[error("unknown client_assertion_type")]
    AssertionType,
    #[error("assertion: algorithm not allowed")]
    AssertionAlgorithm,
    #[error("assertion: issuer and subject must be the client")]
    AssertionIssuer,
    #[error("assertion: made for another audience")]
    AssertionAudience,
    #[error("assertion: expired, not yet valid, or valid for too long")]
    AssertionTime,
    #[error("assertion: jti missing or used before")]
    AssertionReplayed,
    #[error("assertion: no key of the client verifies it")]
    AssertionSignature,
    #[error("assertion: the client's keys could not be fetched")]
    KeysUnavailable,
}

/// Why a code or a refresh token gives nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum GrantRefusal {
    #[error("the code is unknown")]
    CodeUnknown,
    #[error("the code was used before")]
    CodeReplayed,
    #[error("the code has expired")]
    CodeExpired,
    #[error("the code was given to another client")]
    CodeForeign,
    #[error("redirect_uri differs from that of the authorization request")]
    RedirectUriDiffers,
    #[error("code_verifier is missing")]
    VerifierMissing,
    #[error("code_verifier does not fit the challenge")]
    VerifierWrong,
    #[error("code_verifier for a request that had no challenge")]
    VerifierUnexpected,
    #[error("the device code is unknown, another client's, or was used before")]
    DeviceCodeUnknown,
    #[error("the auth_req_id is unknown, another client's, or was used before")]
    AuthReqIdUnknown,
    #[error("the assertion: {0}")]
    Assertion(ForeignRefusal),
    #[error("the assertion was used before")]
    AssertionReplayed,
    #[error("the code is bound to another key than this request proved")]
    CodeKeyDiffers,
    #[error("the refresh token is bound to another key than this request proved")]
    RefreshKeyDiffers,
    #[error("the grant was revoked")]
    Revoked,
    #[error("the account is disabled")]
    AccountDisabled,
    #[error("the refresh token is unknown")]
    RefreshUnknown,
    #[error("the refresh token has expired")]
    RefreshExpired,
    #[error("the refresh token was given to another client")]
    RefreshForeign,
    #[error("the refresh token was used before")]
    RefreshReplayed,
}

/// What an error is on the wire.
struct Wire {
    status: u16,
    code: &'static str,
    section: &'static str,
}

const fn wire(status: u16, code: &'static str, section: &'static str) -> Wire {
    Wire { status, code, section }
}

/// The same for registration.
const fn registration_wire(refusal: &RegistrationRefusal) -> Wire {
    match refusal {
        RegistrationRefusal::TokenMissing | RegistrationRefusal::TokenInvalid => {
            wire(401, "invalid_token", "RFC 7591 §3, RFC 7592 §2, RFC 6750 §3.1")
        }
        RegistrationRefusal::Document(_) | RegistrationRefusal::Metadata { .. } => {
            wire(400, "invalid_client_metadata", "RFC 7591 §3.2.2")
        }
        RegistrationRefusal::RedirectUri(_) => wire(400, "invalid_redirect_uri", "RFC 7591 §3.2.2"),
        RegistrationRefusal::Statement(_) => wire(400, "invalid_software_statement", "RFC 7591 §3.2.2"),
        RegistrationRefusal::StatementUnapproved(_) => {
            wire(400, "unapproved_software_statement", "RFC 7591 §3.2.2")
        }
        RegistrationRefusal::Full => wire(503, "temporarily_unavailable", "RFC 6749 §4.1.2.1"),
    }
}

impl Error {
    /// One line a fact, no wildcard.
    const fn wire(&self) -> Wire {
        match self {
            Self::DuplicateParameter => wire(400, "invalid_request", "RFC 6749 §3.1, §3.2"),
            Self::Missing(_) | Self::Invalid(_) => wire(400, "invalid_request", "RFC 6749 §4.1.2.1, §5.2"),
            Self::InvalidClient { .. } => wire(401, "invalid_client", "RFC 6749 §5.2"),
            Self::CertificateMissing => wire(400, "invalid_request", "RFC 8705 §3.4"),
            Self::ProofMissing => wire(400, "invalid_request", "RFC 9449 §5.2"),
            Self::InvalidDpopProof(_) => wire(400, "invalid_dpop_proof", "RFC 9449 §5"),
            Self::UseDpopNonce(_) => wire(400, "use_dpop_nonce", "RFC 9449 §8"),
            Self::TwoKeys => wire(400, "invalid_request", "RFC 8705 §3, RFC 9449 §5"),
            Self::TwoMethods => wire(400, "invalid_request", "RFC 6749 §2.3"),
            Self::UnsupportedGrantType => wire(400, "unsupported_grant_type", "RFC 6749 §5.2"),
            Self::UnauthorizedClient => wire(400, "unauthorized_client", "RFC 6749 §4.1.2.1, §5.2"),
            Self::InvalidGrant(_) => wire(400, "invalid_grant", "RFC 6749 §5.2"),
            Self::Exchange(_) => wire(400, "invalid_request", "RFC 8693 §2.2.2"),
            Self::InvalidScope => wire(400, "invalid_scope", "RFC 6749 §4.1.2.1, §5.2"),
            Self::UnboundToken => wire(400, "invalid_request", "FAPI 2.0 Security Profile §5.3.2.1"),
            Self::InvalidAuthorizationDetails => wire(400, "invalid_authorization_details", "RFC 9396 §5"),
            Self::InvalidTarget => wire(400, "invalid_target", "RFC 8707 §2"),
            Self::UnknownClient | Self::DisabledClient => wire(400, "invalid_client", "RFC 6749 §4.1.2.1"),
            Self::ClientDocument(_) => {
                wire(400, "invalid_client", "OAuth Client ID Metadata Document, Client Information Discovery")
            }
            Self::RedirectUriMissing => {
                wire(400, "invalid_request", "RFC 6749 §3.1.2.3, OpenID Connect Core §3.1.2.1")
            }
            Self::RedirectUriUnregistered => wire(400, "invalid_request", "RFC 9700 §2.1"),
            Self::UnknownInteraction => wire(400, "invalid_request", "RFC 9700 §4.7"),
            Self::UnsupportedResponseType => wire(400, "unsupported_response_type", "RFC 6749 §4.1.2.1"),
            Self::UnsupportedResponseMode => {
                wire(400, "invalid_request", "OAuth 2.0 Multiple Response Types §2.1")
            }
            Self::ChallengeMissing | Self::ChallengeMethod => wire(400, "invalid_request", "RFC 7636 §4.4.1"),
            Self::ChallengeMalformed => wire(400, "invalid_request", "RFC 7636 §4.2"),
            Self::InvalidRequestObject(_) => wire(400, "invalid_request_object", "RFC 9101 §7"),
            Self::InvalidRequestUri => wire(400, "invalid_request_uri", "RFC 9101 §7"),
            Self::PushedRequestRequired => wire(400, "invalid_request", "RFC 9126 §5"),
            Self::SignedRequestRequired => wire(400, "invalid_request", "RFC 9101 §10.5"),
            Self::ResponseKeyUnavailable => wire(400, "invalid_request", "JARM §3"),
            Self::RegistrationNotSupported => {
                wire(400, "registration_not_supported", "OpenID Connect Core §3.1.2.6")
            }
            Self::LoginRequired => wire(400, "login_required", "OpenID Connect Core §3.1.2.6"),
            Self::ConsentRequired => wire(400, "consent_required", "OpenID Connect Core §3.1.2.6"),
            Self::UnmetAuthentication => wire(400, "unmet_authentication_requirements", "RFC 9470 §5"),
            Self::AccessDenied => wire(400, "access_denied", "RFC 6749 §4.1.2.1, RFC 8628 §3.5, CIBA §11"),
            Self::AuthorizationPending => wire(400, "authorization_pending", "RFC 8628 §3.5"),
            Self::SlowDown => wire(400, "slow_down", "RFC 8628 §3.5"),
            Self::ExpiredToken => wire(400, "expired_token", "RFC 8628 §3.5"),
            Self::UnknownUserCode => wire(400, "invalid_request", "RFC 8628 §3.3"),
            Self::HintCount => wire(400, "invalid_request", "OpenID Connect CIBA §13"),
            Self::UnknownPerson => wire(400, "unknown_user_id", "OpenID Connect CIBA §13"),
            Self::InvalidBindingMessage => wire(400, "invalid_binding_message", "OpenID Connect CIBA §13"),
            Self::InvalidSignedRequest(_) => wire(400, "invalid_request", "OpenID Connect CIBA §7.1.1, §13"),
            Self::TooManyWaiting => wire(403, "access_denied", "OpenID Connect CIBA §13"),
            Self::UnknownApproval => wire(404, "invalid_request", "OpenID Connect CIBA §8"),
            Self::InvalidToken => wire(401, "invalid_token", "RFC 6750 §3.1"),
            Self::InsufficientScope => wire(403, "insufficient_scope", "RFC 6750 §3.1"),
            Self::Registration(refusal) => registration_wire(refusal),
            Self::Unavailable(_) => wire(503, "temporarily_unavailable", "RFC 6749 §4.1.2.1"),
            Self::Signing(_) => wire(500, "server_error", "RFC 6749 §4.1.2.1"),
        }
    }

    /// The HTTP status where the answer is not a redirect.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.wire().status
    }

    /// The `error` member.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.wire().code
    }

    /// Where that answer is laid down.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        self.wire().section
    }

    /// The `error_description` member: what a developer may know and an attacker too.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::InvalidClient { .. } => "client authentication failed".to_owned(),
            Self::Unavailable(_) | Self::Signing(_) => "the server could not complete the request".to_owned(),
            other => other.to_string(),
        }
    }

    /// The value of `WWW-Authenticate`, where the answer must have one.
    #[must_use]
    pub const fn challenge(&self) -> Option<&'static str> {
        // RFC 9110 §15.5.2: every 401 names a scheme, however the client tried; RFC 6749 §5.2: the one of clients that
        // used the field is Basic. RFC 6750 §3: the one that a protected resource takes.
        if matches!(self, Self::InvalidClient { .. }) {
            Some("Basic realm=\"countersign\", charset=\"UTF-8\"")
        } else if matches!(self, Self::InvalidToken) {
            Some("Bearer error=\"invalid_token\"")
        } else if matches!(self, Self::InsufficientScope) {
            Some("Bearer error=\"insufficient_scope\", scope=\"openid\"")
        } else if matches!(self, Self::Registration(RegistrationRefusal::TokenMissing)) {
            // RFC 6750 §3.1: no error where nothing was tried.
            Some("Bearer")
        } else if matches!(self, Self::Registration(RegistrationRefusal::TokenInvalid)) {
            Some("Bearer error=\"invalid_token\"")
        } else {
            None
        }
    }

    /// The value of `DPoP-Nonce`, where the answer must bring one.
    #[must_use]
    pub fn dpop_nonce(&self) -> Option<&str> {
        if let Self::UseDpopNonce(nonce) = self { Some(nonce) } else { None }
    }

    /// Whether it is our own fault, and belongs in the log as an error.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Signing(_))
    }

    /// The answer's body (RFC 6749 §5.2), in JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({ "error": self.code(), "error_description": self.description() }).to_string()
    }
}
