//! The profiles a client may be registered for, as data: each is a set of values for the same checks, and no check asks
//! for the name of a profile.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use countersign_jose::Algorithm;
use countersign_model::{Client, ClientAuthentication, Profile, ResponseMode, ResponseType};
use url::{Host, Url};

use crate::Settings;

/// What a profile demands. A client's own registration may demand more, never less.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether a nonce may stand in for PKCE (RFC 9700 §2.1.1: confidential clients of OpenID Connect only).
    pub nonce_for_pkce: bool,
    /// Whether confidential clients may go without PKCE (RFC 9700 §2.1.1: recommended for them, required of public
    /// ones). What they send counts.
    pub confidential_without_pkce: bool,
    /// Whether the token request must repeat a redirect URI that was sent (RFC 6749 §4.1.3; OAuth 2.1 §10.2 drops it,
    /// because redirect URIs are compared exactly).
    pub redirect_uri_repeated: bool,
    /// Whether a client's secret may be in the `Authorization` field or in the body, whichever it is registered for.
    pub secret_in_either_place: bool,
    /// Whether what a person gives always says who they are, and not only with the scope `openid`.
    pub tells_the_person: bool,
    /// Whether a client may check its access tokens, change them for others and end them, as GitHub's API has it.
    pub manages_its_tokens: bool,
    /// Whether requests must be pushed (RFC 9126 §5).
    pub pushed_requests: bool,
    /// Whether requests must be signed (RFC 9101 §10.5).
    pub signed_requests: bool,
    /// Whether a request object must say since when it counts (`nbf`), at most an hour ago.
    pub request_not_before: bool,
    /// Whether a request must carry what its client knows the answer again by: a nonce in OpenID Connect, else a state.
    pub nonce_or_state: bool,
    /// Whether people agree to what they have not agreed to before, also where the operator vouches for the client.
    pub explicit_approval: bool,
    /// How answers must be protected on their way through the browser.
    pub responses: ResponseProtection,
    /// What may be asked for, where the client is registered for it too.
    pub response_types: &'static [ResponseType],
    /// How the answer may come.
    pub response_modes: &'static [ResponseMode],
    /// What signatures may be made with: request objects, client assertions, and what is signed for the client.
    pub algorithms: &'static [Algorithm],
    /// Whether the client must prove who it is with a key that it alone has.
    pub asymmetric_authentication: bool,
    /// Whom a client assertion may be addressed to.
    pub assertion_audience: AssertionAudience,
    /// Whether access tokens must be bound to a key (RFC 8705 §3, RFC 9449).
    pub sender_constrained: bool,
    /// Whether each use of a refresh token ends it and gives another (RFC 9700 §4.14.2).
    pub rotates_refresh_tokens: bool,
    /// Where answers may go, of what was registered.
    pub redirects: Redirects,
    /// Whether a request must name the resources it is for (RFC 8707).
    pub resource_required: bool,
    /// What the scopes of a client mean that registered itself.
    pub registered_scopes: RegisteredScopes,
    /// Whether the metadata document of a client must have a name for people to read.
    pub named_documents: bool,
    /// The longest life of an authorization code.
    pub authorization_code: Duration,
}

/// How answers must be protected on their way through the browser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseProtection {
    /// By nothing more than `iss` (RFC 9207).
    Issuer,
    /// By a signature: an ID token with the hashes of code and state, or JARM.
    IdTokenOrJarm,
    /// By JARM.
    Jarm,
}

/// Whom a client assertion may be addressed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AssertionAudience {
    /// The issuer or the token endpoint, as older clients do.
    IssuerOrEndpoint,
    /// The issuer alone.
    Issuer,
}

/// Where answers may go, of what was registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Redirects {
    /// Anywhere.
    Registered,
    /// `https`, a loopback address or `localhost`.
    HttpsOrLocalhost,
    /// `https` or a loopback address, and the request says which.
    HttpsOrLoopbackNamed,
    /// `https`, and the request says which.
    HttpsNamed,
}

/// What the scopes of a client mean that registered itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegisteredScopes {
    /// The most it may ask for (RFC 7591 §2).
    Most,
    /// What it asks for where a request names none; it may go as far as the operator lets such clients go.
    Beginning,
}

const QUERY_AND_FORMS: &[ResponseMode] =
    &[ResponseMode::Query, ResponseMode::FormPost, ResponseMode::QueryJwt, ResponseMode::FormPostJwt];

