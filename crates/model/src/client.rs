//! OAuth clients (RFC 6749 §2, RFC 7591 §2).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    ApplicationType, AuthorizationMetadata, BackchannelMetadata, Ceiling, CertificateName, ClientId,
    ClientInformation, ClientOrigin, Lifetimes, OptionalScopes, Profile, ScopeSet, Timestamp, TokenHash,
    UserId,
};

/// A registered client. Field names follow the metadata of RFC 7591 §2 where it has one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Client {
    /// The client's public name.
    pub client_id: ClientId,
    /// How people know it.
    pub client_name: String,
    /// Whether it may be used.
    pub status: ClientStatus,
    /// How it proves who it is at the token endpoint.
    pub authentication: ClientAuthentication,
    /// The rules it lives by.
    #[serde(default)]
    pub profile: Profile,
    /// Its authorization requests and their answers.
    #[serde(default)]
    pub authorization: AuthorizationMetadata,
    /// Its backchannel authentication requests (CIBA §4).
    #[serde(default)]
    pub backchannel: BackchannelMetadata,
    /// Hashes of its secrets; two while one is being replaced.
    #[serde(default)]
    pub secrets: Vec<TokenHash>,
    /// Public keys for `private_key_jwt` and certificates for `self_signed_tls_client_auth`, a JWK Set (RFC 7517 §5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where to fetch them instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Where answers of the authorization endpoint may go, compared exactly (RFC 9700 §2.1).
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// What it may ask the token endpoint for.
    pub grant_types: BTreeSet<GrantType>,
    /// The most it may be given.
    pub scopes: ScopeSet,
    /// How far whoever looks after it may go, where the operator set a limit.
    #[serde(default)]
    pub ceiling: Ceiling,
    /// What it gets when it names none.
    #[serde(default)]
    pub default_scopes: ScopeSet,
    /// The resources (RFC 8707) its access tokens may be for; the first is the default. Empty: the server's default.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// What its access tokens look like.
    #[serde(default)]
    pub access_token_format: AccessTokenFormat,
    /// How long what it gets lives; the server's defaults where `None`.
    #[serde(default)]
    pub lifetimes: Lifetimes,
    /// Which of the scopes it asks for people may leave out.
    #[serde(default)]
    pub optional_scopes: OptionalScopes,
    /// Whether the operator vouches for it, so that people are not asked for consent.
    #[serde(default)]
    pub first_party: bool,
    /// Whether it may introspect tokens that are not its own: a resource server.
    #[serde(default)]
    pub may_introspect: bool,
    /// Secrets it signs with (`client_secret_jwt`), sealed under the master key: they are needed as they are. Two while
    /// one is being replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed_secrets: Vec<String>,
    /// The name its certificate must have, for `tls_client_auth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_name: Option<CertificateName>,
    /// Whether its access tokens are bound to the certificate it shows (RFC 8705 §3.4).
    #[serde(default)]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// Whether every token request of it must carry a DPoP proof (RFC 9449 §5.2).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Who registered it, when a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// Whether that person may not sign in any more, or is gone: the application stops with them. Not kept with the client,
    /// but told by the store whenever it is read.
    #[serde(skip)]
    pub owner_disabled: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// How it came to be registered.
    #[serde(default)]
    pub origin: ClientOrigin,
    /// Where it runs.
    #[serde(default)]
    pub application_type: ApplicationType,
    /// What it tells people of itself.
    #[serde(default)]
    pub information: ClientInformation,
    /// The one algorithm its assertions are signed with (OpenID Connect Registration §2); any that is offered where
    /// `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// How introspection answers to it are signed where it asks for a signature (RFC 9701 §6); the server's default
    /// where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<String>,
    /// How the key is wrapped by which such an answer is encrypted (RFC 9701 §6); not encrypted where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_alg: Option<String>,
    /// How its content is encrypted (RFC 9701 §6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_enc: Option<String>,
}

