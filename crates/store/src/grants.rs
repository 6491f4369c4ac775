//! Grants and remembered consent.

use countersign_access::ports::Change;
use countersign_model::{ClientId, GrantId, ScopeSet, SessionId, Timestamp, UserId};
use countersign_oauth::ports::{Grant, Grants, Offline, Unavailable};

use crate::access_tokens::LONGEST_SIGNED;
use crate::sql::{Row, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, access_tokens, read_all};

macro_rules! columns {
    () => {
        "id, client_id, user_id, session_id, scopes, created_at, revoked_at"
    };
}

// What the grant leaves behind needs to be known no longer than its last signed token lives.
macro_rules! revoke {
    ($($whose:tt)*) => {
        concat!(
            "UPDATE grants SET revoked_at = ?2, \
             tokens_expire_at = CASE WHEN tokens_expire_at > ?3 THEN ?3 ELSE tokens_expire_at END, \
             expires_at = CASE WHEN expires_at > ?3 THEN ?3 ELSE expires_at END WHERE ",
            $($whose)*,
            " AND revoked_at IS NULL RETURNING id, tokens_expire_at"
        )
    };
}

/// Whether the person agreed that it outlasts their session (OpenID Connect Core §11). Scopes rest with a space between.
macro_rules! offline {
    () => {
        r"(' ' || scopes || ' ' LIKE '% offline\_access %' ESCAPE '\')"
    };
}

statements! {
    INSERT = concat!("INSERT INTO grants (", columns!(), ", tokens_expire_at, expires_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)");
    BY_ID = concat!("SELECT ", columns!(), " FROM grants WHERE id = ?1");
    LIVE_OF_USER = concat!("SELECT ", columns!(), " FROM grants \
        WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > ?2 ORDER BY id");
    REVOKE = revoke!("id = ?1");
    REVOKE_OF_CLIENT = revoke!("client_id = ?1");
    REVOKE_BETWEEN = revoke!("client_id = ?1 AND user_id = ?4");
    REVOKE_OF_SESSION = revoke!("session_id = ?1");
    REVOKE_ONLINE_OF_SESSION = revoke!("session_id = ?1 AND NOT ", offline!());
    REVOKE_OF_USER = revoke!("user_id = ?1");
    REVOKE_ONLINE_OF_USER = revoke!("user_id = ?1 AND NOT ", offline!());
    /// Touches a grant that counts, and holds it until the transaction ends: whoever revokes it waits, and then
    /// knows how long its tokens live.
    EXTEND = "UPDATE grants SET \
        tokens_expire_at = CASE WHEN tokens_expire_at < ?2 THEN ?2 ELSE tokens_expire_at END, \
        expires_at = CASE WHEN expires_at < ?3 THEN ?3 ELSE expires_at END \
        WHERE id = ?1 AND revoked_at IS NULL";
    CONSENT = "SELECT scopes FROM consents WHERE user_id = ?1 AND client_id = ?2";
    /// Makes or holds the row, so that two who agree at once lose nothing.
    HOLD_CONSENT = "INSERT INTO consents (user_id, client_id, scopes, updated_at) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (user_id, client_id) DO UPDATE SET updated_at = excluded.updated_at RETURNING scopes";
    WIDEN_CONSENT = "UPDATE consents SET scopes = ?3 WHERE user_id = ?1 AND client_id = ?2";
    FORGET_CONSENT = "DELETE FROM consents WHERE user_id = ?1 AND client_id = ?2";
}

fn read(mut row: Row) -> Result<Grant> {
    Ok(Grant {
        id: row.text()?.into(),
        client: row.text()?.into(),
        user: row.text()?.into(),
        session: row.text_or_null()?.map(Into::into),
        scopes: row.parsed()?,
        created_at: row.time()?,
        revoked_at: row.time_or_null()?,
    })
}

/// Keeps a new grant that lives at least until `expires_at`.
pub(crate) async fn insert(tx: &mut Tx<'_>, grant: &Grant, expires_at: Timestamp) -> Result<()> {
    let values = params![
        &grant.id,
        &grant.client,
        &grant.user,
        grant.session.as_ref(),
        grant.scopes.to_string(),
        grant.created_at,
        grant.revoked_at,
        expires_at,
    ];
    tx.execute(&INSERT, values).await.map(drop)
}

/// Notes that something of the grant lives until the given times; `false` when the grant does not count.
pub(crate) async fn extend(
    tx: &mut Tx<'_>,
    id: &GrantId,
    tokens_expire_at: Timestamp,
    expires_at: Timestamp,
) -> Result<bool> {
    Ok(tx.execute(&EXTEND, params![id, tokens_expire_at, expires_at]).await? > 0)
}

/// Revokes a grant inside a transaction. Its codes and tokens die with it, because they are looked up with it.
pub(crate) async fn revoke(tx: &mut Tx<'_>, id: &GrantId, now: Timestamp) -> Result<()> {
    let revoked = tx.all(&REVOKE, params![id, now, now.plus(LONGEST_SIGNED)]).await?;
    end(tx, revoked, now).await
}

