//! A person's signed-in session.

use serde::{Deserialize, Serialize};

use crate::{SessionId, Timestamp, TokenHash, UserId};

/// What the authorization server remembers of a sign-in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// The public identifier: the `sid` of tokens made in this session.
    pub id: SessionId,
    /// Hash of the cookie's secret.
    pub secret: TokenHash,
    /// Who signed in.
    pub user: UserId,
    /// When the person last proved who they are (OpenID Connect Core §2, `auth_time`).
    pub auth_time: Timestamp,
    /// How (RFC 8176): `pwd`, `otp`, …
    pub amr: Vec<String>,
    /// How strongly, in the words the operator uses.
    pub acr: Option<String>,
    /// When the session began.
    pub created_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
}
