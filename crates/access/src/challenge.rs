//! A denial, as HTTP says it (RFC 9110 §11.6.1, RFC 6750 §3, RFC 7617 §2, RFC 9457).

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::Algorithm;
use countersign_model::{Issuer, Method, Subject};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::policy::settings::StepUp;
use crate::reason::Outside;
use crate::{InvalidRule, Reason, RuleSettings, dpop};

/// A request that may not pass. What it says outside is less than what it knows.
#[derive(Debug)]
pub struct Denial {
    reason: Reason,
    /// The method of the credential, once one was seen.
    method: Option<Method>,
    subject: Option<Subject>,
    issuer: Option<Issuer>,
    retry_after: Option<Duration>,
    is_secure: bool,
    /// Whether a token came under the scheme DPoP.
    is_dpop: bool,
    nonce: Option<HeaderValue>,
    challenges: Arc<Challenges>,
}

impl Denial {
    pub(crate) fn new(reason: Reason, challenges: &Arc<Challenges>, is_secure: bool) -> Self {
        Self {
            reason,
            method: None,
            subject: None,
            issuer: None,
            retry_after: None,
            is_secure,
            is_dpop: false,
            nonce: None,
            challenges: Arc::clone(challenges),
        }
    }

    pub(crate) fn by(self, method: Method) -> Self {
        Self { method: Some(method), ..self }
    }

    pub(crate) fn about(self, subject: &Subject, issuer: &Issuer) -> Self {
        Self { subject: Some(subject.clone()), issuer: Some(issuer.clone()), ..self }
    }

    /// The answer is about a token under the scheme DPoP, and brings a nonce where one is needed.
    pub(crate) fn about_dpop(self, nonce: Option<HeaderValue>) -> Self {
        Self { is_dpop: true, nonce, ..self }
    }

    pub(crate) fn after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// Why, in one word, for the log and for metrics; never for the caller.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    /// Why, as a type.
    #[must_use]
    pub fn why(&self) -> Reason {
        self.reason
    }

