//! Buyers who ask over lanes, and what was measured.
//!
//! Closed loop: a lane keeps a number of requests in flight; the next is asked when one is answered.
//! Open loop: buyers arrive at a rate (a Poisson process), whether or not anybody keeps up, and latency
//! counts from the moment when a buyer arrived. Nothing is left out while the system is slow.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::lane::{Answer, Lane};
use crate::pace::{self, Metronome};
use crate::work::{Ask, Asks, Workload};

/// Latencies are told apart up to this, in nanoseconds.
const MAX_LATENCY_NS: u64 = 60_000_000_000;

/// Time at the beginning of a course that is not measured, unless it says otherwise.
const WARMUP: Duration = Duration::from_millis(300);

/// Pieces of a course, at most: each lane keeps the latencies of each, about 30 KiB.
pub const MAX_SLICES: u32 = 1_000;

/// How buyers come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// The next comes when one has been answered.
    Closed,
    /// So many arrive each second.
    Open(f64),
}

/// How long is measured, and who asks.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// What is asked for.
    pub workload: Workload,
    /// Requests in flight on each lane, at most.
    pub depth: u32,
    /// How buyers come, over all lanes together.
    pub arrivals: Arrivals,
    /// Time at the beginning that is not measured.
    pub warmup: Duration,
    /// Time that is measured. It ends earlier when nothing is left to ask for.
    pub duration: Duration,
    /// Told apart are pieces of so long, at most [`MAX_SLICES`].
    pub slice: Option<Duration>,
    /// Decides what is asked for in which order.
    pub seed: u64,
}

/// What was measured in a piece of a course.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Requests that were answered.
    pub answered: u64,
    /// As [`Measured::latency_ns`], less exactly.
    pub latency_ns: Histogram<u64>,
}

impl Slice {
    fn nothing() -> Self {
        let latency_ns = Histogram::new_with_bounds(1, MAX_LATENCY_NS, 2);
        Self { answered: 0, latency_ns: latency_ns.expect("the bounds are in order") }
    }

    fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.latency_ns.add(&other.latency_ns).expect("all histograms have the same bounds");
    }
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// How long was measured.
    pub time: Duration,
    /// Holds that were granted.
    pub held: u64,
    /// Holds that were refused: a seat was taken.
    pub taken: u64,
    /// Holds that were ended.
    pub ended: u64,
    /// Requests that the system could not answer.
    pub failed: u64,
    /// From the question, or from when the buyer arrived, to the answer, in nanoseconds.
    pub latency_ns: Histogram<u64>,
    /// The same in pieces, where the course has any, without the answers that came late.
    pub slices: Vec<Slice>,
}

impl Measured {
    fn nothing() -> Self {
        let latency_ns = Histogram::new_with_bounds(1, MAX_LATENCY_NS, 3);
        Self {
            time: Duration::ZERO,
            held: 0,
            taken: 0,
            ended: 0,
            failed: 0,
            latency_ns: latency_ns.expect("the bounds are in order"),
            slices: Vec::new(),
        }
    }

    /// Requests that were answered.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.held + self.taken + self.ended
    }

    /// Answers each second, yes or no.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.answered() as f64 / self.time.as_secs_f64().max(1e-9)
    }

    /// A quantile of the latency.
    #[must_use]
    pub fn latency(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.latency_ns.value_at_quantile(quantile))
    }

    fn note(&mut self, answer: Answer, latency: Duration, slice: Option<usize>) {
        match answer {
            Answer::Held => self.held += 1,
            Answer::Taken => self.taken += 1,
            Answer::Ended => self.ended += 1,
            Answer::Failed => {
                self.failed += 1;
                return;
            }
        }
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(MAX_LATENCY_NS);
        self.latency_ns.saturating_record(ns.max(1));
        if let Some(slice) = slice {
            let slice = self.slice(slice);
            slice.answered += 1;
            slice.latency_ns.saturating_record(ns.max(1));
        }
    }

    fn slice(&mut self, number: usize) -> &mut Slice {
        if self.slices.len() <= number {
            self.slices.resize_with(number + 1, Slice::nothing);
        }
        &mut self.slices[number]
    }

    fn add(&mut self, other: &Self) {
        self.time = self.time.max(other.time);
        self.held += other.held;
        self.taken += other.taken;
        self.ended += other.ended;
        self.failed += other.failed;
        self.latency_ns.add(&other.latency_ns).expect("all histograms have the same bounds");
        for (number, slice) in other.slices.iter().enumerate() {
            self.slice(number).add(slice);
        }
    }
}

impl Course {
    /// A closed loop with so many requests in flight on each lane, in one piece.
    #[must_use]
    pub fn closed(workload: Workload, depth: u32, duration: Duration) -> Self {
        let (arrivals, warmup) = (Arrivals::Closed, WARMUP);
        Self { workload, depth, arrivals, warmup, duration, slice: None, seed: 1 }
    }

