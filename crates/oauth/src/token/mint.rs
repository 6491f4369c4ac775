//! Access tokens for the operator's own hands.

use std::time::Duration;

use countersign_model::{Client, ScopeSet, User};

use super::TokenResponse;
use super::issue::{Order, Person, Speaker};
use crate::ports::{Ports, Recorded};
use crate::{AuthorizationDetails, Engine, Error, GrantRefusal};

/// What the operator wants minted.
#[derive(Clone, Copy, Debug)]
pub struct Mint<'a> {
    /// In whose name, or by whose way.
    pub client: &'a Client,
    /// The person it speaks of; `None`: the client itself.
    pub user: Option<&'a User>,
    /// What it may do.
    pub scopes: &'a ScopeSet,
    /// For which resource; `None`: the client's or the server's default.
    pub audience: Option<&'a str>,
    /// Its life; `None`: the client's or the server's default.
    pub lifetime: Option<Duration>,
}

impl<P: Ports> Engine<P> {
    /// Makes an access token for the operator, in the name of a client or of a person by way of a client. The operator
    /// is trusted: nothing is held against what is registered.
    ///
    /// # Errors
    /// The store or the keys failed.
    pub async fn mint(&self, order: Mint<'_>) -> Result<TokenResponse, Error> {
        let resources: Vec<String> = order.audience.map(str::to_owned).into_iter().collect();
        let speaker = order.user.map_or(Speaker::Client, |user| {
            Speaker::Person(Person { user: &user.id, grant: None, session: None, authentication: None })
        });
        let Mint { client, scopes, lifetime, .. } = order;
        let details = AuthorizationDetails::default();
        let order = Order {
            client,
            speaker,
            scopes,
            resources: &resources,
            details: &details,
            confirmation: None,
            act: None,
            lifetime,
        };
        let made = self.make_access_token(&order, self.now())?;
        match self.ports.record_issuance(&made.record, None).await? {
            Recorded::Kept => Ok(made.into_response()),
            Recorded::Revoked => Err(Error::InvalidGrant(GrantRefusal::Revoked)),
        }
    }
}
