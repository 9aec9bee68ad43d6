//! Where a hold lies in time and on the way: moments and legs.

use std::fmt;

use super::{InvalidId, InvalidReason};

/// A moment of log time, in milliseconds since 1970-01-01 UTC. The leader stamps it into the entry; it
/// never runs backwards within a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The end of time: later than every deadline.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment so many milliseconds after 1970-01-01 UTC.
    pub const fn from_unix_ms(unix_ms: u64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub const fn as_unix_ms(self) -> u64 {
        self.0
    }

    /// The moment `ms` milliseconds later, or the end of time.
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment, or 0 when it is not earlier.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// A run of legs of a trip, from one stop to a later one: at least one leg by construction. Leg `n`
/// goes from stop `n` to stop `n + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Legs {
    from: u16,
    to: u16,
}

impl Legs {
    /// The legs between two stops, counted from 0; `from` must be smaller than `to`.
    pub const fn new(from: u16, to: u16) -> Result<Self, InvalidId> {
        if from >= to {
            let reason = InvalidReason::NoLeg { from, to };
            return Err(InvalidId { field: "legs", reason });
        }
        Ok(Self { from, to })
    }

    /// The stop where the legs begin, counted from 0. It is also the first leg.
    pub const fn from(self) -> u16 {
        self.from
    }

    /// The stop where the legs end, counted from 0. It is one beyond the last leg.
    pub const fn to(self) -> u16 {
        self.to
    }

    /// How many legs: at least 1.
    pub const fn count(self) -> u16 {
        self.to - self.from
    }

    /// Whether both runs have a leg in common.
    pub const fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether the run covers this leg.
    pub const fn contains(self, leg: u16) -> bool {
        self.from <= leg && leg < self.to
    }
}

impl fmt::Display for Legs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}
