//! Metadata documents of clients whose name is a URL: fetched with the guards of `net`, by everybody at the pace of one
//! a second. How long a document counts is the engine's to say; it keeps what it read.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::{ACCEPT, AGE, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use countersign_model::{Env, Timestamp};
use countersign_net::{FetchRequest, Fetched, Fetcher};
use countersign_oauth::register::{DocumentUnavailable, FetchDocuments, FetchedDocument};
use url::Url;

/// A URL is asked this often at most: whoever makes up requests must not make us ask for somebody.
const PAUSE: Duration = Duration::from_secs(5);
/// One more fetch of anything is granted this often,
const REFILL: Duration = Duration::from_secs(1);
/// and so many at once.
const BURST: u32 = 60;
/// URLs remembered.
const CAPACITY: usize = 1_024;

/// Fetches. Cheap to clone.
#[derive(Clone)]
pub struct ClientDocuments(Arc<Inner>);

struct Inner {
    fetcher: Fetcher,
    env: Env,
    pace: Mutex<Pace>,
}

#[derive(Default)]
struct Pace {
    /// When the last fetch of each URL began.
    asked: HashMap<Box<str>, Timestamp>,
    /// When all fetches together may be at their fullest again.
    full_at: Option<Timestamp>,
}

impl ClientDocuments {
    /// Fetches by this fetcher, which should take small answers only.
    #[must_use]
    pub fn new(fetcher: Fetcher, env: Env) -> Self {
        Self(Arc::new(Inner { fetcher, env, pace: Mutex::default() }))
    }

    async fn document(&self, url: &str) -> Result<FetchedDocument, DocumentUnavailable> {
        let unavailable = |text: &str| DocumentUnavailable(text.to_owned());
        let parsed = Url::parse(url).map_err(|error| DocumentUnavailable(error.to_string()))?;
        if !lock(&self.0.pace).grants(url, self.0.env.now()) {
            return Err(unavailable("it was asked for a moment ago, or too much is being fetched"));
        }
        let mut request = FetchRequest::get(parsed);
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.0.fetcher.fetch(request).await;
        let answer = answer.map_err(|error| DocumentUnavailable(error.to_string()))?;
        // "Client Information Discovery": 200 and JSON; everything else, redirects included, is an error.
        if answer.status != StatusCode::OK {
            return Err(DocumentUnavailable(format!("the answer was {}", answer.status)));
        }
        if !is_json(&answer.headers) {
            return Err(unavailable("the answer is no application/json"));
        }
        Ok(FetchedDocument { max_age: max_age(&answer), body: Arc::from(&answer.body[..]) })
    }
}

impl FetchDocuments for ClientDocuments {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<FetchedDocument, DocumentUnavailable>> + Send + 'a>> {
        Box::pin(self.document(url))
    }
}

impl Pace {
    /// Whether this URL may be fetched now. If so, it counts as asked.
    fn grants(&mut self, url: &str, now: Timestamp) -> bool {
        if self.asked.get(url).is_some_and(|at| *at <= now && now.since(*at) < PAUSE) {
            return false;
        }
        let full_at = self.full_at.map_or(now, |at| at.max(now)).plus(REFILL);
        if full_at.since(now) > REFILL * BURST {
            return false;
        }
        self.full_at = Some(full_at);
        if self.asked.len() >= CAPACITY {
            self.asked.retain(|_, at| now.since(*at) < PAUSE);
        }
        self.asked.insert(url.into(), now);
        true
    }
}

/// `application/json`, or a more specific type of JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json"
        || media_type.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"))
}

/// RFC 9111 §4.2, as far as a cache of our own needs it: `max-age` less the answer's age; nothing where it must not be
/// kept or asked for each time.
fn max_age(answer: &Fetched) -> Option<Duration> {
    let fields = answer.headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut found = None;
    for directive in fields.flat_map(|field| field.split(',')).map(|part| part.trim().to_ascii_lowercase()) {
        if directive == "no-store" || directive == "no-cache" {
            return Some(Duration::ZERO);
        }
        if let Some(seconds) = directive.strip_prefix("max-age=") {
            found = seconds.trim_matches('"').parse::<u64>().ok().map(Duration::from_secs);
        }
    }
    let age = answer.headers.get(AGE).and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
    found.map(|max_age| max_age.saturating_sub(Duration::from_secs(age)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fields: &[(&'static str, &'static str)]) -> Fetched {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Fetched { status: StatusCode::OK, headers, body: bytes::Bytes::new() }
    }

    #[test]
    fn freshness_as_the_server_says_it() {
        let age = |fields: &[(&'static str, &'static str)]| max_age(&answer(fields)).map(|age| age.as_secs());
        assert_eq!(age(&[]), None);
        assert_eq!(age(&[("cache-control", "public, max-age=600")]), Some(600));
        assert_eq!(age(&[("cache-control", "max-age=600"), ("age", "100")]), Some(500));
        assert_eq!(age(&[("cache-control", "Max-Age=\"600\""), ("age", "1000")]), Some(0));
        assert_eq!(age(&[("cache-control", "max-age=600, no-store")]), Some(0));
        assert_eq!(age(&[("cache-control", "max-age=600"), ("cache-control", "no-cache")]), Some(0));
        assert_eq!(age(&[("cache-control", "max-age=soon")]), None);
    }

    #[test]
    fn json_of_every_kind_and_nothing_else() {
        let is = |value: &'static str| is_json(&answer(&[("content-type", value)]).headers);
        assert!(is("application/json") && is("Application/JSON; charset=utf-8") && is("application/x+json"));
        assert!(!is("text/html") && !is("text/json") && !is("application/jsonp") && !is(""));
    }

    #[test]
    fn nobody_makes_us_ask_without_end() {
        let mut pace = Pace::default();
        let now = Timestamp::from_seconds(1_000);
        assert!(pace.grants("a", now) && !pace.grants("a", now));
        let granted = (0..1_000).filter(|n| pace.grants(&n.to_string(), now)).count();
        assert_eq!(granted + 1, BURST as usize);
        assert!(pace.grants("a", now.plus(PAUSE)));
        for second in 0..5_000_u64 {
            pace.grants(&format!("x{second}"), now.plus(Duration::from_secs(100 + second)));
        }
        assert!(pace.asked.len() <= CAPACITY);
    }
}
