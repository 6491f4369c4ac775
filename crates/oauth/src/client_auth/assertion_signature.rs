//! Whether a key of the client signed an assertion, and its claims hold (RFC 7523 §3).

use countersign_jose::jwt::{self, Rejection, ValidClaims, Validation};
use countersign_jose::{Algorithms, ParsedJws, VerifyingKey};
use countersign_model::{Client, Timestamp};

use crate::ports::Ports;
use crate::profile::Rules;
use crate::{ClientRefusal, Engine, Error};

pub(super) type Answer<T> = Result<Result<T, ClientRefusal>, Error>;

/// Tries keys of the client; `None` when there is none.
pub(super) fn tried<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    token: &ParsedJws<'_>,
    keys: impl Iterator<Item = VerifyingKey>,
    now: Timestamp,
) -> Option<Result<ValidClaims, ClientRefusal>> {
    let settings = &engine.settings;
    let alias = settings.mtls_alias(&settings.endpoints.token);
    let mut audiences = Rules::of(client.profile).assertion_audiences(settings);
    // Where the token endpoint will do, so will its other address.
    if audiences.contains(&settings.endpoints.token.as_str()) {
        audiences.extend(alias.as_deref());
    }
    let validation = Validation {
        issuer: client.client_id.as_str(),
        audiences: &audiences,
        // RFC 7523bis §4: its own type; older clients say JWT or nothing.
        types: &["client-authentication+jwt", "JWT", ""],
        algorithms: Algorithms::of(&[token.header.algorithm]),
        required: &["sub", "jti"],
        leeway: engine.settings.leeway,
        now,
    };
    let mut outcome = None;
    for key in keys {
        match jwt::validate(token, &key, &validation) {
            Err(Rejection::Signature) => outcome = Some(Err(ClientRefusal::AssertionSignature)),
            other => return Some(other.map_err(|rejection| refusal(&rejection))),
        }
    }
    outcome
}

fn refusal(rejection: &Rejection) -> ClientRefusal {
    match rejection {
        Rejection::Malformed(_)
        | Rejection::EmbeddedKey
        | Rejection::Claims
        | Rejection::DuplicateClaim
        | Rejection::ClaimKind(_)
        | Rejection::MissingClaim(_)
        | Rejection::Type => ClientRefusal::AssertionMalformed,
        Rejection::AlgorithmNotAllowed => ClientRefusal::AssertionAlgorithm,
        Rejection::UnknownKey | Rejection::Signature => ClientRefusal::AssertionSignature,
        Rejection::Issuer => ClientRefusal::AssertionIssuer,
        Rejection::Audience => ClientRefusal::AssertionAudience,
        Rejection::Expired | Rejection::NotYetValid | Rejection::IssuedInTheFuture => {
            ClientRefusal::AssertionTime
        }
    }
}
