//! When to write snapshots: after so much new log, one shard after the other.

use std::time::Duration;

use raft::wal::Wal;
use tracing::{info, warn};

use crate::shards::Shards;

/// How often the size of the log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long one shard's snapshot may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Writes snapshots of every shard after `after_bytes` of new log, for ever.
pub(crate) async fn keep_writing(shards: Shards, wal: Wal, after_bytes: u64) {
    let mut written_at = 0;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let appended = wal.stats().bytes_appended;
        if appended - written_at < after_bytes {
            continue;
        }
        written_at = appended;
        for shard in shards.iter() {
            let number = shard.handle.shard();
            match shard.replica.write_snapshot(TIMEOUT).await {
                Ok(index) => info!(shard = %number, index, "wrote a snapshot"),
                Err(_) => warn!(shard = %number, "a snapshot was not written in time"),
            }
        }
    }
}
