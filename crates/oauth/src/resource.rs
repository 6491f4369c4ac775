//! Registered resources (RFC 8707): who they are, which scopes are theirs, and which kind of token they want.

use std::collections::BTreeMap;

use countersign_jose::Algorithm;
use countersign_model::{AccessTokenFormat, ScopeSet};
use url::Url;

use crate::shared_secret::SharedSecret;

/// What the operator says of a resource.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resource {
    /// Its scopes: tokens made for it carry these at most. Empty: whatever was given.
    pub scopes: ScopeSet,
    /// What tokens made for it look like, whatever the client gets elsewhere.
    pub access_token_format: AccessTokenFormat,
    /// What its tokens are signed with.
    pub signature: TokenSignature,
}

/// What the tokens of a resource are signed with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum TokenSignature {
    /// Our key that signs first.
    #[default]
    First,
    /// Our key of this algorithm.
    Key(Algorithm),
    /// A secret that the resource server has too, with HS256. Such a token is for this resource alone.
    Secret(SharedSecret),
}

impl Resource {
    /// The secret it shares, if its tokens are signed with one.
    pub(crate) const fn secret(&self) -> Option<&SharedSecret> {
        match &self.signature {
            TokenSignature::Secret(secret) => Some(secret),
            TokenSignature::First | TokenSignature::Key(_) => None,
        }
    }
}

/// Resources any client may ask for, besides those registered for it, by identifier.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resources(BTreeMap<String, Resource>);

impl Resources {
    /// Registers a resource, in place of an earlier one of the same identifier.
    pub fn insert(&mut self, identifier: String, resource: Resource) {
        self.0.insert(identifier, resource);
    }

    /// The resource of this identifier, compared exactly (RFC 8707 §2).
    #[must_use]
    pub fn get(&self, identifier: &str) -> Option<&Resource> {
        self.0.get(identifier)
    }

    /// An identifier that can't be one.
    pub(crate) fn malformed(&self) -> Option<&String> {
        self.0.keys().find(|identifier| !is_identifier(identifier))
    }

    /// An algorithm a resource wants and no key has.
    pub(crate) fn without_key(&self, known: &[Algorithm]) -> Option<(&String, Algorithm)> {
        self.0.iter().find_map(|(name, resource)| match resource.signature {
            TokenSignature::Key(algorithm) if !known.contains(&algorithm) => Some((name, algorithm)),
            TokenSignature::First | TokenSignature::Key(_) | TokenSignature::Secret(_) => None,
        })
    }

    /// Two resources that share one secret: each could make tokens for the other.
    pub(crate) fn of_one_secret(&self) -> Option<(&String, &String)> {
        let mut seen: Vec<(&String, &SharedSecret)> = Vec::new();
        for (name, resource) in &self.0 {
            let Some(secret) = resource.secret() else { continue };
            if let Some((other, _)) = seen.iter().find(|(_, known)| *known == secret) {
                return Some((other, name));
            }
            seen.push((name, secret));
        }
        None
    }

    /// Every scope of every resource.
    pub(crate) fn scopes(&self) -> ScopeSet {
        self.0.values().fold(ScopeSet::empty(), |all, resource| all.union(&resource.scopes))
    }

    /// What of these scopes a token for the named resources may carry (RFC 8707 §2.2): no more than is theirs, so that
    /// one of them can't use at another what it was sent. All of it where one of them is not particular.
    pub(crate) fn narrow(&self, named: &[String], scopes: &ScopeSet) -> ScopeSet {
        let mut theirs = ScopeSet::empty();
        for identifier in named {
            match self.get(identifier) {
                Some(resource) if !resource.scopes.is_empty() => theirs = theirs.union(&resource.scopes),
                Some(_) | None => return scopes.clone(),
            }
        }
        if named.is_empty() { scopes.clone() } else { scopes.intersection(&theirs) }
    }
}

/// RFC 8707 §2: an absolute URI without a fragment.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.len() <= 1_024 && !text.contains('#') && Url::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources() -> Resources {
        let mut resources = Resources::default();
        for (name, scopes) in [("urn:a", "read write"), ("urn:b", "read admin"), ("urn:any", "")] {
            let scopes = scopes.parse().unwrap();
            resources.insert(name.to_owned(), Resource { scopes, ..Resource::default() });
        }
        resources
    }

    #[test]
    fn a_token_carries_what_belongs_to_its_resources() {
        let given: ScopeSet = "openid read write admin".parse().unwrap();
        let narrowed = |named: &[&str]| {
            let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            resources().narrow(&named, &given).to_string()
        };
        assert_eq!(narrowed(&["urn:a"]), "read write");
        assert_eq!(narrowed(&["urn:b"]), "admin read");
        assert_eq!(narrowed(&["urn:a", "urn:b"]), "admin read write");
        for open in [&[][..], &["urn:any"], &["urn:a", "urn:any"], &["urn:unknown"]] {
            assert_eq!(narrowed(open), given.to_string(), "{open:?}");
        }
    }
}
