//! The name in an address. Escapes in it may stand for no text at all (RFC 3986 §2.5): that is nobody's name, and its
//! endpoint says so in its own words.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use countersign_model::ClientId;

/// The only parameter of a path; empty where it is no text.
pub(crate) struct NameInPath(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for NameInPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(name.map(|Path(name)| name).unwrap_or_default()))
    }
}

impl From<NameInPath> for ClientId {
    fn from(NameInPath(name): NameInPath) -> Self {
        Self::from(name)
    }
}
