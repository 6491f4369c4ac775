//! What the token, introspection and revocation endpoints have in common: a form from a client that says who it is.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use countersign_access::{BasicCredentials, DPOP_NONCE, Peer, basic_credentials};
use countersign_oauth::{Authorization, ClientCall, ClientCertificate, DpopField, Error, Parameters};

use crate::body::{BadForm, is_json, read_form, read_json};
use crate::client_address::ClientAddress;
use crate::endpoints::Endpoint;
use crate::github_parameters;
use crate::params::{MAX_BODY, Params};
use crate::rate_limits::TooMany;
use crate::state::AppState;
use crate::wait::{COME_BACK, seconds};

/// A form, read but not yet looked at.
pub(crate) struct ClientRequest {
    body: Sent,
    credentials: Credentials,
    /// The other end of the connection, with its certificate.
    peer: Option<Arc<Peer>>,
    proof: Proof,
    endpoint: Endpoint,
    address: IpAddr,
}

/// What the parameters are in.
enum Sent {
    Form(Bytes),
    Json(Bytes),
}

enum Credentials {
    Absent,
    Basic(BasicCredentials),
    Unusable,
}

/// The `DPoP` field.
enum Proof {
    Absent,
    One(HeaderValue),
    Several,
}

impl ClientRequest {
    /// Reads the request, if its address may send one now.
    async fn read(state: &AppState, endpoint: Endpoint, request: Request) -> Result<Self, Unanswered> {
        let address = request.extensions().get::<ClientAddress>();
        let address = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
        state.rates().admit(endpoint, address, state.env().now())?;
        Ok(Self::parse(endpoint, address, request).await?)
    }

    async fn parse(endpoint: Endpoint, address: IpAddr, request: Request) -> Result<Self, BadForm> {
        let (parts, body) = request.into_parts();
        // RFC 6749 §2.3.1: client credentials never go into the URI. Whoever puts parameters there gets told.
        if parts.uri.query().is_some_and(|query| !query.is_empty()) {
            return Err(BadForm::InQuery);
        }
        let credentials = Credentials::of(&parts.headers);
        let proof = Proof::of(&parts.headers);
        let peer = parts.extensions.get::<Arc<Peer>>().cloned();
        Ok(Self {
            body: Sent::read(endpoint, &parts.headers, body).await?,
            credentials,
            peer,
            proof,
            endpoint,
            address,
        })
    }

    /// What the client sent in the form.
    fn parameters(&self) -> Result<Parameters<'_>, BadForm> {
        let parameters = match &self.body {
            Sent::Form(text) => Params::parse_repeated(text)?.into_parameters(),
            Sent::Json(text) => Params::parse_json(text)?.into_parameters(),
        };
        Ok(github_parameters::completed(self.endpoint, parameters))
    }

    /// All that may prove who calls.
    fn call<'a>(&'a self, form: &'a Parameters<'a>) -> ClientCall<'a> {
        ClientCall {
            authorization: self.authorization(),
            form,
            certificate: self.peer.as_deref().and_then(certificate),
            dpop: self.proof.field(),
        }
    }

    fn authorization(&self) -> Authorization<'_> {
        match &self.credentials {
            Credentials::Absent => Authorization::Absent,
            Credentials::Basic(basic) => {
                Authorization::Basic { name: basic.username(), secret: basic.password() }
            }
            Credentials::Unusable => Authorization::Unusable,
        }
    }
}

/// What every endpoint of clients does: reads the request, asks for the client's turn, has the engine answer, and counts
/// how it ended. An `Err` outside is why one never came to the engine.
pub(crate) async fn answered<T>(
    state: &AppState,
    endpoint: Endpoint,
    request: Request,
    ask: impl AsyncFnOnce(&ClientCall<'_>) -> Result<T, Error>,
) -> Result<Result<T, Error>, Unanswered> {
    let request = ClientRequest::read(state, endpoint, request).await?;
    let parameters = request.parameters()?;
    let call = request.call(&parameters);
    let turn = state.rates().begin(endpoint, request.address, &call, state.env().now())?;
    let answer = ask(&call).await;
    turn.ended(&answer);
    Ok(answer)
}

/// Why a request never came to the engine.
pub(crate) enum Unanswered {
    /// There were too many.
    TooMany(TooMany),
    /// What it sent can't be read.
    Unreadable(BadForm),
}

impl Unanswered {
    /// As RFC 6749 §5.2 has it.
    pub(crate) fn response(self) -> Response {
        match self {
            Self::TooMany(too_many) => self::too_many(too_many),
            Self::Unreadable(bad) => unreadable(bad),
        }
    }

    /// The same in a sentence.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::TooMany(TooMany { limit, .. }) => limit.description().to_owned(),
            Self::Unreadable(bad) => bad.to_string(),
        }
    }
}

