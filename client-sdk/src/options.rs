//! What a client can be told about patience, parallelism and limits.

use std::time::Duration;

use proto::limits::PIPELINE_WINDOW;

/// Settings of a [`Client`](crate::Client). The defaults suit a booking service near its cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a call may take in all, its retries included.
    pub deadline: Duration,
    /// How long one attempt may take before the call is tried again with the same id.
    pub attempt_timeout: Duration,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// Pipeline streams, each on its own connection, to each node.
    pub streams_per_node: usize,
    /// Commands in flight on one stream; more wait for room. At most
    /// [`PIPELINE_WINDOW`].
    pub window: usize,
    /// Ceiling of the first wait before a retry.
    pub backoff_base: Duration,
    /// Ceiling of every wait before a retry.
    pub backoff_cap: Duration,
    /// Retries allowed for each call made, on average.
    pub retry_ratio: f64,
    /// Retries allowed each second, however few calls are made.
    pub retries_per_second: u32,
    /// Retries allowed at once.
    pub retry_burst: u32,
    /// Transport failures in a row after which a node is left alone for a while.
    pub breaker_threshold: u32,
    /// How long a node is left alone before it is probed.
    pub breaker_rest: Duration,
    /// How often the topology is read again when nothing calls for it.
    pub topology_refresh: Duration,
    /// How often an idle connection is probed.
    pub keep_alive_interval: Duration,
    /// How long a probe may stay unanswered before the connection counts as dead.
    pub keep_alive_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            streams_per_node: 2,
            window: 1_024,
            backoff_base: Duration::from_millis(10),
            backoff_cap: Duration::from_millis(250),
            retry_ratio: 0.1,
            retries_per_second: 100,
            retry_burst: 2_048,
            breaker_threshold: 5,
            breaker_rest: Duration::from_millis(250),
            topology_refresh: Duration::from_secs(10),
            keep_alive_interval: Duration::from_secs(5),
            keep_alive_timeout: Duration::from_secs(2),
        }
    }
}

impl Options {
    /// Sets how long a call may take in all.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Every value within what both ends allow.
    pub(crate) fn bounded(mut self) -> Self {
        self.streams_per_node = self.streams_per_node.clamp(1, 64);
        self.window = self.window.clamp(1, PIPELINE_WINDOW);
        self
    }
}
