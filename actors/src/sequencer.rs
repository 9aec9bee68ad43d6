//! Group commit: commands gather while the entries before theirs are on the way to the disks.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::ask::{Failure, Waiter};
use crate::entry::{self, EntryWriter};
use crate::ids::{Timestamp, TripId};
use crate::limits::{
    MAX_COMMAND_BYTES, MAX_ENTRIES_IN_FLIGHT, MAX_ENTRY_BYTES, MAX_ENTRY_COMMANDS, MAX_WAIT_MS,
    MAX_WAITING_BYTES, MAX_WAITING_COMMANDS, MIN_FOLLOWING_COMMANDS,
};
use crate::seat_map::Command;
use crate::seat_map::codec::Layouts;

/// Who waits for the commands of one entry, in their order; `None` where nobody does.
pub(crate) type Waiters = Vec<Option<Waiter>>;

/// Entries of one shard: those being filled, and those in the log.
pub(crate) struct Sequencer {
    filling: VecDeque<Filling>,
    /// Audit marks that wait, by their proposals.
    marks: VecDeque<u64>,
    in_flight: VecDeque<InFlight>,
    next_proposal: u64,
    waiting: usize,
    waiting_bytes: usize,
}

struct Filling {
    entry: EntryWriter,
    waiters: Waiters,
    /// When it was begun, in milliseconds of the clock.
    since_ms: u64,
}

struct InFlight {
    proposal: u64,
    landed: Landed,
}

/// An own entry that has left the log.
#[derive(Default)]
pub(crate) struct Landed {
    /// Who waits for its commands.
    pub(crate) waiters: Waiters,
    /// When it was handed to the log, in microseconds of the clock.
    pub(crate) proposed_at_micros: u64,
}

/// What an entry is sealed with: the log time, and the microseconds of the clock.
pub(crate) type Stamp = (Timestamp, u64);

impl Filling {
    fn begun(since_ms: u64) -> Self {
        Self { entry: EntryWriter::new(), waiters: Vec::new(), since_ms }
    }
}

impl Sequencer {
    /// `first_proposal` differs from one start of any replica to the next, so that an entry of an
    /// earlier life is not taken for an own one.
    pub(crate) fn new(first_proposal: u64) -> Self {
        Self {
            filling: VecDeque::new(),
            marks: VecDeque::new(),
            in_flight: VecDeque::new(),
            next_proposal: first_proposal,
            waiting: 0,
            waiting_bytes: 0,
        }
    }

    /// Adds a command to the entry being filled, at a millisecond of the clock.
    ///
    /// # Errors
    /// The waiter and why, when a limit is reached. For how long others wait is no limit for a command that
    /// nobody waits for.
    pub(crate) fn push(
        &mut self,
        now_ms: u64,
        trip: &TripId,
        command: &Command,
        layouts: Layouts,
        waiter: Option<Waiter>,
    ) -> Result<(), (Option<Waiter>, Failure)> {
        let late = |oldest: &Filling| oldest.since_ms + MAX_WAIT_MS <= now_ms;
        if self.waiting >= MAX_WAITING_COMMANDS
            || self.waiting_bytes >= MAX_WAITING_BYTES
            || waiter.is_some() && self.filling.front().is_some_and(late)
        {
            return Err((waiter, Failure::Overloaded));
        }
        let filling = self.room(now_ms);
        let bytes = filling.entry.push(trip, command, layouts);
        if bytes > MAX_COMMAND_BYTES {
            filling.entry.pop(bytes);
            return Err((waiter, Failure::TooLarge));
        }
        filling.waiters.push(waiter);
        self.waiting += 1;
        self.waiting_bytes += bytes;
        Ok(())
    }

    fn room(&mut self, now_ms: u64) -> &mut Filling {
        let full = self.filling.back().is_none_or(|last| {
            last.entry.commands() >= MAX_ENTRY_COMMANDS || last.entry.bytes() >= MAX_ENTRY_BYTES
        });
        if full {
            self.filling.push_back(Filling::begun(now_ms));
        }
        self.filling.back_mut().expect("one was pushed if there was none")
    }

