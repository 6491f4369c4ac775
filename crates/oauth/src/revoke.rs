//! Token revocation (RFC 7009).

use crate::ports::Ports;
use crate::{Authorization, Engine, Error, Parameters};

impl<P: Ports> Engine<P> {
    /// A request at the revocation endpoint. Success is an empty 200, also for a token that never was.
    ///
    /// # Errors
    /// The caller is not an authenticated client, or `token` is missing.
    pub async fn revoke(&self, authorization: Authorization<'_>, form: &Parameters<'_>) -> Result<(), Error> {
        let _ = (authorization, form);
        todo!()
    }
}
