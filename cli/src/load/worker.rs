//! One task that drives many buyers over one lane.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::pace::Arrivals;
use client_sdk::pb::pipeline_reply::Reply;
use client_sdk::pb::{Code, Position, Problem};
use client_sdk::{Advice, Completion, Lane};
use rand::RngExt as _;
use rand::rngs::SmallRng;
use tokio::sync::Notify;

use super::args::{Args, Workload};
use super::buyer::{Buyer, Ids, Stage};
use super::history::{self, Call, Ended};
use super::ledger::{Entry, Op, Pen};
use super::pieces::Piece;
use super::stock::{Stock, Trip};
use super::tally::{Kind, Tally, code_name, success_of};

/// An abandoned seat is asked for again only so long after its hold should have expired.
const EXPIRY_MARGIN: Duration = Duration::from_secs(1);

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) args: Args,
    pub(crate) trips: Vec<Trip>,
    pub(crate) start: Instant,
    /// Answers from here on are measured.
    pub(crate) measured_from: Instant,
    /// No life begins after this.
    pub(crate) end: Instant,
    /// A command is given up after this time.
    pub(crate) patience: Duration,
    /// Everybody should come to an end.
    pub(crate) interrupted: AtomicBool,
    /// Commands answered so far, for the progress bar.
    pub(crate) answered: AtomicU64,
}

/// One worker.
pub(crate) struct Worker {
    pub(crate) course: Arc<Course>,
    pub(crate) lane: Lane,
    pub(crate) stock: Stock,
    pub(crate) rng: SmallRng,
    pub(crate) buyers: Vec<Buyer>,
    pub(crate) pen: Option<Pen>,
    pub(crate) history: Option<Piece>,
    /// Present in the open mode.
    pub(crate) arrivals: Option<Arrivals>,
    /// Wakes the worker in the open mode.
    pub(crate) tick: Arc<Notify>,
    pub(crate) ids: Ids,
    pub(crate) tally: Tally,
}

/// Lives begun at most before answers are looked at again.
const MAX_BEGUN: usize = 512;

/// How a command fares for which no pipeline has room.
const FULL: Failed =
    Failed { code: Some(Code::Overloaded), after: Duration::from_millis(5), maybe_done: false };

/// An answer after which the same command may be sent again.
struct Failed {
    /// What the node said, if it said anything.
    code: Option<Code>,
    /// Not before this time has passed.
    after: Duration,
    /// The command may have been carried out.
    maybe_done: bool,
}

/// Who is not waiting for an answer.
#[derive(Default)]
struct Bench {
    idle: Vec<u32>,
    /// Buyers whose command is sent again at a time, the earliest on top.
    again: BinaryHeap<Reverse<(Instant, u32)>>,
}

impl Worker {
    /// Drives buyers until the end of the course, and until every command is answered or given up.
    pub(crate) async fn run(mut self) -> Tally {
        let mut bench =
            Bench { idle: (0..self.buyers.len() as u32).rev().collect(), ..Bench::default() };
        let mut done: Vec<Completion> = Vec::with_capacity(self.buyers.len());
        loop {
            let now = Instant::now();
            let over = now >= self.course.end || self.course.interrupted.load(Ordering::Relaxed);
            self.send_again(&mut bench, now).await;
            if !over {
                self.begin_lives(&mut bench, now).await;
            }
            let idle = bench.idle.len() == self.buyers.len();
            if idle && (over || self.stock.is_sold_out_until(self.course.end)) {
                return self.tally;
            }
            self.wait(&bench, over, &mut done).await;
            // Where most are refused at once there is always an answer, and the connections want their turn.
            tokio::task::yield_now().await;
            self.course.answered.fetch_add(done.len() as u64, Ordering::Relaxed);
            let now = Instant::now();
            for completion in done.drain(..) {
                self.answer(&mut bench, completion, now).await;
            }
        }
    }

    async fn begin_lives(&mut self, bench: &mut Bench, now: Instant) {
        for _ in 0..MAX_BEGUN {
            let Some(&buyer) = bench.idle.last() else { return };
            let intended = match &mut self.arrivals {
                Some(arrivals) => match arrivals.due(now) {
                    Some(intended) => intended,
                    None => return,
                },
                None => now,
            };
            let Some(place) = self.stock.take(now, &mut self.rng) else {
                self.tally.starved += 1;
                return;
            };
            bench.idle.pop();
            let trip = &self.course.trips[place.trip as usize];
            let id = self.ids.next();
            self.buyers[buyer as usize].begin(place, trip, id, intended);
            self.submit(bench, buyer, now).await;
        }
    }

