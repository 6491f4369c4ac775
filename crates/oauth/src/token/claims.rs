//! The claims of an access token (RFC 9068 §2.2), borrowed, so that they are written once and never copied.

use countersign_access::Confirmation;
use countersign_model::ScopeSet;
use serde::{Serialize, Serializer};

use crate::AuthorizationDetails;

/// The claims of an access token.
#[derive(Serialize)]
pub(super) struct AccessClaims<'a> {
    pub(super) iss: &'a str,
    pub(super) sub: &'a str,
    pub(super) aud: Audience<'a>,
    pub(super) client_id: &'a str,
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    pub(super) scope: &'a ScopeSet,
    /// RFC 9396 §9.1.
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub(super) authorization_details: &'a AuthorizationDetails,
    pub(super) iat: i64,
    /// Always there in a JWT (RFC 9068 §2.2); a reference token may have no end (RFC 7662 §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<i64>,
    pub(super) jti: &'a str,
    /// RFC 7800 §3.1: the key whoever presents it must prove to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cnf: Option<Confirmation>,
    /// RFC 8693 §4.1: who acts for the subject, nearest outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) act: Option<&'a serde_json::Value>,
    /// RFC 9068 §2.2.1: only when a person signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) amr: &'a [String],
    /// The session (OpenID Connect Front-Channel Logout §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<&'a str>,
    /// Our own: the family, by which checkers learn that it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grant_id: Option<&'a str>,
}

/// RFC 7519 §4.1.3: one text, or a list of several.
pub(super) struct Audience<'a> {
    pub(super) resources: &'a [String],
    /// Where no resource is named.
    pub(super) default: &'a str,
    /// The server itself, for a token that opens userinfo (OpenID Connect Core §5.3).
    pub(super) userinfo: Option<&'a str>,
}

impl Audience<'_> {
    /// Each of them, once. A request that names resources gets a token for these alone (RFC 8707 §2): none of them
    /// shall be able to use it at another, userinfo included.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let unnamed = self.resources.is_empty();
        let default = unnamed.then_some(self.default);
        let userinfo = self.userinfo.filter(|server| unnamed && *server != self.default);
        self.resources.iter().map(String::as_str).chain(default).chain(userinfo)
    }
}

impl Serialize for Audience<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = self.iter();
        match (all.next(), all.next()) {
            (Some(only), None) => serializer.serialize_str(only),
            _ => serializer.collect_seq(self.iter()),
        }
    }
}
