//! Every fact, by name; and those that addresses have in common.

use countersign_oauth::{ClientRefusal, Error, GrantRefusal, RegistrationRefusal, RequestObjectRefusal};

/// A list of names and the match that leads to them, from one text.
macro_rules! facts {
    ($list:ident, $name:ident, $fact:ty, { $($pattern:pat => $text:literal,)+ }) => {
        const $list: &[&str] = &[$($text),+];

        fn $name(fact: &$fact) -> &'static str {
            match fact {
                $($pattern => $text),+
            }
        }
    };
}

facts!(ERRORS, error, Error, {
    Error::DuplicateParameter => "DuplicateParameter",
    Error::Missing(_) => "Missing",
    Error::Invalid(_) => "Invalid",
    Error::InvalidClient { .. } => "InvalidClient",
    Error::CertificateMissing => "CertificateMissing",
    Error::ProofMissing => "ProofMissing",
    Error::InvalidDpopProof(_) => "InvalidDpopProof",
    Error::UseDpopNonce(_) => "UseDpopNonce",
    Error::TwoKeys => "TwoKeys",
    Error::TwoMethods => "TwoMethods",
    Error::UnsupportedGrantType => "UnsupportedGrantType",
    Error::UnauthorizedClient => "UnauthorizedClient",
    Error::InvalidGrant(_) => "InvalidGrant",
    Error::InvalidScope => "InvalidScope",
    Error::UnboundToken => "UnboundToken",
    Error::InvalidAuthorizationDetails => "InvalidAuthorizationDetails",
    Error::Exchange(_) => "Exchange",
    Error::InvalidTarget => "InvalidTarget",
    Error::UnknownClient => "UnknownClient",
    Error::ClientDocument(_) => "ClientDocument",
    Error::DisabledClient => "DisabledClient",
    Error::RedirectUriMissing => "RedirectUriMissing",
    Error::RedirectUriUnregistered => "RedirectUriUnregistered",
    Error::UnknownInteraction => "UnknownInteraction",
    Error::UnsupportedResponseType => "UnsupportedResponseType",
    Error::UnsupportedResponseMode => "UnsupportedResponseMode",
    Error::ChallengeMissing => "ChallengeMissing",
    Error::ChallengeMalformed => "ChallengeMalformed",
    Error::ChallengeMethod => "ChallengeMethod",
    Error::InvalidRequestObject(_) => "InvalidRequestObject",
    Error::InvalidRequestUri => "InvalidRequestUri",
    Error::PushedRequestRequired => "PushedRequestRequired",
    Error::SignedRequestRequired => "SignedRequestRequired",
    Error::ResponseKeyUnavailable => "ResponseKeyUnavailable",
    Error::RegistrationNotSupported => "RegistrationNotSupported",
    Error::LoginRequired => "LoginRequired",
    Error::ConsentRequired => "ConsentRequired",
    Error::UnmetAuthentication => "UnmetAuthentication",
    Error::AccessDenied => "AccessDenied",
    Error::AuthorizationPending => "AuthorizationPending",
    Error::SlowDown => "SlowDown",
    Error::ExpiredToken => "ExpiredToken",
    Error::UnknownUserCode => "UnknownUserCode",
    Error::HintCount => "HintCount",
    Error::UnknownPerson => "UnknownPerson",
    Error::InvalidBindingMessage => "InvalidBindingMessage",
    Error::InvalidSignedRequest(_) => "InvalidSignedRequest",
    Error::TooManyWaiting => "TooManyWaiting",
    Error::UnknownApproval => "UnknownApproval",
    Error::InvalidToken => "InvalidToken",
    Error::InsufficientScope => "InsufficientScope",
    Error::Registration(_) => "Registration",
    Error::Unavailable(_) => "Unavailable",
    Error::Signing(_) => "Signing",
});

