//! Numbers that the cluster gives: of shards, nodes, seats and zones, and places in the log.

use std::fmt;

use super::{MAX_COMMANDS_PER_ENTRY, MAX_LOG_INDEX, SLOT_BITS};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $number:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name($number);

        impl $name {
            /// Takes the number as it is.
            pub const fn new(number: $number) -> Self {
                Self(number)
            }

            /// The number.
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number_id! {
    /// A shard: one Raft group that owns many trips. Numbered from 0 without gaps.
    ShardId, u32
}
number_id! {
    /// A node: one process of the cluster. Never used again after its node has left.
    NodeId, u64
}
number_id! {
    /// The place of an entry in its shard's log, from 1; 0 is before the first entry.
    LogIndex, u64
}
number_id! {
    /// The fencing number of a hold: the log position at which it was granted, as a number. A later
    /// grant of the same seat always has a larger one. Checked at confirm.
    Fence, u64
}
number_id! {
    /// A seat of a layout, numbered from 0 in the layout's order.
    SeatNo, u32
}
number_id! {
    /// A zone of a layout, numbered from 0 in the layout's order.
    ZoneNo, u16
}

impl SeatNo {
    /// The number as an index into a layout's seats.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ZoneNo {
    /// The number as an index into a layout's zones.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a command stands in its shard's log: the entry's index and the command's place in the entry,
/// packed so that comparing two positions compares the commands' order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogPosition(u64);

impl LogPosition {
    /// The position of the command at place `slot` (from 0) of the entry at `index`.
    ///
    /// # Panics
    /// If `index` is beyond [`MAX_LOG_INDEX`].
    pub const fn new(index: LogIndex, slot: u16) -> Self {
        assert!(index.0 <= MAX_LOG_INDEX, "a log index beyond 48 bits");
        Self(index.0 << SLOT_BITS | slot as u64)
    }

    /// Takes a packed position as it is.
    pub const fn from_packed(packed: u64) -> Self {
        Self(packed)
    }

    /// The packed position.
    pub const fn packed(self) -> u64 {
        self.0
    }

    /// The index of the entry.
    pub const fn index(self) -> LogIndex {
        LogIndex(self.0 >> SLOT_BITS)
    }

    /// The place of the command in the entry, from 0.
    pub const fn slot(self) -> u16 {
        (self.0 & (MAX_COMMANDS_PER_ENTRY as u64 - 1)) as u16
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index(), self.slot())
    }
}

impl From<LogPosition> for Fence {
    fn from(position: LogPosition) -> Self {
        Self(position.0)
    }
}

impl From<Fence> for LogPosition {
    fn from(fence: Fence) -> Self {
        Self(fence.0)
    }
}
