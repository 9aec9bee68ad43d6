//! What raft calls to reach a peer, over the simulated network.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use proto::pb;
use raft::network::peer::PeerHandler;
use raft::network::{Inbound, LINK_QUEUE_FRAMES, LinkError, Transport};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::network::{Arrival, KEEP_ALIVE, Life};
use super::node::{Shown, World};
use crate::oracle::{Oracle, Witness};

/// How long connecting to a peer may take, as in production.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

type Handler = Arc<PeerHandler<Witness>>;

/// The network of the cluster.
pub type Network = super::network::Network<Shown>;

/// The transport of one node's process.
pub struct SimTransport {
    network: Arc<Network>,
    oracle: Oracle,
    node: u64,
    life: Life,
}

impl fmt::Debug for SimTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimTransport({})", self.node)
    }
}

/// The address of a node.
#[must_use]
pub fn address(node: u64) -> String {
    format!("node-{node}")
}

fn node_at(addr: &str) -> Result<u64, LinkError> {
    let number = addr.strip_prefix("node-").and_then(|number| number.parse().ok());
    number.ok_or_else(|| error("not an address of the simulation"))
}

fn error(why: &str) -> LinkError {
    LinkError(why.to_owned())
}

/// One way between two processes.
#[derive(Clone)]
struct Way {
    network: Arc<Network>,
    from: u64,
    to: u64,
    lives: [Life; 2],
    resets: u64,
}

impl Way {
    fn back(&self) -> Self {
        Self { from: self.to, to: self.from, ..self.clone() }
    }

    /// Completes when streams between the two are broken.
    async fn is_broken(&self) {
        self.network.broken(self.from, self.to, self.resets, &self.lives).await;
    }

    /// A frame's way; false when the stream is broken.
    async fn arrive(&self, at: Arrival) -> bool {
        let Self { network, from, to, .. } = self;
        let arrives = async {
            network.arrived(*from, *to, at).await;
            network.passable(*from, *to).await
                && tokio::time::timeout(KEEP_ALIVE, network.awake(*to)).await.is_ok()
        };
        tokio::select! {
            biased;
            () = self.is_broken() => false,
            arrived = arrives => arrived,
        }
    }

    /// Carries a stream: frames set out as they come, and arrive in order.
    fn carry<T: Send + 'static>(
        self,
        mut frames: impl futures::Stream<Item = T> + Send + Unpin + 'static,
    ) -> Inbound<T> {
        let (sent, arriving) = mpsc::channel::<(Arrival, T)>(LINK_QUEUE_FRAMES);
        let way = self.clone();
        tokio::spawn(async move {
            let mut last = Arrival::first();
            loop {
                let frame = tokio::select! {
                    biased;
                    () = sent.closed() => return,
                    frame = frames.next() => frame,
                };
                let Some(frame) = frame else { return };
                way.network.awake(way.from).await;
                last = way.network.send_in_order(way.from, way.to, last);
                if sent.send((last, frame)).await.is_err() {
                    return;
                }
            }
        });
        let arrived = futures::stream::unfold(Some((self, arriving)), |state| async move {
            let (way, mut arriving) = state?;
            let next = tokio::select! {
                biased;
                () = way.is_broken() => None,
                next = arriving.recv() => Some(next),
            };
            match next {
                None => Some((Err(error("the connection was reset")), None)),
                Some(None) => None,
                Some(Some((at, frame))) => {
                    let arrived = way.arrive(at).await;
                    Some(if arrived {
                        (Ok(frame), Some((way, arriving)))
                    } else {
                        (Err(error("the connection broke")), None)
                    })
                }
            }
        });
        arrived.boxed()
    }
}

impl SimTransport {
    /// The transport of a process.
    #[must_use]
    pub fn new(world: &World, node: u64, life: Life) -> Self {
        let (network, oracle) = (Arc::clone(&world.network), world.oracle.clone());
        Self { network, oracle, node, life }
    }

    /// A connection to whoever listens at an address.
    fn connect(
        &self,
        addr: &str,
    ) -> impl Future<Output = Result<(Way, Handler), LinkError>> + use<> {
        let (network, from, life) = (Arc::clone(&self.network), self.node, self.life.clone());
        let to = node_at(addr);
        async move {
            let to = to?;
            let connected = async {
                // The way there, and back: a handshake is resent until it is through.
                for (a, b) in [(from, to), (to, from)] {
                    let at = network.send_in_order(a, b, Arrival::first());
                    network.arrived(a, b, at).await;
                    if !network.passable(a, b).await {
                        return Err(error("no answer"));
                    }
                    network.awake(b).await;
                }
                let (theirs, shown) = network.at(to).ok_or_else(|| error("refused"))?;
                if !life.goes_on() {
                    return Err(error("this process has ended"));
                }
                let resets = network.resets(from, to);
                let way =
                    Way { network: Arc::clone(&network), from, to, lives: [life, theirs], resets };
                Ok((way, shown.peers))
            };
            let connected = tokio::time::timeout(CONNECT_TIMEOUT, connected).await;
            connected.unwrap_or_else(|_| Err(error("connecting took too long")))
        }
    }

