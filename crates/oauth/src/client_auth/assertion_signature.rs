//! Whether a key of the client signed an assertion, and its claims hold (RFC 7523 §3).

use countersign_jose::jwt::{Rejection, ValidClaims, Validation};
use countersign_jose::{Algorithms, ParsedJws, VerifyingKey};
use countersign_model::{Client, Timestamp};

use crate::key_sets::{NoKey, signed_by};
use crate::ports::Ports;
use crate::profile::Rules;
use crate::{ClientRefusal, Engine, Error};

pub(super) type Answer<T> = Result<Result<T, ClientRefusal>, Error>;

/// What may have signed an assertion: which of the two its algorithm belongs to.
pub(super) enum Signers {
    /// The client's secrets, opened.
    Secrets(Vec<VerifyingKey>),
    /// The keys that it registered or publishes.
    Keys,
}

/// The claims of the assertion, if one of these signed it and they hold.
pub(super) async fn signed<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    token: &ParsedJws<'_>,
    signers: Signers,
    now: Timestamp,
) -> Result<ValidClaims, ClientRefusal> {
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
        leeway: settings.leeway,
        now,
    };
    let signed = match signers {
        Signers::Secrets(secrets) => signed_by(secrets.into_iter(), token, &validation),
        Signers::Keys => engine.signed_by_client(client, token, &validation).await,
    };
    signed.map_err(|no_key| match no_key {
        NoKey::Unavailable => ClientRefusal::KeysUnavailable,
        NoKey::Unfit => ClientRefusal::AssertionSignature,
        NoKey::Rejected(rejection) => refusal(&rejection),
    })
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
