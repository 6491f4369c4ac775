//! API keys.

use serde::{Deserialize, Serialize};

use crate::{AddressList, ApiKeyId, ScopeSet, Subject, Timestamp, TokenHash};

/// A key a caller holds. The secret was shown once; only its hash is here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ApiKey {
    /// Public name, fit for logs and lists.
    pub id: ApiKeyId,
    /// Hash of the whole key text, by which it is found.
    pub hash: TokenHash,
    /// What the owner calls it.
    pub name: String,
    /// Whom it speaks for.
    pub owner: Subject,
    /// What it may do.
    pub scopes: ScopeSet,
    /// Route names it may be used on; empty: every route that takes API keys.
    #[serde(default)]
    pub routes: Vec<String>,
    /// From where it may be used; empty: from everywhere.
    #[serde(default)]
    pub addresses: AddressList,
    /// Requests a minute it may make at each checker; `None`: no limit of its own.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Whether it was revoked.
    pub status: ApiKeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// Whether a key may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyStatus {
    /// It may.
    Active,
    /// Never again.
    Revoked,
}
