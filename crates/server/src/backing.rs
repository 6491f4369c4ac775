//! Who stands behind an application, and what of its own words may be shown.

use countersign_model::{Client, ClientOrigin};
use countersign_oauth::ports::People as _;

use crate::failure::Failure;
use crate::pages::Backing;
use crate::state::AppState;

/// Who stands behind an application.
pub(crate) async fn backing(state: &AppState, client: &Client) -> Result<Backing, Failure> {
    if let Some(owner) = &client.owner {
        let owner = state.store().user(owner).await?;
        return Ok(owner.map_or(Backing::Itself, |owner| {
            let username = owner.username.to_string();
            Backing::Person(match owner.display_name {
                Some(name) if name != username => format!("{name} ({username})"),
                Some(_) | None => username,
            })
        }));
    }
    Ok(match client.origin {
        ClientOrigin::Operator => Backing::Operator,
        ClientOrigin::Registration => Backing::Itself,
        ClientOrigin::MetadataDocument { .. } => {
            document_host(client).map_or(Backing::Itself, |host| Backing::Host(host.to_owned()))
        }
    })
}

/// The pages that an application names (RFC 7591 §2: people should be shown them).
pub(crate) fn links<'a>(client: &'a Client, redirect_uri: &str) -> Vec<(&'static str, &'a str)> {
    let about = &client.information;
    let pages = [("Website", &about.client_uri), ("Privacy", &about.policy_uri), ("Terms", &about.tos_uri)];
    let named = pages.into_iter().filter_map(|(what, address)| Some((what, address.as_deref()?)));
    let is_page = |address: &str| address.starts_with("https://") && may_show(client, redirect_uri, address);
    named.filter(|(_, address)| is_page(address)).collect()
}

/// Whether a page may show what a client names at this address. RFC 7591 §5: whoever registers can call itself anything;
/// so what nobody here vouches for is shown from the host alone that gets the answer, or that has the client's metadata
/// document. The other redirect URIs prove nothing: they are written down as easily as a name.
pub(crate) fn may_show(client: &Client, redirect_uri: &str, address: &str) -> bool {
    if !is_anybodys_word(client) {
        return true;
    }
    let host = |address: &str| {
        let url = url::Url::parse(address).ok().filter(|url| url.scheme() == "https")?;
        url.host_str().map(str::to_owned)
    };
    let document = document_host(client).is_some().then(|| client.client_id.as_str());
    let shown = host(address);
    shown.is_some() && [Some(redirect_uri), document].into_iter().flatten().any(|own| host(own) == shown)
}

/// The host of a client's metadata document: the one thing about it that was proved ("Client ID Metadata Document",
/// security considerations).
fn document_host(client: &Client) -> Option<&str> {
    let ClientOrigin::MetadataDocument { .. } = client.origin else { return None };
    // The engine takes such names in their plainest form only: what stands before the path is host and port.
    client.client_id.as_str().strip_prefix("https://")?.split('/').next()
}

/// Whether nobody here vouches for who the client is.
pub(crate) fn is_anybodys_word(client: &Client) -> bool {
    match client.origin {
        ClientOrigin::Operator => client.owner.is_some(),
        ClientOrigin::Registration | ClientOrigin::MetadataDocument { .. } => true,
    }
}

/// MCP Authorization, "Localhost Redirect URI Risks"; RFC 8252 §8.6: whoever listens on this device gets the answer.
pub(crate) fn stays_here(redirect_uri: &str) -> bool {
    !redirect_uri.starts_with("https://")
}
