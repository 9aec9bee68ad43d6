//! Group commit: commands gather while the entries before theirs are on the way to the disks.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::ask::{Failure, Waiter};
use crate::entry::{self, EntryWriter};
use crate::ids::{Timestamp, TripId};
use crate::limits::{
    MAX_COMMAND_BYTES, MAX_ENTRIES_IN_FLIGHT, MAX_ENTRY_BYTES, MAX_ENTRY_COMMANDS,
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

    /// Adds a command to the entry being filled.
    ///
    /// # Errors
    /// The waiter and why, when a limit is reached.
    pub(crate) fn push(
        &mut self,
        trip: &TripId,
        command: &Command,
        layouts: Layouts,
        waiter: Option<Waiter>,
    ) -> Result<(), (Option<Waiter>, Failure)> {
        if self.waiting >= MAX_WAITING_COMMANDS || self.waiting_bytes >= MAX_WAITING_BYTES {
            return Err((waiter, Failure::Overloaded));
        }
        let filling = self.room();
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

    fn room(&mut self) -> &mut Filling {
        let full = self.filling.back().is_none_or(|last| {
            last.entry.commands() >= MAX_ENTRY_COMMANDS || last.entry.bytes() >= MAX_ENTRY_BYTES
        });
        if full {
            self.filling.push_back(Filling { entry: EntryWriter::new(), waiters: Vec::new() });
        }
        self.filling.back_mut().expect("one was pushed if there was none")
    }

    /// The next entry for the log, if one is waiting and there is room.
    pub(crate) fn next(&mut self, stamp: impl FnOnce() -> Stamp) -> Option<(u64, Bytes)> {
        let worth_it = self.in_flight.is_empty() || self.waiting >= MIN_FOLLOWING_COMMANDS;
        if self.in_flight.len() >= MAX_ENTRIES_IN_FLIGHT || !worth_it {
            return None;
        }
        let Some(Filling { entry, waiters }) = self.filling.pop_front() else {
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

    /// Lines up an audit mark behind the commands that wait; gives the proposal that it will have.
    pub(crate) fn audit(&mut self) -> u64 {
        let proposal = self.next_proposal;
        self.next_proposal = self.next_proposal.wrapping_add(1);
        self.marks.push_back(proposal);
        proposal
    }

    /// Lines up an entry without commands, unless one is on its way.
    pub(crate) fn mark_time(&mut self) {
        if self.filling.is_empty() && self.in_flight.is_empty() {
            self.filling.push_back(Filling { entry: EntryWriter::new(), waiters: Vec::new() });
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
