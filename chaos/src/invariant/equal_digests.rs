//! Replicas that have applied the same log have the same state, down to the last byte; and that is the
//! state of a replay from the beginning without snapshots, restarts or faults.

use std::collections::BTreeMap;

use actors::audit::Audit;
use actors::ids::ShardId;

use super::{Event, Invariant};

/// Marks of a shard that are remembered.
const MARKS_KEPT: usize = 64;

#[derive(Default)]
pub(super) struct EqualDigests {
    marks: BTreeMap<ShardId, BTreeMap<u64, (u64, Audit)>>,
}

impl Invariant for EqualDigests {
    fn name(&self) -> &'static str {
        "equal_digests"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Audited { node, shard, audit } => {
                let marks = self.marks.entry(*shard).or_default();
                if marks.len() > MARKS_KEPT {
                    marks.pop_first();
                }
                let (first, seen) =
                    marks.entry(audit.index).or_insert_with(|| (*node, (*audit).clone()));
                if (seen.digest, seen.trips, seen.tally) != (audit.digest, audit.trips, audit.tally)
                {
                    return Err(format!(
                        "shard {shard} at {}: nodes {first} and {node} differ: {seen:?}, {audit:?}",
                        audit.index
                    ));
                }
            }
            Event::AtRest { node, trip, map, replayed } if map.digest() != replayed.digest() => {
                let (here, there) = (map.position(), replayed.position());
                return Err(format!(
                    "node {node}, trip {}: at {here} it differs from the replay at {there}",
                    trip.as_str()
                ));
            }
            _ => {}
        }
        Ok(())
    }
}
