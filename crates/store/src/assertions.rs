//! Memory against replayed client assertions (RFC 7523 §3).

use countersign_model::{ClientId, Timestamp, TokenHash};
use countersign_oauth::ports::{Assertions, Unavailable};

use crate::sql::{params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store};

statements! {
    INSERT = "INSERT INTO assertions (hash, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
}

struct Remember(TokenHash, Timestamp);

impl Write for Remember {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        Ok(tx.execute(&INSERT, params![&self.0, self.1]).await? == 1)
    }
}

/// One short value for both, whatever the client chose. The length keeps two pairs from reading the same.
fn hash(client: &ClientId, jti: &str) -> TokenHash {
    TokenHash::of(format!("{}:{}{jti}", client.as_str().len(), client.as_str()).as_bytes())
}

impl Assertions for Store {
    async fn remember_assertion(
        &self,
        client: &ClientId,
        jti: &str,
        expires_at: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.write(Remember(hash(client, jti), expires_at)).await?)
    }
}
