//! Refresh tokens (RFC 6749 §6) and their rotation (RFC 9700 §4.14).

use countersign_model::{Timestamp, TokenHash};
use countersign_oauth::ports::{
    AccessToken, FoundRefreshToken, RefreshToken, RefreshTokens, Rotation, Unavailable,
};

use crate::sql::{Param, Row, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, access_tokens, clients, grants};

statements! {
    INSERT = "INSERT INTO refresh_tokens (hash, grant_id, document, expires_at) VALUES (?1, ?2, ?3, ?4)";
    /// The grant counts when it was not revoked and its client and person may be used.
    BY_HASH = concat!("SELECT r.document, r.rotated_at, \
        CASE WHEN g.revoked_at IS NULL AND ", clients::counts!(), " AND u.status = 'enabled' THEN 1 ELSE 0 END \
        FROM refresh_tokens r LEFT JOIN grants g ON g.id = r.grant_id \
        LEFT JOIN clients c ON c.id = g.client_id LEFT JOIN users o ON o.id = c.owner \
        LEFT JOIN users u ON u.id = g.user_id WHERE r.hash = ?1");
    /// Keeps the first time, so that coming again does not make the grace period longer. Without a grace period nothing
    /// comes after the first, though another node's clock, or another request's earlier look at it, may say it did.
    SPEND = "UPDATE refresh_tokens SET rotated_at = COALESCE(rotated_at, ?3) \
        WHERE hash = ?1 AND grant_id = ?2 AND (rotated_at IS NULL OR (rotated_at > ?4 AND ?4 < ?3))";
    SPEND_OTHERS = "UPDATE refresh_tokens SET rotated_at = ?2 WHERE grant_id = ?1 AND rotated_at IS NULL";
    KNOWN = "SELECT 1 FROM refresh_tokens WHERE hash = ?1 AND grant_id = ?2";
}

/// Keeps a refresh token inside a transaction.
pub(crate) async fn insert(tx: &mut Tx<'_>, token: &RefreshToken) -> Result<()> {
    let values =
        [Param::from(&token.hash), Param::from(&token.grant), json(token)?, Param::from(token.expires_at)];
    tx.execute(&INSERT, &values).await.map(drop)
}

fn read(mut row: Row) -> Result<FoundRefreshToken> {
    Ok(FoundRefreshToken { token: row.json()?, rotated_at: row.time_or_null()?, grant_is_live: row.flag()? })
}

struct Rotate {
    presented: TokenHash,
    grace_began: Timestamp,
    next: RefreshToken,
    access: AccessToken,
    now: Timestamp,
}

impl Write for Rotate {
    type Output = Rotation;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Rotation> {
        let Self { presented, grace_began, next, access, now } = self;
        let grant = &next.grant;
        let last = next.expires_at.max(access.expires_at);
        // The grant's row comes first and is held: rotations of one family take turns.
        if !grants::extend(tx, grant, access, last).await? {
            return Ok(Rotation::Revoked);
        }
        if tx.execute(&SPEND, params![presented, grant, *now, *grace_began]).await? == 0 {
            if tx.optional(&KNOWN, params![presented, grant]).await?.is_none() {
                // Purged since it was looked up: it had expired.
                return Ok(Rotation::Revoked);
            }
            // RFC 9700 §4.14.2: a spent token shows that two parties hold the family; neither may keep it.
            grants::revoke(tx, grant, *now).await?;
            return Ok(Rotation::Replayed);
        }
        // One line of succession: whatever else the family still has unspent came from the presented token, by an
        // answer that was lost, or that somebody else got.
        tx.execute(&SPEND_OTHERS, params![grant, *now]).await?;
        insert(tx, next).await?;
        access_tokens::insert(tx, access).await?;
        Ok(Rotation::Rotated)
    }
}

impl RefreshTokens for Store {
    async fn refresh_token(&self, hash: &TokenHash) -> Result<Option<FoundRefreshToken>, Unavailable> {
        Ok(self.one(&BY_HASH, params![hash]).await?.map(read).transpose()?)
    }

    async fn rotate_refresh_token(
        &self,
        presented: &TokenHash,
        grace_began: Timestamp,
        next: &RefreshToken,
        access: &AccessToken,
        now: Timestamp,
    ) -> Result<Rotation, Unavailable> {
        let (presented, next, access) = (*presented, next.clone(), access.clone());
        Ok(self.write(Rotate { presented, grace_began, next, access, now }).await?)
    }
}