    /// The method of the credential, when one was seen. For the log.
    #[must_use]
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// Whom it was about, once that was verified. For the log.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.subject.as_ref()
    }

    /// Who vouched for the subject. For the log.
    #[must_use]
    pub fn issuer(&self) -> Option<&Issuer> {
        self.issuer.as_ref()
    }

    /// 400, 401, 403, 429 or 503. A 401 always comes with a challenge (RFC 9110 §15.5.2); where none could help, as
    /// with a client certificate, it is 403.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.reason.outside().status() {
            StatusCode::UNAUTHORIZED if self.schemes().next().is_none() => StatusCode::FORBIDDEN,
            status => status,
        }
    }

    /// What the caller is told, in one sentence for people.
    #[must_use]
    pub fn detail(&self) -> &'static str {
        self.reason.outside().detail()
    }

    /// The `Retry-After` of 429 and 503, in whole seconds when written.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The value of `DPoP-Nonce`, when the answer must bring one (RFC 9449 §9).
    #[must_use]
    pub fn dpop_nonce(&self) -> Option<&HeaderValue> {
        self.nonce.as_ref()
    }

    /// The values of `WWW-Authenticate`, one a scheme the rule accepts; none for 429 and 503.
    #[must_use]
    pub fn www_authenticate(&self) -> Vec<HeaderValue> {
        match self.reason.outside() {
            Outside::TooManyRequests | Outside::Unavailable | Outside::InsecureTransport => Vec::new(),
            // One answer to one question: clients look for it alone (RFC 9449 §7.1, §9). RFC 6750 §3: every token that gives
            // no access is told so; a certificate or a key has no challenge of the kind.
            Outside::Forbidden
            | Outside::InsufficientScope
            | Outside::InsufficientUserAuthentication
            | Outside::InvalidProof
            | Outside::UseNonce => self.schemes().filter_map(|challenge| self.error(challenge)).collect(),
            Outside::InvalidRequest | Outside::NoCredential | Outside::InvalidCredential => self
                .schemes()
                .map(|challenge| self.error(challenge).unwrap_or_else(|| challenge.plain.clone()))
                .collect(),
        }
    }

    /// The challenges that fit this connection: nobody is asked to send a password in the clear.
    fn schemes(&self) -> impl Iterator<Item = &Challenge> {
        self.challenges.0.iter().filter(|challenge| self.is_secure || !challenge.needs_secure)
    }

    /// RFC 6750 §3.1, RFC 9449 §7.1: the error is named when a token was presented, and only to its scheme.
    fn error(&self, challenge: &Challenge) -> Option<HeaderValue> {
        let errors = challenge.errors.as_ref().filter(|errors| errors.proof.is_some() == self.is_dpop)?;
        match (self.reason.outside(), self.method) {
            (Outside::InvalidRequest, _) => Some(errors.invalid_request.clone()),
            (Outside::InvalidCredential, Some(Method::Jwt | Method::Oauth)) => {
                Some(errors.invalid_token.clone())
            }
            (Outside::InsufficientScope, Some(Method::Jwt | Method::Oauth)) => {
                Some(errors.insufficient_scope.clone())
            }
            // RFC 6750 §3.1: more privileges than the token has; no scope is named, because none would mend it.
            (Outside::Forbidden, Some(Method::Jwt | Method::Oauth)) => Some(errors.forbidden.clone()),
            // RFC 9470 §3: whatever was presented, only a token of such a sign-in will do.
            (Outside::InsufficientUserAuthentication, _) => {
                Some(errors.insufficient_user_authentication.clone())
            }
            (Outside::InvalidProof, _) => errors.proof.as_ref().map(|proof| proof.invalid.clone()),
            (Outside::UseNonce, _) => errors.proof.as_ref().map(|proof| proof.use_nonce.clone()),
            (_, _) => None,
        }
    }

    /// The whole response: status, challenges, `Retry-After`, and the problem document.
    #[must_use]
    pub fn response(&self, request_id: &str) -> Response<String> {
        let mut response = Response::new(self.problem(request_id));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for challenge in self.www_authenticate() {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        if let Some(nonce) = self.dpop_nonce() {
            headers.insert(DPOP_NONCE, nonce.clone());
        }
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The value of `Retry-After` (RFC 9110 §10.2.3): whole seconds, rounded up.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let after = self.retry_after?;
        Some(after.as_secs() + u64::from(after.subsec_nanos() > 0))
    }

    /// The body, `application/problem+json` (RFC 9457 §3), with the request's id.
    #[must_use]
    pub fn problem(&self, request_id: &str) -> String {
        let outside = self.reason.outside();
        let status = self.status();
        let mut problem = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": outside.detail(),
            "request_id": request_id,
        });
        if let Some(members) = problem.as_object_mut() {
            if let Some(code) = outside.code() {
                members.insert("error".to_owned(), code.into());
            }
            if matches!(outside, Outside::InsufficientScope | Outside::InsufficientUserAuthentication) {
                members.insert("scope".to_owned(), (*self.challenges.1).into());
            }
        }
        problem.to_string()
    }
}

/// The challenges of a rule and its scopes, built once.
#[derive(Debug)]
pub(crate) struct Challenges(Vec<Challenge>, Box<str>);

#[derive(Debug)]
struct Challenge {
    plain: HeaderValue,
    errors: Option<TokenErrors>,
    needs_secure: bool,
}

#[derive(Debug)]
struct TokenErrors {
    invalid_request: HeaderValue,
    invalid_token: HeaderValue,
    insufficient_scope: HeaderValue,
    forbidden: HeaderValue,
    insufficient_user_authentication: HeaderValue,
    /// Those that DPoP alone has.
    proof: Option<ProofErrors>,
}

#[derive(Debug)]
struct ProofErrors {
    invalid: HeaderValue,
    use_nonce: HeaderValue,
}

/// RFC 6750 §3.
const BEARER: &str = "Bearer";
/// RFC 9449 §7.1.
const DPOP: &str = "DPoP";

/// RFC 9449 §8.1.
pub const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

impl Challenges {
    pub(crate) fn none() -> Self {
        Self(Vec::new(), "".into())
    }

