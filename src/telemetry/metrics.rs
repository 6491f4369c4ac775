//! Metrics in Prometheus' text form.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::output::Failure;

/// Upper bounds of the duration histograms, in seconds.
const BUCKETS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];

/// What records for the whole process, once it was started.
static STARTED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// Starts recording for the whole process; whoever comes second gets what the first started.
///
/// # Errors
/// When somebody else records in this process.
pub(crate) fn start() -> Result<PrometheusHandle, Failure> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*started {
        return Ok(handle.clone());
    }
    let builder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?;
    let handle = builder.install_recorder()?;
    metrics::describe_counter!(
        "countersign_requests_total",
        "Requests by surface, method, route and outcome."
    );
    metrics::describe_histogram!(
        "countersign_request_duration_seconds",
        "Time until the end of the answer; at the server, until its header."
    );
    for (name, meaning) in [
        ("countersign_denials_total", "Requests that policy denied, by route and reason."),
        ("countersign_refusals_total", "Requests refused for their shape, by reason."),
        ("countersign_connections_refused_total", "Connections not served, by surface and reason."),
        ("countersign_connections_cut_total", "Connections whose caller took too long, by reason."),
    ] {
        metrics::describe_counter!(name, meaning);
    }
    metrics::describe_gauge!("countersign_connections_open", "Connections that are open, by surface.");
    *started = Some(handle.clone());
    Ok(handle)
}

/// Folds recorded histograms together now and then, so that they stay small. Ends when `stopped` does.
pub(crate) async fn upkeep(handle: PrometheusHandle, stopped: tokio_util::sync::CancellationToken) {
    let mut interval = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            () = stopped.cancelled() => return,
            _ = interval.tick() => handle.run_upkeep(),
        }
    }
}
