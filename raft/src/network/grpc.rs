//! The transport over tonic.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use proto::limits::{CONNECTION_WINDOW_BYTES, MAX_PEER_MESSAGE_BYTES, STREAM_WINDOW_BYTES};
use proto::pb;
use proto::pb::peer_client::PeerClient;
use proto::pb::peer_server::{Peer, PeerServer};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

use super::peer::PeerHandler;
use super::{Inbound, LinkError, Transport};
use crate::machine::Machine;

/// How long connecting to a peer may take.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// A peer that does not answer a ping for so long is taken for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Calls peers over tonic, two connections each: one for replication, one for everything else, so that
/// a snapshot does not delay entries and votes.
#[derive(Debug, Default)]
pub struct GrpcTransport {
    channels: Mutex<HashMap<String, Channel>>,
}

impl GrpcTransport {
    fn client(&self, addr: &str) -> Result<PeerClient<Channel>, LinkError> {
        if let Some(channel) = self.channels.lock().get(addr) {
            return Ok(sized(channel.clone()));
        }
        let channel = endpoint(addr)?.connect_lazy();
        self.channels.lock().insert(addr.to_owned(), channel.clone());
        Ok(sized(channel))
    }
}

fn endpoint(addr: &str) -> Result<Endpoint, LinkError> {
    let endpoint = Endpoint::from_shared(addr.to_owned())
        .map_err(|e| LinkError(format!("{addr:?} is not an address: {e}")))?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES))
}

fn sized(channel: Channel) -> PeerClient<Channel> {
    PeerClient::new(channel)
        .max_decoding_message_size(MAX_PEER_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_PEER_MESSAGE_BYTES)
}

fn failed(status: &Status) -> LinkError {
    LinkError(format!("{:?}: {}", status.code(), status.message()))
}

impl Transport for GrpcTransport {
    fn replicate(
        &self,
        addr: &str,
        out: mpsc::Receiver<pb::ReplicateRequest>,
    ) -> BoxFuture<'static, Result<Inbound<pb::ReplicateResponse>, LinkError>> {
        Box::pin(replicate(endpoint(addr), out))
    }

    fn vote(
        &self,
        addr: &str,
        request: pb::VoteRequest,
    ) -> BoxFuture<'static, Result<pb::VoteResponse, LinkError>> {
        let client = self.client(addr);
        Box::pin(async move {
            let answer = client?.vote(request).await.map_err(|e| failed(&e))?;
            Ok(answer.into_inner())
        })
    }

    fn hand_over(
        &self,
        addr: &str,
        request: pb::HandOverRequest,
    ) -> BoxFuture<'static, Result<pb::HandOverResponse, LinkError>> {
        let client = self.client(addr);
        Box::pin(async move {
            let answer = client?.hand_over(request).await.map_err(|e| failed(&e))?;
            Ok(answer.into_inner())
        })
    }

    fn recall(
        &self,
        addr: &str,
        request: pb::RecallRequest,
    ) -> BoxFuture<'static, Result<pb::RecallResponse, LinkError>> {
        let client = self.client(addr);
        Box::pin(async move {
            let answer = client?.recall(request).await.map_err(|e| failed(&e))?;
            Ok(answer.into_inner())
        })
    }

    fn install_snapshot(
        &self,
        addr: &str,
        parts: mpsc::Receiver<pb::InstallSnapshotRequest>,
    ) -> BoxFuture<'static, Result<pb::InstallSnapshotResponse, LinkError>> {
        Box::pin(install_snapshot(self.client(addr), parts))
    }
}

async fn replicate(
    endpoint: Result<Endpoint, LinkError>,
    out: mpsc::Receiver<pb::ReplicateRequest>,
) -> Result<Inbound<pb::ReplicateResponse>, LinkError> {
    let channel = endpoint?.connect().await.map_err(|e| LinkError(e.to_string()))?;
    let answers =
        sized(channel).replicate(ReceiverStream::new(out)).await.map_err(|e| failed(&e))?;
    Ok(inbound(answers.into_inner()))
}

async fn install_snapshot(
    client: Result<PeerClient<Channel>, LinkError>,
    parts: mpsc::Receiver<pb::InstallSnapshotRequest>,
) -> Result<pb::InstallSnapshotResponse, LinkError> {
    let answer = client?.install_snapshot(ReceiverStream::new(parts)).await;
    let answer = answer.map_err(|e| failed(&e))?;
    Ok(answer.into_inner())
}

/// The tonic service of a [`PeerHandler`].
pub struct PeerService<M: Machine>(Arc<PeerHandler<M>>);

impl<M: Machine> PeerService<M> {
    /// The service to mount on the node's peer port.
    pub fn server(handler: Arc<PeerHandler<M>>) -> PeerServer<Self> {
        PeerServer::new(Self(handler))
            .max_decoding_message_size(MAX_PEER_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_PEER_MESSAGE_BYTES)
    }
}

fn inbound<T: Send + 'static>(stream: Streaming<T>) -> Inbound<T> {
    stream.map(|item| item.map_err(|e| failed(&e))).boxed()
}

fn refused(error: LinkError) -> Status {
    Status::failed_precondition(error.0)
}

#[tonic::async_trait]
impl<M: Machine> Peer for PeerService<M> {
    type ReplicateStream = BoxStream<'static, Result<pb::ReplicateResponse, Status>>;

    async fn replicate(
        &self,
        request: Request<Streaming<pb::ReplicateRequest>>,
    ) -> Result<Response<Self::ReplicateStream>, Status> {
        let answers = self.0.replicate(inbound(request.into_inner()));
        Ok(Response::new(answers.map(Ok).boxed()))
    }

    async fn vote(
        &self,
        request: Request<pb::VoteRequest>,
    ) -> Result<Response<pb::VoteResponse>, Status> {
        self.0.vote(request.into_inner()).await.map(Response::new).map_err(refused)
    }

    async fn hand_over(
        &self,
        request: Request<pb::HandOverRequest>,
    ) -> Result<Response<pb::HandOverResponse>, Status> {
        self.0.hand_over(request.into_inner()).await.map(Response::new).map_err(refused)
    }

    async fn recall(
        &self,
        request: Request<pb::RecallRequest>,
    ) -> Result<Response<pb::RecallResponse>, Status> {
        self.0.recall(&request.into_inner()).map(Response::new).map_err(refused)
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<pb::InstallSnapshotRequest>>,
    ) -> Result<Response<pb::InstallSnapshotResponse>, Status> {
        let parts = inbound(request.into_inner());
        self.0.install_snapshot(parts).await.map(Response::new).map_err(refused)
    }
}