    pub(crate) fn new(settings: &RuleSettings) -> Result<Self, InvalidRule> {
        let realm = &settings.realm;
        if realm.len() > 128 || !realm.bytes().all(is_quotable) {
            return Err(InvalidRule::Realm(realm.clone()));
        }
        let header =
            |text: String| HeaderValue::try_from(text).map_err(|_| InvalidRule::Realm(realm.clone()));
        let accepts = |method: Method| settings.accept.contains(&method);
        let mut challenges = Vec::new();
        if accepts(Method::Jwt)
            || accepts(Method::Oauth)
            || accepts(Method::ApiKey) && settings.api_key.bearer
        {
            challenges.push(token_challenge(BEARER, settings)?);
        }
        if accepts(Method::Jwt) || accepts(Method::Oauth) {
            challenges.push(token_challenge(DPOP, settings)?);
        }
        if accepts(Method::Basic) {
            // RFC 7617 §2.1
            challenges.push(Challenge {
                plain: header(format!("Basic realm=\"{realm}\", charset=\"UTF-8\""))?,
                errors: None,
                needs_secure: !settings.insecure_allow_basic_over_http,
            });
        }
        if accepts(Method::ApiKey) {
            challenges.push(Challenge {
                plain: header(format!("ApiKey realm=\"{realm}\"{}", key_place(settings)))?,
                errors: None,
                needs_secure: false,
            });
        }
        Ok(Self(challenges, settings.scopes.to_string().into()))
    }
}

/// The challenge of a scheme that takes tokens, alone and with each error (RFC 6750 §3, RFC 9470 §3).
fn token_challenge(scheme: &str, settings: &RuleSettings) -> Result<Challenge, InvalidRule> {
    let realm = &settings.realm;
    let metadata = match &settings.resource_metadata {
        Some(address) if address.bytes().all(is_quotable) => format!(", resource_metadata=\"{address}\""),
        Some(address) => return Err(InvalidRule::ResourceMetadata(address.clone())),
        None => String::new(),
    };
    let scope = match settings.scopes.is_empty() {
        true => String::new(),
        false => format!(", scope=\"{}\"", settings.scopes),
    };
    let step_up = step_up(&settings.step_up)?;
    let algorithms: Vec<&str> = dpop::algorithms().iter().map(Algorithm::as_str).collect();
    let is_dpop = scheme == DPOP;
    // RFC 9449 §7.1: the algorithms are named, so that clients can choose.
    let algorithms = if is_dpop { format!(", algs=\"{}\"", algorithms.join(" ")) } else { String::new() };
    let header = |error: &str, more: &str| {
        HeaderValue::try_from(format!("{scheme} realm=\"{realm}\"{error}{more}{algorithms}{metadata}"))
            .map_err(|_| InvalidRule::Realm(realm.clone()))
    };
    let error = |code: &str, more: &str| header(&format!(", error=\"{code}\""), more);
    Ok(Challenge {
        plain: header("", &scope)?,
        errors: Some(TokenErrors {
            invalid_request: error("invalid_request", "")?,
            invalid_token: error("invalid_token", "")?,
            insufficient_scope: error("insufficient_scope", &scope)?,
            forbidden: error("insufficient_scope", "")?,
            insufficient_user_authentication: error(
                "insufficient_user_authentication",
                &format!("{step_up}{scope}"),
            )?,
            proof: is_dpop
                .then(|| {
                    let (invalid, use_nonce) = (error("invalid_dpop_proof", ""), error("use_dpop_nonce", ""));
                    Ok::<_, InvalidRule>(ProofErrors { invalid: invalid?, use_nonce: use_nonce? })
                })
                .transpose()?,
        }),
        needs_secure: false,
    })
}

/// RFC 9470 §3: what the authorization request shall ask for.
fn step_up(asked: &StepUp) -> Result<String, InvalidRule> {
    let plain = |value: &String| !value.is_empty() && value.bytes().all(|b| is_quotable(b) && b != b' ');
    if let Some(odd) = asked.acr_values.iter().find(|value| !plain(value)) {
        return Err(InvalidRule::AcrValue(odd.clone()));
    }
    let mut parameters = String::new();
    if !asked.acr_values.is_empty() {
        parameters.push_str(&format!(", acr_values=\"{}\"", asked.acr_values.join(" ")));
    }
    if let Some(most) = asked.max_age {
        parameters.push_str(&format!(", max_age=\"{}\"", most.as_secs()));
    }
    Ok(parameters)
}

/// What may stand between quotation marks as it is (RFC 9110 §5.6.4).
const fn is_quotable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\'
}

/// Where a key goes when it does not go into `Authorization`, in the words of OpenAPI.
fn key_place(settings: &RuleSettings) -> String {
    let place = &settings.api_key;
    match (place.authorization, place.headers.first(), &place.query) {
        (true, _, _) => String::new(),
        (false, Some(name), _) => format!(", in=\"header\", name=\"{name}\""),
        (false, None, Some(name)) => format!(", in=\"query\", name=\"{name}\""),
        (false, None, None) => ", in=\"bearer\"".to_owned(),
    }
}
