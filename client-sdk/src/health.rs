//! Whether a node answers, shared by everything that talks to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use crate::breaker::Breaker;
use crate::options::Options;

/// A breaker behind a flag, so that a healthy node costs one relaxed load.
#[derive(Debug)]
pub struct Health {
    troubled: AtomicBool,
    breaker: Mutex<Breaker>,
}

impl Health {
    /// Of a node that nobody has talked to.
    pub fn new(options: &Options) -> Self {
        let breaker = Breaker::new(options.breaker_threshold, options.breaker_rest);
        Self { troubled: AtomicBool::new(false), breaker: Mutex::new(breaker) }
    }

    /// Whether something failed since the last success.
    pub fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    /// Whether a request may pass; may make it the probe of a node that has rested.
    pub fn allow(&self, now: Instant) -> bool {
        !self.is_troubled() || self.breaker.lock().allow(now)
    }

    /// The node answered.
    pub fn success(&self) {
        let mut breaker = self.breaker.lock();
        breaker.success();
        self.troubled.store(false, Ordering::Relaxed);
    }

    /// The node could not be reached, or did not answer in time.
    pub fn failure(&self, now: Instant) {
        let mut breaker = self.breaker.lock();
        self.troubled.store(true, Ordering::Relaxed);
        breaker.failure(now);
    }
}
