//! A cluster of real nodes in one process, on loopback, with real disks in a temporary directory.

#![allow(dead_code, clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proto::ids::TripId;
use proto::pb::cluster_client::ClusterClient;
use proto::pb::inventory_client::InventoryClient;
use proto::pb::{self, Code, Problem};
use proto::ring::shard_of;
use seatgrid_node::{Config, Node, StartError};
use tonic::transport::Channel;
use tonic::{Code as GrpcCode, Status};

/// Everything that a test waits for comes about within this time, or the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Several clusters of a build without optimisation share a machine here: nobody is to be taken for dead
/// because it is slow.
const PATIENT: &str = "[raft]\nheartbeat_ms = 50\nelection_timeout_min_ms = 200\n\
                       election_timeout_max_ms = 300\n";

pub(crate) struct Cluster {
    pub(crate) config: Config,
    dir: tempfile::TempDir,
    nodes: Vec<Option<Node>>,
}

impl Cluster {
    /// Starts three nodes.
    pub(crate) async fn start() -> Self {
        Self::with_settings("").await
    }

    /// Starts three nodes with more lines in their configuration.
    pub(crate) async fn with_settings(settings: &str) -> Self {
        let mut text = format!("{settings}\n{PATIENT}[cluster]\nid = \"test\"\nshards = 3\n");
        let ports = free_ports(9);
        for n in 0..3 {
            text += &format!(
                "[[cluster.nodes]]\nid = {}\nclient = \"127.0.0.1:{}\"\npeer = \"127.0.0.1:{}\"\n\
                 admin = \"127.0.0.1:{}\"\n",
                n + 1,
                ports[3 * n],
                ports[3 * n + 1],
                ports[3 * n + 2]
            );
        }
        let mut config = Config::parse(Path::new("cluster.toml"), &text).unwrap();
        // RUST_LOG overrides it.
        config.telemetry.log_filter = "off".into();
        seatgrid_node::telemetry::start_logging(&config.telemetry);
        let mut cluster =
            Self { config, dir: tempfile::tempdir().unwrap(), nodes: vec![None, None, None] };
        for id in 1..=3 {
            cluster.start_node(id).await;
        }
        cluster.wait_until_led().await;
        cluster
    }

    pub(crate) fn data_dir(&self, id: u64) -> PathBuf {
        self.dir.path().join(format!("node-{id}"))
    }

