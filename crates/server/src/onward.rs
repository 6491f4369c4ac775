//! The pages of ours that somebody signs in for.

use countersign_oauth::UserCode;

use crate::params::Params;

/// Where the applications are that a person registered.
pub(crate) const APPLICATIONS: &str = "/applications";
/// Where the applications are that a person lets do something.
pub(crate) const AUTHORIZED: &str = "/account/authorizations";
/// Where it is shown what waits for a person's approval.
pub(crate) const APPROVALS: &str = "/account/approvals";

/// The page of ours that somebody signs in for. A fixed list: nobody is sent anywhere else from here (RFC 9700 §4.11).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Onward {
    /// Their account.
    #[default]
    Account,
    /// The applications they registered.
    Applications,
    /// What they let applications do.
    Authorizations,
    /// The page that connects a device, with the code they came with.
    Device(Option<UserCode>),
    /// What waits for their approval.
    Approvals,
}

impl Onward {
    /// As the sign-in page was asked for.
    pub(crate) fn read(params: &Params<'_>) -> Self {
        match params.one("to") {
            Some("applications") => Self::Applications,
            Some("authorizations") => Self::Authorizations,
            Some("device") => Self::Device(params.one("user_code").and_then(UserCode::read)),
            Some("approvals") => Self::Approvals,
            Some(_) | None => Self::Account,
        }
    }

    /// The sign-in page that leads there, below the issuer's path.
    pub(crate) fn sign_in(self) -> String {
        match self {
            Self::Account => "/sign-in".to_owned(),
            Self::Applications => "/sign-in?to=applications".to_owned(),
            Self::Authorizations => "/sign-in?to=authorizations".to_owned(),
            Self::Device(None) => "/sign-in?to=device".to_owned(),
            Self::Device(Some(code)) => format!("/sign-in?to=device&user_code={code}"),
            Self::Approvals => "/sign-in?to=approvals".to_owned(),
        }
    }

    /// The page itself, below the issuer's path.
    pub(crate) fn page(self) -> String {
        match self {
            Self::Account => "/account".to_owned(),
            Self::Applications => APPLICATIONS.to_owned(),
            Self::Authorizations => AUTHORIZED.to_owned(),
            Self::Device(None) => "/device".to_owned(),
            Self::Device(Some(code)) => format!("/device?user_code={code}"),
            Self::Approvals => APPROVALS.to_owned(),
        }
    }

    /// The form's hidden fields, and how the page completes "Sign in".
    pub(crate) fn words(self) -> (Vec<(&'static str, String)>, &'static str) {
        match self {
            Self::Account => (Vec::new(), "to see your account"),
            Self::Applications => {
                (vec![("to", "applications".to_owned())], "to see the applications you registered")
            }
            Self::Authorizations => {
                (vec![("to", "authorizations".to_owned())], "to see what applications may do in your name")
            }
            Self::Approvals => (vec![("to", "approvals".to_owned())], "to see what waits for your approval"),
            Self::Device(code) => {
                let to = ("to", "device".to_owned());
                let code = code.map(|code| ("user_code", code.to_string()));
                (std::iter::once(to).chain(code).collect(), "to connect a device")
            }
        }
    }
}