facts!(CLIENT_REFUSALS, client_refusal, ClientRefusal, {
    ClientRefusal::Absent => "client: Absent",
    ClientRefusal::Malformed => "client: Malformed",
    ClientRefusal::Unknown => "client: Unknown",
    ClientRefusal::Document => "client: Document",
    ClientRefusal::Disabled => "client: Disabled",
    ClientRefusal::WrongMethod => "client: WrongMethod",
    ClientRefusal::WrongSecret => "client: WrongSecret",
    ClientRefusal::OtherClient => "client: OtherClient",
    ClientRefusal::Public => "client: Public",
    ClientRefusal::CertificateAbsent => "client: CertificateAbsent",
    ClientRefusal::CertificateUnvouched => "client: CertificateUnvouched",
    ClientRefusal::CertificateName => "client: CertificateName",
    ClientRefusal::CertificateUnknown => "client: CertificateUnknown",
    ClientRefusal::AssertionMalformed => "client: AssertionMalformed",
    ClientRefusal::AssertionType => "client: AssertionType",
    ClientRefusal::AssertionAlgorithm => "client: AssertionAlgorithm",
    ClientRefusal::AssertionIssuer => "client: AssertionIssuer",
    ClientRefusal::AssertionAudience => "client: AssertionAudience",
    ClientRefusal::AssertionTime => "client: AssertionTime",
    ClientRefusal::AssertionReplayed => "client: AssertionReplayed",
    ClientRefusal::AssertionSignature => "client: AssertionSignature",
    ClientRefusal::KeysUnavailable => "client: KeysUnavailable",
});

facts!(GRANT_REFUSALS, grant_refusal, GrantRefusal, {
    GrantRefusal::CodeUnknown => "grant: CodeUnknown",
    GrantRefusal::CodeReplayed => "grant: CodeReplayed",
    GrantRefusal::CodeExpired => "grant: CodeExpired",
    GrantRefusal::CodeForeign => "grant: CodeForeign",
    GrantRefusal::RedirectUriDiffers => "grant: RedirectUriDiffers",
    GrantRefusal::VerifierMissing => "grant: VerifierMissing",
    GrantRefusal::VerifierWrong => "grant: VerifierWrong",
    GrantRefusal::VerifierUnexpected => "grant: VerifierUnexpected",
    GrantRefusal::DeviceCodeUnknown => "grant: DeviceCodeUnknown",
    GrantRefusal::AuthReqIdUnknown => "grant: AuthReqIdUnknown",
    GrantRefusal::Assertion(_) => "grant: Assertion",
    GrantRefusal::AssertionReplayed => "grant: AssertionReplayed",
    GrantRefusal::CodeKeyDiffers => "grant: CodeKeyDiffers",
    GrantRefusal::RefreshKeyDiffers => "grant: RefreshKeyDiffers",
    GrantRefusal::Revoked => "grant: Revoked",
    GrantRefusal::AccountDisabled => "grant: AccountDisabled",
    GrantRefusal::RefreshUnknown => "grant: RefreshUnknown",
    GrantRefusal::RefreshExpired => "grant: RefreshExpired",
    GrantRefusal::RefreshForeign => "grant: RefreshForeign",
    GrantRefusal::RefreshReplayed => "grant: RefreshReplayed",
});

facts!(REQUEST_OBJECT_REFUSALS, request_object_refusal, RequestObjectRefusal, {
    RequestObjectRefusal::Malformed => "request: Malformed",
    RequestObjectRefusal::Undecryptable => "request: Undecryptable",
    RequestObjectRefusal::Algorithm => "request: Algorithm",
    RequestObjectRefusal::KeysUnavailable => "request: KeysUnavailable",
    RequestObjectRefusal::Signature => "request: Signature",
    RequestObjectRefusal::Claims => "request: Claims",
    RequestObjectRefusal::Replayed => "request: Replayed",
});

