//! Access tokens: what revocation and introspection need.

use std::time::Duration;

use countersign_access::ports::{self as access, BoxFuture, Change};
use countersign_model::{ClientId, GrantId, Timestamp, TokenHash, TokenId};
use countersign_oauth::ports::{
    AccessToken, AccessTokens, FoundAccessToken, MOST_ENDLESS_TOKENS, Recorded, RefreshToken, Unavailable,
};

use crate::sql::{Param, Row, Sql, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, clients, grants, refresh_tokens};

// A token counts when neither it nor its grant was revoked and its client and person may be used: all in one query. One
// that the operator minted for a person has no grant: its subject says whose it is.
macro_rules! find {
    ($by:literal) => {
        concat!(
            "SELECT t.id, t.reference, t.grant_id, t.client_id, t.subject, t.claims, t.issued_at, t.expires_at, \
             CASE WHEN t.revoked_at IS NULL AND ",
            clients::counts!(),
            " AND CASE WHEN t.grant_id IS NULL \
             THEN u.id IS NULL OR u.status = 'enabled' \
             ELSE g.id IS NOT NULL AND g.revoked_at IS NULL AND u.status = 'enabled' END THEN 1 ELSE 0 END \
             FROM access_tokens t LEFT JOIN clients c ON c.id = t.client_id \
             LEFT JOIN users o ON o.id = c.owner \
             LEFT JOIN grants g ON g.id = t.grant_id \
             LEFT JOIN users u ON u.id = COALESCE(g.user_id, t.subject) WHERE ",
            $by
        )
    };
}

// What lives longer than a signed token can is looked up whenever it is used: once revoked, it need not be known for so
// long.
macro_rules! revoke {
    ($whose:literal) => {
        concat!(
            "UPDATE access_tokens SET revoked_at = ?2, \
             expires_at = CASE WHEN expires_at > ?3 THEN ?3 ELSE expires_at END WHERE ",
            $whose,
            " AND revoked_at IS NULL RETURNING id, expires_at"
        )
    };
}

/// No signed token lives longer.
pub(crate) const LONGEST_SIGNED: Duration = Duration::from_secs(31 * 86_400);

statements! {
    INSERT = "INSERT INTO access_tokens (id, reference, grant_id, client_id, subject, claims, issued_at, expires_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    /// One without a grant rests on its client, which is held until it is kept: whoever removes the client finds it too.
    INSERT_OWN = "INSERT INTO access_tokens \
        (id, reference, grant_id, client_id, subject, claims, issued_at, expires_at) \
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM clients WHERE id = ?4 /*postgres FOR KEY SHARE*/";
    /// The oldest of those without an end, in the words of their index.
    ENDLESS = "SELECT id, grant_id FROM access_tokens WHERE subject = ?1 AND client_id = ?2 \
        AND expires_at = 9223372036854775807 AND revoked_at IS NULL AND id <> ?4 \
        ORDER BY issued_at DESC, id DESC LIMIT 1000 OFFSET ?3";
    BY_ID = find!("t.id = ?1");
    BY_REFERENCE = find!("t.reference = ?1");
    REVOKE = revoke!("id = ?1");
    REVOKE_OF_CLIENT = revoke!("client_id = ?1 AND expires_at > ?2");
    /// Those that live longer than a signed one can, in the words of their index.
    END_LONG_ONES = "UPDATE access_tokens SET expires_at = ?2 \
        WHERE grant_id = ?1 AND expires_at - issued_at > 2678400000000 AND expires_at > ?2";
}

/// Keeps an access token of a grant inside a transaction.
pub(crate) async fn insert(tx: &mut Tx<'_>, token: &AccessToken) -> Result<()> {
    insert_by(tx, &INSERT, token).await?;
    if token.expires_at == Timestamp::MAX {
        give_up_the_oldest(tx, token).await?;
    }
    Ok(())
}

/// Tokens without an end do not heap up: beyond so many of one person and client the oldest goes, and the grant that it
/// was given on, unless that is this one's.
async fn give_up_the_oldest(tx: &mut Tx<'_>, token: &AccessToken) -> Result<()> {
    let values = params![&token.subject, &token.client, MOST_ENDLESS_TOKENS - 1, &token.id];
    for mut row in tx.all(&ENDLESS, values).await? {
        let (id, grant) = (row.text()?.into(), row.text_or_null()?.map(GrantId::from));
        match grant.filter(|grant| Some(grant) != token.grant.as_ref()) {
            Some(grant) => grants::revoke(tx, &grant, token.issued_at).await?,
            None => revoke(tx, &id, token.issued_at).await.map(drop)?,
        }
    }
    Ok(())
}

/// Revokes an access token inside a transaction; `false` when there is none that counts.
async fn revoke(tx: &mut Tx<'_>, id: &TokenId, now: Timestamp) -> Result<bool> {
    let revoked = tx.optional(&REVOKE, params![id, now, now.plus(LONGEST_SIGNED)]).await?;
    let Some(mut row) = revoked else { return Ok(false) };
    tx.announce(Change::TokenRevoked(row.text()?.into(), row.time()?), now);
    Ok(true)
}

