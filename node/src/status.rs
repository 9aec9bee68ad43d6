//! What the node knows about itself and the cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actors::clock::Clock;
use proto::pb;
use raft::wal::Wal;
use tokio::sync::watch;

use crate::faults::Faults;
use crate::shards::Shards;
use crate::telemetry::Reading;
use crate::traffic::Traffic;

/// The node as its services see it. Clones are cheap.
#[derive(Clone)]
pub(crate) struct NodeState {
    pub(crate) id: u64,
    pub(crate) cluster_id: Arc<str>,
    pub(crate) shards: Shards,
    pub(crate) wal: Wal,
    pub(crate) traffic: Arc<Traffic>,
    /// The clock of the shards.
    pub(crate) clock: Arc<dyn Clock>,
    /// What was ordered to go wrong.
    pub(crate) faults: Arc<Faults>,
    pub(crate) started: Instant,
    pub(crate) draining: Arc<AtomicBool>,
    /// Becomes true when open streams have to end.
    pub(crate) closing: watch::Receiver<bool>,
}

/// Completes when open streams have to end, also because the node has gone.
pub(crate) async fn closed(mut closing: watch::Receiver<bool>) {
    let _ = closing.wait_for(|&closing| closing).await;
}

impl NodeState {
    /// Every shard has a leader that this node knows of, and the node does not drain.
    pub(crate) fn is_ready(&self) -> bool {
        let led = |shard: &crate::shards::Shard| shard.replica.status().leadership.leader.is_some();
        !self.draining.load(Ordering::Acquire) && self.shards.iter().all(led)
    }

    pub(crate) fn topology(&self) -> pb::GetTopologyResponse {
        let node = |(&node_id, endpoint): (&u64, &String)| pb::NodeInfo {
            node_id,
            endpoint: endpoint.clone(),
        };
        let shard = |shard: &crate::shards::Shard| {
            let status = shard.replica.status();
            pb::ShardInfo {
                shard: shard.handle.shard().get(),
                leader: status.leadership.leader.unwrap_or(0),
                term: status.leadership.term,
                voters: status.voters.into_keys().collect(),
            }
        };
        pb::GetTopologyResponse {
            cluster_id: self.cluster_id.to_string(),
            shard_count: u32::try_from(self.shards.count()).unwrap_or(u32::MAX),
            nodes: self.shards.endpoints().iter().map(node).collect(),
            shards: self.shards.iter().map(shard).collect(),
        }
    }

    pub(crate) async fn status(&self) -> pb::GetStatusResponse {
        let mut replicas = Vec::with_capacity(self.shards.count());
        for shard in self.shards.iter() {
            let (status, counts) = (shard.replica.status(), shard.handle.count().await);
            replicas.push(pb::ReplicaStatus {
                shard: shard.handle.shard().get(),
                role: status.role.to_owned(),
                leader: status.leadership.leader.unwrap_or(0),
                term: status.leadership.term,
                last_log_index: status.last_log_index,
                applied_index: status.applied_index,
                snapshot_index: status.snapshot_index,
                purged_index: status.purged_index,
                trips: counts.trips as u64,
                active_trips: counts.active as u64,
                live_holds: counts.live_holds as u64,
                fenced_trips: counts.fenced as u64,
            });
        }
        pb::GetStatusResponse {
            node_id: self.id,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            draining: self.draining.load(Ordering::Acquire),
            replicas,
            log: Some(self.log()),
            resident_bytes: resident_bytes(),
        }
    }

    /// What a scrape reads. A shard that has stopped is left out.
    pub(crate) async fn reading(&self) -> Reading {
        let mut shards = Vec::with_capacity(self.shards.count());
        for shard in self.shards.iter() {
            let number = shard.handle.shard().get();
            let measured = shard.handle.measure().await;
            shards.extend(measured.map(|(counts, measures)| (number, counts, measures)));
        }
        Reading {
            status: self.status().await,
            ready: self.is_ready(),
            wal: self.wal.stats(),
            faults: self.faults.list().len(),
            shards,
        }
    }

    fn log(&self) -> pb::LogStatus {
        let stats = self.wal.stats();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        pb::LogStatus {
            flushes: stats.flushes,
            appended_bytes: stats.bytes_appended,
            segments: stats.segments as u64,
            flush_us_mean: micros(stats.flush_time_sum).checked_div(stats.flushes).unwrap_or(0),
            flush_us_max: micros(stats.flush_time_max),
        }
    }
}

/// Memory of the process, in bytes; 0 where the system does not tell.
pub(crate) fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    // The page size of every platform that has this file, but for a few of no interest here.
    pages.unwrap_or(0) * 4_096
}
