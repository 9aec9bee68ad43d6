//! What can go wrong.

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Messages take longer, are lost, arrive twice and out of order, everywhere.
    BadWeather,
    /// One link loses everything in one direction.
    OneWayCut,
    /// The nodes are split in two, clients see both sides.
    Partition,
    /// A leader is cut off from the others, clients still reach it.
    IsolatedLeader,
    /// Two nodes do not see each other, a third sees both.
    Bridge,
    /// Links become slow.
    Clog,
    /// Connections are reset.
    Reset,
    /// A process is killed.
    Kill,
    /// A machine loses its power.
    PowerCut,
    /// All machines lose their power at once.
    PowerCutOfAll,
    /// A disk is full for a while.
    FullDisk,
    /// A disk is slow for a while.
    SlowDisk,
    /// A disk does not answer for a while.
    HungDisk,
    /// A flush of the log fails.
    FailedFlush,
    /// A flush of the snapshots fails.
    FailedSnapshotSync,
    /// A bit of the log flips.
    FlippedLogBit,
    /// A bit of a snapshot flips.
    FlippedSnapshotBit,
    /// A node comes back with empty disks.
    EmptyDisks,
    /// A wall clock jumps.
    ClockJump,
    /// A clock runs too fast or too slow.
    ClockRate,
    /// A leader is told to hand over.
    HandOver,
}

/// All of them.
pub const MENU: [Fault; 21] = [
    Fault::BadWeather,
    Fault::OneWayCut,
    Fault::Partition,
    Fault::IsolatedLeader,
    Fault::Bridge,
    Fault::Clog,
    Fault::Reset,
    Fault::Kill,
    Fault::PowerCut,
    Fault::PowerCutOfAll,
    Fault::FullDisk,
    Fault::SlowDisk,
    Fault::HungDisk,
    Fault::FailedFlush,
    Fault::FailedSnapshotSync,
    Fault::FlippedLogBit,
    Fault::FlippedSnapshotBit,
    Fault::EmptyDisks,
    Fault::ClockJump,
    Fault::ClockRate,
    Fault::HandOver,
];

impl Fault {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadWeather => "bad_weather",
            Self::OneWayCut => "one_way_cut",
            Self::Partition => "partition",
            Self::IsolatedLeader => "isolated_leader",
            Self::Bridge => "bridge",
            Self::Clog => "clog",
            Self::Reset => "reset",
            Self::Kill => "kill",
            Self::PowerCut => "power_cut",
            Self::PowerCutOfAll => "power_cut_of_all",
            Self::FullDisk => "full_disk",
            Self::SlowDisk => "slow_disk",
            Self::HungDisk => "hung_disk",
            Self::FailedFlush => "failed_flush",
            Self::FailedSnapshotSync => "failed_snapshot_sync",
            Self::FlippedLogBit => "flipped_log_bit",
            Self::FlippedSnapshotBit => "flipped_snapshot_bit",
            Self::EmptyDisks => "empty_disks",
            Self::ClockJump => "clock_jump",
            Self::ClockRate => "clock_rate",
            Self::HandOver => "hand_over",
        }
    }
}
