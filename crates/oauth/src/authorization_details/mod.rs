//! Rich authorization requests (RFC 9396): what a client asks for, in more words than a scope has.
//!
//! The operator registers types ([`DetailType`]); a request may name only those, and only fields that its type knows.

mod narrow;
mod types;

use countersign_model::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use types::{DetailField, DetailKind, DetailType, DetailTypes, InvalidDetailType};

use crate::{Error, Parameters};

/// Longest `authorization_details`, in bytes.
const LONGEST: usize = 16 * 1024;
/// Most objects in it.
const MOST: usize = 16;

/// Authorization details that are of registered types and well formed (RFC 9396 §2). Kept and sent on as they came.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorizationDetails(Vec<Map<String, Value>>);

// Numbers that are no numbers can't be written in JSON.
impl Eq for AuthorizationDetails {}

impl AuthorizationDetails {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each object.
    pub fn iter(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.0.iter()
    }

    /// What of them is of use at these resources: an object that names locations is for these alone (RFC 9396 §2.2,
    /// §3.1). All of it where no resource is named.
    pub(crate) fn at(&self, resources: &[String]) -> Self {
        let is_for = |detail: &&Map<String, Value>| match detail.get("locations").and_then(Value::as_array) {
            Some(locations) if !resources.is_empty() => locations
                .iter()
                .filter_map(Value::as_str)
                .any(|location| resources.iter().any(|resource| resource == location)),
            Some(_) | None => true,
        };
        Self(self.0.iter().filter(is_for).cloned().collect())
    }
}

/// `authorization_details` of a request; none where it has none.
pub(crate) fn asked(
    client: &Client,
    types: &DetailTypes,
    sent: &Parameters<'_>,
) -> Result<AuthorizationDetails, Error> {
    match sent.one("authorization_details") {
        None => Ok(AuthorizationDetails::default()),
        Some(text) => read(client, types, text).ok_or(Error::InvalidAuthorizationDetails),
    }
}

/// RFC 9396 §5: an unknown type, an unknown field, a field of the wrong kind or with a wrong value, a missing one: the
/// whole is refused.
fn read(client: &Client, types: &DetailTypes, text: &str) -> Option<AuthorizationDetails> {
    if text.len() > LONGEST {
        return None;
    }
    let details: AuthorizationDetails = serde_json::from_str(text).ok()?;
    let is_good = |detail: &Map<String, Value>| {
        let name = detail.get("type").and_then(Value::as_str)?;
        // RFC 9396 §10: only what the client is registered for.
        let registered = client.authorization.authorization_details_types.contains(name);
        types.get(name).filter(|_| registered)?.check(detail).then_some(())
    };
    let fits =
        (1..=MOST).contains(&details.0.len()) && details.iter().all(|detail| is_good(detail).is_some());
    fits.then_some(details)
}

/// What a token request asks for out of what was given (RFC 9396 §6.1, §7): all of it when it names nothing.
pub(crate) fn narrowed(
    client: &Client,
    types: &DetailTypes,
    given: &AuthorizationDetails,
    form: &Parameters<'_>,
) -> Result<AuthorizationDetails, Error> {
    let asked = asked(client, types, form)?;
    if asked.is_empty() {
        return Ok(given.clone());
    }
    let is_given = |asked: &Map<String, Value>| given.iter().any(|given| narrow::covers(given, asked));
    if asked.iter().all(is_given) { Ok(asked) } else { Err(Error::InvalidAuthorizationDetails) }
}

#[cfg(test)]
mod tests;
