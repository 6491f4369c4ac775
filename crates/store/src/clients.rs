//! OAuth clients.

use std::sync::Arc;

use countersign_access::ports::Change;
use countersign_model::{Client, ClientId, ClientStatus, Timestamp, UserId};
use countersign_oauth::ports::{Clients, Unavailable};

use crate::sql::{Param, Row, json, params, statements, word};
use crate::tx::{Tx, Write};
use crate::{Result, Store, StoreError, access_tokens, grants, read_all};

// A client counts when the operator lets it, and the person who registered it, if one did, may still be here. `c` is the
// client and `o` its owner.
macro_rules! counts {
    () => {
        "c.status = 'enabled' AND (c.owner IS NULL OR COALESCE(o.status, '') = 'enabled')"
    };
}

macro_rules! with_owner {
    ($which:literal) => {
        concat!(
            "SELECT c.document, CASE WHEN c.owner IS NULL OR COALESCE(o.status, '') = 'enabled' THEN 0 ELSE 1 END \
             FROM clients c LEFT JOIN users o ON o.id = c.owner WHERE ",
            $which
        )
    };
}

pub(crate) use counts;

statements! {
    INSERT = "INSERT INTO clients (id, status, document, owner) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    BY_ID = "SELECT document FROM clients WHERE id = ?1";
    READ = with_owner!("c.id = ?1");
    LIST = with_owner!("c.id > ?1 ORDER BY c.id LIMIT ?2");
    OF_OWNER = "SELECT id FROM clients WHERE owner = ?1";
    UPDATE = "UPDATE clients SET status = ?2, document = ?3, owner = ?4 WHERE id = ?1";
    DELETE = "DELETE FROM clients WHERE id = ?1";
    FORGET_CONSENTS = "DELETE FROM consents WHERE client_id = ?1";
    /// Holds the row, so that nobody changes it between the look at it and the change.
    HOLD = "UPDATE clients SET status = status WHERE id = ?1 RETURNING document";
    KEYS_OF = "SELECT hash FROM api_keys WHERE owner = ?1 AND status = 'active'";
    ENABLED = concat!("SELECT 1 FROM clients c LEFT JOIN users o ON o.id = c.owner WHERE c.id = ?1 AND ", counts!());
}

fn read(mut row: Row) -> Result<Client> {
    row.json()
}

fn read_with_owner(mut row: Row) -> Result<Client> {
    let client: Client = row.json()?;
    Ok(Client { owner_disabled: row.flag()?, ..client })
}

fn values(client: &Client) -> Result<[Param<'_>; 4]> {
    let owner = Param::from(client.owner.as_ref());
    Ok([Param::from(&client.client_id), word(&client.status)?, json(client)?, owner])
}

impl Store {
    /// Keeps a new client.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the identifier is taken.
    pub async fn create_client(&self, client: &Client) -> Result<()> {
        self.write(Create(client.clone())).await
    }

    /// Changes a client as a whole; `false` when it is no longer what it was `before`, or there is none. There is no
    /// change without the comparison: it would bring back what somebody else has just taken away, a secret above all.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn change_client(&self, before: &Client, after: &Client, now: Timestamp) -> Result<bool> {
        self.write(ChangeClient { before: before.clone(), after: after.clone(), now }).await
    }

    /// Enables or disables a client; `false` when there is none. What a disabled client holds does not work, and
    /// works again when it is enabled before it expires.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn set_client_status(
        &self,
        id: &ClientId,
        status: ClientStatus,
        now: Timestamp,
    ) -> Result<bool> {
        self.write(SetStatus(id.clone(), status, now)).await
    }

    /// Removes a client, revokes everything it holds, and forgets what people agreed to; `false` when there is none.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn delete_client(&self, id: &ClientId, now: Timestamp) -> Result<bool> {
        self.write(Delete(id.clone(), now)).await
    }

    /// Clients in the order of their identifiers, those after one, at most `limit`.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn clients(&self, after: Option<&ClientId>, limit: u32) -> Result<Vec<Client>> {
        let after = after.map_or("", ClientId::as_str);
        read_all(self.many(&LIST, params![after, limit]).await?, read_with_owner)
    }

    pub(crate) async fn client_enabled(&self, id: &ClientId) -> Result<bool> {
        Ok(self.one(&ENABLED, params![id]).await?.is_some())
    }
}

