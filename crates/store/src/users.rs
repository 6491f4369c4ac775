//! People and service accounts.

use countersign_access::ports::{self as access, Account, BoxFuture, Change};
use countersign_model::{PasswordHashText, Subject, Timestamp, User, UserId, UserStatus, Username};

use crate::sql::{Param, Row, params, statements, word};
use crate::tx::{Tx, Write};
use crate::{Result, Store, StoreError, clients, read_all};

macro_rules! columns {
    () => {
        "id, username, kind, status, display_name, email, email_verified, scopes, password, created_at, \
         password_changed_at"
    };
}

statements! {
    INSERT = concat!("INSERT INTO users (", columns!(), ") \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING");
    BY_ID = concat!("SELECT ", columns!(), " FROM users WHERE id = ?1");
    BY_NAME = concat!("SELECT ", columns!(), " FROM users WHERE username = ?1");
    LIST = concat!("SELECT ", columns!(), " FROM users WHERE username > ?1 ORDER BY username LIMIT ?2");
    NAME = "SELECT username FROM users WHERE id = ?1";
    HOLDER = "SELECT id FROM users WHERE username = ?1";
    UPDATE = "UPDATE users SET username = ?2, kind = ?3, status = ?4, display_name = ?5, email = ?6, \
        email_verified = ?7, scopes = ?8 WHERE id = ?1";
    SET_PASSWORD = "UPDATE users SET password = ?2, password_changed_at = ?3 WHERE id = ?1 RETURNING username";
    UPGRADE_PASSWORD = "UPDATE users SET password = ?3 WHERE id = ?1 AND password = ?2";
    SET_STATUS = "UPDATE users SET status = ?2 WHERE id = ?1 RETURNING username";
    KEYS_OF = "SELECT hash FROM api_keys WHERE owner = ?1 AND status = 'active'";
    END_SESSIONS = "DELETE FROM sessions WHERE user_id = ?1";
    ENABLED = "SELECT 1 FROM users WHERE id = ?1 AND status = 'enabled'";
}

fn read(mut row: Row) -> Result<User> {
    Ok(User {
        id: row.text()?.into(),
        username: row.parsed()?,
        kind: row.word()?,
        status: row.word()?,
        display_name: row.text_or_null()?,
        email: row.text_or_null()?,
        email_verified: row.flag()?,
        scopes: row.parsed()?,
        password: row.text_or_null()?.map(PasswordHashText::new),
        created_at: row.time()?,
        password_changed_at: row.time()?,
    })
}

impl Store {
    /// Keeps a new account.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the name or the identifier is taken.
    pub async fn create_user(&self, user: &User) -> Result<()> {
        self.write(Create(user.clone())).await
    }

    /// Changes everything of an account but its password, its identifier and its date; `false` when there is none.
    /// Disabling it ends its sessions, and what it holds stops working.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the new name is taken.
    pub async fn update_user(&self, user: &User, now: Timestamp) -> Result<bool> {
        self.write(Update(user.clone(), now)).await
    }

    /// Sets or removes the password; `false` when there is no such account. Sessions from before are void.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn set_password(
        &self,
        id: &UserId,
        password: Option<&PasswordHashText>,
        now: Timestamp,
    ) -> Result<bool> {
        self.write(SetPassword(id.clone(), password.cloned(), now)).await
    }

    /// Enables or disables an account; `false` when there is none.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn set_user_status(&self, id: &UserId, status: UserStatus, now: Timestamp) -> Result<bool> {
        self.write(SetStatus(id.clone(), status, now)).await
    }

    /// Accounts in the order of their names, those after a name, at most `limit`.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub async fn users(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>> {
        let after = after.map_or("", Username::as_str);
        read_all(self.many(&LIST, params![after, limit]).await?, read)
    }

    /// The account.
    pub(crate) async fn user_by_id(&self, id: &UserId) -> Result<Option<User>> {
        self.one(&BY_ID, params![id]).await?.map(read).transpose()
    }

    /// The account that signs in under this name.
    pub(crate) async fn user_of_name(&self, name: &Username) -> Result<Option<User>> {
        self.one(&BY_NAME, params![name]).await?.map(read).transpose()
    }

    pub(crate) async fn user_enabled(&self, id: &UserId) -> Result<bool> {
        Ok(self.one(&ENABLED, params![id]).await?.is_some())
    }
}

struct Create(User);

