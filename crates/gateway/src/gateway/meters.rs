//! Metric handles, made once per route.

use std::time::Duration;

use countersign_model::Method;
use metrics::{Counter, Histogram};

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// It passed, and the upstream answered.
    Passed,
    /// Policy denied it.
    Denied,
    /// Its shape was refused.
    Refused,
    /// No route serves it.
    NoRoute,
    /// It was larger than the route allows.
    TooLarge,
    /// The upstream could not be reached or broke off.
    UpstreamFailed,
    /// The upstream took too long.
    UpstreamTimedOut,
    /// The gateway itself could not do its part.
    Failed,
    /// The caller went away before the end.
    Aborted,
}

impl Outcome {
    const ALL: [Self; 9] = [
        Self::Passed,
        Self::Denied,
        Self::Refused,
        Self::NoRoute,
        Self::TooLarge,
        Self::UpstreamFailed,
        Self::UpstreamTimedOut,
        Self::Failed,
        Self::Aborted,
    ];

    /// The outcome in one word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::NoRoute => "no_route",
            Self::TooLarge => "too_large",
            Self::UpstreamFailed => "upstream_failed",
            Self::UpstreamTimedOut => "upstream_timed_out",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

/// The handles of one route.
pub(crate) struct Meters {
    /// By method (none first), then outcome.
    requests: Vec<Counter>,
    duration: Histogram,
}

impl Meters {
    pub(crate) fn new(route: &str) -> Self {
        let methods = std::iter::once("none").chain(Method::ALL.into_iter().map(Method::as_str));
        let requests = methods
            .flat_map(|method| Outcome::ALL.into_iter().map(move |outcome| (method, outcome.as_str())))
            .map(|(method, outcome)| {
                metrics::counter!(
                    "countersign_requests_total",
                    "method" => method, "route" => route.to_owned(), "outcome" => outcome
                )
            })
            .collect();
        let duration =
            metrics::histogram!("countersign_request_duration_seconds", "route" => route.to_owned());
        Self { requests, duration }
    }

    /// Counts one request.
    pub(crate) fn record(&self, method: Option<Method>, outcome: Outcome, duration: Duration) {
        let method = method.map_or(0, |method| 1 + method as usize);
        if let Some(counter) = self.requests.get(method * Outcome::ALL.len() + outcome as usize) {
            counter.increment(1);
        }
        self.duration.record(duration.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_order_of_the_variants() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
        for (place, method) in Method::ALL.into_iter().enumerate() {
            assert_eq!(method as usize, place);
        }
    }
}
