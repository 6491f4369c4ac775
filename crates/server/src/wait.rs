//! How long somebody has to wait, as it is said.

use std::time::Duration;

/// `Retry-After` where it is we who can't answer (RFC 9110 §15.6.4), in seconds.
pub(crate) const COME_BACK: &str = "5";

/// Whole seconds, rounded up.
pub(crate) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// For people.
pub(crate) fn in_words(wait: Duration) -> String {
    match seconds(wait) {
        0 | 1 => "a second".to_owned(),
        seconds @ 2..=90 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
