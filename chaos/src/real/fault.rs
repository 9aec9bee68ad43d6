//! What can be made to fail on real processes, and to whom.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// SIGKILL, and a new start after a while.
    Kill,
    /// SIGSTOP, and SIGCONT after a while: the process knows nothing of the time in between.
    Pause,
    /// SIGTERM: the node drains and ends; a new start after a while.
    Stop,
    /// SIGTERM and a new start, one node after the other.
    RollingRestart,
    /// Every shard that the target leads is handed over.
    HandOver,
    /// No byte between the target and the others, clients too.
    Isolate,
    /// No byte between the target and the other nodes; clients still reach it.
    CutPeers,
    /// Nothing that the target says reaches the other nodes; it hears them.
    Mute,
    /// The target hears nothing of the other nodes; they hear it.
    Deafen,
    /// The other nodes cannot reach each other, and all of them reach the target.
    Bridge,
    /// As `cut-peers`, on and off.
    Flap,
    /// Bytes between the target and the other nodes take longer.
    Delay,
    /// Few bytes a second between the target and the other nodes.
    Slow,
    /// Connections to the target are accepted and never read, those of clients too.
    Clog,
    /// Every connection between the target and the other nodes is broken, again and again.
    Reset,
    /// Connections between the target and the other nodes fall silent for ever; new ones work.
    HalfOpen,
    /// Connections of clients to the target are broken, again and again.
    HangUp,
    /// SIGKILL; the node comes back without its data.
    Wipe,
    /// SIGKILL; a bit of the node's log is flipped before it comes back.
    FlipBit,
    /// SIGKILL; the end of the node's log is missing when it comes back.
    TruncateLog,
    /// SIGKILL; a bit of the node's snapshots is flipped before it comes back.
    FlipSnapshotBit,
    /// No file of the process may grow beyond what the log has: an imitation of a full disk.
    FileLimit,
    /// All nodes write snapshots.
    Snapshot,
    /// The target carries commands out and does not answer them, on order.
    LoseAnswers,
    /// The target carries commands out and answers them later, on order.
    DelayAnswers,
    /// The target refuses commands as overloaded, on order.
    Overloaded,
    /// The power of the target's machine fails: what was not flushed is gone. Needs root.
    PowerCut,
    /// The target's file system is full. Needs root.
    FullDisk,
    /// The target's file system does not answer. Needs root.
    HungDisk,
    /// The target's file system answers only now and then. Needs root.
    SlowDisk,
    /// The target's wall clock jumps, and back. Needs libfaketime.
    ClockJump,
}

