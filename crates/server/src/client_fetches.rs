//! A bound on what clients make us fetch: anybody may send a request that names a client's URL, and strangers may
//! register clients.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_model::{Env, Timestamp};
use countersign_oauth::KeysUnavailable;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// So many fetches go on at a time,
const PLACES: usize = 32;
/// and whoever comes then waits so long for one of them to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// What could not be fetched is not asked for again so soon.
const PAUSE: Duration = Duration::from_secs(10);
/// Failures remembered.
const CAPACITY: usize = 1_024;

/// The bound for fetches of one kind, so that one kind does not crowd out another.
pub(crate) struct Bound {
    places: Semaphore,
    patience: Duration,
    failed: Mutex<HashMap<Box<str>, Timestamp>>,
}

impl Default for Bound {
    fn default() -> Self {
        Self { places: Semaphore::new(PLACES), patience: PATIENCE, failed: Mutex::default() }
    }
}

impl Bound {
    /// A place, to be held during the fetch.
    ///
    /// # Errors
    /// None became free in time.
    pub(crate) async fn place(&self) -> Result<SemaphorePermit<'_>, KeysUnavailable> {
        match timeout(self.patience, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(KeysUnavailable("too much is being fetched at the moment".to_owned())),
        }
    }

    /// Fetches in a place of its own, unless the last fetch of this URL failed a moment ago.
    ///
    /// # Errors
    /// Those of the fetch; it is too soon; there is no place.
    pub(crate) async fn fetch<T>(
        &self,
        url: &str,
        env: &Env,
        fetch: impl Future<Output = Result<T, KeysUnavailable>>,
    ) -> Result<T, KeysUnavailable> {
        let now = env.now();
        let lately = |at: &Timestamp| *at <= now && now.since(*at) < PAUSE;
        if lock(&self.failed).get(url).is_some_and(lately) {
            return Err(KeysUnavailable("it could not be fetched a moment ago".to_owned()));
        }
        let _place = self.place().await?;
        let fetched = fetch.await;
        let mut failed = lock(&self.failed);
        if fetched.is_ok() {
            failed.remove(url);
        } else {
            if failed.len() >= CAPACITY {
                failed.retain(|_, at| lately(at));
            }
            if failed.len() < CAPACITY {
                failed.insert(url.into(), env.now());
            }
        }
        fetched
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

    use countersign_model::{Clock, SystemRng};

    use super::*;

    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
        }
    }

    fn env() -> (Arc<Hand>, Env) {
        let clock = Arc::new(Hand(AtomicI64::new(1_000)));
        (Arc::clone(&clock), Env { clock, rng: Arc::new(SystemRng) })
    }

    fn refused() -> Result<(), KeysUnavailable> {
        Err(KeysUnavailable("the answer was 500".to_owned()))
    }

    #[tokio::test]
    async fn no_more_at_a_time_than_there_are_places() {
        let bound = Bound { patience: Duration::ZERO, ..Bound::default() };
        let (_, env) = env();
        let mut held = Vec::new();
        for _ in 0..PLACES {
            held.push(bound.place().await.unwrap());
        }
        let begun = AtomicU32::new(0);
        let fetch = || async {
            begun.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        let error = bound.fetch("https://a.example/", &env, fetch()).await.unwrap_err();
        assert_eq!(error.0, "too much is being fetched at the moment");
        assert_eq!(begun.load(Ordering::SeqCst), 0, "nothing was asked");
        held.pop();
        bound.fetch("https://a.example/", &env, fetch()).await.unwrap();
        bound.fetch("https://a.example/", &env, fetch()).await.unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 2, "a place is free again after each");
    }

    #[tokio::test]
    async fn what_failed_is_not_asked_for_again_at_once() {
        let (bound, (clock, env)) = (Bound::default(), env());
        let asked = AtomicU32::new(0);
        let fetch = |answer: Result<(), KeysUnavailable>| async {
            asked.fetch_add(1, Ordering::SeqCst);
            answer
        };
        bound.fetch("a", &env, fetch(refused())).await.unwrap_err();
        bound.fetch("a", &env, fetch(Ok(()))).await.unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        bound.fetch("b", &env, fetch(Ok(()))).await.unwrap();
        clock.0.fetch_add(10, Ordering::SeqCst);
        bound.fetch("a", &env, fetch(Ok(()))).await.unwrap();
        bound.fetch("a", &env, fetch(Ok(()))).await.unwrap();
        for number in 0..2 * CAPACITY {
            bound.fetch(&number.to_string(), &env, fetch(refused())).await.unwrap_err();
        }
        assert!(lock(&bound.failed).len() <= CAPACITY);
    }
}
