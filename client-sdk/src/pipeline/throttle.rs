//! Holds back the holds that a node would refuse for overload anyway.
//!
//! A refusal costs a node a good part of what an answer costs it, so a node that is asked for ten times
//! what it can do does little but refuse. Once a node refuses, the client lets holds through at a rate a
//! little above that at which the node answered of late, and refuses the rest itself, at once: the idea of
//! "Handling Overload", chapter 21 of *Site Reliability Engineering* (Beyer et al., 2016), with a rate in
//! place of a probability, so that whoever asks for less again is served at once.
//!
//! Only new holds are held back: what ends a hold that was granted frees seats, or brings money.

use std::time::{Duration, Instant};

/// How long a part of the window lasts: ten round trips to a node that has much to do.
const PART: Duration = Duration::from_millis(50);

/// Parts of the window over which a node's rate is taken.
const PARTS: usize = 6;

/// What is let through for each hold that is answered, once the node refuses: what is more finds out
/// whether it can do more.
const PROBE: f64 = 1.05;

/// By what the rate grows with each part in which nothing was refused.
const GROWTH: f64 = 1.1;

/// The most that is let through for each hold that is answered. What is beyond what the node can do only
/// waits there, until it refuses: its queues are never used up to find out how fast it is.
const CEILING: f64 = 1.3;

/// Holds let through in each part, whatever became of those before: without any nobody would learn that
/// the node is well again.
const LEAST: f64 = 4.0;

/// What is let through at once after a silence, as a share of a part: a node would have to queue more.
const BURST: f64 = 0.1;

/// Parts that commands under way may need in all: more would wait in the node's queues until it refuses.
const UNDER_WAY: f64 = 3.0;

/// Commands that may be under way, however slow the node is.
const LEAST_UNDER_WAY: f64 = 16.0;

/// When a hold that was held back may be tried again.
pub(crate) const HELD_BACK_RETRY: Duration = PART;

/// What one stream may be asked for.
#[derive(Debug)]
pub(crate) struct Throttle {
    started: Instant,
    /// The number of the present part.
    number: u64,
    present: Part,
    /// Holds answered in each part of the window in which the node had something to do, by the part's number
    /// modulo [`PARTS`].
    answered: [Option<u64>; PARTS],
    /// Commands under way when the throttle was asked last.
    under_way: usize,
    /// The limit, once the node has refused something.
    limit: Option<Limit>,
}

/// What happened in a part.
#[derive(Debug, Default)]
struct Part {
    /// Holds that the node granted, or refused for their seats.
    answered: u64,
    /// Holds that the node refused for overload.
    refused: u64,
    /// Holds that were held back.
    held_back: u64,
}

#[derive(Debug)]
struct Limit {
    /// Holds let through in a part.
    rate: f64,
    /// Holds that may be let through now.
    left: f64,
    /// Up to when `left` was filled.
    filled: Instant,
    /// Parts in a row in which nothing was refused or held back.
    calm: usize,
}

impl Throttle {
    /// Of a stream that nothing was asked of.
    pub(crate) fn new(now: Instant) -> Self {
        let present = Part::default();
        Self {
            started: now,
            number: 0,
            present,
            answered: [None; PARTS],
            under_way: 0,
            limit: None,
        }
    }

    /// Whether holds have to be offered.
    pub(crate) fn is_engaged(&self) -> bool {
        self.limit.is_some()
    }

    /// A caller asks for a hold while so many commands are under way; returns whether it may be sent.
    pub(crate) fn offer(&mut self, now: Instant, under_way: usize) -> bool {
        self.turn(now, under_way);
        let Some(limit) = &mut self.limit else { return true };
        limit.fill(now);
        let room = (under_way as f64) < (UNDER_WAY * limit.rate).max(LEAST_UNDER_WAY);
        let passes = room && limit.left >= 1.0;
        if passes {
            limit.left -= 1.0;
        } else {
            self.present.held_back += 1;
        }
        passes
    }

    /// The node answered so many holds and refused so many for overload; so many commands are still under
    /// way.
    pub(crate) fn note(&mut self, now: Instant, answered: u64, refused: u64, under_way: usize) {
        self.turn(now, under_way);
        self.present.answered += answered;
        self.present.refused += refused;
        if refused > 0 && self.limit.is_none() {
            let rate = (PROBE * self.mean()).max(LEAST);
            self.limit = Some(Limit { rate, left: 0.0, filled: now, calm: 0 });
        }
    }

    /// What the node answers in a part.
    fn mean(&self) -> f64 {
        let busy = self.answered.iter().flatten();
        let (sum, parts) = busy.fold((0, 0), |(sum, parts), n| (sum + n, parts + 1));
        sum as f64 / f64::from(parts.max(1))
    }

    /// Closes the parts that are over.
    fn turn(&mut self, now: Instant, under_way: usize) {
        let since = now.saturating_duration_since(self.started).as_millis() / PART.as_millis();
        let number = u64::try_from(since).unwrap_or(u64::MAX);
        // After a pause of more than a window nothing that was seen before it counts.
        for _ in 0..number.saturating_sub(self.number).min(2 * PARTS as u64) {
            self.close_part();
            self.number += 1;
        }
        self.number = self.number.max(number);
        self.under_way = under_way;
    }

