//! Clients whose name is the URL of their metadata (OAuth Client ID Metadata Document, a draft of the OAuth working
//! group): nobody registers them, their document says what they are.
//!
//! What such a document proves is that whoever answers at that host means this client. So people are shown the host.

use std::sync::Arc;
use std::time::Duration;

use countersign_access::ports::BoxFuture;
use countersign_model::{Client, ClientId, ClientOrigin, Timestamp};
use url::Url;

use super::{ClientDocumentPolicy, Members, RegistrationRefusal, Rules, Secrets, checks};
use crate::ports::{DocumentedClient, Ports};
use crate::profile::Rules as ProfileRules;
use crate::{Engine, Error};

/// A client that nobody has used yet is forgotten after this long: its document can be fetched again.
const UNUSED: Duration = Duration::from_secs(3_600);
/// While a document can't be fetched, a client that is known already may go on using what it holds for so long.
const STALE: Duration = Duration::from_secs(86_400);

/// Fetches documents that strangers name, guarded against requests into private networks, within limits of size, time
/// and number, and without following redirects.
pub trait FetchDocuments: Send + Sync + 'static {
    /// The document, if the answer was 200 and JSON.
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<FetchedDocument, DocumentUnavailable>>;
}

/// A document as it was fetched.
#[derive(Clone, Debug)]
pub struct FetchedDocument {
    /// The document.
    pub body: Arc<[u8]>,
    /// For how long its server says it may be kept (RFC 9111 §5.2.2.1), if it says so.
    pub max_age: Option<Duration>,
}

/// The document could not be fetched.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the client's metadata document could not be fetched: {0}")]
pub struct DocumentUnavailable(pub String);

/// Who may live on what was fetched before, when there is nothing new to be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fallback {
    /// A client that acts on what people gave it earlier.
    Allowed,
    /// A client about which a person is going to be asked.
    Refused,
}

impl<P: Ports> Engine<P> {
    /// The client of this name, enabled or not: registered, or as its document has it now.
    ///
    /// # Errors
    /// [`Error::ClientDocument`]: the name is a URL whose document can't be had or can't be used.
    pub(crate) async fn known_client(
        &self,
        id: &ClientId,
        fallback: Fallback,
    ) -> Result<Option<Arc<Client>>, Error> {
        let known = self.ports.client(id).await?;
        let fresh_until = match known.as_deref().map(|client| client.origin) {
            Some(ClientOrigin::Operator | ClientOrigin::Registration) => return Ok(known),
            Some(ClientOrigin::MetadataDocument { fresh_until }) => Some(fresh_until),
            None => None,
        };
        let Some((policy, _)) = self.settings.client_documents.as_ref().zip(self.documents.as_ref()) else {
            // Switched off: then there is no such client, whatever was known of it.
            return Ok(None);
        };
        if !id.as_str().starts_with("https://") {
            return Ok(None);
        }
        let url = document_url(id.as_str(), policy)?;
        let now = self.now();
        match (known, fresh_until) {
            (Some(client), Some(until)) if now < until => Ok(Some(client)),
            (Some(client), Some(until)) => match self.fetched(&url, policy, now).await {
                Err(Fault::Unavailable(error))
                    if fallback == Fallback::Allowed && now < until.plus(STALE) =>
                {
                    tracing::warn!(client = %id, %error, "the last metadata document is used");
                    Ok(Some(client))
                }
                fetched => self.documented(fetched, now).await,
            },
            (None, _) | (Some(_), None) => {
                let fetched = self.fetched(&url, policy, now).await;
                self.documented(fetched, now).await
            }
        }
    }

    /// The client as its document has it.
    async fn fetched(
        &self,
        url: &str,
        policy: &ClientDocumentPolicy,
        now: Timestamp,
    ) -> Result<Client, Fault> {
        let documents = self.documents.as_ref().ok_or(Fault::Unusable("it is not looked for"))?;
        let fetched = documents.fetch(url).await.map_err(Fault::Unavailable)?;
        let asked = Members::read(&fetched.body).map_err(|_| Fault::Unusable("it is no JSON object"))?;
        // "Client ID Metadata Document": the document names itself, to the letter, so that nobody gives out another's.
        if asked.text("client_id").ok().flatten() != Some(url) {
            return Err(Fault::Unusable("its client_id is not its own URL"));
        }
        // There is nobody who could have been told a secret.
        if asked.value("client_secret").is_some() || asked.value("client_secret_expires_at").is_some() {
            return Err(Fault::Unusable("it has a secret in it, which everybody can read"));
        }
        let algorithms = self.keys.algorithms();
        let rules = Rules { secrets: Secrets::None, ..self.registration_rules(&algorithms) };
        let checked = checks(&asked, &rules).map_err(|refusal| unusable(url, &refusal))?;
        let max_age = fetched.max_age.unwrap_or(policy.shortest_fresh);
        let fresh_until = now.plus(max_age.clamp(policy.shortest_fresh, policy.longest_fresh));
        let blank = Client {
            origin: ClientOrigin::MetadataDocument { fresh_until },
            ..Client::new(ClientId::from(url), now)
        };
        let client = checked.onto(blank).map_err(|refusal| unusable(url, &refusal))?;
        if ProfileRules::of(client.profile).named_documents && asked.value("client_name").is_none() {
            return Err(Fault::Unusable("it has no client_name"));
        }
        Ok(client)
    }

