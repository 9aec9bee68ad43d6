//! How long a node's disk takes, and whether it answers at all. What it keeps and loses is
//! [`raft::disk::MemDisk`]'s.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raft::wal::Wal;
use tokio::sync::Notify;

use super::chance::Chance;

/// The speed of one node's disk. It survives a restart of the process.
pub struct Spindle {
    mood: Mutex<Mood>,
    changed: Notify,
}

struct Mood {
    chance: Chance,
    /// The shortest and the longest flush, in milliseconds.
    flush_ms: (u64, u64),
    hangs: bool,
    /// The longest step of a snapshot, in milliseconds.
    snapshot_step_ms: u64,
}

/// A flush of a disk that is well, in milliseconds.
const WELL_MS: (u64, u64) = (0, 2);

impl Spindle {
    /// A disk that is well. A step of a snapshot takes up to so many milliseconds.
    #[must_use]
    pub fn new(chance: Chance, snapshot_step_ms: u64) -> Arc<Self> {
        let mood = Mood { chance, flush_ms: WELL_MS, hangs: false, snapshot_step_ms };
        Arc::new(Self { mood: Mutex::new(mood), changed: Notify::new() })
    }

    /// Makes every flush take so long.
    pub fn slow(&self, flush_ms: (u64, u64)) {
        self.mood.lock().flush_ms = flush_ms;
    }

    /// Makes every flush wait until the disk is well again.
    pub fn hang(&self) {
        self.mood.lock().hangs = true;
    }

    /// The disk is well again.
    pub fn recover(&self) {
        {
            let mut mood = self.mood.lock();
            (mood.flush_ms, mood.hangs) = (WELL_MS, false);
        }
        self.changed.notify_waiters();
    }

    /// Drives a log: what is queued is written once the disk has had its time, again and again.
    pub async fn drive(&self, wal: Wal) {
        loop {
            wal.queued().await;
            self.take_time().await;
            // The second turn finds nothing, and marks the end of the log.
            while wal.step() {}
        }
    }

    async fn take_time(&self) {
        let ms = {
            let mut mood = self.mood.lock();
            let (least, most) = mood.flush_ms;
            mood.chance.between(least, most)
        };
        self.wait(ms).await;
    }

    /// Takes as long as a step of a snapshot.
    pub async fn take_snapshot_step(&self) {
        let ms = {
            let mut mood = self.mood.lock();
            let longest = mood.snapshot_step_ms.max(mood.flush_ms.1);
            mood.chance.between(0, longest)
        };
        self.wait(ms).await;
    }

    /// Waits so long, and until the disk does not hang.
    async fn wait(&self, ms: u64) {
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        loop {
            let changed = self.changed.notified();
            if !self.mood.lock().hangs {
                return;
            }
            changed.await;
        }
    }
}
