//! What must be true whatever fails: one file each.

mod acked_confirms;
mod conservation;
mod equal_digests;
mod exactly_once;
mod expiry;
mod fences;
mod honest_errors;
mod linearizable;
mod liveness;
mod log_agreement;
mod one_answer;
mod one_owner;
mod real_time_order;
mod typed_answers;
mod watch;
mod witness;

use std::collections::BTreeMap;

use actors::ask::Answer;
use actors::audit::Audit;
use actors::ids::{CommandId, LogPosition, ShardId, Timestamp, TripId};
use actors::seat_map::{Change, Command, Outcome, SeatMap};
use actors::watch::WatchEvent;

use crate::verify::Verdict;

/// Violations that one run keeps; of more only the number is known.
pub const MAX_VIOLATIONS_KEPT: usize = 50;

/// Something that an invariant wants to know of.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A replica applies an entry.
    Applied {
        /// The replica's node.
        node: u64,
        /// Which life of its process, counted over all nodes.
        life: u64,
        /// The shard.
        shard: ShardId,
        /// The entry's index.
        index: u64,
        /// The entry.
        payload: &'a [u8],
    },
    /// The replay of the log decides a command, in log order.
    Decided {
        /// The trip.
        trip: &'a TripId,
        /// The log time.
        at: Timestamp,
        /// The log position.
        position: LogPosition,
        /// The command.
        command: &'a Command,
        /// What the replay decides.
        outcome: &'a Outcome,
        /// The trip after it.
        map: &'a SeatMap,
    },
    /// An answer reaches a client.
    Answered(Answered<'a>),
    /// The SDK has told a caller that a call did not happen. Nobody sends it again.
    Denied {
        /// The trip.
        trip: &'a TripId,
        /// The command's id.
        id: CommandId,
    },
    /// An order of all calls was looked for that explains every answer.
    Explained(&'a Verdict),
    /// A read reaches a client.
    Read {
        /// The trip.
        trip: &'a TripId,
        /// The position that it shows.
        position: LogPosition,
        /// The digest of what it shows.
        digest: u64,
        /// The newest position that any client had seen of the trip when it was asked for.
        floor: LogPosition,
        /// The trip as the replay has it at that position, if it is exactly there.
        map: Option<&'a SeatMap>,
    },
    /// An event of a trip's stream reaches somebody who watches it.
    Watched(Watched<'a>),
    /// A replica has checked itself at a mark.
    Audited {
        /// The replica's node.
        node: u64,
        /// The shard.
        shard: ShardId,
        /// What it found.
        audit: &'a Audit,
    },
    /// A replica's trip once everything is quiet.
    AtRest {
        /// The replica's node.
        node: u64,
        /// The trip.
        trip: &'a TripId,
        /// As the replica has it.
        map: &'a SeatMap,
        /// As the replay has it.
        replayed: &'a SeatMap,
    },
    /// The faults have stopped, and what was to happen within a time has not.
    Stuck(&'a str),
}

/// An answer as a client gets it.
#[derive(Clone, Copy)]
pub struct Answered<'a> {
    /// The trip.
    pub trip: &'a TripId,
    /// The command's id.
    pub id: CommandId,
    /// The command; none for a read.
    pub command: Option<&'a Command>,
    /// The answer.
    pub answer: &'a Answer,
    /// The newest position that any client had seen of the trip when the question was first asked.
    pub floor: LogPosition,
    /// What the replay decided at the answer's position, if that was this command.
    pub decided: Option<&'a Outcome>,
    /// Whether the log has nothing else under this id before.
    pub first: bool,
    /// Whether every copy of the question said that it may have been sent before.
    pub resent: bool,
    /// The trip as the replay has it at the answer's position, if it is exactly there.
    pub map: Option<&'a SeatMap>,
}

/// An event of a trip's stream, as it reaches somebody who watches.
#[derive(Clone, Copy)]
pub struct Watched<'a> {
    /// The trip.
    pub trip: &'a TripId,
    /// The version that the stream had come to before; none: it begins.
    pub has: Option<u64>,
    /// The event.
    pub event: &'a WatchEvent,
    /// The change that led to the event's version, in the replay.
    pub change: Option<&'a Change>,
    /// The version of the trip at the event's position, in the replay.
    pub version: Option<u64>,
}

/// One thing that must be true.
pub trait Invariant: Send {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Looks at what happens.
    ///
    /// # Errors
    /// What contradicts it.
    fn look(&mut self, event: &Event<'_>) -> Result<(), String>;
}

/// A contradiction.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Violation {
    /// The invariant.
    pub invariant: &'static str,
    /// What contradicts it.
    pub what: String,
    /// When it was found, in virtual milliseconds.
    pub at_ms: u64,
}

/// Every invariant, and what was found.
pub struct Judge {
    invariants: Vec<Box<dyn Invariant>>,
    found: Vec<Violation>,
    /// Contradictions by invariant.
    counts: BTreeMap<&'static str, u64>,
}

impl Default for Judge {
    fn default() -> Self {
        Self {
            invariants: vec![
                Box::<one_owner::OneOwner>::default(),
                Box::<acked_confirms::AckedConfirms>::default(),
                Box::<expiry::Expiry>::default(),
                Box::<exactly_once::ExactlyOnce>::default(),
                Box::<one_answer::OneAnswer>::default(),
                Box::<honest_errors::HonestErrors>::default(),
                Box::new(linearizable::Linearizable),
                Box::new(real_time_order::RealTimeOrder),
                Box::<conservation::Conservation>::default(),
                Box::<equal_digests::EqualDigests>::default(),
                Box::<log_agreement::LogAgreement>::default(),
                Box::<fences::Fences>::default(),
                Box::new(witness::Witness),
                Box::new(watch::Watch),
                Box::new(typed_answers::TypedAnswers),
                Box::new(liveness::Liveness),
            ],
            found: Vec::new(),
            counts: BTreeMap::new(),
        }
    }
}

impl Judge {
    /// Shows an event to every invariant; gives what contradicts one, for the trace.
    pub fn look(&mut self, at_ms: u64, event: &Event<'_>) -> Vec<Violation> {
        let mut new = Vec::new();
        for invariant in &mut self.invariants {
            if let Err(what) = invariant.look(event) {
                let invariant = invariant.name();
                *self.counts.entry(invariant).or_default() += 1;
                new.push(Violation { invariant, what, at_ms });
            }
        }
        let room = MAX_VIOLATIONS_KEPT.saturating_sub(self.found.len());
        self.found.extend(new.iter().take(room).cloned());
        new
    }

    /// What was found.
    #[must_use]
    pub fn found(&self) -> &[Violation] {
        &self.found
    }

    /// Contradictions by invariant.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// The names of all invariants.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.invariants.iter().map(|invariant| invariant.name())
    }
}