facts!(REGISTRATION_REFUSALS, registration_refusal, RegistrationRefusal, {
    RegistrationRefusal::TokenMissing => "registration: TokenMissing",
    RegistrationRefusal::TokenInvalid => "registration: TokenInvalid",
    RegistrationRefusal::Document(_) => "registration: Document",
    RegistrationRefusal::RedirectUri(_) => "registration: RedirectUri",
    RegistrationRefusal::Metadata { .. } => "registration: Metadata",
    RegistrationRefusal::Statement(_) => "registration: Statement",
    RegistrationRefusal::StatementUnapproved(_) => "registration: StatementUnapproved",
    RegistrationRefusal::Full => "registration: Full",
});

/// Every name there is.
pub(super) fn every() -> impl Iterator<Item = &'static str> {
    let lists = [ERRORS, CLIENT_REFUSALS, GRANT_REFUSALS, REQUEST_OBJECT_REFUSALS, REGISTRATION_REFUSALS];
    lists.into_iter().flatten().copied()
}

/// The name of a fact, and of the reason in it.
pub(super) fn names(fact: &Error) -> impl Iterator<Item = String> {
    let reason = match fact {
        Error::InvalidClient { reason } => Some(client_refusal(reason)),
        Error::InvalidGrant(reason) => Some(grant_refusal(reason)),
        Error::InvalidRequestObject(reason) | Error::InvalidSignedRequest(reason) => {
            Some(request_object_refusal(reason))
        }
        Error::Registration(reason) => Some(registration_refusal(reason)),
        Error::DuplicateParameter
        | Error::Missing(_)
        | Error::Invalid(_)
        | Error::CertificateMissing
        | Error::ProofMissing
        | Error::InvalidDpopProof(_)
        | Error::UseDpopNonce(_)
        | Error::TwoKeys
        | Error::TwoMethods
        | Error::UnsupportedGrantType
        | Error::UnauthorizedClient
        | Error::InvalidScope
        | Error::UnboundToken
        | Error::InvalidAuthorizationDetails
        | Error::Exchange(_)
        | Error::InvalidTarget
        | Error::UnknownClient
        | Error::ClientDocument(_)
        | Error::DisabledClient
        | Error::RedirectUriMissing
        | Error::RedirectUriUnregistered
        | Error::UnknownInteraction
        | Error::UnsupportedResponseType
        | Error::UnsupportedResponseMode
        | Error::ChallengeMissing
        | Error::ChallengeMalformed
        | Error::ChallengeMethod
        | Error::InvalidRequestUri
        | Error::PushedRequestRequired
        | Error::SignedRequestRequired
        | Error::ResponseKeyUnavailable
        | Error::RegistrationNotSupported
        | Error::LoginRequired
        | Error::ConsentRequired
        | Error::UnmetAuthentication
        | Error::AccessDenied
        | Error::AuthorizationPending
        | Error::SlowDown
        | Error::ExpiredToken
        | Error::UnknownUserCode
        | Error::HintCount
        | Error::UnknownPerson
        | Error::InvalidBindingMessage
        | Error::TooManyWaiting
        | Error::UnknownApproval
        | Error::InvalidToken
        | Error::InsufficientScope
        | Error::Unavailable(_)
        | Error::Signing(_) => None,
    };
    [Some(error(fact)), reason].into_iter().flatten().map(str::to_owned)
}

/// What a person is told in their own words: no application could do anything about it.
pub(super) fn is_for_people_alone(fact: &Error) -> bool {
    matches!(
        fact,
        Error::UnknownInteraction
            | Error::UnknownUserCode
            | Error::UnknownApproval
            | Error::UnmetAuthentication
    )
}

/// Whoever calls must say who they are.
pub(super) const CALLERS: &[&str] = &[
    "DuplicateParameter",
    "TwoMethods",
    "InvalidClient",
    "client: Absent",
    "client: Malformed",
    "client: Unknown",
    "client: Document",
    "client: Disabled",
    "client: WrongMethod",
    "client: WrongSecret",
    "client: OtherClient",
    "client: CertificateAbsent",
    "client: CertificateUnvouched",
    "client: CertificateName",
    "client: CertificateUnknown",
    "client: AssertionMalformed",
    "client: AssertionType",
    "client: AssertionAlgorithm",
    "client: AssertionIssuer",
    "client: AssertionAudience",
    "client: AssertionTime",
    "client: AssertionReplayed",
    "client: AssertionSignature",
    "client: KeysUnavailable",
    "Unavailable",
];

