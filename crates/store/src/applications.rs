//! Applications that people registered: clients with an owner.

use std::sync::Arc;

use countersign_model::{Client, ClientId, Timestamp, UserId};
use countersign_oauth::ports::{Applications, Registered, Unavailable};

use crate::sql::{Row, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, clients, read_all};

statements! {
    OF_OWNER = "SELECT document FROM clients WHERE owner = ?1 ORDER BY id";
    COUNT = "SELECT COUNT(*) FROM clients WHERE owner = ?1";
    /// Holds the person's row until the transaction ends: two who register at the same instant for one person take
    /// turns, so that neither misses the other's.
    HOLD_OWNER = "UPDATE users SET status = status WHERE id = ?1";
    HOLD_OF_OWNER = "UPDATE clients SET status = status WHERE id = ?1 AND owner = ?2";
}

fn read(mut row: Row) -> Result<Client> {
    row.json()
}

struct Register(Client, UserId, u32);

impl Write for Register {
    type Output = Registered;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Registered> {
        let Self(client, owner, most) = self;
        tx.execute(&HOLD_OWNER, params![owner]).await?;
        let count = tx.optional(&COUNT, params![owner]).await?.map(|mut row| row.int()).transpose()?;
        if count.unwrap_or(0) >= i64::from(*most) {
            return Ok(Registered::Full);
        }
        clients::insert(tx, client).await?;
        Ok(Registered::Kept)
    }
}

struct Delete(ClientId, UserId, Timestamp);

impl Write for Delete {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(id, owner, now) = self;
        if tx.execute(&HOLD_OF_OWNER, params![id, owner]).await? == 0 {
            return Ok(false);
        }
        clients::delete(tx, id, *now).await
    }
}

impl Applications for Store {
    async fn register_application(
        &self,
        client: &Client,
        owner: &UserId,
        most: u32,
    ) -> Result<Registered, Unavailable> {
        Ok(self.write(Register(client.clone(), owner.clone(), most)).await?)
    }

    async fn applications(&self, owner: &UserId) -> Result<Vec<Arc<Client>>, Unavailable> {
        let rows = self.many(&OF_OWNER, params![owner]).await?;
        Ok(read_all(rows, |row| read(row).map(Arc::new))?)
    }

    async fn change_application(
        &self,
        before: &Client,
        after: &Client,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.change_client(before, after, now).await?)
    }

    async fn delete_application(
        &self,
        id: &ClientId,
        owner: &UserId,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.write(Delete(id.clone(), owner.clone(), now)).await?)
    }
}
