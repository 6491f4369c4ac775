//! What a checker that starts must know: everything revoked that has not expired.

use countersign_access::ports::{BoxFuture, Change, RevocationList, Revocations, Unavailable};
use countersign_model::{ClientId, Timestamp, UserId};

use crate::sql::{params, statements};
use crate::{Result, Store, clients, read_all};

statements! {
    TOKENS = "SELECT id, expires_at FROM access_tokens WHERE revoked_at IS NOT NULL AND expires_at > ?1";
    GRANTS = "SELECT id, tokens_expire_at FROM grants WHERE revoked_at IS NOT NULL AND tokens_expire_at > ?1";
    CLIENTS = concat!("SELECT c.id FROM clients c LEFT JOIN users o ON o.id = c.owner \
        WHERE NOT (", clients::counts!(), ")");
    USERS = "SELECT id FROM users WHERE status = 'disabled'";
}

impl Store {
    /// The revocations of tokens and grants whose tokens have not expired, as the feed would have told them.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn live_revocations(&self, now: Timestamp) -> Result<Vec<Change>> {
        let list = self.list_revocations(now).await?;
        let tokens = list.tokens.into_iter().map(|(id, until)| Change::TokenRevoked(id, until));
        let grants = list.grants.into_iter().map(|(id, until)| Change::GrantRevoked(id, until));
        Ok(tokens.chain(grants).collect())
    }

    async fn list_revocations(&self, now: Timestamp) -> Result<Revocations> {
        Ok(Revocations {
            tokens: read_all(self.many(&TOKENS, params![now]).await?, |mut row| {
                Ok((row.text()?.into(), row.time()?))
            })?,
            grants: read_all(self.many(&GRANTS, params![now]).await?, |mut row| {
                Ok((row.text()?.into(), row.time()?))
            })?,
            disabled_clients: read_all(self.many(&CLIENTS, params![]).await?, |mut row| {
                Ok(row.text()?.into())
            })?,
            disabled_users: read_all(self.many(&USERS, params![]).await?, |mut row| Ok(row.text()?.into()))?,
        })
    }
}

impl RevocationList for Store {
    fn revocations(&self, now: Timestamp) -> BoxFuture<'_, Result<Revocations, Unavailable>> {
        Box::pin(async move { Ok(self.list_revocations(now).await?) })
    }

    fn client_is_enabled<'a>(&'a self, client: &'a ClientId) -> BoxFuture<'a, Result<bool, Unavailable>> {
        Box::pin(async move { Ok(self.client_enabled(client).await?) })
    }

    fn user_is_enabled<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<bool, Unavailable>> {
        Box::pin(async move { Ok(self.user_enabled(user).await?) })
    }
}
