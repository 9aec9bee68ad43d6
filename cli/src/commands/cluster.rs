//! `seatgrid cluster`: look at the cluster and operate it.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Subcommand;
use client_sdk::ids::{NodeId, ShardId};
use client_sdk::{Client, Error, pb};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::{Show, progress, table, table_text};

/// How often the progress of a snapshot is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Show every node and what it does.
    Status,
    /// Show every shard, its leader and how far its replicas are.
    Shards,
    /// Ask the leader of a shard to hand over.
    TransferLeader {
        /// The shard.
        shard: u32,
        /// The node that should lead; any other voter unless given.
        #[arg(long, value_name = "NODE")]
        to: Option<u64>,
    },
    /// Write snapshots on every node now.
    Snapshot,
}

pub(crate) async fn run(context: &Context, command: ClusterCommand) -> Result<(), Failure> {
    let client = context.client().await?;
    match command {
        ClusterCommand::Status => {
            let status = Status::read(&client).await?;
            let down = status.nodes.iter().filter(|node| node.error.is_some()).count();
            context.print(&status)?;
            if down > 0 { Err(Failure::silent(Exit::Unavailable)) } else { Ok(()) }
        }
        ClusterCommand::Shards => context.print(&Shards::read(&client).await?),
        ClusterCommand::TransferLeader { shard, to } => {
            client.transfer_leader(ShardId::new(shard), to.map(NodeId::new)).await?;
            context.output.say(&format!("shard {shard} is handed over"));
            Ok(())
        }
        ClusterCommand::Snapshot => {
            let replicas = snapshot(&client).await?;
            context.output.say(&format!("{replicas} replicas are in their snapshots"));
            Ok(())
        }
    }
}

/// Has every node write its snapshots, all at the same time, and shows how far they are.
async fn snapshot(client: &Client) -> Result<usize, Failure> {
    let nodes: Vec<String> =
        client.topology().await?.nodes.into_iter().map(|node| node.endpoint).collect();
    let before = snapshot_indexes(client, &nodes).await;
    let bar = progress(before.len() as u64, "{wide_bar} {pos}/{len} replicas");
    let mut writing = JoinSet::new();
    for endpoint in nodes.clone() {
        let client = client.clone();
        writing.spawn(async move { client.snapshot_now(&endpoint).await });
    }
    let mut replicas = 0;
    loop {
        tokio::select! {
            written = writing.join_next() => match written {
                Some(Ok(written)) => replicas += written?.replicas.len(),
                Some(Err(error)) => return Err(Failure::new(error.to_string())),
                None => break,
            },
            () = tokio::time::sleep(LOOK_EVERY) => {
                let now = snapshot_indexes(client, &nodes).await;
                let newer = now.iter().filter(|(replica, at)| before.get(replica) < Some(at));
                bar.set_position(newer.count() as u64);
            }
        }
    }
    bar.finish_and_clear();
    Ok(replicas)
}

/// Where the newest snapshot of every replica stands, by node and shard; without nodes that do not answer.
async fn snapshot_indexes(client: &Client, nodes: &[String]) -> BTreeMap<(String, u32), u64> {
    let mut indexes = BTreeMap::new();
    for endpoint in nodes {
        if let Ok(status) = client.status(endpoint).await {
            let replicas = status.replicas.into_iter();
            indexes.extend(replicas.map(|r| ((endpoint.clone(), r.shard), r.snapshot_index)));
        }
    }
    indexes
}

#[derive(Debug, Serialize)]
struct Status {
    cluster: String,
    shards: u32,
    nodes: Vec<NodeStatus>,
}

#[derive(Debug, Default, Serialize)]
struct NodeStatus {
    node: u64,
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    version: String,
    uptime_ms: u64,
    draining: bool,
    replicas: usize,
    leads: usize,
    trips: u64,
    active_trips: u64,
    live_holds: u64,
    fenced_trips: u64,
    resident_bytes: u64,
    flush_us_mean: u64,
    flush_us_max: u64,
}

impl Status {
    async fn read(client: &Client) -> Result<Self, Error> {
        let topology = client.topology().await?;
        let mut nodes = Vec::new();
        for pb::NodeInfo { node_id, endpoint } in topology.nodes {
            let status = client.status(&endpoint).await;
            nodes.push(NodeStatus::new(node_id, endpoint, status));
        }
        Ok(Self { cluster: topology.cluster_id, shards: topology.shard_count, nodes })
    }
}

impl NodeStatus {
    fn new(node: u64, endpoint: String, status: Result<pb::GetStatusResponse, Error>) -> Self {
        let status = match status {
            Ok(status) => status,
            Err(error) => {
                return Self { node, endpoint, error: Some(error.to_string()), ..Self::default() };
            }
        };
        let sum = |of: fn(&pb::ReplicaStatus) -> u64| status.replicas.iter().map(of).sum();
        let log = status.log.unwrap_or_default();
        Self {
            node,
            endpoint,
            error: None,
            uptime_ms: status.uptime_ms,
            draining: status.draining,
            replicas: status.replicas.len(),
            leads: status.replicas.iter().filter(|replica| replica.role == "leader").count(),
            trips: sum(|replica| replica.trips),
            active_trips: sum(|replica| replica.active_trips),
            live_holds: sum(|replica| replica.live_holds),
            fenced_trips: sum(|replica| replica.fenced_trips),
            resident_bytes: status.resident_bytes,
            flush_us_mean: log.flush_us_mean,
            flush_us_max: log.flush_us_max,
            version: status.version,
        }
    }

