//! Where an answer was decided.

use proto::ids::{LogPosition, ShardId};
use proto::pb;

/// Where a change stands in the log of its shard: replies in this order are the history of the shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The shard that owns the trip.
    pub shard: ShardId,
    /// The place in its log.
    pub log: LogPosition,
}

impl From<pb::Position> for Position {
    fn from(position: pb::Position) -> Self {
        Self { shard: ShardId::new(position.shard), log: LogPosition::from_packed(position.index) }
    }
}

impl From<Option<pb::Position>> for Position {
    fn from(position: Option<pb::Position>) -> Self {
        position.map(Self::from).unwrap_or_default()
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.shard, self.log)
    }
}
