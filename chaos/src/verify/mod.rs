//! Verifies a recorded history: calls about holds, with their answers. Knows nothing of a cluster, and
//! reads no clock: a history in, a verdict out.
//!
//! * [`mod@read`] reads JSON Lines into a [`History`] of [`call`]s; `chaos/HISTORY.md` is the format.
//! * [`life`], [`floors`] and [`log_clock`] are what the calls say about a hold, a log, and log time.
//! * [`rules`] has a file for each rule that log positions and answers must keep to.
//! * [`search`] looks for an order of the calls that explains every answer, and trusts no position.
//!
//! A call whose answer was lost may have happened, at any time after it was asked, or not at all: no
//! rule reports what it could explain, and none takes it for absent.

pub mod call;
pub mod floors;
pub mod history;
pub mod life;
pub mod log_clock;
pub mod read;
pub mod rules;
pub mod search;
pub mod verdict;

pub use history::History;
pub use read::{BadLine, read_file};
pub use verdict::{Contradiction, Judgement, RuleReport, Verdict};

use std::collections::BTreeMap;

use call::{Call, Kind};
use floors::Floors;
use life::Life;
use log_clock::LogClock;

/// What the rules look at.
pub(crate) struct Facts<'a> {
    /// The calls.
    pub(crate) history: &'a History,
    /// Every hold by its number.
    pub(crate) lives: Vec<Life>,
    /// How far each log had come.
    pub(crate) floors: Floors,
    /// The log time along each log.
    pub(crate) clock: LogClock,
    /// When something was first asked about a hold of a trip that is not followed, in microseconds.
    others_us: BTreeMap<u32, u64>,
}

impl<'a> Facts<'a> {
    /// Of a history.
    pub(crate) fn of(history: &'a History) -> Self {
        Self {
            history,
            lives: life::lives(history),
            floors: Floors::of(history),
            clock: LogClock::of(history),
            others_us: others_us(history),
        }
    }

    /// Whether nobody but the holds that name them can have had the seats of a refused call: an exchange
    /// that is not followed may have given others to a hold of the trip.
    pub(crate) fn is_followed(&self, refused: &Call) -> bool {
        self.others_us.get(&refused.trip).is_none_or(|us| *us > refused.completed_us)
    }

    /// A hold with the line that tells of it, for people.
    pub(crate) fn name(&self, hold: u32) -> String {
        let id = self.history.hold(hold);
        let life = &self.lives[hold as usize];
        match life.hold.acknowledged(self.history).or_else(|| life.described_by(self.history)) {
            Some(call) => format!("hold {id} ({})", told(call)),
            None => format!("hold {id}"),
        }
    }

    /// A contradiction about some calls, of which the first tells the trip.
    pub(crate) fn contradiction(
        &self,
        rule: &'static str,
        calls: &[&Call],
        text: String,
    ) -> Contradiction {
        let mut holds: Vec<String> =
            calls.iter().map(|call| self.history.hold(call.hold).to_owned()).collect();
        holds.dedup();
        let trip = calls.first().map_or("", |call| self.history.trip(call.trip));
        Contradiction {
            rule,
            trip: trip.to_owned(),
            seat: None,
            leg: None,
            holds,
            lines: calls.iter().map(|call| call.line).collect(),
            text,
        }
    }
}

/// When something that is not followed was first asked about a hold of each trip, in microseconds.
fn others_us(history: &History) -> BTreeMap<u32, u64> {
    let mut others_us = BTreeMap::new();
    let others = history.calls().iter().filter(|call| call.kind == Kind::Other);
    for call in others.filter(|call| call.may_have_happened()) {
        let first = others_us.entry(call.trip).or_insert(call.invoked_us);
        *first = call.invoked_us.min(*first);
    }
    others_us
}

/// An acknowledged call with its line and what its answer says of the log.
pub(crate) fn told(call: &Call) -> String {
    let done = match call.kind {
        Kind::Hold => "granted",
        Kind::Confirm if call.reacquired => "taken again",
        Kind::Confirm => "confirmed",
        Kind::Release => "released",
        Kind::Extend => "extended",
        Kind::Cancel => "cancelled",
        Kind::Other => "answered",
    };
    let mut text = format!("line {}, {done}", call.line);
    if let Some(position) = call.position {
        text += &format!(" at position {position}");
    }
    if let Some(fence) = call.fence {
        text += &format!(", fence {fence}");
    }
    text
}

/// How a seat on a leg is named in a contradiction.
pub(crate) fn place(trip: &str, seat: &str, leg: Option<u16>) -> String {
    match leg {
        Some(leg) => format!("trip {trip}, seat {seat}, leg {leg}"),
        None => format!("trip {trip}, seat {seat}"),
    }
}

/// Verifies a history.
#[must_use]
pub fn verify(history: &History) -> Verdict {
    let facts = Facts::of(history);
    let mut all = rules::check(&facts);
    all.push(search::check(&facts));
    Verdict::of(history, all)
}
