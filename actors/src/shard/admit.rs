//! Commands of clients: answered at once, or put into the log.

use raft::mutant::{Mutant, planted};

use super::Shard;
use super::prefetch::PREFETCH_WINDOW;
use crate::ask::{Answer, Ask, Failure, Waiter};
use crate::ids::{LogPosition, Timestamp, TripId};
use crate::line;
use crate::measures::{UNKNOWN, kind};
use crate::seat_map::codec::Layouts;
use crate::seat_map::{Command, CommandBody, Outcome, Refusal, Reply, SeatMap};
use crate::sequencer::Waiters;
use crate::trip::Admission;

/// What becomes of a command before the log.
enum Way {
    Answer(Answer),
    Propose,
}

/// What all commands of a batch are admitted with.
struct Turn {
    /// The log time.
    now: Timestamp,
    /// The clock by which callers stop waiting.
    monotonic_ms: u64,
    /// Whether the leader may answer without the log.
    may_answer: bool,
    /// Whether somebody follows holds.
    followed: bool,
}

impl Way {
    fn code(&self) -> &'static str {
        match self {
            Self::Answer(answer) => answer.code(),
            Self::Propose => "PROPOSE",
        }
    }
}

impl Shard {
    pub(super) fn admit(&mut self, asks: Vec<Ask>, since_ms: u64) {
        let monotonic_ms = self.clock.monotonic_ms();
        self.mailbox.took(asks.len(), monotonic_ms.saturating_sub(since_ms));
        let leadership = self.leadership();
        if !leadership.leads {
            let failure = Failure::NotLeader { leader: leadership.leader };
            if line::is_followed() {
                asks.iter().for_each(|ask| self.trace_admit(ask, failure.code()));
            }
            asks.into_iter().for_each(|ask| {
                self.answer(kind(&ask.command.body), ask.waiter, Answer::Failed(failure));
            });
            return;
        }
        let turn = Turn {
            now: self.now(),
            monotonic_ms,
            may_answer: leadership.may_answer,
            followed: line::is_followed(),
        };
        let mut asks = asks.into_iter();
        while !asks.as_slice().is_empty() {
            let window = asks.as_slice().iter().take(PREFETCH_WINDOW);
            let numbers = self.prefetch(window.map(|ask| (ask.trip.as_str(), &ask.command)));
            for (ask, number) in asks.by_ref().take(PREFETCH_WINDOW).zip(numbers) {
                self.admit_one(&turn, ask, number);
            }
        }
    }

    fn admit_one(&mut self, turn: &Turn, mut ask: Ask, number: Option<u32>) {
        let way = if ask.wanted_until_ms <= turn.monotonic_ms {
            Way::Answer(Answer::Failed(Failure::Late))
        } else {
            self.way(turn, &mut ask, number)
        };
        if turn.followed {
            self.trace_admit(&ask, way.code());
        }
        match way {
            Way::Answer(answer) => {
                self.measures.before_log += 1;
                self.answer(kind(&ask.command.body), ask.waiter, answer);
            }
            Way::Propose => {
                let Ask { trip, command, waiter, .. } = ask;
                let layouts = self.layouts_for(&command);
                let waiter = match self.answer_early(turn.now, &trip, &command) {
                    Some(answer) => {
                        waiter.answer(answer);
                        None
                    }
                    None => Some(waiter),
                };
                let pushed =
                    self.sequencer.push(turn.monotonic_ms, &trip, &command, layouts, waiter);
                if let Err((Some(waiter), failure)) = pushed {
                    self.answer(kind(&command.body), waiter, Answer::Failed(failure));
                }
            }
        }
    }

    /// A planted defect: what a hold will probably come to.
    fn answer_early(&self, now: Timestamp, trip: &TripId, command: &Command) -> Option<Answer> {
        if !planted(Mutant::AnswersBeforeTheLog) || !matches!(command.body, CommandBody::Hold(_)) {
            return None;
        }
        let number = self.directory.find(trip.as_str())?;
        let mut map = self.directory.active_trip(number)?.map().clone();
        let position = LogPosition::from_packed(map.position().packed() + (1 << 20));
        let outcome = map.apply(now, position, command);
        Some(decided(&map, position, command, outcome))
    }

    /// Counts an answer and lets it go.
    pub(super) fn answer(&mut self, kind: usize, waiter: Waiter, answer: Answer) {
        self.measures.answered(kind, &answer);
        waiter.answer(answer);
    }

