//! Peers that are dialled at another address than all nodes know them by: behind a proxy.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use proto::pb;
use raft::network::{Inbound, LinkError, Transport};
use tokio::sync::mpsc;

/// A transport that takes detours. The membership of a shard has one address for each node, which all
/// nodes agree on; where this node has another way there, it is known here alone.
#[derive(Debug)]
pub(crate) struct Detours<T> {
    transport: T,
    /// The address to dial, by the address in the membership.
    ways: BTreeMap<String, String>,
}

impl<T: Transport> Detours<T> {
    pub(crate) fn new(transport: T, ways: BTreeMap<String, String>) -> Self {
        Self { transport, ways }
    }

    fn way<'a>(&'a self, addr: &'a str) -> &'a str {
        self.ways.get(addr).map_or(addr, String::as_str)
    }
}

impl<T: Transport> Transport for Detours<T> {
    fn replicate(
        &self,
        addr: &str,
        out: mpsc::Receiver<pb::ReplicateRequest>,
    ) -> BoxFuture<'static, Result<Inbound<pb::ReplicateResponse>, LinkError>> {
        self.transport.replicate(self.way(addr), out)
    }

    fn vote(
        &self,
        addr: &str,
        request: pb::VoteRequest,
    ) -> BoxFuture<'static, Result<pb::VoteResponse, LinkError>> {
        self.transport.vote(self.way(addr), request)
    }

    fn hand_over(
        &self,
        addr: &str,
        request: pb::HandOverRequest,
    ) -> BoxFuture<'static, Result<pb::HandOverResponse, LinkError>> {
        self.transport.hand_over(self.way(addr), request)
    }

    fn recall(
        &self,
        addr: &str,
        request: pb::RecallRequest,
    ) -> BoxFuture<'static, Result<pb::RecallResponse, LinkError>> {
        self.transport.recall(self.way(addr), request)
    }

    fn install_snapshot(
        &self,
        addr: &str,
        parts: mpsc::Receiver<pb::InstallSnapshotRequest>,
    ) -> BoxFuture<'static, Result<pb::InstallSnapshotResponse, LinkError>> {
        self.transport.install_snapshot(self.way(addr), parts)
    }
}
