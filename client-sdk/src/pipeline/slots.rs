//! Who waits for which answer.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use parking_lot::Mutex;
use proto::pb::Problem;
use proto::pb::pipeline_reply::Reply;

/// Bits of a tag that hold the number of the slot.
const SLOT_BITS: u32 = 14;

/// Bits of a tag that hold the slot's generation: a late or repeated answer of an earlier use of the slot
/// must not be taken for the present one's. Together 28 bits, four bytes on the wire.
const GENERATION_BITS: u32 = 14;

/// Most slots of one stream.
pub(crate) const MAX_SLOTS: usize = 1 << SLOT_BITS;

// A window of commands in flight fits, with room for answers that nobody has picked up yet.
const _: () = assert!(MAX_SLOTS >= 2 * proto::limits::PIPELINE_WINDOW);

const NO_SLOT: u32 = u32::MAX;

/// What became of a command that was given to a stream.
pub(crate) type Outcome = Result<Reply, Lost>;

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The command never left: it was not carried out.
    NotSent,
    /// The stream broke after the command may have left: it may have been carried out.
    Broken,
    /// No answer came in time: it may have been carried out.
    TimedOut,
}

/// An answer on a lane, with the number that the caller gave its command.
#[derive(Debug)]
pub struct Completion {
    /// The caller's number for the command.
    pub token: u64,
    /// The answer, a problem included, or why there is none.
    pub outcome: Result<Reply, Lost>,
}

/// Where the answers of a lane collect.
#[derive(Debug, Default)]
pub(crate) struct LaneQueue {
    state: Mutex<LaneState>,
}

#[derive(Debug, Default)]
struct LaneState {
    done: Vec<Completion>,
    waker: Option<Waker>,
}

impl LaneQueue {
    /// Adds an answer; returns whom to wake.
    fn push(&self, completion: Completion) -> Option<Waker> {
        let mut state = self.state.lock();
        state.done.push(completion);
        state.waker.take()
    }

    /// Answers a command that was never sent.
    pub(crate) fn refuse(&self, token: u64, problem: Problem) {
        let outcome = Ok(Reply::Problem(problem.into()));
        self.push(Completion { token, outcome }).into_iter().for_each(Waker::wake);
    }

    /// Moves all answers out, or leaves a waker.
    pub(crate) fn poll_drain(&self, into: &mut Vec<Completion>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.done.is_empty() {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if into.is_empty() {
            std::mem::swap(into, &mut state.done);
        } else {
            into.append(&mut state.done);
        }
        Poll::Ready(())
    }

    /// Moves out what is there.
    pub(crate) fn drain(&self, into: &mut Vec<Completion>) {
        into.append(&mut self.state.lock().done);
    }
}

/// Who waits for the answer of one command.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// A future, with its waker once it was polled.
    Task(Option<Waker>),
    /// A lane, with the caller's number for the command.
    Lane(Arc<LaneQueue>, u64),
    /// Nobody any more: the future was dropped.
    Gone,
}

#[derive(Debug)]
enum Slot {
    Free { next: u32 },
    Waiting { waiter: Waiter, deadline: Instant },
    Done(Outcome),
}

#[derive(Debug)]
struct Entry {
    generation: u32,
    slot: Slot,
}

/// A slab of slots. A tag names a slot and its generation.
#[derive(Debug)]
pub(crate) struct Slots {
    entries: Vec<Entry>,
    free: u32,
    in_flight: usize,
    /// No command that waits has a deadline before this.
    earliest: Option<Instant>,
}

impl Default for Slots {
    fn default() -> Self {
        Self { entries: Vec::new(), free: NO_SLOT, in_flight: 0, earliest: None }
    }
}

impl Slots {
    /// Commands that wait for their answers.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether a command can be taken while at most `window` may wait for their answers.
    pub(crate) fn has_room(&self, window: usize) -> bool {
        let slot = self.free != NO_SLOT || self.entries.len() < MAX_SLOTS;
        slot && self.in_flight < window
    }

