//! Applications that people registered.

use std::future::Future;
use std::sync::Arc;

use countersign_model::{Client, ClientId, Timestamp, UserId};

use super::{Answer, Registered};

/// Applications that people registered: clients with an owner.
pub trait Applications: Send + Sync {
    /// Keeps a new one, unless its owner has so many already; counted and kept in one transaction.
    fn register_application(
        &self,
        client: &Client,
        owner: &UserId,
        most: u32,
    ) -> impl Future<Output = Answer<Registered>> + Send;
    /// Those of a person, the oldest first.
    fn applications(&self, owner: &UserId) -> impl Future<Output = Answer<Vec<Arc<Client>>>> + Send;
    /// Puts `after` in the place of `before`; `false` when it is no longer what it was.
    fn change_application(
        &self,
        before: &Client,
        after: &Client,
        now: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// Removes one with all it holds; `false` when this person has none of this name.
    fn delete_application(
        &self,
        id: &ClientId,
        owner: &UserId,
        now: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
}
