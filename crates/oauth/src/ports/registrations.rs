//! Clients that nobody but themselves looks after (RFC 7591, RFC 7592, Client ID Metadata Documents).

use std::future::Future;
use std::sync::Arc;

use countersign_model::{Client, ClientId, Timestamp, TokenHash};

use super::Answer;

/// A client that is about to be registered.
#[derive(Clone, Debug)]
pub struct NewRegistration {
    /// The client.
    pub client: Arc<Client>,
    /// Hash of the registration access token (RFC 7592 §1.2).
    pub token: TokenHash,
    /// Hash of the initial access token one use of which this takes.
    pub initial: Option<TokenHash>,
    /// How many clients may have registered themselves, this one included.
    pub most_clients: u32,
    /// When it is forgotten unless it is used.
    pub expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// What became of a registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Registered {
    /// It is kept, and the use is counted.
    Kept,
    /// The initial access token was used up or ended meanwhile: nothing is kept.
    TokenSpent,
    /// There are as many clients as may be: nothing is kept, no use is counted.
    Full,
}

/// A client that is known by a document at the URL that is its name.
#[derive(Clone, Debug)]
pub struct DocumentedClient {
    /// The client as the document has it.
    pub client: Client,
    /// How many clients may be known by document or have registered themselves, this one included.
    pub most_clients: u32,
    /// When it is forgotten unless it is used.
    pub expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// Clients that nobody but themselves looks after (RFC 7591, RFC 7592, Client ID Metadata Documents).
pub trait Registrations: Send + Sync {
    /// Whether this initial access token has a use left at `now`.
    fn initial_access_token_counts(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// Keeps a new client and takes one use of its initial access token, in one transaction: a token for one client
    /// registers one, however many come at the same instant.
    fn register_client(
        &self,
        registration: NewRegistration,
    ) -> impl Future<Output = Answer<Registered>> + Send;
    /// The hash of a client's registration access token; `None` for a client that did not register itself.
    fn registration_token(&self, id: &ClientId) -> impl Future<Output = Answer<Option<TokenHash>>> + Send;
    /// Changes a client that registered itself and puts `next` in the place of the presented token, if that still
    /// counts; `false` when it does not.
    fn replace_registration(
        &self,
        presented: &TokenHash,
        client: &Client,
        next: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// Removes a client with all it holds if the presented token counts; `false` when it does not.
    fn delete_registration(
        &self,
        id: &ClientId,
        presented: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// Notes that the client was used, so that it stays until `expires_at` at least.
    fn keep_registration(
        &self,
        id: &ClientId,
        expires_at: Timestamp,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Keeps a client as its metadata document has it, in the place of what an earlier document said. Whether it may
    /// be used and when it was first seen stay as they were; a client that is registered in another way stays as it is.
    /// Returns the client as it is kept now, or `None` when there is no room for another.
    fn keep_documented_client(
        &self,
        documented: DocumentedClient,
    ) -> impl Future<Output = Answer<Option<Arc<Client>>>> + Send;
}
