//! Grants and remembered consent.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use countersign_access::ports::Change;
use countersign_model::{ClientId, GrantId, ScopeSet, Timestamp, UserId};
use countersign_oauth::Consent;
use countersign_oauth::ports::{AccessToken, Basis, Grant, Grants, Offline, Unavailable};

use crate::access_tokens::LONGEST_SIGNED;
use crate::sessions::{self, WhichSessions};
use crate::sql::{Param, Row, Sql, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, access_tokens, clients, read_all};

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

// What a grant in a session rests on: the session, and whatever else of its person.
macro_rules! rests_on_session {
    ($($and:literal)?) => {
        concat!(
            "SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id JOIN clients c ON c.id = ?1 ",
            $($and,)?
            "LEFT JOIN users o ON o.id = c.owner WHERE s.id = ?2 AND ",
            sessions::live!("?3"),
            " AND ",
            clients::counts!()
        )
    };
}

statements! {
    // On PostgreSQL what a grant rests on is held until the grant is kept: whoever removes it, to revoke what was given
    // on it, waits, and then finds the grant too.
    RESTS_ON_CLIENT = concat!("SELECT 1 FROM clients c LEFT JOIN users o ON o.id = c.owner WHERE c.id = ?1 AND ",
        clients::counts!(), " /*postgres FOR KEY SHARE OF c*/");
    RESTS_ON_SESSION = concat!(rests_on_session!(), " /*postgres FOR KEY SHARE OF s, c*/");
    RESTS_ON_CONSENT = concat!(
        rests_on_session!("JOIN consents k ON k.user_id = s.user_id AND k.client_id = c.id "),
        " /*postgres FOR KEY SHARE OF s, c, k*/");
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
        used_at = ?4, \
        tokens_expire_at = CASE WHEN tokens_expire_at < ?2 THEN ?2 ELSE tokens_expire_at END, \
        expires_at = CASE WHEN expires_at < ?3 THEN ?3 ELSE expires_at END \
        WHERE id = ?1 AND revoked_at IS NULL";
    /// What a person's live grants say of each client.
    USES_OF_USER = "SELECT client_id, scopes, created_at, used_at FROM grants \
        WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > ?2 ORDER BY id";
    CONSENTS_OF_USER = "SELECT client_id, scopes, created_at FROM consents WHERE user_id = ?1 ORDER BY client_id";
    CONSENT = "SELECT scopes, declined FROM consents WHERE user_id = ?1 AND client_id = ?2";
    /// Makes or holds the row, so that two who agree at once lose nothing.
    HOLD_CONSENT = "INSERT INTO consents (user_id, client_id, scopes, declined, created_at, updated_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?5) \
        ON CONFLICT (user_id, client_id) DO UPDATE SET updated_at = excluded.updated_at RETURNING scopes, declined";
    CHANGE_CONSENT = "UPDATE consents SET scopes = ?3, declined = ?4 WHERE user_id = ?1 AND client_id = ?2";
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

/// Whether what a new grant rests on is there, and, until the transaction ends, stays.
pub(crate) async fn rests(tx: &mut Tx<'_>, grant: &Grant, basis: Basis, now: Timestamp) -> Result<bool> {
    let session = params![&grant.client, grant.session.as_ref(), now];
    let found = match basis {
        Basis::Voucher => tx.optional(&RESTS_ON_CLIENT, params![&grant.client]).await?,
        Basis::Session => tx.optional(&RESTS_ON_SESSION, session).await?,
        Basis::Consent => tx.optional(&RESTS_ON_CONSENT, session).await?,
    };
    Ok(found.is_some())
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

/// Notes that something was issued on the grant, and that something of it lives until `expires_at`; `false` when the
/// grant does not count.
pub(crate) async fn extend(
    tx: &mut Tx<'_>,
    id: &GrantId,
    access: &AccessToken,
    expires_at: Timestamp,
) -> Result<bool> {
    let values = params![id, access.expires_at, expires_at, access.issued_at];
    Ok(tx.execute(&EXTEND, values).await? > 0)
}

/// Revokes a grant inside a transaction. Its codes and tokens die with it, because they are looked up with it.
pub(crate) async fn revoke(tx: &mut Tx<'_>, id: &GrantId, now: Timestamp) -> Result<()> {
    revoke_those(tx, &REVOKE, Param::from(id), now).await.map(drop)
}

/// Revokes every grant of a client inside a transaction.
pub(crate) async fn revoke_of_client(tx: &mut Tx<'_>, client: &ClientId, now: Timestamp) -> Result<()> {
    revoke_those(tx, &REVOKE_OF_CLIENT, Param::from(client), now).await.map(drop)
}

/// Revokes what was given in a session, or by a person in whatever session, inside a transaction; says how much that was.
pub(crate) async fn revoke_of_sessions(
    tx: &mut Tx<'_>,
    which: &WhichSessions,
    offline: Offline,
    now: Timestamp,
) -> Result<usize> {
    let (sql, whose) = match (which, offline) {
        (WhichSessions::One(id), Offline::Kept) => (&REVOKE_ONLINE_OF_SESSION, Param::from(id)),
        (WhichSessions::One(id), Offline::Ended) => (&REVOKE_OF_SESSION, Param::from(id)),
        (WhichSessions::OfPerson(id), Offline::Kept) => (&REVOKE_ONLINE_OF_USER, Param::from(id)),
        (WhichSessions::OfPerson(id), Offline::Ended) => (&REVOKE_OF_USER, Param::from(id)),
    };
    revoke_those(tx, sql, whose, now).await
}

/// Revokes those that a statement finds by its first parameter; says how many that were.
async fn revoke_those(tx: &mut Tx<'_>, sql: &'static Sql, whose: Param<'_>, now: Timestamp) -> Result<usize> {
    let values = [whose, Param::from(now), Param::from(now.plus(LONGEST_SIGNED))];
    let revoked = tx.all(sql, &values).await?;
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

/// What one client may do in a person's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorizedClient {
    /// Which.
    pub client: ClientId,
    /// What it was given, and may ask for again without a question.
    pub scopes: ScopeSet,
    /// Since when.
    pub since: Timestamp,
    /// When it last fetched a token.
    pub used_at: Option<Timestamp>,
}

impl AuthorizedClient {
    fn and(&mut self, other: Self) {
        self.scopes = self.scopes.union(&other.scopes);
        self.since = self.since.min(other.since);
        self.used_at = self.used_at.max(other.used_at);
    }
}

impl Store {
    /// Every client that a person let do something and that still may, in the order of their names.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn authorized_clients(&self, user: &UserId, now: Timestamp) -> Result<Vec<AuthorizedClient>> {
        let consents = read_all(self.many(&CONSENTS_OF_USER, params![user]).await?, |mut row| {
            Ok(AuthorizedClient {
                client: row.text()?.into(),
                scopes: row.parsed()?,
                since: row.time()?,
                used_at: None,
            })
        })?;
        let grants = read_all(self.many(&USES_OF_USER, params![user, now]).await?, |mut row| {
            Ok(AuthorizedClient {
                client: row.text()?.into(),
                scopes: row.parsed()?,
                since: row.time()?,
                used_at: row.time_or_null()?,
            })
        })?;
        let mut all: BTreeMap<ClientId, AuthorizedClient> = BTreeMap::new();
        for one in consents.into_iter().chain(grants) {
            match all.entry(one.client.clone()) {
                Entry::Vacant(place) => drop(place.insert(one)),
                Entry::Occupied(mut known) => known.get_mut().and(one),
            }
        }
        Ok(all.into_values().collect())
    }

    /// What a person has given and what still counts, oldest first.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn grants(&self, user: &UserId, now: Timestamp) -> Result<Vec<Grant>> {
        read_all(self.many(&LIVE_OF_USER, params![user, now]).await?, read)
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
    answer: Consent,
    now: Timestamp,
}

fn read_consent(mut row: Row) -> Result<Consent> {
    Ok(Consent { granted: row.parsed()?, declined: row.parsed()? })
}

impl Write for RememberConsent {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self { user, client, answer, now } = self;
        let [granted, declined] = [&answer.granted, &answer.declined].map(ScopeSet::to_string);
        let held = tx.optional(&HOLD_CONSENT, params![user, client, granted, declined, *now]).await?;
        let Some(before) = held.map(read_consent).transpose()? else { return Ok(()) };
        let after = before.followed_by(answer);
        if after != before {
            let [granted, declined] = [&after.granted, &after.declined].map(ScopeSet::to_string);
            tx.execute(&CHANGE_CONSENT, params![user, client, granted, declined]).await?;
        }
        Ok(())
    }
}

