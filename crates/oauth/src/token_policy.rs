//! What a client's token policy may be: found when the client is registered, not at its first request.

use std::time::Duration;

use countersign_model::{AccessTokenFormat, Client, GrantType, OptionalScopes, TokenLife};

/// What contradicts itself in a client's token policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenPolicyConflict {
    /// Nobody could verify its last hours.
    #[error(
        "a signed access token lives at most {0:?}: keys are not published longer for their last token; a reference token may live longer"
    )]
    SignedTooLong(Duration),
    /// RFC 9068 §2.2: a JWT has an end; and nobody would learn that it was taken back.
    #[error(
        "only a reference token can live until it is withdrawn, because it is looked up whenever it is used"
    )]
    SignedWithoutEnd,
    /// It would bring nothing and could leak.
    #[error("an access token that lives until it is withdrawn needs no refresh_token grant beside it")]
    RefreshWithoutEnd,
    /// There is nothing to withdraw.
    #[error(
        "an access token that lives until it is withdrawn is what a person agreed to: it needs authorization_code or device_code"
    )]
    NobodyToWithdraw,
    /// Nothing can live for no time.
    #[error("a lifetime is at least one second")]
    NoTime,
    /// It would never be asked for.
    #[error("a scope that people may leave out must be one that the client may have")]
    OptionalScope,
}

/// Whether a client's token policy can be kept. `longest_signed`: how long keys are published for their last token.
///
/// # Errors
/// The first thing that contradicts another.
pub fn check_token_policy(client: &Client, longest_signed: Duration) -> Result<(), TokenPolicyConflict> {
    let is_signed = client.access_token_format == AccessTokenFormat::Jwt;
    let may = |grant| client.grant_types.contains(&grant);
    match client.lifetimes.access_token {
        Some(TokenLife::Seconds(0)) => return Err(TokenPolicyConflict::NoTime),
        Some(TokenLife::Seconds(seconds))
            if is_signed && Duration::from_secs(seconds.into()) > longest_signed =>
        {
            return Err(TokenPolicyConflict::SignedTooLong(longest_signed));
        }
        Some(TokenLife::UntilWithdrawn) if is_signed => return Err(TokenPolicyConflict::SignedWithoutEnd),
        Some(TokenLife::UntilWithdrawn) if may(GrantType::RefreshToken) => {
            return Err(TokenPolicyConflict::RefreshWithoutEnd);
        }
        Some(TokenLife::UntilWithdrawn)
            if !may(GrantType::AuthorizationCode) && !may(GrantType::DeviceCode) =>
        {
            return Err(TokenPolicyConflict::NobodyToWithdraw);
        }
        Some(TokenLife::Seconds(_) | TokenLife::UntilWithdrawn) | None => {}
    }
    if client.lifetimes.refresh_token == Some(0) {
        return Err(TokenPolicyConflict::NoTime);
    }
    match &client.optional_scopes {
        OptionalScopes::Named(scopes) if !client.scopes.covers(scopes) => {
            Err(TokenPolicyConflict::OptionalScope)
        }
        OptionalScopes::Named(_) | OptionalScopes::AllButOpenid => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use countersign_model::{ClientId, Lifetimes, Timestamp};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn check(
        format: AccessTokenFormat,
        life: TokenLife,
        grants: &[GrantType],
    ) -> Result<(), TokenPolicyConflict> {
        let client = Client {
            access_token_format: format,
            lifetimes: Lifetimes { access_token: Some(life), refresh_token: None },
            grant_types: grants.iter().copied().collect::<BTreeSet<_>>(),
            ..Client::new(ClientId::from("app"), Timestamp::EPOCH)
        };
        check_token_policy(&client, DAY)
    }

    #[test]
    fn what_can_not_be_kept_is_refused() {
        use AccessTokenFormat::{Jwt, Reference};
        use GrantType::{AuthorizationCode, ClientCredentials, DeviceCode, RefreshToken};
        use TokenLife::{Seconds, UntilWithdrawn};
        use TokenPolicyConflict as Conflict;
        let code = &[AuthorizationCode][..];
        for (format, life, grants, expected) in [
            (Jwt, Seconds(86_400), code, Ok(())),
            (Jwt, Seconds(86_401), code, Err(Conflict::SignedTooLong(DAY))),
            (Reference, Seconds(86_401), &[ClientCredentials, RefreshToken], Ok(())),
            (Reference, Seconds(0), code, Err(Conflict::NoTime)),
            (Jwt, UntilWithdrawn, code, Err(Conflict::SignedWithoutEnd)),
            (Reference, UntilWithdrawn, code, Ok(())),
            (Reference, UntilWithdrawn, &[DeviceCode], Ok(())),
            (Reference, UntilWithdrawn, &[AuthorizationCode, RefreshToken], Err(Conflict::RefreshWithoutEnd)),
            (Reference, UntilWithdrawn, &[ClientCredentials], Err(Conflict::NobodyToWithdraw)),
        ] {
            assert_eq!(check(format, life, grants), expected, "{format:?} {life:?} {grants:?}");
        }
    }

    #[test]
    fn optional_scopes_are_among_the_clients() {
        let client = |scopes: &str| Client {
            scopes: "openid read".parse().unwrap(),
            optional_scopes: OptionalScopes::Named(scopes.parse().unwrap()),
            ..Client::new(ClientId::from("app"), Timestamp::EPOCH)
        };
        assert_eq!(check_token_policy(&client("read"), DAY), Ok(()));
        assert_eq!(check_token_policy(&client("write"), DAY), Err(TokenPolicyConflict::OptionalScope));
    }
}
