//! What happens by itself: expiry, time marks, watchers that fell behind, passivation.

use super::Shard;
use crate::directory::Slot;
use crate::ids::CommandId;
use crate::limits::{EXPIRY_RETRY_MS, MAX_EXPIRIES_PER_TICK, PASSIVATION_STEP, TIME_MARK_MS};
use crate::seat_map::codec::Layouts;
use crate::seat_map::{Command, CommandBody};

impl Shard {
    pub(super) fn tick(&mut self) {
        self.tick += 1;
        let leadership = self.leadership();
        self.notice_leader(leadership.leader);
        if leadership.leads {
            self.propose_expiries();
            self.mark_time();
        }
        self.catch_watchers_up();
        self.passivate_idle_trips();
    }

    /// Counts leaders that came after one that was known.
    fn notice_leader(&mut self, leader: Option<u64>) {
        if leader.is_some() && leader != self.leader {
            self.measures.leader_changes += u64::from(self.leader.is_some());
            self.leader = leader;
        }
    }

    /// Proposes to expire what is due. A trip comes up again later in case the proposal is lost.
    fn propose_expiries(&mut self) {
        let now = self.now();
        for _ in 0..MAX_EXPIRIES_PER_TICK {
            let Some((registered_for, number)) = self.expiry.due(now) else { return };
            let cell = self.directory.cell_mut(number);
            let Slot::Active(trip) = &mut cell.slot else { continue };
            if trip.registered != Some(registered_for) {
                continue;
            }
            trip.registered = None;
            let Some(deadline) = trip.map().next_deadline() else { continue };
            if deadline > now {
                self.expiry.register(number, &mut trip.registered, deadline);
                continue;
            }
            let retry = now.plus_ms(EXPIRY_RETRY_MS);
            self.expiry.register(number, &mut trip.registered, retry);
            let command = Command { id: expire_id(), body: CommandBody::Expire };
            // When the shard is full the trip comes up again, and any command expires it anyway.
            let now_ms = self.clock.monotonic_ms();
            let _ = self.sequencer.push(now_ms, &cell.id, &command, Layouts::ByDigest, None);
        }
    }

    /// Keeps followers in step with the leader's time while nothing else happens.
    fn mark_time(&mut self) {
        if self.now().ms_since(self.clock.newest()) >= TIME_MARK_MS {
            self.sequencer.mark_time(self.clock.monotonic_ms());
        }
    }

    fn catch_watchers_up(&mut self) {
        let (directory, journal) = (&mut self.directory, &mut self.journal);
        self.watched.retain(|&number| match &mut directory.cell_mut(number).slot {
            Slot::Active(trip) => {
                trip.send_to_watchers(journal);
                !trip.watchers.is_empty()
            }
            Slot::Passive(_) | Slot::Fenced(..) => false,
        });
    }

    /// Goes on with the walk over all trips: those that are idle leave the memory.
    fn passivate_idle_trips(&mut self) {
        let trips = self.directory.cells().len();
        let end = trips.min(self.passivation_from + PASSIVATION_STEP);
        for number in self.passivation_from..end {
            if let Slot::Active(trip) = &self.directory.cells()[number].slot
                && self.tick - trip.touched_at_tick >= self.passivate_after_ticks
            {
                let number = u32::try_from(number).expect("a directory has fewer than 2^32 trips");
                self.directory.passivate(number);
            }
        }
        self.passivation_from = if end == trips { 0 } else { end };
    }
}

/// Expiring has no caller, and its id is not remembered: any will do.
fn expire_id() -> CommandId {
    CommandId::from_u128(1).expect("one is not zero")
}