    /// Puts a buyer's command on a pipeline. Where that is full a closed load waits; in an open one nobody
    /// else waits for it, and the buyer tries again or leaves.
    async fn submit(&mut self, bench: &mut Bench, number: u32, now: Instant) {
        let buyer = &mut self.buyers[number as usize];
        if self.arrivals.is_none() {
            self.lane.submit(buyer.shard, buyer.command(), number.into()).await;
            buyer.sent = Instant::now();
        } else if self.lane.try_submit(buyer.shard, buyer.command(), number.into()) {
            buyer.sent = now;
        } else {
            buyer.sent = now;
            self.failed(bench, number, FULL, now);
        }
    }

    async fn send_again(&mut self, bench: &mut Bench, now: Instant) {
        while bench.again.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            if let Some(Reverse((_, buyer))) = bench.again.pop() {
                self.submit(bench, buyer, now).await;
            }
        }
    }

    /// Waits for answers, or for something to do.
    async fn wait(&mut self, bench: &Bench, over: bool, done: &mut Vec<Completion>) {
        let nothing_due = Duration::from_millis(100);
        let mut sleep = nothing_due;
        if let Some(Reverse((at, _))) = bench.again.peek() {
            sleep = sleep.min(at.saturating_duration_since(Instant::now()));
        }
        if !over && !bench.idle.is_empty() && self.arrivals.is_none() {
            // No seat was left: one may come back.
            sleep = sleep.min(self.stock.next_unpark().unwrap_or(nothing_due));
        }
        let paced = self.arrivals.is_some() && !over;
        let in_flight = self.lane.in_flight() > 0;
        tokio::select! {
            biased;
            () = self.lane.completed(done), if in_flight => {}
            () = self.tick.notified(), if paced => {}
            () = tokio::time::sleep(sleep.max(Duration::from_millis(1))) => {}
        }
    }

    async fn answer(&mut self, bench: &mut Bench, completion: Completion, now: Instant) {
        let number = completion.token as u32;
        if let Advice::Again { after, maybe_done } = completion.advice() {
            let code = match &completion.outcome {
                Ok(Reply::Problem(problem)) => Some(problem.code()),
                _ => None,
            };
            return self.failed(bench, number, Failed { code, after, maybe_done }, now);
        }
        let buyer = &self.buyers[number as usize];
        let (stage, latency) = (buyer.stage, now.saturating_duration_since(buyer.intended));
        match completion.outcome {
            Ok(Reply::Problem(problem)) => self.refused(bench, number, &problem, latency, now),
            Ok(reply) => {
                self.measure(success_of(stage), latency, now);
                if let Some(next) = self.succeeded(number, reply, now) {
                    let trip = self.buyers[number as usize].place.trip as usize;
                    self.buyers[number as usize].turn(next, &self.course.trips[trip], now);
                    self.submit(bench, number, now).await;
                } else {
                    bench.idle.push(number);
                }
            }
            Err(_) => unreachable!("a lost command may be sent again"),
        }
    }

    /// Notes a success; returns what the buyer does next.
    fn succeeded(&mut self, number: u32, reply: Reply, now: Instant) -> Option<Stage> {
        let ttl = self.course.args.ttl;
        match reply {
            Reply::Held(held) => {
                self.buyers[number as usize].fence = held.fence;
                self.note(number, Op::Held, held.position, false);
                let (fence, expires_at_ms) = (held.fence, held.expires_at_ms);
                let ended = Ended { position: held.position, fence, expires_at_ms, ..YES };
                self.tell(number, ended, now);
                let next = self.next_stage();
                if next.is_none() {
                    self.tally.abandoned += 1;
                    let place = self.buyers[number as usize].place;
                    self.stock.put_back(place, Some(now + ttl + EXPIRY_MARGIN));
                }
                next
            }
            Reply::Confirmed(confirmed) => {
                self.buyers[number as usize].fence = confirmed.fence;
                self.note(number, Op::Confirmed, confirmed.position, confirmed.reacquired);
                let (fence, reacquired) = (confirmed.fence, confirmed.reacquired);
                let ended = Ended { position: confirmed.position, fence, reacquired, ..YES };
                self.tell(number, ended, now);
                None
            }
            Reply::Released(released) => {
                self.note(number, Op::Released, released.position, false);
                self.tell(number, Ended { position: released.position, ..YES }, now);
                self.stock.put_back(self.buyers[number as usize].place, None);
                None
            }
            _ => None,
        }
    }

    fn next_stage(&mut self) -> Option<Stage> {
        let Args { workload, confirm, release, .. } = self.course.args;
        if matches!(workload, Workload::HoldOnly | Workload::Refusal) {
            return None;
        }
        let dice: u8 = self.rng.random_range(0..100);
        if dice < confirm {
            Some(Stage::Confirm)
        } else {
            (dice < confirm + release).then_some(Stage::Release)
        }
    }

    fn refused(
        &mut self,
        bench: &mut Bench,
        number: u32,
        problem: &Problem,
        latency: Duration,
        now: Instant,
    ) {
        let code = code_name(problem.code());
        let position = problem.position.filter(|position| position.index > 0);
        self.tell(number, Ended { outcome: "refused", code, position, ..Ended::default() }, now);
        let buyer = &self.buyers[number as usize];
        let (stage, place) = (buyer.stage, buyer.place);
        if now >= self.course.measured_from {
            self.tally.refused(problem.code());
        }
        if stage == Stage::Hold {
            self.measure(Kind::Refused, latency, now);
            if problem.code() == Code::SeatTaken {
                self.stock.put_back(place, Some(now + self.course.args.ttl + EXPIRY_MARGIN));
            }
        }
        bench.idle.push(number);
    }

    /// The command was not answered: sends it again later, or gives it up.
    fn failed(&mut self, bench: &mut Bench, number: u32, failed: Failed, now: Instant) {
        let buyer = &mut self.buyers[number as usize];
        buyer.maybe_done |= failed.maybe_done;
        let overloaded = failed.code == Some(Code::Overloaded);
        if overloaded && now >= self.course.measured_from {
            self.tally.overloaded(now.saturating_duration_since(buyer.sent));
        }
        let may_leave = overloaded && buyer.stage == Stage::Hold && !buyer.maybe_done;
        let patience = self.course.args.patience.filter(|_| may_leave);
        if now + failed.after < buyer.intended + patience.unwrap_or(self.course.patience) {
            self.tally.retried(failed.code.map_or("LOST", code_name));
            bench.again.push(Reverse((now + failed.after, number)));
            return;
        }
        let (stage, maybe_done) = (buyer.stage, buyer.maybe_done);
        if maybe_done {
            self.tally.unknown += 1;
            let op = match stage {
                Stage::Hold => Op::HoldUnknown,
                Stage::Confirm => Op::ConfirmUnknown,
                Stage::Release => Op::ReleaseUnknown,
            };
            self.note(number, op, None, false);
            self.tell(number, Ended { outcome: "unknown", ..Ended::default() }, now);
        } else {
            self.tally.failed += 1;
            self.tell(number, Ended { outcome: "failed", ..Ended::default() }, now);
            if stage == Stage::Hold {
                self.stock.put_back(self.buyers[number as usize].place, None);
            }
        }
        bench.idle.push(number);
    }

    fn measure(&mut self, kind: Kind, latency: Duration, now: Instant) {
        if now >= self.course.measured_from {
            let since = now.saturating_duration_since(self.course.measured_from);
            self.tally.answered(kind, latency, since);
        }
    }

    fn note(&mut self, number: u32, op: Op, position: Option<Position>, reacquired: bool) {
        let Some(pen) = &mut self.pen else { return };
        let buyer = &self.buyers[number as usize];
        let position = position.unwrap_or_default();
        pen.write(Entry {
            op,
            trip: self.course.trips[buyer.place.trip as usize].id.as_str(),
            hold: &buyer.id,
            seat: buyer.place.seat,
            legs: buyer.place.legs,
            fence: buyer.fence,
            shard: position.shard,
            position: position.index,
            ttl_ms: u64::try_from(self.course.args.ttl.as_millis()).unwrap_or(u64::MAX),
            reacquired,
        });
    }

    fn tell(&mut self, number: u32, ended: Ended, now: Instant) {
        let Some(to) = &mut self.history else { return };
        let (course, buyer) = (&self.course, &self.buyers[number as usize]);
        history::write(
            to,
            Call {
                trip: course.trips[buyer.place.trip as usize].id.as_str(),
                buyer,
                ttl_ms: u64::try_from(course.args.ttl.as_millis()).unwrap_or(u64::MAX),
                invoked: buyer.intended.saturating_duration_since(course.start),
                completed: now.saturating_duration_since(course.start),
                ended,
            },
        );
    }
}

/// A call that was carried out.
const YES: Ended = Ended {
    outcome: "ok",
    code: "",
    position: None,
    fence: 0,
    expires_at_ms: 0,
    reacquired: false,
};
