//! Committed entries: every command to its trip, in log order, on every replica.

use std::sync::Arc;

use raft::mutant::{Mutant, planted};
use raft::{Committed, MachineFailed};
use tracing::error;

use super::Shard;
use super::admit::decided;
use super::prefetch::PREFETCH_WINDOW;
use crate::ask::{Answer, Failure, Waiter};
use crate::directory::Slot;
use crate::entry::{EntryReader, Kind};
use crate::ids::{LogIndex, LogPosition, Timestamp, TripId};
use crate::line::{self, hold_of};
use crate::measures::kind;
use crate::seat_map::{Command, CommandBody, Open, Refusal, SeatMap, codec};
use crate::trip::{Recorded, Trip, guarded};

/// What the commands of one entry are applied with.
#[derive(Clone, Copy)]
struct Turn {
    /// The entry's log time.
    at: Timestamp,
    /// This replica has proposed the entry.
    own: bool,
    /// Somebody follows holds.
    followed: bool,
}

impl Shard {
    pub(super) fn apply(&mut self, entries: &[Committed]) -> Result<(), MachineFailed> {
        for entry in entries {
            self.apply_entry(entry).map_err(|why| {
                let why = format!("shard {}, entry {}: {why}", self.id, entry.index);
                error!(why, "an entry cannot be applied");
                MachineFailed(why)
            })?;
        }
        Ok(())
    }

    fn apply_entry(&mut self, entry: &Committed) -> Result<(), String> {
        let mut reader = EntryReader::new(&entry.payload).map_err(|bad| bad.0.to_owned())?;
        let landed = self.sequencer.landed(reader.proposal);
        let own = landed.is_some();
        self.clock.observe(reader.at, self.log.is_some() && !own);
        if reader.kind == Kind::Audit {
            self.audit_mark(entry.index, reader.proposal);
            return Ok(());
        }
        if let Some(landed) = &landed {
            let micros = self.clock.micros().saturating_sub(landed.proposed_at_micros);
            self.measures.committed(reader.left(), micros);
        }
        let at = if planted(Mutant::ExpiresByItsOwnClock) { self.now() } else { reader.at };
        let turn = Turn { at, own, followed: line::is_followed() };
        let mut waiters = landed.unwrap_or_default().waiters.into_iter();
        let mut slot = 0;
        let mut window = Vec::with_capacity(PREFETCH_WINDOW);
        loop {
            self.read_window(&mut reader, &mut window)?;
            if window.is_empty() {
                return Ok(());
            }
            let numbers = self.prefetch(window.iter().map(|(trip, command)| (*trip, command)));
            for ((trip, command), number) in window.drain(..).zip(numbers) {
                let position = LogPosition::new(LogIndex::new(entry.index), slot);
                slot += 1;
                let waiter = waiters.next().flatten();
                self.apply_command(turn, position, (trip, number), command, waiter)?;
            }
        }
    }

    /// Decodes the next commands of an entry; none at its end.
    fn read_window<'a>(
        &self,
        reader: &mut EntryReader<'a>,
        window: &mut Vec<(&'a str, Command)>,
    ) -> Result<(), String> {
        let layouts = &self.directory.layouts;
        while window.len() < PREFETCH_WINDOW
            && let Some((trip, command)) = reader.next().map_err(|bad| bad.0.to_owned())?
        {
            let command = codec::decode_command(command, &|digest| layouts.get(digest));
            window.push((trip, command.map_err(|e| e.to_string())?));
        }
        Ok(())
    }

