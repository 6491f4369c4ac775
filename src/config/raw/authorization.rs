//! Authorization requests: how they must come, and the types of authorization details.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::units::Span;

/// Authorization requests of every client. Profiles and registrations demand more for single ones.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawAuthorization {
    /// Takes only requests that were pushed before (RFC 9126 §5). Default: no.
    pub require_pushed_requests: bool,
    /// Takes only requests that their client has signed (RFC 9101 §10.5). Default: no.
    pub require_signed_requests: bool,
    /// How long a pushed request may be begun. Default: `90s`.
    pub pushed_request: Option<Span>,
}

/// A type of authorization details that clients may ask for (RFC 9396 §2.1).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDetailType {
    /// Its name, such as `payment_initiation`. Clients are registered for it by this name.
    #[serde(rename = "type")]
    pub name: String,
    /// The sentence people agree to, with the names of fields in braces: `Pay {amount} to {creditor}`.
    pub description: String,
    /// Its fields; `a.b` is `b` in the object `a`. No others are taken.
    #[serde(default)]
    pub fields: BTreeMap<String, RawDetailField>,
}

/// A field of a type of authorization details.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDetailField {
    /// What its value is.
    pub kind: RawDetailKind,
    /// Whether it must be there. Default: no.
    #[serde(default)]
    pub required: bool,
    /// The only values it may have. Default: any.
    #[serde(default)]
    pub values: Vec<String>,
}

/// What the value of a field is.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawDetailKind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// A list of texts, as `actions` and `locations` are.
    Texts,
}
