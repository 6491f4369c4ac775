//! Protected resource metadata (RFC 9728): what a client needs to know to get a token for what a route protects.

use std::collections::HashMap;

use bytes::Bytes;
use countersign_model::{Scope, ScopeSet};
use serde::Serialize;
use url::Url;

use crate::hygiene::host_name;

/// Where metadata is, before the resource's own path (RFC 9728 §3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What a route protects, as clients are told. Several routes may protect parts of one resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProtectedResource {
    identifier: String,
    url: Url,
    /// How people know it (§2, `resource_name`).
    pub name: Option<String>,
    /// Where developers read about it (§2, `resource_documentation`).
    pub documentation: Option<String>,
    /// The issuers whose tokens are accepted (§2, `authorization_servers`).
    pub authorization_servers: Vec<String>,
    /// The scopes that are asked for (§2, `scopes_supported`).
    pub scopes: ScopeSet,
}

/// The document (§2).
#[derive(Serialize)]
struct Document<'a> {
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<&'a str>,
    // §3.2: what has no value is not there.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    authorization_servers: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<&'a str>,
    bearer_methods_supported: [&'static str; 1],
}

impl ProtectedResource {
    /// The resource of this identifier, if a gateway can publish something for it: an http or https URL without query
    /// and fragment (§1.2; http is for development).
    #[must_use]
    pub fn new(identifier: &str) -> Option<Self> {
        let url = Url::parse(identifier).ok()?;
        let fits = matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        fits.then(|| Self {
            identifier: identifier.to_owned(),
            url,
            name: None,
            documentation: None,
            authorization_servers: Vec::new(),
            scopes: ScopeSet::empty(),
        })
    }

    /// The host it is reached at.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Where its metadata is: the well-known path between host and path (§3.1).
    #[must_use]
    pub fn metadata_address(&self) -> String {
        let mut address = self.url.clone();
        address.set_path(&self.metadata_path());
        address.into()
    }

    /// §3.1: of the slashes the one that follows the host goes; one that ends a longer path belongs to it.
    fn metadata_path(&self) -> String {
        let path = self.url.path();
        format!("{WELL_KNOWN}{}", if path == "/" { "" } else { path })
    }

    /// Takes up what another route says of the same resource.
    fn merge(&mut self, other: Self) {
        self.name = self.name.take().or(other.name);
        self.documentation = self.documentation.take().or(other.documentation);
        self.scopes = self.scopes.union(&other.scopes);
        for server in other.authorization_servers {
            if !self.authorization_servers.contains(&server) {
                self.authorization_servers.push(server);
            }
        }
    }

    fn document(&self) -> Bytes {
        let document = Document {
            // §3.3: exactly the identifier, else clients must not use it.
            resource: &self.identifier,
            resource_name: self.name.as_deref(),
            resource_documentation: self.documentation.as_deref(),
            authorization_servers: &self.authorization_servers,
            scopes_supported: self.scopes.iter().map(Scope::as_str).collect(),
            // RFC 6750 §2.2 and §2.3 are not taken here.
            bearer_methods_supported: ["header"],
        };
        serde_json::to_vec(&document).unwrap_or_default().into()
    }
}

/// The documents of a route table, by host and path.
#[derive(Default)]
pub(crate) struct Published(HashMap<(String, String), Bytes>);

impl Published {
    /// Documents for these resources; what several routes say of one is put together.
    pub(crate) fn of(resources: impl IntoIterator<Item = ProtectedResource>) -> Self {
        let mut merged: Vec<ProtectedResource> = Vec::new();
        for resource in resources {
            match merged.iter_mut().find(|known| known.identifier == resource.identifier) {
                Some(known) => known.merge(resource),
                None => merged.push(resource),
            }
        }
        let place = |resource: &ProtectedResource| {
            let host = host_name(resource.url.host_str()?.as_bytes())?.into_owned();
            Some(((host, resource.metadata_path()), resource.document()))
        };
        Self(merged.iter().filter_map(place).collect())
    }

