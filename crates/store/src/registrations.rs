//! Clients that nobody but themselves looks after (RFC 7591, RFC 7592, Client ID Metadata Documents), and the initial
//! access tokens by which they come.

use std::sync::Arc;

use countersign_model::{Client, ClientId, ClientOrigin, RegistrationTokenId, Timestamp, TokenHash};
use countersign_oauth::ports::{DocumentedClient, NewRegistration, Registered, Registrations, Unavailable};

use crate::sql::{Row, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, StoreError, clients, read_all};

macro_rules! columns {
    () => {
        "id, name, uses, most_uses, created_at, expires_at"
    };
}

statements! {
    INSERT_TOKEN = "INSERT INTO registration_tokens (id, hash, name, uses, most_uses, created_at, expires_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    LIST_TOKENS = concat!("SELECT ", columns!(), " FROM registration_tokens ORDER BY id");
    DELETE_TOKEN = "DELETE FROM registration_tokens WHERE id = ?1";
    TOKEN_COUNTS = "SELECT 1 FROM registration_tokens WHERE hash = ?1 \
        AND (most_uses IS NULL OR uses < most_uses) AND (expires_at IS NULL OR expires_at > ?2)";
    /// Whoever comes at the same instant waits for this row, and then counts from where it stands.
    USE_TOKEN = "UPDATE registration_tokens SET uses = uses + 1 WHERE hash = ?1 \
        AND (most_uses IS NULL OR uses < most_uses) AND (expires_at IS NULL OR expires_at > ?2)";
    COUNT = "SELECT COUNT(*) FROM client_registrations";
    INSERT = "INSERT INTO client_registrations (client_id, token, expires_at) VALUES (?1, ?2, ?3)";
    TOKEN = "SELECT token FROM client_registrations WHERE client_id = ?1";
    REPLACE_TOKEN = "UPDATE client_registrations SET token = ?3 WHERE client_id = ?1 AND token = ?2";
    TAKE = "DELETE FROM client_registrations WHERE client_id = ?1 AND token = ?2";
    KEEP = "UPDATE client_registrations SET expires_at = ?2 WHERE client_id = ?1 AND expires_at < ?2";
    EXPIRED = "SELECT client_id FROM client_registrations WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2";
    /// Once more at the moment of removal: a client may have been used since it was found.
    TAKE_EXPIRED = "DELETE FROM client_registrations WHERE client_id = ?1 AND expires_at <= ?2";
}

