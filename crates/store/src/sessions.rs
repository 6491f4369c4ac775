//! People and their sessions, as the engine asks for them.

use countersign_model::{Session, SessionId, Timestamp, TokenHash, User, UserId, Username};
use countersign_oauth::ports::{Offline, People, Unavailable};

use crate::sql::{Param, Row, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, grants, read_all};

// A session counts until it ends, as long as its person may sign in and has not changed the password since. `s` is the
// session and `u` its person.
macro_rules! live {
    ($now:literal) => {
        concat!("s.expires_at > ", $now, " AND u.status = 'enabled' AND u.password_changed_at <= s.auth_time")
    };
}
pub(crate) use live;

/// Live sessions, with whose they are and how many grants of theirs count.
macro_rules! listed {
    () => {
        concat!(
            "s.secret, s.id, s.user_id, s.auth_time, s.amr, s.acr, s.created_at, s.expires_at, u.username, \
            (SELECT count(*) FROM grants g WHERE g.session_id = s.id AND g.revoked_at IS NULL AND g.expires_at > ?1) \
            FROM sessions s JOIN users u ON u.id = s.user_id WHERE ",
            live!("?1")
        )
    };
}

/// A live session, as an operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedSession {
    /// The session.
    pub session: Session,
    /// The name its person signs in with.
    pub username: Username,
    /// How many grants that were given in it count.
    pub grants: u64,
}

/// Which sessions are revoked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WhichSessions {
    /// One, also when it has ended before.
    One(SessionId),
    /// All of a person, and whatever the person gave in any session.
    OfPerson(UserId),
}

/// What a revocation of sessions ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RevokedSessions {
    /// Sessions.
    pub sessions: u64,
    /// Grants, with every token of theirs.
    pub grants: u64,
    /// Grants that stay.
    pub left: u64,
}

statements! {
    /// The person is held until the session is kept: whoever disables them or changes the password waits, and then finds
    /// the session too.
    INSERT = "INSERT INTO sessions (secret, id, user_id, auth_time, amr, acr, created_at, expires_at) \
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM users \
        WHERE id = ?3 AND status = 'enabled' AND password_changed_at = ?9 /*postgres FOR SHARE*/";
    LIVE = concat!("SELECT s.secret, s.id, s.user_id, s.auth_time, s.amr, s.acr, s.created_at, s.expires_at \
        FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.secret = ?1 AND ", live!("?2"));
    DELETE = "DELETE FROM sessions WHERE id = ?1";
    DELETE_OF_USER = "DELETE FROM sessions WHERE user_id = ?1";
    LIST = concat!("SELECT ", listed!(), " AND s.id > ?2 ORDER BY s.id LIMIT ?3");
    LIST_OF_USER = concat!("SELECT ", listed!(), " AND s.id > ?2 AND s.user_id = ?4 ORDER BY s.id LIMIT ?3");
    LEFT_OF_SESSION = "SELECT count(*) FROM grants \
        WHERE session_id = ?1 AND revoked_at IS NULL AND expires_at > ?2";
    LEFT_OF_USER = "SELECT count(*) FROM grants WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > ?2";
}

fn read(row: &mut Row) -> Result<Session> {
    Ok(Session {
        secret: row.hash()?,
        id: row.text()?.into(),
        user: row.text()?.into(),
        auth_time: row.time()?,
        amr: row.json()?,
        acr: row.text_or_null()?,
        created_at: row.time()?,
        expires_at: row.time()?,
    })
}

struct Begin(Session, Timestamp);

impl Write for Begin {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(session, password_changed_at) = self;
        let values = [
            Param::from(&session.secret),
            Param::from(&session.id),
            Param::from(&session.user),
            Param::from(session.auth_time),
            json(&session.amr)?,
            Param::from(session.acr.as_deref()),
            Param::from(session.created_at),
            Param::from(session.expires_at),
            Param::from(*password_changed_at),
        ];
        Ok(tx.execute(&INSERT, &values).await? == 1)
    }
}

struct End(SessionId);

impl Write for End {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.execute(&DELETE, params![&self.0]).await.map(drop)
    }
}

struct Revoke(WhichSessions, Offline, Timestamp);

impl Write for Revoke {
    type Output = RevokedSessions;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<RevokedSessions> {
        let Self(which, offline, now) = self;
        let (delete, count_left, whose) = match which {
            WhichSessions::One(id) => (&DELETE, &LEFT_OF_SESSION, Param::from(id)),
            WhichSessions::OfPerson(user) => (&DELETE_OF_USER, &LEFT_OF_USER, Param::from(user)),
        };
        // The sessions come first: whatever is being given in them waits for that, or is found after it.
        let sessions = tx.execute(delete, std::slice::from_ref(&whose)).await?;
        let grants = grants::revoke_of_sessions(tx, which, *offline, *now).await?;
        let left = tx.optional(count_left, &[whose, Param::from(*now)]).await?;
        let left = left.map(|mut row| count(&mut row)).transpose()?.unwrap_or_default();
        Ok(RevokedSessions { sessions, grants: u64::try_from(grants).unwrap_or(u64::MAX), left })
    }
}

fn count(row: &mut Row) -> Result<u64> {
    Ok(u64::try_from(row.int()?).unwrap_or_default())
}

impl Store {
    /// Live sessions in the order of their identifiers, those after one, at most `limit`.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn sessions(
        &self,
        user: Option<&UserId>,
        after: Option<&SessionId>,
        (limit, now): (u32, Timestamp),
    ) -> Result<Vec<ListedSession>> {
        let after = after.map_or("", SessionId::as_str);
        let rows = match user {
            None => self.many(&LIST, params![now, after, limit]).await?,
            Some(user) => self.many(&LIST_OF_USER, params![now, after, limit, user]).await?,
        };
        read_all(rows, |mut row| {
            let session = read(&mut row)?;
            Ok(ListedSession { session, username: row.parsed()?, grants: count(&mut row)? })
        })
    }

    /// Ends sessions and revokes what was given in them, and tells the checkers.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn revoke_sessions(
        &self,
        which: &WhichSessions,
        offline: Offline,
        now: Timestamp,
    ) -> Result<RevokedSessions> {
        self.write(Revoke(which.clone(), offline, now)).await
    }
}

impl People for Store {
    async fn user_by_name(&self, name: &Username) -> Result<Option<User>, Unavailable> {
        Ok(self.user_of_name(name).await?)
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>, Unavailable> {
        Ok(self.user_by_id(id).await?)
    }

    async fn begin_session(&self, session: &Session, verified: &User) -> Result<bool, Unavailable> {
        Ok(self.write(Begin(session.clone(), verified.password_changed_at)).await?)
    }

    async fn session(&self, secret: &TokenHash, now: Timestamp) -> Result<Option<Session>, Unavailable> {
        Ok(self.one(&LIVE, params![secret, now]).await?.map(|mut row| read(&mut row)).transpose()?)
    }

    async fn end_session(&self, id: &SessionId) -> Result<(), Unavailable> {
        Ok(self.write(End(id.clone())).await?)
    }

    async fn revoke_session(
        &self,
        id: &SessionId,
        offline: Offline,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        self.revoke_sessions(&WhichSessions::One(id.clone()), offline, now).await?;
        Ok(())
    }
}
