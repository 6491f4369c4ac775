//! Comparing a presented secret.

use std::sync::Arc;

use countersign_model::{Client, TokenHash};

use crate::ClientRefusal;

/// Holds a presented secret against those of the client, all of them, in constant time. An unknown client, and one
/// that is registered for another method, cost the same: their secret is held against one that nothing matches.
pub(super) fn check(
    found: Result<Arc<Client>, ClientRefusal>,
    presented: &str,
) -> Result<Arc<Client>, ClientRefusal> {
    let hash = TokenHash::of(presented.as_bytes());
    let nothing = [TokenHash::from_bytes([0; 32])];
    let secrets = match &found {
        Ok(client) if !client.secrets.is_empty() => client.secrets.as_slice(),
        Ok(_) | Err(_) => &nothing,
    };
    let matches = secrets.iter().fold(false, |matches, known| known.ct_eq(&hash) | matches);
    match found {
        Ok(client) if matches => Ok(client),
        Ok(_) => Err(ClientRefusal::WrongSecret),
        Err(reason) => Err(reason),
    }
}
