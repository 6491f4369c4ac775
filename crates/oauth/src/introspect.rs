//! Token introspection (RFC 7662).

use crate::ports::Ports;
use crate::{Authorization, Engine, Error, Parameters};

impl<P: Ports> Engine<P> {
    /// A request at the introspection endpoint; the answer is a JSON object, `{"active":false}` for whatever the
    /// caller may know nothing of (RFC 7662 §2.2).
    ///
    /// # Errors
    /// The caller is no authenticated client, or `token` is missing.
    pub async fn introspect(
        &self,
        authorization: Authorization<'_>,
        form: &Parameters<'_>,
    ) -> Result<Vec<u8>, Error> {
        let _ = (authorization, form);
        todo!()
    }
}