    /// Takes a slot for a command; `None` when all are taken.
    pub(crate) fn take(&mut self, waiter: Waiter, deadline: Instant) -> Option<u32> {
        let number = if self.free == NO_SLOT {
            if self.entries.len() >= MAX_SLOTS {
                return None;
            }
            self.entries.push(Entry { generation: 0, slot: Slot::Free { next: NO_SLOT } });
            self.entries.len() as u32 - 1
        } else {
            self.free
        };
        let entry = &mut self.entries[number as usize];
        let Slot::Free { next } = entry.slot else {
            unreachable!("the free list holds free slots")
        };
        self.free = next;
        entry.slot = Slot::Waiting { waiter, deadline };
        self.in_flight += 1;
        self.earliest = Some(self.earliest.map_or(deadline, |earliest| earliest.min(deadline)));
        Some(entry.generation << SLOT_BITS | number)
    }

    /// Hands an answer to whoever waits for `tag`. Answers that nobody waits for are dropped: they are
    /// late, or repeated.
    pub(crate) fn complete(&mut self, tag: u32, outcome: Outcome, wake: &mut Vec<Waker>) {
        let number = tag & (MAX_SLOTS as u32 - 1);
        if self.waiting(tag) {
            self.finish(number, outcome, wake);
        }
    }

    fn waiting(&self, tag: u32) -> bool {
        let entry = self.entries.get(tag as usize & (MAX_SLOTS - 1));
        entry.is_some_and(|entry| {
            entry.generation == tag >> SLOT_BITS && matches!(entry.slot, Slot::Waiting { .. })
        })
    }

    fn finish(&mut self, number: u32, outcome: Outcome, wake: &mut Vec<Waker>) {
        let entry = &mut self.entries[number as usize];
        let slot = std::mem::replace(&mut entry.slot, Slot::Free { next: NO_SLOT });
        let Slot::Waiting { waiter, .. } = slot else {
            unreachable!("only a waiting slot finishes")
        };
        self.in_flight -= 1;
        match waiter {
            Waiter::Task(waker) => {
                entry.slot = Slot::Done(outcome);
                wake.extend(waker);
            }
            Waiter::Lane(lane, token) => {
                wake.extend(lane.push(Completion { token, outcome }));
                self.give_back(number);
            }
            Waiter::Gone => self.give_back(number),
        }
    }

    /// Puts a slot on the free list, under its next generation.
    fn give_back(&mut self, number: u32) {
        let entry = &mut self.entries[number as usize];
        entry.generation = (entry.generation + 1) & ((1 << GENERATION_BITS) - 1);
        entry.slot = Slot::Free { next: self.free };
        self.free = number;
    }

    /// Picks up the answer of a future's command, or leaves its waker.
    pub(crate) fn poll(&mut self, tag: u32, cx: &mut Context<'_>) -> Poll<Outcome> {
        let number = tag & (MAX_SLOTS as u32 - 1);
        let entry = &mut self.entries[number as usize];
        assert_eq!(entry.generation, tag >> SLOT_BITS, "a future polls its own slot");
        match &mut entry.slot {
            Slot::Waiting { waiter: Waiter::Task(waker), .. } => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            Slot::Done(_) => {
                let slot = std::mem::replace(&mut entry.slot, Slot::Free { next: NO_SLOT });
                self.give_back(number);
                let Slot::Done(outcome) = slot else { unreachable!("matched above") };
                Poll::Ready(outcome)
            }
            Slot::Free { .. } | Slot::Waiting { .. } => {
                unreachable!("a future's slot waits for it or is done")
            }
        }
    }

    /// The future was dropped before it picked its answer up.
    pub(crate) fn abandon(&mut self, tag: u32) {
        let number = tag & (MAX_SLOTS as u32 - 1);
        let entry = &mut self.entries[number as usize];
        match &mut entry.slot {
            Slot::Waiting { waiter, .. } => *waiter = Waiter::Gone,
            Slot::Done(_) => self.give_back(number),
            Slot::Free { .. } => unreachable!("a future gives its slot back once"),
        }
    }

    /// Tells everybody who waits that no answer will come.
    pub(crate) fn fail_all(&mut self, lost: Lost, wake: &mut Vec<Waker>) {
        self.fail_if(|_| true, lost, wake);
    }

    /// Tells those whose deadline has passed; returns how many there were.
    pub(crate) fn sweep(&mut self, now: Instant, wake: &mut Vec<Waker>) -> usize {
        if self.earliest.is_none_or(|earliest| now < earliest) {
            return 0;
        }
        let failed = self.fail_if(|deadline| deadline <= now, Lost::TimedOut, wake);
        let deadlines = self.entries.iter().filter_map(|entry| match entry.slot {
            Slot::Waiting { deadline, .. } => Some(deadline),
            _ => None,
        });
        self.earliest = deadlines.min();
        failed
    }

