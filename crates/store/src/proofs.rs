//! Memory against replayed DPoP proofs (RFC 9449 §11.1).

use countersign_model::{Timestamp, TokenHash};
use countersign_oauth::ports::{Proofs, Unavailable};

use crate::sql::{params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store};

statements! {
    INSERT = "INSERT INTO dpop_proofs (hash, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
}

struct Remember(TokenHash, Timestamp);

impl Write for Remember {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        Ok(tx.execute(&INSERT, params![&self.0, self.1]).await? == 1)
    }
}

impl Proofs for Store {
    async fn remember_proof(&self, id: &TokenHash, until: Timestamp) -> Result<bool, Unavailable> {
        Ok(self.write(Remember(*id, until)).await?)
    }
}