struct Begin(Grant, Timestamp);

impl Write for Begin {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(grant, now) = self;
        if !rests(tx, grant, Basis::Voucher, *now).await? {
            return Ok(false);
        }
        insert(tx, grant, *now).await?;
        Ok(true)
    }
}

impl Grants for Store {
    async fn consent(&self, user: &UserId, client: &ClientId) -> Result<Option<Consent>, Unavailable> {
        let row = self.one(&CONSENT, params![user, client]).await?;
        Ok(row.map(read_consent).transpose()?)
    }

    async fn remember_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        answer: &Consent,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let (user, client, answer) = (user.clone(), client.clone(), answer.clone());
        Ok(self.write(RememberConsent { user, client, answer, now }).await?)
    }

    async fn withdraw_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        Ok(self.write(Withdraw(user.clone(), client.clone(), now)).await?)
    }

    async fn begin_grant(&self, grant: &Grant, now: Timestamp) -> Result<bool, Unavailable> {
        Ok(self.write(Begin(grant.clone(), now)).await?)
    }

    async fn grant(&self, id: &GrantId) -> Result<Option<Grant>, Unavailable> {
        Ok(self.one(&BY_ID, params![id]).await?.map(read).transpose()?)
    }

    async fn revoke_grant(&self, id: &GrantId, now: Timestamp) -> Result<(), Unavailable> {
        Ok(self.write(Revoke(id.clone(), now)).await?)
    }
}
