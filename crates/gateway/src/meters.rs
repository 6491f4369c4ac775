//! Metric handles, made once per route.

use std::sync::OnceLock;
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
    route: Box<str>,
    /// By method (none first), then outcome; made at the first use, so that nobody sees series that never happened.
    requests: Vec<OnceLock<Counter>>,
    duration: Histogram,
}

impl Meters {
    pub(crate) fn new(route: &str) -> Self {
        let places = (1 + Method::ALL.len()) * Outcome::ALL.len();
        Self {
            route: route.into(),
            requests: std::iter::repeat_with(OnceLock::new).take(places).collect(),
            duration: metrics::histogram!("countersign_request_duration_seconds", "route" => route.to_owned()),
        }
    }

    /// Counts one request.
    pub(crate) fn record(&self, method: Option<Method>, outcome: Outcome, duration: Duration) {
        self.count(method, outcome);
        self.duration.record(duration.as_secs_f64());
    }

    /// Counts what never became a request that could be timed.
    pub(crate) fn count(&self, method: Option<Method>, outcome: Outcome) {
        let place = method.map_or(0, |method| 1 + method as usize) * Outcome::ALL.len() + outcome as usize;
        if let Some(counter) = self.requests.get(place) {
            counter.get_or_init(|| self.counter(method, outcome)).increment(1);
        }
    }

    fn counter(&self, method: Option<Method>, outcome: Outcome) -> Counter {
        metrics::counter!(
            "countersign_requests_total",
            "method" => method.map_or("none", Method::as_str),
            "route" => self.route.to_string(),
            "outcome" => outcome.as_str()
        )
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
