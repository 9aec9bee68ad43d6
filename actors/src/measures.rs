//! What a shard counts on its turns: plain integers, given away as a copy when somebody asks.

use crate::ask::{Answer, Failure};
use crate::seat_map::{CODES, CommandBody};

/// The kinds of commands, by [`kind`].
const COMMANDS: [&str; KINDS] = [
    "open",
    "hold",
    "hold_best",
    "hold_quantity",
    "extend",
    "begin_payment",
    "confirm",
    "release",
    "cancel",
    "swap",
    "block",
    "unblock",
    "freeze",
    "thaw",
    "close_sales",
    "batch",
    "expire",
    "expire_now",
    "unknown",
];
const KINDS: usize = 19;

/// The names of the commands that a caller can send.
pub const NAMES: &[&str] = COMMANDS.split_at(16).0;

/// The name of a command.
#[must_use]
pub fn name(body: &CommandBody) -> &'static str {
    COMMANDS[kind(body)]
}

/// A command of an entry that the shard gave up: only who waited for it is still known.
pub(crate) const UNKNOWN: usize = KINDS - 1;

/// The number of a command's kind.
pub(crate) fn kind(body: &CommandBody) -> usize {
    match body {
        CommandBody::Open(_) => 0,
        CommandBody::Hold(_) => 1,
        CommandBody::HoldBest(_) => 2,
        CommandBody::HoldQuantity(_) => 3,
        CommandBody::Extend(_) => 4,
        CommandBody::BeginPayment(_) => 5,
        CommandBody::Confirm(_) => 6,
        CommandBody::Release(_) => 7,
        CommandBody::Cancel(_) => 8,
        CommandBody::Swap(_) => 9,
        CommandBody::Block(_) => 10,
        CommandBody::Unblock(_) => 11,
        CommandBody::Freeze => 12,
        CommandBody::Thaw => 13,
        CommandBody::CloseSales => 14,
        CommandBody::Batch(_) => 15,
        CommandBody::Expire => 16,
        CommandBody::ExpireNow(_) => 17,
    }
}

/// Outcomes: yes, every refusal, every failure.
const OUTCOMES: usize = 1 + CODES.len() + Failure::CODES.len();

fn outcome(answer: &Answer) -> usize {
    match answer {
        Answer::Decided { outcome: Ok(_), .. } => 0,
        Answer::Decided { outcome: Err(refusal), .. } => 1 + refusal.number(),
        Answer::Failed(failure) => 1 + CODES.len() + failure.number(),
    }
}

fn outcome_code(number: usize) -> &'static str {
    let codes = std::iter::once("OK").chain(CODES.iter().copied()).chain(Failure::CODES);
    codes.into_iter().nth(number).expect("outcomes are numbered below OUTCOMES")
}

/// A histogram: step `n` counts values of at most `2^n`, the last one the rest.
#[derive(Clone, Copy, Debug)]
pub struct Steps<const N: usize> {
    /// How many values fell into each step.
    pub counts: [u64; N],
    /// The sum of all values.
    pub sum: u64,
}

impl<const N: usize> Default for Steps<N> {
    fn default() -> Self {
        Self { counts: [0; N], sum: 0 }
    }
}

impl<const N: usize> Steps<N> {
    /// The step of a value.
    #[must_use]
    pub fn of(value: u64) -> usize {
        let bits = u64::BITS - value.saturating_sub(1).leading_zeros();
        (bits as usize).min(N - 1)
    }

    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        self.counts[Self::of(value)] += 1;
        self.sum += value;
    }

    /// Adds what another histogram has counted.
    pub fn add_all(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.sum += other.sum;
    }
}

/// Steps of a histogram of times in microseconds: the last whole one is eight seconds.
pub const MICROS_STEPS: usize = 25;

/// Steps of the histogram of entry sizes: [`crate::limits::MAX_ENTRY_COMMANDS`] fit into a whole one.
pub const ENTRY_STEPS: usize = 12;

const _: () = assert!(1 << (ENTRY_STEPS - 2) >= crate::limits::MAX_ENTRY_COMMANDS);

/// What a shard has counted since its start.
#[derive(Clone, Debug)]
pub struct Measures {
    answers: [[u64; OUTCOMES]; KINDS],
    /// Commands that the trip's committed state answered, without the log.
    pub before_log: u64,
    /// Commands that were answered where their entry was applied.
    pub through_log: u64,
    /// Commands of each own entry; entries without commands are not counted.
    pub entry_commands: Steps<ENTRY_STEPS>,
    /// Microseconds from handing an entry to the log to applying it, of own entries.
    pub commit_micros: Steps<MICROS_STEPS>,
    /// Holds that expired in own entries.
    pub expired_holds: u64,
    /// How often the replica saw another leader than before.
    pub leader_changes: u64,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            answers: [[0; OUTCOMES]; KINDS],
            before_log: 0,
            through_log: 0,
            entry_commands: Steps::default(),
            commit_micros: Steps::default(),
            expired_holds: 0,
            leader_changes: 0,
        }
    }
}

impl Measures {
    /// An answer leaves.
    #[inline]
    pub(crate) fn answered(&mut self, kind: usize, answer: &Answer) {
        self.answers[kind][outcome(answer)] += 1;
    }

    /// An own entry is about to be applied, so long after it was handed to the log.
    pub(crate) fn committed(&mut self, commands: usize, micros: u64) {
        if commands > 0 {
            self.entry_commands.add(commands as u64);
        }
        self.commit_micros.add(micros);
    }

    /// Answers by the kind of the command and the code of the answer, where there were any.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let rows = COMMANDS.iter().zip(&self.answers);
        rows.flat_map(|(&command, row)| {
            let counts = row.iter().enumerate().filter(|&(_, &count)| count > 0);
            counts.map(move |(number, &count)| (command, outcome_code(number), count))
        })
    }

    /// Adds what another shard has counted.
    pub fn add_all(&mut self, other: &Self) {
        for (mine, theirs) in self.answers.iter_mut().zip(&other.answers) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
        self.before_log += other.before_log;
        self.through_log += other.through_log;
        self.entry_commands.add_all(&other.entry_commands);
        self.commit_micros.add_all(&other.commit_micros);
        self.expired_holds += other.expired_holds;
        self.leader_changes += other.leader_changes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LogPosition;
    use crate::seat_map::Refusal;

    #[test]
    fn an_answer_is_counted_under_its_own_code() {
        let position = LogPosition::default();
        let refused = |refusal| Answer::Decided { outcome: Err(refusal), position, layout: None };
        let answers = [
            refused(Refusal::IdReused),
            refused(Refusal::BuyerRequired),
            refused(Refusal::NotAdjacent { requested: 2, longest: 1 }),
            Answer::Failed(Failure::NotLeader { leader: None }),
            Answer::Failed(Failure::Stopped),
        ];
        for answer in answers {
            let mut measures = Measures::default();
            measures.answered(kind(&CommandBody::Batch(Vec::new())), &answer);
            let counted: Vec<_> = measures.answers().collect();
            assert_eq!(counted, [("batch", answer.code(), 1)]);
        }
    }

    #[test]
    fn a_value_falls_into_the_step_that_it_does_not_exceed() {
        let steps = [0, 1, 2, 3, 4, 5, 1_024, 1_025, u64::MAX].map(Steps::<ENTRY_STEPS>::of);
        assert_eq!(steps, [0, 0, 1, 2, 2, 3, 10, 11, 11]);
    }
}
