//! API keys.

use std::sync::Arc;

use countersign_access::ports::{self as access, BoxFuture, Change};
use countersign_model::{ApiKey, ApiKeyId, Subject, Timestamp, TokenHash};

use crate::api_key_use::{self, ApiKeyUse};
use crate::sql::{Param, Row, json, params, statements, word};
use crate::tx::{Tx, Write};
use crate::{Result, Store, StoreError, read_all};

macro_rules! columns {
    ($status:literal) => {
        concat!(
            "k.id, k.hash, k.name, k.owner, k.scopes, k.routes, k.addresses, k.requests_per_minute, ",
            $status,
            ", k.created_at, k.expires_at"
        )
    };
}

macro_rules! list {
    ($where:literal) => {
        concat!(
            "SELECT ",
            columns!("k.status"),
            ", l.used_at, l.address, l.route FROM api_keys k LEFT JOIN api_key_uses l ON l.key_id = k.id WHERE ",
            $where
        )
    };
}

statements! {
    INSERT = "INSERT INTO api_keys (id, hash, name, owner, scopes, routes, addresses, requests_per_minute, status, \
        created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING";
    /// A key that speaks for somebody who is disabled counts as revoked.
    BY_HASH = concat!("SELECT ", columns!("CASE WHEN u.status = 'disabled' OR c.status = 'disabled' \
        OR (c.owner IS NOT NULL AND COALESCE(o.status, '') <> 'enabled') THEN 'revoked' ELSE k.status END"), " FROM api_keys k LEFT JOIN users u ON u.id = k.owner \
        LEFT JOIN clients c ON c.id = k.owner LEFT JOIN users o ON o.id = c.owner WHERE k.hash = ?1");
    BY_ID = list!("k.id = ?1");
    LIST = list!("k.id > ?1 ORDER BY k.id LIMIT ?2");
    OF_OWNER = list!("k.owner = ?1 AND k.id > ?2 ORDER BY k.id LIMIT ?3");
    REVOKE = "UPDATE api_keys SET status = 'revoked' WHERE id = ?1 AND status = 'active' RETURNING hash";
    /// An end that is nearer already stays.
    END_BY = "UPDATE api_keys SET expires_at = ?2 WHERE id = ?1 AND (expires_at IS NULL OR expires_at > ?2) \
        RETURNING hash";
    KNOWN = "SELECT 1 FROM api_keys WHERE id = ?1";
}

/// An API key in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedApiKey {
    /// The key.
    pub key: ApiKey,
    /// When, from where and on which route it was last used, as far as that is written yet.
    pub last_use: Option<ApiKeyUse>,
}

fn read(row: &mut Row) -> Result<ApiKey> {
    Ok(ApiKey {
        id: row.text()?.into(),
        hash: row.hash()?,
        name: row.text()?,
        owner: row.text()?.into(),
        scopes: row.parsed()?,
        routes: row.json()?,
        addresses: row.json()?,
        requests_per_minute: row.int_or_null()?.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
        status: row.word()?,
        created_at: row.time()?,
        expires_at: row.time_or_null()?,
    })
}

fn read_listed(mut row: Row) -> Result<ListedApiKey> {
    Ok(ListedApiKey { key: read(&mut row)?, last_use: api_key_use::read(&mut row)? })
}

impl Store {
    /// Keeps a new key.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when its identifier or its hash is known.
    pub async fn create_api_key(&self, key: &ApiKey) -> Result<()> {
        self.write(Create(key.clone())).await
    }

    /// The key of this identifier.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn api_key_by_id(&self, id: &ApiKeyId) -> Result<Option<ListedApiKey>> {
        self.one(&BY_ID, params![id]).await?.map(read_listed).transpose()
    }

    /// Keys, of one owner or of all, in the order of their identifiers, those after one, at most `limit`.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn api_keys(
        &self,
        owner: Option<&Subject>,
        after: Option<&ApiKeyId>,
        limit: u32,
    ) -> Result<Vec<ListedApiKey>> {
        let after = after.map_or("", ApiKeyId::as_str);
        let rows = match owner {
            Some(owner) => self.many(&OF_OWNER, params![owner, after, limit]).await?,
            None => self.many(&LIST, params![after, limit]).await?,
        };
        read_all(rows, read_listed)
    }

    /// Revokes a key; `false` when there is none of that identifier. Twice is no error.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn revoke_api_key(&self, id: &ApiKeyId, now: Timestamp) -> Result<bool> {
        self.write(Revoke(id.clone(), now)).await
    }

    /// Ends a key at a time, or earlier if it ends earlier; `false` when there is none of that identifier.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn end_api_key_by(&self, id: &ApiKeyId, end: Timestamp, now: Timestamp) -> Result<bool> {
        self.write(EndBy { id: id.clone(), end, now }).await
    }
}

impl access::ApiKeys for Store {
    fn api_key<'a>(
        &'a self,
        hash: &'a TokenHash,
    ) -> BoxFuture<'a, Result<Option<Arc<ApiKey>>, access::Unavailable>> {
        Box::pin(async move {
            let row = self.one(&BY_HASH, params![hash]).await?;
            Ok(row.map(|mut row| read(&mut row)).transpose()?.map(Arc::new))
        })
    }
}

struct Create(ApiKey);

impl Write for Create {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self(key) = self;
        let values = [
            Param::from(&key.id),
            Param::from(&key.hash),
            Param::from(key.name.as_str()),
            Param::from(&key.owner),
            Param::from(key.scopes.to_string()),
            json(&key.routes)?,
            json(&key.addresses)?,
            Param::from(key.requests_per_minute),
            word(&key.status)?,
            Param::from(key.created_at),
            Param::from(key.expires_at),
        ];
        if tx.execute(&INSERT, &values).await? == 0 {
            return Err(StoreError::AlreadyExists { what: format!("an API key {:?}", key.id.as_str()) });
        }
        // A checker may have remembered that it is unknown.
        tx.announce(Change::ApiKey(key.hash), key.created_at);
        Ok(())
    }
}

struct Revoke(ApiKeyId, Timestamp);

impl Write for Revoke {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(id, now) = self;
        match tx.optional(&REVOKE, params![id]).await? {
            Some(mut row) => {
                tx.announce(Change::ApiKey(row.hash()?), *now);
                Ok(true)
            }
            None => Ok(tx.optional(&KNOWN, params![id]).await?.is_some()),
        }
    }
}

struct EndBy {
    id: ApiKeyId,
    end: Timestamp,
    now: Timestamp,
}

impl Write for EndBy {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        match tx.optional(&END_BY, params![&self.id, self.end]).await? {
            Some(mut row) => {
                tx.announce(Change::ApiKey(row.hash()?), self.now);
                Ok(true)
            }
            None => Ok(tx.optional(&KNOWN, params![&self.id]).await?.is_some()),
        }
    }
}
