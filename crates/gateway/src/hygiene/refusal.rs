//! Why a request is refused before anybody asks who sent it.

use http::StatusCode;

/// A request that is refused for its shape, one variant per reason.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// `CONNECT` or `TRACE`.
    Method,
    /// Several `Host` fields.
    DuplicateHost,
    /// No `Host`.
    MissingHost,
    /// A `Host` that is none.
    BadHost,
    /// `Host` and the target's authority differ.
    HostMismatch,
    /// User information in the authority.
    UserInfo,
    /// A form of target that the method does not have.
    TargetForm,
    /// A path with characters or escapes that servers read differently.
    BadPath,
    /// A `.` or `..` segment.
    DotSegment,
    /// An empty segment.
    EmptySegment,
    /// A query with raw control or non-ASCII characters.
    BadQuery,
    /// Framing that two parsers could read differently.
    Framing,
    /// Nothing that could be read as HTTP.
    Unreadable,
    /// A `Connection` that names a field it has no business with.
    Connection,
    /// An expectation other than `100-continue`.
    Expectation,
    /// More header fields or header bytes than the route allows.
    TooManyHeaders,
}

impl Refusal {
    /// The reason in one word, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::DuplicateHost => "duplicate_host",
            Self::MissingHost => "missing_host",
            Self::BadHost => "bad_host",
            Self::HostMismatch => "host_mismatch",
            Self::UserInfo => "user_info",
            Self::TargetForm => "target_form",
            Self::BadPath => "bad_path",
            Self::DotSegment => "dot_segment",
            Self::EmptySegment => "empty_segment",
            Self::BadQuery => "bad_query",
            Self::Framing => "framing",
            Self::Unreadable => "unreadable",
            Self::Connection => "connection",
            Self::Expectation => "expectation",
            Self::TooManyHeaders => "too_many_headers",
        }
    }

    /// The status it is answered with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::DuplicateHost
            | Self::MissingHost
            | Self::BadHost
            | Self::HostMismatch
            | Self::UserInfo
            | Self::TargetForm
            | Self::BadPath
            | Self::DotSegment
            | Self::EmptySegment
            | Self::BadQuery
            | Self::Framing
            | Self::Unreadable
            | Self::Connection => StatusCode::BAD_REQUEST,
        }
    }

    /// What the caller is told.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Method => "This method is not served here.",
            Self::DuplicateHost => "The request has more than one Host field.",
            Self::MissingHost => "The request has no Host field.",
            Self::BadHost => "The Host field is no host.",
            Self::HostMismatch => "The Host field and the request's target differ.",
            Self::UserInfo => "The request's target carries user information.",
            Self::TargetForm => "The request's target has a form its method does not have.",
            Self::BadPath => "The path has characters or escapes that are not accepted.",
            Self::DotSegment => "The path has dot segments.",
            Self::EmptySegment => "The path has empty segments.",
            Self::BadQuery => "The query has characters that need escaping.",
            Self::Framing => "The request's framing is ambiguous.",
            Self::Unreadable => "This is no HTTP request.",
            Self::Connection => "The Connection field names a field that is not the connection's.",
            Self::Expectation => "Only the expectation 100-continue is known.",
            Self::TooManyHeaders => "The request has too many or too long header fields.",
        }
    }
}