    /// The piece in which an answer came; none for those that came after the last.
    fn slice_at(&self, since: Duration) -> Option<usize> {
        let slice = self.slice.filter(|_| since < self.duration)?;
        Some(since.div_duration_f64(slice) as usize)
    }

    /// What is asked for on each of so many lanes. Tens of millions of seats are put in order for seconds: that
    /// is no part of what is measured.
    #[must_use]
    pub fn asks(&self, count: u32) -> Vec<Asks> {
        (0..count).map(|number| Asks::new(self.workload, (number, count), self.seed)).collect()
    }

    /// Lets buyers ask over these lanes, a task each.
    ///
    /// # Errors
    /// When a connection breaks.
    pub async fn run<L: Lane>(&self, lanes: Vec<L>) -> io::Result<Measured> {
        let asks = self.asks(lanes.len() as u32);
        self.run_with(lanes, asks).await
    }

    /// As [`Course::run`], with what [`Course::asks`] gave for as many lanes.
    ///
    /// # Errors
    /// When a connection breaks.
    pub async fn run_with<L: Lane>(&self, lanes: Vec<L>, asks: Vec<Asks>) -> io::Result<Measured> {
        let (begin, count) = (Instant::now(), lanes.len() as u32);
        let ticks: Vec<Arc<Notify>> = lanes.iter().map(|_| Arc::default()).collect();
        let mut tasks = JoinSet::new();
        for (((number, lane), asks), tick) in (0..count).zip(lanes).zip(asks).zip(&ticks) {
            let pace = match self.arrivals {
                Arrivals::Closed => None,
                Arrivals::Open(rate) => {
                    let seed = self.seed.wrapping_add(u64::from(number));
                    let arrivals = pace::Arrivals::new(begin, rate / f64::from(count), seed);
                    Some((arrivals, Arc::clone(tick)))
                }
            };
            tasks.spawn(self.drive(lane, asks, begin, pace));
        }
        let _metronome = match self.arrivals {
            Arrivals::Closed => None,
            Arrivals::Open(_) => Some(Metronome::start(ticks)),
        };
        let mut all = Measured::nothing();
        while let Some(done) = tasks.join_next().await {
            all.add(&done.expect("no lane panics")?);
        }
        Ok(all)
    }

    /// Drives one lane to the end of the course.
    fn drive<L: Lane>(
        &self,
        mut lane: L,
        mut asks: Asks,
        begin: Instant,
        mut pace: Option<(pace::Arrivals, Arc<Notify>)>,
    ) -> impl Future<Output = io::Result<Measured>> + Send + use<L> {
        let course = *self;
        async move {
            let (from, end) = (begin + course.warmup, begin + course.warmup + course.duration);
            let mut measured = Measured::nothing();
            let mut idle: Vec<u32> = (0..course.depth).rev().collect();
            let mut asked = vec![(begin, Ask::default()); course.depth as usize];
            let (mut answers, mut sold_out, mut last) = (Vec::new(), false, from);
            loop {
                let now = Instant::now();
                while now < end && !sold_out && !idle.is_empty() {
                    let since = match &mut pace {
                        None => now,
                        Some((arrivals, _)) => match arrivals.due(now) {
                            Some(arrived) => arrived,
                            None => break,
                        },
                    };
                    let Some(ask) = asks.next() else {
                        sold_out = true;
                        break;
                    };
                    let Some(token) = idle.pop() else { break };
                    asked[token as usize] = (since, ask);
                    lane.ask(&ask, token);
                }
                let waits = idle.len() < course.depth as usize;
                if !waits && (now >= end || sold_out) {
                    break;
                }
                match &pace {
                    None => lane.answers(&mut answers).await?,
                    Some((_, tick)) => tokio::select! {
                        biased;
                        answered = lane.answers(&mut answers), if waits => answered?,
                        () = tick.notified() => {}
                    },
                }
                let now = Instant::now();
                for (token, answer) in answers.drain(..) {
                    let (since, ask) = asked[token as usize];
                    if answer != Answer::Failed {
                        asks.answered(&ask);
                    }
                    let next = match answer {
                        Answer::Held if now < end => course.workload.follow_up(&ask),
                        _ => None,
                    };
                    match next {
                        Some(next) => {
                            asked[token as usize] = (now, next);
                            lane.ask(&next, token);
                        }
                        None => idle.push(token),
                    }
                    // What is answered after the end was asked before it: it counts in an open loop, where
                    // leaving the slow ones out would flatter.
                    let counts = now >= from && (now < end || pace.is_some());
                    if counts {
                        measured.note(answer, now - since, course.slice_at(now - from));
                        last = now;
                    }
                }
            }
            measured.time = (last.min(end) - from).max(Duration::from_nanos(1));
            Ok(measured)
        }
    }
}
