//! How replicas talk: one pipelined stream per peer for all groups, and a few unary calls.
//!
//! [`Transport`] is the seam: [`grpc`] implements it with tonic, a simulator with its own network.
//! [`link`] multiplexes the groups over a peer's stream, [`client`] is what openraft calls, [`peer`]
//! answers the other side, [`shared`] saves a new leader round trips, [`riding`] saves half of all messages.

pub mod client;
#[cfg(test)]
mod client_tests;
pub mod grpc;
pub mod link;
pub mod peer;
mod riding;
pub(crate) mod shared;
mod snapshot_parts;

use std::fmt;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use proto::pb;
use tokio::sync::mpsc;

/// Frames that may wait for one peer's stream.
pub const LINK_QUEUE_FRAMES: usize = 1_024;

/// Why a call to a peer failed. Whether it had an effect is unknown.
#[derive(Clone, Debug)]
pub struct LinkError(pub String);

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LinkError {}

/// A stream of what a peer sends.
pub type Inbound<T> = BoxStream<'static, Result<T, LinkError>>;

/// How frames reach a peer. `addr` is the peer's address as the membership has it.
pub trait Transport: Send + Sync + fmt::Debug + 'static {
    /// Opens the replication stream of a peer: what `out` yields is sent in order.
    fn replicate(
        &self,
        addr: &str,
        out: mpsc::Receiver<pb::ReplicateRequest>,
    ) -> BoxFuture<'static, Result<Inbound<pb::ReplicateResponse>, LinkError>>;

    /// Asks for a vote.
    fn vote(
        &self,
        addr: &str,
        request: pb::VoteRequest,
    ) -> BoxFuture<'static, Result<pb::VoteResponse, LinkError>>;

    /// Hands leadership over.
    fn hand_over(
        &self,
        addr: &str,
        request: pb::HandOverRequest,
    ) -> BoxFuture<'static, Result<pb::HandOverResponse, LinkError>>;

    /// Asks whether a shard has a past.
    fn recall(
        &self,
        addr: &str,
        request: pb::RecallRequest,
    ) -> BoxFuture<'static, Result<pb::RecallResponse, LinkError>>;

    /// Streams a whole snapshot.
    fn install_snapshot(
        &self,
        addr: &str,
        parts: mpsc::Receiver<pb::InstallSnapshotRequest>,
    ) -> BoxFuture<'static, Result<pb::InstallSnapshotResponse, LinkError>>;
}