/// What a fault needs of the machine that not every user has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// A file system of its own for each node: loop mounts, and so root.
    Volumes,
    /// A clock of its own for each node: libfaketime.
    Clocks,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 31] = [
        Self::Kill,
        Self::Pause,
        Self::Stop,
        Self::RollingRestart,
        Self::HandOver,
        Self::Isolate,
        Self::CutPeers,
        Self::Mute,
        Self::Deafen,
        Self::Bridge,
        Self::Flap,
        Self::Delay,
        Self::Slow,
        Self::Clog,
        Self::Reset,
        Self::HalfOpen,
        Self::HangUp,
        Self::Wipe,
        Self::FlipBit,
        Self::TruncateLog,
        Self::FlipSnapshotBit,
        Self::FileLimit,
        Self::Snapshot,
        Self::LoseAnswers,
        Self::DelayAnswers,
        Self::Overloaded,
        Self::PowerCut,
        Self::FullDisk,
        Self::HungDisk,
        Self::SlowDisk,
        Self::ClockJump,
    ];

    /// Its name in plans.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Stop => "stop",
            Self::RollingRestart => "rolling-restart",
            Self::HandOver => "hand-over",
            Self::Isolate => "isolate",
            Self::CutPeers => "cut-peers",
            Self::Mute => "mute",
            Self::Deafen => "deafen",
            Self::Bridge => "bridge",
            Self::Flap => "flap",
            Self::Delay => "delay",
            Self::Slow => "slow",
            Self::Clog => "clog",
            Self::Reset => "reset",
            Self::HalfOpen => "half-open",
            Self::HangUp => "hang-up",
            Self::Wipe => "wipe",
            Self::FlipBit => "flip-bit",
            Self::TruncateLog => "truncate-log",
            Self::FlipSnapshotBit => "flip-snapshot-bit",
            Self::FileLimit => "file-limit",
            Self::Snapshot => "snapshot",
            Self::LoseAnswers => "lose-answers",
            Self::DelayAnswers => "delay-answers",
            Self::Overloaded => "overloaded",
            Self::PowerCut => "power-cut",
            Self::FullDisk => "full-disk",
            Self::HungDisk => "hung-disk",
            Self::SlowDisk => "slow-disk",
            Self::ClockJump => "clock-jump",
        }
    }

    /// Whether it happens to the node's process or files: two of them at once on one node exclude each other.
    #[must_use]
    pub fn takes_the_process(self) -> bool {
        matches!(
            self,
            Self::Kill
                | Self::Pause
                | Self::Stop
                | Self::RollingRestart
                | Self::Wipe
                | Self::FlipBit
                | Self::TruncateLog
                | Self::FlipSnapshotBit
                | Self::FileLimit
                | Self::PowerCut
                | Self::FullDisk
                | Self::HungDisk
                | Self::SlowDisk
                | Self::ClockJump
        )
    }

    /// Whether a node that meets it may end by itself, rather than acknowledge what it cannot keep.
    #[must_use]
    pub fn may_end_the_node(self) -> bool {
        matches!(self, Self::FileLimit | Self::FullDisk | Self::HungDisk | Self::SlowDisk)
    }

    /// Whether a cluster that somebody else started can be asked for it.
    #[must_use]
    pub fn is_asked_for(self) -> bool {
        matches!(
            self,
            Self::HandOver
                | Self::Snapshot
                | Self::LoseAnswers
                | Self::DelayAnswers
                | Self::Overloaded
        )
    }

    /// What it needs of the machine.
    #[must_use]
    pub fn needs(self) -> Option<Need> {
        match self {
            Self::PowerCut | Self::FullDisk | Self::HungDisk | Self::SlowDisk => {
                Some(Need::Volumes)
            }
            Self::ClockJump => Some(Need::Clocks),
            _ => None,
        }
    }

    /// Whether the node may lose what it acknowledged: then never to more than a minority.
    #[must_use]
    pub fn takes_data(self) -> bool {
        matches!(self, Self::Wipe | Self::FlipBit | Self::TruncateLog | Self::FlipSnapshotBit)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Volumes => "root",
            Self::Clocks => "libfaketime",
        })
    }
}

/// Whom a fault meets. Which node that is, is looked up when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Target {
    /// The leader of the shard that acknowledged most holds lately.
    Leader,
    /// A node that does not lead that shard.
    Follower,
    /// Every node.
    All,
    /// This node.
    Node(u64),
}

impl Target {
    /// Reads `leader`, `follower`, `all` or `node N`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "leader" => Some(Self::Leader),
            "follower" => Some(Self::Follower),
            "all" => Some(Self::All),
            _ => text.strip_prefix("node ")?.parse().ok().map(Self::Node),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader => f.write_str("leader"),
            Self::Follower => f.write_str("follower"),
            Self::All => f.write_str("all"),
            Self::Node(id) => write!(f, "node {id}"),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_by_its_name() {
        for fault in Fault::ALL {
            let read: Fault = serde_json::from_str(&format!("{:?}", fault.name())).unwrap();
            assert_eq!(read, fault);
        }
    }

    #[test]
    fn targets_are_read_as_they_are_written() {
        for target in [Target::Leader, Target::Follower, Target::All, Target::Node(3)] {
            assert_eq!(Target::parse(&target.to_string()), Some(target));
        }
        assert_eq!(Target::parse("node x"), None);
    }
}
