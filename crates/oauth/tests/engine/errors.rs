//! Every error on the wire: status, code, words, challenge.

use countersign_access::dpop::DpopRefusal;
use countersign_oauth::RegistrationRefusal as R;
use countersign_oauth::ports::Unavailable;
use countersign_oauth::{
    ClientRefusal, Error, ExchangeRefusal, ForeignRefusal, GrantRefusal, RequestObjectRefusal, SigningFailed,
};

fn every_error() -> Vec<(Error, u16, &'static str)> {
    let client = Error::InvalidClient { reason: ClientRefusal::WrongSecret };
    vec![
        (Error::DuplicateParameter, 400, "invalid_request"),
        (Error::Missing("code"), 400, "invalid_request"),
        (Error::Invalid("prompt"), 400, "invalid_request"),
        (client, 401, "invalid_client"),
        (Error::CertificateMissing, 400, "invalid_request"),
        (Error::ProofMissing, 400, "invalid_request"),
        (Error::InvalidDpopProof(DpopRefusal::Signature), 400, "invalid_dpop_proof"),
        (Error::UseDpopNonce("n".to_owned()), 400, "use_dpop_nonce"),
        (Error::TwoKeys, 400, "invalid_request"),
        (Error::TwoMethods, 400, "invalid_request"),
        (Error::UnsupportedGrantType, 400, "unsupported_grant_type"),
        (Error::UnauthorizedClient, 400, "unauthorized_client"),
        (Error::InvalidGrant(GrantRefusal::CodeReplayed), 400, "invalid_grant"),
        (Error::InvalidScope, 400, "invalid_scope"),
        (Error::UnboundToken, 400, "invalid_request"),
        (Error::InvalidAuthorizationDetails, 400, "invalid_authorization_details"),
        (Error::InvalidTarget, 400, "invalid_target"),
        (Error::UnknownClient, 400, "invalid_client"),
        (Error::DisabledClient, 400, "invalid_client"),
        (Error::RedirectUriMissing, 400, "invalid_request"),
        (Error::RedirectUriUnregistered, 400, "invalid_request"),
        (Error::UnknownInteraction, 400, "invalid_request"),
        (Error::UnsupportedResponseType, 400, "unsupported_response_type"),
        (Error::UnsupportedResponseMode, 400, "invalid_request"),
        (Error::ChallengeMissing, 400, "invalid_request"),
        (Error::ChallengeMalformed, 400, "invalid_request"),
        (Error::ChallengeMethod, 400, "invalid_request"),
        (Error::InvalidRequestObject(RequestObjectRefusal::Signature), 400, "invalid_request_object"),
        (Error::InvalidRequestUri, 400, "invalid_request_uri"),
        (Error::PushedRequestRequired, 400, "invalid_request"),
        (Error::SignedRequestRequired, 400, "invalid_request"),
        (Error::ResponseKeyUnavailable, 400, "invalid_request"),
        (Error::RegistrationNotSupported, 400, "registration_not_supported"),
        (Error::LoginRequired, 400, "login_required"),
        (Error::ConsentRequired, 400, "consent_required"),
        (Error::AccessDenied, 400, "access_denied"),
        (Error::Exchange(ExchangeRefusal::NoRule), 400, "invalid_request"),
        (Error::InvalidGrant(GrantRefusal::Assertion(ForeignRefusal::Time)), 400, "invalid_grant"),
        (Error::AuthorizationPending, 400, "authorization_pending"),
        (Error::SlowDown, 400, "slow_down"),
        (Error::ExpiredToken, 400, "expired_token"),
        (Error::UnknownUserCode, 400, "invalid_request"),
        (Error::HintCount, 400, "invalid_request"),
        (Error::UnknownPerson, 400, "unknown_user_id"),
        (Error::InvalidBindingMessage, 400, "invalid_binding_message"),
        (Error::InvalidSignedRequest(RequestObjectRefusal::Replayed), 400, "invalid_request"),
        (Error::TooManyWaiting, 403, "access_denied"),
        (Error::UnknownApproval, 404, "invalid_request"),
        (Error::InvalidGrant(GrantRefusal::AuthReqIdUnknown), 400, "invalid_grant"),
        (Error::ClientDocument("it could not be fetched"), 400, "invalid_client"),
        (Error::Registration(R::TokenMissing), 401, "invalid_token"),
        (Error::Registration(R::TokenInvalid), 401, "invalid_token"),
        (Error::Registration(R::Document("it can't be read")), 400, "invalid_client_metadata"),
        (Error::Registration(R::RedirectUri("one has no host")), 400, "invalid_redirect_uri"),
        (
            Error::Registration(R::Metadata { member: "scope", fault: "it is no list" }),
            400,
            "invalid_client_metadata",
        ),
        (Error::Registration(R::Statement("it has expired")), 400, "invalid_software_statement"),
        (Error::Registration(R::StatementUnapproved("it is missing")), 400, "unapproved_software_statement"),
        (Error::Registration(R::Full), 503, "temporarily_unavailable"),
        (Error::InvalidToken, 401, "invalid_token"),
        (Error::InsufficientScope, 403, "insufficient_scope"),
        (Error::Unavailable(Unavailable("a path and a password".into())), 503, "temporarily_unavailable"),
        (Error::Signing(SigningFailed), 500, "server_error"),
    ]
}

#[test]
fn each_has_the_code_and_status_of_its_specification() {
    for (error, status, code) in every_error() {
        assert_eq!((error.status(), error.code()), (status, code), "{error:?}");
        let by = ["RFC ", "OAuth ", "OpenID Connect ", "JARM ", "FAPI ", "Client ID "];
        assert!(by.iter().any(|by| error.section().starts_with(by)), "{error:?}");
        let json: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
        assert_eq!(json["error"], code);
        // RFC 6749 §5.2: printable ASCII without quotation mark and backslash.
        let words = json["error_description"].as_str().unwrap();
        let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(!words.is_empty() && words.bytes().all(allowed), "{words}");
        assert!(!words.contains("password") && !words.contains("secret"), "{words}");
        assert_eq!(error.is_ours(), status == 500 || matches!(error, Error::Unavailable(_)));
    }
}

#[test]
fn challenges_stand_where_they_must() {
    // RFC 9110 §15.5.2.
    assert!(every_error().iter().all(|(error, status, _)| *status != 401 || error.challenge().is_some()));
    let with: Vec<_> = every_error().into_iter().filter_map(|(error, ..)| error.challenge()).collect();
    assert_eq!(with.len(), 5);
    assert!(with[0].starts_with("Basic realm="), "RFC 6749 §5.2");
    assert_eq!(with[1], "Bearer", "RFC 6750 §3.1: no error where nothing was tried");
    assert_eq!(with[2], "Bearer error=\"invalid_token\"");
    assert_eq!(with[3], "Bearer error=\"invalid_token\"");
    assert!(with[4].contains("scope=\"openid\""));
}
