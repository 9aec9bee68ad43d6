//! Audits: every replica checks all trips as they are at one mark in the log, and takes a digest there.
//!
//! A shard may have hundreds of thousands of trips, so an audit goes on in steps between other turns.
//! A trip that a command is about to change is looked at before: whatever the order, every trip is seen
//! as it was at the mark.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::{Shard, ShardMessage};
use crate::ask::Failure;
use crate::audit::{Audit, Tally, share};
use crate::directory::{Cell, Slot};
use crate::limits::{AUDIT_STEP_MICROS, AUDITS_KEPT, MAX_VIOLATIONS};
use crate::seat_map::invariants;

/// The audits of a shard.
#[derive(Default)]
pub(super) struct Audits {
    /// The newest first.
    done: VecDeque<Audit>,
    running: Option<Running>,
    /// A snapshot's records may be newer than it says: from this index on, all trips are of one time again.
    from: u64,
    /// Who waits for a mark to be applied, by its proposal.
    waiting: Vec<(u64, oneshot::Sender<Result<u64, Failure>>)>,
}

/// An audit that has not seen every trip yet.
struct Running {
    audit: Audit,
    /// How many trips there were at the mark.
    trips: usize,
    /// The walk over all trips goes on here.
    next: usize,
    /// A bit for every trip that has been seen.
    seen: Vec<u64>,
    /// Holds of active trips, as the directory counted them at the mark, and as they are found.
    holds_counted: usize,
    holds_found: usize,
}

impl Audits {
    /// What was found at a mark; `None` until every trip has been seen, and for ever at one that came too
    /// soon after a snapshot was restored.
    pub(super) fn get(&self, index: u64) -> Option<Audit> {
        self.done.iter().find(|audit| audit.index == index).cloned()
    }

    /// Tells who waits for a mark what has become of it.
    pub(super) fn answer(&mut self, proposal: u64, outcome: Result<u64, Failure>) {
        if let Some(at) = self.waiting.iter().position(|(p, _)| *p == proposal) {
            let _ = self.waiting.swap_remove(at).1.send(outcome);
        }
    }

    /// Gives up an audit of trips that are no longer there, and begins none at a mark before `from`.
    pub(super) fn restart(&mut self, from: u64) {
        (self.running, self.from) = (None, from);
    }

    fn finish(&mut self, running: Running) {
        let Running { mut audit, holds_counted, holds_found, .. } = running;
        if holds_counted != holds_found {
            let what = format!("{holds_found} holds live, {holds_counted} are counted");
            note(&mut audit.violations, || what);
        }
        self.done.truncate(AUDITS_KEPT - 1);
        self.done.push_front(audit);
    }
}

impl Running {
    /// Looks at a trip, once.
    fn see(&mut self, number: usize, cell: &Cell) {
        let (word, bit) = (number / 64, 1 << (number % 64));
        if self.seen[word] & bit != 0 {
            return;
        }
        self.seen[word] |= bit;
        let Audit { trips, fenced, violations, tally: sum, digest: digests, .. } = &mut self.audit;
        *trips += 1;
        let (digest, tally) = match &cell.slot {
            Slot::Fenced(..) => {
                *fenced += 1;
                return;
            }
            Slot::Passive(passive) => (passive.digest, passive.tally),
            Slot::Active(trip) => {
                self.holds_found += trip.map().view().live_holds();
                if let Err(violation) = invariants::check(trip.map()) {
                    note(violations, || format!("trip {}: {violation}", cell.id));
                }
                (trip.map().digest(), Tally::of(trip.map()))
            }
        };
        if !tally.is_conserved() {
            let id = &cell.id;
            note(violations, || format!("trip {id}: places are not conserved: {tally:?}"));
        }
        sum.add(&tally);
        *digests = digests.wrapping_add(share(&cell.id, digest));
    }
}

fn note(violations: &mut Vec<String>, violation: impl FnOnce() -> String) {
    if violations.len() < MAX_VIOLATIONS {
        violations.push(violation());
    }
}

impl Shard {
    /// Puts a mark into the log.
    pub(super) fn start_audit(&mut self, reply: oneshot::Sender<Result<u64, Failure>>) {
        let leadership = self.leadership();
        if !leadership.leads {
            let _ = reply.send(Err(Failure::NotLeader { leader: leadership.leader }));
            return;
        }
        let proposal = self.sequencer.audit();
        self.audits.waiting.push((proposal, reply));
    }

    /// A mark is applied: the audit begins. One that has not come to its end ends now.
    pub(super) fn audit_mark(&mut self, index: u64, proposal: u64) {
        while self.audits.running.is_some() {
            self.audit_step();
        }
        if index < self.audits.from {
            return self.audits.answer(proposal, Ok(index));
        }
        let trips = self.directory.cells().len();
        self.audits.running = Some(Running {
            audit: Audit { index, ..Audit::default() },
            trips,
            next: 0,
            seen: vec![0; trips.div_ceil(64)],
            holds_counted: self.directory.live_holds(),
            holds_found: 0,
        });
        self.audits.answer(proposal, Ok(index));
        self.audit_goes_on();
    }

    /// Looks at trips for [`AUDIT_STEP_MICROS`].
    pub(super) fn audit_step(&mut self) {
        let Some(mut running) = self.audits.running.take() else { return };
        let until = self.clock.micros() + AUDIT_STEP_MICROS;
        while running.next < running.trips {
            running.see(running.next, &self.directory.cells()[running.next]);
            running.next += 1;
            if self.clock.micros() >= until {
                break;
            }
        }
        if running.next == running.trips {
            return self.audits.finish(running);
        }
        self.audits.running = Some(running);
    }

    /// A trip is about to change: an audit that runs sees it before.
    pub(super) fn audit_before_change(&mut self, number: u32) {
        let number = number as usize;
        if let Some(running) = &mut self.audits.running
            && number < running.trips
        {
            running.see(number, &self.directory.cells()[number]);
        }
    }

    /// Takes another turn for the audit, behind what is waiting.
    pub(super) fn audit_goes_on(&mut self) {
        if self.audits.running.is_some() {
            // When the actor has gone, so has everybody who wants to know.
            let _ = self.myself.cast(ShardMessage::AuditStep);
        }
    }
}
