//! `client_secret_post` (RFC 6749 §2.3.1, second form).

use std::sync::Arc;

use countersign_model::{Client, ClientAuthentication};

use super::secret;
use crate::ports::Ports;
use crate::{ClientRefusal, Engine, Error};

pub(super) async fn verify<P: Ports>(
    engine: &Engine<P>,
    id: &str,
    presented: &str,
) -> Result<Result<Arc<Client>, ClientRefusal>, Error> {
    let found = engine.registered_for(id, ClientAuthentication::ClientSecretPost).await?;
    Ok(secret::check(found, presented))
}