    /// A call: a message there, the work, a message back. Either may get lost; then nobody answers.
    fn call<T, F>(
        &self,
        addr: &str,
        work: impl Fn(Handler) -> F + Send + Sync + 'static,
    ) -> BoxFuture<'static, Result<T, LinkError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, LinkError>> + Send + 'static,
    {
        let (network, from, life) = (Arc::clone(&self.network), self.node, self.life.clone());
        let to = node_at(addr);
        Box::pin(async move {
            let to = to?;
            if !life.goes_on() {
                return Err(error("this process has ended"));
            }
            let called = async {
                let mut copies = network.send(from, to).into_iter();
                let Some(first) = copies.next() else { return std::future::pending().await };
                tokio::time::sleep_until(first).await;
                network.awake(to).await;
                let (theirs, shown) = network.at(to).ok_or_else(|| error("refused"))?;
                for later in copies {
                    let (again, theirs) = (work(Arc::clone(&shown.peers)), theirs.clone());
                    tokio::spawn(async move {
                        tokio::time::sleep_until(later).await;
                        if theirs.goes_on() {
                            // Whoever called has its answer, or will have, from the first copy.
                            let _ = again.await;
                        }
                    });
                }
                let answer = work(shown.peers).await;
                network.awake(to).await;
                if !theirs.goes_on() {
                    return Err(error("the connection was reset"));
                }
                let Some(&back) = network.send(to, from).first() else {
                    return std::future::pending().await;
                };
                tokio::time::sleep_until(back).await;
                network.awake(from).await;
                answer
            };
            let called = tokio::time::timeout(KEEP_ALIVE, called).await;
            called.unwrap_or_else(|_| Err(error("no answer")))
        })
    }
}

/// Whether nothing of a snapshot follows.
fn is_last(part: &pb::InstallSnapshotRequest) -> bool {
    use pb::install_snapshot_request::Part;
    matches!(&part.part, Some(Part::Records(records)) if records.complete)
}

impl Transport for SimTransport {
    fn replicate(
        &self,
        addr: &str,
        out: mpsc::Receiver<pb::ReplicateRequest>,
    ) -> BoxFuture<'static, Result<Inbound<pb::ReplicateResponse>, LinkError>> {
        let connected = self.connect(addr);
        Box::pin(async move {
            let (way, handler) = connected.await?;
            let back = way.back();
            let answers = handler.replicate(way.carry(ReceiverStream::new(out)));
            Ok(back.carry(answers))
        })
    }

    fn vote(
        &self,
        addr: &str,
        request: pb::VoteRequest,
    ) -> BoxFuture<'static, Result<pb::VoteResponse, LinkError>> {
        self.call(addr, move |peer: Handler| {
            let request = request.clone();
            async move { peer.vote(request).await }
        })
    }

    fn hand_over(
        &self,
        addr: &str,
        request: pb::HandOverRequest,
    ) -> BoxFuture<'static, Result<pb::HandOverResponse, LinkError>> {
        self.call(addr, move |peer: Handler| {
            let request = request.clone();
            async move { peer.hand_over(request).await }
        })
    }

    fn recall(
        &self,
        addr: &str,
        request: pb::RecallRequest,
    ) -> BoxFuture<'static, Result<pb::RecallResponse, LinkError>> {
        self.call(addr, move |peer: Handler| {
            let answer = peer.recall(&request);
            async move { answer }
        })
    }

    fn install_snapshot(
        &self,
        addr: &str,
        parts: mpsc::Receiver<pb::InstallSnapshotRequest>,
    ) -> BoxFuture<'static, Result<pb::InstallSnapshotResponse, LinkError>> {
        let (connected, oracle) = (self.connect(addr), self.oracle.clone());
        Box::pin(async move {
            let (way, handler) = connected.await?;
            let back = way.back();
            let broken = back.clone();
            let (told, to) = (oracle.clone(), way.to);
            let parts = way.carry(ReceiverStream::new(parts)).inspect(move |part| {
                if part.as_ref().is_ok_and(is_last) {
                    told.snapshot_comes(to);
                }
            });
            let parts = parts.boxed();
            // A server ends the work for a connection that has gone.
            let answer = tokio::select! {
                biased;
                () = broken.is_broken() => return Err(error("the connection was reset")),
                answer = handler.install_snapshot(parts) => answer?,
            };
            oracle.covered(|coverage| coverage.snapshots_installed += 1);
            let at = back.network.send_in_order(back.from, back.to, Arrival::first());
            if back.arrive(at).await { Ok(answer) } else { Err(error("the connection broke")) }
        })
    }
}