/// Proofs of keys.
pub(super) const PROOFS: &[&str] = &["InvalidDpopProof", "UseDpopNonce", "TwoKeys"];

/// Keys that tokens are bound to.
pub(super) const KEYS: &[&str] = &["CertificateMissing", "ProofMissing", "UnboundToken"];

/// Every grant.
pub(super) const GRANTS: &[&str] = &[
    "Missing",
    "Invalid",
    "UnsupportedGrantType",
    "UnauthorizedClient",
    "InvalidScope",
    "InvalidTarget",
    "InvalidAuthorizationDetails",
    "InvalidGrant",
    "grant: CodeUnknown",
    "grant: CodeReplayed",
    "grant: CodeExpired",
    "grant: CodeForeign",
    "grant: CodeKeyDiffers",
    "grant: RedirectUriDiffers",
    "grant: VerifierMissing",
    "grant: VerifierWrong",
    "grant: VerifierUnexpected",
    "grant: AccountDisabled",
    "grant: Revoked",
    "grant: RefreshUnknown",
    "grant: RefreshExpired",
    "grant: RefreshForeign",
    "grant: RefreshReplayed",
    "grant: RefreshKeyDiffers",
    "grant: DeviceCodeUnknown",
    "grant: AuthReqIdUnknown",
    "grant: Assertion",
    "grant: AssertionReplayed",
    "Exchange",
    "AuthorizationPending",
    "SlowDown",
    "ExpiredToken",
    "AccessDenied",
];

/// The checks of an authorization request, wherever it is made.
pub(super) const REQUEST: &[&str] = &[
    "Missing",
    "Invalid",
    "DuplicateParameter",
    "RedirectUriMissing",
    "RedirectUriUnregistered",
    "SignedRequestRequired",
    "RegistrationNotSupported",
    "UnsupportedResponseType",
    "UnsupportedResponseMode",
    "UnauthorizedClient",
    "ChallengeMissing",
    "ChallengeMalformed",
    "ChallengeMethod",
    "InvalidScope",
    "InvalidTarget",
    "InvalidAuthorizationDetails",
    "InvalidRequestObject",
    "request: Malformed",
    "request: Undecryptable",
    "request: Algorithm",
    "request: KeysUnavailable",
    "request: Signature",
    "request: Claims",
];

/// What the authorization endpoint has besides.
pub(super) const AUTHORIZATION: &[&str] = &[
    "UnknownClient",
    "DisabledClient",
    "ClientDocument",
    "InvalidRequestUri",
    "PushedRequestRequired",
    "LoginRequired",
    "ConsentRequired",
    "ResponseKeyUnavailable",
    "Unavailable",
];

/// What a device can't begin.
pub(super) const DEVICE: &[&str] =
    &["UnauthorizedClient", "InvalidScope", "InvalidTarget", "InvalidAuthorizationDetails"];

/// What a client can't ask in the background.
pub(super) const BACKCHANNEL: &[&str] = &[
    "client: Public",
    "UnauthorizedClient",
    "Missing",
    "Invalid",
    "InvalidScope",
    "InvalidTarget",
    "InvalidAuthorizationDetails",
    "HintCount",
    "UnknownPerson",
    "InvalidBindingMessage",
    "TooManyWaiting",
    "SignedRequestRequired",
    "InvalidSignedRequest",
    "request: Malformed",
    "request: Algorithm",
    "request: KeysUnavailable",
    "request: Signature",
    "request: Claims",
    "request: Replayed",
];

/// What a registration is refused for, and its management.
pub(super) const REGISTRATION: &[&str] = &[
    "Registration",
    "registration: TokenMissing",
    "registration: TokenInvalid",
    "registration: Document",
    "registration: RedirectUri",
    "registration: Metadata",
    "registration: Statement",
    "registration: StatementUnapproved",
    "Unavailable",
];