    pub(crate) async fn start_node(&mut self, id: u64) {
        let dir = self.data_dir(id);
        let deadline = Instant::now() + DEADLINE;
        // The listeners of the node's earlier life may still be closing.
        let node = loop {
            match Node::start(&self.config, id, &dir).await {
                Ok(node) => break node,
                Err(error) => assert!(Instant::now() < deadline, "node {id}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        self.nodes[id as usize - 1] = Some(node);
    }

    /// Starts a node once.
    pub(crate) async fn try_start_node(&mut self, id: u64) -> Result<(), StartError> {
        let node = Node::start(&self.config, id, &self.data_dir(id)).await?;
        self.nodes[id as usize - 1] = Some(node);
        Ok(())
    }

    /// Has nodes write a snapshot of every shard.
    pub(crate) async fn snapshot(&self, nodes: &[u64]) {
        for &id in nodes {
            let mut client = self.cluster_client(id).await;
            client.snapshot_now(pb::SnapshotNowRequest {}).await.unwrap();
        }
    }

    pub(crate) async fn stop_node(&mut self, id: u64) {
        self.nodes[id as usize - 1].take().unwrap().drain_and_stop().await;
    }

    pub(crate) async fn stop(mut self) -> tempfile::TempDir {
        for id in 1..=3 {
            if self.nodes[id as usize - 1].is_some() {
                self.stop_node(id).await;
            }
        }
        self.dir
    }

    pub(crate) fn node(&self, id: u64) -> &Node {
        self.nodes[id as usize - 1].as_ref().unwrap()
    }

    pub(crate) fn endpoint(&self, id: u64) -> String {
        format!("http://{}", self.config.member(id).unwrap().client.get_ref())
    }

    pub(crate) async fn channel(&self, id: u64) -> Channel {
        Channel::from_shared(self.endpoint(id)).unwrap().connect_lazy()
    }

    pub(crate) async fn inventory(&self, id: u64) -> InventoryClient<Channel> {
        InventoryClient::new(self.channel(id).await)
    }

    pub(crate) async fn cluster_client(&self, id: u64) -> ClusterClient<Channel> {
        ClusterClient::new(self.channel(id).await)
    }

    pub(crate) fn running(&self) -> Vec<u64> {
        (1..=3).filter(|&id| self.nodes[id as usize - 1].is_some()).collect()
    }

    /// Waits until all running nodes agree on a running leader of every shard.
    pub(crate) async fn wait_until_led(&self) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let mut views = Vec::new();
            for id in self.running() {
                let topology =
                    self.cluster_client(id).await.get_topology(pb::GetTopologyRequest {}).await;
                if let Ok(topology) = topology {
                    let shards = topology.into_inner().shards;
                    views.push(shards.iter().map(|s| s.leader).collect::<Vec<u64>>());
                }
            }
            let agreed = views.len() == self.running().len()
                && views.windows(2).all(|pair| pair[0] == pair[1])
                && views[0].iter().all(|leader| self.running().contains(leader));
            if agreed {
                return;
            }
            assert!(Instant::now() < deadline, "no agreement on leaders: {views:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The node that leads a trip's shard.
    pub(crate) async fn leader_of(&self, trip: &str) -> u64 {
        let mut client = self.cluster_client(self.running()[0]).await;
        let topology = client.get_topology(pb::GetTopologyRequest {}).await.unwrap().into_inner();
        let shard = shard_of(&TripId::new(trip).unwrap(), topology.shards.len() as u32).get();
        topology.shards.iter().find(|found| found.shard == shard).unwrap().leader
    }

    /// Calls the leader of a trip's shard, as often as it takes.
    pub(crate) async fn call<T, F>(
        &self,
        call: impl Fn(InventoryClient<Channel>) -> F,
    ) -> Result<T, Problem>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let deadline = Instant::now() + DEADLINE;
        loop {
            for id in self.running() {
                match call(self.inventory(id).await).await {
                    Ok(answer) => return Ok(answer.into_inner()),
                    Err(status) => {
                        let problem = Problem::from_status(&status);
                        let passing = matches!(
                            problem.code(),
                            Code::NotLeader | Code::Unavailable | Code::UnknownOutcome
                        ) || status.code() == GrpcCode::Unavailable;
                        if !passing {
                            return Err(problem);
                        }
                        assert!(Instant::now() < deadline, "still {problem:?}");
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn open(&self, trip: &str, seats: u32) -> pb::OpenTripResponse {
        let request = trip_of(trip, seats);
        let opened = self.call(|mut c| {
            let request = request.clone();
            async move { c.open_trip(request).await }
        });
        opened.await.unwrap()
    }

    pub(crate) async fn hold(
        &self,
        trip: &str,
        hold: u128,
        seat: &str,
    ) -> Result<pb::HoldResponse, Problem> {
        let request = hold_request(trip, hold, seat);
        self.call(|mut c| {
            let request = request.clone();
            async move { c.hold(request).await }
        })
        .await
    }

    pub(crate) async fn confirm(
        &self,
        trip: &str,
        hold: u128,
    ) -> Result<pb::ConfirmResponse, Problem> {
        let request = pb::ConfirmRequest {
            trip_id: trip.into(),
            hold_id: hold.to_be_bytes().to_vec().into(),
            ..Default::default()
        };
        self.call(|mut c| {
            let request = request.clone();
            async move { c.confirm(request).await }
        })
        .await
    }

    pub(crate) async fn trip(&self, trip: &str) -> pb::GetTripResponse {
        let request =
            pb::GetTripRequest { trip_id: trip.into(), seats: true, ..Default::default() };
        let found = self.call(|mut c| {
            let request = request.clone();
            async move { c.get_trip(request).await }
        });
        found.await.unwrap()
    }

    /// Audits every shard: equal digests on all running replicas, no violation.
    pub(crate) async fn audit(&self) {
        let topology = self.cluster_client(self.running()[0]).await;
        let topology = topology.clone().get_topology(pb::GetTopologyRequest {}).await.unwrap();
        for shard in topology.into_inner().shards {
            let mut leader = self.cluster_client(shard.leader).await;
            let request = pb::StartAuditRequest { shard: shard.shard };
            let index = leader.start_audit(request).await.unwrap().into_inner().index;
            let mut digests = Vec::new();
            for id in self.running() {
                let audit = self.audit_of(id, shard.shard, index).await;
                assert_eq!(audit.violations, Vec::<String>::new(), "shard {}", shard.shard);
                digests.push((audit.digest, audit.trips));
            }
            assert!(digests.windows(2).all(|p| p[0] == p[1]), "shard {}: {digests:?}", shard.shard);
        }
    }

    async fn audit_of(&self, id: u64, shard: u32, index: u64) -> pb::GetAuditResponse {
        let mut client = self.cluster_client(id).await;
        let deadline = Instant::now() + DEADLINE;
        loop {
            let audit = client.get_audit(pb::GetAuditRequest { shard, index }).await.unwrap();
            if audit.get_ref().ready {
                return audit.into_inner();
            }
            assert!(Instant::now() < deadline, "node {id} does not reach entry {index}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|l| l.local_addr().unwrap().port()).collect()
}

/// A trip of two legs with rows of four seats, 1A 1B 1C 1D, 2A ...
pub(crate) fn trip_of(trip: &str, seats: u32) -> pb::OpenTripRequest {
    TripId::new(trip).unwrap();
    let rows = (0..seats.div_ceil(4)).map(|row| pb::Row {
        deck: 0,
        places: ["A", "B", "C", "D"]
            .iter()
            .map(|letter| pb::Place { seat: format!("{}{letter}", row + 1), ..Default::default() })
            .collect(),
    });
    let zones = vec![pb::Zone { name: "standard".into(), general_admission_capacity: None }];
    let stop = |name: &str| pb::Stop { name: name.into(), ..Default::default() };
    pb::OpenTripRequest {
        trip_id: trip.into(),
        layout: Some(pb::Layout { name: "coach".into(), zones, rows: rows.collect() }),
        stops: vec![stop("A"), stop("B"), stop("C")],
        ..Default::default()
    }
}

pub(crate) fn hold_request(trip: &str, hold: u128, seat: &str) -> pb::HoldRequest {
    pb::HoldRequest {
        trip_id: trip.into(),
        hold_id: hold.to_be_bytes().to_vec().into(),
        buyer_id: format!("buyer-{hold}"),
        seats: vec![seat.into()],
        ..Default::default()
    }
}
