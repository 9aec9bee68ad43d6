//! What `/metrics` says: numbers read where they are kept, when somebody asks.
//!
//! `docs/OBSERVABILITY.md` has a table of them; a test compares.

use actors::measures::Measures;
use actors::shard::Counts;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use proto::pb;
use raft::wal::WalStats;

use super::histogram::Histogram;
use crate::traffic::Traffic;

/// Microseconds of a second.
const MICROS: f64 = 1e6;

/// What a scrape reads.
pub(crate) struct Reading {
    /// As operators see the node.
    pub(crate) status: pb::GetStatusResponse,
    pub(crate) ready: bool,
    pub(crate) wal: WalStats,
    /// Faults that are ordered now.
    pub(crate) faults: usize,
    /// Every shard by its number.
    pub(crate) shards: Vec<(u32, Counts, Box<Measures>)>,
}

impl Reading {
    /// Puts everything but the histograms into the current recorder.
    pub(crate) fn publish(&self, traffic: &Traffic) {
        self.node(traffic);
        self.replicas();
        self.shards();
        self.answers();
        let wal = &self.wal;
        counter!("seatgrid_wal_records_total").absolute(wal.records);
        counter!("seatgrid_wal_appended_bytes_total").absolute(wal.bytes_appended);
        gauge!("seatgrid_wal_flush_seconds_max").set(wal.flush_time_max.as_secs_f64());
        gauge!("seatgrid_wal_queued_bytes").set(wal.queued_bytes as f64);
        gauge!("seatgrid_wal_segments").set(wal.segments as f64);
    }

    fn node(&self, traffic: &Traffic) {
        let version = self.status.version.clone();
        gauge!("seatgrid_build_info", "version" => version).set(1.0);
        gauge!("seatgrid_resident_bytes").set(self.status.resident_bytes as f64);
        gauge!("seatgrid_ready").set(f64::from(u8::from(self.ready)));
        gauge!("seatgrid_faults_ordered").set(self.faults as f64);
        gauge!("seatgrid_pipelines_open").set(traffic.pipelines() as f64);
    }

    fn replicas(&self) {
        for replica in &self.status.replicas {
            let shard = replica.shard.to_string();
            let put = |name: &'static str, value: u64| {
                gauge!(name, "shard" => shard.clone()).set(value as f64);
            };
            put("seatgrid_shard_leads", u64::from(replica.role == "leader"));
            put("seatgrid_shard_term", replica.term);
            put("seatgrid_shard_last_log_index", replica.last_log_index);
            put("seatgrid_shard_applied_index", replica.applied_index);
            put("seatgrid_shard_snapshot_index", replica.snapshot_index);
        }
    }

    fn shards(&self) {
        for (shard, counts, measures) in &self.shards {
            let shard = shard.to_string();
            let put = |name: &'static str, value: usize| {
                gauge!(name, "shard" => shard.clone()).set(value as f64);
            };
            put("seatgrid_shard_trips", counts.trips);
            put("seatgrid_shard_active_trips", counts.active);
            put("seatgrid_shard_passive_trips", counts.trips - counts.active - counts.fenced);
            put("seatgrid_shard_fenced_trips", counts.fenced);
            put("seatgrid_shard_live_holds", counts.live_holds);
            put("seatgrid_shard_watchers", counts.watchers);
            put("seatgrid_shard_mailbox_commands", counts.mailbox);
            put("seatgrid_shard_waiting_commands", counts.waiting);
            put("seatgrid_shard_entries_in_flight", counts.in_flight);
            let count = |name: &'static str, value: u64| {
                counter!(name, "shard" => shard.clone()).absolute(value);
            };
            count("seatgrid_shard_expired_holds_total", measures.expired_holds);
            count("seatgrid_shard_leader_changes_total", measures.leader_changes);
        }
    }

    fn answers(&self) {
        let all = self.total();
        for (command, outcome, count) in all.answers() {
            let answers = counter!(
                "seatgrid_commands_total",
                "command" => command,
                "outcome" => outcome
            );
            answers.absolute(count);
        }
        let way = |way: &'static str, count: u64| {
            counter!("seatgrid_answers_total", "way" => way).absolute(count);
        };
        way("before_log", all.before_log);
        way("through_log", all.through_log);
    }

    /// Puts what commands could not be taken into the current recorder.
    pub(crate) fn overloads(&self, traffic: &Traffic) {
        let queue = |queue: &'static str, count: u64| {
            counter!("seatgrid_overload_refusals_total", "queue" => queue).absolute(count);
        };
        queue("stream", traffic.window_refusals());
        queue("mailbox", self.shards.iter().map(|(_, counts, _)| counts.mailbox_refused).sum());
        let overloaded = |(_, outcome, _): &(&str, &str, u64)| *outcome == "OVERLOADED";
        queue("entry", self.total().answers().filter(overloaded).map(|(.., count)| count).sum());
    }

    /// All shards together.
    fn total(&self) -> Measures {
        let mut all = Measures::default();
        self.shards.iter().for_each(|(_, _, measures)| all.add_all(measures));
        all
    }

    /// Appends the histograms to a text in Prometheus' format.
    pub(crate) fn write_histograms(&self, traffic: &Traffic, text: &mut String) {
        let (all, answer_micros) = (self.total(), traffic.answer_micros());
        let answer = ("seatgrid_answer_seconds", "Time from a command's arrival to its answer.");
        Histogram::of(answer, &answer_micros, MICROS).write(text);
        let commit = ("seatgrid_commit_seconds", "Time from proposing an entry to applying it.");
        Histogram::of(commit, &all.commit_micros, MICROS).write(text);
        let entry = ("seatgrid_entry_commands", "Commands in an entry of the log.");
        Histogram::of(entry, &all.entry_commands, 1.0).write(text);
        Histogram {
            name: "seatgrid_wal_flush_seconds",
            help: "Time of a write to the log with its flush.",
            counts: &self.wal.flush_time_steps,
            sum: self.wal.flush_time_sum.as_secs_f64(),
            per: MICROS,
        }
        .write(text);
    }
}

