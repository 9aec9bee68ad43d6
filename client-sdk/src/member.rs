//! A node as the loop of attempts needs it.

use std::future::Future;

use proto::pb::GetTopologyResponse;

use crate::error::Error;
use crate::health::Health;

/// A node that calls are made at. A [`Client`](crate::Client) has nodes behind connections, a simulator has
/// its own.
pub trait Member: Send + Sync + Sized + 'static {
    /// What is needed to reach a node.
    type Setting: Clone + Send + Sync + 'static;

    /// Prepares to talk to the node at an address.
    ///
    /// # Errors
    /// When it is not an address.
    fn open(endpoint: &str, setting: &Self::Setting) -> Result<Self, Error>;

    /// Whether it answers.
    fn health(&self) -> &Health;

    /// The cluster as it sees it.
    fn view(&self) -> impl Future<Output = Result<GetTopologyResponse, Error>> + Send;
}
