//! What the operator lets clients do that register themselves, already checked.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_jose::{Algorithm, Algorithms};
use countersign_model::{GrantType, Profile, ScopeSet};

use super::PeoplePolicy;

/// Who may register a client, and what such a client may have. The same holds for clients that are known by a
/// metadata document.
#[derive(Clone, Debug)]
pub struct RegistrationPolicy {
    /// Who may register.
    pub access: RegistrationAccess,
    /// Grant types such a client may have.
    pub grant_types: BTreeSet<GrantType>,
    /// The most it may be given.
    pub scopes: ScopeSet,
    /// Profiles it may ask for; the first is for those that ask for none.
    pub profiles: Vec<Profile>,
    /// The types of authorization details it may ask for (RFC 9396 §10).
    pub authorization_details_types: BTreeSet<String>,
    /// Whose software statements are believed (RFC 7591 §2.3).
    pub statement_issuers: Vec<StatementIssuer>,
    /// Whether nobody registers without such a statement.
    pub require_statement: bool,
    /// Whether people with an account may register applications; `None`: they may not.
    pub people: Option<PeoplePolicy>,
    /// How long a client stays that nobody uses.
    pub unused_lifetime: Duration,
    /// How many such clients there may be: whoever is let in could fill the disk otherwise.
    pub most_clients: u32,
}

/// Who may register a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegistrationAccess {
    /// Nobody: there is no such endpoint.
    Off,
    /// Whoever has an initial access token (RFC 7591 §3).
    InitialAccessToken,
    /// Everybody.
    Open,
}

/// Somebody whose software statements are believed.
#[derive(Clone, Debug)]
pub struct StatementIssuer {
    /// The `iss` of its statements.
    pub issuer: String,
    /// Where its keys are.
    pub keys: StatementKeys,
    /// Algorithms it may sign with. Never HMAC.
    pub algorithms: Algorithms,
}

/// Where the keys of an issuer of statements are.
#[derive(Clone, Debug)]
pub enum StatementKeys {
    /// A JWK Set that the operator has at hand.
    Known(countersign_jose::JwkSet),
    /// A URL.
    Url(String),
}

/// Whether clients may be known by a document at the URL that is their name, and which.
#[derive(Clone, Debug)]
pub struct ClientDocumentPolicy {
    /// Hosts such documents may be on: exact, or `*.example.com`. Empty: every host.
    pub hosts: Vec<String>,
    /// A document is looked at again after this long at the latest, whatever its cache headers say.
    pub longest_fresh: Duration,
    /// And never more often than this.
    pub shortest_fresh: Duration,
}

impl Default for RegistrationPolicy {
    /// Off; and for whoever switches it on, what does least harm.
    fn default() -> Self {
        Self {
            access: RegistrationAccess::Off,
            grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            scopes: "openid profile email offline_access".parse().unwrap_or_default(),
            // Those that are no weaker than OAuth 2.1.
            profiles: vec![
                Profile::OAuth21,
                Profile::Fapi2Security,
                Profile::Fapi2MessageSigning,
                Profile::Mcp,
            ],
            authorization_details_types: BTreeSet::new(),
            statement_issuers: Vec::new(),
            require_statement: false,
            people: None,
            unused_lifetime: Duration::from_secs(90 * 86_400),
            most_clients: 10_000,
        }
    }
}

impl Default for ClientDocumentPolicy {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            longest_fresh: Duration::from_secs(86_400),
            shortest_fresh: Duration::from_secs(60),
        }
    }
}

impl ClientDocumentPolicy {
    /// Whether documents of this host are taken.
    pub(crate) fn allows(&self, host: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
            None => pattern == host,
        };
        self.hosts.is_empty() || self.hosts.iter().any(fits)
    }
}

impl StatementIssuer {
    /// Every algorithm with a public key: what an issuer may use unless the operator says less.
    #[must_use]
    pub fn default_algorithms() -> Algorithms {
        Algorithm::ALL.into_iter().filter(|known| !known.is_symmetric()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_for_names_below_it() {
        let policy = ClientDocumentPolicy {
            hosts: vec!["apps.example".to_owned(), "*.example.com".to_owned()],
            ..ClientDocumentPolicy::default()
        };
        assert!(
            policy.allows("apps.example")
                && policy.allows("a.example.com")
                && policy.allows("a.b.example.com")
        );
        for host in
            ["example.com", "evilexample.com", "xapps.example", "example.com.evil", ".example.com.evil"]
        {
            assert!(!policy.allows(host), "{host}");
        }
        assert!(ClientDocumentPolicy::default().allows("anybody.example"));
    }
}
