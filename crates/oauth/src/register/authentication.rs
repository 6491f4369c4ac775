//! `token_endpoint_auth_method` and what belongs to it (RFC 7591 §2, OpenID Connect Registration §2).

use std::collections::BTreeSet;

use countersign_jose::{Algorithm, Algorithms};
use countersign_model::{ClientAuthentication, GrantType};

use super::{Members, RegistrationRefusal, Rules};

/// Whether a client may be given a secret of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Secrets {
    /// It is told one in the answer to its registration.
    Told,
    /// There is no way to tell it one.
    None,
}

pub(super) fn method(
    asked: &Members,
    grants: &BTreeSet<GrantType>,
    rules: &Rules<'_>,
) -> Result<ClientAuthentication, RegistrationRefusal> {
    let secrets = rules.secrets;
    let refused = |fault| RegistrationRefusal::metadata("token_endpoint_auth_method", fault);
    let method = match (asked.text("token_endpoint_auth_method")?, secrets) {
        (Some(name), _) => {
            let known = rules.methods.iter().find(|known| known.as_str() == name);
            *known.ok_or(refused("it is not offered"))?
        }
        // RFC 7591 §2.
        (None, Secrets::Told) => ClientAuthentication::ClientSecretBasic,
        (None, Secrets::None) => ClientAuthentication::None,
    };
    if secrets == Secrets::None && method.has_secret() {
        return Err(refused("a client that is known by its document has no secret"));
    }
    // RFC 6749 §4.4: only clients that can prove who they are.
    if method == ClientAuthentication::None && grants.contains(&GrantType::ClientCredentials) {
        return Err(refused("client_credentials is for clients that can prove who they are"));
    }
    Ok(method)
}

/// `token_endpoint_auth_signing_alg`: the one algorithm its assertions will be signed with.
pub(super) fn signing_algorithm(
    asked: &Members,
    method: ClientAuthentication,
    offered: Algorithms,
) -> Result<Option<String>, RegistrationRefusal> {
    let name = "token_endpoint_auth_signing_alg";
    let Some(algorithm) = asked.text(name)? else { return Ok(None) };
    // RFC 8725 §3.1: what a secret signs, no key does. §3.2: never `none`.
    let by_secret = method == ClientAuthentication::ClientSecretJwt;
    let fits = |known: Algorithm| if by_secret { known == Algorithm::HS256 } else { offered.contains(known) };
    match algorithm.parse::<Algorithm>() {
        Ok(known) if fits(known) => Ok(Some(algorithm.to_owned())),
        Ok(_) | Err(_) => Err(RegistrationRefusal::metadata(name, "it is not offered")),
    }
}