    fn state(&self) -> String {
        match &self.error {
            Some(error) => format!("down: {error}"),
            None if self.draining => "draining".to_owned(),
            None if self.fenced_trips > 0 => format!("up, {} trips fenced", self.fenced_trips),
            None => "up".to_owned(),
        }
    }
}

impl Show for Status {
    fn text(&self) -> String {
        let mut table = table([
            "NODE", "ENDPOINT", "LEADS", "REPLICAS", "TRIPS", "HOLDS", "MEMORY", "FLUSH", "UPTIME",
            "STATE",
        ]);
        for node in &self.nodes {
            table.add_row([
                node.node.to_string(),
                node.endpoint.clone(),
                node.leads.to_string(),
                node.replicas.to_string(),
                node.trips.to_string(),
                node.live_holds.to_string(),
                format!("{} MB", node.resident_bytes >> 20),
                format!("{} µs", node.flush_us_mean),
                format!("{} s", node.uptime_ms / 1_000),
                node.state(),
            ]);
        }
        let title = format!("cluster {}, {} shards", self.cluster, self.shards);
        format!("{title}\n\n{}", table_text(&table))
    }
}

#[derive(Debug, Serialize)]
struct Shards {
    shards: Vec<Shard>,
}

#[derive(Debug, Serialize)]
struct Shard {
    shard: u32,
    leader: u64,
    term: u64,
    voters: Vec<u64>,
    trips: u64,
    live_holds: u64,
    replicas: Vec<Replica>,
}

#[derive(Debug, Serialize)]
struct Replica {
    node: u64,
    role: String,
    applied: u64,
    last: u64,
    snapshot: u64,
}

impl Shards {
    async fn read(client: &Client) -> Result<Self, Error> {
        let topology = client.topology().await?;
        let mut shards: Vec<Shard> = topology.shards.into_iter().map(Shard::new).collect();
        for pb::NodeInfo { node_id, endpoint } in topology.nodes {
            let Ok(status) = client.status(&endpoint).await else { continue };
            for replica in status.replicas {
                if let Some(shard) = shards.iter_mut().find(|shard| shard.shard == replica.shard) {
                    shard.add(node_id, replica);
                }
            }
        }
        Ok(Self { shards })
    }
}

impl Shard {
    fn new(info: pb::ShardInfo) -> Self {
        let pb::ShardInfo { shard, leader, term, voters } = info;
        Self { shard, leader, term, voters, trips: 0, live_holds: 0, replicas: Vec::new() }
    }

    fn add(&mut self, node: u64, replica: pb::ReplicaStatus) {
        if replica.role == "leader" {
            (self.trips, self.live_holds) = (replica.trips, replica.live_holds);
        }
        self.replicas.push(Replica {
            node,
            role: replica.role,
            applied: replica.applied_index,
            last: replica.last_log_index,
            snapshot: replica.snapshot_index,
        });
    }
}

impl Show for Shards {
    fn text(&self) -> String {
        let mut table =
            table(["SHARD", "LEADER", "TERM", "TRIPS", "HOLDS", "VOTERS", "APPLIED BY NODE"]);
        for shard in &self.shards {
            let leader =
                if shard.leader == 0 { "none".to_owned() } else { shard.leader.to_string() };
            let voters: Vec<String> = shard.voters.iter().map(u64::to_string).collect();
            let applied: Vec<String> = shard
                .replicas
                .iter()
                .map(|replica| format!("{}:{}", replica.node, replica.applied))
                .collect();
            table.add_row([
                shard.shard.to_string(),
                leader,
                shard.term.to_string(),
                shard.trips.to_string(),
                shard.live_holds.to_string(),
                voters.join(","),
                applied.join(" "),
            ]);
        }
        table_text(&table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_does_not_answer_is_shown_with_the_reason() {
        let error = Error::Unavailable { message: "connection refused".into() };
        let node = NodeStatus::new(2, "http://n2".into(), Err(error));
        assert_eq!(node.state(), "down: the cluster is unavailable: connection refused");
    }

    #[test]
    fn shards_are_shown_with_the_progress_of_their_replicas() {
        let info = pb::ShardInfo { shard: 3, leader: 1, term: 7, voters: vec![1, 2] };
        let mut shard = Shard::new(info);
        for (node, role, applied_index) in [(1, "leader", 90), (2, "follower", 88)] {
            let role = role.to_owned();
            shard.add(node, pb::ReplicaStatus { role, applied_index, ..Default::default() });
        }
        let text = Shards { shards: vec![shard] }.text();
        assert!(text.ends_with("1,2     1:90 2:88"), "{text}");
    }
}