/// Keeps an access token by one of the two statements; how many rows that made.
async fn insert_by(tx: &mut Tx<'_>, sql: &'static Sql, token: &AccessToken) -> Result<u64> {
    let values = [
        Param::from(&token.id),
        Param::from(token.reference.as_ref()),
        Param::from(token.grant.as_ref()),
        Param::from(&token.client),
        Param::from(&token.subject),
        token.claims.as_ref().map(json).transpose()?.unwrap_or(Param::Null),
        Param::from(token.issued_at),
        Param::from(token.expires_at),
    ];
    tx.execute(sql, &values).await
}

/// Revokes every token of a client that has not expired, inside a transaction.
pub(crate) async fn revoke_of_client(tx: &mut Tx<'_>, client: &ClientId, now: Timestamp) -> Result<()> {
    for mut row in tx.all(&REVOKE_OF_CLIENT, params![client, now, now.plus(LONGEST_SIGNED)]).await? {
        tx.announce(Change::TokenRevoked(row.text()?.into(), row.time()?), now);
    }
    Ok(())
}

/// Gives the long-lived tokens of a grant that was revoked an end, inside a transaction.
pub(crate) async fn end_long_ones(tx: &mut Tx<'_>, grant: &GrantId, now: Timestamp) -> Result<()> {
    tx.execute(&END_LONG_ONES, params![grant, now.plus(LONGEST_SIGNED)]).await.map(drop)
}

fn read(mut row: Row) -> Result<FoundAccessToken> {
    let token = AccessToken {
        id: row.text()?.into(),
        reference: row.hash_or_null()?,
        grant: row.text_or_null()?.map(Into::into),
        client: row.text()?.into(),
        subject: row.text()?.into(),
        claims: row.json_or_null()?,
        issued_at: row.time()?,
        expires_at: row.time()?,
    };
    Ok(FoundAccessToken { token, is_live: row.flag()? })
}

impl Store {
    async fn token_of_reference(&self, hash: &TokenHash) -> Result<Option<FoundAccessToken>> {
        self.one(&BY_REFERENCE, params![hash]).await?.map(read).transpose()
    }
}

struct Record {
    access: AccessToken,
    refresh: Option<RefreshToken>,
}

impl Write for Record {
    type Output = Recorded;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Recorded> {
        let Self { access, refresh } = self;
        if let Some(grant) = access.grant.as_ref().or(refresh.as_ref().map(|refresh| &refresh.grant)) {
            let last = refresh.as_ref().map_or(access.expires_at, |r| r.expires_at.max(access.expires_at));
            if !grants::extend(tx, grant, access, last).await? {
                return Ok(Recorded::Revoked);
            }
            insert(tx, access).await?;
        } else if insert_by(tx, &INSERT_OWN, access).await? == 0 {
            return Ok(Recorded::Revoked);
        }
        if let Some(refresh) = refresh {
            refresh_tokens::insert(tx, refresh).await?;
        }
        Ok(Recorded::Kept)
    }
}

struct Revoke(TokenId, Timestamp);

impl Write for Revoke {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        revoke(tx, &self.0, self.1).await.map(drop)
    }
}

struct Replace {
    old: TokenId,
    next: AccessToken,
    now: Timestamp,
}

impl Write for Replace {
    type Output = Recorded;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Recorded> {
        let Self { old, next, now } = self;
        let Some(grant) = &next.grant else { return Ok(Recorded::Revoked) };
        // The grant's row is held: those who replace one token take turns.
        if !grants::extend(tx, grant, next, next.expires_at).await? || !revoke(tx, old, *now).await? {
            return Ok(Recorded::Revoked);
        }
        insert(tx, next).await?;
        Ok(Recorded::Kept)
    }
}

impl AccessTokens for Store {
    async fn record_issuance(
        &self,
        access: &AccessToken,
        refresh: Option<&RefreshToken>,
    ) -> Result<Recorded, Unavailable> {
        Ok(self.write(Record { access: access.clone(), refresh: refresh.cloned() }).await?)
    }

    async fn access_token(&self, id: &TokenId) -> Result<Option<FoundAccessToken>, Unavailable> {
        Ok(self.one(&BY_ID, params![id]).await?.map(read).transpose()?)
    }

    async fn reference_token(&self, hash: &TokenHash) -> Result<Option<FoundAccessToken>, Unavailable> {
        Ok(self.token_of_reference(hash).await?)
    }

    async fn revoke_access_token(&self, id: &TokenId, now: Timestamp) -> Result<(), Unavailable> {
        Ok(self.write(Revoke(id.clone(), now)).await?)
    }

    async fn replace_access_token(
        &self,
        old: &TokenId,
        next: &AccessToken,
        now: Timestamp,
    ) -> Result<Recorded, Unavailable> {
        Ok(self.write(Replace { old: old.clone(), next: next.clone(), now }).await?)
    }
}

impl access::ReferenceTokens for Store {
    fn reference_token<'a>(
        &'a self,
        token: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<access::ReferenceToken>, access::Unavailable>> {
        Box::pin(async move {
            let found = self.token_of_reference(&TokenHash::of(token.as_bytes())).await?;
            let live = found.filter(|found| found.is_live && found.token.expires_at > now);
            Ok(live.map(|found| access::ReferenceToken {
                claims: found.token.claims.unwrap_or_default(),
                fresh_until: now.plus(self.inner.reference_token_freshness).min(found.token.expires_at),
            }))
        })
    }
}
