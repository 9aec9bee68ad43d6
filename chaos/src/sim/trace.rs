//! What happened, one line per change of state, and one hash over all of it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3;

/// The trace of one simulation. Clones write the same trace.
#[derive(Clone)]
pub struct Trace {
    start: Instant,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    hash: Xxh3,
    lines: u64,
    printed: bool,
}

impl Trace {
    /// A trace that begins now; `printed`: every line goes to standard output.
    #[must_use]
    pub fn begin(printed: bool) -> Self {
        let shared = Shared { hash: Xxh3::new(), lines: 0, printed };
        Self { start: Instant::now(), shared: Arc::new(Mutex::new(shared)) }
    }

    /// Virtual time since the beginning, in microseconds.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Virtual time since the beginning, in milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_us() / 1_000
    }

    /// Writes a line.
    pub fn line(&self, what: fmt::Arguments<'_>) {
        let ms = self.now_ms();
        let line = format!("{:>4}.{:03} {what}\n", ms / 1_000, ms % 1_000);
        let mut shared = self.shared.lock();
        shared.hash.update(line.as_bytes());
        shared.lines += 1;
        if shared.printed {
            print!("{line}");
        }
    }

    /// The hash over all lines so far, and how many there are.
    #[must_use]
    pub fn digest(&self) -> (u64, u64) {
        let shared = self.shared.lock();
        (shared.hash.digest(), shared.lines)
    }
}
