//! By which name of its certificate a client is known (RFC 8705 §2.1.2).

use serde::{Deserialize, Serialize};

/// The one name that a client's certificate must have, under the metadata name of its kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CertificateName {
    /// The whole subject, as RFC 4514 writes it.
    #[serde(rename = "tls_client_auth_subject_dn")]
    SubjectDn(String),
    /// A DNS name among the subject's alternative names.
    #[serde(rename = "tls_client_auth_san_dns")]
    SanDns(String),
    /// A URI among them.
    #[serde(rename = "tls_client_auth_san_uri")]
    SanUri(String),
    /// An IP address among them.
    #[serde(rename = "tls_client_auth_san_ip")]
    SanIp(std::net::IpAddr),
    /// An e-mail address among them.
    #[serde(rename = "tls_client_auth_san_email")]
    SanEmail(String),
}

impl CertificateName {
    /// The registered metadata name.
    #[must_use]
    pub const fn parameter(&self) -> &'static str {
        match self {
            Self::SubjectDn(_) => "tls_client_auth_subject_dn",
            Self::SanDns(_) => "tls_client_auth_san_dns",
            Self::SanUri(_) => "tls_client_auth_san_uri",
            Self::SanIp(_) => "tls_client_auth_san_ip",
            Self::SanEmail(_) => "tls_client_auth_san_email",
        }
    }

    /// The name itself, as text.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::SubjectDn(name) | Self::SanDns(name) | Self::SanUri(name) | Self::SanEmail(name) => {
                name.clone()
            }
            Self::SanIp(address) => address.to_string(),
        }
    }
}