    fn fail_if(
        &mut self,
        due: impl Fn(Instant) -> bool,
        lost: Lost,
        wake: &mut Vec<Waker>,
    ) -> usize {
        let before = self.in_flight;
        for number in 0..self.entries.len() {
            if matches!(&self.entries[number].slot, Slot::Waiting { deadline, .. } if due(*deadline))
            {
                self.finish(number as u32, Err(lost), wake);
            }
        }
        before - self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::pb::ReleaseResponse;
    use std::time::Duration;

    fn reply() -> Outcome {
        Ok(Reply::Released(ReleaseResponse::default()))
    }

    fn poll(slots: &mut Slots, tag: u32) -> Poll<Outcome> {
        slots.poll(tag, &mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_answer_reaches_its_caller_and_no_other() {
        let (mut slots, mut wake, now) = (Slots::default(), Vec::new(), Instant::now());
        let a = slots.take(Waiter::Task(None), now).unwrap();
        let b = slots.take(Waiter::Task(None), now).unwrap();
        assert!(poll(&mut slots, a).is_pending());
        slots.complete(b, reply(), &mut wake);
        assert!(poll(&mut slots, a).is_pending());
        assert!(poll(&mut slots, b).is_ready());
        assert_eq!(slots.in_flight(), 1);
    }

    #[test]
    fn a_repeated_answer_is_dropped_even_when_the_slot_is_in_use_again() {
        let (mut slots, mut wake, now) = (Slots::default(), Vec::new(), Instant::now());
        let first = slots.take(Waiter::Task(None), now).unwrap();
        slots.complete(first, reply(), &mut wake);
        slots.complete(first, Err(Lost::Broken), &mut wake);
        assert!(matches!(poll(&mut slots, first), Poll::Ready(Ok(_))));
        let second = slots.take(Waiter::Task(None), now).unwrap();
        assert_eq!(first & (MAX_SLOTS as u32 - 1), second & (MAX_SLOTS as u32 - 1));
        slots.complete(first, reply(), &mut wake);
        assert!(poll(&mut slots, second).is_pending());
    }

    #[test]
    fn an_abandoned_slot_stays_taken_until_its_answer_comes() {
        let (mut slots, mut wake, now) = (Slots::default(), Vec::new(), Instant::now());
        let tag = slots.take(Waiter::Task(None), now).unwrap();
        slots.abandon(tag);
        assert_eq!(slots.in_flight(), 1);
        slots.complete(tag, reply(), &mut wake);
        assert_eq!(slots.in_flight(), 0);
        assert_eq!(slots.take(Waiter::Gone, now).unwrap() & 1, 0, "the slot is used again");
    }

    #[test]
    fn only_what_is_overdue_times_out() {
        let (mut slots, mut wake, now) = (Slots::default(), Vec::new(), Instant::now());
        let soon = slots.take(Waiter::Task(None), now).unwrap();
        let late = slots.take(Waiter::Task(None), now + Duration::from_secs(1)).unwrap();
        assert_eq!(slots.sweep(now, &mut wake), 1);
        assert!(matches!(poll(&mut slots, soon), Poll::Ready(Err(Lost::TimedOut))));
        assert!(poll(&mut slots, late).is_pending());
    }

    #[test]
    fn tags_are_refused_when_every_slot_is_taken() {
        let (mut slots, now) = (Slots::default(), Instant::now());
        assert!((0..MAX_SLOTS).all(|_| slots.take(Waiter::Gone, now).is_some()));
        assert!(slots.take(Waiter::Gone, now).is_none());
        assert!(slots.take(Waiter::Gone, now).is_none());
    }

    #[test]
    fn answers_of_a_lane_collect_with_their_tokens() {
        let (mut slots, mut wake, now) = (Slots::default(), Vec::new(), Instant::now());
        let lane = Arc::new(LaneQueue::default());
        let tags: Vec<u32> = (0..3)
            .map(|token| slots.take(Waiter::Lane(lane.clone(), token), now).unwrap())
            .collect();
        slots.complete(tags[2], reply(), &mut wake);
        slots.fail_all(Lost::Broken, &mut wake);
        let mut done = Vec::new();
        lane.drain(&mut done);
        let tokens: Vec<(u64, bool)> = done.iter().map(|c| (c.token, c.outcome.is_ok())).collect();
        assert_eq!(tokens, [(2, true), (0, false), (1, false)]);
    }
}
