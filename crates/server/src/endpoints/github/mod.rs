//! What clients written for GitHub's OAuth applications talk to, with nothing but their base URL changed. The engine is the
//! one of every other endpoint; what differs is how parameters come and answers go.

pub(crate) mod access_token;
mod answer;
pub(crate) mod authorize;
pub(crate) mod device_code;
pub(crate) mod grant;
pub(crate) mod token;
pub(crate) mod user;

use countersign_oauth::Parameters;

use super::Endpoint;

/// With what such clients leave out, and scopes as RFC 6749 §3.3 separates them.
pub(crate) fn completed(endpoint: Endpoint, parameters: Parameters<'_>) -> Parameters<'_> {
    if matches!(endpoint, Endpoint::GithubAccessToken) {
        parameters.with_default("grant_type", "authorization_code")
    } else if matches!(endpoint, Endpoint::GithubDeviceCode) {
        parameters.with_rewritten("scope", authorize::with_spaces)
    } else {
        parameters
    }
}
