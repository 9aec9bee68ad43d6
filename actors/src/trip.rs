//! A trip as a virtual actor: the owner of one seat map while the trip is active.
//!
//! It is virtual as grains are: it has a name, a state that nobody else touches, and turns that run one
//! after the other, but no task and no mailbox of its own. Its shard hosts it, gives it its turns, and
//! passivates it when nothing has happened for a while. `docs/adr/0001-virtual-trips.md` says why.
//!
//! A panic in a turn is a defect of ours. It fences this trip and no other: a fenced trip answers nothing
//! any more, and every replica fences it at the same entry.

use std::panic::{AssertUnwindSafe, catch_unwind};

use raft::mutant::{Mutant, planted};

use crate::ids::{LogPosition, Timestamp};
use crate::seat_map::{Check, Command, Journal, Outcome, Refusal, SeatMap};
use crate::watch::Watchers;

/// Whether the newest state of a trip is in the snapshot store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It is.
    Yes,
    /// It is in a snapshot that is being written.
    Writing,
    /// It is not.
    No,
}

/// An active trip. What every turn touches stands together, before what it seldom touches.
#[repr(C)]
pub(crate) struct Trip {
    /// The shard's tick at which the trip last had a turn.
    pub(crate) touched_at_tick: u64,
    /// The deadline under which the shard will look at the trip again.
    pub(crate) registered: Option<Timestamp>,
    pub(crate) watchers: Watchers,
    pub(crate) recorded: Recorded,
    /// The next turn panics: a fault that was injected.
    pub(crate) faulty: bool,
    map: SeatMap,
}

/// A trip that panicked in its turn.
#[derive(Debug)]
pub(crate) struct Panicked(pub(crate) String);

/// What a trip says of a command before the log.
#[derive(Debug)]
pub(crate) enum Admission {
    /// The answer to its id, and where that was decided.
    Known(LogPosition, Outcome),
    /// No, as the trip stands.
    Refuse(Refusal),
    /// Put it into the log.
    Propose,
}

impl Trip {
    pub(crate) fn new(map: SeatMap, recorded: Recorded) -> Self {
        Self {
            touched_at_tick: 0,
            registered: None,
            watchers: Watchers::default(),
            recorded,
            faulty: false,
            map,
        }
    }

    /// The seat map, for reading.
    pub(crate) fn map(&self) -> &SeatMap {
        &self.map
    }

    /// Brings a command into canonical form and answers it without the log if the committed state can:
    /// an id that is known, or a refusal. Correctness rests on [`Trip::apply`] alone.
    pub(crate) fn admit(
        &self,
        now: Timestamp,
        command: &mut Command,
    ) -> Result<Admission, Panicked> {
        guarded(|| {
            // A command that has no canonical form is refused by `check` with the reason.
            let _ = self.map.canonical(command);
            match self.map.check(now, command) {
                Check::Known(position, outcome) => Admission::Known(position, outcome),
                Check::Refuse(refusal) => Admission::Refuse(refusal),
                Check::Propose => Admission::Propose,
            }
        })
    }

    /// Applies a command of the log. `None`: the state has it already, through its snapshot record.
    pub(crate) fn apply(
        &mut self,
        at: Timestamp,
        position: LogPosition,
        command: &Command,
        journal: &mut Journal,
    ) -> Result<Option<Outcome>, Panicked> {
        if position <= self.map.position() && !planted(Mutant::AppliesTwice) {
            return Ok(None);
        }
        self.recorded = Recorded::No;
        let faulty = self.faulty;
        self.map.with_journal(journal, |map| {
            guarded(|| {
                assert!(!faulty, "a fault was injected");
                Some(map.apply(at, position, command))
            })
        })
    }

    /// Looks at the seat map together with its last changes.
    pub(crate) fn look<T>(&mut self, journal: &mut Journal, look: impl FnOnce(&SeatMap) -> T) -> T {
        self.map.with_journal(journal, |map| look(&*map))
    }

    /// Sends watchers what they do not have.
    pub(crate) fn send_to_watchers(&mut self, journal: &mut Journal) {
        self.map.with_journal(journal, |map| self.watchers.send(map));
    }
}

/// Runs a turn; a panic in it is told instead of spread.
pub(crate) fn guarded<T>(turn: impl FnOnce() -> T) -> Result<T, Panicked> {
    // A state that a panic has left half-changed is never used again: the trip is fenced.
    catch_unwind(AssertUnwindSafe(turn)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Panicked(text.unwrap_or("a panic without a message").to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_turn_is_told_and_goes_no_further() {
        assert_eq!(guarded(|| 7).unwrap(), 7);
        let why = guarded(|| -> u32 { panic!("seat {} is gone", 3) }).unwrap_err();
        assert_eq!(why.0, "seat 3 is gone");
        assert_eq!(guarded(|| -> u32 { panic!("plain") }).unwrap_err().0, "plain");
    }
}