/// An initial access token (RFC 7591 §1.2) as it rests: the token itself is only hashed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistrationToken {
    /// Its public name.
    pub id: RegistrationTokenId,
    /// What the operator calls it.
    pub name: String,
    /// How many clients were registered with it.
    pub uses: u32,
    /// How many may be; `None`: any number.
    pub most_uses: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None`: when it is withdrawn.
    pub expires_at: Option<Timestamp>,
}

fn read_token(mut row: Row) -> Result<RegistrationToken> {
    let count = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
    Ok(RegistrationToken {
        id: row.text()?.into(),
        name: row.text()?,
        uses: count(row.int()?),
        most_uses: row.int_or_null()?.map(count),
        created_at: row.time()?,
        expires_at: row.time_or_null()?,
    })
}

impl Store {
    /// Keeps a new initial access token under the hash of its secret.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn create_registration_token(&self, token: &RegistrationToken, hash: TokenHash) -> Result<()> {
        self.write(CreateToken(token.clone(), hash)).await
    }

    /// Every initial access token, oldest first.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn registration_tokens(&self) -> Result<Vec<RegistrationToken>> {
        read_all(self.many(&LIST_TOKENS, &[]).await?, read_token)
    }

    /// Withdraws an initial access token; `false` when there is none. Clients registered with it stay.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn delete_registration_token(&self, id: &RegistrationTokenId) -> Result<bool> {
        self.write(DeleteToken(id.clone())).await
    }
}

struct CreateToken(RegistrationToken, TokenHash);

impl Write for CreateToken {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self(token, hash) = self;
        let values = params![
            &token.id,
            hash,
            token.name.as_str(),
            token.uses,
            token.most_uses,
            token.created_at,
            token.expires_at,
        ];
        tx.execute(&INSERT_TOKEN, values).await.map(drop)
    }
}

struct DeleteToken(RegistrationTokenId);

impl Write for DeleteToken {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        Ok(tx.execute(&DELETE_TOKEN, params![&self.0]).await? > 0)
    }
}

async fn is_full(tx: &mut Tx<'_>, most: u32) -> Result<bool> {
    let count = tx.optional(&COUNT, &[]).await?.map(|mut row| row.int()).transpose()?;
    Ok(count.unwrap_or(0) >= i64::from(most))
}

async fn insert(
    tx: &mut Tx<'_>,
    client: &Client,
    token: Option<&TokenHash>,
    expires_at: Timestamp,
) -> Result<()> {
    clients::insert(tx, client).await?;
    tx.execute(&INSERT, params![&client.client_id, token, expires_at]).await.map(drop)
}

struct Register(NewRegistration);

impl Write for Register {
    type Output = Registered;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Registered> {
        let Self(new) = self;
        if is_full(tx, new.most_clients).await? {
            return Ok(Registered::Full);
        }
        if let Some(initial) = &new.initial
            && tx.execute(&USE_TOKEN, params![initial, new.now]).await? == 0
        {
            return Ok(Registered::TokenSpent);
        }
        insert(tx, &new.client, Some(&new.token), new.expires_at).await?;
        Ok(Registered::Kept)
    }
}

struct Replace {
    presented: TokenHash,
    client: Client,
    next: TokenHash,
    now: Timestamp,
}

impl Write for Replace {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self { presented, client, next, now } = self;
        if tx.execute(&REPLACE_TOKEN, params![&client.client_id, presented, next]).await? == 0 {
            return Ok(false);
        }
        clients::update(tx, client, *now).await
    }
}

struct Delete(ClientId, TokenHash, Timestamp);

impl Write for Delete {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(id, presented, now) = self;
        if tx.execute(&TAKE, params![id, presented]).await? == 0 {
            return Ok(false);
        }
        clients::delete(tx, id, *now).await
    }
}

struct Keep(ClientId, Timestamp);

impl Write for Keep {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.execute(&KEEP, params![&self.0, self.1]).await.map(drop)
    }
}

struct Document(DocumentedClient);

impl Write for Document {
    type Output = Option<Arc<Client>>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<Arc<Client>>> {
        let Self(DocumentedClient { client, most_clients, expires_at, now }) = self;
        let Some(known) = clients::find(tx, &client.client_id).await? else {
            if is_full(tx, *most_clients).await? {
                return Ok(None);
            }
            return match insert(tx, client, None, *expires_at).await {
                Ok(()) => Ok(Some(Arc::new(client.clone()))),
                // Somebody else fetched the same document at the same instant.
                Err(StoreError::AlreadyExists { .. }) => {
                    Ok(clients::find(tx, &client.client_id).await?.map(Arc::new))
                }
                Err(error) => Err(error),
            };
        };
        if !matches!(known.origin, ClientOrigin::MetadataDocument { .. }) {
            return Ok(Some(Arc::new(known)));
        }
        // What the operator decided stays, whatever the document says now.
        let Client { status, created_at, ceiling, .. } = known;
        let client = Client { status, created_at, ceiling, ..client.clone() }.within_ceiling();
        clients::update(tx, &client, *now).await?;
        Ok(Some(Arc::new(client)))
    }
}

/// Removes clients that nobody used for so long, with all they hold, in one transaction of a few.
pub(crate) struct RemoveUnused {
    pub(crate) now: Timestamp,
    pub(crate) batch: u32,
}

impl Write for RemoveUnused {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let mut removed = 0;
        for mut row in tx.all(&EXPIRED, params![self.now, self.batch]).await? {
            let id = ClientId::from(row.text()?);
            if tx.execute(&TAKE_EXPIRED, params![&id, self.now]).await? > 0 {
                clients::delete(tx, &id, self.now).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl Registrations for Store {
    async fn initial_access_token_counts(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.one(&TOKEN_COUNTS, params![hash, now]).await?.is_some())
    }

    async fn register_client(&self, registration: NewRegistration) -> Result<Registered, Unavailable> {
        Ok(self.write(Register(registration)).await?)
    }

    async fn registration_token(&self, id: &ClientId) -> Result<Option<TokenHash>, Unavailable> {
        let row = self.one(&TOKEN, params![id]).await?;
        Ok(row.map(|mut row| row.hash_or_null()).transpose()?.flatten())
    }

    async fn replace_registration(
        &self,
        presented: &TokenHash,
        client: &Client,
        next: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let replace = Replace { presented: *presented, client: client.clone(), next: *next, now };
        Ok(self.write(replace).await?)
    }

    async fn delete_registration(
        &self,
        id: &ClientId,
        presented: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.write(Delete(id.clone(), *presented, now)).await?)
    }

    async fn keep_registration(&self, id: &ClientId, expires_at: Timestamp) -> Result<(), Unavailable> {
        Ok(self.write(Keep(id.clone(), expires_at)).await?)
    }

    async fn keep_documented_client(
        &self,
        documented: DocumentedClient,
    ) -> Result<Option<Arc<Client>>, Unavailable> {
        Ok(self.write(Document(documented)).await?)
    }
}
