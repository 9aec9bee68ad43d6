//! Faults that a disk in memory can be told to have.

use super::mem::MemDisk;

/// One fault, counted from the moment it is armed: `after: 0` strikes the next operation of its
/// kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A write fails and writes nothing.
    FailWrite {
        /// Writes that succeed before.
        after: u64,
    },
    /// A write fails when part of it is written.
    ShortWrite {
        /// Writes that succeed before.
        after: u64,
        /// Bytes that are written.
        keep: usize,
    },
    /// A sync fails. As on Linux, what was to be flushed stays readable, counts as clean, and is
    /// gone after a power cut: a second sync succeeds and saves nothing.
    FailSync {
        /// Syncs that succeed before.
        after: u64,
    },
    /// A read fails.
    FailRead {
        /// Reads that succeed before.
        after: u64,
    },
    /// The power goes: this operation and every later one does nothing and fails.
    PowerOff {
        /// Operations that change the disk (writes, syncs, names) which succeed before.
        after: u64,
    },
}

/// What an operation is, when faults are matched with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Read,
    Write,
    Sync,
    Naming,
}

/// What a fault makes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Go,
    Fail,
    Keep(usize),
    Off,
}

impl Fault {
    /// Counts one operation. A fault that is not `Go` has struck and is spent.
    pub(super) fn strike(&mut self, doing: Doing) -> Verdict {
        let (counts, after, verdict) = match self {
            Self::FailWrite { after } => (doing == Doing::Write, after, Verdict::Fail),
            Self::ShortWrite { after, keep } => {
                (doing == Doing::Write, after, Verdict::Keep(*keep))
            }
            Self::FailSync { after } => (doing == Doing::Sync, after, Verdict::Fail),
            Self::FailRead { after } => (doing == Doing::Read, after, Verdict::Fail),
            Self::PowerOff { after } => (doing != Doing::Read, after, Verdict::Off),
        };
        if !counts {
            return Verdict::Go;
        }
        if *after == 0 {
            return verdict;
        }
        *after -= 1;
        Verdict::Go
    }
}

/// Holds every sync of a [`MemDisk`] until it is dropped: a disk that hangs.
#[derive(Debug)]
pub struct SyncGate {
    pub(super) disk: MemDisk,
}

impl SyncGate {
    /// Waits until at least one sync hangs at the gate.
    pub fn wait_until_hung(&self) {
        self.disk.wait_until_hung();
    }
}

impl Drop for SyncGate {
    fn drop(&mut self) {
        self.disk.open_gate();
    }
}