impl From<TooMany> for Unanswered {
    fn from(too_many: TooMany) -> Self {
        Self::TooMany(too_many)
    }
}

impl From<BadForm> for Unanswered {
    fn from(bad: BadForm) -> Self {
        Self::Unreadable(bad)
    }
}

impl Sent {
    /// Forms alone are what RFC 6749 §3.2 knows; the endpoints of GitHub's clients take JSON too.
    async fn read(endpoint: Endpoint, headers: &HeaderMap, body: Body) -> Result<Self, BadForm> {
        if endpoint.takes_json() && is_json(headers) {
            return Ok(Self::Json(read_json(headers, body, MAX_BODY).await?));
        }
        read_form(headers, body).await.map(Self::Form)
    }
}

impl Credentials {
    fn of(headers: &HeaderMap) -> Self {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        match (fields.next(), fields.next()) {
            (None, _) => Self::Absent,
            (Some(field), None) => match basic_credentials(field) {
                Ok(Some(basic)) => Self::Basic(basic),
                Ok(None) | Err(_) => Self::Unusable,
            },
            // Two fields: which one would count is anybody's guess.
            (Some(_), Some(_)) => Self::Unusable,
        }
    }
}

fn certificate(peer: &Peer) -> Option<ClientCertificate<'_>> {
    let unvouched = || peer.unvouched().map(|shown| ClientCertificate::Unvouched(shown));
    peer.certificate().map(|shown| ClientCertificate::Vouched(shown)).or_else(unvouched)
}

impl Proof {
    fn of(headers: &HeaderMap) -> Self {
        let mut fields = headers.get_all("dpop").iter();
        match (fields.next(), fields.next()) {
            (None, _) => Self::Absent,
            (Some(field), None) => Self::One(field.clone()),
            (Some(_), Some(_)) => Self::Several,
        }
    }

    fn field(&self) -> DpopField<'_> {
        match self {
            Self::Absent => DpopField::Absent,
            Self::One(field) => field.to_str().map_or(DpopField::Unusable, DpopField::Proof),
            Self::Several => DpopField::Unusable,
        }
    }
}

/// A JSON answer nobody may keep (RFC 6749 §5.1).
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// The nonce for the client's next DPoP proof (RFC 9449 §8).
pub(crate) fn offer_nonce(response: &mut Response, nonce: Option<&str>) {
    if let Some(Ok(nonce)) = nonce.map(HeaderValue::from_str) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
}

/// The engine's refusal, as RFC 6749 §5.2 has it.
pub(crate) fn refusal(error: &Error) -> Response {
    if error.is_ours() {
        tracing::error!(error = error as &dyn std::error::Error, "a client's request could not be answered");
    } else {
        tracing::debug!(reason = %error, "a client's request was refused");
    }
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, error.to_json());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_BACK));
    }
    if let Some(challenge) = error.challenge() {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    offer_nonce(&mut response, error.dpop_nonce());
    response
}

/// RFC 6585 §4. RFC 6749 §5.2 has no word for it; that of §4.1.2.1 says what is meant.
pub(crate) fn too_many(TooMany { limit, wait }: TooMany) -> Response {
    let body = serde_json::json!({
        "error": "temporarily_unavailable",
        "error_description": limit.description(),
    });
    let mut response = json(StatusCode::TOO_MANY_REQUESTS, body.to_string());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(wait).max(1)));
    response
}

/// A form that can't be read is an `invalid_request` (RFC 6749 §5.2).
fn unreadable(bad: BadForm) -> Response {
    let status = match bad {
        BadForm::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        BadForm::WrongType | BadForm::Incomplete | BadForm::InQuery | BadForm::Malformed(_) => {
            StatusCode::BAD_REQUEST
        }
    };
    let body = serde_json::json!({ "error": "invalid_request", "error_description": bad.to_string() });
    json(status, body.to_string())
}