impl Write for Create {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self(user) = self;
        let password = user.password.as_ref().map(PasswordHashText::expose);
        let values = [
            Param::from(&user.id),
            Param::from(&user.username),
            word(&user.kind)?,
            word(&user.status)?,
            Param::from(user.display_name.as_deref()),
            Param::from(user.email.as_deref()),
            Param::from(user.email_verified),
            Param::from(user.scopes.to_string()),
            Param::from(password),
            Param::from(user.created_at),
            Param::from(user.password_changed_at),
        ];
        if tx.execute(&INSERT, &values).await? == 0 {
            return Err(taken(&user.username));
        }
        // A checker may have remembered that there is no such account.
        tx.announce(Change::User(user.id.clone(), user.username.clone()), user.created_at);
        Ok(())
    }
}

fn taken(name: &Username) -> StoreError {
    StoreError::AlreadyExists { what: format!("a user {:?}", name.as_str()) }
}

struct Update(User, Timestamp);

impl Write for Update {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(user, now) = self;
        let Some(mut row) = tx.optional(&NAME, params![&user.id]).await? else { return Ok(false) };
        let old: Username = row.parsed()?;
        if let Some(mut holder) = tx.optional(&HOLDER, params![&user.username]).await?
            && holder.text()? != user.id.as_str()
        {
            return Err(taken(&user.username));
        }
        let values = [
            Param::from(&user.id),
            Param::from(&user.username),
            word(&user.kind)?,
            word(&user.status)?,
            Param::from(user.display_name.as_deref()),
            Param::from(user.email.as_deref()),
            Param::from(user.email_verified),
            Param::from(user.scopes.to_string()),
        ];
        tx.execute(&UPDATE, &values).await?;
        if old != user.username {
            tx.announce(Change::User(user.id.clone(), old), *now);
        }
        changed_status(tx, &user.id, &user.username, user.status, *now).await?;
        Ok(true)
    }
}

struct SetPassword(UserId, Option<PasswordHashText>, Timestamp);

impl Write for SetPassword {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(id, password, now) = self;
        let password = password.as_ref().map(PasswordHashText::expose);
        let Some(mut row) = tx.optional(&SET_PASSWORD, params![id, password, *now]).await? else {
            return Ok(false);
        };
        tx.announce(Change::User(id.clone(), row.parsed()?), *now);
        Ok(true)
    }
}

struct SetStatus(UserId, UserStatus, Timestamp);

impl Write for SetStatus {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(id, status, now) = self;
        let values = [Param::from(id), word(status)?];
        let Some(mut row) = tx.optional(&SET_STATUS, &values).await? else { return Ok(false) };
        changed_status(tx, id, &row.parsed()?, *status, *now).await?;
        Ok(true)
    }
}

/// Announces an account, the API keys that speak for it and the applications it owns, and ends the sessions of one that may not be used.
async fn changed_status(
    tx: &mut Tx<'_>,
    id: &UserId,
    name: &Username,
    status: UserStatus,
    now: Timestamp,
) -> Result<()> {
    if status == UserStatus::Disabled {
        tx.execute(&END_SESSIONS, params![id]).await?;
    }
    for mut row in tx.all(&KEYS_OF, params![id]).await? {
        tx.announce(Change::ApiKey(row.hash()?), now);
    }
    clients::owner_changed(tx, id, now).await?;
    tx.announce(Change::User(id.clone(), name.clone()), now);
    Ok(())
}

/// A better hash of the same password: nothing that a checker remembers becomes wrong by it.
struct UpgradePassword {
    id: UserId,
    old: PasswordHashText,
    new: PasswordHashText,
}

impl Write for UpgradePassword {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let values = params![&self.id, self.old.expose(), self.new.expose()];
        tx.execute(&UPGRADE_PASSWORD, values).await.map(drop)
    }
}

impl access::Accounts for Store {
    fn account<'a>(
        &'a self,
        name: &'a Username,
    ) -> BoxFuture<'a, Result<Option<Account>, access::Unavailable>> {
        Box::pin(async move {
            let user = self.user_of_name(name).await?;
            Ok(user.map(|user| Account {
                subject: Subject::new(user.id.as_str()),
                enabled: user.is_enabled(),
                user: Some(user.id),
                password: user.password,
                scopes: user.scopes,
            }))
        })
    }

    fn upgrade_password<'a>(
        &'a self,
        account: &'a Account,
        old: &'a PasswordHashText,
        new: PasswordHashText,
    ) -> BoxFuture<'a, Result<(), access::Unavailable>> {
        Box::pin(async move {
            // An htpasswd entry is not ours to change.
            let Some(id) = account.user.clone() else { return Ok(()) };
            Ok(self.write(UpgradePassword { id, old: old.clone(), new }).await?)
        })
    }
}