/// Revokes every grant of a client inside a transaction.
pub(crate) async fn revoke_of_client(tx: &mut Tx<'_>, client: &ClientId, now: Timestamp) -> Result<()> {
    let revoked = tx.all(&REVOKE_OF_CLIENT, params![client, now, now.plus(LONGEST_SIGNED)]).await?;
    end(tx, revoked, now).await
}

/// Revokes what was given in a session inside a transaction; says how much that was.
pub(crate) async fn revoke_of_session(
    tx: &mut Tx<'_>,
    session: &SessionId,
    offline: Offline,
    now: Timestamp,
) -> Result<usize> {
    let sql = match offline {
        Offline::Kept => &REVOKE_ONLINE_OF_SESSION,
        Offline::Ended => &REVOKE_OF_SESSION,
    };
    let revoked = tx.all(sql, params![session, now, now.plus(LONGEST_SIGNED)]).await?;
    let count = revoked.len();
    end(tx, revoked, now).await.map(|()| count)
}

/// Revokes what a person gave inside a transaction, in whatever session; says how much that was.
pub(crate) async fn revoke_of_user(
    tx: &mut Tx<'_>,
    user: &UserId,
    offline: Offline,
    now: Timestamp,
) -> Result<usize> {
    let sql = match offline {
        Offline::Kept => &REVOKE_ONLINE_OF_USER,
        Offline::Ended => &REVOKE_OF_USER,
    };
    let revoked = tx.all(sql, params![user, now, now.plus(LONGEST_SIGNED)]).await?;
    let count = revoked.len();
    end(tx, revoked, now).await.map(|()| count)
}

/// Tells the checkers, and gives tokens without an end one, so that they are cleared away.
async fn end(tx: &mut Tx<'_>, revoked: Vec<Row>, now: Timestamp) -> Result<()> {
    for mut row in revoked {
        let grant: GrantId = row.text()?.into();
        access_tokens::end_long_ones(tx, &grant, now).await?;
        tx.announce(Change::GrantRevoked(grant, row.time()?), now);
    }
    Ok(())
}

impl Store {
    /// What a person has given and what still counts, oldest first.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn grants(&self, user: &UserId, now: Timestamp) -> Result<Vec<Grant>> {
        read_all(self.many(&LIVE_OF_USER, params![user, now]).await?, read)
    }

    /// Forgets that a person agreed to anything for a client, and revokes what the client holds of it.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn withdraw_consent(&self, user: &UserId, client: &ClientId, now: Timestamp) -> Result<()> {
        self.write(Withdraw(user.clone(), client.clone(), now)).await
    }
}

struct Withdraw(UserId, ClientId, Timestamp);

impl Write for Withdraw {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self(user, client, now) = self;
        tx.execute(&FORGET_CONSENT, params![user, client]).await?;
        let until = now.plus(LONGEST_SIGNED);
        let revoked = tx.all(&REVOKE_BETWEEN, params![client, *now, until, user]).await?;
        end(tx, revoked, *now).await
    }
}

struct Revoke(GrantId, Timestamp);

impl Write for Revoke {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        revoke(tx, &self.0, self.1).await
    }
}

struct RememberConsent {
    user: UserId,
    client: ClientId,
    scopes: ScopeSet,
    now: Timestamp,
}

impl Write for RememberConsent {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self { user, client, scopes, now } = self;
        let held = tx.optional(&HOLD_CONSENT, params![user, client, scopes.to_string(), *now]).await?;
        let Some(mut row) = held else { return Ok(()) };
        let before: ScopeSet = row.parsed()?;
        let after = before.union(scopes);
        if after != before {
            tx.execute(&WIDEN_CONSENT, params![user, client, after.to_string()]).await?;
        }
        Ok(())
    }
}

struct Begin(Grant, Timestamp);

impl Write for Begin {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        insert(tx, &self.0, self.1).await
    }
}

impl Grants for Store {
    async fn consent(&self, user: &UserId, client: &ClientId) -> Result<ScopeSet, Unavailable> {
        let row = self.one(&CONSENT, params![user, client]).await?;
        Ok(row.map(|mut row| row.parsed()).transpose()?.unwrap_or_default())
    }

    async fn remember_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        scopes: &ScopeSet,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let (user, client, scopes) = (user.clone(), client.clone(), scopes.clone());
        Ok(self.write(RememberConsent { user, client, scopes, now }).await?)
    }

    async fn begin_grant(&self, grant: &Grant, now: Timestamp) -> Result<(), Unavailable> {
        Ok(self.write(Begin(grant.clone(), now)).await?)
    }

    async fn grant(&self, id: &GrantId) -> Result<Option<Grant>, Unavailable> {
        Ok(self.one(&BY_ID, params![id]).await?.map(read).transpose()?)
    }

    async fn revoke_grant(&self, id: &GrantId, now: Timestamp) -> Result<(), Unavailable> {
        Ok(self.write(Revoke(id.clone(), now)).await?)
    }
}
