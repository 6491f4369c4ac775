//! The only reader of `Authorization` and of every other place a credential may be.
//!
//! One request, one credential: two of them, of one kind or of different kinds, are refused (RFC 6750 §2), for whoever
//! reads the other one would see somebody else. A certificate is the channel, and is the credential only when the rule
//! accepts it and nothing else is there.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_model::{Method, SecretString, TokenHash};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

use crate::api_key::WellFormed;
use crate::{Peer, PeerCertificate, Reason, RequestParts, Rule};

/// The field of a DPoP proof (RFC 9449 §4.1).
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
/// The longest `Authorization` value.
const LONGEST_AUTHORIZATION: usize = 16 * 1024;
/// The longest value of Basic: 128 characters of name, 1,024 bytes of password, in base64.
const LONGEST_BASIC: usize = 2_400;
/// The longest API key.
const LONGEST_KEY: usize = 512;

/// What the caller presented. Nothing here has been believed yet.
#[derive(Debug)]
pub struct Presented<'a> {
    /// The channel's certificate.
    pub peer: Option<&'a Arc<PeerCertificate>>,
    /// The credential.
    pub credential: Option<Credential<'a>>,
    /// Where the credential was.
    pub placement: Placement,
    /// How a token was presented.
    pub scheme: TokenScheme<'a>,
}

/// The scheme of `Authorization` under which a token was presented.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenScheme<'a> {
    /// RFC 6750 §2.1; or there was no token.
    #[default]
    Bearer,
    /// RFC 9449 §7.1, with the one `DPoP` field of the request; `None`: there is none, or several.
    Dpop(Option<&'a str>),
}

impl std::fmt::Debug for TokenScheme<'_> {
    /// Without the proof.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Bearer) { "Bearer" } else { "DPoP" })
    }
}

/// A JWT as it was sent, and the hash by which it is known again.
#[derive(Clone, Copy)]
pub struct PresentedJwt<'a> {
    /// The token.
    pub text: &'a str,
    pub(crate) hash: TokenHash,
}

impl<'a> From<&'a str> for PresentedJwt<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, hash: TokenHash::of(text.as_bytes()) }
    }
}

/// A credential as it was sent.
#[derive(Clone)]
pub enum Credential<'a> {
    /// Something with two dots in `Authorization: Bearer` or `DPoP`.
    Jwt(PresentedJwt<'a>),
    /// Something else in `Authorization: Bearer` or `DPoP`.
    Reference(&'a str),
    /// User name and password.
    Basic(BasicCredentials),
    /// An API key, wherever it was.
    ApiKey(Cow<'a, str>),
    /// The certificate of the connection.
    Certificate(&'a Arc<PeerCertificate>),
}

impl Credential<'_> {
    /// The method it belongs to.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Jwt(_) => Method::Jwt,
            Self::Reference(_) => Method::Oauth,
            Self::Basic(_) => Method::Basic,
            Self::ApiKey(_) => Method::ApiKey,
            Self::Certificate(_) => Method::Mtls,
        }
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}([redacted])", self.method())
    }
}

/// Where the credential of a request was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Placement {
    /// There was none.
    Nowhere,
    /// The `Authorization` field.
    Authorization,
    /// A header field of its own.
    Header(HeaderName),
    /// The URL parameter the rule names: see [`crate::Rule::public_query`].
    Query,
    /// The client certificate of the connection.
    Certificate,
}

/// Finds the one credential of a request.
///
/// # Errors
/// There are several, it can't be read, or the rule does not accept its method. `Ok` with a credential means that its
/// method is accepted.
pub fn extract<'a>(
    request: &RequestParts<'a>,
    peer: &'a Peer,
    rule: &'a Rule,
) -> Result<Presented<'a>, Reason> {
    let peer = peer.certificate();
    if rule.is_open() {
        return Ok(Presented::nothing(peer));
    }
    let mut found: Option<(Credential<'a>, Placement)> = None;
    let mut scheme = TokenScheme::Bearer;
    if let Some(value) = only_one(request.headers.get_all(AUTHORIZATION).iter())? {
        if is_dpop(value) {
            scheme = TokenScheme::Dpop(proof(request.headers));
        }
        found = Some((authorization(value, rule)?, Placement::Authorization));
    }
    for name in &rule.checked().key_headers {
        if let Some(value) = only_one(request.headers.get_all(name).iter())? {
            refuse_second(found.as_ref())?;
            found = Some((Credential::ApiKey(header_key(value)?.into()), Placement::Header(name.clone())));
        }
    }
    if let (Some(name), Some(query)) = (&rule.checked().key_parameter, request.query) {
        let named = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| *key == **name);
        if let Some((_, key)) = only_one(named)? {
            refuse_second(found.as_ref())?;
            if key.len() > LONGEST_KEY {
                return Err(Reason::CredentialTooLarge);
            }
            found = Some((Credential::ApiKey(key), Placement::Query));
        }
    }
    if found.is_none() && rule.accepts(Method::Mtls) {
        found = peer.map(|certificate| (Credential::Certificate(certificate), Placement::Certificate));
    }
    let Some((credential, placement)) = found else {
        return Ok(Presented::nothing(peer));
    };
    if !rule.accepts(credential.method()) {
        return Err(Reason::MethodNotAccepted);
    }
    // RFC 7617 §4: refused before the password is looked at.
    if matches!(credential, Credential::Basic(_)) && !request.secure && !rule.checked().basic_over_http {
        return Err(Reason::BasicOverHttp);
    }
    Ok(Presented { peer, credential: Some(credential), placement, scheme })
}