    fn close_part(&mut self) {
        let part = std::mem::take(&mut self.present);
        let busy = self.under_way > 0 || part.answered > 0;
        self.answered[self.number as usize % PARTS] = busy.then_some(part.answered);
        let mean = self.mean();
        let Some(limit) = &mut self.limit else { return };
        if part.refused > 0 {
            // No lower than half: a node that stood still for a moment is not asked for nothing after it.
            limit.rate = (PROBE * mean).max(limit.rate / 2.0).max(LEAST);
        } else if part.held_back > 0 {
            limit.rate = (GROWTH * limit.rate).min(CEILING * mean).max(limit.rate);
        }
        let calm = part.refused == 0 && part.held_back == 0;
        limit.calm = if calm { limit.calm + 1 } else { 0 };
        if limit.calm >= PARTS {
            self.limit = None;
        }
    }
}

impl Limit {
    /// Adds what may be let through for the time that has passed, up to [`BURST`] of a part.
    fn fill(&mut self, now: Instant) {
        let parts = now.saturating_duration_since(self.filled).as_secs_f64() / PART.as_secs_f64();
        self.left = (self.left + parts * self.rate).min((self.rate * BURST).max(1.0));
        self.filled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that can do so many holds a millisecond, queues what it does in ten, and refuses the rest.
    /// Returns how many of `offered` a millisecond were sent and carried out in `ms` milliseconds.
    fn course(
        throttle: &mut Throttle,
        begin: Instant,
        ms: u64,
        offered: u64,
        capacity: u64,
    ) -> (u64, u64) {
        let (mut sent, mut done, mut queue) = (0, 0, 0);
        for tick in 0..ms {
            let now = begin + Duration::from_millis(tick);
            let passed =
                (0..offered).filter(|_| throttle.offer(now, queue as usize)).count() as u64;
            let taken = passed.min(10 * capacity - queue);
            let answered = capacity.min(queue + taken);
            queue = queue + taken - answered;
            throttle.note(now, answered, passed - taken, queue as usize);
            sent += passed;
            done += answered;
        }
        (sent, done)
    }

    #[test]
    fn a_node_that_keeps_up_is_never_held_back() {
        let now = Instant::now();
        let mut throttle = Throttle::new(now);
        let (sent, _) = course(&mut throttle, now, 3_000, 100, 100);
        assert_eq!(sent, 300_000);
        assert!(!throttle.is_engaged());
    }

    #[test]
    fn ten_times_too_much_reaches_the_node_as_little_more_than_it_can_do() {
        for factor in [2, 10, 100] {
            let now = Instant::now();
            let mut throttle = Throttle::new(now);
            course(&mut throttle, now, 1_000, 50 * factor, 50);
            let later = now + Duration::from_secs(1);
            let (sent, done) = course(&mut throttle, later, 10_000, 50 * factor, 50);
            assert!(done >= 490_000, "{factor} times: {done} of 500,000 were carried out");
            assert!(sent <= 570_000, "{factor} times: {sent} were sent for 500,000");
        }
    }

    #[test]
    fn when_the_rush_is_over_all_pass_at_once() {
        let now = Instant::now();
        let mut throttle = Throttle::new(now);
        course(&mut throttle, now, 5_000, 500, 50);
        let later = now + Duration::from_secs(5);
        let (sent, done) = course(&mut throttle, later, 1_000, 30, 50);
        assert_eq!(sent, 30_000);
        assert!(done >= 29_800 && !throttle.is_engaged());
    }

    #[test]
    fn a_node_that_refuses_all_is_probed_and_found_well_again() {
        let now = Instant::now();
        let mut throttle = Throttle::new(now);
        let (sent, _) = course(&mut throttle, now, 10_000, 20, 0);
        assert!(sent < 1_000, "{sent} of 200,000 reached a node that can do nothing");
        let later = now + Duration::from_secs(10);
        course(&mut throttle, later, 20_000, 20, 1_000);
        let (sent, _) = course(&mut throttle, later + Duration::from_secs(20), 1_000, 20, 1_000);
        assert_eq!(sent, 20_000);
    }

    #[test]
    fn a_node_that_became_ten_times_as_fast_is_asked_for_ten_times_as_much() {
        let now = Instant::now();
        let mut throttle = Throttle::new(now);
        course(&mut throttle, now, 2_000, 500, 50);
        let later = now + Duration::from_secs(2);
        course(&mut throttle, later, 2_000, 500, 500);
        let (sent, _) = course(&mut throttle, later + Duration::from_secs(2), 1_000, 500, 500);
        assert!(sent >= 490_000, "{sent} of 500,000 were sent");
    }

    #[test]
    fn a_pause_of_hours_forgets_everything() {
        let now = Instant::now();
        let mut throttle = Throttle::new(now);
        course(&mut throttle, now, 1_000, 500, 5);
        course(&mut throttle, now + Duration::from_secs(1), 1, 0, 5);
        let later = now + Duration::from_secs(7_200);
        assert!(throttle.offer(later, 0) && !throttle.is_engaged());
        assert_eq!(throttle.answered, [None; PARTS]);
    }
}
