//! Resources that share a secret: it is in a file.

use countersign_model::SecretBytes;
use countersign_oauth::{SharedSecret, TokenSignature};

use super::files;
use crate::config::checked::{Resource, Signature};
use crate::output::{Failure, remark};

/// What the tokens of a resource are signed with.
///
/// # Errors
/// When its secret can't be read or is too short.
pub(super) fn signature(resource: &Resource) -> Result<TokenSignature, Failure> {
    let file = match &resource.signature {
        Signature::First => return Ok(TokenSignature::First),
        Signature::Key(algorithm) => return Ok(TokenSignature::Key(*algorithm)),
        Signature::SecretFile(file) => file,
    };
    if files::is_open_to_others(file) {
        remark(&format!("{}: others may read this secret; `chmod 600` closes it", file.display()));
    }
    let text = files::read_secret(file)?;
    let secret = SharedSecret::new(&SecretBytes::new(text.expose().as_bytes().to_vec()));
    // RFC 7518 §3.2.
    let secret =
        secret.map_err(|_| format!("{}: a secret for HS256 has 32 bytes or more", file.display()))?;
    Ok(TokenSignature::Secret(secret))
}
