//! One node as a client sees it: its connections, its streams, its health.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proto::limits::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES};
use proto::pb::GetTopologyResponse;
use tonic::transport::{Channel, Endpoint};

use crate::error::Error;
use crate::health::Health;
use crate::member::Member;
use crate::options::Options;
use crate::pipeline::{Pipe, drive};
use crate::refresh;

/// Probes of an idle TCP connection begin after this time.
const TCP_KEEPALIVE: Duration = Duration::from_secs(20);

/// A node: pipelines, each on its own connection, and one more connection for everything else, so that a
/// large read never stands in the way of a hold.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its address, as it was configured or announced.
    pub(crate) endpoint: String,
    /// For calls that are not pipelined.
    pub(crate) channel: Channel,
    /// Whether it answers.
    pub(crate) health: Arc<Health>,
    pipes: Vec<Arc<Pipe>>,
    next: AtomicUsize,
}

impl Node {
    /// Prepares connections; they are opened when they are first used.
    pub(crate) fn new(endpoint: &str, options: &Options) -> Result<Self, Error> {
        let uri = with_scheme(endpoint);
        let target = Endpoint::from_shared(uri.clone())
            .map_err(|error| Error::invalid("endpoint", format!("{endpoint}: {error}")))?
            .connect_timeout(options.connect_timeout)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(TCP_KEEPALIVE))
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(options.keep_alive_interval)
            .keep_alive_timeout(options.keep_alive_timeout)
            .keep_alive_while_idle(true);
        let health = Arc::new(Health::new(options));
        let pipes = (0..options.streams_per_node)
            .map(|_| {
                let pipe = Arc::new(Pipe::new(options.window));
                tokio::spawn(drive(pipe.clone(), target.connect_lazy(), health.clone()));
                pipe
            })
            .collect();
        Ok(Self {
            endpoint: uri,
            channel: target.connect_lazy(),
            health,
            pipes,
            next: AtomicUsize::new(0),
        })
    }

    /// The stream whose turn it is.
    pub(crate) fn pipe(&self) -> &Arc<Pipe> {
        self.pipe_of(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A stream by number; numbers beyond the streams begin again at the first.
    pub(crate) fn pipe_of(&self, number: usize) -> &Arc<Pipe> {
        &self.pipes[number % self.pipes.len()]
    }
}

impl Member for Node {
    type Setting = Options;

    fn open(endpoint: &str, options: &Options) -> Result<Self, Error> {
        Self::new(endpoint, options)
    }

    fn health(&self) -> &Health {
        &self.health
    }

    async fn view(&self) -> Result<GetTopologyResponse, Error> {
        refresh::ask(self).await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.pipes.iter().for_each(|pipe| pipe.close());
    }
}

/// An address with its scheme; `http` where none is given.
pub(crate) fn with_scheme(endpoint: &str) -> String {
    let endpoint = endpoint.trim().trim_end_matches('/');
    if endpoint.contains("://") { endpoint.to_owned() } else { format!("http://{endpoint}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_come_without_its_scheme() {
        assert_eq!(with_scheme("127.0.0.1:7001"), "http://127.0.0.1:7001");
        assert_eq!(with_scheme(" http://node-1:7001/ "), "http://node-1:7001");
        assert_eq!(with_scheme("https://node-1"), "https://node-1");
    }
}
