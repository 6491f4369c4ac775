//! `none`: a public client says who it is (RFC 6749 §3.2.1). What it may do is bounded by PKCE and its redirect URIs.

use crate::ClientRefusal;

#[expect(clippy::unnecessary_wraps, reason = "as the other methods answer")]
pub(super) fn accept() -> Result<(), ClientRefusal> {
    Ok(())
}
