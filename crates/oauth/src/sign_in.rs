//! Sessions of people.

use countersign_access::TokenKind;
use countersign_model::{SecretString, Session, SessionId, User, UserKind, Username};

use crate::ports::{Offline, Ports};
use crate::{Engine, Error};

/// A person has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The cookie's value, new at every sign-in.
    pub cookie: SecretString,
    /// What is remembered of it.
    pub session: Session,
}

impl<P: Ports> Engine<P> {
    /// The account of a person who may sign in at a page: enabled, and not a program. Verify the password of nobody,
    /// too, when there is none, so that it costs the same.
    ///
    /// # Errors
    /// The store failed.
    pub async fn person(&self, name: &str) -> Result<Option<User>, Error> {
        let Ok(name) = name.parse::<Username>() else { return Ok(None) };
        let user = self.ports.user_by_name(&name).await?;
        Ok(user.filter(|user| user.is_enabled() && user.kind == UserKind::Person))
    }

    /// Begins a session for a person whose proof (`amr`, RFC 8176: `pwd` for a password) the caller has verified, and
    /// ends the one it replaces; `None` when the account was disabled or its password changed meanwhile.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sign_in(
        &self,
        user: &User,
        amr: &[&str],
        replaces: Option<&Session>,
    ) -> Result<Option<SignedIn>, Error> {
        let now = self.now();
        // A new secret at every sign-in: one planted before it is worthless (session fixation).
        let cookie = TokenKind::Session.generate(&*self.env.rng);
        let session = Session {
            id: SessionId::generate(now, &*self.env.rng),
            secret: cookie.hash(),
            user: user.id.clone(),
            auth_time: now,
            amr: amr.iter().map(|method| (*method).to_owned()).collect(),
            acr: None,
            created_at: now,
            expires_at: now.plus(self.settings.lifetimes.session),
        };
        if !self.ports.begin_session(&session, user).await? {
            return Ok(None);
        }
        if let Some(replaced) = replaces {
            self.ports.end_session(&replaced.id).await?;
        }
        Ok(Some(SignedIn { cookie, session }))
    }

    /// The live session of a cookie.
    ///
    /// # Errors
    /// The store failed.
    pub async fn session(&self, cookie: &SecretString) -> Result<Option<Session>, Error> {
        Ok(self.ports.session(&cookie.hash(), self.now()).await?)
    }

    /// Ends a session and, where the operator wants that, what was given in it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sign_out(&self, session: &Session) -> Result<(), Error> {
        if self.settings.sign_out_revokes {
            // OpenID Connect Back-Channel Logout §2.7: what the person agreed should outlast the session, does.
            return Ok(self.ports.revoke_session(&session.id, Offline::Kept, self.now()).await?);
        }
        Ok(self.ports.end_session(&session.id).await?)
    }
}
