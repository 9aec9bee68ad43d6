//! Whatever one replica applies at an index, every replica applies there; and no process applies an
//! entry twice or leaves one out.

use std::collections::BTreeMap;

use actors::ids::ShardId;
use xxhash_rust::xxh3::xxh3_64;

use super::{Event, Invariant};

#[derive(Default)]
pub(super) struct LogAgreement {
    entries: BTreeMap<(ShardId, u64), (u64, u64)>,
    /// The newest entry that a process applied of a shard.
    newest: BTreeMap<(u64, ShardId), u64>,
}

impl Invariant for LogAgreement {
    fn name(&self) -> &'static str {
        "log_agreement"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        let Event::Applied { node, life, shard, index, payload } = event else { return Ok(()) };
        let digest = xxh3_64(payload);
        let (first, seen) = self.entries.entry((*shard, *index)).or_insert((*node, digest));
        if *seen != digest {
            return Err(format!(
                "shard {shard}: nodes {first} and {node} apply different entries at {index}"
            ));
        }
        let newest = self.newest.entry((*life, *shard)).or_default();
        if *index <= *newest {
            return Err(format!("shard {shard}, node {node}: {index} is applied after {newest}"));
        }
        *newest = *index;
        Ok(())
    }
}