/// RFC 9700 and OAuth 2.1.
const OAUTH_2_1: Rules = Rules {
    nonce_for_pkce: false,
    confidential_without_pkce: false,
    redirect_uri_repeated: true,
    secret_in_either_place: false,
    tells_the_person: false,
    manages_its_tokens: false,
    pushed_requests: false,
    signed_requests: false,
    request_not_before: false,
    nonce_or_state: false,
    explicit_approval: false,
    responses: ResponseProtection::Issuer,
    response_types: &[ResponseType::Code],
    response_modes: QUERY_AND_FORMS,
    // RFC 8725 §3.2: nothing symmetric where the other side has a key pair.
    algorithms: &[
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::EdDSA,
    ],
    asymmetric_authentication: false,
    assertion_audience: AssertionAudience::IssuerOrEndpoint,
    sender_constrained: false,
    rotates_refresh_tokens: true,
    redirects: Redirects::Registered,
    resource_required: false,
    registered_scopes: RegisteredScopes::Most,
    named_documents: false,
    authorization_code: Duration::from_secs(600),
};

/// OpenID Connect Core: what older relying parties know, where they are registered for it.
const OIDC: Rules = Rules {
    nonce_for_pkce: true,
    response_types: &ResponseType::ALL,
    response_modes: &ResponseMode::ALL,
    ..OAUTH_2_1
};

/// FAPI 1.0 part 2 §5.2.2.
const FAPI_1_ADVANCED: Rules = Rules {
    // Points 1, 10, 13: a signed request object, no older and no longer than an hour.
    signed_requests: true,
    request_not_before: true,
    // Point 2: `code id_token`, or `code` with JARM.
    responses: ResponseProtection::IdTokenOrJarm,
    response_types: &[ResponseType::Code, ResponseType::CodeIdToken],
    response_modes: &[
        ResponseMode::Fragment,
        ResponseMode::FormPost,
        ResponseMode::QueryJwt,
        ResponseMode::FragmentJwt,
        ResponseMode::FormPostJwt,
    ],
    // §8.6.
    algorithms: &[Algorithm::PS256, Algorithm::ES256],
    // Points 14 and 16.
    asymmetric_authentication: true,
    // Point 5.
    sender_constrained: true,
    // Part 1 §5.2.2.0, points 9 and 20, and §7.5: no address of a program on somebody's machine.
    redirects: Redirects::HttpsNamed,
    // Part 1 §5.2.2.2 and §5.2.2.3.
    nonce_or_state: true,
    // Part 1 §5.2.2.0, point 12.
    explicit_approval: true,
    ..OAUTH_2_1
};

/// FAPI 2.0 Security Profile §5.3.2, §5.4.
const FAPI_2_SECURITY: Rules = Rules {
    // §5.3.2.2, point 2.
    pushed_requests: true,
    // §5.4.1.
    algorithms: &[Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA],
    // §5.3.2.1, point 6.
    asymmetric_authentication: true,
    // §5.3.2.1, point 8.
    assertion_audience: AssertionAudience::Issuer,
    // §5.3.2.1, point 4.
    sender_constrained: true,
    // §5.3.2.1, point 9.
    rotates_refresh_tokens: false,
    // §5.3.2.2, points 6 and 8.
    redirects: Redirects::HttpsOrLoopbackNamed,
    // §5.3.2.1, point 11.
    authorization_code: Duration::from_secs(60),
    ..OAUTH_2_1
};

/// FAPI 2.0 Message Signing §5.3, §5.4.
const FAPI_2_MESSAGE_SIGNING: Rules = Rules {
    signed_requests: true,
    request_not_before: true,
    responses: ResponseProtection::Jarm,
    response_modes: &[ResponseMode::QueryJwt, ResponseMode::FormPostJwt],
    ..FAPI_2_SECURITY
};

/// Model Context Protocol, Authorization (2026-07-28): OAuth 2.1, and every token for the server it was asked for.
const MCP: Rules = Rules {
    response_modes: &[ResponseMode::Query, ResponseMode::FormPost],
    // "Communication Security", point 2.
    redirects: Redirects::HttpsOrLocalhost,
    // "Resource Parameter Implementation".
    resource_required: true,
    // "Step-Up Authorization Flow": a client registers when the first challenge names one scope, and asks for more when
    // a later one does.
    registered_scopes: RegisteredScopes::Beginning,
    // "Client ID Metadata Documents, Implementation Requirements".
    named_documents: true,
    ..OAUTH_2_1
};