    /// Keeps what was fetched: tokens and consent refer to it.
    async fn documented(
        &self,
        fetched: Result<Client, Fault>,
        now: Timestamp,
    ) -> Result<Option<Arc<Client>>, Error> {
        let client = fetched.map_err(|fault| match fault {
            Fault::Unavailable(error) => {
                tracing::info!(%error, "a client's metadata document could not be fetched");
                Error::ClientDocument("it could not be fetched")
            }
            Fault::Unusable(fault) => Error::ClientDocument(fault),
        })?;
        let most_clients = self.settings.registration.most_clients;
        let documented = DocumentedClient { client, most_clients, expires_at: now.plus(UNUSED), now };
        let kept = self.ports.keep_documented_client(documented).await?;
        kept.map(Some).ok_or(Error::ClientDocument("no more clients are taken at the moment"))
    }

    /// Notes that a client that nobody looks after is in use, now and then rather than at every request.
    pub(crate) async fn note_use(&self, client: &Client) -> Result<(), Error> {
        if client.origin == ClientOrigin::Operator {
            return Ok(());
        }
        let now = self.now();
        let unused = self.settings.registration.unused_lifetime;
        let lately =
            self.noted.get(&client.client_id).is_some_and(|at| now.since(at) < unused / 32 && at <= now);
        if !lately {
            self.ports.keep_registration(&client.client_id, now.plus(unused)).await?;
            self.noted.insert(client.client_id.clone(), now);
        }
        Ok(())
    }
}

/// Why there is no document to go by.
enum Fault {
    Unavailable(DocumentUnavailable),
    Unusable(&'static str),
}

fn unusable(url: &str, refusal: &RegistrationRefusal) -> Fault {
    tracing::debug!(url, %refusal, "a client's metadata document can't be used");
    Fault::Unusable("its metadata is not taken here")
}

/// "Client Identifier URL": `https`, with a path, without dot segments, fragment and user name. A query is allowed
/// there and not here: every spelling of one would be another client.
fn document_url(id: &str, policy: &ClientDocumentPolicy) -> Result<String, Error> {
    let refused = |fault| Err(Error::ClientDocument(fault));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>');
    let Ok(url) = Url::parse(id) else { return refused("client_id is no URL") };
    if !id.bytes().all(is_plain) || id.contains(['#', '?', '@']) {
        return refused(
            "client_id has a query, a fragment, a user name or characters that belong into no URL",
        );
    }
    // What a parser would make of it must be what is there: dot segments, default ports and capital letters in the host
    // go in this way, and nothing is fetched from another place than the text says.
    if url.as_str() != id || url.path() == "/" || url.scheme() != "https" {
        return refused("client_id is not an https URL with a path, written in its plainest form");
    }
    match url.host_str() {
        Some(host) if policy.allows(host) => Ok(id.to_owned()),
        Some(_) | None => refused("documents of this host are not taken here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_their_plainest_form() {
        let policy = ClientDocumentPolicy::default();
        for id in ["https://app.example/oauth.json", "https://app.example:8443/a/b", "https://app.example/a/"]
        {
            assert_eq!(document_url(id, &policy).unwrap(), id);
        }
        for id in [
            "https://app.example",
            "https://app.example/",
            "https://app.example/a/../b",
            "https://app.example/./b",
            "https://app.example/%2e%2e/b",
            "https://app.example/a#b",
            "https://app.example/a?b",
            "https://user@app.example/a",
            "https://user:pw@app.example/a",
            "https://APP.example/a",
            "https://app.example:443/a",
            "https://app.example\\a",
            "https://app.example/a b",
            "https://0x7f.1/a",
            "https:///a",
            "https://",
        ] {
            assert!(document_url(id, &policy).is_err(), "{id}");
        }
    }

    #[test]
    fn only_from_hosts_that_are_allowed() {
        let policy = ClientDocumentPolicy { hosts: vec!["*.example.com".to_owned()], ..Default::default() };
        assert!(document_url("https://a.example.com/c", &policy).is_ok());
        assert!(document_url("https://example.org/c", &policy).is_err());
    }
}
