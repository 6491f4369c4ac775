//! What an operator took away from a client that others look after: its owner, or the client itself.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Client, GrantType, ScopeSet};

/// The most that a client may have, whatever its owner or the client itself asks for. No limit where `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ceiling {
    /// Of grant types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<BTreeSet<GrantType>>,
    /// Of scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<ScopeSet>,
}

impl Ceiling {
    /// Whether this grant type is below it.
    #[must_use]
    pub fn allows(&self, grant_type: GrantType) -> bool {
        self.grant_types.as_ref().is_none_or(|most| most.contains(&grant_type))
    }

    /// Whether all of these scopes are below it.
    #[must_use]
    pub fn covers(&self, scopes: &ScopeSet) -> bool {
        self.scopes.as_ref().is_none_or(|most| most.covers(scopes))
    }

    /// Those of the scopes that are below it.
    #[must_use]
    pub fn within(&self, scopes: &ScopeSet) -> ScopeSet {
        self.scopes.as_ref().map_or_else(|| scopes.clone(), |most| most.intersection(scopes))
    }
}

impl Client {
    /// The client without what is above its ceiling.
    #[must_use]
    pub fn within_ceiling(self) -> Self {
        let ceiling = &self.ceiling;
        let grant_types = self.grant_types.iter().copied().filter(|grant| ceiling.allows(*grant)).collect();
        let (scopes, default_scopes) = (ceiling.within(&self.scopes), ceiling.within(&self.default_scopes));
        Self { grant_types, scopes, default_scopes, ..self }
    }
}