/// What libraries for GitHub's OAuth applications know. They send no `code_challenge`, and name a redirect URI only
/// once.
const GITHUB: Rules = Rules {
    confidential_without_pkce: true,
    redirect_uri_repeated: false,
    secret_in_either_place: true,
    tells_the_person: true,
    manages_its_tokens: true,
    response_modes: &[ResponseMode::Query],
    ..OAUTH_2_1
};

impl Rules {
    /// The rules of a profile.
    #[must_use]
    pub const fn of(profile: Profile) -> &'static Self {
        match profile {
            Profile::OAuth21 => &OAUTH_2_1,
            Profile::Oidc => &OIDC,
            Profile::Fapi1Advanced => &FAPI_1_ADVANCED,
            Profile::Fapi2Security => &FAPI_2_SECURITY,
            Profile::Fapi2MessageSigning => &FAPI_2_MESSAGE_SIGNING,
            Profile::Mcp => &MCP,
            Profile::Github => &GITHUB,
        }
    }

    /// Whether the operator's word for a client stands for that of the people.
    pub(crate) fn vouches(client: &Client) -> bool {
        client.first_party && !Self::of(client.profile).explicit_approval
    }

    /// Whom a client assertion may be addressed to. RFC 9126 §2: at the pushed authorization request endpoint the issuer,
    /// the token endpoint and the endpoint itself are all taken, where the profile takes more than the issuer.
    pub(crate) fn assertion_audiences<'s>(&self, settings: &'s Settings) -> Vec<&'s str> {
        let at = &settings.endpoints;
        match self.assertion_audience {
            AssertionAudience::Issuer => vec![&settings.issuer],
            AssertionAudience::IssuerOrEndpoint => {
                // CIBA §7.1 says the same of its own endpoint.
                let endpoints = [&at.token, &at.pushed_authorization_request, &at.backchannel_authentication];
                std::iter::once(&settings.issuer).chain(endpoints).map(String::as_str).collect()
            }
        }
    }

    /// What of a client's registration its profile forbids, in words for who registers it.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn fit(client: &Client) -> Result<(), ProfileConflict> {
        let rules = Self::of(client.profile);
        let wanted = &client.authorization;
        if rules.asymmetric_authentication && !is_asymmetric(client.authentication) {
            return Err(ProfileConflict::Authentication);
        }
        if wanted.response_types.iter().any(|wanted| !rules.response_types.contains(wanted)) {
            return Err(ProfileConflict::ResponseType);
        }
        let algorithms = [
            &wanted.request_object_signing_alg,
            &wanted.authorization_signed_response_alg,
            &client.introspection_signed_response_alg,
            &client.backchannel.authentication_request_signing_alg,
        ];
        let is_known = |name: &str| rules.algorithms.iter().any(|known| known.as_str() == name);
        if algorithms.into_iter().flatten().any(|name| !is_known(name)) {
            return Err(ProfileConflict::Algorithm);
        }
        if !client.redirect_uris.iter().all(|uri| rules.redirects.allow(uri)) {
            return Err(ProfileConflict::RedirectUri);
        }
        if (rules.signed_requests || wanted.require_signed_request_object)
            && client.jwks.is_none()
            && client.jwks_uri.is_none()
        {
            return Err(ProfileConflict::NoKeys);
        }
        Ok(())
    }
}

/// Why a client can't be registered for a profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProfileConflict {
    /// Secrets are shared, and some clients have none.
    #[error(
        "this profile is for clients that authenticate by a key of their own: private_key_jwt or mutual TLS"
    )]
    Authentication,
    /// Not in this profile.
    #[error("this profile has no such response type")]
    ResponseType,
    /// Not in this profile.
    #[error("this profile does not sign with that algorithm")]
    Algorithm,
    /// In the clear, or on somebody's machine.
    #[error("this profile wants https redirect URIs; FAPI 2.0 and MCP take loopback addresses too")]
    RedirectUri,
    /// Nothing to verify by.
    #[error("signed requests need the client's keys: a JWK Set or where it is")]
    NoKeys,
}

/// Whether the client proves who it is with a key that it alone has.
const fn is_asymmetric(method: ClientAuthentication) -> bool {
    match method {
        ClientAuthentication::None
        | ClientAuthentication::ClientSecretBasic
        | ClientAuthentication::ClientSecretPost
        | ClientAuthentication::ClientSecretJwt => false,
        ClientAuthentication::PrivateKeyJwt
        | ClientAuthentication::TlsClientAuth
        | ClientAuthentication::SelfSignedTlsClientAuth => true,
    }
}

