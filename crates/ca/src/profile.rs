//! What may be issued, as data.

use std::net::IpAddr;
use std::time::Duration;

use countersign_model::AddressList;
use serde::{Deserialize, Serialize};

use crate::name::Name;

/// What a certificate may be used for (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// To be a TLS server.
    Server,
    /// To be a TLS client.
    Client,
    /// Both.
    Both,
}

/// Which names a profile allows. What is not listed is refused.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NamePolicy {
    /// DNS names: `api.example.com` itself, `*.example.com` for names one label longer (not a wildcard itself),
    /// `**.example.com` for names any number of labels longer, `*` for every name.
    pub dns: Vec<String>,
    /// Whether a certificate may carry a wildcard name that the patterns cover.
    pub wildcards: bool,
    /// Networks whose addresses are allowed; empty: none.
    pub addresses: AddressList,
    /// SPIFFE IDs: exact, or ending in `/*` for everything below.
    pub spiffe: Vec<String>,
}

/// A kind of certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What its certificates are for.
    pub usage: Usage,
    /// The names they may carry.
    pub names: NamePolicy,
    /// How long they live when nothing else is asked for.
    pub lifetime: Duration,
    /// How long they may live at most.
    pub max_lifetime: Duration,
    /// How far back they begin, for clocks that differ.
    pub backdate: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Profile {
    /// `server`: TLS servers with DNS names and addresses.
    #[must_use]
    pub fn server(names: NamePolicy) -> Self {
        Self::of("server", Usage::Server, names)
    }

    /// `client`: TLS clients with a SPIFFE ID and DNS names.
    #[must_use]
    pub fn client(names: NamePolicy) -> Self {
        Self::of("client", Usage::Client, names)
    }

    /// `service`: both ends of calls between services.
    #[must_use]
    pub fn service(names: NamePolicy) -> Self {
        Self::of("service", Usage::Both, names)
    }

    fn of(name: &str, usage: Usage, names: NamePolicy) -> Self {
        Self {
            name: name.to_owned(),
            usage,
            names,
            lifetime: DAY,
            max_lifetime: DAY * 30,
            backdate: Duration::from_secs(120),
        }
    }
}

impl NamePolicy {
    /// Whether a certificate may carry the name.
    #[must_use]
    pub fn allows(&self, name: &Name) -> bool {
        match name {
            Name::Dns(name) => self.allows_dns(name.as_str()),
            Name::Ip(address) => self.allows_address(*address),
            Name::Spiffe(id) => self.spiffe.iter().any(|pattern| match pattern.strip_suffix("/*") {
                Some(prefix) => id.as_str().strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/')),
                None => pattern == id.as_str(),
            }),
        }
    }

    fn allows_address(&self, address: IpAddr) -> bool {
        self.addresses.contains(address)
    }

    fn allows_dns(&self, name: &str) -> bool {
        // A wildcard is allowed where every name it stands for is.
        let (name, wildcard) = match name.strip_prefix("*.") {
            Some(_) if !self.wildcards => return false,
            Some(_) => (name.replacen('*', "x", 1), true),
            None => (name.to_owned(), false),
        };
        self.dns.iter().map(|pattern| pattern.to_ascii_lowercase()).any(|pattern| {
            if pattern == "*" {
                return true;
            }
            if let Some(suffix) = pattern.strip_prefix("**.") {
                return below(&name, suffix).is_some();
            }
            if let Some(suffix) = pattern.strip_prefix("*.") {
                return below(&name, suffix).is_some_and(|rest| !rest.contains('.'));
            }
            !wildcard && pattern == name
        })
    }
}

/// What stands before `.suffix`, when the name is below it.
fn below<'n>(name: &'n str, suffix: &str) -> Option<&'n str> {
    name.strip_suffix(suffix)?.strip_suffix('.').filter(|rest| !rest.is_empty())
}
