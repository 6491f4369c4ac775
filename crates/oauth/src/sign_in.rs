//! Sessions of people.

use countersign_model::{SecretString, Session, User};

use crate::ports::Ports;
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
    /// The account of a person who may sign in at a page: enabled, and not a program.
    ///
    /// # Errors
    /// The store failed.
    pub async fn person(&self, name: &str) -> Result<Option<User>, Error> {
        let _ = name;
        todo!()
    }

    /// Begins a session for a person whose password (`amr` `pwd`) the caller has verified, and ends the one it
    /// replaces (session fixation: never the same secret twice).
    ///
    /// # Errors
    /// The store failed.
    pub async fn sign_in(
        &self,
        user: &User,
        amr: &[&str],
        replaces: Option<&Session>,
    ) -> Result<SignedIn, Error> {
        let _ = (user, amr, replaces);
        todo!()
    }

    /// The live session of a cookie.
    ///
    /// # Errors
    /// The store failed.
    pub async fn session(&self, cookie: &SecretString) -> Result<Option<Session>, Error> {
        let _ = cookie;
        todo!()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sign_out(&self, session: &Session) -> Result<(), Error> {
        let _ = session;
        todo!()
    }
}
