//! Log lines and metrics.

mod histogram;
mod metrics;

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::FmtSpan;

pub(crate) use self::metrics::{Reading, describe};
use crate::config::{LogFormat, Telemetry};

/// Starts logging to standard error. Does nothing when logging has been started before.
pub fn start_logging(settings: &Telemetry) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&settings.log_filter));
    // Spans are there for the line of a hold: each is told where it begins.
    let lines = fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NEW)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start, in tests of many nodes in one process, changes nothing.
    let _ = match settings.log_format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
