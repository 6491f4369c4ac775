//! Answers as GitHub gives them: a form unless JSON was asked for, and errors with status 200.

use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use countersign_model::ScopeSet;
use countersign_oauth::Error;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::client_request::{Unanswered, json, offer_nonce};

/// What the client reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    Form,
    Json,
}

impl Wanted {
    /// What `Accept` names (RFC 9110 §12.5.1).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let is_json = |range: &str| {
            let media = range.split(';').next().unwrap_or_default().trim();
            media.eq_ignore_ascii_case("application/json")
        };
        if ranges.flat_map(|ranges| ranges.split(',')).any(is_json) { Self::Json } else { Self::Form }
    }

    /// These members.
    pub(super) fn answer(self, members: Map<String, Value>) -> Response {
        if self == Self::Json {
            return json(StatusCode::OK, Value::Object(members).to_string());
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &members {
            match value {
                Value::String(text) => form.append_pair(name, text),
                other => form.append_pair(name, &other.to_string()),
            };
        }
        let mut response = json(StatusCode::OK, form.finish());
        let form = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, form);
        response
    }

    /// A refusal. Only what is our own fault has a status that says so: such clients read the body of a 200 alone.
    pub(super) fn refusal(self, error: &Error) -> Response {
        if error.is_ours() {
            return crate::client_request::refusal(error);
        }
        tracing::debug!(reason = %error, "a client's request was refused");
        let mut response = self.answer(object(json!({
            "error": error.github_code(),
            "error_description": error.description(),
            "error_uri": error.documentation(),
        })));
        offer_nonce(&mut response, error.dpop_nonce());
        response
    }
}

/// The members of an object that was just written down.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// Scopes as GitHub separates them in its answers.
pub(super) fn with_commas(scopes: &ScopeSet, comma: &str) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(comma)
}

/// A refusal of the API: a message, and where to read on.
pub(super) fn message(status: StatusCode, message: &str) -> Response {
    let documentation = "https://www.rfc-editor.org/rfc/rfc6749";
    let body = json!({ "message": message, "documentation_url": documentation, "status": status.as_str() });
    json(status, body.to_string())
}

/// The engine's refusal, in that form.
pub(super) fn api_refusal(error: &Error) -> Response {
    in_words(crate::client_request::refusal(error), &error.description())
}

/// The same of a request that never came to the engine.
pub(super) fn api_unanswered(refused: Unanswered) -> Response {
    let words = refused.description();
    in_words(refused.response(), &words)
}

fn in_words(mut response: Response, words: &str) -> Response {
    let said = message(response.status(), words);
    *response.body_mut() = said.into_body();
    response
}

/// Nothing more than that it was done.
pub(super) fn done() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &'static str) -> Wanted {
        Wanted::of(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
    }

    #[test]
    fn json_is_for_who_names_it() {
        assert_eq!(wanted("application/json"), Wanted::Json);
        assert_eq!(wanted("text/html, Application/JSON;q=0.5"), Wanted::Json);
        for other in ["*/*", "application/*", "application/x-www-form-urlencoded", "application/jsonp", ""] {
            assert_eq!(wanted(other), Wanted::Form, "{other}");
        }
        assert_eq!(Wanted::of(&HeaderMap::new()), Wanted::Form);
    }
}
