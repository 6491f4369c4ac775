//! What must work for the server to be ready.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Asks one part whether it can do its work; the error says why not, for the log.
pub type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The parts that must work for the server to be ready.
#[derive(Clone, Default)]
pub struct Readiness(Vec<(&'static str, Check)>);

impl Readiness {
    /// Adds a part under the name that the answer shows.
    #[must_use]
    pub fn with(mut self, part: &'static str, check: Check) -> Self {
        self.0.push((part, check));
        self
    }

    /// Every part, and whether it works.
    pub(crate) async fn parts(&self) -> Vec<(&'static str, bool)> {
        let mut parts = Vec::with_capacity(self.0.len());
        for (part, check) in &self.0 {
            let outcome = match tokio::time::timeout(PATIENCE, check()).await {
                Ok(outcome) => outcome,
                Err(_elapsed) => Err("no answer in time".to_owned()),
            };
            // Why goes to the log alone: the answer may be read by anybody.
            if let Err(why) = &outcome {
                tracing::warn!(part, why, "not ready");
            }
            parts.push((*part, outcome.is_ok()));
        }
        parts
    }
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(part, _)| part)).finish()
    }
}
