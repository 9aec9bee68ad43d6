//! Chance that follows from a seed: every part of a simulation draws from a stream of its own.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A stream of random numbers (splitmix64): the same seed makes the same choices for ever.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for one part of the simulation.
    pub fn fork(&mut self, part: &str) -> Self {
        Self(xxh3_64_with_seed(part.as_bytes(), self.draw()))
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw().checked_rem(end).unwrap_or(0)
    }

    /// A number from `first` to `last`, both included.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// True in so many of a thousand cases.
    pub fn per_mille(&mut self, cases: u64) -> bool {
        self.below(1_000) < cases
    }

    /// One of some things, if there are any.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        things.get(self.below(things.len() as u64) as usize)
    }

    /// A number below `end` that is small more often than large: half of all draws fall below the
    /// square root of `end`.
    pub fn skewed(&mut self, end: u64) -> u64 {
        let exponent = self.below(u64::from(end.max(1).ilog2()) + 1);
        self.below((2 << exponent).min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_repeat_and_differ_from_each_other() {
        let streams = || {
            let mut all = Chance::new(3);
            let (mut network, mut disk) = (all.fork("network"), all.fork("disk"));
            [network.draw(), network.below(10), disk.draw(), disk.between(5, 9)]
        };
        assert_eq!(streams(), streams());
        assert_ne!(streams()[0], streams()[2]);
    }

    #[test]
    fn bounds_are_kept() {
        let mut chance = Chance::new(1);
        for _ in 0..1_000 {
            assert!(chance.skewed(7) < 7);
            assert!((2..=3).contains(&chance.between(2, 3)));
        }
        assert_eq!(chance.below(0), 0);
        assert!(!chance.per_mille(0) && chance.per_mille(1_000));
    }
}
