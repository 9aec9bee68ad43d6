//! Plain calls, each a request and its answer: what a service in Go or Python does with code
//! generated from the protocol.

use std::collections::{BTreeMap, HashMap};
use std::io;

use client_sdk::ids::HoldId;
use client_sdk::pb::cluster_client::ClusterClient;
use client_sdk::pb::inventory_client::InventoryClient;
use client_sdk::pb::{Code, GetTopologyRequest, Problem};
use client_sdk::{Client, new_hold_id};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::{Request, request};
use crate::lane::{Answer, Lane};
use crate::work::{Ask, Step};

/// A caller with a connection to each node, which asks the leader of the trip's shard.
pub struct UnaryLane {
    /// Who knows which shard a trip is of.
    client: Client,
    /// The leader's connection, for each shard.
    leaders: Vec<InventoryClient<Channel>>,
    epoch: u32,
    /// The hold that each token had last.
    holds: HashMap<u32, HoldId>,
    flying: FuturesUnordered<BoxFuture<'static, (u32, Answer)>>,
}

impl UnaryLane {
    /// Connects to every node of a cluster.
    pub(super) async fn connect(client: &Client, endpoint: &str, epoch: u32) -> io::Result<Self> {
        let connect = |endpoint: &str| {
            let endpoint = Endpoint::from_shared(endpoint.to_owned()).map_err(io::Error::other)?;
            Ok::<_, io::Error>(endpoint.tcp_nodelay(true).connect_lazy())
        };
        let mut cluster = ClusterClient::new(connect(endpoint)?);
        let topology = cluster.get_topology(GetTopologyRequest::default()).await;
        let topology = topology.map_err(io::Error::other)?.into_inner();
        let mut nodes = BTreeMap::new();
        for node in &topology.nodes {
            nodes.insert(node.node_id, InventoryClient::new(connect(&node.endpoint)?));
        }
        let leader = |id: &u64| nodes.get(id).cloned();
        let leaders = topology.shards.iter().map(|shard| leader(&shard.leader));
        let leaders = leaders.collect::<Option<_>>();
        let leaders = leaders.ok_or_else(|| io::Error::other("a shard has no leader"))?;
        let (client, holds) = (client.clone(), HashMap::new());
        Ok(Self { client, leaders, epoch, holds, flying: FuturesUnordered::new() })
    }
}

impl Lane for UnaryLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        let hold = self.holds.entry(token).or_insert_with(new_hold_id);
        if ask.step == Step::Hold {
            *hold = new_hold_id();
        }
        let (trip, request) = request(self.epoch, ask, *hold);
        let shard = self.client.shard_of(&trip).get() as usize;
        let mut leader = self.leaders[shard].clone();
        self.flying.push(
            async move {
                let answer = match request {
                    Request::Hold(hold) => leader.hold(hold).await.map(|_| Answer::Held),
                    Request::Confirm(confirm) => {
                        leader.confirm(confirm).await.map(|_| Answer::Ended)
                    }
                    Request::Release(release) => {
                        leader.release(release).await.map(|_| Answer::Ended)
                    }
                };
                (token, answer.unwrap_or_else(|status| refusal(&status)))
            }
            .boxed(),
        );
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        into.extend(self.flying.next().await);
        while let Some(Some(more)) = self.flying.next().now_or_never() {
            into.push(more);
        }
        Ok(())
    }
}

fn refusal(status: &Status) -> Answer {
    match Problem::from_status(status).code() {
        Code::SeatTaken => Answer::Taken,
        _ => Answer::Failed,
    }
}
