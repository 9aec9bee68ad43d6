//! What reaches a shard, and how its answers leave.

use std::sync::Arc;

use crate::ids::{LogPosition, TripId};
use crate::seat_map::{Command, Layout, Outcome, Refusal};

/// A command on its way to its trip.
pub struct Ask {
    /// The trip.
    pub trip: TripId,
    /// What to do.
    pub command: Command,
    /// Who waits for the answer.
    pub waiter: Waiter,
    /// The caller may have sent it before, and a copy may still be on its way: what it is answered is
    /// remembered, also a refusal.
    pub resent: bool,
    /// When nobody waits any more, in milliseconds of [`Clock::monotonic_ms`](crate::clock::Clock);
    /// [`NEVER`] is never.
    pub wanted_until_ms: u64,
}

/// An answer is wanted however late it comes.
pub const NEVER: u64 = u64::MAX;

/// Who waits for an answer: a sink, and the tag under which the sink knows the question.
#[derive(Clone)]
pub struct Waiter {
    /// Where the answer goes.
    pub sink: Arc<dyn AnswerSink>,
    /// The sink's name for the question.
    pub tag: u32,
}

impl Waiter {
    pub(crate) fn answer(self, answer: Answer) {
        self.sink.answer(self.tag, answer);
    }
}

/// Takes answers. Called on the shard's turn: it must not block.
pub trait AnswerSink: Send + Sync + 'static {
    /// Takes the answer to the question `tag`.
    fn answer(&self, tag: u32, answer: Answer);
}

/// What became of a command.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The seat map decided.
    Decided {
        /// Yes or no.
        outcome: Outcome,
        /// Where the trip stands in the log.
        position: LogPosition,
        /// The trip's layout, where the answer names seats.
        layout: Option<Arc<Layout>>,
    },
    /// The system could not.
    Failed(Failure),
}

impl Answer {
    /// Its code: `OK`, that of the refusal, or that of the failure.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Decided { outcome, .. } => outcome.as_ref().map_or_else(Refusal::code, |_| "OK"),
            Self::Failed(failure) => failure.code(),
        }
    }
}

/// Why a shard could not carry out a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another replica leads. Nothing happened.
    NotLeader {
        /// The leader, where known.
        leader: Option<u64>,
    },
    /// A limit is reached. Nothing happened.
    Overloaded,
    /// The command is larger than allowed. Nothing happened.
    TooLarge,
    /// Leadership was lost while the command was in the log: it may or may not happen.
    Unknown,
    /// A defect was found while deciding about this trip; it takes no commands any more.
    Fenced,
    /// The replica has stopped.
    Stopped,
    /// Nobody waited any more when the command had its turn. Nothing happened.
    Late,
}

impl Failure {
    /// The codes of all failures, by their numbers.
    pub const CODES: [&str; 7] = [
        "NOT_LEADER",
        "OVERLOADED",
        "TOO_LARGE",
        "UNKNOWN_OUTCOME",
        "TRIP_FENCED",
        "SHUTTING_DOWN",
        "DEADLINE_EXCEEDED",
    ];

    /// Its code: stable, one word, upper case.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::CODES[self.number()]
    }

    /// The place of its code in [`Failure::CODES`]: only for counting.
    pub(crate) fn number(self) -> usize {
        match self {
            Self::NotLeader { .. } => 0,
            Self::Overloaded => 1,
            Self::TooLarge => 2,
            Self::Unknown => 3,
            Self::Fenced => 4,
            Self::Stopped => 5,
            Self::Late => 6,
        }
    }
}
