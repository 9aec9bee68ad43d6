//! What can go wrong.

use serde::{Deserialize, Serialize};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Fault {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
        }

        /// All of them.
        pub const MENU: &[Fault] = &[$(Fault::$name,)+];

        impl Fault {
            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

faults! {
    /// Messages take longer, are lost, arrive twice and out of order, everywhere.
    BadWeather = "bad_weather",
    /// One link loses everything in one direction.
    OneWayCut = "one_way_cut",
    /// One link loses much in one direction.
    OneWayLoss = "one_way_loss",
    /// The nodes are split in two, clients see both sides.
    Partition = "partition",
    /// A leader is cut off from the others, clients still reach it.
    IsolatedLeader = "isolated_leader",
    /// Two nodes do not see each other, a third sees both.
    Bridge = "bridge",
    /// Links become slow.
    Clog = "clog",
    /// A link carries one message after the other, each of which takes its time: more wait than arrive.
    Trickle = "trickle",
    /// Connections are reset.
    Reset = "reset",
    /// A process is killed.
    Kill = "kill",
    /// A process stands still while time goes on, and then continues as if nothing had been.
    Pause = "pause",
    /// A machine loses its power.
    PowerCut = "power_cut",
    /// All machines lose their power at once.
    PowerCutOfAll = "power_cut_of_all",
    /// A disk is full for a while.
    FullDisk = "full_disk",
    /// A disk is slow for a while.
    SlowDisk = "slow_disk",
    /// A disk does not answer for a while.
    HungDisk = "hung_disk",
    /// A flush of the log fails.
    FailedFlush = "failed_flush",
    /// A flush of the snapshots fails.
    FailedSnapshotSync = "failed_snapshot_sync",
    /// A bit of the log flips.
    FlippedLogBit = "flipped_log_bit",
    /// A write of the log turns out to have landed in another place.
    MisdirectedWrite = "misdirected_write",
    /// A bit of a snapshot flips.
    FlippedSnapshotBit = "flipped_snapshot_bit",
    /// A node comes back with empty disks.
    EmptyDisks = "empty_disks",
    /// A wall clock jumps by up to an hour.
    ClockJump = "clock_jump",
    /// A clock runs too fast or too slow.
    ClockRate = "clock_rate",
    /// A leader is told to hand over.
    HandOver = "hand_over",
    /// All nodes write snapshots, and drop the log before them.
    Snapshots = "snapshots",
    /// All machines, or the one that leads, lose their power when an answer has just come, perhaps with
    /// slow disks.
    DarkAfterAnswer = "dark_after_answer",
    /// A node that was away comes back when the log has been dropped that it lacks, and what it is sent is
    /// perhaps cut off.
    Laggard = "laggard",
    /// Of the two that have what was committed, one forgets it and the other is away when the third,
    /// which was cut off, comes back.
    ForgetfulMajority = "forgetful_majority",
    /// A deposed leader that knows nothing of it meets a node that has forgotten it.
    DeposedLeader = "deposed_leader",
}
