//! People and their sessions, as the engine asks for them.

use countersign_model::{Session, SessionId, Timestamp, TokenHash, User, UserId, Username};
use countersign_oauth::ports::{People, Unavailable};

use crate::sql::{Param, Row, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store};

statements! {
    INSERT = "INSERT INTO sessions (secret, id, user_id, auth_time, amr, acr, created_at, expires_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    LIVE = "SELECT s.secret, s.id, s.user_id, s.auth_time, s.amr, s.acr, s.created_at, s.expires_at \
        FROM sessions s JOIN users u ON u.id = s.user_id \
        WHERE s.secret = ?1 AND s.expires_at > ?2 AND u.status = 'enabled' AND u.password_changed_at <= s.auth_time";
    DELETE = "DELETE FROM sessions WHERE id = ?1";
}

fn read(mut row: Row) -> Result<Session> {
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

struct Begin(Session);

impl Write for Begin {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self(session) = self;
        let values = [
            Param::from(&session.secret),
            Param::from(&session.id),
            Param::from(&session.user),
            Param::from(session.auth_time),
            json(&session.amr)?,
            Param::from(session.acr.as_deref()),
            Param::from(session.created_at),
            Param::from(session.expires_at),
        ];
        tx.execute(&INSERT, &values).await.map(drop)
    }
}

struct End(SessionId);

impl Write for End {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.execute(&DELETE, params![&self.0]).await.map(drop)
    }
}

impl People for Store {
    async fn user_by_name(&self, name: &Username) -> Result<Option<User>, Unavailable> {
        Ok(self.user_of_name(name).await?)
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>, Unavailable> {
        Ok(self.user_by_id(id).await?)
    }

    async fn begin_session(&self, session: &Session) -> Result<(), Unavailable> {
        Ok(self.write(Begin(session.clone())).await?)
    }

    async fn session(&self, secret: &TokenHash, now: Timestamp) -> Result<Option<Session>, Unavailable> {
        Ok(self.one(&LIVE, params![secret, now]).await?.map(read).transpose()?)
    }

    async fn end_session(&self, id: &SessionId) -> Result<(), Unavailable> {
        Ok(self.write(End(id.clone())).await?)
    }
}
