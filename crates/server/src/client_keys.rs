//! Keys of clients that publish them at a URL (`jwks_uri`): fetched with the guards of `net`, and remembered.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_jose::JwkSet;
use countersign_model::{Env, Timestamp};
use countersign_net::{FetchRequest, Fetcher};
use countersign_oauth::{FetchKeys, KeysUnavailable};
use url::Url;

use crate::client_fetches::Bound;

/// A set is used so long without a look at its source.
const FRESH: Duration = Duration::from_secs(600);
/// While the source doesn't answer, the last good set is used so long.
const STALE: Duration = Duration::from_secs(86_400);
/// A source is asked this often at most, whatever key identifiers callers make up.
const PAUSE: Duration = Duration::from_secs(30);
/// Sources remembered. When there are more, half of them are forgotten.
const CAPACITY: usize = 1_024;

/// Fetches and remembers. Cheap to clone.
#[derive(Clone)]
pub struct ClientKeys(Arc<Inner>);

struct Inner {
    fetcher: Fetcher,
    env: Env,
    keys: Bound,
    request_objects: Bound,
    sources: Mutex<HashMap<Box<str>, Arc<Source>>>,
}

/// One URL. Its lock is held while it is fetched: of many who ask at once, one does.
#[derive(Default)]
struct Source(tokio::sync::Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    keys: Option<(Arc<[u8]>, Timestamp)>,
    asked_at: Option<Timestamp>,
}

impl Remembered {
    /// The last good set. Nobody knows whether older keys still count: for them it is as if there were none.
    fn usable(&self, now: Timestamp) -> Option<&(Arc<[u8]>, Timestamp)> {
        self.keys.as_ref().filter(|(_, at)| now.since(*at) < STALE)
    }

    /// The answer without asking the source, if there is one.
    fn answer(&self, fresh: bool, now: Timestamp) -> Option<Result<Arc<[u8]>, KeysUnavailable>> {
        let asked_lately = self.asked_at.is_some_and(|at| now.since(at) < PAUSE && at <= now);
        match self.usable(now) {
            Some((keys, at)) if asked_lately || !fresh && now.since(*at) < FRESH => {
                Some(Ok(Arc::clone(keys)))
            }
            None if asked_lately => {
                Some(Err(KeysUnavailable("they could not be fetched just now".to_owned())))
            }
            Some(_) | None => None,
        }
    }
}

impl ClientKeys {
    /// Fetches by this fetcher, which should take small answers only.
    #[must_use]
    pub fn new(fetcher: Fetcher, env: Env) -> Self {
        let (keys, request_objects) = (Bound::default(), Bound::default());
        Self(Arc::new(Inner { fetcher, env, keys, request_objects, sources: Mutex::default() }))
    }

    async fn keys(&self, url: &str, fresh: bool) -> Result<Arc<[u8]>, KeysUnavailable> {
        let source = self.source(url);
        let mut remembered = source.0.lock().await;
        let now = self.0.env.now();
        if let Some(answer) = remembered.answer(fresh, now) {
            return answer;
        }
        // Before it counts as asked: whoever finds no place did not ask.
        let place = self.0.keys.place().await;
        if place.is_ok() {
            remembered.asked_at = Some(now);
        }
        let fetched = match place {
            // What is no key set came in the place of one: the last good one stays.
            Ok(_place) => self.fetch(url, Vec::new()).await.and_then(key_set),
            Err(error) => Err(error),
        };
        match (fetched, remembered.usable(now)) {
            (Ok(keys), _) => {
                remembered.keys = Some((Arc::clone(&keys), now));
                Ok(keys)
            }
            (Err(error), Some((keys, _))) => {
                tracing::warn!(url, %error, "keys could not be fetched: the last ones are used");
                Ok(Arc::clone(keys))
            }
            (Err(error), None) => {
                tracing::warn!(url, %error, "keys could not be fetched");
                Err(error)
            }
        }
    }

    fn source(&self, url: &str) -> Arc<Source> {
        let mut sources = lock(&self.0.sources);
        if let Some(source) = sources.get(url) {
            return Arc::clone(source);
        }
        if sources.len() >= CAPACITY {
            // Only registered clients have URLs, so this is rare: forget those nobody uses at the moment.
            let half = sources.len() / 2;
            let mut kept = 0;
            sources.retain(|_, source| {
                kept += 1;
                kept <= half || Arc::strong_count(source) > 1
            });
        }
        Arc::clone(sources.entry(url.into()).or_default())
    }

    async fn fetch(&self, url: &str, content_types: Vec<&'static str>) -> Result<Arc<[u8]>, KeysUnavailable> {
        let url = Url::parse(url).map_err(|error| KeysUnavailable(error.to_string()))?;
        let request = FetchRequest { content_types, ..FetchRequest::get(url) };
        let answer =
            self.0.fetcher.fetch(request).await.map_err(|error| KeysUnavailable(error.to_string()))?;
        if answer.status.is_success() {
            Ok(Arc::from(&answer.body[..]))
        } else {
            Err(KeysUnavailable(format!("the answer was {}", answer.status)))
        }
    }
}

impl FetchKeys for ClientKeys {
    fn request_object<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<[u8]>, KeysUnavailable>> + Send + 'a>> {
        // RFC 9101 §5.2.3, §9.2: what such an answer is. §10.4.1: nobody makes us ask somebody without end.
        let fetch = self.fetch(url, vec!["application/oauth-authz-req+jwt", "application/jwt"]);
        Box::pin(self.0.request_objects.fetch(url, &self.0.env, fetch))
    }

    fn fetch<'a>(
        &'a self,
        url: &'a str,
        fresh: bool,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<[u8]>, KeysUnavailable>> + Send + 'a>> {
        Box::pin(self.keys(url, fresh))
    }
}

fn key_set(document: Arc<[u8]>) -> Result<Arc<[u8]>, KeysUnavailable> {
    match JwkSet::from_json(&document) {
        Ok(_) => Ok(document),
        Err(_) => Err(KeysUnavailable("the answer is no key set".to_owned())),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_older_than_a_day_count_for_nobody() {
        let at = Timestamp::from_seconds;
        let remembered = |asked_at: i64| Remembered {
            keys: Some((Arc::from(&b"{}"[..]), at(1_000))),
            asked_at: Some(at(asked_at)),
        };
        let answer = |asked_at: i64, fresh: bool, now: i64| {
            remembered(asked_at).answer(fresh, at(now)).map(|answer| answer.is_ok())
        };
        assert_eq!(answer(1_000, false, 1_599), Some(true));
        assert_eq!(answer(1_000, false, 1_600), None, "ten minutes");
        assert_eq!(answer(1_000, true, 1_029), Some(true), "asked a moment ago");
        assert_eq!(answer(1_000, true, 1_030), None);
        // The source has been silent since; it was asked again just now.
        let day = 1_000 + 86_400;
        assert_eq!(answer(day - 2, true, day - 1), Some(true));
        assert_eq!(answer(day - 1, false, day), Some(false));
        assert!(remembered(day - 1).usable(at(day)).is_none());
    }

    #[test]
    fn what_is_no_key_set_takes_no_sets_place() {
        assert!(key_set(Arc::from(&b"<html>Back soon</html>"[..])).is_err());
        assert!(key_set(Arc::from(&b"{\"keys\": []}"[..])).is_ok());
    }
}