impl<'a> Presented<'a> {
    fn nothing(peer: Option<&'a Arc<PeerCertificate>>) -> Self {
        Self { peer, credential: None, placement: Placement::Nowhere, scheme: TokenScheme::Bearer }
    }
}

/// Whether a token came under the scheme DPoP, for challenges, which answer in the scheme that was used.
pub(crate) fn says_dpop(headers: &http::HeaderMap) -> bool {
    headers.get(AUTHORIZATION).is_some_and(is_dpop)
}

/// Whether the value's scheme is DPoP.
fn is_dpop(value: &HeaderValue) -> bool {
    value.as_bytes().get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"DPoP "))
}

/// RFC 9449 §4.3, point 1: exactly one.
fn proof(headers: &http::HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(DPOP).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => field.to_str().ok(),
        (_, _) => None,
    }
}

/// RFC 9110 §5.3, RFC 6750 §2: a credential that is there twice is none.
fn only_one<T>(mut all: impl Iterator<Item = T>) -> Result<Option<T>, Reason> {
    let first = all.next();
    if all.next().is_some() { Err(Reason::SeveralCredentials) } else { Ok(first) }
}

fn refuse_second<T>(found: Option<&T>) -> Result<(), Reason> {
    if found.is_some() { Err(Reason::SeveralCredentials) } else { Ok(()) }
}

/// Scheme and what follows it (RFC 9110 §11.4): one or more spaces between them, nothing but visible ASCII after.
fn split_scheme(value: &HeaderValue) -> Result<(&str, &str), Reason> {
    let text = value.to_str().map_err(|_| Reason::MalformedCredential)?;
    let (scheme, rest) = text.split_once(' ').ok_or(Reason::MalformedCredential)?;
    let rest = rest.trim_start_matches(' ');
    if scheme.is_empty() || rest.is_empty() { Err(Reason::MalformedCredential) } else { Ok((scheme, rest)) }
}

fn authorization<'a>(value: &'a HeaderValue, rule: &Rule) -> Result<Credential<'a>, Reason> {
    if value.len() > LONGEST_AUTHORIZATION {
        let is_bearer = value.as_bytes().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"Bearer "));
        return Err(if is_bearer || is_dpop(value) {
            Reason::TokenTooLarge
        } else {
            Reason::CredentialTooLarge
        });
    }
    let (scheme, rest) = split_scheme(value)?;
    if scheme.eq_ignore_ascii_case("Bearer") {
        return bearer(rest, rule);
    }
    // RFC 9449 §7.1: the same syntax. A key is no token, wherever keys may be.
    if scheme.eq_ignore_ascii_case("DPoP") {
        return token(rest);
    }
    // No registered scheme: GitHub's, older than RFC 6750, and for opaque tokens alone.
    if scheme.eq_ignore_ascii_case("token") && rule.checked().token_scheme {
        return match token(rest)? {
            reference @ Credential::Reference(_) => Ok(reference),
            _ => Err(Reason::TokenMalformed),
        };
    }
    if scheme.eq_ignore_ascii_case("Basic") {
        let credentials = decode_basic(rest).map_err(|MalformedBasic| Reason::MalformedCredential)?;
        return Ok(Credential::Basic(credentials));
    }
    if scheme.eq_ignore_ascii_case("ApiKey") {
        // A place of its own, so the rule has a say of its own.
        if !rule.checked().key_in_authorization {
            return Err(Reason::MethodNotAccepted);
        }
        return visible_key(rest).map(|key| Credential::ApiKey(key.into()));
    }
    Err(Reason::UnknownScheme)
}

