//! What openraft can rely on when a peer is away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{Stream, StreamExt as _};
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

/// A network without anybody else, or whose peer comes after a while and has nothing.
#[derive(Debug)]
struct Away(Option<Duration>);

impl Transport for Away {
    fn replicate(
        &self,
        _: &str,
        frames: mpsc::Receiver<pb::ReplicateRequest>,
    ) -> BoxFuture<'static, Result<Inbound<pb::ReplicateResponse>, LinkError>> {
        let back_after = self.0;
        Box::pin(async move {
            let Some(pause) = back_after else { return std::future::pending().await };
            tokio::time::sleep(pause).await;
            let answers = futures::stream::unfold(frames, |mut frames| async move {
                let session = frames.recv().await?.session;
                let result = Some(pb::replicate_response::Result::MatchedNothing(true));
                Some((Ok(pb::ReplicateResponse { session, result }), frames))
            });
            Ok(answers.boxed())
        })
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

/// A client of a peer that is away, for good or for a while.
async fn client(back_after: Option<Duration>) -> PeerClient {
    let links = Links::new("cluster".to_owned(), 1, Arc::new(Away(back_after)));
    let opened = Wal::open(Arc::new(MemDisk::new()), Path::new("wal"), Options::default());
    let log = LogStore::new(opened.expect("a new log opens").0, 0);
    let mut network = GroupNetwork { links, group: 0, log, shared_for: Duration::ZERO };
    network.new_client(2, &BasicNode::new("nowhere")).await
}

/// How long openraft pauses after an error.
const PAUSE: Duration = Duration::from_millis(70);

fn request_after_a_pause() -> impl Stream<Item = AppendRequest> + Send + Unpin + 'static {
    Box::pin(futures::stream::once(async {
        tokio::time::sleep(PAUSE).await;
        AppendRequest {
            vote: Vote::new_committed(1, 1),
            prev_log_id: None,
            entries: Vec::new(),
            leader_commit: Some(log_id(1, 1, 1)),
        }
    }))
}

/// openraft makes a request only after the pause that follows an error. Whoever fails without
/// asking for one is called again at once, and a dead peer costs its leader a whole core.
#[tokio::test(start_paused = true)]
async fn a_peer_that_is_away_is_not_tried_again_without_a_pause() {
    let mut client = client(None).await;
    let began = Instant::now();
    let appended = client.stream_append(request_after_a_pause(), RPCOption::new(PAUSE)).await;
    assert!(matches!(appended, Err(RPCError::Unreachable(_))));
    assert_eq!(began.elapsed(), PAUSE);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_came_back_during_the_pause_is_sent_the_request() {
    let mut client = client(Some(PAUSE / 2)).await;
    let appended = client.stream_append(request_after_a_pause(), RPCOption::new(PAUSE)).await;
    let Ok(mut answers) = appended else { panic!("the peer is connected") };
    assert!(matches!(answers.next().await, Some(Ok(Ok(None)))));
}

/// Nor does openraft pause where it makes no request because it has just heard of an earlier error.
#[tokio::test(start_paused = true)]
async fn nor_without_a_request() {
    let mut client = client(Some(Duration::from_millis(10))).await;
    let began = Instant::now();
    // As openraft's, it must not be asked again after its end.
    let none = futures::stream::unfold((), |()| async { None::<(AppendRequest, ())> }).boxed();
    let appended = client.stream_append(none, RPCOption::new(Duration::from_millis(50))).await;
    assert!(matches!(appended, Err(RPCError::Unreachable(_))));
    assert!(began.elapsed() >= Duration::from_millis(20), "{:?}", began.elapsed());
}