impl Redirects {
    /// Whether answers may go there.
    pub(crate) fn allow(self, uri: &str) -> bool {
        match self {
            Self::Registered => true,
            Self::HttpsOrLocalhost => Url::parse(uri).is_ok_and(|url| {
                is_https_or_loopback(&url) || url.scheme() == "http" && url.host_str() == Some("localhost")
            }),
            Self::HttpsOrLoopbackNamed => Url::parse(uri).is_ok_and(|url| is_https_or_loopback(&url)),
            Self::HttpsNamed => Url::parse(uri).is_ok_and(|url| url.scheme() == "https"),
        }
    }

    /// Whether a request must say where its answer goes.
    pub(crate) fn must_be_named(self) -> bool {
        match self {
            Self::Registered | Self::HttpsOrLocalhost => false,
            Self::HttpsOrLoopbackNamed | Self::HttpsNamed => true,
        }
    }
}

/// RFC 8252 §7.3: what never leaves the machine needs no TLS.
fn is_https_or_loopback(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", _) => true,
        ("http", Some(Host::Ipv4(address))) => address == Ipv4Addr::LOCALHOST,
        ("http", Some(Host::Ipv6(address))) => address == Ipv6Addr::LOCALHOST,
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_profile_is_weaker_than_oauth_2_1_but_for_what_older_clients_know() {
        for profile in Profile::ALL {
            let rules = Rules::of(profile);
            assert!(!rules.nonce_for_pkce || profile == Profile::Oidc);
            let is_github = profile == Profile::Github;
            assert_eq!(rules.confidential_without_pkce, is_github);
            assert_eq!(rules.redirect_uri_repeated, !is_github);
            assert_eq!(rules.secret_in_either_place, is_github);
            assert_eq!(rules.tells_the_person, is_github);
            assert_eq!(rules.manages_its_tokens, is_github);
            assert!(rules.authorization_code <= OAUTH_2_1.authorization_code);
            assert!(rules.algorithms.iter().all(|algorithm| OAUTH_2_1.algorithms.contains(algorithm)));
            assert!(rules.algorithms.iter().all(|algorithm| !algorithm.is_symmetric()));
            let front = rules.response_types.iter().any(|kind| kind.gives_id_token());
            assert_eq!(front, matches!(profile, Profile::Oidc | Profile::Fapi1Advanced), "RFC 9700 §2.1.2");
            let fragment = rules.response_modes.contains(&ResponseMode::Fragment);
            assert_eq!(front, fragment, "a fragment only where something comes in it");
        }
    }

    #[test]
    fn the_strict_profiles_ask_for_what_their_specifications_say() {
        let rules = Rules::of(Profile::Fapi2Security);
        assert!(rules.pushed_requests && rules.sender_constrained && rules.asymmetric_authentication);
        assert_eq!(rules.authorization_code, Duration::from_secs(60));
        let rules = Rules::of(Profile::Fapi2MessageSigning);
        assert!(rules.pushed_requests && rules.signed_requests && rules.request_not_before);
        assert!(rules.response_modes.iter().all(|mode| mode.is_signed()));
        let rules = Rules::of(Profile::Fapi1Advanced);
        assert!(!rules.algorithms.contains(&Algorithm::RS256) && rules.signed_requests);
        assert!(!rules.response_modes.contains(&ResponseMode::Query));
        assert!(rules.nonce_or_state && rules.explicit_approval && rules.redirects == Redirects::HttpsNamed);
        assert!(Rules::of(Profile::Mcp).resource_required);
    }

    #[test]
    fn only_what_never_leaves_the_machine_goes_without_tls() {
        let allowed = |uri| {
            let by = |redirects: Redirects| redirects.allow(uri);
            [
                by(Redirects::Registered),
                by(Redirects::HttpsOrLocalhost),
                by(Redirects::HttpsOrLoopbackNamed),
                by(Redirects::HttpsNamed),
            ]
        };
        for uri in ["https://app.example/cb", "https://localhost:8443/cb"] {
            assert_eq!(allowed(uri), [true; 4], "{uri}");
        }
        for uri in ["http://127.0.0.1:3000/cb", "http://[::1]/cb"] {
            assert_eq!(allowed(uri), [true, true, true, false], "{uri}");
        }
        assert_eq!(allowed("http://localhost:3000/cb"), [true, true, false, false]);
        for uri in [
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil.example/cb",
            "http://app.example/cb",
            "com.example:/cb",
        ] {
            assert_eq!(allowed(uri), [true, false, false, false], "{uri}");
        }
    }
}
