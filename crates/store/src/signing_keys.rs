//! Signing keys and small sealed things.

use countersign_access::ports::Change;
use countersign_keys::ports::{SigningKeys, StoredKey, Unavailable};
use countersign_model::{KeyId, Timestamp};

use crate::sql::{Param, Row, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, StoreError, read_all};

macro_rules! columns {
    () => {
        "id, algorithm, public_jwk, sealed, published_at, active_from, retired_at, removed_at"
    };
}

statements! {
    ALL = concat!("SELECT ", columns!(), " FROM signing_keys ORDER BY published_at, id");
    /// Held until the transaction ends: two nodes that rotate at once take turns.
    TURN = "UPDATE counters SET value = value + 1 WHERE name = 'signing_keys'";
    /// Whether any key of the algorithm came after the one that was seen; any at all when none was.
    OVERTAKEN = "SELECT 1 FROM signing_keys k WHERE k.algorithm = ?1 AND NOT EXISTS \
        (SELECT 1 FROM signing_keys s WHERE s.id = ?2 AND s.published_at >= k.published_at) LIMIT 1";
    END_PREDECESSORS = "UPDATE signing_keys SET retired_at = ?2, removed_at = ?3 \
        WHERE algorithm = ?1 AND retired_at IS NULL";
    INSERT = concat!("INSERT INTO signing_keys (", columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    RETIRE = "UPDATE signing_keys SET retired_at = ?2, removed_at = ?3 WHERE id = ?1";
    SEALED = "SELECT sealed FROM sealed_values WHERE name = ?1";
    KEEP_SEALED = "INSERT INTO sealed_values (name, sealed) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
}

fn read(mut row: Row) -> Result<StoredKey> {
    Ok(StoredKey {
        id: row.text()?.into(),
        algorithm: row.text()?,
        public_jwk: row.json()?,
        sealed: row.bytes()?,
        published_at: row.time()?,
        active_from: row.time()?,
        retired_at: row.time_or_null()?,
        removed_at: row.time_or_null()?,
    })
}

struct Introduce {
    key: StoredKey,
    seen: Option<KeyId>,
    predecessors_retire_at: Timestamp,
    predecessors_removed_at: Timestamp,
}

impl Write for Introduce {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self { key, seen, predecessors_retire_at, predecessors_removed_at } = self;
        tx.execute(&TURN, params![]).await?;
        let question = params![key.algorithm.as_str(), seen.as_ref()];
        if tx.optional(&OVERTAKEN, question).await?.is_some() {
            return Ok(false);
        }
        let ends = params![key.algorithm.as_str(), *predecessors_retire_at, *predecessors_removed_at];
        tx.execute(&END_PREDECESSORS, ends).await?;
        let values = [
            Param::from(&key.id),
            Param::from(key.algorithm.as_str()),
            json(&key.public_jwk)?,
            Param::from(key.sealed.as_slice()),
            Param::from(key.published_at),
            Param::from(key.active_from),
            Param::from(key.retired_at),
            Param::from(key.removed_at),
        ];
        tx.execute(&INSERT, &values).await?;
        tx.announce(Change::SigningKeys, key.published_at);
        Ok(true)
    }
}

struct Retire(KeyId, Timestamp, Timestamp);

impl Write for Retire {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(id, retired_at, removed_at) = self;
        if tx.execute(&RETIRE, params![id, *retired_at, *removed_at]).await? == 0 {
            return Ok(false);
        }
        tx.announce(Change::SigningKeys, *retired_at);
        Ok(true)
    }
}

struct KeepSealed(String, Vec<u8>);

impl Write for KeepSealed {
    type Output = Vec<u8>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<u8>> {
        tx.execute(&KEEP_SEALED, params![self.0.as_str(), self.1.as_slice()]).await?;
        let kept = tx.optional(&SEALED, params![self.0.as_str()]).await?;
        kept.ok_or_else(|| StoreError::Unreadable("a sealed value that was just kept".into()))?.bytes()
    }
}

impl SigningKeys for Store {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, Unavailable> {
        Ok(read_all(self.all(&ALL, params![]).await?, read)?)
    }

    async fn introduce_signing_key(
        &self,
        key: &StoredKey,
        seen: Option<&KeyId>,
        predecessors_retire_at: Timestamp,
        predecessors_removed_at: Timestamp,
    ) -> Result<bool, Unavailable> {
        let (key, seen) = (key.clone(), seen.cloned());
        let work = Introduce { key, seen, predecessors_retire_at, predecessors_removed_at };
        Ok(self.write(work).await?)
    }

    async fn retire_signing_key(
        &self,
        id: &KeyId,
        retired_at: Timestamp,
        removed_at: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.write(Retire(id.clone(), retired_at, removed_at)).await?)
    }

    async fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        let row = self.one(&SEALED, params![name]).await?;
        Ok(row.map(|mut row| row.bytes()).transpose()?)
    }

    async fn keep_sealed(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Ok(self.write(KeepSealed(name.to_owned(), sealed.to_owned())).await?)
    }
}