impl Clients for Store {
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, Unavailable> {
        Ok(self.one(&READ, params![id]).await?.map(read_with_owner).transpose()?.map(Arc::new))
    }
}

struct Create(Client);

impl Write for Create {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        insert(tx, &self.0).await
    }
}

struct ChangeClient {
    before: Client,
    after: Client,
    now: Timestamp,
}

impl Write for ChangeClient {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self { before, after, now } = self;
        let known = tx.optional(&HOLD, params![&before.client_id]).await?.map(read).transpose()?;
        // The owner's state is not the client's own, and no change of it.
        let before = Client { owner_disabled: false, ..before.clone() };
        if known != Some(before) {
            return Ok(false);
        }
        update(tx, after, *now).await
    }
}

struct SetStatus(ClientId, ClientStatus, Timestamp);

impl Write for SetStatus {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(id, status, now) = self;
        let Some(mut client) = find(tx, id).await? else { return Ok(false) };
        client.status = *status;
        tx.execute(&UPDATE, &values(&client)?).await?;
        changed(tx, id, *now).await?;
        Ok(true)
    }
}

struct Delete(ClientId, Timestamp);

impl Write for Delete {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        delete(tx, &self.0, self.1).await
    }
}

/// Keeps a new client inside a transaction.
pub(crate) async fn insert(tx: &mut Tx<'_>, client: &Client) -> Result<()> {
    if tx.execute(&INSERT, &values(client)?).await? == 0 {
        return Err(StoreError::AlreadyExists { what: format!("a client {:?}", client.client_id.as_str()) });
    }
    tx.announce(Change::Client(client.client_id.clone()), client.created_at);
    Ok(())
}

/// The client as it stands inside a transaction.
pub(crate) async fn find(tx: &mut Tx<'_>, id: &ClientId) -> Result<Option<Client>> {
    tx.optional(&BY_ID, params![id]).await?.map(read).transpose()
}

/// Changes a client as a whole inside a transaction; `false` when there is none.
pub(crate) async fn update(tx: &mut Tx<'_>, client: &Client, now: Timestamp) -> Result<bool> {
    if tx.execute(&UPDATE, &values(client)?).await? == 0 {
        return Ok(false);
    }
    changed(tx, &client.client_id, now).await?;
    Ok(true)
}

/// Removes a client with all it holds inside a transaction; `false` when there is none.
pub(crate) async fn delete(tx: &mut Tx<'_>, id: &ClientId, now: Timestamp) -> Result<bool> {
    if tx.execute(&DELETE, params![id]).await? == 0 {
        return Ok(false);
    }
    // One by one, so that they stay dead if a client of the same name is registered later.
    grants::revoke_of_client(tx, id, now).await?;
    access_tokens::revoke_of_client(tx, id, now).await?;
    tx.execute(&FORGET_CONSENTS, params![id]).await?;
    changed(tx, id, now).await?;
    Ok(true)
}

/// Tells the checkers of a person's applications, which stop and begin again with the person.
pub(crate) async fn owner_changed(tx: &mut Tx<'_>, owner: &UserId, now: Timestamp) -> Result<()> {
    for mut row in tx.all(&OF_OWNER, params![owner]).await? {
        changed(tx, &ClientId::from(row.text()?), now).await?;
    }
    Ok(())
}

async fn changed(tx: &mut Tx<'_>, id: &ClientId, now: Timestamp) -> Result<()> {
    for mut row in tx.all(&KEYS_OF, params![id]).await? {
        tx.announce(Change::ApiKey(row.hash()?), now);
    }
    tx.announce(Change::Client(id.clone()), now);
    Ok(())
}