impl Client {
    /// A public client that may do nothing yet: the place to begin from when one is registered.
    #[must_use]
    pub fn new(client_id: ClientId, created_at: Timestamp) -> Self {
        Self {
            client_name: client_id.to_string(),
            client_id,
            status: ClientStatus::Enabled,
            authentication: ClientAuthentication::None,
            profile: Profile::default(),
            authorization: AuthorizationMetadata::default(),
            backchannel: BackchannelMetadata::default(),
            secrets: Vec::new(),
            jwks: None,
            jwks_uri: None,
            redirect_uris: Vec::new(),
            grant_types: BTreeSet::new(),
            scopes: ScopeSet::empty(),
            ceiling: Ceiling::default(),
            default_scopes: ScopeSet::empty(),
            audiences: Vec::new(),
            access_token_format: AccessTokenFormat::default(),
            lifetimes: Lifetimes::default(),
            optional_scopes: OptionalScopes::default(),
            first_party: false,
            may_introspect: false,
            sealed_secrets: Vec::new(),
            certificate_name: None,
            tls_client_certificate_bound_access_tokens: false,
            dpop_bound_access_tokens: false,
            owner: None,
            owner_disabled: false,
            created_at,
            origin: ClientOrigin::default(),
            application_type: ApplicationType::default(),
            information: ClientInformation::default(),
            token_endpoint_auth_signing_alg: None,
            introspection_signed_response_alg: None,
            introspection_encrypted_response_alg: None,
            introspection_encrypted_response_enc: None,
        }
    }

    /// Whether it can keep a secret (RFC 6749 §2.1).
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.authentication != ClientAuthentication::None
    }

    /// Whether the operator registered it, and knows whose it is: neither itself, nor a person for themselves.
    #[must_use]
    pub fn is_of_the_operator(&self) -> bool {
        self.origin == ClientOrigin::Operator && self.owner.is_none()
    }

    /// Whether it may be used at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.status == ClientStatus::Enabled && !self.owner_disabled
    }
}

/// Whether the client may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientStatus {
    /// It may.
    Enabled,
    /// It may not, and its tokens stop working.
    Disabled,
}

/// `token_endpoint_auth_method` (RFC 7591 §2, OpenID Connect Core §9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// A public client.
    None,
    /// Secret in the `Authorization` header (RFC 6749 §2.3.1).
    ClientSecretBasic,
    /// Secret in the form.
    ClientSecretPost,
    /// A JWT signed with a secret that both know (RFC 7523 §2.2).
    ClientSecretJwt,
    /// A JWT signed with the client's own key (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// A certificate that an authority vouches for (RFC 8705 §2.1).
    TlsClientAuth,
    /// A certificate that the client made and registered (RFC 8705 §2.2).
    SelfSignedTlsClientAuth,
}

impl ClientAuthentication {
    /// Every method there is here.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::ClientSecretJwt,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
    ];

    /// Whether it rests on a secret that both sides know.
    #[must_use]
    pub const fn has_secret(self) -> bool {
        match self {
            Self::None | Self::PrivateKeyJwt | Self::TlsClientAuth | Self::SelfSignedTlsClientAuth => false,
            Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt => true,
        }
    }

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        }
    }
}

/// Grant types (RFC 6749 §4, §6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// A code from the authorization endpoint.
    AuthorizationCode,
    /// The client in its own name.
    ClientCredentials,
    /// A refresh token.
    RefreshToken,
    /// A device whose person agrees elsewhere (RFC 8628 §3.4).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// One token for another (RFC 8693 §2.1).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
    /// The word of a trusted issuer (RFC 7523 §2.1).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
    /// A client that asked in the background, and whose person agrees elsewhere (CIBA §4).
    #[serde(rename = "urn:openid:params:grant-type:ciba")]
    Ciba,
}

impl GrantType {
    /// Every grant type there is here.
    pub const ALL: [Self; 7] = [
        Self::AuthorizationCode,
        Self::ClientCredentials,
        Self::RefreshToken,
        Self::DeviceCode,
        Self::TokenExchange,
        Self::JwtBearer,
        Self::Ciba,
    ];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Ciba => "urn:openid:params:grant-type:ciba",
        }
    }
}

/// What an access token looks like outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// A signed JWT (RFC 9068).
    #[default]
    Jwt,
    /// An opaque text that is looked up.
    Reference,
}
