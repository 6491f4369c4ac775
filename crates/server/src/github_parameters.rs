//! Parameters as clients written for GitHub send them.

use countersign_oauth::Parameters;

use crate::endpoints::Endpoint;

/// With what such clients leave out, and scopes as RFC 6749 §3.3 separates them.
pub(crate) fn completed(endpoint: Endpoint, parameters: Parameters<'_>) -> Parameters<'_> {
    if matches!(endpoint, Endpoint::GithubAccessToken) {
        parameters.with_default("grant_type", "authorization_code")
    } else if matches!(endpoint, Endpoint::GithubDeviceCode) {
        parameters.with_rewritten("scope", with_spaces)
    } else {
        parameters
    }
}

/// Scopes as RFC 6749 §3.3 separates them.
pub(crate) fn with_spaces(scopes: &str) -> String {
    scopes.split([',', ' ']).filter(|scope| !scope.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_come_with_commas_and_with_spaces() {
        for text in [
            "read:user,user:email",
            "read:user user:email",
            "read:user, user:email",
            ",read:user,,user:email ",
        ] {
            assert_eq!(with_spaces(text), "read:user user:email", "{text}");
        }
    }
}