/// The characters of a bearer token (RFC 6750 §2.1).
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        table[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        byte += 1;
    }
    table
};

fn bearer<'a>(text: &'a str, rule: &Rule) -> Result<Credential<'a>, Reason> {
    match token(text)? {
        Credential::Reference(key)
            if rule.checked().key_as_bearer && (!rule.accepts(Method::Oauth) || is_api_key(key)) =>
        {
            Ok(Credential::ApiKey(key.into()))
        }
        token => Ok(token),
    }
}

/// RFC 6750 §2.1: `b64token`, and nothing after it.
fn token(token: &str) -> Result<Credential<'_>, Reason> {
    let body = token.trim_end_matches('=');
    let is_token = |b: u8| TOKEN.get(usize::from(b)).copied().unwrap_or(false);
    // Without an early end this is one straight pass over a long text.
    if body.is_empty() || !body.bytes().fold(true, |all, b| all & is_token(b)) {
        return Err(Reason::TokenMalformed);
    }
    if memchr::memchr(b'.', token.as_bytes()).is_some() {
        return Ok(Credential::Jwt(token.into()));
    }
    Ok(Credential::Reference(token))
}

/// Reference tokens have the same form as keys, under prefixes of their own.
fn is_api_key(token: &str) -> bool {
    WellFormed::read(token).is_some_and(|key| !key.head().starts_with("cst_"))
}

fn header_key(value: &HeaderValue) -> Result<&str, Reason> {
    visible_key(value.to_str().map_err(|_| Reason::MalformedCredential)?)
}

fn visible_key(key: &str) -> Result<&str, Reason> {
    if key.len() > LONGEST_KEY {
        Err(Reason::CredentialTooLarge)
    } else if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
        Err(Reason::MalformedCredential)
    } else {
        Ok(key)
    }
}

/// User name and password of `Authorization: Basic` (RFC 7617 §2), as sent.
#[derive(Clone, Debug)]
pub struct BasicCredentials {
    text: SecretString,
    colon: usize,
}

impl BasicCredentials {
    /// The user name.
    #[must_use]
    pub fn username(&self) -> &str {
        self.text.expose().get(..self.colon).unwrap_or_default()
    }

    /// The password. Look twice at every use.
    #[must_use]
    pub fn password(&self) -> &str {
        self.text.expose().get(self.colon + 1..).unwrap_or_default()
    }

    /// Both, with the colon between them.
    pub(crate) fn pair(&self) -> &str {
        self.text.expose()
    }
}

/// Reads an `Authorization` value as Basic credentials (RFC 7617 §2); for the token endpoint, where a client sends
/// its name and secret so (RFC 6749 §2.3.1; form-decoding the two is the caller's part). `None`: another scheme.
///
/// # Errors
/// The scheme is Basic, but what follows is not strict base64 of UTF-8 text with a colon and without control
/// characters.
pub fn basic_credentials(value: &HeaderValue) -> Result<Option<BasicCredentials>, MalformedBasic> {
    let is_basic = value.as_bytes().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Basic"))
        && value.as_bytes().get(5).is_none_or(|after| *after == b' ');
    if !is_basic {
        return Ok(None);
    }
    let (_, rest) = split_scheme(value).map_err(|_| MalformedBasic)?;
    decode_basic(rest).map(Some)
}

/// The token of a field that says Bearer (RFC 6750 §2.1), for endpoints that take tokens of their own kind; `None` for
/// any other scheme and for what is no token.
#[must_use]
pub fn bearer_token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let fits = scheme.eq_ignore_ascii_case("Bearer")
        && (1..=LONGEST_AUTHORIZATION).contains(&token.len())
        && token.bytes().all(is_token);
    fits.then_some(token)
}

/// The value says Basic and is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed Basic credentials")]
pub struct MalformedBasic;

fn decode_basic(text: &str) -> Result<BasicCredentials, MalformedBasic> {
    if text.len() > LONGEST_BASIC {
        return Err(MalformedBasic);
    }
    // RFC 4648 §3.2, §3.5: padding is there and the bits left over are zero, so that one pair has one text.
    let bytes = STANDARD.decode(text).map_err(|_| MalformedBasic)?;
    let text = SecretString::new(String::from_utf8(bytes).map_err(|_| MalformedBasic)?);
    // RFC 7617 §2: the first colon ends the user name; control characters are in neither.
    let colon = memchr::memchr(b':', text.expose().as_bytes()).ok_or(MalformedBasic)?;
    if text.expose().chars().any(char::is_control) {
        return Err(MalformedBasic);
    }
    Ok(BasicCredentials { text, colon })
}
