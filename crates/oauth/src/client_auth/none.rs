//! `none`: a public client says who it is (RFC 6749 §3.2.1). What it may do is bounded by PKCE and its redirect URIs.

use std::sync::Arc;

use countersign_model::{Client, ClientAuthentication};

use crate::ports::Ports;
use crate::{ClientRefusal, Engine, Error};

pub(super) async fn accept<P: Ports>(
    engine: &Engine<P>,
    id: &str,
) -> Result<Result<Arc<Client>, ClientRefusal>, Error> {
    engine.registered_for(id, ClientAuthentication::None).await
}
