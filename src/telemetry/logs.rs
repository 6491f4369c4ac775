//! Log lines on standard error: for eyes, or one JSON object each.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::FormatTime;

use crate::config::raw::LogFormat;
use crate::output::Failure;

/// The wall clock in RFC 3339, UTC.
struct Rfc3339;

impl FormatTime for Rfc3339 {
    fn format_time(&self, writer: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        use countersign_model::Clock as _;
        let now = countersign_model::SystemClock.now();
        match jiff::Timestamp::from_microsecond(now.micros()) {
            Ok(moment) => write!(writer, "{moment:.3}"),
            Err(_) => write!(writer, "{now:?}"),
        }
    }
}

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter can't be read, or logging was started before.
pub(crate) fn start(format: Option<LogFormat>, level: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(level).map_err(|error| {
        format!("log.level {level:?}: {error}; write \"info\" or \"info,countersign_gateway=debug\"")
    })?;
    let terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { LogFormat::Human } else { LogFormat::Json });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(Rfc3339)
        .with_writer(std::io::stderr)
        .with_ansi(terminal);
    match format {
        LogFormat::Human => builder.compact().try_init()?,
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()?
        }
    }
    Ok(())
}