/// Says what each metric means.
pub(crate) fn describe() {
    describe_gauge!("seatgrid_build_info", "Version of the program.");
    describe_gauge!("seatgrid_resident_bytes", "Memory of the process.");
    describe_gauge!("seatgrid_ready", "1 while the node can serve.");
    describe_gauge!("seatgrid_faults_ordered", "Faults that are ordered on this node now.");
    describe_gauge!("seatgrid_pipelines_open", "Pipeline streams that are open.");
    describe_counter!("seatgrid_commands_total", "Commands answered by the node's shards.");
    describe_counter!("seatgrid_answers_total", "Answers without the log, and through it.");
    describe_counter!("seatgrid_overload_refusals_total", "Commands refused by a full queue.");
    describe_gauge!("seatgrid_shard_leads", "1 where this replica leads the shard.");
    describe_gauge!("seatgrid_shard_term", "Raft term of the shard.");
    describe_gauge!("seatgrid_shard_last_log_index", "Last entry in the shard's log.");
    describe_gauge!("seatgrid_shard_applied_index", "Last applied entry of the shard.");
    describe_gauge!("seatgrid_shard_snapshot_index", "Entry of the shard's newest snapshot.");
    describe_gauge!("seatgrid_shard_trips", "Trips of the shard.");
    describe_gauge!("seatgrid_shard_active_trips", "Trips of the shard in memory.");
    describe_gauge!("seatgrid_shard_passive_trips", "Trips of the shard on disk only.");
    describe_gauge!("seatgrid_shard_fenced_trips", "Trips fenced after a defect: must be 0.");
    describe_gauge!("seatgrid_shard_live_holds", "Holds of the shard that have not ended.");
    describe_gauge!("seatgrid_shard_watchers", "Watchers of the shard's trips on this node.");
    describe_gauge!("seatgrid_shard_mailbox_commands", "Commands that wait for the shard.");
    describe_gauge!("seatgrid_shard_waiting_commands", "Commands that wait for their entry.");
    describe_gauge!("seatgrid_shard_entries_in_flight", "Entries that wait for their quorum.");
    describe_counter!("seatgrid_shard_expired_holds_total", "Holds that expired here as leader.");
    describe_counter!("seatgrid_shard_leader_changes_total", "Times that another node led.");
    describe_counter!("seatgrid_wal_records_total", "Records written to the write-ahead log.");
    describe_counter!("seatgrid_wal_appended_bytes_total", "Bytes written to the log.");
    describe_gauge!("seatgrid_wal_flush_seconds_max", "Longest flush.");
    describe_gauge!("seatgrid_wal_queued_bytes", "Bytes that wait for their flush.");
    describe_gauge!("seatgrid_wal_segments", "Segment files of the log.");
}
