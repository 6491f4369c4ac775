//! `resource` (RFC 8707 §2): syntax, and whether the client may ask for it.

use countersign_model::Client;

use crate::profile::Rules;
use crate::resource::is_identifier;
use crate::{Error, Parameters, Settings};

/// Most resources in one request.
const MOST: usize = 8;

/// The resources of a request, in order and each once. Empty: the client's or the server's default.
pub(crate) fn allowed(
    client: &Client,
    settings: &Settings,
    sent: &Parameters<'_>,
) -> Result<Vec<String>, Error> {
    let mut resources: Vec<String> = Vec::new();
    for resource in sent.all("resource") {
        // RFC 8707 §2: an absolute URI without a fragment; what we will not issue for is invalid_target.
        if !is_identifier(resource) || !may_ask_for(client, settings, resource) {
            return Err(Error::InvalidTarget);
        }
        if !resources.iter().any(|known| known == resource) {
            resources.push(resource.to_owned());
        }
        if resources.len() > MOST {
            return Err(Error::InvalidTarget);
        }
    }
    Ok(resources)
}

/// Some profiles want every token to be for a resource that was named (RFC 8707 §2: `invalid_target` when one is
/// missing, too).
pub(crate) fn named_where_it_must(client: &Client, resources: &[String]) -> Result<(), Error> {
    let must = Rules::of(client.profile).resource_required;
    if must && resources.is_empty() { Err(Error::InvalidTarget) } else { Ok(()) }
}

fn may_ask_for(client: &Client, settings: &Settings, resource: &str) -> bool {
    client.audiences.iter().any(|own| own == resource)
        || settings.resources.get(resource).is_some()
        || settings.default_audience == resource
}
