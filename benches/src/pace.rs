//! Arrivals at a rate, whether or not anybody keeps up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Notify;

/// Time between two looks at the clock. The runtime's own timers are too coarse: they tick once a
/// millisecond, and a hold takes less.
const TICK: Duration = Duration::from_micros(250);

/// One worker's arrivals: a Poisson process.
#[derive(Debug)]
pub struct Arrivals {
    next: Instant,
    mean: Duration,
    rng: SmallRng,
}

impl Arrivals {
    /// So many arrivals a second from `start` on.
    #[must_use]
    pub fn new(start: Instant, per_second: f64, seed: u64) -> Self {
        let mean = Duration::from_secs_f64(1.0 / per_second);
        Self { next: start, mean, rng: SmallRng::seed_from_u64(seed) }
    }

    /// How long it is from `now` until the next.
    #[must_use]
    pub fn rest(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    /// The intended moment of an arrival that is due at `now`; call until there is none.
    pub fn due(&mut self, now: Instant) -> Option<Instant> {
        if self.next > now {
            return None;
        }
        let intended = self.next;
        let even: f64 = self.rng.random();
        self.next += self.mean.mul_f64(-(1.0 - even).ln());
        Some(intended)
    }
}

/// A thread that wakes workers at every tick.
#[derive(Debug)]
pub struct Metronome {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Metronome {
    /// Starts the thread.
    #[must_use]
    pub fn start(workers: Vec<Arc<Notify>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                workers.iter().for_each(|worker| worker.notify_one());
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_come_at_their_rate_and_never_ahead_of_time() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start, 1_000.0, 7);
        let end = start + Duration::from_secs(10);
        let mut count = 0;
        while let Some(intended) = arrivals.due(end) {
            assert!(intended <= end);
            count += 1;
        }
        assert!((9_500..10_500).contains(&count), "{count}");
    }
}
