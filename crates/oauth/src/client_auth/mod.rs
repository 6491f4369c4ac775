//! Who calls the token, introspection and revocation endpoints (RFC 6749 §2.3): one file a method.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use countersign_model::Client;

/// The `Authorization` field of the request, as read by `access::extract::basic_credentials`.
#[derive(Clone, Copy, Default)]
pub enum Authorization<'a> {
    /// There was none.
    #[default]
    Absent,
    /// Basic: name and secret as sent, not yet form-decoded (RFC 6749 §2.3.1).
    Basic {
        /// Before the colon.
        name: &'a str,
        /// After it.
        secret: &'a str,
    },
    /// There was one, but of another scheme or malformed.
    Unusable,
}

impl std::fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Basic { name, .. } => f.debug_struct("Basic").field("name", name).finish_non_exhaustive(),
            Self::Unusable => f.write_str("Unusable"),
        }
    }
}

/// Fetches the JWK Set of a client that publishes it at a URL, guarded against requests into private networks, and
/// remembers it for a while.
pub trait FetchKeys: Send + Sync + 'static {
    /// The document. `fresh` asks for a look at the source, because a key was not in the remembered one.
    fn fetch<'a>(
        &'a self,
        url: &'a str,
        fresh: bool,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<[u8]>, KeysUnavailable>> + Send + 'a>>;
}

/// The keys could not be fetched.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the client's keys could not be fetched: {0}")]
pub struct KeysUnavailable(pub String);

/// A client that proved who it is, or that is public and said who it is. Only client authentication makes one.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient(Arc<Client>);

impl AuthenticatedClient {
    /// The client.
    #[must_use]
    pub fn client(&self) -> &Arc<Client> {
        &self.0
    }
}
