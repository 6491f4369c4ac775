//! One file an endpoint, named as the specification names it.

pub(crate) mod account;
pub(crate) mod application;
mod application_form;
pub(crate) mod applications;
pub(crate) mod approvals;
pub(crate) mod approvals_api;
pub(crate) mod assets;
pub(crate) mod authorizations;
pub(crate) mod authorize;
pub(crate) mod backchannel_authentication;
pub(crate) mod consent;
pub(crate) mod crl;
pub(crate) mod device;
pub(crate) mod device_authorization;
pub(crate) mod device_qr;
pub(crate) mod discovery;
pub(crate) mod github;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod openapi;
pub(crate) mod par;
pub(crate) mod register;
pub(crate) mod registration;
pub(crate) mod revoke;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod token;
pub(crate) mod trust_bundle;
pub(crate) mod userinfo;

/// Every endpoint, for the routes, the metrics and the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Endpoint {
    Account,
    Applications,
    Authorizations,
    Approvals,
    ApprovalsApi,
    Assets,
    Authorize,
    BackchannelAuthentication,
    Consent,
    Crl,
    Device,
    DeviceAuthorization,
    DeviceQr,
    Discovery,
    GithubAccessToken,
    GithubAuthorize,
    GithubDeviceCode,
    GithubGrant,
    GithubToken,
    GithubUser,
    Health,
    Home,
    Introspect,
    Jwks,
    Metrics,
    Par,
    OpenApi,
    Register,
    Registration,
    Revoke,
    SignIn,
    SignOut,
    Token,
    TrustBundle,
    Userinfo,
    /// Nothing is there.
    Unknown,
}

impl Endpoint {
    /// Whether its parameters may come as a JSON object.
    pub(crate) const fn takes_json(self) -> bool {
        matches!(
            self,
            Self::GithubAccessToken | Self::GithubDeviceCode | Self::GithubGrant | Self::GithubToken
        )
    }

    pub(crate) const ALL: [Self; 36] = [
        Self::Account,
        Self::Applications,
        Self::Authorizations,
        Self::Approvals,
        Self::ApprovalsApi,
        Self::Assets,
        Self::Authorize,
        Self::BackchannelAuthentication,
        Self::Consent,
        Self::Crl,
        Self::Device,
        Self::DeviceAuthorization,
        Self::DeviceQr,
        Self::Discovery,
        Self::GithubAccessToken,
        Self::GithubAuthorize,
        Self::GithubDeviceCode,
        Self::GithubGrant,
        Self::GithubToken,
        Self::GithubUser,
        Self::Health,
        Self::Home,
        Self::Introspect,
        Self::Jwks,
        Self::Metrics,
        Self::Par,
        Self::OpenApi,
        Self::Register,
        Self::Registration,
        Self::Revoke,
        Self::SignIn,
        Self::SignOut,
        Self::Token,
        Self::TrustBundle,
        Self::Userinfo,
        Self::Unknown,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Applications => "applications",
            Self::Authorizations => "authorizations",
            Self::Approvals => "approvals",
            Self::ApprovalsApi => "approvals_api",
            Self::Assets => "assets",
            Self::Authorize => "authorize",
            Self::BackchannelAuthentication => "backchannel_authentication",
            Self::Consent => "consent",
            Self::Crl => "crl",
            Self::Device => "device",
            Self::DeviceAuthorization => "device_authorization",
            Self::DeviceQr => "device_qr",
            Self::Discovery => "discovery",
            Self::GithubAccessToken => "github_access_token",
            Self::GithubAuthorize => "github_authorize",
            Self::GithubDeviceCode => "github_device_code",
            Self::GithubGrant => "github_grant",
            Self::GithubToken => "github_token",
            Self::GithubUser => "github_user",
            Self::Health => "health",
            Self::Home => "home",
            Self::Introspect => "introspect",
            Self::Jwks => "jwks",
            Self::Metrics => "metrics",
            Self::Par => "par",
            Self::OpenApi => "openapi",
            Self::Register => "register",
            Self::Registration => "registration",
            Self::Revoke => "revoke",
            Self::SignIn => "sign_in",
            Self::SignOut => "sign_out",
            Self::Token => "token",
            Self::TrustBundle => "trust_bundle",
            Self::Userinfo => "userinfo",
            Self::Unknown => "unknown",
        }
    }
}
