//! Log lines and metrics.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use proto::pb;
use raft::wal::WalStats;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{LogFormat, Telemetry};

/// Starts logging to standard error. Does nothing when logging has been started before.
pub fn start_logging(settings: &Telemetry) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&settings.log_filter));
    // Spans are there for the line of a hold: each is told where it begins.
    let lines =
        fmt().with_env_filter(filter).with_span_events(FmtSpan::NEW).with_writer(std::io::stderr);
    // A second start, in tests of many nodes in one process, changes nothing.
    let _ = match settings.log_format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

/// Puts the node's numbers into the current recorder.
pub(crate) fn publish(status: &pb::GetStatusResponse, ready: bool, stats: &WalStats) {
    let version = status.version.clone();
    gauge!("seatgrid_build_info", "version" => version).set(1.0);
    gauge!("seatgrid_resident_bytes").set(status.resident_bytes as f64);
    gauge!("seatgrid_ready").set(f64::from(u8::from(ready)));
    for replica in &status.replicas {
        let shard = replica.shard.to_string();
        let put = |name: &'static str, value: u64| {
            gauge!(name, "shard" => shard.clone()).set(value as f64);
        };
        put("seatgrid_shard_leads", u64::from(replica.role == "leader"));
        put("seatgrid_shard_term", replica.term);
        put("seatgrid_shard_last_log_index", replica.last_log_index);
        put("seatgrid_shard_applied_index", replica.applied_index);
        put("seatgrid_shard_snapshot_index", replica.snapshot_index);
        put("seatgrid_shard_trips", replica.trips);
        put("seatgrid_shard_active_trips", replica.active_trips);
        put("seatgrid_shard_live_holds", replica.live_holds);
        put("seatgrid_shard_fenced_trips", replica.fenced_trips);
    }
    counter!("seatgrid_wal_flushes_total").absolute(stats.flushes);
    counter!("seatgrid_wal_records_total").absolute(stats.records);
    counter!("seatgrid_wal_appended_bytes_total").absolute(stats.bytes_appended);
    gauge!("seatgrid_wal_flush_seconds_sum").set(stats.flush_time_sum.as_secs_f64());
    gauge!("seatgrid_wal_flush_seconds_max").set(stats.flush_time_max.as_secs_f64());
    gauge!("seatgrid_wal_queued_bytes").set(stats.queued_bytes as f64);
    gauge!("seatgrid_wal_segments").set(stats.segments as f64);
}

/// Says what each metric means.
pub(crate) fn describe() {
    describe_gauge!("seatgrid_build_info", "Version of the program.");
    describe_gauge!("seatgrid_resident_bytes", "Memory of the process.");
    describe_gauge!("seatgrid_ready", "1 while the node can serve.");
    describe_gauge!("seatgrid_shard_leads", "1 where this replica leads the shard.");
    describe_gauge!("seatgrid_shard_term", "Raft term of the shard.");
    describe_gauge!("seatgrid_shard_last_log_index", "Last entry in the shard's log.");
    describe_gauge!("seatgrid_shard_applied_index", "Last applied entry of the shard.");
    describe_gauge!("seatgrid_shard_snapshot_index", "Entry of the shard's newest snapshot.");
    describe_gauge!("seatgrid_shard_trips", "Trips of the shard.");
    describe_gauge!("seatgrid_shard_active_trips", "Trips of the shard in memory.");
    describe_gauge!("seatgrid_shard_live_holds", "Holds of the shard that have not ended.");
    describe_gauge!("seatgrid_shard_fenced_trips", "Trips fenced after a defect: must be 0.");
    describe_counter!("seatgrid_wal_flushes_total", "Flushes of the write-ahead log.");
    describe_counter!("seatgrid_wal_records_total", "Records written to the write-ahead log.");
    describe_counter!("seatgrid_wal_appended_bytes_total", "Bytes written to the log.");
    describe_gauge!("seatgrid_wal_flush_seconds_sum", "Time spent in flushes.");
    describe_gauge!("seatgrid_wal_flush_seconds_max", "Longest flush.");
    describe_gauge!("seatgrid_wal_queued_bytes", "Bytes that wait for their flush.");
    describe_gauge!("seatgrid_wal_segments", "Segment files of the log.");
}
