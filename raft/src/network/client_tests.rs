//! What openraft can rely on when a peer is away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use openraft::BasicNode;
use openraft::errors::RPCError;
use openraft::network::{RPCOption, RaftNetworkFactory as _, RaftNetworkV2 as _};
use proto::pb;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::client::{GroupNetwork, Links, PeerClient};
use super::{Inbound, LinkError, Transport};
use crate::disk::MemDisk;
use crate::log_store::LogStore;
use crate::types::{AppendRequest, Vote, log_id};
use crate::wal::{Options, Wal};

/// A network without anybody else.
#[derive(Debug)]
struct Alone;

impl Transport for Alone {
    fn replicate(
        &self,
        _: &str,
        _: mpsc::Receiver<pb::ReplicateRequest>,
    ) -> BoxFuture<'static, Result<Inbound<pb::ReplicateResponse>, LinkError>> {
        Box::pin(std::future::pending())
    }

    fn vote(
        &self,
        _: &str,
        _: pb::VoteRequest,
    ) -> BoxFuture<'static, Result<pb::VoteResponse, LinkError>> {
        Box::pin(std::future::pending())
    }

    fn hand_over(
        &self,
        _: &str,
        _: pb::HandOverRequest,
    ) -> BoxFuture<'static, Result<pb::HandOverResponse, LinkError>> {
        Box::pin(std::future::pending())
    }

    fn recall(
        &self,
        _: &str,
        _: pb::RecallRequest,
    ) -> BoxFuture<'static, Result<pb::RecallResponse, LinkError>> {
        Box::pin(std::future::pending())
    }

    fn install_snapshot(
        &self,
        _: &str,
        _: mpsc::Receiver<pb::InstallSnapshotRequest>,
    ) -> BoxFuture<'static, Result<pb::InstallSnapshotResponse, LinkError>> {
        Box::pin(std::future::pending())
    }
}

/// A client of a peer that is away.
async fn client() -> PeerClient {
    let links = Links::new("cluster".to_owned(), 1, Arc::new(Alone));
    let opened = Wal::open(Arc::new(MemDisk::new()), Path::new("wal"), Options::default());
    let log = LogStore::new(opened.expect("a new log opens").0, 0);
    let mut network = GroupNetwork { links, group: 0, log, shared_for: Duration::ZERO };
    network.new_client(2, &BasicNode::new("nowhere")).await
}

/// openraft makes a request only after the pause that follows an error. Whoever fails without
/// asking for one is called again at once, and a dead peer costs its leader a whole core.
#[tokio::test(start_paused = true)]
async fn a_peer_that_is_away_is_not_tried_again_without_a_pause() {
    let mut client = client().await;
    let pause = Duration::from_millis(70);
    let request = Box::pin(futures::stream::once(async move {
        tokio::time::sleep(pause).await;
        AppendRequest {
            vote: Vote::new_committed(1, 1),
            prev_log_id: None,
            entries: Vec::new(),
            leader_commit: Some(log_id(1, 1, 1)),
        }
    }));
    let began = Instant::now();
    let appended = client.stream_append(request, RPCOption::new(pause)).await;
    assert!(matches!(appended, Err(RPCError::Unreachable(_))));
    assert_eq!(began.elapsed(), pause);
}

/// Nor does openraft pause where it makes no request because it has just heard of an earlier error.
#[tokio::test(start_paused = true)]
async fn nor_without_a_request() {
    let mut client = client().await;
    let began = Instant::now();
    let none = futures::stream::empty::<AppendRequest>();
    let appended = client.stream_append(none, RPCOption::new(Duration::from_millis(50))).await;
    assert!(matches!(appended, Err(RPCError::Unreachable(_))));
    assert!(began.elapsed() >= Duration::from_millis(20), "{:?}", began.elapsed());
}
