//! Authorization codes (RFC 6749 §4.1.2).

use countersign_model::{Timestamp, TokenHash};
use countersign_oauth::ports::{AuthorizationCode, Basis, Codes, ConsumedCode, Grant, Unavailable};

use crate::sql::{Param, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, grants};

statements! {
    INSERT = "INSERT INTO authorization_codes (hash, grant_id, document, expires_at) VALUES (?1, ?2, ?3, ?4)";
    CONSUME = "UPDATE authorization_codes SET consumed_at = ?2 WHERE hash = ?1 AND consumed_at IS NULL \
        RETURNING document";
    GRANT = "SELECT grant_id FROM authorization_codes WHERE hash = ?1";
}

struct Keep(Grant, Basis, AuthorizationCode);

impl Write for Keep {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(grant, basis, code) = self;
        if !grants::rests(tx, grant, *basis, code.issued_at).await? {
            return Ok(false);
        }
        grants::insert(tx, grant, code.expires_at).await?;
        let values =
            [Param::from(&code.hash), Param::from(&code.grant), json(code)?, Param::from(code.expires_at)];
        tx.execute(&INSERT, &values).await?;
        Ok(true)
    }
}

struct Consume(TokenHash, Timestamp);

impl Write for Consume {
    type Output = ConsumedCode;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<ConsumedCode> {
        let Self(hash, now) = self;
        if let Some(mut row) = tx.optional(&CONSUME, params![hash, *now]).await? {
            return Ok(ConsumedCode::Fresh(Box::new(row.json()?)));
        }
        let Some(mut row) = tx.optional(&GRANT, params![hash]).await? else {
            return Ok(ConsumedCode::Unknown);
        };
        // RFC 6749 §4.1.2: a code used twice should take with it everything that was issued on it.
        let grant = row.text()?.into();
        grants::revoke(tx, &grant, *now).await?;
        Ok(ConsumedCode::Replayed(grant))
    }
}

impl Codes for Store {
    async fn store_code(
        &self,
        grant: &Grant,
        basis: Basis,
        code: &AuthorizationCode,
    ) -> Result<bool, Unavailable> {
        Ok(self.write(Keep(grant.clone(), basis, code.clone())).await?)
    }

    async fn consume_code(&self, hash: &TokenHash, now: Timestamp) -> Result<ConsumedCode, Unavailable> {
        Ok(self.write(Consume(*hash, now)).await?)
    }
}
