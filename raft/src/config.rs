//! Settings of the log and of Raft.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::mutant::{Mutant, planted};

/// What a node's log needs to know.
#[derive(Clone, Debug)]
pub struct RaftConfig {
    /// The cluster; messages of another one are refused.
    pub cluster_id: String,
    /// This node.
    pub node_id: u64,
    /// Where the other nodes are reached.
    pub peers: BTreeMap<u64, String>,
    /// Directory of the write-ahead log and the snapshots.
    pub data_dir: PathBuf,
    /// A leader speaks at least so often.
    pub heartbeat: Duration,
    /// A follower that hears nothing for a random time between these two stands for election.
    pub election_timeout_min: Duration,
    /// See [`RaftConfig::election_timeout_min`]. It is the length of a leader's lease too.
    pub election_timeout_max: Duration,
    /// Size of a segment of the write-ahead log, in bytes.
    pub wal_segment_bytes: u32,
    /// Log entries kept in memory for lagging replicas, in bytes.
    pub wal_cache_bytes: usize,
}

impl RaftConfig {
    /// How long a leader may answer from memory after a quorum acknowledged it. Shorter than the time
    /// in which followers refuse to vote, so that clocks may run at rates a tenth apart.
    #[must_use]
    pub fn lease(&self) -> Duration {
        (self.election_timeout_max * 9 / 10) - self.shared_for()
    }

    /// How long a new leader takes what a follower answered to stand for what it is asked next. openraft
    /// counts each as a sign that the follower hears the leader at the time of the question: the lease is
    /// so much shorter. Long enough for the rounds of a search on a machine that stalls, short beside the
    /// lease.
    pub(crate) fn shared_for(&self) -> Duration {
        (self.election_timeout_max / 5).min(Duration::from_millis(25))
    }

    pub(crate) fn openraft(&self, group: u32, may_elect: bool) -> openraft::Config {
        let ms = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        openraft::Config {
            cluster_name: crate::types::group_name(group),
            heartbeat_interval: ms(self.heartbeat),
            election_timeout_min: ms(self.election_timeout_min),
            election_timeout_max: ms(self.election_timeout_max),
            max_payload_entries: 64,
            snapshot_policy: openraft::SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: u64::MAX,
            install_snapshot_timeout: 60_000,
            enable_elect: may_elect,
            enable_pre_vote: Some(true),
            // An entry may be committed on the followers before the leader has it on its own disk. A
            // leader that came back in the same term without it would put another in its place, and
            // would answer from a state that has not yet got what its log has.
            enable_leader_restore: Some(planted(Mutant::LeadsOnAfterARestart)),
            // A replica that lost its log is rebuilt; `memory.rs` says why that is safe.
            allow_log_reversion: Some(true),
            ..openraft::Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(election_timeout_max: Duration) -> RaftConfig {
        RaftConfig {
            cluster_id: "cluster".to_owned(),
            node_id: 1,
            peers: BTreeMap::new(),
            data_dir: PathBuf::new(),
            heartbeat: election_timeout_max / 6,
            election_timeout_min: election_timeout_max * 2 / 3,
            election_timeout_max,
            wal_segment_bytes: 1 << 20,
            wal_cache_bytes: 0,
        }
    }

    #[test]
    fn a_leader_that_starts_again_has_to_be_elected_again() {
        let config = config(Duration::from_millis(300));
        assert_eq!(config.openraft(0, true).enable_leader_restore, Some(false));
    }

    #[test]
    fn a_lease_ends_before_followers_vote_whatever_the_timeouts() {
        for ms in [10, 60, 124, 125, 126, 300, 1_000, 60_000] {
            let config = config(Duration::from_millis(ms));
            // A follower refuses to vote for as long after it was heard; what it said may be older by
            // as much as it is shared, and its clock a tenth faster.
            let heard = config.election_timeout_max - config.shared_for();
            assert!(config.lease() + config.election_timeout_max / 10 <= heard, "{ms} ms");
            assert!(config.lease() >= config.election_timeout_max / 2, "{ms} ms: hardly a lease");
            assert!(config.shared_for() > Duration::ZERO, "{ms} ms");
        }
    }
}