    /// The next entry for the log, if one is waiting and there is room.
    pub(crate) fn next(&mut self, stamp: impl FnOnce() -> Stamp) -> Option<(u64, Bytes)> {
        if self.in_flight.len() >= MAX_ENTRIES_IN_FLIGHT || !self.is_worth_an_entry() {
            return None;
        }
        let Some(Filling { entry, waiters, .. }) = self.filling.pop_front() else {
            let proposal = self.marks.pop_front()?;
            let (at, proposed_at_micros) = stamp();
            let landed = Landed { waiters: Vec::new(), proposed_at_micros };
            self.in_flight.push_back(InFlight { proposal, landed });
            return Some((proposal, entry::audit_mark(at, proposal)));
        };
        self.waiting -= entry.commands();
        self.waiting_bytes = match self.filling.is_empty() {
            true => 0,
            false => self.waiting_bytes.saturating_sub(entry.bytes()),
        };
        let (at, proposed_at_micros) = stamp();
        let proposal = self.launch(Landed { waiters, proposed_at_micros });
        Some((proposal, entry.seal(at, proposal)))
    }

    /// Whether what waits goes into the log now. Behind other entries it has to be as much as is in all of them:
    /// an entry costs the same whatever it holds, so that a shard that is busy makes few and large ones.
    fn is_worth_an_entry(&self) -> bool {
        let under_way: usize = self.in_flight.iter().map(|entry| entry.landed.waiters.len()).sum();
        let enough = under_way.clamp(MIN_FOLLOWING_COMMANDS, MAX_ENTRY_COMMANDS);
        self.in_flight.is_empty() || self.waiting >= enough
    }

    /// Lines up an audit mark behind the commands that wait; gives the proposal that it will have.
    pub(crate) fn audit(&mut self) -> u64 {
        let proposal = self.next_proposal;
        self.next_proposal = self.next_proposal.wrapping_add(1);
        self.marks.push_back(proposal);
        proposal
    }

    /// Lines up an entry without commands, unless one is on its way.
    pub(crate) fn mark_time(&mut self, now_ms: u64) {
        if self.filling.is_empty() && self.in_flight.is_empty() {
            self.filling.push_back(Filling::begun(now_ms));
        }
    }

    fn launch(&mut self, landed: Landed) -> u64 {
        let proposal = self.next_proposal;
        self.next_proposal = self.next_proposal.wrapping_add(1);
        self.in_flight.push_back(InFlight { proposal, landed });
        proposal
    }

    /// An entry that left the log, applied or failed; `None` when it is not ours.
    pub(crate) fn landed(&mut self, proposal: u64) -> Option<Landed> {
        let at = self.in_flight.iter().position(|entry| entry.proposal == proposal)?;
        self.in_flight.remove(at).map(|entry| entry.landed)
    }

    /// Every command that has not entered the log: leadership is gone, nothing happened to them.
    pub(crate) fn give_up(&mut self) -> Vec<Waiters> {
        self.marks.clear();
        self.waiting = 0;
        self.waiting_bytes = 0;
        self.filling.drain(..).map(|filling| filling.waiters).collect()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Entries under way in the log.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ask::{Answer, AnswerSink};
    use crate::ids::CommandId;
    use crate::seat_map::CommandBody;

    struct Nobody;

    impl AnswerSink for Nobody {
        fn answer(&self, _tag: u32, _answer: Answer) {}
    }

    fn push(sequencer: &mut Sequencer, now_ms: u64, somebody: bool) -> Result<(), Failure> {
        let id = CommandId::from_u128(1).expect("one is not zero");
        let command = Command { id, body: CommandBody::Expire };
        let trip = TripId::new("trip").expect("a word is a trip id");
        let waiter = somebody.then(|| Waiter { sink: Arc::new(Nobody), tag: 0 });
        let pushed = sequencer.push(now_ms, &trip, &command, Layouts::ByDigest, waiter);
        pushed.map_err(|(_, failure)| failure)
    }

    #[test]
    fn a_shard_whose_oldest_command_waits_for_long_takes_no_more() {
        let mut sequencer = Sequencer::new(7);
        push(&mut sequencer, 1_000, true).expect("nobody waits");
        push(&mut sequencer, 999 + MAX_WAIT_MS, true).expect("the first has not waited for long");
        let refused = push(&mut sequencer, 1_000 + MAX_WAIT_MS, true);
        assert_eq!(refused, Err(Failure::Overloaded));
        push(&mut sequencer, 1_000 + MAX_WAIT_MS, false).expect("an expiry has nobody who waits");
        sequencer.next(Default::default).expect("an entry");
        push(&mut sequencer, 1_000 + MAX_WAIT_MS, true).expect("nobody waits any more");
    }
}