    /// The pre-check can only refuse, or repeat an answer. It speaks only while `may_answer`: a leader
    /// that might have been deposed leaves the decision to the log.
    fn way(&mut self, turn: &Turn, ask: &mut Ask, number: Option<u32>) -> Way {
        let (now, may_answer) = (turn.now, turn.may_answer);
        let Some(number) = number else {
            return match &ask.command.body {
                CommandBody::Open(open) => match open.check() {
                    Err(fault) => refused(LogPosition::default(), fault.into()),
                    Ok(()) => Way::Propose,
                },
                _ if may_answer => refused(LogPosition::default(), Refusal::TripNotFound),
                _ => unless_unreadable(&ask.command),
            };
        };
        let tick = self.tick;
        let admission = match self.directory.activate(number) {
            Ok(Some(trip)) => {
                trip.touched_at_tick = tick;
                let may_answer = may_answer || planted(Mutant::IgnoresTheLease);
                trip.admit(now, &mut ask.command).map(|admission| match admission {
                    Admission::Known(position, outcome) if may_answer => {
                        Way::Answer(decided(trip.map(), position, &ask.command, outcome))
                    }
                    // Nothing remembers this refusal: a copy that comes later may be granted. Whoever has
                    // sent copies gets his answer from the log.
                    Admission::Refuse(refusal) if may_answer && !is_remembered(ask) => {
                        let position = trip.map().position();
                        Way::Answer(decided(trip.map(), position, &ask.command, Err(refusal)))
                    }
                    Admission::Known(..) | Admission::Refuse(_) => unless_unreadable(&ask.command),
                    Admission::Propose => Way::Propose,
                })
            }
            Ok(None) => return Way::Answer(Answer::Failed(Failure::Fenced)),
            // The log decides: applying finds the same damage and stops the replica with the reason.
            Err(_) => return unless_unreadable(&ask.command),
        };
        admission.unwrap_or(Way::Answer(Answer::Failed(Failure::Fenced)))
    }

    /// A layout that is applied here will be known wherever the entry is applied.
    fn layouts_for(&self, command: &Command) -> Layouts {
        match &command.body {
            CommandBody::Open(open) if !self.directory.layouts.knows(open.layout.digest()) => {
                Layouts::Inline
            }
            _ => Layouts::ByDigest,
        }
    }

    /// An entry will not be applied by this leader.
    pub(super) fn failed(&mut self, proposal: u64, error: raft::ProposeError) {
        let failure = match error {
            raft::ProposeError::NotLeader(leader) => Failure::NotLeader { leader },
            raft::ProposeError::Unknown => Failure::Unknown,
        };
        let landed = self.sequencer.landed(proposal).unwrap_or_default();
        self.tell(landed.waiters, failure);
        self.audits.answer(proposal, Err(failure));
        // What has not entered the log goes where the leader is now.
        if let Failure::NotLeader { leader } = failure {
            for waiters in self.sequencer.give_up() {
                self.tell(waiters, Failure::NotLeader { leader });
            }
        }
    }

    fn tell(&mut self, waiters: Waiters, failure: Failure) {
        for waiter in waiters.into_iter().flatten() {
            self.answer(UNKNOWN, waiter, Answer::Failed(failure));
        }
    }
}

/// Whether what a caller is answered has to be remembered, also a refusal.
fn is_remembered(ask: &Ask) -> bool {
    ask.resent && !planted(Mutant::RefusesCopiesUnremembered)
}

/// Leaves the decision about a command that no trip has found good to the log. No replica gets past an
/// entry that does not decode: what cannot be read back is refused here, as every trip would refuse it.
fn unless_unreadable(command: &Command) -> Way {
    match command.check_readable() {
        Ok(()) => Way::Propose,
        Err(refusal) => refused(LogPosition::default(), refusal),
    }
}

fn refused(position: LogPosition, refusal: Refusal) -> Way {
    Way::Answer(Answer::Decided { outcome: Err(refusal), position, layout: None })
}

/// The answer of a trip, with its layout where the answer has to name seats: those that the caller did
/// not name, and those in its way.
pub(super) fn decided(
    map: &SeatMap,
    position: LogPosition,
    command: &Command,
    outcome: Outcome,
) -> Answer {
    let names_seats = match &outcome {
        Ok(Reply::Held(_)) => !matches!(command.body, CommandBody::Hold(_)),
        Ok(Reply::Batch(_)) => true,
        Ok(_) => false,
        Err(refusal) => !matches!(refusal, Refusal::UnknownHold | Refusal::IdReused),
    };
    let layout = names_seats.then(|| map.trip().layout.clone());
    Answer::Decided { outcome, position, layout }
}