    /// The document at this place, for a host and a path in normal form.
    pub(crate) fn find(&self, host: &str, path: &str) -> Option<&Bytes> {
        if self.0.is_empty() || !path.starts_with(WELL_KNOWN) {
            return None;
        }
        // Some clients take a slash at the end off or put one there. Both find it, unless that is another resource.
        let at = |path: &str| self.0.get(&(host.to_owned(), path.to_owned()));
        at(path).or_else(|| match path.strip_suffix('/') {
            None => at(&format!("{path}/")),
            Some(bare) => at(bare).filter(|_| !bare.ends_with('/')),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_goes_between_host_and_path() {
        // RFC 9728 §3.1, and its rule about a terminating slash after the host.
        for (identifier, address) in [
            (
                "https://resource.example.com",
                "https://resource.example.com/.well-known/oauth-protected-resource",
            ),
            (
                "https://resource.example.com/",
                "https://resource.example.com/.well-known/oauth-protected-resource",
            ),
            (
                "https://resource.example.com:8443/resource1",
                "https://resource.example.com:8443/.well-known/oauth-protected-resource/resource1",
            ),
            (
                "https://resource.example.com/notes/",
                "https://resource.example.com/.well-known/oauth-protected-resource/notes/",
            ),
        ] {
            assert_eq!(ProtectedResource::new(identifier).unwrap().metadata_address(), address);
        }
        for other in
            ["urn:orders", "orders", "https://x.example/?a", "https://x.example/#a", "https://u:p@x.example/"]
        {
            assert!(ProtectedResource::new(other).is_none(), "{other}");
        }
    }

    #[test]
    fn what_has_no_value_is_not_there_and_a_slash_at_the_end_hides_nothing() {
        let published = Published::of(ProtectedResource::new("https://api.example/notes/"));
        for path in ["/notes", "/notes/"] {
            let found = published.find("api.example", &format!("{WELL_KNOWN}{path}")).unwrap();
            let document: serde_json::Value = serde_json::from_slice(found).unwrap();
            assert_eq!(document["resource"], "https://api.example/notes/", "§3.3");
            let names: Vec<&String> = document.as_object().unwrap().keys().collect();
            assert_eq!(names, ["bearer_methods_supported", "resource"], "§3.2");
        }
        assert!(published.find("api.example", &format!("{WELL_KNOWN}/notes//")).is_none());
        // Two that differ by it are two.
        let both = ["https://api.example/notes/", "https://api.example/notes"];
        let published = Published::of(both.map(|identifier| ProtectedResource::new(identifier).unwrap()));
        for (path, resource) in [("/notes/", both[0]), ("/notes", both[1])] {
            let found = published.find("api.example", &format!("{WELL_KNOWN}{path}")).unwrap();
            let document: serde_json::Value = serde_json::from_slice(found).unwrap();
            assert_eq!(document["resource"], resource);
        }
    }

    #[test]
    fn routes_that_protect_one_resource_speak_with_one_voice() {
        let part = |scopes: &str, server: &str| ProtectedResource {
            scopes: scopes.parse().unwrap(),
            authorization_servers: vec![server.to_owned()],
            ..ProtectedResource::new("https://api.example/v1").unwrap()
        };
        let published = Published::of([part("a", "https://one.example"), part("b", "https://two.example")]);
        let document = published.find("api.example", "/.well-known/oauth-protected-resource/v1").unwrap();
        let document: serde_json::Value = serde_json::from_slice(document).unwrap();
        assert_eq!(document["resource"], "https://api.example/v1");
        assert_eq!(document["scopes_supported"], serde_json::json!(["a", "b"]));
        let servers = serde_json::json!(["https://one.example", "https://two.example"]);
        assert_eq!(document["authorization_servers"], servers);
        assert!(published.find("other.example", "/.well-known/oauth-protected-resource/v1").is_none());
        assert!(published.find("api.example", "/.well-known/oauth-protected-resource").is_none());
    }
}