    fn apply_command(
        &mut self,
        turn: Turn,
        position: LogPosition,
        (trip, number): (&str, Option<u32>),
        command: Command,
        waiter: Option<Waiter>,
    ) -> Result<(), String> {
        let kind = kind(&command.body);
        let hold = if turn.followed { hold_of(&command) } else { None };
        if let Some(hold) = hold {
            line::shard_apply(self.id, position, trip, hold, turn.own);
        }
        // One that was not there yet may have been opened in this very entry.
        let answer = match number.or_else(|| self.directory.find(trip)) {
            Some(number) => self.apply_to_trip(turn, position, number, &command)?,
            None => self.apply_to_nobody(turn.at, position, trip, command)?,
        };
        if let (Some(hold), Some(answer @ Answer::Decided { .. })) = (hold, &answer) {
            line::seat_map_hold(self.id, hold, turn.own, answer.code());
        }
        if let (Some(waiter), Some(answer)) = (waiter, answer) {
            self.measures.through_log += 1;
            self.answer(kind, waiter, answer);
        }
        Ok(())
    }

    fn apply_to_trip(
        &mut self,
        turn: Turn,
        position: LogPosition,
        number: u32,
        command: &Command,
    ) -> Result<Option<Answer>, String> {
        let tick = self.tick;
        self.audit_before_change(number);
        let Some(trip) = self.directory.activate(number).map_err(|bad| bad.0)? else {
            return Ok(Some(Answer::Failed(Failure::Fenced)));
        };
        trip.touched_at_tick = tick;
        let live_holds = trip.map().view().live_holds();
        match trip.apply(turn.at, position, command, &mut self.journal) {
            Ok(None) => Ok(None),
            Ok(Some(outcome)) => {
                if let Some(deadline) = trip.map().next_deadline() {
                    self.expiry.register(number, &mut trip.registered, deadline);
                }
                if !trip.watchers.is_empty() {
                    trip.send_to_watchers(&mut self.journal);
                }
                self.measures.expired_holds += u64::from(trip.map().swept()) * u64::from(turn.own);
                let left = trip.map().view().live_holds();
                let answer = decided(trip.map(), trip.map().decided_at(), command, outcome);
                self.directory.live_holds_changed(live_holds, left);
                Ok(Some(answer))
            }
            Err(panicked) => {
                self.directory.live_holds_changed(live_holds, 0);
                self.fence(number, &panicked.0);
                Ok(Some(Answer::Failed(Failure::Fenced)))
            }
        }
    }

    /// A command for a trip that does not exist: it opens it, or is refused.
    fn apply_to_nobody(
        &mut self,
        at: Timestamp,
        position: LogPosition,
        trip: &str,
        command: Command,
    ) -> Result<Option<Answer>, String> {
        let CommandBody::Open(open) = command.body else {
            let outcome = Err(Refusal::TripNotFound);
            return Ok(Some(Answer::Decided { outcome, position, layout: None }));
        };
        let id = TripId::new(trip).map_err(|e| e.to_string())?;
        let open = Arc::new(Open {
            layout: self.directory.layouts.intern(&open.layout),
            ..Arc::unwrap_or_clone(open)
        });
        let opened = guarded(|| SeatMap::open(at, position, command.id, &open));
        Ok(Some(match opened {
            Ok(Ok(mut map)) => {
                map.hand_over_changes(&mut self.journal);
                let outcome = Ok(map.opened());
                let answer = Answer::Decided { outcome, position, layout: None };
                let mut trip = Trip::new(map, Recorded::No);
                trip.touched_at_tick = self.tick;
                self.directory.add(id, Slot::Active(Box::new(trip)));
                answer
            }
            Ok(Err(refusal)) => Answer::Decided { outcome: Err(refusal), position, layout: None },
            Err(panicked) => {
                let number = self.directory.add(id, Slot::Fenced("".into(), Recorded::No));
                self.fence(number, &panicked.0);
                Answer::Failed(Failure::Fenced)
            }
        }))
    }

    fn fence(&mut self, number: u32, why: &str) {
        let trip = &self.directory.cells()[number as usize].id;
        error!(shard = %self.id, %trip, why, "a trip is fenced after a panic in its turn");
        self.directory.fence(number, why);
    }
}
