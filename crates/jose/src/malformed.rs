//! What can be wrong with the form of a JWS.

/// Why a text is no JWS, or none that may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// Longer than allowed.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts.
    #[error("the token is not header.payload.signature")]
    Structure,
    /// A part is no base64url, or not as it must be written.
    #[error("a part of the token is no base64url")]
    Base64,
    /// The header is no JSON object, or a member of it is of the wrong kind.
    #[error("the header is no JSON object with members of the right kind")]
    Header,
    /// A member of the header is there twice.
    #[error("a member of the header is there twice")]
    Duplicate,
    /// `alg` is `none` (RFC 8725 §3.2).
    #[error("the token is not signed")]
    None,
    /// `alg` names an algorithm that is not offered.
    #[error("the algorithm is not offered")]
    Algorithm,
    /// `crit` names something that is not understood (RFC 7515 §4.1.11).
    #[error("the header has a critical member that is not understood")]
    Critical,
}
